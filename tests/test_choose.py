"""choose(), without arrays: its whole truth table."""

import inspect

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastrelu.dispatch import Target, choose
from fastrelu.thresholds import Cost, Thresholds

THRESHOLDS = Thresholds({Cost.MEMORY: 1 << 18, Cost.LIGHT: 1 << 17, Cost.HEAVY: 1 << 16}, 1 << 23)


@pytest.mark.parametrize("itemsize", [1, 2, 4, 8])
@pytest.mark.parametrize("cost", Cost)
def test_truth_table(cost, itemsize):
    parallel, streaming = THRESHOLDS.parallel_from[cost] // itemsize, THRESHOLDS.streaming_from // itemsize
    for size in (0, 1, parallel - 1, parallel, parallel + 1, streaming - 1, streaming, 1 << 40):
        for threads in (1, 2, 64):
            alone = threads == 1 or size < parallel
            wanted = Target.STREAMING if size >= streaming else Target.SERIAL if alone else Target.PARALLEL
            assert choose(size, itemsize, cost, threads, THRESHOLDS) is wanted


@given(st.integers(0, 1 << 40), st.sampled_from(Cost), st.integers(1, 1 << 62), st.integers(1, 1 << 62))
def test_any_thresholds(size, cost, parallel_from, streaming_from):
    """Also where streaming pays earlier than threads do, and where neither ever does."""
    thresholds = Thresholds(dict.fromkeys(Cost, parallel_from), streaming_from)
    found = choose(size, 4, cost, 8, thresholds)
    assert (found is Target.STREAMING) == (4 * size >= streaming_from)
    assert (found is Target.SERIAL) == (4 * size < min(parallel_from, streaming_from))


def test_pure():
    """Nothing but its arguments: no clock, no environment, no arrays."""
    assert list(inspect.signature(choose).parameters) == ["size", "itemsize", "cost", "threads", "thresholds"]
    names = {"Target", "PARALLEL", "SERIAL", "STREAMING", "streaming_from", "parallel_from"}
    assert set(choose.__code__.co_names) <= names
