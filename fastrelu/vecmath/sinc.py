"""The derivative of sin(x) / x, (x cos(x) - sin(x)) / x^2, in relative accuracy next to its roots too.

The two terms cancel where tan(x) = x: float32 is computed in float64, and float64 from sines and cosines in two words, whose
Taylor series are summed in two words as far as x^11: the roots lie within 0.22 of those of the cosine. Below 1 it is x times
a polynomial in x^2.
"""

from __future__ import annotations

import numpy as np

from fastrelu.vecmath import coefficients
from fastrelu.vecmath.coefficients import HALF_PI_64, SIN_64, SINC_SLOPE_64
from fastrelu.vecmath.primitives import Scalar, fma, jitable, times
from fastrelu.vecmath.trigonometric import ODD, ONE, SECOND, ZERO, sine_and_cosine
from fastrelu.vecmath.turns import HALF, SHIFT, half_turns, quarter_turns, radians
from fastrelu.vecmath.words import add, product, quotient, step

# 1 / n! in two words, with the signs of the series of sine (odd n) and cosine (even n).
TERMS = {n: getattr(coefficients, f"RECIPROCAL_FACTORIAL_{n}") for n in range(3, 20)}
TWO, THREE_QUARTERS = np.float64(2), np.float64(0.75)
THIRD = tuple(2 * word for word in TERMS[3])
SINE = tuple((-1) ** (n // 2) * word for n in (3, 5, 7, 9, 11) for word in TERMS[n])
COSINE = tuple((-1) ** (n // 2) * word for n in (4, 6, 8, 10) for word in TERMS[n])
SINE_TAIL = tuple((-1) ** (n // 2) * TERMS[n][0] for n in (13, 15, 17, 19))
COSINE_TAIL = tuple((-1) ** (n // 2) * TERMS[n][0] for n in (12, 14, 16, 18))


@jitable
def long_sine_and_cosine(r: Scalar, r_low: Scalar) -> Scalar:
    """sin and cos of r + r_low for |r| <= pi / 4, in two words: s, s_low, c, c_low; 2^-72 off, and 2^-100 for |r| < 0.22."""
    z, z_low = product(r, r_low, r, r_low)
    a, b, t = SINE, COSINE, SINE_TAIL
    y = fma(fma(fma(t[3], z, t[2]), z, t[1]), z, t[0])
    y, y_low = step(y, ZERO, z, z_low, a[8], a[9])
    y, y_low = step(y, y_low, z, z_low, a[6], a[7])
    y, y_low = step(y, y_low, z, z_low, a[4], a[5])
    y, y_low = step(y, y_low, z, z_low, a[2], a[3])
    y, y_low = step(y, y_low, z, z_low, a[0], a[1])
    y, y_low = step(y, y_low, z, z_low, ONE, ZERO)
    t = COSINE_TAIL
    x = fma(fma(fma(t[3], z, t[2]), z, t[1]), z, t[0])
    x, x_low = step(x, ZERO, z, z_low, b[6], b[7])
    x, x_low = step(x, x_low, z, z_low, b[4], b[5])
    x, x_low = step(x, x_low, z, z_low, b[2], b[3])
    x, x_low = step(x, x_low, z, z_low, b[0], b[1])
    x, x_low = step(x, x_low, z, z_low, -HALF, ZERO)
    x, x_low = step(x, x_low, z, z_low, ONE, ZERO)
    y, y_low = product(y, y_low, r, r_low)
    return y, y_low, x, x_low


@jitable
def series(x: Scalar) -> Scalar:
    """The derivative for |x| < 1."""
    c, z = SINC_SLOPE_64, x * x
    fourth = z * z
    low = fma(fma(c[3], z, c[2]), fourth, fma(c[1], z, c[0]))
    high = fma(fma(c[7], z, c[6]), fourth, fma(c[5], z, c[4]))
    p = times(x, -THIRD[0])
    return p - fma(x, fma(fma(high, fourth * fourth, low), z, THIRD[1]), fma(x, THIRD[0], p))


@jitable
def sinc_slope_32(x: Scalar) -> Scalar:
    """The derivative at a float32 number, given and returned as float64."""
    p, rest = half_turns(x)
    p = p + p
    shifted = p + SHIFT
    r = times((p - (shifted - SHIFT)) + (rest + rest), HALF_PI_64[0])
    s, s_low, c, c_low = sine_and_cosine(r, ZERO)
    s, c = s + s_low, c + c_low
    n = np.float64(shifted).view(np.int64)
    odd = (n & ODD) != 0
    y = fma(x, -s if odd else c, -c if odd else -s) / (x * x)
    return series(x) if abs(x) < ONE else -y if (n & SECOND) != 0 else y


@jitable
def sinc_slope_64(x: Scalar) -> Scalar:
    """The derivative at a float64 number."""
    f, f_low, shifted = quarter_turns(x, ZERO)
    r, r_low = radians(f, f_low)
    s, s_low, c, c_low = long_sine_and_cosine(r, r_low)
    n = np.float64(shifted).view(np.int64)
    odd = (n & ODD) != 0
    # a root is 1 / x away from one of the cosine: c - s / x in two words, which leaves two roundings
    q, q_low = quotient(c if odd else s, c_low if odd else s_low, x, ZERO)
    q, q_low = add(-s if odd else c, -s_low if odd else c_low, -q, -q_low)
    y = (q + q_low) / x
    return series(x) if abs(x) < ONE else -y if (n & SECOND) != 0 else y


@jitable
def bend_series(x: Scalar) -> Scalar:
    """The second derivative for |x| < 3/4: -(sin(x) / x + 2 f'(x) / x), each without its constant, and -1/3."""
    c, s, z = SINC_SLOPE_64, SIN_64, x * x
    fourth = z * z
    low = fma(fma(c[3], z, c[2]), fourth, fma(c[1], z, c[0]))
    high = fma(fma(c[7], z, c[6]), fourth, fma(c[5], z, c[4]))
    sine = fma(fma(s[5], z, s[4]), fourth, fma(s[3], z, s[2]))
    sine = fma(sine, fourth, fma(s[1], z, s[0]))
    slope = fma(high, fourth * fourth, low)
    return fma(z, fma(TWO, slope, -sine), -THIRD[0])


@jitable
def sinc_bend_64(x: Scalar) -> Scalar:
    """The second derivative at a float64 number."""
    f, f_low, shifted = quarter_turns(x, ZERO)
    r, r_low = radians(f, f_low)
    s, s_low, c, c_low = long_sine_and_cosine(r, r_low)
    n = np.float64(shifted).view(np.int64)
    odd = (n & ODD) != 0
    s, s_low, c, c_low = c if odd else s, c_low if odd else s_low, -s if odd else c, -s_low if odd else c_low
    # -(s + 2 (c - s / x) / x) / x
    q, q_low = quotient(s, s_low, x, ZERO)
    q, q_low = add(c, c_low, -q, -q_low)
    q, q_low = quotient(q + q, q_low + q_low, x, ZERO)
    q, q_low = add(s, s_low, q, q_low)
    y = (q + q_low) / x
    return bend_series(x) if abs(x) < THREE_QUARTERS else y if (n & SECOND) != 0 else -y
