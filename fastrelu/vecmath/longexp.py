"""exp(x) of float64 in two full words, for formulas whose roots move with their parameters: 2^-104 off, and so is exp(x) - 1.

x is k log(2) / 256 + r. The powers of 2^(1/256) come from a table, and stand there less 1, so that next to x = 0 no digits are
lost. r is at most 2^-9.5: five terms of its series are enough beyond the four that are summed in two words.
"""

from __future__ import annotations

import math

import numpy as np

from fastrelu.vecmath.coefficients import (
    LN2_WORDS_64,
    RECIPROCAL_FACTORIAL_3,
    RECIPROCAL_FACTORIAL_4,
    RECIPROCAL_FACTORIAL_5,
    RECIPROCAL_FACTORIAL_6,
    RECIPROCAL_FACTORIAL_7,
    RECIPROCAL_FACTORIAL_8,
    RECIPROCAL_FACTORIAL_9,
)
from fastrelu.vecmath.exponential import LOG2E_64
from fastrelu.vecmath.primitives import Scalar, entry, fma, jitable, times
from fastrelu.vecmath.words import product, quick_sum, step

BITS = 160


def table() -> list[tuple[float, float]]:
    """2^(j / 256) - 1 in two words, for j from -128 to 127."""
    unit = 1 << BITS
    root = 2 * unit
    for _ in range(8):
        root = math.isqrt(root * unit)
    powers = [unit]
    while len(powers) < 256:
        powers.append(powers[-1] * root >> BITS)
    rests = [power // 2 - unit for power in powers[128:]] + [power - unit for power in powers[:128]]
    heads = [float(rest) for rest in rests]
    tails = [float(rest - int(head)) for rest, head in zip(rests, heads, strict=True)]
    return [(math.ldexp(head, -BITS), math.ldexp(tail, -BITS)) for head, tail in zip(heads, tails, strict=True)]


TABLE_HEAD, TABLE_TAIL = np.array(table()).T.copy()
RATE = np.float64(256 * LOG2E_64)
STEP, STEP_LOW = (np.float64(word / 256) for word in LN2_WORDS_64)
# In the low bits of its sum with a number k are k + 128 and, above eight bits, the exponent of the scale with twice its bias.
SHIFT = np.float64(1.5 * 2**52 + 256 * 2046 + 128)
INDEX, EIGHT, BIAS, FRACTION, UNITY = np.int64(255), np.int64(8), np.int64(1023), np.int64(52), np.int64(1)
HALF, ONE, ZERO = np.float64(0.5), np.float64(1), np.float64(0)
C_3, C_4, C_5 = RECIPROCAL_FACTORIAL_3, RECIPROCAL_FACTORIAL_4, RECIPROCAL_FACTORIAL_5
C_6, C_7, C_8, C_9 = (
    words[0] for words in (RECIPROCAL_FACTORIAL_6, RECIPROCAL_FACTORIAL_7, RECIPROCAL_FACTORIAL_8, RECIPROCAL_FACTORIAL_9)
)


@jitable
def long_exp(x: Scalar, x_low: Scalar) -> Scalar:
    """m, m_low, and n + 2046 in the low bits: exp(x + x_low) = (1 + m + m_low) 2^n; -0.3 < m < 0.42, abs(x) < 1418."""
    shifted = fma(x, RATE, SHIFT)
    k = shifted - SHIFT
    bits = np.float64(shifted).view(np.int64)
    power, power_low = entry(TABLE_HEAD, bits & INDEX), entry(TABLE_TAIL, bits & INDEX)
    # exact, as a multiple of 2^-62 below 2^-9; it may be less than r_low
    r = fma(k, -STEP, x)
    r_low = fma(k, -STEP_LOW, x_low)
    t = fma(fma(fma(C_9, r, C_8), r, C_7), r, C_6)
    y = fma(r, t, C_5[0])
    y, y_low = step(y, fma(r, t, C_5[0] - y) + C_5[1], r, r_low, C_4[0], C_4[1])
    y, y_low = step(y, y_low, r, r_low, C_3[0], C_3[1])
    y, y_low = step(y, y_low, r, r_low, HALF, ZERO)
    square, square_low = product(r, r_low, r, r_low)
    y, y_low = product(square, square_low, y, y_low)
    q, lost = quick_sum(r, y)
    q_low = lost + (y_low + r_low)
    # power + (1 + power) q
    more, more_low = quick_sum(ONE, power)
    v, v_low = product(more, more_low + power_low, q, q_low)
    m, lost = quick_sum(power, v)
    return m, lost + (v_low + power_low), np.int64(bits >> EIGHT)


@jitable
def scale_of(n: Scalar) -> Scalar:
    """2^n, for the n of long_exp and -1023 < n < 1024."""
    return np.int64(np.int64(n - BIAS) << FRACTION).view(np.float64)


@jitable
def half_scales(n: Scalar) -> Scalar:
    """Two powers of 2 whose product is 2^n, for the n of long_exp."""
    half = np.int64(n >> UNITY)
    return np.int64(half << FRACTION).view(np.float64), np.int64(np.int64(n - half) << FRACTION).view(np.float64)


@jitable
def less_one(scale: Scalar) -> Scalar:
    """scale - 1 exactly, for powers of 2 below 2^54."""
    less = scale - ONE
    return less, scale - (less + ONE)


@jitable
def long_expm1(x: Scalar) -> Scalar:
    """exp(x) - 1 in two words, for -700 < x < 36."""
    m, m_low, n = long_exp(x, ZERO)
    scale = scale_of(n)
    less, less_low = less_one(scale)
    y, lost = quick_sum(less, times(scale, m))
    return quick_sum(y, fma(scale, m_low, lost) + less_low)
