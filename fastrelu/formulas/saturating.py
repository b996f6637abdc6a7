"""S-shaped relatives of the tanh and the sigmoid: bipolar_sigmoid, softcap."""

from __future__ import annotations

import numpy as np

from fastrelu import vecmath
from fastrelu.activation import activation
from fastrelu.formulas.sigmoids import bell_of, bell_sum
from fastrelu.vecmath.error import small
from fastrelu.vecmath.hyperbolic import tanh_parts
from fastrelu.vecmath.primitives import Scalar, compilable, fma, times
from fastrelu.vecmath.words import inverse


@compilable
def bipolar_sigmoid_slope(x: Scalar) -> Scalar:
    """2 t / (1 + t)^2 with t = exp(-abs(x))."""
    return times(bell_of(abs(x)), type(x)(2) * small(x))


@activation(
    derivative=bipolar_sigmoid_slope,
    reference=lambda m, x: m.tanh(x / 2),
    numpy=lambda x: (1 - np.exp(-x)) / (1 + np.exp(-x)),
    max_ulp=1.0,
)
def bipolar_sigmoid(x: Scalar) -> Scalar:
    """The bipolar sigmoid, (1 - exp(-x)) / (1 + exp(-x)) = tanh(x / 2)."""
    return vecmath.tanh(type(x)(0.5) * x)


@compilable
def softcap_slope(x: Scalar, cap: Scalar = 30.0) -> Scalar:
    """4 t / (1 + t)^2 with t = exp(-2 abs(x / cap))."""
    two, a = type(x)(2), abs(x)
    high, low = inverse(abs(cap))
    z = times(a, high)
    return times(bell_sum(two * z, two * fma(a, low, fma(a, high, -z))), type(x)(4) * small(x))


@activation(
    derivative=softcap_slope,
    reference=lambda m, x, cap: cap * m.tanh(x / cap),
    numpy=lambda x, cap=30.0: cap * np.tanh(x / cap),
    max_ulp=1.0,
    params={"cap": "The limits are -cap and cap; not 0."},
    paper="Bello et al., ICLR 2017; Gemma Team, Gemma 2 (2024)",
)
def softcap(x: Scalar, cap: Scalar = 30.0) -> Scalar:
    """The soft cap, cap * tanh(x / cap): x near 0, and never beyond cap."""
    z = x / abs(cap)
    inside, unit, weight, quotient = tanh_parts(z)
    # tanh(z) is unit * (weight + quotient), where unit is z or 1 with its sign: x takes the place of cap * z
    unit = x if inside else unit * abs(cap)
    return fma(unit, weight, unit * quotient)
