"""The soft exponential: a logarithm for negative alpha, a line for 0, an exponential for positive alpha.

Both are computed in two words of float64; float32 is computed in float64 too, because the root of the exponential depends on
alpha, and next to it only more digits help.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from fastrelu.activation import activation
from fastrelu.thresholds import Cost
from fastrelu.vecmath.coefficients import LN2_64
from fastrelu.vecmath.exponential import LOG2E_64, ONE_64, SHIFT_64, ZERO_64, exp_sum, exp_tail_64, scale_64
from fastrelu.vecmath.logarithm import log1p
from fastrelu.vecmath.logwords import log_words, split
from fastrelu.vecmath.longexp import half_scales, long_exp, scale_of
from fastrelu.vecmath.pairs import cubic_factor, half_part
from fastrelu.vecmath.primitives import Scalar, by_precision, fma, jitable, times
from fastrelu.vecmath.words import add, product, quick_sum, quotient, two_sum

HALF, MINUS_QUARTER = np.float64(0.5), np.float64(-0.25)
INFINITY, NAN = np.float64(math.inf), np.float64(math.nan)
LOWEST, HIGHEST = np.float64(-1400), np.float64(1418)  # exponents that half_part and long_exp take
MOST = np.float64(600)  # exp(-MOST) and its second word are normal numbers
TINY, LARGE = np.float64(2.0**-70), np.float64(2.0**70)
# An alpha whose inverse would overflow is lifted; a product beyond HUGE is made of factors that are lowered.
SMALL, LIFT = np.float64(2.0**-900), np.float64(2.0**300)
HUGE, LOWERED, EXPONENT = np.float64(2.0**900), np.float64(2.0**-520), np.float64(1040)
# For the derivative with respect to alpha, of which the denominator is the square: as SMALL, and the least that is left.
LIFTED, LEAST = np.float64(2.0**-400), np.float64(2.0**-500)
RAISE, LOG_RAISE = np.float64(2.0**150), np.float64(150 * math.log(2))
SERIES, THIRD_ORDER, MINUS_TWO_THIRDS = np.float64(0.34375), np.float64(2.0**-30), np.float64(-2 / 3)


@jitable
def one_plus_product(x: Scalar, beta: Scalar) -> Scalar:
    """z = beta (x - beta), 1 + z and x - beta, each in two words, and whether 1 + z is lowered twice."""
    d, d_low = two_sum(x, -beta)
    z, z_low = product(beta, ZERO_64, d, d_low)
    w, w_low = two_sum(ONE_64, z)
    w, w_low = two_sum(w, w_low + z_low)
    # lowered only there: a subnormal product would cost 150 cycles
    huge = abs(z) > HUGE
    unit = LOWERED if huge else ONE_64
    h, h_low = product(times(beta, unit), ZERO_64, times(d, unit), times(d_low, unit))
    return z, z_low, h if huge else w, h_low if huge else w_low, d, d_low, huge


@jitable
def logarithm_of(x: Scalar, beta: Scalar) -> Scalar:
    """log(1 + beta (x - beta)) / beta for beta > 0."""
    z, z_low, w, w_low, d, d_low, huge = one_plus_product(x, beta)
    k, f, f_low = split(w, w_low)
    near = (z > MINUS_QUARTER) & (z < HALF)
    y, y_low = log_words(ZERO_64 if near else k + EXPONENT if huge else k, z if near else f, z_low if near else f_low)
    lifted = beta < SMALL
    y, y_low = quotient(y, y_low, times(beta, LIFT) if lifted else beta, ZERO_64)
    y = times(y + y_low, LIFT if lifted else ONE_64)
    y = d + fma(d, times(-HALF, z), d_low) if abs(z) < TINY else y
    y = y if w > ZERO_64 else -INFINITY if w == ZERO_64 else NAN
    return x if x == INFINITY else y


@jitable
def exponential_of(x: Scalar, alpha: Scalar) -> Scalar:
    """(exp(alpha x) - 1) / alpha + alpha for alpha > 0."""
    z = times(alpha, x)
    over, under = z > HIGHEST, z < LOWEST
    z_low = ZERO_64 if over | under else fma(alpha, x, -z)
    z = HIGHEST if over else LOWEST if under else z
    m, m_low, n = long_exp(z, z_low)
    # alpha^2 + 2^n - 1, exactly, and 2^n m: divided by alpha only when they have cancelled
    scale = ZERO_64 if z < -MOST else scale_of(n)
    y, y_low = add(*product(alpha, ZERO_64, alpha, ZERO_64), *two_sum(scale, -ONE_64))
    y, y_low = quick_sum(y, y_low)
    y, y_low = add(y, y_low, times(scale, m), times(scale, m_low))
    # exp(z) alone where the rest is 0 or does not count, or alpha^2 might overflow
    large = alpha > LARGE
    alone = (z > MOST) | large | (alpha == ONE_64)
    p, p_low = quick_sum(ONE_64, m)
    lifted = alpha < SMALL
    scaled, unit = times(alpha, LIFT) if lifted else alpha, LIFT if lifted else ONE_64
    y, y_low = quotient(p if alone else y, p_low + m_low if alone else y_low, scaled, ZERO_64)
    y = times(y if y == INFINITY else y + y_low, unit)
    first, second = half_scales(n)
    far = fma(times(y, first), second, alpha if large else ZERO_64)
    # next to x = 0: x + x z / 2 + alpha
    near = fma(times(HALF, z), x, x + alpha)
    y = far if alone else near if abs(z) < TINY else y
    return INFINITY if over else y


@jitable
def short_exponential_of(x: Scalar, alpha: Scalar) -> Scalar:
    """exponential_of for float32 numbers in float64, of which squares and products are exact."""
    z = times(alpha, x)
    z = MOST if z > MOST else z
    z = -MOST if z < -MOST else z
    shifted = fma(z, LOG2E_64, SHIFT_64)
    n = shifted - SHIFT_64
    head, tail = fma(n, -LN2_64[0], z), times(n, -LN2_64[1])
    r = head + tail
    scale, square = scale_64(shifted), times(alpha, alpha)
    # 2^n - 1 + alpha^2, plus 2^n times head and what is left of exp(r) - 1
    less, less_low = two_sum(ZERO_64 if alpha == ONE_64 else square, ZERO_64 if alpha == ONE_64 else -ONE_64)
    y, y_low = two_sum(less, scale)
    y, more = two_sum(y, times(scale, head))
    rest = fma(scale, fma(r * r, exp_tail_64(r), tail), less_low + (y_low + more))
    return (y + rest) * (ONE_64 / alpha) if alpha < INFINITY else alpha


@jitable
def short_logarithm_of(x: Scalar, beta: Scalar) -> Scalar:
    """logarithm_of for float32 numbers in float64."""
    z = times(beta, x - beta)
    small = z < -HALF
    # next to w = 0 what is left of it, raised so far that the 1 which log1p adds does not count
    w = fma(fma(beta, x, fma(-beta, beta, ONE_64)), RAISE, -ONE_64)
    return (log1p(w if small else z) - (LOG_RAISE if small else ZERO_64)) / beta


@jitable
def _soft_exponential_32(x: Scalar, alpha: Scalar) -> Scalar:
    v, a = np.float64(x), np.float64(alpha)
    flat = v if a == ZERO_64 else a
    y = short_exponential_of(v, a) if a > ZERO_64 else short_logarithm_of(v, -a) if a < ZERO_64 else flat
    return np.float32(y) if x == x else x


@by_precision(_soft_exponential_32)
@jitable
def value_of(x: Scalar, alpha: Scalar) -> Scalar:
    """The soft exponential."""
    flat = x if alpha == ZERO_64 else alpha
    y = exponential_of(x, alpha) if alpha > ZERO_64 else logarithm_of(x, -alpha) if alpha < ZERO_64 else flat
    return y if x == x else x


@jitable
def logarithm_slope(x: Scalar, beta: Scalar) -> Scalar:
    """1 / (1 + beta (x - beta)) for beta > 0."""
    _, _, w, w_low, _, _, huge = one_plus_product(x, beta)
    y = ONE_64 / w
    y = fma(y, fma(-y, w_low, fma(-y, w, ONE_64)), y)
    unit = LOWERED if huge else ONE_64
    y = times(times(y, unit), unit) if w > ZERO_64 else INFINITY if w == ZERO_64 else NAN
    return ZERO_64 if x == INFINITY else y


@jitable
def _slope_32(x: Scalar, alpha: Scalar) -> Scalar:
    return np.float32(slope_of(np.float64(x), np.float64(alpha)))


@by_precision(_slope_32)
@jitable
def slope_of(x: Scalar, alpha: Scalar) -> Scalar:
    """The derivative of the soft exponential."""
    z = times(alpha, x)
    flat = ONE_64 if alpha == ZERO_64 else alpha
    y = exp_sum(z, fma(alpha, x, -z)) if alpha > ZERO_64 else logarithm_slope(x, -alpha) if alpha < ZERO_64 else flat
    return y if x == x else x


@jitable
def _bend_32(x: Scalar, alpha: Scalar) -> Scalar:
    return np.float32(bend_of(np.float64(x), np.float64(alpha)))


@by_precision(_bend_32)
@jitable
def bend_of(x: Scalar, alpha: Scalar) -> Scalar:
    """alpha times the derivative where alpha > 0, and times its square where alpha < 0."""
    y = slope_of(x, alpha)
    return alpha * y if alpha > ZERO_64 else times(alpha, y) * y if alpha < ZERO_64 else ZERO_64 if y == y else y


@jitable
def exponential_alpha_slope(x: Scalar, alpha: Scalar) -> Scalar:
    """(z exp(z) - exp(z) + 1) / alpha^2 + 1 with z = alpha x, for alpha >= 0: both terms are positive."""
    z = ZERO_64 if alpha == ZERO_64 else times(alpha, x)
    over, under = z > HIGHEST, z < LOWEST
    z_low = ZERO_64 if over | under else fma(alpha, x, -z)
    z = HIGHEST if over else LOWEST if under else z
    # next to z = 0: x^2 (1/2 + z/3 + ...)
    factor = fma(-cubic_factor(z), ONE_64 - z, HALF)
    half = fma(z, factor, HALF)
    t, t_low = product(x, ZERO_64, half, fma(z, factor, HALF - half))
    t, t_low = add(*product(t, t_low, x, ZERO_64), ONE_64, ZERO_64)
    near = INFINITY if t == INFINITY else t + t_low
    # elsewhere: (z - 1) exp(z) / alpha^2 and 1 / alpha^2, an alpha whose square is too small is lifted
    part, part_low, power = half_part(z, z_low)
    lifted = alpha < LIFTED
    scaled, unit = times(alpha, LIFT) if lifted else alpha, LIFT if lifted else ONE_64
    scaled = LEAST if scaled < LEAST else scaled
    p, p_low = two_sum(ONE_64, part)
    p, p_low = quick_sum(p, p_low + part_low)
    less, less_low = two_sum(z, -ONE_64)
    p, p_low = product(*product(p, p_low, p, p_low), less, less_low + z_low)
    p, p_low = quotient(p, p_low, scaled, ZERO_64)
    p, p_low = quotient(times(p, power), times(p_low, power), scaled, ZERO_64)
    p, p_low = times(p, power), times(p_low, power)
    c, c_low = quotient(*quotient(ONE_64, ZERO_64, scaled, ZERO_64), scaled, ZERO_64)
    y, y_low = add(p, p_low, c, c_low)
    y, y_low = add(y, y_low, ZERO_64 if lifted else ONE_64, ZERO_64)
    y = INFINITY if over | (p == INFINITY) else times((y + y_low) * unit, unit)
    return near if abs(z) < SERIES else y


@jitable
def logarithm_alpha_slope(x: Scalar, beta: Scalar) -> Scalar:
    """(log(w) - z / w) / beta^2 + 1 / w with z = beta (x - beta) and w = 1 + z, for beta > 0: both terms are positive."""
    z, z_low, w, w_low, d, d_low, huge = one_plus_product(x, beta)
    k, f, f_low = split(w, w_low)
    near = (z > MINUS_QUARTER) & (z < HALF)
    y, y_low = log_words(ZERO_64 if near else k + EXPONENT if huge else k, z if near else f, z_low if near else f_low)
    part, part_low = quotient(z, z_low, w, w_low)
    y, y_low = add(y, y_low, -ONE_64 if huge else -part, ZERO_64 if huge else -part_low)
    y, y_low = quotient(*quotient(y, y_low, beta, ZERO_64), beta, ZERO_64)
    # next to z = 0: (x - beta)^2 (1/2 - 2 z / 3)
    t, t_low = product(*product(d, d_low, fma(z, MINUS_TWO_THIRDS, HALF), ZERO_64), d, d_low)
    tiny = abs(z) < THIRD_ORDER
    y, y_low = t if tiny else y, t_low if tiny else y_low
    unit = LOWERED if huge else ONE_64
    slope, slope_low = quotient(ONE_64, ZERO_64, w, w_low)
    slope, slope_low = times(times(slope, unit), unit), times(times(slope_low, unit), unit)
    total, low = add(y, y_low, slope, slope_low)
    y = INFINITY if y == INFINITY else total + low
    y = y if w > ZERO_64 else INFINITY if w == ZERO_64 else NAN
    return x if x == INFINITY else y


@jitable
def _alpha_slope_32(x: Scalar, alpha: Scalar) -> Scalar:
    return np.float32(alpha_slope_of(np.float64(x), np.float64(alpha)))


@by_precision(_alpha_slope_32)
@jitable
def alpha_slope_of(x: Scalar, alpha: Scalar) -> Scalar:
    """The derivative with respect to alpha, which is x^2 / 2 + 1 at alpha = 0."""
    y = logarithm_alpha_slope(x, -alpha) if alpha < ZERO_64 else exponential_alpha_slope(x, alpha)
    return y if x == x else x


def soft_exponential_reference(m: Any, x: Any, alpha: Any) -> Any:
    """The soft exponential in the arithmetic of m; NaN outside of its domain."""
    if alpha == 0:
        return x
    if alpha > 0:
        return m.expm1(alpha * x) / alpha + alpha
    inside = 1 - alpha * (x + alpha)
    return -m.log(inside) / alpha if inside > 0 else m.nan if inside < 0 else m.ninf


def soft_exponential_numpy(x: Any, alpha: float = 0.25) -> Any:
    """What a NumPy user would write."""
    if alpha == 0:
        return np.positive(x)
    return np.expm1(alpha * x) / alpha + alpha if alpha > 0 else -np.log(1 - alpha * (x + alpha)) / alpha


def soft_exponential_slope(x: Scalar, alpha: Scalar = 0.25) -> Scalar:
    """1 / (1 - alpha (x + alpha)) if alpha < 0 else exp(alpha x)."""
    return slope_of(x, alpha)


def soft_exponential_bend(x: Scalar, alpha: Scalar = 0.25) -> Scalar:
    """alpha / (1 - alpha (x + alpha))^2 if alpha < 0 else alpha exp(alpha x)."""
    return bend_of(x, alpha)


def soft_exponential_alpha_slope(x: Scalar, alpha: Scalar) -> Scalar:
    """With z = alpha x: ((z - 1) exp(z) + 1) / alpha^2 + 1 for positive alpha, by a logarithm for negative, x^2 / 2 + 1 for 0."""
    return alpha_slope_of(x, alpha)


@activation(
    derivative=soft_exponential_slope,
    second=soft_exponential_bend,
    reference=soft_exponential_reference,
    numpy=soft_exponential_numpy,
    max_ulp=2.0,  # next to the root in float64; else 0.65
    cost=Cost.HEAVY,
    params={
        "alpha": "From a logarithm (negative) over the identity (0) to an exponential (positive). Below ``-alpha + 1 / alpha``"
        " the logarithm is NaN. Positive values below 1 give the exponential a root, ``log(1 - alpha^2) / alpha``: if that is"
        " nearly a float64 number, or alpha within 2^-20 of 1, up to nine float64 numbers there may be more than 2 ULP off."
    },
    values=(-3.75, None),
    slopes=(0, None),
    gradients={"alpha": soft_exponential_alpha_slope},
    paper="Godfrey & Gashler, A continuum among logarithmic, linear, and exponential functions (2015)",
)
def soft_exponential(x: Scalar, alpha: Scalar = 0.25) -> Scalar:
    """The soft exponential: (exp(a x) - 1) / a + a for a = alpha > 0, x for 0, -log(1 - a (x + a)) / a for a < 0."""
    return value_of(x, alpha)
