"""Any layout: strides, orders, broadcasts, masks and overlaps, against the ufunc over fresh contiguous copies."""

import math

import numpy as np
import pytest
from claims import willing
from grid import same_bits
from hypothesis import given, settings
from hypothesis import strategies as st

import fastrelu as fr
from fastrelu import compiled, layouts, pool
from fastrelu.dispatch import Target
from fastrelu.kernels import plans as native
from fastrelu.kernels.entry import SUPPORTED

pytestmark = pytest.mark.skipif(not SUPPORTED, reason="needs CPython's and NumPy's array objects")
DTYPES = ("float16", "float32", "float64", "int8")
FUNCTIONS = {
    "relu": fr.relu,
    "sigmoid": fr.sigmoid,
    "leaky_relu": fr.leaky_relu,
    "prelu": fr.prelu,
    "backward": fr.relu.backward,
    "parameters and backward": fr.leaky_relu.backward,
}


@pytest.fixture(autouse=True)
def every_size():
    """Small arrays as well go the way of the large ones, and none goes the short way, which has a size of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layouts, "FROM", 0)
        patch.setattr(layouts, "MASKED_FROM", 0)
        patch.setattr(compiled, "SHORTENED_FROM", math.inf)
        for function in FUNCTIONS.values():
            function._install(function._long_way)
        yield
    for function in FUNCTIONS.values():
        if function._entry is not None:
            function._install(function._entry.function)


def normal(shape, dtype):
    values = np.random.default_rng(math.prod(shape)).normal(size=shape) * 3
    return np.array(values, dtype)


@st.composite
def views(draw, shape, dtype, full=False):
    """An array of this shape, or one that broadcasts to it, with steps, gaps, reversed axes and any order of axes in memory."""
    order = draw(st.permutations(range(len(shape))))
    steps = [draw(st.sampled_from([1, 1, 1, 2, 3, -1, -2])) for _ in shape]
    sides = [1 if not full and draw(st.integers(0, 5)) == 0 else extent for extent in shape]
    margins = [draw(st.integers(0, 2)) for _ in shape]
    extents = [side * abs(step) + margin for side, step, margin in zip(sides, steps, margins, strict=True)]
    memory = normal([extents[axis] for axis in order], dtype)
    view = memory.transpose(np.argsort(order)) if shape else memory
    for axis, (side, step, margin) in enumerate(zip(sides, steps, margins, strict=True)):
        part = slice(margin, margin + side * abs(step), abs(step))
        view = view[(slice(None),) * axis + (part,)]
        if step < 0:
            view = np.flip(view, axis)
    if not full and draw(st.integers(0, 3)) == 0:
        view = np.broadcast_to(view, shape)
    while not full and view.ndim and view.shape[0] == 1 and draw(st.booleans()):
        view = view[0, ...]
    return view


def straight(array, shape, order="C"):
    return np.array(np.broadcast_to(array, shape), order=order)


shapes = st.lists(st.sampled_from([1, 2, 3, 4, 7, 16, 33]), min_size=1, max_size=5).filter(
    lambda shape: math.prod(shape) < 20_000
)
long_shapes = st.sampled_from([(70, 90), (3, 500, 5), (5, 3, 300), (2000, 3), (9000,), (4, 2100), (2, 33, 130)])


@st.composite
def calls(draw):
    """(function, operands, shape): what a call takes."""
    function = draw(st.sampled_from(list(FUNCTIONS.values())))
    dtype = draw(st.sampled_from([each for each in DTYPES if np.dtype(each) in function.supported]))
    shape = tuple(draw(st.one_of(shapes, long_shapes)))
    arrays = [draw(views(shape, dtype)) for _ in function.arrays]
    return function, arrays, np.broadcast_shapes(*(array.shape for array in arrays))


def expected_of(function, arrays, shape):
    dtype = arrays[0].dtype
    kind = np.result_type(dtype, np.float32) if dtype.kind == "f" else dtype
    return function.ufunc(*(straight(array, shape) for array in arrays), *map(kind.type, function.params.values()))


@settings(max_examples=150)
@given(calls())
def test_fresh(call):
    function, arrays, _ = call
    got = function(*arrays)
    same_bits(got, expected_of(*call))
    assert got.strides == function.ufunc(*arrays, *function.params.values()).strides


@settings(max_examples=100)
@given(st.data(), calls())
def test_out(data, call):
    function, arrays, shape = call
    out = data.draw(views(shape, arrays[0].dtype, full=True))
    owner = out if out.base is None else out.base
    before, place = owner.copy(), np.zeros(owner.shape, bool)
    view_of(place, owner, out)[...] = True
    assert function(*arrays, out=out) is out
    same_bits(out, expected_of(*call))
    same_bits(owner[~place], before[~place])


def view_of(array, owner, view):
    """The part of an array that a view is of its owner, which has the same shape."""
    offset = view.__array_interface__["data"][0] - owner.__array_interface__["data"][0]
    scale = owner.itemsize // array.itemsize
    steps = [step // scale for step in view.strides]
    return np.ndarray(view.shape, array.dtype, array, offset // scale, steps)


@settings(max_examples=150)
@given(st.data(), calls(), st.booleans())
def test_where(data, call, given_out):
    function, arrays, shape = call
    mask = data.draw(views(shape, "float32")) > data.draw(st.sampled_from([-9, 0, 9]))
    mask = data.draw(st.sampled_from([mask, np.repeat(mask, 2, axis=-1)[..., ::2] if mask.ndim else mask]))
    expected = expected_of(*call)
    if given_out:
        out = data.draw(views(shape, arrays[0].dtype, full=True))
        before = out.copy()
        assert function(*arrays, where=mask, out=out) is out
        same_bits(out, np.where(mask, expected, before))
    else:
        got = function(*arrays, where=mask)
        same_bits(got, np.where(mask, expected, expected.dtype.type(0)))
        tall = [np.broadcast_to(array, shape) for array in arrays]
        if shape:
            assert got.strides == function.ufunc(*tall, *function.params.values()).strides


@settings(max_examples=100)
@given(st.data(), st.sampled_from(["relu", "prelu"]), st.sampled_from(["float32", "float64"]))
def test_overlap(data, name, dtype):
    """Operands and the mask in the memory of the output: as if there was no overlap."""
    function = FUNCTIONS[name]
    side, wide = data.draw(st.integers(2, 40)), data.draw(st.integers(2, 60))
    memory = normal((2 * side, 2 * wide), dtype)

    def part():
        first, second = data.draw(st.integers(0, side)), data.draw(st.integers(0, wide))
        view = memory[first : first + side, second : second + wide]
        if data.draw(st.booleans()):
            view = memory[first % 2 :: 2, second % 2 :: 2]
        return view[:: data.draw(st.sampled_from([1, -1])), :: data.draw(st.sampled_from([1, -1]))]

    arrays, out = [part() for _ in function.arrays], part()
    keywords = {}
    expected = function.ufunc(*(array.copy() for array in arrays))
    if data.draw(st.booleans()):
        keywords["where"] = mask = memory.view(bool)[: out.shape[0], : out.shape[1]]
        memory.view(np.uint8)[...] &= 1  # subnormal numbers, and a valid mask
        expected = np.where(mask, function.ufunc(*(array.copy() for array in arrays)), out)
    function(*arrays, out=out, **keywords)
    same_bits(out, expected)


def large_views():
    x = normal((700, 1001), np.float32)
    yield "columns", x[:, :900]
    yield "every second", x[:, ::2]
    yield "reversed", x[:, ::-1]
    yield "transposed", x.T[5:]
    yield "narrow", x.reshape(-1, 7)[:, :5]
    yield "few long rows", x.reshape(2, -1)[:, 3:]
    yield "few long columns", x.reshape(-1, 4)[:, ::3].T
    yield "three axes", x.reshape(70, 10, 1001).transpose(2, 0, 1)[:, ::2]
    yield "broadcast", np.broadcast_to(x[:, None, :30], (700, 40, 30))


@pytest.mark.parametrize("threads", range(1, min(pool.most_threads(), 4) + 1))
@pytest.mark.parametrize("x", [pytest.param(x, id=name) for name, x in large_views()])
def test_threads(x, threads, monkeypatch):
    monkeypatch.setattr(layouts, "choose", lambda *_: Target.PARALLEL)
    willing()
    rng = np.random.default_rng(0)
    expected = fr.sigmoid.ufunc(x.copy())
    mask = rng.random(x.shape) < 0.5
    with fr.threads(threads):
        got = fr.sigmoid(x)
        same_bits(got, expected)
        assert got.strides == np.exp(x).strides
        for order in "CF":
            out = np.zeros(x.shape, np.float32, order)
            same_bits(fr.sigmoid(x, out=out), expected)
            out[...] = -7
            same_bits(fr.sigmoid(x, where=mask, out=out), np.where(mask, expected, np.float32(-7)))
        same_bits(fr.sigmoid(x, where=mask), np.where(mask, expected, np.float32(0)))
        same_bits(fr.prelu(x, x[0]), fr.prelu.ufunc(x, x[0]))


def test_more_axes_than_can_be_merged():
    x = normal((3,) * 9, np.float64)[(slice(None, None, 2),) * 9]
    same_bits(fr.sigmoid(x), fr.sigmoid.ufunc(x.copy()))
    x = np.zeros((1,) * 64)
    assert fr.prelu(x, 0.5).shape == fr.relu(x, where=np.array(True)).shape == fr.elu.backward(np.ones(1), x).shape == x.shape
    assert [gradient.shape for gradient in fr.prelu.backward(x, x, 0.5)] == [x.shape, ()]
    assert fr.softmax(x[0], where=np.array([True])).shape == x[0].shape
    assert fr.sigmoid(x).shape == x.shape


def test_what_the_ufunc_has_to_do(monkeypatch):
    """Casts, byte orders, alignment and subclasses never reach the driver."""
    x = normal((50, 60), np.float32)[:, ::2]
    swapped, other = x.astype(">f4")[::-1], x.astype(np.float64)
    raw = np.zeros(x.size * 8 + 1, np.uint8)[1:].view(np.float32)[::2].reshape(x.shape)
    raw[...] = x
    expected = fr.prelu.ufunc(x, x)
    monkeypatch.setattr(layouts, "_native", None)
    for y in (swapped[::-1], raw):
        same_bits(fr.prelu(x, y), expected)
        same_bits(fr.prelu(x, y, where=x > 0), np.where(x > 0, expected, np.float32(0)))
    same_bits(fr.prelu(x, other), fr.prelu.ufunc(x, other))


def test_large_outputs_reuse_memory():
    x = normal((1100, 1200), np.float32)
    views = (x[:, :1100], x.T[:1100], x.reshape(110, 10, 1200).transpose(0, 2, 1)[..., 1:])
    for view in views:
        fr.relu(view)
        made = fr.memory.stats()["made"]
        got = fr.relu(view)
        assert fr.memory.stats()["made"] == made
        assert got.strides == np.exp(view).strides


def test_constants_agree_with_numpy():
    """The driver reads NumPy's array objects."""
    x = np.zeros((3, 4))[:, ::2]
    words = np.ctypeslib.as_array((np.ctypeslib.ctypes.c_int64 * 6).from_address(id(x)))
    assert words[native.DATA] == x.ctypes.data
    assert words[native.NDIM] & native.LOW_HALF == 2


@pytest.mark.parametrize("function", [fr.hardtanh, fr.hardtanh.derivative], ids=lambda function: function.dotted_name)
def test_defaults_that_are_no_numbers_of_the_dtype(function):
    """hardtanh's default of -1 is none of uint8's, whatever is given in its place."""
    x = np.arange(200, dtype=np.uint8).reshape(10, 20)
    expected = function(x, min_val=0, max_val=9)
    assert expected.dtype == np.uint8
    for view, values in ((x.T, expected.T), (x[:, ::3], expected[:, ::3])):
        np.testing.assert_array_equal(function(view, min_val=0, max_val=9), values)
    np.testing.assert_array_equal(function(x, min_val=0, max_val=9, where=x > 3), np.where(x > 3, expected, 0))
