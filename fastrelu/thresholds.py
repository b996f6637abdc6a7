"""The crossover sizes, and what they are on a machine that has not been tuned. `fastrelu tune` measures them."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from fastrelu.machine import Machine


class Cost(enum.Enum):
    """What bounds a function: which crossover sizes apply to it."""

    MEMORY = "memory"  # a few instructions an element: relu
    LIGHT = "light"  # one exponential: sigmoid
    HEAVY = "heavy"  # several: gelu, and derivatives of smooth functions


class Thresholds(NamedTuple):
    """From how many bytes of output on a target is the faster one.

    They do not depend on the dtype: within a class the time for a byte differs by a factor of two between dtypes, no more than
    between the functions of the class, and around its crossover size a call takes about the same time either way.

    Attributes
    ----------
    parallel_from
        All threads against one, by the cost of the function.
    streaming_from
        Non-temporal stores, on all threads, against ordinary ones.
    """

    parallel_from: dict[Cost, int]
    streaming_from: int


NEVER = 1 << 62
UNKNOWN_CACHE = 1 << 25  # the last-level cache of most desktop processors, where the system does not tell
SHARE_OF_CORE = 1 << 22  # of it, at most: a virtual machine sees the cache of the whole processor, and has neighbours there


def derived(machine: Machine) -> Thresholds:
    """Sensible sizes for a machine that has not been tuned, from its cores and caches."""
    _, second, third = machine.caches
    # A core reads its own second-level cache faster than another core can: what a few instructions compute stays there.
    memory = min(max(second // 4, 1 << 18), 1 << 20) if second else 1 << 18
    # Calls of 10 us gain 3 at most, and their 99th percentile is four times the serial one where another process is busy.
    parallel = {Cost.MEMORY: memory, Cost.LIGHT: 1 << 17, Cost.HEAVY: 1 << 17}
    # What fits into the caches is read from there by the next call: streaming pays where input and output together do not fit.
    last = min(third or max(second, UNKNOWN_CACHE), machine.cores * SHARE_OF_CORE)
    return Thresholds(parallel if machine.cores > 1 else dict.fromkeys(Cost, NEVER), max(last // 2, 1 << 23))
