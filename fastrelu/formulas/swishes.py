"""x times the sigmoid of a multiple of x: swish, and quick_gelu, whose multiple is 1.702.

Apart from silu, because the multiple is rounded: what its rounding lost goes into the exponential, which costs time that silu
needs not spend, and a parameter is one more operand of each call.
"""

from __future__ import annotations

import numpy as np

from fastrelu.activation import activation
from fastrelu.formulas.sigmoids import end, gated_bend
from fastrelu.thresholds import Cost
from fastrelu.vecmath.coefficients import (
    LN2_32,
    LN2_64,
    QUICK_32,
    QUICK_64,
    SILU_ZERO_32,
    SILU_ZERO_64,
    SILU_ZERO_EXP_32,
    SILU_ZERO_EXP_64,
)
from fastrelu.vecmath.error import decay, small
from fastrelu.vecmath.exponential import (
    LOG2E_32,
    LOG2E_64,
    RAISED_32,
    RAISED_64,
    exp_tail_64,
    expm1_tail_32,
    scale_32,
    scale_64,
)
from fastrelu.vecmath.normal import distance_to
from fastrelu.vecmath.pairs import exp_pair
from fastrelu.vecmath.primitives import Scalar, by_precision, fma, jitable, times
from fastrelu.vecmath.words import product


@jitable
def _quick_32(x: Scalar) -> Scalar:
    return QUICK_32[0], QUICK_32[1]


@by_precision(_quick_32)
@jitable
def quick(x: Scalar) -> Scalar:
    """1.702 in two words."""
    return QUICK_64[0], QUICK_64[1]


@jitable
def _fine_parts_32(x: Scalar) -> Scalar:
    shifted = fma(x, LOG2E_32, RAISED_32)
    n = shifted - RAISED_32
    head = fma(n, -LN2_32[0], x)
    r = fma(n, -LN2_32[1], head)
    return r, fma(n, -LN2_32[1], head - r), expm1_tail_32(-r), scale_32(shifted)


@by_precision(_fine_parts_32)
@jitable
def fine_parts(x: Scalar) -> Scalar:
    """r in two words, (exp(-r) - 1 + r) / r^2, and scale: exp(x) = exp(r) * scale * small(x), for -end(x) <= x <= 0."""
    shifted = fma(x, LOG2E_64, RAISED_64)
    n = shifted - RAISED_64
    head = fma(n, -LN2_64[0], x)
    r = fma(n, -LN2_64[1], head)
    return r, fma(n, -LN2_64[1], head - r), exp_tail_64(-r), scale_64(shifted)


@jitable
def gated(x: Scalar, z: Scalar, z_low: Scalar) -> Scalar:
    """x * sigmoid(z + z_low), |z_low| of the order of an ulp of z, or not finite where z is not."""
    zero, one = type(x)(0.0), type(x)(1.0)
    # as silu: x or 0, less a tail abs(x) 2^-n / (2^-n + e^r)
    a = abs(z)
    inside = a < end(x)
    r, r_low, part, scale = fine_parts(-a if inside else -end(x))
    low = ((z_low if z > zero else -z_low) if inside else zero) - r_low
    power = times(scale, small(x))
    # 2^n + e^-r, e^-r = 1 - r v: with the roundings of r and v, without which it is 1.02 ULP off
    v = fma(part, -r, one)
    d = fma(v, -r, one + power)
    d_low = fma(fma(part, -r, one - v), -r, fma(v, -r, (one - d) + power))
    d_low = fma(d - power, low, d_low)
    y = one / d
    # a large x, which a small beta leaves inside, is scaled back first
    unit = small(x) if abs(x) > type(x)(2.0**32) else one
    top = times(times(-x if z > zero else x, unit), scale) if inside else zero
    quotient = times(top, y)
    tail = fma(fma(-quotient, d_low, fma(-quotient, d, top)), y, quotient)
    y = fma(tail, small(x) / unit, x if z > zero else zero if z <= zero else z)
    return x if (x == zero) & (z == zero) else y  # keeps the sign of a zero


@jitable
def bell(p: Scalar, p_low: Scalar, power: Scalar) -> Scalar:
    """t / (1 + t)^2 / power in two words, t = (p + p_low) * power <= 1."""
    one = type(p)(1.0)
    t = times(p, power)
    d = one + t
    d_low = fma(p_low, power, t - (d - one))
    square = d * d
    y = one / square
    z = times(p, y)
    low = fma(d + d, d_low, fma(d, d, -square))
    return z, (fma(-z, square, p) + fma(-z, low, p_low)) * y


@jitable
def _silu_zero_32(x: Scalar) -> Scalar:
    return SILU_ZERO_32[0], SILU_ZERO_32[1], SILU_ZERO_EXP_32[0], SILU_ZERO_EXP_32[1]


@by_precision(_silu_zero_32)
@jitable
def silu_zero(x: Scalar) -> Scalar:
    """The zero a0 of 1 + exp(-a) - a in two words, and exp(-a0) = a0 - 1 in two words."""
    return SILU_ZERO_64[0], SILU_ZERO_64[1], SILU_ZERO_EXP_64[0], SILU_ZERO_EXP_64[1]


