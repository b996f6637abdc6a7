"""The error function and its complement."""

from __future__ import annotations

from fastrelu import vecmath
from fastrelu.activation import activation
from fastrelu.formulas.gelus import scipy_erf
from fastrelu.thresholds import Cost
from fastrelu.vecmath.coefficients import TWO_OVER_SQRT_PI_32, TWO_OVER_SQRT_PI_64
from fastrelu.vecmath.error import decay, decayed, erfc_shape, small
from fastrelu.vecmath.primitives import Scalar, by_precision, fma, jitable, times
from fastrelu.vecmath.words import product


@jitable
def _two_over_sqrt_pi_32(x: Scalar) -> Scalar:
    return TWO_OVER_SQRT_PI_32[0], TWO_OVER_SQRT_PI_32[1]


@by_precision(_two_over_sqrt_pi_32)
@jitable
def two_over_sqrt_pi(x: Scalar) -> Scalar:
    """2 / sqrt(pi) in two words."""
    return TWO_OVER_SQRT_PI_64[0], TWO_OVER_SQRT_PI_64[1]


@jitable
def erf_slope(x: Scalar) -> Scalar:
    """2 / sqrt(pi) exp(-x^2)."""
    a = abs(x)
    end, _, _ = erfc_shape(x)
    a = end if a > end else a
    high = times(a, a)
    head, rest, scale = decay(high, fma(a, a, -high))
    c, c_low = two_over_sqrt_pi(x)
    return times(decayed(c, c_low, head, rest) * scale, small(x))


@jitable
def erfc_slope(x: Scalar) -> Scalar:
    """-2 / sqrt(pi) exp(-x^2)."""
    return -erf_slope(x)


@jitable
def erf_bend(x: Scalar) -> Scalar:
    """-4 / sqrt(pi) x exp(-x^2)."""
    zero, a = type(x)(0.0), abs(x)
    end, _, _ = erfc_shape(x)
    a = end if a > end else a
    high = times(a, a)
    head, rest, scale = decay(high, fma(a, a, -high))
    w, w_low = product(*two_over_sqrt_pi(x), a + a, zero)
    y = times(decayed(w, w_low, head, rest) * scale, small(x))
    return -y if x > zero else y


@activation(
    derivative=erf_slope,
    second=erf_bend,
    reference=lambda m, x: m.erf(x),
    numpy=lambda x: scipy_erf()(x),
    max_ulp=0.83,
    cost=Cost.HEAVY,
    values=(-1, 1),
    slopes=(0, 1.1283791670955126),
    names=(
        ("erf", "torch jax keras tf mlx chainer scipy"),
        ("Erf", "onnx"),
        ("ERF", "cudnn"),
    ),
    paper="Glaisher, Philosophical Magazine 42 (1871)",
)
def erf(x: Scalar) -> Scalar:
    """The error function, 2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x."""
    return vecmath.erf(x)


@jitable
def erfc_bend(x: Scalar) -> Scalar:
    """4 / sqrt(pi) x exp(-x^2)."""
    return -erf_bend(x)


@activation(
    derivative=erfc_slope,
    second=erfc_bend,
    reference=lambda m, x: m.erfc(x),
    numpy=lambda x: 1 - scipy_erf()(x),
    max_ulp=0.97,
    cost=Cost.HEAVY,
    values=(0, 2),
    slopes=(-1.1283791670955126, 0),
    names=(("erfc", "torch jax keras tf chainer scipy"),),
    paper="Glaisher, Philosophical Magazine 42 (1871)",
)
def erfc(x: Scalar) -> Scalar:
    """The complementary error function, 1 - erf(x), without cancellation for large x."""
    return vecmath.erfc(x)
