"""The same bits for the same input: in every target, layout, length and thread count, and without Numba."""

import numba
import numpy as np
import pytest
from grid import ACTIVATIONS, ELEMENTWISE, each, keeps, operands, same_bits
from numba import njit, prange

from fastrelu.kernels.parallel import CHUNK

HALF_TOO = ("float16", "float32", "float64")
each_dtype = pytest.mark.parametrize("dtype", HALF_TOO)


def scalars(function, dtype):
    """The default parameters as the kernel takes them: half types are computed in float32."""
    kind = np.result_type(dtype, np.float32) if np.dtype(dtype).kind == "f" else np.dtype(dtype)
    return [kind.type(value) for value in function.params.values()]


def plain(function, dtype, arrays):
    """The serial kernel over fresh contiguous arrays: what every other way is compared with."""
    arrays = [np.array(array) for array in arrays]
    return function.target(np.dtype(dtype))[0](*arrays, *scalars(function, dtype))


@pytest.fixture
def parallel(request):
    """Calls the parallel target with a chunk so small that every thread gets several."""
    threads = numba.get_num_threads()

    def call(function, dtype, *arrays, chunk=16, **keywords):
        ufunc, loop = function.target(np.dtype(dtype), parallel=True)
        before = loop.data[CHUNK]
        loop.data[CHUNK] = chunk
        try:
            return ufunc(*arrays, *scalars(function, dtype), **keywords)
        finally:
            loop.data[CHUNK] = before

    yield call
    numba.set_num_threads(threads)


@each_dtype
@each(ELEMENTWISE)
def test_every_length_and_offset(function, dtype):
    """A vector body and its tail agree, wherever the array starts: an element's value depends on the element alone."""
    arrays = operands(function, dtype, 300)
    expected = plain(function, dtype, arrays)
    ufunc, extra = function.target(np.dtype(dtype))[0], scalars(function, dtype)
    for length in range(201):
        start = length % 37
        part = slice(start, start + length)
        same_bits(ufunc(*(array[part] for array in arrays), *extra), expected[part])


def layouts(array):
    """(name, the same elements in another layout)."""
    size, item = array.size, array.itemsize
    for step in (2, 3, 7):
        wide = np.zeros(size * step, array.dtype)
        wide[::step] = array
        yield f"step {step}", wide[::step]
    yield "reversed", np.ascontiguousarray(array[::-1])[::-1]
    wide = np.zeros(size * 5, array.dtype)
    wide[::-5] = array
    yield "step -5", wide[::-5]
    raw = np.zeros(size * item + 1, np.uint8)[1:].view(array.dtype)
    raw[:] = array
    yield "misaligned", raw
    packed = np.zeros(
        size, np.dtype({"names": ["a", "x"], "formats": ["u1", array.dtype], "offsets": [0, 1], "itemsize": item + 3})
    )
    packed["x"] = array
    yield "field of a packed record", packed["x"]
    swapped = array.astype(array.dtype.newbyteorder())
    yield "byte-swapped", swapped
    grid = np.zeros((size, 3), array.dtype, order="F")
    grid[:, 1] = array
    yield "column", grid[:, 1]
    frozen = array.copy()
    frozen.flags.writeable = False
    yield "read-only", frozen


@each_dtype
@each(ELEMENTWISE)
def test_every_layout(function, dtype, parallel):
    """Also longer than the blocks into which strided operands are gathered."""
    size = 4096 // np.dtype(dtype).itemsize + 77
    arrays = operands(function, dtype, size)
    expected = plain(function, dtype, arrays)
    ufunc, extra = function.target(np.dtype(dtype))[0], scalars(function, dtype)
    for kinds in zip(*(layouts(array) for array in arrays), strict=True):
        changed = [array for _, array in kinds]
        same_bits(ufunc(*changed, *extra), expected)
        same_bits(parallel(function, dtype, *changed, chunk=64), expected)
        for place in range(len(arrays)):  # one operand alone
            mixed = [changed[k] if k == place else array for k, array in enumerate(arrays)]
            same_bits(ufunc(*mixed, *extra), expected)
    for name, out in layouts(np.zeros_like(expected)):
        if name not in ("read-only",):
            assert ufunc(*arrays, *extra, out=out) is out
            same_bits(out.astype(out.dtype.newbyteorder("=")), expected)


