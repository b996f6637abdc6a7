"""The Soboleva modified hyperbolic tangent.

For x >= 0, with u = exp(-(c + d) x) and v = exp(-(a + b) x), it is exp((a - c) x) (1 - v) / (1 + u): no exponential that
grows but that of the result. A negative x swaps a with b and c with d.
"""

from __future__ import annotations

import numpy as np

from fastrelu.activation import activation
from fastrelu.formulas.radial import reach
from fastrelu.thresholds import Cost
from fastrelu.vecmath.error import small
from fastrelu.vecmath.hyperbolic import signed
from fastrelu.vecmath.pairs import exp_half, exp_pair, one_minus, one_plus
from fastrelu.vecmath.primitives import Scalar, jitable, times
from fastrelu.vecmath.words import add, product, quotient, two_sum


@jitable
def exponent(factor: Scalar, low: Scalar, size: Scalar) -> Scalar:
    """(factor + low) size in two words, but no more than exponentials take; 0 where the factor is 0, at infinity too."""
    zero = type(size)(0.0)
    end, _ = reach(size)
    high, rest = product(factor, low, size, zero)
    none, over, under = factor == zero, high > end, high < -end
    return zero if none else end if over else -end if under else high, zero if none | over | under else rest


@jitable
def as_if_positive(x: Scalar, a: Scalar, b: Scalar, c: Scalar, d: Scalar) -> Scalar:
    """The parameters for abs(x), such that neither a + b nor c + d is negative; and whether that changes the sign."""
    zero = type(x)(0.0)
    left = x < zero
    a, b, c, d = (b if left else a), (a if left else b), (d if left else c), (c if left else d)
    turned, other = a + b < zero, c + d < zero
    return -b if turned else a, -a if turned else b, -d if other else c, -c if other else d, turned


@jitable
def grown(y: Scalar, y_low: Scalar, rate: Scalar, rate_low: Scalar, size: Scalar) -> Scalar:
    """(y + y_low) exp((rate + rate_low) size) small(size), rounded once where that is subnormal."""
    high, low = exponent(rate, rate_low, size)
    p, p_low, power = exp_half(high, low)
    p, p_low = product(p, p_low, p, p_low)
    y, y_low = product(y, y_low, p, p_low)
    rises = power > type(y)(1.0)
    return times(times((y + y_low) * (small(y) if rises else power), power), power if rises else small(y))


@jitable
def smht_slope(x: Scalar, a: Scalar = 1.0, b: Scalar = 1.0, c: Scalar = 1.0, d: Scalar = 1.0) -> Scalar:
    """exp((a - c) x) (a - c + (a + d) u + (b + c) v + (b - d) u v) / (1 + u)^2 for x >= 0."""
    unit, size = type(x)(1.0) / small(x), abs(x)
    a, b, c, d, turned = as_if_positive(x, a, b, c, d)
    fall, fall_low = exponent(*two_sum(c, d), size)
    u, u_low, scale = exp_pair(-fall, -fall_low)
    u, u_low = times(u, scale), times(u_low, scale)
    under, under_low = one_plus(-fall, -fall_low)
    fall, fall_low = exponent(*two_sum(a, b), size)
    v, v_low, scale = exp_pair(-fall, -fall_low)
    v, v_low = times(v, scale), times(v_low, scale)
    # all terms times the unit, next to which nothing is subnormal
    rate, rate_low = two_sum(a, -c)
    y, y_low = product(*two_sum(a, d), u, u_low)
    term, term_low = product(*two_sum(b, c), v, v_low)
    y, y_low = add(y, y_low, term, term_low)
    term, term_low = product(u, u_low, times(v, small(x)), times(v_low, small(x)))
    term, term_low = product(*two_sum(b, -d), term, term_low)
    y, y_low = add(y, y_low, term, term_low)
    y, y_low = add(times(rate, unit), times(rate_low, unit), y, y_low)
    y, y_low = quotient(y, y_low, under, under_low)
    y, y_low = quotient(y, y_low, under, under_low)
    y = grown(y, y_low, rate, rate_low, size)
    return -y if turned else y


