"""Values of every function and derivative against mpmath; backward against the derivative; limits, kinks and NaN."""

import math

import mpmath
import numpy as np
import pytest
from grid import (
    ACTIVATIONS,
    CASES,
    FLOATS,
    REPRESENTATIVES,
    Case,
    around,
    each,
    each_case,
    each_float,
    points,
    same_bits,
    specials,
)
from naive import PRECISION, slope, ulps, value, worst

import fastrelu as fr

HUGE = {"float32": [1e5, -1e5, 3e38, -3e38], "float64": [1e5, -1e5, 1e19, -1e19]}  # mpmath takes 40 ms for exp(1e300)


def finite_inputs(case: Case, dtype: str, count: int, seed: int = 0):
    x = np.concatenate([points(dtype, count, seed), around(case.kinks(dtype), dtype), around([0.0], dtype), HUGE[dtype]])
    return x.astype(dtype)


def truths(case, function, x, dtype):
    weights = case.weights(x.size, dtype)
    values = case.values(dtype)
    with mpmath.workprec(PRECISION[dtype]):
        return weights, [function(float(a), *map(float, rest), *values) for a, *rest in zip(x, *weights, strict=True)]


@each_float
@each_case
def test_forward(case, dtype):
    x = finite_inputs(case, dtype, 120)
    weights, exact = truths(case, lambda *a: value(case.chosen.reference, *a), x, dtype)
    got = case.function(x, *weights, **case.named)
    assert got.dtype == dtype
    error, message = worst(got, exact, x)
    assert error <= max(case.chosen.max_ulp, 0.5), message


def slopes(case, x, dtype):
    kinks = case.kinks(dtype)
    return truths(case, lambda a, *rest: slope(case.chosen.reference, a, kinks, *rest), x, dtype)


@each_float
@each_case
def test_derivative(case, dtype):
    """At most 2 ULP; at a kink, the limit from the side that the record states."""
    x = finite_inputs(case, dtype, 60, 1)
    weights, exact = slopes(case, x, dtype)
    error, message = worst(case.function.derivative(x, *weights, **case.named), exact, x)
    assert error <= 2, message


@each_float
@each_case
def test_limits_and_nan(case, dtype):
    x = np.array([math.inf, -math.inf, math.nan], dtype)
    weights = [np.full(3, 0.5, dtype) for _ in case.function.arrays[1:]]
    values = [0.5] * len(weights) + case.values(dtype)
    with mpmath.workprec(PRECISION[dtype]):
        forward = [value(case.chosen.reference, float(a), *values) for a in x]
        steep = [slope(case.chosen.reference, float(a), case.kinks(dtype), *values) for a in x]
        for function, exact in [(case.function, forward), (case.function.derivative, steep)]:
            error, message = worst(function(x, *weights, **case.named), exact, x)
            assert error <= 2, message


@each_float
@each_case
def test_nan_stays(case, dtype):
    """In whatever operand; and one bad element leaves its neighbours alone. So does one outside of the function's domain."""
    x, nan = np.array([0.75, math.nan, -2.0, 0.25, math.nan], dtype), np.array([0, 1, 0, 0, 1], bool)
    weights = [np.full(5, 0.5, dtype) for _ in case.function.arrays[1:]]
    nan[2] = mpmath.isnan(value(case.chosen.reference, -2.0, *([0.5] * len(weights)), *case.values(dtype)))
    ones = np.ones(5, dtype)
    np.testing.assert_array_equal(np.isnan(case.function(x, *weights, **case.named)), nan)
    np.testing.assert_array_equal(np.isnan(case.function.derivative(x, *weights, **case.named)), nan)
    if dtype == "float64":
        return
    gradients = case.function.backward(ones, x, *weights, **case.named)
    gradient = gradients[0] if weights else gradients
    np.testing.assert_array_equal(np.isnan(gradient), nan)
    steep = case.function.derivative(np.abs(np.nan_to_num(x)) + 2, *weights, **case.named)
    back = case.function.backward(ones * np.nan, np.abs(np.nan_to_num(x)) + 2, *weights, **case.named)
    assert np.isnan(back[0] if weights else back)[steep != 0].all()


