"""The same bits for the same input: in every target, layout, length and thread count, and without Numba."""

import ml_dtypes  # noqa: F401  (bfloat16() looks whether it has been imported)
import numpy as np
import pytest
from claims import willing
from grid import ELEMENTWISE, FORMULAS, REPRESENTATIVES, SECONDS, each, each_representative, operands, same_bits

import fastrelu as fr
from fastrelu import pool
from fastrelu.dispatch import Target
from fastrelu.kernels import pool as native
from fastrelu.kernels.nontemporal import STREAMED_BYTES
from fastrelu.kernels.storage import bfloat16

DTYPES = [*map(np.dtype, ("float16", "float32", "float64")), *bfloat16()]
each_dtype = pytest.mark.parametrize("dtype", DTYPES, ids=str)
LENGTHS = (*range(70), 127, 128, 129, 130, 255, 257, 300)


def inputs(function, dtype, size, seed=0):
    """Operands of any dtype: bfloat16's are float32's, rounded."""
    if dtype.name != "bfloat16":
        return operands(function, dtype, size, seed)
    with np.errstate(over="ignore", invalid="ignore"):
        return [array.astype(dtype) for array in operands(function, "float32", size, seed)]


def scalars(function, dtype):
    """The default parameters as the kernel takes them: half types are computed in float32."""
    kind = np.dtype("float32") if dtype.itemsize == 2 and dtype.kind not in "iu" else dtype
    return [kind.type(value) for value in function.params.values()]


def plain(function, dtype, arrays):
    """The serial kernel over fresh contiguous arrays: what every other way is compared with."""
    return function.target(dtype)(*(np.array(array) for array in arrays), *scalars(function, dtype))


def threaded(function, dtype, kind, *arrays, threads=1 << 10, **keywords):
    """On all threads, or the first so many."""
    willing()
    with fr.threads(min(threads, pool.most_threads())):
        return function.target(dtype, kind, pool.ready() > 1)(*arrays, *scalars(function, dtype), **keywords)


def check_every_target(function, dtype):
    """A vector body and its tail agree wherever the array starts, on one thread and on several, and in the public call."""
    arrays = inputs(function, dtype, 331)
    expected = plain(function, dtype, arrays)
    ufunc, extra = function.target(dtype), scalars(function, dtype)
    for length in LENGTHS:
        start = length % 31
        part = slice(start, start + length)
        same_bits(ufunc(*(array[part] for array in arrays), *extra), expected[part])
    same_bits(ufunc(*(array[::-3] for array in arrays), *extra), expected[::-3])
    # 8 KB a chunk: several for each thread, the last one not whole
    size = 5 * native.SMALLEST_CHUNK_BYTES // dtype.itemsize + 77
    long, wanted = [np.resize(array, size) for array in arrays], np.resize(expected, size)
    same_bits(threaded(function, dtype, Target.PARALLEL, *long), wanted)
    same_bits(threaded(function, dtype, Target.PARALLEL, *(array[::-1] for array in long)), wanted[::-1])
    same_bits(function(*arrays), expected)
    same_bits(function(*arrays, **function.params), expected)
    same_bits(function(*arrays, where=np.ones(331, bool)), expected)
    large = [np.resize(array, (1031, 331)) for array in arrays]
    same_bits(function(*large), np.resize(expected, (1031, 331)))
    for place in range(len(arrays)):
        copies = [array.copy() for array in arrays]
        assert function(*copies, out=copies[place]) is copies[place]
        same_bits(copies[place], expected)
        copies = [array.copy() for array in long]
        threaded(function, dtype, Target.PARALLEL, *copies, out=copies[place])
        same_bits(copies[place], wanted)
    for index in range(0, 331, 37):
        same_bits(function(*(array[index] for array in arrays)), expected[index])


@each(FORMULAS, ELEMENTWISE)
def test_every_target(function):
    check_every_target(function, np.dtype("float32"))


@pytest.mark.parametrize("dtype", [dtype for dtype in DTYPES if dtype != "float32"], ids=str)
@each_representative
def test_every_target_of_other_dtypes(function, dtype):
    check_every_target(function, dtype)


def check_streaming(function, dtype):
    """Wherever the output starts: head and tail are not whole cache lines, and every element is written."""
    block = STREAMED_BYTES // dtype.itemsize
    arrays = inputs(function, dtype, 3 * block + 40)
    expected = plain(function, dtype, arrays)
    memory = np.zeros(4 * block + 100, dtype)
    ufunc, extra = function.target(dtype, Target.STREAMING), scalars(function, dtype)
    for start in (0, 1, 5, 16, 31):
        for length in (0, 1, block - 1, block, block + 1, 2 * block + 17, 3 * block + 40):
            memory[:] = 77
            ufunc(*(array[:length] for array in arrays), *extra, out=memory[start : start + length])
            same_bits(memory[start : start + length], expected[:length])
            assert (memory[:start] == 77).all()
            assert (memory[start + length :] == 77).all()
    same_bits(ufunc(*(array[::-1] for array in arrays), *extra), expected[::-1])
    size = 9 * native.SMALLEST_CHUNK_BYTES // dtype.itemsize + 77
    long = [np.resize(array, size) for array in arrays]
    same_bits(threaded(function, dtype, Target.STREAMING, *long), np.resize(expected, size))
    for place in range(len(arrays)):
        copies = [array.copy() for array in arrays]
        same_bits(ufunc(*copies, *extra, out=copies[place]), expected)