@jitable
def scaled_by(a: Scalar, a_low: Scalar, b: Scalar, b_low: Scalar, c: Scalar, c_low: Scalar) -> Scalar:
    """(a + a_low) + (b + b_low) (c + c_low)."""
    return add(a, a_low, *product(b, b_low, c, c_low))


@jitable
def near_bend(p: Scalar, p_low: Scalar, q: Scalar, q_low: Scalar, a: Scalar, b: Scalar, c: Scalar, d: Scalar) -> Scalar:
    """The numerator of smht_bend of p = 1 - u and q = 1 - v, which are small: its value at 0 and what is a multiple of them."""
    zero, two = type(p)(0.0), type(p)(2.0)
    r, s, t = two_sum(a, -c), two_sum(a, b), two_sum(c, d)
    more, less = two_sum(b, c), two_sum(b, -d)
    pq = product(p, p_low, q, q_low)
    m = add(*more, *less)
    sm, tl = product(*s, *m), product(*t, *less)
    first = product(*s, -p, -p_low)
    first = scaled_by(*first, *m, -q, -q_low)
    first = scaled_by(*first, *less, *pq)
    second = product(*product(*s, *more), p, p_low)
    second = scaled_by(*second, *add(*sm, *tl), q, q_low)
    second = scaled_by(*second, *product(*add(*s, *t), *less), -pq[0], -pq[1])
    rest = scaled_by(*second, *r, *first)
    y = product(*rest, *two_sum(two, -p))
    y = scaled_by(*y, *rest, -p_low, zero)
    difference = add(*r, -more[0], -more[1])
    y = scaled_by(*y, *product(*s, -two * p, -two * p_low), *difference)
    ts = product(*t, *s)
    y = scaled_by(*y, *ts, type(p)(-4.0) * p, type(p)(-4.0) * p_low)
    u = add(type(p)(1.0), zero, -p, -p_low)
    y = scaled_by(*y, *product(*t, *first), two * u[0], two * u[1])
    start = add(*two_sum(a, -b), *two_sum(d, -c))
    return scaled_by(*y, *product(*s, *start), type(p)(4.0), zero)


@jitable
def smht_bend(x: Scalar, a: Scalar = 1.0, b: Scalar = 1.0, c: Scalar = 1.0, d: Scalar = 1.0) -> Scalar:
    """exp((a - c) x) ((r B + B') (1 + u) + 2 (c + d) u B) / (1 + u)^3 for x >= 0, B the factor in smht_slope, r = a - c."""
    zero, one, two, unit, size = type(x)(0.0), type(x)(1.0), type(x)(2.0), type(x)(1.0) / small(x), abs(x)
    a, b, c, d, turned = as_if_positive(x, a, b, c, d)
    s, t, r = two_sum(a, b), two_sum(c, d), two_sum(a, -c)
    fall, fall_low = exponent(*t, size)
    u, u_low, scale = exp_pair(-fall, -fall_low)
    u, u_low = times(u, scale), times(u_low, scale)
    p, p_low = one_minus(-fall, -fall_low)
    under = one_plus(-fall, -fall_low)
    drop, drop_low = exponent(*s, size)
    v, v_low, scale = exp_pair(-drop, -drop_low)
    v, v_low = times(v, scale), times(v_low, scale)
    q, q_low = one_minus(-drop, -drop_low)
    # all terms times the unit, next to which nothing is subnormal
    left = product(*two_sum(a, d), u, u_low)
    right = product(*two_sum(b, c), v, v_low)
    both = product(u, u_low, times(v, small(x)), times(v_low, small(x)))
    both = product(*two_sum(b, -d), *both)
    factor = add(*add(*left, *right), *both)
    factor = add(times(r[0], unit), times(r[1], unit), *factor)
    change = product(*t, -left[0], -left[1])
    change = scaled_by(*change, *s, -right[0], -right[1])
    change = scaled_by(*change, *add(*s, *t), -both[0], -both[1])
    far = product(*scaled_by(*change, *r, *factor), *under)
    far = scaled_by(*far, *product(*t, two * times(u, small(x)), two * times(u_low, small(x))), *factor)
    near = near_bend(p, p_low, q, q_low, a, b, c, d)
    close = (fall < one) & (drop < one)
    y, y_low = times(near[0], unit) if close else far[0], times(near[1], unit) if close else far[1]
    y, y_low = quotient(*quotient(*quotient(y, y_low, *under), *under), *under)
    y = grown(y, y_low, *r, size)
    return -y if turned != (x < zero) else y


