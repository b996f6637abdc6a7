"""sin and cos: branch-free, at most 1 ULP off for every input, however large; NaN at the infinities.

float32 is computed in float64, to 0.51 ULP: one polynomial over half a turn, instead of two words throughout.
"""

from __future__ import annotations

import numpy as np

from fastrelu.vecmath.coefficients import COS_64, SIN_64, SIN_HALF_TURNS
from fastrelu.vecmath.primitives import Scalar, by_precision, fma, jitable, times
from fastrelu.vecmath.turns import HALF, SHIFT, half_turns, quarter_turns, radians
from fastrelu.vecmath.words import two_sum

ONE, ZERO = np.float64(1), np.float64(0)
COARSE = np.float64(2.0**53)
TINY = np.float64(2.0**-27)  # sin(x) is x below
SIGN, ODD, SECOND = np.int64(63), np.int64(1), np.int64(2)  # shifts and masks


@jitable
def sine_of_half_turns(p: Scalar, rest: Scalar, offset: Scalar) -> Scalar:
    """sin(pi (p + rest + offset)) within 2^-40, for an offset of 0 or 1/2; |p| < 2^50."""
    shifted = p + offset + SHIFT
    f = (p - (shifted - SHIFT - offset)) + rest
    z = f * f
    c, fourth = SIN_HALF_TURNS, z * z
    low = fma(fma(c[3], z, c[2]), fourth, fma(c[1], z, c[0]))
    y = fma(fma(c[5], z, c[4]), fourth * fourth, low) * f
    return np.int64(np.float64(y).view(np.int64) ^ (np.float64(shifted).view(np.int64) << SIGN)).view(np.float64)


@jitable
def sine_and_cosine(r: Scalar, r_low: Scalar) -> Scalar:
    """sin and cos of r + r_low for |r| <= pi / 4, each in two words that are 2^-56 off: s, s_low, c, c_low."""
    z = r * r
    fourth = z * z
    s, c = SIN_64, COS_64
    p = fma(fma(fma(s[5], z, s[4]), fourth, fma(s[3], z, s[2])), fourth, fma(s[1], z, s[0]))
    q = fma(fma(fma(c[5], z, c[4]), fourth, fma(c[3], z, c[2])), fourth, fma(c[1], z, c[0]))
    half = times(HALF, z)
    cosine = ONE - half
    cosine_low = ((ONE - cosine) - half) + fma(fourth, q, -fma(r, r_low, HALF * fma(r, r, -z)))
    return r, fma(r * z, p, fma(-half, r_low, r_low)), cosine, cosine_low


@jitable
def sine_in_two_words(x: Scalar, x_low: Scalar, offset: Scalar, turns: Scalar) -> Scalar:
    """sin(x + x_low + (offset + turns) pi / 2) in two words 2^-56 off, for float64 x and |x_low| of the order of an ulp of x.

    offset is from 0 to 1/2, turns an integer. Beyond 2^53 x_low is not looked at.
    """
    f, f_low, shifted = quarter_turns(x, offset)
    r, r_low = radians(f, f_low)
    r, lost = two_sum(r, x_low if abs(x) < COARSE else ZERO)
    r, r_low = two_sum(r, r_low + lost)
    s, s_low, c, c_low = sine_and_cosine(r, r_low)
    n = np.int64(np.float64(shifted).view(np.int64) + turns)
    odd, below = (n & ODD) != 0, (n & SECOND) != 0
    y, low = c if odd else s, c_low if odd else s_low
    return -y if below else y, -low if below else low


@jitable
def _sin_32(x: Scalar) -> Scalar:
    p, rest = half_turns(np.float64(x))
    y = np.float32(sine_of_half_turns(p, rest, ZERO))
    return x if x == np.float32(0) else y


@by_precision(_sin_32)
@jitable
def sin(x: Scalar) -> Scalar:
    """The sine, at most 1 ULP off (float32 and float64); -0.0 stays."""
    y, low = sine_in_two_words(x, ZERO, ZERO, np.int64(0))
    return x if abs(x) < TINY else y + low


@jitable
def _cos_32(x: Scalar) -> Scalar:
    p, rest = half_turns(np.float64(x))
    return np.float32(sine_of_half_turns(p, rest, HALF))


@by_precision(_cos_32)
@jitable
def cos(x: Scalar) -> Scalar:
    """The cosine, at most 1 ULP off (float32 and float64)."""
    y, low = sine_in_two_words(x, ZERO, ZERO, np.int64(1))
    return y + low
