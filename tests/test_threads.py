"""Threads: many callers at once, forks, limits, and every threading layer of Numba beside ours, each in a process of its own."""

import contextlib
import functools
import itertools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numba
import numpy as np
import pytest
from claims import claimed, willing

import fastrelu as fr
from fastrelu import memory, pool
from fastrelu.kernels import pool as native

PACKAGE = Path(fr.__file__).parents[1]
LAYERS = ("tbb", "omp", "workqueue")
LARGE = 1 << 25  # bytes

PRELUDE = """
import concurrent.futures, multiprocessing, os, sys, threading, warnings
import numba
import numpy as np
import fastrelu as fr
from fastrelu import memory, pool
from claims import claimed, willing
warnings.simplefilter("ignore", DeprecationWarning)  # fork in a process with threads

x = np.random.default_rng(0).normal(size=400_000).astype(np.float32)
bits = {n: (fr.relu.target(x.dtype)(x[:n]), fr.sigmoid.target(x.dtype)(x[:n])) for n in (100, 20_000, 100_000, 400_000)}
rows = fr.softmax.target(x.dtype)(x.reshape(400, 1000))

def right(times=1):
    for _ in range(times):
        for n, (relu, sigmoid) in bits.items():
            assert np.array_equal(fr.relu(x[:n]), relu)
            assert np.array_equal(fr.sigmoid(x[:n]), sigmoid)
            assert np.array_equal(fr.sigmoid(x[:n][::-1]), sigmoid[::-1])
        assert np.array_equal(fr.softmax(x.reshape(400, 1000)), rows)
    return "right"

def threads():
    with claimed(1 << 25) as count:
        return count

def theirs(values):
    return numba.vectorize(["f4(f4)"], target="parallel")(lambda value: value + 1)(values)

def in_a_child(work):
    pid = os.fork()
    if pid == 0:
        try:
            work()
            os._exit(0)
        finally:
            os._exit(7)
    status = os.waitpid(pid, 0)[1]
    assert status == 0, status
"""

SCENARIOS = {
    "8_threads": """
errors = []
def work():
    try:
        right(10)
    except BaseException as error:
        errors.append(error)
callers = [threading.Thread(target=work) for _ in range(8)]
[caller.start() for caller in callers]
[caller.join() for caller in callers]
assert not errors, errors
""",
    "futures": """
with concurrent.futures.ThreadPoolExecutor(8) as executor:
    assert set(executor.map(right, [3] * 24)) == {"right"}
""",
    "fork": """
in_a_child(right)
right()
""",
    "fork_of_a_fork": """
in_a_child(lambda: (right(), in_a_child(lambda: (right(), in_a_child(right))), right()))
right()
""",
    "fork_while_computing": """
right()  # Numba's compiler has a lock, which a child inherits: compile before
stop = threading.Event()
def work():
    while not stop.is_set():
        fr.sigmoid(x)
worker = threading.Thread(target=work)
worker.start()
for _ in range(10):
    in_a_child(right)
stop.set()
worker.join()
""",
    "fork_while_making_ufuncs": """
functions = [each for each in fr.registry.values() if isinstance(each, fr.Elementwise)][:12]
worker = threading.Thread(target=lambda: [each.ufunc for each in functions[1:]])
worker.start()
for _ in range(8):
    in_a_child(lambda: functions[0].ufunc)
worker.join()
right()
""",
    "fork_in_a_handler": """
import signal, time
right()
children = []
def fork(*_):
    children.append(os.fork())
    if not children[-1]:  # it goes on in the middle of a call
        signal.setitimer(signal.ITIMER_REAL, 0)
signal.signal(signal.SIGALRM, fork)
end = time.monotonic() + 3
while time.monotonic() < end and (not children or children[-1]):
    signal.setitimer(signal.ITIMER_REAL, 1e-4 + len(children) % 37 * 5e-5)
    known = len(children)
    while len(children) == known:
        y = fr.sigmoid(x)
    if children[-1] == 0:
        right_bits = np.array_equal(y, bits[400_000][1]) and right() == "right"
        os._exit(0 if right_bits else 9)
    assert os.waitpid(children[-1], 0)[1] == 0
signal.setitimer(signal.ITIMER_REAL, 0)
""",
    "fork_while_compiling": """
worker = threading.Thread(target=lambda: [each.loop(np.dtype("float64")) for each in list(fr.registry.values())[::5]])
worker.start()
for _ in range(8):
    in_a_child(lambda: fr.gelu(x[:10].astype(np.float64)))
worker.join()
right()
""",
    "spawn": """
if __name__ == "__main__":
    with multiprocessing.get_context("spawn").Pool(2) as processes:
        assert all(np.array_equal(got, bits[400_000][0]) for got in processes.map(fr.relu, [x] * 4))
""",
    "multiprocessing_pool": """
with multiprocessing.get_context("fork").Pool(3) as processes:
    assert set(processes.map(right, [2] * 6)) == {"right"}
""",
    "beside_numba": """
@numba.njit(parallel=True)
def sum_of(values):
    total = 0.0
    for k in numba.prange(values.size):
        total += values[k]
    return total
done = threading.Event()
with concurrent.futures.ThreadPoolExecutor(4) as executor:
    ours = [executor.submit(right, 10) for _ in range(4)]
    while not all(each.done() for each in ours):
        sum_of(x)
    assert {each.result() for each in ours} == {"right"}
""",
}


