"""The measured crossover sizes: data only. bench/crossover.py measures them."""

from __future__ import annotations

import enum


class Cost(enum.Enum):
    """What bounds a function: which crossover sizes apply to it."""

    MEMORY = "memory"  # a few instructions an element: relu
    LIGHT = "light"  # one exponential: sigmoid
    HEAVY = "heavy"  # several: gelu, and derivatives of smooth functions


# From how many bytes on two threads beat one. A launch costs 2 us (TBB), or up to 10 where the other thread sleeps.
PARALLEL_FROM_BYTES = {Cost.MEMORY: 1 << 19, Cost.LIGHT: 1 << 19, Cost.HEAVY: 1 << 18}

# A thread gets at least this much to do at a time.
CHUNK_BYTES = 1 << 14
