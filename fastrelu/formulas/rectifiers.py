"""Piecewise linear functions: relu and its family, threshold, step, identity."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from fastrelu.activation import activation
from fastrelu.thresholds import Cost
from fastrelu.vecmath.primitives import Scalar, fma
from fastrelu.vecmath.words import sum_error


def relu_slope(x: Scalar) -> Scalar:
    """1 if x > 0 else 0; NaN stays."""
    return type(x)(1) if x > 0 else type(x)(0) if x <= 0 else x


def flat(x: Scalar, *_params: Scalar) -> Scalar:
    """0: the function is made of lines, and where two of them meet or it jumps the value is 0 too; NaN stays."""
    return type(x)(0) if x == x else x


@activation(
    derivative=relu_slope,
    second=flat,
    from_output=relu_slope,
    reference=lambda m, x: x if x > 0 else m.mpf(0),
    numpy=lambda x: np.maximum(x, 0),
    kinks=lambda: {0.0: "left"},
    max_ulp=0.0,
    cost=Cost.MEMORY,
    integers=True,
    values=(0, None),
    slopes=(0, 1),
    names=(
        ("relu", "torch jax tf nnlib mlx chainer sklearn transformers"),
        ("Relu", "onnx"),
        ("RELU", "cudnn"),
    ),
    paper="Fukushima, Biological Cybernetics 20 (1975); Nair & Hinton, ICML 2010",
)
def relu(x: Scalar) -> Scalar:
    """The rectified linear unit, x if x > 0 else 0; every zero is +0."""
    return type(x)(0) if x <= 0 else x


def leaky_relu_slope(x: Scalar, negative_slope: Scalar = 0.01) -> Scalar:
    """1 if x > 0 else negative_slope; NaN stays."""
    return type(x)(1) if x > 0 else negative_slope if x <= 0 else x


def negative_part(x: Scalar, slope: Scalar) -> Scalar:
    """x if x <= 0 else 0: the derivative of a leaky ReLU with respect to its slope."""
    return type(x)(0) if x > 0 else x


@activation(
    derivative=leaky_relu_slope,
    second=flat,
    from_output=leaky_relu_slope,
    from_output_minimum={"negative_slope": 0.0},
    reference=lambda m, x, negative_slope: x if x > 0 else negative_slope * x,
    numpy=lambda x, negative_slope=0.01: np.where(x > 0, x, negative_slope * x),
    kinks=lambda negative_slope=0.01: {0.0: "left"},
    max_ulp=0.5,
    cost=Cost.MEMORY,
    params={"negative_slope": "The slope where x <= 0."},
    values=(None, None),
    slopes=(0.01, 1),
    names=(
        ("leaky_relu", "torch jax mlx transformers"),
        ("leakyrelu", "nnlib"),
        ("leaky_relu", "keras", lambda negative_slope=0.2: {"negative_slope": negative_slope}),
        ("LeakyReLU", "keras", lambda negative_slope=0.3: {"negative_slope": negative_slope}),
        ("LeakyReLU", "keras2", lambda alpha=0.3: {"negative_slope": alpha}),
        ("leaky_relu", "keras2 tf", lambda alpha=0.2: {"negative_slope": alpha}),
        ("LeakyRelu", "onnx", lambda alpha=0.01: {"negative_slope": alpha}),
        ("leaky_relu", "chainer", lambda slope=0.2: {"negative_slope": slope}),
    ),
    gradients={"negative_slope": negative_part},
    paper="Maas, Hannun & Ng, ICML 2013",
)
def leaky_relu(x: Scalar, negative_slope: Scalar = 0.01) -> Scalar:
    """The leaky ReLU, x if x > 0 else negative_slope * x."""
    return x if x > 0 else negative_slope * x


def prelu_slope(x: Scalar, weight: Scalar) -> Scalar:
    """1 if x > 0 else weight; NaN stays."""
    return type(x)(1) if x > 0 else weight if x <= 0 else x


def one_axis_or_one_weight(x: Any, weight: Any) -> None:
    """Refuses what torch and Chainer take for a weight of each channel, along the second axis, and NumPy along the last."""
    if np.ndim(x) > 2 and np.ndim(weight) == 1 and np.size(weight) > 1:
        came = f"weights along one axis for {np.ndim(x)}"
        raise ValueError(f"prelu: weight must have an axis for each one from the channels' on, as weight[:, None], got {came}")


@activation(
    derivative=prelu_slope,
    second=flat,
    gradients={"weight": negative_part},
    reference=lambda m, x, weight: x if x > 0 else weight * x,
    numpy=lambda x, weight: np.where(x > 0, x, weight * x),
    kinks=lambda: {0.0: "left"},
    max_ulp=0.5,
    cost=Cost.MEMORY,
    params={
        "weight": "The slope where x <= 0: broadcasts against `x` by NumPy's rules. The weight of a channel axis that is"
        " not the last, as in torch's (N, C, H, W), is given as ``weight[:, None, None]``."
    },
    values=(None, None),
    slopes=(0.25, 1),
    names=(
        ("prelu", "torch chainer", lambda: {}, one_axis_or_one_weight),
        ("prelu", "onednn mlx transformers"),
        ("PReLU", "keras keras2 jax"),
        ("PRelu", "onnx"),
    ),
    paper="He, Zhang, Ren & Sun, ICCV 2015",
)
def prelu(x: Scalar, weight: Scalar) -> Scalar:
    """The parametric ReLU, x if x > 0 else weight * x."""
    return x if x > 0 else weight * x


def relu6_slope(x: Scalar) -> Scalar:
    """1 if 0 < x < 6 else 0; NaN stays."""
    return (type(x)(0) if x >= 6 else type(x)(1)) if x > 0 else type(x)(0) if x <= 0 else x


@activation(
    derivative=relu6_slope,
    second=flat,
    from_output=relu6_slope,
    reference=lambda m, x: min(max(x, m.mpf(0)), m.mpf(6)),
    numpy=lambda x: np.minimum(np.maximum(x, 0), 6),
    kinks=lambda: {0.0: "left", 6.0: "right"},
    max_ulp=0.0,
    cost=Cost.MEMORY,
    integers=True,
    values=(0, 6),
    slopes=(0, 1),
    names=(("relu6", "torch jax keras keras2 tf nnlib mlx chainer transformers"),),
    paper="Krizhevsky, Convolutional deep belief networks on CIFAR-10 (2010)",
)
def relu6(x: Scalar) -> Scalar:
    """The ReLU capped at six, min(max(x, 0), 6)."""
    return type(x)(6) if x > 6 else type(x)(0) if x <= 0 else x


def rrelu_slope(x: Scalar, lower: Scalar = 1 / 8, upper: Scalar = 1 / 3) -> Scalar:
    """1 if x > 0 else (lower + upper) / 2; NaN stays."""
    return type(x)(1) if x > 0 else type(x)(0.5) * (lower + upper) if x <= 0 else x


def rrelu_training_slope(x: Scalar, u: Scalar, lower: Scalar = 1 / 8, upper: Scalar = 1 / 3) -> Scalar:
    """1 if x > 0 else lower + (upper - lower) * u; NaN stays."""
    return type(x)(1) if x > 0 else fma(upper - lower, u, lower) if x <= 0 else x


def rrelu_training(x: Scalar, u: Scalar, lower: Scalar = 1 / 8, upper: Scalar = 1 / 3) -> Scalar:
    """x if x > 0 else (lower + (upper - lower) * u) * x."""
    return x if x > 0 else fma(upper - lower, u, lower) * x


def half_negative_part(x: Scalar, lower: Scalar, upper: Scalar) -> Scalar:
    """x / 2 if x <= 0 else 0: the derivative with respect to either slope."""
    return type(x)(0) if x > 0 else type(x)(0.5) * x


@activation(
    derivative=rrelu_slope,
    second=flat,
    from_output=rrelu_slope,
    from_output_minimum={"lower": 0.0, "upper": 0.0},
    reference=lambda m, x, lower, upper: x if x > 0 else (lower + upper) / 2 * x,
    numpy=lambda x, lower=1 / 8, upper=1 / 3: np.where(x > 0, x, (lower + upper) / 2 * x),
    kinks=lambda lower=1 / 8, upper=1 / 3: {0.0: "left"},
    max_ulp=1.0,  # where the result is near the least normal number; else 0.51
    cost=Cost.MEMORY,
    training=rrelu_training,
    training_derivative=rrelu_training_slope,
    params={"lower": "The least slope where x <= 0.", "upper": "The greatest slope there."},
    values=(None, None),
    slopes=(11 / 48, 1),
    names=(
        ("rrelu", "torch tfa nnlib"),
        ("rrelu", "chainer", lambda l=1 / 8, u=1 / 3: {"lower": l, "upper": u}),  # noqa: E741
    ),
    gradients={"lower": half_negative_part, "upper": half_negative_part},
    paper="Xu, Wang, Chen & Li, Empirical evaluation of rectified activations in convolutional network (2015)",
)
def rrelu(x: Scalar, lower: Scalar = 1 / 8, upper: Scalar = 1 / 3) -> Scalar:
    """The randomized leaky ReLU, x if x > 0 else slope * x: (lower + upper) / 2, or while training a random slope an element."""
    half = type(x)(0.5)
    slope = half * (lower + upper)
    low = half * sum_error(lower, upper, lower + upper)
    y = fma(slope, x, low * x)
    return x if x > type(x)(0.0) else y if abs(x) < type(x)(math.inf) else slope * x


def threshold_slope(x: Scalar, threshold: Scalar = 0.0, value: Scalar = 0.0) -> Scalar:
    """1 if x > threshold else 0; NaN stays."""
    return type(x)(1) if x > threshold else type(x)(0) if x <= threshold else x


def threshold_value_slope(x: Scalar, threshold: Scalar, value: Scalar) -> Scalar:
    """1 if x <= threshold else 0; NaN stays."""
    return type(x)(1) if x <= threshold else type(x)(0) if x > threshold else x


@activation(
    derivative=threshold_slope,
    second=flat,
    reference=lambda m, x, threshold, value: x if x > threshold else value,
    numpy=lambda x, threshold=0.0, value=0.0: np.where(x > threshold, x, value),
    kinks=lambda threshold=0.0, value=0.0: {threshold: "left"},
    max_ulp=0.0,
    cost=Cost.MEMORY,
    integers=True,
    params={"threshold": "Up to there the result is `value`.", "value": "The result where x <= threshold."},
    values=(0, None),
    slopes=(0, 1),
    names=(
        ("threshold", "torch", lambda threshold, value: {"threshold": threshold, "value": value}),
        ("threshold", "keras", lambda threshold, default_value: {"threshold": threshold, "value": default_value}),
    ),
    gradients={"threshold": flat, "value": threshold_value_slope},
    paper="torch.nn.functional.threshold",
)
def threshold(x: Scalar, threshold: Scalar = 0.0, value: Scalar = 0.0) -> Scalar:
    """Thresholding, x if x > threshold else value."""
    return value if x <= threshold else x


def thresholded_relu_slope(x: Scalar, alpha: Scalar = 1.0) -> Scalar:
    """1 if x > alpha else 0; NaN stays."""
    return type(x)(1) if x > alpha else type(x)(0) if x <= alpha else x


@activation(
    derivative=thresholded_relu_slope,
    second=flat,
    reference=lambda m, x, alpha: x if x > alpha else m.mpf(0),
    numpy=lambda x, alpha=1.0: np.where(x > alpha, x, 0),
    kinks=lambda alpha=1.0: {alpha: "left"},
    max_ulp=0.0,
    cost=Cost.MEMORY,
    integers=True,
    params={"alpha": "Up to there the result is 0."},
    values=(0, None),
    slopes=(0, None),
    names=(
        ("ThresholdedRelu", "onnx"),
        ("trelu thresholdrelu", "nnlib"),
        ("ThresholdedReLU", "keras2", lambda theta=1.0: {"alpha": theta}),
    ),
    gradients={"alpha": flat},
    paper="Konda, Memisevic & Krueger, ICLR 2015",
)
def thresholded_relu(x: Scalar, alpha: Scalar = 1.0) -> Scalar:
    """The thresholded ReLU, x if x > alpha else 0."""
    return type(x)(0) if x <= alpha else x


def flat_slope(x: Scalar, threshold: Scalar = 0.0) -> Scalar:
    """0; NaN stays."""
    return type(x)(0) if x == x else x


@activation(
    derivative=flat_slope,
    second=flat,
    reference=lambda m, x, threshold: m.mpf(1) if x >= threshold else m.mpf(0),
    numpy=lambda x, threshold=0.0: np.heaviside(x - threshold, 1),
    kinks=lambda threshold=0.0: {threshold: "left"},
    max_ulp=0.0,
    cost=Cost.MEMORY,
    integers=True,
    params={"threshold": "From where on the value is 1."},
    values=(0, 1),
    slopes=(0, None),
    names=(("step", "mlx"),),
    gradients={"threshold": flat},
    paper="McCulloch & Pitts, Bulletin of Mathematical Biophysics 5 (1943)",
)
def step(x: Scalar, threshold: Scalar = 0.0) -> Scalar:
    """The Heaviside step, 1 if x >= threshold else 0."""
    return type(x)(1) if x >= threshold else type(x)(0) if x < threshold else x


def identity_slope(x: Scalar) -> Scalar:
    """1; NaN stays."""
    return type(x)(1) if x == x else x


@activation(
    derivative=identity_slope,
    second=flat,
    from_output=identity_slope,
    reference=lambda m, x: x,
    numpy=lambda x: np.positive(x),
    max_ulp=0.0,
    cost=Cost.MEMORY,
    integers=True,
    values=(None, None),
    slopes=(1, 1),
    names=(
        ("identity", "jax tf nnlib sklearn"),
        ("Identity", "torch onnx mlx"),
        ("linear", "keras keras2 transformers"),
        ("IDENTITY", "cudnn"),
    ),
)
def identity(x: Scalar) -> Scalar:
    """The identity, x: a copy."""
    return x
