"""The limit: a copy by all threads whose stores go round the caches, so that nothing is read but the source."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

LINE = 64  # bytes of a cache line, of an AVX-512 register, and the alignment of the buffers
CHUNK = 1 << 20  # bytes that a thread copies at a time


def aligned(size: int, dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
    """An array that begins at a cache line."""
    room = np.zeros(size * dtype.itemsize + LINE, np.uint8)
    start = -room.ctypes.data % LINE
    return room[start : start + size * dtype.itemsize].view(dtype)


@intrinsic
def stream_line(_context: Any, target: Any, source: Any) -> Any:
    """Copies one line from one address to another with a non-temporal store."""

    def generate(_target: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        line = ir.VectorType(ir.IntType(32), LINE // 4)
        to, origin = (builder.inttoptr(address, line.as_pointer()) for address in arguments)
        store = builder.store(builder.load(origin, align=LINE), to, align=LINE)
        store.set_metadata("nontemporal", builder.module.add_metadata([ir.Constant(ir.IntType(32), 1)]))

    return types.void(types.intp, types.intp), generate


@numba.njit(parallel=True)
def _stream(source: int, target: int, size: int) -> None:
    for chunk in numba.prange((size + CHUNK - 1) // CHUNK):
        for at in range(chunk * CHUNK, min(size, (chunk + 1) * CHUNK), LINE):
            stream_line(target + at, source + at)


def stream(source: np.ndarray[Any, Any], target: np.ndarray[Any, Any]) -> None:
    """Copies one array of `aligned` to another."""
    size = source.nbytes // LINE * LINE
    _stream(source.ctypes.data, target.ctypes.data, size)
    target.view(np.uint8)[size:] = source.view(np.uint8)[size:]
