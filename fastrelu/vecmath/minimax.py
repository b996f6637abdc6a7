"""Best polynomial and rational approximations with coefficients of a given precision (needs mpmath).

Remez' exchange on a fixed, dense Chebyshev grid: with 40 points between neighbouring extrema the error found is within a
thousandth of the true one. Coefficients are rounded one after the other, and the others are refitted each time, so that
a later one makes up for the rounding of an earlier one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from mpmath import mp

Real = Any  # mpmath.mpf
Term = tuple[int, int]  # (0, k): x**k in the numerator; (1, k): x**k in the denominator

DIGITS = 60
POINTS_PER_TERM = 40


@dataclass(frozen=True)
class Target:
    """What to approximate: function(x) on interval, by sum(a_k x**k) / (1 + sum(b_k x**k)).

    The error minimised is weight(x) * (approximation - function). `numerator` and `denominator` list the free powers;
    `pinned` holds powers of the numerator with known coefficients. `precision` is the type of the free ones.
    With `least_squares` the denominator is that of a least-squares fit, which is found for any number of terms and costs
    half a bit; the numerator is then the best one for it. For x >= 0 only.
    """

    name: str
    function: Callable[[Real], Real]
    interval: tuple[Any, Any]
    numerator: Sequence[int]
    precision: type[np.floating[Any]]
    weight: Callable[[Real], Real] = lambda x: mp.mpf(1)
    denominator: Sequence[int] = ()
    pinned: Mapping[int, Any] = field(default_factory=dict)
    least_squares: bool = False


@dataclass(frozen=True)
class Fit:
    """Coefficients in the order of the target's numerator and denominator, and the greatest weighted error."""

    numerator: tuple[float, ...]
    denominator: tuple[float, ...]
    error: float


def rounded(value: Real, precision: type[np.floating[Any]]) -> Real:
    """The number of that precision next to value; mpmath rounds correctly at any number of bits."""
    with mp.workprec(np.finfo(precision).nmant + 1):
        return +mp.mpf(value)


def fit(target: Target) -> Fit:
    """The minimax approximation of target with rounded coefficients."""
    with mp.workdps(DIGITS):
        terms: list[Term] = [(1, k) for k in target.denominator] + [(0, k) for k in target.numerator]
        grid = _Grid(target, POINTS_PER_TERM * (len(terms) + 1))
        known: dict[Term, Real] = {(0, k): mp.mpf(c) for k, c in target.pinned.items()} | {(1, 0): mp.mpf(1)}
        free = list(terms)
        if target.least_squares:
            known |= {term: rounded(value, target.precision) for term, value in grid.loeb(known, free).items() if term[0]}
            free = [term for term in terms if not term[0]]
        reference = None
        while free:
            values, reference = grid.minimax(known, free, reference)
            first = free.pop(0)
            known[first] = rounded(values[0], target.precision)
            if reference is not None:
                reference = reference[:-1]
        error = max(abs(e) for e in grid.errors(known))
        pick = [[float(known[part, k]) for k in powers] for part, powers in ((0, target.numerator), (1, target.denominator))]
        return Fit(tuple(pick[0]), tuple(pick[1]), float(error))


