"""x times a squashing function of x: tanhexp, serf, smish, logish, phish.

Each slope is a sum of two terms that cancel near its root: there it is a polynomial, elsewhere all words are double. Far to
the left the squashing function is exp(x) itself, but for a factor, and stays scaled until it has been multiplied by x.
"""

from __future__ import annotations

import math

import numpy as np

from fastrelu.activation import activation
from fastrelu.formulas.errors import two_over_sqrt_pi
from fastrelu.formulas.gelus import scipy_erf
from fastrelu.formulas.sigmoids import end
from fastrelu.thresholds import Cost
from fastrelu.vecmath.error import erf_factor, scaled_tail, small
from fastrelu.vecmath.logwords import log1p_words
from fastrelu.vecmath.pairs import exp_pair, one_minus, one_plus
from fastrelu.vecmath.primitives import Scalar, fma, jitable, times
from fastrelu.vecmath.roots import logish_near, serf_near, smish_near, tanhexp_near
from fastrelu.vecmath.words import add, product, quotient, two_sum


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
    y, infinite = fma(x, gate, times(x, gate_low)), x * gate
    y = y if abs(x) < type(x)(math.inf) else infinite
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
def tanhexp_slope(x: Scalar) -> Scalar:
    """tanh(u) + x u (1 - tanh(u)^2), u = exp(x)."""
    zero, one = type(x)(0.0), type(x)(1.0)
    z = bounded(x, type(x)(3.25))
    u, u_low = exp_words(z)
    t, t_low = tanh_words(u, u_low)
    s, s_low = sech_square(u, u_low)
    s, s_low = product(s, s_low, u, u_low)
    s, s_low = product(s, s_low, z, zero)
    y, low = add(t, t_low, s, s_low)
    distance, near = tanhexp_near(x)
    return gated_slope_by(x, y + low, near, distance, one, zero)


@activation(
    derivative=tanhexp_slope,
    reference=lambda m, x: x * m.tanh(m.exp(x)) if x < 100 else x,
    numpy=lambda x: x * np.tanh(np.exp(x)),
    max_ulp=1.0,
    cost=Cost.HEAVY,
    values=(-0.35328577784821125, None),
    slopes=(-0.13157003618971583, 1.061975308717916),
    paper="Liu & Di, TanhExp: A Smooth Activation Function with High Convergence Speed (2020)",
)
def tanhexp(x: Scalar) -> Scalar:
    """A self-gated unit, x * tanh(exp(x)); 0 at -inf."""
    u, u_low = exp_words(bounded(x, type(x)(3.25)))
    t, t_low = tanh_words(u, u_low)
    return gated_by(x, t, t_low, type(x)(1.0), type(x)(0.0))


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
    y, low = far if a > one else y, far_low if a > one else low
    high = times(a, a)
    p, p_low, scale = exp_pair(-high, -fma(a, a, -high) - times(a + a, a_low))
    power = times(scale, small(a))
    c, c_low = two_over_sqrt_pi(a)
    s, s_low = product(times(p, power), times(p_low, power), c, c_low)
    return y, fma(s, a_low, low), s, s_low


@jitable
def serf_slope(x: Scalar) -> Scalar:
    """erf(s) + x erf'(s) sigmoid(x), s = log(1 + exp(x))."""
    zero = type(x)(0.0)
    z = bounded(x, type(x)(6.5))
    y, low, s, s_low = erf_words(*softplus_words(z))
    g, g_low, _, _ = sigmoid_words(z)
    s, s_low = product(s, s_low, g, g_low)
    s, s_low = product(s, s_low, z, zero)
    y, low = add(y, low, s, s_low)
    distance, near = serf_near(x)
    c, c_low = two_over_sqrt_pi(x)
    return gated_slope_by(x, y + low, near, distance, c, c_low)


@activation(
    derivative=serf_slope,
    reference=lambda m, x: x * m.erf(m.log1p(m.exp(x))),
    numpy=lambda x: x * scipy_erf()(np.log1p(np.exp(-np.abs(x))) + np.maximum(x, 0)),
    max_ulp=1.0,
    cost=Cost.HEAVY,
    values=(-0.3484374587596064, None),
    slopes=(-0.1269685890579054, 1.086125444150997),
    paper="Nag, Bhattacharyya, Mukherjee & Kundu, Serf, WACV 2023",
)
def serf(x: Scalar) -> Scalar:
    """A self-gated unit, x * erf(log(1 + exp(x))); 0 at -inf."""
    y, low, _, _ = erf_words(*softplus_words(bounded(x, type(x)(6.5))))
    c, c_low = two_over_sqrt_pi(x)
    return gated_by(x, y, low, c, c_low)


