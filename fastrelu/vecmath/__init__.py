"""Elementary functions for formulas: branch-free, without libm, for float32 and float64."""

from fastrelu.vecmath.error import erf, erfc
from fastrelu.vecmath.exponential import exp, exp_sum, expm1
from fastrelu.vecmath.hyperbolic import tanh
from fastrelu.vecmath.inverse import asinh, atan
from fastrelu.vecmath.logarithm import log1p
from fastrelu.vecmath.logwords import log
from fastrelu.vecmath.primitives import fma, sqrt, times
from fastrelu.vecmath.trigonometric import cos, sin

__all__ = [
    "asinh",
    "atan",
    "cos",
    "erf",
    "erfc",
    "exp",
    "exp_sum",
    "expm1",
    "fma",
    "log",
    "log1p",
    "sin",
    "sqrt",
    "tanh",
    "times",
]
