"""The natural logarithm of a number of two words, in two words."""

from __future__ import annotations

import numpy as np
from numba.extending import register_jitable

from fastrelu.vecmath.coefficients import ATANH_64, LN2_32, LN2_64, LOG1P_32
from fastrelu.vecmath.error import SMALL_32, SMALL_64
from fastrelu.vecmath.exponential import HALF_32, ONE_32, ONE_64, ZERO_32, ZERO_64
from fastrelu.vecmath.hyperbolic import ONE_BITS_32, ONE_BITS_64
from fastrelu.vecmath.logarithm import EXPONENT_32, EXPONENT_64, HALF_64, SPLIT_32, SPLIT_64, TWO_64
from fastrelu.vecmath.pairs import fast_sum
from fastrelu.vecmath.primitives import IEEE, Scalar, by_precision, fma, times

# SMALL as a power of two
SMALL_POWER_32, SMALL_POWER_64 = np.float32(64), np.float64(512)


@register_jitable(**IEEE)
def _split_32(m: Scalar, m_low: Scalar) -> Scalar:
    tiny = m < SMALL_32
    m, m_low = m / SMALL_32 if tiny else m, m_low / SMALL_32 if tiny else m_low
    bits = np.float32(m).view(np.int32)
    minus_k = np.int32((SPLIT_32 - bits) & EXPONENT_32)
    scale = np.int32(ONE_BITS_32 + minus_k).view(np.float32)
    k = -np.float32(minus_k >> np.int32(23)) - (SMALL_POWER_32 if tiny else ZERO_32)
    return k, np.int32(bits + minus_k).view(np.float32) - ONE_32, times(m_low, scale)


@by_precision(_split_32)
@register_jitable(**IEEE)
def split(m: Scalar, m_low: Scalar) -> Scalar:
    """k, f and f_low, m + m_low = (1 + f + f_low) 2^k with -1/4 <= f <= 1/2, for a finite m > 0."""
    tiny = m < SMALL_64
    m, m_low = m / SMALL_64 if tiny else m, m_low / SMALL_64 if tiny else m_low
    bits = np.float64(m).view(np.int64)
    minus_k = np.int64((SPLIT_64 - bits) & EXPONENT_64)
    scale = np.int64(ONE_BITS_64 + minus_k).view(np.float64)
    k = -np.float64(minus_k >> np.int64(52)) - (SMALL_POWER_64 if tiny else ZERO_64)
    return k, np.int64(bits + minus_k).view(np.float64) - ONE_64, times(m_low, scale)


@register_jitable(**IEEE)
def over_one_plus(f: Scalar) -> Scalar:
    """1 / (1 + f) within 0.06, for a second word."""
    return fma(fma(type(f)(0.56), f, type(f)(-0.95)), f, type(f)(1.0))


@register_jitable(**IEEE)
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
    return fast_sum(y, low)


@by_precision(_log_words_32)
@register_jitable(**IEEE)
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
    return fast_sum(y, low)


@register_jitable(**IEEE)
def log1p_words(t: Scalar, t_low: Scalar) -> Scalar:
    """log(1 + t + t_low) in two words, for 0 <= t <= 1: good to more bits than log1p_sum of formulas.smooth."""
    zero, half, one = type(t)(0.0), type(t)(0.5), type(t)(1.0)
    upper = t > half
    f, f_low = fma(t, half, -half), half * t_low
    return log_words(one if upper else zero, f if upper else t, f_low if upper else t_low)
