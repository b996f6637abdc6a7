"""The C function that CPython calls for small contiguous arrays: it does what the Python function does, faster, or hands on."""

import sys
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
from calls import (
    COMMON,
    COMMON_OF_TWO,
    DTYPES,
    FALLBACKS,
    FALLBACKS_OF_TWO,
    agree,
    base,
    frozen,
    misaligned,
    ways,
)
from grid import ELEMENTWISE, operands, same_bits
from hypothesis import given, settings
from hypothesis import strategies as st

import fastrelu as fr
from fastrelu.kernels.entry import SUPPORTED
from fastrelu.kernels.ways import MOST_SLOTS

pytestmark = pytest.mark.skipif(not SUPPORTED, reason="another interpreter than CPython: no short way")
ONE, TWO = fr.relu, fr.relu.backward


@pytest.fixture(autouse=True, scope="module")
def compiled():
    """The short way exists from the first call of a compiled loop on."""
    for dtype in DTYPES:
        for function in (ONE, TWO, fr.leaky_relu, fr.sigmoid):
            if np.dtype(dtype) in function.supported:
                function.loop(np.dtype(dtype))
                function(*[np.ones(1, dtype)] * len(function.arrays))


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


@pytest.mark.parametrize(
    ("function", "build"),
    [(ONE, build) for build in FALLBACKS.values()] + [(TWO, build) for build in FALLBACKS_OF_TWO.values()],
    ids=[*FALLBACKS, *FALLBACKS_OF_TWO],
)
def test_other_calls_are_handed_on(function, build):
    """The same result to the bit and the stride, or the same error, and nothing else written."""
    agree(function, build)


LAYOUTS = {
    "strided": lambda x: x[::2],
    "reversed": lambda x: x[::-1],
    "F order": lambda x: np.asfortranarray(x.reshape(3, 4)),
    "transposed": lambda x: x.reshape(3, 4).T,
    "columns": lambda x: x.reshape(3, 4)[:, 1:3],
    "broadcast": lambda x: np.broadcast_to(x, (2, 12)),
    "misaligned": misaligned,
    "no axes": lambda x: x[3:4].reshape(()),
    "number": lambda x: x[3],
}


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("function", [fr.relu, fr.relu.backward, fr.leaky_relu, fr.gelu.backward], ids=lambda f: f.dotted_name)
def test_small_arrays_of_any_layout(function, layout):
    """As numbers do, they go straight to the ufunc, with the defaults of the parameters."""
    for dtype in ("float32", "float64", "float16"):
        x = layout(base(dtype))
        function(*[base(dtype)] * len(function.arrays))
        if isinstance(x, np.float16):
            continue  # of the numbers those of float32 and float64 do

        agree(function, lambda x=x: ([x] * len(function.arrays), {}))
        assert not ways(lambda x=x: function(*[x] * len(function.arrays)))[1]
        if np.ndim(x) and x.flags.writeable:
            out = np.full_like(x, 7)
            assert function(*[x] * len(function.arrays), out=out) is out
            same_bits(out, function._long_way(*[x] * len(function.arrays)))
            assert not ways(lambda x=x, out=out: function(*[x] * len(function.arrays), out=out))[1]
    assert not ways(lambda: function(*[0.5] * len(function.arrays)))[1]
    agree(function, lambda: ([0.5] * len(function.arrays), {}))


GIVEN = {
    "by position": ([0.3], {}),
    "by name": ([], {"negative_slope": 0.3}),
    "NaN": ([float("nan")], {}),
}


