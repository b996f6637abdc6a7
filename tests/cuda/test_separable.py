"""Which row formulas several threads may run together."""

from typing import Any

import numpy as np
import pytest

from fastrelu.kernels.cuda.separable import reductions_of, with_reductions
from fastrelu.vecmath import exp
from fastrelu.vecmath.primitives import jitable
from fastrelu.vecmath.row_reductions import row_max, row_sum


@jitable
def squares(x: Any, out: Any) -> Any:
    for k in range(x.size):
        out[k] = x[k] * x[k]
    return row_sum(out)


def normalised(x: Any, out: Any) -> None:
    peak = row_max(x)
    total = squares(x, out)
    if peak > 0:
        for k in range(x.size):
            scaled = x[k] / total
            out[k] = scaled - peak
    else:
        for k in range(x.size):
            out[k] = x.dtype.type(0)


def elementwise(x: Any, out: Any) -> None:
    for k in range(x.size):
        out[k] = exp(x[k]) if x[k] < 0 else x[k]


def uses_the_size(x: Any, out: Any) -> None:
    total = row_sum(x) / x.size
    for k in range(x.size):
        out[k] = total


def uses_the_place(x: Any, out: Any) -> None:
    for k in range(x.size):
        out[k] = x[k] * k


def uses_a_neighbour(x: Any, out: Any) -> None:
    for k in range(x.size):
        out[k] = x[k - 1]


def uses_the_first(x: Any, out: Any) -> None:
    first = x[0]
    for k in range(x.size):
        out[k] = first


def accumulates(x: Any, out: Any) -> None:
    total = x.dtype.type(0)
    for k in range(x.size):
        total = total + x[k]
        out[k] = total


def keeps_the_last(x: Any, out: Any) -> None:
    for k in range(x.size):
        last = x[k]
        out[k] = last
    out[0] = last


def reads_the_last(x: Any, out: Any) -> None:
    for k in range(x.size):
        last = x[k]
        out[k] = last
    total = row_sum(x) + last
    for k in range(x.size):
        out[k] = total


def starts_at_one(x: Any, out: Any) -> None:
    for k in range(1, x.size):
        out[k] = x[k]


def asks_in_a_loop(x: Any, out: Any) -> None:
    for k in range(x.size):
        out[k] = row_sum(x)


def asks_in_a_branch(x: Any, out: Any) -> None:
    total = row_max(x)
    if total > 0:
        total = row_sum(x)
    for k in range(x.size):
        out[k] = total


def leaves_early(x: Any, out: Any) -> None:
    if row_max(x) > 0:
        return
    for k in range(x.size):
        out[k] = x[k]


def asks_twice(x: Any, out: Any) -> None:
    total = row_sum(x) + row_sum(out)
    for k in range(x.size):
        out[k] = total


def asks_for_the_sum_first(x: Any, out: Any) -> None:
    total = row_sum(x)
    peak = row_max(x)
    for k in range(x.size):
        out[k] = peak - total


def asks_numpy(x: Any, out: Any) -> None:
    total = np.sum(x)
    for k in range(x.size):
        out[k] = total


def counts(x: Any, out: Any) -> None:
    k = 0
    while k < x.size:
        out[k] = x[k]
        k += 1


def names_a_row(x: Any, out: Any) -> None:
    y = x
    for k in range(x.size):
        out[k] = y[k]


@pytest.mark.parametrize(("formula", "asked"), [(normalised, ("row_max", "row_sum")), (elementwise, ())])
def test_formulas_of_elements(formula: Any, asked: Any) -> None:
    assert reductions_of(formula) == asked


REFUSED = (uses_the_size, uses_the_place, uses_a_neighbour, uses_the_first, accumulates, keeps_the_last, reads_the_last)
REFUSED += (starts_at_one, asks_in_a_loop, asks_in_a_branch, leaves_early, asks_twice, asks_for_the_sum_first)
REFUSED += (asks_numpy, counts, names_a_row)


@pytest.mark.parametrize("formula", REFUSED)
def test_formulas_of_whole_rows(formula: Any) -> None:
    assert reductions_of(formula) is None


def test_without_its_source_a_formula_is_one_of_whole_rows() -> None:
    names: dict[str, Any] = {}
    eval(compile("names.update(f=lambda x, out: None)", "<nowhere>", "eval"), {"names": names})
    assert reductions_of(names["f"]) is None


def test_reductions_are_replaced_wherever_the_formula_reaches_them() -> None:
    replaced = with_reductions(normalised, {"row_max": lambda row: np.float64(2), "row_sum": lambda row: np.float64(4)})
    x, out = np.array([8.0, 12.0]), np.zeros(2)
    replaced(x, out)
    assert out.tolist() == [0.0, 1.0]
    normalised(x, out)
    assert out.tolist() == [8 / 208 - 12, 12 / 208 - 12]
