"""Reuse of large output buffers: a fresh one costs more than the arithmetic, because the system clears every page of it.

A buffer is free again when nothing refers to it: it belongs to an object that is not an array, so NumPy keeps that object
alive from every view, slice, memoryview and export of the result, and nobody has to count.
"""

from __future__ import annotations

import contextlib
import ctypes
import mmap
import os
from typing import Any

import numpy as np

from fastrelu.arrays import as_integer, reject

FROM_BYTES = 1 << 22  # smaller ones come from malloc, which keeps its pages
HUGE_PAGE = 1 << 21
DEFAULT_LIMIT, SHARE_OF_RAM = 1 << 30, 8  # at most this much, and at most an eighth of the machine's memory
_PRIVATE: dict[str, Any] = {} if os.name == "nt" else {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS}


class Buffer:
    """Anonymous memory, aligned to a huge page.

    Parameters
    ----------
    size
        In bytes.
    """

    __slots__ = ("_map", "address", "size")

    def __init__(self, size: int) -> None:
        self.size = size
        self._map = mmap.mmap(-1, size + HUGE_PAGE, **_PRIVATE)
        first = ctypes.addressof(ctypes.c_char.from_buffer(self._map))
        offset = -first % HUGE_PAGE
        self.address = first + offset
        if hasattr(mmap, "MADV_HUGEPAGE"):
            with contextlib.suppress(OSError):  # a kernel without them
                self._map.madvise(mmap.MADV_HUGEPAGE, offset, size)


class Owner:
    """What a result's memory belongs to: gives it back when the last reference is gone."""

    __slots__ = ("__array_interface__", "__weakref__", "_buffer", "_shelf")

    def __init__(self, buffer: Buffer, size: int, shelf: Shelf) -> None:
        self._buffer = buffer
        self._shelf = shelf  # not the module's: at the end of the process this may outlive the module
        self.__array_interface__ = {"shape": (size,), "typestr": "|u1", "data": (buffer.address, False), "version": 3}

    def __del__(self) -> None:
        self._shelf.put(self._buffer)


class Shelf:
    """The free buffers, the one last used at the end.

    There is no lock: every step is one operation of a list, which other threads see whole. The garbage collector, a signal's
    handler and a fork may come between any two of them.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.reused = self.made = 0
        self._free: list[Buffer] = []

    @property
    def kept(self) -> int:
        """Bytes of the free buffers."""
        return sum([buffer.size for buffer in self._free[:]])

    def take(self, size: int) -> Buffer:
        """A free buffer of this size, or a new one."""
        for buffer in reversed(self._free[:]):
            if buffer.size == size:
                with contextlib.suppress(ValueError):  # another thread has it now
                    self._free.remove(buffer)
                    self.reused += 1
                    return buffer
        self.made += 1
        return Buffer(size)

    def put(self, buffer: Buffer) -> None:
        """Keeps a buffer."""
        if buffer.size <= self.limit:
            self._free.append(buffer)
            self.shrink(self.limit)

    def shrink(self, limit: int) -> None:
        """Drops the buffers that have not been used for the longest time, down to so many bytes."""
        try:
            while self.kept > limit:
                self._free.pop(0)
        except IndexError:  # another thread has emptied it; no contextlib, which may be gone at the end of the process
            pass


def physical_memory() -> int:
    """Bytes of memory; 8 GiB where the system does not tell (Windows)."""
    with contextlib.suppress(AttributeError, ValueError, OSError):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return 8 << 30


_shelf = Shelf(min(DEFAULT_LIMIT, physical_memory() // SHARE_OF_RAM))


def empty_like(array: Any, dtype: np.dtype[Any]) -> Any:
    """An uninitialised array of an array's shape and memory order, in memory that was used before where there is some."""
    size = array.size * dtype.itemsize
    if size < FROM_BYTES or not (array.flags.c_contiguous or array.flags.f_contiguous):
        return np.empty_like(array, dtype, subok=False)
    step = 1 << (size.bit_length() - 4)  # sizes that differ by less than an eighth share buffers
    rounded = -(-size // step) * step
    if rounded > _shelf.limit:
        return np.empty_like(array, dtype, subok=False)
    try:
        buffer = _shelf.take(rounded)
    except OSError:  # from mmap: there is no memory, but for what is kept here
        clear()
        return np.empty_like(array, dtype, subok=False)
    flat = np.asarray(Owner(buffer, size, _shelf)).view(dtype)
    return flat.reshape(array.shape) if array.flags.c_contiguous else flat.reshape(array.shape[::-1]).T


def limit(size: int | None = None) -> int:
    """Sets how much free memory is kept for results to come.

    Parameters
    ----------
    size : int, optional
        In bytes; 0 turns the reuse off. The default is 1 GiB, or an eighth of the machine's memory if that is less.

    Returns
    -------
    int
        What is in force now, in bytes.

    Raises
    ------
    TypeError, ValueError
        If it is not an integer; if it is negative.
    """
    if size is not None:
        wanted = as_integer("memory.limit", "size", size)
        if wanted < 0:
            reject(ValueError, "memory.limit", "size", "be at least 0", str(wanted))
        _shelf.limit = wanted
        _shelf.shrink(wanted)
    return _shelf.limit


def clear() -> None:
    """Gives all free buffers back to the system; those in use are kept when they become free."""
    _shelf.shrink(0)


def stats() -> dict[str, int]:
    """What the reuse has done.

    Returns
    -------
    dict of str to int
        ``limit`` and ``kept`` in bytes; how many buffers have been ``made`` and ``reused`` in this process.
    """
    return {"limit": _shelf.limit, "kept": _shelf.kept, "made": _shelf.made, "reused": _shelf.reused}
