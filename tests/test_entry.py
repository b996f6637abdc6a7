"""The C function that CPython calls for small contiguous arrays: it does what the Python function does, faster, or hands on."""

import gc
import sys
import threading
import tracemalloc

import ml_dtypes
import numpy as np
import pandas as pd
import pytest
from grid import ELEMENTWISE, operands, same_bits
from hypothesis import given, settings
from hypothesis import strategies as st
from processes import python

import fastrelu as fr
from fastrelu.kernels.entry import MOST_SLOTS, SUPPORTED

pytestmark = pytest.mark.skipif(not SUPPORTED, reason="another interpreter than CPython: no short way")
DTYPES = ("float32", "float64", "float16", "int8", "uint64")
ONE, TWO = fr.relu, fr.relu.backward


@pytest.fixture(autouse=True, scope="module")
def compiled():
    """The short way exists from the first compiled loop on."""
    for dtype in DTYPES:
        for function in (ONE, TWO, fr.leaky_relu, fr.sigmoid):
            if np.dtype(dtype) in function.supported:
                function.loop(np.dtype(dtype))


def ways(call):
    """What a call gives, and whether it went through the Python function."""
    seen = set()

    def watch(frame, event, _argument):
        if event == "call":
            seen.add(frame.f_code.co_name)

    sys.setprofile(watch)
    try:
        result = call()
    finally:
        sys.setprofile(None)
    return result, "_long_way" in seen


def outcome(call):
    """The result, or the error's type and text."""
    try:
        return call(), None
    except Exception as error:
        return None, (type(error), str(error))


def agree(function, build):
    """The two ways give one result or one error, and write the same."""
    (args, named), (other_args, other_named) = build(), build()
    got, error = outcome(lambda: function(*args, **named))
    expected, wanted = outcome(lambda: function._long_way(*other_args, **other_named))
    assert error == wanted
    assert type(got) is type(expected)
    if error is None:
        same_bits(np.asarray(got), np.asarray(expected))
        assert np.asarray(got).strides == np.asarray(expected).strides
        if isinstance(named.get("out"), np.ndarray):
            assert got is named["out"]
    for mine, other in zip([*args, *named.values()], [*other_args, *other_named.values()], strict=True):
        if isinstance(mine, np.ndarray) and mine.dtype.kind in "fiub":
            same_bits(mine, other)
    return error


def base(dtype="float32", size=12):
    return np.linspace(-3, 3, size).astype(dtype)


def frozen(array):
    array.flags.writeable = False
    return array


COMMON = {
    **{dtype: lambda dtype=dtype: ([base(dtype)], {}) for dtype in DTYPES},
    "one element": lambda: ([base()[:1]], {}),
    "two axes": lambda: ([base().reshape(3, 4)], {}),
    "64 axes": lambda: ([base()[:4].reshape((1,) * 63 + (4,))], {}),
    "read-only": lambda: ([frozen(base())], {}),
    "out": lambda: ([base()], {"out": np.full(12, 7, "f4")}),
    "out of two axes": lambda: ([base().reshape(3, 4)], {"out": np.full((3, 4), 7, "f4")}),
    "in place": lambda: (lambda x: ([x], {"out": x}))(base()),
    "beside each other": lambda: (lambda x: ([x[:6]], {"out": x[6:]}))(base()),
    "column": lambda: ([base().reshape(12, 1)], {}),
    "column of F order": lambda: ([np.asfortranarray(base().reshape(12, 1))], {}),
    "slice": lambda: ([base()[3:9]], {}),
    "one row of F order": lambda: ([np.asfortranarray(base().reshape(1, 12))], {}),
    "long rows": lambda: ([base("float64", 4000).reshape(2, 2000)], {}),
}
COMMON_OF_TWO = {
    "two arrays": lambda: ([base(), base()[::-1].copy()], {}),
    "one array twice": lambda: (lambda x: ([x, x], {}))(base()),
    "two and out": lambda: ([base(), base()], {"out": np.empty(12, "f4")}),
    "out is the first": lambda: (lambda x: ([x, base()], {"out": x}))(base()),
    "out is the second": lambda: (lambda x: ([base(), x], {"out": x}))(base()),
}


