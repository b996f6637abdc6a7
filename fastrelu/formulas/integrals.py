"""xielu: its root and its derivative's move with the parameters, so exp(x) is computed to more than a word.

float32 is computed in float64, from exp(x) - 1 with eight bits more; float64 in two full words: those eight bits were 33 ULP
off 0.00004 from the root, and the derivative 1041 ULP 0.00001 from its own.
"""

from __future__ import annotations

import math

import numpy as np

from fastrelu.activation import activation
from fastrelu.formulas.sigmoids import end
from fastrelu.formulas.smooth import elu_slope
from fastrelu.thresholds import Cost
from fastrelu.vecmath.coefficients import LN2_64
from fastrelu.vecmath.exponential import LOG2E_64, SHIFT_64, exp_cubic_64, scale_64
from fastrelu.vecmath.longexp import less_one, long_exp, long_expm1, scale_of
from fastrelu.vecmath.pairs import cubic_factor, one_minus
from fastrelu.vecmath.primitives import Scalar, by_precision, fma, jitable, times
from fastrelu.vecmath.words import add, product, quick_sum, sum_error

HALF, ONE, ZERO = np.float64(0.5), np.float64(1), np.float64(0)
LOWEST = np.float64(-80)  # exp(x) is less than 2^-115 there


@jitable
def fine_expm1(x: Scalar) -> Scalar:
    """exp(x) - 1 in two words for -700 < x <= 0 of float64, with an error of 2^-61."""
    shifted = fma(x, LOG2E_64, SHIFT_64)
    n = shifted - SHIFT_64
    head = fma(n, -LN2_64[0], x)
    tail = times(n, -LN2_64[1])
    r = head + tail
    r_low = sum_error(head, tail, r)
    square = r * r
    square_low = fma(r, r, -square)
    cube = r * square
    factor = exp_cubic_64(r)
    cubic = times(cube, factor)
    cubic_low = fma(fma(r, square_low, fma(r, square, -cube)), factor, fma(cube, factor, -cubic))
    half = times(HALF, square)
    most = r + half
    part = most + cubic
    part_low = fma(HALF, square_low, fma(r, r_low, cubic_low + r_low))
    part_low = sum_error(r, half, most) + (sum_error(most, cubic, part) + part_low)
    scale = scale_64(shifted)
    below = ONE - scale
    y = fma(scale, part, -below)
    low = fma(scale, part_low, fma(scale, part, -below - y) + (ONE - (below + scale)))
    total = y + low
    return total, sum_error(y, low, total)


@jitable
def left_part(x: Scalar) -> Scalar:
    """x, where exp(x) counts."""
    z = LOWEST if x < LOWEST else x
    return ZERO if x > ZERO else z


@jitable
def _xielu_slope_32(x: Scalar, alpha_p: Scalar, alpha_n: Scalar, beta: Scalar) -> Scalar:
    wide, weight, height, at_zero = np.float64(x), np.float64(alpha_p), np.float64(alpha_n), np.float64(beta)
    y, y_low = fine_expm1(left_part(wide))
    fall = times(height, y)
    left = fall + at_zero
    left = left + (sum_error(fall, at_zero, left) + fma(height, y_low, fma(height, y, -fall)))
    return np.float32(fma(weight + weight, wide, at_zero) if wide > ZERO else left)


@by_precision(_xielu_slope_32)
@jitable
def slope_of_xielu(x: Scalar, alpha_p: Scalar, alpha_n: Scalar, beta: Scalar) -> Scalar:
    """2 alpha_p x + beta if x > 0 else beta + alpha_n (2^n - 1) + alpha_n 2^n m, of which the first two are exact."""
    m, m_low, n = long_exp(left_part(x), ZERO)
    scale = scale_of(n)
    left, left_low = product(alpha_n, ZERO, *less_one(scale))
    left, left_low = quick_sum(*add(beta, ZERO, left, left_low))
    part, part_low = product(times(alpha_n, scale), ZERO, m, m_low)
    left, left_low = add(left, left_low, part, part_low)
    left = left + left_low
    return fma(alpha_p + alpha_p, x, beta) if x > ZERO else left


@jitable
def xielu_by(x: Scalar, alpha_p: Scalar, alpha_n: Scalar, beta: Scalar, y: Scalar, y_low: Scalar) -> Scalar:
    """x (alpha_p x) + beta x if x > 0 else alpha_n (y + y_low) + (beta - alpha_n) x: two products and their errors."""
    above = x > ZERO
    gap = beta - alpha_n
    gap_low = sum_error(beta, -alpha_n, gap)
    rise = times(alpha_p, x)
    weight, factor = (rise if above else alpha_n), (x if above else y)
    weight_low, factor_low = (fma(alpha_p, x, -rise) if above else ZERO), (ZERO if above else y_low)
    slope, slope_low = (beta if above else gap), (ZERO if above else gap_low)
    first, second = times(weight, factor), times(slope, x)
    total = first + second
    low = fma(weight, factor, -first) + fma(slope, x, -second)
    low = fma(weight, factor_low, fma(weight_low, factor, fma(slope_low, x, low)))
    y = total + (sum_error(first, second, total) + low)
    return y if abs(total) < math.inf else total


