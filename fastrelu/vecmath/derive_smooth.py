"""What fastrelu.vecmath.derive computes for the smooth activations (needs mpmath)."""

from __future__ import annotations

from typing import Any

import numpy as np
from mpmath import mp

from fastrelu.vecmath.minimax import DIGITS, Target

mp.dps = DIGITS


def mish_bracket(a: Any) -> Any:
    """The derivative of mish at -a, times (1 + (1 + u)^2)^2 / (4 u), u = exp(-a)."""
    u = mp.exp(-a)
    return (u + 2) * (u * u + 2 * u + 2) / 4 - a * (1 + u)


MISH_ROOT = mp.findroot(mish_bracket, 1.19)
MISH_EXP = mp.exp(-MISH_ROOT)


def tanhshrink_tail(z: Any) -> Any:
    """((x - tanh(x)) / x^3 - 1 / 3) / x^2 of z = x^2."""
    return ((1 - mp.tanh(mp.sqrt(z)) / mp.sqrt(z)) / z - mp.mpf(1) / 3) / z


def logcosh_tail(z: Any) -> Any:
    """(log(cosh(x)) / x^2 - 1 / 2) / x^2 of z = x^2."""
    return (mp.log(mp.cosh(mp.sqrt(z))) / z - mp.mpf(1) / 2) / z


def softplus_near(z: Any) -> Any:
    """log(cosh(x / 2)) / x^2 of z = x^2."""
    return mp.log(mp.cosh(mp.sqrt(z) / 2)) / z


def softplus_far(t: Any) -> Any:
    """-2 (log1p(t) - t + t^2 / 2) / t^3."""
    return -2 * (mp.log1p(t) - t + t * t / 2) / t**3


def softplus_weight(t: Any) -> Any:
    """What an error of softplus_far is multiplied by in log1p, relatively."""
    return t**3 / mp.log1p(t)


def tanhexp_slope(x: Any) -> Any:
    """The derivative of x tanh(exp(x))."""
    u = mp.exp(x)
    return mp.tanh(u) + x * u * mp.sech(u) ** 2


def serf_slope(x: Any) -> Any:
    """The derivative of x erf(log(1 + exp(x)))."""
    s = mp.log1p(mp.exp(x))
    return mp.erf(s) + x * 2 / mp.sqrt(mp.pi) * mp.exp(-s * s) / (1 + mp.exp(-x))


def smish_slope(x: Any) -> Any:
    """The derivative of x tanh(log(1 + sigmoid(x)))."""
    s = 1 / (1 + mp.exp(-x))
    return mp.tanh(mp.log1p(s)) + x * mp.sech(mp.log1p(s)) ** 2 * s * (1 - s) / (1 + s)


def logish_slope(x: Any) -> Any:
    """The derivative of x log(1 + sigmoid(x))."""
    s = 1 / (1 + mp.exp(-x))
    return mp.log1p(s) + x * s * (1 - s) / (1 + s)


def phish_slope(x: Any) -> Any:
    """The derivative of x tanh(gelu(x))."""
    gelu, slope = x * mp.ncdf(x), mp.ncdf(x) + x * mp.npdf(x)
    return mp.tanh(gelu) + x * slope * mp.sech(gelu) ** 2


# a slope is d (c0 + c1 d + ...) within WINDOW of its root, d the distance from it
ROOTED: dict[str, tuple[Any, Any]] = {
    name: (slope, mp.findroot(slope, near))
    for name, slope, near in [
        ("TANHEXP", tanhexp_slope, -1.1),
        ("SERF", serf_slope, -1.1),
        ("SMISH", smish_slope, -1.2),
        ("LOGISH", logish_slope, -1.2),
        ("PHISH", phish_slope, -1.2),
    ]
}


def first(name: str) -> Any:
    """c0."""
    slope, root = ROOTED[name]
    return mp.diff(slope, root)


def factor(name: str) -> Any:
    """c1 + c2 d + ..., of d."""
    (slope, root), c0 = ROOTED[name], first(name)

    def value(d: Any) -> Any:
        d += (d == 0) * mp.mpf(10) ** -15
        return (slope(root + d) / d - c0) / d

    return value


def near_root(name: str, precision: type[np.floating[Any]], count: int) -> Target:
    """The coefficients c1, c2 ..."""
    c0 = first(name)
    bits = np.finfo(precision).bits
    return Target(f"{name}_{bits}", factor(name), (-WINDOW, WINDOW), range(count), precision, lambda d: d / c0)


WINDOW = mp.mpf("0.1876")
NEAR_ZERO = (1e-9, mp.mpf("0.2501"))

TARGETS: list[Target] = [
    Target("CUBIC_TAIL_32", tanhshrink_tail, NEAR_ZERO, range(5), np.float32, lambda z: z),
    Target("CUBIC_TAIL_64", tanhshrink_tail, NEAR_ZERO, range(11), np.float64, lambda z: z),
    Target("LOGCOSH_32", logcosh_tail, (1e-9, 1), range(8), np.float32, lambda z: z),
    Target("LOGCOSH_64", logcosh_tail, (1e-9, 1), range(16), np.float64, lambda z: z),
    Target("SOFTPLUS_NEAR_32", softplus_near, (1e-9, 1), range(5), np.float32, lambda z: z),
    Target("SOFTPLUS_NEAR_64", softplus_near, (1e-9, 1), range(9), np.float64, lambda z: z),
    Target("SOFTPLUS_FAR_32", softplus_far, (1e-9, mp.exp(-1)), range(6), np.float32, softplus_weight),
    Target("SOFTPLUS_FAR_64", softplus_far, (1e-9, mp.exp(-1)), range(13), np.float64, softplus_weight),
    *(near_root(name, np.float32, 7) for name in ROOTED),
    *(near_root(name, np.float64, 13) for name in ROOTED),
]

# name, value, bits of the head: in both precisions
_VALUES: list[tuple[str, Any]] = [
    ("LN2_WORDS", mp.ln2),
    ("QUICK", mp.mpf("1.702")),
    ("TWO_OVER_SQRT_PI", 2 / mp.sqrt(mp.pi)),
    ("DENSITY", 1 / mp.sqrt(2 * mp.pi)),
    ("MISH_ZERO", MISH_ROOT),
    ("MISH_ZERO_EXP", MISH_EXP),
    # the bracket is d (1 + u) + E (c0 + c1 E + c2 E^2), d the distance from the root, u = exp(-root) (1 + E)
    ("MISH_LINEAR", (3 * MISH_EXP**3 + 8 * MISH_EXP**2 + 6 * MISH_EXP) / 4 - MISH_ROOT * MISH_EXP),
    ("MISH_SQUARE", (3 * MISH_EXP**3 + 4 * MISH_EXP**2) / 4),
    ("MISH_CUBE", MISH_EXP**3 / 4),
    *((f"{name}_ZERO", root) for name, (_, root) in ROOTED.items()),
    *((f"{name}_FIRST", first(name)) for name in ROOTED),
]
SPLITS: list[tuple[str, Any, int, type[np.floating[Any]]]] = [
    (f"{name}_{bits}", value, digits, kind)
    for name, value in _VALUES
    for bits, digits, kind in ((32, 24, np.float32), (64, 53, np.float64))
]
