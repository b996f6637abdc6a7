"""softmax, log_softmax and maxout: against mpmath and SciPy, on every axis and layout, with infinities, NaN and masks."""

import math

import mpmath
import numba
import numpy as np
import pytest
import scipy.special
from fastrelu.kernels.parallel import CHUNK
from grid import FOLDS, each, same_bits

import fastrelu as fr

inf, nan = math.inf, math.nan
SMOOTH = {name: function for name, function in FOLDS.items() if not function.pooled}
LENGTHS = [1, 2, 3, 63, 64, 65, 127, 128, 1000]
HALF_TOO = ["float16", "float32", "float64"]
each_dtype = pytest.mark.parametrize("dtype", HALF_TOO)


def rows(shape, dtype=np.float64, scale=3.0, seed=0):
    return (np.random.default_rng(seed).normal(size=shape) * scale).astype(dtype)


def call(function, x, axis=-1, **keywords):
    """The function along an axis; a pooled one takes the whole axis as one group."""
    return function(x, x.shape[axis], axis=axis, **keywords) if function.pooled else function(x, axis=axis, **keywords)


class TestValues:
    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    @pytest.mark.parametrize("scale", [1e-6, 1.0, 30.0])
    @each(FOLDS)
    def test_against_mpmath(self, function, scale, dtype):
        """The rounding of x - max(x) is an error of as many ULP in its exponential; logarithms near 0 have an absolute one."""
        eps = float(np.finfo(dtype).eps)
        for length in (1, 2, 5, 64, 65):
            x = rows(length, dtype, scale)
            with mpmath.workprec(200):
                exact = function.reference(mpmath, [mpmath.mpf(float(value)) for value in x])
                errors = [float(abs(mpmath.mpf(float(got)) - true)) for got, true in zip(call(function, x), exact, strict=True)]
            far = 2 * np.ptp(x) if len(exact) == length else 0
            scales = np.abs(np.array(exact, float))
            least = float(np.finfo(dtype).smallest_subnormal)
            bound = (4 + far) * eps * scales + least if function is fr.softmax else 4 * eps * (scales + 1)
            assert (np.array(errors) <= bound).all(), (errors, bound)

    @pytest.mark.parametrize("length", LENGTHS)
    def test_against_scipy(self, length):
        x = rows((7, length), scale=20)
        for axis in (0, 1):
            np.testing.assert_allclose(fr.softmax(x, axis=axis), scipy.special.softmax(x, axis=axis), rtol=2e-14, atol=1e-300)
            np.testing.assert_allclose(
                fr.log_softmax(x, axis=axis), scipy.special.log_softmax(x, axis=axis), rtol=1e-13, atol=1e-15
            )
            np.testing.assert_array_equal(fr.maxout(x, x.shape[axis], axis=axis), x.max(axis, keepdims=True))

    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    def test_wide_range(self, dtype):
        """Neither overflow nor the loss of what is small: e**-100 is a subnormal float32."""
        x = np.array([0.0, -100.0, 50.0, 49.0], dtype)
        big = np.array([np.finfo(dtype).max, 0, -np.finfo(dtype).max], dtype)
        assert fr.softmax(big).tolist() == [1, 0, 0]
        assert fr.log_softmax(big)[0] == 0
        assert fr.softmax(np.array([0.0, -100.0], dtype))[1] == dtype_exp(dtype)
        np.testing.assert_allclose(fr.softmax(x), scipy.special.softmax(x.astype(float)), rtol=1e-5, atol=1e-45)
        assert fr.log_softmax(np.array([0.0, -2000.0], dtype)).tolist() == [0, -2000], "log(softmax) would be -inf"

    def test_half_is_computed_in_float32(self):
        x = rows((5, 129), np.float16)
        for function in SMOOTH.values():
            with np.errstate(all="ignore"):
                same_bits(function(x), function(x.astype(np.float32)).astype(np.float16))

    def test_sum_of_many_small_terms(self):
        got = fr.softmax(np.zeros(10_000_000, np.float32))
        np.testing.assert_array_equal(got, np.float32(1e-7))


def dtype_exp(dtype):
    return np.exp(np.array(-100.0)).astype(dtype)