@pytest.mark.parametrize(("positional", "named"), GIVEN.values(), ids=GIVEN)
@pytest.mark.parametrize("layout", ["strided", "no axes", "number"])
def test_small_arrays_with_parameters(positional, named, layout):
    for function in (fr.leaky_relu, fr.leaky_relu.derivative, fr.leaky_relu.backward):
        for dtype in ("float32", "float64"):
            x = LAYOUTS[layout](base(dtype))
            args = [x] * len(function.arrays) + positional
            function(*[base(dtype)] * len(function.arrays))
            agree(function, lambda args=args: (args, named))
            assert not ways(lambda function=function, args=args: function(*args, **named))[1]
            if np.ndim(x):
                out = np.full_like(x, 7)
                assert function(*args, **named, out=out) is out
                same_bits(out, function._long_way(*args, **named))
                assert not ways(lambda function=function, args=args, out=out: function(*args, out=out, **named))[1]


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("function", [fr.relu, fr.relu.backward, fr.leaky_relu, fr.sigmoid], ids=lambda f: f.dotted_name)
def test_masks_of_small_arrays(function, layout):
    for dtype in ("float32", "float64", "float16", "int8"):
        x = layout(base(dtype))
        if np.dtype(dtype) not in function.supported or not isinstance(x, np.ndarray) or not x.flags.writeable:
            continue
        args, mask = [x] * len(function.arrays), np.asarray(np.arange(x.size).reshape(x.shape) % 3 == 1)
        function(*[base(dtype)] * len(function.arrays))
        full = np.asarray(function._long_way(*args))
        for chosen in (mask, mask.copy(order="F"), np.zeros_like(mask), np.ones_like(mask)):
            out = np.full_like(x, 7)
            assert function(*args, where=chosen, out=out) is out
            same_bits(out, np.where(chosen, full, np.full_like(x, 7)))
            assert not ways(lambda args=args, out=out, chosen=chosen: function(*args, out=out, where=chosen))[1]
            agree(function, lambda args=args, chosen=chosen: (args, {"where": chosen}))
            if x.flags.c_contiguous and x.ndim:
                assert not ways(lambda args=args, chosen=chosen: function(*args, where=chosen))[1]
    long = np.ones(1 << 11, np.float32)
    assert ways(lambda: function(*[long] * len(function.arrays), where=long > 0))[1], "in one pass on all threads"


def test_masks_with_parameters_and_over_the_input():
    x = base()
    mask, y = x > 0, x.copy()
    fr.leaky_relu(y, 0.3, where=mask, out=y)
    same_bits(y, np.where(mask, fr.leaky_relu(x, 0.3), x))
    agree(fr.leaky_relu, lambda: ([x], {"where": mask, "negative_slope": 0.3}))
    agree(fr.leaky_relu, lambda: ([x], {"negative_slope": 0.3, "where": mask, "out": base(size=x.size)}))


def test_references_of_masked_calls():
    x = base()
    mask, out = x > 0, base()
    before = [sys.getrefcount(each) for each in (x, mask, out, x.dtype)]
    for _ in range(100):
        fr.relu(x, where=mask)
        fr.relu(x, where=mask, out=out)
    assert [sys.getrefcount(each) for each in (x, mask, out, x.dtype)] == before
    assert sys.getrefcount(fr.relu(x, where=mask)) == sys.getrefcount(fr.relu(x))


@pytest.mark.parametrize("wrong", [
    ([base(), 0.3, 0.3], {}),
    ([base()], {"where": np.ones(12, np.int8)}),
    ([base()], {"where": np.ones(5, bool)}),
    ([base()], {"where": np.ones((2, 12), bool)}),
    ([base()], {"where": np.ones(12, bool), "out": np.zeros(5, "f4")}),
    ([base()], {"where": np.ones(12, bool), "out": frozen(base())}),
    ([base()], {"where": np.ones(12, bool), "out": base("f8")}),
    ([base()], {"where": [True] * 12}),
    ([0.5], {"where": np.ones(12, bool)}),
    ([base(), 0.3], {"negative_slope": 0.3}),
    ([base(), "0.3"], {}),
    ([base(), np.float64(0.3)], {}),
    ([base("int8"), 0.3], {}),
    ([base("float16"), 0.3], {}),
    ([base()], {"negative_slope": base()}),
    ([base()], {"negative_slope": 0.3, "out": None}),
    ([base()], {"negative_slope": 0.3, "out": np.zeros(5)}),
    ([0.5], {"negative_slope": 0.3, "out": np.zeros(())}),
    ([], {"x": base(), "negative_slope": 0.3}),
])  # fmt: skip
def test_parameters_that_are_not_so_simple(wrong):
    agree(fr.leaky_relu, lambda: wrong)


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
            "from_output": st.sampled_from([lambda: True, lambda: False, lambda: 1]),
        },
    ).flatmap(lambda named: st.permutations(list(named.items())).map(dict))
    return st.lists(operand, max_size=3), keywords


