"""JAX's arrays on a CUDA device.

They never change, so a result is memory of Numba's that is handed to JAX by DLPack once the kernel has been launched. JAX
computes on a stream that it does not show: the kernel runs on the one it has for others; by DLPack each waits for the other.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

import numpy as np

from fastrelu import arrays
from fastrelu.kernels.cuda import dlpack as dlpack
from fastrelu.kernels.cuda.devices import Array, Library, checked, launch_context
from fastrelu.kernels.cuda.streams import wait


class Fresh:
    """A result before JAX has it.

    Parameters
    ----------
    memory
        A device array of Numba's, in C order.
    device, stream
        Where the kernel that fills it runs.
    """

    def __init__(self, memory: Any, device: int, stream: int) -> None:
        self.memory, self.device, self.stream = memory, device, stream
        self.capsules: list[Any] = []

    def __dlpack_device__(self) -> tuple[int, int]:
        return dlpack.CUDA, self.device

    def __dlpack__(self, stream: int | None = None, **_wishes: Any) -> Any:
        """A capsule; the stream waits for the kernel."""
        if stream is not None and stream != -1:  # -1: its user does not want that
            with launch_context(self.device):
                wait(stream, self.stream)
        array = Library().view("", "", self.memory)
        self.capsules.append(dlpack.export(dlpack.Told(*array), self._free))
        return self.capsules[-1]

    def drop(self) -> None:
        """Lets go of what JAX has not taken."""
        while self.capsules:
            dlpack.drop(self.capsules.pop())

    def _free(self) -> None:
        """cuMemFree waits for what still runs; JAX may ask for it on any thread."""
        with launch_context(self.device):
            self.memory = None


class Jax(Library):
    """JAX."""

    def __init__(self) -> None:
        self._streams: dict[int, int] = {}

    def view(self, name: str, argument: str, value: Any) -> Array:
        if isinstance(value, Fresh):
            return Library().view(name, argument, value.memory)
        if argument == "out":
            arrays.reject(TypeError, name, argument, "be left out for JAX's arrays, which never change", type(value).__name__)
        device = self.device_of(name, argument, value)
        told = dlpack.read(dlpack.capsule_of(value, self.stream(device)))
        return Array(*told[:3], checked(name, argument, told.dtype), True, device)

    def device_of(self, name: str, argument: str, value: Any) -> int:
        if isinstance(value, Fresh):
            return value.device
        try:
            return int(value.__dlpack_device__()[1])
        except BufferError:
            arrays.reject(TypeError, name, argument, "lie on one device", f"an array on {len(value.devices())}")

    def empty(self, shape: tuple[int, ...], dtype: np.dtype[Any], _order: str, device: int) -> Any:
        """In C order, the only one that JAX has."""
        return Fresh(super().empty(shape, dtype, "C", device), device, self.stream(device))

    def stream(self, device: int) -> int:
        if device not in self._streams:
            self._streams[device] = int(_jax_device(device).get_stream_for_external_ready_events())
        return self._streams[device]

    def stream_of(self, _value: Any, _device: int) -> int | None:
        """It does not tell: see `hold`."""

    def hold(self, value: Any, stream: int) -> Any:
        """A capsule: the array must neither be freed nor donated before it has been read, and JAX does not wait for us."""
        return None if isinstance(value, Fresh) else dlpack.capsule_of(value, stream)

    def finished(self, result: Any) -> Any:
        if not isinstance(result, Fresh):
            return result
        if not result.memory.size:  # there is no memory to hand over
            numpy, memory = sys.modules["jax"].numpy, result.memory
            return numpy.zeros(memory.shape, memory.dtype, device=_jax_device(result.device))
        try:
            return importlib.import_module("jax.dlpack").from_dlpack(result)
        finally:
            result.drop()


def _jax_device(number: int) -> Any:
    """JAX's object for a device."""
    devices = sys.modules["jax"].local_devices(backend="cuda")
    return next(device for device in devices if device.local_hardware_id == number)
