"""log, sin, cos, atan, asinh and sqrt: accuracy for arguments of every size, special values, same bits, vector code."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
from oracle import apply, compiled, machine_code, numpy_cases, same_bits_everywhere, stratified, vector_machine, worst

from fastrelu.vecmath import asinh, atan, cos, log, sin, sqrt
from fastrelu.vecmath.turns import FIRST, LAST, row

FUNCTIONS: dict[str, Any] = {"asinh": asinh, "atan": atan, "cos": cos, "log": log, "sin": sin, "sqrt": sqrt}
NUMPY: dict[str, Any] = {"asinh": np.arcsinh, "atan": np.arctan, "cos": np.cos, "log": np.log, "sin": np.sin, "sqrt": np.sqrt}
DTYPES = [np.float32, np.float64]
INF, NAN = np.inf, np.nan

every_function = pytest.mark.parametrize("name", FUNCTIONS)
every_dtype = pytest.mark.parametrize("dtype", DTYPES, ids=lambda t: t.__name__)


def sample(name: str, dtype: Any, count: int) -> Any:
    """All exponents, the bulk, both sides of 1, and the numbers next to multiples of pi / 2."""
    rng = np.random.default_rng(5)
    beside_one = 1 + rng.choice([-1, 1], count) * 10 ** rng.uniform(-16, -1, count)
    zeros = np.arange(1, count) * (np.pi / 2)
    parts = [stratified(dtype, count), rng.uniform(-4, 4, count), rng.uniform(-800, 800, count), beside_one, zeros, -zeros]
    x = np.concatenate([np.asarray(part, np.float64) for part in parts]).astype(dtype)
    return np.abs(x) if name in ("log", "sqrt") else x


def distances(got: Any, name: str, x: Any) -> Any:
    """The error in ULP, against mpmath with the digits that the greatest arguments of a sine need."""
    with mpmath.workdps(340):
        truth = [getattr(mpmath, name)(mpmath.mpf(float(v))) for v in x]
        gaps = np.spacing(np.abs(got))
        return np.array(
            [float(abs(mpmath.mpf(float(y)) - t) / mpmath.mpf(float(gap))) for y, t, gap in zip(got, truth, gaps, strict=True)]
        )


@every_function
def test_float32_sample(name: str) -> None:
    error, place = worst(FUNCTIONS[name], NUMPY[name], step=1021)
    assert error <= 1, place


@pytest.mark.slow
@every_function
def test_float32_everywhere(name: str) -> None:
    error, place = worst(FUNCTIONS[name], NUMPY[name])
    print(f"{name}: {error:.4f} ULP at {place!r}")
    assert error <= 1, place


@every_function
@every_dtype
def test_against_mpmath(name: str, dtype: Any) -> None:
    x = sample(name, dtype, 250)
    error = distances(apply(compiled(FUNCTIONS[name]), x), name, x)
    assert error.max() <= 1, x[error.argmax()]


@pytest.mark.slow
@every_function
def test_float64_many(name: str) -> None:
    x = sample(name, np.float64, 30_000)
    error = distances(apply(compiled(FUNCTIONS[name]), x), name, x)
    print(f"{name}: {error.max():.4f} ULP at {x[error.argmax()]!r}")
    assert error.max() <= 1, x[error.argmax()]


@pytest.mark.parametrize("name", ["sin", "cos", "log", "atan", "asinh"])
@every_dtype
def test_numpy_tables(name: str, dtype: Any) -> None:
    x, truth = numpy_cases({"atan": "arctan", "asinh": "arcsinh"}.get(name, name), dtype)
    got = apply(compiled(FUNCTIONS[name]), x)
    assert x.size > 10
    assert (np.isnan(got) == np.isnan(truth)).all()
    signed = np.dtype(f"i{x.itemsize}")
    assert np.abs(got.view(signed) - truth.view(signed))[~np.isnan(truth)].max() <= 1


def nearest_to_a_zero(exponent: int, bits: int) -> int:
    """The mantissa m of that many bits for which m * 2**exponent is next to a multiple of pi / 2 (continued fractions)."""
    with mpmath.workprec(2400):
        ratio = mpmath.ldexp(2 / mpmath.pi, exponent)
        ratio -= mpmath.floor(ratio)
        rest = Fraction(int(mpmath.ldexp(ratio, 2200)), 1 << 2200)
    before, now, best = 0, 1, 0
    while now < 1 << bits:
        best = now
        rest = 1 / rest
        whole = rest.numerator // rest.denominator
        rest -= whole
        before, now = now, whole * now + before
    return best


@pytest.mark.parametrize("name", ["sin", "cos"])
@pytest.mark.parametrize(
    ("dtype", "bits", "exponents"), [(np.float32, 24, range(-23, 104)), (np.float64, 53, range(-52, 971, 3))]
)
def test_hard_arguments(name: str, dtype: Any, bits: int, exponents: range) -> None:
    """The floating-point numbers next to multiples of pi / 2, for every exponent: most of all digits cancel."""
    x = np.array([np.ldexp(float(nearest_to_a_zero(k, bits)), k) for k in exponents] + [6381956970095103 * 2.0**797], np.float64)
    x = x[np.abs(x) <= np.finfo(dtype).max].astype(dtype)
    got = apply(compiled(FUNCTIONS[name]), x)
    error = distances(got, name, x)
    assert error.max() <= 1, x[error.argmax()]


def test_table_of_two_over_pi() -> None:
    """The words of a row add up to 2 / pi less multiples of what makes full turns."""
    with mpmath.workprec(2600):
        for index in (FIRST, FIRST + 1, FIRST + 40, FIRST + 64, LAST - 1):
            start = 8 * index - 1023
            scale = 400 if start >= 505 else 0
            missing = 2 / mpmath.pi - mpmath.fsum(map(mpmath.mpf, row(index))) / mpmath.mpf(2) ** scale
            turns = missing * mpmath.mpf(2) ** (start - 54)
            assert abs(turns - mpmath.nint(turns)) < mpmath.mpf(2) ** -190


SPECIAL = {
    "asinh": [(0.0, 0.0), (-0.0, -0.0), (INF, INF), (-INF, -INF)],
    "atan": [(0.0, 0.0), (-0.0, -0.0), (INF, np.pi / 2), (-INF, -np.pi / 2), (1e30, np.pi / 2), (1.0, np.pi / 4)],
    "cos": [(0.0, 1.0), (-0.0, 1.0), (INF, NAN), (-INF, NAN)],
    "log": [(0.0, -INF), (-0.0, -INF), (1.0, 0.0), (INF, INF), (-1.0, NAN), (-INF, NAN)],
    "sin": [(0.0, 0.0), (-0.0, -0.0), (INF, NAN), (-INF, NAN)],
    "sqrt": [(0.0, 0.0), (-0.0, -0.0), (4.0, 2.0), (INF, INF), (-1.0, NAN), (-INF, NAN)],
}


@every_function
@every_dtype
def test_special_values(name: str, dtype: Any) -> None:
    pairs = [*SPECIAL[name], (NAN, NAN), (-NAN, NAN)]
    x, truth = (np.array(column, dtype) for column in zip(*pairs, strict=True))
    got = apply(compiled(FUNCTIONS[name]), x)
    assert np.array_equal(got, truth, equal_nan=True)
    finite = ~np.isnan(truth)
    assert np.array_equal(np.signbit(got)[finite], np.signbit(truth)[finite])


@every_dtype
def test_smallest_numbers_stay(dtype: Any) -> None:
    x = np.concatenate([np.arange(1, 5000), [2**20 + 1]]).astype(dtype) * np.finfo(dtype).smallest_subnormal
    x = np.concatenate([x, -x, [np.finfo(dtype).tiny]]).astype(dtype)
    for formula in (sin, atan, asinh):
        assert np.array_equal(apply(compiled(formula), x), x)


@every_function
@every_dtype
def test_same_bits(name: str, dtype: Any) -> None:
    same_bits_everywhere(FUNCTIONS[name], sample(name, dtype, 30))


@vector_machine
@every_function
@every_dtype
def test_vector_code(name: str, dtype: Any) -> None:
    code = machine_code(FUNCTIONS[name], dtype)
    wide = "pd" if name in ("sin", "cos") else {np.float32: "ps", np.float64: "pd"}[dtype]
    wanted = rf"\bvsqrt{wide}\s.*%[yz]mm" if name == "sqrt" else rf"\bvfn?m(add|sub)\d+{wide}\s.*%[yz]mm"
    assert re.search(wanted, code)
    assert not re.search(r"\b(sin|cos|atan|asinh|log|sqrt|ldexp|fma)f?\b", code)
