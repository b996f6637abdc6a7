"""Settings of all tests: the same random examples in every run."""

import pytest
from buffers import small_buffers  # noqa: F401
from hypothesis import settings

import fastrelu as fr

settings.register_profile("fastrelu", derandomize=True, deadline=None, database=None)
settings.load_profile("fastrelu")


@pytest.fixture
def own_registry():
    """A registry that a test may add to."""
    before = dict(fr.registry)
    yield
    fr.registry.clear()
    fr.registry.update(before)