class TestSpecialRows:
    @each_dtype
    def test_infinities_share(self, dtype):
        for row, expected in [
            ([inf, 0, 1], [1, 0, 0]),
            ([inf, inf, 1], [0.5, 0.5, 0]),
            ([inf, -inf, inf, inf], [1 / 3, 0, 1 / 3, 1 / 3]),
            ([-inf, 0, -inf], [0, 1, 0]),
            ([inf], [1]),
            ([-inf, 1, 1], [0, 0.5, 0.5]),
        ]:
            got = fr.softmax(np.array(row, dtype))
            np.testing.assert_array_equal(got, np.array(expected, dtype))
            with np.errstate(divide="ignore"):
                np.testing.assert_allclose(
                    fr.log_softmax(np.array(row, dtype)), np.log(expected), rtol=1e-3 if dtype == "float16" else 1e-6
                )

    @each_dtype
    @pytest.mark.parametrize("length", [1, 2, 64, 65, 200])
    def test_all_minus_infinity(self, length, dtype):
        for function in SMOOTH.values():
            assert np.isnan(function(np.full(length, -inf, dtype))).all()
        assert fr.maxout(np.full(length, -inf, dtype), length) == -inf

    @each_dtype
    @each(FOLDS)
    def test_nan_stays_in_its_row(self, function, dtype):
        for length in (2, 64, 65, 131):
            x = rows((3, length), dtype)
            clean = call(function, x)
            for place in (0, length // 2, length - 1):
                for company in (0, inf, -inf):
                    bad = x.copy()
                    bad[1, (place + 1) % length] = company
                    bad[1, place] = nan
                    got = call(function, bad)
                    assert np.isnan(got[1]).all()
                    same_bits(got[::2], clean[::2])

    @each(FOLDS)
    def test_empty(self, function):
        if not function.pooled:
            assert function(np.empty((3, 0))).shape == (3, 0)
            assert function(np.empty((0, 3)), axis=0).shape == (0, 3)
        assert call(function, np.empty((0, 3))).shape[0] == 0


class TestAxesAndLayouts:
    @each_dtype
    @pytest.mark.parametrize("axis", range(-3, 3))
    @each(FOLDS)
    def test_every_axis(self, function, axis, dtype):
        x = rows((4, 6, 10), dtype)
        got = call(function, x, axis)
        expected = np.moveaxis(call(function, np.moveaxis(x, axis, -1).copy()), -1, axis)
        same_bits(got, np.ascontiguousarray(expected))

    @each(FOLDS)
    def test_layouts(self, function):
        for dtype in ("float32", "float64"):
            x = rows((12, 130), dtype)
            expected = call(function, x)
            wide = np.zeros((24, 390), dtype)
            wide[::2, ::-3] = x
            raw = np.zeros(x.nbytes + 1, np.uint8)[1:].view(dtype).reshape(x.shape)
            raw[:] = x
            frozen = x.copy()
            frozen.flags.writeable = False
            for view in (np.asfortranarray(x), wide[::2, ::-3], raw, x.astype(x.dtype.newbyteorder()), frozen, x.T.copy().T):
                same_bits(call(function, view), expected)
            same_bits(call(function, np.broadcast_to(x[3], (5, 130))), np.broadcast_to(expected[3], (5, expected.shape[1])))
            same_bits(call(function, x.reshape(3, 4, 130)), expected.reshape(3, 4, -1))

    @each(SMOOTH)
    def test_row_alone_or_among_others(self, function):
        """Rows that are not contiguous are gathered many at a time: no row may depend on its neighbours."""
        for length in LENGTHS:
            x = rows((37, length), np.float32)
            expected = np.array([function(row) for row in x])
            same_bits(function(x), expected)
            same_bits(function(np.asfortranarray(x)), expected)
            same_bits(function(x.T, axis=0), expected.T)

    @pytest.mark.parametrize("threads", range(1, numba.config.NUMBA_NUM_THREADS + 1))
    @each_dtype
    @each(FOLDS)
    def test_parallel_is_serial(self, function, dtype, threads):
        before = numba.get_num_threads()
        numba.set_num_threads(threads)
        try:
            kind = np.dtype(dtype)
            serial, (parallel, loop) = function.target(kind)[0], function.target(kind, parallel=True)
            for shape in [(1, 50), (33, 65), (50, 1), (3, 4, 5)]:
                x = rows(shape, dtype)
                for chunk in (1, 3, 16, 1 << 30):
                    loop.data[CHUNK] = chunk
                    same_bits(parallel(x), serial(x))
                    same_bits(parallel(x[..., ::-1]), serial(x[..., ::-1].copy()))
            large = rows((600, 1000), dtype)
            same_bits(call(function, large), np.concatenate([call(function, part) for part in np.split(large, 300)]))
        finally:
            numba.set_num_threads(before)


class TestFormula:
    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    @pytest.mark.parametrize("length", [1, 2, 3, 63, 64, 65, 200])
    @each(FOLDS)
    def test_in_plain_python(self, function, length, dtype):
        x = rows(length, dtype, 10)
        out = np.empty(1 if function.pooled else length, dtype)
        with np.errstate(all="ignore"):
            function.formula(x, out)
        same_bits(out, call(function, x))

    @pytest.mark.parametrize("row", [[inf, 0, 1], [inf, inf, nan], [-inf, -inf], [nan, 1], [-0.0, 0.0], [1e30, -1e30]])
    @each(FOLDS)
    def test_special_rows_in_plain_python(self, function, row):
        for dtype in ("float32", "float64"):
            x = np.array(row, dtype)
            out = np.empty(1 if function.pooled else len(row), dtype)
            with np.errstate(all="ignore"):
                function.formula(x, out)
            same_bits(out, call(function, x))

    @each(SMOOTH)
    def test_backward_in_plain_python(self, function):
        for dtype in ("float32", "float64"):
            grad, y = rows(70, dtype), function(rows(70, dtype, seed=1))
            out = np.empty(70, dtype)
            function.backward.formula(grad, y, out)
            same_bits(out, function.backward(grad, y))


class TestMasks:
    @each_dtype
    @pytest.mark.parametrize("axis", [0, 1, -1])
    def test_as_if_left_out(self, axis, dtype):
        x = rows((6, 40), dtype)
        mask = np.random.default_rng(2).random((6, 40)) < 0.5
        mask[0] = True
        for function, left_out in ((fr.softmax, 0), (fr.log_softmax, -inf)):
            got = function(x, axis=axis, where=mask)
            assert got.dtype == dtype
            assert (got[~mask] == left_out).all()
            for k in range(x.shape[1 - axis % 2] if axis % 2 == 0 else x.shape[0]):
                row = (slice(None), k) if axis == 0 else (k, slice(None))
                chosen = mask[row]
                alone = function(x[row][chosen]) if chosen.any() else x[row][chosen]
                np.testing.assert_allclose(
                    got[row][chosen],
                    alone,
                    rtol=8 * float(np.finfo(dtype).eps),
                    atol=(8 if left_out else 0) * float(np.finfo(dtype).eps),
                )

    def test_all_masked(self):
        x = np.array([[1.0, 2.0], [3.0, -inf]])
        mask = np.array([[False, False], [True, True]])
        assert fr.softmax(x, where=mask).tolist() == [[0, 0], [1, 0]]
        assert fr.log_softmax(x, where=mask).tolist() == [[-inf, -inf], [0, -inf]]
        assert fr.softmax(x, where=False).tolist() == [[0, 0], [0, 0]]

    def test_masked_nan_and_infinity_are_ignored(self):
        for bad in (nan, inf):
            got = fr.softmax([1.0, bad, 1.0], where=[True, False, True])
            assert got.tolist() == [0.5, 0, 0.5]
        assert np.isnan(fr.softmax([1.0, nan, 1.0], where=[False, True, True])[1:]).all()
        assert fr.softmax([1.0, nan, 1.0], where=[False, True, True])[0] == 0

    def test_unmasked_minus_infinity(self):
        """Entries that take part, all of them -inf: NaN, as without a mask."""
        got = fr.softmax([-inf, -inf, 3.0], where=[True, True, False])
        assert np.isnan(got[:2]).all()
        assert got[2] == 0

    def test_broadcasts_and_out(self):
        x = rows((3, 4))
        mask = np.array([True, False, True, True])
        expected = fr.softmax(x, where=np.broadcast_to(mask, (3, 4)))
        same_bits(fr.softmax(x, where=mask), expected)
        out = np.full((3, 4), 9.0)
        assert fr.softmax(x, where=mask, out=out) is out
        same_bits(out, expected)
        column = fr.softmax(x, where=np.array([[True], [False], [True]]))
        assert (column[1] == 0).all()
        same_bits(column[::2], fr.softmax(x)[::2])
        before = x.copy()
        fr.softmax(x, where=mask)
        same_bits(x, before)

    def test_integers_and_scalar_mask(self):
        np.testing.assert_allclose(fr.softmax([1, 2, 3], where=[True, True, False]), [*scipy.special.softmax([1.0, 2]), 0])
        same_bits(fr.softmax(rows(5), where=True), fr.softmax(rows(5)))


class TestApi:
    @pytest.mark.parametrize("code", [*"bhilqBHILQ", "bool", "e", "f", "d", ">f4", ">f8"])
    def test_dtypes(self, code):
        x = np.array([[0, 1, 1, 0]], code)
        expected = np.exp(x).dtype
        for function in SMOOTH.values():
            assert function(x).dtype == expected
            same_bits(function(x), function(x.astype(expected)))
        keeps = np.dtype("int8") if code == "bool" else x.dtype.newbyteorder("=")
        assert fr.maxout(x, 2).dtype == keeps
        assert fr.maxout(x, 2).tolist() == [[1, 1]]

    def test_lists(self):
        np.testing.assert_allclose(fr.softmax([1.0, 2.0, 3.0]), scipy.special.softmax([1.0, 2.0, 3.0]))
        assert fr.maxout([1, 5, 3, 2], 2).tolist() == [5, 3]
        assert fr.maxout([1, 5, 3, 2], 2).dtype == np.dtype(int)
        assert fr.softmax([[1, 1], [2, 2]], axis=0).shape == (2, 2)

    @each(FOLDS)
    def test_out(self, function):
        x = rows((6, 8))
        expected = call(function, x)
        out = np.empty_like(expected)
        assert call(function, x, out=out) is out
        same_bits(out, expected)
        for axis in (0, 1):
            expected = call(function, x, axis)
            wide = np.full([2 * n for n in expected.shape], 7.0)
            out = wide[::2, ::-2]
            assert call(function, x, axis, out=out) is out
            same_bits(out, expected)
            assert (wide[1::2] == 7).all()
            fortran = np.empty(expected.shape, order="F")
            call(function, x, axis, out=fortran)
            same_bits(fortran, expected)

    @each(SMOOTH)
    def test_in_place_and_overlapping(self, function):
        for axis in (0, 1):
            x = rows((50, 60), np.float32)
            expected = function(x, axis=axis)
            assert function(x, axis=axis, out=x) is x
            same_bits(x, expected)
        for shift in (1, -1, 7, 60, -60, 90):
            memory = rows(50 * 60 + 200, np.float32)
            source, target = (memory[s : s + 3000].reshape(50, 60) for s in (100, 100 + shift))
            expected = function(source.copy())
            function(source, out=target)
            same_bits(target, expected)

    @each(SMOOTH)
    def test_out_is_kept_after_an_error(self, function):
        out = np.full(3, 7.0)
        for wrong in (lambda: function([1.0, 2, 3], axis=3, out=out), lambda: function([1j, 2, 3], out=out)):
            with pytest.raises((TypeError, ValueError)):
                wrong()
        assert (out == 7).all()

    def test_subclass_masked_and_pandas(self):
        import pandas as pd

        frame = pd.DataFrame({"a": [1.0, 2.0], "b": [0.0, 5.0]})
        np.testing.assert_array_equal(np.asarray(fr.softmax(frame)), fr.softmax(frame.to_numpy()))

    def test_one_axis_of_a_cube_of_ufunc(self):
        """The generalised ufunc itself takes NumPy's own arguments."""
        x = rows((3, 4, 5))
        same_bits(fr.softmax.ufunc(x, axis=1), fr.softmax(x, axis=1))
        assert isinstance(fr.softmax.ufunc, np.ufunc)
        assert fr.softmax.ufunc.signature == "(n)->(n)"


class TestMaxout:
    def test_groups(self):
        x = np.arange(24.0).reshape(2, 12) % 7
        for size in (1, 2, 3, 4, 6, 12):
            np.testing.assert_array_equal(fr.maxout(x, size), x.reshape(2, -1, size).max(-1))
        np.testing.assert_array_equal(fr.maxout(x, 2, axis=0), x.max(0, keepdims=True))
        np.testing.assert_array_equal(fr.maxout(x, pool_size=3), x.reshape(2, -1, 3).max(-1))
        np.testing.assert_array_equal(fr.maxout(x[:, ::-1], 3), x[:, ::-1].reshape(2, -1, 3).max(-1))
        np.testing.assert_array_equal(fr.maxout(np.asfortranarray(x), 3), x.reshape(2, -1, 3).max(-1))

    def test_gradient_goes_to_the_first_of_ties(self):
        grad, x = np.array([10.0, 20.0]), np.array([1.0, 3, 3, 0, 0, 0])
        assert fr.maxout.backward(grad, x, 3).tolist() == [0, 10, 0, 20, 0, 0]
        assert fr.maxout.backward(grad[:1], np.array([-0.0, 0.0]), 2).tolist() == [10, 0]
        assert fr.maxout.backward([5.0], [1.0, nan, nan], 3).tolist() == [0, 5, 0]
        assert fr.maxout.backward([inf], [-inf, -inf], 2).tolist() == [inf, 0]

    @pytest.mark.parametrize("axis", [0, 1, 2, -1, -2])
    def test_backward_axes(self, axis):
        x = rows((4, 6, 8))
        pooled = fr.maxout(x, 2, axis=axis)
        grad = rows(pooled.shape, seed=5)
        got = fr.maxout.backward(grad, x, 2, axis=axis)
        assert got.shape == x.shape
        np.testing.assert_array_equal(got, np.where(x == np.repeat(pooled, 2, axis), np.repeat(grad, 2, axis), 0))


class TestBackward:
    @pytest.mark.parametrize("axis", [0, 1, -1])
    @each(SMOOTH)
    def test_numerically(self, function, axis):
        """Against differences of the function itself."""
        x, grad = rows((3, 5), scale=1), rows((3, 5), seed=1)
        got = function.backward(grad, function(x, axis=axis), axis=axis)
        for index in np.ndindex(x.shape):
            step = np.zeros_like(x)
            step[index] = 1e-6
            change = (function(x + step, axis=axis) - function(x - step, axis=axis)) / 2e-6
            np.testing.assert_allclose(got[index], np.sum(grad * change), rtol=1e-6, atol=1e-8)

    @pytest.mark.parametrize("length", LENGTHS)
    def test_formulas(self, length):
        x, grad = rows((4, length)), rows((4, length), seed=1)
        y, z = fr.softmax(x), fr.log_softmax(x)
        np.testing.assert_allclose(
            fr.softmax.backward(grad, y), y * (grad - (grad * y).sum(1, keepdims=True)), rtol=1e-9, atol=1e-15
        )
        np.testing.assert_allclose(
            fr.log_softmax.backward(grad, z), grad - np.exp(z) * grad.sum(1, keepdims=True), rtol=1e-9, atol=1e-13
        )

    @each_dtype
    @each(SMOOTH)
    def test_layouts_and_dtypes(self, function, dtype):
        x, grad = rows((30, 70), dtype), rows((30, 70), dtype, seed=1)
        y = function(x)
        expected = function.backward(grad, y)
        assert expected.dtype == dtype
        same_bits(function.backward(np.asfortranarray(grad), y), expected)
        same_bits(function.backward(grad[::-1], y[::-1]), expected[::-1])
        same_bits(function.backward(grad.T, y.T, axis=0), expected.T)
        same_bits(function.backward(grad, y, out=np.empty_like(y)), expected)
        for place in (0, 1):
            copies = [grad.copy(), y.copy()]
            assert function.backward(*copies, out=copies[place]) is copies[place]
            same_bits(copies[place], expected)

    def test_masked_entries_get_no_gradient(self):
        y = fr.softmax([1.0, 5.0, 2.0], where=[True, False, True])
        assert fr.softmax.backward([1.0, 2.0, 3.0], y)[1] == 0
        z = fr.log_softmax([1.0, 5.0, 2.0], where=[True, False, True])
        got = fr.log_softmax.backward([1.0, 0.0, 3.0], z)
        np.testing.assert_allclose(got[::2], fr.log_softmax.backward([1.0, 3.0], z[::2]))
        assert got[1] == 0

    def test_nan_stays(self):
        assert np.isnan(fr.softmax.backward([[1.0, nan], [1, 2]], [[0.5, 0.5], [0.5, 0.5]])[0]).all()
        assert np.isfinite(fr.softmax.backward([[1.0, nan], [1, 2]], [[0.5, 0.5], [0.5, 0.5]])[1]).all()
