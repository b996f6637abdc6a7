"""Arrays of every library as kernels see them, with fakes: what comes in, who makes the result, and on which stream."""

import gc
import importlib.util
import inspect
from types import SimpleNamespace
from typing import Any

import ml_dtypes
import numpy as np
import pytest

pytestmark = pytest.mark.skipif(importlib.util.find_spec("numba_cuda") is None, reason="numba-cuda is not installed")
if importlib.util.find_spec("numba_cuda") is not None:
    import fakes

    from fastrelu import arrays
    from fastrelu.kernels.cuda import devices, dlpack
    from fastrelu.kernels.cuda import jax as cuda_jax
    from fastrelu.kernels.cuda import streams as cuda_streams

BFLOAT16 = np.dtype(ml_dtypes.bfloat16)
DTYPES = [np.dtype(name) for name in ("bool", "int8", "uint64", "float16", "float32", "float64")] + [BFLOAT16]
X = np.arange(12, dtype=np.float32).reshape(3, 4)


@pytest.fixture
def torch(monkeypatch: pytest.MonkeyPatch) -> Any:
    return fakes.install(monkeypatch, fakes.torch())


@pytest.fixture
def cupy(monkeypatch: pytest.MonkeyPatch) -> Any:
    return fakes.install(monkeypatch, fakes.cupy())


@pytest.fixture
def jax(monkeypatch: pytest.MonkeyPatch) -> Any:
    return fakes.install(monkeypatch, fakes.jax())


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What streams were told to do, in order: ("record", stream, event) and ("wait", stream, event)."""
    told: list[Any] = []

    class Event:
        done = False

        def __init__(self) -> None:
            self.number = sum(each[0] == "record" for each in told)

        def record(self, stream: Any) -> None:
            told.append(("record", stream, self.number))

        def wait(self, stream: Any) -> None:
            told.append(("wait", stream, self.number))

        def query(self) -> bool:
            return Event.done

    fake = SimpleNamespace(event=lambda timing: Event(), external_stream=lambda handle: handle, Event=Event)
    monkeypatch.setattr(cuda_streams, "cuda", fake)
    cuda_streams._held.clear()
    return told


@pytest.fixture(autouse=True)
def no_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every address lies on device 0, and Numba's memory on the host."""
    monkeypatch.setattr(devices, "device_at", lambda address: 0)
    for each in (devices, cuda_jax, cuda_streams):
        monkeypatch.setattr(each, "launch_context", lambda device: devices.contextlib.nullcontext())
    monkeypatch.setattr(devices.cuda, "device_array", HostMemory)


class HostMemory:
    """A device array of Numba's."""

    __cuda_ndarray__ = True

    def __init__(self, shape: Any, dtype: Any, order: str = "C") -> None:
        self.x = np.zeros(shape, dtype, order=order)
        self.shape, self.dtype, self.size, self.stream = self.x.shape, self.x.dtype, self.x.size, 0
        self.strides = self.x.strides
        self.gpu_data = SimpleNamespace(context=SimpleNamespace(device=SimpleNamespace(id=0)))

    @property
    def __cuda_array_interface__(self) -> Any:
        told = fakes.Interface(self.x, stream=self.stream or None).__cuda_array_interface__
        return told | {"typestr": self.dtype.str}


def same(array: Any, x: Any, read_only: bool = False, device: int = 0) -> None:
    wanted = x.ctypes.data, x.shape, x.strides, x.dtype, read_only, device
    assert tuple(array) == wanted
    assert type(array.shape) is type(array.strides) is tuple


VIEWS = [lambda x: x, lambda x: x.T, lambda x: x[::2, 1:], lambda x: x[1], lambda x: x[:, None, ::2], lambda x: x[:0]]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("way", VIEWS)
def test_what_kernels_see(torch: Any, cupy: Any, dtype: Any, way: Any) -> None:
    x = way(X.astype(dtype))
    if dtype.name != "uint64":  # older versions of torch have none
        same(devices.view("relu", "x", torch.tensor(x, device=1)), x, device=1)
    same(devices.view("relu", "x", cupy.array(x, device=1)), x, device=1)
    numba = HostMemory((), dtype)
    numba.x = x
    numba.shape = x.shape
    same(devices.view("relu", "x", numba), x)
    if dtype != BFLOAT16:
        same(devices.view("relu", "x", fakes.Interface(x, read_only=True)), x, read_only=True)
    for old in (False, True):
        given = fakes.DLPackOnly(x, device=2, old=old)
        same(devices.view("relu", "x", given), x, device=2)
        assert given.asked == [devices.LEGACY]


