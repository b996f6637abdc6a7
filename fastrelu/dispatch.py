"""Which kernel runs: a pure function of the call, and the measured thresholds."""

from __future__ import annotations

import enum

from fastrelu.thresholds import CHUNK_BYTES, PARALLEL_FROM_BYTES, Cost

LINE = 64  # bytes: chunks end on cache lines, so that no two threads write the same one


class Target(enum.Enum):
    """The kernels that one formula becomes."""

    SERIAL = "serial"  # the ufunc's own loop
    PARALLEL = "parallel"
    CUDA = "cuda"


def choose(device: str, size: int, itemsize: int, cost: Cost, threads: int) -> Target:
    """The fastest target for a call.

    Parameters
    ----------
    device
        Where the data lies: "cpu" or "cuda". The device follows the data.
    size
        Elements of the result.
    itemsize
        Bytes an element.
    cost
        The function's cost class.
    threads
        How many threads may be used now.
    """
    if device == "cuda":
        return Target.CUDA
    if threads > 1 and size * itemsize >= PARALLEL_FROM_BYTES[cost]:
        return Target.PARALLEL
    return Target.SERIAL


def chunk_size(size: int, itemsize: int, threads: int) -> int:
    """How many elements a thread takes at a time: an equal share, in whole cache lines."""
    line = max(LINE // itemsize, 1)
    share = max(-(-size // threads), CHUNK_BYTES // itemsize, 1)
    return -(-share // line) * line
