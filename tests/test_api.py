"""What may be given to a function and what comes back: array-likes, layouts, subclasses."""

import re

import numpy as np
import pandas as pd
import pytest
from grid import UNARY_REPRESENTATIVES, each, each_unary_representative, random, same_bits

import fastrelu as fr

X = np.random.default_rng(0).normal(size=(4, 6)) * 3


class TestArrayLikes:
    @each_unary_representative
    def test_lists_tuples_ranges_scalars(self, function):
        """As np.exp does: the result, its type and its shape."""
        numbers = [1.5, -2, True, np.float32(-1.25), np.float64(2), np.float16(1)]
        lists = [[1.5, -2.0], (1.5, -2.0), [[1, 2, 3], [-4, 5, 6]], [], [[]], range(-3, 4), [True, False]]
        for value in (*numbers, *lists, memoryview(b"\x01\x02"), bytearray(b"\x00\x07")):
            got, like = function(value), np.exp(value)
            assert np.shape(got) == np.shape(like)
            assert isinstance(got, np.ndarray) == isinstance(like, np.ndarray)
            same_bits(got, function(np.asarray(value)))

    def test_a_list_of_integers_gives_integers(self):
        got = fr.relu(list(range(-10, 11)))
        expected = np.maximum(0, list(range(-10, 11)))
        assert got.dtype == expected.dtype
        assert got.tolist() == [0] * 11 + list(range(1, 11))

    @each_unary_representative
    def test_zero_dimensional(self, function):
        for value in (np.array(1.5), np.array(1.5, np.float32), 1.5):
            got = function(value)
            assert isinstance(got, np.generic)
            assert got.dtype == np.result_type(np.asarray(value))
        out = np.empty(())
        assert function(np.array(1.5), out=out) is out
        assert out[()] == function(1.5)

    @each_unary_representative
    def test_empty(self, function):
        for shape in [(0,), (3, 0), (0, 3), (2, 0, 4)]:
            for dtype in (np.float32, np.float64):
                got = function(np.empty(shape, dtype))
                assert got.shape == shape
                assert got.dtype == dtype

    def test_objects_with_the_array_protocol(self):
        class Wrapped:
            def __array__(self, dtype=None, copy=None):
                return np.array([-1.0, 2.0], dtype)

        assert fr.relu(Wrapped()).tolist() == [0, 2]
        assert fr.elu(Wrapped(), alpha=2.0).tolist() == fr.elu([-1.0, 2.0], alpha=2.0).tolist()


def order_cases():
    base = np.arange(2 * 3 * 4, dtype=np.float64).reshape(2, 3, 4) - 11
    yield "C", base
    yield "F", np.asfortranarray(base)
    for axes in [(0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)]:
        yield f"transpose {axes}", base.transpose(axes)
    yield "negative", base[::-1, :, ::-1]
    yield "sliced", base[:, ::2, 1:3]
    yield "broadcast", np.broadcast_to(base[0], (5, 3, 4))
    yield "broadcast inside", np.broadcast_to(base[:, :1], (2, 3, 4))
    yield "one axis", base[0, 0, ::-2]
    yield "new axes", base[:, None, :, 0, None]


class TestMemoryOrder:
    @pytest.mark.parametrize("x", [pytest.param(x, id=name) for name, x in order_cases()])
    @each_unary_representative
    def test_strides_as_numpy(self, function, x):
        got = function(x)
        assert got.strides == np.exp(x).strides
        np.testing.assert_array_equal(got, function(x.copy()))
        if function.params:
            assert function(x, **function.params).strides == np.exp(x).strides

    @pytest.mark.parametrize("x", [pytest.param(x, id=name) for name, x in order_cases()])
    def test_several_operands(self, x):
        for y in (x, x.copy(), np.asfortranarray(x), 2.0, x[..., :1].copy()):
            got, like = fr.prelu(x, y), np.add(x, y)
            assert got.strides == like.strides
            np.testing.assert_array_equal(got, np.where(x > 0, x, x * y))

    @each({"relu": fr.relu, "sigmoid": fr.sigmoid})
    def test_large_arrays_on_threads(self, function):
        x = random((300, 1001))
        for view in (x, x.T, x[::-1], x[:, ::3], np.asfortranarray(x)):
            assert function(view).strides == np.exp(view).strides
            same_bits(function(view), function(view.copy(), where=True))


