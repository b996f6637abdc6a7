"""The shortest way from a call in Python to a kernel: a C function, compiled here, that CPython calls directly.

It serves the common calls (`ways`): contiguous arrays of one dtype and shape, small ones of any layout, numbers, perhaps with
`out=`; and hands any other on to a Python function. It reads the public fields of NumPy's arrays and uses CPython's and NumPy's
stable C interfaces, so that it takes a third of the time of a ufunc: no search for overrides, no dtype resolution, no iterator.
"""

from __future__ import annotations

import ctypes
import functools
import importlib
import sys
import sysconfig
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numba import types
from numba.np.ufunc import parallel

from fastrelu.kernels.objects import DATA
from fastrelu.kernels.options import compile_cfunc
from fastrelu.kernels.pointers import ask, peek
from fastrelu.kernels.ufunc import Loop
from fastrelu.kernels.ways import (
    ARRAY_TYPE,
    EMPTY_LIKE,
    FALLBACK,
    FIRST_OPTION,
    FIRST_SLOT,
    FOLDS,
    MOST_SLOTS,
    OPTION,
    OPTIONS,
    PARAM_NAMES,
    POOLED,
    RAISED,
    SLOT,
    SLOTS,
    VECTORCALL,
    option_way,
    pooled_way,
    short_way,
    ufunc_way,
)

METHOD_FLAGS = 0x0080 | 0x0002  # METH_FASTCALL | METH_KEYWORDS
SUPPORTED = sys.implementation.name == "cpython" and not sysconfig.get_config_var("Py_GIL_DISABLED")


