"""Piecewise linear functions with bounds: hardtanh, hardsigmoid, hardswish, sparse_sigmoid, bounded_relu, srelu."""

from __future__ import annotations

import math

import numpy as np

from fastrelu.activation import activation
from fastrelu.formulas.rectifiers import flat
from fastrelu.thresholds import Cost
from fastrelu.vecmath.primitives import Scalar, fma, jitable, times
from fastrelu.vecmath.words import inverse, sum_error


def hardtanh_slope(x: Scalar, min_val: Scalar = -1.0, max_val: Scalar = 1.0) -> Scalar:
    """1 if min_val < x < max_val else 0; NaN stays."""
    return (type(x)(0) if x >= max_val else type(x)(1)) if x > min_val else type(x)(0) if x <= min_val else x


def hardtanh_min_slope(x: Scalar, min_val: Scalar, max_val: Scalar) -> Scalar:
    """1 where the result is min_val, else 0; NaN stays."""
    return type(x)(1) if (x <= min_val) & (min_val < max_val) else type(x)(0) if x == x else x


def hardtanh_max_slope(x: Scalar, min_val: Scalar, max_val: Scalar) -> Scalar:
    """1 where the result is max_val, which is everywhere if min_val is not less; else 0; NaN stays."""
    return type(x)(1) if (x >= max_val) | ((min_val >= max_val) & (x == x)) else type(x)(0) if x == x else x


@activation(
    derivative=hardtanh_slope,
    second=flat,
    from_output=hardtanh_slope,
    reference=lambda m, x, min_val, max_val: min(max(x, min_val), max_val),
    numpy=lambda x, min_val=-1.0, max_val=1.0: np.clip(x, min_val, max_val),
    kinks=lambda min_val=-1.0, max_val=1.0: {min_val: "left", max_val: "right"},
    max_ulp=0.0,
    cost=Cost.MEMORY,
    integers=True,
    params={"min_val": "The lower bound.", "max_val": "The upper bound."},
    values=(-1, 1),
    slopes=(0, 1),
    names=(
        ("hardtanh", "torch nnlib"),
        ("hard_tanh", "jax keras mlx"),
        ("Clip", "onnx", lambda min=-math.inf, max=math.inf: {"min_val": min, "max_val": max}),
        ("clip clip_v2", "onednn", lambda alpha, beta: {"min_val": alpha, "max_val": beta}),
        ("bounded_relu", "onednn", lambda alpha: {"min_val": 0.0, "max_val": alpha}),
        ("CLIPPED_RELU", "cudnn", lambda coef: {"min_val": 0.0, "max_val": coef}),
        ("clipped_relu", "chainer", lambda z=20.0: {"min_val": 0.0, "max_val": z}),
    ),
    gradients={"min_val": hardtanh_min_slope, "max_val": hardtanh_max_slope},
    paper="Collobert, Large scale machine learning, PhD thesis, Paris VI (2004)",
)
def hardtanh(x: Scalar, min_val: Scalar = -1.0, max_val: Scalar = 1.0) -> Scalar:
    """The hard tanh, min(max(x, min_val), max_val)."""
    y = min_val if x <= min_val else x
    return max_val if y >= max_val else y


@jitable
def ramp(x: Scalar, shift: Scalar, width: Scalar) -> Scalar:
    """(x + shift) / width in two words, for finite x: near its root the sum is exact, elsewhere its error is kept."""
    d = x + shift
    high, low = inverse(width)
    y = times(d, high)
    return y, fma(d, high, -y) + fma(d, low, times(sum_error(x, shift, d), high))


@jitable
def hardsigmoid_slope(x: Scalar, shift: Scalar = 3.0, width: Scalar = 6.0) -> Scalar:
    """1 / width if -shift < x < width - shift else 0; NaN stays."""
    zero = type(x)(0.0)
    inside = zero if x >= width - shift else type(x)(1.0) / width
    return inside if x > -shift else zero if x <= -shift else x


@jitable
def hardsigmoid_width_slope(x: Scalar, shift: Scalar, width: Scalar) -> Scalar:
    """-(x + shift) / width^2 if -shift < x < width - shift else 0; NaN stays."""
    y, low = ramp(x, shift, width)
    return type(x)(0.0) if (x <= -shift) | (x >= width - shift) else -(y + low) / width


