"""Which kernel runs: a pure function of the call, and the measured thresholds."""

from __future__ import annotations

import enum

from fastrelu.thresholds import Cost, Thresholds


class Target(enum.Enum):
    """The kernels that one formula becomes."""

    SERIAL = "serial"  # the ufunc's own loop
    PARALLEL = "parallel"
    STREAMING = "streaming"  # on all threads too, and past the caches


def thresholds_in_force() -> Thresholds:
    """Those that calls go by in this process."""
    from fastrelu.tuned import in_force  # at the first use: the machine is none of the import's business

    return in_force().thresholds


def choose(size: int, itemsize: int, cost: Cost, threads: int, thresholds: Thresholds) -> Target:
    """The fastest target for a call whose data lies in memory; what lies on a device is computed there.

    Parameters
    ----------
    size
        Elements of the result.
    itemsize
        Bytes an element.
    cost
        The function's cost class.
    threads
        How many threads may be used now.
    thresholds
        The crossover sizes in force.
    """
    if size * itemsize >= thresholds.streaming_from:
        return Target.STREAMING
    if threads > 1 and size * itemsize >= thresholds.parallel_from[cost]:
        return Target.PARALLEL
    return Target.SERIAL
