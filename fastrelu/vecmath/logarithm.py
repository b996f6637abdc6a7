"""log1p: branch-free, at most 1 ULP off.

log1p(x) = k ln 2 + log1p(f) with 1 + f = (1 + x) 2^-k between 3/4 and 3/2. k is read from the rounded sum 1 + x;
f = x 2^-k - (1 - 2^-k) is then exact, whatever that sum lost. -k is kept, and 1 - 2^-k subtracted, so that the zeros that are
added to a -0.0 leave it.
"""

from __future__ import annotations

import numpy as np

from fastrelu.vecmath.coefficients import ATANH_64, LN2_64, LOG1P_32
from fastrelu.vecmath.exponential import ONE_32, ONE_64
from fastrelu.vecmath.primitives import Scalar, by_precision, fma, jitable, times

LN2_32 = np.float32(0.6931471805599453)  # k of float32 is so small that its rounding is not felt
INFINITY_32, INFINITY_64 = np.float32(np.inf), np.float64(np.inf)
NAN_32, NAN_64 = np.float32(np.nan), np.float64(np.nan)
FOUR_32, FOUR_64 = np.float32(4).view(np.int32), np.float64(4).view(np.int64)  # 2^(2 - k) exists where 2^-k is subnormal
QUARTER_32, QUARTER_64, HALF_64, TWO_64 = np.float32(0.25), np.float64(0.25), np.float64(0.5), np.float64(2)
EXPONENT_32, EXPONENT_64 = np.int32(-(2**23)), np.int64(-(2**52))  # masks of sign and exponent
# Bits of 3/4, and all fraction bits: their sum less the bits of 1 + x has the exponent -k. One more, taken back for negative
# x, leaves k = 0 where 1 + x is rounded up to 3/2: x / 2 - 1 / 2 would not be exact for x < 1/2.
SPLIT_32 = np.int32(np.float32(0.75).view(np.int32) + ~EXPONENT_32 + np.int32(1))
SPLIT_64 = np.int64(np.float64(0.75).view(np.int64) + ~EXPONENT_64 + np.int64(1))


@jitable
def _log1p_32(x: Scalar) -> Scalar:
    bits = np.float32(x).view(np.int32)
    above = np.int32(SPLIT_32 - np.float32(ONE_32 + x).view(np.int32))
    minus_k = np.int32((above + (bits >> np.int32(31))) & EXPONENT_32)
    scaled = np.int32(bits + minus_k).view(np.float32)
    f = scaled - fma(np.int32(FOUR_32 + minus_k).view(np.float32), -QUARTER_32, ONE_32)
    square = f * f
    low = fma(fma(LOG1P_32[4], f, LOG1P_32[3]), square, fma(LOG1P_32[2], f, LOG1P_32[1]))
    high = fma(fma(LOG1P_32[8], f, LOG1P_32[7]), square, fma(LOG1P_32[6], f, LOG1P_32[5]))
    k = np.float32(minus_k >> np.int32(23))
    total = fma(k, -LN2_32, f)
    lost = f - fma(k, LN2_32, total)
    y = total + fma(fma(fma(high, square * square, low), f, LOG1P_32[0]), square, lost)
    y = y if x < INFINITY_32 else x
    return y if x > -ONE_32 else (-INFINITY_32 if x == -ONE_32 else NAN_32)


@by_precision(_log1p_32)
@jitable
def log1p(x: Scalar) -> Scalar:
    """log(1 + x) without cancellation, at most 1 ULP off (float32 and float64); -0.0 stays, -1 gives -inf, less gives NaN."""
    bits = np.float64(x).view(np.int64)
    above = np.int64(SPLIT_64 - np.float64(ONE_64 + x).view(np.int64))
    minus_k = np.int64((above + (bits >> np.int64(63))) & EXPONENT_64)
    scaled = np.int64(bits + minus_k).view(np.float64)
    f = scaled - fma(np.int64(FOUR_64 + minus_k).view(np.float64), -QUARTER_64, ONE_64)
    s = f / (TWO_64 + f)
    z = s * s
    fourth = z * z
    low = fma(fma(ATANH_64[3], z, ATANH_64[2]), fourth, fma(ATANH_64[1], z, ATANH_64[0]))
    high = fma(fma(fma(ATANH_64[7], z, ATANH_64[6]), fourth, fma(ATANH_64[5], z, ATANH_64[4])), fourth * fourth, low)
    # 2 s + s^3 p = f - (h - s (h + s^2 p)) with h = f^2 / 2: the large terms are exact or small
    half = times(HALF_64 * f, f)
    k = np.float64(minus_k >> np.int64(52))
    rest = half - fma(s, fma(high, z, half), k * -LN2_64[1])
    total = fma(k, -LN2_64[0], f)
    lost = f - fma(k, LN2_64[0], total)
    y = total + (lost - rest)
    y = y if x < INFINITY_64 else x
    return y if x > -ONE_64 else (-INFINITY_64 if x == -ONE_64 else NAN_64)
