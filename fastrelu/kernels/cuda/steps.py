"""What one thread does at a time: it loads some items of each operand, computes the formula, and stores the results."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import config, types
from numba.extending import intrinsic

from fastrelu.kernels.calls import emit, resolve
from fastrelu.kernels.cuda import memory
from fastrelu.kernels.cuda.memory import LONG, WIDE
from fastrelu.kernels.storage import BY_DTYPE

Dtype = np.dtype[Any]
KEEP, CLEAR = "keep", "clear"  # what a mask does to elements that are not selected


class Task(NamedTuple):
    """An elementwise function of operands of certain types.

    Parameters
    ----------
    formula
        What is computed, of operands and then parameters.
    dtype
        Of the output.
    sources
        For each operand the name of the array's dtype, or "" for a number. Not the dtype: float64's is equal to None.
    n_params
        How many parameters follow.
    mask
        Whether a mask of bools is the last array, and what it does: KEEP, CLEAR or "".
    packs
        Whether the device has the instructions for pairs of half types.
    """

    formula: Callable[..., Any]
    dtype: Dtype
    sources: tuple[str, ...]
    n_params: int
    mask: str = ""
    packs: bool = False

    @property
    def compute(self) -> Any:
        """Numba's type of the computation."""
        return BY_DTYPE[self.dtype].compute

    @property
    def given(self) -> list[str]:
        """The names of the dtypes of the arrays that are read."""
        return [*filter(None, self.sources), *(["bool"] if self.mask else [])]

    @property
    def lanes(self) -> int:
        """How many items lie in 16 bytes."""
        return WIDE // self.dtype.itemsize

    @property
    def n_scalars(self) -> int:
        """How many numbers come besides the arrays."""
        return self.sources.count("") + self.n_params


def step(task: Task, lanes: int, groups: int) -> Any:
    """The function ``step(out, pointers, scalars, place, gap, count, base, shape, strides)`` of a kernel.

    Of `count` groups of `lanes` neighbours it computes those at place, place + gap, and so on. All loads come first, so that they
    are in flight together; a group beyond the end reads the last one again and is not stored.

    Parameters
    ----------
    task
        What is computed.
    lanes, groups
        Items in a group, and groups in a step.
    """
    return _simulated(task, lanes, groups) if config.ENABLE_CUDASIM else _compiled(task, lanes, groups)


def _operands(target: Any, builder: Any, task: Task, lanes: int, items: list[Any], numbers: list[Any]) -> list[list[Any]]:
    """For each of so many neighbours what the formula is called with: items of the arrays, and numbers, in their order."""
    storages = [memory.storage_of(each) for each in task.given]
    arrays, scalars = iter(zip(storages, items, strict=True)), iter(numbers)
    columns = []
    for source in task.sources:
        if source:
            storage, values = next(arrays)
            columns.append([target.cast(builder, value, storage.compute, task.compute) for value in values])
        else:
            columns.append([next(scalars)] * lanes)
    rest = list(scalars)
    return [[*(column[k] for column in columns), *rest] for k in range(lanes)]


def _store(target: Any, builder: Any, task: Task, to: Any, values: list[Any], items: list[Any], inside: Any) -> None:
    """Stores some neighbours, as the mask says, which is the last of the items; `inside` is None where they surely are."""
    output, wanted = BY_DTYPE[task.dtype], inside
    if task.mask:
        selected = [builder.icmp_unsigned("!=", item, item.type(0)) for item in items[-1]]
        if task.mask == CLEAR:
            zero = ir.Constant(target.get_data_type(task.compute), 0)
            values = [builder.select(bit, value, zero) for bit, value in zip(selected, values, strict=True)]
        else:
            wanted = selected[0] if inside is None else builder.and_(inside, selected[0])
    with builder.if_then(wanted) if wanted is not None else contextlib.nullcontext():
        memory.store(builder, output, to, values, task.packs)


