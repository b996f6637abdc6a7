"""Short float64 arithmetic, for float32 formulas in which one word of float64 costs less than two of float32.

All are 2^-31 off or less: rounded to float32, that shows where a result is within 2^-7 ulp of a tie, and nowhere else. A
division in float64 takes as long as forty other instructions; this one starts from a quotient in float32.
"""

from __future__ import annotations

import numpy as np

from fastrelu.vecmath.coefficients import ATANH_SHORT, EXP_SHORT
from fastrelu.vecmath.exponential import LOG2E_64, ONE_32, ONE_64, SHIFT_64, scale_64
from fastrelu.vecmath.primitives import Scalar, fma, jitable, times

LN2, TWO = np.float64(0.6931471805599453), np.float64(2)


@jitable
def exp_parts(x: Scalar) -> Scalar:
    """2^n and e: exp(x) = 2^n (1 + e), for abs(x) < 700."""
    shifted = fma(x, LOG2E_64, SHIFT_64)
    r = fma(shifted - SHIFT_64, -LN2, x)
    c, square = EXP_SHORT, r * r
    high = fma(fma(c[5], r, c[4]), square, fma(c[3], r, c[2]))
    return scale_64(shifted), fma(fma(high, square, fma(c[1], r, c[0])), square, r)


@jitable
def exp(x: Scalar) -> Scalar:
    """exp(x) for abs(x) < 700."""
    scale, e = exp_parts(x)
    return fma(scale, e, scale)


@jitable
def expm1(x: Scalar) -> Scalar:
    """exp(x) - 1 for 0 <= x < 700."""
    scale, e = exp_parts(x)
    return fma(scale, e, scale - ONE_64)


@jitable
def quotient(a: Scalar, b: Scalar) -> Scalar:
    """a / b for 2^-125 < b < 2^125."""
    inverse = np.float64(ONE_32 / np.float32(b))
    y = times(a, inverse)
    return fma(y, fma(-b, inverse, ONE_64), y)


@jitable
def log1p_of(a: Scalar, b: Scalar) -> Scalar:
    """log(1 + a / b) for 0 <= a <= b, as 2 atanh(a / (a + 2 b)); b as for a quotient."""
    s = quotient(a, fma(TWO, b, a))
    z = s * s
    c, square = ATANH_SHORT, z * z
    tail = fma(c[4], square, fma(c[3], z, c[2]))
    return fma(s * z, fma(tail, square, fma(c[1], z, c[0])), s + s)
