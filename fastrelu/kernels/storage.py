"""How each dtype lies in memory, and in which type it is computed."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import types


def _as_is(_builder: Any, value: Any) -> Any:
    return value


class Storage(NamedTuple):
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


def _widened(builder: Any, value: Any) -> Any:
    """bfloat16 to float32: the upper half of its bits."""
    word = ir.IntType(32)
    return builder.bitcast(builder.shl(builder.zext(value, word), word(16)), ir.FloatType())


def _rounded(builder: Any, value: Any) -> Any:
    """float32 to bfloat16, to nearest even; a NaN stays one, whatever bits are cut off."""
    word = ir.IntType(32)
    bits = builder.bitcast(value, word)
    odd = builder.and_(builder.lshr(bits, word(16)), word(1))
    nearest = builder.add(bits, builder.add(odd, word(0x7FFF)))
    quiet = builder.or_(bits, word(0x400000))
    chosen = builder.select(builder.fcmp_unordered("uno", value, value), quiet, nearest)
    return builder.trunc(builder.lshr(chosen, word(16)), ir.IntType(16))


_INTEGERS = tuple(_plain(f"{sign}int{bits}") for bits in (8, 16, 32, 64) for sign in ("", "u"))
_FLOATS = (_HALF, _plain("float32"), _plain("float64"))

BY_DTYPE = {storage.dtype: storage for storage in (*_INTEGERS, *_FLOATS)}
BY_NAME = {dtype.name: storage for dtype, storage in BY_DTYPE.items()}


def bfloat16() -> tuple[np.dtype[Any], ...]:
    """The dtype, if ml_dtypes has been imported."""
    package = sys.modules.get("ml_dtypes")
    found = (np.dtype(package.bfloat16),) if package else ()
    return tuple(filter(is_bfloat16, found))


def needed_bfloat16() -> np.dtype[Any]:
    """The dtype, for arrays of libraries that have a bfloat16 of their own.

    Raises
    ------
    ImportError
        If ml_dtypes is not installed.
    """
    try:
        return np.dtype(importlib.import_module("ml_dtypes").bfloat16)
    except ImportError:
        raise ImportError("bfloat16 arrays need the package ml_dtypes: pip install ml_dtypes") from None


def is_bfloat16(dtype: np.dtype[Any]) -> bool:
    """Whether this is ml_dtypes' type; makes it known. A process that never sees such an array never imports that package."""
    if dtype.kind == "V" and dtype.name == "bfloat16" and dtype not in BY_DTYPE:
        storage = Storage(dtype, types.float32, ir.IntType(16), load=_widened, store=_rounded)
        BY_DTYPE[dtype] = BY_NAME["bfloat16"] = storage
    return dtype.kind == "V" and dtype in BY_DTYPE


FLOATS = tuple(storage.dtype for storage in _FLOATS)
INTEGERS = tuple(storage.dtype for storage in _INTEGERS)
