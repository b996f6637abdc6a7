"""Arrays of reused memory that are small."""

import numpy as np
import pytest

from fastrelu import memory

FROM = 1 << 12  # instead of 4 MB, for arrays from memory.empty_like


@pytest.fixture
def small_buffers(monkeypatch):
    """Nothing kept from another test, and nothing left behind."""
    before = memory.limit()
    memory.clear()
    monkeypatch.setattr(memory, "FROM_BYTES", FROM)
    yield
    memory.limit(before)
    memory.clear()


def make(pattern, size=2048, dtype="int64"):
    """An array of reused memory, filled."""
    result = memory.empty_like(np.empty(size, dtype), np.dtype(dtype))
    result[:] = pattern
    return result