def backward_cases():
    """float32 for every record; float64, and parameters, for those that stand for others: a backward is made by one function."""
    chosen = {id(function) for name, function in REPRESENTATIVES.items()}
    for dtype in FLOATS:
        for case in CASES:
            first = not case.named and dtype == "float32"
            stands = first or id(case.function.backward) in chosen or id(case.function) in chosen
            yield pytest.param(case, dtype, id=f"{case}-{dtype}", marks=() if stands else pytest.mark.slow)


@pytest.mark.parametrize(("case", "dtype"), list(backward_cases()))
def test_backward_is_gradient_times_slope(case, dtype):
    """To the bit, with every special gradient against every special input; 0 where the slope is 0."""
    x, grad = np.meshgrid(
        np.concatenate([specials(dtype), points(dtype, 40, 2), around(case.kinks(dtype), dtype)]),
        np.concatenate([specials(dtype), points(dtype, 20, 3)]),
    )
    weights = [np.resize(weight, x.shape) for weight in case.weights(x.size, dtype)]
    steep = case.function.derivative(x, *weights, **case.named)
    with np.errstate(all="ignore"):
        expected = np.where(steep == 0, np.zeros((), dtype), grad * steep)
    got = case.function.backward(grad, x, *weights, **case.named)
    same_bits(got[0] if weights else got, expected)
    assert not np.isnan(expected[(steep == 0)]).any()


FROM_OUTPUT = [
    case
    for case in CASES
    if case.chosen.backward and getattr(case.chosen.backward, "options", {}).get("from_output", {}).get(True)
]


@each_float
@pytest.mark.parametrize("case", FROM_OUTPUT, ids=str)
def test_backward_from_output(case, dtype):
    """The same gradient; a curved function's loses digits where it saturates, but never more than a few eps in all."""
    x = np.concatenate([specials(dtype), points(dtype, 1000), around(case.kinks(dtype), dtype)])
    grad = np.random.default_rng(0).uniform(-2, 2, x.size).astype(dtype)
    back = case.function.backward
    got = back(grad, case.function(x, **case.named), **case.params, from_output=True)
    expected = back(grad, x, **case.named)
    if case.chosen.max_ulp <= 0.5 and "exp" not in case.chosen.formula.__code__.co_names:
        same_bits(got, expected)
    scale = max([1.0, *map(abs, case.values(dtype))])
    np.testing.assert_allclose(got, expected, rtol=8 * np.finfo(dtype).eps, atol=16 * scale * np.finfo(dtype).eps)


@each(ACTIVATIONS)
def test_from_output_is_an_error_where_it_is_not_valid(function):
    options = getattr(function.backward, "options", {"from_output": {True: None}})
    if options["from_output"][True] is None:
        with pytest.raises((ValueError, TypeError), match=rf"^{function.dotted_name}.backward: .*from_output"):
            function.backward(1.0, *([1.0] * len(function.arrays)), from_output=True)


