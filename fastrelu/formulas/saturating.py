"""S-shaped relatives of the tanh and the sigmoid: bipolar_sigmoid, softcap, soft_clipping."""

from __future__ import annotations

import numpy as np

from fastrelu import vecmath
from fastrelu.activation import activation
from fastrelu.formulas.exponential_units import expm1_words
from fastrelu.formulas.sigmoids import bell_of, bell_sum, end, steep_bend
from fastrelu.formulas.smooth import entropy
from fastrelu.thresholds import Cost
from fastrelu.vecmath.coefficients import CUBIC_TAIL_32, CUBIC_TAIL_64
from fastrelu.vecmath.error import decay, small
from fastrelu.vecmath.hyperbolic import signed, tanh_parts
from fastrelu.vecmath.logarithm import log1p
from fastrelu.vecmath.pairs import exp_pair, one_minus, one_plus
from fastrelu.vecmath.primitives import Scalar, by_precision, fma, jitable, times
from fastrelu.vecmath.words import add, inverse, product, quotient, sum_error, two_sum


@jitable
def bipolar_sigmoid_slope(x: Scalar) -> Scalar:
    """2 t / (1 + t)^2 with t = exp(-abs(x))."""
    return times(bell_of(abs(x)), type(x)(2) * small(x))


@jitable
def bipolar_sigmoid_bend(x: Scalar) -> Scalar:
    """-tanh(x / 2) (1 - tanh(x / 2)^2) / 2, which is twice that of sigmoid."""
    return steep_bend(x, type(x)(0.0), type(x)(2.0))


@activation(
    derivative=bipolar_sigmoid_slope,
    second=bipolar_sigmoid_bend,
    reference=lambda m, x: m.tanh(x / 2),
    numpy=lambda x: (1 - np.exp(-x)) / (1 + np.exp(-x)),
    max_ulp=0.98,
    values=(-1, 1),
    slopes=(0, 0.5),
)
def bipolar_sigmoid(x: Scalar) -> Scalar:
    """The bipolar sigmoid, (1 - exp(-x)) / (1 + exp(-x)) = tanh(x / 2)."""
    return vecmath.tanh(type(x)(0.5) * x)


@jitable
def softcap_slope(x: Scalar, cap: Scalar = 30.0) -> Scalar:
    """4 t / (1 + t)^2 with t = exp(-2 abs(x / cap))."""
    two, a = type(x)(2), abs(x)
    high, low = inverse(abs(cap))
    z = times(a, high)
    return times(bell_sum(two * z, two * fma(a, low, fma(a, high, -z))), type(x)(4) * small(x))


@jitable
def softcap_bend(x: Scalar, cap: Scalar = 30.0) -> Scalar:
    """-2 / abs(cap) tanh(z) (1 - tanh(z)^2) with z = x / abs(cap)."""
    two = type(x)(2.0)
    high, low = inverse(abs(cap))
    z = times(x, high)
    return steep_bend(two * z, two * fma(x, low, fma(x, high, -z)), type(x)(8.0) * high)


@jitable
def _cubic_tail_32(z: Scalar) -> Scalar:
    p = CUBIC_TAIL_32
    return fma(fma(fma(fma(p[4], z, p[3]), z, p[2]), z, p[1]), z, p[0])


@by_precision(_cubic_tail_32)
@jitable
def cubic_tail(z: Scalar) -> Scalar:
    """((x - tanh(x)) / x^3 - 1 / 3) / x^2 of z = x^2 <= 1 / 4."""
    p = CUBIC_TAIL_64
    top = fma(fma(fma(fma(fma(p[10], z, p[9]), z, p[8]), z, p[7]), z, p[6]), z, p[5])
    return fma(fma(fma(fma(fma(top, z, p[4]), z, p[3]), z, p[2]), z, p[1]), z, p[0])


