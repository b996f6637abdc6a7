"""Libraries of arrays on a device that are none: their arrays show what the real ones show, and lie in host memory."""

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np

from fastrelu.kernels.cuda import dlpack


def no_copy(*_args: Any, **_named: Any) -> Any:
    raise AssertionError("copied to the host")


def module(name: str, **members: Any) -> Any:
    made = ModuleType(name)
    vars(made).update(members)
    return made


def named(made: type, name: str) -> type:
    """The class, as one of that module."""
    made.__module__ = name
    return made


class Interface:
    """An array of a library that nobody knows, with the interface alone."""

    __array__ = no_copy

    def __init__(self, x: Any, stream: int | None = None, read_only: bool = False, **more: Any) -> None:
        self.x = x
        told = {"shape": x.shape, "typestr": x.dtype.str, "data": (x.ctypes.data, read_only), "version": 3}
        told["strides"] = None if x.flags.c_contiguous else x.strides
        self.__cuda_array_interface__ = {**told, "stream": stream, **more}


class DLPackOnly:
    """An array that has DLPack alone; it remembers which stream it was asked for."""

    __array__ = no_copy

    def __init__(self, x: Any, device: int = 0, kind: int = 2, old: bool = False) -> None:
        self.x, self.device_number, self.kind, self.old = x, device, kind, old
        self.asked: list[int] = []
        self.given: list[Any] = []
        self.capsule: Any = None  # given out in place of an own one

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.kind, self.device_number

    def __dlpack__(self, *, stream: int | None = None, **wishes: Any) -> Any:
        if self.old and wishes:
            raise TypeError("unexpected keyword argument 'max_version'")
        assert stream is not None
        self.asked.append(stream)
        if self.capsule is not None:
            return self.capsule
        dtype = self.x.dtype if self.x.dtype.kind in "iufbV" else np.dtype(np.float32)
        told = dlpack.Told(self.x.ctypes.data, self.x.shape, self.x.strides, dtype, False, self.device_number)
        self.given.append(dlpack.export(told, lambda: None))
        return self.given[-1]

    @property
    def freed(self) -> int:
        """How many of the capsules nobody holds any more."""
        return sum(sys.getrefcount(capsule) == 3 for capsule in self.given)  # the list, the loop, the argument


class TorchDtype:
    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"torch.{self.name}"