@pytest.mark.parametrize(("name", "param"), [
    (function.dotted_name, key)
    for function in ACTIVATIONS.values()
    for other in [getattr(function.backward, "options", {}).get("from_output", {}).get(True)]
    if other is not None
    for key in other.minimum
])  # fmt: skip
def test_from_output_needs_a_parameter_that_keeps_the_sign(name, param):
    back = fr.registry[name].backward
    for wrong in (-0.5, -1e-300, math.nan, -math.inf):
        with pytest.raises(ValueError, match=rf"^{name}.backward: {param} must be at least 0, got {wrong:g}$"):
            back([1.0], [1.0], **{param: wrong}, from_output=True)
    assert back([2.0], [1.0], **{param: 0.0}, from_output=True) == [2.0]
    assert np.isfinite(back([2.0], [-1.0], **{param: -0.5})).all()


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_zeros(dtype):
    """A zero output is a true zero; odd functions, and x times a positive gate, keep its sign."""
    zeros = np.array([-0.0, 0.0], dtype)
    for function in (fr.relu, fr.relu6, fr.hardshrink, fr.softshrink, fr.threshold, fr.thresholded_relu, fr.bounded_relu):
        assert not np.signbit(function(zeros)).any()
        assert not np.signbit(function(np.array([-1e-4], dtype))).any()
    odd = (fr.softsign, fr.isru, fr.sqnl, fr.bipolar_sigmoid, fr.softcap)
    gated = (fr.silu, fr.swish, fr.quick_gelu, fr.mish, fr.gelu, fr.tanhexp, fr.serf, fr.smish, fr.logish, fr.elish, fr.hardelish)
    for function in (fr.identity, fr.tanh, fr.leaky_relu, fr.elu, fr.celu, fr.selu, fr.hardswish, *odd, *gated):
        np.testing.assert_array_equal(np.signbit(function(zeros)), [True, False])


def test_named_values():
    """The figures that the conventions state."""
    f32 = np.float32
    assert fr.sigmoid(f32(-100)) == f32(3.78e-44) > 0
    assert fr.softplus(f32(-100)) == f32(3.78e-44)
    assert fr.silu(-np.inf) == 0 == fr.silu.derivative(-np.inf)
    assert fr.silu(np.inf) == np.inf
    assert fr.silu.derivative(np.inf) == 1
    assert fr.relu.derivative(0.0) == 0
    assert fr.leaky_relu.derivative(0.0) == 0.01
    assert fr.prelu.derivative(0.0, 0.25) == 0.25
    assert fr.elu.derivative(0.0, 3.0) == 3.0
    assert fr.relu6.derivative([0.0, 6.0]).tolist() == [0, 0]
    assert fr.hardshrink.derivative([-0.5, 0.5]).tolist() == [0, 0]
    assert fr.elu(-np.inf, 3.0) == -3
    assert fr.tanh([-np.inf, np.inf]).tolist() == [-1, 1]
    assert fr.tanh.derivative(f32(20)) > 0  # 1 - y*y is 0 there
    assert fr.sigmoid.derivative(40.0) > 0
    assert fr.leaky_relu(-1.0, negative_slope=2.0) == -2  # max(x, a x) would be wrong
    assert fr.leaky_relu(-1.0, negative_slope=-0.5) == 0.5
    assert fr.step([-1.0, -0.0, 0.0, 1.0]).tolist() == [0, 1, 1, 1]


def test_named_values_of_peers():
    """Limits, kinks and variants that peers get wrong, or reach by other names."""
    infinities = np.array([-np.inf, np.inf])
    assert fr.softsign(infinities).tolist() == [-1, 1]
    assert fr.isru(infinities, alpha=4.0).tolist() == [-0.5, 0.5]
    for function in (fr.hardswish, fr.squareplus, fr.elish, fr.hardelish):
        assert function(infinities).tolist() == [0, np.inf]
        assert function.derivative(infinities).tolist() == [0, 1]
    assert fr.hardswish.derivative([-3.0, 3.0]).tolist() == [0, 1]
    assert fr.hardsigmoid.derivative([-3.0, 3.0]).tolist() == [0, 0]
    assert fr.hardtanh.derivative([-1.0, 1.0]).tolist() == [0, 0]
    assert fr.celu.derivative(0.0, 3.0) == 1
    assert fr.selu.derivative(0.0) == 1.7580993408473768
    assert fr.hardswish(np.float32(3e38)) == np.float32(3e38)
    assert fr.squareplus(np.float32(-3e38)) == 1 / np.float32(3e38)
    assert fr.bounded_relu([-2.0, 0.25, 0.5, 1.0, 9.0], 0.1, 6.0, 0.5).tolist() == [-0.25, -0.025, 0, 1, 6]
    np.testing.assert_allclose(fr.hardsigmoid([-1.0, 2.0], shift=2.5, width=5.0), [0.3, 0.9], rtol=1e-15)  # ONNX: 0.2 x + 0.5
    assert fr.hardtanh(np.array([-5, 0, 5], np.int8)).dtype == np.int8
    assert fr.hardtanh(np.array([7], np.uint8), 0, 6).dtype == np.uint8