def test_a_tensor_of_a_subclass_is_a_tensor(torch: Any) -> None:
    kind = type(torch.tensor(X))
    parameter = type("Parameter", (kind,), {"__module__": "nn"})
    given = parameter(X, torch.float32, torch.strided)
    assert arrays.on_cuda(given)
    same(devices.view("relu", "x", given), X)


class Bad:
    """Arrays that no kernel takes, and what is said of them."""

    @staticmethod
    def cases(torch: Any, cupy: Any) -> Any:
        grad, negative, sparse = (torch.tensor(X) for _ in range(3))
        grad.requires_grad, negative.negative, sparse.layout = True, True, "torch.sparse_coo"
        yield grad, "relu: x must be detached from the graph (fastrelu.torch has the functions with gradients)"
        yield negative, "relu: x must be a plain strided tensor, got a negative view"
        yield sparse, "relu: x must be a plain strided tensor, got layout torch.sparse_coo"
        yield torch.tensor(X, dtype="qint8"), "relu: x must be a real array, got qint8"
        yield torch.tensor(X.astype(np.complex64)), "relu: x must be a real array, got complex64"
        yield cupy.array(X.astype(np.complex64)), "relu: x must be a real array, got complex64"
        yield fakes.Interface(X.astype(">f4")), "relu: x must have the byte order of the device, got >f4"
        yield fakes.Interface(X, mask=fakes.Interface(X > 0)), "relu: x must have no mask, got Interface"
        yield fakes.Interface(X.astype(np.complex64)), "relu: x must be a real array, got complex64"
        yield X, "relu: x must be an array on a device, got ndarray"
        yield fakes.DLPackOnly(X, kind=1), "relu: x must be an array on a device, got DLPackOnly"


@pytest.mark.parametrize("place", range(11))
def test_what_is_refused(torch: Any, cupy: Any, place: int) -> None:
    value, message = list(Bad.cases(torch, cupy))[place]
    with pytest.raises(TypeError) as raised:
        devices.view("relu", "x", value)
    assert str(raised.value).startswith(message)


def test_dlpack_types_without_a_dtype() -> None:
    told = dlpack.Told(X.ctypes.data, X.shape, X.strides, X.dtype, False, 0)
    cases = ((2, 8, 1, "float8"), (5, 64, 1, "complex64"), (2, 32, 4, "float32x4"), (9, 4, 1, "DLPack's"))
    for code, bits, lanes, message in cases:
        capsule = dlpack.export(told, lambda: None)
        tensor = dlpack._Managed.from_address(dlpack._pointer(capsule, dlpack.PLAIN)).tensor
        tensor.code, tensor.bits, tensor.lanes = code, bits, lanes
        value = fakes.DLPackOnly(X)
        value.capsule = capsule
        with pytest.raises(TypeError, match=f"relu: x must be a real array, got {message}"):
            devices.view("relu", "x", value)


def test_a_capsule_lets_go_once_and_says_what_it_was_told() -> None:
    told = dlpack.Told(X.ctypes.data, X.T.shape, X.T.strides, X.dtype, False, 3)
    freed, others = [], len(dlpack._exported)
    capsule = dlpack.export(told, lambda: freed.append(1))
    assert dlpack.read(capsule) == told
    assert not freed
    for _ in range(2):
        dlpack.drop(capsule)
    assert freed == [1]
    assert len(dlpack._exported) == others


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("order", ["C", "F"])
def test_results_are_of_the_library(torch: Any, cupy: Any, dtype: Any, order: str) -> None:
    shape = (2, 3, 5)
    wanted = np.zeros(shape, dtype, order=order).strides
    for value, number in ((cupy.array(X, device=1), 1), (torch.tensor(X, device=1), 1), (HostMemory((2,), dtype), 0)):
        if dtype.name == "uint64" and not isinstance(value, HostMemory):
            continue
        library = devices.library_of(value)
        result = library.empty(shape, dtype, order, number)
        assert type(result) is type(value)
        seen = devices.view("relu", "out", result)
        assert (seen.shape, seen.strides, seen.dtype, seen.device) == (shape, wanted, dtype, number)
        assert library.finished(result) is result
    assert cupy.state.device == 0


