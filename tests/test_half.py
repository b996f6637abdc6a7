"""float16 and bfloat16: every function over all 65536 inputs, computed in float32 and rounded once; and how NumPy takes them."""

import ml_dtypes
import mpmath
import numpy as np
import pytest
from grid import CASES, FOLDS, REPRESENTATIVES, each, each_representative, operands, same_bits
from naive import ulps, value
from processes import python

import fastrelu as fr

HALVES = (np.dtype("float16"), np.dtype(ml_dtypes.bfloat16))
each_half = pytest.mark.parametrize("half", HALVES, ids=str)
BELOW_HALF = 0.51  # ULP: half of one, and what float32 loses


def every(half):
    return np.arange(1 << 16, dtype=np.uint16).view(half)


@np.errstate(all="ignore")
def errors(got, truth):
    """In units of the truth's last place; an overflow counts as the next power of two."""
    info = ml_dtypes.finfo(got.dtype)
    top = 2.0 ** float(info.maxexp)
    wide = np.clip(got.astype(np.float64), -top, top)
    truth = np.clip(truth, -top, top)
    exponent = np.clip(np.frexp(truth)[1] - 1, float(info.minexp), float(info.maxexp) - 1)
    distance = np.abs(wide - truth) / np.exp2(exponent - float(info.nmant))
    return np.where(np.isnan(truth), np.where(np.isnan(wide), 0, np.inf), np.where(np.isnan(wide), np.inf, distance))


def assert_rounded(got, truth, half, inputs):
    assert got.dtype == half
    distance = errors(got, np.asarray(truth, np.float64))
    place = int(np.argmax(distance))
    message = f"{distance[place]:.3f} ULP at {inputs[place]!r}: {got[place]!r}, not {truth[place]!r}"
    assert distance[place] <= BELOW_HALF, message


def float64_params(case):
    """A half type's parameters are float32's, so that 0.01 is not rounded to three digits."""
    return case.options | {key: float(np.float32(number)) for key, number in (case.chosen.params | case.params).items()}


def half_cases():
    """float16 forward for every record; all the rest for those that stand for others, and in a slow run."""
    chosen = {id(function) for function in REPRESENTATIVES.values()}
    for half in HALVES:
        for case in CASES:
            stands = id(case.function) in chosen and not case.named
            yield pytest.param(case, half, id=f"{case}-{half}", marks=() if stands else pytest.mark.slow)


def forward_cases():
    for half in HALVES:
        for case in CASES:
            first = not case.named and half == "float16"
            yield pytest.param(case, half, id=f"{case}-{half}", marks=() if first else pytest.mark.slow)


@pytest.mark.parametrize(("case", "half"), list(half_cases()))
def test_all_inputs(case, half):
    """Forward, derivative and gradients against the float64 kernels, which other tests measure against mpmath."""
    x = every(half)
    rng = np.random.default_rng(0)
    weights = [rng.uniform(-1.5, 1.5, x.size).astype(half) for _ in case.function.arrays[1:]]
    grad = rng.normal(size=x.size).astype(half)
    with np.errstate(invalid="ignore"):  # from signalling NaN
        wide = x.astype(np.float64)
    wide_weights = [weight.astype(np.float64) for weight in weights]
    named = float64_params(case)
    nan = np.isnan(wide)
    for function in (case.function, case.function.derivative):
        got, truth = function(x, *weights, **case.named), function(wide, *wide_weights, **named)
        assert np.isnan(got[nan].astype(np.float32)).all()
        assert_rounded(got, truth, half, x)
    with np.errstate(over="ignore", invalid="ignore"):  # a slope is float32 until grad is multiplied by it
        overflowed = np.isfinite(truth) & np.isinf(truth.astype(np.float32))
        infinite = truth.astype(np.float32) * grad.astype(np.float64)
    got = case.function.backward(grad, x, *weights, **case.named)
    truth = case.function.backward(grad.astype(np.float64), wide, *wide_weights, **named)
    for mine, other in zip(got, truth, strict=True) if weights else [(got, np.where(overflowed, infinite, truth))]:
        assert_rounded(mine, other, half, x)


