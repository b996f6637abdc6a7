"""x times a squashing function of sigmoid(x): smish, logish; computed as `selfgated` does."""

from __future__ import annotations

import numpy as np

from fastrelu.activation import activation
from fastrelu.formulas.gates import (
    LEFT,
    bent,
    bounded,
    gated_bend_by,
    gated_by,
    gated_slope_by,
    right_of_left_end,
    sigmoid_words,
)
from fastrelu.thresholds import Cost
from fastrelu.vecmath import short
from fastrelu.vecmath.exponential import ONE_64 as ONE
from fastrelu.vecmath.logwords import log1p_words
from fastrelu.vecmath.primitives import Scalar, by_precision, fma, jitable
from fastrelu.vecmath.roots import logish_near, smish_near
from fastrelu.vecmath.words import add, product, quotient

TWO, FOUR, NEAR = np.float64(2), np.float64(4), np.float32(0.1875)


@jitable
def sigmoid_parts(x: Scalar) -> Scalar:
    """-abs(x) but not below LEFT, its exponential t, d = 1 + t and p in float64, for a float32 number: sigmoid(x) is p / d."""
    z = -abs(np.float64(x))
    z = LEFT if z < LEFT else z
    t = short.exp(z)
    return z, t, ONE + t, ONE if x > np.float32(0) else t


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
def _smish_slope_32(x: Scalar) -> Scalar:
    z, t, d, p = sigmoid_parts(x)
    signed = -z if x > np.float32(0) else z
    top = p * fma(TWO, d, p)
    e = fma(TWO * d, d, top)
    y = short.quotient(fma(top, e, (FOUR * signed) * (d + p) * (t * d)), e * e)
    distance, near = smish_near(x)
    return near if abs(distance) < NEAR else np.float32(y)


@by_precision(_smish_slope_32)
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


@jitable
def smish_bend(x: Scalar) -> Scalar:
    """4 s r (2 e d + x ((1 - 3 e^2) s r + e d (r - s))) / d^3, s = sigmoid(x), r = 1 - s, e = 1 + s, d = 1 + e^2."""
    zero, one, three, four = type(x)(0.0), type(x)(1.0), type(x)(3.0), type(x)(4.0)
    z = bounded(x, type(x)(60.0))
    s, s_low, r, r_low = sigmoid_words(z)
    _, _, d, d_low = smish_gate(s, s_low)
    e, e_low = add(one, zero, s, s_low)
    square, square_low = product(e, e_low, e, e_low)
    square, square_low = add(one, zero, -three * square, -three * square_low)
    h, h_low = product(s, s_low, r, r_low)
    square, square_low = product(square, square_low, h, h_low)
    # (2 e d + x (...)) = e d (2 + x (... / (e d)))
    e, e_low = product(e, e_low, d, d_low)
    square, square_low = quotient(square, square_low, e, e_low)
    r, r_low = add(r, r_low, -s, -s_low)
    r, r_low = add(r, r_low, square, square_low)
    y, low = bent(z, r, r_low)
    y, low = product(y, low, e, e_low)
    y, low = product(y, low, four * h, four * h_low)
    square, square_low = product(d, d_low, d, d_low)
    square, square_low = product(square, square_low, d, d_low)
    y, low = quotient(y, low, square, square_low)
    return gated_bend_by(x, y + low, one, zero, type(x)(0.32))


@jitable
def _smish_32(x: Scalar) -> Scalar:
    _, _, d, p = sigmoid_parts(x)
    top = p * fma(TWO, d, p)
    return np.float32(right_of_left_end(x) * short.quotient(top, fma(TWO * d, d, top)))


@by_precision(_smish_32)
@jitable
def smish_of(x: Scalar) -> Scalar:
    """x tanh(log(1 + sigmoid(x)))."""
    s, s_low, _, _ = sigmoid_words(bounded(x, type(x)(60.0)))
    y, low, _, _ = smish_gate(s, s_low)
    return gated_by(x, y, low, type(x)(1.0), type(x)(0.0))


@activation(
    derivative=smish_slope,
    second=smish_bend,
    reference=lambda m, x: x * m.tanh(m.log1p(1 / (1 + m.exp(-x)))),
    numpy=lambda x: x * np.tanh(np.log1p(1 / (1 + np.exp(-x)))),
    max_ulp=0.93,
    cost=Cost.HEAVY,
    values=(-0.24999366366012948, None),
    slopes=(-0.08915320523502031, 0.6368842228812263),
    paper="Wang, Ren & Wang, Smish: A Novel Activation Function for Deep Learning Methods, Electronics 11 (2022)",
)
def smish(x: Scalar) -> Scalar:
    """A self-gated unit, x * tanh(log(1 + sigmoid(x))); 0 at -inf."""
    return smish_of(x)


@jitable
def _logish_slope_32(x: Scalar) -> Scalar:
    z, t, d, p = sigmoid_parts(x)
    signed = -z if x > np.float32(0) else z
    y = short.log1p_of(p, d) + short.quotient(signed * t, d * (d + p))
    distance, near = logish_near(x)
    return near if abs(distance) < NEAR else np.float32(y)


@by_precision(_logish_slope_32)
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


@jitable
def logish_bend(x: Scalar) -> Scalar:
    """s r (2 (1 + s) + x (r - s - s^2)) / (1 + s)^2, s = sigmoid(x) and r = 1 - s."""
    zero, one = type(x)(0.0), type(x)(1.0)
    z = bounded(x, type(x)(60.0))
    s, s_low, r, r_low = sigmoid_words(z)
    e, e_low = add(one, zero, s, s_low)
    h, h_low = product(s, s_low, e, e_low)
    h, h_low = add(r, r_low, -h, -h_low)
    h, h_low = quotient(h, h_low, e, e_low)
    y, low = bent(z, h, h_low)
    s, s_low = product(s, s_low, r, r_low)
    y, low = product(y, low, s, s_low)
    y, low = quotient(y, low, e, e_low)
    return gated_bend_by(x, y + low, one, zero, type(x)(0.5))


@jitable
def _logish_32(x: Scalar) -> Scalar:
    _, _, d, p = sigmoid_parts(x)
    return np.float32(right_of_left_end(x) * short.log1p_of(p, d))


@by_precision(_logish_32)
@jitable
def logish_of(x: Scalar) -> Scalar:
    """x log(1 + sigmoid(x))."""
    s, s_low, _, _ = sigmoid_words(bounded(x, type(x)(60.0)))
    y, low = log1p_words(s, s_low)
    return gated_by(x, y, low, type(x)(1.0), type(x)(0.0))


@activation(
    derivative=logish_slope,
    second=logish_bend,
    reference=lambda m, x: x * m.log1p(1 / (1 + m.exp(-x))),
    numpy=lambda x: x * np.log1p(1 / (1 + np.exp(-x))),
    max_ulp=0.75,
    cost=Cost.HEAVY,
    values=(-0.25276881678944035, None),
    slopes=(-0.08982878552089006, 0.7463111804127397),
    paper="Zhu et al., Logish: A New Nonlinear Nonmonotonic Activation Function, Neurocomputing 458 (2021)",
)
def logish(x: Scalar) -> Scalar:
    """A self-gated unit, x * log(1 + sigmoid(x)); 0 at -inf."""
    return logish_of(x)
