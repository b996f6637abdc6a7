"""A process that measures one library: python -m compare.worker LIBRARY THREADS, requests and answers as lines of JSON."""

from __future__ import annotations

import json
import os
import sys
import timeit
import warnings
from statistics import median
from typing import Any

import numpy as np

from .grid import ARRAYS, Case, processors
from .libraries import LIBRARIES

BLOCK = 1 << 20  # values that are drawn: larger arrays repeat them
MOST_SAMPLES = 9  # in one turn


def values(name: str, size: int) -> np.ndarray[Any, Any]:
    """Values of an operand: normal ones of standard deviation 2 visit every branch, an output lies in (0, 1)."""
    random = np.random.default_rng(len(name))
    drawn = random.random(min(size, BLOCK), np.float32) if name == "y" else random.standard_normal(min(size, BLOCK), np.float32)
    return drawn * np.float32(2) if name == "x" else drawn


class Measurer:
    """Measures the calls of one library."""

    def __init__(self, library: Any) -> None:
        self.library = library
        self.arrays: dict[str, Any] = {}
        self.shape: tuple[str, int] | None = None
        self.calls: dict[Case, Any] = {}
        self.repeats: dict[Case, int] = {}
        self.gives: dict[Case, str] = {}

    def timer(self, case: Case) -> timeit.Timer | None:
        """The timer of a case, on arrays in memory; None where the library does not have it."""
        if case not in self.calls:
            self.calls[case] = self.library.call(case)
        if self.calls[case] is None:
            return None
        if self.shape != (case.dtype, case.size):
            self.arrays, self.shape = {}, (case.dtype, case.size)
        for name in (*ARRAYS[case.direction], *(["out"] if case.out else [])):
            if name not in self.arrays:
                self.arrays[name] = self.library.array(values(name, case.size), case.dtype, case.size)
        statement, names = self.calls[case]
        return timeit.Timer(statement, globals={**names, **self.arrays})

    def seconds(self, case: Case, floor: float, turn: float) -> float | None:
        """The time of a call in this turn: the median of samples that last `floor` each, as many as a turn has room for."""
        timer = self.timer(case)
        if timer is None:
            return None
        if not case.out and case not in self.gives:
            self.gives[case] = self.dtype(case)
        last = timer.timeit(1)  # compiles, faults pages in, fills the caches that others have used since
        number = self.repeats.get(case, 1)
        if number > 1 or last < floor:
            while (last := timer.timeit(number)) < floor:
                number = max(number + 1, min(10 * number, int(1.2 * number * floor / last)))
        self.repeats[case] = number
        samples: list[float] = []
        while not samples or (len(samples) < MOST_SAMPLES and sum(samples) < turn):
            samples.append(timer.timeit(number))
        return median(samples) / number

    def dtype(self, case: Case) -> str:
        """That of the result."""
        statement, names = self.calls[case]
        scope = {**names, **self.arrays}
        parts, _, result = statement.rpartition("; ")
        exec(parts, scope)
        return str(eval(result, scope).dtype).removeprefix("torch.")

    def latencies(self, case: Case, calls: int) -> list[float] | None:
        """The time of each of so many calls."""
        timer = self.timer(case)
        if timer is None:
            return None
        timer.timeit(3)
        return timer.repeat(calls, 1)

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """What was asked for, and the dtype that the library gives."""
        if "case" not in request:
            self.arrays, self.shape = {}, None
            return {}
        case = Case(**request["case"])
        if "calls" in request:
            return {"value": self.latencies(case, request["calls"])}
        try:
            value = self.seconds(case, request["floor"], request["turn"])
            return {"value": value, "gives": self.gives.get(case, case.dtype)}
        finally:
            if not request["keep"]:
                self.arrays, self.shape = {}, None


def main() -> None:
    """Answers until the requests end."""
    replies = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what a library prints does not get among the answers
    name, threads = sys.argv[1], int(sys.argv[2])
    usable = processors()
    if threads < len(usable) and hasattr(os, "sched_setaffinity"):  # JAX can be told in no other way
        os.sched_setaffinity(0, usable[-threads:])
    warnings.simplefilter("ignore")
    try:
        measurer = Measurer(LIBRARIES[name](threads))
    except ImportError as error:  # the library is not installed: its cells stay empty
        print(json.dumps({"missing": str(error)}), file=replies)
        return
    print(json.dumps({}), file=replies)
    with np.errstate(all="ignore"):  # plain expressions overflow
        for line in sys.stdin:
            try:
                reply = measurer.answer(json.loads(line))
            except Exception as error:
                reply = {"error": f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"}
            print(json.dumps(reply), file=replies)


if __name__ == "__main__":
    main()