@pytest.mark.parametrize(
    ("function", "build"),
    [(ONE, build) for build in COMMON.values()] + [(TWO, build) for build in COMMON_OF_TWO.values()],
    ids=[*COMMON, *COMMON_OF_TWO],
)
def test_common_calls_take_the_short_way(function, build):
    assert agree(function, build) is None
    args, named = build()
    assert not ways(lambda: function(*args, **named))[1]
    assert ways(lambda: function(*args, where=True))[1], "the watch itself works"


class Sub(np.ndarray):
    pass


class Overrides:
    def __array_ufunc__(self, ufunc, method, *inputs, **keywords):
        return "mine"


class Convertible:
    def __array__(self, dtype=None, copy=None):
        return np.array([-1.0, 2.0])


def misaligned(array):
    raw = np.zeros(array.nbytes + 1, np.uint8)[1:].view(array.dtype)
    raw[:] = array
    return raw


def overlapping(shift, reverse=False):
    x = base(size=40)
    return [x[10:22]], {"out": x[10 + shift : 22 + shift][:: -1 if reverse else 1]}


FALLBACKS = {
    "nothing": lambda: ([], {}),
    "list": lambda: ([[1.0, -2.0]], {}),
    "tuple": lambda: ([(1, -2)], {}),
    "float": lambda: ([-1.5], {}),
    "int": lambda: ([-3], {}),
    "None": lambda: ([None], {}),
    "string": lambda: (["x"], {}),
    "numpy scalar": lambda: ([np.float32(-1)], {}),
    "type": lambda: ([np.ndarray], {}),
    "no axes": lambda: ([np.array(2.0)], {}),
    "no axes, out": lambda: ([np.array(2.0)], {"out": np.array(0.0)}),
    "subclass": lambda: ([base().view(Sub)], {}),
    "masked": lambda: ([np.ma.masked_array(base(), base() > 1)], {}),
    "pandas": lambda: ([pd.Series(base())], {}),
    "overrides ufuncs": lambda: ([Overrides()], {}),
    "converts": lambda: ([Convertible()], {}),
    "bool": lambda: ([base() > 0], {}),
    "complex": lambda: ([base().astype("c8")], {}),
    "longdouble": lambda: ([base().astype("g")], {}),
    "object": lambda: ([base().astype(object)], {}),
    "long long": lambda: ([base("longlong")], {}),
    "big-endian": lambda: ([base(">f4")], {}),
    "dtype with metadata": lambda: ([base().astype(np.dtype("f4", metadata={"a": 1}))], {}),
    "structured": lambda: ([np.zeros(3, [("x", "f4")])], {}),
    "misaligned": lambda: ([misaligned(base())], {}),
    "strided": lambda: ([base()[::2]], {}),
    "reversed": lambda: ([base()[::-1]], {}),
    "F order": lambda: ([np.asfortranarray(base().reshape(3, 4))], {}),
    "broadcast": lambda: ([np.broadcast_to(base(), (2, 12))], {}),
    "out=None": lambda: ([base()], {"out": None}),
    "out in a tuple": lambda: ([base()], {"out": (np.empty(12, "f4"),)}),
    "out is a list": lambda: ([base()], {"out": [0.0] * 12}),
    "out of a subclass": lambda: ([base()], {"out": np.empty(12, "f4").view(Sub)}),
    "out of another shape": lambda: ([base()], {"out": np.full(13, 7, "f4")}),
    "out of other axes": lambda: ([base()], {"out": np.full((1, 12), 7, "f4")}),
    "out of the same size": lambda: ([base()], {"out": np.full((3, 4), 7, "f4")}),
    "out of another dtype": lambda: ([base()], {"out": np.full(12, 7, "f8")}),
    "out of the same width": lambda: ([base()], {"out": np.full(12, 7, "i4")}),
    "read-only out": lambda: ([base()], {"out": frozen(np.full(12, 7, "f4"))}),
    "read-only in place": lambda: (lambda x: ([x], {"out": x}))(frozen(base())),
    "big-endian out": lambda: ([base()], {"out": np.full(12, 7, ">f4")}),
    "misaligned out": lambda: ([base()], {"out": misaligned(base())}),
    "strided out": lambda: ([base()], {"out": np.full(24, 7, "f4")[::2]}),
    "F order out": lambda: ([base().reshape(3, 4)], {"out": np.zeros((3, 4), "f4", order="F")}),
    **{f"overlap by {k}": lambda k=k: overlapping(k) for k in (-11, -1, 1, 5, 11)},
    "overlap reversed": lambda: overlapping(0, True),
    "where": lambda: ([base()], {"where": base() > 0}),
    "where=True": lambda: ([base()], {"where": True}),
    "where and out": lambda: ([base()], {"where": base() > 0, "out": np.full(12, 7, "f4")}),
    "wrong where": lambda: ([base()], {"where": 1, "out": np.full(12, 7, "f4")}),
    "unknown keyword": lambda: ([base()], {"slope": 1}),
    "unknown keyword and out": lambda: ([base()], {"out": np.full(12, 7, "f4"), "dtype": "f8"}),
    "by name": lambda: ([], {"x": base()}),
    "by name and out": lambda: ([], {"x": base(), "out": np.full(12, 7, "f4")}),
    "twice": lambda: ([base()], {"x": base()}),
    "too many": lambda: ([base(), base()], {}),
    "far too many": lambda: ([base()] * 300, {}),
    "keyword that is not interned": lambda: ([base()], {"".join(["o", "u", "t"]): np.full(12, 7, "f4")}),
    "empty": lambda: ([np.empty(0, "f4")], {}),
    "empty rows": lambda: ([np.empty((3, 0), "f4")], {}),
    "no rows": lambda: ([np.empty((0, 3), "f4")], {"out": np.empty((0, 3), "f4")}),
    "empty, out of another shape": lambda: ([np.empty((0, 3), "f4")], {"out": np.empty((3, 0), "f4")}),
    "empty and long": lambda: ([np.empty((1 << 31, 1 << 29, 0), "i1")], {}),
}
FALLBACKS_OF_TWO = {
    "one of two": lambda: ([base()], {}),
    "broadcasting": lambda: ([base(), base()[:1]], {}),
    "row and grid": lambda: ([base()[:4], base().reshape(3, 4)], {}),
    "scalar": lambda: ([base(), 2.0], {}),
    "scalar first": lambda: ([2.0, base()], {}),
    "shapes that do not fit": lambda: ([base(), base()[:5]], {}),
    "same size, other axes": lambda: ([base().reshape(3, 4), base().reshape(4, 3)], {}),
    "two dtypes": lambda: ([base(), base("f8")], {}),
    "two dtypes of a width": lambda: ([base(), base("i4")], {}),
    "second is strided": lambda: ([base()[:6].copy(), base()[::2]], {}),
    "second is a list": lambda: ([base(), list(base())], {}),
    "second is masked": lambda: ([base(), np.ma.masked_array(base(), base() > 0)], {}),
    "second overlaps out": lambda: (lambda x: ([base(), x[:12]], {"out": x[1:13]}))(base(size=40)),
    "out smaller than the grid": lambda: ([base()[:4], base().reshape(3, 4)], {"out": np.full(4, 7, "f4")}),
}


