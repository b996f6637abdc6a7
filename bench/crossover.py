"""From which size threads pay, for every elementwise function: python bench/crossover.py

Shows whether a function has the right cost class. `fastrelu tune` stores what it measures of one function of each class.
"""

from __future__ import annotations

import argparse

import fastrelu as fr
from fastrelu.cli.crossovers import PARALLEL_GAIN, PARALLEL_SIZES, Reading, crossover, time_parallel
from fastrelu.cli.measure import DTYPES
from fastrelu.cli.tune import amount
from fastrelu.fold import Fold
from fastrelu.thresholds import NEVER, Cost


def main() -> None:
    """Measures every elementwise function and its derivative."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=0.1, help="for one function at one size")
    options = parser.parse_args()
    found: dict[Cost, list[Reading]] = {cost: [] for cost in Cost}
    for function in fr.registry.values():
        if isinstance(function, Fold):
            continue
        for each in (function, function.derivative):
            for dtype in DTYPES:
                readings = [reading for size in PARALLEL_SIZES for reading in time_parallel(each, dtype, size, options.seconds)]
                found[each.cost] += readings
                size = crossover(readings, PARALLEL_GAIN)
                print(f"{each.dotted_name:25} {dtype} {each.cost.name:7} {amount(size or NEVER)}")
    for cost, readings in found.items():
        print(f"{cost.name:7} {amount(crossover(readings, PARALLEL_GAIN) or NEVER)}")


if __name__ == "__main__":
    main()
