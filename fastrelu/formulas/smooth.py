"""Smooth relatives of the ReLU: elu, softplus, silu."""

from __future__ import annotations

import math

import numpy as np

from fastrelu.activation import activation
from fastrelu.formulas.sigmoids import end, ratio, reduced, sigmoid_sum, sum_of
from fastrelu.thresholds import Cost
from fastrelu.vecmath.coefficients import (
    ATANH_64,
    LN2_32,
    LN2_64,
    LOG1P_32,
    SILU_EXP_32,
    SILU_EXP_64,
    SILU_POINT_32,
    SILU_POINT_64,
    SILU_TAIL_32,
    SILU_TAIL_64,
)
from fastrelu.vecmath.error import decay, small
from fastrelu.vecmath.exponential import LOG2E_32, LOG2E_64, RAISED_32, RAISED_64, scale_32, scale_64
from fastrelu.vecmath.primitives import Scalar, by_precision, fma, jitable, times

LN2_ROUNDED_32 = np.float32(0.6931471805599453)
HALF_32, HALF_64, TWO_32, TWO_64 = np.float32(0.5), np.float64(0.5), np.float32(2), np.float64(2)
# SILU_POINT - 2 ln(2), heads only: from -a - n ln(2) to SILU_POINT - a - (n + 2) ln(2)
SILU_HEAD_32, SILU_HEAD_64 = SILU_POINT_32[0] - TWO_32 * LN2_32[0], SILU_POINT_64[0] - TWO_64 * LN2_64[0]


@jitable
def elu_slope(x: Scalar, alpha: Scalar = 1.0) -> Scalar:
    """1 if x > 0 else alpha exp(x)."""
    zero, part = type(x)(0.0), type(x)(2.0**-32)
    r, scale = reduced(-end(x) if x < -end(x) else x)
    scale = zero if x < -end(x) else scale
    # part of small with alpha, the rest after it: neither product overflows, or is subnormal, for an alpha that makes sense
    y = times(fma(ratio(r), r * scale, scale) * (alpha * part), small(x) / part)
    return type(x)(1.0) if x > zero else y


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
    max_ulp=0.91,
    params={"alpha": "The limit at -inf is -alpha."},
    paper="Clevert, Unterthiner & Hochreiter, ICLR 2016",
)
def elu(x: Scalar, alpha: Scalar = 1.0) -> Scalar:
    """The exponential linear unit, x if x > 0 else alpha * (exp(x) - 1)."""
    zero, one = type(x)(0.0), type(x)(1.0)
    head, rest, scale = decay(end(x) if x < -end(x) else -x, zero)
    # exp(x) - 1 = power (rest - head) - below: the sum of power * -head and -below, and what it lost
    power = times(scale, small(x))
    below = one - power
    y = fma(-power, head, -below)
    lost = fma(-power, head, -below - y) + (one - (below + power))
    return x if x >= zero else fma(alpha, y, alpha * fma(power, rest, lost))


@jitable
def softplus_slope(x: Scalar, beta: Scalar = 1.0, threshold: Scalar = math.inf) -> Scalar:
    """sigmoid(beta * x); 1 where beta * x > threshold."""
    z = times(beta, x)
    slope = sigmoid_sum(z, fma(beta, x, -z))
    return type(x)(1.0) if z > threshold else slope


@jitable
def _log1p_sum_32(t: Scalar, t_low: Scalar) -> Scalar:
    upper = t > HALF_32
    f = fma(t, HALF_32, -HALF_32) if upper else t
    f_low = HALF_32 * t_low if upper else t_low
    square = f * f
    low = fma(fma(LOG1P_32[4], f, LOG1P_32[3]), square, fma(LOG1P_32[2], f, LOG1P_32[1]))
    high = fma(fma(LOG1P_32[8], f, LOG1P_32[7]), square, fma(LOG1P_32[6], f, LOG1P_32[5]))
    k = LN2_ROUNDED_32 if upper else np.float32(0)
    total = k + f
    lost = f - (total - k)
    return total, fma(fma(fma(high, square * square, low), f, LOG1P_32[0]), square, fma(-f, f_low, f_low) + lost)


@by_precision(_log1p_sum_32)
@jitable
def log1p_sum(t: Scalar, t_low: Scalar) -> Scalar:
    """log(1 + t + t_low) for 0 <= t <= 1, as a sum of two; |t_low| of the order of an ulp of t.

    As vecmath.log1p: 1 + t is 1 + f up to 3/2 and 2 (1 + f) from there on.
    """
    upper = t > HALF_64
    f = fma(t, HALF_64, -HALF_64) if upper else t
    f_low = HALF_64 * t_low if upper else t_low
    s = f / (TWO_64 + f)
    z = s * s
    fourth = z * z
    low = fma(fma(ATANH_64[3], z, ATANH_64[2]), fourth, fma(ATANH_64[1], z, ATANH_64[0]))
    high = fma(fma(fma(ATANH_64[7], z, ATANH_64[6]), fourth, fma(ATANH_64[5], z, ATANH_64[4])), fourth * fourth, low)
    half = times(HALF_64 * f, f)
    k = LN2_64[0] if upper else np.float64(0)
    total = k + f
    lost = f - (total - k)
    rest = half - fma(s, fma(high, z, half), LN2_64[1] if upper else np.float64(0))
    return total, fma(-f, f_low, f_low) + (lost - rest)


