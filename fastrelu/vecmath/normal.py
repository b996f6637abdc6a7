"""What the GELUs are made of: the tail of the normal distribution, the argument of the tanh, and both near their roots."""

from __future__ import annotations

import numpy as np

from fastrelu.vecmath.coefficients import (
    DENSITY_32,
    DENSITY_64,
    GELU_SLOPE_32,
    GELU_SLOPE_32_Q,
    GELU_SLOPE_64,
    GELU_SLOPE_64_Q,
    GELU_ZERO_32,
    GELU_ZERO_64,
    MILLS_32,
    MILLS_32_Q,
    MILLS_64,
    MILLS_64_Q,
    SLOPE_CUBIC_32,
    SLOPE_CUBIC_64,
    TANH_ROOT_32,
    TANH_ROOT_64,
    TANH_ZERO_32,
    TANH_ZERO_64,
    TWO_C_32,
    TWO_C_64,
    TWO_CK_32,
    TWO_CK_64,
)
from fastrelu.vecmath.error import small
from fastrelu.vecmath.primitives import Scalar, by_precision, fma, jitable, times
from fastrelu.vecmath.words import product, two_sum

# Of the distance from the root of gelu's derivative. The rest is a quotient of polynomials, with errors that count by its size,
# 0.1 (0.07) where a is large; 1/2 needs no second word.
SHARE_32, SHARE_64 = np.float32(0.5), np.float64(0.46875)
# Where the tails have become 0.
GELU_END_32, GELU_END_64 = np.float32(15), np.float64(39)
TANH_END_32, TANH_END_64 = np.float32(11.25), np.float64(22)


@jitable
def _mills_factor_32(a: Scalar) -> Scalar:
    p, q = MILLS_32, MILLS_32_Q
    top = fma(fma(fma(fma(fma(p[5], a, p[4]), a, p[3]), a, p[2]), a, p[1]), a, p[0])
    return top / fma(fma(fma(fma(fma(q[4], a, q[3]), a, q[2]), a, q[1]), a, q[0]), a, np.float32(1))


@by_precision(_mills_factor_32)
@jitable
def mills_factor(a: Scalar) -> Scalar:
    """g, where 2 exp(a^2 / 2) Phi(-a) = (1 + g) / (71/64 a + 121/128)."""
    p, q = MILLS_64, MILLS_64_Q
    top = fma(fma(fma(fma(fma(p[11], a, p[10]), a, p[9]), a, p[8]), a, p[7]), a, p[6])
    top = fma(fma(fma(fma(fma(fma(top, a, p[5]), a, p[4]), a, p[3]), a, p[2]), a, p[1]), a, p[0])
    bottom = fma(fma(fma(fma(fma(q[10], a, q[9]), a, q[8]), a, q[7]), a, q[6]), a, q[5])
    return top / fma(fma(fma(fma(fma(fma(bottom, a, q[4]), a, q[3]), a, q[2]), a, q[1]), a, q[0]), a, np.float64(1))


@jitable
def distance_to(root: Scalar, root_low: Scalar, a: Scalar) -> Scalar:
    """root + root_low - a to two words (Knuth's sum)."""
    distance = root - a
    back = distance - root
    return distance, ((root - (distance - back)) - (a + back)) + root_low


@jitable
def _slope_factor_32(a: Scalar) -> Scalar:
    p, q = GELU_SLOPE_32, GELU_SLOPE_32_Q
    top = fma(fma(fma(fma(fma(p[5], a, p[4]), a, p[3]), a, p[2]), a, p[1]), a, p[0])
    factor = top / fma(fma(fma(fma(fma(q[4], a, q[3]), a, q[2]), a, q[1]), a, q[0]), a, np.float32(1))
    distance, low = distance_to(GELU_ZERO_32[0], GELU_ZERO_32[1], a)
    return times(SHARE_32, distance), fma(low, SHARE_32 + factor, distance * factor)


@by_precision(_slope_factor_32)
@jitable
def slope_factor(a: Scalar) -> Scalar:
    """Two words whose sum times exp(-a^2 / 2) is the derivative of gelu at -a."""
    p, q = GELU_SLOPE_64, GELU_SLOPE_64_Q
    top = fma(fma(fma(fma(fma(p[10], a, p[9]), a, p[8]), a, p[7]), a, p[6]), a, p[5])
    top = fma(fma(fma(fma(fma(top, a, p[4]), a, p[3]), a, p[2]), a, p[1]), a, p[0])
    bottom = fma(fma(fma(fma(fma(q[9], a, q[8]), a, q[7]), a, q[6]), a, q[5]), a, q[4])
    factor = top / fma(fma(fma(fma(fma(bottom, a, q[3]), a, q[2]), a, q[1]), a, q[0]), a, np.float64(1))
    distance, low = distance_to(GELU_ZERO_64[0], GELU_ZERO_64[1], a)
    head = times(SHARE_64, distance)
    return head, fma(low, SHARE_64 + factor, fma(distance, factor, fma(SHARE_64, distance, -head)))


@jitable
def _gelu_distance_32(x: Scalar) -> Scalar:
    a = abs(x)
    return GELU_END_32 if a > GELU_END_32 else a


@by_precision(_gelu_distance_32)
@jitable
def gelu_distance(x: Scalar) -> Scalar:
    """|x|, no farther than where the tail has become 0."""
    a = abs(x)
    return GELU_END_64 if a > GELU_END_64 else a


@jitable
def _tanh_distance_32(x: Scalar) -> Scalar:
    a = abs(x)
    return TANH_END_32 if a > TANH_END_32 else a


@by_precision(_tanh_distance_32)
@jitable
def tanh_distance(x: Scalar) -> Scalar:
    """|x|, no farther than where the tail has become 0."""
    a = abs(x)
    return TANH_END_64 if a > TANH_END_64 else a


