"""What elementwise functions and folds share: their inner loops, the ufuncs made of them, and the choice of the target."""

from __future__ import annotations

import functools
from abc import abstractmethod
from typing import Any

import numpy as np

from fastrelu import threads
from fastrelu.dispatch import Target, choose, chunk_size
from fastrelu.kernels.parallel import CHUNK, parallel_loop
from fastrelu.kernels.ufunc import Loop, make_ufunc
from fastrelu.thresholds import PARALLEL_FROM_BYTES, Cost


class Compiled:
    """A function with one inner loop for each dtype, compiled at its first use.

    Parameters
    ----------
    name
        Where another process finds it in its module, as in ``gelu.derivative``.
    supported
        The dtypes it computes in, from the smallest to the largest.
    cost
        What bounds it.
    cores
        How many core dimensions its loops have: 0 for elementwise ones.
    signature
        Of the generalised ufunc, if it is one.
    """

    def __init__(
        self, name: str, supported: tuple[np.dtype[Any], ...], cost: Cost, cores: int = 0, signature: str | None = None
    ) -> None:
        self.dotted_name = name
        self.supported = supported
        self.cost = cost
        self.large = PARALLEL_FROM_BYTES[cost] // 8  # fewer elements than this are never worth two threads
        self._cores, self._core_signature = cores, signature
        self._loops: dict[np.dtype[Any], Loop] = {}
        self._serial: dict[np.dtype[Any], tuple[np.ufunc, Loop]] = {}
        self._parallel: dict[np.dtype[Any], tuple[np.ufunc, Loop]] = {}

    def __reduce__(self) -> str:
        return self.dotted_name

    def __repr__(self) -> str:
        return f"<fastrelu function {self.dotted_name}>"

    @abstractmethod
    def compile_loop(self, dtype: np.dtype[Any]) -> Loop:
        """Compiles the loop for one dtype, or loads it from disk."""

    def loop(self, dtype: np.dtype[Any]) -> Loop:
        """The inner loop for one dtype."""
        if dtype not in self._loops:
            self._loops[dtype] = self.compile_loop(dtype)
        return self._loops[dtype]

    def target(self, dtype: np.dtype[Any], parallel: bool = False) -> tuple[np.ufunc, Loop]:
        """The ufunc, and its one loop, that computes this dtype on one thread or on all."""
        targets = self._parallel if parallel else self._serial
        found = targets.get(dtype)
        if found is None:
            if parallel:
                threads.start()
            loop = parallel_loop(self.loop(dtype), self._cores) if parallel else self.loop(dtype)
            found = targets[dtype] = self._make_ufunc([loop]), loop
        return found

    @functools.cached_property
    def ufunc(self) -> np.ufunc:
        """The numpy.ufunc: one loop for each supported dtype, on one thread."""
        return self._make_ufunc([self.loop(dtype) for dtype in self.supported])

    def _make_ufunc(self, loops: list[Loop]) -> np.ufunc:
        return make_ufunc(self.dotted_name, self.__doc__ or "", loops, self._core_signature)

    def compute(self, dtype: np.dtype[Any], size: int, operands: tuple[Any, ...], keywords: dict[str, Any], row: int = 1) -> Any:
        """Calls the ufunc that suits the size, which is given in elements; threads share rows of so many."""
        if size < self.large:
            return self.target(dtype)[0](*operands, **keywords)
        count = threads.claim() if size > row else 1
        try:
            parallel = choose("cpu", size, dtype.itemsize, self.cost, count) is Target.PARALLEL
            ufunc, loop = self.target(dtype, parallel)
            if parallel:
                loop.data[CHUNK] = chunk_size(size // row, row * dtype.itemsize, count)
            return ufunc(*operands, **keywords)
        finally:
            threads.release(count)