@activation(
    derivative=softplus_slope,
    reference=lambda m, x, beta, threshold: x if beta * x > threshold else m.log1p(m.exp(beta * x)) / beta,
    numpy=lambda x, beta=1.0: (np.maximum(beta * x, 0) + np.log1p(np.exp(-np.abs(beta * x)))) / beta,
    max_ulp=1.3,
    cost=Cost.HEAVY,
    params={
        "beta": "How sharp the bend is.",
        "threshold": "Where beta * x is greater, the result is x. torch's default of 20 costs accuracy; this one, none.",
    },
    paper="Dugas et al., NIPS 2000",
)
def softplus(x: Scalar, beta: Scalar = 1.0, threshold: Scalar = math.inf) -> Scalar:
    """The smooth ReLU, log(1 + exp(beta * x)) / beta."""
    zero, one = type(x)(0.0), type(x)(1.0)
    z = times(beta, x)
    a = abs(z)
    z_low = fma(beta, x, -z)
    z_low = z_low if a < end(x) else zero
    head, rest, scale = decay(end(x) if a > end(x) else a, z_low if z > zero else -z_low)
    part = rest - head
    p = one + part
    p_low = part - (p - one)
    # far out the logarithm is t = exp(-a) itself, which stays scaled until it has been divided by beta
    far = a > type(x)(40.0)
    power = times(scale, small(x))
    total, low = log1p_sum(times(p, power), p_low * power)
    total = p * scale if far else total
    low = p_low * scale if far else low
    inverse = one / beta
    inverse_low = fma(-inverse, beta, one) * inverse
    tail = times(total, inverse)
    low = fma(low, inverse, fma(total, inverse_low, fma(total, inverse, -tail)))
    base = x if z > zero else zero
    y = base + tail
    back = y - base
    lost = ((base - (y - back)) + (tail - back)) + low
    y = y + lost if abs(y) < type(x)(math.inf) else y  # beta may be 0, or so small that its inverse overflows
    limit = threshold if threshold < type(x)(40.0) else type(x)(40.0)
    return x if z > limit else (times(y, small(x)) if far else y)


@jitable
def _from_silu_point_32(a: Scalar) -> Scalar:
    shifted = fma(a, -LOG2E_32, RAISED_32)
    n = shifted - RAISED_32
    head = fma(n, -LN2_32[0], -a) + SILU_HEAD_32
    r = head + fma(shifted - (RAISED_32 - TWO_32), -LN2_32[1], SILU_POINT_32[1])
    c = SILU_TAIL_32
    tail = fma(fma(fma(fma(c[4], r, c[3]), r, c[2]), r, c[1]), r, c[0])
    return fma(r * r, tail, r), scale_32(shifted), SILU_EXP_32[0]


@by_precision(_from_silu_point_32)
@jitable
def from_silu_point(a: Scalar) -> Scalar:
    """s, scale and c: exp(-a) = (1 + s) 4 c scale small(a), with s = 0 next to the root of silu_slope."""
    shifted = fma(a, -LOG2E_64, RAISED_64)
    n = shifted - RAISED_64
    head = fma(n, -LN2_64[0], -a) + SILU_HEAD_64
    r = head + fma(shifted - (RAISED_64 - TWO_64), -LN2_64[1], SILU_POINT_64[1])
    c = SILU_TAIL_64
    square = r * r
    fourth = square * square
    low = fma(fma(c[4], r, c[3]), square, fma(c[2], r, c[1]))
    high = fma(fma(c[8], r, c[7]), square, fma(c[6], r, c[5]))
    tail = fma(fma(fma(fma(c[10], r, c[9]), fourth, high), fourth, low), r, c[0])
    return fma(square, tail, r), scale_64(shifted), SILU_EXP_64[0]


@jitable
def silu_slope(x: Scalar) -> Scalar:
    """The derivative of x * sigmoid(x).

    For negative x, with a = -x and t = exp(-a), it is t (1 + t - a) / (1 + t)^2; for positive x, 1 minus that of -x. t is
    power (1 + s), where power has one word and s is 0 next to the root of 1 + t - a, so that nothing is lost there.
    """
    zero, one, four = type(x)(0.0), type(x)(1.0), type(x)(4.0)
    a = abs(x)
    a = end(x) if a > end(x) else a
    s, scale, c = from_silu_point(a)
    power = times(scale, c * (four * small(x)))
    d = fma(power, s, one + power)
    t = d - one
    low = fma(power, s, power - t)
    square = d * d
    y = c / square
    left = fma(-y, fma(d + d, low, fma(d, d, -square)), fma(-y, square, c))
    rest = one - a
    bracket = rest + t
    low = low + (t - (bracket - rest))
    top = fma(bracket, s, bracket)
    tail = fma(top, y, fma(top, left * (one / c), fma(low, s, low)) * y) * scale
    return fma(tail if x < zero else -tail, four * small(x), zero if x < zero else one)


@activation(
    derivative=silu_slope,
    reference=lambda m, x: x / (1 + m.exp(-x)),
    numpy=lambda x: x / (1 + np.exp(-x)),
    max_ulp=1.0,
    paper="Elfwing, Uchibe & Doya, Neural Networks 107 (2018); Hendrycks & Gimpel (2016)",
)
def silu(x: Scalar) -> Scalar:
    """The sigmoid linear unit, x / (1 + exp(-x)); 0 at -inf."""
    zero, one = type(x)(0.0), type(x)(1.0)
    # relu(x) - tail, tail = a 2^-n / (2^-n + e^r) with a = |x| and e^a = 2^n e^r: what the sum loses is known
    a = abs(x)
    a = end(x) if a > end(x) else a
    r, scale = reduced(-a)
    d, low, _ = sum_of(r, scale)
    y = one / d
    top = times(a, scale)
    z = times(top, y)
    tail = fma(fma(-z, low, fma(-z, d, top)), y, z)
    return fma(-tail, small(x), zero if x < zero else x)
