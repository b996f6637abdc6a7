"""The derivatives of the self-gated units near their roots, where their terms cancel: polynomials in the distance from it."""

from __future__ import annotations

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
    return fma(d, factor, fma(d, fma(rest, d, first[0] - factor) + first[1], times(low, first[0])))


@jitable
def _sextic(p: Scalar, d: Scalar) -> Scalar:
    return fma(fma(fma(fma(fma(fma(p[6], d, p[5]), d, p[4]), d, p[3]), d, p[2]), d, p[1]), d, p[0])


@jitable
def _polynomial(p: Scalar, d: Scalar) -> Scalar:
    top = fma(fma(fma(fma(fma(fma(p[12], d, p[11]), d, p[10]), d, p[9]), d, p[8]), d, p[7]), d, p[6])
    return fma(fma(fma(fma(fma(fma(top, d, p[5]), d, p[4]), d, p[3]), d, p[2]), d, p[1]), d, p[0])


@jitable
def _tanhexp_near_32(x: Scalar) -> Scalar:
    d, low = distance_to(-TANHEXP_ZERO_32[0], -TANHEXP_ZERO_32[1], -x)
    return d, near_root(TANHEXP_FIRST_32, _sextic(TANHEXP_32, d), d, low)


@by_precision(_tanhexp_near_32)
@jitable
def tanhexp_near(x: Scalar) -> Scalar:
    """The distance of x from the root of tanhexp's derivative, and the derivative, for a distance up to 3/16."""
    d, low = distance_to(-TANHEXP_ZERO_64[0], -TANHEXP_ZERO_64[1], -x)
    return d, near_root(TANHEXP_FIRST_64, _polynomial(TANHEXP_64, d), d, low)


@jitable
def _serf_near_32(x: Scalar) -> Scalar:
    d, low = distance_to(-SERF_ZERO_32[0], -SERF_ZERO_32[1], -x)
    return d, near_root(SERF_FIRST_32, _sextic(SERF_32, d), d, low)


@by_precision(_serf_near_32)
@jitable
def serf_near(x: Scalar) -> Scalar:
    """The distance of x from the root of serf's derivative, and the derivative, for a distance up to 3/16."""
    d, low = distance_to(-SERF_ZERO_64[0], -SERF_ZERO_64[1], -x)
    return d, near_root(SERF_FIRST_64, _polynomial(SERF_64, d), d, low)


@jitable
def _smish_near_32(x: Scalar) -> Scalar:
    d, low = distance_to(-SMISH_ZERO_32[0], -SMISH_ZERO_32[1], -x)
    return d, near_root(SMISH_FIRST_32, _sextic(SMISH_32, d), d, low)


@by_precision(_smish_near_32)
@jitable
def smish_near(x: Scalar) -> Scalar:
    """The distance of x from the root of smish's derivative, and the derivative, for a distance up to 3/16."""
    d, low = distance_to(-SMISH_ZERO_64[0], -SMISH_ZERO_64[1], -x)
    return d, near_root(SMISH_FIRST_64, _polynomial(SMISH_64, d), d, low)


@jitable
def _logish_near_32(x: Scalar) -> Scalar:
    d, low = distance_to(-LOGISH_ZERO_32[0], -LOGISH_ZERO_32[1], -x)
    return d, near_root(LOGISH_FIRST_32, _sextic(LOGISH_32, d), d, low)


@by_precision(_logish_near_32)
@jitable
def logish_near(x: Scalar) -> Scalar:
    """The distance of x from the root of logish's derivative, and the derivative, for a distance up to 3/16."""
    d, low = distance_to(-LOGISH_ZERO_64[0], -LOGISH_ZERO_64[1], -x)
    return d, near_root(LOGISH_FIRST_64, _polynomial(LOGISH_64, d), d, low)


@jitable
def _phish_near_32(x: Scalar) -> Scalar:
    d, low = distance_to(-PHISH_ZERO_32[0], -PHISH_ZERO_32[1], -x)
    return d, near_root(PHISH_FIRST_32, _sextic(PHISH_32, d), d, low)


@by_precision(_phish_near_32)
@jitable
def phish_near(x: Scalar) -> Scalar:
    """The distance of x from the root of phish's derivative, and the derivative, for a distance up to 3/16."""
    d, low = distance_to(-PHISH_ZERO_64[0], -PHISH_ZERO_64[1], -x)
    return d, near_root(PHISH_FIRST_64, _polynomial(PHISH_64, d), d, low)
