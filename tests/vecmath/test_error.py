"""erf, erfc, the GELUs and their derivatives: accuracy, tails, special values, the same bits everywhere, vector code."""

from __future__ import annotations

import re
from typing import Any

import gmpy2
import mpmath
import numpy as np
import pytest
import scipy.special
from oracle import apply, compiled, machine_code, same_bits_everywhere, stratified, ulps_by_mpmath, vector_machine, worst

from fastrelu.formulas.gelus import gelu, gelu_slope, gelu_tanh, gelu_tanh_slope
from fastrelu.vecmath.error import erf, erfc

FUNCTIONS: dict[str, Any] = {
    "erf": erf,
    "erfc": erfc,
    "gelu": gelu,
    "gelu_slope": gelu_slope,
    "gelu_tanh": gelu_tanh,
    "gelu_tanh_slope": gelu_tanh_slope,
}
# In ULP, float32 and float64.
ALLOWED = {"erf": (1, 1), "erfc": (1, 1), "gelu": (1, 1.25), "gelu_slope": (2, 2), "gelu_tanh": (1, 1), "gelu_tanh_slope": (2, 2)}
# Where the tail becomes 0 in float64, and the root of the derivative.
ENDS = {"erf": 6.0, "erfc": 27.3, "gelu": 38.7, "gelu_slope": 38.8, "gelu_tanh": 21.5, "gelu_tanh_slope": 21.6}
ROOTS = {"gelu_slope": 0.7517915246935645, "gelu_tanh_slope": 0.7524614220710163}
DTYPES = [np.float32, np.float64]
INF, NAN = np.inf, np.nan

every_function = pytest.mark.parametrize("name", FUNCTIONS)
every_dtype = pytest.mark.parametrize("dtype", DTYPES, ids=lambda t: t.__name__)


def exact_tanh_argument(x: Any) -> Any:
    """2 sqrt(2 / pi) (x + 0.044715 x^3)."""
    return 2 * mpmath.sqrt(2 / mpmath.pi) * (x + mpmath.mpf("0.044715") * x**3)


def exact_gelu_tanh(x: Any) -> Any:
    """x sigmoid(2c (x + k x^3))."""
    return x / (1 + mpmath.exp(-exact_tanh_argument(x)))


def exact_gelu_tanh_slope(x: Any) -> Any:
    """The derivative of exact_gelu_tanh, worked out by hand."""
    t, rest = (1 / (1 + mpmath.exp(-u)) for u in (exact_tanh_argument(x), exact_tanh_argument(-x)))
    return t + 2 * x * t * rest * mpmath.sqrt(2 / mpmath.pi) * (1 + 3 * mpmath.mpf("0.044715") * x * x)


EXACT: dict[str, Any] = {
    "erf": mpmath.erf,
    "erfc": mpmath.erfc,
    "gelu": lambda x: x * mpmath.ncdf(x),
    "gelu_slope": lambda x: mpmath.ncdf(x) + x * mpmath.npdf(x),
    "gelu_tanh": exact_gelu_tanh,
    "gelu_tanh_slope": exact_gelu_tanh_slope,
}


def tail(x: Any, y: Any) -> Any:
    """y, but 0 below -30 and x above 30: no infinity times 0."""
    return np.where(x < -30, 0.0, np.where(x > 30, x, y))


def tail_slope(x: Any, y: Any) -> Any:
    """y, but 0 below -30 and 1 above 30."""
    return np.where(x < -30, 0.0, np.where(x > 30, 1.0, y))


def tanh_argument(x: Any) -> Any:
    """As exact_tanh_argument, in float64."""
    return 2 * np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)


def gelu_tanh_slope_64(x: Any) -> Any:
    """The derivative of gelu_tanh in float64."""
    t, rest = scipy.special.expit(tanh_argument(x)), scipy.special.expit(-tanh_argument(x))
    return tail_slope(x, t + 2 * x * t * rest * np.sqrt(2 / np.pi) * (1 + 3 * 0.044715 * x * x))


# In float64: true to 0.01 ULP of float32, next to the roots too.
REFERENCE: dict[str, Any] = {
    "erf": scipy.special.erf,
    "erfc": scipy.special.erfc,
    "gelu": lambda x: tail(x, x * scipy.special.ndtr(x)),
    "gelu_slope": lambda x: tail_slope(x, scipy.special.ndtr(x) + x * np.exp(-x * x / 2) / np.sqrt(2 * np.pi)),
    "gelu_tanh": lambda x: tail(x, x * scipy.special.expit(tanh_argument(x))),
    "gelu_tanh_slope": gelu_tanh_slope_64,
}


def sample(name: str, dtype: Any, count: int) -> Any:
    """All exponents, then points even over the bulk, over all up to the end, over its last part, and towards the root."""
    rng = np.random.default_rng(4)
    end = ENDS[name] if dtype is np.float64 else ENDS[name] / 2.6
    spans = [(0, 1.2), (0, 4), (0, end), (0.3 * end, end), (0.95 * end, end)]
    parts = [rng.uniform(low, high, count) for low, high in spans]
    if name in ROOTS:
        parts.append(ROOTS[name] + rng.choice([-1, 1], count) * 10 ** rng.uniform(-17, -1, count))
    a = np.concatenate(parts)
    return np.concatenate([stratified(dtype, count).astype(np.float64), a, -a]).astype(dtype)


