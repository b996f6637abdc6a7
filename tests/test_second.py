"""Second derivatives: values against mpmath, limits, NaN, jumps, and what is asked of a function that has none."""

import math

import mpmath
import numpy as np
import pytest
from grid import ACTIVATIONS, CASES, around, each, each_float, points, same_bits, specials
from naive import second, ulps
from numba import njit

import fastrelu as fr

BITS = {"float32": 700, "float64": 1700}  # two steps of 2**-150, and the least number
WHOLE = range(-6, 7)  # where pieces meet
HAVE = [case for case in CASES if hasattr(case.function.derivative, "derivative")]
each_second = pytest.mark.parametrize("case", HAVE, ids=str)
half_of_them = pytest.mark.parametrize(
    "case", [pytest.param(case, id=str(case), marks=pytest.mark.slow if place % 2 else ()) for place, case in enumerate(HAVE)]
)


def distance(got, truth, size):
    """In units in the last place of the largest value nearby: near a root a second derivative is a difference of larger ones."""
    if mpmath.isnan(truth) or mpmath.isinf(truth) or np.isnan(got) or np.isinf(got):
        return ulps(got, truth)
    info = np.finfo(type(got))
    top = mpmath.ldexp(1, int(info.maxexp))
    if abs(truth) >= top:
        return ulps(got, truth)
    exponent = max(int(mpmath.frexp(min(size, top / 2))[1]) - 1, int(info.minexp)) if size else int(info.minexp)
    return float(abs(mpmath.mpf(float(got)) - truth) / mpmath.ldexp(1, exponent - int(info.nmant)))


def errors(case, dtype, count):
    """(the error, the place, what came, the truth), the worst first."""
    kinks = case.kinks(dtype)
    x = np.concatenate([points(dtype, count, 5), around([*WHOLE, *kinks, 0.5, -0.5], dtype), specials(dtype)])
    weights = case.weights(x.size, dtype)
    got = case.function.derivative.derivative(x, *weights, **case.named)
    assert got.dtype == dtype
    with mpmath.workprec(BITS[dtype]):
        for a, y, *rest in zip(x, got, *weights, strict=True):
            if abs(a) > 1e19 and np.isfinite(a):
                continue  # mpmath takes 40 ms for exp(1e300)
            exact, size = second(case.chosen.reference, float(a), kinks, *map(float, rest), *case.values(dtype))
            yield distance(y, exact, size), a, y, mpmath.nstr(exact, 20)


def chosen_cases():
    """float32 for every second case, float64, where mpmath needs more digits, for every sixth; all of them in a slow run."""
    for place, case in enumerate(HAVE):
        yield pytest.param(case, "float32", id=f"{case}-float32", marks=pytest.mark.slow if place % 2 else ())
        yield pytest.param(case, "float64", id=f"{case}-float64", marks=pytest.mark.slow if place % 6 else ())


@pytest.mark.parametrize(("case", "dtype"), list(chosen_cases()))
def test_values(case, dtype):
    """At most 4 units in the last place of what is nearby, for every record; limits at infinities, NaN at NaN."""
    found = max(errors(case, dtype, 16), key=lambda row: row[0])
    assert found[0] <= 4, found


@pytest.mark.slow
@each_float
@each_second
def test_many_values(case, dtype):
    found = max(errors(case, dtype, 1000), key=lambda row: row[0])
    assert found[0] <= 4, found


@half_of_them
def test_far_out(case):
    """Where mpmath would take too long: nearer and nearer to the limit, and no NaN but outside of the domain."""
    x = np.array([1e15, 1e25, 3e38, math.inf], np.float32)
    weights = [np.full(4, 0.5, np.float32) for _ in case.function.arrays[1:]]
    for sign in (1, -1):
        got = case.function.derivative.derivative(sign * x, *weights, **case.named).astype(float)
        assert (np.isnan(got[:3]) == np.isnan(case.function(sign * x, *weights, **case.named)[:3])).all()
        if math.isinf(got[3]):
            assert (got[1:] >= got[:-1]).all() if got[3] > 0 else (got[1:] <= got[:-1]).all()
        elif got[3] == got[3]:  # a sine has no limit
            distances = abs(got - got[3])
            assert (distances[1:] <= distances[:-1]).all()


