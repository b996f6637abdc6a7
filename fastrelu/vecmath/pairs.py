"""exp(x), 1 - exp(x) and 1 + exp(x) in two words, for formulas in which the errors of single words would add up.

The second word is good to a few bits, not to a full word: the sum of the two is within about 2^-31 (2^-60) of the truth,
and the sum, rounded once, within 0.6 ULP of it.
"""

from __future__ import annotations

from fastrelu.vecmath.coefficients import EXPM1_32, LN2_32, LN2_64
from fastrelu.vecmath.error import SMALL_SHIFT_32, SMALL_SHIFT_64, small
from fastrelu.vecmath.exponential import LOG2E_32, LOG2E_64, SHIFT_32, SHIFT_64, exp_cubic_64, scale_32, scale_64
from fastrelu.vecmath.primitives import Scalar, by_precision, fma, jitable, times
from fastrelu.vecmath.words import product, quick_sum


@jitable
def _cubic_factor_32(r: Scalar) -> Scalar:
    p = EXPM1_32
    return fma(fma(fma(fma(p[5], r, p[4]), r, p[3]), r, p[2]), r, p[1])


@by_precision(_cubic_factor_32)
@jitable
def cubic_factor(r: Scalar) -> Scalar:
    """(exp(r) - 1 - r - r^2 / 2) / r^3 for small r."""
    return exp_cubic_64(r)


@jitable
def _fine_reduced_32(x: Scalar) -> Scalar:
    shifted = fma(x, LOG2E_32, SHIFT_32)
    n = shifted - SHIFT_32
    return fma(n, -LN2_32[0], x), times(n, -LN2_32[1]), scale_32(shifted)


@by_precision(_fine_reduced_32)
@jitable
def fine_reduced(x: Scalar) -> Scalar:
    """r in two words and 2^n: exp(x) = exp(r) 2^n, where 2^n is a normal number."""
    shifted = fma(x, LOG2E_64, SHIFT_64)
    n = shifted - SHIFT_64
    return fma(n, -LN2_64[0], x), times(n, -LN2_64[1]), scale_64(shifted)


@jitable
def fine_exp(x: Scalar) -> Scalar:
    """exp(x) in two words within 2^-35 (2^-64), for abs(x) < 60: for an exponential of an exponential.

    The fourth power of exp(r / 4), which is 1 + r + r^2 / 2 in two words and a small rest.
    """
    one, half, quarter = type(x)(1.0), type(x)(0.5), type(x)(0.25)
    head, tail, power = fine_reduced(x)
    r = times(quarter, head + tail)
    r_low = fma(quarter, head, -r) + times(quarter, tail)
    square = times(r, r)
    a = one + r
    b = fma(half, square, a)
    low = (r - (a - one)) + fma(half, square, a - b)
    low = low + fma(square, r * cubic_factor(r), fma(r_low, a, times(half, fma(r, r, -square))))
    b, low = quick_sum(b, low)
    b, low = product(b, low, b, low)
    b, low = product(b, low, b, low)
    return times(b, power), times(low, power)


@jitable
def _raised_32(high: Scalar, low: Scalar) -> Scalar:
    shifted = fma(high, LOG2E_32, SMALL_SHIFT_32)
    n = shifted - SMALL_SHIFT_32
    return fma(n, -LN2_32[0], high), fma(n, -LN2_32[1], low), scale_32(shifted)


@by_precision(_raised_32)
@jitable
def raised(high: Scalar, low: Scalar) -> Scalar:
    """r in two words, and scale: exp(high + low) = exp(r) * scale * small(high), for -125 (-800) < high < 43 (340)."""
    shifted = fma(high, LOG2E_64, SMALL_SHIFT_64)
    n = shifted - SMALL_SHIFT_64
    return fma(n, -LN2_64[0], high), fma(n, -LN2_64[1], low), scale_64(shifted)


@jitable
def reduced_part(head: Scalar, tail: Scalar) -> Scalar:
    """exp(head + tail) - 1 in two words, the second within 0.03 of the first, for abs(head) <= log(2) / 2."""
    one, half = type(head)(1.0), type(head)(0.5)
    r, r_low = quick_sum(head, tail)
    square = times(r, r)
    part = fma(half, square, r)
    cubic = fma(square, r * cubic_factor(r), fma(r_low, one + r, times(half, fma(r, r, -square))))
    return part, fma(half, square, r - part) + cubic


@jitable
def exp_part(high: Scalar, low: Scalar) -> Scalar:
    """part, part_low and scale: exp(high + low) = (1 + part + part_low) * scale * small(high); part_low within 0.03 of part."""
    head, tail, scale = raised(high, low)
    part, part_low = reduced_part(head, tail)
    return part, part_low, scale


@jitable
def exp_pair(high: Scalar, low: Scalar) -> Scalar:
    """p, p_low and scale: exp(high + low) = (p + p_low) * scale * small(high), for -125 (-800) < high < 43 (340)."""
    one = type(high)(1.0)
    part, part_low, scale = exp_part(high, low)
    p = one + part
    p, p_low = quick_sum(p, (part - (p - one)) + part_low)
    return p, p_low, scale


@jitable
def half_part(high: Scalar, low: Scalar) -> Scalar:
    """part, part_low and power: exp(high + low) = ((1 + part + part_low) * power)^2, for -174 (-1416) < high < 176 (1418)."""
    half = type(high)(0.5)
    head, tail, power = fine_reduced(half * high)
    part, part_low = quick_sum(*reduced_part(head, fma(half, low, tail)))
    return part, part_low, power


@jitable
def exp_half(high: Scalar, low: Scalar) -> Scalar:
    """p, p_low and power: exp(high + low) = ((p + p_low) * power)^2, for -174 (-1416) < high < 176 (1418)."""
    one = type(high)(1.0)
    part, part_low, power = half_part(high, low)
    p = one + part
    p, p_low = quick_sum(p, (part - (p - one)) + part_low)
    return p, p_low, power


@jitable
def one_minus(high: Scalar, low: Scalar) -> Scalar:
    """1 - exp(high + low) in two words, for high <= 0: with all digits near 0 too."""
    one = type(high)(1.0)
    part, part_low, scale = exp_part(high, low)
    power = times(scale, small(high))
    less = one - power
    m = fma(-power, part, less)
    return quick_sum(m, fma(-power, part, less - m) + fma(-power, part_low, (one - less) - power))


@jitable
def one_plus(high: Scalar, low: Scalar) -> Scalar:
    """1 + exp(high + low) in two words, for high <= 0."""
    one = type(high)(1.0)
    part, part_low, scale = exp_part(high, low)
    power = times(scale, small(high))
    more = one + power
    e = fma(power, part, more)
    return quick_sum(e, fma(power, part, more - e) + fma(power, part_low, (one - more) + power))


@jitable
def decayed_pair(z: Scalar, low: Scalar, head: Scalar, rest: Scalar) -> Scalar:
    """decayed of vecmath.error, in two words."""
    whole = times(head, z)
    value = z - whole
    lost = (z - value) - whole
    return value, lost + (fma(rest, z, fma(rest - head, low, low)) - fma(head, z, -whole))