@pytest.mark.parametrize(
    ("function", "build"),
    [(ONE, build) for build in FALLBACKS.values()] + [(TWO, build) for build in FALLBACKS_OF_TWO.values()],
    ids=[*FALLBACKS, *FALLBACKS_OF_TWO],
)
def test_other_calls_are_handed_on(function, build):
    """The same result to the bit and the stride, or the same error, and nothing else written."""
    agree(function, build)


def parts_of_calls():
    arrays = st.sampled_from(["f4", "f8", "f2", "i1", "u8", ">f4", "?"]).flatmap(
        lambda dtype: st.sampled_from([
            lambda: base(dtype),
            lambda: base(dtype).reshape(3, 4),
            lambda: base(dtype)[::-1],
            lambda: np.asfortranarray(base(dtype).reshape(3, 4)),
            lambda: base(dtype)[:1],
            lambda: base(dtype, 0),
            lambda: base(dtype, 12)[:4],
            lambda: base(dtype, 12).reshape(3, 4)[:1],
            lambda: frozen(base(dtype)),
        ])
    )  # fmt: skip
    others = st.sampled_from([lambda: 2, lambda: -0.5, lambda: [1.0] * 12, lambda: None, lambda: np.float32(3)])
    operand = arrays | arrays | arrays | others
    keywords = st.fixed_dictionaries(
        {},
        optional={
            "out": operand,
            "where": st.sampled_from([lambda: True, lambda: base() > 0, lambda: False]),
            "negative_slope": st.sampled_from([lambda: 0.5, lambda: np.float64(2), lambda: "x"]),
        },
    )
    return st.lists(operand, max_size=3), keywords


