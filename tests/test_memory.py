"""Reuse of output buffers: no memory is given out again while anything refers to it, and all of it is once nothing does."""

import ctypes
import gc
import pickle
import random
import sys
import threading
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from buffers import make
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule
from numba import njit

import fastrelu as fr
from fastrelu import memory

pytestmark = pytest.mark.usefixtures("small_buffers", "frozen_heap")


class Sub(np.ndarray):
    pass


@njit
def tail(array):
    return array[5:]


def pickled(array):
    buffers = []
    payload = pickle.dumps(array, protocol=5, buffer_callback=buffers.append)
    return payload, buffers


# What holds a reference, and how to read it again.
HOLDERS = {
    "itself": (lambda a: a, np.asarray),
    "view": (lambda a: a[:], np.asarray),
    "slice": (lambda a: a[1000:1001], np.asarray),
    "empty slice and more": (lambda a: (a[:0], a[-1:]), lambda h: h[1]),
    "strided": (lambda a: a[::-7], np.asarray),
    "reshape": (lambda a: a.reshape(2, -1), np.asarray),
    "transpose": (lambda a: a.reshape(2, -1).T[5], np.asarray),
    "other dtype": (lambda a: a.view(np.uint8), lambda h: h.view(np.int64)),
    "field": (lambda a: a.view([("x", "i8")])["x"], np.asarray),
    "record array": (lambda a: a.view([("x", "i8")]).view(np.recarray), lambda h: h.x),
    "subclass": (lambda a: a.view(Sub), np.asarray),
    "slice of a subclass": (lambda a: np.asarray(a.view(Sub)[3:])[4:], np.asarray),
    "masked": (lambda a: np.ma.masked_array(a, copy=False), lambda h: h.data),
    "pandas": (lambda a: pd.Series(a, copy=False), lambda h: h.to_numpy()),
    "real part": (lambda a: a.view("c16").real, lambda h: h.copy().view(np.int64)),
    "broadcast": (lambda a: np.broadcast_to(a, (3, a.size)), np.asarray),
    "window": (lambda a: np.lib.stride_tricks.sliding_window_view(a, 9), np.asarray),
    "as_strided": (lambda a: np.lib.stride_tricks.as_strided(a, (5,), (16,)), np.asarray),
    "flat": (lambda a: a.flat, lambda h: h.base),
    "nditer": (lambda a: np.nditer(a), lambda h: h.operands[0]),
    "iterator": (iter, lambda h: np.array([next(h), next(h)])),
    "memoryview": (memoryview, np.asarray),
    "slice of a memoryview": (lambda a: memoryview(a)[7:9], np.asarray),
    "cast memoryview": (lambda a: memoryview(a).cast("B"), lambda h: np.frombuffer(h, np.int64)),
    "frombuffer": (lambda a: np.frombuffer(a, np.int64), np.asarray),
    "ndarray of a buffer": (lambda a: np.ndarray(10, np.int64, buffer=a, offset=80), np.asarray),
    "ctypes pointer": (
        lambda a: a.ctypes.data_as(ctypes.POINTER(ctypes.c_int64)),
        lambda h: np.array(h[:2048]),
    ),
    "ctypes array": (lambda a: np.ctypeslib.as_ctypes(a), np.asarray),
    "ctypes from_buffer": (lambda a: (ctypes.c_int64 * 9).from_buffer(a, 64), np.asarray),
    "dlpack": (np.from_dlpack, np.asarray),
    "slice of dlpack": (lambda a: np.from_dlpack(a)[9:], np.asarray),
    "dlpack capsule": (lambda a: a.__dlpack__(), lambda _h: None),  # an array can be made of it only once
    "pickle buffer": (pickle.PickleBuffer, lambda h: np.frombuffer(h, np.int64)),
    "pickled out of band": (pickled, lambda h: pickle.loads(h[0], buffers=h[1])),
    "bound method": (lambda a: a.sum, lambda h: h.__self__),
    "closure": (lambda a: lambda: a[9:], lambda h: h()),
    "object array": (lambda a: np.array([a, None], object), lambda h: h[0]),
    "compiled code": (tail, np.asarray),
}


@pytest.mark.parametrize("name", HOLDERS)
def test_not_reused_while_something_refers_to_it(name):
    hold, read = HOLDERS[name]
    gc.collect()
    result = make(41)
    first = result.ctypes.data
    held = hold(result)
    del result
    others = [make(k) for k in range(5)]
    for other in others:
        assert abs(other.ctypes.data - first) >= other.nbytes
    values = read(held)
    assert values is None or (np.asarray(values) == 41).all()
    del held, values, others, other
    gc.collect()
    again = [make(k) for k in range(6)]
    assert first in [array.ctypes.data for array in again], "nothing refers to it any longer: it should be back"


def test_one_buffer_serves_one_array():
    """In a row, with the last reference gone every time."""
    first = make(0).ctypes.data
    assert {make(k).ctypes.data for k in range(50)} == {first}
    assert memory.stats()["kept"] > 0


def test_scalars_and_copies_do_not_hold_it():
    result = make(3)
    first, copies = result.ctypes.data, [result[0], result.copy(), result[[1, 2]], result.tolist()[0], result.astype("f4")]
    del result
    assert make(9).ctypes.data == first
    assert all(np.all(np.asarray(copy) == 3) for copy in copies)