@each(ACTIVATIONS)
def test_is_like_the_derivative(function):
    first, second = function.derivative, function.derivative.derivative
    assert isinstance(second, fr.Elementwise)
    assert second is first.derivative
    assert second.dotted_name == f"{function.dotted_name}.derivative.derivative"
    assert (second.arrays, second.params, second.supported) == (first.arrays, first.params, first.supported)
    assert second.options.keys() == first.options.keys()
    kinks = function.kinks(*function.params.values()) if function.params else function.kinks()
    for point in kinks:
        assert f"x = {point:g}" in second.__doc__


def test_half():
    x, second = points("float16", 50), fr.tanh.derivative.derivative
    same_bits(second(x), second(x.astype(np.float32)).astype(np.float16))


def test_sides():
    """Where f' has a kink the side of f' counts, where f'' jumps the left one; lines have 0."""
    assert fr.relu.derivative.derivative([-1.0, 0.0, 1.0]).tolist() == [0, 0, 0]
    assert fr.relu.derivative.derivative(np.arange(3)).dtype.kind == "i"
    assert np.isnan(fr.relu.derivative.derivative(np.nan))
    assert fr.relu_squared.derivative.derivative([-1.0, 0.0, 1.0]).tolist() == [0, 0, 2]
    assert fr.hardswish.derivative.derivative([-3.0, 0.0, 3.0]).tolist() == [0, 1 / 3, 0]
    assert fr.elu.derivative.derivative([0.0, 1e-300], alpha=3.0).tolist() == [3, 0]
    assert fr.polyharmonic.derivative.derivative(0.0, k=1.0) == 0
    assert fr.thin_plate_spline.derivative.derivative(0.0) == -math.inf
    assert fr.gelu.derivative.derivative(0.0, approximate="tanh") == fr.gelu.derivative.derivative(0.0)


def test_in_compiled_code():
    """A bound one, on scalars, on arrays, with a parameter and with an option."""
    d2, swish2, gelu2 = (f.derivative.derivative for f in (fr.tanh, fr.swish, fr.gelu))

    @njit
    def use(v):
        return d2(v), swish2(v[3], beta=2.0), gelu2(v[3], approximate="tanh")

    x = points("float32", 100)
    array, *scalars = use(x)
    same_bits(array, d2(x))
    assert scalars == [swish2(x[3], beta=2.0), gelu2(x[3], approximate="tanh")]


def test_is_made_when_asked_for(own_registry):
    def slope(x):
        return x + x

    settings = {"derivative": slope, "reference": None, "numpy": None, "max_ulp": 0.5}

    @fr.activation(second=lambda x: type(x)(2) if x == x else x, **settings)
    def squared(x):
        """x^2."""
        return x * x

    assert "derivative" not in vars(squared.derivative)
    assert squared.derivative.derivative([1.0, np.nan]).tolist()[0] == 2
    assert vars(squared.derivative)["derivative"] is squared.derivative.derivative
    with pytest.raises(AttributeError, match=r"^squared.derivative.derivative has no derivative: [^.]*$"):
        squared.derivative.derivative.derivative  # noqa: B018

    @fr.activation(**settings)
    def bare(x):
        """x^2 again."""
        return x * x

    assert not hasattr(bare.derivative, "derivative")
    with pytest.raises(AttributeError, match=r"^bare.derivative has no derivative: [^.]*$"):
        bare.derivative.derivative  # noqa: B018
    with pytest.raises(AttributeError, match=r"^bare.derivative has no attribute 'other'$"):
        bare.derivative.other  # noqa: B018
