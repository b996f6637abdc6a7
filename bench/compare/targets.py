"""The speeds to reach, as data, and whether a run reached them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import geometric_mean
from typing import Literal

from .grid import FORWARD, LARGE, Case, count
from .libraries import LIMITS
from .results import Results

HALVES = ("float16", "bfloat16")
CACHED = (count("64K"), count("1M"))
SIMPLEST = "relu"  # the one of which NumPy has a single ufunc
FIRST_CALL, FURTHER_CALL = 0.25, 0.04  # seconds, with a warm disk cache


@dataclass(frozen=True)
class Target:
    """Least speed-ups over the fastest of some libraries.

    Attributes
    ----------
    sizes
        From which to which number of elements.
    threads
        One, or all there are.
    out
        Into an array, into a fresh one, or both.
    rivals
        Each case counts against the fastest of these that has it.
    each, mean
        The speed-up wanted in each case, and in the geometric mean.
    functions
        All, the simplest one, or the others; of those two only the forward direction.
    """

    title: str
    rivals: tuple[str, ...]
    each: float
    mean: float | None = None
    sizes: tuple[int, int] = CACHED
    dtypes: tuple[str, ...] = ("float32",)
    threads: Literal["one", "all"] = "all"
    out: bool | None = None
    functions: Literal["all", "simplest", "others"] = "all"

    def includes(self, case: Case, threads: int) -> bool:
        """Whether a case counts, where `threads` are all there are."""
        return (
            self.sizes[0] <= case.size <= self.sizes[1]
            and case.dtype in self.dtypes
            and case.threads == (1 if self.threads == "one" else threads)
            and self.out in (None, case.out)
            and (
                self.functions == "all"
                or (case.direction == FORWARD and (case.function == SIMPLEST) == (self.functions == "simplest"))
            )
        )


MEMORY = (LARGE, 1 << 62)
SMALL = (1, count("1K"))
TARGETS = (
    Target("memory, out=", LIMITS, 0.92, sizes=MEMORY, out=True),
    Target("memory, out=", ("torch",), 1.2, sizes=MEMORY, out=True),
    Target("memory, fresh", ("numpy",), 4, sizes=MEMORY, out=False),
    Target("memory, fresh", ("torch",), 5, sizes=MEMORY, out=False),
    Target("memory, fresh", ("jax",), 5, sizes=MEMORY, out=False),
    *(Target("cache", ("torch",), 1, 1.5, dtypes=(dtype,)) for dtype in ("float32", "float64")),
    *(
        Target("cache, one thread", ("numpy", "torch", "jax"), 1, 1.5, (CACHED[0], CACHED[0]), (dtype,), "one")
        for dtype in ("float32", "float64")
    ),
    *(Target("cache", ("torch",), 1, dtypes=(dtype,)) for dtype in HALVES),
    *(Target("cache", ("numpy",), 20, dtypes=(dtype,)) for dtype in HALVES),
    Target("small, one ufunc", ("numpy",), 1 / 0.6, sizes=SMALL, out=False, functions="simplest"),
    Target("small, one ufunc", ("torch",), 1 / 0.4, sizes=SMALL, out=False, functions="simplest"),
    Target("small, expressions", ("numpy",), 1 / 0.5, sizes=SMALL, out=False, functions="others"),
)


@dataclass(frozen=True)
class Verdict:
    """How a target was met: the speed-ups of its cases."""

    target: Target
    speedups: dict[Case, float]

    @property
    def missed(self) -> list[Case]:
        """The cases below the target, the worst first."""
        return sorted((case for case, value in self.speedups.items() if value < self.target.each), key=self.speedups.__getitem__)

    @property
    def mean(self) -> float:
        """The geometric mean."""
        return geometric_mean(self.speedups.values())

    @property
    def passed(self) -> bool:
        """Whether it holds."""
        return not self.missed and (self.target.mean is None or self.mean >= self.target.mean)


def verdicts(results: Results) -> Iterator[Verdict]:
    """Every target, with the cases of it that were measured."""
    threads = max((case.threads for case in results.cells), default=1)
    for target in TARGETS:
        found = {}
        for case in results.cells:
            if target.includes(case, threads):
                beside = [value for rival in target.rivals if (value := results.speedup(case, rival)) is not None]
                if beside:
                    found[case] = min(beside)
        yield Verdict(target, found)