class _Grid:
    """The function, its weight and the powers on Chebyshev points, and the exchange on them."""

    def __init__(self, target: Target, count: int) -> None:
        low, high = (mp.mpf(end) for end in target.interval)
        cosines = [mp.cos(mp.pi * (2 * i + 1) / (2 * count)) for i in range(count)]
        self.x = [(low + high) / 2 - (high - low) / 2 * c for c in cosines]
        self.f = [mp.mpf(target.function(x)) for x in self.x]
        self.w = [abs(mp.mpf(target.weight(x))) for x in self.x]
        self.odd_w = [w * mp.sign(x) for w, x in zip(self.w, self.x, strict=True)]

    def _sums(self, terms: Mapping[Term, Real], part: int, at: Sequence[int]) -> list[Real]:
        powers = [(k, c) for (p, k), c in terms.items() if p == part]
        return [mp.fsum(c * self.x[i] ** k for k, c in powers) for i in at]

    def errors(self, terms: Mapping[Term, Real], weights: Sequence[Real] | None = None) -> list[Real]:
        every = range(len(self.x))
        tops, bottoms = self._sums(terms, 0, every), self._sums(terms, 1, every)
        return [w * (t / b - f) for w, t, b, f in zip(weights or self.w, tops, bottoms, self.f, strict=True)]

    def minimax(self, known: Mapping[Term, Real], free: Sequence[Term], start: list[int] | None) -> tuple[list[Real], list[int]]:
        """Values of the free terms, and the grid points where the error is extreme."""
        count = len(free) + 1
        # Chebyshev extrema lie evenly on a grid that is even in angle.
        spots = start if start and len(start) == count else [round((i + 0.5) * len(self.x) / count - 0.5) for i in range(count)]
        values: list[Real] = []
        # Where the lowest free power is odd, all free terms change sign at 0, and the error alternates times that sign.
        weights = self.odd_w if min((k for part, k in free if part == 0), default=0) % 2 else self.w
        for _ in range(60):
            values, level = self._level(known, free, spots, weights)
            errors = self.errors(dict(known) | dict(zip(free, values, strict=True)), weights)
            if max(abs(e) for e in errors) <= abs(level) * (1 + mp.mpf(10) ** -12):
                break
            extrema = _alternating(errors, count)
            if extrema is None or extrema == spots:
                break
            spots = extrema
        return values, spots

    def loeb(self, known: Mapping[Term, Real], free: Sequence[Term]) -> dict[Term, Real]:
        """Least-squares values of the free terms: Loeb's iteration, which divides by the denominator it found before."""
        every = range(len(self.x))
        tops, bottoms = self._sums(known, 0, every), self._sums(known, 1, every)
        columns = [[x**k if part == 0 else -f * x**k for x, f in zip(self.x, self.f, strict=True)] for part, k in free]
        aim = [f * b - t for f, b, t in zip(self.f, bottoms, tops, strict=True)]
        found: dict[Term, Real] = {}
        degree = max(k for part, k in free if part)
        scales = [w / (1 + x) ** degree for w, x in zip(self.w, self.x, strict=True)]
        for _ in range(6):
            rows = [[c * s for c, s in zip(column, scales, strict=True)] for column in columns]
            right = [a * s for a, s in zip(aim, scales, strict=True)]
            normal = mp.matrix([[mp.fdot(p, q) for q in rows] for p in rows])
            found = dict(zip(free, mp.lu_solve(normal, mp.matrix([mp.fdot(p, right) for p in rows])), strict=True))
            scales = [w / abs(b) for w, b in zip(self.w, self._sums({**known, **found}, 1, every), strict=True)]
        return found

    def _level(
        self, known: Mapping[Term, Real], free: Sequence[Term], spots: Sequence[int], weights: Sequence[Real]
    ) -> tuple[list[Real], Real]:
        """Free terms that make the weighted errors at spots alternate with one size, and that size."""
        tops, bottoms = self._sums(known, 0, spots), self._sums(known, 1, spots)
        level, values = mp.mpf(0), []
        linear = all(part == 0 for part, _ in free)
        for _ in range(1 if linear else 12):  # the product level * denominator is linearised around the last level
            matrix, right = mp.matrix(len(spots)), mp.matrix(len(spots), 1)
            for row, i in enumerate(spots):
                step = (-1) ** row / weights[i]
                aim = self.f[i] + step * level
                for column, (part, k) in enumerate(free):
                    matrix[row, column] = self.x[i] ** k if part == 0 else -aim * self.x[i] ** k
                matrix[row, len(free)] = -step * bottoms[row]
                right[row] = self.f[i] * bottoms[row] - tops[row]
            *values, level = mp.lu_solve(matrix, right)
        return values, level


def _alternating(errors: Sequence[Real], count: int) -> list[int] | None:
    """Indices of `count` extrema of alternating sign that hold the greatest; None where there are fewer."""
    peaks: list[int] = []
    for i, e in enumerate(errors):
        if peaks and (errors[peaks[-1]] > 0) == (e > 0):
            if abs(e) > abs(errors[peaks[-1]]):
                peaks[-1] = i
        else:
            peaks.append(i)
    while len(peaks) > count:  # an end, or a pair, may go without two neighbours getting one sign
        sizes = [abs(errors[i]) for i in peaks]
        least = sizes.index(min(sizes))
        if least in (0, len(peaks) - 1) or len(peaks) == count + 1:
            peaks.pop(0 if sizes[0] < sizes[-1] else -1)
        else:
            first = least - (sizes[least - 1] < sizes[least + 1])
            del peaks[first : first + 2]
    return peaks if len(peaks) == count else None
