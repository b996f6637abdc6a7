"""Functions along an axis with device arrays, against the CPU; test_simulator.py runs these tests in numba's simulator."""

import itertools
from collections.abc import Iterator
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from numba import config, cuda

import fastrelu as fr
from fastrelu.fold import Fold
from fastrelu.kernels.cuda import fold_calls, launch
from fastrelu.vecmath.row_reductions import row_max, row_sum

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")
BFLOAT16 = np.dtype(ml_dtypes.bfloat16)
EVERY_FLOAT = (np.float16, BFLOAT16, np.float32, np.float64)
FOLDS = {name: record for name, record in fr.registry.items() if isinstance(record, Fold)}
along_rows = pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.slow if place else ())  # one that takes the same ways, and the rest in a slow run
        for place, (name, record) in enumerate((name, record) for name, record in FOLDS.items() if not record.pooled)
    ],
)


@pytest.fixture(autouse=True)
def small_teams(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each simulated thread is a Python thread, and each pause of all costs a millisecond."""
    if config.ENABLE_CUDASIM:
        monkeypatch.setattr(launch, "THREADS", 4)
        monkeypatch.setattr(launch, "LEAST_BLOCKS", 1)
        for name, size in {"WARP": 2, "LEAST_BLOCK": 4, "LARGEST_BLOCK": 4, "PIECE_THREADS": 2}.items():
            monkeypatch.setattr(fold_calls, name, size)


def sample(shape: Any, dtype: Any, seed: int = 0) -> Any:
    return (np.random.default_rng(seed).standard_normal(shape) * 3).astype(dtype)


def close(got: Any, wanted: Any) -> None:
    """The order of a sum may differ: a few units in the last place of the largest number."""
    got = got.copy_to_host()
    assert got.dtype == wanted.dtype
    assert got.shape == wanted.shape
    info = ml_dtypes.finfo(wanted.dtype)
    np.testing.assert_allclose(got.astype(float), wanted.astype(float), rtol=8 * float(info.eps), atol=8 * float(info.eps))


def d(x: Any) -> Any:
    return cuda.to_device(x)


def kinds() -> Iterator[Any]:
    """(length, dtype): every length, every dtype; and the rest marked slow."""
    for length, dtype in itertools.product((1, 3, 16, 40, 64, 100, 128), EVERY_FLOAT):
        quick = dtype == np.float32 or length == 64
        yield pytest.param(length, dtype, id=f"{length}-{np.dtype(dtype).name}", marks=() if quick else pytest.mark.slow)


@along_rows
@pytest.mark.parametrize(("length", "dtype"), list(kinds()))
def test_rows_of_any_length(name: str, length: int, dtype: Any) -> None:
    """Held by one thread, some, a warp, a block; and in pieces."""
    function, x = FOLDS[name], sample((3, length), dtype)
    wanted = function(x)
    close(function(d(x)), wanted)
    grad = sample((3, length), dtype, 1)
    close(function.backward(d(grad), d(wanted)), function.backward(grad, wanted))


@along_rows
@pytest.mark.parametrize("resident", [1, 6])
def test_several_blocks_a_row(name: str, resident: int, monkeypatch: pytest.MonkeyPatch) -> None:
    found = launch.kernel
    monkeypatch.setattr(launch, "kernel", lambda *key: found(*key)._replace(resident=resident))
    function, x, grad = FOLDS[name], sample((2, 100), np.float32), sample((2, 100), np.float32, 1)
    wanted = function(x)
    close(function(d(x)), wanted)
    close(function.backward(d(grad), d(wanted)), function.backward(grad, wanted))
    there = d(x)
    assert function(there, out=there) is there
    close(there, wanted)


@along_rows
@pytest.mark.parametrize("axis", [0, 1, -2, (0, 2), (1, 2), None], ids=str)
def test_any_axis(name: str, axis: Any) -> None:
    function, x, grad = FOLDS[name], sample((3, 4, 5), np.float32), sample((3, 4, 5), np.float32, 1)
    wanted = np.ascontiguousarray(function(x, axis=axis))
    close(function(d(x), axis=axis), wanted)
    close(function(d(np.asfortranarray(x)), axis=axis), wanted)
    close(function.backward(d(grad), d(wanted), axis=axis), function.backward(grad, wanted, axis=axis))
    out = cuda.device_array((3, 4, 5), np.float32)
    assert function(d(x), axis=axis, out=out) is out
    close(out, wanted)


@along_rows
@pytest.mark.parametrize("view", [np.s_[:, ::-1], np.s_[::2, 1:8], np.s_[::-1, ::3]], ids=str)
def test_views(name: str, view: Any) -> None:
    x = sample((5, 12), np.float32)
    close(FOLDS[name](d(x)[view]), FOLDS[name](x[view]))


@pytest.mark.parametrize("dtype", [BFLOAT16, np.float32], ids=lambda dtype: np.dtype(dtype).name)
@along_rows
@pytest.mark.parametrize("shape", [(6, 10), (10,), (6, 1)], ids=str)
def test_masks(name: str, shape: Any, dtype: Any) -> None:
    function, x, grad = FOLDS[name], sample((6, 10), dtype), sample((6, 10), dtype, 1)
    mask = np.random.default_rng(2).random(shape) < 0.6
    wanted = function(x, where=mask)
    close(function(d(x), where=d(mask)), wanted)
    close(function(d(x), axis=None, where=d(mask)), function(x, axis=None, where=mask))
    out = d(np.zeros_like(x))
    assert function.backward(d(grad), d(wanted), where=d(mask), out=out) is out
    close(out, function.backward(grad, wanted, where=mask))
    close(function(d(x), where=False), function(x, where=False))


@pytest.mark.parametrize("dtype", [np.int8, np.float16, np.float32, np.float64])
@pytest.mark.parametrize("pool_size", [1, 3, 48])
@pytest.mark.parametrize("axis", [0, 1])
def test_maxout(axis: int, pool_size: int, dtype: Any) -> None:
    """The same bits: nothing is added."""
    shape = (5, 96)[:: 1 if axis else -1]
    x = sample(shape, dtype)
    wanted = fr.maxout(x, pool_size, axis=axis)
    got = fr.maxout(d(x), pool_size, axis=axis)
    assert got.copy_to_host().tobytes() == wanted.tobytes()
    grad = sample(wanted.shape, dtype, 1)
    back = fr.maxout.backward(d(grad), d(x), pool_size, axis=axis).copy_to_host()
    assert back.tobytes() == fr.maxout.backward(grad, x, pool_size, axis=axis).tobytes()


def test_infinities_and_nans() -> None:
    inf, nan = np.inf, np.nan
    x = np.array([[inf, 1, inf], [-inf, -inf, -inf], [nan, 1, 2], [-inf, 0, 3], [700, -700, 0]], np.float64)
    for function in (fr.softmax, fr.log_softmax):
        np.testing.assert_allclose(function(d(x)).copy_to_host(), function(x), rtol=1e-15)


def test_no_elements() -> None:
    for shape in ((0, 3), (3, 0), (0,)):
        assert fr.softmax(d(np.ones(shape, np.float32))).shape == shape


def test_out_overlaps_the_input() -> None:
    x = sample((40,), np.float32)
    device = d(x)
    fr.softmax(device[:-1], out=device[1:])
    fr.softmax(x[:-1].copy(), out=x[1:])
    close(device, x)


def running_sum(x: Any, out: Any) -> None:
    total = x.dtype.type(0)
    for k in range(x.size):
        total += x[k]
        out[k] = total


def centred(x: Any, out: Any) -> None:
    """Has the sum of all, and needs their number: no thread may run it on a part of a row."""
    mean = row_sum(x) / x.dtype.type(x.size)
    for k in range(x.size):
        out[k] = x[k] - mean


def twice_the_maximum(x: Any, out: Any) -> None:
    for k in range(x.size):
        out[k] = x[k] - row_max(x)


def a_fold(formula: Any, masked: Any = None) -> Any:
    return Fold(formula, name=formula.__name__, module=__name__, doc="", cores=(True, True), masked=masked)


@pytest.mark.parametrize("formula", [running_sum, centred, twice_the_maximum])
@pytest.mark.parametrize("length", [7, 50])
def test_any_row_formula(formula: Any, length: int) -> None:
    function, x = a_fold(formula, masked=0.0), sample((3, length), np.float32)
    function.hidden = (0.0,)
    close(function(d(x)), function(x))
    mask = np.random.default_rng(1).random((3, length)) < 0.5
    close(function(d(x), where=d(mask)), function(x, where=mask))
    out = d(x)
    function(out, out=out)
    close(out, function(x))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda x: fr.softmax.backward(d(x), x), TypeError, "softmax.backward: y must be on the device as grad is, got ndarray"),
        (lambda x: fr.softmax(d(x), out=x), TypeError, "softmax: out must be on the device as x is, got ndarray"),
        (lambda x: fr.softmax(d(x), where=x > 0), TypeError, "softmax: where must be on the device as x is, got ndarray"),
        (lambda x: fr.softmax(d(x), where=d(x)), TypeError, "softmax: where must be a bool array, got float32"),
        (
            lambda x: fr.softmax(d(x), where=d(np.ones((2, 4, 6), bool))),
            ValueError,
            "softmax: where must broadcast to shape (4, 6), got (2, 4, 6)",
        ),
        (lambda x: fr.softmax(d(x), out=d(x[0])), ValueError, "softmax: out must have shape (4, 6), got (6,)"),
        (lambda x: fr.softmax(d(x), axis=2), ValueError, "softmax: axis must be from -2 to 1, got 2"),
        (lambda x: fr.softmax(d(x), axis=(0, 0)), ValueError, "softmax: axis must name each axis once, got (0, 0)"),
        (lambda x: fr.maxout(d(x), 5), ValueError, "maxout: pool_size must divide the axis of 6 elements, got 5"),
        (lambda x: fr.maxout(d(x), 2, where=d(x > 0)), TypeError, "maxout: where must be True, this function takes no mask"),
        (lambda x: fr.softmax.backward(d(x), d(x[:3])), ValueError, "softmax.backward: grad and y must match, got shapes"),
        (lambda x: fr.softmax.backward(d(x), 1.0), TypeError, "softmax.backward: y must be an array, got float"),
    ],
)
def test_wrong_arguments(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error) as raised:
        call(np.ones((4, 6), np.float32))
    assert str(raised.value).startswith(message)
