"""Neural-network activation functions for NumPy, with their derivatives and backward passes, as compiled kernels."""

import gc
import importlib
from typing import TYPE_CHECKING

# A full collection that happens to fall into our import would walk all of Numba's objects: 25 ms, more than the import.
_collecting = gc.isenabled()
gc.disable()

try:
    from fastrelu import memory
    from fastrelu.activation import REGISTRY as registry
    from fastrelu.activation import activation
    from fastrelu.elementwise import Elementwise
    from fastrelu.fold import Fold, fold
    from fastrelu.formulas.algebraic import bent_identity, isrlu, isru, softsign, squareplus
    from fastrelu.formulas.clipped import bounded_relu, hardsigmoid, hardswish, hardtanh, sparse_sigmoid, srelu
    from fastrelu.formulas.compact import bump, wendland
    from fastrelu.formulas.errors import erf, erfc
    from fastrelu.formulas.exponential_units import celu, elish, hardelish, selu
    from fastrelu.formulas.exponentials import cloglog, exponential
    from fastrelu.formulas.folds import log_softmax, maxout, softmax
    from fastrelu.formulas.gelus import gelu
    from fastrelu.formulas.integrals import xielu
    from fastrelu.formulas.inverse import arctan, arsinh
    from fastrelu.formulas.logs import log1mexp, logit, logsigmoid
    from fastrelu.formulas.mish import mish
    from fastrelu.formulas.periodic import sinc, sinusoid, snake
    from fastrelu.formulas.phish import phish
    from fastrelu.formulas.quadratic import relu_squared, sparse_plus, sqnl, star_relu
    from fastrelu.formulas.radial import gaussian, inverse_multiquadric, inverse_quadratic, multiquadric
    from fastrelu.formulas.rectifiers import identity, leaky_relu, prelu, relu, relu6, rrelu, step, threshold, thresholded_relu
    from fastrelu.formulas.saturating import bipolar_sigmoid, soft_clipping, softcap
    from fastrelu.formulas.selfgated import serf, tanhexp
    from fastrelu.formulas.shrinks import hardshrink, shrink, softshrink
    from fastrelu.formulas.sigmoid_gated import logish, smish
    from fastrelu.formulas.sigmoids import sigmoid, tanh
    from fastrelu.formulas.smooth import elu, silu, softplus
    from fastrelu.formulas.soboleva import smht
    from fastrelu.formulas.soft_exponential import soft_exponential
    from fastrelu.formulas.splines import polyharmonic, thin_plate_spline
    from fastrelu.formulas.swishes import quick_gelu, swish
    from fastrelu.formulas.tanhs import lisht, logcosh, tanhshrink
    from fastrelu.pool import threads
    from fastrelu.tbb import load_tbb
finally:
    if _collecting:
        gc.enable()
    del gc

if TYPE_CHECKING:
    from fastrelu.table import catalogue
    from fastrelu.translate import get

load_tbb()
del load_tbb

__version__ = "0.1.0"

__all__ = [
    "Elementwise",
    "Fold",
    "activation",
    "arctan",
    "arsinh",
    "bent_identity",
    "bipolar_sigmoid",
    "bounded_relu",
    "bump",
    "catalogue",
    "celu",
    "cloglog",
    "elish",
    "elu",
    "erf",
    "erfc",
    "exponential",
    "fold",
    "gaussian",
    "gelu",
    "get",
    "hardelish",
    "hardshrink",
    "hardsigmoid",
    "hardswish",
    "hardtanh",
    "identity",
    "inverse_multiquadric",
    "inverse_quadratic",
    "isrlu",
    "isru",
    "leaky_relu",
    "lisht",
    "log1mexp",
    "log_softmax",
    "logcosh",
    "logish",
    "logit",
    "logsigmoid",
    "maxout",
    "memory",
    "mish",
    "multiquadric",
    "phish",
    "polyharmonic",
    "prelu",
    "quick_gelu",
    "registry",
    "relu",
    "relu6",
    "relu_squared",
    "rrelu",
    "selu",
    "serf",
    "shrink",
    "sigmoid",
    "silu",
    "sinc",
    "sinusoid",
    "smht",
    "smish",
    "snake",
    "soft_clipping",
    "soft_exponential",
    "softcap",
    "softmax",
    "softplus",
    "softshrink",
    "softsign",
    "sparse_plus",
    "sparse_sigmoid",
    "sqnl",
    "squareplus",
    "srelu",
    "star_relu",
    "step",
    "swish",
    "tanh",
    "tanhexp",
    "tanhshrink",
    "thin_plate_spline",
    "threads",
    "threshold",
    "thresholded_relu",
    "wendland",
    "xielu",
]


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, "plot", "torch"})


def __getattr__(name: str) -> object:
    if name in ("plot", "torch"):  # imported when they are asked for: they need matplotlib, and torch
        return importlib.import_module(f"fastrelu.{name}")
    if name in ("get", "catalogue"):  # and these are seldom used
        return getattr(importlib.import_module("fastrelu.translate" if name == "get" else "fastrelu.table"), name)
    raise AttributeError(f"module 'fastrelu' has no attribute {name!r}")
