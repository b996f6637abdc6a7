"""The same bits in a user's compiled code as in our own calls."""

import numba
import numpy as np
import pytest
from grid import ELEMENTWISE, REPRESENTATIVES, each, each_representative, operands, same_bits
from numba import njit, prange

import fastrelu as fr


def plain(function, arrays):
    return function.ufunc(*arrays, *(arrays[0].dtype.type(value) for value in function.params.values()))


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


def check_loop(function, dtype, **options):
    loop = scalar_loop(function, **options)
    arrays = operands(function, dtype, 501)
    out = np.empty(501, dtype)
    loop(*arrays, out)
    same_bits(out, plain(function, arrays))


@pytest.mark.parametrize("dtype", ["float32", pytest.param("float64", marks=pytest.mark.slow)])
@each_representative
def test_scalars_in_compiled_code(function, dtype):
    check_loop(function, dtype)


@each(dict(list(REPRESENTATIVES.items())[::4]))  # each takes a second to compile; all of them in the slow test below
def test_arrays_in_compiled_code(function):
    """The result has the type that our own call gives."""
    arrays = operands(function, "float32", 501)
    call, expected = array_call(function), plain(function, arrays)
    same_bits(call(*arrays), expected)
    assert call.nopython_signatures[-1].return_type.dtype == numba.float32
    same_bits(np.float32(call(*(array[7] for array in arrays))), expected[7])
    assert call.nopython_signatures[-1].return_type == numba.float32


@each({**dict(list(REPRESENTATIVES.items())[1::4]), "gelu.derivative": fr.gelu.derivative, "tanh": fr.tanh})
def test_caller_with_fastmath_and_threads(function):
    """The caller's flags must not reach the formula: fastmath would drop NaN and reorder sums."""
    check_loop(function, "float32", parallel=True, fastmath=True)


@pytest.mark.slow
@each(ELEMENTWISE)
def test_every_function_in_every_kind_of_caller(function):
    for dtype in ("float32", "float64"):
        check_loop(function, dtype, parallel=True, fastmath=True)
        arrays = operands(function, dtype, 501)
        same_bits(array_call(function)(*arrays), plain(function, arrays))


@pytest.mark.filterwarnings("ignore::numba.NumbaPerformanceWarning")
@pytest.mark.parametrize(("name", "options"), [("prelu", {}), ("sigmoid", {"parallel": True, "fastmath": True})])
def test_array_layouts_in_compiled_code(name, options):
    function = ELEMENTWISE[name]
    call = array_call(function, **options)
    arrays = operands(function, "float64", 6 * 7 * 8)
    expected = plain(function, arrays).reshape(6, 7, 8)
    arrays = [array.reshape(6, 7, 8) for array in arrays]
    same_bits(call(*arrays), expected)
    same_bits(call(*(np.asfortranarray(array) for array in arrays)), expected)
    same_bits(call(*(array.T for array in arrays)), expected.T)
    same_bits(call(*(array[::2, ::-1, 1:7:3] for array in arrays)), expected[::2, ::-1, 1:7:3])
    same_bits(call(*(array[:0] for array in arrays)), expected[:0])
