"""Calls of inner loops that no ufunc makes."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Sequence

import numpy as np

from fastrelu import pool
from fastrelu.dispatch import Target, choose, thresholds_in_force
from fastrelu.kernels.ufunc import Loop
from fastrelu.thresholds import Cost

_CALL = ctypes.CFUNCTYPE(None, *[ctypes.c_ssize_t] * 4)


def run(loops: tuple[Loop, Loop], operands: Sequence[int], dimensions: Sequence[int], steps: Sequence[int]) -> None:
    """Runs a loop over the first dimension of its operands.

    Parameters
    ----------
    loops
        What one thread runs, and the same on as many threads as it may have.
    operands, dimensions, steps
        As NumPy gives them: addresses, the last one the output's; lengths; and distances in bytes.
    """
    threads = pool.ready() if dimensions[0] > 1 else 1
    itemsize, thresholds = loops[0].dtypes[-1].itemsize, thresholds_in_force()
    serial = choose(math.prod(dimensions), itemsize, Cost.HEAVY, threads, thresholds) is Target.SERIAL or threads == 1
    words = [np.array(each, np.int64) for each in (operands, dimensions, steps)]
    loop = loops[0 if serial else 1]
    _CALL(loop.address)(*(each.ctypes.data for each in words), loop.data.ctypes.data)
