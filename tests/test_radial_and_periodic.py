"""The inverse, periodic and radial functions where they are hard: next to roots and edges, for every power and many scales."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from naive import ulps

import fastrelu as fr

DTYPES = ["float32", "float64"]
every_dtype = pytest.mark.parametrize("dtype", DTYPES)


def power_slope(m, r, k):
    """The derivative of r^k, or of r^k log(r) where k is even."""
    return k * r ** (k - 1) if k % 2 else r ** (k - 1) * (k * m.log(r) + 1)


def wendland_slope(m, u):
    return -20 * u * (1 - abs(u)) ** 3 if abs(u) < 1 else m.mpf(0)


def bump_slope(m, u):
    return -2 * u / (1 - u * u) ** 2 * m.exp(-u * u / (1 - u * u)) if abs(u) < 1 else m.mpf(0)


# Slopes worked out by hand; of the radial functions, with respect to epsilon * (x - center).
SLOPES = {
    "arctan": lambda m, x: 1 / (1 + x * x),
    "arsinh": lambda m, x: 1 / m.sqrt(1 + x * x),
    "sinusoid": lambda m, x: m.cos(x),
    "sinc": lambda m, x: (x * m.cos(x) - m.sin(x)) / x**2 if x else m.mpf(0),
    "gaussian": lambda m, u: -2 * u * m.exp(-u * u),
    "multiquadric": lambda m, u: u / m.sqrt(1 + u * u),
    "inverse_multiquadric": lambda m, u: -u / m.sqrt(1 + u * u) ** 3,
    "inverse_quadratic": lambda m, u: -2 * u / (1 + u * u) ** 2,
    "bump": bump_slope,
    "wendland": wendland_slope,
}
SCALED = ["gaussian", "multiquadric", "inverse_multiquadric", "inverse_quadratic", "bump", "wendland"]


def worst(got, truth, x):
    """Greatest error in ULP, and where."""
    with mpmath.workprec(2600):
        errors = [ulps(y, truth(mpmath.mpf(float(v)))) for y, v in zip(got, x, strict=True)]
    place = int(np.argmax(errors))
    return errors[place], f"{errors[place]:.3f} at {x[place]!r}: {got[place]!r}"


def numbers(dtype, count, ends=(1.0, 2.0, 6.0, 30.0)):
    """All exponents, and some spans."""
    rng = np.random.default_rng(11)
    info = np.finfo(dtype)
    spread = rng.choice([-1, 1], count) * np.exp2(rng.uniform(float(info.minexp) - info.nmant, float(info.maxexp), count))
    return np.concatenate([spread, *(rng.uniform(-end, end, count) for end in ends)]).astype(dtype)


@every_dtype
@pytest.mark.parametrize("name", SLOPES)
def test_slope(name, dtype):
    x = numbers(dtype, 40)
    error, message = worst(getattr(fr, name).derivative(x), lambda v: SLOPES[name](mpmath, v), x)
    assert error <= 2, message


@every_dtype
@pytest.mark.parametrize("name", SCALED)
@pytest.mark.parametrize(("epsilon", "center"), [(0.3, 1.7), (1e-3, 100.0)])
def test_scaled(name, epsilon, center, dtype):
    function, kind = fr.registry[name], np.dtype(dtype).type
    exact = [mpmath.mpf(float(kind(value))) for value in (epsilon, center)]
    with np.errstate(over="ignore"):
        x = (center + numbers(dtype, 60, (1.0, 2.0, 6.0, 12.0)) / kind(epsilon)).astype(dtype)
    x = x[np.isfinite(x)]
    error, message = worst(function(x, epsilon, center), lambda v: function.reference(mpmath, v, *exact), x)
    assert error <= function.max_ulp, message
    slopes = function.derivative(x, epsilon, center)
    error, message = worst(slopes, lambda v: exact[0] * SLOPES[name](mpmath, exact[0] * (v - exact[1])), x)
    assert error <= 2, message


@every_dtype
@pytest.mark.parametrize("name", SCALED)
def test_extreme_scales(name, dtype):
    """From 0 to where epsilon^2 overflows, at any distance: the product with epsilon may overflow, the result is right."""
    function, info = fr.registry[name], np.finfo(dtype)
    edges = np.array([0.0, info.max, -info.max, info.tiny, info.smallest_subnormal], dtype)
    for scale in map(info.dtype.type, (0.0, info.smallest_subnormal, info.tiny, 1e-30, 1e-12, 1e12, 1e30, info.max / 3)):
        exact = mpmath.mpf(float(scale))
        with np.errstate(all="ignore"):
            x = np.concatenate([numbers(dtype, 20), numbers(dtype, 20) / scale, edges])
        x = x[np.isfinite(x)]
        error, message = worst(function(x, scale), lambda v, e=exact: function.reference(mpmath, v, e, mpmath.mpf(0)), x)
        assert error <= function.max_ulp, f"{scale}: {message}"
        if scale <= 1 or "quadr" in name:  # the slopes of the others overflow before the result
            slopes = function.derivative(x, scale)
            error, message = worst(slopes, lambda v, e=exact: e * SLOPES[name](mpmath, e * v), x)
            assert error <= 2.5, f"{scale}: {message}"


def beside(point, dtype, count=150):
    """The floating-point numbers around a point."""
    signed = np.dtype(f"i{np.dtype(dtype).itemsize}")
    return (np.dtype(dtype).type(point).view(signed) + np.arange(-count, count, dtype=signed)).view(dtype)


@every_dtype
@pytest.mark.parametrize("edge", ["function", "derivative"])
def test_sinc_beside_its_roots(edge, dtype):
    """Of the function, multiples of pi; of its derivative, where tan(x) = x."""
    for n in (1, 2, 3, 7, 100, 12345, 10**6):
        start = (n + 0.5) * mpmath.pi
        root = mpmath.findroot(lambda v: v * mpmath.cos(v) - mpmath.sin(v), start - 1 / start, tol=1e-12)
        x = beside(float(root if edge == "derivative" else n * mpmath.pi), dtype, 20)
        error, message = worst(fr.sinc.derivative(x), lambda v: SLOPES["sinc"](mpmath, v), x)
        assert error <= 2, message
        error, message = worst(fr.sinc(x), lambda v: mpmath.sin(v) / v, x)
        assert error <= fr.sinc.max_ulp, message


@every_dtype
@pytest.mark.parametrize("a", [1.0, 0.7, -3.25, 1e-3, 40.0])
def test_snake(a, dtype):
    kind = np.dtype(dtype).type
    exact = mpmath.mpf(float(kind(a)))
    flat = np.array([(0.75 + n) * np.pi / a for n in range(-30, 30)]).astype(dtype)  # where the derivative is 0
    x = np.concatenate([numbers(dtype, 100, (2.0, 30.0)), flat])
    x = x[np.abs(x) < 2.0**50 / abs(a)]
    error, message = worst(fr.snake(x, a), lambda v: v + mpmath.sin(exact * v) ** 2 / exact, x)
    assert error <= fr.snake.max_ulp, message
    error, message = worst(fr.snake.derivative(x, a), lambda v: 1 + mpmath.sin(2 * exact * v), x)
    assert error <= 2, message


@every_dtype
@pytest.mark.parametrize("k", [1, 2, 4, 7, *(pytest.param(k, marks=pytest.mark.slow) for k in (3, 5, 6, 8))])
def test_polyharmonic(k, dtype):
    root = float(mpmath.exp(-mpmath.mpf(1) / k))
    x = np.concatenate([numbers(dtype, 40, (2.0, 30.0)), beside(1.0, dtype, 20), beside(root, dtype, 20)])
    function = fr.polyharmonic
    error, message = worst(function(x, k), lambda v: function.reference(mpmath, v, k, 0), x)
    assert error <= function.max_ulp, message
    slopes = lambda v: power_slope(mpmath, abs(v), k) * mpmath.sign(v)  # noqa: E731
    apart = x[x != x.dtype.type(root)]  # there two words leave 2^-107, which may be several ULP: 6.4 for k = 4
    error, message = worst(function.derivative(apart, k), slopes, apart)
    assert error <= 2, message
    x = (x + x.dtype.type(1.7)).astype(dtype)
    center = mpmath.mpf(float(x.dtype.type(1.7)))
    error, message = worst(function(x, k, 1.7), lambda v: function.reference(mpmath, v, k, center), x)
    assert error <= function.max_ulp, message
    steep = function.derivative(x, k, 1.7)
    error, message = worst(steep, lambda v: slopes(v - center) if v != center else mpmath.mpf(0), x)
    assert error <= 2, message
    ends = np.array([-np.inf, 0, np.inf], dtype)
    assert function(ends, k).tolist() == [np.inf, 0, np.inf]
    assert function.derivative(ends, k).tolist() == ([-1, 0, 1] if k == 1 else [-np.inf, 0, np.inf])
    assert np.isnan(function(np.array(np.nan, dtype), k)) and np.isnan(function.derivative(np.array(np.nan, dtype), k))


@every_dtype
def test_polyharmonic_takes_the_integer_next_to_k(dtype):
    x = numbers(dtype, 50)
    for given, k in [(2.6, 3), (0.0, 1), (-5.0, 1), (8.4, 8), (100.0, 8), (np.inf, 8)]:
        np.testing.assert_array_equal(fr.polyharmonic(x, given), fr.polyharmonic(x, k))
        np.testing.assert_array_equal(fr.polyharmonic.derivative(x, given), fr.polyharmonic.derivative(x, k))
    np.testing.assert_array_equal(fr.polyharmonic(x, 2), fr.thin_plate_spline(x))
    np.testing.assert_array_equal(fr.polyharmonic.derivative(x, 2, 0.5), fr.thin_plate_spline.derivative(x, 0.5))


@every_dtype
@pytest.mark.parametrize("name", ["bump", "wendland"])
def test_beside_the_edge(name, dtype):
    function = fr.registry[name]
    kind = np.dtype(dtype).type
    for epsilon in (1.0, 0.3):
        exact = mpmath.mpf(float(kind(epsilon)))
        x = np.concatenate([beside(1 / epsilon, dtype), -beside(0.999 / epsilon, dtype), -beside(0.95 / epsilon, dtype)])
        error, message = worst(function(x, epsilon), lambda v, e=exact: function.reference(mpmath, v, e, 0), x)
        assert error <= function.max_ulp, message
        slopes = function.derivative(x, epsilon)
        error, message = worst(slopes, lambda v, e=exact: e * SLOPES[name](mpmath, e * v), x)
        assert error <= 2, message


def test_values():
    assert fr.sinc(0.0) == 1 == fr.gaussian(0.0) == fr.bump(0.0) == fr.wendland(0.0)
    assert fr.thin_plate_spline(0.0) == 0 == fr.thin_plate_spline.derivative(0.0)
    assert fr.arctan([-np.inf, np.inf]).tolist() == [-np.pi / 2, np.pi / 2]
    assert fr.sinc([-np.inf, np.inf]).tolist() == [0, 0]
    assert np.isnan(fr.sinusoid(np.inf)) and np.isnan(fr.sinusoid.derivative(np.inf))
    assert fr.snake(np.inf) == np.inf and np.isnan(fr.snake.derivative(np.inf))
    assert fr.multiquadric(np.float32(3e38)) == np.float32(3e38)
    assert fr.inverse_multiquadric(np.float32(3e38)) > 0
    assert np.signbit([fr.arctan(-0.0), fr.arsinh(-0.0), fr.sinusoid(-0.0)]).all()
    assert fr.polyharmonic.derivative([-1.0, 0.0, 1.0], k=1).tolist() == [-1, 0, 1]
    assert fr.bump([-1.0, 1.0, 2.0]).tolist() == [0, 0, 0]
