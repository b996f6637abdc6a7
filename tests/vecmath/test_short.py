"""The short float64 functions: within 2^-31 of the true value, relatively, in their whole range."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from oracle import apply, compiled, machine_code, same_bits_everywhere, vector_machine

from fastrelu.vecmath import short

RANGES = {"exp": (-700.0, 700.0), "expm1": (0.0, 700.0)}
COUNT = 200_000


def spread(low: float, high: float) -> Any:
    """Numbers even over a range, and of all exponents in it."""
    rng = np.random.default_rng(3)
    powers = np.exp2(rng.uniform(-1000, np.log2(high), COUNT))
    signed = powers * rng.choice([-1, 1], COUNT) if low < 0 else powers
    return np.concatenate([rng.uniform(low, high, COUNT), rng.uniform(max(low, -2), 2, COUNT), signed])


def assert_within(got: Any, truth: Any) -> None:
    error = np.abs(got - truth) / np.abs(truth)
    place = int(np.argmax(error))
    assert error[place] <= 2.0**-31, f"2^{np.log2(error[place]):.2f} at place {place}"


@pytest.mark.parametrize("name", RANGES)
def test_exponentials(name: str) -> None:
    x = spread(*RANGES[name])
    assert_within(apply(compiled(getattr(short, name)), x), getattr(np, name)(x))
    same_bits_everywhere(getattr(short, name), x[:: COUNT // 100])


def two_numbers(most: float) -> tuple[Any, Any]:
    rng = np.random.default_rng(4)
    a, b = np.exp2(rng.uniform(-most, most, (2, COUNT))) * rng.uniform(1, 2, (2, COUNT))
    return a, b


def test_quotient() -> None:
    a, b = two_numbers(123)
    assert_within(apply(compiled(short.quotient, 2), a, b), a / b)
    assert_within(apply(compiled(short.quotient, 2), -a, b), -a / b)


def test_log1p_of() -> None:
    a, b = two_numbers(61)
    a, b = np.minimum(a, b), np.maximum(a, b)
    assert_within(apply(compiled(short.log1p_of, 2), a, b), np.log1p(a / b))
    rng = np.random.default_rng(5)
    b = rng.uniform(0.5, 2, COUNT)
    a = b * rng.uniform(0, 1, COUNT)
    assert_within(apply(compiled(short.log1p_of, 2), a, b), np.log1p(a / b))


@vector_machine
@pytest.mark.parametrize("name", ["exp", "expm1", "quotient", "log1p_of"])
def test_vector_code(name: str) -> None:
    code = machine_code(getattr(short, name), np.float64, 1 if name in RANGES else 2)
    assert re.search(r"\bvfn?m(add|sub)\d+pd\s.*%[yz]mm", code)
    assert not re.search(r"\bvdivpd|\b(exp|expm1|log|log1p|fma)f?\b", code)
