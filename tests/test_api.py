"""What may be given to a function and what comes back: array-likes, layouts, subclasses, dtypes, out= and where=."""

import copy
import inspect
import os
import pickle
import pydoc

import cloudpickle
import numpy as np
import pandas as pd
import pytest
from grid import ACTIVATIONS, ELEMENTWISE, each, keeps, operands, same_bits
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import fastrelu as fr

UNARY = {key: function for key, function in ELEMENTWISE.items() if len(function.arrays) == 1}
INTEGER = {key: function for key, function in UNARY.items() if np.dtype("int8") in function.supported}
X = np.random.default_rng(0).normal(size=(4, 6)) * 3


def random(shape, dtype=np.float64):
    return (np.random.default_rng(1).normal(size=shape) * 3).astype(dtype)


class TestArrayLikes:
    @each(UNARY)
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

    @each(UNARY)
    def test_zero_dimensional(self, function):
        for value in (np.array(1.5), np.array(1.5, np.float32), 1.5):
            got = function(value)
            assert isinstance(got, np.generic)
            assert got.dtype == np.result_type(np.asarray(value))
        out = np.empty(())
        assert function(np.array(1.5), out=out) is out
        assert out[()] == function(1.5)

    @each(UNARY)
    @pytest.mark.parametrize("shape", [(0,), (3, 0), (0, 3), (2, 0, 4)])
    def test_empty(self, function, shape):
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
    @each(UNARY)
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
        for function in UNARY.values():
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
        for function in UNARY.values():
            for got in (function(x), function(x, **function.params)):
                assert type(got) is Named
                assert got.name == "x"
        assert type(fr.relu(X, out=np.empty_like(x))) is Named

    @each(UNARY)
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

    @each(UNARY)
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


DTYPES = ["bool", *"bhilqBHILQ", "e", "f", "d", ">f4", ">f8", "<f4", ">i2", "=u4", ">f2"]


