"""Device arrays through the public functions, bit for bit against the CPU.

test_simulator.py runs these tests in numba's simulator. Named on pytest's command line they run on a real device.
"""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numba import config, cuda, njit
from registry_grid import cases

import fastrelu as fr
from fastrelu.kernels import cuda as kernels

# Formulas run as plain Python here, where NumPy's scalars warn of what is meant: 0 * inf, overflow.
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")
both_precisions = pytest.mark.parametrize("dtype", [np.float32, np.float64])


@pytest.fixture(autouse=True)
def small_grid(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each simulated thread is a Python thread; 2 x 3 of them still leave most elements to the stride."""
    if config.ENABLE_CUDASIM:
        monkeypatch.setattr(kernels, "GRID", (2, 3))


def sample(shape: Any, dtype: Any, seed: int = 0) -> Any:
    x = (np.random.default_rng(seed).standard_normal(shape) * 5).astype(dtype)
    info = np.finfo(dtype)
    special = [0.0, -0.0, np.inf, -np.inf, np.nan, info.smallest_subnormal, -info.smallest_normal / 2, info.max, -90.0, 700.0]
    x.reshape(-1)[: len(special)] = np.roll(special, seed)[: x.size]
    return x


def check(function: Any, arrays: Any, views: Any = None, out: Any = None, **named: Any) -> Any:
    """Compute on the device and here; `views` says how to look at the arrays, there and here; returns the device's result."""
    views = views or [lambda a: a] * len(arrays)
    wanted = np.asarray(function(*(view(a) for view, a in zip(views, arrays, strict=True)), **named))
    result = function(*(view(cuda.to_device(a)) for view, a in zip(views, arrays, strict=True)), out=out, **named)
    got = result.copy_to_host()
    assert got.dtype == wanted.dtype
    assert got.shape == wanted.shape
    nan = np.isnan(wanted)  # a NaN is a NaN: its sign and payload are the machine's
    assert np.array_equal(np.isnan(got), nan)
    assert np.where(nan, 0, got).tobytes() == np.where(nan, 0, wanted).tobytes()
    return result


# Simulated threads are slow: there a function of each kind; on a device every one.
SIMULATED = ("relu", "prelu", "elu", "gelu", "sinusoid")
RECORDS = {name: fr.registry[name] for name in SIMULATED} if config.ENABLE_CUDASIM else fr.registry


@both_precisions
@pytest.mark.parametrize(("function", "options"), list(cases(RECORDS)))
def test_same_bits_as_the_cpu(function: Any, options: Any, dtype: Any) -> None:
    check(function, [sample((40,), dtype, seed) for seed in range(len(function.arrays))], **options)


@both_precisions
@pytest.mark.parametrize("shape", [(1,), (0,), (), (3, 5, 4), (2, 0, 3)], ids=str)
def test_shapes(shape: Any, dtype: Any) -> None:
    check(fr.leaky_relu, [sample(shape, dtype)], negative_slope=0.3)
    check(fr.prelu, [sample(shape, dtype), sample(shape, dtype, 1)])


BROADCAST = pytest.mark.parametrize(
    "shapes", [((4, 5), (5,)), ((4, 1), (1, 5)), ((2, 3, 4), (3, 1)), ((6,), ()), ((1,), (7,))], ids=str
)


@both_precisions
@BROADCAST
def test_broadcast(shapes: Any, dtype: Any) -> None:
    check(fr.prelu, [sample(shape, dtype, seed) for seed, shape in enumerate(shapes)])


@pytest.mark.parametrize("shapes", [((2, 3, 4), (3, 1)), ((6,), ())], ids=str)
def test_what_devices_compile_walks_as_the_plain_python_does(shapes: Any) -> None:
    """The simulator runs the helpers as Python; numba compiles other code for a device, and for the CPU here."""

    @njit
    def walk(operands: Any, shape: Any, out: Any) -> None:
        for i in range(len(out)):
            x, y, z = kernels.gather(operands, kernels.position(i, shape), np.float32)
            out[i, 0], out[i, 1], out[i, 2] = x, y, z

    # From 2**24 on float32 cannot hold every integer: a missing conversion shows.
    arrays = [np.arange(2**24, 2**24 + np.prod(shape, dtype=int)).reshape(shape) for shape in shapes]
    flat = [a.ravel() for a in np.broadcast_arrays(*arrays)]
    number = np.float64(1 / 3)
    wanted = np.stack([*flat, np.full_like(flat[0], number, dtype=float)], axis=1).astype(np.float32).astype(np.float64)
    for run in (walk, walk.py_func):
        for operands, shape in ((arrays, np.broadcast_shapes(*shapes)), (flat, len(wanted))):
            out = np.zeros_like(wanted)
            run((*operands, number), shape, out)
            assert np.array_equal(out, wanted)


@pytest.mark.parametrize(
    "view",
    [lambda a: a[::2], lambda a: a[:, 1:3], lambda a: a.transpose(), lambda a: a[3], lambda a: a[1:4, ::3]],
    ids=["rows", "columns", "transposed", "row", "both"],
)
def test_views(view: Any) -> None:
    check(fr.leaky_relu, [sample((6, 7), np.float32)], [view])


def test_two_layouts_in_one_call() -> None:
    x, weight = sample((4, 5), np.float32), sample((5, 4), np.float32, 1)
    check(fr.prelu, [x, weight], [lambda a: a, lambda a: a.transpose()])


def test_fortran_order_is_kept() -> None:
    assert check(fr.relu, [np.asfortranarray(sample((4, 5), np.float32))]).is_f_contiguous()
    assert check(fr.relu, [sample((4, 5), np.float32)]).is_c_contiguous()


def test_out() -> None:
    x = sample((4, 5), np.float32)
    out = cuda.device_array((4, 5), np.float32)
    assert check(fr.relu, [x], out=out) is out
    columns = cuda.device_array((5, 4), np.float32).transpose()
    assert check(fr.relu, [x], out=columns) is columns
    device = cuda.to_device(x)
    assert fr.relu(device, out=device) is device
    assert device.copy_to_host().tobytes() == fr.relu(x).tobytes()


@pytest.mark.parametrize(
    ("source", "target"),
    [(np.s_[:-1], np.s_[1:]), (np.s_[1:], np.s_[:-1]), (np.s_[::-1], np.s_[:]), (np.s_[:20], np.s_[::2])],
)
def test_out_overlaps_the_input(source: Any, target: Any) -> None:
    x = sample((40,), np.float32)
    device = cuda.to_device(x)
    fr.leaky_relu(device[source], out=device[target])
    fr.leaky_relu(x[source], out=x[target])
    assert device.copy_to_host().tobytes() == x.tobytes()


def test_memory_that_clashes() -> None:
    def at(start: int, size: int = 4, step: int = 4) -> Any:  # what CuPy's arrays show
        interface = {"shape": (size,), "typestr": "<f4", "data": (start, False), "strides": (step,), "version": 3, "stream": 1}
        return SimpleNamespace(__cuda_array_interface__=interface)

    assert not kernels._clash(at(4096), at(4096))
    assert not kernels._clash(at(4096), at(4096 + 16))
    assert kernels._clash(at(4096), at(4096 + 4))
    assert kernels._clash(at(4096), at(4096, size=3))
    assert kernels._clash(at(4096), at(4096, step=8))


def test_a_read_only_out_is_refused() -> None:
    interface = {"data": (4096, True)}
    out = SimpleNamespace(__cuda_ndarray__=True, __cuda_array_interface__=interface, dtype=X.dtype, shape=X.shape)
    with pytest.raises(ValueError, match="relu: out must be writeable, got a read-only array"):
        fr.relu(d(X), out=out)


@both_precisions
def test_random_numbers_of_the_cpu(dtype: Any) -> None:
    for function in (fr.rrelu, fr.rrelu.backward):
        given = [sample((3, 7), dtype, seed) for seed in range(len(function.arrays))]
        check(function, given, training=True, seed=2**63 + 5)
    with pytest.raises(ValueError, match=r"rrelu.backward: grad and x must have one shape where training, got .*4, 5.*5, 4"):
        fr.rrelu.backward(d(X), d(X.T.copy()), training=True, seed=1)
    with pytest.raises(TypeError, match="rrelu: x must be a bool, integer, float32 or float64 array on a device, got float16"):
        fr.rrelu(d(HALF), training=True, seed=1)


def test_backward_of_several_arrays() -> None:
    given = [sample((9,), np.float32, seed) for seed in range(3)]
    for got, wanted in zip(fr.prelu.backward(*map(d, given)), fr.prelu.backward(*given), strict=True):
        assert np.array_equal(got.copy_to_host(), wanted, equal_nan=True)
    got = fr.leaky_relu.backward(*map(d, given[:2]), wrt="x").copy_to_host()
    assert np.array_equal(got, fr.leaky_relu.backward(*given[:2]), equal_nan=True)


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint8", "int32", "int64", "uint64"])
def test_integers(dtype: str) -> None:
    """They stay integers where they do on the CPU; float16 is not computed on a device yet, so that int8 becomes float32."""
    x = np.arange(-5, 6).astype(dtype)
    check(fr.relu, [x])
    check(fr.step, [x], threshold=0.5)
    if dtype != "bool":
        check(fr.step, [x], threshold=1)
    on_device = fr.sigmoid(cuda.to_device(x)).copy_to_host()
    wanted = fr.sigmoid(x.astype(np.float32 if x.itemsize == 1 else np.float64))
    assert (on_device.dtype, on_device.tobytes()) == (wanted.dtype, wanted.tobytes())


def test_mixed_precision_computes_in_the_wider() -> None:
    check(fr.prelu, [sample((9,), np.float32), sample((9,), np.float64, 1)])


def test_numbers_are_operands() -> None:
    x = sample((4, 5), np.float32)
    for weight in (0.3, 2, True, np.float32(0.3), np.float64(0.3)):
        result = fr.prelu(cuda.to_device(x), weight).copy_to_host()
        wanted = fr.prelu(x, weight)
        assert result.dtype == wanted.dtype
        assert np.array_equal(result, wanted, equal_nan=True)


X, HALF = np.ones((4, 5), np.float32), np.ones(3, np.float16)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: fr.prelu(d(X), X), TypeError, "prelu: weight must be on the device as x is, got ndarray"),
        (lambda: fr.prelu(X, d(X)), TypeError, "prelu: x must be on the device as weight is, got ndarray"),
        (lambda: fr.prelu(d(X), [1.0]), TypeError, "prelu: weight must be on the device as x is, got list"),
        (lambda: fr.relu(d(X), out=X), TypeError, "relu: out must be on the device as x is, got ndarray"),
        (lambda: fr.relu(X, out=d(X)), TypeError, "relu: out must be a NumPy array, got"),
        (lambda: fr.relu(d(X), out=d(X.astype(float))), TypeError, "relu: out must have dtype float32, got float64"),
        (lambda: fr.relu(d(X), out=d(X[0])), ValueError, "relu: out must have shape (4, 5), got (5,)"),
        (lambda: fr.prelu(d(X), d(X[:3])), ValueError, "prelu: x and weight must broadcast together, got shapes (4, 5), (3, 5)"),
        (lambda: fr.relu(d(X), where=X > 0), TypeError, "relu: where must be True for arrays on a device, got ndarray"),
        (
            lambda: fr.relu(d(HALF)),
            TypeError,
            "relu: x must be a bool, integer, float32 or float64 array on a device, got float16",
        ),
        (
            lambda: fr.relu(d(X.astype(complex))),
            TypeError,
            "relu: x must be a bool, integer, float32 or float64 array on a device",
        ),
        (lambda: fr.leaky_relu(d(X), "1"), TypeError, "leaky_relu: negative_slope must be a real scalar, got str"),
        (
            lambda: fr.leaky_relu.backward(d(X), d(X), negative_slope=-1, from_output=True),
            ValueError,
            "leaky_relu.backward: negative_slope must be at least 0, got -1",
        ),
        (
            lambda: fr.leaky_relu.backward(d(X), d(X), wrt="negative_slope"),
            TypeError,
            "leaky_relu.backward: arrays on a device must have the shape of the gradient, (), got (4, 5)",
        ),
        (lambda: fr.softmax(d(X)), TypeError, "softmax: x must be in host memory, got"),
        (lambda: fr.leaky_relu(d(X), alpha=1), TypeError, "leaky_relu: unknown parameter 'alpha'"),
    ],
)
def test_wrong_arguments(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error) as raised:
        call()
    assert str(raised.value).startswith(message)


def d(x: Any) -> Any:
    return cuda.to_device(x)
