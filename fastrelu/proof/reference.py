"""The reference of one function: value and slope of a whole array, with bounds of their errors where they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import mpmath
import numpy as np

from fastrelu.kernels.storage import BY_DTYPE
from fastrelu.proof import exact
from fastrelu.proof.arithmetic import Arithmetic
from fastrelu.proof.bounded import split
from fastrelu.proof.duals import Dual, evaluate, lift
from fastrelu.proof.formats import Format
from fastrelu.proof.precision import precision
from fastrelu.proof.stable import STABLE

WEIGHT = 1 / 3  # of array operands after x
KINDS = ("forward", "derivative")


class Reference:
    """The truth for one activation and one type, at the default parameters.

    Attributes
    ----------
    operands : list
        What follows x in a call: of array operands one number, then the parameters.
    """

    def __init__(self, function: Any, form: Format) -> None:
        self.function, self.form = function, form
        dtype = form.dtype
        number = BY_DTYPE[dtype].param.type
        weights = [dtype.type(WEIGHT) for _ in function.arrays[1:]]
        self.operands = [*weights, *map(number, function.params.values())]
        self.numbers = [float(operand) for operand in self.operands]
        values = self.numbers[len(weights) :]
        self.kinks: Mapping[float, str] = function.kinks(*values)
        self._plain = self._expression(Arithmetic(form.base, bounded=False))
        # By the type of the numbers; long double decides what float64 leaves open.
        bases = dict.fromkeys((form.base, np.longdouble))
        self._bounded = {base: self._expression(Arithmetic(base, bounded=True)) for base in bases}

    def _expression(self, m: Arithmetic) -> Callable[[Any], tuple[Any, ...]]:
        value_of, slope_of = STABLE.get(self.function.dotted_name, (None, None))
        value_of = value_of or self.function.reference
        numbers = [m.base(number) for number in self.numbers]

        def expression(x: Any) -> tuple[Any, ...]:
            variable = m.variable(x)
            if slope_of:
                variable = Dual(variable.value)
            found = lift(value_of(m, variable, *numbers))
            slope = lift(slope_of(m, variable, *numbers)).value if slope_of else found.slope
            slope = found.value * m.base(0) if slope is None else slope  # NaN where the value is none
            parts = (found.value, slope)
            return tuple(part for number in parts for part in split(number)) if m.bounded else parts

        return expression

    def fast(self, x: Any) -> tuple[Any, ...]:
        """Values and slopes of finite numbers of the reference's type."""
        return evaluate(self._plain, x)

    def bounded(self, x: Any) -> tuple[Any, ...]:
        """Values, bounds of their errors, slopes, and bounds of theirs; x of the reference's type, or long double."""
        return evaluate(self._bounded[x.dtype.type], x)

    def exact(self, kind: str, x: float) -> Any:
        """By mpmath; infinities too."""
        with precision(exact.PRECISION[self.form.name]):
            if kind == "forward":
                return +exact.value(self.function.reference, x, *self.numbers)
            return +exact.slope(self.function.reference, x, self.kinks, *self.numbers)

    def distance(self, kind: str, got: Any, x: float) -> float:
        """How far a result is from the exact one, in ULP."""
        with precision(exact.PRECISION[self.form.name]):
            return exact.distance(float(got), self.exact(kind, x), self.form)

    def undecided(self, value: Any, error: Any) -> Any:
        """Where the reference is not good enough; and the last places of its values."""
        place = self.form.last_place(value)
        overflow = np.ldexp(self.form.base(1), self.form.top)
        return ~((error <= self.form.tolerance * place) | (abs(value) - error >= overflow)), place

    def disagreements(self, x: Any) -> list[tuple[str, float, float]]:
        """Where a reference that claims to be good enough is not what mpmath says, and by how many ULP: should be empty."""
        form = self.form
        with np.errstate(all="ignore"):
            levels = [self.bounded(x.astype(base)) for base in self._bounded]
            rough = self.fast(x.astype(form.base))
        found = []
        top = mpmath.ldexp(1, form.top)
        for k, kind in enumerate(KINDS):
            claims = [
                (truth, ~self.undecided(truth, bound)[0]) for truth, bound in (level[2 * k : 2 * k + 2] for level in levels)
            ]
            claims.append((rough[k], claims[0][1]))  # is used where the first level decides
            for i in np.flatnonzero(np.any([decided for _, decided in claims], axis=0)):
                if kind == "derivative" and float(x[i]) in self.kinks:
                    continue
                numbers = [truth[i] for truth, decided in claims if decided[i]]
                with precision(exact.PRECISION[form.name]):
                    right = self.exact(kind, float(x[i]))
                    if mpmath.isnan(right) and np.isnan(numbers).all():
                        continue
                    right = min(max(right, -top), top)
                    place = exact.last_place(right, form)
                    for number in numbers:
                        off = float(abs(min(max(wide_mpf(number), -top), top) - right) / place)
                        if not off <= form.tolerance:
                            found.append((kind, float(x[i]), off))
        return found


def wide_mpf(number: Any) -> Any:
    """A long double as an mpmath number."""
    if not np.isfinite(number):
        return mpmath.mpf(float(number))
    fraction, exponent = np.frexp(number)
    high = float(fraction)
    return mpmath.ldexp(mpmath.mpf(high) + mpmath.mpf(float(fraction - np.longdouble(high))), int(exponent))
