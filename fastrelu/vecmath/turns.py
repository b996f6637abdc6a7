"""The remainder of x by pi and by pi / 2 for every finite x, branch-free (after Payne & Hanek).

x is a multiple of its last place, so those bits of 2 / pi whose products with it are multiples of a full turn are left out.
What remains is a constant that depends on the exponent alone, in as many words as the next bits need: for float32, in
float64 arithmetic, two words from one of five bands of exponents, chosen by comparisons; for float64, four words from a
table with a row for every eight exponents.
"""

from __future__ import annotations

import math

import numpy as np

from fastrelu.vecmath.coefficients import HALF_PI_64, TWO_OVER_PI
from fastrelu.vecmath.primitives import Scalar, entry, fma, jitable, times
from fastrelu.vecmath.words import two_sum

BITS = 1280  # of TWO_OVER_PI, after the point
KEPT = 300  # of what becomes words: at most four of 53
SHIFT = np.float64(1.5 * 2**52)  # its sum with a number has the nearest integer in its low bits
HALF = np.float64(0.5)


def below(weight: int) -> int:
    """2 / pi less its bits of 2**weight and above, in units of 2**-BITS."""
    return TWO_OVER_PI & ((1 << (BITS + weight)) - 1)


def words(rest: int, count: int, scale: int = 0) -> list[float]:
    """rest * 2**(scale - BITS) as a sum of float64 numbers, each the nearest to what is left."""
    cut = max(rest.bit_length() - KEPT, 0)
    rest >>= cut
    found = []
    for _ in range(count):
        head = float(rest)
        found.append(math.ldexp(head, cut + scale - BITS))
        rest -= int(head)
    return found


# From 2^START on: two words that leave 2^-57 of a half turn after 24 exponents.
STARTS = (48, 72, 96, 120)
HALF_TURNS = [[np.float64(word / 2) for word in words(below(25 - start), 2)] for start in (0, *STARTS)]
(A_0, B_0), (A_1, B_1), (A_2, B_2), (A_3, B_3), (A_4, B_4) = HALF_TURNS
FROM_1, FROM_2, FROM_3, FROM_4 = (np.float64(2.0**start) for start in STARTS)


@jitable
def half_turns(x: Scalar) -> Scalar:
    """x / pi less a multiple of 2, as an exact sum p + rest: p < 2^50 and rest < 1/8. x: a float32 number as float64."""
    a = abs(x)
    first = A_0 if a < FROM_1 else A_1 if a < FROM_2 else A_2 if a < FROM_3 else A_3 if a < FROM_4 else A_4
    second = B_0 if a < FROM_1 else B_1 if a < FROM_2 else B_2 if a < FROM_3 else B_3 if a < FROM_4 else B_4
    p = times(x, first)
    return p, fma(x, second, fma(x, first, -p))


FIRST, LAST = 127, 255  # the rows, by the upper eight bits of the exponent; FIRST: from 2^-7 up to 2
SCALED, SCALED_FROM, SCALE = 400, np.float64(2.0**505), np.float64(2.0**-400)  # a row is 2^SCALED too large from there on
BIG = np.float64(1.5 * 2**63)  # its sum with a number is rounded to multiples of 2^11


def row(index: int) -> list[float]:
    """The words for the eight exponents from 8 * index - 1023 on.

    The first is a multiple of 2^(10 - start), so that its product with x, less a multiple of 2^11, is one number; it leaves
    less than 2^18 for the product with the second.
    """
    start = 8 * index - 1023
    scale = SCALED if start >= 505 else 0
    rest, unit = below(54 - start), max(BITS + 10 - start, 0)
    head = (rest + ((1 << unit) >> 1)) >> unit << unit
    return [*words(head, 1, scale), *words(rest - head, 3, scale)]


TABLE = np.array([row(index) for index in range(FIRST, LAST + 1)]).T.copy()
TABLE_0, TABLE_1, TABLE_2, TABLE_3 = TABLE
EIGHTS, TOP = np.int64(55), np.int64(2**8 - 1)  # how far the upper bits of the exponent are from the end
FIRST_ROW = np.int64(FIRST)


@jitable
def quarter_turns(x: Scalar, offset: Scalar) -> Scalar:
    """f, f_low and n: x / (pi / 2) + offset = f + f_low + n up to a multiple of 4, |f| <= 1/2; n in the low bits of a float64.

    For float64 x. The error is 2^-140, less than 2^-70 of f for the x next to a multiple of pi / 2.
    """
    index = np.int64((np.float64(x).view(np.int64) >> EIGHTS) & TOP)
    index = np.int64(index - FIRST_ROW) if index > FIRST_ROW else np.int64(0)
    a = times(x, SCALE) if abs(x) >= SCALED_FROM else x
    first, second = entry(TABLE_0, index), entry(TABLE_1, index)
    third, fourth = entry(TABLE_2, index), entry(TABLE_3, index)
    head = fma(a, first, BIG - fma(a, first, BIG))
    p = times(a, second)
    p_low = fma(a, second, -p)
    q = times(a, third)
    q_low = fma(a, fourth, fma(a, third, -q))
    total, total_low = two_sum(head, p)
    shifted = total + offset + SHIFT
    f, f_low = two_sum(total, offset - (shifted - SHIFT))
    low, lowest = two_sum(p_low, q)
    low, more = two_sum(low, total_low)
    low, most = two_sum(low, f_low)
    f, f_low = two_sum(f, low)
    return f, f_low + (most + (more + (lowest + q_low))), shifted


@jitable
def radians(f: Scalar, f_low: Scalar) -> Scalar:
    """(f + f_low) pi / 2 in two words."""
    r = times(f, HALF_PI_64[0])
    return r, fma(f_low, HALF_PI_64[0], fma(f, HALF_PI_64[1], fma(f, HALF_PI_64[0], -r)))
