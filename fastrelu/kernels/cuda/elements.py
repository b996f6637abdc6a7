"""Elementwise kernels: over contiguous memory by 16 bytes, and over any layout by items.

Arguments are addresses and numbers only: an array of numba's is seven or more, and the driver copies each at every launch.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import cuda, types

from fastrelu.kernels.cuda.launch import LENGTH, POINTER, Source
from fastrelu.kernels.cuda.memory import WIDE, writer
from fastrelu.kernels.cuda.steps import Task, step
from fastrelu.kernels.options import formula_digest
from fastrelu.vecmath.philox import uniform
from fastrelu.vecmath.primitives import compilable

# Two 16-byte loads in flight a thread, whatever the number of operands: with 1024 threads on each processor that is 32 KB, and
# the memory of an H200 needs about 25 to be busy (4.8 TB/s times 700 ns, over 132 processors).
LOADS = 2
ITEMS = 4  # of a thread in a layout where each is a load of its own


def groups_of(task: Task) -> int:
    """How many vectors of an array one thread has in flight."""
    return max(1, LOADS // max(1, len(task.given)))


def _arguments(task: Task, *rest: Any) -> tuple[Any, ...]:
    pointers = types.BaseTuple.from_types([POINTER] * len(task.given))
    return (POINTER, pointers, types.BaseTuple.from_types([task.compute] * task.n_scalars), LENGTH, *rest)


def _key(task: Task, *rest: Any) -> tuple[Any, ...]:
    return formula_digest(task.formula), task.dtype.name, *task[2:], *rest


def wide(task: Task) -> Source:
    """The kernel of arrays that all lie contiguously and are all as far from a multiple of 16 bytes."""
    compilable(task.formula)
    lanes, groups, size = task.lanes, groups_of(task), task.dtype.itemsize
    vectors, single = step(task, lanes, groups), step(task, 1, 1)

    def elements(out: int, pointers: Any, scalars: Any, count: int) -> None:
        head = min((-out & (WIDE - 1)) // size, count)
        full = (count - head) // lanes
        first, width = cuda.grid(1), cuda.gridsize(1)
        for place in range(first, full, groups * width):
            vectors(out, pointers, scalars, place, width, full, head * size, (), ())
        for place in range(first, count - full * lanes, width):
            at = place if place < head else place + full * lanes
            single(out, pointers, scalars, at, 1, count, 0, (), ())

    return Source(elements, _arguments(task), _key(task, groups))


def strided(task: Task, rank: int, short: bool) -> Source:
    """The kernel of arrays of any layout, with so many axes; `short` where 32 bits hold all offsets."""
    compilable(task.formula)
    items = step(task, 1, ITEMS)
    index = types.int32 if short else types.int64

    def elements(out: int, pointers: Any, scalars: Any, count: int, shape: Any, strides: Any) -> None:
        width = cuda.gridsize(1)
        for place in range(cuda.grid(1), count, ITEMS * width):
            items(out, pointers, scalars, place, width, count, 0, shape, strides)

    axes = types.UniTuple(index, rank), types.UniTuple(index, rank * (1 + len(task.given)))
    return Source(elements, _arguments(task, *axes), _key(task, rank, short))


def draws(dtype: np.dtype[Any]) -> Source:
    """The kernel that fills an array with the random numbers of its places."""
    compilable(uniform)
    zero, size, write = dtype.type(0), dtype.itemsize, writer(dtype)

    def numbers(out: int, seed: int, count: int) -> None:
        for place in range(cuda.grid(1), count, cuda.gridsize(1)):
            write(out + place * size, uniform(zero, np.uint64(place), seed))

    return Source(numbers, (POINTER, types.uint64, LENGTH), (formula_digest(uniform), dtype.name))
