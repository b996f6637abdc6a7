"""softmax, log_softmax and maxout: against mpmath and SciPy, with infinities, NaN and masks."""

import math

import mpmath
import numpy as np
import pytest
import scipy.special
from along import LENGTHS, SMOOTH, call, each_dtype, rows
from grid import FOLDS, each, same_bits

import fastrelu as fr

inf, nan = math.inf, math.nan


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
