"""Compiled kernels, kept for each device, and their launches."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

from numba import config, cuda, types

from fastrelu.kernels.cuda import devices

THREADS = 256  # of a block
# numba warns of grids with fewer blocks; those that find nothing to do end within a microsecond.
LEAST_BLOCKS = 1 if config.ENABLE_CUDASIM else 128
# lto: NVVM's code is what the tests look at, and another optimiser would follow it. The simulator knows no such option.
OPTIONS = {"fastmath": False} if config.ENABLE_CUDASIM else {"fastmath": False, "lto": False}
POINTER = LENGTH = types.int64


class Source(NamedTuple):
    """A kernel before it is compiled: the function, the types of its arguments, and what its code on the disk is found by."""

    function: Callable[..., None]
    arguments: tuple[Any, ...]
    key: tuple[Any, ...]


class Kernel(NamedTuple):
    """A compiled kernel, and how many of its blocks the device can hold at once."""

    dispatcher: Any
    resident: int


def jit(source: Source, threads: int) -> Any:
    """The function as numba compiles it, for the current device and for blocks of at most so many threads."""
    if config.ENABLE_CUDASIM:
        return cuda.jit(**OPTIONS)(source.function)
    # The bound keeps the registers of a block within the 65536 that a processor has: else it could not be launched.
    dispatcher = cuda.jit(**OPTIONS, launch_bounds=threads)(source.function)
    from fastrelu.kernels.cuda.cache import keep_on_disk  # the simulator has nothing to keep

    keep_on_disk(dispatcher, (*source.key, threads))
    return dispatcher


@functools.cache
def kernel(device: int, threads: int, make: Callable[..., Source], *key: Any) -> Kernel:
    """The kernel that `make` makes of a key, compiled for a device and for blocks of so many threads."""
    source = make(*key)
    with devices.launch_context(device):
        dispatcher = jit(source, threads)
        if not config.ENABLE_CUDASIM:
            dispatcher.compile(source.arguments)
            dispatcher.disable_compile()
            # As numba.cuda.jit does for a signature: arguments get these types, and nobody looks for another kernel.
            dispatcher._specialized = True
        # The device's processors times the blocks that one of them holds, given the kernel's registers.
        resident = dispatcher.overloads[source.arguments].max_cooperative_grid_blocks(threads)
    return Kernel(dispatcher, max(1, resident))


@functools.cache
def packs_halves(device: int) -> bool:
    """Whether the device rounds two float32 to half types in one instruction."""
    with devices.launch_context(device):
        return not config.ENABLE_CUDASIM and cuda.get_current_device().compute_capability >= (8, 0)


@functools.lru_cache(maxsize=64)
def stream(handle: int) -> Any:
    """numba's object for the caller's stream."""
    return cuda.external_stream(handle) if handle else 0


def launch(device: int, handle: int, work: int, make: Callable[..., Source], key: tuple[Any, ...], *arguments: Any) -> None:
    """Launches a kernel with a thread for each piece of work, or with as many as the device can hold at once, in turns."""
    ready = kernel(device, THREADS, make, *key)
    run(ready, device, handle, min(-(-work // THREADS), ready.resident), THREADS, *arguments)


def run(ready: Kernel, device: int, handle: int, blocks: int, threads: int, *arguments: Any, shared: int = 0) -> None:
    """Launches a kernel with so many blocks and threads on a stream, and bytes of dynamic shared memory."""
    with devices.launch_context(device):
        ready.dispatcher[max(LEAST_BLOCKS, blocks), threads, stream(handle), shared](*arguments)
