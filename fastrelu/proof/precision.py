"""mpmath's precision, which is one for all threads."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

import mpmath

_lock = threading.RLock()


@contextlib.contextmanager
def precision(bits: int) -> Iterator[None]:
    """Sets it, and keeps other threads out of mpmath."""
    with _lock, mpmath.workprec(bits):
        yield
