"""What the self-gated units are made of: squashing functions in two words, and what becomes of a product with x far out."""

from __future__ import annotations

import math

import numpy as np

from fastrelu.formulas.errors import two_over_sqrt_pi
from fastrelu.formulas.sigmoids import end
from fastrelu.vecmath.error import erf_factor, scaled_tail, small
from fastrelu.vecmath.logwords import log1p_words
from fastrelu.vecmath.pairs import exp_pair, one_minus, one_plus
from fastrelu.vecmath.primitives import Scalar, by_precision, fma, jitable, times
from fastrelu.vecmath.words import add, product, quotient, two_sum

LEFT = np.float64(-120)  # where float32 is computed in float64: left of it x exp(x) is 0 in float32


@jitable
def right_of_left_end(x: Scalar) -> Scalar:
    """A float32 number in float64, but not below LEFT."""
    z = np.float64(x)
    return LEFT if z < LEFT else z


@jitable
def left_end(x: Scalar) -> Scalar:
    """Below it a squashing function f is f'(-inf) exp(x)."""
    return type(x)(-45.0)


@jitable
def far_left(x: Scalar, y: Scalar, y_low: Scalar, c: Scalar, c_low: Scalar) -> Scalar:
    """(y + y_low) exp(x) (c + c_low) for x < left_end(x)."""
    p, p_low, scale = exp_pair(-end(x) if x < -end(x) else x, type(x)(0.0))
    p, p_low = product(p, p_low, c, c_low)
    p, p_low = product(p, p_low, y, y_low)
    return times((p + p_low) * scale, small(x))


@jitable
def gated_by(x: Scalar, gate: Scalar, gate_low: Scalar, c: Scalar, c_low: Scalar) -> Scalar:
    """x * (gate + gate_low), or x c exp(x) far to the left."""
    # every branch is computed before one is chosen: LLVM vectorises a choice, not a branch with an fma in it
    y, plain = fma(x, gate, times(x, gate_low)), times(x, gate)
    # alone where x is infinite, and where the sign of a zero counts
    y = y if (abs(x) < type(x)(math.inf)) & (x != type(x)(0.0)) else plain
    far = far_left(x, -end(x) if x < -end(x) else x, type(x)(0.0), c, c_low)
    return far if x < left_end(x) else y


@jitable
def gated_slope_by(x: Scalar, slope: Scalar, near: Scalar, distance: Scalar, c: Scalar, c_low: Scalar) -> Scalar:
    """slope, or near by the root, or (1 + x) c exp(x) far to the left."""
    y, y_low = two_sum(-end(x) if x < -end(x) else x, type(x)(1.0))
    y = far_left(x, y, y_low, c, c_low)
    return y if x < left_end(x) else near if abs(distance) < type(x)(0.1875) else slope


@jitable
def bounded(x: Scalar, far: Scalar) -> Scalar:
    """x between left_end(x) and far, past which the gate is 1: much farther 1 - gate is subnormal, which is slow."""
    z = left_end(x) if x < left_end(x) else x
    return far if z > far else z


@jitable
def gated_bend_by(x: Scalar, bend: Scalar, c: Scalar, c_low: Scalar, right: Scalar) -> Scalar:
    """bend, or (2 + x) c exp(x) far to the left, or (2 - x) right exp(-x) far to the right."""
    zero, a = type(x)(0.0), abs(x)
    a = end(x) if a > end(x) else a
    y, y_low = two_sum(type(x)(2.0), -a)
    y = far_left(-a, y, y_low, c if x < zero else right, c_low if x < zero else zero)
    return y if a > -left_end(x) else bend


@jitable
def bent(x: Scalar, factor: Scalar, factor_low: Scalar) -> Scalar:
    """2 + x (factor + factor_low) in two words: what the slope of the gate is multiplied by."""
    y, y_low = product(factor, factor_low, x, type(x)(0.0))
    return add(type(x)(2.0), type(x)(0.0), y, y_low)


@jitable
def _tails_32(x: Scalar) -> Scalar:
    return np.float32(4.125), np.float32(10.5)


@by_precision(_tails_32)
@jitable
def tails(x: Scalar) -> Scalar:
    """From where on the second derivatives of tanhexp and of serf are 0."""
    return np.float64(5.96875), np.float64(27.5)


@jitable
def exp_words(x: Scalar) -> Scalar:
    """exp(x) in two words."""
    p, p_low, scale = exp_pair(x, type(x)(0.0))
    power = times(scale, small(x))
    return times(p, power), times(p_low, power)


@jitable
def sech_square(a: Scalar, a_low: Scalar) -> Scalar:
    """1 - tanh(a)^2 in two words, for a >= 0."""
    t, t_low, scale = exp_pair(-a - a, -a_low - a_low)
    e, e_low = one_plus(-a - a, -a_low - a_low)
    power = times(scale, type(a)(4.0) * small(a))
    e, e_low = product(e, e_low, e, e_low)
    return quotient(times(t, power), times(t_low, power), e, e_low)


@jitable
def tanh_words(a: Scalar, a_low: Scalar) -> Scalar:
    """tanh(a + a_low) in two words, for 0 <= a < 60."""
    m, m_low = one_minus(-a - a, -a_low - a_low)
    e, e_low = one_plus(-a - a, -a_low - a_low)
    return quotient(m, m_low, e, e_low)


@jitable
def sigmoid_words(x: Scalar) -> Scalar:
    """sigmoid(x) in two words, then sigmoid(-x), for abs(x) < 100."""
    zero, one = type(x)(0.0), type(x)(1.0)
    a = abs(x)
    t, t_low = exp_words(-a)
    e, e_low = one_plus(-a, zero)
    small_part, small_low = quotient(t, t_low, e, e_low)
    large, large_low = quotient(one, zero, e, e_low)
    negative = x < zero
    s, s_low = small_part if negative else large, small_low if negative else large_low
    return s, s_low, large if negative else small_part, large_low if negative else small_low


@jitable
def softplus_words(x: Scalar) -> Scalar:
    """log(1 + exp(x)) in two words, for abs(x) < 100."""
    zero = type(x)(0.0)
    t, t_low = exp_words(-abs(x))
    total, low = log1p_words(t, t_low)
    return add(x if x > zero else zero, zero, total, low)


@jitable
def erf_words(a: Scalar, a_low: Scalar) -> Scalar:
    """erf(a + a_low), and its derivative, in two words, for 0 <= a < 10."""
    one = type(a)(1.0)
    factor = erf_factor(times(a, a))
    y = fma(a, factor, a)
    low = fma(a, factor, a - y)
    tail = times(scaled_tail(a), small(a))
    far = one - tail
    far_low = (one - far) - tail
    edge = type(a)(0.875)  # as in erf
    y, low = far if a > edge else y, far_low if a > edge else low
    high = times(a, a)
    p, p_low, scale = exp_pair(-high, -fma(a, a, -high) - times(a + a, a_low))
    power = times(scale, small(a))
    c, c_low = two_over_sqrt_pi(a)
    s, s_low = product(times(p, power), times(p_low, power), c, c_low)
    return y, fma(s, a_low, low), s, s_low
