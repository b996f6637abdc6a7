"""erf, erfc and what the GELUs share with them: branch-free, at most 1 ULP off, subnormal results rounded once.

A tail is exp(-h) times a slowly falling factor, and both must be known to more than one word, or their rounding errors
add up to 3 ULP. exp(-h) stays unevaluated as (1 - head + rest) * scale. The factor is (1 + g) / d with d = k a + c to
two words and g, a quotient of polynomials, within 0.1 of 0: what is lost in g is lost 10 times less in the product.
"""

from __future__ import annotations

import numpy as np

from fastrelu.vecmath.coefficients import ERF_32, ERF_64, ERFCX_32, ERFCX_32_Q, ERFCX_64, ERFCX_64_Q, LN2_32, LN2_64
from fastrelu.vecmath.exponential import LOG2E_32, LOG2E_64, SHIFT_32, SHIFT_64, exp_tail_32, exp_tail_64, scale_32, scale_64
from fastrelu.vecmath.primitives import Scalar, by_precision, fma, jitable, times

# decay's scale is 1 / SMALL too large.
SMALL_32, SMALL_64 = np.float32(2.0**-64), np.float64(2.0**-512)
SMALL_SHIFT_32, SMALL_SHIFT_64 = np.float32(SHIFT_32 + 64), np.float64(SHIFT_64 + 512)


@jitable
def _decay_32(high: Scalar, low: Scalar) -> Scalar:
    shifted = fma(high, -LOG2E_32, SMALL_SHIFT_32)
    n = shifted - SMALL_SHIFT_32
    head = fma(n, LN2_32[0], high)
    tail = fma(n, LN2_32[1], low)
    r = -(head + tail)
    return head, fma(r * r, exp_tail_32(r), -tail), scale_32(shifted)


@by_precision(_decay_32)
@jitable
def decay(high: Scalar, low: Scalar) -> Scalar:
    """head, rest and scale: exp(-high - low) = (1 - head + rest) * scale * small(high), for 0 <= high < 131 (800).

    head is exact and at most 0.35, rest at most 0.07. The scale is 2**64 (2**512) too large, so that no subnormal
    arises before the last product.
    """
    shifted = fma(high, -LOG2E_64, SMALL_SHIFT_64)
    n = shifted - SMALL_SHIFT_64
    head = fma(n, LN2_64[0], high)
    tail = fma(n, LN2_64[1], low)
    r = -(head + tail)
    return head, fma(r * r, exp_tail_64(r), -tail), scale_64(shifted)


@jitable
def _small_32(x: Scalar) -> Scalar:
    return SMALL_32


@by_precision(_small_32)
@jitable
def small(x: Scalar) -> Scalar:
    """What the scale of decay is to be multiplied by."""
    return SMALL_64


@jitable
def decayed(z: Scalar, low: Scalar, head: Scalar, rest: Scalar) -> Scalar:
    """(z + low) * (1 - head + rest) with little more than one rounding; low within 0.1 z."""
    value = fma(-head, z, z)
    lost = fma(-head, z, z - value)  # the difference is exact: head is at most 0.35
    return value + (fma(rest, z, lost) + fma(rest - head, low, low))


@jitable
def _erfcx_factor_32(a: Scalar) -> Scalar:
    p, q = ERFCX_32, ERFCX_32_Q
    top = fma(fma(fma(fma(fma(p[5], a, p[4]), a, p[3]), a, p[2]), a, p[1]), a, p[0])
    return top / fma(fma(fma(fma(fma(q[4], a, q[3]), a, q[2]), a, q[1]), a, q[0]), a, np.float32(1))


@by_precision(_erfcx_factor_32)
@jitable
def erfcx_factor(a: Scalar) -> Scalar:
    """g, where exp(a^2) erfc(a) = (1 + g) / (k a + c), with k and c of erfc_shape."""
    p, q, h = ERFCX_64, ERFCX_64_Q, times(a, a)
    # even and odd powers apart, because for large a all roundings add up: erfc would be 1.02 ULP off
    even = fma(fma(fma(fma(fma(p[10], h, p[8]), h, p[6]), h, p[4]), h, p[2]), h, p[0])
    odd = fma(fma(fma(fma(fma(p[11], h, p[9]), h, p[7]), h, p[5]), h, p[3]), h, p[1])
    top = fma(odd, a, even)
    even = fma(fma(fma(fma(fma(q[9], h, q[7]), h, q[5]), h, q[3]), h, q[1]), h, np.float64(1))
    odd = fma(fma(fma(fma(fma(q[10], h, q[8]), h, q[6]), h, q[4]), h, q[2]), h, q[0])
    return top / fma(odd, a, even)


@jitable
def _erfc_shape_32(x: Scalar) -> Scalar:
    return np.float32(10.5), np.float32(101 / 64), np.float32(15 / 16)


@by_precision(_erfc_shape_32)
@jitable
def erfc_shape(x: Scalar) -> Scalar:
    """Where erfc has become 0 and decay can still make its scale, and k and c of erfcx_factor."""
    return np.float64(27.5), np.float64(209 / 128), np.float64(29 / 32)


@jitable
def scaled_tail(a: Scalar) -> Scalar:
    """erfc(a) / small(a) for a >= 0."""
    one = type(a)(1.0)
    end, k, c = erfc_shape(a)
    a = end if a > end else a
    high = a * a
    head, rest, scale = decay(high, fma(a, a, -high))
    d = fma(k, a, c)
    y = one / d
    left = times(fma(-y, fma(k, a, c - d), fma(-y, d, one)), y)
    g = erfcx_factor(a)
    return decayed(y, fma(y, g, fma(left, g, left)), head, rest) * scale


@jitable
def erfc(x: Scalar) -> Scalar:
    """1 - erf(x), at most 1 ULP off (float32 and float64), subnormal results too."""
    zero = type(x)(0.0)
    tail = scaled_tail(abs(x))
    return fma(-tail if x < zero else tail, small(x), type(x)(2.0) if x < zero else zero)


@jitable
def _erf_factor_32(z: Scalar) -> Scalar:
    p = ERF_32
    return fma(fma(fma(fma(fma(fma(p[6], z, p[5]), z, p[4]), z, p[3]), z, p[2]), z, p[1]), z, p[0])


@by_precision(_erf_factor_32)
@jitable
def erf_factor(z: Scalar) -> Scalar:
    """erf(x) / x - 1 of z = x^2 <= 1."""
    p = ERF_64
    top = fma(fma(fma(fma(fma(fma(p[13], z, p[12]), z, p[11]), z, p[10]), z, p[9]), z, p[8]), z, p[7])
    return fma(fma(fma(fma(fma(fma(fma(top, z, p[6]), z, p[5]), z, p[4]), z, p[3]), z, p[2]), z, p[1]), z, p[0])


@jitable
def erf(x: Scalar) -> Scalar:
    """2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x, at most 1 ULP off (float32 and float64); -0.0 stays."""
    zero, one = type(x)(0.0), type(x)(1.0)
    a = abs(x)
    tail = scaled_tail(a)
    far = fma(tail if x < zero else -tail, small(x), -one if x < zero else one)
    # the series ends below 1: it loses 1.002 ULP of float64 there, the tail 0.7
    return far if a > type(x)(0.875) else fma(x, erf_factor(x * x), x)
