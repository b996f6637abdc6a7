"""The parallel target: one loop, compiled once, that spreads any other inner loop over Numba's threads."""

from __future__ import annotations

import functools
from typing import Any

import numba
import numpy as np
from numba.extending import register_jitable

from fastrelu.kernels.elementwise import LOOP
from fastrelu.kernels.options import PARALLEL, compile_cfunc, kernels_digest
from fastrelu.kernels.pointers import call, peek, poke, stack
from fastrelu.kernels.ufunc import Loop
from fastrelu.vecmath.primitives import IEEE

TABLE_BYTES = 128  # room for 16 words: operands, or dimensions
CHUNK = 4  # where in the data words the chunk size stands


@register_jitable(**IEEE)
def part(loop: int, data: int, args: int, dimensions: int, steps: int, operands: int, cores: int, start: int, count: int) -> None:
    """Runs a loop over count of its outer elements, from start on."""
    addresses = stack(TABLE_BYTES)
    sizes = stack(TABLE_BYTES)
    for k in range(operands):
        poke(addresses, k, peek(args, k) + start * peek(steps, k))
    poke(sizes, 0, count)
    for k in range(1, cores + 1):
        poke(sizes, k, peek(dimensions, k))
    call(loop, (addresses, sizes, steps, data))


@register_jitable(**PARALLEL)
def spread(
    loop: int, data: int, args: int, dimensions: int, steps: int, operands: int, cores: int, chunk: int, count: int
) -> None:
    """Runs a loop over chunks of its outer elements, on all threads."""
    for index in numba.prange((count + chunk - 1) // chunk):
        start = index * chunk
        part(loop, data, args, dimensions, steps, operands, cores, start, min(chunk, count - start))


@functools.cache
def _spreading_loop() -> Any:
    key = kernels_digest()

    def spreading_loop(args: int, dimensions: int, steps: int, data: int) -> None:
        key  # noqa: B018
        loop, inner, operands, cores, chunk = peek(data, 0), peek(data, 1), peek(data, 2), peek(data, 3), peek(data, 4)
        count = peek(dimensions, 0)
        if count <= chunk:
            call(loop, (args, dimensions, steps, inner))
        else:
            spread(loop, inner, args, dimensions, steps, operands, cores, chunk, count)

    return compile_cfunc(LOOP, spreading_loop)


def parallel_loop(serial: Loop, cores: int = 0) -> Loop:
    """The same loop on all threads; data[CHUNK] holds how many outer elements a thread takes at a time.

    Parameters
    ----------
    serial
        Any inner loop, elementwise or generalised.
    cores
        How many core dimensions a generalised one has.
    """
    words = [serial.address, serial.data.ctypes.data, len(serial.dtypes), cores, 1 << 62]
    spreading = _spreading_loop()
    return Loop(spreading.address, np.array(words, np.int64), serial.dtypes, (serial, spreading))
