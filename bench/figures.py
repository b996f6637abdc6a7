"""The speeds to reach, beside NumPy in one run: python bench/figures.py

A ratio is fastrelu's median time divided by NumPy's, from calls that take turns: small is good. Figures with a target of their
own are measured in a process each: what was allocated before decides whether NumPy's temporaries are given back to the
system every time.
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from rich.progress import track

import fastrelu as fr
from fastrelu.cli.bench import machine
from fastrelu.cli.measure import DTYPES, SIZES, keywords, operands, race, timer


@dataclass(frozen=True)
class Figure:
    """One ratio to reach."""

    function: Any
    size: int
    target: float
    dtype: str = "float32"
    threads: int = 2
    note: str = ""
    numpy: Callable[..., Any] | None = None  # where it is not the expression of the function's record
    out: bool = False

    @property
    def title(self) -> str:
        """What is measured."""
        return f"{self.function.dotted_name} {self.dtype} {self.size:,} {self.note}".replace(",", " ")

    def ratio(self, seconds: float) -> float:
        """fastrelu's time over NumPy's."""
        arrays, named = operands(self.function, self.size, self.dtype), keywords(self.function)
        if self.out:
            named["out"] = np.empty_like(arrays[0])
        with np.errstate(all="ignore"), fr.threads(min(self.threads, fr.pool.most_threads())):
            calls = (self.numpy or self.function.numpy, self.function)
            numpy, ours = race(
                [timer(call, arrays, named) for call in calls], seconds, round_seconds=2e-2
            )  # threads wake in the first calls
        return ours / numpy


def own_targets() -> Iterator[Figure]:
    """The figures with a target of their own."""
    for size, target in ((16, 0.7), (1000, 0.5), (100_000, 0.2)):
        yield Figure(fr.relu, size, target)
    yield Figure(fr.relu, 10_000_000, 0.6, note="out=", numpy=lambda x, out: np.maximum(x, 0, out=out), out=True)
    for function in (fr.sigmoid, fr.softplus, fr.gelu):
        for size, target in ((16, 0.4), (100_000, 0.15), (10_000_000, 0.1)):
            yield Figure(function, size, target)
    yield Figure(fr.tanh, 100_000, 1.1, threads=1, note="one thread")
    yield Figure(fr.tanh, 100_000, 0.7)
    for size in (1000, 100_000, 10_000_000):
        yield Figure(fr.softmax, size, 0.2, note="in rows of 1000")


def never_slower() -> list[Figure]:
    """Every function, dtype and size."""
    return [Figure(function, size, 1.0, dtype) for function in fr.registry.values() for dtype in DTYPES for size in SIZES]


def measured_apart(place: int, seconds: float) -> float:
    """The ratio of one of own_targets(), for a process of its own."""
    return list(own_targets())[place].ratio(seconds)


def main() -> None:
    """Measures all figures in several rounds, and prints the median ratio of each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.2, help="for one figure in one round")
    parser.add_argument("--all", action="store_true", help="show the functions that are not slower, too")
    parser.add_argument("--only", default="", help="a function's name")
    parser.add_argument("--targets", action="store_true", help="only the figures with a target of their own")
    options = parser.parse_args()
    own = list(own_targets())
    figures = [
        figure
        for figure in (*own, *([] if options.targets else never_slower()))
        if options.only in ("", figure.function.dotted_name)
    ]
    ratios: dict[Figure, list[float]] = {figure: [] for figure in figures}
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        for _ in range(options.rounds):
            for figure in track(figures, transient=True):
                if figure in own:
                    ratios[figure].append(pool.apply(measured_apart, (own.index(figure), options.seconds)))
                else:
                    ratios[figure].append(figure.ratio(options.seconds))
    print(", ".join(f"{key} {value}" for key, value in machine().items()))
    print(f"{'figure':45} {'target':>6} {'median':>6} {'best':>6} {'worst':>6}")
    missed = 0
    for figure, found in ratios.items():
        middle = statistics.median(found)
        missed += middle > figure.target
        if middle > figure.target or figure.target != 1 or options.all:
            verdict = "pass" if middle <= figure.target else "MISS"
            print(f"{figure.title:45} {figure.target:6.2f} {middle:6.2f} {min(found):6.2f} {max(found):6.2f} {verdict}")
    print(f"{len(figures) - missed} of {len(figures)} pass")


if __name__ == "__main__":
    main()
