"""x times a squashing function of exp(x) or softplus(x): tanhexp, serf.

Each slope is a sum of two terms that cancel near its root: there it is a polynomial, elsewhere all words are double. Far to
the left the squashing function is exp(x) itself, but for a factor, and stays scaled until it has been multiplied by x.
"""

from __future__ import annotations

import numpy as np

from fastrelu.activation import activation
from fastrelu.formulas.errors import two_over_sqrt_pi
from fastrelu.formulas.gates import (
    bent,
    bounded,
    erf_words,
    exp_words,
    gated_bend_by,
    gated_by,
    gated_slope_by,
    right_of_left_end,
    sech_square,
    sigmoid_words,
    softplus_words,
    tails,
    tanh_words,
)
from fastrelu.formulas.gelus import scipy_erf
from fastrelu.thresholds import Cost
from fastrelu.vecmath import short
from fastrelu.vecmath.error import small
from fastrelu.vecmath.exponential import ONE_64 as ONE
from fastrelu.vecmath.pairs import exp_pair, fine_exp, one_plus
from fastrelu.vecmath.primitives import Scalar, by_precision, fma, jitable, times
from fastrelu.vecmath.roots import serf_near, tanhexp_near
from fastrelu.vecmath.words import add, product, quotient

# What float32 is computed with, in float64. Right of RIGHT tanh(exp(x)) is 1 in float32.
RIGHT, TWO, FOUR, NEAR = np.float64(3), np.float64(2), np.float64(4), np.float32(0.1875)


@jitable
def tanhexp_parts(x: Scalar) -> Scalar:
    """x within both ends, u = exp(x) and exp(2 u) - 1 in float64, for a float32 number."""
    z = right_of_left_end(x)
    z = RIGHT if z > RIGHT else z
    u = short.exp(z)
    return z, u, short.expm1(u + u)


@jitable
def _tanhexp_slope_32(x: Scalar) -> Scalar:
    z, u, m = tanhexp_parts(x)
    d = m + TWO
    y = short.quotient(fma(m, d, (FOUR * z) * u * (m + ONE)), d * d)
    distance, near = tanhexp_near(x)
    return near if abs(distance) < NEAR else np.float32(y)


@by_precision(_tanhexp_slope_32)
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


@jitable
def tanhexp_bend(x: Scalar) -> Scalar:
    """u (1 - tanh(u)^2) (2 + x (1 - 2 u tanh(u))), u = exp(x)."""
    zero, one, two = type(x)(0.0), type(x)(1.0), type(x)(2.0)
    far, _ = tails(x)
    z = bounded(x, far)
    u, u_low = fine_exp(z)
    t, t_low = tanh_words(u, u_low)
    t, t_low = product(t, t_low, -two * u, -two * u_low)
    t, t_low = add(one, zero, t, t_low)
    b, b_low = bent(z, t, t_low)
    b, b_low = product(b, b_low, u, u_low)
    p, p_low, scale = exp_pair(-u - u, -u_low - u_low)
    e, e_low = one_plus(-u - u, -u_low - u_low)
    e, e_low = product(e, e_low, e, e_low)
    p, p_low = quotient(p, p_low, e, e_low)
    y, low = product(b, b_low, p, p_low)
    return gated_bend_by(x, times((y + low) * (type(x)(4.0) * scale), small(x)), one, zero, zero)


@jitable
def _tanhexp_32(x: Scalar) -> Scalar:
    _, _, m = tanhexp_parts(x)
    return np.float32(right_of_left_end(x) * short.quotient(m, m + TWO))


@by_precision(_tanhexp_32)
@jitable
def tanhexp_of(x: Scalar) -> Scalar:
    """x tanh(exp(x))."""
    u, u_low = exp_words(bounded(x, type(x)(3.25)))
    t, t_low = tanh_words(u, u_low)
    return gated_by(x, t, t_low, type(x)(1.0), type(x)(0.0))


@activation(
    derivative=tanhexp_slope,
    second=tanhexp_bend,
    reference=lambda m, x: x * m.tanh(m.exp(x)) if x < 100 else x,
    numpy=lambda x: x * np.tanh(np.exp(x)),
    max_ulp=1,
    cost=Cost.HEAVY,
    values=(-0.35328577784821125, None),
    slopes=(-0.13157003618971583, 1.061975308717916),
    paper="Liu & Di, TanhExp: A Smooth Activation Function with High Convergence Speed (2020)",
)
def tanhexp(x: Scalar) -> Scalar:
    """A self-gated unit, x * tanh(exp(x)); 0 at -inf."""
    return tanhexp_of(x)


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


@jitable
def serf_bend(x: Scalar) -> Scalar:
    """erf'(s) g (2 + x (1 - g - 2 s g)), s = log(1 + exp(x)) and g = sigmoid(x)."""
    zero, two = type(x)(0.0), type(x)(2.0)
    _, far = tails(x)
    z = bounded(x, far)
    s, s_low = softplus_words(z)
    g, g_low, r, r_low = sigmoid_words(z)
    h, h_low = product(s, s_low, -two * g, -two * g_low)
    r, r_low = add(r, r_low, h, h_low)
    y, low = bent(z, r, r_low)
    y, low = product(y, low, g, g_low)
    s, s_low = product(s, s_low, s, s_low)
    p, p_low, scale = exp_pair(-s, -s_low)
    y, low = product(y, low, p, p_low)
    c, c_low = two_over_sqrt_pi(x)
    y, low = product(y, low, c, c_low)
    return gated_bend_by(x, times((y + low) * scale, small(x)), c, c_low, zero)


@activation(
    derivative=serf_slope,
    second=serf_bend,
    reference=lambda m, x: x * m.erf(m.log1p(m.exp(x))),
    numpy=lambda x: x * scipy_erf()(np.log1p(np.exp(-np.abs(x))) + np.maximum(x, 0)),
    max_ulp=0.98,
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
