"""Machine code of kernels on the disk."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path
from typing import Any

import numba_cuda
from numba.cuda.dispatcher import CUDACache

from fastrelu.kernels.options import kernels_digest


@functools.cache
def sources_digest() -> bytes:
    """A digest of the sources of this folder: an edit makes every kernel a new one."""
    digest = hashlib.blake2b(kernels_digest() + numba_cuda.__version__.encode(), digest_size=16)
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.digest()


class _Cache(CUDACache):  # type: ignore[misc]
    """Finds code by the name of its file, which says all: numba's own key holds a pickle of the closure, which differs."""

    def _index_key(self, sig: Any, codegen: Any) -> Any:
        return sig, codegen.magic_tuple()


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
