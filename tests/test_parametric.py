"""Functions at parameters beyond the grid's: all signs, limits, edges of the domain, roots, the largest numbers."""

import math

import mpmath
import numpy as np
import pytest
from grid import each_float, points
from naive import PRECISION, slope, value, worst

import fastrelu as fr

SMHT = [(1, 1, 1, 1), (0.3, 1.7, 0.9, 0.2), (-2, 0.5, 1, 1), (1, -3, 0.5, -2), (2, 3, 2, 3), (0.25, 0.5, 1e-3, 30)]


def check(function, x, params, dtype, derivative=2.0):
    kind = np.dtype(dtype).type
    exact = [float(kind(value)) for value in params]
    with mpmath.workprec(PRECISION[dtype]):
        truth = [value(function.reference, float(v), *exact) for v in x]
        error, message = worst(function(x, *params), truth, x)
        assert error <= function.max_ulp, message
        truth = [slope(function.reference, float(v), {}, *exact) for v in x]
        error, message = worst(function.derivative(x, *params), truth, x)
        assert error <= derivative, message


@each_float
@pytest.mark.parametrize("params", SMHT, ids=str)
def test_smht(params, dtype):
    check(fr.smht, points(dtype, 80, 5), params, dtype)


@each_float
def test_smht_limits(dtype):
    x = np.array([-np.inf, np.inf], dtype)
    assert fr.smht(x).tolist() == [-1, 1]
    assert fr.smht(x, a=2.0, d=2.0).tolist() == [0, np.inf]
    assert fr.smht(x, b=2.0, c=2.0).tolist() == [-np.inf, 0]
    assert fr.smht(x, a=0.5, b=-0.5).tolist() == [0, 0]  # a + b = 0: the numerator is 0
    assert fr.smht.derivative(x).tolist() == [0, 0]
    assert fr.smht.derivative(0.0, 2.0, 1.5) == 1.75
    zeros = np.array([-0.0, 0.0], dtype)
    np.testing.assert_array_equal(np.signbit(fr.smht(zeros)), [True, False])
    np.testing.assert_allclose(fr.smht(np.linspace(-20, 20, 99, dtype=dtype)), fr.tanh(np.linspace(-20, 20, 99, dtype=dtype)))
    most = np.finfo(dtype).max
    assert fr.smht([-most, most], b=0.5, c=2.0).tolist() == [-0.0, 0.0]


@each_float
@pytest.mark.parametrize(("params", "root"), [((0.3, 1.7, 0.9, 0.2), 0.9873), ((1, 1, 2.25, 1), 0.6047)])
def test_smht_slope_beside_its_root(params, root, dtype):
    exact = [float(np.dtype(dtype).type(value)) for value in params]
    x = (root + np.linspace(-2e-4, 2e-4, 41)).astype(dtype)
    got = fr.smht.derivative(x, *params)
    with mpmath.workprec(PRECISION[dtype]):
        truth = [slope(fr.smht.reference, float(v), {}, *exact) for v in x]
        error = max(abs(y - t) - float(np.spacing(abs(y))) / 2 for y, t in zip(got.tolist(), truth, strict=True))
    assert error <= {"float32": 2.0**-33, "float64": 2.0**-62}[dtype]
    assert got.min() < 0 < got.max()


@each_float
@pytest.mark.parametrize("alpha", [-0.25, -1.0, -3.0, -1e-3, 0.0, 1e-3, 1.0, 3.0, 1e-30])
def test_soft_exponential(alpha, dtype):
    x = points(dtype, 80, 6)
    if alpha < 0:  # inside of the domain, next to its edge, and next to the root at x = -alpha
        edge, near = -alpha + 1 / alpha, np.array([1e-6, 1e-3, -1e-6, -1e-3])
        x = np.concatenate([edge + np.abs(x), edge + np.array([1e-3, 0.1]), -alpha * (1 + near), [1e30, 3e38]]).astype(dtype)
        x = x[1 - alpha * (x.astype(np.longdouble) + alpha) > 1e-4]
    check(fr.soft_exponential, x, [alpha], dtype)


@pytest.mark.parametrize("alpha", [0.1, 0.25, 0.5, 0.7, 0.99])
def test_soft_exponential_beside_its_root(alpha):
    """float32 to the last bit; float64 within 2^-56 alpha."""
    root = math.log1p(-alpha * alpha) / alpha
    x = np.concatenate([root + np.arange(-20, 20) * np.spacing(root), root * (1 + np.linspace(-0.05, 0.05, 21))])
    with mpmath.workprec(300):
        truth = [fr.soft_exponential.reference(mpmath, mpmath.mpf(float(v)), mpmath.mpf(alpha)) for v in x]
        for got, exact in zip(fr.soft_exponential(x, alpha=alpha), truth, strict=True):
            assert abs(got - exact) <= np.spacing(abs(got)) / 2 + 2.0**-56 * alpha
        x32, alpha32 = x.astype("f4"), float(np.float32(alpha))
        exact = [fr.soft_exponential.reference(mpmath, mpmath.mpf(float(v)), mpmath.mpf(alpha32)) for v in x32]
        error, message = worst(fr.soft_exponential(x32, alpha=alpha), exact, x32)
        assert error <= 0.51, message


