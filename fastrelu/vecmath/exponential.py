"""exp, exp_sum and expm1: branch-free, at most 1 ULP off, subnormal results rounded once.

exp(x) = 2^n exp(r) with n = round(x / ln 2) and r = x - n ln 2 in two steps. n is read from the low bits of a sum with
1.5 * 2^23 (2^52): that constant also holds the exponent's bias, so that shifts make the scale. 2^n is applied as two
factors of about 2^(n/2), which are never subnormal: only the last product rounds.

x is bounded below before the reduction, and n above after it: LLVM joins two bounds on one number into a compare and a
masked instruction, which is slower than a minimum and a maximum.
"""

from __future__ import annotations

import numpy as np

from fastrelu.vecmath.coefficients import EXP_32, EXP_64, EXPM1_32, LN2_32, LN2_64
from fastrelu.vecmath.primitives import Scalar, by_precision, fma, jitable, times

LOG2E_32, LOG2E_64 = np.float32(1.4426950408889634), np.float64(1.4426950408889634)
ONE_32, ONE_64, ZERO_32, ZERO_64 = np.float32(1), np.float64(1), np.float32(0), np.float64(0)

# Below LOW exp is 0.
LOW_32, LOW_64, HALF_32, HALF_64 = np.float32(-104), np.float64(-746), np.float32(0.5), np.float64(0.5)
MINUS_ONE_BELOW_32, MINUS_ONE_BELOW_64 = np.float32(-20), np.float64(-40)  # expm1 is -1 there

SHIFT_32, SHIFT_64 = np.float32(1.5 * 2**23 + 127), np.float64(1.5 * 2**52 + 1023)  # units in the last place, bias included
TOP_32, TOP_64 = np.float32(SHIFT_32 + 127), np.float64(SHIFT_64 + 1023)
RAISED_32, RAISED_64 = np.float32(SHIFT_32 + 64), np.float64(SHIFT_64 + 512)  # so that no 2^n is subnormal
OVER_32, OVER_64 = np.float32(SHIFT_32 + 128), np.float64(SHIFT_64 + 1024)
TWICE_32, TWICE_64 = np.float32(SHIFT_32 + 127), np.float64(SHIFT_64 + 1023)  # twice the bias: for two scales
TWICE_TOP_32, TWICE_TOP_64 = np.float32(TWICE_32 + 128), np.float64(TWICE_64 + 1024)


@jitable
def scale_32(shifted: Scalar) -> Scalar:
    """The power of two whose biased exponent is in the low bits of `shifted`."""
    return np.int32(np.float32(shifted).view(np.int32) << np.int32(23)).view(np.float32)


@jitable
def scale_64(shifted: Scalar) -> Scalar:
    """The power of two whose biased exponent is in the low bits of `shifted`."""
    return np.int64(np.float64(shifted).view(np.int64) << np.int64(52)).view(np.float64)


@jitable
def two_scales_32(a: Scalar, b: Scalar, shifted: Scalar) -> Scalar:
    """(1 + a b) 2^n; below the normal numbers it is rounded once more. The low bits of `shifted` hold n + 254."""
    bits = np.float32(shifted).view(np.int32)
    half = np.int32(bits >> np.int32(1))
    scale = np.int32(half << np.int32(23)).view(np.float32)
    return times(fma(a, b * scale, scale), np.int32(np.int32(bits - half) << np.int32(23)).view(np.float32))


@jitable
def two_scales_64(a: Scalar, b: Scalar, shifted: Scalar) -> Scalar:
    """(1 + a b) 2^n; below the normal numbers it is rounded once more. The low bits of `shifted` hold n + 2046."""
    bits = np.float64(shifted).view(np.int64)
    half = np.int64(bits >> np.int64(1))
    scale = np.int64(half << np.int64(52)).view(np.float64)
    return times(fma(a, b * scale, scale), np.int64(np.int64(bits - half) << np.int64(52)).view(np.float64))


@jitable
def exp_tail_32(r: Scalar) -> Scalar:
    """(exp(r) - 1 - r) / r^2 for |r| <= ln(2) / 2."""
    return fma(fma(fma(fma(EXP_32[4], r, EXP_32[3]), r, EXP_32[2]), r, EXP_32[1]), r, EXP_32[0])


@jitable
def exp_cubic_64(r: Scalar) -> Scalar:
    """(exp(r) - 1 - r - r^2 / 2) / r^3 for |r| <= ln(2) / 2."""
    square = r * r
    fourth = square * square
    low = fma(fma(EXP_64[4], r, EXP_64[3]), square, fma(EXP_64[2], r, EXP_64[1]))
    high = fma(fma(EXP_64[8], r, EXP_64[7]), square, fma(EXP_64[6], r, EXP_64[5]))
    top = fma(EXP_64[10], r, EXP_64[9])
    return fma(fma(top, fourth, high), fourth, low)


@jitable
def exp_tail_64(r: Scalar) -> Scalar:
    """(exp(r) - 1 - r) / r^2 for |r| <= ln(2) / 2."""
    return fma(exp_cubic_64(r), r, EXP_64[0])


