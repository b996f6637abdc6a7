"""Mish, x tanh(log(1 + exp(x))), and its derivative.

With u = exp(x) and e = 1 + u the hyperbolic tangent is u (e + 1) / (1 + e^2): one exponential, one division, and every
term is positive. For positive x it is subtracted from 1, so that little of its error is left.
"""

from __future__ import annotations

import numpy as np

from fastrelu.activation import activation
from fastrelu.formulas.gates import exp_words
from fastrelu.formulas.sigmoids import end, ratio, reduced
from fastrelu.thresholds import Cost
from fastrelu.vecmath.coefficients import (
    MISH_CUBE_32,
    MISH_CUBE_64,
    MISH_LINEAR_32,
    MISH_LINEAR_64,
    MISH_SQUARE_32,
    MISH_SQUARE_64,
    MISH_ZERO_32,
    MISH_ZERO_64,
    MISH_ZERO_EXP_32,
    MISH_ZERO_EXP_64,
)
from fastrelu.vecmath.error import decay, small
from fastrelu.vecmath.normal import distance_to
from fastrelu.vecmath.pairs import exp_pair
from fastrelu.vecmath.primitives import Scalar, by_precision, fma, jitable, times
from fastrelu.vecmath.words import add, product, quotient


@jitable
def _mish_zero_32(x: Scalar) -> Scalar:
    return MISH_ZERO_32[0], MISH_ZERO_32[1], MISH_ZERO_EXP_32[0], MISH_ZERO_EXP_32[1]


@by_precision(_mish_zero_32)
@jitable
def mish_zero(x: Scalar) -> Scalar:
    """The zero of the derivative at -a0, in two words, and exp(-a0) in two words."""
    return MISH_ZERO_64[0], MISH_ZERO_64[1], MISH_ZERO_EXP_64[0], MISH_ZERO_EXP_64[1]


@jitable
def _mish_cubic_32(excess: Scalar) -> Scalar:
    return times(excess, fma(fma(MISH_CUBE_32[0], excess, MISH_SQUARE_32[0]), excess, MISH_LINEAR_32[0]))


@by_precision(_mish_cubic_32)
@jitable
def mish_cubic(excess: Scalar) -> Scalar:
    """The bracket of mish_slope less d (1 + u), as a polynomial in exp(d) - 1."""
    return times(excess, fma(fma(MISH_CUBE_64[0], excess, MISH_SQUARE_64[0]), excess, MISH_LINEAR_64[0]))


@jitable
def mish_slope(x: Scalar) -> Scalar:
    """The derivative of x * tanh(log(1 + exp(x))).

    For negative x it is 4 u B / (1 + e^2)^2 with u = exp(x), e = 1 + u, B = (1 + u / 2) (1 + e^2) / 2 + x e. With d, the
    distance from the root x0, u = exp(x0) exp(d) and B = d e + a cubic in exp(d) - 1 with positive coefficients: nothing cancels.
    """
    zero, one, two = type(x)(0.0), type(x)(1.0), type(x)(2.0)
    far = type(x)(21.0)  # f' is 1 from there on, and (1 + e^2)^2 does not overflow
    z = -end(x) if x < -end(x) else x
    z = far if z > far else z
    root, root_low, factor, factor_low = mish_zero(x)
    d, d_low = distance_to(root, root_low, -z)
    head, rest, scale = decay(-d, -d_low)
    part = rest - head
    power = times(scale, small(x))
    p = one + part
    q = times(factor, p)
    q_low = fma(factor, p, -q) + fma(factor, part - (p - one), factor_low * p)
    u = times(q, power)
    e = one + u
    e_low = fma(q_low, power, u - (e - one))
    s = fma(e, e, one)
    s_low = fma(e + e, e_low, fma(e, e, one - s))
    square = s * s
    square_low = fma(s + s, s_low, fma(s, s, -square))
    y = one / square
    # B in two words, then q B
    cubic = mish_cubic(fma(power, part, power - one))
    high = times(d, e)
    bracket = high + cubic
    bracket_low = fma(d, e, -high) + fma(d, e_low, fma(d_low, e, cubic - (bracket - high)))
    top = times(q, bracket)
    top_low = fma(q, bracket, -top) + fma(q_low, bracket, q * bracket_low)
    # for positive x the slope is 1 + 2 (2 x e u - s) / s^2
    positive = x > zero
    top = fma(z + z, e * u, -s) if positive else top
    top_low = -s_low if positive else top_low
    quotient = top * y
    left = fma(-quotient, square_low, fma(-quotient, square, top) + top_low)
    y = fma(left, y, quotient) * (two / small(x) if positive else type(x)(4.0) * scale)
    return fma(y, small(x), one if positive else zero)


