"""Second derivatives: values against mpmath, limits, NaN, jumps, and what is asked of a function that has none."""

import mpmath
import numpy as np
import pytest
from grid import CASES, around, each_float, points, specials
from naive import second, ulps

BITS = {"float32": 700, "float64": 1700}  # two steps of 2**-150, and the least number
WHOLE = range(-6, 7)  # where pieces meet
HAVE = [case for case in CASES if hasattr(case.function.derivative, "derivative")]
each_second = pytest.mark.parametrize("case", HAVE, ids=str)


def distance(got, truth, size):
    """In units in the last place of the largest value nearby: near a root a second derivative is a difference of larger ones."""
    if mpmath.isnan(truth) or mpmath.isinf(truth) or np.isnan(got) or np.isinf(got):
        return ulps(got, truth)
    info = np.finfo(type(got))
    top = mpmath.ldexp(1, int(info.maxexp))
    if abs(truth) >= top:
        return ulps(got, truth)
    exponent = max(int(mpmath.frexp(min(size, top / 2))[1]) - 1, int(info.minexp)) if size else int(info.minexp)
    return float(abs(mpmath.mpf(float(got)) - truth) / mpmath.ldexp(1, exponent - int(info.nmant)))


def errors(case, dtype, count):
    """(the error, the place, what came, the truth), the worst first."""
    kinks = case.kinks(dtype)
    x = np.concatenate([points(dtype, count, 5), around([*WHOLE, *kinks, 0.5, -0.5], dtype), specials(dtype)])
    weights = case.weights(x.size, dtype)
    got = case.function.derivative.derivative(x, *weights, **case.named)
    assert got.dtype == dtype
    with mpmath.workprec(BITS[dtype]):
        for a, y, *rest in zip(x, got, *weights, strict=True):
            if abs(a) > 1e19 and np.isfinite(a):
                continue  # mpmath takes 40 ms for exp(1e300)
            exact, size = second(case.chosen.reference, float(a), kinks, *map(float, rest), *case.values(dtype))
            yield distance(y, exact, size), a, y, mpmath.nstr(exact, 20)


@each_float
@each_second
def test_values(case, dtype):
    """At most 4 units in the last place of what is nearby, for every record; limits at infinities, NaN at NaN."""
    found = max(errors(case, dtype, 80 if dtype == "float32" else 40), key=lambda row: row[0])
    assert found[0] <= 4, found
