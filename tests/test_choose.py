"""choose(), without arrays: its whole truth table."""

import inspect

import pytest

from fastrelu.dispatch import Target, choose
from fastrelu.thresholds import DEFAULT, Cost, Thresholds

SIZES = Thresholds({Cost.MEMORY: 1 << 18, Cost.LIGHT: 1 << 17, Cost.HEAVY: 1 << 16}, 1 << 27)


@pytest.mark.parametrize("thresholds", [DEFAULT, SIZES])
@pytest.mark.parametrize("itemsize", [1, 2, 4, 8])
@pytest.mark.parametrize("cost", Cost)
def test_truth_table(cost, itemsize, thresholds):
    several, streaming = thresholds.parallel_from[cost] // itemsize, thresholds.streaming_from // itemsize
    for size in (0, 1, several - 1, several, several + 1, streaming - 1, streaming, 1 << 40):
        for threads in (1, 2, 64):
            wanted = Target.PARALLEL if threads > 1 and size >= several else Target.SERIAL
            wanted = Target.STREAMING if size >= streaming else wanted
            assert choose("cpu", size, itemsize, cost, threads, thresholds) is wanted
            assert choose("cuda", size, itemsize, cost, threads, thresholds) is Target.CUDA, "the device follows the data"


def test_every_cost_class_has_a_size():
    sizes = DEFAULT.parallel_from
    assert set(sizes) == set(Cost)
    assert sizes[Cost.MEMORY] >= sizes[Cost.LIGHT] >= sizes[Cost.HEAVY] > 0


def test_pure():
    """Nothing but arguments: no clock, no environment, no arrays."""
    assert list(inspect.signature(choose).parameters) == ["device", "size", "itemsize", "cost", "threads", "thresholds"]
    assert set(choose.__code__.co_names) <= {
        "Target",
        "CUDA",
        "PARALLEL",
        "SERIAL",
        "STREAMING",
        "parallel_from",
        "streaming_from",
    }