def test_gelu_tails():
    """1 + erf(x / sqrt 2) is half wrong at -5.5 in float32."""
    if "gelu" not in fr.registry:
        pytest.fail("gelu is missing from the registry")
    np.testing.assert_allclose(fr.gelu(np.float32(-5.5)), -1.0444e-7, rtol=1e-4)
    for approximate in ("none", "tanh"):
        assert fr.gelu(-np.inf, approximate=approximate) == 0
        assert fr.gelu(np.inf, approximate=approximate) == np.inf
        assert fr.gelu.derivative([-np.inf, np.inf], approximate=approximate).tolist() == [0, 1]


def test_ulps_itself():
    one = np.float32(1)
    with mpmath.workprec(200):
        assert ulps(one, mpmath.mpf(1)) == 0
        assert ulps(np.nextafter(one, np.float32(2)), mpmath.mpf(1)) == 1
        assert ulps(np.float32(np.inf), mpmath.mpf(2) ** 200) == 0
        assert ulps(np.float32(np.inf), mpmath.mpf(float(np.finfo("f4").max))) == 1
        assert ulps(np.float32(0), mpmath.mpf(2) ** -149) == 1
        assert ulps(np.float32(np.nan), mpmath.mpf(1)) == math.inf


@pytest.mark.slow
@each_float
@each_case
def test_many_points(case, dtype):
    x = finite_inputs(case, dtype, 4000, 7)
    weights, exact = truths(case, lambda *a: value(case.chosen.reference, *a), x, dtype)
    error, message = worst(case.function(x, *weights, **case.named), exact, x)
    assert error <= max(case.chosen.max_ulp, 0.5), message
    weights, exact = slopes(case, x[:1000], dtype)
    error, message = worst(case.function.derivative(x[:1000], *weights, **case.named), exact, x)
    assert error <= 2, message


class TestPrelu:
    """Its backward pass returns two gradients, each in the shape of its array."""

    @pytest.mark.parametrize(
        ("x", "weight"),
        [
            ((4, 3), (3,)),
            ((4, 3), ()),
            ((4, 3), (1, 3)),
            ((4, 3), (4, 1)),
            ((3,), (4, 3)),
            ((), ()),
            ((2, 3, 4, 5), (3, 1, 1)),
            ((0, 3), (3,)),
            ((5, 1), (1, 6)),
        ],
    )
    def test_shapes(self, x, weight):
        rng = np.random.default_rng(0)
        x, weight = rng.normal(size=x), rng.normal(size=weight)
        shape = np.broadcast_shapes(x.shape, weight.shape)
        grad = rng.normal(size=shape)
        grad_x, grad_weight = fr.prelu.backward(grad, x, weight)
        assert np.shape(grad_x) == x.shape
        assert np.shape(grad_weight) == weight.shape

        def total(values, like):
            values = values.sum(axis=tuple(range(values.ndim - like.ndim)))
            return values.sum(axis=tuple(k for k, n in enumerate(like.shape) if n == 1), keepdims=True)

        full_x, full_weight = np.broadcast_arrays(x, weight)
        np.testing.assert_allclose(grad_x, total(np.where(full_x > 0, grad, grad * full_weight), x), rtol=1e-12)
        np.testing.assert_allclose(grad_weight, total(np.where(full_x > 0, 0, grad * full_x), weight), rtol=1e-12)

    def test_weight_gradient_is_summed_in_float64(self):
        x = np.full(100_000, -1 / 3, np.float32)
        x[0] = -1e7
        _, grad_weight = fr.prelu.backward(np.ones_like(x), x, np.float32(0.25))
        assert np.asarray(grad_weight).dtype == np.float32
        assert float(grad_weight) == np.float32(x.sum(dtype=np.float64))
