"""Arrays of CuPy, torch, JAX and Numba on a real device, in and out, on streams, in graphs, by threads, and without memory.

Run with ``pytest -m cuda tests/cuda``. CUDA's own checks of memory accesses and of races, on a small run:

    compute-sanitizer --tool memcheck --error-exitcode 1 python -m pytest -m cuda tests/cuda/test_gpu_interop.py -k sanitizer
    compute-sanitizer --tool racecheck --error-exitcode 1 python -m pytest -m cuda tests/cuda/test_gpu_interop.py -k sanitizer

PYTORCH_NO_CUDA_MEMORY_CACHING=1 gives each tensor memory of its own, so that memcheck sees where one ends.
"""

import importlib
import importlib.util
import threading
from typing import Any

import ml_dtypes
import numpy as np
import pytest

import fastrelu as fr

pytestmark = pytest.mark.cuda

BFLOAT16 = np.dtype(ml_dtypes.bfloat16)
DTYPES = [np.dtype("float16"), BFLOAT16, np.dtype("float32"), np.dtype("float64")]
SLEEP = 200_000_000  # cycles: a tenth of a second


class Numba:
    """Numba's device arrays."""

    def __init__(self) -> None:
        self.cuda = importlib.import_module("numba.cuda")

    def make(self, x: Any) -> Any:
        return self.cuda.to_device(x)

    def host(self, y: Any) -> Any:
        return y.copy_to_host()

    def kind(self) -> type:
        return type(self.make(np.zeros(1)))


class Torch:
    """PyTorch's tensors."""

    def __init__(self) -> None:
        self.torch = pytest.importorskip("torch")
        if not self.torch.cuda.is_available():
            pytest.skip("torch is installed without CUDA")

    def make(self, x: Any) -> Any:
        if x.dtype == BFLOAT16:
            return self.torch.from_numpy(x.view(np.int16)).cuda().view(self.torch.bfloat16)
        return self.torch.from_numpy(x).cuda()

    def host(self, y: Any) -> Any:
        if y.dtype is self.torch.bfloat16:
            return y.view(self.torch.int16).cpu().numpy().view(BFLOAT16)
        return y.cpu().numpy()

    def kind(self) -> type:
        return self.torch.Tensor  # type: ignore[no-any-return]


class CuPy:
    """CuPy's arrays."""

    def __init__(self) -> None:
        self.cupy = pytest.importorskip("cupy")

    def make(self, x: Any) -> Any:
        if x.dtype == BFLOAT16:
            pytest.skip("CuPy has bfloat16 in some versions only")
        return self.cupy.asarray(x)

    def host(self, y: Any) -> Any:
        return y.get()

    def kind(self) -> type:
        return self.cupy.ndarray  # type: ignore[no-any-return]


class Jax:
    """JAX's arrays."""

    def __init__(self) -> None:
        self.jax = pytest.importorskip("jax")
        if not any(device.platform == "gpu" for device in self.jax.devices()):
            pytest.skip("jax is installed without CUDA")
        self.jax.config.update("jax_enable_x64", True)

    def make(self, x: Any) -> Any:
        return self.jax.numpy.asarray(x)

    def host(self, y: Any) -> Any:
        return np.asarray(y)

    def kind(self) -> type:
        return self.jax.Array  # type: ignore[no-any-return]


@pytest.fixture(scope="module", autouse=True)
def _device() -> None:
    if importlib.util.find_spec("numba_cuda") is None or not importlib.import_module("numba.cuda").is_available():
        pytest.skip("there is no CUDA device")


@pytest.fixture(params=[Numba, Torch, CuPy, Jax])
def library(request: Any) -> Any:
    return request.param()


@pytest.fixture
def torch() -> Any:
    return Torch().torch


def numbers(shape: Any, dtype: Any, seed: int = 0) -> Any:
    return (np.random.default_rng(seed).standard_normal(shape) * 3).astype(dtype)


def same(library: Any, got: Any, wanted: Any) -> None:
    assert isinstance(got, library.kind())
    got, wanted = library.host(got), np.asarray(wanted)
    assert (got.dtype, got.shape) == (wanted.dtype, wanted.shape)
    assert np.array_equal(got.astype(np.float64), wanted.astype(np.float64), equal_nan=True)


