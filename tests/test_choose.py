"""choose(), without arrays: its whole truth table."""

import inspect

import pytest

from fastrelu import dispatch
from fastrelu.dispatch import Target, choose
from fastrelu.thresholds import DEFAULT, Cost, Thresholds


@pytest.mark.parametrize("itemsize", [1, 2, 4, 8])
@pytest.mark.parametrize("cost", Cost)
def test_truth_table(cost, itemsize):
    parallel, streaming = DEFAULT.parallel_from[cost] // itemsize, DEFAULT.streaming_from // itemsize
    for size in (0, 1, parallel - 1, parallel, parallel + 1, streaming - 1, streaming, 1 << 40):
        for threads in (1, 2, 64):
            wanted = Target.PARALLEL if threads > 1 and size >= parallel else Target.SERIAL
            wanted = Target.STREAMING if size >= streaming else wanted
            assert choose("cpu", size, itemsize, cost, threads, DEFAULT) is wanted
            assert choose("cuda", size, itemsize, cost, threads, DEFAULT) is Target.CUDA, "the device follows the data"


def test_other_thresholds():
    thresholds = Thresholds({Cost.LIGHT: 100}, 1000)
    kinds = [choose("cpu", size, 1, Cost.LIGHT, 2, thresholds) for size in (99, 100, 999, 1000)]
    assert kinds == [Target.SERIAL, Target.PARALLEL, Target.PARALLEL, Target.STREAMING]


def test_every_cost_class_has_a_size():
    """A function that costs more an element is worth a second thread earlier."""
    sizes = DEFAULT.parallel_from
    assert set(sizes) == set(Cost)
    assert sizes[Cost.MEMORY] >= sizes[Cost.LIGHT] >= sizes[Cost.HEAVY] > 0
    assert DEFAULT.streaming_from > max(sizes.values())


def test_pure():
    """Nothing but arguments: no clock, no environment, no arrays, no measured data but what is given."""
    assert list(inspect.signature(choose).parameters) == ["device", "size", "itemsize", "cost", "threads", "thresholds"]
    assert set(choose.__code__.co_names) <= {*Target.__members__, "Target", "streaming_from", "parallel_from"}
    assert not hasattr(dispatch, "np")
