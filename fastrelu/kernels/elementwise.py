"""Formula to kernel: per formula and dtype one small compiled function over contiguous memory, which every CPU target
runs; and, compiled once for all of them, the loop that brings any layout into that form."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, register_jitable

from fastrelu.kernels.calls import emit, resolve
from fastrelu.kernels.nontemporal import LINE, past_caches
from fastrelu.kernels.options import compile_cfunc
from fastrelu.kernels.parts import INLINED
from fastrelu.kernels.pointers import (
    WORD,
    call,
    copy_items,
    enter_ieee,
    leave_ieee,
    peek,
    poke,
    stack,
    typed_pointer,
)
from fastrelu.kernels.storage import BY_NAME
from fastrelu.vecmath.primitives import use_widest_vectors

RUN = types.void(types.intp, types.intp)  # the address of the operands' addresses, the number of elements
LOOP = types.void(types.intp, types.intp, types.intp, types.intp)  # NumPy's inner loop: args, dimensions, steps, data
BLOCK_BYTES = 4096  # gathered at a time from a strided operand: a few operands fit in the L1 cache
ALIGNED_FROM_BYTES = 1 << 13
MAX_OPERANDS = 8
SCRATCH_BYTES = BLOCK_BYTES * MAX_OPERANDS
TABLE_BYTES = 8 * MAX_OPERANDS


@intrinsic(prefer_literal=True)
def sweep(context: Any, formula: Any, dtype: Any, n_arrays: Any, n_params: Any, streaming: Any, pointers: Any, count: Any) -> Any:
    """out[i] = formula(array[0][i], ..., *params) over contiguous memory.

    `pointers` is the address of the operands' addresses: arrays, then scalars, then the output. Where it streams, the output
    is aligned to a cache line and the count a multiple of STREAMED_BYTES.
    """
    if not isinstance(dtype, types.Literal):
        return None  # Numba's second try, after an error in the formula: that one is to be reported
    storage = BY_NAME[dtype.literal_value]
    arrays, params = n_arrays.literal_value, n_params.literal_value
    inner = resolve(context, formula, storage.compute, arrays + params)

    def codegen(target: Any, builder: Any, signature: Any, args: Any) -> Any:
        def operand(index: int, item: Any = storage.item) -> Any:
            address = builder.load(builder.gep(typed_pointer(builder, args[5], WORD), [WORD(index)]))
            return typed_pointer(builder, address, item)

        def load(pointer: Any) -> Any:
            value = builder.load(pointer, align=storage.dtype.itemsize)
            value.set_metadata("noalias", scope)
            return storage.load(builder, value)

        def compute(index: Any, target_pointer: Any) -> None:
            items = [load(builder.gep(source, [index])) for source in sources]
            result = emit(target, builder, formula, inner, items + scalars, storage.compute)
            write = builder.store(storage.store(builder, result), target_pointer, align=storage.dtype.itemsize)
            write.set_metadata("alias.scope", scope)

        # An iteration reads its elements before it writes, and NumPy copies operands that overlap in any other way than
        # exactly: so the loop may be vectorised without a check that the output is not an input.
        use_widest_vectors(builder)
        builder.function.attributes.add("noinline")  # into callers that do not have that attribute
        module = builder.module
        domain = module.add_metadata([ir.MetaDataString(module, "fastrelu")])
        scope = module.add_metadata([module.add_metadata([ir.MetaDataString(module, "output"), domain])])
        sources = [operand(k) for k in range(arrays)]
        scalars = [builder.load(operand(arrays + k, target.get_data_type(storage.compute))) for k in range(params)]
        output = operand(arrays + params)
        if streaming.literal_value:
            with past_caches(builder, args[6], output, storage.dtype.itemsize) as (index, place):
                compute(index, place)
        else:
            with cgutils.for_range(builder, args[6]) as loop:
                compute(loop.index, builder.gep(output, [loop.index]))
        return target.get_dummy_value()

    return types.void(formula, dtype, n_arrays, n_params, streaming, pointers, count), codegen


def run(
    formula: Callable[..., Any], digest: str, dtype: np.dtype[Any], n_arrays: int, n_params: int, streaming: bool = False
) -> Any:
    """The compiled kernel of a formula for one dtype, over contiguous memory.

    Parameters
    ----------
    formula
        What compiled code calls: scalars in, one scalar out.
    digest
        Stands for the formula's source in the key of the disk cache.
    n_arrays, n_params
        How many operands are arrays, and how many scalars follow them.
    streaming
        Whether it writes past the caches: only whole blocks of STREAMED_BYTES, aligned to a cache line.

    Returns
    -------
    numba.core.ccallback.CFunc
        ``void run(void **operands, intp count)``: arrays, scalars, output.
    """
    name = dtype.name

    def run(pointers: int, count: int) -> None:
        sweep(formula, name, n_arrays, n_params, streaming, pointers, count)

    return compile_cfunc(RUN, run, digest, name, n_arrays, n_params, streaming)


@register_jitable(**INLINED)
def is_contiguous(steps: int, n_arrays: int, output: int, size: int) -> bool:
    """Whether the arrays lie as a kernel wants them, and the parameters are scalars."""
    result = peek(steps, output) == size
    for k in range(output):
        result &= peek(steps, k) == (size if k < n_arrays else 0)
    return result


@register_jitable(**INLINED)
def call_aligned(kernel: int, args: int, n_arrays: int, output: int, size: int, count: int) -> None:
    """Calls a kernel so that its vectors are stored in whole cache lines: relu in the L2 cache takes 0.8 of the time."""
    head = (-peek(args, output)) % LINE // size
    if count * size < ALIGNED_FROM_BYTES or head == 0:
        call(kernel, (args, count))
    else:
        table = stack(TABLE_BYTES)
        for k in range(output + 1):
            poke(table, k, peek(args, k) + (head * size if k < n_arrays or k == output else 0))
        call(kernel, (args, head))
        call(kernel, (table, count - head))


@register_jitable(**INLINED)
def loop(args: int, dimensions: int, steps: int, data: int) -> None:
    """NumPy's inner loop for any layout; data is the address of (run, arrays, params, item size)."""
    kernel, n_arrays, n_params, size = peek(data, 0), peek(data, 1), peek(data, 2), peek(data, 3)
    count, output = peek(dimensions, 0), n_arrays + n_params
    control = enter_ieee()
    if is_contiguous(steps, n_arrays, output, size):
        call_aligned(kernel, args, n_arrays, output, size, count)
    else:
        constant = True
        for k in range(n_arrays, output):
            constant &= peek(steps, k) == 0
        blocks(kernel, args, steps, count, n_arrays, output, size, BLOCK_BYTES // size if constant else 1)
    leave_ieee(control)


@register_jitable(**INLINED)
def blocks(kernel: int, args: int, steps: int, count: int, n_arrays: int, output: int, size: int, block: int) -> None:
    """Gathers strided operands block by block, so that any layout runs the same vector code."""
    scratch = stack(SCRATCH_BYTES)
    table = stack(TABLE_BYTES)
    out_step = peek(steps, output)
    for start in range(0, count, block):
        length = min(block, count - start)
        for k in range(output + 1):
            step = peek(steps, k)
            address = peek(args, k) + start * step
            strided = step != size and (k < n_arrays or k == output)
            poke(table, k, scratch + k * BLOCK_BYTES if strided else address)
            if strided and k < output:
                copy(peek(table, k), size, address, step, length, size)
        call(kernel, (table, length))
        if out_step != size:
            copy(peek(args, output) + start * out_step, out_step, peek(table, output), size, length, size)


@register_jitable(**INLINED)
def copy(target: int, target_step: int, source: int, source_step: int, count: int, size: int) -> None:
    """copy_items for an item size known at run time."""
    if size == 4:
        copy_items(target, target_step, source, source_step, count, 4)
    elif size == 8:
        copy_items(target, target_step, source, source_step, count, 8)
    elif size == 2:
        copy_items(target, target_step, source, source_step, count, 2)
    else:
        copy_items(target, target_step, source, source_step, count, 1)


@functools.cache
def any_layout() -> Any:
    """The loop, compiled once for all formulas and dtypes."""

    def any_layout(args: int, dimensions: int, steps: int, data: int) -> None:
        loop(args, dimensions, steps, data)

    return compile_cfunc(LOOP, any_layout)