@jitable
def _xielu_32(x: Scalar, alpha_p: Scalar, alpha_n: Scalar, beta: Scalar) -> Scalar:
    wide = np.float64(x)
    y, y_low = fine_expm1(left_part(wide))
    return np.float32(xielu_by(wide, np.float64(alpha_p), np.float64(alpha_n), np.float64(beta), y, y_low))


@by_precision(_xielu_32)
@jitable
def value_of_xielu(x: Scalar, alpha_p: Scalar, alpha_n: Scalar, beta: Scalar) -> Scalar:
    """xielu."""
    y, y_low = long_expm1(left_part(x))
    return xielu_by(x, alpha_p, alpha_n, beta, y, y_low)


@jitable
def xielu_slope(x: Scalar, alpha_p: Scalar = 0.8, alpha_n: Scalar = 0.8, beta: Scalar = 0.5) -> Scalar:
    """2 alpha_p x + beta if x > 0 else alpha_n (exp(x) - 1) + beta."""
    falling = elu_slope(x, alpha_n)  # all that is left where alpha_n = beta
    y = slope_of_xielu(x, alpha_p, alpha_n, beta)
    return falling if (alpha_n == beta) & (x <= type(x)(0.0)) else y


@jitable
def xielu_bend(x: Scalar, alpha_p: Scalar = 0.8, alpha_n: Scalar = 0.8, beta: Scalar = 0.5) -> Scalar:
    """2 alpha_p if x > 0 else alpha_n exp(x)."""
    left = elu_slope(x, alpha_n)
    return alpha_p + alpha_p if x > type(x)(0.0) else left


def xielu_alpha_p_slope(x: Scalar, alpha_p: Scalar, alpha_n: Scalar, beta: Scalar) -> Scalar:
    """x^2 if x > 0 else 0; NaN stays."""
    return type(x)(0) if x <= 0 else x * x


@jitable
def xielu_alpha_n_slope(x: Scalar, alpha_p: Scalar, alpha_n: Scalar, beta: Scalar) -> Scalar:
    """0 if x > 0 else exp(x) - 1 - x: near 0 by its series, elsewhere in two words."""
    zero, half = type(x)(0.0), type(x)(0.5)
    z = -end(x) if x < -end(x) else x
    m, m_low = one_minus(z, zero)
    y, y_low = add(-m, -m_low, -x, zero)
    square = times(x, x)
    factor = fma(x, cubic_factor(x), half)
    near = fma(square, factor, fma(x, x, -square) * factor)
    y = y + y_low if abs(x) < type(x)(math.inf) else -x
    return zero if x > zero else near if x > type(x)(-0.34375) else y


def xielu_beta_slope(x: Scalar, alpha_p: Scalar, alpha_n: Scalar, beta: Scalar) -> Scalar:
    """x."""
    return x


@activation(
    derivative=xielu_slope,
    second=xielu_bend,
    reference=lambda m, x, alpha_p, alpha_n, beta: alpha_p * x * x + beta * x if x > 0 else alpha_n * (m.expm1(x) - x) + beta * x,
    numpy=lambda x, alpha_p=0.8, alpha_n=0.8, beta=0.5: np.where(
        x > 0, alpha_p * np.square(x) + beta * x, alpha_n * (np.expm1(x) - x) + beta * x
    ),
    max_ulp=1.0,
    cost=Cost.HEAVY,
    params={
        "alpha_p": "Half the rise of the slope where x > 0.",
        "alpha_n": "How far the slope falls where x <= 0. Both alphas are the effective ones, not a model's raw weights.",
        "beta": "The slope at 0.",
    },
    values=(-0.2057512240964821, None),
    slopes=(-0.3, None),
    gradients={"alpha_p": xielu_alpha_p_slope, "alpha_n": xielu_alpha_n_slope, "beta": xielu_beta_slope},
    names=(("xielu", "transformers"),),
    paper="Huang & Schlag, Deriving activation functions using integration (2024)",
)
def xielu(x: Scalar, alpha_p: Scalar = 0.8, alpha_n: Scalar = 0.8, beta: Scalar = 0.5) -> Scalar:
    """The expanded integral of the ELU, alpha_p x^2 + beta x if x > 0 else alpha_n (exp(x) - 1 - x) + beta x.

    float32 is computed in float64, float64 in two words: next to a root at x < 0, or to one of the derivative, that is 2 ULP but
    for a few numbers, of which the nearest may be 100 ULP off and more if the root is nearly a float64 number.
    """
    return value_of_xielu(x, alpha_p, alpha_n, beta)
