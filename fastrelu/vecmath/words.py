"""Numbers in two words, high + low: what the formulas add and multiply where one word is not enough."""

from __future__ import annotations

from fastrelu.vecmath.primitives import Scalar, fma, jitable, sqrt, times


@jitable
def sum_error(a: Scalar, b: Scalar, total: Scalar) -> Scalar:
    """a + b - total, exactly, where total is a + b rounded (Knuth); NaN where the total is infinite."""
    back = total - a
    return (a - (total - back)) + (b - back)


@jitable
def two_sum(a: Scalar, b: Scalar) -> Scalar:
    """a + b exactly (Knuth)."""
    total = a + b
    return total, sum_error(a, b, total)


@jitable
def quick_sum(a: Scalar, b: Scalar) -> Scalar:
    """a + b exactly, where a is 0 or not smaller than b (Dekker)."""
    total = a + b
    return total, b - (total - a)


@jitable
def add(a: Scalar, a_low: Scalar, b: Scalar, b_low: Scalar) -> Scalar:
    """(a + a_low) + (b + b_low)."""
    total, lost = two_sum(a, b)
    return total, lost + (a_low + b_low)


@jitable
def product(a: Scalar, a_low: Scalar, b: Scalar, b_low: Scalar) -> Scalar:
    """(a + a_low) * (b + b_low), the product of the low words left out."""
    high = times(a, b)
    return high, fma(a, b_low, fma(a_low, b, fma(a, b, -high)))


@jitable
def step(y: Scalar, y_low: Scalar, z: Scalar, z_low: Scalar, c: Scalar, c_low: Scalar) -> Scalar:
    """(y + y_low) (z + z_low) + c + c_low in two words, for a product smaller than c."""
    p, p_low = product(y, y_low, z, z_low)
    total, lost = quick_sum(c, p)
    return total, lost + (p_low + c_low)


@jitable
def quotient(a: Scalar, a_low: Scalar, b: Scalar, b_low: Scalar) -> Scalar:
    """(a + a_low) / (b + b_low), with one division."""
    inverse = type(a)(1.0) / b
    high = times(a, inverse)
    return high, times(fma(-high, b_low, fma(-high, b, a) + a_low), inverse)


@jitable
def inverse(a: Scalar) -> Scalar:
    """1 / a in two words."""
    one = type(a)(1.0)
    high = one / a
    return high, fma(-high, a, one) * high


@jitable
def root_of(high: Scalar, low: Scalar) -> Scalar:
    """The square root r of high + low in two words, and 1 / r to one; NaN at 0."""
    r = sqrt(high)
    y = type(high)(1.0) / r
    return r, times(fma(-r, r, high) + low, type(high)(0.5) * y), y


@jitable
def square_plus(a: Scalar, b: Scalar) -> Scalar:
    """a * a + b in two words."""
    square = times(a, a)
    rest = fma(a, a, -square)
    total = square + b
    return total, sum_error(square, b, total) + rest
