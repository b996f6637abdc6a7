"""Smooth relatives of the ReLU: elu, softplus, silu."""

from __future__ import annotations

import math

import numpy as np

from fastrelu import vecmath
from fastrelu.activation import activation
from fastrelu.vecmath.primitives import Scalar, fma


def elu_slope(x: Scalar, alpha: Scalar = 1.0) -> Scalar:
    """1 if x > 0 else alpha exp(x)."""
    return type(x)(1) if x > 0 else alpha * vecmath.exp(x)


def elu_slope_from_output(y: Scalar, alpha: Scalar = 1.0) -> Scalar:
    """1 if y > 0 else y + alpha."""
    return type(y)(1) if y > 0 else y + alpha


@activation(
    derivative=elu_slope,
    from_output=elu_slope_from_output,
    from_output_minimum={"alpha": 0.0},
    reference=lambda m, x, alpha: x if x > 0 else alpha * m.expm1(x),
    numpy=lambda x, alpha=1.0: np.where(x > 0, x, alpha * np.expm1(x)),
    kinks=lambda alpha=1.0: {0.0: "left"} if alpha != 1 else {},
    max_ulp=1.5,
    params={"alpha": "The limit at -inf is -alpha."},
    paper="Clevert, Unterthiner & Hochreiter, ICLR 2016",
)
def elu(x: Scalar, alpha: Scalar = 1.0) -> Scalar:
    """The exponential linear unit, x if x > 0 else alpha * (exp(x) - 1)."""
    return x if x > 0 else alpha * vecmath.expm1(x)


def softplus_slope(x: Scalar, beta: Scalar = 1.0, threshold: Scalar = math.inf) -> Scalar:
    """sigmoid(beta * x); 1 where beta * x > threshold."""
    z = beta * x
    t = vecmath.exp(-abs(z))
    slope = (type(x)(1) if z >= 0 else t) / (type(x)(1) + t)
    return type(x)(1) if z > threshold else slope


@activation(
    derivative=softplus_slope,
    reference=lambda m, x, beta, threshold: x if beta * x > threshold else m.log1p(m.exp(beta * x)) / beta,
    numpy=lambda x, beta=1.0: np.log1p(np.exp(-np.abs(beta * x))) / beta + np.maximum(x, 0),
    max_ulp=2.0,
    params={
        "beta": "How sharp the bend is.",
        "threshold": "Where beta * x is greater, the result is x. torch's default of 20 costs accuracy; this one, none.",
    },
    paper="Dugas et al., NIPS 2000",
)
def softplus(x: Scalar, beta: Scalar = 1.0, threshold: Scalar = math.inf) -> Scalar:
    """The smooth ReLU, log(1 + exp(beta * x)) / beta."""
    z = beta * x
    tail = vecmath.log1p(vecmath.exp(-abs(z)))
    y = fma(tail, type(x)(1) / beta, x if z > 0 else type(x)(0))
    return x if z > threshold else y


def silu_slope(x: Scalar) -> Scalar:
    """The derivative of x * sigmoid(x), with t = exp(-abs(x)): no cancellation of sigmoid's tails."""
    one = type(x)(1)
    t = vecmath.exp(-abs(x))
    near = x if abs(x) < 1000 else type(x)(0)  # t is 0 there, and infinity times 0 is not
    d = one + t
    rising = fma(near, t, d) / (d * d)
    falling = t * (d + near) / (d * d)
    return rising if x >= 0 else falling


@activation(
    derivative=silu_slope,
    reference=lambda m, x: x / (1 + m.exp(-x)),
    numpy=lambda x: x / (1 + np.exp(-x)),
    max_ulp=3.0,
    paper="Elfwing, Uchibe & Doya, Neural Networks 107 (2018); Hendrycks & Gimpel (2016)",
)
def silu(x: Scalar) -> Scalar:
    """The sigmoid linear unit, x / (1 + exp(-x)); 0 at -inf."""
    t = vecmath.exp(-abs(x))
    numerator = x if x >= 0 else (x if x > -1000 else type(x)(-1000)) * t  # -inf * 0 is NaN
    return numerator / (type(x)(1) + t)
