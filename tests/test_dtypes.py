"""The dtype rule."""

import os

import numpy as np
import pytest
from grid import each_unary_representative, same_bits

import fastrelu as fr

DTYPES = ["bool", *"bhilqBHILQ", "e", "f", "d", ">f4", ">f8", "<f4", ">i2", "=u4", ">f2"]


class TestDtypes:
    @each_unary_representative
    def test_rule(self, function):
        for code in DTYPES:
            x = np.array([0, 1, 1, 0], code)
            got = function(x)
            expected = np.exp(x).dtype
            if np.dtype("int8") in function.supported and x.dtype.kind in "biu":
                expected = self.integers(function, np.dtype("int8") if code == "bool" else x.dtype.newbyteorder("="))
            assert got.dtype == expected, code
            assert got.dtype.isnative
            same_bits(got, function(x.astype(expected)))
            assert function(x, where=[True] * 4).dtype == expected
            assert function(x, out=np.empty(4, expected)).dtype == expected

    @staticmethod
    def integers(function, dtype):
        """Where the default of a parameter is none of the dtype's numbers, float64."""
        info = np.iinfo(dtype)
        fits = all(value == int(value) and info.min <= value <= info.max for value in function.params.values())
        return dtype if fits else np.dtype(np.float64)

    @pytest.mark.parametrize("code", DTYPES)
    def test_two_operands_promote_as_numpy(self, code):
        x = np.array([0, 1, 1, 0], code)
        for other in (np.float32(2), np.zeros(4, np.float32), np.zeros(4, np.float64), np.zeros(4, np.int8), 0.5, 2):
            expected = np.exp(np.add(x, other)).dtype
            assert fr.prelu(x, other).dtype == expected
            assert fr.sigmoid.backward(x, other).dtype == expected

    @pytest.mark.parametrize("code", [*"bqBQ", *(pytest.param(code, marks=pytest.mark.slow) for code in "hilHIL")])
    def test_integer_values(self, code):
        info = np.iinfo(code)
        x = np.array([info.min, info.min + 1, 0, 1, 5, 6, 7, info.max], code)
        np.testing.assert_array_equal(fr.relu(x), np.maximum(x, 0))
        np.testing.assert_array_equal(fr.relu6(x), np.minimum(np.maximum(x, 0), 6))
        np.testing.assert_array_equal(fr.identity(x), x)
        np.testing.assert_array_equal(fr.step(x), (x >= 0).astype(code))
        np.testing.assert_array_equal(fr.step(x, threshold=6), (x >= 6).astype(code))
        np.testing.assert_array_equal(fr.relu.derivative(x), (x > 0).astype(code))
        np.testing.assert_array_equal(fr.step(x, threshold=0.5), x >= 0.5)
        np.testing.assert_array_equal(fr.maxout(x, 2), x.reshape(-1, 2).max(1))

    def test_integers_and_parameters_that_are_none(self):
        assert fr.step(np.array([200], np.uint8), threshold=-1)[0] == 1
        assert fr.step(np.array([200], np.uint8), threshold=1000)[0] == 0
        assert fr.relu(np.array([False, True])).dtype == np.int8

    def test_scalar_parameters_do_not_promote(self):
        for value in (0.1, 1, np.float64(0.1), np.float32(0.1), np.array(0.1), np.int64(1), True):
            assert fr.leaky_relu(np.float32([1, -1]), negative_slope=value).dtype == np.float32
            assert fr.leaky_relu(np.float32([1, -1]), value).dtype == np.float32

    @pytest.mark.slow
    def test_more_than_2_to_31_elements(self):
        size = 2_200_000_000
        if os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") < 3 * size:
            pytest.skip("needs 6.6 GB of memory")
        x = np.zeros(size, np.int8)
        x[[0, 1, size // 2, -2, -1]] = [-1, 5, -128, 127, -3]
        got = fr.relu(x)
        assert got.size == size
        assert got[[0, 1, size // 2, -2, -1]].tolist() == [0, 5, 0, 127, 0]
        assert np.count_nonzero(got) == 2
        fr.relu(x, out=x)
        assert np.count_nonzero(x) == 2