CALLS = {
    "forward": lambda x, w: fr.gelu(x),
    "option": lambda x, w: fr.gelu(x, approximate="tanh"),
    "parameter": lambda x, w: fr.elu(x, alpha=0.5),
    "derivative": lambda x, w: fr.mish.derivative(x),
    "backward": lambda x, w: fr.silu.backward(w, x),
    "from the output": lambda x, w: fr.relu.backward(w, x, from_output=True),
    "two arrays": lambda x, w: fr.prelu(x, w),
    "an array and a number": lambda x, w: fr.prelu(x, 0.25),
    "gradients of two": lambda x, w: fr.prelu.backward(w, x, w)[1],
}


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_in_and_out(library: Any, call: Any, dtype: Any) -> None:
    for shape in ((), (0,), (7,), (33, 65)):
        x, w = numbers(shape, dtype), numbers(shape, dtype, 1)
        same(library, call(library.make(x), library.make(w)), call(x, w))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_along_an_axis(library: Any, dtype: Any) -> None:
    x = numbers((6, 40), dtype)
    for axis in (0, 1):
        got, wanted = library.host(fr.softmax(library.make(x), axis=axis)), fr.softmax(x, axis=axis)
        assert got.dtype == dtype
        np.testing.assert_allclose(got.astype(float), wanted.astype(float), rtol=8 * float(ml_dtypes.finfo(dtype).eps))


def test_views_and_broadcasting(library: Any) -> None:
    x, w = numbers((20, 31), np.float32), numbers((31,), np.float32, 1)
    for way in (lambda a: a[::2], lambda a: a[:, 3:9], lambda a: a.T, lambda a: a[1], lambda a: a[:, :1]):
        same(library, fr.gelu(way(library.make(x))), fr.gelu(way(x)))
    same(library, fr.prelu(library.make(x), library.make(w)), fr.prelu(x, w))


def test_out_and_where(library: Any) -> None:
    x = numbers((20, 31), np.float32)
    if isinstance(library, Jax):
        with pytest.raises(TypeError, match="relu: out must be left out for JAX's arrays, which never change"):
            fr.relu(library.make(x), out=library.make(x))
        return
    out = library.make(np.full_like(x, 7))
    assert fr.relu(library.make(x), out=out) is out
    same(library, out, fr.relu(x))
    fr.gelu(library.make(x), where=library.make(x > 1), out=out)
    same(library, out, np.where(x > 1, fr.gelu(x), fr.relu(x)))
    same(library, fr.gelu(library.make(x), where=library.make(x > 1)), fr.gelu(x, where=x > 1))


def test_what_is_refused(library: Any) -> None:
    x = numbers((5,), np.float32)
    with pytest.raises(TypeError, match="prelu: weight must be on the device as x is, got ndarray"):
        fr.prelu(library.make(x), x)
    with pytest.raises(TypeError, match="relu: x must be a real array, got complex64"):
        fr.relu(library.make(x + 1j))


def test_two_devices(torch: Any) -> None:
    if torch.cuda.device_count() < 2:
        pytest.skip("there is one device")
    x = torch.ones(5, device="cuda:1")
    assert fr.relu(x).device == x.device
    with pytest.raises(TypeError, match="prelu: weight must be on device 1 as x is, got one on device 0"):
        fr.prelu(x, torch.ones(5, device="cuda:0"))
    assert torch.cuda.current_device() == 0


def test_a_slow_producer_on_a_side_stream(torch: Any) -> None:
    """The call follows it on its stream, the host does not wait, and the operand may go at once."""
    side = torch.cuda.Stream()
    warm = fr.gelu(torch.zeros(1 << 20, device="cuda"))
    torch.cuda.synchronize()
    for _ in range(3):
        with torch.cuda.stream(side):
            x = torch.zeros(1 << 20, device="cuda")
            torch.cuda._sleep(SLEEP)
            x.fill_(2)
            y = fr.gelu(x)
            assert not side.query(), "the host has waited"
            del x
            torch.full((1 << 20,), -5.0, device="cuda")  # in the memory of x
        side.synchronize()
        assert torch.equal(y, torch.full_like(y, float(fr.gelu(np.float32(2)))))
    assert warm.sum() == 0


