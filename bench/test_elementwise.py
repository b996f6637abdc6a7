"""Elementwise functions, their derivatives and backward passes; forward, NumPy beside them."""

import numpy as np
import pytest

from fastrelu.cli.measure import DTYPES, SIZES, operands

pytestmark = [
    pytest.mark.benchmark(max_time=0.2, min_rounds=5),
    pytest.mark.parametrize("size", SIZES),
    pytest.mark.parametrize("dtype", DTYPES),
]


@pytest.mark.parametrize("who", ["numpy", "fastrelu"])
def test_forward(measure, function, dtype, size, who):
    call = function if who == "fastrelu" else function.numpy
    measure(f"{function.dotted_name} {dtype} {size}", call, *operands(function, size, dtype))


def test_derivative(measure, function, dtype, size):
    measure(f"{function.dotted_name}.derivative {dtype} {size}", function.derivative, *operands(function, size, dtype))


def test_backward(measure, function, dtype, size):
    grad = np.ones(size, dtype)
    measure(f"{function.dotted_name}.backward {dtype} {size}", function.backward, grad, *operands(function, size, dtype))
