"""Layouts of device arrays: axes merged and sorted, and whether two arrays overlap."""

from __future__ import annotations

import math
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

from fastrelu.kernels.cuda.devices import Array

SHORT = 1 << 31  # indices and offsets below it are computed in 32 bits: a 64-bit division takes some 40 instructions


class Walk(NamedTuple):
    """How to go through several arrays at once: where each begins, the shape, and the strides of one after the other."""

    addresses: tuple[int, ...]
    shape: tuple[int, ...]
    strides: tuple[tuple[int, ...], ...]

    @property
    def short(self) -> bool:
        """Whether 32 bits hold every index and offset, also that of a grid's last step."""
        reach = [sum(abs(step) * (n - 1) for step, n in zip(each, self.shape, strict=True)) for each in self.strides]
        return max(math.prod(self.shape), *reach) < SHORT


def contiguous(array: Array, columns: bool = False) -> bool:
    """Whether it lies in C order without gaps; or in Fortran order."""
    shape, strides = (array.shape[::-1], array.strides[::-1]) if columns else (array.shape, array.strides)
    size = array.dtype.itemsize
    for n, step in zip(reversed(shape), reversed(strides), strict=True):
        if n != 1 and step != size:
            return False
        size *= n
    return True


def broadcast(array: Array, shape: tuple[int, ...]) -> Array:
    """The array seen in a larger shape: it does not move along new axes and along those of length 1."""
    if array.shape == shape:
        return array
    added = len(shape) - len(array.shape)
    own = [0 if n == 1 else step for n, step in zip(array.shape, array.strides, strict=True)]
    return array._replace(shape=shape, strides=(*(0,) * added, *own))


def walk(arrays: Sequence[Array]) -> Walk:
    """The way through arrays of one shape, the output first, in the order of its memory: with as few axes as possible."""
    shape = arrays[0].shape
    axes = [axis for axis, n in enumerate(shape) if n != 1]
    addresses = [array.address for array in arrays]
    for axis in axes:
        if arrays[0].strides[axis] < 0:
            addresses = [at + (shape[axis] - 1) * each.strides[axis] for at, each in zip(addresses, arrays, strict=True)]
    columns = {axis: [(-1 if arrays[0].strides[axis] < 0 else 1) * each.strides[axis] for each in arrays] for axis in axes}
    merged: list[tuple[int, list[int]]] = []
    for axis in sorted(axes, key=lambda axis: columns[axis], reverse=True):
        n, steps = shape[axis], columns[axis]
        if merged and merged[-1][1] == [step * n for step in steps]:
            merged[-1] = merged[-1][0] * n, steps
        else:
            merged.append((n, steps))
    strides = tuple(tuple(steps[k] for _, steps in merged) for k in range(len(arrays)))
    return Walk(tuple(addresses), tuple(n for n, _ in merged), strides)


def clash(target: Array, operand: Array) -> bool:
    """Whether writing one element of target may change another of an operand."""
    if target[:3] == operand[:3] and target.dtype.itemsize == operand.dtype.itemsize:
        return False
    return np.may_share_memory(_memory(target), _memory(operand))


def _memory(array: Array) -> Any:
    """Where a device array lies, as a NumPy array of which nobody may read an element."""
    interface = {
        "data": (array.address, False),
        "shape": array.shape,
        "strides": array.strides,
        "typestr": f"|V{array.dtype.itemsize}",
        "version": 3,
    }
    return np.asarray(SimpleNamespace(__array_interface__=interface))
