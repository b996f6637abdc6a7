"""Smooth relatives of the ReLU: elu, softplus, silu."""

from __future__ import annotations

import math

import numpy as np

from fastrelu.activation import activation
from fastrelu.formulas.rectifiers import flat
from fastrelu.formulas.sigmoids import bell_sum, end, gated_bend, ratio, reduced, sigmoid_sum, sum_of
from fastrelu.formulas.tanhs import ln2
from fastrelu.thresholds import Cost
from fastrelu.vecmath.coefficients import (
    LN2_32,
    LN2_64,
    SILU_EXP_32,
    SILU_EXP_64,
    SILU_POINT_32,
    SILU_POINT_64,
    SILU_TAIL_32,
    SILU_TAIL_64,
    SOFTPLUS_FAR_32,
    SOFTPLUS_FAR_64,
    SOFTPLUS_NEAR_32,
    SOFTPLUS_NEAR_64,
)
from fastrelu.vecmath.error import decay, small
from fastrelu.vecmath.exponential import LOG2E_32, LOG2E_64, RAISED_32, RAISED_64, expm1, scale_32, scale_64
from fastrelu.vecmath.logwords import log1p_words
from fastrelu.vecmath.pairs import exp_pair, one_plus
from fastrelu.vecmath.primitives import Scalar, by_precision, fma, jitable, times
from fastrelu.vecmath.words import add, product, quotient, two_sum

TWO_32, TWO_64 = np.float32(2), np.float64(2)
# SILU_POINT - 2 ln(2), heads only: from -a - n ln(2) to SILU_POINT - a - (n + 2) ln(2)
SILU_HEAD_32, SILU_HEAD_64 = SILU_POINT_32[0] - TWO_32 * LN2_32[0], SILU_POINT_64[0] - TWO_64 * LN2_64[0]


@jitable
def elu_slope(x: Scalar, alpha: Scalar = 1.0) -> Scalar:
    """1 if x > 0 else alpha exp(x)."""
    zero, part = type(x)(0.0), type(x)(2.0**-32)
    r, scale = reduced(-end(x) if x < -end(x) else x)
    scale = zero if x < -end(x) else scale
    # part of small with alpha, the rest after it: neither product overflows, or is subnormal, for an alpha that makes sense
    y = times(fma(ratio(r), r * scale, scale) * (alpha * part), small(x) / part)
    return type(x)(1.0) if x > zero else y


def elu_slope_from_output(y: Scalar, alpha: Scalar = 1.0) -> Scalar:
    """1 if y > 0 else y + alpha."""
    return type(y)(1) if y > 0 else y + alpha


@jitable
def elu_bend(x: Scalar, alpha: Scalar = 1.0) -> Scalar:
    """0 if x > 0 else alpha exp(x)."""
    y = elu_slope(x, alpha)
    return type(x)(0.0) if x > type(x)(0.0) else y


@jitable
def elu_alpha_slope(x: Scalar, alpha: Scalar) -> Scalar:
    """0 if x > 0 else exp(x) - 1."""
    y = expm1(x)
    return type(x)(0.0) if x > type(x)(0.0) else y


@activation(
    derivative=elu_slope,
    second=elu_bend,
    from_output=elu_slope_from_output,
    from_output_minimum={"alpha": 0.0},
    reference=lambda m, x, alpha: x if x > 0 else alpha * m.expm1(x),
    numpy=lambda x, alpha=1.0: np.where(x > 0, x, alpha * np.expm1(x)),
    kinks=lambda alpha=1.0: {0.0: "left"} if alpha != 1 else {},
    max_ulp=0.91,
    params={"alpha": "The limit at -inf is -alpha."},
    values=(-1, None),
    slopes=(0, 1),
    names=(
        ("elu", "torch jax keras keras2 tf nnlib mlx chainer"),
        ("Elu", "onnx"),
        ("elu", "onednn", lambda alpha: {"alpha": alpha}),
        ("ELU", "cudnn", lambda coef: {"alpha": coef}),
    ),
    gradients={"alpha": elu_alpha_slope},
    paper="Clevert, Unterthiner & Hochreiter, ICLR 2016",
)
def elu(x: Scalar, alpha: Scalar = 1.0) -> Scalar:
    """The exponential linear unit, x if x > 0 else alpha * (exp(x) - 1)."""
    zero, one = type(x)(0.0), type(x)(1.0)
    head, rest, scale = decay(end(x) if x < -end(x) else -x, zero)
    # exp(x) - 1 = power (rest - head) - below: the sum of power * -head and -below, and what it lost
    power = times(scale, small(x))
    below = one - power
    y = fma(-power, head, -below)
    lost = fma(-power, head, -below - y) + (one - (below + power))
    return x if x >= zero else fma(alpha, y, alpha * fma(power, rest, lost))


