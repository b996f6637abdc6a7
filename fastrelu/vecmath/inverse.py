"""atan and asinh: branch-free, at most 1 ULP off, with one division (asinh: a square root, and in float64 one); -0.0 stays."""

from __future__ import annotations

import numpy as np

from fastrelu.vecmath.coefficients import ASINH_32, ASINH_64, ATAN_32, ATAN_64, HALF_PI_32, HALF_PI_64
from fastrelu.vecmath.hyperbolic import signed
from fastrelu.vecmath.logwords import log_of
from fastrelu.vecmath.primitives import Scalar, by_precision, fma, jitable, sqrt, times
from fastrelu.vecmath.words import quick_sum, quotient, two_sum

# tan(pi / 8) and its inverse; from FAR on, where atan is pi / 2, x stands for itself no more, so that no infinity divides.
TAN, COT, FAR = 0.41421356237309503, 2.414213562373095, 2.0**62
ASINH_END_32, ASINH_END_64 = np.float32(2.0**12), np.float64(2.0**27)  # 1 / (4 x^2) is not felt there


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
    return fma(fma(fma(p[5], z, p[4]), fourth, fma(p[3], z, p[2])), fourth, fma(p[1], z, p[0])), ASINH_END_32


@by_precision(_asinh_tail_32)
@jitable
def asinh_tail(z: Scalar) -> Scalar:
    """(asinh(x) / x - 1) / x^2 of z = x^2 <= 1/4; and from where on asinh is log(2 x)."""
    p, fourth = ASINH_64, z * z
    low = fma(fma(p[3], z, p[2]), fourth, fma(p[1], z, p[0]))
    high = fma(fma(p[7], z, p[6]), fourth, fma(p[5], z, p[4]))
    top = fma(fma(p[11], z, p[10]), fourth, fma(p[9], z, p[8]))
    eighth = fourth * fourth
    return fma(fma(fma(p[12], eighth, top), eighth, high), eighth, low), ASINH_END_64


@jitable
def asinh(x: Scalar) -> Scalar:
    """The inverse hyperbolic sine, at most 1 ULP off (float32 and float64)."""
    kind = type(x)
    one, half, a = kind(1.0), kind(0.5), abs(x)
    z = a * a
    tail, end = asinh_tail(z)
    far = a > end
    b = end if far else a
    inside = fma(b, b, one)
    root = sqrt(inside)
    t = root - b  # also 1 / (root + b), and with it 1 / (2 root) within 3 %
    rest = fma(-root, root, inside) + fma(b, b, one - inside)
    total, low = quick_sum(root, b)
    low = fma(rest, t * fma(times(t, t), kind(-0.72), one), low)
    y = log_of(a if far else total, far, times(low, t))
    y = a if a == kind(np.inf) else y
    return signed(fma(a * z, tail, a) if a < half else y, x)
