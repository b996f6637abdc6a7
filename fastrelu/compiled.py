"""What elementwise functions and folds share: their inner loops, the ufuncs made of them, and the choice of the target."""

from __future__ import annotations

import functools
from abc import abstractmethod
from typing import Any

import numpy as np

from fastrelu import memory, pool, tuned
from fastrelu.arrays import untangled
from fastrelu.dispatch import Target, choose
from fastrelu.kernels.storage import bfloat16
from fastrelu.kernels.ufunc import Loop, make_ufunc
from fastrelu.thresholds import Cost


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
        self._cores, self._core_signature = cores, signature
        self._loops: dict[np.dtype[Any], Loop] = {}
        self._targets: dict[tuple[np.dtype[Any], Target, bool], np.ufunc] = {}

    @functools.cached_property
    def large(self) -> int:
        """Fewer elements than this are never worth two threads."""
        thresholds = tuned.in_force().thresholds
        return min(thresholds.parallel_from[self.cost], thresholds.streaming_from) // 8

    @property
    def keeps_shape(self) -> bool:
        """Whether the output has the shape of the operands."""
        return True

    def __reduce__(self) -> str:
        return self.dotted_name

    def __repr__(self) -> str:
        return f"<fastrelu function {self.dotted_name}>"

    @abstractmethod
    def compile_loop(self, dtype: np.dtype[Any]) -> Loop:
        """Compiles the loop for one dtype, or loads it from disk."""

    def streaming_loop(self, dtype: np.dtype[Any]) -> Loop:
        """The same with non-temporal stores, where there is such a kernel."""
        return self.loop(dtype)

    def loop(self, dtype: np.dtype[Any]) -> Loop:
        """The inner loop for one dtype."""
        if dtype not in self._loops:
            self._loops[dtype] = self.compile_loop(dtype)
        return self._loops[dtype]

    def target(self, dtype: np.dtype[Any], kind: Target = Target.SERIAL, pooled: bool = False) -> np.ufunc:
        """The ufunc that computes this dtype in one of the ways, on one thread or on those of a claim."""
        key = dtype, kind, pooled
        found = self._targets.get(key)
        if found is None:
            loop = self.streaming_loop(dtype) if kind is Target.STREAMING else self.loop(dtype)
            if pooled:
                loop = pool.pooled_loop(loop, self._cores)
            found = self._targets[key] = self._make_ufunc([loop])
        return found

    @functools.cached_property
    def ufunc(self) -> np.ufunc:
        """The numpy.ufunc: one loop for each supported dtype, on one thread; bfloat16 if ml_dtypes has been imported."""
        return self._make_ufunc([self.loop(dtype) for dtype in (*self.supported, *bfloat16())])

    def _make_ufunc(self, loops: list[Loop]) -> np.ufunc:
        return make_ufunc(self.dotted_name, self.__doc__ or "", loops, self._core_signature)

    def compute(self, dtype: np.dtype[Any], size: int, operands: tuple[Any, ...], keywords: dict[str, Any], row: int = 1) -> Any:
        """Calls the ufunc that suits the size, which is given in elements; threads share rows of so many."""
        if size < self.large:
            return self.target(dtype)(*operands, **keywords)
        count = pool.claim(size * dtype.itemsize) if size > row else 1
        try:
            kind = choose("cpu", size, dtype.itemsize, self.cost, count, tuned.in_force().thresholds)
            pooled = count > 1 and kind is not Target.SERIAL
            if "out" not in keywords:
                keywords = self._with_memory(dtype, operands, keywords)
            elif kind is not Target.SERIAL:
                operands = tuple(untangled(operand, keywords["out"]) for operand in operands)
            return self.target(dtype, kind, pooled)(*operands, **keywords)
        finally:
            pool.release(count)

    def _with_memory(self, dtype: np.dtype[Any], operands: tuple[Any, ...], keywords: dict[str, Any]) -> dict[str, Any]:
        """With reused memory for the output, where that is a plain array like the first operand."""
        first = operands[0]
        if type(first) is not np.ndarray or first.size * dtype.itemsize < memory.FROM_BYTES or not self.keeps_shape:
            return keywords
        if any(type(other) is not np.ndarray or other.shape != first.shape for other in operands[1:] if np.ndim(other)):
            return keywords
        return {**keywords, "out": memory.empty_like(first, dtype)}