@jitable
def gated_slope(z: Scalar, z_low: Scalar) -> Scalar:
    """The derivative of z * sigmoid(z) at z + z_low.

    For negative z it is t (1 + t - a) / (1 + t)^2 with a = -z and t = exp(-a). With d = a0 - a, the distance from the root of the
    bracket, that is d + exp(-a0) (exp(d) - 1): nothing cancels. For positive z, 1 minus that of -z.
    """
    zero, one = type(z)(0.0), type(z)(1.0)
    a = abs(z)
    inside = a < end(z)
    root, root_low, factor, factor_low = silu_zero(z)
    d, d_low = distance_to(root, root_low, a if inside else end(z))
    d_low = d_low - (z_low if z > zero else -z_low) if inside else d_low
    head, rest, scale = decay(-d, -d_low)
    part = rest - head
    power = times(scale, small(z))
    more = fma(factor, fma(power, part, power - one), d_low)
    bracket = d + more
    p = one + part
    q = times(factor, p)
    q_low = fma(factor, p, -q) + fma(factor, part - (p - one), factor_low * p)
    quotient, low = bell(q, q_low, power)
    tail = fma(quotient, bracket, fma(quotient, more - (bracket - d), low * bracket)) * scale
    y = fma(tail if z < zero else -tail, small(z), zero if z < zero else one)
    return y if z == z else z


@jitable
def swish_slope(x: Scalar, beta: Scalar = 1.0) -> Scalar:
    """s + z s (1 - s), z = beta * x and s = sigmoid(z)."""
    z = times(beta, x)
    return gated_slope(z, fma(beta, x, -z))


@jitable
def swish_bend(x: Scalar, beta: Scalar = 1.0) -> Scalar:
    """beta s (1 - s) (2 - z tanh(z / 2)), z = beta * x and s = sigmoid(z)."""
    z = times(beta, x)
    return gated_bend(z, fma(beta, x, -z), beta)


@jitable
def swish_beta_slope(x: Scalar, beta: Scalar) -> Scalar:
    """x^2 t / (1 + t)^2 with t = exp(-abs(beta x))."""
    zero = type(x)(0.0)
    z = times(beta, x)
    z_low = fma(beta, x, -z)
    a = abs(z)
    still = a > end(x)
    low = z_low if z > zero else -z_low
    p, p_low, scale = exp_pair(-(end(x) if still else a), zero if still else -low)
    y, y_low = bell(p, p_low, times(scale, small(x)))
    y, y_low = product(y, y_low, zero if still else x, zero)
    # neither factor overflows before the product does
    return times((y + y_low) * scale, x * small(x)) if not still else zero


@activation(
    derivative=swish_slope,
    second=swish_bend,
    reference=lambda m, x, beta: x / (1 + m.exp(-beta * x)),
    numpy=lambda x, beta=1.0: x / (1 + np.exp(-beta * x)),
    max_ulp=1.0,
    cost=Cost.HEAVY,
    params={"beta": "How sharp the bend is, finite: 0 gives x / 2 where x is finite, and a large one comes close to relu."},
    values=(-0.2784645427610738, None),
    slopes=(-0.09983932012886691, 1.099839320128867),
    names=(
        ("silu", "keras2 tf"),
        ("swish", "tf"),
        ("Swish", "onnx", lambda alpha=1.0: {"beta": alpha}),
        ("SWISH", "cudnn"),
        ("swish", "onednn", lambda alpha: {"beta": alpha}),
        ("swish", "chainer", lambda beta: {"beta": beta}),
    ),
    gradients={"beta": swish_beta_slope},
    paper="Ramachandran, Zoph & Le, Searching for Activation Functions (2017)",
)
def swish(x: Scalar, beta: Scalar = 1.0) -> Scalar:
    """x * sigmoid(beta * x); silu is the case of beta = 1, and faster."""
    z = times(beta, x)
    return gated(x, z, fma(beta, x, -z))


@jitable
def quick_gelu_slope(x: Scalar) -> Scalar:
    """s + z s (1 - s), z = 1.702 x and s = sigmoid(z)."""
    c, c_low = quick(x)
    z = times(c, x)
    return gated_slope(z, fma(c_low, x, fma(c, x, -z)))


@jitable
def quick_gelu_bend(x: Scalar) -> Scalar:
    """1.702 s (1 - s) (2 - z tanh(z / 2)), z = 1.702 x and s = sigmoid(z)."""
    c, c_low = quick(x)
    z = times(c, x)
    return gated_bend(z, fma(c_low, x, fma(c, x, -z)), c)


@activation(
    derivative=quick_gelu_slope,
    second=quick_gelu_bend,
    reference=lambda m, x: x / (1 + m.exp(-m.mpf("1.702") * x)),
    numpy=lambda x: x / (1 + np.exp(-1.702 * x)),
    max_ulp=0.86,
    cost=Cost.HEAVY,
    values=(-0.16361018963635357, None),
    slopes=(-0.09983932012886691, 1.099839320128867),
    names=(
        ("gelu_fast_approx", "mlx"),
        ("quick_gelu", "transformers"),
    ),
    paper="Hendrycks & Gimpel, Gaussian Error Linear Units (2016), section 2",
)
def quick_gelu(x: Scalar) -> Scalar:
    """x * sigmoid(1.702 x), within 0.021 of gelu."""
    c, c_low = quick(x)
    z = times(c, x)
    return gated(x, z, fma(c_low, x, fma(c, x, -z)))
