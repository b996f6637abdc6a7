"""Functions along an axis: softmax, log_softmax, maxout. Their formulas are functions of rows: inputs, then the output."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastrelu.fold import fold
from fastrelu.vecmath import exp, fma, log1p
from fastrelu.vecmath.primitives import jitable, times
from fastrelu.vecmath.row_reductions import row_max, row_sum


def from_one(dims: Any) -> Any:
    """Axes that Julia counts from 1."""
    return tuple(dim - 1 for dim in dims) if isinstance(dims, tuple) else dims - 1


def softmax_backward(grad: Any, y: Any, out: Any) -> None:
    """y * (grad - sum(grad * y))."""
    for k in range(y.size):
        out[k] = grad[k] * y[k]
    total = row_sum(out)
    for k in range(y.size):
        out[k] = y[k] * (grad[k] - total)


@jitable
def exponentials(x: Any, out: Any) -> Any:
    """exp(x - max(x)) into out, where infinities count as equal and as infinitely more than the rest; the maximum."""
    peak = row_max(x)
    one, zero = x.dtype.type(1), x.dtype.type(0)
    if peak == np.inf:
        for k in range(x.size):
            out[k] = one if x[k] == peak else x[k] if x[k] != x[k] else zero
    else:
        for k in range(x.size):
            out[k] = exp(x[k] - peak)
    return peak


@fold(
    backward=softmax_backward,
    reference=lambda m, row: [m.exp(x - max(row)) / m.fsum(m.exp(z - max(row)) for z in row) for x in row],
    numpy=lambda x, axis=-1: (lambda e: e / e.sum(axis, keepdims=True))(np.exp(x - x.max(axis, keepdims=True))),
    masked=0.0,
    values=(0, 1),
    names=(
        ("softmax", "torch", lambda dim: {"axis": dim}),
        ("softmax", "jax keras keras2 tf mlx sklearn"),
        ("Softmax", "onnx"),
        ("softmax", "nnlib", lambda dims=1: {"axis": from_one(dims)}),
        ("softmax", "onednn", lambda axis: {"axis": axis}),
        ("softmax", "scipy", lambda axis=None: {"axis": axis}),
        ("softmax", "chainer", lambda axis=1: {"axis": axis}),
    ),
    paper="Boltzmann (1868); Bridle, NIPS 1989",
)
def softmax(x: Any, out: Any) -> None:
    """exp(x) / sum(exp(x)) along an axis; one-hot, shared equally, over infinities; NaN where all are -inf."""
    exponentials(x, out)
    total = row_sum(out)
    inverse = x.dtype.type(1) / total
    for k in range(x.size):  # a division and its rounding, in a quarter of the time: an Intel core divides 16 floats in 16 cycles
        y = times(out[k], inverse)
        out[k] = fma(fma(-y, total, out[k]), inverse, y)


def log_softmax_backward(grad: Any, y: Any, out: Any) -> None:
    """grad - exp(y) * sum(grad)."""
    total = row_sum(grad)
    for k in range(y.size):
        out[k] = fma(-exp(y[k]), total, grad[k])


@fold(
    backward=log_softmax_backward,
    reference=lambda m, row: [x - max(row) - m.log(m.fsum(m.exp(z - max(row)) for z in row)) for x in row],
    numpy=lambda x, axis=-1: (lambda d: d - np.log(np.exp(d).sum(axis, keepdims=True)))(x - x.max(axis, keepdims=True)),
    masked=-np.inf,
    values=(None, 0),
    names=(
        ("log_softmax", "torch", lambda dim: {"axis": dim}),
        ("log_softmax", "jax keras keras2 tf mlx"),
        ("LogSoftmax", "onnx"),
        ("logsoftmax", "nnlib", lambda dims=1: {"axis": from_one(dims)}),
        ("softmax_log", "onednn", lambda axis: {"axis": axis}),
        ("log_softmax", "scipy", lambda axis=None: {"axis": axis}),
        ("log_softmax", "chainer", lambda axis=1: {"axis": axis}),
    ),
    paper="Bridle, NIPS 1989",
)
def log_softmax(x: Any, out: Any) -> None:
    """x - log(sum(exp(x))) along an axis, without overflow and without the logarithm of a rounded softmax."""
    peak = exponentials(x, out)
    total = log1p(row_sum(out) - x.dtype.type(1))  # the greatest element alone makes the sum at least 1
    for k in range(x.size):
        out[k] = (x.dtype.type(0) if x[k] == peak else x[k] - peak) - total


def maxout_backward(grad: Any, x: Any, out: Any) -> None:
    """The gradient goes to the first of the greatest elements."""
    best = 0
    for k in range(x.size):
        if x[k] > x[best] or (x[k] != x[k] and x[best] == x[best]):
            best = k
    for k in range(x.size):
        out[k] = grad[0] if k == best else x.dtype.type(0)


@fold(
    backward=maxout_backward,
    reference=lambda m, row: [max(row)],
    numpy=lambda x, pool_size=2, axis=-1: x.reshape(*x.shape[:-1], -1, pool_size).max(-1),
    pooled=True,
    integers=True,
    values=(None, None),
    names=(("maxout", "chainer", lambda pool_size, axis=1: {"pool_size": pool_size, "axis": axis}),),
    paper="Goodfellow et al., ICML 2013",
)
def maxout(x: Any, out: Any) -> None:
    """The maximum of each group of `pool_size` neighbours along an axis; NaN wins."""
    best = x[0]
    for k in range(1, x.size):
        if x[k] > best or x[k] != x[k]:
            best = x[k]
    out[0] = best
