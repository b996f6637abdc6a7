"""choose(), without arrays: its whole truth table, and the sizes of chunks."""

import inspect

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastrelu.dispatch import Target, choose
from fastrelu.thresholds import CHUNK_BYTES, PARALLEL_FROM_BYTES, Cost


@pytest.mark.parametrize("itemsize", [1, 2, 4, 8])
@pytest.mark.parametrize("cost", Cost)
def test_truth_table(cost, itemsize):
    limit = PARALLEL_FROM_BYTES[cost] // itemsize
    for size in (0, 1, limit - 1, limit, limit + 1, 1 << 40):
        for threads in (1, 2, 64):
            wanted = Target.PARALLEL if threads > 1 and size >= limit else Target.SERIAL
            assert choose("cpu", size, itemsize, cost, threads) is wanted
            assert choose("cuda", size, itemsize, cost, threads) is Target.CUDA, "the device follows the data"


def test_every_cost_class_has_a_size():
    assert set(PARALLEL_FROM_BYTES) == set(Cost)
    assert PARALLEL_FROM_BYTES[Cost.MEMORY] >= PARALLEL_FROM_BYTES[Cost.LIGHT] >= PARALLEL_FROM_BYTES[Cost.HEAVY] > 0


def test_pure():
    """Nothing but arguments and measured data: no clock, no environment, no arrays."""
    assert list(inspect.signature(choose).parameters) == ["device", "size", "itemsize", "cost", "threads"]
    assert set(choose.__code__.co_names) <= {"Target", "CUDA", "PARALLEL", "SERIAL", "PARALLEL_FROM_BYTES", "STREAMING"}


@given(st.integers(0, 1 << 40), st.sampled_from([1, 2, 4, 8]), st.integers(1, 256))
def test_chunks_cover_everything_in_whole_lines(size, itemsize, threads):
    chunk = chunk_size(size, itemsize, threads)
    assert chunk > 0
    assert chunk * itemsize % LINE == 0, "two threads would write the same cache line"
    assert chunk * itemsize >= min(CHUNK_BYTES, chunk * itemsize)
    assert -(-size // chunk) <= threads, "no more chunks than threads"
    assert chunk * itemsize >= CHUNK_BYTES


@given(st.integers(1, 1 << 20), st.integers(1, 1 << 24), st.integers(2, 64))
def test_chunks_of_rows(rows, row_bytes, threads):
    """A fold counts rows: items longer than a cache line."""
    chunk = chunk_size(rows, row_bytes, threads)
    assert chunk > 0
    assert -(-rows // chunk) <= threads
