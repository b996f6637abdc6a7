"""S-shaped functions: sigmoid and tanh."""

from __future__ import annotations

import numpy as np

from fastrelu import vecmath
from fastrelu.activation import activation
from fastrelu.vecmath.primitives import Scalar, fma


def sigmoid_slope(x: Scalar) -> Scalar:
    """t / (1 + t)^2 with t = exp(-abs(x)): unlike y (1 - y) it does not cancel where y is near 1."""
    t = vecmath.exp(-abs(x))
    d = type(x)(1) + t
    return t / (d * d)


def sigmoid_slope_from_output(y: Scalar) -> Scalar:
    """y (1 - y)."""
    return y * (type(y)(1) - y)


@activation(
    derivative=sigmoid_slope,
    from_output=sigmoid_slope_from_output,
    reference=lambda m, x: 1 / (1 + m.exp(-x)),
    numpy=lambda x: 1 / (1 + np.exp(-x)),
    max_ulp=2.0,
    paper="Verhulst (1845); Rumelhart, Hinton & Williams, Nature 323 (1986)",
)
def sigmoid(x: Scalar) -> Scalar:
    """The logistic sigmoid, 1 / (1 + exp(-x)); no flush to zero: float32 sigmoid(-100) is 3.78e-44."""
    t = vecmath.exp(-abs(x))
    return (type(x)(1) if x >= 0 else t) / (type(x)(1) + t)


def tanh_slope(x: Scalar) -> Scalar:
    """4 t / (1 + t)^2 with t = exp(-2 abs(x)): unlike 1 - y^2 it does not cancel where y is near 1."""
    t = vecmath.exp(type(x)(-2) * abs(x))
    d = type(x)(1) + t
    return type(x)(4) * t / (d * d)


def tanh_slope_from_output(y: Scalar) -> Scalar:
    """1 - y^2."""
    return fma(-y, y, type(y)(1))


@activation(
    derivative=tanh_slope,
    from_output=tanh_slope_from_output,
    reference=lambda m, x: m.tanh(x),
    numpy=lambda x: np.tanh(x),
    max_ulp=1.0,
    paper="LeCun, Bottou, Orr & Mueller, Efficient BackProp (1998)",
)
def tanh(x: Scalar) -> Scalar:
    """The hyperbolic tangent, (exp(x) - exp(-x)) / (exp(x) + exp(-x))."""
    return vecmath.tanh(x)
