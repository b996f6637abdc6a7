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
from fastrelu.formulas.sigmoids import bend_parts
from fastrelu.thresholds import Cost
from fastrelu.vecmath.error import decay, decayed, small
from fastrelu.vecmath.normal import (
    argument,
    argument_rates,
    bracket,
    gelu_distance,
    mills_factor,
    near_root,
    one_more,
    slope_factor,
    slope_of_slope,
    tanh_distance,
)
from fastrelu.vecmath.primitives import Scalar, fma, jitable, times
from fastrelu.vecmath.words import add, product


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
    factor, low = slope_factor(a)
    tail = decayed(factor, low, head, rest) * scale
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


@jitable
def gelu_tanh_bend(x: Scalar) -> Scalar:
    """t (1 - t) (4c + 24 c k x^2 - x u^2 (2 t - 1)), t = sigmoid(v), v = 2c (x + k x^3) with the slope u = 2c (1 + 3 k x^2).

    With E = exp(-abs(v)) it is E (w (1 + E) - abs(x) u^2 (1 - E)) / (1 + E)^3, w = 4 u - 4c.
    """
    zero, two, four = type(x)(0.0), type(x)(2.0), type(x)(4.0)
    a = tanh_distance(x)
    _, _, t, t_low, scale, power, power_low, y, y_low = bend_parts(*argument(a))
    u, u_low, c, c_low = argument_rates(a)
    w, w_low = add(four * u, four * u_low, -two * c, -two * c_low)
    u, u_low = product(u, u_low, u, u_low)
    u, u_low = product(u, u_low, a, zero)
    more, more_low = add(w, w_low, u, u_low)
    more, more_low = product(more, more_low, power, power_low)
    w, w_low = add(w, w_low, -u, -u_low)
    w, w_low = add(w, w_low, more, more_low)
    y, y_low = product(y, y_low, w, w_low)
    y, y_low = product(y, y_low, t, t_low)
    return times((y + y_low) * scale, small(x))


@activation(
    derivative=gelu_tanh_slope,
    second=gelu_tanh_bend,
    reference=lambda m, x: x / (1 + m.exp(-2 * m.sqrt(2 / m.pi) * (x + m.mpf("0.044715") * x**3))),
    numpy=lambda x: 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
    max_ulp=0.84,
    cost=Cost.HEAVY,
    values=(-0.17004075057125406, None),
    slopes=(-0.12899306865877178, 1.1289930686587717),
    names=(
        ("gelu gelu_tanh gelu_sigmoid", "nnlib"),
        ("gelu_tanh", "onednn"),
        ("GELU_APPROX_TANH", "cudnn"),
        ("gelu_approx", "mlx"),
        ("gelu_new gelu_pytorch_tanh gelu_python_tanh gelu_fast gelu_accurate", "transformers"),
    ),
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


@jitable
def gelu_bend(x: Scalar) -> Scalar:
    """(2 - x^2) phi(x), phi the density of the standard normal distribution."""
    half = type(x)(0.5)
    a = gelu_distance(x)
    high = half * a * a
    head, rest, scale = decay(high, fma(half * a, a, -high))
    w, w_low = slope_of_slope(a)
    return times(decayed(w, w_low, head, rest) * scale, small(x))


@activation(
    derivative=gelu_slope,
    second=gelu_bend,
    reference=lambda m, x: x * m.erfc(-x / m.sqrt(2)) / 2,
    numpy=lambda x: 0.5 * x * (1 + scipy_erf()(x / math.sqrt(2))),
    max_ulp=1.15,
    cost=Cost.HEAVY,
    variants={"approximate": {"none": THIS, "tanh": gelu_tanh}},
    params={"approximate": "The exact function, or the formula with tanh that is 5e-4 off."},
    values=(-0.16997120747990366, None),
    slopes=(-0.12890414518515478, 1.1289041451851547),
    names=(
        ("gelu", "torch mlx"),
        ("gelu", "jax tfa", lambda approximate=True: {"approximate": "tanh" if approximate else "none"}),
        ("gelu", "keras keras2 tf", lambda approximate=False: {"approximate": "tanh" if approximate else "none"}),
        ("Gelu", "onnx"),
        ("gelu_erf", "nnlib onednn"),
        ("GELU", "cudnn"),
        ("gelu gelu_python", "transformers"),
    ),
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
