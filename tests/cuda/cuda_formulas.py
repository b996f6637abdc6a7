"""Small formulas that hold every kind of difficulty once: selects, parameters, two arrays, division, fma, bit casts."""

from typing import Any

import numpy as np
from numba.extending import register_jitable

from fastrelu.vecmath.primitives import IEEE, by_precision, fma

LOG2E, LN2 = 1.4426950408889634, 0.6931471805599453


@register_jitable(**IEEE)
def relu(x: Any) -> Any:
    zero = type(x)(0)
    return zero if x <= zero else x


@register_jitable(**IEEE)
def leaky(x: Any, slope: Any) -> Any:
    return x if x > type(x)(0) else slope * x


@register_jitable(**IEEE)
def exp_plus32(x: Any, c: Any) -> Any:
    magic = np.float32(1.5 * 2**23)
    k = fma(x, np.float32(LOG2E), magic) - magic
    r = fma(k, np.float32(-LN2), x)
    p = fma(fma(fma(np.float32(1 / 6), r, np.float32(0.5)), r, np.float32(1)), r, np.float32(1))
    return fma(p, np.int32((np.int32(k) + np.int32(127)) << np.int32(23)).view(np.float32), c)


@by_precision(exp_plus32)
@register_jitable(**IEEE)
def exp_plus(x: Any, c: Any) -> Any:
    """exp(x) + c, the last product fused: a caller's sum of it would be contracted on CUDA alone."""
    magic = 1.5 * 2.0**52
    k = fma(x, LOG2E, magic) - magic
    r = fma(k, -LN2, x)
    p = fma(fma(fma(1 / 6, r, 0.5), r, 1.0), r, 1.0)
    return fma(p, np.int64((np.int64(k) + np.int64(1023)) << np.int64(52)).view(np.float64), c)


@register_jitable(**IEEE)
def sigmoid(x: Any) -> Any:
    one, edge = type(x)(1), type(x)(80)
    z = -edge if x < -edge else (edge if x > edge else x)
    return one / exp_plus(-z, one)


@register_jitable(**IEEE)
def blend(x: Any, y: Any, t: Any) -> Any:
    return fma(t, y - x, x) / (x + y)


# formula, number of arrays, parameters
FORMULAS = [(relu, 1, ()), (leaky, 1, (0.2,)), (sigmoid, 1, ()), (leaky, 2, ()), (blend, 2, (0.3,))]
IDS = ["relu", "leaky", "sigmoid", "prelu", "blend"]
