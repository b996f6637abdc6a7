"""Device arrays through the public functions, bit for bit against the CPU.

test_simulator.py runs these tests in numba's simulator. Named on pytest's command line they run on a real device.
"""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from numba import config, cuda
from registry_grid import cases

import fastrelu as fr
from fastrelu.kernels.cuda import devices, launch, layouts, sums

# Formulas run as plain Python here, where NumPy's scalars warn of what is meant: 0 * inf, overflow.
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")
BFLOAT16 = np.dtype(ml_dtypes.bfloat16)
both_precisions = pytest.mark.parametrize("dtype", [np.float32, np.float64])
every_float = pytest.mark.parametrize(
    "dtype", [np.float16, BFLOAT16, np.float32, np.float64], ids=lambda dtype: np.dtype(dtype).name
)


@pytest.fixture(autouse=True)
def small_grid(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each simulated thread is a Python thread; 2 x 3 of them still leave most elements to the stride."""
    if config.ENABLE_CUDASIM:
        monkeypatch.setattr(launch, "THREADS", 3)
        monkeypatch.setattr(launch, "LEAST_BLOCKS", 2)
        monkeypatch.setattr(sums, "THREADS", 2)


def sample(shape: Any, dtype: Any, seed: int = 0) -> Any:
    x = (np.random.default_rng(seed).standard_normal(shape) * 5).astype(dtype)
    info = ml_dtypes.finfo(dtype)
    special = [0.0, -0.0, np.inf, -np.inf, np.nan, info.smallest_subnormal, -info.smallest_normal / 2, info.max, -90.0, 700.0]
    x.reshape(-1)[: len(special)] = np.roll(special, seed)[: x.size]
    return x


def same_bits(got: Any, wanted: Any) -> None:
    """A NaN is a NaN: its sign and payload are the machine's."""
    if np.dtype(got.dtype).kind not in "biu":
        nan = np.isnan(wanted)
        assert np.array_equal(np.isnan(got), nan)
        got, wanted = (np.where(nan, np.zeros((), got.dtype), each) for each in (got, wanted))
    assert got.tobytes() == wanted.tobytes()


def check(function: Any, arrays: Any, views: Any = None, out: Any = None, **named: Any) -> Any:
    """Compute on the device and here; `views` says how to look at the arrays, there and here; returns the device's result."""
    views = views or [lambda a: a] * len(arrays)
    wanted = np.asarray(function(*(view(a) for view, a in zip(views, arrays, strict=True)), **named))
    result = function(*(view(cuda.to_device(a)) for view, a in zip(views, arrays, strict=True)), out=out, **named)
    got = result.copy_to_host()
    assert got.dtype == wanted.dtype
    assert got.shape == wanted.shape
    same_bits(got, wanted)
    return result


# Simulated threads are slow: a function of each kind in two dtypes, and marked slow all the others.
SIMULATED = ("relu", "prelu", "elu", "gelu", "sinusoid")


def grid() -> Iterator[Any]:
    for dtype in (np.float16, BFLOAT16, np.float32, np.float64):
        for name, record in fr.registry.items():
            quick = name in SIMULATED and dtype in (np.float16, np.float32)
            for case in cases({name: record}):
                told = f"{case.id}-{np.dtype(dtype).name}"
                yield pytest.param(*case.values, dtype, id=told, marks=() if quick else pytest.mark.slow)


@pytest.mark.parametrize(("function", "options", "dtype"), list(grid()))
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


@pytest.mark.parametrize(
    "view",
    [
        lambda a: a[::2],
        lambda a: a[:, 1:3],
        lambda a: a.transpose(),
        lambda a: a[3],
        lambda a: a[1:4, ::3],
        lambda a: a[::-1],
        lambda a: a[::-2, ::-1],
        lambda a: a[:0],
    ],
    ids=["rows", "columns", "transposed", "row", "both", "reversed", "both reversed", "no rows"],
)
def test_views(view: Any) -> None:
    check(fr.leaky_relu, [sample((6, 7), np.float32)], [view])


@every_float
@pytest.mark.parametrize("start", [0, 1, 3])
@pytest.mark.parametrize("size", [0, 1, 8, 41])
@pytest.mark.parametrize("offset", [0, 1])
def test_heads_and_tails_of_vectors(offset: int, size: int, start: int, dtype: Any) -> None:
    """What does not begin or end at a multiple of 16 bytes, and what all operands do not in the same way."""
    x, weight = sample((50,), dtype), sample((50,), dtype, 1)
    views = [lambda a: a[start : start + size], lambda a: a[start + offset : start + offset + size]]
    check(fr.prelu, [x, weight], views)
    device = cuda.to_device(x)
    fr.relu(device[start : start + size], out=device[start : start + size])
    wanted = x.copy()
    fr.relu(x[start : start + size], out=wanted[start : start + size])
    same_bits(device.copy_to_host(), wanted)


@every_float
@pytest.mark.parametrize("shape", [(4, 5), (5,), (4, 1), (1, 1), ()], ids=str)
def test_masks(shape: Any, dtype: Any) -> None:
    x, mask = sample((4, 5), dtype), np.random.default_rng(0).random(shape) < 0.5
    for where in (mask, ~mask):
        check_where(fr.sigmoid, x, where, cuda.to_device(where))
    check_where(fr.sigmoid, np.asfortranarray(x), mask, cuda.to_device(mask))


def check_where(function: Any, x: Any, where: Any, flags: Any) -> None:
    """New arrays have 0 where nothing is selected, given ones keep what they hold."""
    given = np.full(x.shape, 7, x.dtype)
    out = cuda.to_device(given)
    for target, wanted in ((None, function(x, where=where)), (out, function(x, where=where, out=given))):
        got = function(cuda.to_device(x), where=flags, out=target).copy_to_host()
        same_bits(got, wanted)


def test_one_bool_selects_all_or_nothing() -> None:
    x = np.ones((3, 4), np.float32)
    assert fr.relu(d(x), where=False).copy_to_host().tolist() == np.zeros((3, 4)).tolist()
    assert fr.relu(d(x), where=np.True_).copy_to_host().tolist() == x.tolist()
    out = d(x * 5)
    assert fr.relu(d(x), where=False, out=out) is out
    assert out.copy_to_host().tolist() == (x * 5).tolist()


def test_a_mask_larger_than_the_operand_and_one_that_the_output_overlaps() -> None:
    x, mask = sample((5,), np.float32), np.arange(15).reshape(3, 5) % 2 == 0
    got = fr.leaky_relu(d(x), where=d(mask)).copy_to_host()
    assert np.array_equal(got, fr.leaky_relu(x, where=mask), equal_nan=True)
    flags = cuda.to_device(np.array([True, False, True, True]))
    bits = flags.view(np.uint8)
    fr.step(bits, where=flags, out=bits[::-1])
    wanted = np.array([1, 0, 1, 1], np.uint8)
    fr.step(wanted.copy(), where=wanted.astype(bool), out=wanted[::-1])
    assert bits.copy_to_host().tolist() == wanted.tolist()


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
    def at(start: int, size: int = 4, step: int = 4) -> devices.Array:
        return devices.Array(start, (size,), (step,), np.dtype(np.float32), False, 0)

    assert not layouts.clash(at(4096), at(4096))
    assert not layouts.clash(at(4096), at(4096 + 16))
    assert layouts.clash(at(4096), at(4096 + 4))
    assert layouts.clash(at(4096), at(4096, size=3))
    assert layouts.clash(at(4096), at(4096, step=8))


def test_a_read_only_out_is_refused() -> None:
    interface = {"data": (4096, True), "strides": None, "shape": X.shape, "typestr": X.dtype.str}
    out = SimpleNamespace(__cuda_ndarray__=True, __cuda_array_interface__=interface, dtype=X.dtype, shape=X.shape)
    with pytest.raises(ValueError, match="relu: out must be writeable, got a read-only array"):
        fr.relu(d(X), out=out)


@every_float
def test_random_numbers_of_the_cpu(dtype: Any) -> None:
    for function in (fr.rrelu, fr.rrelu.backward):
        given = [sample((3, 7), dtype, seed) for seed in range(len(function.arrays))]
        check(function, given, training=True, seed=2**63 + 5)
    mask = np.arange(7) % 3 == 0
    same_bits(
        fr.rrelu(d(given[-1]), training=True, seed=3, where=d(mask)).copy_to_host(),
        fr.rrelu(given[-1], training=True, seed=3, where=mask),
    )
    with pytest.raises(ValueError, match=r"rrelu: where must broadcast to shape \(3, 7\), got \(2, 3, 7\)"):
        fr.rrelu(d(given[-1]), training=True, seed=3, where=d(np.ones((2, 3, 7), bool)))
    with pytest.raises(ValueError, match=r"rrelu.backward: grad and x must have one shape where training, got .*4, 5.*5, 4"):
        fr.rrelu.backward(d(X), d(X.T.copy()), training=True, seed=1)


def test_backward_of_several_arrays() -> None:
    given = [sample((9,), np.float32, seed) for seed in range(3)]
    for got, wanted in zip(fr.prelu.backward(*map(d, given)), fr.prelu.backward(*given), strict=True):
        assert np.array_equal(got.copy_to_host(), wanted, equal_nan=True)
    got = fr.leaky_relu.backward(*map(d, given[:2]), wrt="x").copy_to_host()
    assert np.array_equal(got, fr.leaky_relu.backward(*given[:2]), equal_nan=True)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
@pytest.mark.parametrize("shape", [(5,), (4, 1), (3, 1, 1), (1, 1, 1), (), (3, 4, 5)], ids=str)
def test_gradients_of_weights_are_summed(shape: Any, dtype: Any) -> None:
    grad, x, weight = (
        np.nan_to_num(sample(s, dtype, k), posinf=0, neginf=0) for k, s in enumerate(((3, 4, 5), (3, 4, 5), shape))
    )
    x[np.abs(x.astype(float)) > 100] = 1
    mask = np.random.default_rng(4).random((4, 5)) < 0.5
    for keywords in ({}, {"wrt": ("weight", "x")}, {"wrt": "weight"}, {"where": mask}):
        wanted = fr.prelu.backward(grad, x, weight, **keywords)
        there = {**keywords, "where": d(mask)} if "where" in keywords else keywords
        got = fr.prelu.backward(d(grad), d(x), d(weight), **there)
        for mine, other in zip(*(each if isinstance(each, tuple) else (each,) for each in (got, wanted)), strict=True):
            near(mine, other)


@every_float
def test_gradients_of_parameters_are_summed(dtype: Any) -> None:
    grad, x = (np.random.default_rng(k).standard_normal((10, 13)).astype(dtype) for k in (0, 1))
    near(fr.elu.backward(d(grad), d(x), wrt="alpha"), np.asarray(fr.elu.backward(grad, x, wrt="alpha")))
    near(fr.elu.backward(d(grad), d(x.T.copy()).transpose(), wrt="alpha"), np.asarray(fr.elu.backward(grad, x, wrt="alpha")))
    out = cuda.device_array((), dtype)
    slope, _ = fr.leaky_relu.backward(d(grad), d(x), 0.2, wrt=("negative_slope", "x"), out=(out, None))
    assert slope is out
    near(out, np.asarray(fr.leaky_relu.backward(grad, x, 0.2, wrt="negative_slope")))
    near(fr.elu.backward(d(grad), d(x), wrt="alpha", where=False), np.zeros((), dtype))
    empty = cuda.device_array((0, 3), dtype)
    near(fr.elu.backward(empty, empty, wrt="alpha"), np.zeros((), dtype))


def near(got: Any, wanted: Any) -> None:
    """Sums of another order, in float64: the last place may differ."""
    got, eps = got.copy_to_host(), float(ml_dtypes.finfo(wanted.dtype).eps)
    assert (got.dtype, got.shape) == (wanted.dtype, wanted.shape)
    np.testing.assert_allclose(got.astype(float), wanted.astype(float), rtol=eps, atol=1e-14)


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint8", "int32", "int64", "uint64"])
def test_integers(dtype: str) -> None:
    """They stay integers where they do on the CPU."""
    x = np.arange(-5, 6).astype(dtype)
    check(fr.relu, [x])
    check(fr.step, [x], threshold=0.5)
    if dtype != "bool":
        check(fr.step, [x], threshold=1)
    check(fr.sigmoid, [x])


def test_mixed_precision_computes_in_the_wider() -> None:
    check(fr.prelu, [sample((9,), np.float32), sample((9,), np.float64, 1)])


def test_numbers_are_operands() -> None:
    x = sample((4, 5), np.float32)
    for weight in (0.3, 2, True, np.float32(0.3), np.float64(0.3)):
        result = fr.prelu(cuda.to_device(x), weight).copy_to_host()
        wanted = fr.prelu(x, weight)
        assert result.dtype == wanted.dtype
        assert np.array_equal(result, wanted, equal_nan=True)


X = np.ones((4, 5), np.float32)


def across_words() -> Any:
    return d(np.zeros(21, np.uint8))[1:].view(np.float32)


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
        (lambda: fr.relu(d(X), where=X > 0), TypeError, "relu: where must be on the device as x is, got ndarray"),
        (lambda: fr.relu(d(X), where=d(X)), TypeError, "relu: where must be a bool array, got float32"),
        (lambda: fr.relu(d(X), where=1), TypeError, "relu: where must be a bool array, got int64"),
        (lambda: fr.relu(d(X.astype(complex))), TypeError, "relu: x must be a real array, got complex128"),
        (lambda: fr.leaky_relu(d(X), "1"), TypeError, "leaky_relu: negative_slope must be a real scalar, got str"),
        (
            lambda: fr.leaky_relu.backward(d(X), d(X), negative_slope=-1, from_output=True),
            ValueError,
            "leaky_relu.backward: negative_slope must be at least 0, got -1",
        ),
        (
            lambda: fr.leaky_relu.backward(d(X), X, wrt="negative_slope"),
            TypeError,
            "leaky_relu.backward: x must be on the device as grad is, got ndarray",
        ),
        (
            lambda: fr.leaky_relu.backward(d(X), d(X), wrt="negative_slope", out=d(X)),
            ValueError,
            "leaky_relu.backward: out must have shape (), got (4, 5)",
        ),
        (lambda: fr.relu(d(X.astype(">f4"))), TypeError, "relu: x must have the byte order of the device, got >f4"),
        (lambda: fr.relu(d(X), out=d(X.astype(">f4"))), TypeError, "relu: out must have the byte order of the device, got >f4"),
        (lambda: fr.relu(across_words()), ValueError, "relu: x must lie at multiples of 4 bytes, got strides (4,) at"),
        (lambda: fr.relu(d(X[0]), out=across_words()), ValueError, "relu: out must lie at multiples of 4 bytes, got strides"),
        (lambda: fr.leaky_relu(d(X), alpha=1), TypeError, "leaky_relu: unknown parameter 'alpha'"),
    ],
)
def test_wrong_arguments(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error) as raised:
        call()
    assert str(raised.value).startswith(message)


def d(x: Any) -> Any:
    return cuda.to_device(x)
