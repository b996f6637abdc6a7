"""Row formula to inner loop: one compiled generalised-ufunc loop per formula and dtype."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from fastrelu.kernels.elementwise import LOOP, TABLE_BYTES
from fastrelu.kernels.options import compile_cfunc
from fastrelu.kernels.pointers import WORD, enter_ieee, leave_ieee, peek, poke, stack, typed_pointer
from fastrelu.kernels.storage import BY_DTYPE, BY_NAME
from fastrelu.kernels.ufunc import Loop
from fastrelu.vecmath.primitives import use_widest_vectors

# Rows that are not contiguous are copied, several together, so that neighbours in memory are read together: 5 times faster
# along the first axis. The copies stay in the L2 cache.
TILE_ROWS, TILE_BYTES = 16, 1 << 17


@intrinsic(prefer_literal=True)
def call_row(context: Any, row: Any, dtype: Any, count: Any, table: Any) -> Any:
    """Calls a row formula with contiguous arrays; the table holds the address and the length of each."""
    if not isinstance(dtype, types.Literal):
        return None  # as in sweep
    item = BY_NAME[dtype.literal_value].compute
    kind = types.Array(item, 1, "C")
    inner = context.resolve_function_type(row, (kind,) * count.literal_value, {})

    def codegen(target: Any, builder: Any, _signature: Any, args: Any) -> Any:
        from numba.np.arrayobj import populate_array  # here, because it costs 15 ms to import

        use_widest_vectors(builder)
        builder.function.attributes.add("noinline")  # into callers that do not have that attribute
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
def convert_rows(
    _context: Any, dtype: Any, load: Any, buffer: Any, memory: Any, row_step: Any, step: Any, rows: Any, count: Any
) -> Any:
    """Between contiguous rows of the compute type and memory of a dtype, strided both along and across the rows."""
    storage = BY_NAME[dtype.literal_value]

    def codegen(target: Any, builder: Any, signature: Any, args: Any) -> Any:
        compute = target.get_data_type(storage.compute)
        inside, outside, across, along, height, length = (
            target.cast(builder, arg, kind, types.intp) for arg, kind in zip(args[2:], signature.args[2:], strict=True)
        )
        near_base = typed_pointer(builder, inside, compute)
        with cgutils.for_range(builder, length) as column, cgutils.for_range(builder, height) as row:
            near = builder.gep(near_base, [builder.add(builder.mul(row.index, length), column.index)])
            offset = builder.add(builder.mul(row.index, across), builder.mul(column.index, along))
            far = typed_pointer(builder, builder.add(outside, offset), storage.item)
            if load.literal_value:
                builder.store(storage.load(builder, builder.load(far)), near)
            else:
                builder.store(storage.store(builder, builder.load(near)), far)
        return target.get_dummy_value()

    return types.void(dtype, load, buffer, memory, row_step, step, rows, count), codegen


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
    last = count - 1
    places = tuple(count + sum(cores[:k]) for k in range(count))  # of each operand's core step among the steps

    def rows(args: int, dimensions: int, steps: int, data: int) -> None:
        control = enter_ieee()
        outer, length = peek(dimensions, 0), peek(dimensions, 1)
        aliased = False  # an output that is an input would be written before that is read
        for k in range(last):
            aliased |= peek(args, k) == peek(args, last)
        buffered = not direct or aliased
        for k in range(count):
            buffered |= cores[k] and peek(steps, places[k]) != size
        tile = min(max(TILE_BYTES // (length * width + 1), 1), TILE_ROWS) if buffered else outer
        buffers = np.empty(count * tile * length * width if buffered else 1, np.uint8)
        firsts, strides, table = stack(TABLE_BYTES), stack(TABLE_BYTES), stack(TABLE_BYTES)
        for start in range(0, outer, tile):
            height = min(tile, outer - start)
            for k in range(count):
                step = peek(steps, places[k]) if cores[k] else size
                items = length if cores[k] else 1
                address = peek(args, k) + start * peek(steps, k)
                buffer = buffers.ctypes.data + k * tile * length * width
                in_place = direct and step == size and not (aliased and k == last)
                if k < last and not in_place:
                    convert_rows(name, True, buffer, address, peek(steps, k), step, height, items)
                poke(firsts, k, address if in_place else buffer)
                poke(strides, k, peek(steps, k) if in_place else items * width)
                poke(table, 2 * k + 1, items)
            for index in range(height):
                for k in range(count):
                    poke(table, 2 * k, peek(firsts, k) + index * peek(strides, k))
                call_row(row, name, count, table)
            step = peek(steps, places[last]) if cores[last] else size
            address = peek(args, last) + start * peek(steps, last)
            if peek(firsts, last) != address:
                items = peek(table, 2 * last + 1)
                convert_rows(name, False, peek(firsts, last), address, peek(steps, last), step, height, items)
        leave_ieee(control)

    loop = compile_cfunc(LOOP, rows, digest, name, cores)
    return Loop(loop.address, np.zeros(1, np.int64), (dtype,) * count, loop)