@each_dtype
@each_representative
def test_streaming(function, dtype):
    check_streaming(function, dtype)


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
@each(REPRESENTATIVES)
def test_every_layout(function, dtype):
    """Also longer than the blocks into which strided operands are gathered."""
    size = 4096 // dtype.itemsize + 77
    arrays = inputs(function, dtype, size)
    expected = plain(function, dtype, arrays)
    ufunc, extra = function.target(dtype), scalars(function, dtype)
    for kinds in zip(*(layouts(array) for array in arrays), strict=True):
        changed = [array for _, array in kinds]
        same_bits(ufunc(*changed, *extra), expected)
        for place in range(len(arrays)):  # one operand alone
            mixed = [changed[k] if k == place else array for k, array in enumerate(arrays)]
            same_bits(ufunc(*mixed, *extra), expected)
    for name, out in layouts(np.zeros_like(expected)):
        if name not in ("read-only",):
            assert ufunc(*arrays, *extra, out=out) is out
            same_bits(out.astype(out.dtype.newbyteorder("=")), expected)


@each_dtype
@each(REPRESENTATIVES)
def test_every_layout_on_threads(function, dtype):
    size = 5 * native.SMALLEST_CHUNK_BYTES // dtype.itemsize + 77
    arrays = inputs(function, dtype, size)
    expected = plain(function, dtype, arrays)
    for kinds in zip(*(layouts(array) for array in arrays), strict=True):
        same_bits(threaded(function, dtype, Target.PARALLEL, *(array for _, array in kinds)), expected)
    for threads in range(1, pool.most_threads() + 1):
        for length in (0, 1, 63, 64, 65, size - 1, size):
            part = [array[:length] for array in arrays]
            same_bits(threaded(function, dtype, Target.PARALLEL, *part, threads=threads), expected[:length])


@each_dtype
@each(REPRESENTATIVES)
def test_broadcast(function, dtype):
    """Zero strides, two dimensions, transposes, and parameters as arrays."""
    arrays = inputs(function, dtype, 23)
    expected = plain(function, dtype, arrays)
    ufunc, extra = function.target(dtype), scalars(function, dtype)
    tall = [np.broadcast_to(array, (2031, 23)) for array in arrays]
    wanted = np.tile(expected, (2031, 1))
    same_bits(ufunc(*tall, *extra), wanted)
    same_bits(ufunc(*(array.T for array in tall), *extra), wanted.T)
    same_bits(threaded(function, dtype, Target.PARALLEL, *tall), wanted)
    same_bits(threaded(function, dtype, Target.PARALLEL, *(array.T for array in tall)), wanted.T)
    single = [array[5:6] for array in arrays]
    same_bits(ufunc(*(np.broadcast_to(array, 400) for array in single), *extra), np.repeat(expected[5:6], 400))
    if extra:
        same_bits(ufunc(*arrays, *(np.full(23, value) for value in extra)), expected)
        same_bits(ufunc(*arrays, *(np.full(46, value)[::2] for value in extra)), expected)


INTEGER = {key: function for key, function in ELEMENTWISE.items() if np.dtype("int8") in function.supported}


@each(INTEGER)
def test_integers(function):
    for dtype in map(np.dtype, ("int8", "uint16", "int32", "uint64")):
        if not all(value in (0, int(value)) and np.can_cast(np.min_scalar_type(int(value)), dtype)
                   for value in function.params.values()):  # fmt: skip
            continue  # the default of a parameter is none of its numbers: the call is computed in float64
        arrays = operands(function, dtype, 1001)
        expected = plain(function, dtype, arrays)
        assert expected.dtype == dtype
        same_bits(function(*arrays), expected)
        long = [np.resize(array, 70_001) for array in arrays]
        same_bits(threaded(function, dtype, Target.PARALLEL, *long), np.resize(expected, 70_001))
        same_bits(function(*(array[::-3] for array in arrays)), expected[::-3])
        for index in range(0, 100, 19):
            same_bits(function(*(array[index] for array in arrays)), expected[index])


@pytest.mark.parametrize("dtype", ["float32", pytest.param("float64", marks=pytest.mark.slow)])
@each({**FORMULAS, **SECONDS})
def test_formula_in_plain_python(function, dtype):
    """The formula needs no Numba: on NumPy scalars it gives the kernel's bits."""
    dtype = np.dtype(dtype)
    arrays, extra = operands(function, dtype, 20), scalars(function, dtype)
    with np.errstate(all="ignore"):
        got = [function.formula(*items, *extra) for items in zip(*arrays, strict=True)]
    assert {type(item) for item in got} == {dtype.type}
    same_bits(np.array(got), plain(function, dtype, arrays))
