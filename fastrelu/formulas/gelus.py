"""GELU, exact and with tanh, and their derivatives.

Both are relu(x) minus an even function that decays: x Phi(x) = relu(x) - a Phi(-a) with a = |x|. So one formula serves both
signs, the tail for negative x is never 1 + erf, and nothing overflows. Each derivative is a tail for negative x and
1 minus it for positive x; the root of the tail, near -0.752, is a factor of the formula.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from fastrelu.activation import activation
from fastrelu.compiled import THIS
from fastrelu.thresholds import Cost
from fastrelu.vecmath.error import decay, decayed, small
from fastrelu.vecmath.normal import (
    argument,
    bracket,
    gelu_distance,
    mills_factor,
    near_root,
    one_more,
    slope_factor,
    tanh_distance,
)
from fastrelu.vecmath.primitives import Scalar, fma, jitable, times


@functools.cache
def scipy_erf() -> Callable[..., Any]:
    """scipy.special.erf: what the NumPy expression of a user needs, and nothing else does."""
    from scipy.special import erf

    return erf  # type: ignore[no-any-return]


@jitable
def gelu_slope(x: Scalar) -> Scalar:
    """Phi(x) + x phi(x), the derivative of gelu."""
    zero, half = type(x)(0.0), type(x)(0.5)
    a = gelu_distance(x)
    high = half * a * a
    head, rest, scale = decay(high, fma(half * a, a, -high))
    distance, low = slope_factor(a)
    tail = decayed(times(half, distance), low, head, rest) * scale
    return fma(tail if x < zero else -tail, small(x), zero if x < zero else type(x)(1.0))


@jitable
def gelu_tanh_slope(x: Scalar) -> Scalar:
    """t + 2 x t (1 - t) c (1 + 3 k x^2) with t = sigmoid(2c (x + k x^3)), the derivative of gelu_tanh."""
    zero, one = type(x)(0.0), type(x)(1.0)
    a = tanh_distance(x)
    high, low = argument(a)
    head, rest, scale = decay(high, low)
    d, d_low = one_more(head, rest, scale)
    # E (1 + E - a u'(a)) / (1 + E)^2 with E = exp(-u(a)); near its root the bracket is a polynomial
    near, near_low = near_root(a)
    top, top_low = bracket(a, d, d_low)
    close = abs(near) < type(x)(0.375)
    top, top_low = near if close else top, near_low if close else top_low
    square = d * d
    y = one / square
    z = times(top, y)
    left = fma(-z, fma(d + d, d_low, fma(d, d, -square)), fma(-z, square, top) + top_low)
    tail = decayed(z, left * y, head, rest) * scale
    return fma(tail if x < zero else -tail, small(x), zero if x < zero else one)


@activation(
    derivative=gelu_tanh_slope,
    reference=lambda m, x: x / (1 + m.exp(-2 * m.sqrt(2 / m.pi) * (x + m.mpf("0.044715") * x**3))),
    numpy=lambda x: 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
    max_ulp=1.0,
    cost=Cost.HEAVY,
    paper="Hendrycks & Gimpel, Gaussian Error Linear Units (2016)",
)
def gelu_tanh(x: Scalar) -> Scalar:
    """x sigmoid(2c (x + k x^3)), c = sqrt(2 / pi), k = 0.044715."""
    zero = type(x)(0.0)
    a = tanh_distance(x)
    high, low = argument(a)
    head, rest, scale = decay(high, low)
    d, d_low = one_more(head, rest, scale)
    y = type(x)(1.0) / d
    z = times(a, y)
    left = fma(-z, d_low, fma(-z, d, a))
    tail = decayed(z, left * y, head, rest) * scale
    return fma(-tail, small(x), zero if x < zero else x)


@activation(
    derivative=gelu_slope,
    reference=lambda m, x: x * m.erfc(-x / m.sqrt(2)) / 2,
    numpy=lambda x: 0.5 * x * (1 + scipy_erf()(x / math.sqrt(2))),
    max_ulp=1.07,
    cost=Cost.HEAVY,
    variants={"approximate": {"none": THIS, "tanh": gelu_tanh}},
    params={"approximate": "The exact function, or the formula with tanh that is 5e-4 off."},
    paper="Hendrycks & Gimpel, Gaussian Error Linear Units (2016)",
)
def gelu(x: Scalar) -> Scalar:
    """x Phi(x), Phi the cumulative distribution function of the standard normal distribution."""
    kind = type(x)
    zero, half, k, c = kind(0.0), kind(0.5), kind(1.109375), kind(0.9453125)
    a = gelu_distance(x)
    high = half * a * a
    head, rest, scale = decay(high, fma(half * a, a, -high))
    # a / d + low to two words; 1 / d, for a correction of an ulp, from a / d itself
    d = fma(k, a, c)
    z = a / d
    left = fma(-z, fma(k, a, c - d), fma(-z, d, a))
    low = fma(z, mills_factor(a), left * fma(z, -k / c, kind(1.0) / c))
    tail = decayed(z, low, head, rest) * scale
    return fma(-half * small(x), tail, zero if x < zero else x)
