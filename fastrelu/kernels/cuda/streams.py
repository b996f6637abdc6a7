"""The order of a launch and of what other streams do with its arrays: by events on the device, the host waits for nothing.

To arrays of another library a call is what that library's own operation would be: it comes after all that their stream was
given before, and what the stream is given afterwards comes after it. So memory that is freed right after the call is not used
again too early: the allocators of torch and CuPy hand it out in the order of that stream.
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Sequence
from typing import Any

from numba import cuda

from fastrelu import arrays
from fastrelu.kernels.cuda.devices import Library, launch_context, library_of
from fastrelu.kernels.cuda.dlpack import LEGACY

_held: deque[tuple[Any, list[Any]]] = deque()  # what has to live until an event, of libraries without a stream to order


def ordered(library: Library, device: int, stream: int, values: Sequence[Any]) -> Any:
    """A context manager for a launch on a library's stream, which reads and writes these arrays; what is none is let be."""
    streams: set[Any] = set()
    held = []
    for value in values:
        if not arrays.on_cuda(value):
            continue
        own = library_of(value)
        if own is library and own.one_stream:
            continue
        kept = own.hold(value, stream)
        if kept is not None:
            held.append(kept)
        streams.add(own.stream_of(value, device))
    streams -= {None, stream, *((0, LEGACY) if stream in (0, LEGACY) else ())}
    return _Ordered(device, stream, sorted(streams), held) if streams or held else contextlib.nullcontext()


class _Ordered:
    """Lets a stream wait for others, and then these for it; keeps what is held until it has got so far."""

    def __init__(self, device: int, stream: int, others: list[int], held: list[Any]) -> None:
        self.device, self.stream, self.others, self.held = device, stream, others, held

    def __enter__(self) -> None:
        with launch_context(self.device):
            for other in self.others:
                wait(self.stream, other)

    def __exit__(self, *_error: object) -> None:
        with launch_context(self.device):
            event = _recorded(self.stream)
            for other in self.others:
                event.wait(_numba_stream(other))
            if self.held:
                _held.append((event, self.held))
            let_go()


def let_go() -> None:
    """Drops what has been used."""
    while _held:
        entry = _held.popleft()  # taken away first: another thread may look, too
        if not entry[0].query():
            _held.appendleft(entry)
            return


def wait(stream: int, other: int) -> None:
    """Lets a stream wait for what another one has been given so far, both of the current device."""
    _recorded(other).wait(_numba_stream(stream))


def _recorded(stream: int) -> Any:
    event = cuda.event(timing=False)
    event.record(_numba_stream(stream))
    return event


def _numba_stream(stream: int) -> Any:
    return cuda.external_stream(stream) if stream else 0