def test_garbage_cycle():
    """An array in a cycle lives until the collector comes."""
    gc.collect()
    gc.disable()
    try:
        node = SimpleNamespace(array=make(1))
        node.self = node
        first = node.array.ctypes.data
        objects = np.empty(2, object)
        objects[:] = [make(2), objects]
        second = objects[0].ctypes.data
        del node, objects
        assert not {first, second} & {array.ctypes.data for array in [make(7), make(8), make(9)]}
        gc.collect()  # an object array is not tracked by the collector: its cycle stays for good
        arrays = [make(k) for k in range(6)]
        assert first in [array.ctypes.data for array in arrays]
        assert second not in [array.ctypes.data for array in arrays]
    finally:
        gc.enable()


def test_resurrected_by_a_finalizer():
    saved = []

    class Phoenix:
        def __init__(self):
            self.array, self.self = make(5), self

        def __del__(self):
            saved.append(self.array)

    Phoenix()
    gc.collect()
    address = saved[0].ctypes.data
    assert address not in [array.ctypes.data for array in [make(6), make(7)]]
    assert (saved[0] == 5).all()
    saved.clear()
    assert make(1).ctypes.data == address


def test_held_by_a_traceback():
    def fails():
        array = make(11)
        addresses.append(array.ctypes.data)
        raise KeyError(array.size)

    addresses = []
    with pytest.raises(KeyError) as caught:
        fails()
    frame = caught.tb.tb_next.tb_frame
    while "array" not in frame.f_locals and frame.f_back:
        frame = frame.f_back
    other = make(12)
    assert other.ctypes.data != addresses[0]


def test_freed_inside_of_the_shelf(monkeypatch):
    """The collector may free an array before any step of the shelf's."""
    results = [make(value) for value in range(1, 9)]

    def freeing(method):
        def step(self, *arguments):
            if results:
                results.pop()
            return method(self, *arguments)

        return step

    methods = {name: freeing(getattr(list, name)) for name in ("__getitem__", "remove", "append", "pop")}
    free = type("Free", (list,), methods)(memory._shelf._free)
    monkeypatch.setattr(memory._shelf, "_free", free)
    kept = [make(2) for _ in range(4)]
    assert not results
    assert memory.stats()["kept"] == sum(buffer.size for buffer in list(free))
    assert len({array.ctypes.data for array in kept}) == 4
    assert all((array == 2).all() for array in kept)


class Programs(RuleBasedStateMachine):
    """Every live array holds its own pattern, whatever else is made and dropped."""

    arrays = Bundle("arrays")
    sizes = st.sampled_from([512, 513, 600, 640, 700, 1024, 1100, 4096])

    def __init__(self):
        super().__init__()
        self.pattern, self.alive = 0, {}

    def remember(self, array, pattern):
        self.alive[id(array)] = array, pattern
        return array

    @rule(target=arrays, size=sizes)
    def allocate(self, size):
        self.pattern += 1
        return self.remember(make(self.pattern, size), self.pattern)

    @rule(target=arrays, size=sizes)
    def compute(self, size):
        """The way of the public functions: operands that are reused memory themselves."""
        self.pattern += 1
        x = make(self.pattern, size)
        out = memory.empty_like(x, x.dtype)
        assert not np.shares_memory(x, out)
        return self.remember(fr.relu(x, out=out), self.pattern)

    @rule(target=arrays, source=arrays, start=st.integers(0, 60), step=st.sampled_from([-3, -1, 1, 2]))
    def view(self, source, start, step):
        pattern = self.alive[id(source)][1]
        return self.remember(source[start::step], pattern)

    @rule(target=arrays, source=arrays)
    def copy(self, source):
        return self.remember(source.copy(), self.alive[id(source)][1])

    @rule(target=arrays, source=arrays)
    def export(self, source):
        return self.remember(np.asarray(memoryview(source)), self.alive[id(source)][1])

    @rule(source=consumes(arrays))
    def drop(self, source):
        del self.alive[id(source)]

    @rule(source=consumes(arrays))
    def drop_into_a_cycle(self, source):
        node = SimpleNamespace(array=self.alive.pop(id(source))[0])
        node.self = node

    @rule(size=st.sampled_from([0, 1 << 13, 1 << 20, 1 << 30]))
    def limit(self, size):
        assert memory.limit(size) == size

    @rule()
    def collect(self):
        gc.collect(0)

    @rule()
    def clear(self):
        memory.clear()
        assert memory.stats()["kept"] == 0

    @invariant()
    def each_holds_its_own(self):
        for array, pattern in self.alive.values():
            assert (array == pattern).all()
        assert 0 <= memory.stats()["kept"] <= memory.limit()

    def teardown(self):
        memory.limit(1 << 30)


Programs.TestCase.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)


class TestPrograms(Programs.TestCase):
    pass


def test_threads():
    """Many at once, each with patterns of its own, arrays handed over to other threads, sizes that share buffers."""
    errors, exchange = [], [None] * 4
    interval = sys.getswitchinterval()

    def work(seed):
        rng, held = random.Random(seed), []
        try:
            for k in range(300):
                pattern = 1000 * seed + k
                array = make(pattern, rng.choice([1024, 1025, 2000, 4096]))
                held.append((array, pattern))
                place = rng.randrange(4)
                held.append(exchange[place] or held[0])
                exchange[place] = rng.choice(held)
                for other, wanted in held:
                    if not (other == wanted).all():
                        errors.append((seed, wanted, other[other != wanted][0]))
                del held[rng.randrange(len(held)) :]
        except BaseException as error:
            errors.append(error)

    sys.setswitchinterval(1e-5)
    try:
        workers = [threading.Thread(target=work, args=(seed,)) for seed in range(1, 9)]
        [worker.start() for worker in workers]
        [worker.join() for worker in workers]
    finally:
        sys.setswitchinterval(interval)
    assert not errors, errors[:3]
    stats = memory.stats()
    assert stats["reused"] > 0
    assert stats["kept"] <= stats["limit"]
