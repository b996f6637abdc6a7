"""Gradients of parameters: those of each element, summed as they are computed to the shape of the parameter."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import config, cuda, types
from numba.core import cgutils
from numba.extending import intrinsic

from fastrelu import arrays
from fastrelu.kernels.calls import emit, resolve
from fastrelu.kernels.cuda import calls, launch, layouts, memory, rows
from fastrelu.kernels.cuda.calls import Operand, Place
from fastrelu.kernels.cuda.devices import Array, view
from fastrelu.kernels.cuda.launch import LENGTH, POINTER, Source
from fastrelu.kernels.cuda.memory import writer
from fastrelu.kernels.cuda.reductions import across
from fastrelu.kernels.cuda.separable import SUM
from fastrelu.kernels.cuda.steps import CLEAR, Task
from fastrelu.kernels.options import formula_digest
from fastrelu.kernels.storage import BY_DTYPE
from fastrelu.vecmath.primitives import compilable

if TYPE_CHECKING:
    from fastrelu.elementwise import Elementwise
    from fastrelu.gradients import Backward, ParameterBackward

THREADS = 256
EACH = 16  # elements of a thread, at least, before another block shares a sum
_DOUBLE = np.dtype(np.float64)


def _value(task: Task) -> Any:
    """The function ``value(pointers, scalars, row, place)`` of kernels: the formula of one element, 0 where it is not selected.

    `row` and `place` are bytes from the beginning of each array.
    """
    formula, dtype, sources, n_params, mask, _ = task
    if config.ENABLE_CUDASIM:
        number = BY_DTYPE[dtype].param.type

        def host(pointers: Any, scalars: Any, row: Any, place: Any) -> Any:
            kinds = map(memory.dtype_of, task.given)
            items = [memory.host_items(sum(at), kind, 1)[0] for *at, kind in zip(pointers, row, place, kinds, strict=True)]
            if mask and not items.pop():
                return number(0)
            given, rest = iter(items), iter(scalars)
            return formula(*(number(next(given) if source else next(rest)) for source in sources), *map(number, rest))

        return host
    storages = [memory.storage_of(each) for each in task.given]

    @intrinsic
    def compiled(context: Any, pointers: Any, scalars: Any, row: Any, place: Any) -> Any:
        called = context.resolve_value_type(formula)
        inner = resolve(context, called, task.compute, len(sources) + n_params)

        def codegen(target: Any, builder: Any, _signature: Any, args: Any) -> Any:
            parts = zip(*(cgutils.unpack_tuple(builder, args[k]) for k in (0, 2, 3)), strict=True)
            addresses = [builder.add(builder.add(start, far), near) for start, far, near in parts]
            items = [memory.load(builder, s, at, 1)[0] for s, at in zip(storages, addresses, strict=True)]
            bit = items.pop() if mask else None
            values = [target.cast(builder, v, s.compute, task.compute) for v, s in zip(items, storages, strict=False)]
            given, rest = iter(values), iter(cgutils.unpack_tuple(builder, args[1]))
            operands = [next(given) if source else next(rest) for source in sources]
            result = emit(target, builder, called, inner, [*operands, *rest], task.compute)
            if bit is None:
                return result
            zero = target.get_constant(task.compute, 0)
            return builder.select(builder.icmp_unsigned("!=", bit, bit.type(0)), result, zero)

        return task.compute(pointers, scalars, row, place), codegen

    return compiled


def sums(task: Task, output: str, kept: int, rank: int) -> Source:
    """The kernel that sums a formula of `length` elements for each of `count` results, each in `pieces` by as many blocks."""
    compilable(task.formula)
    count_of = len(task.given)
    value, across_block = _value(task), across(SUM, THREADS, types.float64)
    rows_at, places_at = rows.row_offsets(count_of), rows.row_offsets(count_of)
    dtype, zero = memory.dtype_of(output), np.float64(0)
    write, size, number = writer(dtype), dtype.itemsize, BY_DTYPE[dtype].param.type

    def summed(
        out: int,
        pointers: Any,
        scalars: Any,
        count: int,
        length: int,
        row_shape: Any,
        row_strides: Any,
        shape: Any,
        strides: Any,
        pieces: int,
    ) -> None:
        thread = cuda.threadIdx.x
        for block in range(cuda.blockIdx.x, count * pieces, cuda.gridDim.x):
            row, piece = block // pieces, block % pieces
            far = rows_at(row, row_shape, row_strides)
            total = zero
            for place in range(piece * THREADS + thread, length, pieces * THREADS):
                total += value(pointers, scalars, far, places_at(place, shape, strides))
            total = across_block(total)
            if thread == 0:
                write(out + block * size, number(total))

    arguments = (
        POINTER,
        types.UniTuple(POINTER, count_of),
        types.BaseTuple.from_types([task.compute] * task.n_scalars),
        LENGTH,
        LENGTH,
        types.UniTuple(LENGTH, kept),
        types.UniTuple(LENGTH, kept * count_of),
        types.UniTuple(LENGTH, rank),
        types.UniTuple(LENGTH, rank * count_of),
        LENGTH,
    )
    key = formula_digest(task.formula), task.dtype.name, *task[2:], output, kept, rank, THREADS
    return Source(summed, arguments, key)


def gradients(
    owner: Backward | ParameterBackward, keys: tuple[str, ...], operands: Sequence[Any], outs: Sequence[Any], where: Any
) -> dict[str, Any]:
    """The gradients of device arrays that are named, each with its output, as `fastrelu.gradients.gradients_of` has them."""
    name, names, given = owner.dotted_name, owner.arrays, operands[: len(owner.arrays)]
    values = (*given, *outs, where)
    place = calls.place_of(name, (*names, *("out" for _ in outs), "where"), values)
    with place.ordered(values):
        return _gradients(owner, place, keys, operands, outs, where)


def _gradients(
    owner: Backward | ParameterBackward,
    place: Place,
    keys: tuple[str, ...],
    operands: Sequence[Any],
    outs: Sequence[Any],
    where: Any,
) -> dict[str, Any]:
    name = owner.dotted_name
    seen_operands = tuple(calls.operands_of(name, owner.arrays, operands[: len(owner.arrays)]))
    results: dict[str, Any] = {}
    late: dict[str, Any] = {}  # nothing is written before everything has been read and checked
    for key, target in sorted(zip(keys, outs, strict=True), key=lambda pair: pair[0] == "x"):
        part = owner.gradients[key]
        shape = owner.shape_of(key, seen_operands)
        if shape is None:
            results[key] = calls.call(part, operands, target, where)
            continue
        results[key], seen, whole = _summed(part, place, operands, tuple(shape), where)
        if target is not None:
            seen = seen or view(name, "out", results[key])
            there = view(name, "out", target)
            calls.check_writeable(name, there, seen.dtype, seen.shape)
            late[key] = target, there, seen, calls.mask_of(name, where) if whole else True
    for key, (target, there, seen, mask) in late.items():
        if seen.shape == () or 0 not in seen.shape:
            calls.compute(place, calls.same, there, [seen], [], mask, fresh=False)
        results[key] = place.library.finished(target)
    return results


def _summed(
    part: Elementwise, place: Place, operands: Sequence[Any], target: tuple[int, ...], where: Any
) -> tuple[Any, Array | None, bool]:
    """A gradient in the shape of its parameter, how kernels see it where that is known, and whether nothing had to be summed."""
    name, count = part.dotted_name, len(part.arrays)
    given = calls.operands_of(name, part.arrays, operands[:count])
    seen = calls.stand_ins(given)
    common = arrays.common_dtype(name, part.arrays, seen)
    dtype, numbers = part.settle(common, operands[count:], part.supported)
    if common.kind in "biu" and not target:
        dtype = _DOUBLE  # no dtype of an input to keep, and float16 would overflow
    shape = arrays.common_shape(name, part.arrays, seen)
    mask = calls.mask_of(name, where)
    if isinstance(mask, Array):
        shape = arrays.joined_shape(name, ("operands", "where"), [shape, mask.shape])
    if shape == target:
        return calls.call(part, operands, None, where), None, True
    made, out = place.empty(target, dtype)
    if 0 in target:
        return place.library.finished(made), out, False
    if 0 in shape or mask is False:
        calls.fill(place, out, 0)
    else:
        _reduce(part.formula, place, BY_DTYPE[dtype].param, out, given, numbers, mask, shape)
    return place.library.finished(made), out, False


def _reduce(
    formula: Any,
    place: Place,
    compute: np.dtype[Any],
    out: Array,
    operands: Sequence[Operand],
    scalars: Sequence[float],
    mask: Array | bool,
    shape: tuple[int, ...],
) -> None:
    """The sum of a formula over the axes that the output lacks or has with length 1, in float64."""
    read = [layouts.broadcast(each, shape) for each in (*operands, mask) if isinstance(each, Array)]
    added = len(shape) - len(out.shape)
    summed = [axis for axis, n in enumerate(shape) if axis < added or (out.shape[axis - added] == 1 and n != 1)]
    stay = [axis for axis in range(len(shape)) if axis not in summed]
    row_shape, row_strides = _axes(read, stay)
    shape, strides = _axes(read, summed)
    count, length = math.prod(row_shape), math.prod(shape)
    sources = tuple(each.dtype.name if isinstance(each, Array) else "" for each in operands)
    task = Task(formula, compute, sources, len(scalars), CLEAR if isinstance(mask, Array) else "")
    fixed = [compute.type(each) for each in operands if not isinstance(each, Array)]
    numbers = (*fixed, *map(compute.type, scalars))
    key = task, "float64", len(row_shape), len(shape)
    ready = launch.kernel(place.device, THREADS, sums, *key)
    pieces = max(1, min(ready.resident // count, -(-length // (THREADS * EACH))))
    kept, partials = place.empty((count, pieces), _DOUBLE)
    at = place.device, place.stream
    pointers = tuple(each.address for each in read)
    common = numbers, count, length, row_shape, row_strides, shape, strides, pieces
    launch.run(ready, *at, min(count * pieces, ready.resident), THREADS, partials.address, pointers, *common)
    last = Task(calls.same, _DOUBLE, ("float64",), 0)
    finish = launch.kernel(place.device, THREADS, sums, last, out.dtype.name, 1, 1)
    rest = (), count, pieces, (count,), (8 * pieces,), (pieces,), (8,), 1
    launch.run(finish, *at, min(count, finish.resident), THREADS, out.address, (partials.address,), *rest)
    del kept


def _axes(read: Sequence[Array], axes: Sequence[int]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The lengths of some axes, and each array's strides along them; at least one axis."""
    shape = tuple(read[0].shape[axis] for axis in axes) or (1,)
    return shape, tuple(each.strides[axis] for each in read for axis in axes) or (0,) * len(read)