@jitable
def softplus_slope(x: Scalar, beta: Scalar = 1.0, threshold: Scalar = math.inf) -> Scalar:
    """sigmoid(beta * x); 1 where beta * x > threshold."""
    z = times(beta, x)
    slope = sigmoid_sum(z, fma(beta, x, -z))
    return type(x)(1.0) if z > threshold else slope


@jitable
def _softplus_near_32(z: Scalar) -> Scalar:
    c = SOFTPLUS_NEAR_32
    return fma(fma(fma(fma(c[4], z, c[3]), z, c[2]), z, c[1]), z, c[0])


@by_precision(_softplus_near_32)
@jitable
def softplus_near(z: Scalar) -> Scalar:
    """log(cosh(x / 2)) / x^2 of z = x^2 <= 1."""
    c = SOFTPLUS_NEAR_64
    square = z * z
    low = fma(fma(c[3], z, c[2]), square, fma(c[1], z, c[0]))
    high = fma(fma(c[7], z, c[6]), square, fma(c[5], z, c[4]))
    return fma(fma(c[8], square * square, high), square * square, low)


@jitable
def _softplus_far_32(t: Scalar) -> Scalar:
    c = SOFTPLUS_FAR_32
    return fma(fma(fma(fma(fma(c[5], t, c[4]), t, c[3]), t, c[2]), t, c[1]), t, c[0])


@by_precision(_softplus_far_32)
@jitable
def softplus_far(t: Scalar) -> Scalar:
    """-2 (log1p(t) - t + t^2 / 2) / t^3 for 0 <= t <= 1 / e."""
    c = SOFTPLUS_FAR_64
    square = t * t
    fourth = square * square
    low = fma(fma(c[3], t, c[2]), square, fma(c[1], t, c[0]))
    high = fma(fma(c[7], t, c[6]), square, fma(c[5], t, c[4]))
    top = fma(c[12], fourth, fma(fma(c[11], t, c[10]), square, fma(c[9], t, c[8])))
    return fma(fma(top, fourth, high), fourth, low)


@jitable
def softplus_bend(x: Scalar, beta: Scalar = 1.0, threshold: Scalar = math.inf) -> Scalar:
    """beta s (1 - s) with s = sigmoid(beta * x); 0 where beta * x > threshold."""
    zero, z = type(x)(0.0), times(beta, x)
    low = fma(beta, x, -z)
    y = times(bell_sum(abs(z), low if z > zero else -low), beta * small(x))
    return zero if z > threshold else y


@jitable
def entropy(a: Scalar, a_low: Scalar) -> Scalar:
    """log(1 + exp(z)) - z sigmoid(z) in two words: a t / (1 + t) + log(1 + t), a = abs(z), t = exp(-a) a normal number."""
    p, p_low, scale = exp_pair(-a, -a_low)
    power = times(scale, small(a))
    t, t_low = times(p, power), times(p_low, power)
    top, top_low = product(t, t_low, a, a_low)
    d, d_low = one_plus(-a, -a_low)
    top, top_low = quotient(top, top_low, d, d_low)
    total, low = log1p_words(t, t_low)
    return add(total, low, top, top_low)


