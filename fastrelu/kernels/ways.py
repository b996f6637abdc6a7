"""What a call from Python may become, in compiled code: a kernel, NumPy's ufunc, another function, or none of these.

The functions read Python's objects and the table of the function that is called (see `entry`), all in words of 64 bits.
"""

from __future__ import annotations

from numba.extending import register_jitable

from fastrelu.kernels.elementwise import MAX_OPERANDS, TABLE_BYTES, call_aligned
from fastrelu.kernels.objects import (
    ALIGNED,
    C_CONTIGUOUS,
    DATA,
    DTYPE,
    FLAGS,
    GIL_BYTES,
    ITEM_OF_TUPLE,
    LENGTH_OF_TUPLE,
    NDIM,
    SHAPE,
    TYPE,
    WRITEABLE,
)
from fastrelu.kernels.parts import INLINED
from fastrelu.kernels.pointers import LOW_HALF, ask, call, copy_items, enter_ieee, leave_ieee, peek, poke, stack
from fastrelu.kernels.pool import LIMIT, STARTED, claim, release, run_job, wanted

# The table of a function, in words: what is its own, with sizes in bytes of output,
ARRAYS, PARAMS, PARALLEL_FROM, REUSED_FROM, LONG_FROM, SLOTS, FALLBACK, POOL, FOLDS, EMPTY_LIKE, PARAM_NAMES = range(11)
# what is the same for all functions,
ARRAY_TYPE, VECTORCALL, NEW_ARRAY, NEW_REFERENCE, DROP_REFERENCE, RELEASE_GIL, TAKE_GIL, FIND, AS_INTEGER = range(11, 20)
NUMBA, RUNS, TRUE, OUT, ONLY_OUT, WHERE, ONLY_WHERE, BOOL, AXIS, LAST_AXIS, INTEGER_TYPE, POOL_SIZE = range(20, 32)
NUMBERS, OPTIONS = 32, 38  # types of numbers, each followed by its dtype
FLOAT, FLOAT64, FLOAT32 = NUMBERS, NUMBERS + 1, NUMBERS + 5
# for each value of a keyword that selects another function: name, value, function,
FIRST_OPTION, OPTION, MOST_OPTIONS = OPTIONS + 1, 3, 4
ROWS, POOLED = 1, 2  # what FOLDS may say: along rows; groups of each row to one element
# and a slot for each dtype.
FIRST_SLOT, SLOT, MOST_SLOTS = FIRST_OPTION + OPTION * MOST_OPTIONS, 9, 16
KIND, KERNEL, ITEM_SIZE, PARAM_VALUES, LAYOUT_LOOP, LOOP_DATA, UFUNC, PARAM_OBJECTS, UFUNC_BELOW = range(SLOT)

RAISED = -1  # no address: an exception has been set
STEPS_BYTES = 2 * TABLE_BYTES
SHAPE_BYTES = 8 * 64  # as many dimensions as NumPy allows
# Elements: a ufunc takes each run of those that are selected by itself; whole rows up to where it is the fastest without a mask.
MASKED_BELOW, NO_LIMIT = 1 << 10, 1 << 40


@register_jitable(**INLINED)
def is_like(array: int, first: int, table: int, needed: int) -> bool:
    """Whether it is a plain array of the first one's dtype and shape, with these flags."""
    if peek(array, TYPE) != peek(table, ARRAY_TYPE):
        return False
    ndim = peek(first, NDIM) & LOW_HALF
    if peek(array, FLAGS) & needed != needed or peek(array, NDIM) & LOW_HALF != ndim:
        return False
    same = peek(array, DTYPE) == peek(first, DTYPE)
    for k in range(ndim):
        same &= peek(peek(array, SHAPE), k) == peek(peek(first, SHAPE), k)
    return same


@register_jitable(**INLINED)
def longest_masked(mask: int, first: int, table: int) -> int:
    """Up to how many elements a ufunc is the fastest with this mask; 0 of what is none, or has not the first one's axes."""
    if peek(mask, TYPE) != peek(table, ARRAY_TYPE) or peek(mask, DTYPE) != peek(table, BOOL):
        return 0
    ndim = peek(first, NDIM) & LOW_HALF
    if peek(mask, NDIM) & LOW_HALF != ndim:
        return 0
    fits, rows = True, False
    for k in range(ndim):
        size, wanted = peek(peek(mask, SHAPE), k), peek(peek(first, SHAPE), k)
        fits &= size == wanted or size == 1
        rows = size == 1 and wanted != 1  # of the last axis: whole rows are selected
    return 0 if not fits else NO_LIMIT if rows else MASKED_BELOW


