"""Functions made of tanh: tanhshrink, lisht, logcosh.

With t = exp(-2 abs(x)) tanh(abs(x)) is (1 - t) / (1 + t).
"""

from __future__ import annotations

import numpy as np

from fastrelu import vecmath
from fastrelu.activation import activation
from fastrelu.formulas.sigmoids import end, gated_bend, tanh_bend, tanh_slope
from fastrelu.thresholds import Cost
from fastrelu.vecmath.coefficients import LN2_WORDS_32, LN2_WORDS_64, LOGCOSH_32, LOGCOSH_64, TANHSHRINK_32, TANHSHRINK_64
from fastrelu.vecmath.error import small
from fastrelu.vecmath.hyperbolic import grown, signed
from fastrelu.vecmath.logwords import log1p_words
from fastrelu.vecmath.pairs import exp_pair, one_minus, one_plus
from fastrelu.vecmath.primitives import Scalar, by_precision, fma, jitable, times
from fastrelu.vecmath.words import add, product, quotient, two_sum


@jitable
def _ln2_32(x: Scalar) -> Scalar:
    return LN2_WORDS_32[0], LN2_WORDS_32[1]


@by_precision(_ln2_32)
@jitable
def ln2(x: Scalar) -> Scalar:
    """log(2) in two words."""
    return LN2_WORDS_64[0], LN2_WORDS_64[1]


@jitable
def tanh_pair(a: Scalar) -> Scalar:
    """tanh(a) in two words, a >= 0."""
    zero, two = type(a)(0.0), type(a)(2.0)
    high = times(two, a)
    high = -(end(a) if high > end(a) else high)
    m, m_low = one_minus(high, zero)
    e, e_low = one_plus(high, zero)
    return quotient(m, m_low, e, e_low)


@jitable
def tanhshrink_slope(x: Scalar) -> Scalar:
    """tanh(x)^2."""
    t, low = tanh_pair(abs(x))
    y, low = product(t, low, t, low)
    return y + low


@jitable
def _divisor_tail_32(square: Scalar) -> Scalar:
    p = TANHSHRINK_32
    return fma(fma(fma(p[3], square, p[2]), square, p[1]), square, p[0])


@by_precision(_divisor_tail_32)
@jitable
def divisor_tail(square: Scalar) -> Scalar:
    """(x^3 / (x - tanh(x)) - 3) / x^2 of x^2 <= 1."""
    p = TANHSHRINK_64
    top = fma(fma(fma(fma(p[8], square, p[7]), square, p[6]), square, p[5]), square, p[4])
    return fma(fma(fma(fma(top, square, p[3]), square, p[2]), square, p[1]), square, p[0])


@jitable
def tanh_divisor(a: Scalar) -> Scalar:
    """m and d in two words: tanh(a) = m - m^3 / d.

    Below 1 m is a and d = 3 + a^2 (...); from there on m is 1 and d = exp(2 a) / 2 + 1 / 2.
    """
    one, half, three = type(a)(1.0), type(a)(0.5), type(a)(3.0)
    near = a < one
    m = a if near else one
    square = times(m, m)
    tail = divisor_tail(square)
    scale, v, r = grown(a)
    p = fma(v, r, half)
    d = fma(square, tail, three) if near else fma(scale, p, half)
    return m, d, fma(square, tail, three - d) if near else fma(scale, fma(v, r, half - p), fma(scale, p, half - d))


@jitable
def tanhshrink_bend(x: Scalar) -> Scalar:
    """2 tanh(x) (1 - tanh(x)^2)."""
    return -tanh_bend(x)


@activation(
    derivative=tanhshrink_slope,
    second=tanhshrink_bend,
    reference=lambda m, x: x - m.tanh(x),
    numpy=lambda x: x - np.tanh(x),
    max_ulp=0.86,
    cost=Cost.HEAVY,
    values=(None, None),
    slopes=(0, 1),
    names=(
        ("tanhshrink", "torch tfa nnlib"),
        ("tanh_shrink", "keras"),
    ),
    paper="torch.nn.Tanhshrink",
)
def tanhshrink(x: Scalar) -> Scalar:
    """x - tanh(x), without cancellation near 0."""
    a = abs(x)
    m, d, d_low = tanh_divisor(a)
    square = times(m, m)
    cube = times(square, m)
    y, low = quotient(cube, fma(m, fma(m, m, -square), fma(square, m, -cube)), d, d_low)
    total, lost = two_sum(a - m, y)
    return signed(total + (lost + low) if a < end(x) else a - type(x)(1.0), x)


