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


def pytest_collection_finish():
    """Fifteen thousand tests are left out of every collection of garbage."""
    freeze()


@pytest.fixture(scope="module")
def frozen_heap():
    """So is what the tests before have left: a collection takes half a second after thousands, and a test may need many."""
    freeze()


def freeze():
    gc.collect()
    gc.freeze()


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
