"""Numbers in two words, the second what the rounding of the first has lost: for sums that cancel, and for short error bounds."""

from __future__ import annotations

from numba.extending import register_jitable

from fastrelu.vecmath.primitives import IEEE, Scalar, fma, sqrt, times


@register_jitable(**IEEE)
def sum_error(a: Scalar, b: Scalar, total: Scalar) -> Scalar:
    """a + b - total, exactly, where total is a + b rounded (Knuth); NaN where the total is infinite."""
    back = total - a
    return (a - (total - back)) + (b - back)


@register_jitable(**IEEE)
def inverse(a: Scalar) -> Scalar:
    """1 / a in two words."""
    one = type(a)(1.0)
    high = one / a
    return high, fma(-high, a, one) * high


@register_jitable(**IEEE)
def root_of(high: Scalar, low: Scalar) -> Scalar:
    """The square root r of high + low in two words, and 1 / r to one; NaN at 0."""
    r = sqrt(high)
    y = type(high)(1.0) / r
    return r, (fma(-r, r, high) + low) * (type(high)(0.5) * y), y


@register_jitable(**IEEE)
def square_plus(a: Scalar, b: Scalar) -> Scalar:
    """a * a + b in two words."""
    square = times(a, a)
    rest = fma(a, a, -square)
    total = square + b
    return total, sum_error(square, b, total) + rest
