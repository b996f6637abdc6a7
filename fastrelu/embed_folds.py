"""Folds inside compiled code: along an axis that is known when the code is compiled."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import types
from numba.core.errors import TypingError
from numba.extending import overload, register_jitable
from numba.np.numpy_support import from_dtype

from fastrelu.embed import Embedded, all_of_shape, common_dtype, constant, embedded, items, plain
from fastrelu.parameters import REQUIRED
from fastrelu.vecmath.primitives import IEEE, compilable

if TYPE_CHECKING:
    from fastrelu.fold import Fold


def along(arrays: Any, order: Any, dtype: Any) -> Any:
    """A tuple of arrays of one dtype, contiguous in another order of their axes, in compiled code."""


@overload(along, jit_options=IEEE, strict=False)
def _along(arrays: Any, order: Any, dtype: Any) -> Any:
    if len(arrays) == 0:
        return lambda arrays, order, dtype: ()
    if arrays[0].dtype != dtype.dtype:
        return lambda arrays, order, dtype: along((arrays[0].astype(dtype),) + arrays[1:], order, dtype)
    return lambda arrays, order, dtype: (np.ascontiguousarray(arrays[0].transpose(order)),) + along(arrays[1:], order, dtype)


def grouped(arrays: Any, length: Any, last: Any) -> Any:
    """A tuple of contiguous arrays cut into rows of one length, the last array into rows of another, in compiled code."""


@overload(grouped, jit_options=IEEE, strict=False)
def _grouped(arrays: Any, length: Any, last: Any) -> Any:
    if len(arrays) == 1:
        return lambda arrays, length, last: (arrays[0].reshape(arrays[0].size // last, last),)
    return lambda arrays, length, last: (arrays[0].reshape(arrays[0].size // length, length),) + grouped(arrays[1:], length, last)


@functools.cache
def fold_type(function: Fold) -> Embedded:
    """Numba's type of a Fold."""
    return type_of(function, function, function.dotted_name, {})


def type_of(function: Any, fold: Fold, name: str, keywords: Mapping[str, Any]) -> Embedded:
    """Numba's type of a fold, which may have the defaults and the name of another framework."""
    optional = {**({"pool_size": REQUIRED} if fold.pooled else {}), "axis": -1, **keywords}

    def typed(given: dict[str, Any]) -> Any:
        kinds = [plain(given[key]) for key in fold.arrays]
        for key, kind in zip(fold.arrays, kinds, strict=True):
            if not isinstance(kind, types.Array) or kind.ndim == 0:
                raise TypingError(f"{name}: {key} must be an array with axes, got {kind}")
            if kind.ndim != kinds[0].ndim:
                raise TypingError(
                    f"{name}: {' and '.join(fold.arrays)} must have as many axes, got {kinds[0].ndim} and {kind.ndim}"
                )
        ndim, axis = kinds[0].ndim, constant(name, "axis", given.get("axis", optional["axis"]))
        if type(axis) is not int or not -ndim <= axis < ndim:
            raise TypingError(f"{name}: axis must be an integer from {-ndim} to {ndim - 1} in compiled code, got {axis!r}")
        if fold.pooled and not isinstance(plain(given["pool_size"]), types.Integer):
            raise TypingError(f"{name}: pool_size must be an integer, got {plain(given['pool_size'])}")
        compilable(fold.formula)
        dtype = common_dtype(name, fold.arrays, kinds, fold.supported)
        return _body(fold, name, from_dtype(dtype), ndim, axis % ndim)

    return embedded(function, name, fold.arrays, optional, typed)


def _body(fold: Fold, name: str, kind: Any, ndim: int, axis: int) -> Any:
    formula, pooled, keeps = fold.formula, fold.pooled, fold.cores[-1]
    count, last = len(fold.arrays), len(fold.arrays) - 1
    order = (*(k for k in range(ndim) if k != axis), axis)
    back, moved = tuple(np.argsort(order).tolist()), axis != ndim - 1
    must_match, must_divide = f"{name}: {' and '.join(fold.arrays)} must match", f"{name}: pool_size must divide the axis"

    @register_jitable(**IEEE)
    def group_of(args: Any, length: int) -> int:
        if not pooled:
            return length
        if args[count] < 1 or length % args[count]:
            raise ValueError(must_divide)
        return int(args[count])

    @register_jitable(**IEEE)
    def body(args: Any) -> Any:
        sources = along(args[:count], order, kind)
        x = sources[last]  # the operand that always has whole rows
        group = group_of(args, x.shape[-1])
        few = x.shape[:-1] + (x.shape[-1] // max(group, 1),)  # one element a group
        if not all_of_shape(sources[:last], few if pooled else x.shape):
            raise ValueError(must_match)
        out = np.empty(x.shape if keeps else few, kind)
        if out.size:
            rows, width = grouped(sources, 1 if pooled else group, group), group if keeps else 1
            target = out.reshape(out.size // width, width)
            for k in range(len(target)):
                formula(*items(rows, k), target[k])
        return np.ascontiguousarray(out.transpose(back)) if moved else out

    return body
