"""Arrays on a CUDA device, and the libraries that they belong to: what goes into a kernel, and what comes out.

A kernel runs on the stream that the library of its first array uses at that moment; `streams` orders it with others.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numba import config, cuda
from numba.cuda.cudadrv import driver

from fastrelu import arrays
from fastrelu.kernels.cuda import dlpack as dlpack
from fastrelu.kernels.cuda.dlpack import LEGACY
from fastrelu.kernels.storage import needed_bfloat16

_JAX = f"{__package__}.jax"


class Array(NamedTuple):
    """An array in the memory of a device, as kernels see it; the strides in bytes."""

    address: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: np.dtype[Any]
    read_only: bool
    device: int


class Library:
    """Whose arrays they are. This one serves Numba's, and those of libraries that we do not know: these get Numba's.

    Devices are given by their numbers.

    Attributes
    ----------
    one_stream
        Whether its arrays are all on the stream that is current, as far as anybody knows.
    """

    one_stream = False

    def view(self, name: str, argument: str, value: Any) -> Array:
        """An array of the library as kernels see it.

        Raises
        ------
        TypeError
            If it does not hold real numbers of at most 64 bits in the byte order of the device; if it is masked.
        """
        interface = getattr(value, "__cuda_array_interface__", None)
        if interface is None and getattr(value, "__cuda_ndarray__", False):
            interface = value.__array_interface__  # the simulator's
        if interface is None:
            if not arrays.on_cuda(value):
                arrays.reject(TypeError, name, argument, "be an array on a device", type(value).__name__)
            told = dlpack.read(dlpack.capsule_of(value, LEGACY))
            return Array(*told[:3], checked(name, argument, told.dtype), told.read_only, told.device)
        if interface.get("mask") is not None:
            arrays.reject(TypeError, name, argument, "have no mask", type(value).__name__)
        own = getattr(value, "dtype", None)  # the interface has no bfloat16
        dtype = checked(name, argument, own if isinstance(own, np.dtype) else np.dtype(interface["typestr"]))
        shape, strides = tuple(interface["shape"]), interface.get("strides")
        strides = dlpack.in_c_order(shape, dtype.itemsize) if strides is None else tuple(strides)
        address, read_only = interface["data"]
        return Array(address or 0, shape, strides, dtype, read_only, self.device_of(name, argument, value))

    def device_of(self, _name: str, _argument: str, value: Any) -> int:
        """Where an array lies."""
        memory = getattr(value, "gpu_data", None)
        if memory is not None:
            return int(memory.context.device.id)
        interface = getattr(value, "__cuda_array_interface__", None)
        if interface is None:
            return 0 if hasattr(value, "__cuda_ndarray__") else int(value.__dlpack_device__()[1])
        return device_at(interface["data"][0])

    def empty(self, shape: tuple[int, ...], dtype: np.dtype[Any], order: str, device: int) -> Any:
        """A new array of the library, in memory that the library allocates, in C or in Fortran order.

        Raises
        ------
        MemoryError
            If the device has no memory left. torch and CuPy have errors of their own for it.
        """
        try:
            with launch_context(device):
                return cuda.device_array(shape, dtype, order=order)
        except driver.CudaAPIError as error:
            size = int(np.prod(shape, dtype=object)) * dtype.itemsize
            raise MemoryError(f"device {device} has no memory for {size} bytes ({error})") from None

    def stream(self, device: int) -> int:
        """The handle of the stream that the caller uses now."""
        return 0

    def stream_of(self, value: Any, device: int) -> int | None:
        """The stream on which an array is made and used; None where nobody has to wait."""
        interface = getattr(value, "__cuda_array_interface__", None)
        if interface is None:
            return None if hasattr(value, "__cuda_ndarray__") else LEGACY
        told: int | None = interface.get("stream")
        return told

    def hold(self, value: Any, stream: int) -> Any:
        """Of what has DLPack alone: has a stream wait for an array; returns what has to live until it has used it."""
        alone = not (hasattr(value, "__cuda_array_interface__") or hasattr(value, "__cuda_ndarray__"))
        return dlpack.capsule_of(value, stream) if alone else None

    def finished(self, result: Any) -> Any:
        """What the user gets, of an array from `empty` after the launch."""
        return result


class CuPy(Library):
    """CuPy: memory from the pool of its current stream."""

    one_stream = True

    def view(self, name: str, argument: str, value: Any) -> Array:
        dtype = checked(name, argument, value.dtype)
        return Array(value.data.ptr, value.shape, value.strides, dtype, False, value.device.id)

    def device_of(self, _name: str, _argument: str, value: Any) -> int:
        return int(value.device.id)

    def hold(self, _value: Any, _stream: int) -> None:
        """Its allocator knows the stream."""

    def empty(self, shape: tuple[int, ...], dtype: np.dtype[Any], order: str, device: int) -> Any:
        with self._on(device):
            return sys.modules["cupy"].empty(shape, dtype, order=order)

    def stream(self, device: int) -> int:
        with self._on(device):
            return int(sys.modules["cupy"].cuda.get_current_stream().ptr)

    def stream_of(self, _value: Any, device: int) -> int | None:
        return self.stream(device)

    def _on(self, device: int) -> Any:
        cupy = sys.modules["cupy"]
        return contextlib.nullcontext() if cupy.cuda.runtime.getDevice() == device else cupy.cuda.Device(device)


class Torch(Library):
    """PyTorch: memory from its caching allocator, on its current stream."""

    one_stream = True

    def __init__(self) -> None:
        torch = sys.modules["torch"]
        raw = getattr(getattr(torch, "_C", None), "_cuda_getCurrentRawStream", None)  # a tenth of the time; Triton uses it too
        self._raw_stream = raw or (lambda device: torch.cuda.current_stream(device).cuda_stream)
        self._torch = torch
        self._dtypes: dict[Any, np.dtype[Any]] = {}

    def view(self, name: str, argument: str, value: Any) -> Array:
        if value.requires_grad:  # as Tensor.numpy() refuses it
            wanted = "be detached from the graph (fastrelu.torch has the functions with gradients)"
            arrays.reject(TypeError, name, argument, wanted, "a tensor that requires grad")
        dtype = self._dtypes.get(value.dtype)
        if dtype is None:
            dtype = self._dtypes[value.dtype] = checked(name, argument, _torch_dtype(value.dtype))
        if value.layout is not self._torch.strided or value.is_neg():
            kind = "a negative view" if value.layout is self._torch.strided else f"layout {value.layout}"
            arrays.reject(TypeError, name, argument, "be a plain strided tensor", kind)
        size = dtype.itemsize
        steps = tuple([step * size for step in value.stride()])  # a generator takes longer
        return Array(value.data_ptr(), tuple(value.shape), steps, dtype, False, value.device.index)

    def device_of(self, _name: str, _argument: str, value: Any) -> int:
        return int(value.device.index)

    def hold(self, _value: Any, _stream: int) -> None:
        """Its allocator knows the stream."""

    def empty(self, shape: tuple[int, ...], dtype: np.dtype[Any], order: str, device: int) -> Any:
        torch = self._torch
        settings = {"dtype": getattr(torch, dtype.name), "device": torch.device("cuda", device)}
        if order == "F":
            return torch.empty(shape[::-1], **settings).permute(*reversed(range(len(shape))))
        return torch.empty(shape, **settings)

    def stream(self, device: int) -> int:
        return int(self._raw_stream(device))

    def stream_of(self, _value: Any, device: int) -> int | None:
        return self.stream(device)


def checked(name: str, argument: str, dtype: Any) -> np.dtype[Any]:
    """A dtype that kernels take.

    Raises
    ------
    TypeError
        If it is another one, or NumPy has none; if its bytes are swapped.
    """
    if not isinstance(dtype, np.dtype) or not arrays.is_real(dtype):
        arrays.reject(TypeError, name, argument, "be a real array", str(dtype))
    if not dtype.isnative:
        arrays.reject(TypeError, name, argument, "have the byte order of the device", str(dtype))
    return dtype


def _torch_dtype(dtype: Any) -> np.dtype[Any] | str:
    """NumPy's dtype of torch's; its name where there is none."""
    name = str(dtype).removeprefix("torch.")
    if name == "bfloat16":
        return needed_bfloat16()
    try:
        return np.dtype(name)
    except TypeError:
        return name


@functools.cache
def _library(name: str) -> Library:
    if name == "jax":
        return importlib.import_module(_JAX).Jax()
    return {"cupy": CuPy, "torch": Torch}.get(name, Library)()


@functools.lru_cache(maxsize=64)
def _of_type(kind: Any) -> Library:
    roots = [base.__module__.partition(".")[0].removesuffix("lib") for base in kind.__mro__]
    if kind.__module__ == _JAX:
        return _library("jax")
    return _library(next((root for root in roots if root in ("torch", "cupy", "jax")), "numba"))


def library_of(value: Any) -> Library:
    """The library of an array on a device, by the module of its type: nothing is imported."""
    kind: Any = type(value)
    return _of_type(kind)


def view(name: str, argument: str, value: Any) -> Array:
    """An array on a device as kernels see it, or the sentence that says why not."""
    return library_of(value).view(name, argument, value)


def common(name: str, arguments: Sequence[str], values: Sequence[Any]) -> tuple[Library, int]:
    """The library of the first array, and the device of them all; at least one of the values is an array, others may be numbers.

    Raises
    ------
    TypeError
        If some lie on the host, or on different devices.
    """
    leader, library, device, host = "", Library(), -1, None
    for key, value in zip(arguments, values, strict=True):
        if not arrays.on_cuda(value):
            if host is None and not is_number(value):
                host = key, type(value).__name__
            continue
        own = library_of(value)
        place = own.device_of(name, key, value)
        if not leader:
            leader, library, device = key, own, place
        elif place != device:
            arrays.reject(TypeError, name, key, f"be on device {device} as {leader} is", f"one on device {place}")
    if host is not None:
        arrays.reject(TypeError, name, host[0], f"be on the device as {leader} is", host[1])
    return library, device


def is_number(value: Any) -> bool:
    """Whether it may stand beside arrays on a device."""
    return type(value) in (float, int, bool) or isinstance(value, np.generic)


def device_at(address: int) -> int:
    """The device of some memory; of none, as where an array has no elements, the current one."""
    if config.ENABLE_CUDASIM:
        return 0
    if not address:
        return int(cuda.get_current_device().id)
    attribute = driver.binding.CUpointer_attribute.CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL
    return int(driver.driver.cuPointerGetAttribute(attribute, address))


def launch_context(device: int) -> Any:
    """A context manager that makes a device the current one of this thread, for Numba."""
    if config.ENABLE_CUDASIM:
        return cuda.gpus[device]
    with driver.driver.get_active_context() as active:
        return contextlib.nullcontext() if active.devnum == device else cuda.gpus[device]


def checked_device(name: str, number: int | None) -> int:
    """The number of a device that is there: the current one where None is asked for.

    Raises
    ------
    RuntimeError, ValueError
        If there is no device, or no driver; if there are not so many.
    """
    if not cuda.is_available():
        reason = " ".join(str(getattr(driver.driver, "initialization_error", None) or "the driver lists none").split())
        raise RuntimeError(f"{name}: device='cuda' needs a CUDA device with its driver, and there is none ({reason})")
    if number is None:
        return device_at(0)
    if number >= len(cuda.gpus):
        arrays.reject(ValueError, name, "device", f"name one of the {len(cuda.gpus)} devices from 0 on", f"'cuda:{number}'")
    return number


def to_device(array: Any, device: int) -> Any:
    """A copy of an array of the host: CuPy's where that is installed, and knows the dtype; else Numba's."""
    if importlib.util.find_spec("cupy") and array.dtype.kind != "V":  # bfloat16
        cupy = importlib.import_module("cupy")
        with cupy.cuda.Device(device):
            return cupy.asarray(array)
    with launch_context(device):
        return cuda.to_device(array)
