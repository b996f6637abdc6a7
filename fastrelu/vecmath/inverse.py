"""atan and asinh: branch-free, at most 1 ULP off, with one division (asinh: two, and a square root); -0.0 stays."""

from __future__ import annotations

import numpy as np

from fastrelu.vecmath.coefficients import ASINH_32, ASINH_64, ATAN_32, ATAN_64, HALF_PI_32, HALF_PI_64, LN2_32, LN2_64
from fastrelu.vecmath.hyperbolic import signed
from fastrelu.vecmath.logwords import log_in_two_words
from fastrelu.vecmath.primitives import Scalar, by_precision, fma, jitable, sqrt, times
from fastrelu.vecmath.words import quick_sum, quotient, two_sum

# tan(pi / 8) and its inverse; from FAR on, where atan is pi / 2, x stands for itself no more, so that no infinity divides.
TAN, COT, FAR = 0.41421356237309503, 2.414213562373095, 2.0**62


@jitable
def _atan_tail_32(z: Scalar) -> Scalar:
    p = ATAN_32
    return fma(fma(fma(fma(p[4], z, p[3]), z, p[2]), z, p[1]), z, p[0]), HALF_PI_32[0], HALF_PI_32[1]


@by_precision(_atan_tail_32)
@jitable
def atan_tail(z: Scalar) -> Scalar:
    """(atan(t) / t - 1) / t^2 of z = t^2 for |t| <= tan(pi / 8), and pi / 2 in two words."""
    p, fourth = ATAN_64, z * z
    low = fma(fma(p[3], z, p[2]), fourth, fma(p[1], z, p[0]))
    high = fma(fma(p[7], z, p[6]), fourth, fma(p[5], z, p[4]))
    top = fma(fma(p[11], z, p[10]), fourth, fma(p[9], z, p[8]))
    eighth = fourth * fourth
    return fma(fma(top, eighth, high), eighth, low), HALF_PI_64[0], HALF_PI_64[1]


@jitable
def atan(x: Scalar) -> Scalar:
    """The arc tangent, at most 1 ULP off (float32 and float64)."""
    kind = type(x)
    zero, half, one, end = kind(0.0), kind(0.5), kind(1.0), kind(FAR)
    a = abs(x)
    a = end if a > end else a
    # atan(a) = atan(t) + 0, pi / 4 or pi / 2 with t = a, (a - 1) / (a + 1) or -1 / a
    near, far = a < kind(TAN), a > kind(COT)
    top, top_low = two_sum(a, -one)
    bottom, bottom_low = two_sum(a, one)
    top, top_low = a if near else -one if far else top, zero if near or far else top_low
    bottom, bottom_low = one if near else a if far else bottom, zero if near or far else bottom_low
    t, t_low = quotient(top, top_low, bottom, bottom_low)
    z = t * t
    tail, base, base_low = atan_tail(z)
    share = zero if near else one if far else half
    total, lost = quick_sum(times(share, base), t)
    y = total + (lost + fma(t * z, tail, fma(share, base_low, fma(-z, t_low, t_low))))
    return signed(y, x)


@jitable
def _asinh_tail_32(z: Scalar) -> Scalar:
    p, fourth = ASINH_32, z * z
    return fma(fma(fma(p[5], z, p[4]), fourth, fma(p[3], z, p[2])), fourth, fma(p[1], z, p[0])), LN2_32[0], LN2_32[1]


@by_precision(_asinh_tail_32)
@jitable
def asinh_tail(z: Scalar) -> Scalar:
    """(asinh(x) / x - 1) / x^2 of z = x^2 <= 1/4, and ln 2 in two words."""
    p, fourth = ASINH_64, z * z
    low = fma(fma(p[3], z, p[2]), fourth, fma(p[1], z, p[0]))
    high = fma(fma(p[7], z, p[6]), fourth, fma(p[5], z, p[4]))
    top = fma(fma(p[11], z, p[10]), fourth, fma(p[9], z, p[8]))
    eighth = fourth * fourth
    return fma(fma(fma(p[12], eighth, top), eighth, high), eighth, low), LN2_64[0], LN2_64[1]


@jitable
def asinh(x: Scalar) -> Scalar:
    """The inverse hyperbolic sine, at most 1 ULP off (float32 and float64)."""
    kind = type(x)
    zero, half, one, end = kind(0.0), kind(0.5), kind(1.0), kind(2.0**30)
    a = abs(x)
    far = a > end  # sqrt(a^2 + 1) is a there
    b = end if far else a
    square = times(b, b)
    inside, inside_low = two_sum(square, one)
    inside_low = inside_low + fma(b, b, -square)
    root = sqrt(inside)
    root_low = times(fma(-root, root, inside) + inside_low, half / root)
    total, low = two_sum(b, root)
    total, low = (a, zero) if far else (total, low + root_low)
    y, y_low = log_in_two_words(total, low)
    z = a * a
    tail, ln2, ln2_low = asinh_tail(z)
    bent = fma(a * z, tail, a)
    y, lost = two_sum(y, ln2 if far else zero)
    y = y + (lost + (y_low + (ln2_low if far else zero)))
    y = a if abs(x) == kind(np.inf) else y
    return signed(bent if a < half else y, x)