def _compiled(task: Task, lanes: int, groups: int) -> Any:
    formula, dtype, sources, n_params, *_ = task
    storages = [memory.storage_of(each) for each in task.given]

    @intrinsic
    def compiled(
        context: Any,
        out: Any,
        pointers: Any,
        scalars: Any,
        place: Any,
        gap: Any,
        count: Any,
        base: Any,
        shape: Any,
        strides: Any,
    ) -> Any:
        called = context.resolve_value_type(formula)
        inner = resolve(context, called, task.compute, len(sources) + n_params)
        index = ir.IntType(shape.dtype.bitwidth) if len(shape) else LONG

        def codegen(target: Any, builder: Any, signature: Any, args: Any) -> Any:
            def unpack(tuple_: Any, length: int) -> list[Any]:
                return [builder.extract_value(tuple_, k) for k in range(length)]

            addresses = [args[0], *unpack(args[1], len(storages))]
            numbers = unpack(args[2], len(scalars))
            gaps, end, offset = (target.cast(builder, args[k], signature.args[k], types.int64) for k in (4, 5, 6))
            first = target.cast(builder, args[3], signature.args[3], types.int64)
            lengths, steps = unpack(args[7], len(shape)), unpack(args[8], len(strides))

            def offsets(at: Any) -> list[Any]:
                """Bytes from the beginning of each array, the output first."""
                if not lengths:
                    flat = builder.mul(at, LONG(lanes))
                    sizes = [dtype.itemsize, *(each.dtype.itemsize for each in storages)]
                    return [builder.add(offset, builder.mul(flat, LONG(size))) for size in sizes]
                at = builder.trunc(at, index) if index.width < LONG.width else at
                totals = memory.unravel(builder, at, lengths, steps, len(addresses))
                return [builder.sext(total, LONG) if index.width < LONG.width else total for total in totals]

            loaded = []
            for group in range(groups):
                at = builder.add(first, builder.mul(gaps, LONG(group)))
                inside = builder.icmp_signed("<", at, end)
                if group:
                    at = builder.select(inside, at, builder.sub(end, LONG(1)))
                places = [builder.add(address, far) for address, far in zip(addresses, offsets(at), strict=True)]
                items = [memory.load(builder, s, p, lanes) for s, p in zip(storages, places[1:], strict=True)]
                loaded.append((places[0], inside, items))
            results = []
            for _, _, items in loaded:
                given = _operands(target, builder, task, lanes, items, numbers)
                results.append([emit(target, builder, called, inner, each, task.compute) for each in given])
            for group, ((to, inside, items), values) in enumerate(zip(loaded, results, strict=True)):
                _store(target, builder, task, to, values, items, inside if group else None)
            return target.get_dummy_value()

        return types.void(out, pointers, scalars, place, gap, count, base, shape, strides), codegen

    return compiled


def _simulated(task: Task, lanes: int, groups: int) -> Any:
    formula, dtype, sources, _, mask, _ = task
    number = BY_DTYPE[dtype].param.type

    def simulated(
        out: int,
        pointers: Any,
        scalars: Any,
        place: int,
        gap: int,
        count: int,
        base: int,
        shape: Any,
        strides: Any,
    ) -> None:
        def items(k: int, at: int, kind: Dtype) -> Any:
            """The items of an array at a place; the output is the first of them."""
            address = (out, *pointers)[k]
            if shape:
                return memory.host_items(address + memory.host_unravel(at, shape, strides, k + 1)[k], kind, 1)
            return memory.host_items(address + base + at * lanes * kind.itemsize, kind, lanes)

        for at in range(place, count, gap)[:groups]:
            given = [items(k + 1, at, memory.dtype_of(kind)).copy() for k, kind in enumerate(task.given)]
            target = items(0, at, dtype)
            for lane in range(lanes):
                arrays, rest = iter(given), iter(scalars)
                operands = [number(next(arrays)[lane] if source else next(rest)) for source in sources]
                chosen = next(arrays)[lane] if mask else True
                if chosen:
                    target[lane] = formula(*operands, *map(number, rest))
                elif mask == CLEAR:
                    target[lane] = 0

    return simulated
