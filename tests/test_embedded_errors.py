"""Wrong calls inside a user's compiled code: each gets one sentence that names the function."""

import numpy as np
import pytest
from numba import njit
from refusals import refusal

import fastrelu as fr


class TestErrors:
    @pytest.mark.parametrize(("call", "told"), [
        (lambda v: fr.relu(v), "relu: x must be real, got complex128"),
        (lambda v: fr.sigmoid(v), "sigmoid: x must be real, got complex128"),
        (lambda v: fr.prelu(v.real, v), "prelu: weight must be real, got complex128"),
    ])  # fmt: skip
    def test_complex(self, call, told):
        for value in (1j, np.zeros(3, complex)):
            assert told in refusal(call, value)

    def test_string_and_none(self):
        for value, kind in (("a", "unicode_type"), (None, "none")):
            assert f"relu: x must be real, got {kind}" in refusal(lambda v: fr.relu(v), value)

    @pytest.mark.parametrize(
        ("value", "kind"),
        [(np.zeros(3), "array(float64, 1d, C)"), (1j, "complex128"), ("a", "unicode_type"), (None, "none")],
        ids=["array", "complex", "str", "None"],
    )
    def test_parameter_that_is_not_a_number(self, value, kind):
        """An array would be read as the number that its first word spells."""
        for x in (1.0, np.zeros(3)):
            told = refusal(lambda v, slope: fr.leaky_relu(v, negative_slope=slope), x, value)
            assert f"leaky_relu: negative_slope must be a real scalar, got {kind}" in told

    def test_option(self):
        back, steep = fr.hardshrink.backward, fr.tanh.backward
        told = refusal(lambda v: fr.relu.backward(v, v, from_output="yes"), 1.0)
        assert "relu.backward: from_output must be False or True, got 'yes'" in told
        assert "gelu: approximate must be 'none' or 'tanh', got None" in refusal(lambda v: fr.gelu(v, approximate=None), 1.0)
        told = refusal(lambda v: back(v, v, from_output=True), 1.0)
        assert "hardshrink.backward: from_output=True is not valid, this function needs its input" in told
        told = refusal(lambda v, flag: steep(v, v, from_output=flag), 1.0, True)
        assert "tanh.backward: from_output must be a constant in compiled code" in told

    @pytest.mark.parametrize(("call", "told"), [
        (lambda v: fr.leaky_relu(v, slope=0.2), "leaky_relu: unknown parameter 'slope'; it takes x, negative_slope"),
        (lambda v: fr.relu(v, out=v), "relu: out exists outside of compiled code only"),
        (lambda v: fr.relu(v, where=v > 0), "relu: where exists outside of compiled code only"),
        (lambda v: fr.rrelu(v, training=True), "rrelu: training exists outside of compiled code only"),
        (lambda v: fr.elu.backward(v, v, wrt="alpha"), "elu.backward: wrt exists outside of compiled code only"),
        (
            lambda v: fr.prelu.backward(v, v, v),
            "prelu.backward exists outside of compiled code only: the gradient of x is grad * prelu.derivative(x, weight)",
        ),
        (lambda v: fr.relu(), "relu: x is missing; it takes x"),
        (lambda v: fr.relu(v, 1.0), "relu: got 2 positional arguments; it takes x"),
        (lambda v: fr.elu(v, 1.0, alpha=1.0), "elu: alpha was given twice; it takes x, alpha"),
        (lambda v: fr.softmax(v, axis=1), "softmax: axis must be an integer from -1 to 0 in compiled code, got 1"),
        (lambda v: fr.softmax(v, axis=v.size), "softmax: axis must be a constant in compiled code"),
        (lambda v: fr.softmax(v[0]), "softmax: x must be an array with axes, got float64"),
        (lambda v: fr.softmax.backward(v, v.reshape(3, 1)), "softmax.backward: grad and y must have as many axes, got 1 and 2"),
        (lambda v: fr.maxout(v), "maxout: pool_size is missing; it takes x, pool_size, axis"),
        (lambda v: fr.maxout(v, 1.5), "maxout: pool_size must be an integer, got float64"),
    ])  # fmt: skip
    def test_calls(self, call, told):
        assert told in refusal(call, np.ones(3))

    def test_values_that_only_a_call_knows(self):
        back = fr.elu.backward
        use = njit(lambda y, alpha: back(1.0, y, alpha=alpha, from_output=True))
        assert use(-0.5, 2.0) == back(1.0, -0.5, alpha=2.0, from_output=True)
        for value in (-1.0, np.nan):
            with pytest.raises(ValueError, match=r"^elu.backward: alpha must be at least 0$"):
                use(-0.5, value)
        for size in (0, 4):
            with pytest.raises(ValueError, match=r"^maxout: pool_size must divide the axis$"):
                njit(lambda v, n: fr.maxout(v, n))(np.ones(6), size)
        with pytest.raises(ValueError, match=r"^softmax.backward: grad and y must match$"):
            njit(lambda v: fr.softmax.backward(v, v[1:]))(np.ones(6))
