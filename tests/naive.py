"""Slow, obvious truth in the arithmetic of mpmath, and the distance of a result to it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np

# The slope is a difference at 2**-150 of x: its own bits, those between 1 and the square of the least x, and a margin. At 0 the
# step leaves 100 bits: small enough that the slope of a logarithm overflows.
PRECISION = {"float16": 500, "float32": 800, "float64": 2600}


def value(function: Callable[..., Any], x: float, *params: float) -> Any:
    """f(x) as an mpmath number, in the precision in force; limits at infinities and NaN at NaN."""
    if math.isnan(x):
        return mpmath.nan
    if math.isinf(x):
        return limit(lambda far: function(mpmath, far, *map(mpmath.mpf, params)), math.copysign(1, x))
    return function(mpmath, mpmath.mpf(x), *map(mpmath.mpf, params))


def slope(function: Callable[..., Any], x: float, kinks: dict[float, str], *params: float) -> Any:
    """f'(x), away from the nearest kink; at a kink, from the side that the record states."""
    if math.isnan(x):
        return mpmath.nan
    if math.isinf(x):
        return limit(lambda far: slope(function, far, kinks, *params), math.copysign(1, x))
    x = mpmath.mpf(x)
    if kinks.get(float(x)) == "middle":
        return (slope(function, x, {x: "left"}, *params) + slope(function, x, {x: "right"}, *params)) / 2
    nearest = min(kinks, key=lambda kink: abs(x - kink), default=mpmath.ninf)
    direction = (-1 if kinks[nearest] == "left" else 1) if x == nearest else 1 if x > nearest else -1
    step = direction * (mpmath.ldexp(min(abs(x), 1), -150) or mpmath.ldexp(1, 100 - mpmath.mp.prec))
    numbers = [mpmath.mpf(parameter) for parameter in params]
    near, far = function(mpmath, x + step, *numbers), function(mpmath, x + 2 * step, *numbers)
    return (far - near) / step


def second(function: Callable[..., Any], x: float, kinks: dict[float, str], *params: float) -> tuple[Any, Any]:
    """f''(x), and how large it is nearby; from the left, or at a kink of f' from the side that the record states.

    Nearby is within half of abs(x), and within 1/2. At the end of the domain it is the value from inside.
    """
    if math.isnan(x):
        return mpmath.nan, mpmath.nan
    side = kinks.get(float(x), "left")
    if side == "middle":
        left, right = (second(function, x, {x: each}, *params) for each in ("left", "right"))
        return (left[0] + right[0]) / 2, max(left[1], right[1])
    sign = -1 if side == "left" else 1
    if math.isinf(x):
        y = limit(lambda far: second(function, far, {}, *params)[0], math.copysign(1, x))
        return y, abs(y)
    if x == 0:
        y = limit(lambda far: _bend(function, sign / far**4, sign, *params)[0], 1)  # a logarithm's has to be far enough out
        y = limit(lambda far: _bend(function, -sign / far**4, -sign, *params)[0], 1) if mpmath.isnan(y) else y
        return y, abs(y)
    y, size = _bend(function, x, sign, *params)
    return _bend(function, x, -sign, *params) if mpmath.isnan(y) else (y, size)


def _bend(function: Callable[..., Any], x: Any, sign: int, *params: float) -> tuple[Any, Any]:
    x = mpmath.mpf(x)
    size = min(abs(x), 1)
    step = sign * mpmath.ldexp(size, -150)
    # the difference of second order has lost two steps and the size of f'' next to 0, or far out
    lost = 2 * abs(int(mpmath.frexp(size)[1]))
    with mpmath.workprec(mpmath.mp.prec + lost):
        a, b, c, d = (function(mpmath, x + k * step, *map(mpmath.mpf, params)) for k in range(1, 5))
        noise = mpmath.ldexp(abs(a) + abs(d), 12 - mpmath.mp.prec)
        y, further = (0 if abs(bend) <= noise else bend / step**2 for bend in (a - 2 * b + c, b - 2 * c + d))
        if abs(y) > 2**100 and abs(y - further) > abs(y) / 8:
            return mpmath.inf * mpmath.sign(y), mpmath.inf  # a pole at x, where there is one step from it to the next
        return y, max(abs(y), abs((further - y) / step) * size / 2)


def gradient(function: Callable[..., Any], x: float, index: int, kinks: dict[float, str], *params: float) -> Any:
    """df/dparams[index]; where f' has a kink, the limit from the side that the record states; NaN where it swings at infinity."""
    if math.isnan(x):
        return mpmath.nan
    if math.isinf(x):
        far = [gradient(function, math.copysign(1e8 + k, x), index, {}, *params) for k in range(4)]
        swings = len({mpmath.sign(item) for item in far}) > 1
        return mpmath.nan if swings else limit(lambda far: gradient(function, far, index, kinks, *params), math.copysign(1, x))
    side = kinks.get(float(x))
    if side == "middle":
        return sum(gradient(function, x, index, {float(x): side}, *params) for side in ("left", "right")) / 2
    x = mpmath.mpf(x)
    if side:
        beside = mpmath.ldexp(1, -7 * mpmath.mp.prec // 8)  # less than every number of the type, more than the step of diff
        x += -beside if side == "left" else beside
    numbers = [mpmath.mpf(parameter) for parameter in params]
    return mpmath.diff(lambda p: function(mpmath, x, *numbers[:index], p, *numbers[index + 1 :]), numbers[index])


def limit(function: Callable[[Any], Any], sign: float) -> Any:
    """The limit at an infinity of a function that settles, decays or grows, if only as a logarithm does; else NaN."""
    near, far, farthest = (function(sign * mpmath.mpf(10) ** power) for power in (1, 8, 20))
    if abs(farthest) > 10 * abs(near) and abs(farthest) > 40:
        return mpmath.inf * mpmath.sign(farthest)
    if abs(farthest) <= abs(far) / 10 <= abs(near) / 100:
        return mpmath.mpf(0)
    return farthest if abs(farthest - far) <= abs(farthest) / 1000 else mpmath.nan


def ulps(got: Any, truth: Any) -> float:
    """The distance in units of the truth's last place in the type of `got`; an overflow counts as the next power of two."""
    info = np.finfo(type(got))
    if mpmath.isnan(truth) or np.isnan(got):
        return 0.0 if mpmath.isnan(truth) and np.isnan(got) else math.inf
    top = mpmath.ldexp(1, int(info.maxexp))
    truth = min(max(truth, -top), top)
    exact = mpmath.mpf(float(got)) if np.isfinite(got) else math.copysign(1, got) * top
    exponent = max(int(mpmath.frexp(truth)[1]) - 1, int(info.minexp)) if truth else int(info.minexp)
    return float(abs(exact - truth) / mpmath.ldexp(1, min(exponent, int(info.maxexp) - 1) - int(info.nmant)))


def worst(got: Any, truths: list[Any], inputs: Any) -> tuple[float, str]:
    """The greatest distance of an array to its truths, and where it is."""
    distances = [ulps(item, truth) for item, truth in zip(got, truths, strict=True)]
    place = int(np.argmax(distances))
    return distances[
        place
    ], f"{distances[place]:.3f} ULP at {inputs[place]!r}: {got[place]!r}, not {mpmath.nstr(truths[place], 20)}"