@jitable
def softcap_cap_slope(x: Scalar, cap: Scalar) -> Scalar:
    """tanh(z) - z (1 - tanh(z)^2) with z = x / cap: near 0 by the series of tanh, elsewhere in two words."""
    zero, one, two, three = type(x)(0.0), type(x)(1.0), type(x)(2.0), type(x)(3.0)
    high, high_low = inverse(abs(cap))
    a = abs(x)
    z = times(a, high)
    z_low = fma(a, high_low, fma(a, high, -z))
    far = two * z > end(x)
    z, z_low = end(x) / two if far else z, zero if far else z_low
    # (1 - t^2 - 4 z t) / (1 + t)^2 with t = exp(-2 z)
    v, v_low = two * z, two * z_low
    m, m_low = one_minus(-v, -v_low)
    e, e_low = one_plus(-v, -v_low)
    p, p_low, scale = exp_pair(-v, -v_low)
    power = times(scale, two * small(x))
    part, part_low = product(times(p, power), times(p_low, power), v, v_low)
    top, top_low = product(m, m_low, e, e_low)
    top, top_low = add(top, top_low, -part, -part_low)
    bottom, bottom_low = product(e, e_low, e, e_low)
    y, y_low = quotient(top, top_low, bottom, bottom_low)
    # z^3 (2 / 3 - z^2 (r + 2 q - z^2 q^2)) with tanh(z) = z - z^3 q and q = 1 / 3 + z^2 r
    square, square_low = product(z, z_low, z, z_low)
    cube, cube_low = product(square, square_low, z, z_low)
    third = one / three
    r = cubic_tail(square)
    q = fma(square, r, third)
    bend = fma(two, q, fma(-square * q, q, r))
    most = third + third
    factor = fma(-square, bend, most)
    factor_low = fma(-square, bend, most - factor) + times(fma(-third, three, one), most)
    near, near_low = product(cube, cube_low, factor, factor_low)
    size = near + near_low if z < type(x)(0.5) else y + y_low
    return signed(size, x) if cap > zero else -signed(size, x)


@activation(
    derivative=softcap_slope,
    second=softcap_bend,
    reference=lambda m, x, cap: cap * m.tanh(x / cap),
    numpy=lambda x, cap=30.0: cap * np.tanh(x / cap),
    max_ulp=1.1,  # the error of tanh in units of the cap's last place
    params={"cap": "The limits are -cap and cap; not 0."},
    values=(-30, 30),
    slopes=(0, 1),
    gradients={"cap": softcap_cap_slope},
    paper="Bello et al., ICLR 2017; Gemma Team, Gemma 2 (2024)",
)
def softcap(x: Scalar, cap: Scalar = 30.0) -> Scalar:
    """The soft cap, cap * tanh(x / cap): x near 0, and never beyond cap."""
    one, a, c = type(x)(1.0), abs(x), abs(cap)
    z = a / c
    size, q = tanh_parts(z)
    near = z < one
    m = a if near else c  # cap times that of tanh
    y = fma(-m, q, m)
    # what the rounding of z lost counts by the derivative, less m's part in it: up to 1.5 ULP
    lost = fma(-c, z, a)
    lost = lost if z < type(x)(20.0) else type(x)(0.0)
    t = (one - q) * size
    return signed(y + fma(fma(-t, t, q if near else one), lost, fma(-m, q, m - y)), x)


HALF, ONE, ZERO = np.float64(0.5), np.float64(1), np.float64(0)
MOST = np.float64(700)  # exp(-MOST) is a normal number
LINEAR, LOWEST = np.float64(80), np.float64(-790)  # of alpha * w: above, soft_clipping is w to the last bit; below, it is 0


@jitable
def clipping_parts(x: Scalar, alpha: Scalar) -> Scalar:
    """What soft_clipping and its slope are made of, for w, the smaller of x and 1 - x.

    alpha * w; p + p_low and scale, where t = exp(alpha * w) is (p + p_low) * scale * small; k + k_low = 1 - exp(-alpha).
    """
    right = x > HALF
    w = ONE - x if right else x
    w_low = sum_error(ONE, -x, w) if right else ZERO
    z = times(alpha, w)
    low = fma(alpha, w_low, fma(alpha, w, -z))
    cut = LOWEST if z < LOWEST else LINEAR if z > LINEAR else z
    head, rest, scale = decay(-cut, -low if cut == z else ZERO)
    part = rest - head
    p = ONE + part
    k, k_low = expm1_words(-alpha, ZERO)
    total = -k - k_low
    return z, p, sum_error(ONE, part, p) + (rest - (part + head)), scale, total, sum_error(-k, -k_low, total)


@jitable
def _soft_clipping_slope_32(x: Scalar, alpha: Scalar) -> Scalar:
    return np.float32(slope_of_clipping(np.float64(x), np.float64(alpha)))


