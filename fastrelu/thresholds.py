"""The measured crossover sizes: data only. bench/crossover.py measures them."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Cost(enum.Enum):
    """What bounds a function: which crossover sizes apply to it."""

    MEMORY = "memory"  # a few instructions an element: relu
    LIGHT = "light"  # one exponential: sigmoid
    HEAVY = "heavy"  # several: gelu, and derivatives of smooth functions


@dataclass(frozen=True)
class Thresholds:
    """From how many bytes of output on a target is the faster one.

    Attributes
    ----------
    parallel_from
        All threads against one, by the cost of the function.
    streaming_from
        Non-temporal stores, on all threads, against ordinary ones.
    """

    parallel_from: dict[Cost, int]
    streaming_from: int


# The threads' own caches hold what follows a call: streaming pays where input and output together exceed the last-level cache.
DEFAULT = Thresholds({Cost.MEMORY: 1 << 18, Cost.LIGHT: 1 << 17, Cost.HEAVY: 1 << 16}, 1 << 27)
