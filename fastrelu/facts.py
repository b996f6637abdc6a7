"""What is known of a function: stated in its record where it must be, derived from the record where it can be."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np

WEIGHT = 0.25  # of operands without a default, such as prelu's weight: the value that torch starts learning from
PROBES = (-64.0, -16.0, -4.0, -1.0, -0.25, 0.25, 1.0, 4.0, 16.0, 64.0)


@dataclasses.dataclass(frozen=True)
class Facts:
    """What is known of a function with default parameters; None where it is unknown, or makes no sense.

    Attributes
    ----------
    range : tuple of float
        The infimum and the supremum of its values, attained or not.
    monotone : str
        "increasing" or "decreasing", each not strictly, or "no".
    lipschitz : float
        The least L with ``abs(f(x) - f(y)) <= L * abs(x - y)``; infinite where f jumps or its slope grows without end.
    saturating : str
        On which side of 0 it tends to a finite limit: "left", "right", "both" or "no".
    zero_at_zero : bool
        Whether f(0) is 0.
    zero_centred : bool
        Whether the range lies symmetrically around 0.
    kinks : tuple of float
        Where the derivative jumps.
    from_output : str
        Whether the backward pass can start from the output: "exact"; "rounded" where that loses relative accuracy when the
        output is rounded, as for a sigmoid near 1; or "no".
    """

    range: tuple[float, float] | None = None
    monotone: str | None = None
    lipschitz: float | None = None
    saturating: str | None = None
    zero_at_zero: bool | None = None
    zero_centred: bool | None = None
    kinks: tuple[float, ...] | None = None
    from_output: str = "no"


def facts_of(function: Any) -> Facts:
    """The facts of an activation, or of a function along an axis."""
    values = _bounds(function.values)
    centred = None if values is None else -values[0] == values[1]
    if not hasattr(function, "derivative"):
        return Facts(range=values, zero_centred=centred, from_output="no" if function.pooled else "exact")
    slopes = _bounds(function.slopes)
    left, zero, right = (scalar(function, function.formula, x) for x in (-math.inf, 0.0, math.inf))
    sides = [side for side, limit in (("left", left), ("right", right)) if math.isfinite(limit)]
    return Facts(
        range=values,
        monotone=None if slopes is None else "increasing" if slopes[0] >= 0 else "decreasing" if slopes[1] <= 0 else "no",
        lipschitz=None if slopes is None else max(map(abs, slopes)),
        saturating="both" if len(sides) == 2 else sides[0] if sides else "no",
        zero_at_zero=zero == 0,
        zero_centred=centred,
        kinks=tuple(map(float, function.kinks(*function.params.values()))),
        from_output=_from_output(function),
    )


def scalar(function: Any, formula: Callable[..., Any], x: Any) -> float:
    """A scalar formula of a function's record at a point, with default parameters, by Python alone."""
    weights = [WEIGHT] * (len(function.arrays) - 1)
    with np.errstate(all="ignore"):
        return float(formula(*map(np.float64, (x, *weights, *function.params.values()))))


def _bounds(stated: tuple[float | None, float | None] | None) -> tuple[float, float] | None:
    if stated is None:
        return None
    low, high = stated
    return (-math.inf if low is None else float(low), math.inf if high is None else float(high))


def _from_output(function: Any) -> str:
    if function.from_output is None:
        return "no"
    for x in PROBES:  # where it saturates at all, it does so at the outer ones
        slope = scalar(function, function.derivative.formula, x)
        if abs(scalar(function, function.from_output, scalar(function, function.formula, x)) - slope) > 1e-12 * abs(slope):
            return "rounded"
    return "exact"
