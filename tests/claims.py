"""The pool's threads, taken as a compiled call takes them."""

import contextlib

from fastrelu import pool
from fastrelu.kernels import pool as native


@contextlib.contextmanager
def claimed(size):
    """How many threads a call that writes so many bytes may use, and until the end of the block nobody else."""
    pool.ready()
    count = pool.claim(size)
    try:
        yield count
    finally:
        if count > 1:
            pool.STATE[native.BUSY] = 0


def willing():
    """Forgets the stalls of a busy machine, after which calls stay serial for a while."""
    pool.STATE[native.SKIP], pool.STATE[native.CREDIT] = 0, native.MOST_CREDIT
