"""Calls of functions along an axis with device arrays."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fastrelu import arrays
from fastrelu.kernels.cuda import calls, fold_kernels, launch, layouts
from fastrelu.kernels.cuda.calls import Place
from fastrelu.kernels.cuda.devices import Array, view
from fastrelu.kernels.cuda.dlpack import in_c_order
from fastrelu.kernels.cuda.memory import WIDE
from fastrelu.kernels.cuda.reductions import mailbox_bytes
from fastrelu.kernels.cuda.rows import Part
from fastrelu.kernels.cuda.separable import reductions_of
from fastrelu.kernels.storage import BY_DTYPE

if TYPE_CHECKING:
    from fastrelu.fold import Fold

# Threads that may hold a row. Rows in float64 take up to 96 registers a thread, and 1024 threads cannot have more than 64.
WARP, LEAST_BLOCK, LARGEST_BLOCK = 32, 128, 512
HELD_BYTES = 64  # of each row in the registers of a thread, where a block holds it; twice as much where a warp does
PIECE_THREADS = 512  # of a block that takes a row piece by piece
EXACT = 32  # the longest row of which one thread holds all elements in registers
SCRATCH_BYTES = 1 << 28  # of rows that one thread takes each


class Rows(NamedTuple):
    """Arrays without the axis that is folded: the output, the operands, perhaps a mask; and that axis."""

    walk: layouts.Walk
    number: int
    length: int
    inner: tuple[int, ...]
    dtypes: tuple[np.dtype[Any], ...]

    def lanes(self) -> int:
        """How many neighbours in a row can be one access: those of 16 bytes, or 1."""
        size = self.dtypes[0].itemsize
        steps = [step for each in self.walk.strides for step in each]
        alike = set(self.dtypes) == {self.dtypes[0]} and set(self.inner) == {size}
        aligned = not any(number % WIDE for number in (*self.walk.addresses, *steps, self.length * size))
        return WIDE // size if alike and aligned else 1

    def arguments(self) -> tuple[Any, ...]:
        """What all kernels take."""
        shape, strides = self.walk.shape, tuple(step for each in self.walk.strides for step in each)
        if not shape:
            shape, strides = (1,), (0,) * len(self.dtypes)
        first, *rest = self.walk.addresses
        return first, tuple(rest), self.number, self.length, self.inner, shape, strides


def call_fold(function: Fold, given: Sequence[Any], out: Any, where: Any) -> Any:
    """Compute a function along an axis of device arrays.

    Parameters
    ----------
    function
        The function, whose formula, dtype rule and shape checks apply.
    given
        Its operands, at least one of them a device array; the pool size where it has one; the axis.
    out
        A device array for the result; made where it is None.
    where
        A bool, or a device array of them: the elements that count.

    Returns
    -------
    device array
        `out` as it came, or a new array of the first operand's library.

    Raises
    ------
    TypeError, ValueError
        As on the CPU; TypeError also where host and device arrays are mixed.
    """
    name, values = function.dotted_name, given[: len(function.arrays)]
    place = calls.place_of(name, (*function.arrays, "out", "where"), (*values, out, where))
    with place.ordered((*values, out, where)):
        return _called(function, place, given, out, where)


def _called(function: Fold, place: Place, given: Sequence[Any], out: Any, where: Any) -> Any:
    name, count = function.dotted_name, len(function.arrays)
    values, axis = given[:count], given[-1]
    operands: list[Any] = calls.operands_of(name, function.arrays, values)
    dtype = arrays.computed_in(arrays.common_dtype(name, function.arrays, calls.stand_ins(operands)), function.supported)
    for key, operand in zip(function.arrays, operands, strict=True):
        if not isinstance(operand, Array):
            arrays.reject(TypeError, name, key, "be an array", type(operand).__name__)
    shapes = [each.shape for each in operands]
    mask = calls.mask_of(name, where)
    if mask is not True:
        function.check_takes_mask()
    several = not function.pooled and (axis is None or isinstance(axis, tuple))
    inner = function.checked_axes(axis if several else (axis,), len(shapes[-1]))
    if function.pooled:
        pool_size = function.checked_pool(shapes[-1][inner[0]], given[-2])
        operands[-1] = _split(operands[-1], pool_size, inner[0])
        inner = (inner[0] + 1,)
    core_shape = _matched(function, operands, shapes, inner)
    shape = operands[-1].shape if function.cores[-1] else core_shape
    public = shapes[-1] if function.cores[-1] else shape
    calls.check_covers(name, mask, shape)
    if out is None:
        columns = all(layouts.contiguous(each, True) and not layouts.contiguous(each) for each in operands)
        result, target = place.empty(public, dtype, "F" if columns else "C")
    else:
        result, target = out, view(name, "out", out)
        calls.check_writeable(name, target, dtype, public)
    if function.pooled and function.cores[-1]:
        target = _split(target, pool_size, inner[0] - 1)
    if isinstance(mask, Array):
        mask = layouts.broadcast(mask, shape)
    if 0 in operands[-1].shape:
        return place.library.finished(result)
    if mask is False:
        calls.fill(place, target, function.masked)
    else:
        _compute(function, place, dtype, target, operands, mask, inner)
    return place.library.finished(result)


def _matched(function: Fold, operands: list[Array], shapes: list[tuple[int, ...]], inner: tuple[int, ...]) -> tuple[int, ...]:
    """The shape without the axes that are folded, which is that of all operands."""
    last = operands[-1].shape
    outer = tuple(n for axis, n in enumerate(last) if axis not in inner)
    for operand, core in zip(operands, function.cores, strict=False):
        if operand.shape != (last if core else outer):
            came = ", ".join(map(str, shapes))
            raise ValueError(f"{function.dotted_name}: {' and '.join(function.arrays)} must match, got shapes {came}")
    return outer


def _split(array: Array, pool_size: int, axis: int) -> Array:
    """The array with an axis cut into groups."""
    shape, strides = array.shape, array.strides
    groups = shape[axis] // pool_size
    return array._replace(
        shape=(*shape[:axis], groups, pool_size, *shape[axis + 1 :]),
        strides=(*strides[:axis], strides[axis] * pool_size, *strides[axis:]),
    )


def _compute(
    function: Fold,
    place: Place,
    dtype: np.dtype[Any],
    target: Array,
    operands: list[Array],
    mask: Array | bool,
    inner: tuple[int, ...],
) -> None:
    """Runs a fold; arrays that several axes or an overlap make unfit are copied first."""
    read = [*operands, *([mask] if isinstance(mask, Array) else [])]
    kept: list[Any] = []
    if len(inner) != 1:
        merged = [_merged(each, inner) for each in (target, *read)]
        if any(each is None for each in merged):
            packed = [_packed(place, each, inner, kept) for each in read]
            made, fresh = place.empty(packed[0].shape, dtype)
            _compute(function, place, dtype, fresh, packed[: len(operands)], packed[-1] if read != operands else True, (-1,))
            order = _last(len(target.shape), inner)
            moved = target._replace(shape=_taken(target.shape, order), strides=_taken(target.strides, order))
            back = fresh._replace(shape=moved.shape, strides=in_c_order(moved.shape, dtype.itemsize))
            calls.compute(place, calls.same, moved, [back], [])
            del made
            return
        target, *read = (each for each in merged if each is not None)
        inner = (-1,)
    if any(layouts.clash(target, each) for each in read):
        made, apart = place.empty(target.shape, dtype)
        _fold(function, place, apart, read[: len(operands)], read[len(operands) :], inner[0])
        calls.compute(place, calls.same, target, [apart], [])
        del made
    else:
        _fold(function, place, target, read[: len(operands)], read[len(operands) :], inner[0])
    del kept


def _last(ndim: int, inner: tuple[int, ...]) -> tuple[int, ...]:
    return (*(axis for axis in range(ndim) if axis not in inner), *inner)


def _taken(numbers: tuple[int, ...], order: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(numbers[axis] for axis in order)


def _merged(array: Array, inner: tuple[int, ...]) -> Array | None:
    """The array with these axes as one, the last; None where that needs a copy."""
    order = _last(len(array.shape), inner)
    shape, strides = _taken(array.shape, order), _taken(array.strides, order)
    outer = len(shape) - len(inner)
    axes = [(n, step) for n, step in zip(shape[outer:], strides[outer:], strict=True) if n != 1]
    if any(step != after * n for (_, step), (n, after) in itertools.pairwise(axes)):
        return None
    step = axes[-1][1] if axes else array.dtype.itemsize
    return array._replace(shape=(*shape[:outer], math.prod(shape[outer:])), strides=(*strides[:outer], step))


def _packed(place: Place, array: Array, inner: tuple[int, ...], kept: list[Any]) -> Array:
    """A copy of the array with these axes as one, the last."""
    order = _last(len(array.shape), inner)
    there = array._replace(shape=_taken(array.shape, order), strides=_taken(array.strides, order))
    bits = there if there.dtype != np.bool_ else there._replace(dtype=np.dtype(np.uint8))
    made, copy = place.empty(there.shape, bits.dtype)
    kept.append(made)
    calls.compute(place, calls.same, copy, [bits], [])
    merged = _merged(copy, tuple(range(len(there.shape) - len(inner), len(there.shape))))
    assert merged is not None
    return merged._replace(dtype=there.dtype)


def _without(array: Array, axis: int) -> Array:
    axis %= len(array.shape)
    return array._replace(
        shape=array.shape[:axis] + array.shape[axis + 1 :], strides=array.strides[:axis] + array.strides[axis + 1 :]
    )


def _fold(function: Fold, place: Place, target: Array, operands: list[Array], masks: list[Array], axis: int) -> None:
    """Launches the kernels that suit the length of the rows and their number."""
    every = [target, *operands, *masks]
    cores = (function.cores[-1], *function.cores[:-1], *(True for _ in masks))
    outer = [_without(each, axis) if core else each for each, core in zip(every, cores, strict=True)]
    inner = tuple(each.strides[axis] if core else 0 for each, core in zip(every, cores, strict=True))
    walk = layouts.walk(outer)
    length = operands[-1].shape[axis]
    rows = Rows(walk, math.prod(walk.shape), length, inner, tuple(each.dtype for each in every))
    sources = tuple(each.dtype.name for each in operands)
    masked = function.masked if masks else None
    hidden = function.hidden if function.masked is not None else (0.0,) * len(operands)
    packs = launch.packs_halves(place.device)
    part = Part(function.formula, target.dtype.name, sources, function.cores, 1, 1, hidden, masked, packs=packs)
    asked = reductions_of(function.formula) if all(function.cores) and function.masked is not None else None
    if asked is None:
        if masks:
            _masked_alone(function, place, target, operands, masks[0], axis)
        else:
            _alone(place, part, rows)
        return
    lanes = rows.lanes()
    held = HELD_BYTES // BY_DTYPE[target.dtype].param.itemsize
    width, groups = shared_by(-(-length // lanes), lanes, held)
    if width:
        _together(place, part._replace(lanes=lanes, groups=groups), rows, width)
    else:
        _in_passes(place, part._replace(lanes=lanes, groups=max(2, held // 4 // lanes)), rows, asked)


def shared_by(groups: int, lanes: int, held: int) -> tuple[int, int]:
    """How many threads hold a row of so many groups of neighbours, and how many groups each; 0 threads where no block can.

    Parameters
    ----------
    groups, lanes
        Of the row; and how many elements a group has.
    held
        How many elements of a row one thread of a block may hold.
    """
    few = max(1, 4 // lanes)
    width = _power(-(-groups // few))
    if width <= WARP:
        return width, few
    if groups * lanes <= WARP * 2 * held:
        return WARP, _power(-(-groups // WARP))
    width = max(LEAST_BLOCK, _power(-(-groups * lanes // held)))
    return (width, _power(-(-groups // width))) if width <= LARGEST_BLOCK else (0, 0)


def _power(number: int) -> int:
    """The least power of two that is not less."""
    return 1 << (number - 1).bit_length()


def _together(place: Place, part: Part, rows: Rows, width: int) -> None:
    threads = max(width, launch.THREADS)
    first, *rest = rows.arguments()
    rank = len(rest[4])
    ready = launch.kernel(place.device, threads, fold_kernels.together, part, rank, width)
    blocks = min(-(-rows.number * width // threads), ready.resident)
    launch.run(ready, place.device, place.stream, blocks, threads, first, *rest)


def _in_passes(place: Place, part: Part, rows: Rows, asked: tuple[str, ...]) -> None:
    """A block takes a row; several do where there are fewer rows than the device holds blocks."""
    first, *rest = rows.arguments()
    key = part, len(rest[4]), asked, PIECE_THREADS
    at = place.device, place.stream
    ready = launch.kernel(place.device, PIECE_THREADS, fold_kernels.by_block, *key)
    mail = mailbox_bytes(PIECE_THREADS, BY_DTYPE[rows.dtypes[0]].param.itemsize)
    most = -(-rows.length // (PIECE_THREADS * part.capacity))
    pieces = min(ready.resident // rows.number, most)
    if pieces <= 1:
        launch.run(ready, *at, min(rows.number, ready.resident), PIECE_THREADS, first, *rest, shared=mail)
        return
    made, partials = place.empty((len(asked), rows.number, pieces), BY_DTYPE[rows.dtypes[0]].param)
    for stage in range(len(asked) + 1):
        one = launch.kernel(place.device, PIECE_THREADS, fold_kernels.in_pieces, *key, stage)
        launch.run(one, *at, rows.number * pieces, PIECE_THREADS, first, *rest, partials.address, pieces, shared=mail)
    del made


def _masked_alone(function: Fold, place: Place, target: Array, operands: list[Array], mask: Array, axis: int) -> None:
    """The same with a mask, which is applied before and after."""
    given, kept = [], []
    for operand, number in zip(operands, function.hidden, strict=True):
        made, copy = place.empty(operand.shape, target.dtype)
        calls.compute(place, calls.chosen, copy, [operand, mask], [number])
        kept.append(made)
        given.append(copy)
    _fold(function, place, target, given, [], axis)
    calls.compute(place, calls.chosen, target, [target, mask], [function.masked or 0.0])
    del kept


def _alone(place: Place, part: Part, rows: Rows) -> None:
    """One thread takes a row."""
    first, *rest = rows.arguments()
    rank = len(rest[4])
    if rows.length <= EXACT:
        _together(place, part._replace(groups=rows.length, exact=True), rows, 1)
        return
    compute = BY_DTYPE[rows.dtypes[0]].param
    row = len(part.cores) * rows.length
    workers = max(1, min(rows.number, SCRATCH_BYTES // (row * compute.itemsize)))
    made, scratch = place.empty((workers * row,), compute)
    ready = launch.kernel(place.device, launch.THREADS, fold_kernels.alone, part, rank)
    blocks = -(-workers // launch.THREADS)
    launch.run(ready, place.device, place.stream, blocks, launch.THREADS, first, *rest, scratch.address, workers)
    del made
