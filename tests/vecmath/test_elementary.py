"""exp, exp_sum, expm1, log1p and tanh: accuracy, special values, the same bits everywhere, vector code."""

from __future__ import annotations

import re
from typing import Any

import mpmath
import numpy as np
import pytest
from oracle import (
    LONG,
    apply,
    compiled,
    machine_code,
    numpy_cases,
    same_bits_everywhere,
    stratified,
    ulps,
    ulps_by_mpmath,
    vector_machine,
    worst,
)

from fastrelu.vecmath import exp, exp_sum, expm1, log1p, tanh

FUNCTIONS = {"exp": exp, "expm1": expm1, "log1p": log1p, "tanh": tanh}
# where each is neither constant nor overflowing, in float64
RANGES = {"exp": (-746.0, 710.0), "expm1": (-40.0, 710.0), "log1p": (-1.0, 30.0), "tanh": (-20.0, 20.0)}
DTYPES = [np.float32, np.float64]
INF, NAN = np.inf, np.nan

every_function = pytest.mark.parametrize("name", FUNCTIONS)
every_dtype = pytest.mark.parametrize("dtype", DTYPES, ids=lambda t: t.__name__)


def sample(name: str, dtype: Any, count: int) -> Any:
    """Half of all exponents, half even over the range where the function varies, and around 0."""
    low, high = RANGES[name]
    rng = np.random.default_rng(1)
    parts = [stratified(dtype, count // 2), rng.uniform(low, high, count // 4), rng.uniform(max(low, -1.5), 1.5, count // 4)]
    x = np.concatenate(parts).astype(dtype)
    return x[x > -1] if name == "log1p" else x


@every_function
def test_float32_sample(name: str) -> None:
    error, place = worst(FUNCTIONS[name], getattr(np, name), step=1021)
    assert error <= 1, place


@pytest.mark.slow
@every_function
def test_float32_everywhere(name: str) -> None:
    error, place = worst(FUNCTIONS[name], getattr(np, name))
    print(f"{name}: {error:.4f} ULP at {place!r}")
    assert error <= 1, place


@every_function
def test_float64_sample(name: str) -> None:
    x = sample(name, np.float64, 4000)
    error = ulps_by_mpmath(apply(compiled(FUNCTIONS[name]), x), getattr(mpmath, name), x)
    assert error.max() <= 1, x[error.argmax()]


@pytest.mark.slow
@pytest.mark.skipif(not LONG, reason="longdouble is no wider than float64")
@every_function
def test_float64_many(name: str) -> None:
    loop = compiled(FUNCTIONS[name])
    for x in np.array_split(sample(name, np.float64, 10_000_000), 20):
        with np.errstate(all="ignore"):
            error = ulps(apply(loop, x), getattr(np, name)(x.astype(np.longdouble)))
        assert error.max() <= 1.001, x[error.argmax()]  # the long double itself is off by up to 2^-11 of our ULP


@every_function
@every_dtype
def test_numpy_tables(name: str, dtype: Any) -> None:
    x, truth = numpy_cases(name, dtype)
    assert x.size > 100
    got = apply(compiled(FUNCTIONS[name]), x)
    wrong = np.isnan(got) != np.isnan(truth)
    signed = np.dtype(f"i{x.itemsize}")
    steps = np.abs(got.view(signed) - truth.view(signed))[~np.isnan(truth)]
    assert not wrong.any() and steps.max() <= 1


@pytest.mark.parametrize(("dtype", "span"), [(np.float32, 88.0), (np.float64, 700.0)], ids=["float32", "float64"])
def test_exp_sum(dtype: Any, span: float) -> None:
    rng = np.random.default_rng(2)
    high = rng.uniform(-span, span, 4000).astype(dtype)
    low = (np.spacing(high) * rng.uniform(-1, 1, high.size)).astype(dtype)
    error = ulps_by_mpmath(apply(compiled(exp_sum, 2), high, low), lambda a, b: mpmath.exp(a + b), high, low)
    assert error.max() <= 1, high[error.argmax()]
    ends = np.array([-INF, INF, NAN, -1000, 1000], dtype)
    got = apply(compiled(exp_sum, 2), ends, np.full_like(ends, NAN))
    assert np.array_equal(got, dtype([0, INF, NAN, 0, INF]), equal_nan=True)


SPECIAL = {
    "exp": [(0.0, 1.0), (-0.0, 1.0), (INF, INF), (-INF, 0.0), (1e9, INF), (-1e9, 0.0)],
    "expm1": [(0.0, 0.0), (-0.0, -0.0), (INF, INF), (-INF, -1.0), (1e9, INF), (-1e9, -1.0)],
    "log1p": [(0.0, 0.0), (-0.0, -0.0), (INF, INF), (-1.0, -INF), (-1.5, NAN), (-INF, NAN)],
    "tanh": [(0.0, 0.0), (-0.0, -0.0), (INF, 1.0), (-INF, -1.0), (1e9, 1.0), (-1e9, -1.0)],
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
def test_nan_payloads(dtype: Any) -> None:
    info = np.finfo(dtype)
    kind = np.dtype(f"u{np.dtype(dtype).itemsize}")
    quiet = np.array(INF, dtype).view(kind) + (kind.type(1) << kind.type(info.nmant - 1))
    x = (quiet + np.arange(1, 2**16, 7, dtype=kind)).view(dtype)
    for formula in FUNCTIONS.values():
        assert np.isnan(apply(compiled(formula), x)).all() and np.isnan(apply(compiled(formula), -x)).all()


@every_dtype
def test_smallest_numbers_stay(dtype: Any) -> None:
    """expm1, log1p and tanh are the identity where x^2 is less than half an ulp of x."""
    x = np.concatenate([np.arange(1, 5000), [2**20 + 1]]).astype(dtype) * np.finfo(dtype).smallest_subnormal
    x = np.concatenate([x, -x, [np.finfo(dtype).tiny]]).astype(dtype)
    for formula in (expm1, log1p, tanh):
        assert np.array_equal(apply(compiled(formula), x), x)


@every_dtype
def test_log1p_where_the_exponent_changes(dtype: Any) -> None:
    """1 + x rounds up to 3/2 for one x below 1/2: the reduced argument must still be exact there."""
    kind = np.dtype(f"i{np.dtype(dtype).itemsize}")
    steps = np.arange(-200, 200, dtype=kind)
    x = np.concatenate([(dtype(v).view(kind) + steps).view(dtype) for v in (0.5, 2.0, 5.0, 11.0, -0.25, -0.625, -0.8125)])
    error = ulps_by_mpmath(apply(compiled(log1p), x), mpmath.log1p, x)
    assert error.max() <= 1, x[error.argmax()]


@pytest.mark.parametrize(
    ("dtype", "last", "least"),
    [(np.float32, 88.72283, -103.972076), (np.float64, 709.782712893384, -745.1332191019411)],
    ids=["float32", "float64"],
)
def test_exp_thresholds(dtype: Any, last: float, least: float) -> None:
    top, bottom = dtype(last), dtype(least)
    x = np.array([top, np.nextafter(top, dtype(INF)), bottom, np.nextafter(bottom, dtype(-INF))], dtype)
    got = apply(compiled(exp), x)
    assert np.isfinite(got[0]) and got[1] == INF
    assert got[2] == np.finfo(dtype).smallest_subnormal and got[3] == 0
    assert np.isfinite(apply(compiled(expm1), x)[0]) and apply(compiled(expm1), x)[1] == INF


@every_function
@every_dtype
def test_same_bits(name: str, dtype: Any) -> None:
    same_bits_everywhere(FUNCTIONS[name], sample(name, dtype, 600))


@vector_machine
@pytest.mark.parametrize("name", [*FUNCTIONS, "exp_sum"])
@every_dtype
def test_vector_code(name: str, dtype: Any) -> None:
    formula, inputs = {**{n: (f, 1) for n, f in FUNCTIONS.items()}, "exp_sum": (exp_sum, 2)}[name]
    code = machine_code(formula, dtype, inputs)
    packed = {np.float32: "ps", np.float64: "pd"}[dtype]
    assert re.search(rf"\bvfn?m(add|sub)\d+{packed}\s.*%[yz]mm", code)
    assert not re.search(r"\b(exp|exp2|expm1|log|log1p|tanh|ldexp|fma)f?\b", code)


@pytest.mark.slow
def test_coefficients_are_derived() -> None:
    from fastrelu.vecmath.derive import main

    assert main([]) == 0
