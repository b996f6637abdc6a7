"""Machine code of kernels on the disk."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba_cuda
from numba.cuda.dispatcher import CUDACache

from fastrelu.kernels.options import CheckedFile, kernels_digest


@functools.cache
def sources_digest() -> bytes:
    """A digest of the sources of this folder: an edit makes every kernel a new one."""
    digest = hashlib.blake2b(kernels_digest() + numba_cuda.__version__.encode(), digest_size=16)
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.digest()


class _Cache(CUDACache):  # type: ignore[misc]
    """Finds code by the name of its file, which says all: numba's own key holds a pickle of the closure, which differs.

    No state of the disk stops a call, as in kernels.options.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        self._cache_file = CheckedFile(self._cache_path, self._impl.filename_base, self._impl.locator.get_source_stamp())

    def _index_key(self, sig: Any, codegen: Any) -> Any:
        return sig, codegen.magic_tuple()

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            return super().load_overload(sig, target_context)
        except Exception:  # whatever a damaged pickle raises
            with contextlib.suppress(OSError):
                os.unlink(self._cache_file._index_path)
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        with contextlib.suppress(OSError, EOFError, pickle.UnpicklingError):  # a full disk, another user's or a damaged index
            super().save_overload(sig, data)


def keep_on_disk(dispatcher: Any, key: tuple[Any, ...]) -> None:
    """Lets a dispatcher read and write compiled code, where a folder for it is writable.

    Each kernel has an index file of its own, whose name stands for the key and the sources, as kernels.options has it for the
    CPU: an edited formula has another digest, and its old code is not found any more.
    """
    function = dispatcher.py_func
    digest = hashlib.blake2b(repr(key).encode() + sources_digest(), digest_size=12).hexdigest()
    function.__qualname__ = f"{function.__name__}_{digest}"
    try:
        dispatcher._cache = _Cache(function)
    except RuntimeError as error:  # numba#5566: raised when no cache folder is writable
        if "cannot cache" not in str(error):
            raise
