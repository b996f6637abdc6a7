"""Triton's side: one kernel for a function of an array, one for its backward pass; the formulas as one writes them."""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl

from .gpu_grid import ROWS
from .grid import FORWARD, FROM_OUTPUT, Case

BLOCK = 1024


@triton.jit
def relu(x):
    return tl.maximum(x, 0)


@triton.jit
def sigmoid(x):
    return 1 / (1 + tl.exp(-x))


@triton.jit
def tanh(x):
    return 2 / (1 + tl.exp(-2 * x)) - 1


@triton.jit
def gelu(x):
    return x * 0.5 * (1 + tl.erf(x * 0.7071067811865476))


@triton.jit
def silu(x):
    return x / (1 + tl.exp(-x))


@triton.jit
def softplus(x):
    return tl.maximum(x, 0) + tl.log(1 + tl.exp(-tl.abs(x)))


@triton.jit
def mish(x):
    return x * tanh(softplus(x))


@triton.jit
def relu_slope(x):
    return tl.where(x > 0, 1.0, 0.0)


@triton.jit
def sigmoid_slope(x):
    s = sigmoid(x)
    return s * (1 - s)


@triton.jit
def tanh_slope(x):
    t = tanh(x)
    return 1 - t * t


@triton.jit
def gelu_slope(x):
    return 0.5 * (1 + tl.erf(x * 0.7071067811865476)) + x * tl.exp(-0.5 * x * x) * 0.3989422804014327


@triton.jit
def silu_slope(x):
    s = sigmoid(x)
    return s * (1 + x * (1 - s))


@triton.jit
def mish_slope(x):
    t = tanh(softplus(x))
    return t + x * sigmoid(x) * (1 - t * t)


@triton.jit
def sigmoid_from_output(y):
    return y * (1 - y)


@triton.jit
def tanh_from_output(y):
    return 1 - y * y


@triton.jit
def elements(x, out, n, formula: tl.constexpr, wide: tl.constexpr, block: tl.constexpr):
    at = tl.program_id(0).to(tl.int64) * block + tl.arange(0, block)
    value = tl.load(x + at, mask=at < n)
    result = formula(value.to(tl.float64) if wide else value.to(tl.float32))
    tl.store(out + at, result.to(value.dtype), mask=at < n)


@triton.jit
def gradients(grad, x, out, n, formula: tl.constexpr, wide: tl.constexpr, block: tl.constexpr):
    at = tl.program_id(0).to(tl.int64) * block + tl.arange(0, block)
    value, above = tl.load(x + at, mask=at < n), tl.load(grad + at, mask=at < n)
    slope = formula(value.to(tl.float64) if wide else value.to(tl.float32))
    tl.store(out + at, (above.to(slope.dtype) * slope).to(value.dtype), mask=at < n)


FORWARDS = {"relu": relu, "sigmoid": sigmoid, "tanh": tanh, "gelu": gelu, "silu": silu, "mish": mish, "softplus": softplus}
BACKWARDS = {
    "relu": relu_slope,
    "sigmoid": sigmoid_slope,
    "tanh": tanh_slope,
    "gelu": gelu_slope,
    "silu": silu_slope,
    "mish": mish_slope,
    "softplus": sigmoid,
}
FROM_OUTPUTS = {"sigmoid": sigmoid_from_output, "tanh": tanh_from_output}


def call(case: Case) -> Any:
    """The call of a case; functions along rows are left out."""
    if case.function == ROWS:
        return None
    grid, wide = (triton.cdiv(case.size, BLOCK),), case.dtype == "float64"
    if case.direction == FORWARD:
        formula = FORWARDS[case.function]

        def forward(x: Any) -> Any:
            out = torch.empty_like(x)
            elements[grid](x, out, case.size, formula, wide, BLOCK)
            return out

        return forward
    formula = (FROM_OUTPUTS if case.direction == FROM_OUTPUT else BACKWARDS)[case.function]

    def backward(grad: Any, x: Any) -> Any:
        out = torch.empty_like(x)
        gradients[grid](grad, x, out, case.size, formula, wide, BLOCK)
        return out

    return backward
