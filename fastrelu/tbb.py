"""TBB of pip, for the user's own parallel functions with our formulas in them; our threads do not need it."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from collections.abc import Iterator


def _likely_libraries() -> Iterator[str]:
    """Where pip puts TBB."""
    if sys.platform == "win32":
        yield os.path.join(sys.prefix, "Library", "bin", "tbb12.dll")
    yield from (os.path.join(prefix, "lib", "libtbb.so.12") for prefix in (sys.prefix, os.path.expanduser("~/.local")))


def load_tbb() -> None:
    """Makes `pip install tbb` enough for Numba, which asks a linker that does not know virtual environments (numba#6108).

    We do not need it; a user's own parallel functions, with our formulas in them, do: they keep their latency on a busy machine.
    """
    for path in _likely_libraries():
        with contextlib.suppress(OSError):
            ctypes.CDLL(path, mode=ctypes.RTLD_GLOBAL)
            return
