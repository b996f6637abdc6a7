"""Numbers in two words, high + low: what the formulas add and multiply where one word is not enough."""

from __future__ import annotations

from numba.extending import register_jitable

from fastrelu.vecmath.primitives import IEEE, Scalar, fma, times


@register_jitable(**IEEE)
def two_sum(a: Scalar, b: Scalar) -> Scalar:
    """a + b exactly (Knuth)."""
    total = a + b
    back = total - a
    return total, (a - (total - back)) + (b - back)


@register_jitable(**IEEE)
def quick_sum(a: Scalar, b: Scalar) -> Scalar:
    """a + b exactly, where a is 0 or not smaller than b (Dekker)."""
    total = a + b
    return total, b - (total - a)


@register_jitable(**IEEE)
def product(a: Scalar, a_low: Scalar, b: Scalar, b_low: Scalar) -> Scalar:
    """(a + a_low) * (b + b_low), the product of the low words left out."""
    high = times(a, b)
    return high, fma(a, b_low, fma(a_low, b, fma(a, b, -high)))


@register_jitable(**IEEE)
def quotient(a: Scalar, a_low: Scalar, b: Scalar, b_low: Scalar) -> Scalar:
    """(a + a_low) / (b + b_low), with one division."""
    inverse = type(a)(1.0) / b
    high = times(a, inverse)
    return high, times(fma(-high, b_low, fma(-high, b, a) + a_low), inverse)
