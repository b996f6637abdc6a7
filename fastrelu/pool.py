"""Our threads: how many there are, who may use them now, forks, and the end of the process."""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import functools
import os
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from numba.core.compiler_lock import global_compiler_lock
from numba.np.ufunc import parallel

from fastrelu.arrays import as_integer, reject
from fastrelu.kernels import pool as native
from fastrelu.kernels.ufunc import Loop

_python = ctypes.pythonapi
_allocate_lock, _acquire_lock = _python.PyThread_allocate_lock, _python.PyThread_acquire_lock
_allocate_lock.restype, _allocate_lock.argtypes = ctypes.c_void_p, []
_acquire_lock.restype, _acquire_lock.argtypes = ctypes.c_int, [ctypes.c_void_p, ctypes.c_int]
_release_lock = _python.PyThread_release_lock
_release_lock.restype, _release_lock.argtypes = None, [ctypes.c_void_p]
_start_thread = _python.PyThread_start_new_thread
_start_thread.restype, _start_thread.argtypes = ctypes.c_ulong, [ctypes.c_void_p, ctypes.c_void_p]
_NO_THREAD = ctypes.c_ulong(-1).value  # what it returns where the system has none left
STACK_BYTES = 1 << 20  # of a thread, whatever threading.stack_size and ulimit say


@functools.cache
def _claim() -> Callable[[int, int], int]:
    return ctypes.PYFUNCTYPE(*[ctypes.c_ssize_t] * 3)(native.claim_function().address)


def _address_of(function: Any) -> int:
    return ctypes.cast(function, ctypes.c_void_p).value or 0


def _start(threads: int) -> None:
    """Starts as many as are missing, and writes down what the compiled code needs to know."""
    functions = {native.ACQUIRE: _acquire_lock, native.RELEASE: _release_lock, native.YIELD: _yield(), native.CLOCK: _clock()}
    for place, function in functions.items():
        STATE[place] = _address_of(function)
    stack_size = threading.stack_size(STACK_BYTES)
    try:
        while STATE[native.STARTED] < threads and _start_one():
            pass
    finally:
        threading.stack_size(stack_size)


def _start_one() -> bool:
    """Starts the next thread; whether the system had one left."""
    index = max(int(STATE[native.STARTED]), 1)  # the caller counts as the first
    STATE[native.STARTED] = index + 1  # at once, lest a handler or a finalizer that comes in between leads to a second one
    own = _words_of(index)
    if not own[native.LOCK]:  # there is one if the system had no thread the last time
        own[native.LOCK] = _allocate_lock()
        _acquire_lock(int(own[native.LOCK]), 1)
    own[native.STATE], own[native.INDEX] = STATE.ctypes.data, index
    own[native.ALIVE] = _start_thread(native.worker_thread().address, own.ctypes.data) != _NO_THREAD
    if not own[native.ALIVE]:
        STATE[native.STARTED] = index
    return bool(own[native.ALIVE])


def _stop() -> None:
    """Ends the threads while the code that they run is still there: at the end of the process."""
    STATE[native.MOST], STATE[native.LIMIT] = STATE[native.STARTED], 0
    if STATE[native.STARTED] and claim(native.STALL_BYTES) > 1:  # and never releases
        STATE[native.STOP] = 1
        for own in map(_words_of, range(1, int(STATE[native.STARTED]))):
            while own[native.ALIVE]:
                if own[native.ASLEEP]:
                    own[native.ASLEEP] = 0
                    _release_lock(int(own[native.LOCK]))
                time.sleep(1e-5)


def _yield() -> Any:
    if sys.platform == "win32":
        return ctypes.WinDLL("kernel32").SwitchToThread
    return ctypes.CDLL(None).sched_yield


def _clock() -> Any:
    if sys.platform == "win32":
        return ctypes.CDLL("ucrtbase")._timespec64_get
    return ctypes.CDLL(None).timespec_get


