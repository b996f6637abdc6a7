"""out= and where=, overlapping memory, and inputs that stay as they are."""

import numpy as np
import pytest
from grid import each, each_representative, each_unary_representative, operands, random, same_bits

import fastrelu as fr

X = np.random.default_rng(0).normal(size=(4, 6)) * 3


class TestInputs:
    @each_representative
    def test_inputs_are_not_changed(self, function):
        arrays = operands(function, "float64", 300)
        copies = [array.copy() for array in arrays]
        for array in arrays:
            array.flags.writeable = False
        got = function(*arrays)
        function(*arrays, where=np.arange(300) % 2 == 0)
        assert not any(np.shares_memory(got, array) for array in arrays)
        for array, before in zip(arrays, copies, strict=True):
            same_bits(array, before)


class TestOut:
    @each_unary_representative
    def test_result_is_out(self, function):
        out = np.full(X.shape, 7.0)
        assert function(X, out=out) is out
        same_bits(out, function(X))
        narrow = X.astype(np.float32)
        assert function(narrow, out=narrow) is narrow
        same_bits(narrow, function(X.astype(np.float32)))
        swapped = np.empty(X.shape, ">f8")
        assert function(X, out=swapped) is swapped
        same_bits(swapped.astype("=f8"), function(X))

    def test_out_in_a_tuple_or_broadcast(self):
        out = np.empty((3, 4, 6))
        with pytest.raises(ValueError, match=r"^relu: out must have shape"):
            fr.relu(X, out=out)
        assert fr.prelu(X, np.ones((3, 1, 1)), out=out) is out

    @pytest.mark.parametrize("steps", [(1, 1), (2, 1), (1, 2), (2, 3), (-1, 1), (1, -1), (-2, -2), (3, -1)], ids=str)
    @each({"relu": fr.relu, "sigmoid": fr.sigmoid, "leaky_relu": fr.leaky_relu, "prelu": fr.prelu, "backward": fr.tanh.backward})
    def test_partly_overlapping(self, function, steps):
        """As if there was no overlap: NumPy's ufuncs promise it since 1.13."""
        step_in, step_out = steps
        count = 200
        base = random(2000, np.float32)
        rest = [random(count, np.float32) for _ in function.arrays[1:]]
        for shift in (*range(-40, 41), -100, 100):
            memory = base.copy()
            source = memory[600 : 600 + count * abs(step_in) : abs(step_in)][:: 1 if step_in > 0 else -1]
            target = memory[600 + shift : 600 + shift + count * abs(step_out) : abs(step_out)][:: 1 if step_out > 0 else -1]
            expected = function(source.copy(), *rest)
            untouched = np.ones(2000, bool)
            untouched[600 + shift : 600 + shift + count * abs(step_out) : abs(step_out)] = False
            function(source, *rest, out=target)
            same_bits(target, expected)
            same_bits(memory[untouched], base[untouched])

    @pytest.mark.parametrize("shift", [1, -1, 16, -16, 1000, -1000, 70_000])
    def test_overlapping_large_arrays_on_threads(self, shift):
        base = random(600_000, np.float32)
        start = 200_000
        source, target = slice(start, start + 250_000), slice(start + shift, start + shift + 250_000)
        for function in (fr.relu, fr.sigmoid):
            memory, expected = base.copy(), function(base[source].copy())
            function(memory[source], out=memory[target])
            same_bits(memory[target], expected)

    def test_transposed_onto_itself(self):
        memory = random((64, 64))
        expected = fr.sigmoid(memory.T.copy())
        fr.sigmoid(memory.T, out=memory)
        same_bits(memory, expected)

    def test_broadcast_operand_is_part_of_out(self):
        memory = random((50, 60))
        expected = np.where(memory > 0, memory, memory * memory[0])
        fr.prelu(memory, memory[0], out=memory)
        same_bits(memory, expected)


class TestWhere:
    @each_representative
    def test_unselected_are_zero_or_keep_out(self, function):
        arrays = operands(function, "float32", 500, 4)
        full = function(*arrays)
        mask = np.random.default_rng(0).random(500) < 0.4
        same_bits(function(*arrays, where=mask), np.where(mask, full, np.float32(0)))
        out = np.full(500, -7, np.float32)
        assert function(*arrays, where=mask, out=out) is out
        same_bits(out, np.where(mask, full, np.float32(-7)))

    @each_unary_representative
    def test_masks_of_every_kind(self, function):
        full = function(X)
        for mask in (True, False, np.True_, np.bool_(0), [True, False] * 3, np.zeros((4, 1), bool), np.eye(4, 6, dtype=bool),
                     np.eye(6, 4, dtype=bool).T, np.ones((4, 12), bool)[:, ::2], np.broadcast_to(True, (4, 6))):  # fmt: skip
            same_bits(function(X, where=mask), np.where(mask, full, 0.0))
            same_bits(function(X, where=mask, **function.params), np.where(mask, full, 0.0))
            out = np.full((4, 6), np.nan)
            function(X, where=mask, out=out)
            same_bits(out, np.where(mask, full, np.nan))
        assert function(X.T, where=np.ones((6, 4), bool)).strides == np.exp(X.T).strides

    def test_mask_broadcasts_the_result(self):
        mask = np.array([[True], [False], [True]])
        same_bits(fr.relu(np.array([1.0, -2]), where=mask), np.array([[1.0, 0], [0, 0], [1, 0]]))
        assert fr.relu(np.empty((0, 3)), where=np.empty((0, 3), bool)).shape == (0, 3)

    def test_zero_dimensional(self):
        for mask, value in ((True, 2), (False, 0), (np.array(True), 2), (np.array(False), 0)):
            got = fr.relu(2.0, where=mask)
            assert got == value
            assert isinstance(got, np.generic), "a 0-d result is a NumPy scalar"

    def test_in_place_and_on_threads(self):
        x = random(400_000, np.float32)
        mask = np.random.default_rng(0).random(x.size) < 0.5
        for function in (fr.relu, fr.sigmoid):
            expected = np.where(mask, function(x), x)
            same_bits(function(x.copy(), where=mask, out=x.copy()), expected)
            memory = x.copy()
            function(memory, where=mask, out=memory)
            same_bits(memory, expected)

    def test_integers_and_masked_arrays(self):
        same_bits(fr.relu(np.arange(-3, 3), where=[True, False] * 3), np.array([0, 0, 0, 0, 1, 0]))
        masked = np.ma.masked_array([1.0, -2.0, 3.0], [True, False, False])
        got = fr.relu(masked, where=np.array([True, True, False]))
        assert got.mask.tolist() == [True, False, False]
