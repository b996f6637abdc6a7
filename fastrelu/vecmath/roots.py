"""The derivatives of the self-gated units near their roots, where their terms cancel: polynomials in the distance from it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastrelu.vecmath.coefficients import (
    LOGISH_32,
    LOGISH_64,
    LOGISH_FIRST_32,
    LOGISH_FIRST_64,
    LOGISH_ZERO_32,
    LOGISH_ZERO_64,
    PHISH_32,
    PHISH_64,
    PHISH_FIRST_32,
    PHISH_FIRST_64,
    PHISH_ZERO_32,
    PHISH_ZERO_64,
    SERF_32,
    SERF_64,
    SERF_FIRST_32,
    SERF_FIRST_64,
    SERF_ZERO_32,
    SERF_ZERO_64,
    SMISH_32,
    SMISH_64,
    SMISH_FIRST_32,
    SMISH_FIRST_64,
    SMISH_ZERO_32,
    SMISH_ZERO_64,
    TANHEXP_32,
    TANHEXP_64,
    TANHEXP_FIRST_32,
    TANHEXP_FIRST_64,
    TANHEXP_ZERO_32,
    TANHEXP_ZERO_64,
)
from fastrelu.vecmath.normal import distance_to
from fastrelu.vecmath.primitives import Scalar, by_precision, fma, jitable, times


@jitable
def near_root(first: Scalar, rest: Scalar, d: Scalar, low: Scalar) -> Scalar:
    """(d + low) (first + rest d) with one rounding, but for those of rest and its product."""
    factor = fma(rest, d, first[0])
    # low counts by the slope of the product, first + 2 rest d: by first alone, tanhexp's derivative was 2.2 ULP off
    slope = factor + (factor - first[0])
    return fma(d, factor, fma(d, fma(rest, d, first[0] - factor) + first[1], times(low, slope)))


@jitable
def _sextic(p: Scalar, d: Scalar) -> Scalar:
    return fma(fma(fma(fma(fma(fma(p[6], d, p[5]), d, p[4]), d, p[3]), d, p[2]), d, p[1]), d, p[0])


@jitable
def _polynomial(p: Scalar, d: Scalar) -> Scalar:
    top = fma(fma(fma(fma(fma(fma(p[12], d, p[11]), d, p[10]), d, p[9]), d, p[8]), d, p[7]), d, p[6])
    return fma(fma(fma(fma(fma(fma(top, d, p[5]), d, p[4]), d, p[3]), d, p[2]), d, p[1]), d, p[0])


def _near(float32: tuple[Any, ...], float64: tuple[Any, ...]) -> Callable[..., Any]:
    """The distance of x from a derivative's root, and the derivative, for a distance up to 3/16.

    Given are, for each precision, the root and the slope there, each as a sum of two numbers, and the coefficients of
    higher order.
    """

    def in_one(polynomial: Callable[..., Any], zero: Scalar, first: Scalar, rest: Scalar) -> Callable[..., Any]:
        root, root_low = -zero[0], -zero[1]

        @jitable
        def near(x: Scalar) -> Scalar:
            d, low = distance_to(root, root_low, -x)
            return d, near_root(first, polynomial(rest, d), d, low)

        return near

    return by_precision(in_one(_sextic, *float32))(in_one(_polynomial, *float64))


tanhexp_near = _near((TANHEXP_ZERO_32, TANHEXP_FIRST_32, TANHEXP_32), (TANHEXP_ZERO_64, TANHEXP_FIRST_64, TANHEXP_64))
serf_near = _near((SERF_ZERO_32, SERF_FIRST_32, SERF_32), (SERF_ZERO_64, SERF_FIRST_64, SERF_64))
smish_near = _near((SMISH_ZERO_32, SMISH_FIRST_32, SMISH_32), (SMISH_ZERO_64, SMISH_FIRST_64, SMISH_64))
logish_near = _near((LOGISH_ZERO_32, LOGISH_FIRST_32, LOGISH_32), (LOGISH_ZERO_64, LOGISH_FIRST_64, LOGISH_64))
phish_near = _near((PHISH_ZERO_32, PHISH_FIRST_32, PHISH_32), (PHISH_ZERO_64, PHISH_FIRST_64, PHISH_64))
