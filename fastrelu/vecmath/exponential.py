"""exp, exp_sum and expm1: branch-free, at most 1 ULP off, subnormal results rounded once.

exp(x) = 2^n exp(r) with n = round(x / ln 2) and r = x - n ln 2 in two steps. n is read from the low bits of a sum with
1.5 * 2^23 (2^52): that constant also holds the exponent's bias, so one shift makes the scale. Two scales, one of them
fixed, reach every exponent, and the last product is the only one that rounds.
"""

from __future__ import annotations

import numpy as np
from numba.extending import register_jitable

from fastrelu.vecmath.coefficients import EXP_32, EXP_64, LN2_32, LN2_64
from fastrelu.vecmath.primitives import IEEE, Scalar, by_precision, fma

LOG2E_32, LOG2E_64 = np.float32(1.4426950408889634), np.float64(1.4426950408889634)
ONE_32, ONE_64, ZERO_32, ZERO_64 = np.float32(1), np.float64(1), np.float32(0), np.float64(0)

# Beyond these exp is 0 or infinite in that precision.
LOW_32, HIGH_32, LOW_64, HIGH_64 = np.float32(-104), np.float32(89), np.float64(-746), np.float64(710)
MINUS_ONE_BELOW_32, MINUS_ONE_BELOW_64 = np.float32(-20), np.float64(-40)  # expm1 is -1 there

SHIFT_32, SHIFT_64 = np.float32(1.5 * 2**23 + 127), np.float64(1.5 * 2**52 + 1023)  # units in the last place, bias included
TOP_32, TOP_64 = np.float32(SHIFT_32 + 127), np.float64(SHIFT_64 + 1023)
SMALL_SHIFT_32, LARGE_SHIFT_32 = np.float32(SHIFT_32 + 64), np.float32(SHIFT_32 - 64)
SMALL_SHIFT_64, LARGE_SHIFT_64 = np.float64(SHIFT_64 + 512), np.float64(SHIFT_64 - 512)
SMALL_32, LARGE_32 = np.float32(2.0**-64), np.float32(2.0**64)
SMALL_64, LARGE_64 = np.float64(2.0**-512), np.float64(2.0**512)


@register_jitable(**IEEE)  # type: ignore[untyped-decorator]
def scale_32(shifted: Scalar) -> Scalar:
    """The power of two whose biased exponent is in the low bits of `shifted`."""
    return np.int32(np.float32(shifted).view(np.int32) << np.int32(23)).view(np.float32)


@register_jitable(**IEEE)  # type: ignore[untyped-decorator]
def scale_64(shifted: Scalar) -> Scalar:
    """The power of two whose biased exponent is in the low bits of `shifted`."""
    return np.int64(np.float64(shifted).view(np.int64) << np.int64(52)).view(np.float64)


@register_jitable(**IEEE)  # type: ignore[untyped-decorator]
def exp_tail_32(r: Scalar) -> Scalar:
    """(exp(r) - 1 - r) / r^2 for |r| <= ln(2) / 2."""
    square = r * r
    upper = fma(fma(EXP_32[4], r, EXP_32[3]), square, fma(EXP_32[2], r, EXP_32[1]))
    return fma(upper, r, EXP_32[0])  # last and alone: one rounding of the greatest size


@register_jitable(**IEEE)  # type: ignore[untyped-decorator]
def exp_tail_64(r: Scalar) -> Scalar:
    """(exp(r) - 1 - r) / r^2 for |r| <= ln(2) / 2."""
    square = r * r
    fourth = square * square
    low = fma(fma(EXP_64[4], r, EXP_64[3]), square, fma(EXP_64[2], r, EXP_64[1]))
    high = fma(fma(EXP_64[8], r, EXP_64[7]), square, fma(EXP_64[6], r, EXP_64[5]))
    top = fma(EXP_64[10], r, EXP_64[9])
    return fma(fma(fma(top, fourth, high), fourth, low), r, EXP_64[0])


@register_jitable(**IEEE)  # type: ignore[untyped-decorator]
def _exp_32(x: Scalar) -> Scalar:
    x = HIGH_32 if x > HIGH_32 else x
    x = LOW_32 if x < LOW_32 else x
    shift = SMALL_SHIFT_32 if x < ZERO_32 else LARGE_SHIFT_32
    shifted = fma(x, LOG2E_32, shift)
    n = shifted - shift
    r = fma(n, -LN2_32[1], fma(n, -LN2_32[0], x))
    power = fma(fma(r, exp_tail_32(r), ONE_32), r, ONE_32)
    return power * scale_32(shifted) * (SMALL_32 if x < ZERO_32 else LARGE_32)


