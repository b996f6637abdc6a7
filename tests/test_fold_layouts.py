"""Functions along an axis: the same bits on every axis and layout, on threads, and without Numba."""

import math

import numpy as np
import pytest
from along import LENGTHS, SMOOTH, call, each_dtype, rows
from claims import willing
from grid import FOLDS, each, same_bits

import fastrelu as fr
from fastrelu import pool
from fastrelu.dispatch import Target
from fastrelu.kernels import pool as native

inf, nan = math.inf, math.nan


class TestAxesAndLayouts:
    @each_dtype
    @pytest.mark.parametrize("axis", range(-3, 3))
    @each(FOLDS)
    def test_every_axis(self, function, axis, dtype):
        x = rows((4, 6, 10), dtype)
        got = call(function, x, axis)
        expected = np.moveaxis(call(function, np.moveaxis(x, axis, -1).copy()), -1, axis)
        same_bits(got, np.ascontiguousarray(expected))

    @each(FOLDS)
    def test_layouts(self, function):
        for dtype in ("float32", "float64"):
            x = rows((12, 130), dtype)
            expected = call(function, x)
            wide = np.zeros((24, 390), dtype)
            wide[::2, ::-3] = x
            raw = np.zeros(x.nbytes + 1, np.uint8)[1:].view(dtype).reshape(x.shape)
            raw[:] = x
            frozen = x.copy()
            frozen.flags.writeable = False
            for view in (np.asfortranarray(x), wide[::2, ::-3], raw, x.astype(x.dtype.newbyteorder()), frozen, x.T.copy().T):
                same_bits(call(function, view), expected)
            same_bits(call(function, np.broadcast_to(x[3], (5, 130))), np.broadcast_to(expected[3], (5, expected.shape[1])))
            same_bits(call(function, x.reshape(3, 4, 130)), expected.reshape(3, 4, -1))

    @each(SMOOTH)
    def test_row_alone_or_among_others(self, function):
        """Rows that are not contiguous are gathered many at a time: no row may depend on its neighbours."""
        for length in LENGTHS:
            x = rows((37, length), np.float32)
            expected = np.array([function(row) for row in x])
            same_bits(function(x), expected)
            same_bits(function(np.asfortranarray(x)), expected)
            same_bits(function(x.T, axis=0), expected.T)

    @each_dtype
    @each(FOLDS)
    def test_parallel_is_serial(self, function, dtype):
        """Any number of threads, rows shorter and longer than what a thread takes at a time."""
        kind = np.dtype(dtype)
        serial, least = function.target(kind), native.SMALLEST_CHUNK_BYTES // kind.itemsize
        for threads in range(2, pool.most_threads() + 1):
            for shape in [(1, 50), (5, 3 * least // 4), (least, 9), (3, 4 * least), (11, least // 8 + 3, 5), (2 * least, 1)]:
                x = rows(shape, dtype)
                willing()
                with fr.threads(threads):
                    assert pool.ready() == threads
                    parallel = function.target(kind, Target.PARALLEL, True)
                    same_bits(parallel(x), serial(x))
                    same_bits(parallel(x[..., ::-1]), serial(x[..., ::-1].copy()))
        large = rows((600, 1000), dtype)
        same_bits(call(function, large), np.concatenate([call(function, part) for part in np.split(large, 300)]))


class TestFormula:
    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    @each(FOLDS)
    def test_in_plain_python(self, function, dtype):
        for length in (1, 2, 3, 63, 64, 65, 200):
            x = rows(length, dtype, 10)
            out = np.empty(1 if function.pooled else length, dtype)
            with np.errstate(all="ignore"):
                function.formula(x, out)
            same_bits(out, call(function, x))

    @pytest.mark.parametrize("row", [[inf, 0, 1], [inf, inf, nan], [-inf, -inf], [nan, 1], [-0.0, 0.0], [1e30, -1e30]])
    @each(FOLDS)
    def test_special_rows_in_plain_python(self, function, row):
        for dtype in ("float32", "float64"):
            x = np.array(row, dtype)
            out = np.empty(1 if function.pooled else len(row), dtype)
            with np.errstate(all="ignore"):
                function.formula(x, out)
            same_bits(out, call(function, x))

    @each(SMOOTH)
    def test_backward_in_plain_python(self, function):
        for dtype in ("float32", "float64"):
            grad, y = rows(70, dtype), function(rows(70, dtype, seed=1))
            out = np.empty(70, dtype)
            function.backward.formula(grad, y, out)
            same_bits(out, function.backward(grad, y))