@jitable
def smish_gate(s: Scalar, s_low: Scalar) -> Scalar:
    """tanh(log(1 + s)) = s (s + 2) / (1 + (1 + s)^2) in two words, and the denominator."""
    zero, two = type(s)(0.0), type(s)(2.0)
    more, more_low = add(two, zero, s, s_low)
    top, top_low = product(s, s_low, more, more_low)
    bottom, bottom_low = add(two, zero, top, top_low)
    y, low = quotient(top, top_low, bottom, bottom_low)
    return y, low, bottom, bottom_low


@jitable
def smish_slope(x: Scalar) -> Scalar:
    """T + x T', T = tanh(log(1 + s)) and T' = 4 (1 + s) s (1 - s) / (1 + (1 + s)^2)^2 with s = sigmoid(x)."""
    zero, one, four = type(x)(0.0), type(x)(1.0), type(x)(4.0)
    z = bounded(x, type(x)(60.0))
    s, s_low, r, r_low = sigmoid_words(z)
    y, low, d, d_low = smish_gate(s, s_low)
    d, d_low = product(d, d_low, d, d_low)
    e, e_low = add(one, zero, s, s_low)
    e, e_low = product(e, e_low, four * z, zero)
    e, e_low = product(e, e_low, s, s_low)
    e, e_low = product(e, e_low, r, r_low)
    e, e_low = quotient(e, e_low, d, d_low)
    y, low = add(y, low, e, e_low)
    distance, near = smish_near(x)
    return gated_slope_by(x, y + low, near, distance, one, zero)


@activation(
    derivative=smish_slope,
    reference=lambda m, x: x * m.tanh(m.log1p(1 / (1 + m.exp(-x)))),
    numpy=lambda x: x * np.tanh(np.log1p(1 / (1 + np.exp(-x)))),
    max_ulp=1.0,
    cost=Cost.HEAVY,
    values=(-0.24999366366012948, None),
    slopes=(-0.08915320523502031, 0.6368842228812263),
    paper="Wang, Ren & Wang, Smish: A Novel Activation Function for Deep Learning Methods, Electronics 11 (2022)",
)
def smish(x: Scalar) -> Scalar:
    """A self-gated unit, x * tanh(log(1 + sigmoid(x))); 0 at -inf."""
    s, s_low, _, _ = sigmoid_words(bounded(x, type(x)(60.0)))
    y, low, _, _ = smish_gate(s, s_low)
    return gated_by(x, y, low, type(x)(1.0), type(x)(0.0))


@jitable
def logish_slope(x: Scalar) -> Scalar:
    """log(1 + s) + x s (1 - s) / (1 + s), s = sigmoid(x)."""
    zero, one = type(x)(0.0), type(x)(1.0)
    z = bounded(x, type(x)(60.0))
    s, s_low, r, r_low = sigmoid_words(z)
    y, low = log1p_words(s, s_low)
    e, e_low = add(one, zero, s, s_low)
    r, r_low = quotient(r, r_low, e, e_low)
    r, r_low = product(r, r_low, s, s_low)
    r, r_low = product(r, r_low, z, zero)
    y, low = add(y, low, r, r_low)
    distance, near = logish_near(x)
    return gated_slope_by(x, y + low, near, distance, one, zero)


@activation(
    derivative=logish_slope,
    reference=lambda m, x: x * m.log1p(1 / (1 + m.exp(-x))),
    numpy=lambda x: x * np.log1p(1 / (1 + np.exp(-x))),
    max_ulp=1.0,
    cost=Cost.HEAVY,
    values=(-0.25276881678944035, None),
    slopes=(-0.08982878552089006, 0.7463111804127397),
    paper="Zhu et al., Logish: A New Nonlinear Nonmonotonic Activation Function, Neurocomputing 458 (2021)",
)
def logish(x: Scalar) -> Scalar:
    """A self-gated unit, x * log(1 + sigmoid(x)); 0 at -inf."""
    s, s_low, _, _ = sigmoid_words(bounded(x, type(x)(60.0)))
    y, low = log1p_words(s, s_low)
    return gated_by(x, y, low, type(x)(1.0), type(x)(0.0))
