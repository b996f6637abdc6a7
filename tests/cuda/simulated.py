"""The CUDA kernels, bit for bit against compiled CPU code.

test_simulator.py runs these tests in numba's simulator. Named on pytest's command line they run on a real device.
"""

import functools
from typing import Any

import numpy as np
import pytest
from cuda_formulas import FORMULAS, IDS, blend, leaky, relu, sigmoid
from numba import config, cuda, njit, vectorize

from fastrelu.kernels import cuda as kernels

pytestmark = [
    # Formulas run as plain Python here, where NumPy's scalars warn of what is meant: 0 * inf, overflow.
    pytest.mark.filterwarnings("ignore::RuntimeWarning"),
    pytest.mark.parametrize("dtype", [np.float32, np.float64]),
]
compiled = functools.cache(vectorize)


@pytest.fixture(autouse=True)
def small_grid(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each simulated thread is a Python thread; 2 x 3 of them still leave most elements to the stride."""
    if config.ENABLE_CUDASIM:
        monkeypatch.setattr(kernels, "GRID", (2, 3))


def sample(shape: Any, dtype: Any, seed: int = 0) -> Any:
    x = (np.random.default_rng(seed).standard_normal(shape) * 5).astype(dtype)
    info = np.finfo(dtype)
    special = [0.0, -0.0, np.inf, -np.inf, np.nan, info.smallest_subnormal, -info.smallest_normal / 2, info.max]
    x.reshape(-1)[: len(special)] = special[: x.size]
    return x


def check(formula: Any, dtype: Any, arrays: Any, params: Any = (), views: Any = None, out: Any = None) -> Any:
    """Compute on the device; `views` says how to look at the arrays, here and there; returns the device's result."""
    views = views or [lambda a: a] * len(arrays)
    wanted = np.asarray(compiled(formula)(*(view(a) for view, a in zip(views, arrays, strict=True)), *map(dtype, params)))
    operands = [view(cuda.to_device(a)) for view, a in zip(views, arrays, strict=True)]
    result = kernels.elementwise(formula, [*operands, *params], len(arrays), dtype, out)
    got = result.copy_to_host()
    assert got.dtype == wanted.dtype
    assert got.shape == wanted.shape
    nan = np.isnan(wanted)  # a NaN is a NaN: its sign and payload are the machine's
    assert np.array_equal(np.isnan(got), nan)
    assert np.where(nan, 0, got).tobytes() == np.where(nan, 0, wanted).tobytes()
    return result


@pytest.mark.parametrize(("formula", "n", "params"), FORMULAS, ids=IDS)
@pytest.mark.parametrize("shape", [(1,), (5,), (64,), (0,), (), (3, 5, 4)], ids=str)
def test_same_bits_as_the_cpu(formula: Any, n: int, params: Any, shape: Any, dtype: Any) -> None:
    check(formula, dtype, [sample(shape, dtype, seed) for seed in range(n)], params)


BROADCAST = pytest.mark.parametrize(
    "shapes", [((4, 5), (5,)), ((4, 1), (1, 5)), ((2, 3, 4), (3, 1)), ((6,), ()), ((1,), (7,))], ids=str
)


@BROADCAST
def test_broadcast(shapes: Any, dtype: Any) -> None:
    check(blend, dtype, [sample(shape, dtype, seed) for seed, shape in enumerate(shapes)], (0.3,))


@BROADCAST
def test_what_devices_compile_walks_as_the_plain_python_does(shapes: Any, dtype: Any) -> None:
    """The simulator runs the helpers as Python; numba compiles other code for a device, and for the CPU here."""

    @njit
    def walk(arrays: Any, shape: Any, out: Any) -> None:
        for i in range(len(out)):
            x, y = kernels.gather(arrays, kernels.position(i, shape), dtype)
            out[i, 0], out[i, 1] = x, y

    # From 2**24 on float32 cannot hold every integer: a missing conversion shows.
    arrays = [np.arange(2**24, 2**24 + np.prod(shape, dtype=int)).reshape(shape) for shape in shapes]
    flat = [a.ravel() for a in np.broadcast_arrays(*arrays)]
    wanted = np.stack(flat, axis=1).astype(dtype).astype(np.float64)
    for run in (walk, walk.py_func):
        for operands, shape in ((arrays, np.broadcast_shapes(*shapes)), (flat, len(wanted))):
            out = np.zeros_like(wanted)
            run(tuple(operands), shape, out)
            assert np.array_equal(out, wanted)


@pytest.mark.parametrize(
    "view",
    [lambda a: a[::2], lambda a: a[:, 1:3], lambda a: a.transpose(), lambda a: a[3], lambda a: a[1:4, ::3]],
    ids=["rows", "columns", "transposed", "row", "both"],
)
def test_views(view: Any, dtype: Any) -> None:
    check(leaky, dtype, [sample((6, 7), dtype)], (0.2,), [view])


def test_two_layouts_in_one_call(dtype: Any) -> None:
    x, y = sample((4, 5), dtype), sample((5, 4), dtype, 1)
    check(blend, dtype, [x, y], (0.3,), [lambda a: a, lambda a: a.transpose()])


def test_fortran_order_is_kept(dtype: Any) -> None:
    assert check(relu, dtype, [np.asfortranarray(sample((4, 5), dtype))]).is_f_contiguous()
    assert check(relu, dtype, [sample((4, 5), dtype)]).is_c_contiguous()


def test_out(dtype: Any) -> None:
    out = cuda.device_array((4, 5), dtype)
    assert check(relu, dtype, [sample((4, 5), dtype)], out=out) is out
    columns = cuda.device_array((5, 4), dtype).transpose()
    assert check(relu, dtype, [sample((4, 5), dtype)], out=columns) is columns
    with pytest.raises(ValueError, match=r"out must have shape \(4, 5\), got \(5,\)"):
        check(relu, dtype, [sample((4, 5), dtype)], out=cuda.device_array((5,), dtype))


def test_in_place(dtype: Any) -> None:
    x = sample((4, 5), dtype)
    device = cuda.to_device(x)
    assert kernels.elementwise(relu, [device], 1, dtype, device) is device
    assert device.copy_to_host().tobytes() == compiled(relu)(x).tobytes()


def test_integers_stay_integers(dtype: Any) -> None:
    x = np.arange(-5, 6)
    result = kernels.elementwise(relu, [cuda.to_device(x)], 1, x.dtype)
    assert result.dtype == x.dtype
    assert np.array_equal(result.copy_to_host(), np.maximum(x, 0))


def test_integers_become_the_type_to_compute_in(dtype: Any) -> None:
    x = np.arange(-5, 6)
    result = kernels.elementwise(sigmoid, [cuda.to_device(x)], 1, dtype)
    assert result.copy_to_host().tobytes() == compiled(sigmoid)(x.astype(dtype)).tobytes()
