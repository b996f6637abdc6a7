"""Arrays of reused memory: what they look like, what limits them, and the figures of fr.memory."""

import gc
import os

import numpy as np
import pandas as pd
import pytest
from buffers import FROM, make
from processes import python

import fastrelu as fr
from fastrelu import memory

pytestmark = pytest.mark.usefixtures("small_buffers", "frozen_heap")
LARGE = 1 << 20  # float32 elements that the public functions get reused memory for


class Sub(np.ndarray):
    pass


class TestArrays:
    """What comes is what np.empty_like would give."""

    @pytest.mark.parametrize("dtype", ["int8", "float16", "float32", "float64"])
    @pytest.mark.parametrize("shape", [(8192,), (8193,), (64, 130), (3, 50, 70), (1, 9000), (9000, 1), (2, 1, 5000)])
    def test_shape_order_alignment(self, shape, dtype):
        for _ in range(2):  # fresh, and used before
            for like in (np.empty(shape, "float32"), np.empty(shape[::-1], "float32").T):
                result, plain = memory.empty_like(like, np.dtype(dtype)), np.empty_like(like, dtype)
                assert (result.shape, result.strides, result.dtype) == (plain.shape, plain.strides, plain.dtype)
                assert result.flags.c_contiguous == plain.flags.c_contiguous
                assert result.flags.f_contiguous == plain.flags.f_contiguous
                assert result.flags.aligned
                assert result.flags.writeable
                assert type(result) is np.ndarray
                assert result.nbytes < FROM or result.ctypes.data % 64 == 0

    @pytest.mark.parametrize("axes", [(0, 2, 1), (1, 0, 2), (2, 0, 1)])
    def test_order_of_other_layouts(self, axes):
        like = np.empty((20, 30, 40)).transpose(axes)
        assert memory.empty_like(like, like.dtype).strides == np.empty_like(like).strides
        sliced = np.empty((200, 300))[::2, ::3]
        assert memory.empty_like(sliced, sliced.dtype).strides == np.empty_like(sliced).strides

    @pytest.mark.parametrize("function", [fr.relu, fr.sigmoid, fr.softmax], ids=["relu", "sigmoid", "softmax"])
    def test_public_functions(self, function):
        """Right over memory that is full of NaN, aligned, in the order of the operand, and from one buffer in the end."""
        x = np.random.default_rng(0).normal(size=(1024, LARGE // 1024)).astype(np.float32)
        for operand in (x, np.asfortranarray(x)):
            expected = function(operand[:, :1000].copy()) if function is not fr.softmax else function.ufunc(operand)
            addresses = set()
            for _ in range(3):
                result = function(operand)
                assert result.strides == operand.strides
                assert result.ctypes.data % 64 == 0
                assert not np.shares_memory(result, x)
                np.testing.assert_array_equal(result[:, : expected.shape[1]], expected)
                addresses.add(result.ctypes.data)
                result[:] = np.nan
                del result
            assert len(addresses) == 1

    def test_operand_is_never_the_output(self):
        """Of a chain: every operand is reused memory."""
        x = np.random.default_rng(0).normal(size=LARGE).astype(np.float32)
        expected = fr.sigmoid.ufunc(fr.tanh.ufunc(fr.relu.ufunc(x)))
        for _ in range(3):
            np.testing.assert_array_equal(fr.sigmoid(fr.tanh(fr.relu(x))), expected)
            y = fr.relu(x)
            y = fr.tanh(y)
            y = fr.sigmoid(y)
            np.testing.assert_array_equal(y, expected)

    def test_left_out_elements_are_zero(self):
        """They would be what the last result left there."""
        x = np.full(LARGE, 3, np.float32)
        fr.relu(x)
        mask = np.arange(LARGE) % 3 == 0
        np.testing.assert_array_equal(fr.relu(x, where=mask), np.where(mask, x, 0))

    def test_subclasses_and_masks_own_their_memory(self):
        x = np.full(LARGE, -1.0, np.float32)
        made = memory.stats()["made"]
        for operand in (x.view(Sub), np.ma.masked_array(x, x > 0)):
            result = fr.relu(operand)
            assert type(result) is type(operand)
        assert fr.relu(pd.Series(x)).to_numpy().max() == 0
        fr.relu(x, out=np.empty_like(x))
        assert memory.stats()["made"] == made

    def test_after_an_error(self, monkeypatch):
        def fails(*_args, **_keywords):
            raise RuntimeError

        x = np.zeros(2 * LARGE, np.float32)
        monkeypatch.setattr(fr.Elementwise, "target", fails)
        with pytest.raises(RuntimeError):
            fr.relu(x)
        gc.collect()
        assert memory.stats()["kept"] >= x.nbytes, "the memory is free again"


class TestLimit:
    def test_in_force(self):
        before = memory.limit()
        assert memory.limit(None) == before > 0
        for size in (1 << 20, np.int64(1 << 21), True, 0):
            assert memory.limit(size) == size
            assert memory.stats()["limit"] == memory.limit() == size

    @pytest.mark.parametrize(
        ("size", "error", "text"),
        [
            (1.5, TypeError, r"^memory.limit: size must be an integer, got float$"),
            ("1", TypeError, r"^memory.limit: size must be an integer, got str$"),
            ([], TypeError, r"^memory.limit: size must be an integer, got list$"),
            (-1, ValueError, r"^memory.limit: size must be at least 0, got -1$"),
        ],
    )
    def test_errors(self, size, error, text):
        before = memory.limit()
        held = make(1).ctypes.data
        with pytest.raises(error, match=text):
            memory.limit(size)
        assert memory.limit() == before
        assert make(2).ctypes.data == held, "what was kept is still there"

    def test_zero_turns_it_off(self):
        live = make(4)
        memory.limit(0)
        before = memory.stats()
        for k in range(3):
            assert (make(k) == k).all()
        del live
        assert memory.stats() == {**before, "kept": 0}

    def test_the_oldest_goes_first(self):
        arrays = [make(k, size) for k, size in enumerate([1024, 2048, 4096])]
        addresses = [array.ctypes.data for array in arrays]
        while arrays:
            del arrays[0]
        assert memory.stats()["kept"] == 8 * (1024 + 2048 + 4096)
        memory.limit(8 * (2048 + 4096))
        assert memory.stats()["kept"] == 8 * (2048 + 4096)
        reused = memory.stats()["reused"]
        assert make(0, 4096).ctypes.data == addresses[2]
        assert make(0, 2048).ctypes.data == addresses[1]
        make(0, 1024)
        assert memory.stats()["reused"] == reused + 2

    def test_larger_than_the_limit(self):
        memory.limit(1 << 14)
        made = memory.stats()["made"]
        assert make(1, 1 << 12).flags.owndata
        assert memory.stats()["made"] == made

    def test_small_results_come_from_malloc(self):
        assert make(1, FROM // 8 - 1).flags.owndata
        assert not make(1, FROM // 8).flags.owndata

    def test_the_default_is_a_share_of_the_memory(self):
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        code = "print(fr.memory.limit())"
        assert int(python(code)) == min(1 << 30, total // 8)


def test_clear_and_stats():
    assert set(memory.stats()) == {"limit", "kept", "made", "reused"}
    before, live = memory.stats(), make(1)
    make(2)
    after = memory.stats()
    assert (after["made"], after["reused"]) == (before["made"] + 2, before["reused"])
    assert after["kept"] == live.nbytes
    memory.clear()
    assert memory.stats()["kept"] == 0
    assert (live == 1).all(), "what is in use stays"
    del live
    assert memory.stats()["kept"] == 8 * 2048, "and is kept when it becomes free"


def test_sizes_within_an_eighth_share_a_buffer():
    for size in range(1024, 4096, 37):
        memory.clear()
        first = make(1, size)
        buffer = first.base
        while isinstance(buffer, np.ndarray):
            buffer = buffer.base
        assert first.nbytes <= buffer._buffer.size <= first.nbytes * 9 / 8 + 8
    address = make(1, 4000).ctypes.data
    assert make(2, 3900).ctypes.data == address
    assert make(2, 3000).ctypes.data != address
