"""Settings of all tests: the same random examples in every run."""

from buffers import small_buffers  # noqa: F401
from hypothesis import settings

settings.register_profile("fastrelu", derandomize=True, deadline=None, database=None)
settings.load_profile("fastrelu")
