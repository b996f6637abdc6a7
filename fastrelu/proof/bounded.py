"""Arrays with a bound of their error: running error analysis."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


class Bounded:
    """An array, and how far each element may be from the exact number, to the first order."""

    __slots__ = ("error", "unit", "value")
    __array_ufunc__ = None  # NumPy's scalars and arrays leave operators to this class

    def __init__(self, value: Any, error: Any, unit: Any) -> None:
        self.value, self.error, self.unit = value, error, unit

    def _rounded(self, value: Any, error: Any) -> Bounded:
        return Bounded(value, error + self.unit * abs(value), self.unit)

    def map(self, function: Callable[..., Any], slope: Callable[..., Any], units: float) -> Bounded:
        """An elementary function, good to so many units."""
        value = function(self.value)
        return Bounded(value, abs(slope(self.value, value)) * self.error + units * self.unit * abs(value), self.unit)

    def __neg__(self) -> Bounded:
        return Bounded(-self.value, self.error, self.unit)

    def __abs__(self) -> Bounded:
        return Bounded(abs(self.value), self.error, self.unit)

    def __add__(self, other: Any) -> Bounded:
        if is_number(other) and other == 0:
            return self
        value, error = split(other)
        return self._rounded(self.value + value, self.error + error)

    def __sub__(self, other: Any) -> Bounded:
        return self.__add__(-other)

    def __rsub__(self, other: Any) -> Bounded:
        return (-self).__add__(other)

    def __mul__(self, other: Any) -> Bounded:
        if is_number(other) and abs(np.frexp(other)[0]) == 0.5:  # a power of two
            return Bounded(self.value * other, self.error * abs(other), self.unit)
        value, error = split(other)
        return self._rounded(self.value * value, abs(self.value) * error + abs(value) * self.error)

    def __truediv__(self, other: Any) -> Bounded:
        if is_number(other) and abs(np.frexp(other)[0]) == 0.5:
            return self.__mul__(1 / other)
        value, error = split(other)
        quotient = self.value / value
        return self._rounded(quotient, (self.error + abs(quotient) * error) / np.maximum(abs(value) - error, 0))

    def __rtruediv__(self, other: Any) -> Bounded:
        return Bounded(other, 0.0, self.unit) / self

    __radd__ = __add__
    __rmul__ = __mul__


def split(number: Any) -> tuple[Any, Any]:
    """The value, and the bound of its error; plain numbers are exact."""
    return (number.value, number.error) if isinstance(number, Bounded) else (number, 0.0)


def is_number(number: Any) -> bool:
    """Whether it is a single number without an error."""
    return not isinstance(number, Bounded) and np.ndim(number) == 0