@register_jitable(**INLINED)
def find_slot(table: int, dtype: int) -> int:
    """The address of the slot of a dtype, 0 if it has not been compiled."""
    for k in range(peek(table, SLOTS)):
        slot = table + 8 * (FIRST_SLOT + k * SLOT)
        if peek(slot, KIND) == dtype:
            return slot
    return 0


@register_jitable(**INLINED)
def slot_of(table: int, operand: int) -> int:
    """The address of the slot of an array or a number, 0 if there is none."""
    if peek(operand, TYPE) == peek(table, ARRAY_TYPE):
        return find_slot(table, peek(operand, DTYPE))
    for k in range(NUMBERS, OPTIONS, 2):
        if peek(operand, TYPE) == peek(table, k):
            return find_slot(table, peek(table, k + 1))
    return 0


@register_jitable(**INLINED)
def length_of(array: int, slot: int) -> int:
    """How many bytes an array has."""
    length = peek(slot, ITEM_SIZE)
    for k in range(peek(array, NDIM) & LOW_HALF):
        length *= peek(peek(array, SHAPE), k)
    return length


@register_jitable(**INLINED)
def given_out(table: int, args: int, given: int, keywords: int) -> int:
    """The array given as `out=`, 0 if there is none, -1 if there is another keyword than that or `axis=-1`."""
    if keywords == 0:
        return 0
    if peek(keywords, LENGTH_OF_TUPLE) == 1:
        name, value = peek(keywords, ITEM_OF_TUPLE), peek(args, given)
        if name == peek(table, OUT):
            return value
        if name == peek(table, AXIS) and value == peek(table, LAST_AXIS) and peek(table, FOLDS):
            return 0
    return -1


@register_jitable(**INLINED)
def needs_threads(table: int, length: int) -> bool:
    """Whether the long way has to start threads first, or to find Numba's limit."""
    pool = peek(table, POOL)
    if wanted(pool, length) > max(peek(pool, STARTED), 1):
        return True
    # numba.set_num_threads can have been called only if Numba has started its own threads.
    return peek(pool, LIMIT) == 0 and ask(peek(table, FIND), (peek(table, NUMBA), peek(table, RUNS))) == peek(table, TRUE)


@register_jitable(**INLINED)
def new_array(table: int, like: int, shape: int, length: int) -> int:
    """An array of so many bytes, of the same dtype and number of dimensions, in C order; 0 if that has raised an error."""
    if length < peek(table, REUSED_FROM):
        ask(peek(table, NEW_REFERENCE), (peek(like, DTYPE),))  # the next call takes it over
        ndim = peek(like, NDIM) & LOW_HALF
        return ask(peek(table, NEW_ARRAY), (peek(table, ARRAY_TYPE), peek(like, DTYPE), ndim, shape, 0, 0, 0, 0))
    operands = stack(16)
    poke(operands, 0, like)
    poke(operands, 1, peek(like, DTYPE))
    return ask(peek(table, VECTORCALL), (peek(table, EMPTY_LIKE), operands, 2, 0))


