"""Periodic functions: sinusoid, sinc, snake. At the infinities, where a sine has no limit, NaN."""

from __future__ import annotations

import numpy as np

from fastrelu import vecmath
from fastrelu.activation import activation
from fastrelu.thresholds import Cost
from fastrelu.vecmath.primitives import Scalar, by_precision, fma, jitable, times
from fastrelu.vecmath.sinc import sinc_bend_64, sinc_slope_32, sinc_slope_64
from fastrelu.vecmath.trigonometric import sine_in_two_words, sine_of_half_turns
from fastrelu.vecmath.turns import half_turns
from fastrelu.vecmath.words import add, product, quick_sum, quotient, two_sum

INFINITY_32, INFINITY_64 = np.float32(np.inf), np.float64(np.inf)
ZERO_32, ZERO_64, ONE_32, ONE_64, HALF_64 = np.float32(0), np.float64(0), np.float32(1), np.float64(1), np.float64(0.5)
TINY_64 = np.float64(2.0**-27)  # sin(x) / x is 1 below
STILL_32, STILL_64 = np.float64(2.0**46), np.float64(2.0**60)  # from there on a * x is so large that sin(a x)^2 / a is not felt


@jitable
def cosine(x: Scalar) -> Scalar:
    """cos(x), the derivative of sinusoid."""
    return vecmath.cos(x)


@jitable
def sinusoid_bend(x: Scalar) -> Scalar:
    """-sin(x)."""
    return -vecmath.sin(x)


@activation(
    derivative=cosine,
    second=sinusoid_bend,
    reference=lambda m, x: m.sin(x),
    numpy=lambda x: np.sin(x),
    max_ulp=0.77,
    cost=Cost.HEAVY,
    values=(-1, 1),
    slopes=(-1, 1),
    names=(
        ("sin", "torch jax keras tf mlx chainer"),
        ("Sin", "onnx"),
    ),
    paper="Sopena, Romero & Alquezar, ICANN 1999; Sitzmann et al. (SIREN), NeurIPS 2020",
)
def sinusoid(x: Scalar) -> Scalar:
    """The sine, sin(x); exact to the last place for arguments of any size."""
    return vecmath.sin(x)


@jitable
def _sinc_slope_32(x: Scalar) -> Scalar:
    return ZERO_32 if abs(x) == INFINITY_32 else np.float32(sinc_slope_32(np.float64(x)))


@by_precision(_sinc_slope_32)
@jitable
def sinc_slope(x: Scalar) -> Scalar:
    """(x cos(x) - sin(x)) / x^2, by its series below 1 and in two words above."""
    return ZERO_64 if abs(x) == INFINITY_64 else sinc_slope_64(x)


@jitable
def _sinc_32(x: Scalar) -> Scalar:
    wide = np.float64(x)
    p, rest = half_turns(wide)
    y = np.float32(sine_of_half_turns(p, rest, ZERO_64) / wide)
    return ONE_32 if x == ZERO_32 else ZERO_32 if abs(x) == INFINITY_32 else y


@by_precision(_sinc_32)
@jitable
def sine_quotient(x: Scalar) -> Scalar:
    """sin(x) / x."""
    s, s_low = sine_in_two_words(x, ZERO_64, ZERO_64, np.int64(0))
    y = s / x
    y = y + (fma(-y, x, s) + s_low) / x
    return ONE_64 if abs(x) < TINY_64 else ZERO_64 if abs(x) == INFINITY_64 else y


@jitable
def _sinc_bend_32(x: Scalar) -> Scalar:
    return ZERO_32 if abs(x) == INFINITY_32 else np.float32(sinc_bend_64(np.float64(x)))


@by_precision(_sinc_bend_32)
@jitable
def sinc_bend(x: Scalar) -> Scalar:
    """((2 - x^2) sin(x) - 2 x cos(x)) / x^3, by its series below 3/4 and in two words above."""
    return ZERO_64 if abs(x) == INFINITY_64 else sinc_bend_64(x)


@activation(
    derivative=jitable(sinc_slope),
    second=jitable(sinc_bend),
    reference=lambda m, x: m.sin(x) / x if x else m.mpf(1),
    numpy=lambda x: np.sinc(x / np.pi),
    max_ulp=0.89,
    cost=Cost.HEAVY,
    values=(-0.21723362821122166, 1),
    slopes=(-0.4361818172714585, 0.4361818172714585),
    paper="Woodward & Davies, Proc. IEE 99 (1952)",
)
def sinc(x: Scalar) -> Scalar:
    """The unnormalised sinc, sin(x) / x, and 1 at 0; NumPy's sinc has pi * x in place of x."""
    return sine_quotient(x)


@jitable
def risen_sine(z: Scalar, z_low: Scalar) -> Scalar:
    """1 + sin(2 z + 2 z_low) = 2 sin(z + z_low + pi / 4)^2, which has no cancellation next to its zeros."""
    s, s_low = sine_in_two_words(z, z_low, HALF_64, np.int64(0))
    s, s_low = quick_sum(s, s_low)
    square = times(s, s)
    y = square + fma(s + s, s_low, fma(s, s, -square))
    return y + y