@by_precision(_soft_clipping_slope_32)
@jitable
def slope_of_clipping(x: Scalar, alpha: Scalar) -> Scalar:
    """k t / ((1 + t) (1 + c t)) with c = exp(-alpha)."""
    _, p, p_low, scale, k, k_low = clipping_parts(x, alpha)
    power = times(scale, small(x))
    t = times(p, power)
    ct = times(ONE - k - k_low, t)
    first, second = ONE + t, ONE + ct
    d = times(first, second)
    d_low = fma(
        first, sum_error(ONE, ct, second), fma(second, fma(p_low, power, sum_error(ONE, t, first)), fma(first, second, -d))
    )
    y = ONE / d
    top = times(k, p)
    top_low = fma(k, p_low, fma(k_low, p, fma(k, p, -top)))
    q = times(top, y)
    return times(fma(fma(-q, d, top) + fma(-q, d_low, top_low), y, q) * scale, small(x))


@jitable
def _soft_clipping_32(x: Scalar, alpha: Scalar) -> Scalar:
    return np.float32(value_of_clipping(np.float64(x), np.float64(alpha)))


@by_precision(_soft_clipping_32)
@jitable
def value_of_clipping(x: Scalar, alpha: Scalar) -> Scalar:
    """log(1 + k t / (1 + c t)) / alpha for x <= 1/2; for x > 1/2, 1 minus that of 1 - x."""
    z, p, p_low, scale, k, k_low = clipping_parts(x, alpha)
    power = times(scale, small(x))
    t = times(p, power)
    c = ONE - k - k_low
    d = fma(c, t, ONE)
    y = ONE / d
    top = times(k, p)
    top_low = fma(k, p_low, fma(k_low, p, fma(k, p, -top)))
    ratio = times(top, y)
    ratio_low = (fma(-ratio, d, top) + fma(-ratio, fma(c, t, ONE - d), top_low)) * y
    high, low = inverse(alpha)
    n = times(ratio, power)
    logarithm = log1p(n)
    # far out the logarithm is n itself, which stays scaled until it has been divided by alpha
    far = z < np.float64(-40)
    value = ratio if far else logarithm
    value_low = ratio_low if far else ratio_low * power / (ONE + n)
    y = times(value, high)
    left = y + fma(value_low, high, fma(value, low, fma(value, high, -y)))
    left = times(left * scale, small(x)) if far else left
    left = (ONE - x if x > HALF else x) if z > LINEAR else left
    return ONE - left if x > HALF else left


@jitable
def soft_clipping_slope(x: Scalar, alpha: Scalar = 1.0) -> Scalar:
    """sigmoid(alpha x) - sigmoid(alpha (x - 1)), as a product."""
    return slope_of_clipping(x, alpha)


@jitable
def _soft_clipping_bend_32(x: Scalar, alpha: Scalar) -> Scalar:
    return np.float32(bend_of_clipping(np.float64(x), np.float64(alpha)))


@by_precision(_soft_clipping_bend_32)
@jitable
def bend_of_clipping(x: Scalar, alpha: Scalar) -> Scalar:
    """alpha k t / (1 + t)^2 (1 - c t^2) / (1 + c t)^2, c = exp(-alpha) and c t^2 = exp(alpha (2 w - 1)); negative for x > 1/2."""
    right = x > HALF
    w = ONE - x if right else x
    z = times(alpha, w)
    z_low = fma(alpha, sum_error(ONE, -x, w) if right else ZERO, fma(alpha, w, -z))
    far = abs(z) > end(z)
    a, a_low = end(z) if far else abs(z), ZERO if far else z_low if z > ZERO else -z_low
    p, p_low, scale = exp_pair(-a, -a_low)
    # t / (1 + t)^2 is the same for 1 / t
    d, d_low = one_plus(-a, -a_low)
    h, h_low = two_sum(z, -alpha)
    far = h < -end(z)
    c, c_low = one_plus(-end(z) if far else h, ZERO if far else h_low + z_low)
    d, d_low = product(d, d_low, c, c_low)
    d, d_low = product(d, d_low, d, d_low)
    e, e_low = expm1_words(times(alpha, w + w - ONE), ZERO)
    k, k_low = expm1_words(-alpha, ZERO)
    e, e_low = product(e, e_low, k, k_low)
    e, e_low = product(e, e_low, p, p_low)
    y, low = quotient(e, e_low, d, d_low)
    y = times((y + low) * scale, alpha * small(x))
    return -y if right else y