@pytest.mark.parametrize("function", [fr.sigmoid.backward, fr.tanh.backward, fr.gelu, fr.gelu.backward], ids=str)
def test_an_option_beside_out(function):
    """In either order, and the other way round an error is still one sentence."""
    (key, choices) = next(iter(function.options.items()))
    value, chosen = list(choices.items())[-1]
    for dtype in ("float32", "float64"):
        arrays = [base(dtype)] * len(function.arrays)
        out = np.full_like(arrays[0], 7)
        orders = [{key: value, "out": out}, {"out": out, key: value}]
        for named in orders:
            for _ in range(3):  # the third one finds the way
                function(*arrays, **named)
            out[:] = 7
            assert not ways(lambda arrays=arrays, named=named: function(*arrays, **named))[1]
            same_bits(out, chosen(*arrays))
        for named in orders:
            agree(function, lambda arrays=arrays, named=named: (arrays, {**named, "out": np.full(13, 7, "f4")}))
            agree(function, lambda arrays=arrays, named=named: (arrays, {**named, key: "wrong"}))
            agree(function, lambda named=named: ([], dict(named)))


@settings(max_examples=400)
@given(
    st.sampled_from([fr.relu, fr.relu.backward, fr.leaky_relu, fr.sigmoid, fr.sigmoid.backward]), *parts_of_calls(), st.booleans()
)
def test_any_call(function, positional, keywords, in_place):
    """Of parts put together at random."""

    def build():
        args, named = [part() for part in positional], {key: part() for key, part in keywords.items()}
        if in_place and args and isinstance(args[-1], np.ndarray):
            named["out"] = args[-1]
        return args, named

    agree(function, build)


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


def test_interrupted_anywhere(own_registry):
    """A signal's handler may raise between any two lines that prepare the short way: it is there after the next calls."""

    class Interrupted(Exception):
        pass

    def interrupting(after):
        """Raises at a line of ours, after so many of them."""
        left = after

        def trace(frame, event, _argument):
            nonlocal left
            if frame.f_code.co_name not in ("loop", "_shorten", "_add", "_enter", "_install", "add", "__init__"):
                return None
            if Path(frame.f_code.co_filename).name not in ("compiled.py", "entry.py"):
                return None
            left -= event == "line"
            if left < 0:
                raise Interrupted
            return trace

        return trace

    x, interrupted, after = base("float32"), True, 0
    while interrupted:

        @fr.activation(derivative=lambda x: type(x)(2), reference=None, numpy=None, max_ulp=1)
        def doubled(x):
            """2 x."""
            return x + x

        before, interrupted = sys.gettrace(), False
        for _ in range(3):
            sys.settrace(interrupting(after))
            try:
                doubled(x)
            except Interrupted:
                interrupted = True
            finally:
                sys.settrace(before)
        for _ in range(2):
            same_bits(doubled(x), x + x)
        assert not ways(lambda: doubled(x))[1], f"after {after} lines"
        assert doubled.__name__ == "doubled"
        after += 1
    assert after > 20


@pytest.mark.parametrize("call", [
    lambda function, x, mask: function(x, where=mask),
    lambda function, x, mask: function(x, where=mask, out=np.zeros_like(x)),
    lambda function, x, mask: function(x[:, ::2], where=mask[:, ::2]),
])  # fmt: skip
def test_calls_with_masks_shorten_the_others(call, own_registry):
    """They reach no ufunc of NumPy's, and had left the function as it was."""

    @fr.activation(derivative=lambda x: type(x)(2), reference=None, numpy=None, max_ulp=1)
    def doubled(x):
        """2 x."""
        return x + x

    x = np.linspace(-1, 1, 10_000).reshape(100, 100)
    call(doubled, x, x > 0)
    call(doubled, x, x > 0)
    assert doubled._entry is not None


@pytest.mark.parametrize("shape", [(64, 64), (3, 5), (8, 3, 1), (2, 3, 4), (1, 7), (0, 3)], ids=str)
def test_masks_of_rows(shape):
    """Broadcast along the last axis: the short way takes them too, with `out=` and without."""
    x = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    mask = np.random.default_rng(1).random((*shape[:-1], 1)) < 0.5
    expected = np.where(mask, fr.tanh(x), np.float32(0))
    for where in (mask, np.broadcast_to(mask, shape)):
        for _ in range(2):
            same_bits(fr.tanh(x, where=where), expected)
            same_bits(fr.tanh(x, where=where, out=np.zeros_like(x)), expected)
    with pytest.raises(ValueError, match=r"^tanh: operands and where must broadcast together"):
        fr.tanh(np.ones((4, 3), np.float32), where=np.ones((2, 1), bool))