@each_dtype
@each(ELEMENTWISE)
def test_broadcast(function, dtype, parallel):
    """Zero strides, two dimensions, transposes, and parameters as arrays."""
    arrays = operands(function, dtype, 23)
    expected = plain(function, dtype, arrays)
    ufunc, extra = function.target(np.dtype(dtype))[0], scalars(function, dtype)
    tall = [np.broadcast_to(array, (31, 23)) for array in arrays]
    same_bits(ufunc(*tall, *extra), np.tile(expected, (31, 1)))
    same_bits(ufunc(*(array.T for array in tall), *extra), np.tile(expected, (31, 1)).T)
    same_bits(parallel(function, dtype, *tall, chunk=4), np.tile(expected, (31, 1)))
    single = [array[5:6] for array in arrays]
    same_bits(ufunc(*(np.broadcast_to(array, 400) for array in single), *extra), np.repeat(expected[5:6], 400))
    if extra:
        same_bits(ufunc(*arrays, *(np.full(23, value) for value in extra)), expected)
        same_bits(ufunc(*arrays, *(np.full(46, value)[::2] for value in extra)), expected)


@pytest.mark.parametrize("threads", range(1, numba.config.NUMBA_NUM_THREADS + 1))
@each_dtype
@each(ELEMENTWISE)
def test_threads(function, dtype, threads, parallel):
    numba.set_num_threads(threads)
    arrays = operands(function, dtype, 3001)
    expected = plain(function, dtype, arrays)
    for chunk in (1, 7, 64, 3000, 3001, 1 << 40):
        same_bits(parallel(function, dtype, *arrays, chunk=chunk), expected)
    for length in (0, 1, 15, 16, 17, 33):
        same_bits(parallel(function, dtype, *(array[:length] for array in arrays)), expected[:length])


@each(ELEMENTWISE)
def test_in_place(function, parallel):
    dtype = "float32"
    arrays = operands(function, dtype, 1500)
    expected = plain(function, dtype, arrays)
    for place in range(len(arrays)):
        for call in (lambda *a, out: function(*a, out=out), lambda *a, out: parallel(function, dtype, *a, out=out)):
            copies = [array.copy() for array in arrays]
            assert call(*copies, out=copies[place]) is copies[place]
            same_bits(copies[place], expected)


@each_dtype
@each(ELEMENTWISE)
def test_public_call(function, dtype):
    """Small arrays take a short path, large ones several threads, where= and out= the general one."""
    small = operands(function, dtype, 150)
    expected = plain(function, dtype, small)
    same_bits(function(*small), expected)
    same_bits(function(*small, **function.params), expected)
    same_bits(function(*small, out=np.empty_like(expected)), expected)
    same_bits(function(*small, where=np.ones(150, bool)), expected)
    same_bits(function.ufunc(*small, *scalars(function, dtype)), expected)
    for index in range(0, 150, 11):
        same_bits(function(*(array[index] for array in small)), expected[index])
    large = [np.resize(array, (1031, 150)) for array in small]
    same_bits(function(*large), np.resize(expected, (1031, 150)))
    if numba.get_num_threads() > 1:
        assert np.dtype(dtype) in function._parallel


INTEGER = {key: function for key, function in ELEMENTWISE.items() if np.dtype("int8") in function.supported}


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"])
@each(INTEGER)
def test_integers(function, dtype, parallel):
    if not keeps(function, dtype):
        pytest.skip("a default parameter does not fit: computed in float64")
    arrays = operands(function, dtype, 1001)
    expected = plain(function, dtype, arrays)
    assert expected.dtype == dtype
    same_bits(function(*arrays), expected)
    same_bits(parallel(function, dtype, *arrays), expected)
    same_bits(function(*(array[::-3] for array in arrays)), expected[::-3])
    for index in range(0, 100, 9):
        same_bits(function(*(array[index] for array in arrays)), expected[index])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@each(ELEMENTWISE)
