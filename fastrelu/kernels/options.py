"""The one place for compile options, and for what makes a cached kernel stale."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

import numba
import numba.core.registry
import numpy as np
from numba.core import sigutils
from numba.core.caching import FunctionCache, IndexDataCacheFile
from numba.core.ccallback import CFunc
from numba.core.compiler_lock import global_compiler_lock
from numba.core.runtime import rtsys

from fastrelu.vecmath import primitives, row_reductions
from fastrelu.vecmath.primitives import IEEE

# forceinline: the attributes that `sweep` gives to a kernel are its own
SERIAL = {**IEEE, "nogil": True, "forceinline": False, "no_cfunc_wrapper": False}


@functools.cache
def kernels_digest() -> bytes:
    """A digest of the sources that hold intrinsics and turn formulas into kernels: an edit makes every kernel a new one."""
    digest = hashlib.blake2b(numba.__version__.encode(), digest_size=16)
    for path in (*sorted(Path(__file__).parent.glob("*.py")), Path(primitives.__file__), Path(row_reductions.__file__)):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.digest()


def formula_digest(formula: Callable[..., Any]) -> str:
    """A digest of a formula, of every Python function it reaches, and of the kernels' sources.

    Numba's cache key holds the bytecode of one function but not of its callees (numba#6845), so an edited helper
    would get the old kernel.
    """
    digest = hashlib.blake2b(kernels_digest(), digest_size=16)
    seen: set[int] = set()

    def add(value: Any) -> None:
        if isinstance(value, FunctionType):
            if id(value) in seen or value.__module__.partition(".")[0] in ("numba", "numpy"):
                return
            seen.add(id(value))
            add_code(value.__code__, value.__globals__)
            for cell in value.__closure__ or ():
                add(cell.cell_contents)
            add(value.__defaults__)
        elif isinstance(value, CodeType):
            add_code(value, {})
        elif isinstance(value, tuple):
            for item in value:
                add(item)
        elif isinstance(getattr(value, "formula", None), FunctionType):  # another fastrelu function
            add(value.formula)
        elif isinstance(value, np.ndarray):
            digest.update(value.tobytes())
        elif not hasattr(value, "__dict__") or isinstance(value, type):
            digest.update(repr(value).encode())

    def add_code(code: CodeType, names: dict[str, Any]) -> None:
        digest.update(code.co_code)
        for constant in code.co_consts:
            add_code(constant, names) if isinstance(constant, CodeType) else add(constant)
        scopes = [names, *(vars(names[name]) for name in code.co_names if isinstance(names.get(name), ModuleType))]
        for name in code.co_names:
            digest.update(name.encode())
            for scope in scopes:
                if name in scope:
                    add(scope[name])

    add(formula)
    return digest.hexdigest()


class CheckedFile(IndexDataCacheFile):  # type: ignore[misc]
    """Tells damaged machine code, of which LLVM would end the process."""

    def _save_data(self, name: str, data: Any) -> None:
        dump = self._dump(data)
        super()._save_data(name, (hashlib.blake2b(dump).digest(), dump))

    def _load_data(self, name: str) -> Any:
        digest, dump = super()._load_data(name)
        if digest != hashlib.blake2b(dump).digest():
            raise ValueError(f"{name} is damaged")
        return pickle.loads(dump)


class _Cache(FunctionCache):  # type: ignore[misc]
    """Loads a kernel without Numba's type system: to make that ready takes 0.2 s, and with SciPy installed 0.5.

    No state of the disk stops a call: what cannot be read is compiled again, and what cannot be written is not kept.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        stamp = self._impl.locator.get_source_stamp()
        self._cache_file = CheckedFile(self._cache_path, self._impl.filename_base, stamp)

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        rtsys.initialize(target_context)  # the functions that the code may refer to
        try:
            return self._load_overload(sig, target_context)
        except Exception:  # whatever a damaged pickle raises
            with contextlib.suppress(OSError):
                os.unlink(self._cache_file._index_path)
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        with contextlib.suppress(OSError, EOFError, pickle.UnpicklingError):  # a full disk, another user's or a damaged index
            super().save_overload(sig, data)


def compile_cfunc(signature: Any, function: Callable[..., Any], *key: Any) -> Any:
    """numba.cfunc with our options, cached on disk where that is possible.

    Every kernel gets an index file of its own on the disk: its name stands for the key, the sources, and the processor. Numba
    keeps all functions of one name in one index and numbers their code, and two processes that compile at the same time then
    give one number to both: the next process gets the wrong kernel without a word.
    """
    target = numba.core.registry.cpu_target.target_context.codegen().magic_tuple()
    digest = hashlib.blake2b(repr((key, target)).encode() + kernels_digest(), digest_size=12).hexdigest()
    function.__qualname__ = f"{function.__name__}_{digest}"
    kernel = CFunc(function, sigutils.normalize_signature(signature), {}, SERIAL)
    try:
        kernel._cache = _Cache(function)  # type: ignore[attr-defined]
    except RuntimeError as error:  # numba#5566: raised when no cache folder is writable
        if "cannot cache" not in str(error):
            raise
    with _jit_enabled():
        kernel.compile()
    return kernel


@contextlib.contextmanager
def _jit_enabled() -> Iterator[None]:
    """NUMBA_DISABLE_JIT keeps the functions of a user in Python, to debug them; our kernels are none of those."""
    with global_compiler_lock:
        before, numba.config.DISABLE_JIT = numba.config.DISABLE_JIT, 0
        try:
            yield
        finally:
            numba.config.DISABLE_JIT = before