class TestSubclasses:
    def test_matrix(self):
        with pytest.warns(PendingDeprecationWarning):
            x = np.matrix([[1.0, -2.0]])
        for function in UNARY_REPRESENTATIVES.values():
            got = function(x)
            assert type(got) is np.matrix
            same_bits(np.asarray(got), function(np.asarray(x)))

    def test_own_subclass(self):
        class Named(np.ndarray):
            name = None

            def __array_finalize__(self, other):
                self.name = getattr(other, "name", None)

        x = X.view(Named)
        x.name = "x"
        for function in UNARY_REPRESENTATIVES.values():
            for got in (function(x), function(x, **function.params)):
                assert type(got) is Named
                assert got.name == "x"
        assert type(fr.relu(X, out=np.empty_like(x))) is Named

    @each_unary_representative
    def test_masked_arrays(self, function):
        """The mask is kept, and what stands under it does not matter."""
        x = np.ma.masked_array([1.0, -2.0, np.nan, 4.0], [False, True, True, False], fill_value=-7)
        for got in (function(x), function(x, **function.params)):
            assert isinstance(got, np.ma.MaskedArray)
            assert got.mask.tolist() == [False, True, True, False]
            assert got[0] == function(1.0)
            assert got[3] == function(4.0)
        assert x.mask.tolist() == [False, True, True, False]
        assert x.data[[0, 1, 3]].tolist() == [1, -2, 4]
        hard = np.ma.masked_array(X, X > 0)
        np.testing.assert_array_equal(function(hard).mask, X > 0)
        assert isinstance(function(np.ma.masked_array([1.0, 2.0])), np.ma.MaskedArray)

    @each_unary_representative
    def test_pandas(self, function):
        series = pd.Series([1.0, -2.0, 3.0], index=list("abc"), name="s")
        got = function(series)
        assert isinstance(got, pd.Series)
        assert got.name == "s"
        assert got.index.tolist() == list("abc")
        same_bits(got.to_numpy(), function(series.to_numpy()))
        frame = pd.DataFrame({"u": [1.0, -2.0], "v": [-3.0, 0.5]})
        got = function(frame)
        assert isinstance(got, pd.DataFrame)
        assert got.columns.tolist() == ["u", "v"]
        same_bits(got.to_numpy(), function(frame.to_numpy()))

    def test_pandas_keeps_the_rules(self):
        series = pd.Series([-1.0, 2.0, 3.0])
        out = np.zeros(3)
        fr.relu(series, out=out)
        assert out.tolist() == [0, 2, 3]
        with pytest.raises(TypeError, match=r"^relu: where must be left out for a Series, got one$"):
            fr.relu(series, where=np.array([True, False, True]))
        with pytest.raises(ValueError, match=r"^leaky_relu.backward: negative_slope must be at least 0, got -0.5$"):
            fr.leaky_relu.backward(series, series, negative_slope=-0.5, from_output=True)
        with pytest.raises(TypeError, match=r"^leaky_relu: negative_slope must be a real scalar, got list$"):
            fr.leaky_relu(series, [0.5, 1, 2])
        for values, parameters in [
            (np.array([1, 2, -3], np.int8), {}),
            (np.array([2**53 + 1]), {"min_val": 2.0, "max_val": 2.0**62}),
            (np.array([1, 2], np.uint8), {"min_val": -1, "max_val": 9}),
        ]:
            got, expected = fr.hardtanh(pd.Series(values), **parameters), fr.hardtanh(values, **parameters)
            pd.testing.assert_series_equal(got, pd.Series(expected))
        assert fr.swish(pd.Series(np.float32([1, 2])), beta=np.float64(1.5)).dtype == np.float32

    def test_pandas_and_out(self):
        series = pd.Series([-1.0, 2.0])
        for wrong, error, told in (
            (np.empty(2, "i4"), TypeError, "have dtype float64, got int32"),
            (np.empty(2, "f4"), TypeError, "have dtype float64, got float32"),
            (np.empty(3), ValueError, "have shape (2,), got (3,)"),
            ("x", TypeError, "be an array, got str"),
        ):
            with pytest.raises(error, match=f"^elu: out must {re.escape(told)}$"):
                fr.elu(series, out=wrong)
        out = np.empty(2)
        fr.elu(series, out=out)
        same_bits(out, fr.elu(series.to_numpy()))

    def test_pandas_without_columns_or_numbers(self):
        assert fr.elu(pd.DataFrame(index=[1, 2])).index.tolist() == [1, 2]
        assert fr.gelu(pd.DataFrame()).empty
        with pytest.raises(TypeError, match=r"^prelu: weight must be a real array, got NAType$"):
            fr.prelu(np.ones(2), pd.NA)

    def test_pandas_tables_and_what_is_no_number(self):
        frame = pd.DataFrame({"u": np.float32([1, -2]), "v": np.float32([-3, 0.5])})
        assert fr.leaky_relu(frame, 0.5).dtypes.tolist() == [np.float32] * 2
        same_bits(fr.leaky_relu(frame, 0.3).to_numpy(), fr.leaky_relu(frame.to_numpy(), 0.3))
        assert fr.relu(pd.DataFrame({"u": np.int8([1, -2]), "v": np.float32([-3, 0.5])})).dtypes.tolist() == [np.int8, np.float32]
        for wrong in (pd.Series([1j]), pd.Series(pd.date_range("2020", periods=2)), pd.MultiIndex.from_arrays([[1, 2]])):
            for function in (fr.relu, fr.leaky_relu):
                with pytest.raises(TypeError, match=rf"^{function.dotted_name}: x must be a real array, got "):
                    function(wrong)
        with pytest.raises(TypeError, match=r"^rrelu: x must be a plain array where training, got Series$"):
            fr.rrelu(pd.Series([1.0]), training=True, seed=1)

    def test_pandas_aligns_in_every_gradient(self):
        x, grad = pd.Series([-1.0, -2, -3], index=list("abc")), pd.Series([1.0, 10, 100], index=list("cba"))
        got_x, got_alpha = fr.elu.backward(grad, x, wrt=("x", "alpha"))
        aligned = grad.loc[list("abc")].to_numpy(), x.to_numpy()
        expected_x, expected_alpha = fr.elu.backward(*aligned, wrt=("x", "alpha"))
        same_bits(got_x.to_numpy(), expected_x)
        assert type(got_alpha) is np.float64
        np.testing.assert_allclose(got_alpha, expected_alpha, rtol=1e-15)

    def test_pandas_with_parameters(self):
        series = pd.Series([1.0, -2.0, 3.0], index=list("abc"))
        pd.testing.assert_series_equal(fr.leaky_relu(series, negative_slope=0.5), pd.Series([1, -1, 3.0], index=list("abc")))
        pd.testing.assert_series_equal(fr.leaky_relu(series, 0.5), pd.Series([1, -1, 3.0], index=list("abc")))
        pd.testing.assert_series_equal(fr.leaky_relu(series), pd.Series([1, -0.02, 3.0], index=list("abc")))
        frame = pd.DataFrame({"u": [1.0, -2.0], "v": [-3.0, 0.5]})
        pd.testing.assert_frame_equal(fr.prelu(frame, np.array([0.5, 2.0])), pd.DataFrame({"u": [1, -1.0], "v": [-6, 0.5]}))
        pd.testing.assert_series_equal(fr.prelu(series, series), pd.Series([1.0, 4, 3], index=list("abc")))

    def test_pandas_keeps_the_dtype_rule(self):
        assert fr.relu(pd.Series([1, -2], dtype="int16")).dtype == np.int16
        assert fr.sigmoid(pd.Series([1, -2], dtype="float32")).dtype == np.float32
        assert fr.leaky_relu(pd.Series([1, -2], dtype="float32"), 0.5).dtype == np.float32