@every_function
def test_float32_sample(name: str) -> None:
    error, place = worst(FUNCTIONS[name], REFERENCE[name], step=1999)
    assert error <= ALLOWED[name][0], place


@pytest.mark.slow
@every_function
def test_float32_everywhere(name: str) -> None:
    error, place = worst(FUNCTIONS[name], REFERENCE[name])
    print(f"{name}: {error:.4f} ULP at {place!r}")
    assert error <= ALLOWED[name][0], place


@every_function
@every_dtype
def test_against_mpmath(name: str, dtype: Any) -> None:
    x = sample(name, dtype, 150)
    x = x[np.abs(x) < 1e6]
    error = ulps_by_mpmath(apply(compiled(FUNCTIONS[name]), x), EXACT[name], x)
    assert error.max() <= ALLOWED[name][dtype is np.float64], x[error.argmax()]


@pytest.mark.slow
@every_function
def test_float64_many(name: str) -> None:
    x = sample(name, np.float64, 30_000)
    x = x[np.abs(x) < 1e6]
    error = ulps_by_mpmath(apply(compiled(FUNCTIONS[name]), x), EXACT[name], x)
    print(f"{name}: {error.max():.4f} ULP at {x[error.argmax()]!r}")
    assert error.max() <= ALLOWED[name][1], x[error.argmax()]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["erf", "erfc"])
def test_float64_ten_million(name: str) -> None:
    loop, greatest = compiled(FUNCTIONS[name]), 0.0
    for x in np.array_split(sample(name, np.float64, 910_000), 20):  # eleven times as many numbers
        y = apply(loop, x)
        with gmpy2.context(precision=80):
            truth = [getattr(gmpy2, name)(gmpy2.mpfr(v)) for v in x.tolist()]
            distance = np.array([float(t - v) for t, v in zip(truth, y.tolist(), strict=True)])
        error = np.abs(distance) / np.spacing(np.abs(y))
        greatest = max(greatest, error.max())
        assert error.max() <= 1, x[error.argmax()]
    print(f"{name}: {greatest:.4f} ULP")


@pytest.mark.parametrize("name", ROOTS)
@every_dtype
def test_beside_the_root(name: str, dtype: Any) -> None:
    """A derivative keeps its relative accuracy at the very numbers next to its root."""
    signed = np.dtype(f"i{np.dtype(dtype).itemsize}")
    x = (dtype(-ROOTS[name]).view(signed) + np.arange(-300, 300, dtype=signed)).view(dtype)
    got = apply(compiled(FUNCTIONS[name]), x)
    assert ulps_by_mpmath(got, EXACT[name], x).max() <= ALLOWED[name][0]
    assert (np.diff(np.sign(got)) != 0).sum() == 1


SPECIAL = {
    "erf": [(0.0, 0.0), (-0.0, -0.0), (INF, 1.0), (-INF, -1.0), (1e30, 1.0), (-1e30, -1.0)],
    "erfc": [(0.0, 1.0), (-0.0, 1.0), (INF, 0.0), (-INF, 2.0), (1e30, 0.0), (-1e30, 2.0)],
    "gelu": [(0.0, 0.0), (-0.0, 0.0), (INF, INF), (-INF, 0.0), (3e38, 3e38), (-3e38, 0.0)],
    "gelu_slope": [(0.0, 0.5), (INF, 1.0), (-INF, 0.0), (3e38, 1.0), (-3e38, 0.0)],
}
SPECIAL |= {"gelu_tanh": SPECIAL["gelu"], "gelu_tanh_slope": SPECIAL["gelu_slope"]}


@every_function
@every_dtype
def test_special_values(name: str, dtype: Any) -> None:
    pairs = [*SPECIAL[name], (NAN, NAN), (-NAN, NAN)]
    x, truth = (np.array(column, dtype) for column in zip(*pairs, strict=True))
    got = apply(compiled(FUNCTIONS[name]), x)
    assert np.array_equal(got, truth, equal_nan=True)
    if name == "erf":
        assert np.array_equal(np.signbit(got[:-2]), np.signbit(truth[:-2]))


@every_dtype
def test_subnormal_results(dtype: Any) -> None:
    """Tails go down to the least subnormal number, not to a flushed zero."""
    least = {np.float32: {"erfc": 10.05, "gelu": -14.1}, np.float64: {"erfc": 27.2, "gelu": -38.5}}[dtype]
    for name, x in least.items():
        y = FUNCTIONS[name](dtype(x))
        assert 0 < abs(y) < np.finfo(dtype).tiny
        assert ulps_by_mpmath(np.array([y]), EXACT[name], np.array([x], dtype))[0] <= 1


@every_function
@every_dtype
def test_same_bits(name: str, dtype: Any) -> None:
    same_bits_everywhere(FUNCTIONS[name], sample(name, dtype, 60))


@vector_machine
@every_function
@every_dtype
def test_vector_code(name: str, dtype: Any) -> None:
    code = machine_code(FUNCTIONS[name], dtype)
    packed = {np.float32: "ps", np.float64: "pd"}[dtype]
    assert re.search(rf"\bvfn?m(add|sub)\d+{packed}\s.*%[yz]mm", code)
    assert not re.search(r"\b(exp|exp2|expm1|erf|erfc|ldexp|fma)f?\b", code)
