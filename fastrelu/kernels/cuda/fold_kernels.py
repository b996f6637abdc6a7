"""Kernels of row formulas.

A team of threads, part of a warp, a warp or a block, holds a row in its registers: it is read once and written once. A row that
no block can hold is run through piece by piece, once for each of the formula's reductions and once for its output: by one block
in one launch where there are rows for all, else by several in a launch for each of these passes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import config, cuda, types
from numba.extending import intrinsic, register_jitable

from fastrelu.kernels.cuda import memory, rows
from fastrelu.kernels.cuda.launch import LENGTH, POINTER, Source
from fastrelu.kernels.cuda.memory import LONG, reader, writer
from fastrelu.kernels.cuda.reductions import COMBINE, START, across, of_stage, of_team, of_thread
from fastrelu.kernels.cuda.rows import Part
from fastrelu.kernels.cuda.separable import with_reductions
from fastrelu.kernels.options import formula_digest
from fastrelu.kernels.storage import BY_NAME
from fastrelu.vecmath.primitives import IEEE, compilable


def _arguments(part: Part, rank: int, *more: Any) -> tuple[Any, ...]:
    """out, pointers, count, length, inner, shape, strides."""
    arrays = 1 + len(part.given)
    return (
        POINTER,
        types.UniTuple(POINTER, arrays - 1),
        LENGTH,
        LENGTH,
        types.UniTuple(LENGTH, arrays),
        types.UniTuple(LENGTH, rank),
        types.UniTuple(LENGTH, rank * arrays),
        *more,
    )


def _key(part: Part, *more: Any) -> tuple[Any, ...]:
    return formula_digest(part.formula), *part[1:], *more


def together(part: Part, rank: int, width: int) -> Source:
    """The kernel in which `width` threads hold a row; one thread holds any formula's."""
    replaced = of_team(width, part.compute) if width > 1 else of_thread()
    whole = part._replace(formula=compilable(with_reductions(part.formula, replaced)))
    offsets, fetch, apply, put = rows.row_offsets(1 + len(part.given)), rows.fetch(whole), rows.apply(whole), rows.put(whole)
    words, number = part.words, part.compute

    def teams(out: int, pointers: Any, count: int, length: int, inner: Any, shape: Any, strides: Any) -> None:
        own = cuda.local.array(words, number)
        member, team = cuda.threadIdx.x % width, cuda.threadIdx.x // width
        each = cuda.blockDim.x // width
        for begin in range(cuda.blockIdx.x * each, count, cuda.gridDim.x * each):
            row = begin + team  # beyond the last row a team goes on with that one: all threads ask each other
            at = offsets(min(row, count - 1), shape, strides)
            fetch(own, pointers, at, inner, member, width, length)
            apply(own)
            put(own, out, pointers, at, inner, member, width, length, row < count)

    return Source(teams, _arguments(part, rank), _key(part, rank, width))


