"""Every neural-network activation function for NumPy, with its derivative and backward pass, as compiled kernels."""

import gc
import importlib

# A full collection that happens to fall into our import would walk all of Numba's objects: 25 ms, more than the import.
_collecting = gc.isenabled()
gc.disable()

from fastrelu.activation import REGISTRY as registry
from fastrelu.activation import activation
from fastrelu.elementwise import Elementwise
from fastrelu.fold import Fold, fold
from fastrelu.formulas.errors import erf, erfc
from fastrelu.formulas.exponentials import cloglog, exponential, soft_exponential
from fastrelu.formulas.folds import log_softmax, maxout, softmax
from fastrelu.formulas.gelus import gelu
from fastrelu.formulas.logs import log1mexp, logit, logsigmoid
from fastrelu.formulas.mish import mish
from fastrelu.formulas.phish import phish
from fastrelu.formulas.rectifiers import identity, leaky_relu, prelu, relu, relu6, step
from fastrelu.formulas.selfgated import logish, serf, smish, tanhexp
from fastrelu.formulas.shrinks import hardshrink
from fastrelu.formulas.sigmoids import sigmoid, tanh
from fastrelu.formulas.smht import smht
from fastrelu.formulas.smooth import elu, silu, softplus
from fastrelu.formulas.swishes import quick_gelu, swish
from fastrelu.formulas.tanhs import lisht, logcosh, tanhshrink

if _collecting:
    gc.enable()
del gc

__version__ = "0.1.0"

__all__ = [
    "Elementwise",
    "Fold",
    "activation",
    "cloglog",
    "elu",
    "erf",
    "erfc",
    "exponential",
    "fold",
    "gelu",
    "hardshrink",
    "identity",
    "leaky_relu",
    "lisht",
    "log1mexp",
    "log_softmax",
    "logcosh",
    "logish",
    "logit",
    "logsigmoid",
    "maxout",
    "mish",
    "phish",
    "prelu",
    "quick_gelu",
    "registry",
    "relu",
    "relu6",
    "serf",
    "sigmoid",
    "silu",
    "smht",
    "smish",
    "soft_exponential",
    "softmax",
    "softplus",
    "step",
    "swish",
    "tanh",
    "tanhexp",
    "tanhshrink",
]


def __getattr__(name: str) -> object:
    if name == "plot":  # imported when it is asked for: it needs matplotlib
        return importlib.import_module("fastrelu.plot")
    raise AttributeError(f"module 'fastrelu' has no attribute {name!r}")
