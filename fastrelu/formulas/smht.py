"""The modified hyperbolic tangent, with an exponent for each of its four exponentials.

With y = abs(x), left of 0 the roles of a and b, and of c and d, are exchanged: exp((a - c) y) (1 - exp(-(a + b) y)) /
(1 + exp(-(c + d) y)), times the sign of x. Only the first factor can overflow.
"""

from __future__ import annotations

import numpy as np
from numba.extending import register_jitable

from fastrelu.activation import activation
from fastrelu.formulas.sigmoids import end
from fastrelu.thresholds import Cost
from fastrelu.vecmath.error import small
from fastrelu.vecmath.pairs import exp_pair, one_minus, one_plus
from fastrelu.vecmath.primitives import IEEE, Scalar, compilable, times
from fastrelu.vecmath.words import add, product, quotient, two_sum

PARAMS = {
    "a": "Exponent of the numerator's exp(a * x). a + b and c + d must not be negative.",
    "b": "Exponent of the numerator's exp(-b * x).",
    "c": "Exponent of the denominator's exp(c * x).",
    "d": "Exponent of the denominator's exp(-d * x).",
}


@register_jitable(**IEEE)
def growing(z: Scalar, z_low: Scalar, high: Scalar, low: Scalar) -> Scalar:
    """(z + z_low) exp(high + low), which overflows and vanishes where the product does."""
    quarter = type(z)(0.25)
    high, low = quarter * high, quarter * low
    bound = quarter * end(z)
    inside = abs(high) < bound
    p, p_low, scale = exp_pair(high if inside else bound if high > bound else -bound, low if inside else type(z)(0.0))
    power = times(scale, small(z))
    p, p_low = product(p, p_low, p, p_low)
    p, p_low = product(p, p_low, p, p_low)
    z, z_low = product(z, z_low, p, p_low)
    return (z + z_low) * power * power * power * power


@register_jitable(**IEEE)
def exponents(x: Scalar, a: Scalar, b: Scalar, c: Scalar, d: Scalar) -> Scalar:
    """abs(x), then a - c (left of 0 b - d), a + b, c + d, in two words each."""
    most = type(x)(1e30)
    y = abs(x)
    rise, rise_low = two_sum(b if x < type(x)(0.0) else a, -d if x < type(x)(0.0) else -c)
    top, top_low = two_sum(a, b)
    bottom, bottom_low = two_sum(c, d)
    return most if y > most else y, rise, rise_low, top, top_low, bottom, bottom_low


@register_jitable(**IEEE)
def decay_exponent(y: Scalar, rate: Scalar, rate_low: Scalar) -> Scalar:
    """-(rate + rate_low) y in two words, no farther than exp can go."""
    zero = type(y)(0.0)
    high, low = product(rate, rate_low, y, zero)
    inside = high < end(y)
    return -high if inside else -end(y) if high == high else high, -low if inside else zero


@compilable
def smht_slope(x: Scalar, a: Scalar = 1.0, b: Scalar = 1.0, c: Scalar = 1.0, d: Scalar = 1.0) -> Scalar:
    """The derivative, exp((a - c) y) / P ((a - c) M + (a + b) exp(-(a + b) y) + (c + d) exp(-(c + d) y) M / P).

    M is 1 - exp(-(a + b) y) and P 1 + exp(-(c + d) y). Where a = c the greater of the last two exponentials goes to the front.
    """
    zero = type(x)(0.0)
    y, rise, rise_low, top, top_low, bottom, bottom_low = exponents(x, a, b, c, d)
    less = top < bottom
    common, common_low = top if less else bottom, top_low if less else bottom_low
    level = rise == zero
    common, common_low = common if level else zero, common_low if level else zero
    m, m_low = one_minus(*decay_exponent(y, top, top_low))
    p, p_low = one_plus(*decay_exponent(y, bottom, bottom_low))
    ratio, ratio_low = quotient(m, m_low, p, p_low)
    s, s_low = product(rise, rise_low, m, m_low)
    e, e_low, scale = exp_pair(*decay_exponent(y, *add(top, top_low, -common, -common_low)))
    power = times(scale, small(x))
    e, e_low = product(times(e, power), times(e_low, power), top, top_low)
    s, s_low = add(s, s_low, e, e_low)
    e, e_low, scale = exp_pair(*decay_exponent(y, *add(bottom, bottom_low, -common, -common_low)))
    power = times(scale, small(x))
    e, e_low = product(times(e, power), times(e_low, power), bottom, bottom_low)
    e, e_low = product(e, e_low, ratio, ratio_low)
    s, s_low = add(s, s_low, e, e_low)
    s, s_low = quotient(s, s_low, p, p_low)
    rise, rise_low = add(rise, rise_low, -common, -common_low)
    return growing(s, s_low, *product(rise, rise_low, y, zero))


@activation(
    derivative=smht_slope,
    reference=lambda m, x, a, b, c, d: (m.exp(a * x) - m.exp(-b * x)) / (m.exp(c * x) + m.exp(-d * x)),
    numpy=lambda x, a=1.0, b=1.0, c=1.0, d=1.0: (np.exp(a * x) - np.exp(-b * x)) / (np.exp(c * x) + np.exp(-d * x)),
    max_ulp=1.0,
    cost=Cost.HEAVY,
    params=PARAMS,
    paper="Soboleva & Beskorovainyi (2008)",
)
def smht(x: Scalar, a: Scalar = 1.0, b: Scalar = 1.0, c: Scalar = 1.0, d: Scalar = 1.0) -> Scalar:
    """Soboleva's modified hyperbolic tangent, (exp(a x) - exp(-b x)) / (exp(c x) + exp(-d x)); tanh by default."""
    zero = type(x)(0.0)
    y, rise, rise_low, top, top_low, bottom, bottom_low = exponents(x, a, b, c, d)
    m, m_low = one_minus(*decay_exponent(y, top, top_low))
    p, p_low = one_plus(*decay_exponent(y, bottom, bottom_low))
    z, z_low = quotient(m, m_low, p, p_low)
    value = growing(z, z_low, *product(rise, rise_low, y, zero))
    return -value if x < zero else value