def _passes(part: Part, asked: tuple[str, ...], threads: int) -> list[Any]:
    """For each pass the function that runs it over a piece of a row and returns what this thread has found."""

    def make(stage: int) -> Any:
        replaced = of_stage(part.compute, threads, asked, stage)
        staged = part._replace(formula=compilable(with_reductions(part.formula, replaced)))
        fetch, apply, put = rows.fetch(staged), rows.apply(staged), rows.put(staged)
        words, number, lanes, groups = part.words, part.compute, part.lanes, part.groups
        writes = stage == len(asked)
        start = 0.0 if writes else START[asked[stage]]

        @register_jitable(**IEEE)
        def run(out: Any, pointers: Any, at: Any, inner: Any, first: Any, gap: Any, length: Any) -> Any:
            own, box = cuda.local.array(words, number), cuda.shared.array(0, number)
            thread = cuda.threadIdx.x
            box[thread] = start
            for place in range(first, (length + lanes - 1) // lanes, groups * gap):
                fetch(own, pointers, at, inner, place, gap, length)
                apply(own)
                put(own, out, pointers, at, inner, place, gap, length, writes)
            return box[thread]

        return run

    return [make(stage) for stage in range(len(asked) + 1)]


def by_block(part: Part, rank: int, asked: tuple[str, ...], threads: int) -> Source:
    """The kernel in which a block takes a row that it cannot hold."""
    passes, number = _passes(part, asked, threads), part.compute
    offsets = rows.row_offsets(1 + len(part.given))

    @register_jitable(**IEEE)
    def nothing(out: Any, pointers: Any, at: Any, inner: Any, length: Any) -> None:
        pass

    def then(before: Any, stage: int) -> Any:
        run, share, slot = passes[stage], across(asked[stage], threads, part.compute), threads + stage

        @register_jitable(**IEEE)
        def both(out: Any, pointers: Any, at: Any, inner: Any, length: Any) -> None:
            before(out, pointers, at, inner, length)
            thread = cuda.threadIdx.x
            total = share(run(out, pointers, at, inner, thread, threads, length))
            if thread == 0:
                cuda.shared.array(0, number)[slot] = total
            cuda.syncthreads()

        return both

    asks = nothing
    for stage in range(len(asked)):
        asks = then(asks, stage)
    last = passes[-1]

    def blocks(out: int, pointers: Any, count: int, length: int, inner: Any, shape: Any, strides: Any) -> None:
        for row in range(cuda.blockIdx.x, count, cuda.gridDim.x):
            at = offsets(row, shape, strides)
            asks(out, pointers, at, inner, length)
            last(out, pointers, at, inner, cuda.threadIdx.x, threads, length)
            cuda.syncthreads()  # before the next row's results replace these

    return Source(blocks, _arguments(part, rank), _key(part, rank, asked, threads))


def in_pieces(part: Part, rank: int, asked: tuple[str, ...], threads: int, stage: int) -> Source:
    """The kernel of one pass in which several blocks take a row: they leave what they have found in `partials`."""
    passes, number = _passes(part, asked, threads), part.compute
    offsets = rows.row_offsets(1 + len(part.given))
    compute = BY_NAME[part.dtype].param
    read, write, size = reader(compute), writer(compute), compute.itemsize
    run, writes = passes[stage], stage == len(asked)
    share = nothing_shared if writes else across(asked[stage], threads, part.compute)

    @register_jitable(**IEEE)
    def nothing(partials: Any, count: Any, row: Any, pieces: Any) -> None:
        pass

    def then(before: Any, known: int) -> Any:
        combine, total_of = COMBINE[asked[known]], across(asked[known], threads, part.compute)
        start, slot = compute.type(START[asked[known]]), threads + known

        @register_jitable(**IEEE)
        def both(partials: Any, count: Any, row: Any, pieces: Any) -> None:
            before(partials, count, row, pieces)
            thread, total = cuda.threadIdx.x, start
            for piece in range(thread, pieces, threads):
                total = combine(total, read(partials + ((known * count + row) * pieces + piece) * size))
            total = total_of(total)
            if thread == 0:
                cuda.shared.array(0, number)[slot] = total

        return both

    recall = nothing
    for known in range(stage):
        recall = then(recall, known)

    def pieces_of_rows(
        out: int, pointers: Any, count: int, length: int, inner: Any, shape: Any, strides: Any, partials: int, pieces: int
    ) -> None:
        thread = cuda.threadIdx.x
        for block in range(cuda.blockIdx.x, count * pieces, cuda.gridDim.x):
            row, piece = block // pieces, block % pieces
            at = offsets(row, shape, strides)
            recall(partials, count, row, pieces)
            cuda.syncthreads()
            found = share(run(out, pointers, at, inner, piece * threads + thread, pieces * threads, length))
            if not writes and thread == 0:
                write(partials + ((stage * count + row) * pieces + piece) * size, found)
            cuda.syncthreads()

    return Source(pieces_of_rows, _arguments(part, rank, POINTER, LENGTH), _key(part, rank, asked, threads, stage))


@register_jitable(**IEEE)
def nothing_shared(value: Any) -> Any:
    """In place of a reduction, in the pass that writes."""
    return value


def alone(part: Part, rank: int) -> Source:
    """The kernel of any row formula, in which one thread takes a row of any length: copied to memory of its own and back."""
    replaced = with_reductions(part.formula, of_thread())
    count_of = 1 + len(part.given)
    offsets, run = rows.row_offsets(count_of), _on_copies(part._replace(formula=compilable(replaced)))
    compute = BY_NAME[part.dtype].param
    copies = [_copy(part.sources[k], part.dtype, compute, k, part.cores[k]) for k in range(len(part.sources))]
    copy_in = _in_turn(copies)
    get, write, size = reader(compute), writer(BY_NAME[part.dtype].dtype), compute.itemsize
    arrays, core, last = len(part.cores), part.cores[-1], len(part.cores) - 1

    def lone(
        out: int, pointers: Any, count: int, length: int, inner: Any, shape: Any, strides: Any, scratch: int, workers: int
    ) -> None:
        worker = cuda.grid(1)
        own = scratch + worker * arrays * length * size
        for row in range(worker, count if worker < workers else 0, workers):
            at = offsets(row, shape, strides)
            copy_in(own, pointers, at, inner, length)
            run(own, length)
            for k in range(length if core else 1):
                write(out + at[0] + k * inner[0], get(own + (last * length + k) * size))

    return Source(lone, _arguments(part, rank, POINTER, LENGTH), _key(part, rank))


def _copy(source: str, _dtype: str, compute: np.dtype[Any], k: int, core: bool) -> Any:
    read, put, size = reader(memory.dtype_of(source)), writer(compute), compute.itemsize
    number = compute.type

    @register_jitable(**IEEE)
    def copy(own: Any, pointers: Any, at: Any, inner: Any, length: Any) -> None:
        for item in range(length if core else 1):
            put(own + (k * length + item) * size, number(read(pointers[k] + at[k + 1] + item * inner[k + 1])))

    return copy


def _in_turn(functions: list[Any]) -> Any:
    """One function that calls all."""
    first, *rest = functions
    if not rest:
        return first
    others = _in_turn(rest)

    @register_jitable(**IEEE)
    def both(own: Any, pointers: Any, at: Any, inner: Any, length: Any) -> None:
        first(own, pointers, at, inner, length)
        others(own, pointers, at, inner, length)

    return both


def _on_copies(part: Part) -> Any:
    """The function ``run(address, length)``: the formula on rows that lie one after the other from an address on."""
    compute = BY_NAME[part.dtype].param
    if config.ENABLE_CUDASIM:

        def run(address: int, length: int) -> None:
            rows_ = memory.host_items(address, compute, length * len(part.cores)).reshape(-1, length)
            part.formula(*(row if core else row[:1] for row, core in zip(rows_, part.cores, strict=True)))

        return run

    @intrinsic
    def compiled(context: Any, address: Any, length: Any) -> Any:
        kind = types.Array(part.compute, 1, "C")
        called = context.resolve_value_type(part.formula)
        inner = context.resolve_function_type(called, (kind,) * len(part.cores), {})

        def codegen(target: Any, builder: Any, signature: Any, args: Any) -> Any:
            item = ir.PointerType(target.get_data_type(part.compute))
            given = []
            for k, core in enumerate(part.cores):
                begin = builder.mul(builder.mul(args[1], LONG(k)), LONG(compute.itemsize))
                data = builder.inttoptr(builder.add(args[0], begin), item)
                given.append(rows.make_row(target, builder, kind, data, args[1] if core else LONG(1)))
            function = target.get_function(called, inner)
            target.add_linking_libs(getattr(function, "libs", ()))
            function(builder, given)
            return target.get_dummy_value()

        return types.void(types.int64, types.int64), codegen

    return compiled
