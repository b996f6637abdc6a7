"""Elementary functions for formulas: branch-free, without libm, for float32 and float64."""

from fastrelu.vecmath.error import erf, erfc
from fastrelu.vecmath.exponential import exp, exp_sum, expm1
from fastrelu.vecmath.hyperbolic import tanh
from fastrelu.vecmath.logarithm import log1p
from fastrelu.vecmath.primitives import fma, sqrt, times

__all__ = ["erf", "erfc", "exp", "exp_sum", "expm1", "fma", "log1p", "sqrt", "tanh", "times"]
