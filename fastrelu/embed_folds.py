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

from fastrelu.embed import Embedded, all_of_shape, common_dtype, constant, embedded, plain
from fastrelu.parameters import REQUIRED
from fastrelu.vecmath.primitives import IEEE, compilable

if TYPE_CHECKING:
    from fastrelu.fold import Fold


def rows(arrays: Any, where: Any, dtype: Any) -> Any:
    """A row of each of a tuple of arrays, contiguous and of one dtype, in compiled code."""


@overload(rows, jit_options=IEEE, strict=False)
def _rows(arrays: Any, where: Any, dtype: Any) -> Any:
    if len(arrays) == 0:
        return lambda arrays, where, dtype: ()
    if arrays[0].dtype != dtype.dtype:
        return lambda arrays, where, dtype: (arrays[0][where].astype(dtype),) + rows(arrays[1:], where, dtype)
    if arrays[0].layout == "C" and isinstance(where[-1], types.SliceType):
        return lambda arrays, where, dtype: (arrays[0][where],) + rows(arrays[1:], where, dtype)
    return lambda arrays, where, dtype: (arrays[0][where].copy(),) + rows(arrays[1:], where, dtype)


def pieces(arrays: Any, place: Any, group: Any, whole: Any) -> Any:
    """The group at a place of each of a tuple of rows, or its one element where whole says 0, in compiled code."""


@overload(pieces, jit_options=IEEE, strict=False)
def _pieces(arrays: Any, place: Any, group: Any, whole: Any) -> Any:
    if len(arrays) == 0:
        return lambda arrays, place, group, whole: ()

    def walk(arrays: Any, place: Any, group: Any, whole: Any) -> Any:
        length = 1 + (group - 1) * whole[0]
        return (arrays[0][place * length : (place + 1) * length],) + pieces(arrays[1:], place, group, whole[1:])

    return walk


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
    formula, pooled, keeps, whole = fold.formula, fold.pooled, fold.cores[-1], tuple(map(int, fold.cores))
    count, last, after = len(fold.arrays), len(fold.arrays) - 1, axis + 1
    must_match, must_divide = f"{name}: {' and '.join(fold.arrays)} must match", f"{name}: pool_size must divide the axis"

    @register_jitable(**IEEE)
    def group_of(args: Any, length: int) -> int:
        if not pooled:
            return length
        if args[count] < 1 or length % args[count]:
            raise ValueError(must_divide)
        return int(args[count])

    @register_jitable(**IEEE)
    def fold_row(args: Any, out: Any, group: int, where: Any) -> None:
        target = np.empty(out.shape[axis], kind)
        given = rows(args[:count], where, kind) + (target,)
        for place in range(given[last].size // group):
            formula(*pieces(given, place, group, whole))
        row = out[where]
        for k in range(target.size):  # as one assignment it takes Numba a second more, for the error of sizes that differ
            row[k] = target[k]

    @register_jitable(**IEEE)
    def prepared(args: Any) -> Any:
        shape = args[last].shape  # of the operand that always has whole rows
        group = group_of(args, shape[axis])
        few = shape[:axis] + (shape[axis] // max(group, 1),) + shape[after:]  # one element a group
        if not all_of_shape(args[:last], few if pooled else shape):
            raise ValueError(must_match)
        return np.empty(shape if keeps else few, kind), group

    @register_jitable(**IEEE)
    def one_row(args: Any) -> Any:
        out, group = prepared(args)
        if out.size:
            fold_row(args, out, group, (slice(None),))
        return out

    @register_jitable(**IEEE)
    def all_rows(args: Any) -> Any:
        out, group = prepared(args)
        if out.size:
            for index in np.ndindex(out.shape[:axis] + out.shape[after:]):
                fold_row(args, out, group, index[:axis] + (slice(None),) + index[axis:])
        return out

    return one_row if ndim == 1 else all_rows
