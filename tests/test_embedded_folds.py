"""Functions along an axis inside a user's compiled code."""

import numpy as np
import pytest
from grid import same_bits
from numba import njit, prange

import fastrelu as fr

X = np.random.default_rng(0).normal(size=(5, 6, 7)) * 3


class TestFolds:
    """Along an axis that is a constant: the same bits."""

    @pytest.mark.parametrize("axis", [-1, 0, pytest.param(1, marks=pytest.mark.slow)])
    def test_axes_and_layouts(self, axis):
        use = njit(lambda v: fr.softmax(v, axis=axis))
        for v in (X, X[:, ::2], X[:0], np.zeros((2, 0, 3)), np.zeros((2, 3, 0))):
            same_bits(use(v), fr.softmax(v, axis=axis))

    def test_one_axis_of_each_dtype(self):
        use = njit(lambda v: fr.log_softmax(v))
        for v in (X[0, 0], X[0, 0].astype(np.float32), np.arange(5)):
            same_bits(use(v), fr.log_softmax(v))

    def test_groups(self):
        use = njit(lambda v, n: fr.maxout(v, n, axis=1))
        for n in (1, 2, 3, 6):
            same_bits(use(X, n), fr.maxout(X, n, axis=1))
        ints = np.arange(12, dtype=np.int8).reshape(3, 4)[::-1]
        same_bits(njit(lambda v: fr.maxout(v, pool_size=2))(ints), fr.maxout(ints, pool_size=2))

    def test_backward(self):
        grad, y = X[::-1], fr.softmax(X, axis=1)
        same_bits(njit(lambda g, y: fr.softmax.backward(g, y, axis=1))(grad, y), fr.softmax.backward(grad, y, axis=1))
        half = grad[:, :3]
        same_bits(njit(lambda g, x: fr.maxout.backward(g, x, 2, axis=1))(half, X), fr.maxout.backward(half, X, 2, axis=1))

    def test_rows_in_parallel(self):
        @njit(parallel=True, fastmath=True)
        def rows(v):
            out = np.empty_like(v)
            for k in prange(len(v)):
                out[k] = fr.log_softmax(v[k])
            return out

        flat = X.reshape(30, 7)
        same_bits(rows(flat), fr.log_softmax(flat))
