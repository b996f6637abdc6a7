"""The C entry and the rest of the process: references, threads, the collector, and interpreters without it."""

import gc
import sys
import threading
import tracemalloc

import numpy as np
import pytest
from calls import COMMON, FALLBACKS, agree, base, overlapping
from processes import python

import fastrelu as fr
from fastrelu.kernels.entry import SUPPORTED

pytestmark = [
    pytest.mark.skipif(not SUPPORTED, reason="another interpreter than CPython: no short way"),
    pytest.mark.usefixtures("frozen_heap"),
]
ONE = fr.relu


@pytest.fixture(autouse=True, scope="module")
def compiled():
    """The short way exists from the first compiled loop on."""
    for dtype in ("float32", "float64"):
        for function in (fr.relu, fr.relu.backward, fr.sigmoid):
            function.loop(np.dtype(dtype))


COUNTED = {
    "small": lambda: ([base()], {}),
    "without the lock": lambda: ([base("f8", 5000)], {}),
    "out": lambda: ([base()], {"out": np.empty(12, "f4")}),
    "in place": COMMON["in place"],
    "list": FALLBACKS["list"],
    "strided": FALLBACKS["strided"],
    "masked": FALLBACKS["masked"],
    "where": FALLBACKS["where"],
    "metadata": FALLBACKS["dtype with metadata"],
    "overlap": lambda: overlapping(1),
    "complex": FALLBACKS["complex"],
    "wrong out": FALLBACKS["out of another dtype"],
    "read-only out": FALLBACKS["read-only out"],
    "unknown keyword": FALLBACKS["unknown keyword and out"],
    "too many": FALLBACKS["too many"],
    "empty": FALLBACKS["empty"],
    "nothing": FALLBACKS["nothing"],
}


@pytest.mark.parametrize("build", COUNTED.values(), ids=COUNTED)
def test_references(build):
    """Of operands, out, dtype, function: as many after a thousand calls as before, and no object more than before."""
    args, named = build()
    watched = [*args, *named.values(), ONE, ONE._long_way.__func__, None, True, np.ndarray, np.dtype("f4"), np.dtype("f8"), "out"]
    watched += [item.dtype for item in args if isinstance(item, np.ndarray)]

    def rounds(times):
        for _ in range(times):
            try:  # noqa: SIM105
                ONE(*args, **named)
            except (TypeError, ValueError):
                pass

    def count():
        gc.collect()
        return [sys.getrefcount(item) for item in watched], sys.getallocatedblocks()

    rounds(50)
    before, blocks = count()
    rounds(1000)
    after, more = count()
    for item, first, last in zip(watched, before, after, strict=True):
        assert abs(last - first) < 500, f"{item!r}: {first} references before, {last} after"
    assert more - blocks < 200


def test_result_is_released():
    """One reference, and its memory is NumPy's, told to tracemalloc."""
    x = base("f8", 1000)
    result = ONE(x)
    assert sys.getrefcount(result) == 2
    assert result.base is None
    assert result.flags.owndata
    tracemalloc.start()
    try:
        kept = [ONE(x) for _ in range(100)]
        assert tracemalloc.get_traced_memory()[0] > 100 * x.nbytes
        del kept
        assert tracemalloc.get_traced_memory()[0] < 10 * x.nbytes
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("size", [10, 2000, 90_000])
def test_threads(size):
    """Below the size from which the interpreter's lock is released, above it, and on the pool."""
    errors, start = [], threading.Barrier(8)

    def work(seed):
        try:
            x = np.random.default_rng(seed).normal(size=size).astype(np.float32)
            positive, curved, out = np.maximum(x, 0), fr.sigmoid.ufunc(x), np.empty_like(x)
            start.wait()
            for _ in range(60):
                np.testing.assert_array_equal(fr.relu(x), positive)
                np.testing.assert_array_equal(fr.sigmoid(x, out=out), curved)
                np.testing.assert_array_equal(fr.relu.backward(x, x), positive)
        except BaseException as error:
            errors.append(error)

    workers = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    [worker.start() for worker in workers]
    [worker.join() for worker in workers]
    assert not errors, errors[:2]


def test_lock_is_released():
    """With a switch interval of minutes another thread runs only where this one lets it."""
    code = """
import time
x, small = np.zeros(1 << 14, np.float32), np.zeros(10, np.float32)
[fr.gelu(small) for _ in range(100)]
count, stop = [0], False
def other():
    while not stop:
        count[0] += 1
        time.sleep(0)
worker = threading.Thread(target=other)
sys.setswitchinterval(1000)
worker.start()
def progress(array, times):
    before = count[0]
    for _ in range(times):
        fr.gelu(array)
    return count[0] - before
quiet = progress(small, 5000)
busy = max(progress(x, 200) for _ in range(50))
stop = True
time.sleep(0)
worker.join()
print(quiet, busy > 0)
"""
    assert python(code).split() == ["0", "True"]


def test_first_calls_from_many_threads():
    """A loop is compiled once, and gets one slot, whoever comes first."""
    code = """
from fastrelu.kernels.ways import SLOTS
start, errors = threading.Barrier(16), []
kinds = ["f4", "f8", "f2", "i1", "u1", "i2"]
def work():
    start.wait()
    try:
        for kind in kinds:
            assert fr.relu(np.array([1, 2]).astype(kind)).tolist() == [1, 2]
    except BaseException as error:
        errors.append(error)
workers = [threading.Thread(target=work) for _ in range(16)]
[worker.start() for worker in workers]
[worker.join() for worker in workers]
assert not errors, errors
print(int(fr.relu._entry._table[SLOTS]), len(kinds))
"""
    slots, kinds = map(int, python(code).split())
    assert slots == kinds


def test_collector_in_every_allocation():
    thresholds = gc.get_threshold()
    gc.set_threshold(1)
    try:
        for build in (*COMMON.values(), *FALLBACKS.values()):
            agree(ONE, build)
    finally:
        gc.set_threshold(*thresholds)


@pytest.mark.parametrize("step", [12, pytest.param(1, marks=pytest.mark.slow)])
def test_without_the_short_way(step):
    """Another interpreter: every call goes through Python, with the same bits."""
    code = """
import hashlib, sys
import numpy, numba
if {other}:
    sys.implementation.name = "other"
import fastrelu as fr
sys.implementation.name = "cpython"
from fastrelu import compiled
from fastrelu.kernels import entry
import numpy as np
digest, rng = hashlib.sha256(), np.random.default_rng(0)
for name, function in list(fr.registry.items())[::{step}]:
    for member in (function, getattr(function, "derivative", function)):
        arrays = [rng.normal(size=(7, 9)).astype(np.float32) for _ in member.arrays]
        extra = (3,) if getattr(member, "pooled", False) else ()
        for _ in range(2):
            digest.update(member(*arrays, *extra).tobytes())
        digest.update(repr(member).encode() + member.__name__.encode() + member.__doc__.encode())
for _ in range(compiled.SHORTENED_FROM + 2):  # from there on common calls are shortened
    fr.relu([1.0]), fr.relu(arrays[0])
print(entry.SUPPORTED, fr.relu._entry is None, digest.hexdigest())
"""
    here, there = (
        python(code.replace("{other}", flag).replace("{step}", str(step)), imports="").split() for flag in ("False", "True")
    )
    assert (here[:2], there[:2]) == (["True", "False"], ["False", "True"])
    assert here[2] == there[2]
