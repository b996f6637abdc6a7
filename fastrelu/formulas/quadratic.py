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


def relu_squared_bend(x: Scalar) -> Scalar:
    """2 if x > 0 else 0; NaN stays."""
    return type(x)(2) if x > 0 else type(x)(0) if x <= 0 else x


@activation(
    derivative=relu_squared_slope,
    second=relu_squared_bend,
    reference=lambda m, x: x * x if x > 0 else m.mpf(0),
    numpy=lambda x: np.square(np.maximum(x, 0)),
    max_ulp=0.5,
    cost=Cost.MEMORY,
    values=(0, None),
    slopes=(0, None),
    names=(("relu2", "mlx transformers"),),
    paper="So et al., Primer, NeurIPS 2021",
)
def relu_squared(x: Scalar) -> Scalar:
    """The squared ReLU, x^2 if x > 0 else 0."""
    return type(x)(0) if x <= 0 else x * x


def star_relu_slope(x: Scalar, scale: Scalar = 0.8944, bias: Scalar = -0.4472) -> Scalar:
    """2 scale x if x > 0 else 0; NaN stays."""
    return type(x)(0) if x <= 0 else (scale + scale) * x


def star_relu_bend(x: Scalar, scale: Scalar = 0.8944, bias: Scalar = -0.4472) -> Scalar:
    """2 scale if x > 0 else 0; NaN stays."""
    return scale + scale if x > 0 else type(x)(0) if x <= 0 else x


def star_relu_scale_slope(x: Scalar, scale: Scalar, bias: Scalar) -> Scalar:
    """x^2 if x > 0 else 0; NaN stays."""
    return type(x)(0) if x <= 0 else x * x


def star_relu_bias_slope(x: Scalar, scale: Scalar, bias: Scalar) -> Scalar:
    """1; NaN stays."""
    return type(x)(1) if x == x else x


@activation(
    derivative=star_relu_slope,
    second=star_relu_bend,
    reference=lambda m, x, scale, bias: scale * x * x + bias if x > 0 else bias,
    numpy=lambda x, scale=0.8944, bias=-0.4472: scale * np.square(np.maximum(x, 0)) + bias,
    max_ulp=0.51,
    cost=Cost.MEMORY,
    params={"scale": "What the square is multiplied by.", "bias": "What is added: the result for x <= 0."},
    values=(-0.4472, None),
    slopes=(0, None),
    gradients={"scale": star_relu_scale_slope, "bias": star_relu_bias_slope},
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


def sparse_plus_bend(x: Scalar) -> Scalar:
    """1/2 if -1 < x <= 1 else 0; NaN stays."""
    one, zero = type(x)(1.0), type(x)(0.0)
    return (zero if x > one else type(x)(0.5)) if x > -one else zero if x <= -one else x


@activation(
    derivative=jitable(sparse_plus_slope),
    second=sparse_plus_bend,
    reference=lambda m, x: x if x >= 1 else (x + 1) ** 2 / 4 if x > -1 else m.mpf(0),
    numpy=lambda x: np.where(x >= 1, x, np.square(np.maximum(x + 1, 0)) / 4),
    max_ulp=0.51,
    cost=Cost.MEMORY,
    values=(0, None),
    slopes=(0, 1),
    names=(("sparse_plus", "jax keras"),),
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


def sqnl_bend(x: Scalar) -> Scalar:
    """1/2 if -2 < x <= 0, -1/2 if 0 < x <= 2, else 0; NaN stays."""
    zero, half, two = type(x)(0.0), type(x)(0.5), type(x)(2.0)
    inside = -half if x > zero else half
    return (zero if x > two else inside) if x > -two else zero if x <= -two else x


@activation(
    derivative=sqnl_slope,
    second=sqnl_bend,
    reference=lambda m, x: m.sign(x) if abs(x) >= 2 else x - x * abs(x) / 4,
    numpy=lambda x: np.where(np.abs(x) < 2, x - x * np.abs(x) / 4, np.sign(x)),
    max_ulp=0.5,
    cost=Cost.MEMORY,
    values=(-1, 1),
    slopes=(0, 1),
    paper="Wuraola & Patel, SQNL, IJCNN 2018",
)
def sqnl(x: Scalar) -> Scalar:
    """The square nonlinearity, x - x abs(x) / 4 between -2 and 2, and -1 or 1 outside."""
    one, two = type(x)(1.0), type(x)(2.0)
    between = fma(abs(x) * type(x)(-0.25), x, x) if abs(x) > type(x)(0.0) else x  # the sum of two zeros would lose the sign
    return one if x >= two else -one if x <= -two else between