class Shown:
    """A tensor as an array of a library that nobody knows, which names its stream."""

    def __init__(self, tensor: Any, stream: int) -> None:
        self.__cuda_array_interface__ = {**tensor.__cuda_array_interface__, "version": 3, "stream": stream}


def test_a_producer_that_names_its_stream(torch: Any) -> None:
    side = torch.cuda.Stream()
    x, warm = torch.zeros(1 << 20, device="cuda"), torch.ones(1 << 20, device="cuda")
    fr.prelu(warm, Shown(x, side.cuda_stream))
    torch.cuda.synchronize()
    with torch.cuda.stream(side):
        torch.cuda._sleep(SLEEP)
        x.fill_(0.5)
    y = fr.prelu(-warm, Shown(x, side.cuda_stream))
    assert not side.query(), "the host has waited"
    with torch.cuda.stream(side):
        x.fill_(9)  # comes after the launch, too
    torch.cuda.synchronize()
    assert torch.equal(y, torch.full_like(y, -0.5))


def test_a_slow_producer_of_another_library(torch: Any) -> None:
    cupy = CuPy().cupy
    x = cupy.zeros(1 << 20, cupy.float32)
    side = cupy.cuda.Stream(non_blocking=True)
    warm = torch.ones(1 << 20, device="cuda")
    fr.prelu(warm, x)
    torch.cuda.synchronize()
    with side:
        with torch.cuda.stream(torch.cuda.ExternalStream(side.ptr)):
            torch.cuda._sleep(SLEEP)
        x.fill(0.5)
        y = fr.prelu(-warm, x)
        x.fill(9)
    torch.cuda.synchronize()
    assert isinstance(y, torch.Tensor)
    assert torch.equal(y, torch.full_like(y, -0.5))


def test_jax_waits_and_is_waited_for() -> None:
    jax = Jax().jax
    ones = jax.numpy.ones((2048, 2048))
    make = jax.jit(lambda seed: sum((jax.numpy.sin(seed + k) * ones) @ ones for k in range(20)))
    for seed in range(3):
        x = make(float(seed))
        y = fr.relu(x)
        z = y * 2  # JAX's own, after ours
        wanted = 2 * np.maximum(np.asarray(x), 0)
        donated = jax.jit(lambda a: a - 1e9, donate_argnums=0)(x)
        del x
        assert np.array_equal(np.asarray(z), wanted)
        assert np.asarray(donated).max() < 0


def test_a_graph(torch: Any) -> None:
    x, grad = torch.ones(1 << 16, device="cuda"), torch.ones(1 << 16, device="cuda")
    side = torch.cuda.Stream()
    with torch.cuda.stream(side):  # compiles
        fr.gelu(x), fr.silu.backward(grad, x), fr.softmax(x.view(64, -1))
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        y, slope, rows = fr.gelu(x), fr.silu.backward(grad, x), fr.softmax(x.view(64, -1))
    for seed in range(3):
        values = numbers((1 << 16,), np.float32, seed)
        x.copy_(torch.from_numpy(values))
        graph.replay()
        torch.cuda.synchronize()
        same(Torch(), y, fr.gelu(values))
        same(Torch(), slope, fr.silu.backward(np.ones_like(values), values))
        np.testing.assert_allclose(rows.cpu(), fr.softmax(values.reshape(64, -1)), rtol=1e-5)