@jitable
def _exp_32(x: Scalar) -> Scalar:
    x = LOW_32 if x < LOW_32 else x
    shifted = fma(x, LOG2E_32, TWICE_32)
    shifted = TWICE_TOP_32 if shifted > TWICE_TOP_32 else shifted
    n = shifted - TWICE_32
    r = fma(n, -LN2_32[1], fma(n, -LN2_32[0], x))
    return two_scales_32(fma(exp_tail_32(r), r, ONE_32), r, shifted)


@by_precision(_exp_32)
@jitable
def exp(x: Scalar) -> Scalar:
    """e to the power x, at most 1 ULP off (float32 and float64)."""
    x = LOW_64 if x < LOW_64 else x
    shifted = fma(x, LOG2E_64, TWICE_64)
    shifted = TWICE_TOP_64 if shifted > TWICE_TOP_64 else shifted
    n = shifted - TWICE_64
    r = fma(n, -LN2_64[1], fma(n, -LN2_64[0], x))
    return two_scales_64(fma(exp_tail_64(r), r, ONE_64), r, shifted)


@jitable
def _exp_sum_32(high: Scalar, low: Scalar) -> Scalar:
    x = LOW_32 if high < LOW_32 else high
    shifted = fma(x, LOG2E_32, TWICE_32)
    inside = (x == high) & (shifted < TWICE_TOP_32)
    shifted = TWICE_TOP_32 if shifted > TWICE_TOP_32 else shifted
    n = shifted - TWICE_32
    head = fma(n, -LN2_32[0], x)
    tail = fma(n, -LN2_32[1], low if inside else ZERO_32)
    r = head + tail
    return two_scales_32(head + fma(r * r, exp_tail_32(r), tail), ONE_32, shifted)


@by_precision(_exp_sum_32)
@jitable
def exp_sum(high: Scalar, low: Scalar) -> Scalar:
    """exp(high + low) for |low| of the order of an ulp of high: what the rounding of the argument would lose is kept.

    `low` is not looked at where exp(high) is 0 or infinite, so it may then be NaN.
    """
    x = LOW_64 if high < LOW_64 else high
    shifted = fma(x, LOG2E_64, TWICE_64)
    inside = (x == high) & (shifted < TWICE_TOP_64)
    shifted = TWICE_TOP_64 if shifted > TWICE_TOP_64 else shifted
    n = shifted - TWICE_64
    head = fma(n, -LN2_64[0], x)
    tail = fma(n, -LN2_64[1], low if inside else ZERO_64)
    r = head + tail
    return two_scales_64(head + fma(r * r, exp_tail_64(r), tail), ONE_64, shifted)


@jitable
def expm1_tail_32(r: Scalar) -> Scalar:
    """(exp(r) - 1 - r) / r^2 for |r| <= ln(2) / 2, with an error of 2^-30 in exp."""
    square = r * r
    low = fma(EXPM1_32[2], r, EXPM1_32[1])
    high = fma(EXPM1_32[5], square, fma(EXPM1_32[4], r, EXPM1_32[3]))
    return fma(fma(high, square, low), r, EXPM1_32[0])


@jitable
def _expm1_32(x: Scalar) -> Scalar:
    x = MINUS_ONE_BELOW_32 if x < MINUS_ONE_BELOW_32 else x
    shifted = fma(x, LOG2E_32, SHIFT_32)
    shifted = OVER_32 if shifted > OVER_32 else shifted
    n = shifted - SHIFT_32
    head = fma(n, -LN2_32[0], x)
    head = HALF_32 if head > HALF_32 else head  # only where the result overflows
    tail = times(n, -LN2_32[1])
    r = head + tail
    scale = scale_32(TOP_32 if shifted > TOP_32 else shifted)
    below = ONE_32 - scale
    # -0.0 stays: every zero added to it is a -0.0
    sum_ = fma(scale, head, -below)
    rest = fma(-scale, head, sum_ + below) + (ONE_32 - (below + scale))
    y = sum_ - fma(-scale * (r * r), expm1_tail_32(r), fma(-scale, fma(r, (head - r) + tail, tail), rest))
    return y + y if shifted > TOP_32 else y


@by_precision(_expm1_32)
@jitable
def expm1(x: Scalar) -> Scalar:
    """exp(x) - 1 without cancellation, at most 1 ULP off (float32 and float64); -0.0 stays."""
    x = MINUS_ONE_BELOW_64 if x < MINUS_ONE_BELOW_64 else x
    shifted = fma(x, LOG2E_64, SHIFT_64)
    shifted = OVER_64 if shifted > OVER_64 else shifted
    n = shifted - SHIFT_64
    head = fma(n, -LN2_64[0], x)
    head = HALF_64 if head > HALF_64 else head  # only where the result overflows
    tail = times(n, -LN2_64[1])
    r = head + tail
    scale = scale_64(TOP_64 if shifted > TOP_64 else shifted)
    below = ONE_64 - scale
    sum_ = fma(scale, head, -below)
    rest = fma(-scale, head, sum_ + below) + (ONE_64 - (below + scale))
    y = sum_ - fma(-scale * (r * r), exp_tail_64(r), fma(-scale, fma(r, (head - r) + tail, tail), rest))
    return y + y if shifted > TOP_64 else y
