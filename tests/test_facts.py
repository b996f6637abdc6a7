"""What the records state of a function, and what follows from it, against its values at all exponents."""

import functools
import math

import numpy as np
import pytest
from grid import ACTIVATIONS, FOLDS, around, each

import fastrelu as fr
from fastrelu.facts import WEIGHT, Facts
from fastrelu.table import class_of

CLOSE = 1e-6  # between the stated bounds and the outermost values at the points: relative


@functools.cache
def samples(function):
    """Points, sorted, in all binades and dense in the middle; the values there, and the slopes."""
    spread = np.exp2(np.linspace(-1074, 1023.99, 5000))
    kinks = around(function.facts.kinks, np.float64)
    x = np.unique(np.concatenate([-spread, spread, np.linspace(-8, 8, 2**16 + 1), kinks, [0.0, -math.inf, math.inf]]))
    y, slope = evaluate(function, x), evaluate(function.derivative, x)
    inside = ~np.isnan(y)
    return x[inside], y[inside], slope[inside]


def evaluate(function, x):
    """With default parameters."""
    return function(x, *[WEIGHT] * (len(function.arrays) - 1))


def jumps(function):
    """The steps at the kinks, upwards or downwards."""
    kinks = np.array(function.facts.kinks)
    step = evaluate(function, np.nextafter(kinks, math.inf)) - evaluate(function, np.nextafter(kinks, -math.inf))
    return step[np.abs(step) > 1e-9]


def assert_bounds(values, low, high):
    """No value is outside, and the outermost reach the bounds."""
    for outermost, bound, side in ((values.min(), low, -1), (values.max(), high, 1)):
        if math.isinf(bound):
            assert side * outermost > 1e299
        else:
            assert side * (outermost - bound) <= 1e-14 * abs(bound)
            assert abs(outermost - bound) <= CLOSE * abs(bound) + 1e-10


@each(ACTIVATIONS)
def test_range(function):
    assert_bounds(samples(function)[1], *function.facts.range)


@each(ACTIVATIONS)
def test_slopes(function):
    low, high = (sign * math.inf if bound is None else bound for sign, bound in zip((-1, 1), function.slopes, strict=True))
    slopes = samples(function)[2]
    assert_bounds(np.concatenate([slopes[~np.isnan(slopes)], jumps(function) * math.inf]), low, high)
    assert function.facts.lipschitz == max(abs(low), abs(high))


@each(ACTIVATIONS)
def test_lipschitz(function):
    """Between neighbouring points, wherever f may jump."""
    x, y, _ = samples(function)
    finite = np.isfinite(x) & np.isfinite(y)
    x, y = x[finite], y[finite]
    rise, run, noise = np.abs(np.diff(y)), np.diff(x), 4 * np.spacing(np.maximum(np.abs(y[1:]), np.abs(y[:-1])))
    with np.errstate(over="ignore"):
        assert (rise <= function.facts.lipschitz * run * (1 + 1e-12) + noise).all()


@each(ACTIVATIONS)
def test_monotone(function):
    y = samples(function)[1]
    y = y[np.isfinite(y)]
    rise, noise = np.diff(y), 4 * np.spacing(np.maximum(np.abs(y[1:]), np.abs(y[:-1])))
    ways = {(True, False): "increasing", (False, True): "decreasing", (True, True): "no"}
    assert function.facts.monotone == ways[bool((rise > noise).any()), bool((rise < -noise).any())]


@each(ACTIVATIONS)
def test_saturating(function):
    def saturates(side):
        x = side * np.array([2.0**900, 2.0**1000])
        near, far = evaluate(function, x)
        return np.isfinite(far) and abs(far - near) < 1e-9 and np.abs(evaluate(function.derivative, x)).max() < 1e-9

    found = {(True, True): "both", (True, False): "left", (False, True): "right", (False, False): "no"}
    assert function.facts.saturating == found[bool(saturates(-1)), bool(saturates(1))]


@each(ACTIVATIONS)
def test_zero(function):
    y = samples(function)[1]
    assert function.facts.zero_at_zero == (evaluate(function, 0.0) == 0)
    least, most = y.min(), y.max()
    assert function.facts.zero_centred == (-least == most or abs(least + most) < CLOSE * most)


@each(ACTIVATIONS)
def test_kinks_are_where_the_slope_or_the_value_jumps(function):
    x, y, slope = samples(function)
    middle = (np.abs(x) < 7.9) & (np.abs(slope) < 100)
    x, y, slope = x[middle], y[middle], slope[middle]
    found = (np.abs(np.diff(slope)) > 0.05 * (1 + np.abs(slope[1:]))) | (np.abs(np.diff(y)) > 0.3)
    close = [np.abs(x[:-1] - kink) < 1e-3 for kink in function.facts.kinks]
    assert all((found & near).any() for near in close)
    assert not (found & ~np.any([np.zeros(len(found), bool), *close], axis=0)).any()


@each(ACTIVATIONS)
def test_from_output(function):
    stated = function.facts.from_output
    x, y, slope = samples(function)
    if stated == "no":
        with pytest.raises((TypeError, ValueError), match="from_output"):
            function.backward(*[x] * (len(function.arrays) + 1), from_output=True)
        return
    found = function.backward(np.ones_like(y), y, from_output=True)
    regular = (slope != 0) & np.isfinite(slope)
    error = np.max(np.abs(found[regular] / slope[regular] - 1))
    assert error <= 1e-15 if stated == "exact" else error > 0.5


@each({name: function for name, function in ACTIVATIONS.items() if class_of(function) == "radial"})
def test_radial_is_a_function_of_the_distance(function):
    r = np.arange(1000) / 64  # 3 + r and 3 - r are exact
    np.testing.assert_array_equal(function(3 + r, center=3.0), function(3 - r, center=3.0))


@each(FOLDS)
def test_range_of_a_fold(function):
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(size=(50, 8)) * 10.0**power for power in (-3, 0, 2, 300)])
    y = function(x, *[4] * function.pooled)
    assert_bounds(y, *function.facts.range)
    assert function.facts.from_output == ("no" if function.pooled else "exact")
    assert class_of(function) == "fold"


def test_unstated_facts_are_unknown(own_registry):
    @fr.activation(derivative=lambda x: x, reference=None, numpy=None, max_ulp=2)
    def half_square(x):
        """x^2 / 2."""
        return x * x / 2

    assert half_square.facts == Facts(saturating="no", zero_at_zero=True, kinks=())
