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

TARGETS: list[Target] = []

# name, value, bits of the head: in both precisions
_VALUES: list[tuple[str, Any]] = [
    ("MISH_ZERO", MISH_ROOT),
    ("MISH_ZERO_EXP", MISH_EXP),
    # the bracket is d (1 + u) + E (c0 + c1 E + c2 E^2), d the distance from the root, u = exp(-root) (1 + E)
    ("MISH_LINEAR", (3 * MISH_EXP**3 + 8 * MISH_EXP**2 + 6 * MISH_EXP) / 4 - MISH_ROOT * MISH_EXP),
    ("MISH_SQUARE", (3 * MISH_EXP**3 + 4 * MISH_EXP**2) / 4),
    ("MISH_CUBE", MISH_EXP**3 / 4),
]
SPLITS: list[tuple[str, Any, int, type[np.floating[Any]]]] = [
    (f"{name}_{bits}", value, digits, kind)
    for name, value in _VALUES
    for bits, digits, kind in ((32, 24, np.float32), (64, 53, np.float64))
]
