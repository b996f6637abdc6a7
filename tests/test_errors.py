"""Every wrong call gets one sentence that names the function and the argument, and leaves `out` as it was."""

import ml_dtypes
import numpy as np
import pytest
from grid import ACTIVATIONS, ELEMENTWISE, FOLDS, each

import fastrelu as fr

x = np.array([-1.0, 2.0, 3.0])
f32 = x.astype(np.float32)
frozen = np.empty(3)
frozen.flags.writeable = False


def required(function):
    return [x] * len(function.arrays)


def sentence(error, start):
    text = str(error.value)
    assert text.startswith(start), text
    assert "\n" not in text
    assert not text.endswith(".")
    assert len(text) < 250


REFUSED = {
    "complex128": np.array([1j]),
    "complex64": np.array([1], np.complex64),
    "longdouble": np.array([1], np.longdouble),
    "object": np.array([None, 1]),
    "strings": np.array(["a"]),
    "bytes": np.array([b"a"]),
    "datetime64": np.array(["2020-01-01"], "M8[D]"),
    "timedelta64": np.array([1], "m8[s]"),
    "record": np.zeros(2, [("a", "f4")]),
    "None": None,
    "str": "abc",
    "python complex": 1j,
    "dict": {1: 2},
    "set": {1.0},
    "ragged": [[1.0], [1.0, 2.0]],
    "list of str": ["1", "2"],
    "function": np.exp,
    "big int": 1 << 70,
    "complex scalar": np.complex64(1),
}


@each({**ELEMENTWISE, **FOLDS, "softmax.backward": fr.softmax.backward})
def test_not_a_real_array(function):
    """In the place of any array operand."""
    extra = (2,) if getattr(function, "pooled", False) else ()
    for came, value in REFUSED.items():
        if came == "big int" and len(function.arrays) > 1:
            continue  # next to an array it is a number of the array's dtype, as for NumPy
        for place, name in enumerate(function.arrays):
            values = required(function)
            values[place] = value
            out = np.full(3, 7.0)
            with pytest.raises(TypeError) as error:
                function(*values, *extra)
            sentence(error, f"{function.dotted_name}: {name} must be a real array, got ")
            with pytest.raises(TypeError) as error:
                function(*values, *extra, out=out)
            sentence(error, f"{function.dotted_name}: ")
            assert (out == 7).all()