def python(code, timeout=120, **environment):
    """Runs a program with our package; returns what it printed."""
    settings = {
        **os.environ,
        "PYTHONPATH": f"{PACKAGE}{os.pathsep}{Path(__file__).parent}",
        "NUMBA_NUM_THREADS": "2",
        **environment,
    }
    command = [sys.executable, "-W", "error", "-c", PRELUDE + code]
    done = subprocess.run(command, env=settings, capture_output=True, text=True, timeout=timeout)
    assert done.returncode == 0, f"exit {done.returncode}: {done.stderr[-2000:]}"
    return done.stdout.split()


def scenarios():
    """All with tbb; with the other layers those in which a layer can be in the way, and the rest in a slow run."""
    for scenario, layer in itertools.product(SCENARIOS, LAYERS):
        quick = layer == "tbb" or scenario in ("8_threads", "fork", "beside_numba")
        yield pytest.param(scenario, layer, id=f"{scenario}-{layer}", marks=() if quick else pytest.mark.slow)


@pytest.mark.parametrize(("scenario", "layer"), list(scenarios()))
def test_scenario(scenario, layer):
    """omp kills forked children, workqueue aborts when two threads enter it: not through our calls, even once it runs."""
    if "fork" in SCENARIOS[scenario] and not hasattr(os, "fork"):
        pytest.skip("no fork on this system")
    start = (
        "right()\n"
        if scenario == "spawn"
        else "theirs(x)\nassert numba.threading_layer() == os.environ['NUMBA_THREADING_LAYER']\n"
    )
    end = "assert threads() == 2\nprint('fine')"
    # TBB prints that it could not join its threads after a fork
    assert python(start + SCENARIOS[scenario] + end, NUMBA_THREADING_LAYER=layer)[-1] == "fine"


