"""Where one target becomes faster than another on this machine: what `fastrelu tune` and bench/crossover.py measure.

A program that calls again and again finds the threads awake; one that does something else in between has to wake them, and
does so for large calls. Those are timed both ways, and both count. Minima are compared: other programs only ever add to a time.
"""

from __future__ import annotations

import functools
import itertools
import math
import timeit
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import fastrelu
from fastrelu import memory, pool
from fastrelu.cli.measure import operands, race, timer
from fastrelu.dispatch import Target
from fastrelu.kernels.pool import WAKE_BYTES
from fastrelu.kernels.storage import BY_DTYPE
from fastrelu.machine import Machine
from fastrelu.thresholds import NEVER, Cost, Thresholds

FUNCTIONS = ("relu", "sigmoid", "gelu")  # one of each cost class
DTYPES = ("float16", "float32", "float64")
PARALLEL_SIZES = tuple(1 << power for power in range(15, 23))  # two threads take 32 KB at least
PARALLEL_GAIN = 1.1  # what all cores must gain to be taken from other work
STREAMING_GAIN = 1.02
PAUSE = 2e-4  # seconds, after which our threads sleep
STREAMED = 1 << 26  # bytes, or the last cache if that is larger: up to this size the two kinds of stores are compared


@dataclass(frozen=True)
class Reading:
    """Seconds that a call takes which writes so many bytes, in the plain way and in the one that may be faster."""

    size: int
    plain: float
    other: float


def crossover(readings: Iterable[Reading], gain: float) -> int | None:
    """The size from which the other way should be taken so that the least time is lost over all readings; None if never.

    One bad reading moves it little, unlike the first size at which the other way wins.

    Parameters
    ----------
    readings
        Any number at each size.
    gain
        How many times as fast the other way has to be.
    """
    gains: defaultdict[int, float] = defaultdict(float)
    for reading in readings:
        gains[reading.size] += math.log(reading.plain / reading.other / gain)
    best, found, total = 0.0, None, 0.0
    for size in sorted(gains, reverse=True):
        total += gains[size]
        if total > best:
            best, found = total, size
    return found


@dataclass(frozen=True)
class Measured:
    """All readings of a machine.

    Attributes
    ----------
    parallel
        One thread against all of them, by cost class.
    single, pipeline
        Ordinary stores against streaming ones, of a call and of two calls of which the second reads what the first has written.
    """

    parallel: dict[Cost, list[Reading]]
    single: list[Reading]
    pipeline: list[Reading]

    @property
    def quiet(self) -> bool:
        """Whether the threads had the cores to themselves: then they gain most at the largest size of the heaviest functions."""
        readings = self.parallel[Cost.HEAVY]
        largest = max((reading.size for reading in readings), default=0)
        return crossover((reading for reading in readings if reading.size == largest), PARALLEL_GAIN) == (largest or None)

    @property
    def missing(self) -> list[str]:
        """What could not be measured, and why: there the default stays."""
        reasons = []
        if not any(self.parallel.values()):
            reasons.append("threads were not compared: there is one only")
        if not self.single:
            reasons.append("streaming stores were not compared: that takes twice as much memory as the last cache, and its size")
        return reasons

    def thresholds(self, default: Thresholds) -> Thresholds:
        """The crossover sizes; the default's where nothing has been measured."""
        parallel = {
            cost: (crossover(readings, PARALLEL_GAIN) or NEVER) if readings else default.parallel_from[cost]
            for cost, readings in self.parallel.items()
        }
        return Thresholds(parallel, self._streaming_from(default.streaming_from))

    def _streaming_from(self, default: int) -> int:
        """From where on both the single call and the pipeline win; beyond what was measured if they do not."""
        if not self.single:
            return default
        sizes = [crossover(readings, STREAMING_GAIN) for readings in (self.single, self.pipeline)]
        beyond = max(default, 2 * max(reading.size for reading in self.single))
        return max(beyond if size is None else size for size in sizes)


