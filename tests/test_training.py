"""Functions that are noisy in training: their random numbers, and calls with them."""

import pickle

import ml_dtypes
import numpy as np
import pytest
from claims import willing
from grid import ACTIVATIONS, same_bits, specials
from numba import njit

import fastrelu as fr
from fastrelu.vecmath.philox import philox, uniform

NOISY = {name: function for name, function in ACTIVATIONS.items() if function.training}
each_noisy = pytest.mark.parametrize("function", list(NOISY.values()), ids=list(NOISY))
SEED = 0x9E3779B97F4A7C15

# Random123's kat_vectors, philox4x32 10: counter, key, result.
KNOWN = """\
00000000 00000000 00000000 00000000 00000000 00000000 6627e8d5 e169c58d bc57ac4c 9b00dbd8
ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff 408f276d 41c83b0e a20bc7c6 6d5451fd
243f6a88 85a308d3 13198a2e 03707344 a4093822 299f31d0 d16cfe09 94fdcceb 5001e420 24126ea1"""


@pytest.mark.parametrize("line", KNOWN.splitlines())
def test_known_answers(line):
    words = [np.uint64(int(word, 16)) for word in line.split()]
    assert list(philox(*words[:6])) == words[6:]


def numbers(shape, seed, dtype=np.float64):
    """The random numbers of a call, element by element in plain Python."""
    zero = np.float64(0) if np.dtype(dtype).itemsize == 8 else np.float32(0)
    places = np.arange(np.prod(shape, dtype=int))
    return np.array([uniform(zero, np.uint64(k), np.uint64(seed)) for k in places], zero.dtype).reshape(shape)


def test_numbers_are_the_words():
    word, more, _, _ = (int(part) for part in philox(*map(np.uint64, (7, 3, 0, 0, SEED & 0xFFFFFFFF, SEED >> 32))))
    place = np.uint64(3 << 32 | 7)
    assert uniform(np.float64(0), place, np.uint64(SEED)) == ((word >> 5) << 26 | more >> 6) * 2.0**-53
    assert uniform(np.float32(0), place, np.uint64(SEED)) == (word >> 8) * 2.0**-24


def test_numbers_are_uniform():
    """Mean, variance and correlation of neighbours within 4 standard errors; bins by chi square; two seeds differ."""
    size = 1 << 16
    ones = -np.ones(size)
    u = fr.rrelu(ones, lower=0.0, upper=1.0, training=True, seed=1) * -1
    assert u.min() >= 0 and u.max() < 1
    assert abs(u.mean() - 1 / 2) < 4 / np.sqrt(12 * size)
    assert abs(u.var() - 1 / 12) < 4 / np.sqrt(180 * size)
    assert abs(np.corrcoef(u[1:], u[:-1])[0, 1]) < 4 / np.sqrt(size)
    counts = np.histogram(u, 64, (0, 1))[0]
    assert ((counts - size / 64) ** 2 / (size / 64)).sum() < 63 + 4 * np.sqrt(2 * 63)
    other = fr.rrelu(ones, lower=0.0, upper=1.0, training=True, seed=2) * -1
    assert abs(np.corrcoef(u, other)[0, 1]) < 4 / np.sqrt(size)


def given(function, shape, dtype, seed=0):
    pool_of_values = np.concatenate([specials("float32"), np.random.default_rng(seed).normal(size=40)])
    with np.errstate(over="ignore"):
        return [np.random.default_rng(seed + k).choice(pool_of_values, shape).astype(dtype) for k in range(len(function.arrays))]


def members(function):
    return [function, function.derivative, function.backward]


