"""Device arrays of other libraries, as kernels see them: numba's own."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numba import cuda

from fastrelu import arrays


class Array(NamedTuple):
    """A device array: where it lies, and what it holds; strides are in bytes."""

    address: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: np.dtype[Any]
    read_only: bool
    device: int


class Library:
    """What makes arrays of the kind that came."""

    def empty(self, shape: tuple[int, ...], dtype: np.dtype[Any], order: str, _device: int) -> Any:
        """A new array in C or Fortran order."""
        return cuda.device_array(shape, dtype, order=order)

    def stream(self, _device: int) -> int:
        """The handle of the caller's current stream."""
        return 0

    def finished(self, result: Any) -> Any:
        """What the user gets."""
        return result


def view(name: str, argument: str, value: Any) -> Array:
    """The device array that lies behind a value.

    Raises
    ------
    TypeError
        If it is none.
    """
    if not arrays.on_cuda(value):
        arrays.reject(TypeError, name, argument, "be an array on a device", type(value).__name__)
    interface = getattr(value, "__cuda_array_interface__", None) or value.__array_interface__  # the simulator's
    address, read_only = interface["data"]
    dtype = np.dtype(value.dtype)
    strides = interface["strides"]
    shape = tuple(int(n) for n in value.shape)
    if strides is None:
        strides = np.broadcast_to(np.empty((), dtype), shape).strides if 0 in shape else _packed(shape, dtype.itemsize)
    return Array(address or 0, shape, tuple(strides), dtype, read_only, 0)


def _packed(shape: tuple[int, ...], size: int) -> tuple[int, ...]:
    strides = []
    for n in reversed(shape):
        strides.append(size)
        size *= n
    return tuple(reversed(strides))


def library_of(_value: Any) -> Library:
    """The library of a device array."""
    return Library()


def common(name: str, arguments: Sequence[str], values: Sequence[Any]) -> tuple[Library, int]:
    """The library of the first device array, and the device of all.

    Raises
    ------
    TypeError
        If some lie in host memory.
    """
    leader = next(key for key, value in zip(arguments, values, strict=True) if arrays.on_cuda(value))
    for key, value in zip(arguments, values, strict=True):
        if not arrays.on_cuda(value):
            arrays.reject(TypeError, name, key, f"be on the device as {leader} is", type(value).__name__)
    return Library(), 0


@contextlib.contextmanager
def launch_context(_device: int) -> Iterator[None]:
    """Makes a device the current one for numba."""
    yield