class TestDtypes:
    @pytest.mark.parametrize("code", DTYPES)
    @each(UNARY)
    def test_rule(self, function, code):
        x = np.array([0, 1, 1, 0], code)
        got = function(x)
        expected = np.exp(x).dtype
        if np.dtype("int8") in function.supported and x.dtype.kind in "biu":
            expected = np.dtype("int8") if code == "bool" else x.dtype.newbyteorder("=")
            expected = expected if keeps(function, code) else np.dtype("float64")
        assert got.dtype == expected
        assert got.dtype.isnative
        same_bits(got, function(x.astype(expected)))
        assert function(x, where=[True] * 4).dtype == expected
        assert function(x, out=np.empty(4, expected)).dtype == expected

    @pytest.mark.parametrize("code", DTYPES)
    def test_two_operands_promote_as_numpy(self, code):
        x = np.array([0, 1, 1, 0], code)
        for other in (np.float32(2), np.zeros(4, np.float32), np.zeros(4, np.float64), np.zeros(4, np.int8), 0.5, 2):
            expected = np.exp(np.add(x, other)).dtype
            assert fr.prelu(x, other).dtype == expected
            assert fr.sigmoid.backward(x, other).dtype == expected

    def test_integer_values(self):
        for code in "bhilqBHILQ":
            info = np.iinfo(code)
            x = np.array([info.min, info.min + 1, 0, 1, 5, 6, 7, info.max], code)
            np.testing.assert_array_equal(fr.relu(x), np.maximum(x, 0))
            np.testing.assert_array_equal(fr.relu6(x), np.minimum(np.maximum(x, 0), 6))
            np.testing.assert_array_equal(fr.identity(x), x)
            np.testing.assert_array_equal(fr.step(x), (x >= 0).astype(code))
            np.testing.assert_array_equal(fr.step(x, threshold=6), (x >= 6).astype(code))
            np.testing.assert_array_equal(fr.relu.derivative(x), (x > 0).astype(code))
            np.testing.assert_array_equal(fr.step(x, threshold=0.5), x >= 0.5)
            np.testing.assert_array_equal(fr.maxout(x, 2), x.reshape(-1, 2).max(1))
        assert fr.step(np.array([200], np.uint8), threshold=-1)[0] == 1
        assert fr.step(np.array([200], np.uint8), threshold=1000)[0] == 0
        assert fr.relu(np.array([False, True])).dtype == np.int8

    def test_scalar_parameters_do_not_promote(self):
        for value in (0.1, 1, np.float64(0.1), np.float32(0.1), np.array(0.1), np.int64(1), True):
            assert fr.leaky_relu(np.float32([1, -1]), negative_slope=value).dtype == np.float32
            assert fr.leaky_relu(np.float32([1, -1]), value).dtype == np.float32

    @pytest.mark.slow
    def test_more_than_2_to_31_elements(self):
        size = 2_200_000_000
        if os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") < 3 * size:
            pytest.skip("needs 6.6 GB of memory")
        x = np.zeros(size, np.int8)
        x[[0, 1, size // 2, -2, -1]] = [-1, 5, -128, 127, -3]
        got = fr.relu(x)
        assert got.size == size
        assert got[[0, 1, size // 2, -2, -1]].tolist() == [0, 5, 0, 127, 0]
        assert np.count_nonzero(got) == 2
        fr.relu(x, out=x)
        assert np.count_nonzero(x) == 2


class TestInputs:
    @each(ELEMENTWISE)
    def test_inputs_are_not_changed(self, function):
        arrays = operands(function, "float64", 300)
        copies = [array.copy() for array in arrays]
        for array in arrays:
            array.flags.writeable = False
        got = function(*arrays)
        function(*arrays, where=np.arange(300) % 2 == 0)
        assert not any(np.shares_memory(got, array) for array in arrays)
        for array, before in zip(arrays, copies, strict=True):
            same_bits(array, before)


class TestOut:
    @each(UNARY)
    def test_result_is_out(self, function):
        out = np.full(X.shape, 7.0)
        assert function(X, out=out) is out
        same_bits(out, function(X))
        narrow = X.astype(np.float32)
        assert function(narrow, out=narrow) is narrow
        same_bits(narrow, function(X.astype(np.float32)))
        swapped = np.empty(X.shape, ">f8")
        assert function(X, out=swapped) is swapped
        same_bits(swapped.astype("=f8"), function(X))

    def test_out_in_a_tuple_or_broadcast(self):
        out = np.empty((3, 4, 6))
        with pytest.raises(ValueError, match=r"^relu: out must have shape"):
            fr.relu(X, out=out)
        assert fr.prelu(X, np.ones((3, 1, 1)), out=out) is out

    @pytest.mark.parametrize("steps", [(1, 1), (2, 1), (1, 2), (2, 3), (-1, 1), (1, -1), (-2, -2), (3, -1)], ids=str)
    @each({"relu": fr.relu, "sigmoid": fr.sigmoid, "leaky_relu": fr.leaky_relu, "prelu": fr.prelu, "backward": fr.tanh.backward})
    def test_partly_overlapping(self, function, steps):
        """As if there was no overlap: NumPy's ufuncs promise it since 1.13."""
        step_in, step_out = steps
        count = 200
        base = random(2000, np.float32)
        rest = [random(count, np.float32) for _ in function.arrays[1:]]
        for shift in (*range(-40, 41), -100, 100):
            memory = base.copy()
            source = memory[600 : 600 + count * abs(step_in) : abs(step_in)][:: 1 if step_in > 0 else -1]
            target = memory[600 + shift : 600 + shift + count * abs(step_out) : abs(step_out)][:: 1 if step_out > 0 else -1]
            expected = function(source.copy(), *rest)
            untouched = np.ones(2000, bool)
            untouched[600 + shift : 600 + shift + count * abs(step_out) : abs(step_out)] = False
            function(source, *rest, out=target)
            same_bits(target, expected)
            same_bits(memory[untouched], base[untouched])

    @pytest.mark.parametrize("shift", [1, -1, 16, -16, 1000, -1000, 70_000])
    def test_overlapping_large_arrays_on_threads(self, shift):
        base = random(600_000, np.float32)
        start = 200_000
        source, target = slice(start, start + 250_000), slice(start + shift, start + shift + 250_000)
        for function in (fr.relu, fr.sigmoid):
            memory, expected = base.copy(), function(base[source].copy())
            function(memory[source], out=memory[target])
            same_bits(memory[target], expected)

    def test_transposed_onto_itself(self):
        memory = random((64, 64))
        expected = fr.sigmoid(memory.T.copy())
        fr.sigmoid(memory.T, out=memory)
        same_bits(memory, expected)

    def test_broadcast_operand_is_part_of_out(self):
        memory = random((50, 60))
        expected = np.where(memory > 0, memory, memory * memory[0])
        fr.prelu(memory, memory[0], out=memory)
        same_bits(memory, expected)


class TestWhere:
    @each(ELEMENTWISE)
    def test_unselected_are_zero_or_keep_out(self, function):
        arrays = operands(function, "float32", 500, 4)
        full = function(*arrays)
        mask = np.random.default_rng(0).random(500) < 0.4
        same_bits(function(*arrays, where=mask), np.where(mask, full, np.float32(0)))
        out = np.full(500, -7, np.float32)
        assert function(*arrays, where=mask, out=out) is out
        same_bits(out, np.where(mask, full, np.float32(-7)))

    @each(UNARY)
    def test_masks_of_every_kind(self, function):
        full = function(X)
        for mask in (True, False, np.True_, np.bool_(0), [True, False] * 3, np.zeros((4, 1), bool), np.eye(4, 6, dtype=bool),
                     np.eye(6, 4, dtype=bool).T, np.ones((4, 12), bool)[:, ::2], np.broadcast_to(True, (4, 6))):  # fmt: skip
            same_bits(function(X, where=mask), np.where(mask, full, 0.0))
            same_bits(function(X, where=mask, **function.params), np.where(mask, full, 0.0))
            out = np.full((4, 6), np.nan)
            function(X, where=mask, out=out)
            same_bits(out, np.where(mask, full, np.nan))
        assert function(X.T, where=np.ones((6, 4), bool)).strides == np.exp(X.T).strides

    def test_mask_broadcasts_the_result(self):
        mask = np.array([[True], [False], [True]])
        same_bits(fr.relu(np.array([1.0, -2]), where=mask), np.array([[1.0, 0], [0, 0], [1, 0]]))
        assert fr.relu(np.empty((0, 3)), where=np.empty((0, 3), bool)).shape == (0, 3)

    def test_zero_dimensional(self):
        for mask, value in ((True, 2), (False, 0), (np.array(True), 2), (np.array(False), 0)):
            got = fr.relu(2.0, where=mask)
            assert got == value
            assert isinstance(got, np.generic), "a 0-d result is a NumPy scalar"

    def test_in_place_and_on_threads(self):
        x = random(400_000, np.float32)
        mask = np.random.default_rng(0).random(x.size) < 0.5
        for function in (fr.relu, fr.sigmoid):
            expected = np.where(mask, function(x), x)
            same_bits(function(x.copy(), where=mask, out=x.copy()), expected)
            memory = x.copy()
            function(memory, where=mask, out=memory)
            same_bits(memory, expected)

    def test_integers_and_masked_arrays(self):
        same_bits(fr.relu(np.arange(-3, 3), where=[True, False] * 3), np.array([0, 0, 0, 0, 1, 0]))
        masked = np.ma.masked_array([1.0, -2.0, 3.0], [True, False, False])
        got = fr.relu(masked, where=np.array([True, True, False]))
        assert got.mask.tolist() == [True, False, False]


floats = hnp.arrays(
    np.float64, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=5), elements=st.floats(-9, 9, width=16)
)


class TestAgainstNumpy:
    @settings(max_examples=120, deadline=None)
    @given(st.data(), floats)
    def test_views(self, data, x):
        view = x[data.draw(hnp.basic_indices(x.shape, allow_ellipsis=True, allow_newaxis=True))] if x.ndim else x
        view = np.asarray(view)
        view = view.transpose(data.draw(st.permutations(range(view.ndim))))
        same_bits(fr.relu(view), np.maximum(view, 0) + 0.0)
        same_bits(fr.leaky_relu(view, negative_slope=0.5), np.where(view > 0, view, view * 0.5)[()])
        np.testing.assert_allclose(fr.softplus(view), np.logaddexp(view, 0), rtol=1e-14)

    @settings(max_examples=120, deadline=None)
    @given(st.data(), hnp.mutually_broadcastable_shapes(num_shapes=3, max_dims=3, max_side=4, min_side=0))
    def test_broadcasting(self, data, shapes):
        grad, x, weight = (random(shape) for shape in shapes.input_shapes)
        same_bits(fr.prelu(x, weight), np.where(x > 0, x, weight * x)[()])
        same_bits(fr.relu.backward(grad, x), np.where(x > 0, grad, 0.0)[()])
        same_bits(fr.leaky_relu.backward(grad, x, 0.5), (grad * np.where(x > 0, 1, 0.5))[()])
        mask = data.draw(hnp.arrays(bool, shapes.result_shape))
        same_bits(np.asarray(fr.relu.backward(grad, x, where=mask)), np.where(mask, np.where(x > 0, grad, 0.0), 0.0))
        grad = random(np.broadcast_shapes(x.shape, weight.shape))
        grad_x, grad_weight = fr.prelu.backward(grad, x, weight)
        assert (np.shape(grad_x), np.shape(grad_weight)) == (x.shape, weight.shape)
        np.testing.assert_allclose(np.sum(grad_weight), np.sum(grad * np.where(x > 0, 0, x)), atol=1e-12)

    @settings(max_examples=60, deadline=None)
    @given(st.data(), hnp.array_shapes(max_dims=3, max_side=6))
    def test_out_of_any_stride(self, data, shape):
        x = random(shape)
        steps = [data.draw(st.sampled_from([-2, -1, 1, 2])) for _ in shape]
        memory = np.full([abs(step) * n for step, n in zip(steps, shape, strict=True)], 5.0)
        out = memory[tuple(slice(None, None, step) for step in steps)]
        assert fr.relu(x, out=out) is out
        same_bits(out, np.maximum(x, 0))


def public_objects():
    for name, function in fr.registry.items():
        yield name, function
        yield f"{name}.backward", function.backward
        if name in ACTIVATIONS:
            yield f"{name}.derivative", function.derivative


@each(dict(public_objects()))
class TestObjects:
    def test_pickle_and_copy(self, function):
        assert pickle.loads(pickle.dumps(function)) is function
        assert copy.deepcopy(function) is function
        assert copy.copy(function) is function
        assert cloudpickle.loads(cloudpickle.dumps(function)) is function

    def test_repr_and_names(self, function):
        name = function.dotted_name
        assert repr(function) == f"<fastrelu function {name}>"
        assert function.__name__ == name.rpartition(".")[2]
        assert function.__qualname__ == name
        assert function.__module__.startswith("fastrelu.")

    def test_signature(self, function):
        parameters = inspect.signature(function).parameters
        assert list(parameters)[: len(function.arrays)] == list(function.arrays)
        if hasattr(function, "parts"):
            return  # several results: no single out
        for key in ("out", "where"):
            assert parameters[key].kind is inspect.Parameter.KEYWORD_ONLY
        assert parameters["out"].default is None
        assert parameters["where"].default is True

    def test_help(self, function):
        """The terminal's help shows the docstring, not the class's."""
        text = pydoc.plain(pydoc.render_doc(function))
        assert function.__doc__.splitlines()[0] in text
        assert "Parameters" in text

    def test_class_attribute(self, function):
        class Layer:
            activation = function

        assert Layer().activation is function
        assert Layer.activation is function
