"""Functions along an axis, and their backward passes; forward, NumPy beside them."""

import numpy as np
import pytest

from fastrelu.cli.measure import DTYPES, SIZES, keywords, operands

pytestmark = [
    pytest.mark.benchmark(max_time=0.2, min_rounds=5),
    pytest.mark.parametrize("size", SIZES),
    pytest.mark.parametrize("dtype", DTYPES),
]


@pytest.mark.parametrize("who", ["numpy", "fastrelu"])
def test_forward(measure, function, dtype, size, who):
    call = function if who == "fastrelu" else function.numpy
    measure(f"{function.dotted_name} {dtype} {size}", call, *operands(function, size, dtype), **keywords(function))


def test_backward(measure, function, dtype, size):
    (x,), named = operands(function, size, dtype), keywords(function)
    y = function(x, **named)
    measure(
        f"{function.dotted_name}.backward {dtype} {size}",
        function.backward,
        np.ones_like(y),
        x if function.pooled else y,
        **named,
    )
