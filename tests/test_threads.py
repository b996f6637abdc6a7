"""Threads: several callers at once, forks, one thread, and every threading layer, each in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import numba
import numpy as np
import pytest

import fastrelu as fr
from fastrelu import threads

PACKAGE = Path(fr.__file__).parents[1]
LAYERS = ("tbb", "omp", "workqueue")

PRELUDE = """
import os, sys, threading
import numpy as np
import fastrelu as fr
from fastrelu import threads
x = np.random.default_rng(0).normal(size=400_000).astype(np.float32)
relu = np.maximum(x, 0)
sigmoid = 1 / (1 + np.exp(-x.astype(np.float64)))
def right():
    np.testing.assert_array_equal(fr.relu(x), relu)
    np.testing.assert_allclose(fr.sigmoid(x), sigmoid, rtol=3e-7)
    rows = fr.softmax(x.reshape(400, 1000))
    np.testing.assert_allclose(rows.sum(1), 1, rtol=1e-5)
"""


def python(code, timeout=120, **environment):
    """Runs a program with our package; returns what it printed."""
    settings = {**os.environ, "PYTHONPATH": str(PACKAGE), "NUMBA_NUM_THREADS": "2", **environment}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PRELUDE + code], env=settings, capture_output=True, text=True, timeout=timeout
    )
    assert done.returncode == 0, f"exit {done.returncode}: {done.stderr[-2000:]}"
    return done.stdout.split()


@pytest.mark.parametrize("layer", LAYERS)
def test_eight_callers_at_once(layer):
    """workqueue aborts a process in which two threads enter it."""
    code = """
errors = []
def work():
    try:
        for _ in range(20):
            right()
    except BaseException as error:
        errors.append(error)
callers = [threading.Thread(target=work) for _ in range(8)]
[caller.start() for caller in callers]
[caller.join() for caller in callers]
assert not errors, errors
import numba
print(numba.threading_layer())
assert threads.claim() == 2
threads.release(2)
"""
    assert python(code, NUMBA_THREADING_LAYER=layer) == [layer]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.parametrize("layer", LAYERS)
def test_fork_after_parallel_use(layer):
    """A child of an omp process would be killed, a grandchild would hang: both get the serial kernel."""
    code = """
import warnings
warnings.simplefilter("ignore", DeprecationWarning)  # fork in a process with threads
right()
def child(depth):
    assert threads.claim() == 1
    right()
    if depth:
        pid = os.fork()
        if pid == 0:
            child(depth - 1)
        status = os.waitpid(pid, 0)[1]
        assert status == 0, status
    os._exit(0)
pid = os.fork()
if pid == 0:
    try:
        child(1)
    finally:
        os._exit(7)
status = os.waitpid(pid, 0)[1]
assert status == 0, status
right()
assert threads.claim() == 2
print("fine")
"""
    assert python(code, NUMBA_THREADING_LAYER=layer) == ["fine"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_fork_before_any_use_keeps_the_threads():
    code = """
pid = os.fork()
if pid == 0:
    right()
    os._exit(0 if threads.claim() == 2 else 7)
assert os.waitpid(pid, 0)[1] == 0
print("fine")
"""
    assert python(code) == ["fine"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_fork_while_another_thread_computes():
    """The child must not inherit our lock, which nobody in it would release. Numba's compiler has one: compile first."""
    code = """
right()
import warnings
warnings.simplefilter("ignore", DeprecationWarning)
stop = threading.Event()
def work():
    while not stop.is_set():
        fr.sigmoid(x)
worker = threading.Thread(target=work)
worker.start()
for _ in range(10):
    pid = os.fork()
    if pid == 0:
        right()
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
stop.set()
worker.join()
print("fine")
"""
    assert python(code, NUMBA_THREADING_LAYER="tbb")[-1] == "fine"  # TBB prints that it could not join its threads


def test_multiprocessing():
    code = """
import multiprocessing, warnings
warnings.simplefilter("ignore", DeprecationWarning)
right()
with multiprocessing.get_context("fork").Pool(2) as pool:
    for got in pool.map(fr.relu, [x, x]):
        np.testing.assert_array_equal(got, relu)
print("fine")
"""
    assert python(code, NUMBA_THREADING_LAYER="omp") == ["fine"]


def test_one_thread():
    code = """
right()
assert threads.claim() == 1
assert threads.claim() == 1  # nothing is held
print(len(fr.relu._parallel), len(fr.sigmoid._parallel))
"""
    assert python(code, NUMBA_NUM_THREADS="1") == ["0", "0"]


def test_set_num_threads_is_respected():
    code = """
import numba
numba.set_num_threads(1)
right()
print(len(fr.relu._parallel))
numba.set_num_threads(2)
right()
print(len(fr.relu._parallel))
"""
    assert python(code) == ["0", "1"]


def test_no_pool_before_the_first_large_call():
    """Under omp a loaded parallel kernel is enough to kill a forked child."""
    code = """
fr.relu(x[:100]); fr.softmax(x[:100]); fr.sigmoid(list(x[:100]))
pool = sys.modules.get("numba.np.ufunc.parallel")
print(threads._started, bool(pool and pool._is_initialized))
"""
    assert python(code) == ["False", "False"]


@pytest.mark.skipif(numba.config.NUMBA_NUM_THREADS < 2, reason="one core")
class TestClaim:
    def test_second_caller_computes_alone(self):
        count = threads.claim()
        assert count == numba.get_num_threads() > 1
        try:
            assert threads.claim() == 1
            threads.release(1)  # frees nothing: the first caller still has them
            assert threads.claim() == 1
            x = np.random.default_rng(0).normal(size=400_000)
            np.testing.assert_array_equal(fr.relu(x), np.maximum(x, 0))
        finally:
            threads.release(count)
        assert threads.claim() == count
        threads.release(count)

    def test_released_after_an_error(self, monkeypatch):
        def fails(*_args, **_keywords):
            raise MemoryError

        monkeypatch.setattr(fr.Elementwise, "target", fails)
        with pytest.raises(MemoryError):
            fr.tanh(np.zeros(1_000_000))
        count = threads.claim()
        threads.release(count)
        assert count > 1
