"""Functions with an exponential on the left: celu, selu, elish, hardelish.

exp(x) - 1 is kept in two words, so that a parameter or another factor costs no second rounding.
"""

from __future__ import annotations

import math

import numpy as np

from fastrelu.activation import activation
from fastrelu.formulas.sigmoids import bend_parts, end, ratio, reduced
from fastrelu.formulas.smooth import elu_bend, elu_slope, silu_bend, silu_slope
from fastrelu.formulas.swishes import bell
from fastrelu.thresholds import Cost
from fastrelu.vecmath.coefficients import (
    ELISH_ZERO_32,
    ELISH_ZERO_64,
    ELISH_ZERO_EXP_32,
    ELISH_ZERO_EXP_64,
    HARDELISH_ZERO_32,
    HARDELISH_ZERO_64,
    HARDELISH_ZERO_EXP_32,
    HARDELISH_ZERO_EXP_64,
    SELU_LEFT_32,
    SELU_LEFT_64,
    SELU_SCALE_32,
    SELU_SCALE_64,
)
from fastrelu.vecmath.error import decay, small
from fastrelu.vecmath.exponential import exp_sum
from fastrelu.vecmath.normal import distance_to
from fastrelu.vecmath.pairs import cubic_factor, exp_pair, one_minus, one_plus
from fastrelu.vecmath.primitives import Scalar, by_precision, fma, jitable, times
from fastrelu.vecmath.words import add, inverse, product, quotient

NAN = math.nan


@jitable
def expm1_words(z: Scalar, z_low: Scalar) -> Scalar:
    """exp(z + z_low) - 1 in two words for z < 1, |z_low| of the order of an ulp of z."""
    far = z < -end(z)
    m, low = one_minus(-end(z) if far else z, type(z)(0.0) if far else z_low)
    return -m, -low


@jitable
def celu_slope(x: Scalar, alpha: Scalar = 1.0) -> Scalar:
    """1 if x > 0 else exp(x / alpha)."""
    high, low = inverse(alpha)
    z = times(x, high)
    return type(x)(1.0) if x > type(x)(0.0) else exp_sum(z, fma(x, low, fma(x, high, -z)))


def celu_slope_from_output(y: Scalar, alpha: Scalar = 1.0) -> Scalar:
    """1 if y > 0 else y / alpha + 1."""
    return type(y)(1) if y > 0 else y / alpha + type(y)(1)


@jitable
def celu_bend(x: Scalar, alpha: Scalar = 1.0) -> Scalar:
    """0 if x > 0 else exp(x / alpha) / alpha."""
    zero = type(x)(0.0)
    high, low = inverse(alpha)
    z = times(x, high)
    far = z < -end(x)
    r, scale = reduced(-end(x) if far else zero if z > zero else z)
    r = r + (zero if far else fma(x, low, fma(x, high, -z)))
    y = times(fma(ratio(r), r * scale, scale) * high, small(x))
    return zero if x > zero else y


@jitable
def celu_alpha_slope(x: Scalar, alpha: Scalar) -> Scalar:
    """0 if x > 0 else exp(z) - 1 - z exp(z) with z = x / alpha: near 0 by its series, elsewhere in two words."""
    zero, half, one = type(x)(0.0), type(x)(0.5), type(x)(1.0)
    high, high_low = inverse(alpha if alpha > zero else type(x)(NAN))
    z = times(x, high)
    z_low = fma(x, high_low, fma(x, high, -z))
    far = z < -end(x)
    z, z_low = -end(x) if far else z, zero if far else z_low
    m, m_low = one_minus(z, z_low)
    p, p_low, scale = exp_pair(z, z_low)
    power = times(scale, small(x))
    t, t_low = product(times(p, power), times(p_low, power), -z, -z_low)
    y, y_low = add(-m, -m_low, t, t_low)
    square, square_low = product(z, z_low, z, z_low)
    factor = -fma(z, fma(-cubic_factor(z), one - z, half), half)
    near = fma(square, factor, square_low * factor)
    return zero if x > zero else near if z > type(x)(-0.34375) else y + y_low