def test_formula_in_plain_python(function, dtype):
    """The formula needs no Numba: on NumPy scalars it gives the kernel's bits."""
    arrays, extra = operands(function, dtype, 150), scalars(function, dtype)
    with np.errstate(all="ignore"):
        got = [function.formula(*items, *extra) for items in zip(*arrays, strict=True)]
    assert {type(item) for item in got} == {np.dtype(dtype).type}
    same_bits(np.array(got), plain(function, dtype, arrays))


def members(record):
    """The functions of a record, by the number of their arrays."""
    name = record.dotted_name
    return [function for key, function in ELEMENTWISE.items() if key == name or key.startswith((f"{name}.", f"{name}("))]


def scalar_loop(function, **options):
    """A user's own loop that calls the function for each element."""
    if len(function.arrays) == 1:

        @njit(**options)
        def loop(x, out):
            for i in prange(x.size):
                out[i] = function(x[i])

    elif len(function.arrays) == 2:

        @njit(**options)
        def loop(x, y, out):
            for i in prange(x.size):
                out[i] = function(x[i], y[i])

    else:

        @njit(**options)
        def loop(x, y, z, out):
            for i in prange(x.size):
                out[i] = function(x[i], y[i], z[i])

    return loop


def array_call(function, **options):
    """A user's own code that calls the function for arrays."""
    if len(function.arrays) == 1:
        return njit(**options)(lambda x: function(x))
    if len(function.arrays) == 2:
        return njit(**options)(lambda x, y: function(x, y))
    return njit(**options)(lambda x, y, z: function(x, y, z))


@each(ELEMENTWISE)
def test_scalars_in_compiled_code(function):
    loop = scalar_loop(function)
    for dtype in ("float32", "float64"):
        arrays = operands(function, dtype, 501)
        out = np.empty(501, dtype)
        loop(*arrays, out)
        same_bits(out, plain(function, dtype, arrays))


@each(ELEMENTWISE)
def test_arrays_in_compiled_code(function):
    arrays = operands(function, "float32", 501)
    same_bits(array_call(function)(*arrays), plain(function, "float32", arrays))


@each(ACTIVATIONS)
def test_caller_with_fastmath_and_threads(function):
    """The caller's flags must not reach the formula: fastmath would drop NaN and reorder sums."""
    for member in (function, function.derivative):
        loop = scalar_loop(member, parallel=True, fastmath=True)
        arrays = operands(member, "float32", 1003)
        out = np.empty(1003, np.float32)
        loop(*arrays, out)
        same_bits(out, plain(member, "float32", arrays))


@pytest.mark.filterwarnings("ignore::numba.NumbaPerformanceWarning")
@pytest.mark.parametrize("options", [{}, {"parallel": True}, {"fastmath": True}], ids=str)
@pytest.mark.parametrize("name", ["leaky_relu", "prelu", "sigmoid"])
def test_array_layouts_in_compiled_code(name, options):
    function = ACTIVATIONS[name]
    call = array_call(function, **options)
    arrays = operands(function, "float64", 6 * 7 * 8)
    expected = plain(function, "float64", arrays).reshape(6, 7, 8)
    arrays = [array.reshape(6, 7, 8) for array in arrays]
    same_bits(call(*arrays), expected)
    same_bits(call(*(np.asfortranarray(array) for array in arrays)), expected)
    same_bits(call(*(array.T for array in arrays)), expected.T)
    same_bits(call(*(array[::2, ::-1, 1:7:3] for array in arrays)), expected[::2, ::-1, 1:7:3])
    same_bits(call(*(array[:0] for array in arrays)), expected[:0])
