"""Derives every coefficient set: python -m fastrelu.vecmath.derive checks coefficients.py, --write regenerates it.

Needs mpmath; nothing at run time imports this file. Add a target and --write before a formula imports its name: python -m
imports the formulas too.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from mpmath import mp

from fastrelu.vecmath import derive_error, derive_smooth, derive_trigonometric
from fastrelu.vecmath.minimax import DIGITS, Fit, Target, fit, rounded

mp.dps = DIGITS
# The reduced arguments of exp reach a little past ln(2) / 2, since n is rounded from a rounded product.
REDUCED = (-mp.ln2 / 2 * 1.001, mp.ln2 / 2 * 1.001)
HALF_REDUCED = (REDUCED[0] / 2, REDUCED[1] / 2)
SILU_ROOT = mp.findroot(lambda a: 1 + mp.exp(-a) - a, 1.2784645)  # the derivative of silu is 0 at minus this
SILU_REDUCED = (REDUCED[0] + SILU_ROOT - 2 * mp.ln2, REDUCED[1] + SILU_ROOT - 2 * mp.ln2)


def half_expm1(r: Any) -> Any:
    """(exp(2 r) - 1) / 2."""
    return mp.expm1(2 * r) / 2


def tanh_bend(z: Any) -> Any:
    """Q of z = x^2, where tanh(x) = x - x^3 / Q."""
    return z / (1 - tanh_ratio(z))


def tanh_ratio(z: Any) -> Any:
    """tanh(x) / x of z = x^2."""
    return mp.tanh(mp.sqrt(z)) / mp.sqrt(z)


def tanh_weight(z: Any) -> Any:
    """Makes an error of tanh_bend relative to tanh."""
    return (1 - tanh_ratio(z)) / tanh_ratio(z) / tanh_bend(z)


def log1p_ratio(f: Any) -> Any:
    """log1p(f) / f."""
    return mp.log1p(f) / f


def atanh_tail(z: Any) -> Any:
    """(2 atanh(s) - 2 s) / s^3 of z = s^2."""
    return (2 * mp.atanh(mp.sqrt(z)) / mp.sqrt(z) - 2) / z


def atanh_weight(z: Any) -> Any:
    """Makes an error of atanh_tail relative to 2 atanh."""
    return z * mp.sqrt(z) / (2 * mp.atanh(mp.sqrt(z)))


# Weights of 1 / function make the errors relative.
TARGETS: list[Target] = [
    # exp(r) = 1 + r + r^2 (c2 + c3 r + ...)
    Target("EXP_32", mp.exp, REDUCED, range(2, 7), np.float32, lambda r: mp.exp(-r), pinned={0: 1, 1: 1}),
    Target("EXP_64", mp.exp, REDUCED, range(2, 13), np.float64, lambda r: mp.exp(-r), pinned={0: 1, 1: 1}),
    # one term more: near x = 0.35 expm1 is 1 + 2 (exp(r) - 1) with r near -0.35, where an error of exp(r) counts five times
    Target("EXPM1_32", mp.exp, REDUCED, range(2, 8), np.float32, lambda r: mp.exp(-r), pinned={0: 1, 1: 1}),
    # the same for the distance from the root of silu's derivative
    Target("SILU_TAIL_32", mp.exp, SILU_REDUCED, range(2, 7), np.float32, lambda r: mp.exp(-r), pinned={0: 1, 1: 1}),
    Target("SILU_TAIL_64", mp.exp, SILU_REDUCED, range(2, 13), np.float64, lambda r: mp.exp(-r), pinned={0: 1, 1: 1}),
    # for float32 formulas in one word of float64: 2^-34 is enough
    Target("EXP_SHORT", mp.exp, REDUCED, range(2, 8), np.float64, lambda r: mp.exp(-r), pinned={0: 1, 1: 1}),
    # half of exp(2 r) - 1 = r + r^2 (c2 + c3 r + ...)
    Target("EXP2R_32", half_expm1, HALF_REDUCED, range(2, 7), np.float32, lambda r: mp.exp(-2 * r), pinned={1: 1}),
    Target("EXP2R_64", half_expm1, HALF_REDUCED, range(2, 12), np.float64, lambda r: mp.exp(-2 * r), pinned={1: 1}),
    # tanh(x) = x - x^3 / Q(x^2) for |x| < 1
    Target("TANH_32", tanh_bend, (1e-9, 1), range(4), np.float32, tanh_weight),
    Target("TANH_64", tanh_bend, (1e-9, 1), range(9), np.float64, tanh_weight),
    # x - tanh(x) = x^3 / Q(x^2), whose constant term is exact
    Target("TANHSHRINK_32", tanh_bend, (1e-9, 1), range(1, 5), np.float32, lambda z: 1 / tanh_bend(z), pinned={0: 3}),
    Target("TANHSHRINK_64", tanh_bend, (1e-9, 1), range(1, 10), np.float64, lambda z: 1 / tanh_bend(z), pinned={0: 3}),
    # log1p(f) = f + f^2 (c1 + c2 f + ...) for 3/4 <= 1 + f <= 3/2
    Target("LOG1P_32", log1p_ratio, (-0.25, 0.5), range(1, 10), np.float32, lambda f: 1 / log1p_ratio(f), pinned={0: 1}),
    # log1p(f) = 2 atanh(s) = 2 s + s^3 (c0 + c1 s^2 + ...), s = f / (2 + f)
    Target("ATANH_64", atanh_tail, (1e-9, mp.mpf(0.2) ** 2), range(8), np.float64, atanh_weight),
    # the same for s <= 1/3, for float32 formulas in float64
    Target("ATANH_SHORT", atanh_tail, (1e-9, mp.mpf(1) / 9), range(5), np.float64, atanh_weight),
    *derive_error.TARGETS,
    *derive_smooth.TARGETS,
    *derive_trigonometric.TARGETS,
]

# lambda and alpha of selu: with them mean 0 and variance 1 are a fixed point (Klambauer et al. 2017, equation 14)
_TAIL = mp.erfc(1 / mp.sqrt(2)) * mp.sqrt(mp.e)
SELU_ALPHA = mp.sqrt(2 / mp.pi) / (1 - _TAIL)
_SQUARES = 2 * mp.erfc(mp.sqrt(2)) * mp.e**2 + mp.pi * _TAIL**2 - 2 * (2 + mp.pi) * _TAIL + mp.pi + 2
SELU_LAMBDA = (1 - _TAIL) * mp.sqrt(2 * mp.pi / _SQUARES)

HARDELISH_FACTOR = 1 / mp.lambertw(mp.e**2)  # the derivative of hardelish is 0 where exp(x) = 1 / (x + 2), and this is its exp(x)

# name, value, bits of the head, precision: value = head + tail; products of a short head with small integers are exact.
SPLITS: list[tuple[str, Any, int, type[np.floating[Any]]]] = [
    ("LN2_32", mp.ln2, 16, np.float32),
    ("LN2_64", mp.ln2, 42, np.float64),
    ("SILU_ZERO_32", SILU_ROOT, 24, np.float32),
    ("SILU_ZERO_64", SILU_ROOT, 53, np.float64),
    ("SILU_ZERO_EXP_32", SILU_ROOT - 1, 24, np.float32),
    ("SILU_ZERO_EXP_64", SILU_ROOT - 1, 53, np.float64),
    ("SELU_SCALE_32", SELU_LAMBDA, 24, np.float32),
    ("SELU_SCALE_64", SELU_LAMBDA, 53, np.float64),
    ("SELU_LEFT_32", SELU_LAMBDA * SELU_ALPHA, 24, np.float32),
    ("SELU_LEFT_64", SELU_LAMBDA * SELU_ALPHA, 53, np.float64),
    ("ELISH_ZERO_32", mp.asinh(1), 24, np.float32),
    ("ELISH_ZERO_64", mp.asinh(1), 53, np.float64),
    ("ELISH_ZERO_EXP_32", mp.sqrt(2) - 1, 24, np.float32),
    ("ELISH_ZERO_EXP_64", mp.sqrt(2) - 1, 53, np.float64),
    ("HARDELISH_ZERO_32", -mp.log(HARDELISH_FACTOR), 24, np.float32),
    ("HARDELISH_ZERO_64", -mp.log(HARDELISH_FACTOR), 53, np.float64),
    ("HARDELISH_ZERO_EXP_32", HARDELISH_FACTOR, 24, np.float32),
    ("HARDELISH_ZERO_EXP_64", HARDELISH_FACTOR, 53, np.float64),
    ("SILU_EXP_32", SILU_ROOT - 1, 24, np.float32),
    ("SILU_EXP_64", SILU_ROOT - 1, 53, np.float64),
    # so near the root that exp(-it) is the head of the above
    ("SILU_POINT_32", -mp.log(rounded(SILU_ROOT - 1, np.float32)), 24, np.float32),
    ("SILU_POINT_64", -mp.log(rounded(SILU_ROOT - 1, np.float64)), 53, np.float64),
    *derive_error.SPLITS,
    *derive_smooth.SPLITS,
    *derive_trigonometric.SPLITS,
]


def render_split(name: str, value: Any, bits: int, precision: type[np.floating[Any]]) -> str:
    """Source line of a constant in two parts."""
    with mp.workprec(bits):
        head = +value
    kind = precision.__name__
    parts = [precision(float(part)) for part in (head, rounded(value - head, precision))]
    return f"{name} = (" + ", ".join(f"np.{kind}({part!s})" for part in parts) + ")\n"


def render(target: Target, fitted: Fit) -> str:
    """Source lines of one set: the numerator's coefficients as NAME, the denominator's as NAME_Q, lowest power first."""
    kind = target.precision.__name__

    def block(name: str, values: tuple[float, ...]) -> str:
        return f"{name} = (\n" + "".join(f"    np.{kind}({target.precision(v)!s}),\n" for v in values) + ")\n"

    text = f"# greatest weighted error {fitted.error:.3g}\n" + block(target.name, fitted.numerator)
    return text + (block(f"{target.name}_Q", fitted.denominator) if fitted.denominator else "")


HEADER = '"""Coefficients, made by python -m fastrelu.vecmath.derive --write: do not edit."""\n\nimport numpy as np\n'


def source(targets: list[Target]) -> str:
    """The whole text of coefficients.py."""
    splits = [render_split(*split) for split in SPLITS]
    return "\n".join([HEADER, derive_trigonometric.two_over_pi(), *splits, *(render(t, fit(t)) for t in targets)])


def main(argv: list[str] | None = None) -> int:
    """Command line; returns 1 where the committed file differs."""
    parser = argparse.ArgumentParser(description="Recompute the coefficients of fastrelu.vecmath.")
    parser.add_argument("--write", action="store_true", help="regenerate coefficients.py")
    parser.add_argument("--only", help="names that start with this; prints them, compares nothing")
    options: Any = parser.parse_args(argv)
    if options.only:
        print("\n".join(render(t, fit(t)) for t in TARGETS if t.name.startswith(options.only)))
        return 0
    path = Path(__file__).with_name("coefficients.py")
    text = source(TARGETS)
    if options.write:
        path.write_text(text)
    same = path.read_text() == text
    print("coefficients.py is what derive computes" if same else "coefficients.py differs from what derive computes")
    return 0 if same else 1


if __name__ == "__main__":
    raise SystemExit(main())
