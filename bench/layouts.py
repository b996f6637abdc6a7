"""Layouts, beside NumPy's ufuncs on the same arrays: python bench/layouts.py

A ratio is NumPy's time divided by fastrelu's, from calls that take turns: large is good.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import fastrelu as fr
from fastrelu.cli.measure import race, timer

SIDES = 64, 4096


def _sigmoid(x: Any, **named: Any) -> Any:
    """The usual expression, each step where the ufuncs put it."""
    named = {"out": None} | named  # NumPy warns of a mask without it
    result = np.exp(np.negative(x, **named), **named)
    named["out"] = result
    np.add(result, 1, **named)
    return np.reciprocal(result, **named)


def _relu(x: Any, **named: Any) -> Any:
    return np.maximum(x, 0, **{"out": None} | named)


def _tanh(x: Any, **named: Any) -> Any:
    return np.tanh(x, **{"out": None} | named)


PAIRS: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "relu": (fr.relu, _relu),
    "tanh": (fr.tanh, _tanh),
    "sigmoid": (fr.sigmoid, _sigmoid),
}


def layouts(side: int, dtype: Any) -> Iterator[tuple[str, Any, dict[str, Any]]]:
    """(name, x, keywords); every x has about side * side elements."""
    rng = np.random.default_rng(0)

    def normal(*shape: int) -> Any:
        return rng.normal(size=shape).astype(dtype)

    yield "contiguous", normal(side, side), {}
    yield "inner axis cut", normal(side, side + 16)[:, :side], {}
    yield "every second", normal(side, 2 * side)[:, ::2], {}
    yield "reversed rows", normal(side, side)[:, ::-1], {}
    yield "outer axis cut", normal(2 * side, side)[::2], {}
    yield "three of four", normal(side * side // 4, 4)[:, :3], {}
    yield "middle axis cut", normal(side, side // 4, 8)[:, :, 2:6], {}
    yield "broadcast row", np.broadcast_to(normal(side), (side, side)), {}
    yield "broadcast column", np.broadcast_to(normal(side, 1), (side, side)), {}
    yield "transposed", normal(side, side).T, {}
    yield "transposed into C", normal(side, side).T, {"out": np.empty((side, side), dtype)}
    yield "axes (1, 2, 0) into C", normal(side // 4, side, 4).transpose(1, 2, 0), {"out": np.empty((side, 4, side // 4), dtype)}
    yield "into every second", normal(side, side), {"out": np.empty((side, 2 * side), dtype)[:, ::2]}
    mask = rng.random((side, side)) < 0.5
    yield "mask", normal(side, side), {"where": mask}
    yield "mask, out", normal(side, side), {"where": mask, "out": np.zeros((side, side), dtype)}
    yield "mask, 9 of 10", normal(side, side), {"where": rng.random((side, side)) < 0.9, "out": np.zeros((side, side), dtype)}
    yield "mask of rows", normal(side, side), {"where": mask[:, :1], "out": np.zeros((side, side), dtype)}
    yield "mask, inner axis cut", normal(side, side + 16)[:, :side], {"where": mask, "out": np.zeros((side, side), dtype)}


def main() -> None:
    """Prints a table of ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=0.3, help="for one ratio")
    parser.add_argument("--dtype", default="float32")
    options = parser.parse_args()
    print(f"{'layout, ' + options.dtype:24}" + "".join(f"{name + ' ' + str(side):>15}" for side in SIDES for name in PAIRS))
    columns = []
    for side in SIDES:
        cases = list(layouts(side, np.dtype(options.dtype)))
        for ours, numpy in PAIRS.values():
            column = []
            for _, x, named in cases:
                ours(x, **named)
                first, second = race([timer(call, [x], named) for call in (numpy, ours)], options.seconds)
                column.append(first / second)
            columns.append(column)
    for place, (name, _, _) in enumerate(cases):
        print(f"{name:24}" + "".join(f"{column[place]:15.2f}" for column in columns))


if __name__ == "__main__":
    main()
