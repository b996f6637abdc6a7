"""The natural logarithm, of a number of two words and in two words; and log itself, at most 1 ULP off."""

from __future__ import annotations

import numpy as np

from fastrelu.vecmath.coefficients import ATANH_64, LN2_32, LN2_64, LOG1P_32
from fastrelu.vecmath.exponential import HALF_32, ONE_32, ONE_64, ZERO_32, ZERO_64
from fastrelu.vecmath.logarithm import EXPONENT_32, EXPONENT_64, HALF_64, TWO_64
from fastrelu.vecmath.primitives import Scalar, by_precision, fma, jitable, times
from fastrelu.vecmath.words import quick_sum

SCALE_32, SCALE_64 = np.float32(2.0**64), np.float64(2.0**512)  # away from the subnormals
INVERSE_SCALE_32, INVERSE_SCALE_64 = np.float32(2.0**-64), np.float64(2.0**-512)
SCALED_32, SCALED_64 = np.float32(64), np.float64(512)
THREE_QUARTERS_32, THREE_QUARTERS_64 = np.float32(0.75).view(np.int32), np.float64(0.75).view(np.int64)
DOUBLE_32, DOUBLE_64 = np.int32(2**23), np.int64(2**52)  # what a doubled number's bits have more
UNIT_32, UNIT_64 = ONE_32.view(np.int32), ONE_64.view(np.int64)


@jitable
def _split_32(x: Scalar, x_low: Scalar) -> Scalar:
    small, large = x < INVERSE_SCALE_32, x > SCALE_32
    unit = SCALE_32 if small else INVERSE_SCALE_32 if large else ONE_32
    added = -SCALED_32 if small else SCALED_32 if large else ZERO_32
    bits = np.float32(x * unit).view(np.int32)
    power = np.int32(np.int32(bits - THREE_QUARTERS_32) & EXPONENT_32)
    k = np.float32(power >> np.int32(23)) + added
    f = np.int32(bits - power).view(np.float32) - ONE_32
    return k, f, times(times(x_low, unit), np.int32(UNIT_32 - power).view(np.float32))


@by_precision(_split_32)
@jitable
def split(x: Scalar, x_low: Scalar) -> Scalar:
    """k, f and f_low, x + x_low = (1 + f + f_low) 2^k with -1/4 <= f <= 1/2, for a finite x > 0."""
    small, large = x < INVERSE_SCALE_64, x > SCALE_64
    unit = SCALE_64 if small else INVERSE_SCALE_64 if large else ONE_64
    added = -SCALED_64 if small else SCALED_64 if large else ZERO_64
    bits = np.float64(x * unit).view(np.int64)
    power = np.int64(np.int64(bits - THREE_QUARTERS_64) & EXPONENT_64)
    k = np.float64(power >> np.int64(52)) + added
    f = np.int64(bits - power).view(np.float64) - ONE_64
    return k, f, times(times(x_low, unit), np.int64(UNIT_64 - power).view(np.float64))


@jitable
def over_one_plus(f: Scalar) -> Scalar:
    """1 / (1 + f) within 0.06, for a second word."""
    return fma(fma(type(f)(0.56), f, type(f)(-0.95)), f, type(f)(1.0))


@jitable
def _log_words_32(k: Scalar, f: Scalar, f_low: Scalar) -> Scalar:
    square = f * f
    low = fma(fma(LOG1P_32[4], f, LOG1P_32[3]), square, fma(LOG1P_32[2], f, LOG1P_32[1]))
    high = fma(fma(LOG1P_32[8], f, LOG1P_32[7]), square, fma(LOG1P_32[6], f, LOG1P_32[5]))
    total = fma(k, LN2_32[0], f)
    lost = f - fma(-k, LN2_32[0], total)
    # less f^2 / 2, exactly
    y = fma(HALF_32 * f, -f, total)
    lost = lost + fma(HALF_32 * f, -f, total - y)
    low = fma(fma(high, square * square, low), f * square, fma(k, LN2_32[1], fma(f_low, over_one_plus(f), lost)))
    return quick_sum(y, low)