@each(ELEMENTWISE)
class TestCalls:
    def test_unknown_parameter(self, function):
        with pytest.raises(TypeError) as error:
            function(*required(function), slope=1)
        assert str(error.value).startswith((f"{function.dotted_name}: ", f"{function.dotted_name}() "))
        assert "slope" in str(error.value)

    def test_missing(self, function):
        with pytest.raises(TypeError) as error:
            function()
        assert str(error.value).startswith(function.dotted_name.rpartition(".")[2]) or str(error.value).startswith(
            function.dotted_name
        )
        assert function.arrays[0] in str(error.value)

    def test_too_many(self, function):
        with pytest.raises(TypeError) as error:
            function(*required(function), *function.params.values(), 1.0, 2.0)
        assert function.__name__ in str(error.value)

    def test_out(self, function):
        values = required(function)
        for out, kind, wanted in [
            (np.empty(3, np.float32), TypeError, "have dtype float64, got float32"),
            (np.empty(3, np.int64), TypeError, "have dtype float64, got int64"),
            (np.empty(3, np.complex128), TypeError, "have dtype float64, got complex128"),
            (np.empty(4), ValueError, "have shape (3,), got (4,)"),
            (np.empty((2, 3)), ValueError, "have shape (3,), got (2, 3)"),
            (np.empty((1, 3)), ValueError, "have shape (3,), got (1, 3)"),
            (frozen, ValueError, "be writeable, got a read-only array"),
            ([0.0] * 3, TypeError, "be a NumPy array, got list"),
            (1.0, TypeError, "be a NumPy array, got float"),
            ("out", TypeError, "be a NumPy array, got str"),
        ]:
            before = np.copy(out)
            for keywords in ({}, {"where": np.array([True, False, True])}):
                with pytest.raises(kind) as error:
                    function(*values, out=out, **keywords)
                sentence(error, f"{function.dotted_name}: out must {wanted}")
            np.testing.assert_array_equal(out, before)

    def test_out_of_float64_for_float32(self, function):
        out = np.full(3, 7.0)
        with pytest.raises(TypeError) as error:
            function(*[f32] * len(function.arrays), out=out)
        sentence(error, f"{function.dotted_name}: out must have dtype float32, got float64")
        assert (out == 7).all()

    def test_where(self, function):
        for where, kind, came in [
            (np.ones(3, int), TypeError, "int64"),
            (1, TypeError, ""),
            ([0, 1, 0], TypeError, ""),
            (np.ones(3), TypeError, "float64"),
            ("yes", TypeError, ""),
            (None, TypeError, ""),
        ]:
            out = np.full(3, 7.0)
            with pytest.raises(kind) as error:
                function(*required(function), where=where, out=out)
            sentence(error, f"{function.dotted_name}: where must be a bool array, got {came}")
            assert (out == 7).all()
        for where in (np.ones(4, bool), np.ones((2, 2), bool)):
            with pytest.raises(ValueError) as error:  # noqa: PT011
                function(*required(function), where=where)
            sentence(error, f"{function.dotted_name}: ")
            assert "where" in str(error.value)
        out = np.full(3, 7.0)
        with pytest.raises(ValueError) as error:  # noqa: PT011
            function(*required(function), where=np.ones((2, 3), bool), out=out)
        sentence(error, f"{function.dotted_name}: out must have shape (2, 3), got (3,)")
        assert (out == 7).all()

    def test_parameters(self, function):
        """A parameter that is not a real number."""
        for key in function.params:
            for value, came in [
                ([0.1], "list"),
                ((0.1,), "tuple"),
                (np.array([0.1]), "an array of shape (1,)"),
                (np.zeros((2, 3)), "an array of shape (2, 3)"),
                (None, "NoneType"),
                ("0.1", "str"),
                (b"1", "bytes"),
                (1j, "complex"),
                (np.complex64(1), "complex64"),
                (np.array(1j), ""),
                (np.array("1"), ""),
                (np.datetime64("2020"), ""),
                (np.exp, ""),
            ]:
                out = np.full(3, 7.0)
                for calls in [{key: value}, {key: value, "out": out}, {key: value, "where": [True] * 3}]:
                    with pytest.raises(TypeError) as error:
                        function(*required(function), **calls)
                    sentence(error, f"{function.dotted_name}: {key} must be a real scalar, got {came}")
                assert (out == 7).all()

    def test_given_twice(self, function):
        with pytest.raises(TypeError) as error:
            function(*required(function), **{function.arrays[0]: x})
        assert function.arrays[0] in str(error.value)

    def test_options(self, function):
        for key in function.options:
            for value in ("wrong", None, 3, [], np.zeros(3)):
                with pytest.raises(ValueError) as error:  # noqa: PT011
                    function(*required(function), **{key: value})
                sentence(error, f"{function.dotted_name}: {key} must be ")


BINARY = {key: function for key, function in ELEMENTWISE.items() if len(function.arrays) > 1}


@each(BINARY)
def test_shapes_that_do_not_broadcast(function):
    values = [np.zeros(3)] * (len(function.arrays) - 1) + [np.zeros(4)]
    for keywords in ({}, {"where": True, "out": np.zeros(4)}, {"where": np.ones(4, bool)}):
        with pytest.raises(ValueError) as error:  # noqa: PT011
            function(*values, **keywords)
        sentence(error, f"{function.dotted_name}: {' and '.join(function.arrays)} must broadcast together, got shapes (3,)")


