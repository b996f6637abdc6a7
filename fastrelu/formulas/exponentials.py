"""Functions that grow or settle as exp does: exponential, cloglog, soft_exponential."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba.extending import register_jitable

from fastrelu import vecmath
from fastrelu.activation import activation
from fastrelu.formulas.sigmoids import end
from fastrelu.formulas.smht import growing
from fastrelu.thresholds import Cost
from fastrelu.vecmath.error import small
from fastrelu.vecmath.pairs import exp_pair, fine_exp, one_minus
from fastrelu.vecmath.primitives import IEEE, Scalar, compilable, fma, times
from fastrelu.vecmath.words import add, quotient, two_sum

NAN = math.nan  # what is outside of the domain


@compilable
def exponential_slope(x: Scalar) -> Scalar:
    """exp(x)."""
    return vecmath.exp(x)


def exponential_slope_from_output(y: Scalar) -> Scalar:
    """y."""
    return y


@activation(
    derivative=exponential_slope,
    from_output=exponential_slope_from_output,
    reference=lambda m, x: m.exp(x),
    numpy=lambda x: np.exp(x),
    max_ulp=1.0,
    paper="Bernoulli (1683); Euler (1748)",
)
def exponential(x: Scalar) -> Scalar:
    """e to the power x."""
    return vecmath.exp(x)


@compilable
def cloglog_slope(x: Scalar) -> Scalar:
    """exp(x - exp(x))."""
    limit, least = type(x)(7.0), type(x)(-40.0)  # 0 above, exp(x) below
    power, low = fine_exp(limit if x > limit else least if x < least else x)
    z = limit if x > limit else x
    high, lost = two_sum(z, -power)
    return vecmath.exp_sum(high if x > least else x, lost - low if x > least else type(x)(0.0))


@activation(
    derivative=cloglog_slope,
    reference=lambda m, x: -m.expm1(-m.exp(x)) if x < 100 else m.mpf(1),
    numpy=lambda x: -np.expm1(-np.exp(x)),
    max_ulp=1.0,
    cost=Cost.HEAVY,
    paper="Fisher, Philosophical Transactions of the Royal Society A 222 (1922); Gomes & Ludermir, ESANN 2008",
)
def cloglog(x: Scalar) -> Scalar:
    """The complementary log-log function, 1 - exp(-exp(x))."""
    limit = type(x)(4.5)  # 1 from there on
    p, p_low, scale = exp_pair(limit if x > limit else -end(x) if x < -end(x) else x, type(x)(0.0))
    power = times(scale, small(x))
    y, low = one_minus(-times(p, power), -p_low * power)
    return y + low


def soft_exponential_reference(m: Any, x: Any, alpha: Any) -> Any:
    """The three cases, in the arithmetic of m."""
    if alpha > 0:
        return m.expm1(alpha * x) / alpha + alpha
    inside = 1 - alpha * (x + alpha)
    return x if alpha == 0 else -m.log(inside) / alpha if inside > 0 else m.nan


@register_jitable(**IEEE)
def excess(x: Scalar, alpha: Scalar) -> Scalar:
    """-alpha * (x + alpha) in two words."""
    total, low = two_sum(x, alpha)
    w = times(-alpha, total)
    return w, fma(-alpha, total, -w) - times(alpha, low)


@compilable
def soft_exponential_slope(x: Scalar, alpha: Scalar = 0.0) -> Scalar:
    """exp(alpha * x) if alpha >= 0 else 1 / (1 - alpha * (x + alpha))."""
    zero, one = type(x)(0.0), type(x)(1.0)
    z = times(alpha, x)
    power = vecmath.exp_sum(z, fma(alpha, x, -z))
    w, w_low = excess(x, alpha)
    total, low = two_sum(one, w)
    low = low + w_low
    y = one / total
    inverse = fma(-y, low * y, y) if y < type(x)(math.inf) and y > zero else y
    inverse = inverse if total >= zero else type(x)(NAN)
    return power if alpha > zero else (one if x == x else x) if alpha == zero else inverse


@activation(
    derivative=soft_exponential_slope,
    reference=lambda m, x, alpha: soft_exponential_reference(m, x, alpha),
    numpy=lambda x, alpha=0.0: (
        np.expm1(alpha * x) / alpha + alpha if alpha > 0 else -np.log1p(-alpha * (x + alpha)) / alpha if alpha < 0 else x + 0
    ),
    max_ulp=2.0,
    cost=Cost.HEAVY,
    params={"alpha": "1: exp(x); 0: x; -1: log(x). Below 0 it is NaN for x < 1 / alpha - alpha."},
    paper="Godfrey & Gashler, A Continuum among Logarithmic, Linear, and Exponential Functions, IC3K 2015",
)
def soft_exponential(x: Scalar, alpha: Scalar = 0.0) -> Scalar:
    """(exp(alpha * x) - 1) / alpha + alpha, and for negative alpha -log(1 - alpha * (x + alpha)) / alpha."""
    zero, one = type(x)(0.0), type(x)(1.0)
    z = times(alpha, x)
    z_low = fma(alpha, x, -z)
    bounded = -end(x) if z < -end(x) else z
    bounded = type(x)(42.0) if bounded > type(x)(42.0) else bounded
    m, m_low = one_minus(bounded, z_low if bounded == z else zero)
    m, m_low = quotient(-m, -m_low, alpha, zero)
    m, m_low = add(m, m_low, alpha, zero)
    inverse, inverse_low = quotient(one, zero, alpha, zero)
    grown = growing(inverse, inverse_low, z, z_low) if z > type(x)(40.0) else m + m_low
    w, w_low = excess(x, alpha)
    y = vecmath.log1p(w)
    y = y + w_low / (one + w) if abs(y) < type(x)(math.inf) else y
    return grown if alpha > zero else x if alpha == zero else y / -alpha