class Tensor:
    """A CUDA tensor of torch."""

    __array__ = no_copy
    is_cuda = True
    requires_grad = False

    def __init__(self, x: Any, dtype: TorchDtype, layout: Any, device: int = 0) -> None:
        self.x, self.dtype, self.layout = x, dtype, layout
        self.device = SimpleNamespace(index=device, type="cuda")
        self.shape, self.negative = x.shape, False

    @property
    def __cuda_array_interface__(self) -> Any:
        raise AssertionError("torch calls bfloat16 <f2 there, and takes 3 us")

    def data_ptr(self) -> int:
        return int(self.x.ctypes.data)

    def stride(self) -> tuple[int, ...]:
        return tuple(step // self.x.itemsize for step in self.x.strides)

    def is_neg(self) -> bool:
        return self.negative

    def permute(self, *axes: int) -> Any:
        return type(self)(self.x.transpose(axes), self.dtype, self.layout, self.device.index)


def torch(raw_streams: bool = True) -> Any:
    """A module `torch` for sys.modules; `tensor(x)` makes one of its tensors."""
    names = ("float16", "bfloat16", "float32", "float64", "int8", "int64", "bool", "complex64", "qint8")
    dtypes = {name: TorchDtype(name) for name in names}
    strided = "torch.strided"
    kind = named(type("Tensor", (Tensor,), {}), "torch")

    def tensor(x: Any, device: int = 0, dtype: str | None = None) -> Any:
        return kind(x, dtypes[dtype or x.dtype.name], strided, device)

    def empty(shape: Any, dtype: Any, device: Any) -> Any:
        made.made.append((tuple(shape), dtype.name, device))
        import ml_dtypes

        real = np.dtype(ml_dtypes.bfloat16) if dtype.name == "bfloat16" else np.dtype(dtype.name)
        return kind(np.zeros(shape, real), dtype, strided, device[1])

    current: dict[int, int] = {}
    made = module(
        "torch",
        **dtypes,
        strided=strided,
        tensor=tensor,
        empty=empty,
        device=lambda *where: where,
        made=[],
        current=current,
        cuda=SimpleNamespace(current_stream=lambda device: SimpleNamespace(cuda_stream=current.get(device, 0))),
        _C=SimpleNamespace(**({"_cuda_getCurrentRawStream": lambda device: current.get(device, 0)} if raw_streams else {})),
    )
    return made


class CuPyArray:
    """An array of CuPy."""

    __array__ = no_copy

    def __init__(self, x: Any, device: int = 0) -> None:
        self.x, self.dtype, self.shape, self.strides = x, x.dtype, x.shape, x.strides
        self.data = SimpleNamespace(ptr=x.ctypes.data)
        self.device = SimpleNamespace(id=device)
        self.__cuda_array_interface__: Any = {}


def cupy() -> Any:
    """A module `cupy`; `array(x)` makes one of its arrays."""
    kind = named(type("ndarray", (CuPyArray,), {}), "cupy._core.core")
    state = SimpleNamespace(device=0, streams={0: 70, 1: 71})

    class Device:
        def __init__(self, number: int) -> None:
            self.number = number

        def __enter__(self) -> None:
            self.before, state.device = state.device, self.number

        def __exit__(self, *_error: object) -> None:
            state.device = self.before

    def empty(shape: Any, dtype: Any, order: str) -> Any:
        return kind(np.zeros(shape, dtype, order=order), state.device)

    streams = SimpleNamespace(
        runtime=SimpleNamespace(getDevice=lambda: state.device),
        Device=Device,
        get_current_stream=lambda: SimpleNamespace(ptr=state.streams[state.device]),
    )
    return module("cupy", array=kind, empty=empty, cuda=streams, state=state, asarray=lambda x: kind(x, state.device))


def jax() -> Any:
    """A module `jax`; `array(x)` makes one of its arrays, `consumed` are the capsules that it has taken over."""
    kind = named(type("ArrayImpl", (DLPackOnly,), {}), "jaxlib._jax")
    device = SimpleNamespace(local_hardware_id=0, get_stream_for_external_ready_events=lambda: 90, platform="gpu")

    def from_dlpack(value: Any) -> Any:
        kind_of, number = value.__dlpack_device__()
        assert (kind_of, number) == (2, 0)
        capsule = value.__dlpack__(stream=91)  # another of its streams
        told = dlpack.read(capsule)
        address = dlpack._pointer(capsule, dlpack.PLAIN)
        dlpack._rename(capsule, dlpack.USED)
        result = kind(told)
        made.consumed.append(address)
        return result

    class Sharded:
        def __dlpack_device__(self) -> Any:
            raise BufferError("__dlpack__ only supported for unsharded arrays.")

        def devices(self) -> Any:
            return [device, SimpleNamespace(platform="gpu", local_hardware_id=1)]

    made = module(
        "jax",
        array=kind,
        sharded=named(Sharded, "jaxlib._jax"),
        local_devices=lambda backend: [device],
        consumed=[],
        dlpack=module("jax.dlpack", from_dlpack=from_dlpack),
        numpy=SimpleNamespace(zeros=lambda shape, dtype, device: ("zeros", shape, np.dtype(dtype), device)),
    )
    return made


def install(monkeypatch: Any, made: Any) -> Any:
    """Puts a library where an import finds it; the libraries that were known before are forgotten."""
    from fastrelu import arrays
    from fastrelu.kernels.cuda import devices

    monkeypatch.setitem(sys.modules, made.__name__, made)
    if hasattr(made, "dlpack"):
        monkeypatch.setitem(sys.modules, made.dlpack.__name__, made.dlpack)
    for cached in (arrays._sign, devices._library, devices._of_type):
        cached.cache_clear()
    return made