FOLD_ERRORS = [
    (lambda: fr.softmax(x, axis=1), ValueError, "softmax: axis must be from -1 to 0, got 1"),
    (lambda: fr.softmax(x, axis=-2), ValueError, "softmax: axis must be from -1 to 0, got -2"),
    (lambda: fr.softmax(x, axis=1), IndexError, "softmax: axis must be from -1 to 0, got 1"),
    (lambda: fr.softmax(np.float64(3)), ValueError, "softmax: axis must "),
    (lambda: fr.softmax(x, axis=0.5), TypeError, "softmax: axis must be an integer, got float"),
    (lambda: fr.maxout(x, 3, axis=None), TypeError, "maxout: axis must be an integer, got NoneType"),
    (lambda: fr.softmax(x, axis="0"), TypeError, "softmax: axis must be an integer, got str"),
    (lambda: fr.softmax(x, dim=0), TypeError, "softmax: unknown parameter 'dim'"),
    (lambda: fr.softmax(), TypeError, "softmax: x is missing"),
    (lambda: fr.softmax(x, -1, 2), TypeError, "softmax: got 3 positional arguments"),
    (lambda: fr.softmax(x, -1, axis=0), TypeError, "softmax: axis was given twice"),
    (lambda: fr.softmax(x, out=np.empty(4)), ValueError, "softmax: out must have shape (3,), got (4,)"),
    (lambda: fr.softmax(x, out=np.empty(3, "f4")), TypeError, "softmax: out must have dtype float64, got float32"),
    (lambda: fr.softmax(x, out=frozen), ValueError, "softmax: out must be writeable, got a read-only array"),
    (lambda: fr.softmax(x, out=[1]), TypeError, "softmax: out must be a NumPy array, got list"),
    (lambda: fr.softmax(x, where=[1, 0, 1]), TypeError, "softmax: where must be a bool array, got int64"),
    (lambda: fr.softmax(x, where=[True, False]), ValueError, "softmax: "),
    (lambda: fr.softmax.backward(x, np.zeros(4)), ValueError, "softmax.backward: grad and y must match, got shapes (3,), (4,)"),
    (lambda: fr.softmax.backward(x), TypeError, "softmax.backward: y is missing"),
    (lambda: fr.softmax.backward(x, x, where=[1, 0, 1]), TypeError, "softmax.backward: where must be a bool array, got int64"),
    (lambda: fr.maxout.backward(x[:1], x, 3, where=x > 0), TypeError, "maxout.backward: where must be True"),
    (lambda: fr.maxout(x), TypeError, "maxout: pool_size is missing"),
    (lambda: fr.maxout(x, 2), ValueError, "maxout: pool_size must divide the axis of 3 elements, got 2"),
    (lambda: fr.maxout(x, 0), ValueError, "maxout: pool_size must "),
    (lambda: fr.maxout(x, -1), ValueError, "maxout: pool_size must "),
    (lambda: fr.maxout(x, 1.0), TypeError, "maxout: pool_size must be an integer, got float"),
    (lambda: fr.maxout(x, [3]), TypeError, "maxout: pool_size must be an integer, got list"),
    (lambda: fr.maxout(x, 3, where=[True] * 3), TypeError, "maxout: where must "),
    (lambda: fr.maxout(x, 3, out=np.empty(3)), ValueError, "maxout: out must have shape (1,), got (3,)"),
    (lambda: fr.maxout.backward(x, x, 3), ValueError, "maxout.backward: grad and x must match"),
    (lambda: fr.log_softmax(x, axis=7), ValueError, "log_softmax: axis must be from -1 to 0, got 7"),
]


@pytest.mark.parametrize(
    ("call", "kind", "start"), FOLD_ERRORS, ids=[f"{k} {start}" for k, (_, _, start) in enumerate(FOLD_ERRORS)]
)
def test_folds(call, kind, start):
    with pytest.raises(kind) as error:
        call()
    sentence(error, start)


@each({name: function for name, function in ACTIVATIONS.items() if len(function.arrays) > 1})
def test_backward_of_several_arrays(function):
    back = function.backward
    name = back.dotted_name
    for call, kind, start in [
        (lambda: back(), TypeError, f"{name}: grad is missing"),
        (lambda: back(x), TypeError, f"{name}: x is missing"),
        (lambda: back(x, x), TypeError, f"{name}: {function.arrays[1]} is missing"),
        (lambda: back(x, x, x, x), TypeError, f"{name}: got 4 positional arguments"),
        (lambda: back(x, x, x, slope=1), TypeError, f"{name}: unknown parameter 'slope'"),
        (lambda: back(x, x, x, from_output=True), (TypeError, ValueError), f"{name}: "),
        (lambda: back(x, x, [1.0, 2.0]), ValueError, f"{name}: grad and x and {function.arrays[1]} must broadcast together"),
        (lambda: back(1j, x, x), TypeError, f"{name}: grad must be a real array, got complex"),
    ]:
        with pytest.raises(kind) as error:
            call()
        sentence(error, start)