@pytest.mark.parametrize(("case", "half"), list(forward_cases()))
def test_against_mpmath(case, half):
    """A few of them, past all kernels of ours; limits at both infinities among them."""
    x = np.concatenate([every(half)[::641], np.array([np.inf, -np.inf, 0.0, -0.0], half)])
    x = x[~np.isnan(x.astype(np.float32))]
    weights = [np.full(x.size, 0.25, half) for _ in case.function.arrays[1:]]
    got = case.function(x, *weights, **case.named)
    with mpmath.workprec(400):  # a difference of exponentials next to 1e-38 loses 127 bits
        items = zip(x.astype(float), *(weight.astype(float) for weight in weights), strict=True)
        for item, result in zip(items, got, strict=True):
            if abs(item[0]) < 1e6 or np.isinf(item[0]):  # mpmath takes long for exp(1e30)
                truth = value(case.chosen.reference, *item, *case.values("float32"))
                top = mpmath.ldexp(1, int(ml_dtypes.finfo(half).maxexp))
                truth = truth if mpmath.isnan(truth) else float(min(max(truth, -top), top))
                assert errors(np.array([result], half), np.array([float(truth)]))[0] <= BELOW_HALF, (item, result, truth)


def test_errors_itself():
    """The same distances as the scalar ones of the float32 tests."""
    with mpmath.workprec(100):
        for got, truth in [(1.0, 1.0), (1.0009765625, 1.0), (0.0, 2.0**-24), (np.inf, 65504.0), (np.inf, 1e9), (2.0, 1.99)]:
            expected = ulps(np.float16(got), mpmath.mpf(truth))
            assert errors(np.array([got], np.float16), np.array([truth])) == pytest.approx(expected)
    assert errors(np.array([1.0078125], ml_dtypes.bfloat16), np.array([1.0]))[0] == 1
    assert errors(np.array([np.nan, 1.0], np.float16), np.array([1.0, np.nan])).tolist() == [np.inf, np.inf]


def halves(function, half):
    with np.errstate(over="ignore"):
        return [array.astype(half) for array in operands(function, "float32", 60)]


@each_half
@each_representative
@np.errstate(over="ignore")
def test_calls(function, half):
    """Layouts, out=, where=, scalars, and the ufunc: the bits of the plain call."""
    arrays = halves(function, half)
    expected = function(*arrays)
    assert expected.dtype == half
    same_bits(function(*(array[::-1] for array in arrays))[::-1], expected)
    same_bits(function(*(np.repeat(array, 3)[1::3] for array in arrays)), expected)
    same_bits(function(*(array.reshape(6, 10).T for array in arrays)), expected.reshape(6, 10).T)
    out = np.empty(60, half)
    assert function(*arrays, out=out) is out
    same_bits(out, expected)
    assert function(*arrays, out=arrays[0]) is arrays[0]
    same_bits(arrays[0], expected)
    arrays = halves(function, half)
    mask = np.arange(60) % 3 == 0
    same_bits(function(*arrays, where=mask), np.where(mask, expected, np.zeros((), half)))
    out = np.full(60, -7, half)
    function(*arrays, where=mask, out=out)
    same_bits(out, np.where(mask, expected, np.array(-7, half)))
    for k in range(0, 60, 13):
        single = function(*(array[k] for array in arrays))
        assert isinstance(single, half.type)
        same_bits(np.asarray(single), expected[k])
    params = [np.float32(number) for number in function.params.values()]
    same_bits(function.ufunc(*arrays, *params), expected)
    same_bits(function(*arrays, **function.params), expected)
    large = [np.resize(array, 300_000) for array in arrays]
    same_bits(function(*large), np.resize(expected, 300_000))


@each_half
def test_parameters_are_not_rounded_to_half(half):
    x = every(half)
    wide = x.astype(np.float32)
    with np.errstate(all="ignore"):
        expected = np.where(wide > 0, wide, np.float32(0.01) * wide).astype(half)
        rounded = np.where(wide > 0, wide, np.float32(half.type(0.01)) * wide).astype(half)
    assert (expected != rounded).any(), "it makes a difference"
    for number in (0.01, np.float64(0.01), np.float32(0.01)):
        same_bits(fr.leaky_relu(x, negative_slope=number), expected)
        same_bits(fr.leaky_relu(x, number), expected)


@each_half
def test_python_scalars_adapt(half):
    x = np.array([-2.0, 0.0, 3.0], half)
    for number in (0.25, True, 1):
        for got in (fr.prelu(x, number), fr.prelu(x[0], number), fr.prelu(x[:, None], number, where=[[True]] * 3)):
            assert got.dtype == half
        same_bits(fr.prelu(x, number), fr.prelu(x, np.full(3, number, half)))
        same_bits(fr.sigmoid.backward(number, x), fr.sigmoid.backward(np.full(3, number, half), x))
        out = np.empty(3, half)
        assert fr.prelu(x, number, out=out) is out


