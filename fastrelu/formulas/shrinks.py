"""Shrinkage functions: zero around zero."""

from __future__ import annotations

import numpy as np

from fastrelu.activation import activation
from fastrelu.thresholds import Cost
from fastrelu.vecmath.primitives import Scalar


def hardshrink_slope(x: Scalar, lambd: Scalar = 0.5) -> Scalar:
    """0 if abs(x) <= lambd else 1; NaN stays."""
    return type(x)(0) if abs(x) <= lambd else type(x)(1) if x == x else x


@activation(
    derivative=hardshrink_slope,
    reference=lambda m, x, lambd: x if abs(x) > lambd else m.mpf(0),
    numpy=lambda x, lambd=0.5: np.where(np.abs(x) > lambd, x, 0),
    kinks=lambda lambd=0.5: {-lambd: "right", lambd: "left"},
    max_ulp=0.0,
    cost=Cost.MEMORY,
    params={"lambd": "Half the width of the interval around 0 that becomes 0."},
    paper="Donoho & Johnstone, Biometrika 81 (1994)",
)
def hardshrink(x: Scalar, lambd: Scalar = 0.5) -> Scalar:
    """Hard shrinkage, x if abs(x) > lambd else 0."""
    return type(x)(0) if abs(x) <= lambd else x
