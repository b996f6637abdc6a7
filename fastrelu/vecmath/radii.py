"""The square root and the inverse of 1 + u^2, and powers with exponents kept apart: nothing overflows before the result.

u comes as the product of epsilon and a distance, in two words, and times a power of two, the unit: 1 + u^2 is then
unit^2 + u^2 divided by unit^2.
"""

from __future__ import annotations

import numpy as np

from fastrelu.vecmath.exponential import ONE_32, ONE_64, SHIFT_32, SHIFT_64, scale_32, scale_64
from fastrelu.vecmath.hyperbolic import signed
from fastrelu.vecmath.primitives import Scalar, by_precision, fma, jitable, sqrt, times
from fastrelu.vecmath.words import product, two_sum

# Where the unit is not 1, the units, and their inverses: for large and for small u.
LARGE_32, LARGE_64, SMALL_32, SMALL_64 = np.float32(2.0**50), np.float64(2.0**500), np.float32(2.0**-30), np.float64(2.0**-300)
DOWN_32, DOWN_64, UP_32, UP_64 = np.float32(2.0**-90), np.float64(2.0**-570), np.float32(2.0**50), np.float64(2.0**200)
INVERSE_DOWN_32, INVERSE_DOWN_64 = np.float32(2.0**90), np.float64(2.0**570)
INVERSE_UP_32, INVERSE_UP_64 = np.float32(2.0**-50), np.float64(2.0**-200)
# A greater product of epsilon, a distance and the unit is cut off: its square would overflow, and its inverse is 0.
CUT_32, CUT_64 = np.float32(2.0**62), np.float64(2.0**509)
# Bits of the exponent of 1, and of the fraction; what makes the subnormals normal.
BIAS_32, BIAS_64 = ONE_32.view(np.int32), ONE_64.view(np.int64)
FRACTION_32, FRACTION_64 = np.int32(2**23 - 1), np.int64(2**52 - 1)
NORMAL_32, NORMAL_64, LIFT_32, LIFT_64 = np.float32(2.0**-100), np.float64(2.0**-900), np.float32(2.0**64), np.float64(2.0**128)
BITS_32, BITS_64 = np.float32(64), np.float64(128)
ROUND_32, ROUND_64 = np.float32(1.5 * 2**23), np.float64(1.5 * 2**52)
MOST_32, MOST_64 = np.float32(252), np.float64(2040)
HALF_32, HALF_64, ZERO_32, ZERO_64 = np.float32(0.5), np.float64(0.5), np.float32(0), np.float64(0)


@jitable
def _unit_32(size: Scalar) -> Scalar:
    large, small = size > LARGE_32, size < SMALL_32
    inverse = INVERSE_DOWN_32 if large else INVERSE_UP_32 if small else ONE_32
    return DOWN_32 if large else UP_32 if small else ONE_32, inverse


@by_precision(_unit_32)
@jitable
def unit_for(size: Scalar) -> Scalar:
    """The unit for |u|, and its inverse."""
    large, small = size > LARGE_64, size < SMALL_64
    inverse = INVERSE_DOWN_64 if large else INVERSE_UP_64 if small else ONE_64
    return DOWN_64 if large else UP_64 if small else ONE_64, inverse


@jitable
def _cut_of_32(_like: Scalar) -> Scalar:
    return CUT_32


@by_precision(_cut_of_32)
@jitable
def cut_of(_like: Scalar) -> Scalar:
    """The greatest u, times the unit."""
    return CUT_64


@jitable
def one_plus_square(d: Scalar, d_low: Scalar, epsilon: Scalar) -> Scalar:
    """u = epsilon (d + d_low) unit in two words, unit^2 + u^2 in two words, the unit and its inverse."""
    one = type(d)(1.0)
    unit, inverse = unit_for(abs(epsilon * d))
    on_d = (abs(d) < abs(epsilon)) == (unit > one)  # the smaller factor goes up, the larger one down: neither overflows
    scale, d_unit = (epsilon, unit) if on_d else (times(epsilon, unit), one)
    scaled = times(d, d_unit)
    u = times(scale, scaled)
    u_low = fma(scale, times(d_low, d_unit), fma(scale, scaled, -u))
    cut = cut_of(d)
    u, u_low = (signed(cut, u), type(d)(0.0)) if abs(u) > cut else (u, u_low)
    square = times(u, u)
    total, low = two_sum(times(unit, unit), square)
    return u, u_low, total, low + fma(u + u, u_low, fma(u, u, -square)), unit, inverse


