"""The inner loop from points and centers to a radial function of their distances: blocks of them, which stay in the cache."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from fastrelu.kernels.elementwise import LOOP, TABLE_BYTES
from fastrelu.kernels.options import compile_cfunc, formula_digest
from fastrelu.kernels.pointers import call, enter_ieee, leave_ieee, peek, poke, stack
from fastrelu.kernels.rows import call_row, convert_rows
from fastrelu.kernels.storage import BY_DTYPE
from fastrelu.vecmath.primitives import compilable, fma, jitable, sqrt

BLOCK = 512  # distances at a time: 4 KB of float64
# Squares within these bounds have neither overflowed nor lost digits as subnormals; their roots.
LEAST, MOST = np.float64(2.0**-900), np.float64(2.0**1000)
LEAST_ROOT, MOST_ROOT = np.float64(2.0**-450), np.float64(2.0**500)


@jitable
def scaled_distance(point: Any, centers: Any, place: int, width: int) -> Any:
    """The distance from one center where squares would overflow, or be subnormal."""
    most = np.float64(0)
    for k in range(point.size):
        size = abs(point[k] - centers[k * width + place])
        most = size if size > most else most
    if most == 0 or most == np.inf:
        return most
    total = np.float64(0)
    for k in range(point.size):
        part = (point[k] - centers[k * width + place]) / most
        total = fma(part, part, total)
    return most * sqrt(total)


def distances(point: Any, centers: Any, out: Any) -> None:
    """The Euclidean distances of a point from some centers, which are given coordinate by coordinate."""
    width = out.size
    for j in range(width):
        out[j] = 0
    for k in range(point.size):
        coordinate, first = point[k], k * width
        for j in range(width):
            difference = coordinate - centers[first + j]
            out[j] = fma(difference, difference, out[j])
    doubtful = 0
    for j in range(width):
        doubtful += 0 if LEAST <= out[j] <= MOST else 1
        out[j] = sqrt(out[j])
    if doubtful:
        for j in range(width):
            if out[j] < LEAST_ROOT or out[j] > MOST_ROOT:
                out[j] = scaled_distance(point, centers, j, width)


@functools.cache
def distances_loop(dtype: np.dtype[Any]) -> Any:
    """The loop over rows of the output, which is contiguous, for one dtype.

    Operands: the points and the centers in float64, how many coordinates they have, the scalars, the output. The centers
    come in blocks of BLOCK, each coordinate by coordinate; the number of coordinates is no address. Data: the kernel of the
    radial function for the type that is computed in; how many scalars.
    """
    name, size = dtype.name, dtype.itemsize
    number = BY_DTYPE[dtype].compute
    direct = number.bitwidth // 8 == size
    row = compilable(distances)

    def pairs(args: int, dimensions: int, steps: int, data: int) -> None:
        control = enter_ieee()
        kernel, n_params = peek(data, 0), peek(data, 1)
        count, length = peek(dimensions, 0), peek(dimensions, 1)
        axes, output = peek(args, 2), peek(args, 3 + n_params)
        far, near = np.empty(BLOCK, np.float64), np.empty(BLOCK, number)
        table, words = stack(TABLE_BYTES), stack(TABLE_BYTES)
        poke(table, 0, near.ctypes.data)
        for k in range(n_params):
            poke(table, 1 + k, peek(args, 3 + k))
        poke(words, 1, axes)
        poke(words, 4, far.ctypes.data)
        height = max(BLOCK // max(length, 1), 1)
        for start in range(0, count, height):
            rows = min(height, count - start)
            for column in range(0, length, BLOCK):
                width = min(BLOCK, length - column)
                poke(words, 2, peek(args, 1) + 8 * column * axes)
                poke(words, 3, width * axes)
                poke(words, 5, width)
                for k in range(rows):
                    poke(words, 0, peek(args, 0) + (start + k) * peek(steps, 0))
                    call_row(row, "float64", 3, words)
                    for j in range(width):
                        near[k * width + j] = far[j]
                address = output + (start * length + column) * size
                poke(table, 1 + n_params, address if direct else near.ctypes.data)
                call(kernel, (table, rows * width))
                if not direct:
                    convert_rows(name, False, near.ctypes.data, address, 0, size, 1, rows * width)
        leave_ieee(control)

    return compile_cfunc(LOOP, pairs, formula_digest(distances), name)
