"""Shrinkage functions: zero around zero."""

from __future__ import annotations

import numpy as np

from fastrelu.activation import activation
from fastrelu.formulas.rectifiers import flat
from fastrelu.thresholds import Cost
from fastrelu.vecmath.primitives import Scalar


def hardshrink_slope(x: Scalar, lambd: Scalar = 0.5) -> Scalar:
    """0 if abs(x) <= lambd else 1; NaN stays."""
    return type(x)(0) if abs(x) <= lambd else type(x)(1) if x == x else x


@activation(
    derivative=hardshrink_slope,
    second=flat,
    reference=lambda m, x, lambd: x if abs(x) > lambd else m.mpf(0),
    numpy=lambda x, lambd=0.5: np.where(np.abs(x) > lambd, x, 0),
    kinks=lambda lambd=0.5: {-lambd: "right", lambd: "left"},
    max_ulp=0.0,
    cost=Cost.MEMORY,
    params={"lambd": "Half the width of the interval around 0 that becomes 0."},
    values=(None, None),
    slopes=(0, None),
    names=(
        ("hardshrink", "torch"),
        ("hardshrink", "tfa", lambda: {}),  # one threshold on either side, lower and upper, and here one for both
        ("hard_shrink", "mlx"),
        ("hard_shrink", "keras", lambda threshold=0.5: {"lambd": threshold}),
    ),
    gradients={"lambd": flat},
    paper="Donoho & Johnstone, Biometrika 81 (1994)",
)
def hardshrink(x: Scalar, lambd: Scalar = 0.5) -> Scalar:
    """Hard shrinkage, x if abs(x) > lambd else 0."""
    return type(x)(0) if abs(x) <= lambd else x


def softshrink_slope_from_output(y: Scalar, lambd: Scalar = 0.5) -> Scalar:
    """0 if y == 0 else 1; NaN stays. x - lambd is 0 for x = lambd alone."""
    return type(y)(0) if y == 0 else type(y)(1) if y == y else y


def softshrink_lambd_slope(x: Scalar, lambd: Scalar) -> Scalar:
    """-1 if x > lambd else 1 if x < -lambd else 0; NaN stays."""
    return type(x)(-1) if x > lambd else type(x)(1) if x < -lambd else type(x)(0) if x == x else x


@activation(
    derivative=hardshrink_slope,
    second=flat,
    from_output=softshrink_slope_from_output,
    from_output_minimum={"lambd": 0.0},
    reference=lambda m, x, lambd: x - lambd if x > lambd else x + lambd if x < -lambd else m.mpf(0),
    numpy=lambda x, lambd=0.5: np.sign(x) * np.maximum(np.abs(x) - lambd, 0),
    kinks=lambda lambd=0.5: {-lambd: "right", lambd: "left"},
    max_ulp=0.5,
    cost=Cost.MEMORY,
    params={"lambd": "Half the width of the interval around 0 that becomes 0: what the rest is moved by."},
    values=(None, None),
    slopes=(0, 1),
    names=(
        ("softshrink", "torch nnlib mlx"),
        ("softshrink", "tfa", lambda: {}),  # as above
        ("soft_shrink", "keras", lambda threshold=0.5: {"lambd": threshold}),
    ),
    gradients={"lambd": softshrink_lambd_slope},
    paper="Donoho, IEEE Transactions on Information Theory 41 (1995)",
)
def softshrink(x: Scalar, lambd: Scalar = 0.5) -> Scalar:
    """Soft shrinkage, x - lambd if x > lambd else x + lambd if x < -lambd else 0."""
    return x - lambd if x > lambd else x + lambd if x < -lambd else type(x)(0) if x == x else x


def shrink_slope(x: Scalar, lambd: Scalar = 0.5, bias: Scalar = 0.0) -> Scalar:
    """0 if abs(x) <= lambd else 1; NaN stays."""
    return type(x)(0) if abs(x) <= lambd else type(x)(1) if x == x else x


def shrink_bias_slope(x: Scalar, lambd: Scalar, bias: Scalar) -> Scalar:
    """-1 if x > lambd else 1 if x < -lambd else 0; NaN stays."""
    return type(x)(-1) if x > lambd else type(x)(1) if x < -lambd else type(x)(0) if x == x else x


@activation(
    derivative=shrink_slope,
    second=flat,
    reference=lambda m, x, lambd, bias: x - bias if x > lambd else x + bias if x < -lambd else m.mpf(0),
    numpy=lambda x, lambd=0.5, bias=0.0: np.where(np.abs(x) > lambd, x - np.copysign(bias, x), 0),
    kinks=lambda lambd=0.5, bias=0.0: {-lambd: "right", lambd: "left"},
    max_ulp=0.5,
    cost=Cost.MEMORY,
    params={"lambd": "Half the width of the interval around 0 that becomes 0.", "bias": "What the rest is moved by."},
    values=(None, None),
    slopes=(0, None),
    names=(("Shrink", "onnx"),),
    gradients={"lambd": flat, "bias": shrink_bias_slope},
    paper="ONNX Shrink",
)
def shrink(x: Scalar, lambd: Scalar = 0.5, bias: Scalar = 0.0) -> Scalar:
    """Shrinkage with a bias of its own, x - bias if x > lambd else x + bias if x < -lambd else 0."""
    return x - bias if x > lambd else x + bias if x < -lambd else type(x)(0) if x == x else x