def time_parallel(function: Any, dtype: str, size: int, seconds: float) -> list[Reading]:
    """One thread against all of them: call after call, and after a pause where that would wake threads.

    Nothing if there is one thread only.
    """
    if pool.ready() == 1:
        return []
    kind = np.dtype(dtype)
    values = operands(function, size // kind.itemsize, dtype)
    given = (*values, *map(BY_DTYPE[kind].param.type, function.params.values()))
    named = {"out": np.empty_like(values[0])}  # the allocation of a fresh output would hide the difference
    ways = function.target(kind), function.target(kind, Target.PARALLEL, True)
    paused = size >= WAKE_BYTES
    seconds /= 2 if paused else 1
    found = [Reading(size, *race([timer(way, given, named) for way in ways], seconds, summary=min))]
    if paused:
        calls = [functools.partial(way, *given, **named) for way in ways]
        found.append(Reading(size, *after_pauses(calls, seconds)))
    return found


def after_pauses(calls: Sequence[Callable[[], Any]], seconds: float) -> list[float]:
    """The least times of calls before which the program did something else."""
    least, rounds, clock = [math.inf] * len(calls), 0, timeit.default_timer
    end = clock() + seconds
    while rounds < 3 or clock() < end:
        for place, call in enumerate(calls):
            ready = clock() + PAUSE
            while clock() < ready:
                pass
            start = clock()
            call()
            least[place] = min(least[place], clock() - start)
        rounds += 1
    return least


def streaming_sizes(machine: Machine, most: int) -> tuple[list[int], int]:
    """The sizes at which to compare ordinary and streaming stores within so many bytes of memory, and the bytes it takes."""
    last = max(machine.caches)
    needed = min(4 * max(last, STREAMED), most)  # half of it for inputs
    if not last or needed < 2 * last:
        return [], 0
    return [1 << power for power in range(memory.FROM_BYTES.bit_length() - 1, (needed // 4).bit_length())], needed


def time_streaming(arena: Any, size: int, seconds: float) -> tuple[Reading, Reading]:
    """Ordinary stores against streaming ones: of one call, and of two of which the second reads what the first has written.

    The inputs are in no cache. The outputs are where the last call of the same kind has left them: fastrelu reuses their memory.
    """
    count, function, clock = size // arena.itemsize, fastrelu.relu, timeit.default_timer
    y, z, *inputs = (arena[start : start + count] for start in range(0, arena.size - count + 1, count))
    endless, threads = itertools.cycle(inputs), pool.ready()
    ordinary = Target.PARALLEL if threads > 1 else Target.SERIAL
    ways = [function.target(arena.dtype, kind, threads > 1) for kind in (ordinary, Target.STREAMING)]
    least, end = np.full((2, 2), math.inf), clock() + seconds
    while np.isinf(least[0, 0]) or clock() < end:
        for (calls, way), warm in itertools.product(np.ndindex(2, 2), (True, False)):
            x, start = next(endless), clock()
            ways[way](x, out=y)
            if calls == 1:
                ways[way](y, out=z)
            if not warm:
                least[calls, way] = min(least[calls, way], clock() - start)
    single, pipeline = least.tolist()
    return Reading(size, *single), Reading(size, *pipeline)


def measure(machine: Machine, seconds: float, most: int, progress: Callable[[float, str], None]) -> Measured:
    """Everything, in about so many seconds and so many bytes of memory; tells which share is done, and what is next."""
    found = Measured({cost: [] for cost in Cost}, [], [])
    grid = [(fastrelu.registry[name], dtype, size) for name in FUNCTIONS for dtype in DTYPES for size in PARALLEL_SIZES]
    sizes, needed = streaming_sizes(machine, most)
    end = timeit.default_timer() + seconds
    steps = len(grid) + len(grid) * len(sizes) // 8  # a large size takes as long as some small ones

    def share(done: int) -> float:
        return max(end - timeit.default_timer(), 0) / (steps - done)

    for done, (function, dtype, size) in enumerate(grid):
        progress(done / steps, f"threads: {function.dotted_name} {dtype}")
        found.parallel[function.cost] += time_parallel(function, dtype, size, share(done))
    if sizes:
        arena = np.full(needed // 4, 0.5, np.float32)  # every page is there before the clock starts
        for place, size in enumerate(sizes):
            progress((len(grid) + place * len(grid) / 8) / steps, f"streaming: {size >> 20} MB")
            left = len(sizes) - place
            single, pipeline = time_streaming(arena, size, max(end - timeit.default_timer(), 0) / left)
            found.single.append(single)
            found.pipeline.append(pipeline)
    return found