@pytest.mark.parametrize("dtype", ["float16", ml_dtypes.bfloat16, "float32", "float64"], ids=str)
@each_noisy
def test_values(function, dtype):
    """Those of the scalar formula with the numbers of plain Python; the half types are computed in float32."""
    for member in members(function):
        arrays = given(member, (7, 9), dtype)
        wide = np.float64 if dtype == "float64" else np.float32
        u = numbers((7, 9), SEED, dtype)
        params = [wide(value) for value in member.params.values()]
        rows = zip(*(array.astype(wide).ravel() for array in arrays), u.ravel(), strict=True)
        with np.errstate(all="ignore"):
            wanted = np.array([member.training.formula(*row, *params) for row in rows], wide).reshape(7, 9).astype(dtype)
        same_bits(member(*arrays, training=True, seed=SEED), wanted)
        if dtype in ("float32", "float64"):
            same_bits(member.training(*arrays, u), wanted)


@each_noisy
def test_same_numbers_in_every_call(function):
    for member in members(function):
        arrays = given(member, (40, 50), "float32")
        keywords = {"training": True, "seed": 3}
        wanted = member(*arrays, **keywords)
        assert (wanted != member(*arrays, training=True, seed=4)).any()
        for view in (lambda a: np.asfortranarray(a), lambda a: np.repeat(a, 2, 1)[:, ::2], lambda a: a[::-1].copy()[::-1]):
            same_bits(member(*map(view, arrays), **keywords), wanted)
        same_bits(member(*(array.ravel() for array in arrays), **keywords), wanted.ravel())
        same_bits(member(*(array[:3] for array in arrays), **keywords), wanted[:3])
        same_bits(member(*(array.astype(">f4") for array in arrays), **keywords), wanted)
        assert member(*map(np.asfortranarray, arrays), **keywords).flags.f_contiguous
        out = np.full((40, 50), 7, "f4")
        assert member(*arrays, **keywords, out=out) is out
        same_bits(out, wanted)
        columns = np.full((50, 40), 7, "f4").T
        assert member(*arrays, **keywords, out=columns) is columns
        same_bits(columns, wanted)
        same_bits(member(*(array[0, 0] for array in arrays), **keywords), wanted[0, 0])
        same_bits(member(*(array[:0] for array in arrays), **keywords), wanted[:0])
        mask = np.arange(50) % 3 == 0
        same_bits(member(*arrays, **keywords, where=mask), np.where(mask, wanted, np.float32(0)))
        out = np.full((40, 50), 7, "f4")
        same_bits(member(*arrays, **keywords, out=out, where=mask), np.where(mask, wanted, np.float32(7)))
        for place in range(len(arrays)):
            copies = [array.copy() for array in arrays]
            same_bits(member(*copies, **keywords, out=copies[place]), wanted)
        memory = np.concatenate([arrays[-1].ravel(), np.zeros(5, "f4")])  # the output is the input, five elements on
        shifted = [*(array.ravel() for array in arrays[:-1]), memory[:-5]]
        same_bits(member(*shifted, **keywords, out=memory[5:]), wanted.ravel())


@each_noisy
def test_threads(function):
    arrays = given(function, 100_003, "float32")
    with fr.threads(1):
        wanted = function(*arrays, training=True, seed=5)
    for _ in range(3):
        willing()
        same_bits(function(*arrays, training=True, seed=5), wanted)


@each_noisy
def test_backward_repeats_the_forward_pass(function):
    x = np.random.default_rng(0).normal(size=1000)
    y = function(x, training=True, seed=9)
    slope = function.derivative(x, training=True, seed=9)
    same_bits(slope, function.backward(np.ones_like(x), x, training=True, seed=9))
    np.testing.assert_allclose(slope * x, y, rtol=1e-14)  # rrelu is linear on each side


def test_slopes():
    x = np.linspace(-2, 2, 401)
    slope = fr.rrelu.derivative(x, training=True, seed=0)
    assert (slope[x > 0] == 1).all()
    assert ((slope >= 1 / 8) & (slope < 1 / 3))[x <= 0].all()
    slope = fr.rrelu.derivative(x, 0.5, 0.75, training=True, seed=0)
    assert ((slope >= 0.5) & (slope < 0.75))[x <= 0].all()
    assert fr.rrelu.derivative(-1.0, 0.5, 0.5, training=True, seed=0) == 0.5