def test_two_threads(torch: Any) -> None:
    """Each on its stream, with functions that neither has called before."""
    wrong: list[Any] = []

    def work(seed: int) -> None:
        values = numbers((100_003,), np.float32, seed)
        wanted = [fr.tanhexp(values), fr.serf(values), fr.phish.derivative(values)]
        with torch.cuda.stream(torch.cuda.Stream()):
            for _ in range(50):
                x = torch.from_numpy(values).cuda()
                for got, right in zip((fr.tanhexp(x), fr.serf(x), fr.phish.derivative(x)), wanted, strict=True):
                    if not np.array_equal(got.cpu().numpy(), right, equal_nan=True):
                        wrong.append(seed)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_no_memory_left_for_torch(torch: Any) -> None:
    torch.cuda.empty_cache()
    free, _ = torch.cuda.mem_get_info()
    x = torch.zeros(int(free * 0.6) // 16 * 4, device="cuda")
    held = torch.cuda.memory_allocated()
    for function, given in ((fr.gelu, (x,)), (fr.gelu.backward, (x, x)), (fr.softmax, (x.view(-1, 4),))):
        with pytest.raises(torch.cuda.OutOfMemoryError):
            function(*given)
        assert torch.cuda.memory_allocated() == held
    fr.relu(x, out=x)  # works on
    torch.cuda.synchronize()


def test_no_memory_left_for_numba() -> None:
    cuda = importlib.import_module("numba.cuda")
    free, _ = cuda.current_context().get_memory_info()
    x = cuda.device_array(int(free * 0.6) // 4, np.float32)
    with pytest.raises(MemoryError, match="device 0 has no memory for"):
        fr.gelu(x)
    after, _ = cuda.current_context().get_memory_info()
    assert after > 0.3 * free
    fr.relu(x, out=x)
    cuda.synchronize()


def test_host_arrays_at_the_caller_s_word() -> None:
    x = numbers((20, 31), np.float32)
    for given in (x, x.T, x[::2], x.astype(BFLOAT16), x.astype(">f4")):
        there = fr.gelu(given, device="cuda:0")
        host = there.get() if hasattr(there, "get") else there.copy_to_host()
        assert np.array_equal(host.astype(float), np.asarray(fr.gelu(given)).astype(float))
    with pytest.raises(ValueError, match="gelu: device must name one of the"):
        fr.gelu(x, device="cuda:99")


@pytest.mark.parametrize("name", ["relu", "gelu", "softcap", "elu", "softmax"])
def test_gradients(torch: Any, name: str) -> None:
    x = (torch.rand(4, 6, dtype=torch.float64, device="cuda") + 0.1).requires_grad_()
    assert torch.autograd.gradcheck(getattr(fr.torch, name), [x])
    if name != "softmax":
        assert torch.autograd.gradgradcheck(getattr(fr.torch, name), [x])


def test_gradients_of_a_weight(torch: Any) -> None:
    x = torch.randn(4, 6, dtype=torch.float64, device="cuda", requires_grad=True)
    weight = torch.full((6,), 0.25, dtype=torch.float64, device="cuda", requires_grad=True)
    assert torch.autograd.gradcheck(fr.torch.prelu, [x, weight])
    alpha = torch.tensor(0.5, dtype=torch.float64, device="cuda", requires_grad=True)
    assert torch.autograd.gradcheck(lambda x, alpha: fr.torch.elu(x, alpha=alpha), [x, alpha])


def test_nothing_waits_in_torch(torch: Any) -> None:
    x = torch.randn(1000, device="cuda", requires_grad=True)
    fr.torch.gelu(x).sum().backward()  # compiles
    torch.cuda.set_sync_debug_mode("error")
    try:
        fr.torch.gelu(x).sum().backward()
        fr.torch.softmax(x).sum().backward()
    finally:
        torch.cuda.set_sync_debug_mode("default")


def test_a_small_run_for_the_sanitizer() -> None:
    """Every function on few elements, at places where 16 bytes do not fit."""
    numba = Numba()
    for function in fr.registry.values():
        for start in (0, 1, 3):
            x = numbers((70,), np.float32)[start:]
            there = numba.make(numbers((70,), np.float32))[start:]
            if isinstance(function, fr.Fold):
                pool = (1,) if function.pooled else ()
                function(there, *pool)
                continue
            more = [there] * (len(function.arrays) - 1)
            same(numba, function(there, *more), function(x, *[x] * len(more)))
            same(numba, function.derivative(there, *more), function.derivative(x, *[x] * len(more)))
    numba.cuda.synchronize()