@each_half
@pytest.mark.parametrize("other", ["float32", "float64", "float16", "bfloat16", "int8", "bool", "int32", "uint8"])
def test_promotion(half, other):
    """What np.result_type gives, or its error."""
    x, weight = np.array([-2.0, 0.0, 3.0], half), np.ones(3, other)
    for pair in ((x, weight), (weight, x)):
        try:
            expected = np.result_type(*pair)
        except TypeError:  # no common dtype
            with pytest.raises(TypeError):
                fr.prelu(*pair)
        else:
            got = fr.prelu(*pair)
            assert got.dtype == np.exp(np.empty(0, expected)).dtype
            np.testing.assert_array_equal(got.astype(float), fr.prelu(*(item.astype(float) for item in pair)))


@each_half
def test_wrong_out(half):
    x = np.ones(3, half)
    for wrong in ("float32", next(other for other in HALVES if other != half), "int16"):
        with pytest.raises(TypeError, match=rf"^relu: out must have dtype {half}, got {np.dtype(wrong)}$"):
            fr.relu(x, out=np.empty(3, wrong))


@each_half
@each(FOLDS)
def test_folds(function, half):
    """Computed in float32 and rounded once; along any axis, in place, with a mask."""
    x = np.random.default_rng(0).normal(size=(6, 130)).astype(half) * np.array(3, half)
    extra = (2,) if function.pooled else ()
    for axis in (0, 1):
        expected = function(x.astype(np.float32), *extra, axis=axis).astype(half)
        same_bits(function(x, *extra, axis=axis), expected)
        same_bits(function(np.asfortranarray(x), *extra, axis=axis), expected)
        same_bits(function(x, *extra, axis=axis, out=np.empty_like(expected)), expected)
        grad = np.resize(x[::-1], expected.shape)
        against = x if function.pooled else expected
        got = function.backward(grad, against, *extra, axis=axis)
        wide = function.backward(grad.astype(np.float32), against.astype(np.float32), *extra, axis=axis)
        same_bits(got, wide.astype(half))
    if not function.pooled:
        mask = np.arange(130) % 3 > 0
        same_bits(function(x, where=mask), function(x.astype(np.float32), where=mask).astype(half))


@each_half
def test_any_nan(half):
    """All their patterns, and none becomes an infinity by losing its last bits."""
    nans = every(half)
    nans = nans[np.isnan(nans.astype(np.float32))]
    assert nans.size > 100
    for function in (fr.relu, fr.identity, fr.sigmoid, fr.softmax, fr.gelu.derivative):
        assert np.isnan(function(nans).astype(np.float32)).all()


class TestNumpyUnderneath:
    """What would have to change here if NumPy changed."""

    def test_float16_has_loops_of_its_own(self):
        assert "e->e" in fr.relu.ufunc.types
        assert "ef->e" in fr.leaky_relu.ufunc.types, "parameters are float32"
        assert fr.relu.ufunc.resolve_dtypes((np.dtype("e"), None)) == (np.dtype("e"), np.dtype("e"))

    def test_bfloat16_is_a_foreign_dtype_without_promotion_to_itself(self):
        half = np.dtype(ml_dtypes.bfloat16)
        assert (half.kind, half.name, half.itemsize) == ("V", "bfloat16", 2)
        assert half.num >= 256
        assert fr.relu.ufunc(np.ones(3, half)).dtype == half

    def test_not_imported_without_need(self):
        code = """
fr.relu(np.zeros(3, np.float32)); fr.gelu.ufunc(np.zeros(3, np.float32)); fr.softmax(np.zeros((2, 3), np.float16))
fr.sigmoid(np.zeros(1 << 20, np.float32)); fr.relu([1, 2])
print([name for name in sys.modules if "ml_dtypes" in name])
"""
        assert python(code) == "[]"

    def test_imported_after_the_first_call(self):
        code = """
fr.relu(np.zeros(3, np.float32))
import ml_dtypes
x = np.array([-1, 2], ml_dtypes.bfloat16)
print(fr.relu(x).dtype, fr.relu.ufunc(x).dtype, fr.softmax(x).dtype)
"""
        assert python(code) == "bfloat16 bfloat16 bfloat16"
