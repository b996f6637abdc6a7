"""What an expression finds in place of mpmath: elementary functions of Dual numbers, by NumPy, libm and SciPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fastrelu.proof.bounded import Bounded
from fastrelu.proof.duals import Dual, lift
from fastrelu.proof.tails import double_tails, long_tails

PI = "3.14159265358979323846264338327950288"
UNITS = {np.float64: 8, np.longdouble: 4}  # NumPy promises 4 ULP, libm in long double keeps 1


class Arithmetic:
    """The functions of `m` in a reference, over one type of numbers.

    Parameters
    ----------
    base
        numpy.float64 for the results of float32 and less, numpy.longdouble for those of float64.
    bounded
        Whether the numbers carry a bound of their error.
    """

    def __init__(self, base: Any, bounded: bool) -> None:
        self.base, self.bounded = base, bounded
        self.unit = base(np.finfo(base).eps) / 2
        # An exponential ends here: far beyond the range of the results, and its square still a number.
        self.end = base(300 if base is np.float64 else 5000)
        self.tails = double_tails() if base is np.float64 else long_tails()
        self.pi = self.mpf(PI)
        self.inf, self.ninf, self.nan = (Dual(base(name)) for name in ("inf", "-inf", "nan"))

    def variable(self, x: Any) -> Dual:
        """The input, which is exact."""
        one = self.base(1)
        return Dual(Bounded(x, self.base(0), self.unit), Bounded(one, self.base(0), self.unit)) if self.bounded else Dual(x, one)

    def mpf(self, number: Any) -> Dual:
        """A constant; one in decimal digits is rounded."""
        if not isinstance(number, str):
            return lift(number)
        value = self.base(number)
        return Dual(Bounded(value, self.unit * abs(value), self.unit) if self.bounded else value)

    def _map(self, function: Callable[..., Any], slope: Callable[..., Any], real: Any, units: float | None = None) -> Any:
        return real.map(function, slope, units or UNITS[self.base]) if isinstance(real, Bounded) else function(real)

    def _function(self, function: Callable[..., Any], slope: Callable[..., Any], x: Any, units: float | None = None) -> Dual:
        """An elementary function by its derivative: a function of the argument and of the result."""
        return lift(x).map(lambda real: self._map(function, slope, real, units), slope)

    def exp(self, x: Any) -> Dual:
        x = lift(x)
        found = x.map(self._exp, lambda z, y: self._inside(y, z, self.end))
        return Dual(found.value, found.slope, x)

    def expm1(self, x: Any) -> Dual:
        """Beyond the upper end the slope stays what it is there: it overflows, as the value does."""
        end = self.end

        def value(real: Any) -> Any:
            return self._map(lambda z: np.expm1(clip(z, end)), lambda z, _y: self._inside(self._exp(z), z, end), real)

        return lift(x).map(value, lambda z, _y: self._exp(z) * (_values(z) > -end).astype(self.base))

    def _exp(self, real: Any) -> Any:
        end = self.end
        return self._map(lambda z: np.exp(clip(z, end)), lambda z, y: self._inside(y, z, end), real)

    def _inside(self, slope: Any, real: Any, end: Any) -> Any:
        """The slope, and 0 where an exponential has ended: what it is multiplied by may be large."""
        values = _values(real)
        return slope if reaches(values) < end else slope * (abs(values) < end).astype(self.base)

    def log(self, x: Any) -> Dual:
        return self._function(np.log, lambda z, _y: 1 / z, x)

    def log1p(self, x: Any) -> Dual:
        z = lift(x).exponent
        if z is not None and z > 0:  # softplus, of which the exponential may be beyond all ends
            return z + self.log1p(self.exp(-z))
        return self._function(np.log1p, lambda z, _y: 1 / (1 + z), x)

    def sqrt(self, x: Any) -> Dual:
        return self._function(np.sqrt, lambda _z, y: 0.5 / y, x)

    def sinh(self, x: Any) -> Dual:
        return lift(x).map(self._sinh, lambda z, _y: self._cosh(z))

    def cosh(self, x: Any) -> Dual:
        return lift(x).map(self._cosh, lambda z, _y: self._sinh(z))

    def tanh(self, x: Any) -> Dual:
        return self._function(np.tanh, self._square_of_sech, x)

    def _square_of_sech(self, z: Any, _y: Any) -> Any:
        c = self._cosh(z)
        return 1 / (c * c)

    def _cosh(self, real: Any) -> Any:
        end = self.end / 2
        return self._map(lambda z: np.cosh(clip(z, end)), lambda z, _y: self._inside(np.sinh(clip(z, end)), z, end), real)

    def _sinh(self, real: Any) -> Any:
        end = self.end / 2
        return self._map(lambda z: np.sinh(clip(z, end)), lambda z, _y: self._inside(np.cosh(clip(z, end)), z, end), real)

    def sin(self, x: Any) -> Dual:
        return self._function(np.sin, lambda z, _y: self._map(np.cos, lambda a, _b: np.sin(a), z), x)

    def cos(self, x: Any) -> Dual:
        return self._function(np.cos, lambda z, _y: -self._map(np.sin, lambda a, _b: np.cos(a), z), x)

    def atan(self, x: Any) -> Dual:
        return self._function(np.arctan, lambda z, _y: 1 / (1 + z * z), x)

    def asinh(self, x: Any) -> Dual:
        return self._function(np.arcsinh, lambda z, _y: 1 / self._sqrt(1 + z * z), x)

    def _sqrt(self, real: Any) -> Any:
        return self._map(np.sqrt, lambda _z, y: 0.5 / y, real)

    def bell(self, x: Any) -> Dual:
        """exp(-x^2), from a square that is not rounded."""
        return self._function(self.tails.bell, lambda z, y: -2.0 * z * y, x, self.tails.units)

    def erf(self, x: Any) -> Dual:
        return self._function(self.tails.erf, lambda z, _y: self._bell(z) * self._two_by_root_of_pi, x, self.tails.units)

    def erfc(self, x: Any) -> Dual:
        return self._function(self.tails.erfc, lambda z, _y: self._bell(z) * -self._two_by_root_of_pi, x, self.tails.units)

    def ncdf(self, x: Any) -> Dual:
        """The normal distribution function."""
        return self._function(self.tails.ncdf, lambda z, _y: self._density(z), x, self.tails.units)

    @property
    def _two_by_root_of_pi(self) -> Any:
        return 2 / np.sqrt(self.base(PI))

    def _bell(self, real: Any) -> Any:
        return self._map(self.tails.bell, lambda z, y: -2 * z * y, real, self.tails.units)

    def _density(self, real: Any) -> Any:
        found = self._map(self.tails.half_bell, lambda z, y: -z * y, real, self.tails.units)
        return found * (1 / np.sqrt(2 * self.base(PI)))

    def sign(self, x: Any) -> Dual:
        return Dual(np.sign(_values(lift(x).value)))


def _values(real: Any) -> Any:
    return real.value if isinstance(real, Bounded) else real


def reaches(values: Any) -> Any:
    """The greatest magnitude."""
    return max(np.max(values), -np.min(values))


def clip(values: Any, end: Any) -> Any:
    """As numpy.clip, which takes three times as long as an exponential where there is nothing to clip."""
    return values if reaches(values) < end else np.clip(values, -end, end)
