"""Functions that grow or settle as exp does: exponential, cloglog."""

from __future__ import annotations

import numpy as np

from fastrelu import vecmath
from fastrelu.activation import activation
from fastrelu.formulas.sigmoids import end
from fastrelu.thresholds import Cost
from fastrelu.vecmath.error import small
from fastrelu.vecmath.pairs import exp_pair, fine_exp, one_minus
from fastrelu.vecmath.primitives import Scalar, jitable, times
from fastrelu.vecmath.words import two_sum


@jitable
def exponential_slope(x: Scalar) -> Scalar:
    """exp(x)."""
    return vecmath.exp(x)


def exponential_slope_from_output(y: Scalar) -> Scalar:
    """y."""
    return y


@activation(
    derivative=exponential_slope,
    second=exponential_slope,
    from_output=exponential_slope_from_output,
    reference=lambda m, x: m.exp(x),
    numpy=lambda x: np.exp(x),
    max_ulp=0.9,
    values=(0, None),
    slopes=(0, None),
    names=(
        ("exponential", "keras keras2"),
        ("exp", "torch jax keras tf nnlib onednn mlx chainer sklearn"),
        ("Exp", "onnx"),
        ("EXP", "cudnn"),
    ),
    paper="Bernoulli (1683); Euler (1748)",
)
def exponential(x: Scalar) -> Scalar:
    """e to the power x."""
    return vecmath.exp(x)


@jitable
def cloglog_slope(x: Scalar) -> Scalar:
    """exp(x - exp(x))."""
    limit, least = type(x)(7.0), type(x)(-40.0)  # 0 above, exp(x) below
    power, low = fine_exp(limit if x > limit else least if x < least else x)
    z = limit if x > limit else x
    high, lost = two_sum(z, -power)
    return vecmath.exp_sum(high if x > least else x, lost - low if x > least else type(x)(0.0))


@jitable
def cloglog_bend(x: Scalar) -> Scalar:
    """exp(x - exp(x)) (1 - exp(x))."""
    limit, least, half = type(x)(7.0), type(x)(-40.0), type(x)(0.5)  # as in cloglog_slope
    z = limit if x > limit else x
    power, low = fine_exp(least if x < least else z)
    high, lost = two_sum(z, -power)
    # the root of the exponential, twice: the slope alone would be subnormal earlier
    root = vecmath.exp_sum(half * (high if x > least else x), half * (lost - low) if x > least else type(x)(0.0))
    return root * vecmath.expm1(z) * -root


@activation(
    derivative=cloglog_slope,
    second=cloglog_bend,
    reference=lambda m, x: -m.expm1(-m.exp(x)) if x < 100 else m.mpf(1),
    numpy=lambda x: -np.expm1(-np.exp(x)),
    max_ulp=0.76,
    cost=Cost.HEAVY,
    values=(0, 1),
    slopes=(0, 0.36787944117144233),
    paper="Fisher, Philosophical Transactions of the Royal Society A 222 (1922); Gomes & Ludermir, ESANN 2008",
)
def cloglog(x: Scalar) -> Scalar:
    """The complementary log-log function, 1 - exp(-exp(x))."""
    limit = type(x)(3.75)  # 1 from there on; much farther 1 - y is subnormal, which is slow
    p, p_low, scale = exp_pair(limit if x > limit else -end(x) if x < -end(x) else x, type(x)(0.0))
    power = times(scale, small(x))
    y, low = one_minus(-times(p, power), -p_low * power)
    return y + low
