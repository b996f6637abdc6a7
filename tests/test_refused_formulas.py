"""What `@fr.activation` and `@fr.fold` cannot make a function of: one sentence, and the registry stays as it was."""

import numpy as np
import pytest

import fastrelu as fr


def test_too_many_parameters_for_a_formula(own_registry):
    """A kernel has a place for eight addresses: the output's, grad's, and those of six parameters."""
    record = {"reference": None, "numpy": None, "max_ulp": 0}
    with pytest.raises(ValueError, match=r"^wide: a formula must have an array, and at most 6 parameters with it, got 7$"):

        @fr.activation(derivative=lambda x, a=1, b=1, c=1, d=1, e=1, f=1: x, **record)
        def wide(x, a=1.0, b=1.0, c=1.0, d=1.0, e=1.0, f=1.0):
            """A sum."""
            return x + a + b + c + d + e + f

    assert "wide" not in fr.registry

    @fr.activation(derivative=lambda x, a=1, b=1, c=1, d=1, e=1: x, **record)
    def narrower(x, a=1.0, b=1.0, c=1.0, d=1.0, e=1.0):
        """A sum."""
        return x + a + b + c + d + e

    x = np.arange(6.0)[::2]
    assert narrower(x).tolist() == [5, 7, 9]
    assert narrower.backward(x, x, e=7.0).tolist() == [0, 4, 16]


def test_formulas_that_no_function_can_be_made_of(own_registry):
    def made(formula):
        return fr.activation(derivative=lambda x: x, reference=None, numpy=None, max_ulp=0)(formula)

    def relu(x):
        return x

    wrong = {
        "relu: a function must have another name than those of fastrelu": relu,
        "<lambda>: a formula must have an array, and at most 6 parameters with it, got 0": lambda: 1.0,
        "<lambda>: a formula must have an array, and at most 6 parameters with it, got 1": lambda x=1.0: x,
        "<lambda>: a parameter must not be called out, which is a keyword of every function": lambda x, out=1.0: x,
        "<lambda>: a parameter must not be called grad, which is a keyword of every function": lambda x, grad: x,
        "<lambda>: the default of mode must be a number, got str": lambda x, mode="fast": x,
    }
    before = dict(fr.registry)
    for text, formula in wrong.items():
        with pytest.raises((TypeError, ValueError)) as error:
            made(formula)
        assert str(error.value) == text
    with pytest.raises(ValueError, match=r"^softmax: a function must have another name"):

        @fr.fold(backward=None, reference=None, numpy=None)
        def softmax(x, out):
            """Another one."""

    assert fr.registry == before