@activation(
    derivative=celu_slope,
    second=celu_bend,
    from_output=celu_slope_from_output,
    from_output_minimum={"alpha": 0.0},
    reference=lambda m, x, alpha: x if x > 0 else alpha * m.expm1(x / alpha),
    numpy=lambda x, alpha=1.0: np.where(x > 0, x, alpha * np.expm1(x / alpha)),
    max_ulp=1.0,
    params={"alpha": "Positive; the limit at -inf is -alpha. Else the result is NaN for x < 0."},
    values=(-1, None),
    slopes=(0, 1),
    names=(
        ("celu", "torch jax keras nnlib mlx"),
        ("Celu", "onnx"),
    ),
    gradients={"alpha": celu_alpha_slope},
    paper="Barron, Continuously differentiable exponential linear units (2017)",
)
def celu(x: Scalar, alpha: Scalar = 1.0) -> Scalar:
    """The continuously differentiable ELU, x if x > 0 else alpha * (exp(x / alpha) - 1)."""
    zero = type(x)(0.0)
    high, low = inverse(alpha if alpha > zero else type(x)(NAN))
    z = times(x, high)
    y, y_low = expm1_words(z, fma(x, low, fma(x, high, -z)))
    # near 0, where z may be subnormal, it is x to the last bit
    return x if (x >= zero) | (z > type(x)(-(2.0**-60))) else fma(alpha, y, alpha * y_low)


@jitable
def _selu_constants_32(x: Scalar) -> Scalar:
    return SELU_SCALE_32[0], SELU_SCALE_32[1], SELU_LEFT_32[0], SELU_LEFT_32[1]


@by_precision(_selu_constants_32)
@jitable
def selu_constants(x: Scalar) -> Scalar:
    """lambda and lambda * alpha, each in two words."""
    return SELU_SCALE_64[0], SELU_SCALE_64[1], SELU_LEFT_64[0], SELU_LEFT_64[1]


@jitable
def selu_slope(x: Scalar) -> Scalar:
    """lambda if x > 0 else lambda alpha exp(x)."""
    scale, _, left, _ = selu_constants(x)
    return scale if x > type(x)(0.0) else elu_slope(x, left)


@jitable
def selu_slope_from_output(y: Scalar) -> Scalar:
    """lambda if y > 0 else y + lambda alpha."""
    scale, _, left, _ = selu_constants(y)
    return scale if y > type(y)(0.0) else y + left


@jitable
def selu_bend(x: Scalar) -> Scalar:
    """0 if x > 0 else lambda alpha exp(x)."""
    _, _, left, _ = selu_constants(x)
    return elu_bend(x, left)


@activation(
    derivative=selu_slope,
    second=selu_bend,
    from_output=selu_slope_from_output,
    reference=lambda m, x: (
        m.mpf("1.0507009873554804934193349852946") * (x if x > 0 else m.mpf("1.6732632423543772848170429916717") * m.expm1(x))
    ),
    numpy=lambda x: 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(x)),
    kinks=lambda: {0.0: "left"},
    max_ulp=1.0,
    values=(-1.7580993408473768, None),
    slopes=(0, 1.7580993408473768),
    names=(
        ("selu", "torch jax keras keras2 tf nnlib mlx chainer"),
        ("Selu", "onnx"),
    ),
    paper="Klambauer, Unterthiner, Mayr & Hochreiter, NIPS 2017",
)
def selu(x: Scalar) -> Scalar:
    """The scaled ELU, 1.0507 * (x if x > 0 else 1.6733 * (exp(x) - 1)): it keeps mean 0 and variance 1."""
    zero = type(x)(0.0)
    scale, scale_low, left, left_low = selu_constants(x)
    z = zero if x > zero else x
    y, y_low = expm1_words(z, zero)
    below = fma(left, y, fma(left, y_low, left_low * y))
    above = fma(scale, x, scale_low * x) if x < type(x)(math.inf) else x
    above = above if x > zero else x  # the sum of two zeros would lose the sign
    return above if x >= zero else below


