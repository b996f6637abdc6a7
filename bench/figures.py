"""The speeds to reach, measured against NumPy in one run: python bench/figures.py

Every ratio is fastrelu's median time divided by NumPy's, from rounds that take turns; small is good.
"""

from __future__ import annotations

import argparse
import functools
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np

import fastrelu as fr
from fastrelu.cli.measure import DTYPES, SIZES, keywords, operands, race, timer
from fastrelu.fold import Fold


@dataclass(frozen=True)
class Figure:
    """One ratio to reach."""

    function: Any
    size: int
    target: float
    dtype: str = "float32"
    threads: int = 2
    out: bool = False
    shape: tuple[int, ...] | None = None

    @property
    def title(self) -> str:
        """What is measured."""
        where = f"{self.function.dotted_name} {self.dtype} {'x'.join(map(str, self.shape or (self.size,)))}"
        return where + (" out=" if self.out else "") + (" one thread" if self.threads == 1 else "")

    def ratio(self, seconds: float) -> float:
        """The median of fastrelu's time over NumPy's."""
        arrays, named = operands(self.function, self.size, self.dtype), keywords(self.function)
        if self.shape:
            arrays = tuple(array.reshape(self.shape) for array in arrays)
        outs = {"out": np.empty_like(arrays[0])} if self.out else {}
        numba.set_num_threads(min(self.threads, numba.config.NUMBA_NUM_THREADS))
        with np.errstate(all="ignore"):
            numpy, ours = race([timer(self.function.numpy, arrays, named), timer(self.function, arrays, named, **outs)], seconds)
        return ours / numpy


def figures() -> Iterator[Figure]:
    """Those with a target of their own; then that no function is slower than NumPy at any size from 16 up."""
    for size, target in ((16, 0.7), (1000, 0.5), (100_000, 0.2)):
        yield Figure(fr.relu, size, target)
    yield Figure(fr.relu, 10_000_000, 0.6, out=True)
    for function in (fr.sigmoid, fr.softplus, fr.gelu):
        for size, target in ((16, 0.4), (100_000, 0.15), (10_000_000, 0.1)):
            yield Figure(function, size, target)
    yield Figure(fr.tanh, 100_000, 1.1, threads=1)
    yield Figure(fr.tanh, 100_000, 0.7)
    for rows in (1, 100, 10_000):
        yield Figure(fr.softmax, rows * 1000, 0.2, shape=(rows, 1000))
    for function in fr.registry.values():
        for dtype in DTYPES:
            for size in SIZES:
                yield Figure(function, size, 1.0, dtype)