@jitable
def softplus_beta_slope(x: Scalar, beta: Scalar, threshold: Scalar) -> Scalar:
    """-(a t / (1 + t) + log(1 + t)) / beta^2 with a = abs(beta x) and t = exp(-a); 0 where beta * x > threshold."""
    zero, one = type(x)(0.0), type(x)(1.0)
    z = times(beta, x)
    z_low = fma(beta, x, -z)
    a = abs(z)
    low = z_low if z > zero else -z_low
    still = a > end(x)
    a, low = end(x) if still else a, zero if still else low
    # far out it is (1 + a) t, which stays scaled until it has been divided by beta
    far = a > type(x)(40.0)
    y, y_low = entropy(zero if far else a, zero if far else low)
    p, p_low, scale = exp_pair(-a, -low)
    more, more_low = two_sum(a, one)
    tail, tail_low = product(more, more_low + low, p, p_low)
    y, y_low = tail * scale if far else y, tail_low * scale if far else y_low
    y, y_low = quotient(y, y_low, beta, zero)
    y = (-y - y_low if y < type(x)(math.inf) else -y) / beta
    return zero if still | (z > threshold) else times(y, small(x)) if far else y


@activation(
    derivative=softplus_slope,
    second=softplus_bend,
    reference=lambda m, x, beta, threshold: x if beta * x > threshold else m.log1p(m.exp(beta * x)) / beta,
    numpy=lambda x, beta=1.0: (np.maximum(beta * x, 0) + np.log1p(np.exp(-np.abs(beta * x)))) / beta,
    max_ulp=1.25,
    cost=Cost.HEAVY,
    params={
        "beta": "How sharp the bend is, from 1e-10 to 1e30. The error is below 1 ULP for 1 (float64: 1.2), below 2.2 for others.",
        "threshold": "Where beta * x is greater, the result is x. torch's default of 20 costs accuracy; this one, none.",
    },
    values=(0, None),
    slopes=(0, 1),
    names=(
        ("softplus", "torch", lambda beta=1.0, threshold=20.0: {"beta": beta, "threshold": threshold}),
        ("softplus", "jax keras keras2 tf nnlib mlx chainer scipy"),
        ("Softplus", "onnx"),
        ("SOFTPLUS", "cudnn"),
        ("soft_relu", "onednn", lambda alpha: {"beta": alpha}),
    ),
    gradients={"beta": softplus_beta_slope, "threshold": flat},
    paper="Dugas et al., NIPS 2000",
)
def softplus(x: Scalar, beta: Scalar = 1.0, threshold: Scalar = math.inf) -> Scalar:
    """The smooth ReLU, log(1 + exp(beta * x)) / beta."""
    zero, one, half = type(x)(0.0), type(x)(1.0), type(x)(0.5)
    inverse = one / beta
    inverse_low = fma(-inverse, beta, one) * inverse
    inverse_low = inverse_low if abs(inverse) < type(x)(math.inf) else zero
    z = times(beta, x)
    a = abs(z)
    # below -1: log1p(t) = t - t^2 / 2 + ... of t = exp(-a) = (1 + part) scale small, least terms first; the rounding of t is
    # felt in one factor of t^2 only. All of it is scaled, so that a subnormal result is rounded in the last sum only.
    z_low = fma(beta, x, -z)
    z_low = z_low if a < end(x) else zero
    head, rest, scale = decay(end(x) if a > end(x) else a, z_low if z > zero else -z_low)
    part = rest - head
    t = times(fma(part, scale, scale), small(x))
    unit, square = times(scale, inverse), times(times(scale, -half * inverse), t)
    tail = fma(square, fma(times(t, softplus_far(t)), one + part, part), fma(scale, inverse_low, square))
    far = fma(unit + fma(-head, unit, fma(rest, unit, tail)), small(x), x if z > zero else zero)
    # about 0: log(2) + z / 2 + log(cosh(z / 2))
    log2, log2_low = ln2(x)
    middle = times(log2, inverse)
    middle_low = fma(log2, inverse, -middle) + fma(log2, inverse_low, times(log2_low, inverse))
    middle_low = middle_low if abs(middle) < type(x)(math.inf) else zero
    near = middle + fma(x, half, fma(times(x, z), softplus_near(times(z, z)), middle_low))
    return x if z > threshold else (near if a < one else far)


