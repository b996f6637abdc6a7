"""tanh: branch-free, at most 1 ULP off, with one division for all arguments.

It is m - m^3 / d. Below 1 m is |x| and d a polynomial of x^2; from there on m is 1 and d is (exp(2 |x|) + 1) / 2. In
both the quotient is at most a third of the number it is taken from, so that little of its error is left.
"""

from __future__ import annotations

import numpy as np

from fastrelu.vecmath.coefficients import EXP2R_32, EXP2R_64, TANH_32, TANH_64
from fastrelu.vecmath.exponential import ONE_32, ONE_64, scale_32, scale_64
from fastrelu.vecmath.primitives import Scalar, by_precision, fma, jitable

# |x| = n ln(2) / 2 + r; one step for float32: its error is damped by the quotient
LOG4E_32, LOG4E_64 = np.float32(2.8853900817779268), np.float64(2.8853900817779268)
HALF_LN2_32, HALF_LN2_64 = np.float32(0.34657359027997264), np.float64(0.34657359027997264)
HALF_LN2_TAIL_64 = np.float64(1.1595234069231498e-17)
SHIFT_32, SHIFT_64 = np.float32(1.5 * 2**23 + 127), np.float64(1.5 * 2**52 + 1023)  # as in exponential, for 2^n
LARGE_32, LARGE_64 = np.float32(10), np.float64(20)  # tanh is 1 from there on
SIGN_32, SIGN_64 = np.int32(-(2**31)), np.int64(-(2**63))


@jitable
def signed_32(size: Scalar, x: Scalar) -> Scalar:
    """A size >= 0, or a NaN, with the sign of x."""
    return np.int32(np.float32(size).view(np.int32) | (np.float32(x).view(np.int32) & SIGN_32)).view(np.float32)


@by_precision(signed_32)
@jitable
def signed(size: Scalar, x: Scalar) -> Scalar:
    """A size >= 0, or a NaN, with the sign of x."""
    return np.int64(np.float64(size).view(np.int64) | (np.float64(x).view(np.int64) & SIGN_64)).view(np.float64)


@jitable
def _grown_32(size: Scalar) -> Scalar:
    size = LARGE_32 if size > LARGE_32 else size
    shifted = fma(size, LOG4E_32, SHIFT_32)
    r = fma(shifted - SHIFT_32, -HALF_LN2_32, size)
    p = EXP2R_32
    tail = fma(fma(fma(fma(p[4], r, p[3]), r, p[2]), r, p[1]), r, p[0])
    return scale_32(shifted), fma(tail, r, ONE_32), r


@by_precision(_grown_32)
@jitable
def grown(size: Scalar) -> Scalar:
    """2^n, v and r: exp(2 size) is 2^n (1 + 2 v r), size > 0."""
    size = LARGE_64 if size > LARGE_64 else size
    shifted = fma(size, LOG4E_64, SHIFT_64)
    n = shifted - SHIFT_64
    r = fma(n, -HALF_LN2_TAIL_64, fma(n, -HALF_LN2_64, size))
    c = EXP2R_64
    tail = fma(fma(fma(fma(fma(c[9], r, c[8]), r, c[7]), r, c[6]), r, c[5]), r, c[4])
    tail = fma(fma(fma(fma(tail, r, c[3]), r, c[2]), r, c[1]), r, c[0])
    return scale_64(shifted), fma(tail, r, ONE_64), r


@jitable
def _near_divisor_32(square: Scalar) -> Scalar:
    return fma(fma(fma(TANH_32[3], square, TANH_32[2]), square, TANH_32[1]), square, TANH_32[0])


@by_precision(_near_divisor_32)
@jitable
def near_divisor(square: Scalar) -> Scalar:
    """x^3 / (x - tanh(x)) of x^2 < 1, as exact as tanh needs it."""
    p = TANH_64
    top = fma(fma(fma(fma(fma(p[8], square, p[7]), square, p[6]), square, p[5]), square, p[4]), square, p[3])
    return fma(fma(fma(top, square, p[2]), square, p[1]), square, p[0])


@jitable
def tanh_parts(x: Scalar) -> Scalar:
    """m, which is |x| but at most 1, and q: tanh(|x|) = m - m q."""
    size, one, half = abs(x), type(x)(1.0), type(x)(0.5)
    m = one if size > one else size
    square = m * m
    near = near_divisor(square)
    scale, v, r = grown(size)
    far = fma(scale, fma(v, r, half), half)  # the smaller one below 1, where near is right
    return m, square / (far if far > near else near)


@jitable
def tanh(x: Scalar) -> Scalar:
    """Hyperbolic tangent, at most 1 ULP off (float32 and float64); -0.0 stays."""
    m, q = tanh_parts(x)
    return signed(fma(-m, q, m), x)
