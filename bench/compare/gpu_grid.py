"""What bench/gpu.py measures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .functions import FUNCTIONS
from .grid import ARRAYS, BACKWARD, FORWARD, FROM_OUTPUT, Case

ROWS = "softmax"  # along rows of so many elements
ROW = 1024
NAMES = ("relu", "sigmoid", "tanh", "gelu", "silu", "mish", "softplus", ROWS)
DTYPES = ("float16", "bfloat16", "float32", "float64")
SIZES = ("1K", "16K", "256K", "1M", "4M", "16M", "64M", "256M", "512M")


def operands(case: Case) -> tuple[str, ...]:
    """What a call reads: a backward pass of softmax takes the output."""
    return ARRAYS[FROM_OUTPUT] if case.function == ROWS and case.direction == BACKWARD else ARRAYS[case.direction]


def cases(functions: Sequence[str], dtypes: Sequence[str], sizes: Sequence[int]) -> Iterator[Case]:
    """All of them; from the output only where libraries have that way."""
    for dtype in dtypes:
        for size in sizes:
            for function in functions:
                directions = [FORWARD, BACKWARD]
                if function != ROWS and FUNCTIONS[function].from_output:
                    directions.append(FROM_OUTPUT)
                yield from (Case(function, direction, dtype, size, out=False, threads=0) for direction in directions)
