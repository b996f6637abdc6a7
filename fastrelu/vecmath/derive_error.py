"""What fastrelu.vecmath.derive fits for the error function and the GELUs (needs mpmath)."""

from __future__ import annotations

from typing import Any

import numpy as np
from mpmath import mp

from fastrelu.vecmath.minimax import DIGITS, Target

mp.dps = DIGITS
PEAK = 1 / mp.sqrt(2 * mp.pi)  # of the normal density
TWO_C = 2 * mp.sqrt(2 / mp.pi)  # gelu_tanh(x) = x sigmoid(TWO_C (x + CUBIC x^3))
CUBIC = mp.mpf("0.044715")


def erfcx(a: Any) -> Any:
    """exp(a^2) erfc(a)."""
    return mp.exp(a * a) * mp.erfc(a)


def mills(a: Any) -> Any:
    """Phi(-a) exp(a^2 / 2)."""
    return erfcx(a / mp.sqrt(2)) / 2


def slope_bracket(a: Any) -> Any:
    """The derivative of gelu at -a, times exp(a^2 / 2)."""
    return mills(a) - PEAK * a


def tanh_bracket(a: Any) -> Any:
    """The derivative of gelu_tanh at -a, times exp(w) (1 + exp(-w))^2, w = TWO_C (a + CUBIC a^3)."""
    return 1 + mp.exp(-TWO_C * (a + CUBIC * a**3)) - TWO_C * (a + 3 * CUBIC * a**3)


GELU_ROOT = mp.findroot(slope_bracket, 0.7517915)
TANH_ROOT = mp.findroot(tanh_bracket, 0.7524614)


def mills_factor(a: Any) -> Any:
    """2 mills(a) = (1 + mills_factor(a)) / (71/64 a + 121/128); within 0.1 of 0 everywhere."""
    return 2 * mills(a) * (mp.mpf(71) / 64 * a + mp.mpf(121) / 128) - 1


def erfcx_factor(slope: str, offset: str) -> Any:
    """g of a, erfcx(a) = (1 + g) / (slope a + offset); within 0.13 of 0 everywhere."""
    return lambda a: erfcx(a) * (mp.mpf(slope) * a + mp.mpf(offset)) - 1


def slope_factor(share: str) -> Any:
    """g of a, slope_bracket(a) = (GELU_ROOT - a) (share + g); for large a PEAK - share."""

    def factor(a: Any) -> Any:
        a += (a == GELU_ROOT) * mp.mpf(10) ** -30
        return slope_bracket(a) / (GELU_ROOT - a) - mp.mpf(share)

    return factor


def tanh_factor(d: Any) -> Any:
    """tanh_bracket(a) = d (2 + tanh_factor(d)), d = TANH_ROOT - a."""
    d += (d == 0) * mp.mpf(10) ** -30
    return tanh_bracket(TANH_ROOT - d) / d - 2


def erf_factor(z: Any) -> Any:
    """erf(x) / x - 1 of z = x^2."""
    return mp.erf(mp.sqrt(z)) / mp.sqrt(z) - 1


def erf_weight(z: Any) -> Any:
    """Makes an error of erf_factor relative to erf."""
    return mp.sqrt(z) / mp.erf(mp.sqrt(z))


def far(name: str, function: Any, end: float, degree: int, precision: type[np.floating[Any]]) -> Target:
    """A quotient of two polynomials of one degree from 0 to where the tail is 0 in that precision."""
    powers = range(degree + 1)
    return Target(name, function, (0, end), powers, precision, denominator=powers[1:], least_squares=True)


WINDOW = mp.mpf("0.188")

TARGETS: list[Target] = [
    far("MILLS_32", mills_factor, 15, 5, np.float32),
    far("MILLS_64", mills_factor, 39, 11, np.float64),
    far("ERFCX_32", erfcx_factor("1.578125", "0.9375"), 10.5, 5, np.float32),
    far("ERFCX_64", erfcx_factor("1.6328125", "0.90625"), 27.5, 11, np.float64),
    far("GELU_SLOPE_32", slope_factor("0.5"), 15, 5, np.float32),
    far("GELU_SLOPE_64", slope_factor("0.46875"), 39, 10, np.float64),
    Target("TANH_ROOT_32", tanh_factor, (-WINDOW, WINDOW), range(7), np.float32, lambda d: 1 / (2 + tanh_factor(d))),
    Target("TANH_ROOT_64", tanh_factor, (-WINDOW, WINDOW), range(13), np.float64, lambda d: 1 / (2 + tanh_factor(d))),
    Target("ERF_32", erf_factor, (1e-9, 1), range(7), np.float32, erf_weight),
    Target("ERF_64", erf_factor, (1e-9, 1), range(14), np.float64, erf_weight),
]

SPLITS: list[tuple[str, Any, int, type[np.floating[Any]]]] = [
    ("GELU_ZERO_32", GELU_ROOT, 24, np.float32),
    ("GELU_ZERO_64", GELU_ROOT, 53, np.float64),
    ("TANH_ZERO_32", TANH_ROOT, 24, np.float32),
    ("TANH_ZERO_64", TANH_ROOT, 53, np.float64),
    ("TWO_C_32", TWO_C, 12, np.float32),
    ("TWO_C_64", TWO_C, 26, np.float64),
    ("SLOPE_CUBIC_32", 3 * TWO_C * CUBIC, 24, np.float32),
    ("SLOPE_CUBIC_64", 3 * TWO_C * CUBIC, 53, np.float64),
    ("TWO_CK_32", TWO_C * CUBIC, 24, np.float32),
    ("TWO_CK_64", TWO_C * CUBIC, 53, np.float64),
]