@each_float
def test_soft_exponential_edges(dtype):
    x = np.array([-np.inf, -1.75, 0.0, np.inf, np.nan], dtype)
    y = fr.soft_exponential(x, alpha=-0.5)
    np.testing.assert_array_equal(np.isnan(y), [True, True, False, False, True])
    assert y[3] == np.inf
    assert fr.soft_exponential(np.array([-1.5], dtype), alpha=-0.5)[0] == -np.inf  # the edge of the domain
    assert fr.soft_exponential.derivative(np.array([-1.5, np.inf], dtype), alpha=-0.5).tolist() == [np.inf, 0]
    assert np.isnan(fr.soft_exponential.derivative(np.array([-1.75], dtype), alpha=-0.5)).all()
    assert fr.soft_exponential(np.array([-np.inf, np.inf], dtype), alpha=0.5).tolist() == [-1.5, np.inf]
    assert fr.soft_exponential(np.array([-np.inf, 2.0, np.inf], dtype), alpha=0.0).tolist() == [-np.inf, 2, np.inf]
    assert np.isnan(fr.soft_exponential(np.array([1.0], dtype), alpha=np.nan)).all()


def test_soft_exponential_does_not_overflow_before_its_result():
    assert fr.soft_exponential(1e308, alpha=-2.0) == pytest.approx((math.log(2) + math.log(1e308)) / 2, rel=1e-15)
    assert fr.soft_exponential.derivative(1e308, alpha=-2.0) == 0.5 / 1e308
    assert fr.soft_exponential(0.715, alpha=1000.0) == pytest.approx(math.exp(715 - math.log(1000.0)), rel=1e-12)
    assert fr.soft_exponential(1e300, alpha=1e-305) == pytest.approx(math.expm1(1e-5) * 1e305, rel=1e-15)
    assert fr.soft_exponential(1e300, alpha=-1e-310) == pytest.approx(1e300, rel=1e-9)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_swish_of_a_small_beta(dtype):
    """x / 2, or little beside it, for large x too."""
    large = np.array([1e19, -1e19, 3e38, -3e38] if dtype == "float32" else [1e160, -1e160, 1e308, -1e308], dtype)
    for beta in (0.0, -0.0):
        np.testing.assert_array_equal(fr.swish(large, beta=beta), large / 2)
    x, beta = np.array([1e19, -1e19, 2e20, -2e20], dtype), float(np.dtype(dtype).type(1e-19))
    with mpmath.workdps(40):
        expected = [float(v / (1 + mpmath.exp(-beta * mpmath.mpf(float(v))))) for v in x]
    np.testing.assert_allclose(fr.swish(x, beta=beta), expected, rtol=np.finfo(dtype).eps)


@pytest.mark.parametrize("alpha", [1.0, 15.0, 20.0, 30.0, 37.0, 40.0, 50.0, 60.0, 70.0, 100.0])
def test_soft_clipping_of_any_alpha(alpha):
    """exp(-alpha) counts next to 1 as long as its product with exp(alpha / 2) does."""
    x = np.concatenate([np.linspace(-0.5, 1.5, 41), np.random.default_rng(0).uniform(0, 1, 20)])
    with mpmath.workdps(60):

        def clipped(v):
            return mpmath.log((1 + mpmath.exp(alpha * v)) / (1 + mpmath.exp(alpha * (v - 1)))) / alpha

        def slope(v):
            return 1 / (1 + mpmath.exp(-alpha * v)) - 1 / (1 + mpmath.exp(-alpha * (v - 1)))

        for function, truth in ((fr.soft_clipping, clipped), (fr.soft_clipping.derivative, slope)):
            for y, v in zip(function(x, alpha=alpha), x, strict=True):
                assert abs(mpmath.mpf(float(y)) - truth(mpmath.mpf(float(v)))) <= 2 * np.spacing(abs(y))


def test_hardtanh_of_bounds_in_the_wrong_order():
    x = np.array([-3.0, 0.0, 1.5, 3.0])
    np.testing.assert_array_equal(fr.hardtanh(x, 2.0, 1.0), np.clip(x, 2.0, 1.0))
    for each in x:
        assert fr.hardtanh.backward(1.0, each, 2.0, 1.0, wrt=("min_val", "max_val")) == (0, 1)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ["a", "b", "c", "d"])
def test_smht_at_the_largest_numbers(name, dtype):
    """x times exponentials of which one is 0: no product on the way may overflow."""
    m = mpmath
    formulas = {
        "a": lambda x: x * m.exp(x) / (m.exp(x) + m.exp(-x)),
        "b": lambda x: x * m.exp(-x) / (m.exp(x) + m.exp(-x)),
        "c": lambda x: -x * m.tanh(x) * m.exp(x) / (m.exp(x) + m.exp(-x)),
        "d": lambda x: x * m.tanh(x) * m.exp(-x) / (m.exp(x) + m.exp(-x)),
    }
    largest = float(np.finfo(dtype).max)
    for x in (-largest, -largest / 4, -1000.0, -3.0, 3.0, 1000.0, largest / 4, largest):
        x = np.dtype(dtype).type(x)
        with m.workprec(100):
            near = formulas[name](m.mpf(float(x))) if abs(x) < 2000 else None
        right = name in "ac"  # the exponential that grows to the right
        far = 0.0 if (x > 0) != right else {"a": x, "b": x, "c": -x, "d": -x}[name]
        expected = far if near is None else float(near)
        np.testing.assert_allclose(fr.smht.backward(np.ones_like(x), x, wrt=name), expected, rtol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_xielu_without_a_slope_on_the_left(dtype):
    """Where alpha_n is beta nothing but alpha_n exp(x) is left of the derivative."""
    x = np.array([-0.0, -1e-30, -0.1, -1, -40, -50, -80, -100, -np.inf], dtype)
    with np.errstate(under="ignore"):
        expected = (0.5 * np.exp(x.astype(np.float64))).astype(dtype)
    np.testing.assert_allclose(fr.xielu.derivative(x, alpha_n=0.5, beta=0.5), expected, rtol=4 * np.finfo(dtype).eps)
