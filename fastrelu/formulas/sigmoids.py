"""S-shaped functions: sigmoid and tanh, and the exponentials that the smooth functions share.

exp(x) = 2^n e^r stays apart here: 2^n in a scale that is too large by 1 / small, so that nothing is subnormal before the
last product, and e^r = 1 + r ratio(r). What the rounding of 1 + r ratio(r) loses is then known.
"""

from __future__ import annotations

import numpy as np

from fastrelu import vecmath
from fastrelu.activation import activation
from fastrelu.vecmath.coefficients import LN2_32, LN2_64
from fastrelu.vecmath.error import small
from fastrelu.vecmath.exponential import (
    LOG2E_32,
    LOG2E_64,
    ONE_32,
    ONE_64,
    RAISED_32,
    RAISED_64,
    exp_tail_32,
    exp_tail_64,
    scale_32,
    scale_64,
)
from fastrelu.vecmath.pairs import exp_pair, one_minus, one_plus
from fastrelu.vecmath.primitives import Scalar, by_precision, fma, jitable, times
from fastrelu.vecmath.words import add, inverse, product, two_sum

# From there on a exp(-a) and 4 exp(-a) are 0.
END_32, END_64 = np.float32(120), np.float64(790)


@jitable
def _end_32(x: Scalar) -> Scalar:
    return END_32


@by_precision(_end_32)
@jitable
def end(x: Scalar) -> Scalar:
    """From there on a exp(-a) and 4 exp(-a) are 0."""
    return END_64


@jitable
def _reduced_32(x: Scalar) -> Scalar:
    shifted = fma(x, LOG2E_32, RAISED_32)
    n = shifted - RAISED_32
    return fma(n, -LN2_32[1], fma(n, -LN2_32[0], x)), scale_32(shifted)


@by_precision(_reduced_32)
@jitable
def reduced(x: Scalar) -> Scalar:
    """r and scale: exp(x) = e^r * scale * small(x), for -end(x) <= x <= 40."""
    shifted = fma(x, LOG2E_64, RAISED_64)
    n = shifted - RAISED_64
    return fma(n, -LN2_64[1], fma(n, -LN2_64[0], x)), scale_64(shifted)


@jitable
def _ratio_32(r: Scalar) -> Scalar:
    return fma(exp_tail_32(r), r, ONE_32)


@by_precision(_ratio_32)
@jitable
def ratio(r: Scalar) -> Scalar:
    """(e^r - 1) / r for |r| <= ln(2) / 2."""
    return fma(exp_tail_64(r), r, ONE_64)


@jitable
def bell_of(a: Scalar) -> Scalar:
    """exp(-a) / (1 + exp(-a))^2 / small(a) for a >= 0: with q = exp(-a) / (1 + exp(-a)) it is q (1 - q)."""
    r, scale = reduced(-(end(a) if a > end(a) else a))
    return bell_at(r, scale)


@jitable
def bell_sum(high: Scalar, low: Scalar) -> Scalar:
    """bell_of(high + low) for |low| of the order of an ulp of high; where that is not felt low may be NaN."""
    far = high > end(high)
    r, scale = reduced(-(end(high) if far else high))
    return bell_at(r - (type(high)(0.0) if far else low), scale)


@jitable
def bell_at(r: Scalar, scale: Scalar) -> Scalar:
    """bell_of for the r and scale of reduced(-a)."""
    one, two = type(r)(1.0), type(r)(2.0)
    d, low, power = sum_of(r, scale)
    y = one / d
    part = fma(-y, y * power, y)
    lack = fma(-y, low, fma(-y, d, one))  # 1 / (d + low) is y + y lack
    return fma(lack, fma(two, part, -y), part) * scale


@jitable
def sum_of(r: Scalar, scale: Scalar) -> Scalar:
    """2^n + e^-r in two words, and 2^n, for the r and scale of reduced(x): 1 / (1 + exp(-x)) is 2^n over that sum."""
    one = type(r)(1.0)
    v = ratio(-r)
    power = times(scale, small(r))
    d = fma(v, -r, one + power)
    # 1 - d is exact, and next to it the rounding of 1 + 2^n is of no account
    return d, fma(v, -r, (one - d) + power), power


@jitable
def sigmoid_slope(x: Scalar) -> Scalar:
    """t / (1 + t)^2 with t = exp(-abs(x)): unlike y (1 - y) it does not cancel where y is near 1."""
    return times(bell_of(abs(x)), small(x))


@jitable
def share(r: Scalar, scale: Scalar) -> Scalar:
    """2^n over 2^n + e^-r, for the r and scale of reduced: one quotient for both signs, rounded once."""
    one = type(r)(1.0)
    d, low, _ = sum_of(r, scale)
    y = one / d
    return times(fma(y, fma(-y, low, fma(-y, d, one)), y) * scale, small(r))


@jitable
def sigmoid_sum(high: Scalar, low: Scalar) -> Scalar:
    """sigmoid(high + low) for |low| of the order of an ulp of high; where that is not felt low may be NaN."""
    r, scale = reduced(bounded(high))
    return share(r + (low if abs(high) < end(high) else type(high)(0.0)), scale)


@jitable
def bounded(x: Scalar) -> Scalar:
    """x, no farther than where sigmoid(x) has become 0 or 1."""
    most = type(x)(40.0)
    x = -end(x) if x < -end(x) else x
    return most if x > most else x