def test_the_caller_s_stream(torch: Any, cupy: Any) -> None:
    torch.current[1] = 33
    library = devices.library_of(torch.tensor(X))
    assert (library.stream(0), library.stream(1)) == (0, 33)
    library = devices.library_of(cupy.array(X))
    assert (library.stream(0), library.stream(1)) == (70, 71)
    assert devices.library_of(HostMemory((2,), X.dtype)).stream(0) == 0
    assert devices.library_of(fakes.Interface(X, stream=5)).stream(0) == 0


def test_torch_without_its_short_way_to_the_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = fakes.install(monkeypatch, fakes.torch(raw_streams=False))
    torch.current[0] = 12
    assert devices.library_of(torch.tensor(X)).stream(0) == 12


def test_what_arrays_have_in_common(torch: Any, cupy: Any) -> None:
    x, weight = torch.tensor(X, device=1), cupy.array(X, device=1)
    names = ("x", "weight")
    for given in ((x, weight), (0.5, x), (x, np.float32(2)), (x, 3)):
        library, device = devices.common("prelu", names, given)
        assert library is devices.library_of(x)
        assert device == 1
    assert devices.common("prelu", names, (weight, x))[0] is devices.library_of(weight)
    for given, message in (
        ((x, X), "prelu: weight must be on the device as x is, got ndarray"),
        ((X, x), "prelu: x must be on the device as weight is, got ndarray"),
        ((x, [1.0]), "prelu: weight must be on the device as x is, got list"),
        ((x, torch.tensor(X, device=0)), "prelu: weight must be on device 1 as x is, got one on device 0"),
    ):
        with pytest.raises(TypeError, match=message.replace("(", r"\(")):
            devices.common("prelu", names, given)


def test_arrays_of_one_library_need_no_events(torch: Any, cupy: Any, events: list[Any]) -> None:
    for array in (torch.tensor(X), cupy.array(X), HostMemory((2,), X.dtype), fakes.Interface(X)):
        library = devices.library_of(array)
        with cuda_streams.ordered(library, 0, library.stream(0), [array, 0.5, None, True, array]):
            events.append("launch")
    assert events == ["launch"] * 4


def test_a_producer_s_stream_and_the_launch_wait_for_each_other(torch: Any, cupy: Any, events: list[Any]) -> None:
    torch.current[0] = 20
    own = devices.library_of(torch.tensor(X))
    for other, stream in ((cupy.array(X), 70), (fakes.Interface(X, stream=5), 5), (fakes.DLPackOnly(X), devices.LEGACY)):
        events.clear()
        with cuda_streams.ordered(own, 0, 20, [torch.tensor(X), other, other]):
            events.append("launch")
        assert events == [("record", stream, 0), ("wait", 20, 0), "launch", ("record", 20, 1), ("wait", stream, 1)]


def test_what_has_dlpack_alone_is_held(torch: Any, events: list[Any]) -> None:
    """Nobody knows on which stream its library would use the memory again."""
    for stream, asked in ((20, 20), (0, devices.LEGACY)):
        torch.current[0], cuda_streams.cuda.Event.done = stream, False
        other = fakes.DLPackOnly(X)
        with cuda_streams.ordered(devices.library_of(torch.tensor(X)), 0, stream, [torch.tensor(X), other]):
            assert other.asked == [asked]
        assert other.freed == 0
        cuda_streams.cuda.Event.done = True
        cuda_streams.let_go()
        assert other.freed == 1