def _aligned_words(count: int) -> Any:
    words = np.zeros(count + native.LINE, np.int64)
    return words[(-words.ctypes.data) % (8 * native.LINE) // 8 :][:count]


def _words_of(index: int) -> Any:
    return STATE[native.FIRST + index * native.SIZE :][: native.SIZE]


def most_threads() -> int:
    """As many as there are: NUMBA_NUM_THREADS, or the cores that this process may use, at the import."""
    return int(STATE.size - native.FIRST) // native.SIZE


STATE = _aligned_words(native.FIRST + native.SIZE * int(numba.config.NUMBA_NUM_THREADS))  # compiled loops know its address
_starting = threading.RLock()  # a finalizer that calls us may run in the middle


def allowed() -> int:
    """How many threads a call may use, if no other caller has them: ours and numba's limits both hold."""
    limit = int(STATE[native.MOST])
    if parallel._is_initialized:  # numba.set_num_threads may have been called
        STATE[native.LIMIT] = _address_of(parallel._get_num_threads)
        limit = min(limit, int(numba.get_num_threads()))
    return limit


def ready() -> int:
    """How many threads a call may use, which all run now."""
    most = allowed()
    if most > max(STATE[native.STARTED], 1):
        _claim()  # which the end of the process needs; both wait for numba's lock, so they come before ours
        native.worker_thread()
        with _starting:
            _start(most)
    return most


def claim(size: int) -> int:
    """How many threads a call that writes so many bytes may use, until it puts 0 in BUSY; 0 if too few run."""
    return _claim()(STATE.ctypes.data, size)


def threaded_loop(serial: Loop, core_dims: int = 0) -> Loop:
    """The same loop on as many threads as it may have when it runs.

    Parameters
    ----------
    serial
        Any inner loop, elementwise or generalised.
    core_dims
        How many core dimensions a generalised one has.
    """
    size = serial.dtypes[-1].itemsize
    words = [serial.address, serial.data.ctypes.data, len(serial.dtypes), core_dims, STATE.ctypes.data, size]
    compiled = native.threaded_loop()
    return Loop(compiled.address, np.array(words, np.int64), serial.dtypes, (serial, compiled))


class threads(contextlib.AbstractContextManager["threads"]):
    """Limits the threads that fastrelu uses, and nobody else's.

    It takes effect at once, for the whole process; as a context manager it puts back what was in force. The environment variable
    FASTRELU_NUM_THREADS does the same at the start. `numba.set_num_threads` and NUMBA_NUM_THREADS limit
    fastrelu as well.

    Parameters
    ----------
    n : int
        From 1 to the number of cores that the process may use.

    Raises
    ------
    TypeError, ValueError
        If it is not an integer; if it is out of range.
    """

    def __init__(self, n: int) -> None:
        wanted = as_integer("threads", "n", n)
        if not 1 <= wanted <= most_threads():
            reject(ValueError, "threads", "n", f"be from 1 to {most_threads()}", str(wanted))
        self._before, STATE[native.MOST] = int(STATE[native.MOST]), wanted

    def __exit__(self, *_: object) -> None:
        STATE[native.MOST] = self._before


def _after_fork() -> None:
    global _starting
    most = int(STATE[native.MOST])
    STATE[:] = 0  # the threads are gone, and another one of the parent may have had a claim
    STATE[native.MOST], STATE[native.CREDIT] = most, native.MOST_CREDIT
    _starting = threading.RLock()  # a finalizer that calls us may run in the middle


def _from_environment() -> None:
    given = os.environ.get("FASTRELU_NUM_THREADS")
    if given:
        if not given.isdecimal() or not int(given):
            reject(ValueError, "fastrelu", "FASTRELU_NUM_THREADS", "be a positive integer", repr(given))
        threads(min(int(given), most_threads()))


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
    # A child would wait forever for a compilation that another thread of its parent was in the middle of.
    _compiling = global_compiler_lock
    os.register_at_fork(before=_compiling.acquire, after_in_parent=_compiling.release, after_in_child=_compiling.release)
atexit.register(_stop)
STATE[native.MOST], STATE[native.CREDIT] = most_threads(), native.MOST_CREDIT
_from_environment()