class TestLimits:
    """Ours, Numba's, and both together."""

    def test_numba_num_threads(self):
        assert python("right(); print(threads())", NUMBA_NUM_THREADS="1") == ["1"]

    def test_set_num_threads(self):
        code = "numba.set_num_threads(1); right(); print(threads()); numba.set_num_threads(2); right(); print(threads())"
        assert python(code) == ["1", "2"]

    def test_set_num_threads_stops_the_short_way(self):
        """Small parallel calls never reach Python: they have to see that Numba runs."""
        code = """
large = np.resize(x, 1_000_000)
def generation():
    fr.sigmoid(large)
    return int(pool.STATE[pool.native.GATE]) // pool.native.GENERATION
fr.sigmoid(large)
willing()
before = generation()
willing()
assert generation() == before + 1
numba.set_num_threads(1)
assert [generation() for _ in range(3)] == [before + 1] * 3
numba.set_num_threads(2)
willing()
other = threading.Thread(target=lambda: (numba.set_num_threads(1), generation()))  # the limit is each thread's own
other.start()
other.join()
print(generation() - before)
"""
        assert python(code) == ["2"]

    def test_environment(self):
        assert python("right(); print(threads())", FASTRELU_NUM_THREADS="1") == ["1"]
        assert python("right(); print(threads())", FASTRELU_NUM_THREADS="500") == ["2"]
        assert python("right(); print(threads())", FASTRELU_NUM_THREADS="") == ["2"]

    @pytest.mark.parametrize("value", ["0", "-1", "two", "1.5", " "])
    def test_wrong_environment(self, value):
        with pytest.raises(AssertionError, match="FASTRELU_NUM_THREADS must be a positive integer"):
            python("", FASTRELU_NUM_THREADS=value)

    def test_function_and_context(self):
        code = """
fr.threads(1)
assert threads() == 1 and numba.get_num_threads() == 2
with fr.threads(2):
    assert threads() == 2
    with fr.threads(1):
        assert threads() == 1
        in_a_child(lambda: right() and (threads() == 1 or os._exit(9)))
    assert threads() == 2
print(threads())
"""
        assert python(code) == ["1"]

    @pytest.mark.parametrize(
        ("n", "error", "text"),
        [
            (0, ValueError, "threads: n must be from 1 to"),
            (10**6, ValueError, "threads: n must be from 1 to"),
            (1.0, TypeError, "threads: n must be an integer, got float"),
            ("2", TypeError, "threads: n must be an integer, got str"),
        ],
    )
    def test_errors(self, n, error, text):
        before = pool.allowed()
        with pytest.raises(error, match=text):
            fr.threads(n)
        assert pool.allowed() == before


def test_nothing_starts_before_the_first_large_call():
    code = """
fr.relu(x[:100]); fr.softmax(x[:100]); fr.sigmoid(list(x[:100]))
from numba.np.ufunc import parallel
print(pool.STATE[pool.native.STARTED], parallel._is_initialized)
"""
    assert python(code) == ["0", "False"]


def test_threads_that_cannot_be_made():
    """The system has none left for a while: the calls are serial, the process ends, and later ones try again."""
    code = """
start, pool._start_thread = pool._start_thread, lambda *_: pool._NO_THREAD
right()
print(pool.STATE[pool.native.STARTED])
pool._start_thread = start
willing()
right()
print(pool.STATE[pool.native.STARTED])
"""
    assert python(code) == ["1", "2"]


def test_the_end_of_fewer_threads_than_there_could_be():
    code = """
with fr.threads(2):
    right()
print(pool.STATE[pool.native.STARTED])
pool._stop()
print(*(pool._words_of(index)[pool.native.ALIVE] for index in range(1, 4)))
"""
    assert python(code, NUMBA_NUM_THREADS="4") == ["2", "0", "0", "0"]


def test_small_stacks():
    """Of the process, as of servers with many threads, and of the user's own."""
    code = """
threading.stack_size(1 << 16)
def work():
    right(2)
    for each in (x[::2], x.reshape(400, 1000).T, x.reshape(1000, 400)[:, ::-1]):
        fr.sigmoid(each, where=each > 0)
        fr.prelu.backward(each, each, each)
worker = threading.Thread(target=work)
worker.start()
worker.join()
work()
print("fine", threading.stack_size() == 1 << 16)
"""
    assert python(code) == ["fine", "True"]


def test_more_threads_than_at_the_import():
    code = """
numba.config.NUMBA_NUM_THREADS = 8
try:
    fr.threads(8)
except ValueError as error:
    print(error)
right()
"""
    assert " ".join(python(code)) == "threads: n must be from 1 to 2, got 8"


def test_a_finalizer_that_computes():
    """The garbage collector may run one in the middle of any call, the first one included, which starts the threads."""
    code = """
import gc
class Model:
    def __init__(self):
        self.me = self
    def __del__(self):
        fr.sigmoid(x)
fr.relu(x[:10])
gc.disable()
models = [Model() for _ in range(3)]
del models
gc.set_threshold(50)
gc.enable()
right(3)
print("fine")
"""
    assert python(code) == ["fine"]


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timers on this system")
def test_a_handler_that_computes():
    code = """
import signal, time
large = np.resize(x, 1_500_000)
wanted, calls, inside = fr.relu.target(x.dtype)(large), 0, False
def compute(*_):
    global calls, inside
    if not inside:
        inside = True
        assert np.array_equal(fr.relu(large), wanted)
        calls, inside = calls + 1, False
signal.signal(signal.SIGALRM, compute)
signal.setitimer(signal.ITIMER_REAL, 0.001, 0.00203)
end = time.monotonic() + 3
while time.monotonic() < end:
    assert np.array_equal(fr.relu(large), wanted)
signal.setitimer(signal.ITIMER_REAL, 0)
print("fine", calls > 10)
"""
    assert python(code) == ["fine", "True"]


