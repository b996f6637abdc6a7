"""Inverse functions that grow slowly: arctan, arsinh."""

from __future__ import annotations

import numpy as np

from fastrelu import vecmath
from fastrelu.activation import activation
from fastrelu.formulas.radial import inverse_multiquadric_slope, inverse_quadratic_slope
from fastrelu.thresholds import Cost
from fastrelu.vecmath.primitives import Scalar, jitable
from fastrelu.vecmath.radii import inverse_root_term, inverse_square_term


@jitable
def arctan_slope(x: Scalar) -> Scalar:
    """1 / (1 + x^2)."""
    zero = type(x)(0.0)
    y = inverse_square_term(x, zero, type(x)(1.0))
    return zero if abs(x) == type(x)(np.inf) else y


@jitable
def arctan_bend(x: Scalar) -> Scalar:
    """-2 x / (1 + x^2)^2."""
    return inverse_quadratic_slope(x, type(x)(1.0), type(x)(0.0))


@activation(
    derivative=arctan_slope,
    second=arctan_bend,
    reference=lambda m, x: m.atan(x),
    numpy=lambda x: np.arctan(x),
    max_ulp=0.65,
    cost=Cost.HEAVY,
    values=(-1.5707963267948966, 1.5707963267948966),
    slopes=(0, 1),
    names=(
        ("arctan atan", "torch jax mlx"),
        ("arctan", "keras chainer"),
        ("atan", "tf"),
        ("Atan", "onnx"),
    ),
    paper="Euler (1755); as an activation: Kamruzzaman & Aziz, IJCNN 2002",
)
def arctan(x: Scalar) -> Scalar:
    """The arc tangent, from -pi/2 to pi/2."""
    return vecmath.atan(x)


@jitable
def arsinh_slope(x: Scalar) -> Scalar:
    """1 / sqrt(1 + x^2)."""
    zero = type(x)(0.0)
    y = inverse_root_term(x, zero, type(x)(1.0))
    return zero if abs(x) == type(x)(np.inf) else y


@jitable
def arsinh_bend(x: Scalar) -> Scalar:
    """-x / (1 + x^2)^(3/2)."""
    return inverse_multiquadric_slope(x, type(x)(1.0), type(x)(0.0))


@activation(
    derivative=arsinh_slope,
    second=arsinh_bend,
    reference=lambda m, x: m.asinh(x),
    numpy=lambda x: np.arcsinh(x),
    max_ulp=0.72,
    cost=Cost.HEAVY,
    values=(None, None),
    slopes=(0, 1),
    names=(
        ("arcsinh asinh", "torch jax mlx"),
        ("arcsinh", "keras"),
        ("asinh", "tf"),
        ("Asinh", "onnx"),
    ),
    paper="Houdin (1875), as an inverse; Carlile et al., Improving deep learning by inverse square root linear units (2017)",
)
def arsinh(x: Scalar) -> Scalar:
    """The inverse hyperbolic sine, log(x + sqrt(x^2 + 1)): linear near 0, logarithmic far out."""
    return vecmath.asinh(x)
