"""Numba's thread pool: started late, used by one caller at a time, never in a forked child."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
import threading
from collections.abc import Iterable

import numba

_busy = threading.Lock()
_started = False
_forked = False  # from a process whose pool was running: the pool is gone, and using it would kill or hang the child


def claim() -> int:
    """How many threads this call may use: 1 while another caller has them.

    The caller gives them back with `release`. Never blocks: a second caller is faster on its
    own core than waiting, and the workqueue layer aborts the process when two threads enter it (numba#9288).
    """
    if _forked or not _busy.acquire(blocking=False):
        return 1
    threads: int = 1
    try:
        start()
        threads = int(numba.get_num_threads())
    finally:
        if threads == 1:
            _busy.release()
    return threads


def release(threads: int) -> None:
    """Gives back what claim returned."""
    if threads > 1:
        _busy.release()


def start() -> None:
    """Starts the pool, if it does not run yet: a parallel kernel that comes from the disk cache does not."""
    global _started
    if not _started:
        _load_tbb(_listed_libraries())
        numba.get_num_threads()
        _started = True


def _load_tbb(candidates: Iterable[str]) -> None:
    """Makes `pip install tbb` enough: Numba asks the dynamic linker, which does not know virtual environments (numba#6108)."""
    for path in candidates:
        with contextlib.suppress(OSError):
            ctypes.CDLL(path, mode=ctypes.RTLD_GLOBAL)
            return


def _likely_libraries() -> list[str]:
    """Where pip puts the library, for a look at import: Numba starts another layer for good at the user's first call."""
    if sys.platform == "win32":
        return [os.path.join(sys.prefix, "Library", "bin", "tbb12.dll")]
    return [os.path.join(prefix, "lib", "libtbb.so.12") for prefix in (sys.prefix, os.path.expanduser("~/.local"))]


def _listed_libraries() -> list[str]:
    """Where the package says it is: exact, but reading that takes 10 ms."""
    import importlib.metadata

    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        names = ("libtbb.so.12", "libtbb.12.dylib", "tbb12.dll")
        return [str(file.locate()) for file in importlib.metadata.files("tbb") or () if file.name.startswith(names)]
    return []


def _after_fork() -> None:
    global _busy, _forked
    _busy = threading.Lock()  # another thread of the parent may have held it
    pool = sys.modules.get("numba.np.ufunc.parallel")
    _forked = _forked or _started or getattr(pool, "_is_initialized", False)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
_load_tbb(_likely_libraries())