@jitable
def lisht_slope(x: Scalar) -> Scalar:
    """tanh(x) + x (1 - tanh(x)^2), as ((1 - t) (1 + t) + 4 a t) / (1 + t)^2 with a = abs(x) and t = exp(-2 a)."""
    zero, two = type(x)(0.0), type(x)(2.0)
    a = abs(x)
    a = end(x) / two if a > end(x) / two else a
    high = -(a + a)
    m, m_low = one_minus(high, zero)
    e, e_low = one_plus(high, zero)
    p, p_low, scale = exp_pair(high, zero)
    power = times(scale, small(x))
    cross, cross_low = product(m, m_low, e, e_low)
    twice, twice_low = product(times(type(x)(4.0), a), zero, times(p, power), p_low * power)
    top, top_low = add(cross, cross_low, twice, twice_low)
    bottom, bottom_low = product(e, e_low, e, e_low)
    y, low = quotient(top, top_low, bottom, bottom_low)
    y = y + low
    return -y if x < zero else y


@jitable
def lisht_bend(x: Scalar) -> Scalar:
    """2 (1 - tanh(x)^2) (1 - x tanh(x)): x tanh(x) is z sigmoid(z) - x with z = 2 x."""
    return gated_bend(x + x, type(x)(0.0), type(x)(4.0))


@activation(
    derivative=lisht_slope,
    second=lisht_bend,
    reference=lambda m, x: x * m.tanh(x),
    numpy=lambda x: x * np.tanh(x),
    max_ulp=0.78,
    cost=Cost.HEAVY,
    values=(0, None),
    slopes=(-1.1996786402577337, 1.1996786402577337),
    names=(("lisht", "tfa nnlib"),),
    paper="Roy, Manna, Dubey & Chaudhuri, LiSHT: Non-Parametric Linearly Scaled Hyperbolic Tangent (2019)",
)
def lisht(x: Scalar) -> Scalar:
    """The linearly scaled hyperbolic tangent, x * tanh(x)."""
    a = abs(x)
    m, d, d_low = tanh_divisor(a)
    # less a m^3 / d; far out a m is a, and nothing is lost
    square, y = times(m, m), times(a, m)
    lost = fma(a, m, -y)
    q, q_low = quotient(square, lost, d, d_low)
    return y - fma(y, q, fma(y, q_low, -lost)) if a < end(x) else a


@jitable
def logcosh_slope(x: Scalar) -> Scalar:
    """tanh(x)."""
    return vecmath.tanh(x)


@jitable
def _square_tail_32(z: Scalar) -> Scalar:
    p = LOGCOSH_32
    top = fma(fma(fma(fma(p[7], z, p[6]), z, p[5]), z, p[4]), z, p[3])
    return fma(fma(fma(top, z, p[2]), z, p[1]), z, p[0])


@by_precision(_square_tail_32)
@jitable
def square_tail(z: Scalar) -> Scalar:
    """(log(cosh(x)) / x^2 - 1 / 2) / x^2 of z = x^2 <= 1."""
    p = LOGCOSH_64
    top = fma(fma(fma(fma(fma(fma(fma(p[15], z, p[14]), z, p[13]), z, p[12]), z, p[11]), z, p[10]), z, p[9]), z, p[8])
    return fma(fma(fma(fma(fma(fma(fma(fma(top, z, p[7]), z, p[6]), z, p[5]), z, p[4]), z, p[3]), z, p[2]), z, p[1]), z, p[0])


@activation(
    derivative=logcosh_slope,
    second=tanh_slope,
    reference=lambda m, x: abs(x) + m.log1p(m.expm1(-2 * abs(x)) / 2),
    numpy=lambda x: np.abs(x) + np.log1p(np.exp(-2 * np.abs(x))) - np.log(2),
    max_ulp=0.79,
    cost=Cost.HEAVY,
    values=(0, None),
    slopes=(-1, 1),
    names=(("logcosh", "nnlib"),),
    paper="Green, Computer Journal 33 (1990); NNlib.jl",
)
def logcosh(x: Scalar) -> Scalar:
    """log(cosh(x)), which does not overflow, and does not cancel near 0."""
    zero, one, half = type(x)(0.0), type(x)(1.0), type(x)(0.5)
    a = abs(x)
    z = times(a, a)
    tail = times(z, square_tail(z))
    factor = half + tail
    near, near_low = product(z, fma(a, a, -z), factor, tail - (factor - half))
    b = half * end(x) if a > half * end(x) else a
    p, p_low, scale = exp_pair(-b - b, zero)
    power = times(scale, small(x))
    total, total_low = log1p_words(times(p, power), p_low * power)
    c, c_low = ln2(x)
    y, low = add(b, zero, -c, -c_low)
    y, low = add(y, low, total, total_low)
    near, far, line = near + near_low, y + low, a - c
    far = far if a < half * end(x) else line
    return near if a < one else far