@jitable
def soft_clipping_bend(x: Scalar, alpha: Scalar = 1.0) -> Scalar:
    """alpha (s (1 - s) - t (1 - t)) with s = sigmoid(alpha x) and t = sigmoid(alpha (x - 1)), as a product."""
    return bend_of_clipping(x, alpha)


@jitable
def bounded_entropy(z: Scalar, z_low: Scalar) -> Scalar:
    """entropy(abs(z + z_low)), which stays as it is from 700 on."""
    far, below = abs(z) > MOST, z < ZERO
    low = -z_low if below else z_low
    return entropy(MOST if far else abs(z), ZERO if far else low)


@jitable
def _soft_clipping_alpha_slope_32(x: Scalar, alpha: Scalar) -> Scalar:
    return np.float32(alpha_slope_of_clipping(np.float64(x), np.float64(alpha)))


@by_precision(_soft_clipping_alpha_slope_32)
@jitable
def alpha_slope_of_clipping(x: Scalar, alpha: Scalar) -> Scalar:
    """(h(alpha (w - 1)) - h(alpha w)) / alpha^2, h(z) = entropy(abs(z)), w = x <= 1/2; minus that of w = 1 - x for x > 1/2."""
    z, p, p_low, scale, k, k_low = clipping_parts(x, alpha)
    right = x > HALF
    w = ONE - x if right else x
    z_low = fma(alpha, sum_error(ONE, -x, w) if right else ZERO, fma(alpha, w, -z))
    # far to the left entropy(a) is (1 + a) exp(-a), and stays scaled until it has been divided by alpha
    still, far = z < LOWEST, z < np.float64(-40)
    a, a_low = add(ONE, ZERO, -z, -z_low)
    a, a_low = product(ZERO if still else a, ZERO if still else a_low, k, k_low)
    more, more_low = product(alpha, ZERO, ONE - k, -k_low)
    a, a_low = add(a, a_low, -more, -more_low)
    a, a_low = product(a, a_low, p, p_low)
    left = -times((a + a_low) * scale / alpha / alpha, small(x))
    b, b_low = add(z, z_low, -alpha, ZERO)
    first, first_low = bounded_entropy(z, z_low)
    second, second_low = bounded_entropy(b, b_low)
    y, y_low = add(second, second_low, -first, -first_low)
    y = left if far else (y + y_low) / alpha / alpha
    y = ZERO if still else y
    return -y if right else y


@jitable
def soft_clipping_alpha_slope(x: Scalar, alpha: Scalar) -> Scalar:
    """(h(alpha (x - 1)) - h(alpha x)) / alpha^2 with h(z) = abs(z) / (1 + exp(abs(z))) + log(1 + exp(-abs(z)))."""
    return alpha_slope_of_clipping(x, alpha)


@activation(
    derivative=soft_clipping_slope,
    second=soft_clipping_bend,
    reference=lambda m, x, alpha: (
        (m.log1p(m.exp(alpha * x)) - m.log1p(m.exp(alpha * (x - 1)))) / alpha
        if x < 1
        else 1 - (m.log1p(m.exp(alpha * (1 - x))) - m.log1p(m.exp(-alpha * x))) / alpha
    ),
    numpy=lambda x, alpha=1.0: (np.logaddexp(0, alpha * x) - np.logaddexp(0, alpha * (x - 1))) / alpha,
    max_ulp=1.49,
    cost=Cost.HEAVY,
    params={"alpha": "Positive: how sharp the bends at 0 and 1 are."},
    values=(0, 1),
    slopes=(0, 0.24491866240370913),
    gradients={"alpha": soft_clipping_alpha_slope},
    paper="Klimek & Perelstein, Neural network-based approach to phase space integration (2018)",
)
def soft_clipping(x: Scalar, alpha: Scalar = 1.0) -> Scalar:
    """Soft clipping to 0..1, log((1 + exp(alpha * x)) / (1 + exp(alpha * (x - 1)))) / alpha; float32 is computed in float64."""
    return value_of_clipping(x, alpha)
