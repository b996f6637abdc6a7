"""Logarithms of probabilities: logsigmoid, log1mexp, logit."""

from __future__ import annotations

import math

import numpy as np

from fastrelu.activation import activation
from fastrelu.formulas.sigmoids import bounded, end, reduced, share, sigmoid_slope
from fastrelu.thresholds import Cost
from fastrelu.vecmath.error import small
from fastrelu.vecmath.logwords import log1p_words, log_words, split
from fastrelu.vecmath.pairs import exp_pair, one_minus
from fastrelu.vecmath.primitives import Scalar, jitable, times
from fastrelu.vecmath.words import product, quotient, two_sum

NAN = math.nan  # what is outside of the domain


@jitable
def logsigmoid_slope(x: Scalar) -> Scalar:
    """sigmoid(-x)."""
    r, scale = reduced(bounded(-x))
    return share(r, scale)


@jitable
def logsigmoid_bend(x: Scalar) -> Scalar:
    """-t / (1 + t)^2 with t = exp(-abs(x))."""
    return -sigmoid_slope(x)


@activation(
    derivative=logsigmoid_slope,
    second=logsigmoid_bend,
    reference=lambda m, x: -m.log1p(m.exp(-x)),
    numpy=lambda x: np.minimum(x, 0) - np.log1p(np.exp(-np.abs(x))),
    max_ulp=0.76,
    cost=Cost.HEAVY,
    values=(None, 0),
    slopes=(0, 1),
    names=(
        ("logsigmoid", "torch"),
        ("logsigmoid logσ", "nnlib"),  # noqa: RUF001
        ("log_sigmoid", "jax keras tf mlx"),
        ("log_expit", "scipy"),
    ),
    paper="torch.nn.LogSigmoid; Mächler, Accurately Computing log(1 - exp(-|a|)), Rmpfr (2012)",
)
def logsigmoid(x: Scalar) -> Scalar:
    """The logarithm of the logistic sigmoid, -log(1 + exp(-x)); it does not overflow for negative x."""
    zero, infinity = type(x)(0.0), type(x)(math.inf)
    a = abs(x)
    p, p_low, scale = exp_pair(-(end(x) if a > end(x) else a), zero)
    power = times(scale, small(x))
    total, low = log1p_words(times(p, power), p_low * power)
    base = x if x < zero else zero
    y, lost = two_sum(base, -total)
    y = y + (lost - low) if a < infinity else base
    # far out the logarithm is exp(-x) itself, which stays scaled
    return times(-p * scale, small(x)) if x > type(x)(40.0) else y if x == x else x


@jitable
def log1mexp_slope(x: Scalar) -> Scalar:
    """1 / (exp(x) - 1)."""
    zero, one, infinity = type(x)(0.0), type(x)(1.0), type(x)(math.inf)
    a = end(x) if x > end(x) else x
    p, p_low, scale = exp_pair(-a, zero)
    m, m_low = one_minus(-a, zero)
    y, low = quotient(p, p_low, m, m_low)
    y = y + low if abs(low) < infinity else y
    # far out the slope is exp(-x), which stays scaled
    y = times(y * scale, small(x)) if x > one else y * times(scale, small(x))
    return y if x > zero else infinity if x == zero else type(x)(NAN)


@jitable
def log1mexp_bend(x: Scalar) -> Scalar:
    """-exp(x) / (exp(x) - 1)^2, as -t / (1 - t)^2 with t = exp(-x)."""
    zero, one, infinity = type(x)(0.0), type(x)(1.0), type(x)(math.inf)
    a = end(x) if x > end(x) else x
    p, p_low, scale = exp_pair(-a, zero)
    m, m_low = one_minus(-a, zero)
    y, low = quotient(p, p_low, m, m_low)
    y, low = quotient(y, low, m, m_low)
    y = y + low if abs(low) < infinity else y
    # far out it is -exp(-x), which stays scaled
    y = times(-y * scale, small(x)) if x > one else -y * times(scale, small(x))
    return y if x > zero else -infinity if x == zero else type(x)(NAN)


@activation(
    derivative=log1mexp_slope,
    second=log1mexp_bend,
    reference=lambda m, x: m.log(-m.expm1(-x)) if x > 0 else m.nan if x < 0 else m.ninf,
    numpy=lambda x: np.where(x > math.log(2), np.log1p(-np.exp(-x)), np.log(-np.expm1(-x))),
    max_ulp=0.76,
    cost=Cost.HEAVY,
    values=(None, 0),
    slopes=(0, None),
    names=(("log1mexp", "jax"),),
    paper="Mächler, Accurately Computing log(1 - exp(-|a|)), Rmpfr (2012)",
)
def log1mexp(x: Scalar) -> Scalar:
    """log(1 - exp(-x)); -inf at 0, NaN for negative x."""
    zero, infinity = type(x)(0.0), type(x)(math.inf)
    a = end(x) if x > end(x) else x
    p, p_low, scale = exp_pair(-a, zero)
    power = times(scale, small(x))
    m, m_low = one_minus(-a, zero)
    k, f, f_low = split(m, m_low)
    f, f_low = -times(p, power) if m > type(x)(0.75) else f, -p_low * power if m > type(x)(0.75) else f_low
    y, low = log_words(k if m <= type(x)(0.75) else zero, f, f_low)
    y = times(-p * scale, small(x)) if x > type(x)(40.0) else y + low
    return y if x > zero else -infinity if x == zero else type(x)(NAN)


@jitable
def logit_slope(x: Scalar) -> Scalar:
    """1 / (x (1 - x))."""
    zero, one, infinity = type(x)(0.0), type(x)(1.0), type(x)(math.inf)
    w = one - x
    w, w_low = product(w, (one - w) - x, x, zero)
    y, low = quotient(one, zero, w, w_low)
    y = y + low if abs(low) < infinity else y
    return abs(y) if x >= zero and x <= one else type(x)(NAN)


@jitable
def logit_bend(x: Scalar) -> Scalar:
    """(2 x - 1) / (x (1 - x))^2."""
    y = logit_slope(x)
    return (x + x - type(x)(1.0)) * y * y


@activation(
    derivative=logit_slope,
    second=logit_bend,
    reference=lambda m, x: m.log(x / (1 - x)) if 0 < x < 1 else m.ninf if x == 0 else m.inf if x == 1 else m.nan,
    numpy=lambda x: np.log(x) - np.log1p(-x),
    max_ulp=0.72,
    cost=Cost.HEAVY,
    values=(None, None),
    slopes=(4, None),
    names=(("logit", "torch jax scipy"),),
    paper="Berkson, Journal of the American Statistical Association 39 (1944)",
)
def logit(x: Scalar) -> Scalar:
    """The inverse of the sigmoid, log(x / (1 - x)); infinite at 0 and 1, NaN outside."""
    zero, one, infinity = type(x)(0.0), type(x)(1.0), type(x)(math.inf)
    w = one - x
    w_low = (one - w) - x
    q, q_low = quotient(x, zero, w, w_low)
    k, f, f_low = split(q, q_low)
    # around 1/2 the quotient less 1 is (2 x - 1) / (1 - x)
    near, near_low = quotient(x + x - one, zero, w, w_low)
    close = abs(x - type(x)(0.5)) < type(x)(0.0625)
    y, low = log_words(zero if close else k, near if close else f, near_low if close else f_low)
    y = y + low
    y = y if x > zero else -infinity if x == zero else type(x)(NAN)
    return y if x < one else infinity if x == one else type(x)(NAN)
