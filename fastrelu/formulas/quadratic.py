"""Functions with a piece of a parabola: relu_squared, star_relu, sparse_plus, sqnl."""

from __future__ import annotations

import math

import numpy as np

from fastrelu.activation import activation
from fastrelu.thresholds import Cost
from fastrelu.vecmath.primitives import Scalar, fma, jitable, times
from fastrelu.vecmath.words import sum_error


def relu_squared_slope(x: Scalar) -> Scalar:
    """2 x if x > 0 else 0; NaN stays."""
    return type(x)(0) if x <= 0 else x + x


@activation(
    derivative=relu_squared_slope,
    reference=lambda m, x: x * x if x > 0 else m.mpf(0),
    numpy=lambda x: np.square(np.maximum(x, 0)),
    max_ulp=0.5,
    cost=Cost.MEMORY,
    paper="So et al., Primer, NeurIPS 2021",
)
def relu_squared(x: Scalar) -> Scalar:
    """The squared ReLU, x^2 if x > 0 else 0."""
    return type(x)(0) if x <= 0 else x * x


def star_relu_slope(x: Scalar, scale: Scalar = 0.8944, bias: Scalar = -0.4472) -> Scalar:
    """2 scale x if x > 0 else 0; NaN stays."""
    return type(x)(0) if x <= 0 else (scale + scale) * x


@activation(
    derivative=star_relu_slope,
    reference=lambda m, x, scale, bias: scale * x * x + bias if x > 0 else bias,
    numpy=lambda x, scale=0.8944, bias=-0.4472: scale * np.square(np.maximum(x, 0)) + bias,
    max_ulp=0.51,
    cost=Cost.MEMORY,
    params={"scale": "What the square is multiplied by.", "bias": "What is added: the result for x <= 0."},
    paper="Yu et al., MetaFormer baselines for vision, TPAMI 46 (2024)",
)
def star_relu(x: Scalar, scale: Scalar = 0.8944, bias: Scalar = -0.4472) -> Scalar:
    """StarReLU, scale * relu(x)^2 + bias."""
    part = scale * x  # x^2 alone could overflow
    rise = times(part, x)
    y = rise + bias
    # where scale * x^2 and the bias cancel, what both products have lost is all that is left
    low = fma(fma(scale, x, -part), x, fma(part, x, -rise))
    z = y + (sum_error(rise, bias, y) + low)
    return bias if x <= type(x)(0.0) else z if abs(y) < type(x)(math.inf) else y


def sparse_plus_slope(x: Scalar) -> Scalar:
    """0 if x <= -1 else 1 if x >= 1 else (x + 1) / 2; NaN stays."""
    one, half = type(x)(1.0), type(x)(0.5)
    return one if x >= one else type(x)(0.0) if x <= -one else fma(x, half, half)


@activation(
    derivative=jitable(sparse_plus_slope),
    reference=lambda m, x: x if x >= 1 else (x + 1) ** 2 / 4 if x > -1 else m.mpf(0),
    numpy=lambda x: np.where(x >= 1, x, np.square(np.maximum(x + 1, 0)) / 4),
    max_ulp=0.51,
    cost=Cost.MEMORY,
    paper="Martins & Astudillo, ICML 2016; jax.nn.sparse_plus",
)
def sparse_plus(x: Scalar) -> Scalar:
    """The sparse softplus, 0 if x <= -1 else x if x >= 1 else (x + 1)^2 / 4."""
    one, half = type(x)(1.0), type(x)(0.5)
    root = fma(x, half, half)
    low = fma(x, half, half - root)
    y = fma(root, root, (root + root) * low)
    return x if x >= one else type(x)(0.0) if x <= -one else y


def sqnl_slope(x: Scalar) -> Scalar:
    """1 - abs(x) / 2 if abs(x) < 2 else 0; NaN stays."""
    return type(x)(0.0) if abs(x) >= type(x)(2.0) else fma(abs(x), type(x)(-0.5), type(x)(1.0))


@activation(
    derivative=sqnl_slope,
    reference=lambda m, x: m.sign(x) if abs(x) >= 2 else x - x * abs(x) / 4,
    numpy=lambda x: np.where(np.abs(x) < 2, x - x * np.abs(x) / 4, np.sign(x)),
    max_ulp=0.5,
    cost=Cost.MEMORY,
    paper="Wuraola & Patel, SQNL, IJCNN 2018",
)
def sqnl(x: Scalar) -> Scalar:
    """The square nonlinearity, x - x abs(x) / 4 between -2 and 2, and -1 or 1 outside."""
    one, two = type(x)(1.0), type(x)(2.0)
    between = fma(abs(x) * type(x)(-0.25), x, x) if abs(x) > type(x)(0.0) else x  # the sum of two zeros would lose the sign
    return one if x >= two else -one if x <= -two else between
