"""Polyharmonic splines: powers of the distance r = abs(x - center), with its logarithm where the power is even.

r = m 2^e: the power of m stays near 1, and the power of two is applied last.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fastrelu.activation import activation
from fastrelu.formulas.radial import CENTER, opposite
from fastrelu.thresholds import Cost
from fastrelu.vecmath.coefficients import (
    ROOT_E_2_32,
    ROOT_E_2_64,
    ROOT_E_4_32,
    ROOT_E_4_64,
    ROOT_E_6_32,
    ROOT_E_6_64,
    ROOT_E_8_32,
    ROOT_E_8_64,
    ROOT_E_MINUS_2_32,
    ROOT_E_MINUS_2_64,
    ROOT_E_MINUS_4_32,
    ROOT_E_MINUS_4_64,
    ROOT_E_MINUS_6_32,
    ROOT_E_MINUS_6_64,
    ROOT_E_MINUS_8_32,
    ROOT_E_MINUS_8_64,
)
from fastrelu.vecmath.logwords import log_in_two_words
from fastrelu.vecmath.primitives import Scalar, by_precision, jitable, times
from fastrelu.vecmath.radii import apart, power_of_two, small_power
from fastrelu.vecmath.words import add, product, two_sum

LARGE_32, LARGE_64 = np.float32(2.0**126), np.float64(2.0**1022)
ROUND_32, ROUND_64 = np.float32(1.5 * 2**23), np.float64(1.5 * 2**52)
FIVE_32, FIVE_64, SEVEN_32, SEVEN_64 = np.float32(5), np.float64(5), np.float32(7), np.float64(7)
THREE_32, THREE_64 = np.float32(3), np.float64(3)

DUCHON = "Duchon, Constructive Theory of Functions of Several Variables (1977)"


def spline_reference(m: Any, r: Any, k: int) -> Any:
    """r^k or r^k log(r) in the arithmetic of m."""
    return r**k if k % 2 or not r else r**k * m.log(r)


@jitable
def _ends_32(x: Scalar) -> Scalar:
    return LARGE_32, ROUND_32


@by_precision(_ends_32)
@jitable
def ends(x: Scalar) -> Scalar:
    """A number near the end of the range, and what rounds a sum to an integer."""
    return LARGE_64, ROUND_64


@jitable
def _root_32(k: Scalar) -> Scalar:
    a, b, c, d = ROOT_E_2_32, ROOT_E_4_32, ROOT_E_6_32, ROOT_E_8_32
    high = a[0] if k < THREE_32 else b[0] if k < FIVE_32 else c[0] if k < SEVEN_32 else d[0]
    low = a[1] if k < THREE_32 else b[1] if k < FIVE_32 else c[1] if k < SEVEN_32 else d[1]
    return high, low


@by_precision(_root_32)
@jitable
def root_of_e(k: Scalar) -> Scalar:
    """exp(1 / k) in two words, for even k."""
    a, b, c, d = ROOT_E_2_64, ROOT_E_4_64, ROOT_E_6_64, ROOT_E_8_64
    high = a[0] if k < THREE_64 else b[0] if k < FIVE_64 else c[0] if k < SEVEN_64 else d[0]
    low = a[1] if k < THREE_64 else b[1] if k < FIVE_64 else c[1] if k < SEVEN_64 else d[1]
    return high, low


@jitable
def _bend_32(k: Scalar) -> Scalar:
    a, b, c, d = ROOT_E_MINUS_2_32, ROOT_E_MINUS_4_32, ROOT_E_MINUS_6_32, ROOT_E_MINUS_8_32
    high = a[0] if k < THREE_32 else b[0] if k < FIVE_32 else c[0] if k < SEVEN_32 else d[0]
    low = a[1] if k < THREE_32 else b[1] if k < FIVE_32 else c[1] if k < SEVEN_32 else d[1]
    return high, low


@by_precision(_bend_32)
@jitable
def bend(k: Scalar) -> Scalar:
    """exp(-1 / k), where r^k log(r) has its least value, in two words, for even k."""
    a, b, c, d = ROOT_E_MINUS_2_64, ROOT_E_MINUS_4_64, ROOT_E_MINUS_6_64, ROOT_E_MINUS_8_64
    high = a[0] if k < THREE_64 else b[0] if k < FIVE_64 else c[0] if k < SEVEN_64 else d[0]
    low = a[1] if k < THREE_64 else b[1] if k < FIVE_64 else c[1] if k < SEVEN_64 else d[1]
    return high, low


@jitable
def whole(k: Scalar) -> Scalar:
    """The integer from 1 to 8 next to k."""
    one, eight = type(k)(1.0), type(k)(8.0)
    _, shift = ends(k)
    k = (k if k < eight else eight) + shift - shift
    return k if k > one else one


@jitable
def is_even(k: Scalar) -> Scalar:
    """Whether an integer from 1 to 8 is even."""
    kind = type(k)
    return (k == kind(2.0)) | (k == kind(4.0)) | (k == kind(6.0)) | (k == kind(8.0))


@jitable
def spline_words(d: Scalar, d_low: Scalar, power: Scalar, factor: Scalar, even: Scalar, scale: Scalar, root: Scalar) -> Scalar:
    """factor r^power, where even times log(r scale), r = abs(d + d_low): two words, to be multiplied by two powers of two.

    scale, and the root of the logarithm, which is its inverse, are pairs of words.
    """
    kind = type(d)
    zero, one, infinity = kind(0.0), kind(1.0), kind(np.inf)
    large, _ = ends(d)
    r, r_low = abs(d), -d_low if d < zero else d_low
    r_low = zero if r == infinity else r_low
    m, e = apart(r)
    # the low word times 2^-e, which alone could be subnormal
    down, down_more = power_of_two(-e)
    y, y_low = small_power(m, times(times(r_low, down), down_more), power)
    y, y_low = product(y, y_low, factor, zero)
    # where r is large the logarithm does not matter: the result overflows
    a, a_low = product(large if r > large else r, zero if r > large else r_low, scale[0], scale[1])
    # next to the root the product is 1 and its low word has few digits; the distance has all
    a_low = times(scale[0], (r - root[0]) + (r_low - root[1])) if a == one else a_low
    logarithm, logarithm_low = log_in_two_words(a, a_low)
    y, y_low = product(y, y_low, logarithm if even else one, logarithm_low if even else zero)
    up, up_more = power_of_two(times(e, power))
    return y, y_low, up, up_more


@jitable
def spline(d: Scalar, d_low: Scalar, power: Scalar, factor: Scalar, even: Scalar, scale: Scalar, root: Scalar) -> Scalar:
    """The value of spline_words; 0 at 0, infinite at infinity."""
    zero, infinity = type(d)(0.0), type(d)(np.inf)
    y, y_low, up, up_more = spline_words(d, d_low, power, factor, even, scale, root)
    value = (y + y_low) * up * up_more
    value = infinity if (abs(d) == infinity) & (power > zero) else value
    return (zero if d == zero else value) if d == d else d


@jitable
def polyharmonic_slope(x: Scalar, k: Scalar = 3.0, center: Scalar = 0.0) -> Scalar:
    """k r^(k - 1), times log(r) + 1 / k where k is even, with the sign of x - center; 0 at the center."""
    d, d_low = two_sum(x, -center)
    k = whole(k)
    y = spline(d, d_low, k - type(k)(1.0), k, is_even(k), root_of_e(k), bend(k))
    return -y if d < type(d)(0.0) else y


@jitable
def polyharmonic_bend(x: Scalar, k: Scalar = 3.0, center: Scalar = 0.0) -> Scalar:
    """k (k - 1) r^(k - 2), for even k (k (k - 1) log(r) + 2 k - 1) r^(k - 2); at the center -inf for k = 2, else 0."""
    kind = type(x)
    zero, one, two, infinity = kind(0.0), kind(1.0), kind(2.0), kind(np.inf)
    d, d_low = two_sum(x, -center)
    k = whole(k)
    even, power, unit = is_even(k), k - two, (one, zero)
    # far out, where spline_words takes no logarithm, only that of k = 2 is finite: of a quarter, and 4 log(2) more
    large, _ = ends(d)
    far = (k == two) & (abs(d) > large)
    quarter = kind(0.25) if far else one
    r, r_low = times(d, quarter), times(d_low, quarter)
    y, y_low, up, up_more = spline_words(r, r_low, power, times(k, k - one), even, unit, unit)
    more, more_low, _, _ = spline_words(r, r_low, power, k + k - one, one == zero, unit, unit)
    more = more + (kind(2.772588722239781) if far else zero)
    y, y_low = add(y, y_low, more if even else zero, more_low if even else zero)
    value = (y + y_low) * up * up_more
    value = infinity if abs(d) == infinity else value if d != zero else -infinity if k == two else zero
    return (zero if k == one else value) if d == d else d


@activation(
    derivative=polyharmonic_slope,
    second=polyharmonic_bend,
    reference=lambda m, x, k, center: spline_reference(m, abs(x - center), min(max(round(k), 1), 8)),
    numpy=lambda x, k=3.0, center=0.0: (
        np.abs(x - center) ** k * (1 if k % 2 else np.log(np.maximum(np.abs(x - center), np.finfo(np.float64).tiny)))
    ),
    kinks=lambda k=3.0, center=0.0: {center: "middle"} if k < 1.5 else {},
    max_ulp=1.0,
    cost=Cost.HEAVY,
    params={"k": "The power, an integer from 1 to 8; another number counts as the integer next to it.", "center": CENTER},
    values=(0, None),
    slopes=(None, None),
    names=(("cubic", "scipy"),),
    gradients={"center": opposite(polyharmonic_slope)},
    paper=DUCHON,
)
def polyharmonic(x: Scalar, k: Scalar = 3.0, center: Scalar = 0.0) -> Scalar:
    """The polyharmonic spline of the distance r = abs(x - center): r^k for odd k, r^k log(r) for even k, 0 at the center."""
    d, d_low = two_sum(x, -center)
    k = whole(k)
    zero, one = type(x)(0.0), type(x)(1.0)
    return spline(d, d_low, k, one, is_even(k), (one, zero), (one, zero))


@jitable
def thin_plate_spline_slope(x: Scalar, center: Scalar = 0.0) -> Scalar:
    """(x - center) (2 log(r) + 1), and 0 at the center."""
    one, two = type(x)(1.0), type(x)(2.0)
    d, d_low = two_sum(x, -center)
    y = spline(d, d_low, one, two, one == one, root_of_e(two), bend(two))
    return -y if d < type(d)(0.0) else y


@jitable
def thin_plate_spline_bend(x: Scalar, center: Scalar = 0.0) -> Scalar:
    """2 log(r) + 3, and -inf at the center."""
    return polyharmonic_bend(x, type(x)(2.0), center)


@activation(
    derivative=thin_plate_spline_slope,
    second=thin_plate_spline_bend,
    reference=lambda m, x, center: spline_reference(m, abs(x - center), 2),
    numpy=lambda x, center=0.0: np.square(x - center) * np.log(np.maximum(np.abs(x - center), np.finfo(np.float64).tiny)),
    max_ulp=1.0,
    cost=Cost.HEAVY,
    params={"center": CENTER},
    values=(-0.18393972058572117, None),
    slopes=(None, None),
    names=(("thin_plate_spline", "scipy"),),
    gradients={"center": opposite(thin_plate_spline_slope)},
    paper=DUCHON,
)
def thin_plate_spline(x: Scalar, center: Scalar = 0.0) -> Scalar:
    """The thin-plate spline, r^2 log(r) of the distance r = abs(x - center), and 0 at the center."""
    zero, one = type(x)(0.0), type(x)(1.0)
    d, d_low = two_sum(x, -center)
    return spline(d, d_low, type(x)(2.0), one, one == one, (one, zero), (one, zero))