def test_the_error_of_the_design():
    with pytest.raises(TypeError, match=r"^relu: x must be a real array, got complex128$"):
        fr.relu(np.zeros(3, complex))


def test_softplus_beta_of_no_meaning():
    """log(1 + exp(beta x)) / beta has no value at beta = 0, and is not max(x, 0) + ... for a negative one."""
    for beta in (0.0, -1.0, np.nan):
        with np.errstate(all="ignore"):
            expected = np.log1p(np.exp(np.multiply(beta, [-3.0, 3.0]))) / beta
        np.testing.assert_allclose(fr.softplus([-3.0, 3.0], beta=beta), expected, rtol=1e-12)


def test_parameter_that_float64_cannot_hold():
    wanted = "negative_slope must be a number that float64 can hold, got an integer of 2001 bits"
    with pytest.raises(ValueError, match=rf"^leaky_relu: {wanted}$"):
        fr.leaky_relu([1.0], 2**2000)


def test_a_masked_parameter():
    with pytest.raises(TypeError, match=r"^leaky_relu: negative_slope must be a real scalar, got masked$"):
        fr.leaky_relu(x, np.ma.masked)


def test_no_common_dtype():
    halves = np.ones(3, ml_dtypes.bfloat16), np.ones(3, np.float16)
    for function, names in [(fr.prelu, "x and weight"), (fr.relu.backward, "grad and x"), (fr.softmax.backward, "grad and y")]:
        with pytest.raises(TypeError) as error:
            function(*halves)
        assert str(error.value) == f"{function.dotted_name}: {names} must have a common dtype, got bfloat16, float16"


def test_a_slope_of_another_framework():
    function = fr.get("HardSigmoid", "onnx")
    for alpha in (0.0, -0.2, np.nan):
        with pytest.raises(ValueError, match=rf"^hardsigmoid: alpha must be positive, got {alpha}$"):
            function(x, alpha=alpha)


def test_folds_without_a_meaning_for_masks():
    masked = np.ma.array([1.0, 2.0, 3.0, 4.0], mask=[0, 1, 0, 0])
    calls = {
        "maxout: x": lambda: fr.maxout(masked, 2),
        "maxout.backward: x": lambda: fr.maxout.backward([1.0, 1.0], masked, 2),
    }
    for start, call in calls.items():
        with pytest.raises(TypeError) as error:
            call()
        sentence(error, f"{start} must have no mask, got MaskedArray")


def test_shapes_that_folds_refuse():
    for grad, y in [([1.0, 2.0], [[1.0, 2.0], [3.0, 4.0]]), (1.0, [0.5, 0.5]), ([[1.0, 2.0]], [0.5, 0.5])]:
        with pytest.raises(ValueError, match=r"^softmax.backward: grad and y must match, got shapes "):
            fr.softmax.backward(grad, y)
    with pytest.raises(ValueError, match=r"^maxout.backward: grad and x must match, got shapes "):
        fr.maxout.backward([[1.0]], [1.0, 2.0], 2)


def test_a_weight_that_means_another_axis_elsewhere():
    image, weight = np.ones((2, 3, 4)), np.array([0.1, 0.2, 0.3])
    function = fr.get("prelu", "torch")
    for call in (lambda: function(image, weight), lambda: function.derivative(image, weight)):
        with pytest.raises(ValueError, match=r"^prelu: weight must have an axis for each one from the channels' on"):
            call()
    with pytest.raises(ValueError, match=r"^prelu: weight must have an axis"):
        function.backward(image, image, weight)
    np.testing.assert_array_equal(function(-image, weight[:, None]), fr.prelu(-image, weight[:, None]))
    np.testing.assert_array_equal(function(-image[0].T, weight), fr.prelu(-image[0].T, weight))
    np.testing.assert_array_equal(function(-image, weight[:1]), fr.prelu(-image, 0.1))