def by_slope(alpha: float, beta: float) -> dict[str, float]:
    """The parameters of hardsigmoid for alpha x + beta between 0 and 1."""
    if not alpha > 0:
        raise ValueError(f"hardsigmoid: alpha must be positive, got {alpha!r}")
    return {"shift": beta / alpha, "width": 1 / alpha}


@activation(
    derivative=hardsigmoid_slope,
    second=flat,
    reference=lambda m, x, shift, width: min(max((x + shift) / width, m.mpf(0)), m.mpf(1)),
    numpy=lambda x, shift=3.0, width=6.0: np.clip((x + shift) / width, 0, 1),
    kinks=lambda shift=3.0, width=6.0: {-shift: "left", width - shift: "right"},
    max_ulp=0.51,
    cost=Cost.MEMORY,
    params={
        "shift": "The result is 0 up to ``-shift``. 2.5 gives ONNX's and Keras 2's 0.2 x + 0.5, with a width of 5.",
        "width": "The result is 1 from ``width - shift`` on. Positive.",
    },
    values=(0, 1),
    slopes=(0, 1 / 6),
    names=(
        ("hardsigmoid hardσ", "nnlib"),  # noqa: RUF001
        ("hardsigmoid", "torch"),
        ("hard_sigmoid", "jax keras"),
        ("hard_sigmoid", "keras2 chainer", lambda: {"shift": 2.5, "width": 5.0}),
        ("HardSigmoid", "onnx", lambda alpha=0.2, beta=0.5: by_slope(alpha, beta)),
        ("hardsigmoid", "onednn", lambda alpha, beta: by_slope(alpha, beta)),
    ),
    gradients={"shift": hardsigmoid_slope, "width": hardsigmoid_width_slope},
    paper="Courbariaux, Bengio & David, NIPS 2015; Howard et al., ICCV 2019",
)
def hardsigmoid(x: Scalar, shift: Scalar = 3.0, width: Scalar = 6.0) -> Scalar:
    """The hard sigmoid, (x + shift) / width between 0 and 1: by default x / 6 + 1/2."""
    y, low = ramp(x, shift, width)
    return type(x)(1.0) if x >= width - shift else type(x)(0.0) if x <= -shift else y + low


@jitable
def hardswish_slope(x: Scalar) -> Scalar:
    """0 if x <= -3 else 1 if x >= 3 else x / 3 + 1/2, which is (x + 3/2) / 3; NaN stays."""
    y, low = ramp(x, type(x)(1.5), type(x)(3.0))
    return type(x)(1.0) if x >= type(x)(3.0) else type(x)(0.0) if x <= type(x)(-3.0) else y + low


def hardswish_bend(x: Scalar) -> Scalar:
    """1 / 3 if -3 < x < 3 else 0; NaN stays."""
    three = type(x)(3.0)
    return type(x)(1.0) / three if abs(x) < three else type(x)(0.0) if x == x else x


@activation(
    derivative=hardswish_slope,
    second=hardswish_bend,
    reference=lambda m, x: x * min(max(x + 3, m.mpf(0)), m.mpf(6)) / 6,
    numpy=lambda x: x * (np.clip(x + 3, 0, 6) / 6),
    kinks=lambda: {-3.0: "left", 3.0: "right"},
    max_ulp=0.51,
    cost=Cost.MEMORY,
    values=(-0.375, None),
    slopes=(-0.5, 1.5),
    names=(
        ("hardswish", "torch nnlib onednn mlx transformers"),
        ("hard_silu hard_swish", "jax keras"),
        ("HardSwish", "onnx"),
    ),
    paper="Howard et al., Searching for MobileNetV3, ICCV 2019",
)
def hardswish(x: Scalar) -> Scalar:
    """The hard swish, x times the hard sigmoid: 0 up to -3, x from 3 on, x (x + 3) / 6 between."""
    y, low = ramp(x, type(x)(3.0), type(x)(6.0))
    between = fma(x, y, x * low) if abs(x) > type(x)(0.0) else x  # the sum of two zeros would lose the sign
    return x if x >= type(x)(3.0) else type(x)(0.0) if x <= type(x)(-3.0) else between


def sparse_sigmoid_slope(x: Scalar) -> Scalar:
    """1/2 if -1 < x < 1 else 0; NaN stays."""
    return type(x)(0.5) if abs(x) < 1 else type(x)(0) if abs(x) >= 1 else x


