"""What fastrelu.vecmath.derive fits for sine, cosine, arc tangent, inverse hyperbolic sine and sinc (needs mpmath)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from mpmath import mp

from fastrelu.vecmath.minimax import DIGITS, Target

mp.dps = DIGITS
NEAR = mp.mpf(10) ** -9  # the lower end for functions of z = x^2, which are 0 / 0 at 0
QUARTER = (NEAR, (mp.pi / 4 * 1.001) ** 2)
OCTANT = (NEAR, (mp.tan(mp.pi / 8) * 1.001) ** 2)


def odd_tail(function: Callable[[Any], Any]) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
    """(function(x) / x - 1) / x^2 of z = x^2, and the weight that makes its error relative to the function."""

    def tail(z: Any) -> Any:
        x = mp.sqrt(z)
        return (function(x) / x - 1) / z

    def weight(z: Any) -> Any:
        x = mp.sqrt(z)
        return z * x / function(x)

    return tail, weight


def half_turn(z: Any) -> Any:
    """sin(pi f) / f of z = f^2."""
    return mp.sin(mp.pi * mp.sqrt(z)) / mp.sqrt(z)


def cosine_tail(z: Any) -> Any:
    """(cos(x) - 1 + x^2 / 2) / x^4 of z = x^2."""
    return (mp.cos(mp.sqrt(z)) - 1 + z / 2) / z**2


def sinc_slope(z: Any) -> Any:
    """(sin(x) - x cos(x)) / x^3 of z = x^2: minus the derivative of sinc, divided by x."""
    x = mp.sqrt(z)
    return (mp.sin(x) - x * mp.cos(x)) / (z * x)


def odd(name: str, function: Callable[[Any], Any], interval: tuple[Any, Any], terms: int, precision: Any) -> Target:
    """x + x^3 (c0 + c1 x^2 + ...)."""
    tail, weight = odd_tail(function)
    return Target(name, tail, interval, range(terms), precision, weight)


TARGETS: list[Target] = [
    # float32 sines are computed in float64
    Target("SIN_HALF_TURNS", half_turn, (NEAR, mp.mpf("0.2501")), range(6), np.float64, lambda z: 1 / half_turn(z)),
    odd("SIN_64", mp.sin, QUARTER, 6, np.float64),
    Target("COS_64", cosine_tail, QUARTER, range(6), np.float64, lambda z: z**2 / mp.cos(mp.sqrt(z))),
    Target(
        "SINC_SLOPE_64", sinc_slope, (NEAR, 1), range(1, 9), np.float64, lambda z: 1 / sinc_slope(z), pinned={0: mp.mpf(1) / 3}
    ),
    odd("ATAN_32", mp.atan, OCTANT, 5, np.float32),
    odd("ATAN_64", mp.atan, OCTANT, 12, np.float64),
    odd("ASINH_32", mp.asinh, (NEAR, mp.mpf("0.25")), 6, np.float32),
    odd("ASINH_64", mp.asinh, (NEAR, mp.mpf("0.25")), 13, np.float64),
]

SPLITS: list[tuple[str, Any, int, type[np.floating[Any]]]] = [
    ("HALF_PI_32", mp.pi / 2, 24, np.float32),
    ("HALF_PI_64", mp.pi / 2, 53, np.float64),
    *(
        (f"ROOT_E_{k}_{bits}".replace("_-", "_MINUS_"), mp.exp(mp.mpf(1) / k), digits, precision)
        for k in (2, 4, 6, 8, -2, -4, -6, -8)
        for bits, digits, precision in ((32, 24, np.float32), (64, 53, np.float64))
    ),
    *((f"RECIPROCAL_FACTORIAL_{n}", 1 / mp.factorial(n), 53, np.float64) for n in range(3, 20)),
]

BITS = 1280  # of 2 / pi: 1024 for the greatest exponent, 53 for the mantissa, 120 for the fraction, and some


def two_over_pi() -> str:
    """Source lines of 2 / pi, in units of 2^-BITS."""
    with mp.workprec(BITS + 64):
        digits = f"{int(mp.floor(mp.ldexp(2 / mp.pi, BITS))):x}"
    rows = [f'    "{digits[k : k + 80]}"\n' for k in range(0, len(digits), 80)]
    return f"TWO_OVER_PI = int(\n{''.join(rows).rstrip()},\n    16,\n)\n"