@settings(max_examples=400)
@given(st.sampled_from([fr.relu, fr.relu.backward, fr.leaky_relu, fr.sigmoid]), *parts_of_calls(), st.booleans())
def test_any_call(function, positional, keywords, in_place):
    """Of parts put together at random."""

    def build():
        args, named = [part() for part in positional], {key: part() for key, part in keywords.items()}
        if in_place and args and isinstance(args[-1], np.ndarray):
            named["out"] = args[-1]
        return args, named

    agree(function, build)


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
        assert abs(last - first) < 20, f"{item!r}: {first} references before, {last} after"
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
fr.gelu(x); fr.gelu(small)
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
from fastrelu.kernels.entry import SLOTS
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


def test_room_for_every_dtype():
    for function in (fr.relu, fr.step, fr.sigmoid):
        assert len(function.supported) + 1 <= MOST_SLOTS
        function.ufunc  # noqa: B018
        function(np.ones(3, ml_dtypes.bfloat16))
        for dtype in (*function.supported, np.dtype(ml_dtypes.bfloat16)):
            x = np.ones(5, dtype)
            assert not ways(lambda function=function, x=x: function(x))[1]
            same_bits(function(x), function._long_way(x))


def test_defaults_that_are_none_of_the_dtypes_numbers(own_registry):
    """-1 is no uint8, 2.5 no integer: such a call is computed in float64, whatever has been compiled before."""
    bounds = {"low": -1.0, "high": 2.5}

    @fr.activation(derivative=lambda x, low=-1.0, high=2.5: x, reference=None, numpy=None, max_ulp=0, integers=True)
    def between(x, low=-1.0, high=2.5):
        """x, kept between two bounds."""
        return low if x < low else high if x > high else x

    between.ufunc  # noqa: B018
    for dtype in ("uint8", "int8", "uint64"):
        x = np.arange(5).astype(dtype)
        between(x, low=0, high=2)
        got = between(x)
        assert got.dtype == np.float64
        same_bits(got, np.clip(x.astype(np.float64), *bounds.values()))


def test_collector_in_every_allocation():
    thresholds = gc.get_threshold()
    gc.set_threshold(1)
    try:
        for build in (*COMMON.values(), *FALLBACKS.values()):
            agree(ONE, build)
    finally:
        gc.set_threshold(*thresholds)


def test_without_the_short_way():
    """Another interpreter: every call goes through Python, with the same bits."""
    code = """
import hashlib, sys
import numpy, numba
if {other}:
    sys.implementation.name = "other"
import fastrelu as fr
sys.implementation.name = "cpython"
from fastrelu.kernels import entry
import numpy as np
digest, rng = hashlib.sha256(), np.random.default_rng(0)
for name, function in fr.registry.items():
    for member in (function, getattr(function, "derivative", function)):
        arrays = [rng.normal(size=(7, 9)).astype(np.float32) for _ in member.arrays]
        extra = (3,) if getattr(member, "pooled", False) else ()
        for _ in range(2):
            digest.update(member(*arrays, *extra).tobytes())
        digest.update(repr(member).encode() + member.__name__.encode() + member.__doc__.encode())
print(entry.SUPPORTED, fr.relu._entry is None, digest.hexdigest())
"""
    here, there = (python(code.replace("{other}", flag), imports="").split() for flag in ("False", "True"))
    assert (here[:2], there[:2]) == (["True", "False"], ["False", "True"])
    assert here[2] == there[2]


@pytest.mark.parametrize("name", ["relu", "leaky_relu", "prelu", "sigmoid.derivative", "gelu.backward"])
def test_every_kind_of_function(name):
    """With one to three operands, with parameters and options: the bits of the Python function, in each dtype."""
    function = ELEMENTWISE[name]
    for dtype in ("float16", "float32", "float64"):
        arrays = operands(function, dtype, 77)
        function(*arrays)
        agree(function, lambda arrays=arrays: ([array.copy() for array in arrays], {}))
        agree(function, lambda arrays=arrays: ([array.copy() for array in arrays], {"out": np.empty_like(arrays[0])}))
        assert not ways(lambda arrays=arrays: function(*arrays))[1]
