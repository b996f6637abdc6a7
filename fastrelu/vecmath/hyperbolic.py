"""tanh: branch-free, at most 1 ULP off, with one division for all arguments.

Below 1 it is x (27/32 + P(x^2) / Q(x^2)), above 1 - 2 / (exp(2 |x|) + 1): in both the quotient is small beside the
number it is added to, so that little of its error is left.
"""

from __future__ import annotations

import numpy as np
from numba.extending import register_jitable

from fastrelu.vecmath.coefficients import EXP2R_32, EXP2R_64, TANH_32, TANH_32_Q, TANH_64, TANH_64_Q
from fastrelu.vecmath.exponential import ONE_32, ONE_64, scale_32, scale_64
from fastrelu.vecmath.primitives import IEEE, Scalar, by_precision, fma

# |x| = n ln(2) / 2 + r; one step for float32: its error is damped by the quotient
LOG4E_32, LOG4E_64 = np.float32(2.8853900817779268), np.float64(2.8853900817779268)
HALF_LN2_32, HALF_LN2_64 = np.float32(0.34657359027997264), np.float64(0.34657359027997264)
HALF_LN2_TAIL_64 = np.float64(1.1595234069231498e-17)
SHIFT_32, SHIFT_64 = np.float32(1.5 * 2**23 + 128), np.float64(1.5 * 2**52 + 1024)  # as in exponential, for 2^(n + 1)
HALF_32, HALF_64 = np.float32(0.5), np.float64(0.5)
SLOPE_32, SLOPE_64 = np.float32(27 / 32), np.float64(27 / 32)
LARGE_32, LARGE_64 = np.float32(10), np.float64(20)  # tanh is 1 from there on
MINUS_TWO_32, MINUS_TWO_64 = np.float32(-2), np.float64(-2)
SIGN_32, SIGN_64 = np.int32(-(2**31)), np.int64(-(2**63))
ONE_BITS_32, ONE_BITS_64 = ONE_32.view(np.int32), ONE_64.view(np.int64)


@register_jitable(**IEEE)
def signed_one_32(x: Scalar) -> Scalar:
    """1 with the sign of x."""
    return np.int32(ONE_BITS_32 | (np.float32(x).view(np.int32) & SIGN_32)).view(np.float32)


@register_jitable(**IEEE)
def signed_one_64(x: Scalar) -> Scalar:
    """1 with the sign of x."""
    return np.int64(ONE_BITS_64 | (np.float64(x).view(np.int64) & SIGN_64)).view(np.float64)


@register_jitable(**IEEE)
def _tanh_parts_32(x: Scalar) -> Scalar:
    size = abs(x)
    small = size < ONE_32
    square = x * x
    top = fma(fma(TANH_32[2], square, TANH_32[1]), square, TANH_32[0])
    bottom = fma(fma(TANH_32_Q[1], square, TANH_32_Q[0]), square, ONE_32)
    size = LARGE_32 if size > LARGE_32 else size
    shifted = fma(size, LOG4E_32, SHIFT_32)
    r = fma(shifted - SHIFT_32, -HALF_LN2_32, size)
    power = r * r
    tail = fma(fma(EXP2R_32[4], r, EXP2R_32[3]), power, fma(EXP2R_32[2], r, EXP2R_32[1]))
    scale = scale_32(shifted)
    above = fma(scale, fma(fma(tail, r, EXP2R_32[0]), power, r), fma(scale, HALF_32, ONE_32))
    quotient = (top if small else MINUS_TWO_32) / (bottom if small else above)
    return small, x if small else signed_one_32(x), SLOPE_32 if small else ONE_32, quotient


@by_precision(_tanh_parts_32)
@register_jitable(**IEEE)
def tanh_parts(x: Scalar) -> Scalar:
    """Whether abs(x) < 1; unit, weight and quotient: tanh(x) is unit * (weight + quotient), the unit x or 1 with its sign."""
    size = abs(x)
    small = size < ONE_64
    square = x * x
    top = fma(fma(fma(TANH_64[3], square, TANH_64[2]), square, TANH_64[1]), square, TANH_64[0])
    high = fma(TANH_64_Q[3], square, TANH_64_Q[2])
    bottom = fma(fma(fma(high, square, TANH_64_Q[1]), square, TANH_64_Q[0]), square, ONE_64)
    size = LARGE_64 if size > LARGE_64 else size
    shifted = fma(size, LOG4E_64, SHIFT_64)
    n = shifted - SHIFT_64
    r = fma(n, -HALF_LN2_TAIL_64, fma(n, -HALF_LN2_64, size))
    power = r * r
    fourth = power * power
    low = fma(fma(EXP2R_64[4], r, EXP2R_64[3]), power, fma(EXP2R_64[2], r, EXP2R_64[1]))
    high = fma(fma(EXP2R_64[8], r, EXP2R_64[7]), power, fma(EXP2R_64[6], r, EXP2R_64[5]))
    tail = fma(fma(EXP2R_64[9], fourth, high), fourth, low)
    scale = scale_64(shifted)
    above = fma(scale, fma(fma(tail, r, EXP2R_64[0]), power, r), fma(scale, HALF_64, ONE_64))
    quotient = (top if small else MINUS_TWO_64) / (bottom if small else above)
    return small, x if small else signed_one_64(x), SLOPE_64 if small else ONE_64, quotient


@register_jitable(**IEEE)
def tanh(x: Scalar) -> Scalar:
    """Hyperbolic tangent, at most 1 ULP off (float32 and float64); -0.0 stays."""
    _, unit, weight, quotient = tanh_parts(x)
    return fma(unit, weight, unit * quotient)