def sigmoid_slope_from_output(y: Scalar) -> Scalar:
    """y (1 - y)."""
    return y * (type(y)(1) - y)


@jitable
def bend_parts(z: Scalar, z_low: Scalar) -> Scalar:
    """a = abs(z + z_low), t and scale, where exp(-a) is t * scale * small, then exp(-a) once more, and 1 / (1 + exp(-a))^3.

    All but the scale are in two words. Where |z_low|, of the order of an ulp of z, is not felt, it may be NaN.
    """
    far = abs(z) > end(z)
    a, a_low = end(z) if far else abs(z), type(z)(0.0) if far else z_low if z > type(z)(0.0) else -z_low
    t, t_low, scale = exp_pair(-a, -a_low)
    power = times(scale, small(z))
    e, e_low = one_plus(-a, -a_low)
    cube, cube_low = product(e, e_low, e, e_low)
    cube, cube_low = product(cube, cube_low, e, e_low)
    y, y_low = inverse(cube)
    return a, a_low, t, t_low, scale, times(t, power), times(t_low, power), y, fma(-y * y, cube_low, y_low)


@jitable
def steep_bend(z: Scalar, z_low: Scalar, factor: Scalar) -> Scalar:
    """factor times the second derivative of sigmoid at z + z_low: -t (1 - t) / (1 + t)^3, t = exp(-z) and z positive."""
    a, a_low, t, t_low, scale, _, _, y, y_low = bend_parts(z, z_low)
    m, m_low = one_minus(-a, -a_low)
    y, y_low = product(y, y_low, t, t_low)
    y, y_low = product(times(y, scale), times(y_low, scale), m, m_low)  # scaled first: m may be subnormal
    y = times(y + y_low, factor * small(z))
    return -y if z > type(z)(0.0) else y


@jitable
def gated_bend(z: Scalar, z_low: Scalar, factor: Scalar) -> Scalar:
    """factor times the second derivative of z * sigmoid(z) at z + z_low.

    With a = abs(z) and t = exp(-a) it is t (2 - a + t (2 + a)) / (1 + t)^3.
    """
    two = type(z)(2.0)
    a, a_low, t, t_low, scale, power, power_low, y, y_low = bend_parts(z, z_low)
    less, less_low = two_sum(two, -a)
    more, more_low = two_sum(two, a)
    more, more_low = product(more, more_low + a_low, power, power_low)
    more, more_low = add(less, less_low - a_low, more, more_low)
    y, y_low = product(y, y_low, more, more_low)
    y, y_low = product(y, y_low, t, t_low)
    return times((y + y_low) * scale, factor * small(z))


@jitable
def sigmoid_bend(x: Scalar) -> Scalar:
    """-t (1 - t) / (1 + t)^3 with t = exp(-abs(x)) and the sign of x."""
    return steep_bend(x, type(x)(0.0), type(x)(1.0))


@activation(
    derivative=sigmoid_slope,
    second=sigmoid_bend,
    from_output=sigmoid_slope_from_output,
    reference=lambda m, x: 1 / (1 + m.exp(-x)),
    numpy=lambda x: 1 / (1 + np.exp(-x)),
    max_ulp=0.91,
    values=(0, 1),
    slopes=(0, 0.25),
    names=(
        ("sigmoid", "torch jax keras keras2 tf mlx chainer transformers"),
        ("sigmoid σ sigmoid_fast", "nnlib"),  # noqa: RUF001
        ("Sigmoid", "onnx"),
        ("logistic", "jax onednn sklearn"),
        ("SIGMOID", "cudnn"),
        ("expit", "torch jax scipy"),
    ),
    paper="Verhulst (1845); Rumelhart, Hinton & Williams, Nature 323 (1986)",
)
def sigmoid(x: Scalar) -> Scalar:
    """The logistic sigmoid, 1 / (1 + exp(-x)); no flush to zero: float32 sigmoid(-100) is 3.78e-44."""
    r, scale = reduced(bounded(x))
    return share(r, scale)


@jitable
def tanh_slope(x: Scalar) -> Scalar:
    """4 t / (1 + t)^2 with t = exp(-2 abs(x)): unlike 1 - y^2 it does not cancel where y is near 1."""
    return times(bell_of(type(x)(2) * abs(x)), type(x)(4) * small(x))


def tanh_slope_from_output(y: Scalar) -> Scalar:
    """1 - y^2."""
    return fma(-y, y, type(y)(1))


@jitable
def tanh_bend(x: Scalar) -> Scalar:
    """-2 tanh(x) (1 - tanh(x)^2), which is 8 times that of sigmoid at 2 x."""
    return steep_bend(x + x, type(x)(0.0), type(x)(8.0))


@activation(
    derivative=tanh_slope,
    second=tanh_bend,
    from_output=tanh_slope_from_output,
    reference=lambda m, x: m.tanh(x),
    numpy=lambda x: np.tanh(x),
    max_ulp=0.98,
    values=(-1, 1),
    slopes=(0, 1),
    names=(
        ("tanh", "torch jax keras keras2 tf onednn mlx chainer sklearn transformers"),
        ("tanh tanh_fast", "nnlib"),
        ("Tanh", "onnx"),
        ("TANH", "cudnn"),
    ),
    paper="LeCun, Bottou, Orr & Mueller, Efficient BackProp (1998)",
)
def tanh(x: Scalar) -> Scalar:
    """The hyperbolic tangent, (exp(x) - exp(-x)) / (exp(x) + exp(-x))."""
    return vecmath.tanh(x)
