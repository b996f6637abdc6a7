"""Measuring a function beside the plain NumPy that a user would write: operands, times, errors."""

from __future__ import annotations

import functools
import inspect
import math
import statistics
import timeit
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastrelu.fold import Fold

SIZES = (16, 1000, 100_000, 10_000_000)
DTYPES = ("float32", "float64")
ROW = 1000  # elements along the axis of a function that has one
ROUND_SECONDS = 1e-3  # small calls are repeated until a round lasts this long
SAMPLE = 300  # points at which mpmath is asked


@functools.lru_cache(maxsize=8)
def normal(number: int, size: int, dtype: str) -> Any:
    """Normal numbers of standard deviation 2, which visit every branch of the functions."""
    return np.random.default_rng(number).standard_normal(size, np.float32).astype(dtype) * np.dtype(dtype).type(2)


def operands(function: Any, size: int, dtype: str) -> tuple[Any, ...]:
    """The arrays for a call, of about this many elements each."""
    shape = (max(size // ROW, 1), min(size, ROW)) if isinstance(function, Fold) else (size,)
    return tuple(normal(number, math.prod(shape), dtype).reshape(shape) for number in range(len(function.arrays)))


def keywords(function: Any) -> dict[str, Any]:
    """The parameters that a call needs and that only the NumPy expression has defaults for, as a pool size."""
    empty = inspect.Parameter.empty
    taken = inspect.signature(function).parameters
    defaults = {key: parameter.default for key, parameter in inspect.signature(function.numpy).parameters.items()}
    return {key: value for key, value in defaults.items() if value is not empty and key in taken and taken[key].default is empty}


def timer(function: Callable[..., Any], arguments: Sequence[Any], named: Mapping[str, Any]) -> timeit.Timer:
    """A timer of one call, without a Python layer of its own."""
    values = {f"a{number}": argument for number, argument in enumerate(arguments)}
    call = ", ".join([*values, *(f"{key}={key}" for key in named)])
    return timeit.Timer(f"function({call})", globals={"function": function, **values, **named})


def race(
    timers: Sequence[timeit.Timer],
    seconds: float,
    rounds: int = 30,
    summary: Callable[[list[float]], float] = statistics.median,
    round_seconds: float = ROUND_SECONDS,
) -> list[float]:
    """The times of one call each, from rounds that take turns: three, or more in so many seconds; medians by default."""
    for each in timers:
        each.timeit(1)  # compiles, faults pages in, fills caches
    counts = [max(1, round(round_seconds / max(each.timeit(1), 1e-7))) for each in timers]
    times: list[list[float]] = [[] for _ in timers]
    end = timeit.default_timer() + seconds
    while len(times[0]) < 3 or (len(times[0]) < rounds and timeit.default_timer() < end):
        for mine, each, count in zip(times, timers, counts, strict=True):
            mine.append(each.timeit(count) / count)
    return [summary(mine) for mine in times]


@dataclass(frozen=True)
class Case:
    """One function at one dtype and size: seconds a call, and gigabytes a second that the call reads and writes."""

    function: str
    dtype: str
    size: int
    numpy: float
    fastrelu: float
    gigabytes_per_second: float

    @property
    def speedup(self) -> float:
        """How many times as fast as NumPy."""
        return self.numpy / self.fastrelu


def compare(function: Any, size: int, dtype: str, seconds: float) -> Case:
    """Times a function against its NumPy expression."""
    arrays, named = operands(function, size, dtype), keywords(function)
    with np.errstate(all="ignore"):  # the plain expressions overflow
        numpy, ours = race([timer(each, arrays, named) for each in (function.numpy, function)], seconds)
    moved = sum(array.nbytes for array in arrays) + function(*arrays, **named).nbytes
    return Case(function.dotted_name, dtype, arrays[0].size, numpy, ours, moved / ours / 1e9)


def sample(function: Any, dtype: str) -> tuple[Any, ...]:
    """Points for the reference: near zero and far from it, of both signs."""
    if isinstance(function, Fold):
        return (normal(0, SAMPLE, dtype).reshape(-1, 30),)
    count = SAMPLE // 4
    points = [*np.geomspace(1e-6, 100, count), *-np.geomspace(1e-6, 100, count), *normal(0, 2 * count, dtype)]
    values = np.random.default_rng(0).permutation(np.array(points, dtype))
    return values, *(normal(number, values.size, dtype) for number in range(1, len(function.arrays)))


def truth(function: Any, arrays: tuple[Any, ...], dtype: str, named: Mapping[str, Any]) -> list[Any]:
    """The reference's values in mpmath's arithmetic."""
    import mpmath

    m = mpmath.mp
    if isinstance(function, Fold):
        rows = arrays[0].reshape(-1, named.get("pool_size", arrays[0].shape[-1]))
        return [value for row in rows for value in function.reference(m, [m.mpf(float(x)) for x in row])]
    params = [m.mpf(float(np.dtype(dtype).type(value))) for value in function.params.values()]
    return [function.reference(m, *(m.mpf(float(x)) for x in point), *params) for point in zip(*arrays, strict=True)]


def worst_ulp(function: Any, dtype: str) -> dict[str, float]:
    """The largest error of fastrelu and of NumPy over the sample, in units in the last place of the dtype."""
    import mpmath

    arrays, named = sample(function, dtype), keywords(function)
    with mpmath.workprec(200), np.errstate(all="ignore"):
        exact = truth(function, arrays, dtype, named)
        rounded = np.array([float(value) for value in exact], dtype)
        units = np.spacing(np.abs(rounded))
        result = {}
        for who, compute in (("fastrelu", function), ("numpy", function.numpy)):
            got = np.asarray(compute(*arrays, **named)).astype(float).ravel()
            errors = [
                # where the dtype has no number for it: outside the domain, or an overflow
                (0.0 if y == r or (y != y and r != r) else math.inf)
                if not np.isfinite(r)
                else abs(mpmath.mpf(y) - t) / float(unit)
                for y, t, r, unit in zip(got, exact, rounded, units, strict=True)
            ]
            result[who] = max(float(error) if error == error else math.inf for error in errors)
    return result
