"""The driver for arrays of any layout: compiled once for all functions and dtypes, it runs a contiguous kernel over any strides.

What it does with them is planned before (kernels.plans).
"""

from __future__ import annotations

import functools
from typing import Any

from numba import types
from numba.extending import register_jitable

from fastrelu.kernels import atomics
from fastrelu.kernels.elementwise import LOOP, TABLE_BYTES
from fastrelu.kernels.moves import blend, move
from fastrelu.kernels.objects import DATA, GIL_BYTES
from fastrelu.kernels.options import compile_cfunc
from fastrelu.kernels.parts import APART
from fastrelu.kernels.plans import (
    ARRAYS,
    BASES,
    COLUMN,
    CURSOR_BYTES,
    DIMENSIONS,
    EXTENTS,
    FLAGS,
    FRESH,
    FUNCTION,
    GATHERED,
    JOB_BYTES,
    KERNEL,
    MASKED,
    MOST_OPERANDS,
    OPERANDS,
    PACKED,
    PARAM_SIZE,
    PARAM_VALUES,
    PARAMS,
    PART,
    POOL,
    RELEASE_GIL,
    ROWS,
    SCRATCH,
    SIZE,
    TAKE_GIL,
    TILE_BYTES,
    TILE_COLUMNS,
    TILE_ROWS,
    merge_axes,
    plan,
    read_axes,
    size_of,
    step_of,
)
from fastrelu.kernels.pointers import ask, call, enter_ieee, leave_ieee, peek, poke, stack
from fastrelu.kernels.pool import claim, release, run_job

# Scratch memory is not on the stack, which may be small. Each thread takes a slot, whose first word tells whether it is free.
SLOT_HEAD = 64
NARROW = 8  # so few columns are copied one by one
COLUMNS = 64  # shares of a row are multiples
FEW = 8  # shares for each thread: with fewer the last one keeps the others waiting


@register_jitable(**APART)
def seek(job: int, cursor: int, row: int) -> None:
    """Sets a cursor to a row."""
    for k in range(peek(job, OPERANDS)):
        poke(cursor, k, peek(job, BASES + k))
    for axis in range(1, peek(job, DIMENSIONS)):
        extent = peek(job, EXTENTS + axis)
        index = row % extent
        row //= extent
        poke(cursor, MOST_OPERANDS + axis, index)
        for k in range(peek(job, OPERANDS)):
            poke(cursor, k, peek(cursor, k) + index * step_of(job, axis, k))


@register_jitable(**APART)
def advance(job: int, cursor: int, rows: int) -> None:
    """Moves a cursor on by rows that do not go past the end of the first outer axis."""
    axis, by, operands = 1, rows, peek(job, OPERANDS)
    while True:
        index, extent = peek(cursor, MOST_OPERANDS + axis) + by, peek(job, EXTENTS + axis)
        more = index == extent and axis + 1 < peek(job, DIMENSIONS)
        if more:
            by -= extent
        for k in range(operands):
            poke(cursor, k, peek(cursor, k) + by * step_of(job, axis, k))
        poke(cursor, MOST_OPERANDS + axis, 0 if more else index)
        if not more:
            break
        axis, by = axis + 1, 1


@register_jitable(**APART)
def gather(job: int, cursor: int, tile: int, k: int, rows: int, column: int, columns: int) -> None:
    """Copies rows of an operand, one behind the other."""
    size, step, row_step = size_of(job, k), step_of(job, 0, k), step_of(job, 1, k)
    source = peek(cursor, k) + column * step
    if (columns <= NARROW and columns < rows) or (rows > 1 and 0 < abs(row_step) < abs(step)):
        for i in range(columns):
            move(tile + i * size, columns * size, source + i * step, row_step, rows, size)
    else:
        for i in range(rows):
            move(tile + i * columns * size, size, source + i * row_step, step, columns, size)


@register_jitable(**APART)
def scatter(
    job: int, cursor: int, tile: int, mask: int, mask_row: int, mask_step: int, rows: int, column: int, columns: int
) -> None:
    """Copies rows of results into the output, where the mask allows it if there is one."""
    output = peek(peek(job, FUNCTION), ARRAYS)
    size, step, row_step = size_of(job, output), step_of(job, 0, output), step_of(job, 1, output)
    target, fresh = peek(cursor, output) + column * step, peek(job, FLAGS) & FRESH
    by_columns = columns <= NARROW and columns < rows
    count, length = (columns, rows) if by_columns else (rows, columns)
    for i in range(count):
        if by_columns:
            to, to_step, origin, origin_step = target + i * step, row_step, tile + i * size, columns * size
            bits, bits_step = mask + i * mask_step, mask_row
        else:
            to, to_step, origin, origin_step = target + i * row_step, step, tile + i * columns * size, size
            bits, bits_step = mask + i * mask_row, mask_step
        if mask:
            blend(to, to_step, origin, origin_step, bits, bits_step, length, fresh, size)
        else:
            move(to, to_step, origin, origin_step, length, size)