@activation(
    derivative=sparse_sigmoid_slope,
    second=flat,
    reference=lambda m, x: min(max((x + 1) / 2, m.mpf(0)), m.mpf(1)),
    numpy=lambda x: np.clip((x + 1) / 2, 0, 1),
    kinks=lambda: {-1.0: "left", 1.0: "right"},
    max_ulp=0.5,
    cost=Cost.MEMORY,
    values=(0, 1),
    slopes=(0, 0.5),
    names=(("sparse_sigmoid", "jax keras"),),
    paper="Martins & Astudillo, ICML 2016 (sparsemax of two)",
)
def sparse_sigmoid(x: Scalar) -> Scalar:
    """The sparse sigmoid, (x + 1) / 2 between 0 and 1: the derivative of sparse_plus."""
    one, half = type(x)(1.0), type(x)(0.5)
    return one if x >= one else type(x)(0.0) if x <= -one else fma(x, half, half)


@jitable
def line(x: Scalar, x0: Scalar, y0: Scalar, slope: Scalar) -> Scalar:
    """y0 + slope (x - x0) with little more than one rounding, and y0 at infinity where the slope is 0."""
    d = x - x0
    rise = times(slope, d)
    rise_low = fma(slope, d, -rise) + times(slope, sum_error(x, -x0, d))
    y = y0 + rise
    z = y + (sum_error(y0, rise, y) + rise_low)
    return y0 if slope == type(x)(0.0) else z if abs(y) < type(x)(math.inf) else y


def bounded_relu_slope(x: Scalar, negative_slope: Scalar = 0.0, max_value: Scalar = math.inf, threshold: Scalar = 0.0) -> Scalar:
    """negative_slope if x <= threshold else 0 if x >= max_value else 1; NaN stays."""
    above = type(x)(0) if (x >= max_value) & (max_value < math.inf) else type(x)(1)
    return above if x > threshold else negative_slope if x <= threshold else x


def bounded_relu_negative_slope_slope(x: Scalar, negative_slope: Scalar, max_value: Scalar, threshold: Scalar) -> Scalar:
    """x - threshold on the line below the threshold, else 0; NaN stays."""
    return type(x)(0) if x > threshold else x - threshold


def bounded_relu_max_slope(x: Scalar, negative_slope: Scalar, max_value: Scalar, threshold: Scalar) -> Scalar:
    """1 where the result is max_value, else 0; NaN stays."""
    capped = (x > threshold) & (x >= max_value) & (max_value < math.inf)
    return type(x)(1) if capped else type(x)(0) if x == x else x


def bounded_relu_threshold_slope(x: Scalar, negative_slope: Scalar, max_value: Scalar, threshold: Scalar) -> Scalar:
    """-negative_slope on the line below the threshold, and at its end; else 0; NaN stays."""
    return type(x)(0) if x > threshold else -negative_slope if x <= threshold else x


@activation(
    derivative=bounded_relu_slope,
    second=flat,
    reference=lambda m, x, negative_slope, max_value, threshold: (
        negative_slope * (x - threshold) if x <= threshold else max_value if x >= max_value else x
    ),
    numpy=lambda x, negative_slope=0.0, max_value=math.inf, threshold=0.0: np.where(
        x > threshold, np.minimum(x, max_value), negative_slope * (x - threshold)
    ),
    kinks=lambda negative_slope=0.0, max_value=math.inf, threshold=0.0: (
        {threshold: "left"} | ({max_value: "right"} if threshold < max_value < math.inf else {})
    ),
    max_ulp=0.75,  # where the product is near the least normal number; else 0.51
    cost=Cost.MEMORY,
    params={
        "negative_slope": "The slope below the threshold.",
        "max_value": "The result from there on, above the threshold.",
        "threshold": "The result is ``negative_slope * (x - threshold)`` up to there, and x above: it jumps by the threshold.",
    },
    values=(0, None),
    slopes=(0, 1),
    names=(
        (
            "relu",
            "keras",
            lambda negative_slope=0.0, max_value=None, threshold=0.0: {
                "negative_slope": negative_slope,
                "max_value": math.inf if max_value is None else max_value,
                "threshold": threshold,
            },
        ),
        ("relu", "onednn", lambda alpha=0.0: {"negative_slope": alpha}),
        (
            "ReLU",
            "keras keras2",
            lambda max_value=None, negative_slope=0.0, threshold=0.0: {
                "negative_slope": negative_slope,
                "max_value": math.inf if max_value is None else max_value,
                "threshold": threshold,
            },
        ),
        (
            "relu",
            "keras2",
            lambda alpha=0.0, max_value=None, threshold=0.0: {
                "negative_slope": alpha,
                "max_value": math.inf if max_value is None else max_value,
                "threshold": threshold,
            },
        ),
    ),
    gradients={
        "negative_slope": bounded_relu_negative_slope_slope,
        "max_value": bounded_relu_max_slope,
        "threshold": bounded_relu_threshold_slope,
    },
    paper="Maas, Hannun & Ng, ICML 2013; Krizhevsky (2010); Konda, Memisevic & Krueger, ICLR 2015",
)
def bounded_relu(x: Scalar, negative_slope: Scalar = 0.0, max_value: Scalar = math.inf, threshold: Scalar = 0.0) -> Scalar:
    """The ReLU of Keras with slope, cap and threshold: x above the threshold, at most max_value; a line up to it."""
    zero = type(x)(0.0)
    # x + 0 makes a -0 a +0
    return line(x, threshold, zero, negative_slope) if x <= threshold else max_value if x >= max_value else x + zero


