"""Row formula to inner loop: one compiled generalised-ufunc loop per formula and dtype."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from fastrelu.kernels.elementwise import LOOP
from fastrelu.kernels.options import compile_cfunc
from fastrelu.kernels.pointers import WORD, enter_ieee, leave_ieee, peek, poke, stack, typed_pointer
from fastrelu.kernels.storage import BY_DTYPE
from fastrelu.kernels.ufunc import Loop


@intrinsic(prefer_literal=True)
def call_row(context: Any, row: Any, dtype: Any, count: Any, table: Any) -> Any:
    """Calls a row formula with contiguous arrays; the table holds the address and the length of each."""
    item = BY_DTYPE[np.dtype(dtype.literal_value)].compute
    kind = types.Array(item, 1, "C")
    inner = context.resolve_function_type(row, (kind,) * count.literal_value, {})

    def codegen(target: Any, builder: Any, _signature: Any, args: Any) -> Any:
        from numba.np.arrayobj import populate_array  # here, because it costs 15 ms to import

        arrays = []
        size = target.get_constant(types.intp, item.bitwidth // 8)
        for k in range(count.literal_value):
            words = typed_pointer(builder, args[3], WORD)
            address, length = (builder.load(builder.gep(words, [WORD(2 * k + offset)])) for offset in (0, 1))
            array = target.make_array(kind)(target, builder)
            data = typed_pointer(builder, address, target.get_data_type(item))
            populate_array(array, data, [length], [size], size, None)
            arrays.append(array._getvalue())
        function = target.get_function(row, inner)
        target.add_linking_libs(getattr(function, "libs", ()))
        function(builder, arrays)
        return target.get_dummy_value()

    return types.void(row, dtype, count, table), codegen


@intrinsic(prefer_literal=True)
def convert_items(_context: Any, dtype: Any, load: Any, buffer: Any, memory: Any, step: Any, count: Any) -> Any:
    """Between a contiguous buffer of the compute type and strided memory of a dtype."""
    storage = BY_DTYPE[np.dtype(dtype.literal_value)]

    def codegen(target: Any, builder: Any, signature: Any, args: Any) -> Any:
        compute = target.get_data_type(storage.compute)
        inside, outside, stride, number = (
            target.cast(builder, arg, kind, types.intp) for arg, kind in zip(args[2:], signature.args[2:], strict=True)
        )
        with cgutils.for_range(builder, number) as loop:
            near = builder.gep(typed_pointer(builder, inside, compute), [loop.index])
            far = typed_pointer(builder, builder.add(outside, builder.mul(loop.index, stride)), storage.item)
            if load.literal_value:
                builder.store(storage.load(builder, builder.load(far)), near)
            else:
                builder.store(storage.store(builder, builder.load(near)), far)
        return target.get_dummy_value()

    return types.void(dtype, load, buffer, memory, step, count), codegen


def rows_loop(row: Callable[..., Any], digest: str, dtype: np.dtype[Any], cores: tuple[bool, ...]) -> Loop:
    """The inner loop of a row formula for one dtype.

    Parameters
    ----------
    row
        What compiled code calls: arrays in, the last one out.
    digest
        Stands for the formula's source in the key of the disk cache.
    cores
        For each operand, the output last: whether it is a row, or one element.
    """
    name, size, count = dtype.name, dtype.itemsize, len(cores)
    compute = np.dtype(str(BY_DTYPE[dtype].compute))
    direct = compute == dtype
    width = compute.itemsize
    table_bytes = 16 * count
    places = tuple(count + sum(cores[:k]) for k in range(count))  # of each operand's core step among the steps
    key = (digest, name, cores)

    def rows(args: int, dimensions: int, steps: int, data: int) -> None:
        key  # noqa: B018
        control = enter_ieee()
        length = peek(dimensions, 1)
        buffered = not direct
        for k in range(count):
            buffered |= cores[k] and peek(steps, places[k]) != size
        buffers = np.empty(count * length * width if buffered else 1, np.uint8)
        table = stack(table_bytes)
        for index in range(peek(dimensions, 0)):
            for k in range(count):
                address = peek(args, k) + index * peek(steps, k)
                items = length if cores[k] else 1
                step = peek(steps, places[k]) if cores[k] else size
                poke(table, 2 * k + 1, items)
                if direct and step == size:
                    poke(table, 2 * k, address)
                else:
                    buffer = buffers.ctypes.data + k * length * width
                    poke(table, 2 * k, buffer)
                    if k < count - 1:
                        convert_items(name, True, buffer, address, step, items)
            call_row(row, name, count, table)
            output = count - 1
            address = peek(args, output) + index * peek(steps, output)
            if peek(table, 2 * output) != address:
                step = peek(steps, places[output]) if cores[output] else size
                convert_items(name, False, peek(table, 2 * output), address, step, peek(table, 2 * output + 1))
        leave_ieee(control)

    loop = compile_cfunc(LOOP, rows)
    return Loop(loop.address, np.zeros(1, np.int64), (dtype,) * count, loop)
