"""The streaming target: a kernel that writes past the caches, between the ordinary one for the head and the tail.

An ordinary store first reads the line that it will overwrite: without that there is a third less traffic for a function of
one array.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numba import types
from numba.extending import intrinsic, register_jitable

from fastrelu.kernels.elementwise import LOOP, TABLE_BYTES, is_contiguous
from fastrelu.kernels.nontemporal import LINE, STREAMED_BYTES
from fastrelu.kernels.options import compile_cfunc
from fastrelu.kernels.parts import INLINED
from fastrelu.kernels.pointers import call, enter_ieee, leave_ieee, peek, poke, stack
from fastrelu.kernels.ufunc import Loop


@intrinsic
def fence(_context: Any) -> Any:
    """Lets no other thread see what comes later before the non-temporal stores."""

    def codegen(context: Any, builder: Any, _signature: Any, _args: Any) -> Any:
        builder.fence("seq_cst")
        return context.get_dummy_value()

    return types.void(), codegen


@register_jitable(**INLINED)
def advance(table: int, args: int, steps: int, operands: int, start: int) -> None:
    """Writes down the operands' addresses at element start."""
    for k in range(operands):
        poke(table, k, peek(args, k) + start * peek(steps, k))


@register_jitable(**INLINED)
def streamed(args: int, dimensions: int, steps: int, data: int) -> None:
    """NumPy's inner loop; data: (run, arrays, params, item size), the streaming run, the ordinary loop."""
    n_arrays, output, size = peek(data, 1), peek(data, 1) + peek(data, 2), peek(data, 3)
    count, out = peek(dimensions, 0), peek(args, output)
    plain = is_contiguous(steps, n_arrays, output, size) and out % size == 0
    for k in range(n_arrays):
        plain &= peek(args, k) != out  # its lines have just been read
    head = min((-out) % LINE // size, count)
    body = (count - head) * size // STREAMED_BYTES * STREAMED_BYTES // size
    if not plain or body == 0:
        call(peek(data, 5), (args, dimensions, steps, data))
        return
    table = stack(TABLE_BYTES)
    control = enter_ieee()
    call(peek(data, 0), (args, head))
    advance(table, args, steps, output + 1, head)
    call(peek(data, 4), (table, body))
    advance(table, args, steps, output + 1, head + body)
    call(peek(data, 0), (table, count - head - body))
    leave_ieee(control)
    fence()


@functools.cache
def _streamed_loop() -> Any:
    def streamed_loop(args: int, dimensions: int, steps: int, data: int) -> None:
        streamed(args, dimensions, steps, data)

    return compile_cfunc(LOOP, streamed_loop)


def streaming_loop(serial: Loop, kernel: Any) -> Loop:
    """An elementwise loop that uses the streaming kernel of the same formula where it can."""
    compiled = _streamed_loop()
    words = np.array([*serial.data[:4], kernel.address, serial.address], np.int64)
    return Loop(compiled.address, words, serial.dtypes, (serial, kernel, compiled))