@by_precision(_log_words_32)
@jitable
def log_words(k: Scalar, f: Scalar, f_low: Scalar) -> Scalar:
    """k log(2) + log(1 + f + f_low) for -1/4 <= f <= 1/2: as vecmath.log1p."""
    s = f / (TWO_64 + f)
    z = s * s
    fourth = z * z
    low = fma(fma(ATANH_64[3], z, ATANH_64[2]), fourth, fma(ATANH_64[1], z, ATANH_64[0]))
    high = fma(fma(fma(ATANH_64[7], z, ATANH_64[6]), fourth, fma(ATANH_64[5], z, ATANH_64[4])), fourth * fourth, low)
    total = fma(k, LN2_64[0], f)
    lost = f - fma(-k, LN2_64[0], total)
    # less f^2 / 2, exactly
    half = times(HALF_64 * f, f)
    y = fma(HALF_64 * f, -f, total)
    lost = lost + fma(HALF_64 * f, -f, total - y)
    low = fma(s, fma(high, z, half), fma(k, LN2_64[1], fma(f_low, over_one_plus(f), lost)))
    return quick_sum(y, low)


@jitable
def _log_of_32(x: Scalar, doubled: Scalar, correction: Scalar) -> Scalar:
    bits = np.int32(np.float32(x).view(np.int32) + (DOUBLE_32 if doubled else np.int32(0)))
    power = np.int32(np.int32(bits - THREE_QUARTERS_32) & EXPONENT_32)
    k, f = np.float32(power >> np.int32(23)), np.int32(bits - power).view(np.float32) - ONE_32
    square = f * f
    low = fma(fma(LOG1P_32[4], f, LOG1P_32[3]), square, fma(LOG1P_32[2], f, LOG1P_32[1]))
    high = fma(fma(LOG1P_32[8], f, LOG1P_32[7]), square, fma(LOG1P_32[6], f, LOG1P_32[5]))
    total = fma(k, LN2_32[0], f)
    lost = f - fma(-k, LN2_32[0], total)
    rest = fma(fma(high, square * square, low), f, LOG1P_32[0])
    return total + fma(rest, square, fma(k, LN2_32[1], lost + correction))


@by_precision(_log_of_32)
@jitable
def log_of(x: Scalar, doubled: Scalar, correction: Scalar) -> Scalar:
    """log(x) + correction, or log(2 x) + correction, to one word, for a normal x >= 3/2."""
    bits = np.int64(np.float64(x).view(np.int64) + (DOUBLE_64 if doubled else np.int64(0)))
    power = np.int64(np.int64(bits - THREE_QUARTERS_64) & EXPONENT_64)
    k, f = np.float64(power >> np.int64(52)), np.int64(bits - power).view(np.float64) - ONE_64
    s = f / (TWO_64 + f)
    z = s * s
    fourth = z * z
    low = fma(fma(ATANH_64[3], z, ATANH_64[2]), fourth, fma(ATANH_64[1], z, ATANH_64[0]))
    high = fma(fma(fma(ATANH_64[7], z, ATANH_64[6]), fourth, fma(ATANH_64[5], z, ATANH_64[4])), fourth * fourth, low)
    half = times(HALF_64 * f, f)
    total = fma(k, LN2_64[0], f)
    lost = f - fma(-k, LN2_64[0], total)
    return total + (fma(s, fma(high, z, half), fma(k, LN2_64[1], lost + correction)) - half)


@jitable
def log1p_words(t: Scalar, t_low: Scalar) -> Scalar:
    """log(1 + t + t_low) in two words, for 0 <= t <= 1."""
    zero, half, one = type(t)(0.0), type(t)(0.5), type(t)(1.0)
    upper = t > half
    f, f_low = fma(t, half, -half), half * t_low
    return log_words(one if upper else zero, f if upper else t, f_low if upper else t_low)


@jitable
def log_in_two_words(x: Scalar, x_low: Scalar) -> Scalar:
    """log(x + x_low) in two words, for positive finite x and |x_low| of the order of an ulp of x."""
    return log_words(*split(x, x_low))


@jitable
def log(x: Scalar) -> Scalar:
    """The natural logarithm, at most 1 ULP off (float32 and float64); 0 gives -inf, less gives NaN."""
    kind = type(x)
    zero, infinity = kind(0.0), kind(np.inf)
    y, low = log_in_two_words(x, zero)
    y = y + low if x < infinity else x
    return y if x > zero else (-infinity if x == zero else kind(np.nan))
