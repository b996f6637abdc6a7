"""Sums and maxima of rows in a fixed order: the same bits for any vector width, and vectorised without fastmath.

A row is folded into 64 lanes, then the lanes pairwise: that also loses less than adding one element after the other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload

from fastrelu.vecmath.primitives import IEEE, Scalar, use_widest_vectors

LANES = 64


def row_sum(row: Any) -> Scalar:
    """The sum of a contiguous row."""
    return _fold(row, np.add, 0.0)


def row_max(row: Any) -> Scalar:
    """The maximum of a contiguous row without its NaNs; -inf of nothing else."""
    return _fold(row, np.fmax, -np.inf)


def _fold(row: Any, combine: np.ufunc, start: float) -> Scalar:
    lanes = np.full(LANES, start, row.dtype)
    for begin in range(0, row.size, LANES):
        block = row[begin : begin + LANES]
        lanes[: block.size] = combine(lanes[: block.size], block)
    while lanes.size > 1:
        lanes = combine(lanes[: lanes.size // 2], lanes[lanes.size // 2 :])
    return lanes[0]


def _add(builder: Any, left: Any, right: Any) -> Any:
    return builder.fadd(left, right)


def _greater(builder: Any, left: Any, right: Any) -> Any:
    return builder.select(builder.fcmp_ordered(">", right, left), right, left)


def _reduction(combine: Callable[[Any, Any, Any], Any], start: float) -> Callable[..., Any]:
    """The compiled form of _fold."""

    @intrinsic
    def reduce(_context: Any, row: Any) -> Any:
        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            use_widest_vectors(builder)
            scalar = context.get_value_type(row.dtype)
            width = ir.VectorType(scalar, LANES)
            array = context.make_array(row)(context, builder, args[0])
            with builder.goto_entry_block():
                memory = builder.alloca(width)
            lane = builder.bitcast(memory, scalar.as_pointer())
            builder.store(ir.Constant(width, [start] * LANES), memory)
            full = builder.sdiv(array.nitems, ir.IntType(64)(LANES))
            with cgutils.for_range(builder, full) as loop:
                begin = builder.gep(array.data, [builder.mul(loop.index, ir.IntType(64)(LANES))])
                block = builder.load(builder.bitcast(begin, width.as_pointer()), align=row.dtype.bitwidth // 8)
                builder.store(combine(builder, builder.load(memory), block), memory)
            done = builder.mul(full, ir.IntType(64)(LANES))
            with cgutils.for_range(builder, builder.sub(array.nitems, done)) as loop:
                item = builder.load(builder.gep(array.data, [builder.add(done, loop.index)]))
                place = builder.gep(lane, [loop.index])
                builder.store(combine(builder, builder.load(place), item), place)
            value, size = builder.load(memory), LANES
            while size > 1:
                size //= 2
                halves = [
                    builder.shuffle_vector(value, value, ir.Constant(ir.VectorType(ir.IntType(32), size), list(part)))
                    for part in (range(size), range(size, 2 * size))
                ]
                value = combine(builder, *halves)
            return builder.extract_element(value, ir.IntType(32)(0))

        return row.dtype(row), codegen

    return reduce  # type: ignore[no-any-return]


_sum = _reduction(_add, 0.0)
_max = _reduction(_greater, -np.inf)


# Inlined before it is compiled, so that the row formula's own loops get the wide vectors.
@overload(row_sum, jit_options=IEEE, strict=False, inline="always")
def _row_sum(row: Any) -> Any:
    return (lambda row: _sum(row)) if _is_row(row) else None


@overload(row_max, jit_options=IEEE, strict=False, inline="always")
def _row_max(row: Any) -> Any:
    return (lambda row: _max(row)) if _is_row(row) else None


def _is_row(kind: Any) -> bool:
    return isinstance(kind, types.Array) and kind.ndim == 1 and kind.layout == "C" and isinstance(kind.dtype, types.Float)
