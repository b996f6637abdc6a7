"""How each dtype lies in memory, and in which type it is computed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types


def _as_is(_builder: Any, value: Any) -> Any:
    return value


@dataclass(frozen=True)
class Storage:
    """A dtype that kernels read and write.

    Half types are loaded, computed in float32, and rounded once to nearest even.
    """

    dtype: np.dtype[Any]
    compute: Any  # Numba's type of the formula's arguments and result
    item: Any  # LLVM's type in memory
    load: Callable[[Any, Any], Any] = _as_is
    store: Callable[[Any, Any], Any] = _as_is

    @property
    def param(self) -> np.dtype[Any]:
        """The dtype of scalar parameters: that of the computation, so that 0.01 is not rounded to half precision first."""
        return np.dtype(str(self.compute))


def _plain(name: str) -> Storage:
    dtype = np.dtype(name)
    compute = getattr(types, name)
    item = {"float32": ir.FloatType(), "float64": ir.DoubleType()}.get(name, ir.IntType(8 * dtype.itemsize))
    return Storage(dtype, compute, item)


_HALF = Storage(
    np.dtype("float16"),
    types.float32,
    ir.HalfType(),
    load=lambda builder, value: builder.fpext(value, ir.FloatType()),
    store=lambda builder, value: builder.fptrunc(value, ir.HalfType()),
)
_INTEGERS = tuple(_plain(f"{sign}int{bits}") for bits in (8, 16, 32, 64) for sign in ("", "u"))
_FLOATS = (_HALF, _plain("float32"), _plain("float64"))

BY_DTYPE = {storage.dtype: storage for storage in (*_INTEGERS, *_FLOATS)}
FLOATS = tuple(storage.dtype for storage in _FLOATS)
INTEGERS = tuple(storage.dtype for storage in _INTEGERS)
