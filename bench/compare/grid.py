"""What is measured: cases, and the settings that span them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .functions import FUNCTIONS

FORWARD, BACKWARD, FROM_OUTPUT = "forward", "backward", "from_output"
ITEMSIZE = {"float16": 2, "bfloat16": 2, "float32": 4, "float64": 8}
ARRAYS = {FORWARD: ("x",), BACKWARD: ("grad", "x"), FROM_OUTPUT: ("grad", "y")}  # what a call reads; it writes one more
SIZES = ("16", "1K", "64K", "1M", "64M")
LARGE = 1 << 25  # from so many elements on the copies are measured beside: no cache holds them
UNITS = {"K": 1 << 10, "M": 1 << 20}


@dataclass(frozen=True)
class Case:
    """One measured call."""

    function: str
    direction: str
    dtype: str
    size: int
    out: bool
    threads: int

    @property
    def title(self) -> str:
        """For people."""
        out, plural = " out=" * self.out, "s" * (self.threads > 1)
        return f"{self.call} {self.dtype} {short(self.size)}{out}, {self.threads} thread{plural}"

    @property
    def call(self) -> str:
        """The function and the direction."""
        return self.function + {FORWARD: "", BACKWARD: ".backward", FROM_OUTPUT: ".backward, from output"}[self.direction]

    @property
    def itemsize(self) -> int:
        """Bytes of an element."""
        return ITEMSIZE[self.dtype]

    @property
    def bytes(self) -> int:
        """How many the call reads and writes."""
        return (len(ARRAYS[self.direction]) + 1) * self.size * self.itemsize


def cases(functions: Sequence[str], sizes: Sequence[int], dtypes: Sequence[str], threads: int) -> Iterator[Case]:
    """All cases at so many threads; those that share arrays stand together."""
    for dtype in dtypes:
        for size in sizes:
            for function in functions:
                for direction in ARRAYS:
                    if direction != FROM_OUTPUT or FUNCTIONS[function].from_output:
                        yield from (Case(function, direction, dtype, size, out, threads) for out in (False, True))


def count(text: str) -> int:
    """16, 64K or 1M as a number."""
    text = text.strip().upper()
    return int(text[:-1]) * UNITS[text[-1]] if text[-1:] in UNITS else int(text)


def short(size: int) -> str:
    """The number as 16, 64 K or 1 M."""
    for unit, scale in reversed(UNITS.items()):
        if size >= scale and size % scale == 0:
            return f"{size // scale} {unit}"
    return str(size)


def processors() -> list[int]:
    """Those that this process may use."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else list(range(os.cpu_count() or 1))