@jitable
def _elish_zero_32(x: Scalar) -> Scalar:
    return ELISH_ZERO_32[0], ELISH_ZERO_32[1], ELISH_ZERO_EXP_32[0], ELISH_ZERO_EXP_32[1]


@by_precision(_elish_zero_32)
@jitable
def elish_zero(x: Scalar) -> Scalar:
    """asinh(1) and exp(-asinh(1)) = sqrt(2) - 1, each in two words."""
    return ELISH_ZERO_64[0], ELISH_ZERO_64[1], ELISH_ZERO_EXP_64[0], ELISH_ZERO_EXP_64[1]


@jitable
def elish_slope(x: Scalar) -> Scalar:
    """The derivative of silu for positive x; with t = exp(x), t (t^2 + 2 t - 1) / (1 + t)^2 for negative x.

    With c = sqrt(2) - 1 and d = x - log(c) the bracket is (t - c) (t + 1 / c) = (exp(d) - 1) (1 + c t): nothing cancels.
    """
    zero, one = type(x)(0.0), type(x)(1.0)
    root, root_low, factor, factor_low = elish_zero(x)
    a = abs(x)
    d, d_low = distance_to(root, root_low, end(x) if a > end(x) else a)
    head, rest, scale = decay(-d, -d_low)
    part = rest - head
    power = times(scale, small(x))
    p = one + part
    q = times(factor, p)
    q_low = fma(factor, p, -q) + fma(factor, part - (p - one), factor_low * p)
    z, low = bell(q, q_low, power)
    # exp(d) - 1 and 1 + c t, each with what it lost
    rise, more = fma(power, part, power - one), fma(factor, q * power, one)
    rise_low = fma(power, part, power - one - rise) + times(power, rest - (part + head))
    bracket = times(rise, more)
    bracket_low = fma(rise, more, -bracket) + fma(rise, fma(factor, q * power, one - more), times(rise_low, more))
    left = times(fma(z, bracket, fma(z, bracket_low, low * bracket)) * scale, small(x))
    return silu_slope(x) if x >= zero else left if x < zero else x


@jitable
def elish_bend(x: Scalar) -> Scalar:
    """That of silu for positive x; with t = exp(x), t (t^3 + 3 t^2 + 5 t - 1) / (1 + t)^3 for negative x."""
    zero, one, three, five = type(x)(0.0), type(x)(1.0), type(x)(3.0), type(x)(5.0)
    _, _, t, t_low, scale, power, power_low, y, y_low = bend_parts(x, zero)
    b, b_low = add(three, zero, power, power_low)
    b, b_low = product(b, b_low, power, power_low)
    b, b_low = add(five, zero, b, b_low)
    b, b_low = product(b, b_low, power, power_low)
    b, b_low = add(-one, zero, b, b_low)
    y, y_low = product(y, y_low, b, b_low)
    y, y_low = product(y, y_low, t, t_low)
    left = times((y + y_low) * scale, small(x))
    return silu_bend(x) if x > zero else left


@activation(
    derivative=elish_slope,
    second=elish_bend,
    reference=lambda m, x: (x if x >= 0 else m.expm1(x)) / (1 + m.exp(-x)),
    numpy=lambda x: np.where(x >= 0, x, np.expm1(x)) / (1 + np.exp(-x)),
    max_ulp=0.76,
    cost=Cost.HEAVY,
    values=(-0.1715728752538099, None),
    slopes=(-0.07854684787555588, 1.099839320128867),
    paper="Basirat & Roth, The quest for the golden activation function (2018)",
)
def elish(x: Scalar) -> Scalar:
    """The exponential linear sigmoid squashing, (x if x >= 0 else exp(x) - 1) / (1 + exp(-x)); 0 at -inf."""
    zero = type(x)(0.0)
    a = abs(x)
    a = end(x) if a > end(x) else a
    p, p_low, scale = exp_pair(-a, zero)
    power = times(scale, small(x))
    d, d_low = one_plus(-a, zero)
    # sigmoid(-a) is w * power
    w, w_low = quotient(p, p_low, d, d_low)
    m, m_low = one_minus(-a, zero)
    y, y_low = (a if x >= zero else -m), (zero if x >= zero else -m_low)
    y, y_low = product(y, y_low, w, w_low)
    tail = y + y_low
    return fma(-tail, power, x) if x > zero else times(tail * scale, small(x)) if x < zero else x