@jitable
def _argument_32(a: Scalar) -> Scalar:
    square = a * a
    factor = fma(TWO_CK_32[0], square, TWO_C_32[0])
    low = fma(TWO_CK_32[1], square, fma(TWO_CK_32[0], fma(a, a, -square), TWO_C_32[1]))
    low = fma(TWO_CK_32[0], square, TWO_C_32[0] - factor) + low
    high = a * factor
    return high, fma(a, low, fma(a, factor, -high))


@by_precision(_argument_32)
@jitable
def argument(a: Scalar) -> Scalar:
    """2c (a + k a^3) to two words: an error of it is an error of exp, and it reaches 100 (750)."""
    square = a * a
    factor = fma(TWO_CK_64[0], square, TWO_C_64[0])
    low = fma(TWO_CK_64[1], square, fma(TWO_CK_64[0], fma(a, a, -square), TWO_C_64[1]))
    low = fma(TWO_CK_64[0], square, TWO_C_64[0] - factor) + low
    high = a * factor
    return high, fma(a, low, fma(a, factor, -high))


@jitable
def one_more(head: Scalar, rest: Scalar, scale: Scalar) -> Scalar:
    """1 + (1 - head + rest) * scale * small to two words."""
    one = type(head)(1.0)
    part = rest - head
    power = one + part
    d = fma(power * scale, small(head), one)
    low = fma(power * scale, small(head), one - d)
    return d, fma((part - (power - one)) * scale, small(head), low)


@jitable
def _near_root_32(a: Scalar) -> Scalar:
    p = TANH_ROOT_32
    d, low = distance_to(TANH_ZERO_32[0], TANH_ZERO_32[1], a)
    factor = fma(fma(fma(fma(fma(fma(p[6], d, p[5]), d, p[4]), d, p[3]), d, p[2]), d, p[1]), d, p[0])
    return d + d, fma(d, factor, (np.float32(2) + factor) * low)


@by_precision(_near_root_32)
@jitable
def near_root(a: Scalar) -> Scalar:
    """The bracket of gelu_tanh_slope in two words, within 3/16 of its root; the first is twice the distance from the root."""
    p = TANH_ROOT_64
    d, low = distance_to(TANH_ZERO_64[0], TANH_ZERO_64[1], a)
    top = fma(fma(fma(fma(fma(fma(p[12], d, p[11]), d, p[10]), d, p[9]), d, p[8]), d, p[7]), d, p[6])
    factor = fma(fma(fma(fma(fma(fma(top, d, p[5]), d, p[4]), d, p[3]), d, p[2]), d, p[1]), d, p[0])
    return d + d, fma(d, factor, (np.float64(2) + factor) * low)


@jitable
def _bracket_32(a: Scalar, d: Scalar, d_low: Scalar) -> Scalar:
    square = a * a
    factor = fma(SLOPE_CUBIC_32[0], square, TWO_C_32[0])
    low = fma(SLOPE_CUBIC_32[1], square, fma(SLOPE_CUBIC_32[0], fma(a, a, -square), TWO_C_32[1]))
    low = fma(SLOPE_CUBIC_32[0], square, TWO_C_32[0] - factor) + low
    return fma(-a, factor, d), fma(-a, low, d_low)


@by_precision(_bracket_32)
@jitable
def bracket(a: Scalar, d: Scalar, d_low: Scalar) -> Scalar:
    """d + d_low - a u'(a), u = argument, in two words; what the first one lost is not in the second."""
    square = a * a
    factor = fma(SLOPE_CUBIC_64[0], square, TWO_C_64[0])
    low = fma(SLOPE_CUBIC_64[1], square, fma(SLOPE_CUBIC_64[0], fma(a, a, -square), TWO_C_64[1]))
    low = fma(SLOPE_CUBIC_64[0], square, TWO_C_64[0] - factor) + low
    return fma(-a, factor, d), fma(-a, low, d_low)


@jitable
def _argument_rates_32(a: Scalar) -> Scalar:
    square = a * a
    factor = fma(SLOPE_CUBIC_32[0], square, TWO_C_32[0])
    low = fma(SLOPE_CUBIC_32[1], square, fma(SLOPE_CUBIC_32[0], fma(a, a, -square), TWO_C_32[1]))
    low = fma(SLOPE_CUBIC_32[0], square, TWO_C_32[0] - factor) + low
    return factor, low, TWO_C_32[0], TWO_C_32[1]


@by_precision(_argument_rates_32)
@jitable
def argument_rates(a: Scalar) -> Scalar:
    """u'(a), u = argument, and u'(0), each in two words."""
    square = a * a
    factor = fma(SLOPE_CUBIC_64[0], square, TWO_C_64[0])
    low = fma(SLOPE_CUBIC_64[1], square, fma(SLOPE_CUBIC_64[0], fma(a, a, -square), TWO_C_64[1]))
    low = fma(SLOPE_CUBIC_64[0], square, TWO_C_64[0] - factor) + low
    return factor, low, TWO_C_64[0], TWO_C_64[1]


@jitable
def _density_32(x: Scalar) -> Scalar:
    return DENSITY_32[0], DENSITY_32[1]


@by_precision(_density_32)
@jitable
def density(x: Scalar) -> Scalar:
    """1 / sqrt(2 pi) in two words."""
    return DENSITY_64[0], DENSITY_64[1]


@jitable
def slope_of_slope(a: Scalar) -> Scalar:
    """(2 - a^2) / sqrt(2 pi) in two words: the second derivative of gelu but for exp(-a^2 / 2)."""
    square = times(a, a)
    y, y_low = two_sum(type(a)(2.0), -square)
    c, c_low = density(a)
    return product(y, y_low - fma(a, a, -square), c, c_low)
