"""Numbers with a slope: an expression of them gives its value and its derivative, for a whole array of inputs at a time.

An expression may choose by a comparison, as ``x if x > 0 else ...``: where the elements of the array disagree, the comparison
raises Mixed, and `evaluate` computes both parts apart.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fastrelu.proof.bounded import split


class Mixed(Exception):
    """A comparison that holds for some elements only."""

    def __init__(self, mask: Any) -> None:
        super().__init__()
        self.mask = mask


class Dual:
    """A value and its slope, arrays or Bounded; a slope of None is that of a constant."""

    __slots__ = ("exponent", "slope", "value")
    __array_ufunc__ = None

    def __init__(self, value: Any, slope: Any = None, exponent: Dual | None = None) -> None:
        self.value, self.slope = value, slope
        self.exponent = exponent  # of what the number is the exponential

    def map(self, function: Callable[..., Any], slope: Callable[..., Any]) -> Dual:
        """A function of it, by its derivative, which is given the result too."""
        value = function(self.value)
        return Dual(value, None if self.slope is None else slope(self.value, value) * self.slope)

    def __neg__(self) -> Dual:
        return Dual(-self.value, None if self.slope is None else -self.slope)

    def __abs__(self) -> Dual:
        sign = np.sign(split(self.value)[0])
        return Dual(abs(self.value), None if self.slope is None else self.slope * sign)

    def __add__(self, other: Any) -> Dual:
        other = lift(other)
        return Dual(self.value + other.value, total(self.slope, other.slope))

    def __sub__(self, other: Any) -> Dual:
        return self + -lift(other)

    def __rsub__(self, other: Any) -> Dual:
        return lift(other) + -self

    def __mul__(self, other: Any) -> Dual:
        other = lift(other)
        left = None if self.slope is None else self.slope * other.value
        right = None if other.slope is None else other.slope * self.value
        return Dual(self.value * other.value, total(left, right))

    def __truediv__(self, other: Any) -> Dual:
        other = lift(other)
        value = self.value / other.value
        top = total(self.slope, None if other.slope is None else -(other.slope * value))
        return Dual(value, None if top is None else top / other.value)

    def __rtruediv__(self, other: Any) -> Dual:
        return lift(other) / self

    __radd__ = __add__
    __rmul__ = __mul__

    def __pow__(self, power: int) -> Dual:
        if power == 0:
            return Dual(1.0)
        if power % 2:
            return self if power == 1 else self * self ** (power - 1)
        square = Dual(self.value * self.value, None if self.slope is None else self.slope * self.value * 2.0)
        return square ** (power // 2)

    def __lt__(self, other: Any) -> bool:
        return decide(plain(self) < plain(other))

    def __le__(self, other: Any) -> bool:
        return decide(plain(self) <= plain(other))

    def __gt__(self, other: Any) -> bool:
        return decide(plain(self) > plain(other))

    def __ge__(self, other: Any) -> bool:
        return decide(plain(self) >= plain(other))

    def __eq__(self, other: object) -> bool:
        return decide(plain(self) == plain(other))

    __hash__ = None  # type: ignore[assignment]

    def __bool__(self) -> bool:
        return decide(plain(self) != 0)


def lift(number: Any) -> Dual:
    """A number as a constant, if it is not a Dual."""
    return number if isinstance(number, Dual) else Dual(number)


def plain(number: Any) -> Any:
    """The values alone."""
    return split(lift(number).value)[0]


def total(left: Any, right: Any) -> Any:
    """The sum of two slopes."""
    return right if left is None else left if right is None else left + right


def decide(mask: Any) -> bool:
    """The answer that all elements give.

    Raises
    ------
    Mixed
        If they give both.
    """
    if np.all(mask):
        return True
    if np.any(mask):
        raise Mixed(mask)
    return False


def evaluate(expression: Callable[[Any], tuple[Any, ...]], x: Any) -> tuple[Any, ...]:
    """The arrays that an expression gives for the elements of x, part by part where it chooses."""
    try:
        return tuple(np.broadcast_to(part, x.shape) for part in expression(x))
    except Mixed as choice:
        mask = choice.mask
    first, second = evaluate(expression, x[mask]), evaluate(expression, x[~mask])
    results = tuple(np.empty_like(x) for _ in first)
    for result, true, false in zip(results, first, second, strict=True):
        result[mask], result[~mask] = true, false
    return results
