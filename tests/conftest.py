"""Settings of all tests: the same random examples in every run; and a user without settings."""

import gc

import pytest
from buffers import small_buffers  # noqa: F401
from hypothesis import settings

import fastrelu as fr
from fastrelu import compiled, tuned

settings.register_profile("fastrelu", derandomize=True, deadline=None, database=None)
settings.load_profile("fastrelu")
compiled.SHORTENED_FROM = 0  # common calls take the short way from their second time on


@pytest.fixture(scope="module")
def frozen_heap():
    """What exists is left out of collections: after thousands of tests one takes half a second, and a test may need many."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture
def own_registry():
    """A registry that a test may add to."""
    before = dict(fr.registry)
    yield
    fr.registry.clear()
    fr.registry.update(before)


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A user without settings."""
    for name in ("XDG_CONFIG_HOME", "LOCALAPPDATA", "HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.delenv(tuned.VARIABLE, raising=False)
    tuned.in_force.cache_clear()
    yield tmp_path
    tuned.in_force.cache_clear()