def srelu_slope(x: Scalar, t_left: Scalar = 0.0, a_left: Scalar = 0.2, t_right: Scalar = 1.0, a_right: Scalar = 1.0) -> Scalar:
    """a_right if x >= t_right else a_left if x <= t_left else 1; NaN stays."""
    return a_right if x >= t_right else a_left if x <= t_left else type(x)(1) if x == x else x


def srelu_t_left_slope(x: Scalar, t_left: Scalar, a_left: Scalar, t_right: Scalar, a_right: Scalar) -> Scalar:
    """1 - a_left on the left, else 0; NaN stays."""
    return type(x)(1) - a_left if (x <= t_left) & (x < t_right) else type(x)(0) if x == x else x


def srelu_a_left_slope(x: Scalar, t_left: Scalar, a_left: Scalar, t_right: Scalar, a_right: Scalar) -> Scalar:
    """x - t_left on the left, else 0; NaN stays."""
    return x - t_left if (x <= t_left) & (x < t_right) else type(x)(0) if x == x else x


def srelu_t_right_slope(x: Scalar, t_left: Scalar, a_left: Scalar, t_right: Scalar, a_right: Scalar) -> Scalar:
    """1 - a_right on the right, else 0; NaN stays."""
    return type(x)(1) - a_right if x >= t_right else type(x)(0) if x == x else x


def srelu_a_right_slope(x: Scalar, t_left: Scalar, a_left: Scalar, t_right: Scalar, a_right: Scalar) -> Scalar:
    """x - t_right on the right, else 0; NaN stays."""
    return x - t_right if x >= t_right else type(x)(0) if x == x else x


@activation(
    derivative=srelu_slope,
    second=flat,
    reference=lambda m, x, t_left, a_left, t_right, a_right: (
        t_right + a_right * (x - t_right) if x >= t_right else t_left + a_left * (x - t_left) if x <= t_left else x
    ),
    numpy=lambda x, t_left=0.0, a_left=0.2, t_right=1.0, a_right=1.0: np.where(
        x >= t_right, t_right + a_right * (x - t_right), np.where(x <= t_left, t_left + a_left * (x - t_left), x)
    ),
    kinks=lambda t_left=0.0, a_left=0.2, t_right=1.0, a_right=1.0: (
        ({t_left: "left"} if a_left != 1 else {}) | ({t_right: "right"} if a_right != 1 else {})
    ),
    max_ulp=0.75,  # where the product is near the least normal number; else 0.51
    cost=Cost.MEMORY,
    params={
        "t_left": "Up to there the slope is `a_left`.",
        "a_left": "The slope on the left.",
        "t_right": "From there on the slope is `a_right`; greater than `t_left`.",
        "a_right": "The slope on the right.",
    },
    values=(None, None),
    slopes=(0.2, 1),
    gradients={
        "t_left": srelu_t_left_slope,
        "a_left": srelu_a_left_slope,
        "t_right": srelu_t_right_slope,
        "a_right": srelu_a_right_slope,
    },
    paper="Jin et al., AAAI 2016",
)
def srelu(x: Scalar, t_left: Scalar = 0.0, a_left: Scalar = 0.2, t_right: Scalar = 1.0, a_right: Scalar = 1.0) -> Scalar:
    """The S-shaped ReLU, x between t_left and t_right, and a line of another slope on either side."""
    right = x >= t_right
    t = t_right if right else t_left
    side = line(x, t, t, a_right if right else a_left)
    return side if right | (x <= t_left) else x
