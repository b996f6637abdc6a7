"""Rows for the functions along an axis, and how to call any of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from grid import FOLDS

SMOOTH = {name: function for name, function in FOLDS.items() if not function.pooled}
LENGTHS = [1, 2, 3, 63, 64, 65, 127, 128, 1000]
each_dtype = pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])


def rows(shape: Any, dtype: Any = np.float64, scale: float = 3.0, seed: int = 0) -> Any:
    """Normal random numbers."""
    return (np.random.default_rng(seed).normal(size=shape) * scale).astype(dtype)


def call(function: Any, x: Any, axis: int = -1, **keywords: Any) -> Any:
    """The function along an axis; a pooled one takes the whole axis as one group."""
    return function(x, x.shape[axis], axis=axis, **keywords) if function.pooled else function(x, axis=axis, **keywords)
