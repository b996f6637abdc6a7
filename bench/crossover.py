"""At which size two threads beat one, for each cost class: python bench/crossover.py

Prints the data that fastrelu/thresholds.py holds.
"""

from __future__ import annotations

import argparse
import statistics

import numpy as np
from fastrelu.kernels.parallel import CHUNK

import fastrelu as fr
from fastrelu import pool
from fastrelu.cli.measure import DTYPES, operands, race, timer
from fastrelu.dispatch import chunk_size
from fastrelu.fold import Fold
from fastrelu.thresholds import Cost

BYTES = [1 << power for power in range(13, 24)]


def crossover(function: fr.Elementwise, dtype: str, count: int, seconds: float) -> int:
    """The least number of bytes from which all threads are faster than one, there and at all greater sizes measured."""
    kind = np.dtype(dtype)
    serial, _ = function.target(kind)
    parallel, loop = function.target(kind, parallel=True)
    params = [kind.type(value) for value in function.params.values()]
    found = BYTES[-1]
    for size in reversed(BYTES):
        arrays = operands(function, size // kind.itemsize, dtype)
        loop.data[CHUNK] = chunk_size(arrays[0].size, kind.itemsize, count)
        out = {"out": np.empty_like(arrays[0])}  # the allocation of a fresh output would hide the difference
        one, many = race([timer(ufunc, (*arrays, *params), out) for ufunc in (serial, parallel)], seconds)
        if many >= one:
            break
        found = size
    return found


def main() -> None:
    """Measures every elementwise function."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=0.1, help="for one function at one size")
    options = parser.parse_args()
    count = pool.claim(1 << 25)
    if count == 1:
        parser.exit(1, "this needs more than one thread\n")
    found: dict[Cost, list[int]] = {cost: [] for cost in Cost}
    for function in fr.registry.values():
        if isinstance(function, Fold):
            continue
        for each in (function, function.derivative):
            for dtype in DTYPES:
                found[each.cost].append(crossover(each, dtype, count, options.seconds))
                print(f"{each.dotted_name:25} {dtype} {each.cost.name:7} {found[each.cost][-1]:9} bytes")
    middles = {cost: round(np.log2(statistics.median(sizes))) for cost, sizes in found.items() if sizes}
    print("PARALLEL_FROM_BYTES = {" + ", ".join(f"{cost}: 1 << {power}" for cost, power in middles.items()) + "}")


if __name__ == "__main__":
    main()