@jitable
def lift(size: Scalar) -> Scalar:
    """By what a factor of `carried` is to be larger: next to small numbers nothing is subnormal then, large ones stay."""
    one = type(size)(1.0)
    return one / small(size) if size < one else one


@jitable
def carried(y: Scalar, y_low: Scalar, rate: Scalar, rate_low: Scalar, size: Scalar) -> Scalar:
    """(y + y_low) size exp((rate + rate_low) size) / lift(size), rounded once where that is subnormal.

    The exponential is the fourth power of two words, so that it may fall below all that a large size makes up for.
    """
    zero, half, one = type(size)(0.0), type(size)(0.5), type(size)(1.0)
    far = size == type(size)(np.inf)
    room = one if size < one else type(size)(2.0**8)  # for the four powers, each less than 4 before its exponent
    p, p_low, power = exp_half(*exponent(times(half, rate), times(half, rate_low), size))
    p, p_low = product(p, p_low, p, p_low)
    p, p_low = product(p, p_low, p, p_low)
    y, y_low = product(y, y_low, one if far else size / room, zero)
    y, y_low = product(y, y_low, p, p_low)
    rises, factor = power > one, small(y) if size < one else one
    y = times(times(times(y + y_low, power), power), room)
    y = times(times(times(y, factor if rises else power), power), power if rises else factor)
    return size if far & (y != zero) else y


@jitable
def share(x: Scalar, p: Scalar, c: Scalar, d: Scalar) -> Scalar:
    """x exp(p x) / (exp(c x) + exp(-d x)), by the larger of the two exponentials."""
    zero, size = type(x)(0.0), abs(x)
    left = x < zero
    t, t_low = two_sum(c, d)
    other = t < zero
    fall, fall_low = exponent(-t if other else t, -t_low if other else t_low, size)
    y, y_low = quotient(lift(size), zero, *one_plus(-fall, -fall_low))
    rate, rate_low = two_sum(p, d if other != left else -c)
    y = carried(y, y_low, -rate if left else rate, -rate_low if left else rate_low, size)
    return -y if left else y


@jitable
def smht_a_slope(x: Scalar, a: Scalar, b: Scalar, c: Scalar, d: Scalar) -> Scalar:
    """x exp(a x) / (exp(c x) + exp(-d x))."""
    return share(x, a, c, d)


@jitable
def smht_b_slope(x: Scalar, a: Scalar, b: Scalar, c: Scalar, d: Scalar) -> Scalar:
    """x exp(-b x) / (exp(c x) + exp(-d x))."""
    return share(x, -b, c, d)


@jitable
def share_of_value(x: Scalar, a: Scalar, b: Scalar, c: Scalar, d: Scalar, lesser: bool) -> Scalar:
    """x smht(x) times the larger of exp(c x) and exp(-d x) over their sum, or times the lesser."""
    zero, size = type(x)(0.0), abs(x)
    a, b, c, d, turned = as_if_positive(x, a, b, c, d)
    unit = lift(size)
    s, s_low = two_sum(a, b)
    fall, fall_low = exponent(s, s_low, size)
    m, m_low = one_minus(-fall, -fall_low)
    tiny, tiny_low = product(s, s_low, zero if s == zero else times(size, unit), zero)
    near = fall < type(x)(2.0**-70)
    y, y_low = (tiny if near else times(m, unit)), (tiny_low if near else times(m_low, unit))
    t, t_low = two_sum(c, d)
    fall, fall_low = exponent(t, t_low, size)
    under, under_low = one_plus(-fall, -fall_low)
    y, y_low = quotient(*quotient(y, y_low, under, under_low), under, under_low)
    rate, rate_low = two_sum(a, -c)
    rate, rate_low = add(rate, rate_low, -t if lesser else zero, -t_low if lesser else zero)
    y = carried(y, y_low, rate, rate_low, size)
    return -y if turned else y