@register_jitable(**INLINED)
def compute(table: int, slot: int, pointers: int, length: int, row: int, threads: int) -> None:
    """Runs the kernel over so many bytes, or a fold's loop over rows of so many, on the threads of a claim."""
    n_arrays, operands, size = peek(table, ARRAYS), peek(table, ARRAYS) + peek(table, PARAMS) + 1, peek(slot, ITEM_SIZE)
    thread = ask(peek(table, RELEASE_GIL), (0,)) if length >= GIL_BYTES else 0
    folds = peek(table, FOLDS)
    if threads > 1 or folds:
        outer = row if folds else size
        steps, dimensions = stack(STEPS_BYTES), stack(16)
        for k in range(operands):
            poke(steps, k, outer if k < n_arrays or k == operands - 1 else 0)
            poke(steps, operands + k, size)  # along a row
        poke(dimensions, 0, length // outer)
        poke(dimensions, 1, outer // size)
        loop, data = peek(slot, LAYOUT_LOOP), peek(slot, LOOP_DATA)
        if threads > 1:
            run_job(peek(table, POOL), loop, data, pointers, dimensions, steps, operands, folds, outer)
        else:
            call(loop, (pointers, dimensions, steps, data))
    else:
        control = enter_ieee()
        call_aligned(peek(slot, KERNEL), pointers, n_arrays, operands - 1, size, length // size)
        leave_ieee(control)
    if thread != 0:
        ask(peek(table, TAKE_GIL), (thread,))


@register_jitable(**INLINED)
def short_way(table: int, args: int, given: int, keywords: int) -> int:
    """The result as a new reference, 0 if this call is not a common one, or RAISED."""
    n_arrays, out = peek(table, ARRAYS), given_out(table, args, given, keywords)
    if given != n_arrays or out == -1:
        return 0
    first = peek(args, 0)
    if peek(first, TYPE) != peek(table, ARRAY_TYPE) or peek(first, NDIM) & LOW_HALF == 0:
        return 0
    slot = find_slot(table, peek(first, DTYPE))
    length = length_of(first, slot) if slot else 0
    if slot == 0 or length >= peek(table, LONG_FROM) or length == 0:
        return 0
    if out != 0 and not is_like(out, first, table, C_CONTIGUOUS | ALIGNED | WRITEABLE):
        return 0
    pointers = stack(TABLE_BYTES)
    for k in range(n_arrays):
        array = peek(args, k)
        if not is_like(array, first, table, C_CONTIGUOUS | ALIGNED):
            return 0
        distance = peek(array, DATA) - peek(out, DATA) if out != 0 else 0
        if distance != 0 and -length < distance < length:
            return 0  # they overlap: one of them has to be copied
        poke(pointers, k, peek(array, DATA))
    for k in range(peek(table, PARAMS)):
        poke(pointers, n_arrays + k, peek(slot, PARAM_VALUES) + 8 * k)
    row = peek(peek(first, SHAPE), (peek(first, NDIM) & LOW_HALF) - 1) * peek(slot, ITEM_SIZE)
    threaded = length >= peek(table, PARALLEL_FROM) and not (row == length and peek(table, FOLDS))
    if threaded and needs_threads(table, length):
        return 0
    if out != 0:
        ask(peek(table, NEW_REFERENCE), (out,))
    else:
        out = new_array(table, first, peek(first, SHAPE), length)
    if out != 0:
        poke(pointers, n_arrays + peek(table, PARAMS), peek(out, DATA))
        threads = claim(peek(table, POOL), length) if threaded else 1  # now that no more Python runs
        compute(table, slot, pointers, length, row, threads)
        if threaded:
            release(peek(table, POOL), threads)
    return out if out != 0 else RAISED


@register_jitable(**INLINED)
def gather(table: int, slot: int, args: int, given: int, keywords: int, operands: int) -> bool:
    """Writes down what a ufunc takes: arrays, parameters, the output and the mask, which are 0 where they are not given.

    Returns whether it is so simple. Parameters may be given as Python's floats, in any way, where every value is valid.
    """
    n_arrays, params, names = peek(table, ARRAYS), peek(table, PARAMS), peek(table, PARAM_NAMES)
    named = peek(keywords, LENGTH_OF_TUPLE) if keywords != 0 else 0
    other, plain = 0, n_arrays <= given <= n_arrays + params
    poke(operands, n_arrays + params, 0)
    poke(operands, n_arrays + params + 1, 0)
    for k in range(params):
        poke(operands, n_arrays + k, peek(peek(slot, PARAM_OBJECTS), k))
    for k in range(given if plain else 0):
        poke(operands, k, peek(args, k))
    for k in range(named if plain else 0):
        name, place = peek(keywords, ITEM_OF_TUPLE + k), -1
        for index in range(max(given - n_arrays, 0), params if names != 0 else 0):
            place = n_arrays + index if peek(names, index) == name else place
        if name == peek(table, OUT) or name == peek(table, WHERE):
            place = n_arrays + params + (1 if name == peek(table, WHERE) else 0)
            other += 1
        plain &= place != -1
        if place != -1:
            poke(operands, place, peek(args, given + k))
    if given > n_arrays or named > other:
        plain &= names != 0 and (peek(slot, KIND) == peek(table, FLOAT64) or peek(slot, KIND) == peek(table, FLOAT32))
        for k in range(params):
            value = peek(operands, n_arrays + k)
            plain &= peek(value, TYPE) == peek(table, FLOAT) or value == peek(peek(slot, PARAM_OBJECTS), k)
    return plain


@register_jitable(**INLINED)
def ufunc_way(table: int, args: int, given: int, keywords: int) -> int:
    """What NumPy makes of small arrays of any layout, or of numbers: a new reference, 0 or RAISED, as of `short_way`."""
    first, n_arrays = peek(args, 0), peek(table, ARRAYS)
    slot, is_array = slot_of(table, first), peek(first, TYPE) == peek(table, ARRAY_TYPE)
    if slot == 0 or (is_array and length_of(first, slot) >= peek(slot, UFUNC_BELOW)):
        return 0
    operands, last = stack(STEPS_BYTES), n_arrays + peek(table, PARAMS)
    if not gather(table, slot, args, given, keywords, operands):
        return 0
    out, mask = peek(operands, last), peek(operands, last + 1)
    if out != 0 and not (is_array and is_like(out, first, table, WRITEABLE)):
        return 0
    for k in range(n_arrays):
        operand = peek(operands, k)
        if not (is_like(operand, first, table, 0) if is_array else peek(operand, TYPE) == peek(first, TYPE)):
            return 0
    if mask == 0:
        result = ask(peek(table, VECTORCALL), (peek(slot, UFUNC), operands, last + 1 if out != 0 else last, 0))
        return result if result != 0 else RAISED
    if not is_array:
        return 0
    length = length_of(first, slot)
    if length >= longest_masked(mask, first, table) * peek(slot, ITEM_SIZE):
        return 0
    if out == 0 and (peek(first, NDIM) & LOW_HALF == 0 or peek(first, FLAGS) & C_CONTIGUOUS == 0):
        return 0
    if out == 0:
        fresh = new_array(table, first, peek(first, SHAPE), length)
        if fresh == 0:
            return RAISED
        zero = stack(8)
        poke(zero, 0, 0)
        words = length // 8
        copy_items(peek(fresh, DATA), 8, zero, 0, words, 8)
        copy_items(peek(fresh, DATA) + 8 * words, 1, zero, 0, length - 8 * words, 1)
        poke(operands, last, fresh)
    result = ask(peek(table, VECTORCALL), (peek(slot, UFUNC), operands, last + 1, peek(table, ONLY_WHERE)))
    if out == 0:
        ask(peek(table, DROP_REFERENCE), (peek(operands, last),))  # the result is another one
    return result if result != 0 else RAISED


@register_jitable(**INLINED)
def pooled_way(table: int, args: int, given: int, keywords: int) -> int:
    """The same for a function of an array and a pool size, along the last axis."""
    first, number = peek(args, 0), peek(args, 1)  # by name or not: they follow each other
    named = keywords != 0 and peek(keywords, LENGTH_OF_TUPLE) == 1 and peek(keywords, ITEM_OF_TUPLE) == peek(table, POOL_SIZE)
    if given != (1 if named else 2) or (keywords != 0 and not named) or not is_like(first, first, table, C_CONTIGUOUS | ALIGNED):
        return 0
    slot, last = find_slot(table, peek(first, DTYPE)), (peek(first, NDIM) & LOW_HALF) - 1
    if slot == 0 or last == -1 or peek(number, TYPE) != peek(table, INTEGER_TYPE):
        return 0
    length, shape, overflow = length_of(first, slot), stack(SHAPE_BYTES), stack(8)
    most = min(peek(table, PARALLEL_FROM), peek(table, REUSED_FROM))
    pool = ask(peek(table, AS_INTEGER), (number, overflow))  # -1 where it does not fit
    if not 0 < length < most or pool < 1 or peek(peek(first, SHAPE), last) % pool:
        return 0
    for k in range(last + 1):
        poke(shape, k, peek(peek(first, SHAPE), k))
    poke(shape, last, peek(shape, last) // pool)
    out = new_array(table, first, shape, length // pool)
    if out != 0:
        size, pointers, steps, dimensions = peek(slot, ITEM_SIZE), stack(16), stack(24), stack(16)
        poke(pointers, 0, peek(first, DATA))
        poke(pointers, 1, peek(out, DATA))
        poke(steps, 0, pool * size)
        poke(steps, 1, size)
        poke(steps, 2, size)  # along a group
        poke(dimensions, 0, length // (pool * size))
        poke(dimensions, 1, pool)
        call(peek(slot, LAYOUT_LOOP), (pointers, dimensions, steps, peek(slot, LOOP_DATA)))
    return out if out != 0 else RAISED


@register_jitable(**INLINED)
def selected(table: int, name: int, value: int) -> int:
    """The function that a keyword selects, 0 if it selects none."""
    for k in range(peek(table, OPTIONS)):
        option = table + 8 * (FIRST_OPTION + k * OPTION)
        if name == peek(option, 0) and value == peek(option, 1):
            return peek(option, 2)
    return 0


@register_jitable(**INLINED)
def option_way(table: int, args: int, given: int, keywords: int) -> int:
    """What the function gives that a keyword selects, alone or beside `out=`; -1 if there is no such keyword."""
    names = peek(keywords, LENGTH_OF_TUPLE) if keywords != 0 else 0
    if names > 2 or given >= MAX_OPERANDS:
        return -1
    for k in range(names):
        chosen = selected(table, peek(keywords, ITEM_OF_TUPLE + k), peek(args, given + k))
        if chosen != 0 and names == 1:
            return ask(peek(table, VECTORCALL), (chosen, args, given, 0))
        if chosen != 0 and peek(keywords, ITEM_OF_TUPLE + 1 - k) == peek(table, OUT):
            without = stack(TABLE_BYTES)
            for place in range(given):
                poke(without, place, peek(args, place))
            poke(without, given, peek(args, given + 1 - k))
            return ask(peek(table, VECTORCALL), (chosen, without, given, peek(table, ONLY_OUT)))
    return -1