@jitable
def _snake_rise_32(x: Scalar, a: Scalar) -> Scalar:
    return np.float32(risen_sine(times(np.float64(a), np.float64(x)), ZERO_64))


@by_precision(_snake_rise_32)
@jitable
def snake_rise(x: Scalar, a: Scalar) -> Scalar:
    """1 + sin(2 a x)."""
    z = times(a, x)
    return risen_sine(z, fma(a, x, -z))


@jitable
def snake_slope(x: Scalar, a: Scalar = 1.0) -> Scalar:
    """1 + sin(2 a x); where abs(a x) > 2^53, float64 takes the rounded product for a x."""
    return snake_rise(x, a)


@jitable
def _snake_value_32(x: Scalar, a: Scalar) -> Scalar:
    wide, factor = np.float64(x), np.float64(a)
    z = times(factor, wide)
    still = abs(z) > STILL_32
    p, rest = half_turns(ZERO_64 if still else z)
    s = sine_of_half_turns(p, rest, ZERO_64)
    y = np.float32(wide + times(s, s) / factor)
    return x if still else y


@by_precision(_snake_value_32)
@jitable
def snake_value(x: Scalar, a: Scalar) -> Scalar:
    """x + sin(a x)^2 / a."""
    z = times(a, x)
    still = abs(z) > STILL_64
    z_low = ZERO_64 if still else fma(a, x, -z)
    s, s_low = sine_in_two_words(ZERO_64 if still else z, z_low, ZERO_64, np.int64(0))
    s, s_low = quick_sum(s, s_low)
    square, square_low = product(s, s_low, s, s_low)
    wave, wave_low = quotient(square, square_low, a, ZERO_64)
    y, low = two_sum(x, wave)
    return x if still else y + (low + wave_low)


@jitable
def cosine_of_twice(z: Scalar, z_low: Scalar) -> Scalar:
    """cos(2 z + 2 z_low)."""
    y, low = sine_in_two_words(z + z, z_low + z_low, ZERO_64, np.int64(1))
    return y + low


@jitable
def _snake_cosine_32(x: Scalar, a: Scalar) -> Scalar:
    return np.float32(cosine_of_twice(times(np.float64(a), np.float64(x)), ZERO_64))


@by_precision(_snake_cosine_32)
@jitable
def snake_cosine(x: Scalar, a: Scalar) -> Scalar:
    """cos(2 a x)."""
    z = times(a, x)
    return cosine_of_twice(z, fma(a, x, -z))


@jitable
def snake_bend(x: Scalar, a: Scalar = 1.0) -> Scalar:
    """2 a cos(2 a x)."""
    return (a + a) * snake_cosine(x, a)


@jitable
def _snake_growth_32(x: Scalar, a: Scalar) -> Scalar:
    factor = np.float64(a)
    z = times(factor, np.float64(x))
    s, s_low = sine_in_two_words(z, ZERO_64, ZERO_64, np.int64(0))
    c, c_low = sine_in_two_words(z, ZERO_64, ZERO_64, np.int64(1))
    s = s + s_low
    return np.float32(s * fma(z + z, c + c_low, -s) / factor / factor)


@by_precision(_snake_growth_32)
@jitable
def snake_growth(x: Scalar, a: Scalar) -> Scalar:
    """sin(z) (2 z cos(z) - sin(z)) / a^2, z = a x."""
    z = times(a, x)
    z_low = fma(a, x, -z)
    s, s_low = sine_in_two_words(z, z_low, ZERO_64, np.int64(0))
    c, c_low = sine_in_two_words(z, z_low, ZERO_64, np.int64(1))
    s, s_low = quick_sum(s, s_low)
    c, c_low = quick_sum(c, c_low)
    y, y_low = product(z + z, z_low + z_low, c, c_low)
    y, y_low = add(y, y_low, -s, -s_low)
    y, y_low = product(y, y_low, s, s_low)
    return (y + y_low) / a / a


@jitable
def snake_a_slope(x: Scalar, a: Scalar) -> Scalar:
    """x sin(2 a x) / a - sin(a x)^2 / a^2."""
    return snake_growth(x, a)


@activation(
    derivative=snake_slope,
    second=snake_bend,
    reference=lambda m, x, a: x + m.sin(a * x) ** 2 / a,
    numpy=lambda x, a=1.0: x + np.sin(a * x) ** 2 / a,
    max_ulp=1.06,
    cost=Cost.HEAVY,
    params={"a": "The frequency, not 0: the wave has the period pi / a and the height 1 / a. ``a * x`` up to 2^50."},
    values=(None, None),
    slopes=(0, 2),
    names=(("snake", "tfa", lambda frequency=1.0: {"a": frequency}),),
    gradients={"a": snake_a_slope},
    paper="Liu, Hartwig & Ueda, Neural networks fail to learn periodic functions, NeurIPS 2020",
)
def snake(x: Scalar, a: Scalar = 1.0) -> Scalar:
    """x + sin(a * x)^2 / a: rises everywhere, and is periodic but for a straight line."""
    return snake_value(x, a)
