"""Functions along an axis: dtypes, out=, overlapping memory, pools, and the backward pass."""

import math

import numpy as np
import pytest
import scipy.special
from along import LENGTHS, SMOOTH, call, each_dtype, rows
from grid import FOLDS, each, same_bits

import fastrelu as fr

inf, nan = math.inf, math.nan


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

    @pytest.mark.parametrize("function", [fr.softmax, fr.log_softmax])
    @pytest.mark.parametrize("axis", [0, 1])
    def test_masked_arrays(self, function, axis):
        """What is masked does not count, as in NumPy's own reductions, and stays masked."""
        x = np.ma.array(rows((3, 4)), mask=np.arange(12).reshape(3, 4) % 5 == 1)
        got = function(x, axis=axis)
        assert isinstance(got, np.ma.MaskedArray)
        np.testing.assert_array_equal(got.mask, x.mask)
        same_bits(got.data, function(x.data, axis=axis, where=~x.mask))
        both = function(x, axis=axis, where=x.data > 0)
        same_bits(both.data, function(x.data, axis=axis, where=~x.mask & (x.data > 0)))
        same_bits(np.asarray(function(np.ma.array(x.data), axis=axis)), function(x.data, axis=axis))
        out = np.empty((3, 4), x.dtype)
        assert function(x, axis=axis, out=out) is out
        same_bits(out, got.data)
        for hard in (False, True):
            inside = np.ma.array(x, copy=True, hard_mask=hard)
            assert function(inside, axis=axis, out=inside) is inside
            same_bits(inside.mask, x.mask)
            same_bits(inside.data[~x.mask], got.data[~x.mask])

    @pytest.mark.parametrize("axes", [(1, 2), (0, -1), (2, 0), (1,), (), None], ids=str)
    @each(SMOOTH)
    def test_several_axes(self, function, axes):
        """They count as one: softmax sums to 1 over all of them."""
        x = rows((3, 4, 5))
        inner = range(3) if axes is None else [axis % 3 for axis in axes]
        order = [*(axis for axis in range(3) if axis not in inner), *inner]
        moved = x.transpose(order)
        merged = moved.reshape(*moved.shape[: 3 - len(inner)], -1)
        expected = function(merged).reshape(moved.shape).transpose(np.argsort(order))
        got = function(x, axis=axes)
        np.testing.assert_array_equal(got, expected)
        assert got.flags.c_contiguous
        assert function(np.asfortranarray(x), axis=axes).flags.f_contiguous
        wide = np.zeros((3, 8, 5))
        assert function(x, axis=axes, out=wide[:, ::2]).base is wide
        np.testing.assert_array_equal(wide[:, ::2], expected)
        grad = rows((3, 4, 5))[::-1]
        np.testing.assert_array_equal(
            function.backward(grad, got, axis=axes),
            function.backward(grad.transpose(order).reshape(merged.shape), got.transpose(order).reshape(merged.shape))
            .reshape(moved.shape)
            .transpose(np.argsort(order)),
        )
        mask = x > 0
        hidden = function(np.ma.array(x, mask=~mask), axis=axes)
        np.testing.assert_array_equal(hidden.mask, ~mask)
        same_bits(np.ascontiguousarray(hidden.data), function(x, axis=axes, where=mask))
        assert function(3.0, axis=None) == function([3.0])[0]
        assert function(np.ones((2, 0, 3), np.float32), axis=axes).shape == (2, 0, 3)

    def test_axes_that_are_wrong(self):
        x = rows((3, 4))
        with pytest.raises(ValueError, match=r"^softmax: axis must name each axis once, got \(0, -2\)$"):
            fr.softmax(x, axis=(0, -2))
        with pytest.raises(np.exceptions.AxisError, match=r"^softmax: axis must be from -2 to 1, got 2$"):
            fr.softmax(x, axis=(0, 2))
        with pytest.raises(TypeError, match=r"^softmax: axis must be an integer, got str$"):
            fr.softmax(x, axis=(0, "a"))
        with pytest.raises(TypeError, match=r"^maxout: axis must be an integer, got tuple$"):
            fr.maxout(x, 2, axis=(0, 1))
        with pytest.raises(ValueError, match=r"^softmax.backward: grad and y must match, got shapes \(3, 4\), \(4, 3\)$"):
            fr.softmax.backward(x, x.T, axis=(0, 1))

    def test_matrix_and_pandas(self):
        import pandas as pd

        matrix = rows((2, 6)).view(np.matrix)
        assert isinstance(fr.softmax(matrix), np.matrix)
        same_bits(np.asarray(fr.softmax(matrix)), fr.softmax(np.asarray(matrix)))
        same_bits(fr.maxout(matrix, 2), fr.maxout(np.asarray(matrix), 2))

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

    @pytest.mark.parametrize("function", [fr.softmax, fr.log_softmax], ids=lambda function: function.__name__)
    def test_masks(self, function):
        """As if what is left out was not there, whatever its gradient is; masked arrays too."""
        x, grad, mask = np.array([1.0, 5.0, 2.0]), np.array([1.0, nan, 3.0]), np.array([True, False, True])
        y = function(x, where=mask)
        expected = np.insert(function.backward(grad[::2], function(x[::2])), 1, 0)
        same_bits(function.backward(grad, y, where=mask), expected)
        out = np.full(3, 7.0)
        assert function.backward(grad, y, where=mask, out=out) is out
        same_bits(out, expected)
        hidden = np.ma.array(y, mask=~mask)
        for given in ((grad, hidden), (np.ma.array(grad, mask=~mask), y), (np.ma.array(grad, mask=~mask), hidden)):
            got = function.backward(*given)
            same_bits(got.data, expected)
            assert got.mask.tolist() == [False, True, False]

    def test_nan_stays(self):
        assert np.isnan(fr.softmax.backward([[1.0, nan], [1, 2]], [[0.5, 0.5], [0.5, 0.5]])[0]).all()
        assert np.isfinite(fr.softmax.backward([[1.0, nan], [1, 2]], [[0.5, 0.5], [0.5, 0.5]])[1]).all()
