"""Values, slopes and limits of a record's expression by mpmath: slow and plain."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import mpmath

from fastrelu.proof.formats import Format

# The slope is a difference at a step of a third of the bits: below the least number, even where the slope is 0 and the curvature
# is not. The rest are those between 1 and the square of the least x, and a margin.
PRECISION = {"float16": 500, "bfloat16": 800, "float32": 800, "float64": 3400}


class _Guarded:
    """mpmath, but for the tail of erfc where it is below all numbers: mpmath raises an OverflowError there."""

    def __getattr__(self, name: str) -> Any:
        return getattr(mpmath, name)

    @staticmethod
    def erfc(x: Any) -> Any:
        return mpmath.erfc(x) if abs(x) < 1e6 else mpmath.mpf(0 if x > 0 else 2)


GUARDED = _Guarded()


def value(function: Callable[..., Any], x: float, *params: float) -> Any:
    """f(x) as an mpmath number, in the precision in force; limits at infinities."""
    if math.isinf(x):
        return limit(lambda far: function(GUARDED, far, *map(mpmath.mpf, params)), math.copysign(1, x))
    return function(GUARDED, mpmath.mpf(x), *map(mpmath.mpf, params))


def slope(function: Callable[..., Any], x: float, kinks: Mapping[float, str], *params: float) -> Any:
    """f'(x), away from the nearest kink; at a kink, from the side that the record states."""
    if math.isinf(x):
        return limit(lambda far: slope(function, far, kinks, *params), math.copysign(1, x))
    x = mpmath.mpf(x)
    if kinks.get(float(x)) == "middle":
        return (slope(function, x, {x: "left"}, *params) + slope(function, x, {x: "right"}, *params)) / 2
    nearest = min(kinks, key=lambda kink: abs(x - kink), default=mpmath.ninf)
    direction = (-1 if kinks[nearest] == "left" else 1) if x == nearest else 1 if x > nearest else -1
    step = direction * (mpmath.ldexp(min(abs(x), 1), -(mpmath.mp.prec // 3)) or mpmath.ldexp(1, 100 - mpmath.mp.prec))
    numbers = [mpmath.mpf(parameter) for parameter in params]

    def difference(h: Any) -> Any:
        return (function(GUARDED, x + 2 * h, *numbers) - function(GUARDED, x + h, *numbers)) / h

    found = difference(step)
    return difference(-step) if mpmath.isnan(found) else found  # at the end of the domain


def limit(function: Callable[[Any], Any], sign: float) -> Any:
    """The limit at an infinity of a function that settles, decays or grows, if only as a logarithm does; else NaN."""
    near, far, farthest = (function(sign * mpmath.mpf(10) ** power) for power in (1, 8, 20))
    if abs(farthest) > 10 * abs(near) and abs(farthest) > 40:
        return mpmath.inf * mpmath.sign(farthest)
    if abs(farthest) <= abs(far) / 10 <= abs(near) / 100:
        return mpmath.mpf(0)
    return farthest if abs(farthest - far) <= abs(farthest) / 1000 else mpmath.nan


def distance(got: Any, truth: Any, form: Format) -> float:
    """In units of the truth's last place; an overflow counts as the next power of two."""
    if mpmath.isnan(truth) or math.isnan(got):
        return 0.0 if mpmath.isnan(truth) and math.isnan(got) else math.inf
    top = mpmath.ldexp(1, form.top)
    truth = min(max(truth, -top), top)
    exact = min(max(mpmath.mpf(got), -top), top)
    return float(abs(exact - truth) / last_place(truth, form))


def last_place(truth: Any, form: Format) -> Any:
    """The unit in the last place of an mpmath number."""
    exponent = max(int(mpmath.frexp(truth)[1]) - 1, form.bottom) if truth else form.bottom
    return mpmath.ldexp(1, min(exponent, form.top - 1) - form.digits)