@register_jitable(**APART)
def packed_rows(job: int, first: int, last: int, table: int, scratch: int) -> None:
    """Short rows: many of them become one contiguous block."""
    function, columns = peek(job, FUNCTION), peek(job, EXTENTS)
    kernel, output, operands = peek(function, KERNEL), peek(function, ARRAYS), peek(job, OPERANDS)
    masked = operands > output + 1
    reading, writing = stack(CURSOR_BYTES), stack(CURSOR_BYTES)
    seek(job, reading, first)
    seek(job, writing, first)
    result = output + peek(function, PARAMS)
    while first < last:
        rows = min(peek(job, TILE_ROWS), last - first)
        for k in range(output):
            poke(table, k, scratch + k * TILE_BYTES if peek(job, GATHERED + k) else peek(reading, k))
        through = masked or peek(job, GATHERED + output) != 0
        poke(table, result, scratch + output * TILE_BYTES if through else peek(reading, output))
        done = 0
        while done < rows:
            piece = min(rows - done, peek(job, EXTENTS + 1) - peek(reading, MOST_OPERANDS + 1))
            for k in range(operands):
                if k != output and (peek(job, GATHERED + k) or k > output):
                    gather(job, reading, scratch + k * TILE_BYTES + done * columns * size_of(job, k), k, piece, 0, columns)
            advance(job, reading, piece)
            done += piece
        call(kernel, (table, rows * columns))
        done = 0
        while through and done < rows:
            piece = min(rows - done, peek(job, EXTENTS + 1) - peek(writing, MOST_OPERANDS + 1))
            tile = scratch + output * TILE_BYTES + done * columns * peek(function, SIZE)
            mask = scratch + (output + 1) * TILE_BYTES + done * columns if masked else 0
            scatter(job, writing, tile, mask, columns, 1, piece, 0, columns)
            advance(job, writing, piece)
            done += piece
        first += rows


@register_jitable(**APART)
def tiled_rows(job: int, first: int, last: int, start: int, stop: int, table: int, scratch: int) -> None:
    """Long rows, between two columns: tiles of them where an operand has to be gathered."""
    function, most = peek(job, FUNCTION), peek(job, TILE_COLUMNS)
    kernel, size, output, operands = peek(function, KERNEL), peek(function, SIZE), peek(function, ARRAYS), peek(job, OPERANDS)
    masked, result = operands > output + 1, output + peek(function, PARAMS)
    whole = masked and step_of(job, 0, output + 1) == 0 and peek(job, TILE_ROWS) == 1  # the mask selects rows
    cursor, bit = stack(CURSOR_BYTES), stack(8)
    seek(job, cursor, first)
    while first < last:
        rows = min(peek(job, TILE_ROWS), last - first, peek(job, EXTENTS + 1) - peek(cursor, MOST_OPERANDS + 1))
        blends = masked
        if whole:
            poke(bit, 0, 0)
            move(bit, 1, peek(cursor, output + 1), 1, 1, 1)
            blends = peek(bit, 0) == 0
            if blends and peek(job, FLAGS) & FRESH == 0:
                advance(job, cursor, rows)
                first += rows
                continue
        for column in range(start, stop, most):
            columns = min(most, stop - column)
            for k in range(operands):
                if k != output and (k < output or blends) and peek(job, GATHERED + k):
                    gather(job, cursor, scratch + k * TILE_BYTES, k, rows, column, columns)
            for row in range(rows):
                tile_row = row * columns * size
                for k in range(output + 1):
                    if peek(job, GATHERED + k) or (blends and k == output):
                        address = scratch + k * TILE_BYTES + tile_row
                    else:
                        address = peek(cursor, k) + row * step_of(job, 1, k) + column * size
                    poke(table, k if k < output else result, address)
                call(kernel, (table, columns))
            if blends or peek(job, GATHERED + output):
                mask, mask_row = 0, columns
                if blends:
                    mask = scratch + (output + 1) * TILE_BYTES
                    if not peek(job, GATHERED + output + 1):
                        mask, mask_row = peek(cursor, output + 1) + column, step_of(job, 1, output + 1)
                scatter(job, cursor, scratch + output * TILE_BYTES, mask, mask_row, 1, rows, column, columns)
        advance(job, cursor, rows)
        first += rows


