"""Inner loops to numpy.ufunc objects, through NumPy's own C interface.

Not through numba.vectorize: its ufuncs refuse `where=` (wrong operand flags), hold no float16 loops, and cost 65 ms each
to build; PyUFunc_FromFuncAndDataAndSignature is part of NumPy's stable ABI, and takes microseconds.
"""

from __future__ import annotations

import ctypes
import functools
import importlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

_REGISTER_LOOP, _FROM_FUNC_AND_DATA_AND_SIGNATURE = 2, 31  # their places in the table, fixed since NumPy 1.0
_BUILT_IN = 256  # the numbers of NumPy's own dtypes are less
_NO_IDENTITY = -1


class Loop(NamedTuple):
    """A compiled inner loop: its address, the words its data pointer points to, and its dtypes, the output's last."""

    address: int
    data: np.ndarray[Any, np.dtype[np.int64]]
    dtypes: tuple[np.dtype[Any], ...]
    owner: Any  # keeps the machine code alive


@functools.cache
def _interface() -> tuple[Any, Any]:
    """NumPy's functions that make a ufunc, and that give it a loop for a dtype of another package."""
    umath = importlib.import_module("numpy._core._multiarray_umath")
    pointer_of = ctypes.pythonapi.PyCapsule_GetPointer
    pointer_of.restype, pointer_of.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    table = ctypes.cast(pointer_of(umath._UFUNC_API, None), ctypes.POINTER(ctypes.c_void_p))
    make = ctypes.PYFUNCTYPE(
        ctypes.py_object,  # the new ufunc
        *[ctypes.c_void_p] * 3,  # functions, data, types
        *[ctypes.c_int] * 4,  # loops, inputs, outputs, identity
        *[ctypes.c_char_p] * 2,  # name, docstring
        ctypes.c_int,  # unused
        ctypes.c_char_p,  # signature
    )
    register = ctypes.PYFUNCTYPE(
        ctypes.c_int,
        ctypes.py_object,  # the ufunc
        ctypes.c_int,  # the dtype's number
        *[ctypes.c_void_p] * 3,  # function, the operands' dtypes, data
    )
    return make(table[_FROM_FUNC_AND_DATA_AND_SIGNATURE]), register(table[_REGISTER_LOOP])


_alive: list[Any] = []  # NumPy keeps the addresses of these for as long as the process lives


def make_ufunc(name: str, doc: str, loops: Sequence[Loop], signature: str | None = None) -> np.ufunc:
    """A numpy.ufunc with one output; NumPy takes the first loop to which the inputs can be cast safely.

    Parameters
    ----------
    name, doc
        What repr() and help() show.
    loops
        One per dtype, from the smallest to the largest.
    signature
        Of a generalised ufunc, as in ``"(n)->(n)"``.
    """
    n_inputs = len(loops[0].dtypes) - 1
    foreign = [loop for loop in loops if loop.dtypes[-1].num >= _BUILT_IN]
    loops = [loop for loop in loops if loop.dtypes[-1].num < _BUILT_IN]
    count = len(loops)
    functions = (ctypes.c_void_p * count)(*[loop.address for loop in loops])
    data = (ctypes.c_void_p * count)(*[loop.data.ctypes.data for loop in loops])
    kinds = bytes(dtype.num for loop in loops for dtype in loop.dtypes)
    types = ctypes.create_string_buffer(kinds, len(kinds))
    texts = [ctypes.create_string_buffer(text.encode()) for text in (name, doc, signature or "")]
    make, register = _interface()
    ufunc = make(
        *(ctypes.addressof(words) for words in (functions, data, types)),
        *(count, n_inputs, 1, _NO_IDENTITY),
        *(ctypes.cast(text, ctypes.c_char_p) for text in texts[:2]),
        0,
        ctypes.cast(texts[2], ctypes.c_char_p) if signature else None,
    )
    for loop in foreign:
        numbers = (ctypes.c_int * (n_inputs + 1))(*[dtype.num for dtype in loop.dtypes])
        register(ufunc, loop.dtypes[-1].num, loop.address, ctypes.addressof(numbers), loop.data.ctypes.data)
    _alive.append((functions, data, types, texts, loops, foreign))
    return ufunc