@by_precision(_exp_32)
@register_jitable(**IEEE)  # type: ignore[untyped-decorator]
def exp(x: Scalar) -> Scalar:
    """e to the power x, at most 1 ULP off (float32 and float64)."""
    x = HIGH_64 if x > HIGH_64 else x
    x = LOW_64 if x < LOW_64 else x
    shift = SMALL_SHIFT_64 if x < ZERO_64 else LARGE_SHIFT_64
    shifted = fma(x, LOG2E_64, shift)
    n = shifted - shift
    r = fma(n, -LN2_64[1], fma(n, -LN2_64[0], x))
    power = fma(fma(r, exp_tail_64(r), ONE_64), r, ONE_64)
    return power * scale_64(shifted) * (SMALL_64 if x < ZERO_64 else LARGE_64)


@register_jitable(**IEEE)  # type: ignore[untyped-decorator]
def _exp_sum_32(high: Scalar, low: Scalar) -> Scalar:
    x = HIGH_32 if high > HIGH_32 else high
    x = LOW_32 if x < LOW_32 else x
    low = low if x == high else ZERO_32
    shift = SMALL_SHIFT_32 if x < ZERO_32 else LARGE_SHIFT_32
    shifted = fma(x, LOG2E_32, shift)
    n = shifted - shift
    head = fma(n, -LN2_32[0], x)
    tail = fma(n, -LN2_32[1], low)
    r = head + tail
    power = ONE_32 + (head + fma(r * r, exp_tail_32(r), tail))
    return power * scale_32(shifted) * (SMALL_32 if x < ZERO_32 else LARGE_32)


@by_precision(_exp_sum_32)
@register_jitable(**IEEE)  # type: ignore[untyped-decorator]
def exp_sum(high: Scalar, low: Scalar) -> Scalar:
    """exp(high + low) for |low| of the order of an ulp of high: what the rounding of the argument would lose is kept.

    `low` is not looked at where exp(high) is 0 or infinite, so it may then be NaN.
    """
    x = HIGH_64 if high > HIGH_64 else high
    x = LOW_64 if x < LOW_64 else x
    low = low if x == high else ZERO_64
    shift = SMALL_SHIFT_64 if x < ZERO_64 else LARGE_SHIFT_64
    shifted = fma(x, LOG2E_64, shift)
    n = shifted - shift
    head = fma(n, -LN2_64[0], x)
    tail = fma(n, -LN2_64[1], low)
    r = head + tail
    power = ONE_64 + (head + fma(r * r, exp_tail_64(r), tail))
    return power * scale_64(shifted) * (SMALL_64 if x < ZERO_64 else LARGE_64)


@register_jitable(**IEEE)  # type: ignore[untyped-decorator]
def _expm1_32(x: Scalar) -> Scalar:
    x = HIGH_32 if x > HIGH_32 else x
    x = MINUS_ONE_BELOW_32 if x < MINUS_ONE_BELOW_32 else x
    shifted = fma(x, LOG2E_32, SHIFT_32)
    n = shifted - SHIFT_32
    head = fma(n, -LN2_32[0], x)
    tail = n * -LN2_32[1]
    r = head + tail
    scale = scale_32(TOP_32 if shifted > TOP_32 else shifted)
    below = ONE_32 - scale
    # -0.0 stays: every zero added to it is a -0.0
    sum_ = fma(scale, head, -below)
    rest = fma(-scale, head, sum_ + below) + (ONE_32 - (below + scale))
    y = sum_ - fma(-scale * (r * r), exp_tail_32(r), fma(-scale, fma(r, (head - r) + tail, tail), rest))
    return y + y if shifted > TOP_32 else y


@by_precision(_expm1_32)
@register_jitable(**IEEE)  # type: ignore[untyped-decorator]
def expm1(x: Scalar) -> Scalar:
    """exp(x) - 1 without cancellation, at most 1 ULP off (float32 and float64); -0.0 stays."""
    x = HIGH_64 if x > HIGH_64 else x
    x = MINUS_ONE_BELOW_64 if x < MINUS_ONE_BELOW_64 else x
    shifted = fma(x, LOG2E_64, SHIFT_64)
    n = shifted - SHIFT_64
    head = fma(n, -LN2_64[0], x)
    tail = n * -LN2_64[1]
    r = head + tail
    scale = scale_64(TOP_64 if shifted > TOP_64 else shifted)
    below = ONE_64 - scale
    sum_ = fma(scale, head, -below)
    rest = fma(-scale, head, sum_ + below) + (ONE_64 - (below + scale))
    y = sum_ - fma(-scale * (r * r), exp_tail_64(r), fma(-scale, fma(r, (head - r) + tail, tail), rest))
    return y + y if shifted > TOP_64 else y
