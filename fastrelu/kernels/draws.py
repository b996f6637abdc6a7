"""The inner loop that gives each element a random number of its own: by its place, so that it does not matter who computes it."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numba.extending import register_jitable

from fastrelu.kernels.elementwise import BLOCK_BYTES, LOOP, TABLE_BYTES
from fastrelu.kernels.options import compile_cfunc, formula_digest
from fastrelu.kernels.parts import INLINED
from fastrelu.kernels.pointers import call, enter_ieee, leave_ieee, peek, poke, stack
from fastrelu.kernels.rows import convert_rows
from fastrelu.kernels.storage import BY_DTYPE
from fastrelu.vecmath.philox import uniform
from fastrelu.vecmath.primitives import compilable


@register_jitable(**INLINED)
def fill(numbers: Any, count: int, first: int, seed: int) -> None:
    """The random numbers of count elements, from the first on."""
    zero, key = numbers.dtype.type(0), np.uint64(seed)
    for k in range(count):
        numbers[k] = uniform(zero, np.uint64(first + k), key)


@functools.cache
def draws_loop(dtype: np.dtype[Any]) -> Any:
    """The loop for one dtype, over contiguous memory; the half types are converted block by block.

    Operands: the arrays, the place of the first element, the seed, the scalars, the output; the place and the seed are not
    addresses but numbers, and the place has the step 1. Data: the kernel for the type that is computed in, whose last array
    are the random numbers; how many arrays come before those; how many scalars.
    """
    name, size = dtype.name, dtype.itemsize
    number = BY_DTYPE[dtype].compute
    width = number.bitwidth // 8
    direct = width == size
    block = BLOCK_BYTES // width
    compilable(uniform)

    def draws(args: int, dimensions: int, steps: int, data: int) -> None:
        control = enter_ieee()
        kernel, n_arrays, n_params = peek(data, 0), peek(data, 1), peek(data, 2)
        first, seed, count = peek(args, n_arrays), peek(args, n_arrays + 1), peek(dimensions, 0)
        output, result = n_arrays + 2 + n_params, n_arrays + 1 + n_params
        numbers = np.empty(block, number)
        buffers = np.empty(1 if direct else (n_arrays + 1) * block * width, np.uint8)
        table = stack(TABLE_BYTES)
        poke(table, n_arrays, numbers.ctypes.data)
        for k in range(n_params):
            poke(table, n_arrays + 1 + k, peek(args, n_arrays + 2 + k))
        for start in range(0, count, block):
            length = min(block, count - start)
            fill(numbers, length, first + start, seed)
            for k in range(n_arrays):
                address = peek(args, k) + start * size
                poke(table, k, address if direct else buffers.ctypes.data + k * block * width)
                if not direct:
                    convert_rows(name, True, peek(table, k), address, 0, size, 1, length)
            address = peek(args, output) + start * size
            poke(table, result, address if direct else buffers.ctypes.data + n_arrays * block * width)
            call(kernel, (table, length))
            if not direct:
                convert_rows(name, False, peek(table, result), address, 0, size, 1, length)
        leave_ieee(control)

    return compile_cfunc(LOOP, draws, formula_digest(uniform), name)
