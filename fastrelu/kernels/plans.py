"""What a call with arrays of any layout will do: its axes in order, how rows are gathered, and how many at once.

Axes are sorted by the output's strides and merged where memory allows; the first one is then the inner loop. Rows whose operands
are contiguous go to the kernel as they lie. Others are gathered into tiles in the cache: several rows at once where an
operand is transposed, so that a cache line is read once, and many where rows are short, so that the kernel gets long vectors.
"""

from __future__ import annotations

from numba.extending import register_jitable

from fastrelu.kernels.nontemporal import LINE
from fastrelu.kernels.objects import DATA, ITEM_OF_TUPLE, NDIM, SHAPE, STRIDES
from fastrelu.kernels.parts import APART
from fastrelu.kernels.pointers import LOW_HALF, peek, poke

# What a function's table holds, in words: as in the loops' data,
KERNEL, ARRAYS, PARAMS, SIZE = range(4)
# and then what is the same for all functions.
PARAM_SIZE, PART, POOL, RELEASE_GIL, TAKE_GIL = range(4, 9)
MASKED, FRESH = 1, 2  # flags of a call

# The job of a call, in words: OPERANDS counts arrays, output and mask, in this order.
FUNCTION, OPERANDS, PARAM_VALUES, FLAGS, TILE_ROWS, TILE_COLUMNS, PACKED, DIMENSIONS, ROWS, COLUMN, SCRATCH = range(11)
MOST_OPERANDS, MOST_DIMENSIONS = 10, 65
BASES, GATHERED, EXTENTS = 16, 16 + MOST_OPERANDS, 16 + 2 * MOST_OPERANDS
STEPS = EXTENTS + MOST_DIMENSIONS
JOB_BYTES = 8 * (STEPS + MOST_DIMENSIONS * MOST_OPERANDS)
CURSOR_BYTES = 8 * (MOST_OPERANDS + MOST_DIMENSIONS)  # the addresses of a row, and its index

TILE_BYTES = 1 << 14  # of an operand, where lines have to be turned; L1 holds 32 to 48 kB, and L2 the rest
ROW_BYTES = 1 << 13
SHORT_BYTES = 256  # rows shorter than this are packed


@register_jitable(**APART)
def step_of(job: int, axis: int, k: int) -> int:
    """An operand's step along an axis, in bytes."""
    return peek(job, STEPS + axis * MOST_OPERANDS + k)


@register_jitable(**APART)
def size_of(job: int, k: int) -> int:
    """The bytes of an operand's item."""
    return 1 if k > peek(peek(job, FUNCTION), ARRAYS) else peek(peek(job, FUNCTION), SIZE)


@register_jitable(**APART)
def move_axis(job: int, source: int, target: int) -> None:
    """Moves an axis inwards; those between follow outwards."""
    for axis in range(source, target, -1):
        for k in range(peek(job, OPERANDS)):
            place, other = STEPS + axis * MOST_OPERANDS + k, STEPS + (axis - 1) * MOST_OPERANDS + k
            step = peek(job, place)
            poke(job, place, peek(job, other))
            poke(job, other, step)
        extent = peek(job, EXTENTS + axis)
        poke(job, EXTENTS + axis, peek(job, EXTENTS + axis - 1))
        poke(job, EXTENTS + axis - 1, extent)