@each_noisy
def test_evaluation_needs_no_seed(function):
    x = np.linspace(-2, 2, 9)
    same_bits(function(x, training=False), function(x))
    same_bits(function(x, training=False, seed=3), function(x))
    same_bits(function(x, seed=3), function(x))


@each_noisy
def test_errors(function):
    name, x = function.dotted_name, np.ones(3)
    for seed, came, error in [(None, "no seed", TypeError), (1.5, "float", TypeError), (-1, "-1", ValueError)]:
        with pytest.raises(error, match=rf"^{name}: seed must be an integer from 0 to 2\*\*64 - 1 where training, got {came}$"):
            function(x, training=True, seed=seed)
    with pytest.raises(ValueError, match=rf"^{name}: seed must .*, got {1 << 64}$"):
        function(x, training=True, seed=1 << 64)
    with pytest.raises(TypeError, match=rf"^{name}: x must be a real array, got complex128$"):
        function(x * 1j, training=True, seed=1)
    with pytest.raises(TypeError, match=rf"^{name}: x must have no mask where training, got MaskedArray$"):
        function(np.ma.masked_array(x), training=True, seed=1)
    with pytest.raises(TypeError, match=rf"^{name}: out must have dtype float64, got float32$"):
        function(x, training=True, seed=1, out=np.zeros(3, "f4"))
    with pytest.raises(ValueError, match=rf"^{name}: where must broadcast to shape \(3,\), got \(2, 3\)$"):
        function(x, training=True, seed=1, where=np.ones((2, 3), bool))
    with pytest.raises(ValueError, match=rf"^{name}.backward: grad and x must have one shape where training, got .*1,.*3,"):
        function.backward(np.ones(1), x, training=True, seed=1)
    with pytest.raises(ValueError, match=rf"^{name}.backward: from_output=True is not valid where training$"):
        function.backward(x, x, training=True, seed=1, from_output=True)
    with pytest.raises(ValueError, match=rf"^{name}.backward: wrt='lower' is not valid where training$"):
        function.backward(x, x, training=True, seed=1, wrt="lower")
    with pytest.raises(TypeError, match=rf"^{name}: unknown parameter 'slope'; it takes .*training, seed, out, where, device$"):
        function(x, training=True, seed=1, slope=2)


def test_other_functions_know_no_training():
    with pytest.raises(TypeError, match=r"^relu: unknown parameter 'training'"):
        fr.relu(1.0, training=True)


@each_noisy
def test_given_numbers(function):
    """The function of the random numbers is one like any other: pickled, and called in compiled code."""
    noisy = function.training
    assert pickle.loads(pickle.dumps(noisy)) is noisy
    assert pickle.loads(pickle.dumps(function.backward.training)) is function.backward.training

    @njit
    def use(x, u):
        return noisy(x, u)

    x, u = np.array([-1.0, 2.0]), np.array([0.25, 0.5])
    same_bits(use(x, u), noisy(x, u))


@each_noisy
def test_documented(function):
    for member in members(function):
        assert "\ntraining : bool" in member.__doc__
        assert "\nseed : int" in member.__doc__
        last = ["training", "seed", *(["wrt"] if member is function.backward else []), "out", "where", "device"]
        assert list(member.__signature__.parameters)[-len(last) :] == last


def test_a_function_that_is_defined_again(own_registry):
    """As a cell of a notebook is: the kernels are those of the function, not of its name."""

    def noise(value):
        def formula(x, u):
            return x + u * type(x)(value)

        @fr.activation(
            derivative=lambda x: type(x)(1),
            reference=lambda m, x: x,
            numpy=lambda x: x,
            max_ulp=1,
            training=formula,
            training_derivative=lambda x, u: type(x)(1),
        )
        def noisy(x):
            """x, and noise."""
            return x

        return noisy(np.zeros(5), training=True, seed=1)

    once = noise(1.0)
    assert (once > 0).any()
    np.testing.assert_array_equal(noise(4.0), 4 * once)
