"""Calls with arrays that are not simply contiguous, or with a mask: in one pass, on all threads."""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastrelu import memory, pool
from fastrelu.arrays import untangled
from fastrelu.dispatch import Target, choose
from fastrelu.kernels import layouts as native
from fastrelu.kernels.entry import SUPPORTED
from fastrelu.kernels.storage import BY_DTYPE
from fastrelu.thresholds import DEFAULT

if TYPE_CHECKING:
    from fastrelu.elementwise import Elementwise

FROM = 1024  # elements: smaller arrays are through a ufunc before this has begun
_Call = Callable[[int, int, int, int, int], None]


@functools.cache
def _native() -> _Call:
    return ctypes.PYFUNCTYPE(None, *[ctypes.c_ssize_t] * 5)(native.layout_function().address)


def table(data: Any) -> Any:
    """The words that the compiled driver needs of a function, made from the data of its loop."""
    python = ctypes.pythonapi
    gil = (ctypes.cast(each, ctypes.c_void_p).value or 0 for each in (python.PyEval_SaveThread, python.PyEval_RestoreThread))
    return np.array([*data[:4], native.part_function().address, pool.STATE.ctypes.data, *gil], np.int64)


def compute(function: Elementwise, dtype: np.dtype[Any], size: int, operands: tuple[Any, ...], out: Any, mask: Any) -> Any:
    """The result, or None if a ufunc has to do it: where NumPy must cast, align or wrap something, or does it as well.

    Parameters
    ----------
    function, dtype
        What to compute, in which dtype.
    size
        Elements of the result.
    operands
        Arrays and scalar parameters, checked.
    out
        The output, which has the dtype and the shape of the result; or None.
    mask
        A bool array; or None.
    """
    count = len(function.arrays)
    values, scalars = operands[:count], operands[count:]
    fresh = out is None
    given = values if fresh else (*values, out)
    if not SUPPORTED or (mask is None and all(each.flags.c_contiguous for each in given if isinstance(each, np.ndarray))):
        return None
    if not all(type(each) is np.ndarray and each.dtype is dtype and each.flags.aligned for each in given):
        return None
    if mask is not None and type(mask) is not np.ndarray:
        return None
    if fresh:
        out = _like(values, dtype)
    elif 0 in out.strides:
        return None
    else:
        values = tuple(untangled(each, out) for each in values)
        mask = mask if mask is None else untangled(mask, out)
    parameters = np.zeros((len(scalars), 8), np.uint8)
    if scalars:
        kind = BY_DTYPE[dtype].param
        parameters[:, : kind.itemsize] = np.array(scalars, kind).reshape(-1, 1).view(np.uint8)
    arrays = (*values, out) if mask is None else (*values, out, mask)
    flags = native.MASKED * (mask is not None) + native.FRESH * fresh
    threads = pool.claim(size * dtype.itemsize) if size >= function.large else 1
    try:
        serial = choose("cpu", size, dtype.itemsize, function.cost, threads, DEFAULT) is Target.SERIAL
        place = function.layout_table(dtype).ctypes.data, id(arrays), parameters.ctypes.data
        _native()(*place, flags, 1 if serial else threads)
    finally:
        pool.release(threads)
    return out


def _like(values: Sequence[Any], dtype: np.dtype[Any]) -> Any:
    """An output in the memory order that NumPy's ufuncs choose."""
    first = values[0]
    if 0 not in first.strides and all(each.shape == first.shape and each.strides == first.strides for each in values):
        out = np.empty_like(first, dtype)
    else:
        flags = [["readonly"]] * len(values) + [["writeonly", "allocate"]]
        iterator = np.nditer([*values, None], ["zerosize_ok"], flags, op_dtypes=[dtype] * len(flags), order="K")
        out = iterator.operands[-1]
    if out.nbytes < memory.FROM_BYTES:
        return out
    order = sorted(range(out.ndim), key=lambda axis: -out.strides[axis])
    return memory.empty_like(out.transpose(order), dtype).transpose(np.argsort(order))