@jitable
def mish_bend(x: Scalar) -> Scalar:
    """The second derivative of x * tanh(log(1 + exp(x))), with t = exp(-abs(x)).

    4 t (2 (1 + t) s + x (2 + 2 t - 3 t^2 - 2 t^3)) / s^3 with s = 2 + 2 t + t^2 for negative x; for positive x
    4 t^2 (2 (1 + t) s - x (2 + 3 t - 2 t^2 - 2 t^3)) / s^3 with s = 1 + 2 t + 2 t^2.
    """
    zero, one, two, three = type(x)(0.0), type(x)(1.0), type(x)(2.0), type(x)(3.0)
    positive = x > zero
    a = abs(x)
    a = end(x) if a > end(x) else a
    t, t_low = exp_words(-a)
    square, square_low = product(t, t_low, t, t_low)
    e, e_low = add(one, zero, t, t_low)
    c = two if positive else one
    s, s_low = add(one if positive else two, zero, t + t, t_low + t_low)
    s, s_low = add(s, s_low, c * square, c * square_low)
    # the cubic, whose coefficients for positive x are those for negative x in reverse
    first, second = (two, -three) if positive else (-three, two)
    q, q_low = add(first, zero, two * t if positive else -two * t, two * t_low if positive else -two * t_low)
    q, q_low = product(q, q_low, t, t_low)
    q, q_low = add(second, zero, q, q_low)
    q, q_low = product(q, q_low, t, t_low)
    q, q_low = add(-two if positive else two, zero, q, q_low)
    q, q_low = product(q, q_low, a if positive else -a, zero)
    e, e_low = product(e + e, e_low + e_low, s, s_low)
    q, q_low = add(e, e_low, q, q_low)
    cube, cube_low = product(s, s_low, s, s_low)
    cube, cube_low = product(cube, cube_low, s, s_low)
    q, q_low = quotient(q, q_low, cube, cube_low)
    a = a + a if positive else a
    p, p_low, scale = exp_pair(-(end(x) if a > end(x) else a), zero)
    q, q_low = product(q, q_low, p, p_low)
    return times((q + q_low) * (type(x)(4.0) * scale), small(x))


@activation(
    derivative=mish_slope,
    second=mish_bend,
    reference=lambda m, x: x * m.tanh(m.log1p(m.exp(x))),
    numpy=lambda x: x * np.tanh(np.log1p(np.exp(-np.abs(x))) + np.maximum(x, 0)),
    max_ulp=1.0,
    cost=Cost.HEAVY,
    values=(-0.30884341301725043, None),
    slopes=(-0.11252612238946255, 1.088498161251728),
    names=(
        ("mish", "torch jax keras keras2 tfa nnlib onednn mlx transformers"),
        ("Mish", "onnx"),
    ),
    paper="Misra, Mish: A Self Regularized Non-Monotonic Activation Function, BMVC 2020",
)
def mish(x: Scalar) -> Scalar:
    """A smooth self-gated unit, x * tanh(log(1 + exp(x))); 0 at -inf."""
    zero, one, far = type(x)(0.0), type(x)(1.0), type(x)(40.0)
    a = abs(x)
    z = -end(x) if x < -end(x) else x
    z = far if z > far else z
    r, scale = reduced(z)
    v = ratio(r)
    power = times(scale, small(x))
    # p = e^r, e = 1 + 2^n e^r and s = 1 + e^2, in two words each
    p = fma(v, r, one)
    p_low = fma(v, r, one - p)
    unit = one + power
    step = v * power
    e = fma(step, r, unit)
    e_low = fma(step, r, unit - e) + (power - (unit - one))
    s = fma(e, e, one)
    s_low = fma(e + e, e_low, fma(e, e, one - s))
    y = one / s
    # x p (e + 1), or x - 2 x / s
    c = e + one
    m = times(p, c)
    m_low = fma(p, c, -m) + fma(p_low, c, p * (e_low + (e - (c - one))))
    positive = x > zero
    a = far if a > far and positive else end(x) if a > end(x) else a
    factor = type(x)(2.0) if positive else m
    top = times(a, factor)
    top_low = zero if positive else fma(a, m_low, fma(a, m, -top))
    quotient = top * y
    left = fma(-quotient, s_low, fma(-quotient, s, top) + top_low)
    tail = fma(left, y, quotient) * (one / small(x) if positive else scale)
    return fma(-tail, small(x), zero if x < zero else x)
