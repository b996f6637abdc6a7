"""CUDA: the same formulas as kernels for arrays that lie on a device.

The only folder that imports numba.cuda; it is imported when the first device array is seen.

Same bits as on the CPU: formulas hold an explicit fma or `times` wherever a product feeds a sum (NVVM and ptxas contract a bare
a * b + c, numba offers no option against it), fastmath is off, and without it division is div.rn, which is IEEE, and subnormals
are kept.
"""

from __future__ import annotations

import importlib.util

from numba import config

if importlib.util.find_spec("numba_cuda") is None and not config.ENABLE_CUDASIM:
    # numba's own numba.cuda is deprecated, and does not compile these kernels for N-d arrays.
    raise ImportError("arrays on a CUDA device need numba-cuda: pip install 'fastrelu[cuda]'")

from fastrelu.kernels.cuda.calls import call, call_with_draws
from fastrelu.kernels.cuda.fold_calls import call_fold
from fastrelu.kernels.cuda.sums import gradients

__all__ = ["call", "call_fold", "call_with_draws", "gradients"]
