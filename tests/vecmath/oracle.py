"""Independent truth for the elementary functions, and the distance to it in units of the last place."""

from __future__ import annotations

import csv
import functools
import platform
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm
import mpmath
import numpy as np
import numpy.typing as npt
import pytest
from numba import njit

from fastrelu.vecmath.primitives import compilable

Array = npt.NDArray[Any]
Function = Callable[..., Any]

vector_machine = pytest.mark.skipif(
    platform.machine() not in ("x86_64", "AMD64") or not llvm.get_host_cpu_features().get("fma"),
    reason="looks for the vector instructions of x86 with FMA",
)
LONG = np.finfo(np.longdouble).nmant > 60  # the 80-bit format of x86, or better


@functools.cache
def compiled(formula: Function, inputs: int = 1, **options: Any) -> Any:
    """formula over 1-d arrays, compiled as a kernel is, once for all tests; also for options a caller might choose."""
    compilable(getattr(formula, "formula", formula))
    options = {"error_model": "numpy", **options}
    if inputs == 1:

        @njit(**options)
        def loop(x: Any, out: Any) -> None:
            for i in range(x.size):
                out[i] = formula(x[i])

    else:

        @njit(**options)
        def loop(x: Any, y: Any, out: Any) -> None:
            for i in range(x.size):
                out[i] = formula(x[i], y[i])

    return loop


def apply(loop: Any, *arrays: Array) -> Array:
    """The compiled loop's result in a new array."""
    out = np.empty_like(arrays[0])
    loop(*arrays, out)
    return out


def same_bits_everywhere(formula: Function, x: Array) -> None:
    """Python, compiled code, and compiled code with a caller's fastmath give the same numbers, of the type of x, to the bit."""
    x = np.concatenate([x, np.array([0, -0.0, 1, -1, np.inf, -np.inf, np.nan], x.dtype)])
    with np.errstate(all="ignore"):
        plain = [formula(v) for v in x]
    assert {type(v) for v in plain} == {x.dtype.type}
    expected = np.array(plain, x.dtype)
    for options in ({}, {"fastmath": True}):
        got = apply(compiled(formula, **options), x)
        same = (got.view(f"u{x.itemsize}") == expected.view(f"u{x.itemsize}")) | (np.isnan(got) & np.isnan(expected))
        assert same.all(), x[~same]


def machine_code(formula: Function, dtype: Any, inputs: int = 1) -> str:
    """The assembly of its loop."""
    loop = compiled.__wrapped__(formula, inputs)  # for this dtype alone
    apply(loop, *[np.ones(100, dtype)] * inputs)
    return str(next(iter(loop.inspect_asm().values())))


def ulps(got: Array, truth: Array) -> Array:
    """Distance of float32 or float64 results to a truth of higher precision, in units of the results' last place.

    0 where both are NaN, or where an infinite or overflowing truth gave that infinity; infinite where only one is.
    """
    with np.errstate(all="ignore"):
        rounded = truth.astype(got.dtype)
        distance = np.abs(got.astype(truth.dtype) - truth) / np.spacing(np.abs(got)).astype(truth.dtype)
        special = ~(np.isfinite(got) & np.isfinite(rounded))
        same = (got == rounded) | (np.isnan(got) & np.isnan(rounded))
        return np.where(special, np.where(same, 0.0, np.inf), distance).astype(np.float64)


def ulps_by_mpmath(got: Array, truth: Callable[..., Any], *arrays: Array) -> Array:
    """As ulps, against a function of mpmath numbers at 60 digits; finite arguments only."""
    with mpmath.workdps(60):
        points = zip(got, *arrays, strict=True)
        return np.array([_distance(y, truth(*(mpmath.mpf(float(v)) for v in x))) for y, *x in points])


def _distance(got: Any, truth: Any) -> float:
    with np.errstate(over="ignore"):
        rounded = type(got)(float(truth))
    if not (np.isfinite(got) and np.isfinite(rounded)):
        return 0.0 if got == rounded else np.inf
    return float(abs(mpmath.mpf(float(got)) - truth) / mpmath.mpf(float(np.spacing(abs(got)))))


def every_float32(step: int = 1, chunk: int = 2**24) -> Iterator[Array]:
    """All float32 numbers, or each step-th bit pattern, in chunks."""
    for start in range(0, 2**32, chunk * step):
        yield np.arange(start, min(2**32, start + chunk * step), step, dtype=np.int64).astype(np.uint32).view(np.float32)


def stratified(dtype: Any, count: int, seed: int = 0) -> Array:
    """Random numbers of all exponents and both signs: about count of them, infinities and NaN left out."""
    kind = np.dtype(dtype)
    bits = {4: np.uint32, 8: np.uint64}[kind.itemsize]
    patterns = np.random.default_rng(seed).integers(0, np.iinfo(bits).max, size=count, dtype=bits, endpoint=True)
    x = patterns.view(kind)
    return x[np.isfinite(x)]


def worst(formula: Function, reference: Function, step: int = 1, chunk: int = 2**24) -> tuple[float, np.float32]:
    """Greatest error in ULP over the float32 numbers and where it is; reference: a NumPy function, used in float64."""
    loop = compiled(formula)
    greatest, place = -1.0, np.float32(np.nan)
    for x in every_float32(step, chunk):
        with np.errstate(all="ignore"):
            distance = ulps(apply(loop, x), reference(x.astype(np.float64)))
        i = int(np.argmax(distance))
        if distance[i] > greatest:
            greatest, place = float(distance[i]), x[i]
    return greatest, place


def numpy_cases(name: str, dtype: Any) -> tuple[Array, Array]:
    """Inputs and correctly rounded outputs of the accuracy tables that come with NumPy."""
    path = Path(np.__file__).parent / "_core" / "tests" / "data" / f"umath-validation-set-{name}.csv"
    kind = np.dtype(dtype)
    with path.open() as file:
        rows = [row for row in csv.reader(file) if row and row[0] == f"np.{kind.name}"]
    bits = {4: np.uint32, 8: np.uint64}[kind.itemsize]
    columns = [np.array([int(row[i], 16) for row in rows], dtype=bits).view(kind) for i in (1, 2)]
    return columns[0], columns[1]