@jitable
def inverse_of(total: Scalar, low: Scalar) -> Scalar:
    """1 / (total + low) in two words."""
    y = type(total)(1.0) / total
    return y, times(y, fma(-y, low, fma(-y, total, type(total)(1.0))))


@jitable
def inverse_root_of(total: Scalar, low: Scalar) -> Scalar:
    """1 / sqrt(total + low) in two words."""
    root = sqrt(total)
    y = type(total)(1.0) / root
    rest = times(times(fma(-root, root, total) + low, y), y)
    return y, times(y, fma(type(total)(-0.5), rest, fma(-y, root, type(total)(1.0))))


@jitable
def inverse_square_term(d: Scalar, d_low: Scalar, epsilon: Scalar) -> Scalar:
    """1 / (1 + (epsilon d)^2) for finite d."""
    _, _, total, low, unit, _ = one_plus_square(d, d_low, epsilon)
    y, y_low = inverse_of(total, low)
    return (y + y_low) * unit * unit


@jitable
def inverse_root_term(d: Scalar, d_low: Scalar, epsilon: Scalar) -> Scalar:
    """1 / sqrt(1 + (epsilon d)^2) for finite d."""
    _, _, total, low, unit, _ = one_plus_square(d, d_low, epsilon)
    y, y_low = inverse_root_of(total, low)
    return (y + y_low) * unit


@jitable
def _apart_32(x: Scalar) -> Scalar:
    small = x < NORMAL_32
    lift = LIFT_32 if small else ONE_32
    bits = np.float32(x * lift).view(np.int32)
    exponent = np.float32(np.int32(bits - BIAS_32) >> np.int32(23))
    return np.int32((bits & FRACTION_32) | BIAS_32).view(np.float32), exponent - (BITS_32 if small else ZERO_32)


@by_precision(_apart_32)
@jitable
def apart(x: Scalar) -> Scalar:
    """The mantissa of x >= 0, from 1 up to 2, and its exponent."""
    small = x < NORMAL_64
    lift = LIFT_64 if small else ONE_64
    bits = np.float64(x * lift).view(np.int64)
    exponent = np.float64(np.int64(bits - BIAS_64) >> np.int64(52))
    return np.int64((bits & FRACTION_64) | BIAS_64).view(np.float64), exponent - (BITS_64 if small else ZERO_64)


@jitable
def _power_of_two_32(n: Scalar) -> Scalar:
    n = MOST_32 if n > MOST_32 else -MOST_32 if n < -MOST_32 else n
    half = fma(n, HALF_32, ROUND_32) - ROUND_32
    return scale_32(half + SHIFT_32), scale_32((n - half) + SHIFT_32)


@by_precision(_power_of_two_32)
@jitable
def power_of_two(n: Scalar) -> Scalar:
    """2^n as a product of two normal numbers; n is bounded where every result overflows or is 0."""
    n = MOST_64 if n > MOST_64 else -MOST_64 if n < -MOST_64 else n
    half = fma(n, HALF_64, ROUND_64) - ROUND_64
    return scale_64(half + SHIFT_64), scale_64((n - half) + SHIFT_64)


@jitable
def small_power(m: Scalar, low: Scalar, k: Scalar) -> Scalar:
    """(m + low)^k in two words, for a mantissa m and an integer k from 0 to 8."""
    kind = type(m)
    zero, one = kind(0.0), kind(1.0)
    odd = (k == one) | (k == kind(3.0)) | (k == kind(5.0)) | (k == kind(7.0))
    twice = (k == kind(2.0)) | (k == kind(3.0)) | (k == kind(6.0)) | (k == kind(7.0))
    square, square_low = product(m, low, m, low)
    fourth, fourth_low = product(square, square_low, square, square_low)
    y, y_low = product(m if odd else one, low if odd else zero, square if twice else one, square_low if twice else zero)
    four = k >= kind(4.0)
    y, y_low = product(y, y_low, fourth if four else one, fourth_low if four else zero)
    eight = k == kind(8.0)
    return product(y, y_low, fourth if eight else one, fourth_low if eight else zero)