@jitable
def _hardelish_zero_32(x: Scalar) -> Scalar:
    return HARDELISH_ZERO_32[0], HARDELISH_ZERO_32[1], HARDELISH_ZERO_EXP_32[0], HARDELISH_ZERO_EXP_32[1]


@by_precision(_hardelish_zero_32)
@jitable
def hardelish_zero(x: Scalar) -> Scalar:
    """a0 and exp(-a0), each in two words, where exp(-a0) (2 - a0) = 1."""
    return HARDELISH_ZERO_64[0], HARDELISH_ZERO_64[1], HARDELISH_ZERO_EXP_64[0], HARDELISH_ZERO_EXP_64[1]


@jitable
def hardelish_slope(x: Scalar) -> Scalar:
    """0 if x <= -1 else 1 if x >= 1 else x + 1/2 if x >= 0 else (exp(x) (x + 2) - 1) / 2.

    With d = x + a0, the distance from the root, and c = exp(-a0), the last is (exp(d) - 1 + c d exp(d)) / 2: nothing cancels.
    """
    zero, one, half = type(x)(0.0), type(x)(1.0), type(x)(0.5)
    root, root_low, factor, factor_low = hardelish_zero(x)
    a = -x if x < zero else zero
    d, d_low = distance_to(root, root_low, one if a > one else a)
    y, y_low = expm1_words(d, d_low)
    more = fma(d, factor, fma(d, factor_low, d_low * factor))
    y = y + y_low
    left = half * fma(one + y, more, y)
    right = x + half if x >= zero else left
    return one if x >= one else zero if x <= -one else right if x == x else x


@jitable
def hardelish_bend(x: Scalar) -> Scalar:
    """1 if 0 < x < 1, exp(x) (x + 3) / 2 if -1 < x <= 0, else 0."""
    zero, one, half = type(x)(0.0), type(x)(1.0), type(x)(0.5)
    left = elu_slope(x, half) * (x + type(x)(3.0))
    return zero if abs(x) >= one else one if x > zero else left


@activation(
    derivative=hardelish_slope,
    second=hardelish_bend,
    reference=lambda m, x: (x if x >= 0 else m.expm1(x)) * min(max((x + 1) / 2, m.mpf(0)), m.mpf(1)),
    numpy=lambda x: np.where(x >= 0, x, np.expm1(x)) * np.clip((x + 1) / 2, 0, 1),
    kinks=lambda: {-1.0: "left", 1.0: "right"},
    max_ulp=0.55,
    values=(-0.09967315152874262, None),
    slopes=(-0.31606027941427883, 1.5),
    paper="Basirat & Roth, The quest for the golden activation function (2018)",
)
def hardelish(x: Scalar) -> Scalar:
    """The hard ELiSH, (x if x >= 0 else exp(x) - 1) times (x + 1) / 2 between 0 and 1."""
    zero, one, half = type(x)(0.0), type(x)(1.0), type(x)(0.5)
    y, y_low = expm1_words(x if x < zero else zero, zero)
    y, y_low = (x if x >= zero else y), (zero if x >= zero else y_low)
    w = fma(x, half, half)
    between = fma(y, w, fma(y, fma(x, half, half - w), y_low * w))
    return x if (x >= one) | (x == zero) else zero if x <= -one else between if x == x else x