def test_the_default_stream_has_two_names(events: list[Any]) -> None:
    array = fakes.Interface(X, stream=devices.LEGACY)
    with cuda_streams.ordered(devices.library_of(array), 0, 0, [array]):
        pass
    assert events == []


def test_numba_s_arrays_have_streams_of_their_own(events: list[Any]) -> None:
    bound = HostMemory((2,), X.dtype)
    bound.stream = 8
    with cuda_streams.ordered(devices.library_of(bound), 0, 0, [bound]):
        pass
    assert events == [("record", 8, 0), ("wait", 0, 0), ("record", 0, 1), ("wait", 8, 1)]


def test_jax(jax: Any, events: list[Any]) -> None:
    """Its array is made ready on the stream of the launch, and held until that has read it; it takes the result over."""
    x = jax.array(X)
    library, device = devices.common("relu", ("x",), (x,))
    stream = library.stream(device)
    assert (device, stream) == (0, 90)
    seen = devices.view("relu", "x", x)
    same(seen, X, read_only=True)
    target = library.empty(X.shape, X.dtype, "F", device)
    there = devices.view("relu", "out", target)
    assert there.strides == X.strides
    with cuda_streams.ordered(library, device, stream, [x, target]):
        assert set(x.asked) == {90}
    assert [capsules for _, capsules in cuda_streams._held] != []
    assert devices.library_of(target) is library
    result = library.finished(target)
    assert type(result) is type(x)
    assert result.x.address == there.address
    assert events[-2:] == [("record", 90, events[-2][2]), ("wait", 91, events[-2][2])]  # JAX's stream waits for the launch
    cuda_streams.cuda.Event.done = True
    cuda_streams.let_go()
    assert not cuda_streams._held
    assert target.memory is not None
    dlpack._delete(jax.consumed[0])  # what JAX does in the end
    assert target.memory is None


def test_jax_s_arrays_never_change(jax: Any) -> None:
    with pytest.raises(TypeError, match="relu: out must be left out for JAX's arrays, which never change, got ArrayImpl"):
        devices.view("relu", "out", jax.array(X))


def test_jax_s_arrays_on_several_devices(jax: Any) -> None:
    x = jax.sharded()
    assert arrays.on_cuda(x)
    with pytest.raises(TypeError, match="relu: x must lie on one device, got an array on 2"):
        devices.common("relu", ("x",), (x,))


def test_an_empty_result_for_jax(jax: Any) -> None:
    library = devices.library_of(jax.array(X))
    result = library.finished(library.empty((0, 3), X.dtype, "C", 0))
    assert result[:3] == ("zeros", (0, 3), X.dtype)


def test_a_result_that_jax_does_not_take_is_freed(jax: Any, events: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    library = devices.library_of(jax.array(X))
    target = library.empty(X.shape, X.dtype, "C", 0)

    def refuse(value: Any) -> Any:
        value.__dlpack__(stream=91)
        raise RuntimeError("no")

    monkeypatch.setattr(jax.dlpack, "from_dlpack", refuse)
    with pytest.raises(RuntimeError, match="no"):
        library.finished(target)
    assert target.memory is None


def test_no_memory_is_a_memory_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_args: Any, **_named: Any) -> Any:
        raise devices.driver.CudaAPIError(2, "Call to cuMemAlloc results in CUDA_ERROR_OUT_OF_MEMORY")

    monkeypatch.setattr(devices.cuda, "device_array", full)
    with pytest.raises(MemoryError, match=r"device 0 has no memory for 48 bytes .*CUDA_ERROR_OUT_OF_MEMORY"):
        devices.Library().empty((3, 4), np.dtype(np.float32), "C", 0)


def test_the_signs_of_a_device_array(torch: Any, cupy: Any, jax: Any) -> None:
    for value in (torch.tensor(X), cupy.array(X), jax.array(X), fakes.DLPackOnly(X), fakes.DLPackOnly(X, kind=13)):
        assert arrays.on_cuda(value)
    for value in (fakes.DLPackOnly(X, kind=1), fakes.DLPackOnly(X, kind=3), X, X[0, 0], 1.0, [X], (X,), None, "relu"):
        assert not arrays.on_cuda(value)
    on_host = torch.tensor(X)
    on_host.is_cuda = False
    assert not arrays.on_cuda(on_host)