class _Method(ctypes.Structure):
    """PyMethodDef."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("function", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("doc", ctypes.c_char_p),
    )


@functools.cache
def _entry() -> Any:
    def entry(owner: int, args: int, given: int, keywords: int) -> int:
        table = peek(owner, DATA)
        found = option_way(table, args, given, keywords)
        if found != -1:
            return found
        if given == 0:
            result = 0
        elif peek(table, FOLDS) == POOLED:
            result = pooled_way(table, args, given, keywords)
        else:
            result = short_way(table, args, given, keywords)
        if result == 0 and given != 0 and not peek(table, FOLDS):
            result = ufunc_way(table, args, given, keywords)
        if result == 0:
            result = ask(peek(table, VECTORCALL), (peek(table, FALLBACK), args, given, keywords))
        return 0 if result == RAISED else result

    return compile_cfunc(types.intp(*[types.intp] * 4), entry)


@functools.cache
def _common_words() -> Sequence[int]:
    """What every table holds from ARRAY_TYPE on."""
    multiarray = importlib.import_module("numpy._core._multiarray_umath")
    pointer_of = ctypes.pythonapi.PyCapsule_GetPointer
    pointer_of.restype, pointer_of.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    numpys = ctypes.cast(pointer_of(multiarray._ARRAY_API, None), ctypes.POINTER(ctypes.c_void_p))
    python = ctypes.pythonapi
    functions = (
        python.PyObject_Vectorcall,
        numpys[_NEW_FROM_DESCR],
        python.Py_IncRef,
        python.Py_DecRef,
        python.PyEval_SaveThread,
        python.PyEval_RestoreThread,
        python.PyDict_GetItem,
        python.PyLong_AsLongAndOverflow,
    )
    addresses = (ctypes.cast(function, ctypes.c_void_p).value or 0 for function in functions)
    mask = _WHERE, _ONLY_WHERE, np.dtype(bool)
    constants = (vars(parallel), _RUNS, True, _OUT, _ONLY_OUT, *mask, _AXIS, -1, int, _POOL_SIZE)
    numbers = (each for kind in _NUMBERS for each in (kind, np.dtype(kind)))
    return id(np.ndarray), *addresses, *map(id, constants), *map(id, numbers)


_OUT, _WHERE, _AXIS, _POOL_SIZE, _RUNS = map(sys.intern, ("out", "where", "axis", "pool_size", "_is_initialized"))
_ONLY_OUT, _ONLY_WHERE = (_OUT,), (_WHERE,)
_NUMBERS = float, np.float64, np.float32
_NEW_FROM_DESCR = 94  # its place in NumPy's table, fixed since 1.0
_alive: list[Any] = []  # CPython and the tables keep the addresses of these


class Entry:
    """The C function of one function, and the table that it reads.

    Parameters
    ----------
    name
        Of the function.
    fallback
        The Python function for all other calls.
    n_arrays, params, param_names
        How many operands are arrays; the default values of the parameters, and their names where every value is valid.
    folds
        0 for an elementwise function, ROWS or POOLED for one along the last axis.
    options
        For each keyword that selects another function: its values, and the functions.
    pool
        The address of the thread pool's words.
    parallel_from, reused_from, long_from
        From how many bytes of output on calls use threads, reuse memory for a new output, and take the long way.
    empty_like
        The function that makes such an output, of the first operand and a dtype.
    """

    def __init__(
        self,
        name: str,
        fallback: Callable[..., Any],
        n_arrays: int,
        params: Sequence[float],
        param_names: Sequence[str],
        folds: int,
        options: Mapping[str, Mapping[Any, Any]],
        pool: int,
        parallel_from: int,
        reused_from: int,
        long_from: int,
        empty_like: Callable[..., Any],
    ) -> None:
        self._params = params
        interned = [*map(sys.intern, param_names)]
        names = np.array([*map(id, interned)], np.int64)
        self._table = np.zeros(FIRST_SLOT + SLOT * MOST_SLOTS, np.int64)
        sizes = parallel_from, reused_from, long_from
        self._table[: EMPTY_LIKE + 1] = n_arrays, len(params), *sizes, 0, id(fallback), pool, folds, id(empty_like)
        self._table[PARAM_NAMES] = names.ctypes.data if interned else 0
        self._table[ARRAY_TYPE:OPTIONS] = _common_words()
        pairs = [(sys.intern(key), value, chosen) for key, choices in options.items() for value, chosen in choices.items()]
        for place, option in zip(range(FIRST_OPTION, FIRST_SLOT, OPTION), pairs, strict=False):
            self._table[place : place + OPTION] = [id(item) for item in option]
            self._table[OPTIONS] += 1
        method = _Method(name.encode(), _entry().address, METHOD_FLAGS, None)
        new_function = ctypes.pythonapi.PyCFunction_NewEx
        new_function.restype, new_function.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.py_object, ctypes.c_void_p]
        self.function = new_function(ctypes.addressof(method), self._table, None)
        _alive.append((method, fallback, empty_like, self._table, pairs, interned, names))

    def add(self, loop: Loop, compute: np.dtype[Any], ufunc: np.ufunc, ufunc_below: int) -> None:
        """Serves the dtype of one more loop.

        Parameters
        ----------
        loop
            The loop.
        compute
            The dtype of the scalar parameters.
        ufunc, ufunc_below
            That of the dtype, for other layouts, and how many elements are too many for it.
        """
        dtype = loop.dtypes[-1]
        params = np.zeros((len(self._params), 8), np.uint8)
        params[:, : compute.itemsize] = np.array(self._params, compute).reshape(-1, 1).view(np.uint8)
        place = FIRST_SLOT + SLOT * int(self._table[SLOTS])
        objects = [compute.type(value) for value in self._params]
        words = np.array([id(each) for each in objects], np.int64)
        addresses = params.ctypes.data, loop.address, loop.data.ctypes.data, id(ufunc), words.ctypes.data
        _alive.append((dtype, loop, params, ufunc, objects, words))
        self._table[place : place + SLOT] = id(dtype), loop.data[0], dtype.itemsize, *addresses, ufunc_below * dtype.itemsize
        self._table[SLOTS] += 1