@register_jitable(**APART)
def read_axes(job: int, arrays: int) -> int:
    """Writes down the operands' steps along the axes longer than 1, sorted by the output's; returns the number of elements."""
    operands, n_arrays = peek(job, OPERANDS), peek(peek(job, FUNCTION), ARRAYS)
    output = peek(arrays, ITEM_OF_TUPLE + n_arrays)
    ndim, count, size = peek(output, NDIM) & LOW_HALF, 0, 1
    for k in range(operands):
        poke(job, BASES + k, peek(peek(arrays, ITEM_OF_TUPLE + k), DATA))
    for outer in range(ndim):
        axis = ndim - 1 - outer
        extent = peek(peek(output, SHAPE), axis)
        size *= extent
        if extent == 1:
            continue
        backwards = peek(peek(output, STRIDES), axis) < 0
        for k in range(operands):
            array = peek(arrays, ITEM_OF_TUPLE + k)
            own = axis - ndim + (peek(array, NDIM) & LOW_HALF)
            step = 0
            if own >= 0 and peek(peek(array, SHAPE), own) != 1:
                step = peek(peek(array, STRIDES), own)
            if backwards:
                poke(job, BASES + k, peek(job, BASES + k) + (extent - 1) * step)
                step = -step
            poke(job, STEPS + count * MOST_OPERANDS + k, step)
        poke(job, EXTENTS + count, extent)
        place = count
        while place > 0 and step_of(job, place - 1, n_arrays) > step_of(job, count, n_arrays):
            place -= 1
        move_axis(job, count, place)
        count += 1
    poke(job, DIMENSIONS, count)
    return size


@register_jitable(**APART)
def merge_axes(job: int) -> None:
    """Makes one axis of neighbours that every operand walks through as one; there are two at least in the end."""
    operands, count = peek(job, OPERANDS), 0
    for axis in range(peek(job, DIMENSIONS)):
        extent = peek(job, EXTENTS + axis)
        joins = count > 0
        for k in range(operands):
            if joins:
                joins = step_of(job, axis, k) == step_of(job, count - 1, k) * peek(job, EXTENTS + count - 1)
        if joins:
            poke(job, EXTENTS + count - 1, peek(job, EXTENTS + count - 1) * extent)
            continue
        for k in range(operands):
            poke(job, STEPS + count * MOST_OPERANDS + k, step_of(job, axis, k))
        poke(job, EXTENTS + count, extent)
        count += 1
    for axis in range(count, 2):
        for k in range(operands):
            poke(job, STEPS + axis * MOST_OPERANDS + k, size_of(job, k) if axis == 0 else 0)
        poke(job, EXTENTS + axis, 1)
    poke(job, DIMENSIONS, max(count, 2))


@register_jitable(**APART)
def turned_axis(job: int) -> int:
    """The axis along which the neighbours of an operand's elements lie, where that is not the inner one; else 0."""
    for k in range(peek(job, OPERANDS)):
        least, found = abs(step_of(job, 0, k)), 0
        if least >= LINE:
            for axis in range(1, peek(job, DIMENSIONS)):
                step = abs(step_of(job, axis, k))
                if 0 < step < least:
                    least, found = step, axis
        if found and least < LINE:
            return found
    return 0


@register_jitable(**APART)
def is_packed(job: int, k: int) -> bool:
    """Whether an operand's elements lie one behind the other, in the order of the loops."""
    step, packed = size_of(job, k), True
    for axis in range(peek(job, DIMENSIONS)):
        extent = peek(job, EXTENTS + axis)
        packed &= step_of(job, axis, k) == step or extent == 1
        step *= extent
    return packed


@register_jitable(**APART)
def plan(job: int) -> None:
    """Decides on tiles."""
    size, columns = peek(peek(job, FUNCTION), SIZE), peek(job, EXTENTS)
    gathers = peek(job, FLAGS) & MASKED != 0
    turned = turned_axis(job)
    packed = columns * size < SHORT_BYTES
    if turned:
        move_axis(job, turned, 1)
    rows = 1
    for axis in range(1, peek(job, DIMENSIONS)):
        rows *= peek(job, EXTENTS + axis)
    for k in range(peek(job, OPERANDS)):
        gathered = not is_packed(job, k) if packed else step_of(job, 0, k) != size_of(job, k)
        gathers |= gathered
        poke(job, GATHERED + k, 1 if gathered else 0)
    height, width = 1, columns
    if packed:
        height = ROW_BYTES // (columns * size)
    elif turned:
        height = min(LINE // size, peek(job, EXTENTS + 1))
        width = TILE_BYTES // (height * size)
    elif gathers:
        width = ROW_BYTES // size
    poke(job, ROWS, rows)
    poke(job, PACKED, 1 if packed else 0)
    poke(job, TILE_ROWS, height)
    poke(job, TILE_COLUMNS, min(width, columns))
