"""The error function and its relatives: SciPy's in float64, and from tables by mpmath in long double."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import mpmath
import numpy as np
from scipy import special

from fastrelu.proof.precision import precision

PER_UNIT = 16  # expansions of the scaled tail, at the middles of intervals
TERMS = 14


@dataclass(frozen=True)
class Tails:
    """Functions of arrays; bell is exp(-x^2), half_bell exp(-x^2 / 2), ncdf the normal distribution."""

    bell: Callable[[Any], Any]
    half_bell: Callable[[Any], Any]
    erf: Callable[[Any], Any]
    erfc: Callable[[Any], Any]
    ncdf: Callable[[Any], Any]
    units: float  # of the last place that they may be off


@functools.cache
def double_tails() -> Tails:
    """In float64; the square of the argument is rounded, which counts for x^2 units."""
    return Tails(
        lambda x: np.exp(-np.square(np.clip(x, -40, 40))),
        lambda x: np.exp(-np.square(np.clip(x, -56, 56)) / 2),
        special.erf,
        special.erfc,
        special.ndtr,
        2048.0,
    )


@functools.cache
def long_tails() -> Tails:
    """In long double."""
    plain, halved = scaled_tail(1, 120), scaled_tail(2, 120)

    def bell(x: Any, half: bool = False) -> Any:
        x = np.clip(x, -120, 120)
        high = x.astype(np.float32).astype(np.longdouble)  # its square is exact
        low = (x - high) * (x + high)
        square = high * high
        return np.exp(-square / 2) * np.exp(-low / 2) if half else np.exp(-square) * np.exp(-low)

    def half_bell(x: Any) -> Any:
        return bell(x, True)

    def erfc(x: Any) -> Any:
        tail = bell(x) * plain(abs(x))
        return np.where(x < 0, 2 - tail, tail)

    def erf(x: Any) -> Any:
        return np.where(abs(x) < 1, erf_series(np.clip(x, -1, 1)), np.sign(x) * (1 - bell(x) * plain(abs(x))))

    def ncdf(x: Any) -> Any:
        tail = half_bell(x) * halved(abs(x)) / 2
        return np.where(x < 0, tail, 1 - tail)

    return Tails(bell, half_bell, erf, erfc, ncdf, 8)


def scaled_tail(divisor: int, end: int) -> Callable[[Any], Any]:
    """exp(z^2) erfc(z), z = x / sqrt(divisor) >= 0, by Taylor's series about the nearest middle; x is cut at the end."""
    table = np.empty((TERMS, end * PER_UNIT), np.longdouble)
    with precision(200):
        scale = 1 / mpmath.sqrt(divisor)
        for i in range(end * PER_UNIT):
            z = (mpmath.mpf(i) + 0.5) / PER_UNIT * scale
            first = mpmath.exp(z * z) * mpmath.erfc(z)
            terms = [first, 2 * z * first - 2 / mpmath.sqrt(mpmath.pi)]
            for n in range(1, TERMS - 1):
                terms.append((2 * z * terms[n] + 2 * terms[n - 1]) / (n + 1))
            table[:, i] = [long(term * scale**n) for n, term in enumerate(terms)]

    def function(x: Any) -> Any:
        x = np.minimum(x, np.longdouble(end) - np.longdouble(2) ** -40)
        place = (x * PER_UNIT).astype(np.intp)
        h = x - (place + np.longdouble(0.5)) / PER_UNIT
        result = table[-1][place]
        for row in table[-2::-1]:
            result = result * h + row[place]
        return result

    return function


@functools.cache
def erf_terms() -> list[Any]:
    """The coefficients of erf_series."""
    with precision(136):
        return [long((-1) ** n * 2 / mpmath.sqrt(mpmath.pi) / (mpmath.factorial(n) * (2 * n + 1))) for n in range(24)]


def erf_series(x: Any) -> Any:
    """2 / sqrt(pi) (x - x^3 / 3 + x^5 / (2! 5) - ...) for abs(x) <= 1."""
    square, result = x * x, np.zeros_like(x)
    for term in reversed(erf_terms()):
        result = result * square + term
    return result * x


def long(number: Any) -> Any:
    """An mpmath number in long double."""
    high = float(number)
    return np.longdouble(high) + np.longdouble(float(number - high))