@jitable
def _from_silu_point_32(a: Scalar) -> Scalar:
    shifted = fma(a, -LOG2E_32, RAISED_32)
    n = shifted - RAISED_32
    head = fma(n, -LN2_32[0], -a) + SILU_HEAD_32
    r = head + fma(shifted - (RAISED_32 - TWO_32), -LN2_32[1], SILU_POINT_32[1])
    c = SILU_TAIL_32
    tail = fma(fma(fma(fma(c[4], r, c[3]), r, c[2]), r, c[1]), r, c[0])
    return fma(r * r, tail, r), scale_32(shifted), SILU_EXP_32[0]


@by_precision(_from_silu_point_32)
@jitable
def from_silu_point(a: Scalar) -> Scalar:
    """s, scale and c: exp(-a) = (1 + s) 4 c scale small(a), with s = 0 next to the root of silu_slope."""
    shifted = fma(a, -LOG2E_64, RAISED_64)
    n = shifted - RAISED_64
    head = fma(n, -LN2_64[0], -a) + SILU_HEAD_64
    r = head + fma(shifted - (RAISED_64 - TWO_64), -LN2_64[1], SILU_POINT_64[1])
    c = SILU_TAIL_64
    square = r * r
    fourth = square * square
    low = fma(fma(c[4], r, c[3]), square, fma(c[2], r, c[1]))
    high = fma(fma(c[8], r, c[7]), square, fma(c[6], r, c[5]))
    tail = fma(fma(fma(fma(c[10], r, c[9]), fourth, high), fourth, low), r, c[0])
    return fma(square, tail, r), scale_64(shifted), SILU_EXP_64[0]


@jitable
def silu_slope(x: Scalar) -> Scalar:
    """The derivative of x * sigmoid(x).

    For negative x, with a = -x and t = exp(-a), it is t (1 + t - a) / (1 + t)^2; for positive x, 1 minus that of -x. t is
    power (1 + s), where power has one word and s is 0 next to the root of 1 + t - a, so that nothing is lost there.
    """
    zero, one, four = type(x)(0.0), type(x)(1.0), type(x)(4.0)
    a = abs(x)
    a = end(x) if a > end(x) else a
    s, scale, c = from_silu_point(a)
    power = times(scale, c * (four * small(x)))
    d = fma(power, s, one + power)
    t = d - one
    low = fma(power, s, power - t)
    square = d * d
    y = c / square
    left = fma(-y, fma(d + d, low, fma(d, d, -square)), fma(-y, square, c))
    rest = one - a
    bracket = rest + t
    low = low + (t - (bracket - rest))
    top = fma(bracket, s, bracket)
    tail = fma(top, y, fma(top, left * (one / c), fma(low, s, low)) * y) * scale
    return fma(tail if x < zero else -tail, four * small(x), zero if x < zero else one)


@jitable
def silu_bend(x: Scalar) -> Scalar:
    """s (1 - s) (2 - x tanh(x / 2)) with s = sigmoid(x)."""
    return gated_bend(x, type(x)(0.0), type(x)(1.0))


@activation(
    derivative=silu_slope,
    second=silu_bend,
    reference=lambda m, x: x / (1 + m.exp(-x)),
    numpy=lambda x: x / (1 + np.exp(-x)),
    max_ulp=1.0,
    values=(-0.2784645427610738, None),
    slopes=(-0.09983932012886691, 1.099839320128867),
    names=(
        ("silu", "torch mlx"),
        ("silu swish", "jax keras transformers"),
        ("swish", "keras2"),
        ("swish", "nnlib"),
    ),
    paper="Elfwing, Uchibe & Doya, Neural Networks 107 (2018); Hendrycks & Gimpel (2016)",
)
def silu(x: Scalar) -> Scalar:
    """The sigmoid linear unit, x / (1 + exp(-x)); 0 at -inf."""
    zero, one = type(x)(0.0), type(x)(1.0)
    # relu(x) - tail, tail = a 2^-n / (2^-n + e^r) with a = |x| and e^a = 2^n e^r: what the sum loses is known
    a = abs(x)
    a = end(x) if a > end(x) else a
    r, scale = reduced(-a)
    d, low, _ = sum_of(r, scale)
    y = one / d
    top = times(a, scale)
    z = times(top, y)
    tail = fma(fma(-z, low, fma(-z, d, top)), y, z)
    return fma(-tail, small(x), zero if x < zero else x)