@jitable
def smht_c_slope(x: Scalar, a: Scalar, b: Scalar, c: Scalar, d: Scalar) -> Scalar:
    """-x smht(x) exp(c x) / (exp(c x) + exp(-d x))."""
    zero = type(x)(0.0)
    return -share_of_value(x, a, b, c, d, (x < zero) != (c + d < zero))


@jitable
def smht_d_slope(x: Scalar, a: Scalar, b: Scalar, c: Scalar, d: Scalar) -> Scalar:
    """x smht(x) exp(-d x) / (exp(c x) + exp(-d x))."""
    zero = type(x)(0.0)
    return share_of_value(x, a, b, c, d, (x < zero) == (c + d < zero))


@activation(
    derivative=smht_slope,
    second=smht_bend,
    reference=lambda m, x, a, b, c, d: (m.exp(a * x) - m.exp(-b * x)) / (m.exp(c * x) + m.exp(-d * x)),
    numpy=lambda x, a=1.0, b=1.0, c=1.0, d=1.0: (np.exp(a * x) - np.exp(-b * x)) / (np.exp(c * x) + np.exp(-d * x)),
    max_ulp=0.75,  # where the result is subnormal; else 0.52
    cost=Cost.HEAVY,
    params={
        "a": "How fast the numerator grows to the right: where it is less than `c` the result returns to 0, where it is greater"
        " the result grows.",
        "b": "The same to the left, beside `d`.",
        "c": "How fast the denominator grows to the right. Where that is faster than `a`, or `d` than `b`, the derivative has a"
        " root, next to which its error is up to 2^-33 (float64: 2^-62).",
        "d": "The same to the left.",
    },
    values=(-1, 1),
    slopes=(0, 1),
    gradients={"a": smht_a_slope, "b": smht_b_slope, "c": smht_c_slope, "d": smht_d_slope},
    paper="Soboleva & Beskorovainyi (2008); Golev, Iliev & Kyurkchiev, IJISET 4 (2017)",
)
def smht(x: Scalar, a: Scalar = 1.0, b: Scalar = 1.0, c: Scalar = 1.0, d: Scalar = 1.0) -> Scalar:
    """Soboleva's modified hyperbolic tangent, (exp(a x) - exp(-b x)) / (exp(c x) + exp(-d x)): tanh where all four are 1."""
    kind = type(x)
    zero, unit, size = kind(0.0), kind(1.0) / small(x), abs(x)
    a, b, c, d, turned = as_if_positive(x, a, b, c, d)
    s, s_low = two_sum(a, b)
    fall, fall_low = exponent(s, s_low, size)
    m, m_low = one_minus(-fall, -fall_low)
    # next to 0 the first term, (a + b) x, has more digits while it is scaled
    tiny, tiny_low = product(s, s_low, zero if s == zero else times(size, unit), zero)
    near = fall < kind(2.0**-70)
    y, y_low = (tiny if near else times(m, unit)), (tiny_low if near else times(m_low, unit))
    fall, fall_low = exponent(*two_sum(c, d), size)
    under, under_low = one_plus(-fall, -fall_low)
    y, y_low = quotient(y, y_low, under, under_low)
    rate, rate_low = two_sum(a, -c)
    y = times(grown(y, y_low, rate, rate_low, size), signed(kind(1.0), x))
    return -y if turned else y