def test_what_is_used_of_numba_is_there() -> None:
    """The fakes stand in for these, and a call on a device would be the first to miss one."""
    from numba.cuda.cudadrv.devices import _DeviceContextManager

    cuda, driver = importlib.import_module("numba.cuda"), devices.driver
    assert inspect.signature(cuda.event).parameters["timing"]
    assert len(inspect.signature(cuda.external_stream).parameters) == 1
    assert driver.binding.CUpointer_attribute.CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL
    assert callable(driver.binding.cuPointerGetAttribute)
    for owner, names in (
        (driver.Driver, ("get_active_context",)),
        (driver.Event, ("record", "wait", "query")),
        (driver._ActiveContext, ("__enter__", "__exit__")),
        (_DeviceContextManager, ("__enter__", "__exit__")),
    ):
        assert all(hasattr(owner, name) for name in names)


def test_what_is_used_of_torch_is_there() -> None:
    torch = pytest.importorskip("torch")
    assert callable(getattr(torch._C, "_cuda_getCurrentRawStream", torch.cuda.current_stream))
    tensor = torch.ones(2, 3)
    assert not tensor.is_neg()
    assert (tensor.layout is torch.strided, tensor.device.index, tensor.requires_grad) == (True, None, False)
    for name in ("float16", "bfloat16", "float32", "float64", "uint8", "int64", "bool"):
        assert devices._torch_dtype(getattr(torch, name)).name == name
    assert devices._torch_dtype(torch.float8_e4m3fn) == "float8_e4m3fn"


def test_what_is_used_of_jax_is_there() -> None:
    jax = pytest.importorskip("jax")
    x = jax.numpy.ones((2, 3), jax.numpy.bfloat16)
    told = dlpack.read(dlpack.capsule_of(x, None))
    assert (told.shape, told.strides, told.dtype, told.address) == ((2, 3), (6, 2), BFLOAT16, x.unsafe_buffer_pointer())
    assert hasattr(jax.devices()[0], "get_stream_for_external_ready_events")
    assert jax.devices()[0].local_hardware_id == 0
    assert devices.library_of(x) is devices._library("jax")


def test_capsules_go_through_real_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ours, of the host's memory, to NumPy, torch and JAX; and theirs to us."""
    monkeypatch.setattr(dlpack, "CUDA", 1)
    torch, jax = pytest.importorskip("torch"), pytest.importorskip("jax")
    others = len(dlpack._exported)
    for consume in (np.from_dlpack, torch.from_dlpack, importlib.import_module("jax.dlpack").from_dlpack):
        freed: list[int] = []
        x = memory = np.zeros(12 + 16, np.float32)
        x = memory[-memory.ctypes.data % 64 // 4 :][:12].reshape(3, 4)  # JAX takes nothing else without a copy
        x[...] = X
        told = dlpack.Told(x.ctypes.data, x.shape, x.strides, x.dtype, False, 0)
        got = consume(HostExporter(told, freed))
        assert np.array_equal(np.asarray(got), x)
        assert not freed
        del got
        gc.collect()
        assert freed == [1]
    assert jax.numpy.ones(1).sum() == 1
    for array in (X, X.T, torch.ones(3, 4).T):
        capsule = dlpack.capsule_of(array, None)
        wanted = np.asarray(array)
        assert dlpack.read(capsule)[:4] == (wanted.ctypes.data, wanted.shape, wanted.strides, wanted.dtype)
    assert len(dlpack._exported) == others


class HostExporter:
    """An array of the host as a capsule of ours."""

    def __init__(self, told: Any, freed: list[int]) -> None:
        self.told, self.freed = told, freed

    def __dlpack_device__(self) -> tuple[int, int]:
        return 1, 0

    def __dlpack__(self, **_wishes: Any) -> Any:
        return dlpack.export(self.told, lambda: self.freed.append(1))
