"""Philox4x32-10: random numbers by their place in the sequence, which any thread can draw on its own.

A bijection of 128 bits, the counter, chosen by a key of 64: ten rounds of two products of 32 by 32 bits.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fastrelu.vecmath.primitives import Scalar, by_precision, fma, jitable

FIRST, SECOND = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)  # the multipliers
FIRST_STEP, SECOND_STEP = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)  # of the key, from round to round
WORD, SHIFT, NONE = np.uint64(0xFFFFFFFF), np.uint64(32), np.uint64(0)
SHIFT_32, SHIFT_64, REST_64 = np.uint64(8), np.uint64(5), np.uint64(6)
UNIT_32, UNIT_64, SMALL_UNIT_64 = np.float32(2.0**-24), np.float64(2.0**-27), np.float64(2.0**-53)


@jitable
def philox(a: Any, b: Any, c: Any, d: Any, key: Any, other: Any) -> Any:
    """Four random words of 32 bits from a counter of four and a key of two; all are numpy.uint64."""
    for _ in range(10):
        left, right = a * FIRST, c * SECOND
        a, b, c, d = (right >> SHIFT) ^ b ^ key, right & WORD, (left >> SHIFT) ^ d ^ other, left & WORD
        key, other = (key + FIRST_STEP) & WORD, (other + SECOND_STEP) & WORD
    return a, b, c, d


@jitable
def _uniform_32(zero: Scalar, position: Any, seed: Any) -> Scalar:
    word, _, _, _ = philox(position & WORD, position >> SHIFT, NONE, NONE, seed & WORD, seed >> SHIFT)
    return np.float32(np.int32(word >> SHIFT_32)) * UNIT_32


@by_precision(_uniform_32)
@jitable
def uniform(zero: Scalar, position: Any, seed: Any) -> Scalar:
    """A random number from 0 up to 1, in the type of the first argument, by its position and the seed, both numpy.uint64.

    53 bits in float64; in float32 the first 24 of them.
    """
    word, more, _, _ = philox(position & WORD, position >> SHIFT, NONE, NONE, seed & WORD, seed >> SHIFT)
    return fma(np.float64(np.int32(word >> SHIFT_64)), UNIT_64, np.float64(np.int32(more >> REST_64)) * SMALL_UNIT_64)
