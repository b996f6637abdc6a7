"""Calls with arrays that are not simply contiguous, or with a mask: in one pass, on all threads."""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastrelu import memory, pool
from fastrelu.arrays import untangled
from fastrelu.dispatch import Target, choose, thresholds_in_force
from fastrelu.kernels import layouts as native
from fastrelu.kernels.entry import SUPPORTED
from fastrelu.kernels.layouts import SLOT_HEAD
from fastrelu.kernels.plans import FRESH, MASKED, TILE_BYTES

if TYPE_CHECKING:
    from fastrelu.elementwise import Elementwise

# Elements: smaller arrays are through a ufunc before this has begun.
FROM, MASKED_FROM = 1 << 13, 1 << 8
_Call = Callable[[int, int, int, int, int, int], None]


@functools.cache
def _native() -> _Call:
    return ctypes.PYFUNCTYPE(None, *[ctypes.c_ssize_t] * 6)(native.layout_function().address)


class Table:
    """The words that the compiled driver needs to know of a function and dtype, and the dtype of the parameters.

    Parameters
    ----------
    data
        Of the inner loop.
    param
        The dtype in which kernels take scalar parameters.
    """

    __slots__ = ("_words", "address", "param")

    def __init__(self, data: Any, param: np.dtype[Any]) -> None:
        python = ctypes.pythonapi
        gil = (ctypes.cast(each, ctypes.c_void_p).value or 0 for each in (python.PyEval_SaveThread, python.PyEval_RestoreThread))
        part, size = native.part_function().address, param.itemsize
        self._words = np.array([*data[:4], size, part, pool.STATE.ctypes.data, *gil], np.int64)
        self.address, self.param = self._words.ctypes.data, param


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
    plain = mask is None
    for each in values if out is None else (*values, out):
        if type(each) is not np.ndarray or each.dtype is not dtype:
            return None
        state = each.flags
        if not state.aligned:
            return None
        plain = plain and state.c_contiguous
    if plain or not SUPPORTED or not (mask is None or type(mask) is np.ndarray):
        return None
    if out is None:
        flags, out = FRESH, _like(values, dtype)
    elif 0 in out.strides:
        return None
    else:
        flags = 0
        values = tuple(untangled(each, out) for each in values)
        mask = mask if mask is None else untangled(mask, out)
    table = function.layout_table(dtype)
    params = np.array(scalars, table.param)
    arrays = (*values, out)
    if mask is not None:
        flags, arrays = flags | MASKED, (*arrays, mask)
    threads = pool.ready() if size >= function.large else 1
    if choose(size, dtype.itemsize, function.cost, threads, thresholds_in_force()) is Target.SERIAL:
        threads = 1
    scratch = np.empty(SLOT_HEAD + threads * (SLOT_HEAD + len(arrays) * TILE_BYTES), np.uint8)
    _native()(table.address, id(arrays), id(params), id(scratch), flags, threads)
    return out


def _like(values: Sequence[Any], dtype: np.dtype[Any]) -> Any:
    """An output in the memory order that NumPy's ufuncs choose."""
    first = values[0]
    like = all(each.shape == first.shape and each.strides == first.strides for each in values)
    if like and 0 not in first.strides and 1 not in first.shape:
        out = np.empty_like(first, dtype)
    else:
        operands: list[Any] = [*values, None]
        uses: list[Any] = [["readonly"]] * len(values) + [["writeonly", "allocate"]]
        out = np.nditer(operands, ["zerosize_ok"], uses, op_dtypes=[dtype] * len(uses), order="K").operands[-1]
    if out.nbytes < memory.FROM_BYTES:
        return out
    order = sorted(range(out.ndim), key=lambda axis: -out.strides[axis])
    return memory.empty_like(out.transpose(order), dtype).transpose(np.argsort(order))
