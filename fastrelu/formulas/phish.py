"""Phish, x tanh(gelu(x)), and its derivative: gelu and its slope in two words."""

from __future__ import annotations

import math

import numpy as np

from fastrelu.activation import activation
from fastrelu.formulas.gates import sech_square, tanh_words
from fastrelu.formulas.gelus import scipy_erf
from fastrelu.formulas.sigmoids import end
from fastrelu.thresholds import Cost
from fastrelu.vecmath.error import decay, small
from fastrelu.vecmath.normal import gelu_distance, mills_factor, slope_factor, slope_of_slope
from fastrelu.vecmath.pairs import decayed_pair, exp_pair, one_plus
from fastrelu.vecmath.primitives import Scalar, fma, jitable, times
from fastrelu.vecmath.roots import phish_near
from fastrelu.vecmath.words import add, product, quick_sum, quotient, two_sum


@jitable
def gelu_tail(a: Scalar) -> Scalar:
    """a Phi(-a) in two words, and their scale, for 0 <= a <= gelu_distance: as in gelu."""
    kind = type(a)
    half, k, c = kind(0.5), kind(1.109375), kind(0.9453125)
    high = half * a * a
    head, rest, scale = decay(high, fma(half * a, a, -high))
    d = fma(k, a, c)
    z = a / d
    left = fma(-z, fma(k, a, c - d), fma(-z, d, a))
    low = fma(z, mills_factor(a), left * fma(z, -k / c, kind(1.0) / c))
    value, low = decayed_pair(z, low, head, rest)
    value, low = quick_sum(value, low)
    return value, low, half * scale


@jitable
def slope_tail(a: Scalar) -> Scalar:
    """The derivative of gelu at -a in two words, and their scale, for 0 <= a <= gelu_distance."""
    half = type(a)(0.5)
    high = half * a * a
    head, rest, scale = decay(high, fma(half * a, a, -high))
    value, low = quick_sum(*slope_factor(a))
    value, low = decayed_pair(value, low, head, rest)
    value, low = quick_sum(value, low)
    return value, low, scale


@jitable
def phish_slope(x: Scalar) -> Scalar:
    """tanh(g) + x g' (1 - tanh(g)^2), g = gelu(x)."""
    zero, one = type(x)(0.0), type(x)(1.0)
    a = gelu_distance(x)
    z = -a if x < zero else a
    value, low, scale = gelu_tail(a)
    slope, slope_low, slope_scale = slope_tail(a)
    # far to the left tanh(g) is g, and the slope g + x g', which stays scaled
    far, far_low = product(a, zero, slope, slope_low)
    half = type(x)(0.5)
    far, far_low = add(far, far_low, times(half, value), times(half, low))
    far = -times((far + far_low) * slope_scale, small(x))
    power = times(scale, small(x))
    value, low = times(value, power), times(low, power)
    power = times(slope_scale, small(x))
    slope, slope_low = times(slope, power), times(slope_low, power)
    g, g_low = two_sum(a, -value)
    g_low = g_low - low
    g, g_low = value if x < zero else g, low if x < zero else g_low
    t, t_low = tanh_words(g, g_low)
    s, s_low = sech_square(g, g_low)
    r, r_low = two_sum(one, -slope)
    r_low = r_low - slope_low
    r, r_low = slope if x < zero else r, slope_low if x < zero else r_low
    s, s_low = product(s, s_low, r, r_low)
    s, s_low = product(s, s_low, z, zero)
    y, low = add(-t if x < zero else t, -t_low if x < zero else t_low, s, s_low)
    distance, near = phish_near(x)
    y = y + low
    y = near if abs(distance) < type(x)(0.1875) else y
    return far if x < type(x)(-9.0) else y


@jitable
def phish_bend(x: Scalar) -> Scalar:
    """(1 - tanh(g)^2) (2 g' + x (g'' - 2 tanh(g) g'^2)), g = gelu(x)."""
    zero, half, one, two = type(x)(0.0), type(x)(0.5), type(x)(1.0), type(x)(2.0)
    negative = x < zero
    a = gelu_distance(x)
    value, low, scale = gelu_tail(a)
    slope, slope_low, slope_scale = slope_tail(a)
    high = half * a * a
    head, rest, _ = decay(high, fma(half * a, a, -high))
    bend, bend_low = decayed_pair(*slope_of_slope(a), head, rest)
    # far to the left tanh(g) is g, and the rest 2 g' + x g'', which stays scaled
    far = times(fma(-a, bend, fma(-a, bend_low, slope + slope)) * slope_scale, small(x))
    power = times(scale, small(x))
    value, low = times(value, power), times(low, power)
    power = times(slope_scale, small(x))
    slope, slope_low = times(slope, power), times(slope_low, power)
    bend, bend_low = times(bend, power), times(bend_low, power)
    b = abs(x)
    b = half * end(x) if b > half * end(x) else b
    z = -b if negative else b
    g, g_low = two_sum(b, -value)
    g, g_low = value if negative else g, low if negative else g_low - low
    r, r_low = two_sum(one, -slope)
    r, r_low = slope if negative else r, slope_low if negative else r_low - slope_low
    t, t_low = tanh_words(g, g_low)
    t, t_low = -t if negative else t, -t_low if negative else t_low
    t, t_low = product(t, t_low, -two * r, -two * r_low)
    t, t_low = product(t, t_low, r, r_low)
    t, t_low = add(t, t_low, bend, bend_low)
    t, t_low = product(t, t_low, z, zero)
    y, low = add(t, t_low, r + r, r_low + r_low)
    p, p_low, scale = exp_pair(-g - g, -g_low - g_low)
    e, e_low = one_plus(-g - g, -g_low - g_low)
    e, e_low = product(e, e_low, e, e_low)
    p, p_low = quotient(p, p_low, e, e_low)
    y, low = product(y, low, p, p_low)
    y = times((y + low) * (type(x)(4.0) * scale), small(x))
    return far if x < type(x)(-9.0) else y


@activation(
    derivative=phish_slope,
    second=phish_bend,
    reference=lambda m, x: x * m.tanh(x * m.erfc(-x / m.sqrt(2)) / 2),
    numpy=lambda x: x * np.tanh(0.5 * x * (1 + scipy_erf()(x / np.sqrt(2)))),
    max_ulp=1.15,
    cost=Cost.HEAVY,
    values=(0, None),
    slopes=(-0.2184242658289875, 1.2983066733058115),
    paper="Naveen, Phish: A Novel Hyper-Optimizable Activation Function (2022)",
)
def phish(x: Scalar) -> Scalar:
    """A self-gated unit, x * tanh(gelu(x)); 0 at -inf."""
    zero = type(x)(0.0)
    a = gelu_distance(x)
    value, low, scale = gelu_tail(a)
    # far to the left tanh(g) is g, which stays scaled
    far = times(fma(a, value, a * low) * scale, small(x))
    power = times(scale, small(x))
    value, low = times(value, power), times(low, power)
    g, g_low = two_sum(a, -value)
    g_low = g_low - low
    t, low = tanh_words(value if x < zero else g, low if x < zero else g_low)
    size = abs(x)
    y = fma(size, t, times(size, low))
    y = y if size < type(x)(math.inf) else x
    return far if x < type(x)(-9.0) else y