@register_jitable(**APART)
def slot_bytes(job: int) -> int:
    """The scratch memory of a thread."""
    return SLOT_HEAD + peek(job, OPERANDS) * TILE_BYTES


@register_jitable(**APART)
def run_part(job: int, start: int, count: int) -> None:
    """A share of the work: tiles of rows, or columns of all rows."""
    function, rows, columns = peek(job, FUNCTION), peek(job, ROWS), peek(job, EXTENTS)
    table, slot = stack(TABLE_BYTES), peek(job, SCRATCH)
    while not atomics.replace(slot, 0, 1):
        slot += slot_bytes(job)
    scratch = slot + SLOT_HEAD
    n_arrays = peek(function, ARRAYS)
    for k in range(peek(function, PARAMS)):
        poke(table, n_arrays + k, peek(job, PARAM_VALUES) + k * peek(function, PARAM_SIZE))
    control = enter_ieee()
    if peek(job, COLUMN):
        tiled_rows(job, 0, rows, start * COLUMNS, min((start + count) * COLUMNS, columns), table, scratch)
    else:
        first, last = start * peek(job, TILE_ROWS), min((start + count) * peek(job, TILE_ROWS), rows)
        if peek(job, PACKED):
            packed_rows(job, first, last, table, scratch)
        else:
            tiled_rows(job, first, last, 0, columns, table, scratch)
    leave_ieee(control)
    atomics.store(slot, 0)


@register_jitable(**APART)
def run_layout(function: int, arrays: int, params: int, scratch: int, flags: int, most: int) -> None:
    """Computes the operands of a tuple: arrays, output and perhaps a mask; on so many threads at most.

    `params` is an array too, of the scalar parameters, and `scratch` one of SLOT_HEAD + TILE_BYTES * operands for each thread.
    """
    job = stack(JOB_BYTES)
    poke(job, FUNCTION, function)
    poke(job, OPERANDS, peek(function, ARRAYS) + 1 + (flags & MASKED))
    poke(job, PARAM_VALUES, peek(params, DATA))
    poke(job, FLAGS, flags)
    elements = read_axes(job, arrays)
    if elements == 0:
        return
    size = peek(function, SIZE)
    poke(job, SCRATCH, (peek(scratch, DATA) + SLOT_HEAD - 1) // SLOT_HEAD * SLOT_HEAD)
    for k in range(most):
        poke(peek(job, SCRATCH) + k * slot_bytes(job), 0, 0)
    thread = ask(peek(function, RELEASE_GIL), (0,)) if elements * size >= GIL_BYTES else 0
    merge_axes(job)
    plan(job)
    rows, columns, unit = peek(job, ROWS), peek(job, EXTENTS), peek(job, TILE_ROWS)
    threads = claim(peek(function, POOL), elements * size) if most > 1 else 1
    shares, share = (rows + unit - 1) // unit, unit * columns * size
    by_columns = threads > 1 and not peek(job, PACKED) and shares < FEW * threads and shares * COLUMNS < columns
    if by_columns:
        shares, share = (columns + COLUMNS - 1) // COLUMNS, rows * COLUMNS * size
    poke(job, COLUMN, 1 if by_columns else 0)
    # The index of a share is handed on as if it was an address.
    first, dimensions, steps = stack(8), stack(16), stack(8)
    poke(first, 0, 0)
    poke(steps, 0, 1)
    poke(dimensions, 0, shares)
    poke(dimensions, 1, 1)
    if threads > 1:
        run_job(peek(function, POOL), peek(function, PART), job, first, dimensions, steps, 1, 1, share)
    else:
        call(peek(function, PART), (first, dimensions, first, job))
    if most > 1:
        release(peek(function, POOL), threads)
    if thread != 0:
        ask(peek(function, TAKE_GIL), (thread,))


@functools.cache
def part_function() -> Any:
    """What a thread runs: NumPy's inner-loop protocol, over indices of shares."""

    def part_function(args: int, dimensions: int, _steps: int, data: int) -> None:
        run_part(data, peek(args, 0), peek(dimensions, 0))

    return compile_cfunc(LOOP, part_function)


@functools.cache
def layout_function() -> Any:
    """What a call runs."""

    def layout_function(function: int, arrays: int, params: int, scratch: int, flags: int, most: int) -> None:
        run_layout(function, arrays, params, scratch, flags, most)

    return compile_cfunc(types.void(*[types.intp] * 6), layout_function)