def test_an_ordinary_exit_while_threads_spin():
    for _ in range(3):
        assert python("fr.sigmoid(x); print('done')") == ["done"]


def free():
    """Whether a call gets the threads, so that nobody has kept them."""
    with claimed(LARGE) as count:
        return count > 1


@pytest.mark.skipif(numba.config.NUMBA_NUM_THREADS < 2, reason="one core")
class TestClaim:
    @pytest.fixture(autouse=True)
    def no_stall(self):
        willing()

    def test_second_caller_computes_alone(self):
        with claimed(LARGE) as count:
            assert count == pool.allowed() > 1
            assert pool.claim(LARGE) == 1
            x = np.random.default_rng(0).normal(size=400_000)
            np.testing.assert_array_equal(fr.relu(x), np.maximum(x, 0))
            assert pool.claim(LARGE) == 1
        assert free()

    def test_small_work_gets_one_thread(self):
        assert pool.claim(native.SMALLEST_CHUNK_BYTES) == 1
        assert pool.claim(native.SMALLEST_CHUNK_BYTES) == 1

    def test_long_calls_are_a_streak(self):
        """Of less than 1 MB, which alone would not wake a thread; they take longer than the pause that ends a streak."""
        x = np.random.default_rng(0).normal(size=100_000)
        fr.logish(x)
        time.sleep(0.01)  # the threads sleep now
        before = int(pool.STATE[native.GATE]) // native.GENERATION
        for _ in range(40):
            willing()
            fr.logish(x)
        assert int(pool.STATE[native.GATE]) // native.GENERATION > before

    def test_serial_for_a_while_after_a_stall(self):
        pool.ready()
        pool.STATE[native.SKIP] = 2
        assert [pool.claim(1 << 20) for _ in range(2)] == [1, 1]
        with claimed(1 << 20) as count:
            assert count > 1

    def test_a_stall_does_not_matter_to_very_large_calls(self):
        pool.STATE[native.SKIP] = 2
        with claimed(native.STALL_BYTES) as count:
            assert count > 1

    def test_released_after_an_error(self, monkeypatch):
        def fails(*_args, **_keywords):
            raise MemoryError

        fr.tanh(np.zeros(8))
        monkeypatch.setattr(fr.Elementwise, "target", fails)
        monkeypatch.setattr(memory.Shelf, "take", fails)  # the short way asks for memory only
        for size in (600_000, 5_000_000):
            with pytest.raises(MemoryError):
                fr.tanh(np.zeros(size))
            assert free()

    @pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timers on this system")
    def test_released_after_a_signal(self):
        """A handler raises between any two steps of Python, as KeyboardInterrupt does."""

        class Interrupted(Exception):
            pass

        def interrupt(*_):
            raise Interrupted

        x = np.random.default_rng(0).normal(size=300_000).astype("f4")
        points, before = x[:1000].reshape(500, 2), signal.signal(signal.SIGALRM, interrupt)
        calls = (
            functools.partial(fr.sigmoid, x),
            functools.partial(fr.sigmoid, x.reshape(1000, 300)[:, ::-1]),
            functools.partial(fr.softmax, x.reshape(300, 1000).T, axis=0),
            functools.partial(fr.rrelu, x, training=True, seed=1),
            functools.partial(fr.gaussian.pairwise, points, points),
        )
        wanted, interrupted = [call() for call in calls], 0
        try:
            for k in range(600):
                with contextlib.suppress(Interrupted):
                    signal.setitimer(signal.ITIMER_REAL, 1e-5 + k % 97 * 3e-6)
                    try:
                        calls[k % len(calls)]()
                    except Interrupted:
                        interrupted += 1
                        raise
                    finally:
                        signal.setitimer(signal.ITIMER_REAL, 0)
        finally:
            signal.signal(signal.SIGALRM, before)
        assert interrupted
        assert free()
        for call, result in zip(calls, wanted, strict=True):
            np.testing.assert_array_equal(call(), result)
