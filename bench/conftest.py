"""The grid of the benchmarks, from the registry: pytest bench --benchmark-group-by=group."""

import numpy as np
import pytest

import fastrelu as fr
from fastrelu.fold import Fold


def pytest_generate_tests(metafunc):
    """Functions of the test's own kind: test_folds.py gets those along an axis."""
    if "function" in metafunc.fixturenames:
        folds = metafunc.module.__name__.endswith("folds")
        functions = [function for function in fr.registry.values() if isinstance(function, Fold) is folds]
        metafunc.parametrize("function", functions, ids=lambda function: function.dotted_name)


@pytest.fixture
def measure(benchmark):
    """Times a call: compiled, in cache and with its pages in memory before the clock starts."""

    def run(group, call, *arrays, **named):
        benchmark.group = group
        with np.errstate(all="ignore"):  # the plain NumPy expressions overflow
            results = call(*arrays, **named)
            benchmark(call, *arrays, **named)
        results = results if isinstance(results, tuple) else (results,)
        moved = sum(array.nbytes for array in (*arrays, *results))
        benchmark.extra_info["GB/s"] = round(moved / benchmark.stats.stats.median / 1e9, 2)

    return run
