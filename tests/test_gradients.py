"""Gradients with respect to parameters: their formulas against mpmath, and how they are asked for and summed."""

import inspect
import math
import tracemalloc

import ml_dtypes
import mpmath
import numpy as np
import pytest
from grid import ACTIVATIONS, Case, around, points, random, same_bits, specials
from naive import gradient, worst
from numba import njit
from numba.core.errors import TypingError

import fastrelu as fr
from fastrelu import gradients

PRECISION = {"float32": 400, "float64": 1300}
NAMED = {
    f"{name}[{key}]": (function, key)
    for name, function in ACTIVATIONS.items()
    for key in function.backward.gradients
    if key != "x"
}
each_parameter = pytest.mark.parametrize(("function", "key"), NAMED.values(), ids=NAMED)
WITHOUT = {("polyharmonic", "k")}  # an integer


def other(value):
    """A value of a parameter that is not the default."""
    return 20.0 if math.isinf(value) else 2 * value + 0.25


def test_every_parameter_has_a_gradient():
    for name, function in ACTIVATIONS.items():
        known = set(function.backward.gradients)
        assert known <= {*function.arrays, *function.params}
        assert {(name, key) for key in (*function.arrays, *function.params) if key not in known} <= WITHOUT


def cases():
    """float32 for every parameter, float64 for every sixth, and for all of them in a slow run."""
    for dtype in PRECISION:
        for place, (name, (function, key)) in enumerate(NAMED.items()):
            marks = pytest.mark.slow if dtype == "float64" and place % 6 else ()
            yield pytest.param(function, key, dtype, id=f"{name}-{dtype}", marks=marks)


@pytest.mark.parametrize(("function", "key", "dtype"), list(cases()))
def test_against_mpmath(function, key, dtype):
    """At most 2 ULP for each element; at kinks, at both infinities and for NaN too."""
    part, index = function.backward.gradients[key], (*function.arrays[1:], *function.params).index(key)
    defaults = [{}] if dtype == "float32" else []
    for params in (*defaults, {name: other(value) for name, value in function.params.items()}):
        case = Case(function, {}, params)
        hard = [*around([*case.kinks(dtype), 0.0], dtype), 1e5, -1e5, 1e19, -1e19, math.inf, -math.inf, math.nan]
        x = np.concatenate([points(dtype, 24 if dtype == "float32" else 12, 5), hard]).astype(dtype)
        weights = case.weights(x.size, dtype)
        with mpmath.workprec(PRECISION[dtype]):
            exact = [
                gradient(function.reference, float(a), index, case.kinks(dtype), *map(float, rest), *case.values(dtype))
                for a, *rest in zip(x, *weights, strict=True)
            ]
            error, message = worst(part(np.ones_like(x), x, *weights, **params), exact, x)
        assert error <= 2, message


@each_parameter
def test_sum(function, key):
    """What backward returns is the sum of the elements' gradients, and a number of the dtype of x."""
    x = np.concatenate([points("float32", 500, 6), specials("float32")[1:-1]])
    x = x[np.isfinite(x) & (np.abs(x) < 1e9)]
    weights = [np.float32(0.75) for _ in function.arrays[1:]]
    grad = np.random.default_rng(2).normal(size=x.size).astype("float32")
    got = function.backward(grad, x, *weights, wrt=key)
    terms = function.backward.gradients[key](grad, x, *weights).astype(float)
    assert type(got) is np.float32
    np.testing.assert_allclose(got, math.fsum(terms), rtol=1e-7, atol=1e-15 * np.abs(terms).sum())
    both = function.backward(grad, x, *weights, wrt=(key, "x"))
    assert type(both) is tuple
    same_bits(both[0], got)
    same_bits(both[1], function.backward(grad, x, *weights, wrt="x"))


class TestAsking:
    x, grad = random(1000).astype(np.float32), random(1000)[::-1].astype(np.float32)

    def test_default_is_the_input(self):
        expected = fr.elu.backward(self.grad, self.x, 0.5)
        same_bits(fr.elu.backward(self.grad, self.x, alpha=0.5, wrt="x"), expected)
        (alone,) = fr.elu.backward(self.grad, self.x, alpha=0.5, wrt=("x",))
        same_bits(alone, expected)
        same_bits(fr.relu.backward(self.grad, self.x, wrt="x"), fr.relu.backward(self.grad, self.x))
        for pair in zip(fr.prelu.backward(self.grad, self.x, 0.5), fr.prelu.backward(self.grad, self.x, 0.5, wrt=("x", "weight")),
                        strict=True):  # fmt: skip
            same_bits(*pair)

    def test_order_of_a_tuple(self):
        names = ("a_right", "x", "t_left", "a_left")
        results = fr.srelu.backward(self.grad, self.x, wrt=names)
        for name, result in zip(names, results, strict=True):
            same_bits(result, fr.srelu.backward(self.grad, self.x, wrt=name))

    def test_one_array_for_prelu(self):
        weight = np.float32([0.5, 2.0])
        x, grad = self.x.reshape(-1, 2), self.grad.reshape(-1, 2)
        expected = fr.prelu.backward(grad, x, weight)
        same_bits(fr.prelu.backward(grad, x, weight, wrt="weight"), expected[1])
        same_bits(fr.prelu.backward(grad, x, weight, wrt="x"), expected[0])

    def test_options(self):
        same_bits(fr.gelu.backward(self.grad, self.x, approximate="tanh", wrt="x"),
                  fr.gelu.backward(self.grad, self.x, approximate="tanh"))  # fmt: skip
        y = fr.elu(self.x)
        same_bits(fr.elu.backward(self.grad, y, from_output=True, wrt="x"), fr.elu.backward(self.grad, y, from_output=True))
        same_bits(fr.elu.backward(self.grad, self.x, from_output=False, wrt="alpha"),
                  fr.elu.backward(self.grad, self.x, wrt="alpha"))  # fmt: skip

    @pytest.mark.parametrize(("call", "error", "message"), [
        (lambda g, x: fr.elu.backward(g, x, wrt="beta"), ValueError, "elu.backward: wrt must name x or alpha, got 'beta'"),
        (lambda g, x: fr.elu.backward(g, x, wrt=("x", "beta")), ValueError, "elu.backward: wrt must name x or alpha, got 'beta'"),
        (lambda g, x: fr.polyharmonic.backward(g, x, wrt="k"), ValueError,
         "polyharmonic.backward: wrt must name x or center, got 'k'"),
        (lambda g, x: fr.relu.backward(g, x, wrt="grad"), ValueError, "relu.backward: wrt must name x, got 'grad'"),
        (lambda g, x: fr.prelu.backward(g, x, 0.5, wrt="alpha"), ValueError,
         "prelu.backward: wrt must name x or weight, got 'alpha'"),
        (lambda g, x: fr.elu.backward(g, x, wrt=("alpha", "alpha")), ValueError,
         "elu.backward: wrt must name x or alpha, each once, got ('alpha', 'alpha')"),
        (lambda g, x: fr.elu.backward(g, x, wrt=()), ValueError, "elu.backward: wrt must name x or alpha, each once, got ()"),
        (lambda g, x: fr.elu.backward(g, x, wrt=0), TypeError, "elu.backward: wrt must be a name or a tuple of names, got 0"),
        (lambda g, x: fr.elu.backward(g, x, wrt=("x", 0)), TypeError,
         "elu.backward: wrt must be a name or a tuple of names, got ('x', 0)"),
        (lambda g, x: fr.elu.backward(g, x, wrt=["x"]), TypeError,
         "elu.backward: wrt must be a name or a tuple of names, got ['x']"),
        (lambda g, x: fr.elu.backward(g, x, wrt=None), TypeError,
         "elu.backward: wrt must be a name or a tuple of names, got None"),
        (lambda g, x: fr.elu.backward(g, x, from_output=True, wrt=("x", "alpha")), ValueError,
         "elu.backward: wrt must name x where from_output=True, got 'alpha'"),
        (lambda g, x: fr.snake.backward(g, x, from_output=True, wrt="a"), ValueError,
         "snake.backward: from_output=True is not valid, this function needs its input"),
        (lambda g, x: fr.elu.backward(g, x, [1.0, 2.0], wrt="alpha"), TypeError,
         "elu.backward: alpha must be a real scalar, got list"),
        (lambda g, x: fr.elu.backward(g, x, np.ones(3), wrt="alpha"), TypeError,
         "elu.backward: alpha must be a real scalar, got an array of shape (3,)"),
        (lambda g, x: fr.elu.backward(g, x * 1j, wrt="alpha"), TypeError, "elu.backward: x must be a real array, got complex64"),
        (lambda g, x: fr.elu.backward(g[:3], x, wrt="alpha"), ValueError,
         "elu.backward: grad and x must broadcast together, got shapes (3,), (1000,)"),
        (lambda g, x: fr.elu.backward(g, x, gamma=1, wrt="alpha"), TypeError,
         "elu.backward: unknown parameter 'gamma'; it takes grad, x, alpha, from_output, wrt, out, where, device"),
        (lambda g, x: fr.elu.backward(g, wrt="alpha"), TypeError,
         "elu.backward: x is missing; it takes grad, x, alpha, from_output, wrt, out, where, device"),
        (lambda g, x: fr.elu.backward(g, x, wrt="alpha", where=x), TypeError,
         "elu.backward: where must be a bool array, got float32"),
        (lambda g, x: fr.elu.backward(g, x, wrt="alpha", where=np.ones(3, bool)), ValueError,
         "elu.backward: operands and where must broadcast together, got shapes (1000,), (3,)"),
        (lambda g, x: fr.elu.backward(g, x, wrt=("x", "alpha"), out=np.empty_like(x)), TypeError,
         "elu.backward: out must be a tuple of 2, as wrt is, got float32"),
        (lambda g, x: fr.elu.backward(g, x, wrt=("x", "alpha"), out=(None,)), TypeError,
         "elu.backward: out must be a tuple of 2, as wrt is, got a tuple of 1"),
        (lambda g, x: fr.elu.backward(g, x, wrt="alpha", out=np.empty_like(x)), ValueError,
         "elu.backward: out must have shape (), got (1000,)"),
        (lambda g, x: fr.elu.backward(g, x, wrt="alpha", out=np.empty(())), TypeError,
         "elu.backward: out must have dtype float32, got float64"),
    ])  # fmt: skip
    def test_errors(self, call, error, message):
        with pytest.raises(error) as caught:
            call(self.grad, self.x)
        assert str(caught.value) == message

    @pytest.mark.parametrize("name", ["elu", "relu", "prelu"])
    def test_documented(self, name):
        function = fr.registry[name].backward
        parameter = inspect.signature(function).parameters["wrt"]
        assert parameter.default == ("x" if name != "prelu" else ("x", "weight"))
        assert parameter.kind is inspect.Parameter.KEYWORD_ONLY
        assert "\nwrt : " in inspect.getdoc(function)

    def test_not_in_compiled_code(self):
        back = fr.elu.backward

        @njit
        def use(grad, x):
            return back(grad, x, wrt="alpha")

        with pytest.raises(TypingError, match="wrt"):
            use(1.0, -1.0)


class TestOutAndWhere:
    x, grad = random((30, 40)), random((40, 30)).T.copy()

    def test_out(self):
        expected = fr.star_relu.backward(self.grad, self.x, wrt=("scale", "x", "bias"))
        out = (np.empty(()), np.empty_like(self.x), None)
        results = fr.star_relu.backward(self.grad, self.x, wrt=("scale", "x", "bias"), out=out)
        assert results[0] is out[0] and results[1] is out[1]
        for result, truth in zip(results, expected, strict=True):
            same_bits(result, truth)

    def test_out_may_be_an_input(self):
        expected = fr.elu.backward(self.grad, self.x, wrt=("x", "alpha"))
        x, grad = self.x.copy(), self.grad.copy()
        for result, truth in zip(fr.elu.backward(grad, x, wrt=("x", "alpha"), out=(x, None)), expected, strict=True):
            same_bits(result, truth)
        same_bits(x, expected[0])

    def test_nothing_is_written_on_an_error(self):
        for out in [(np.full(30, 7.0), np.array(7.0)), (np.full((30, 40), 7.0), np.full(1, 7.0))]:
            with pytest.raises(ValueError, match="out must have shape"):
                fr.elu.backward(self.grad, self.x, wrt=("x", "alpha"), out=out)
            assert all((each == 7).all() for each in out)

    @pytest.mark.parametrize("mask", [random((30, 40)) > 0, random(40) > 0, random((3, 30, 40)) > 0, np.array(False)])
    def test_where(self, mask):
        """Only the selected elements count, as often as the mask repeats them."""
        shape = np.broadcast_shapes(self.x.shape, mask.shape)
        x, grad, full = (np.broadcast_to(each, shape) for each in (self.x, self.grad, mask))
        grad_x, grad_a = fr.snake.backward(self.grad, self.x, wrt=("x", "a"), where=mask)
        np.testing.assert_allclose(grad_a, fr.snake.backward(grad[full], x[full], wrt="a"), rtol=1e-12)
        same_bits(grad_x, fr.snake.backward(self.grad, self.x, where=mask))
        weight = random(40)
        got = fr.prelu.backward(self.grad, self.x, weight, wrt="weight", where=mask)
        expected = np.where(full & (x <= 0), grad * x, 0).reshape(-1, 40).sum(0)
        np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-12)

    def test_masked_arrays(self):
        mask = random(self.x.shape) > 0.5
        masked = np.ma.array(self.x, mask=mask)
        expected = fr.elu.backward(self.grad, self.x, wrt="alpha", where=~mask)
        same_bits(fr.elu.backward(self.grad, masked, wrt="alpha"), expected)
        same_bits(fr.elu.backward(np.ma.array(self.grad, mask=mask), self.x, wrt="alpha"), expected)


class TestSum:
    def test_is_in_float64(self):
        x = np.full(100_000, -1 / 3, np.float32)
        x[0] = -1e7
        got = fr.leaky_relu.backward(np.ones_like(x), x, wrt="negative_slope")
        assert got == np.float32(x.sum(dtype=np.float64))

    @pytest.mark.parametrize("half", [np.float16, ml_dtypes.bfloat16])
    def test_half_types_are_rounded_once(self, half):
        rng = np.random.default_rng(0)
        x, grad = (rng.normal(size=5000).astype(half) for _ in range(2))
        got = fr.elu.backward(grad, x, 0.3, wrt="alpha")
        wide = fr.elu.backward(grad.astype(np.float64), x.astype(np.float64), 0.3, wrt="alpha")
        assert got.dtype == half
        assert got == wide.astype(half)
        many = np.full(70_000, -1, half)
        assert fr.leaky_relu.backward(many * -1, many, wrt="negative_slope") == -np.inf if half is np.float16 else half(-70_000)

    def test_integers_give_float64(self):
        x = np.full(100_000, -100, np.int8)
        got = fr.hardtanh.backward(np.ones_like(x), x, wrt="min_val")
        assert type(got) is np.float64 and got == 100_000

    def test_zero_slopes_keep_out_infinite_gradients(self):
        assert fr.leaky_relu.backward([np.inf, np.nan, 1.0], [1.0, 2.0, -3.0], wrt="negative_slope") == -3
        with np.errstate(all="raise"):
            assert np.isnan(fr.leaky_relu.backward([np.inf, -np.inf], [-1.0, -1.0], wrt="negative_slope"))
            huge = np.float32([3e38, 3e38])
            assert np.isinf(fr.leaky_relu.backward(-huge / huge, -huge, wrt="negative_slope"))

    def test_shapes(self):
        for shapes in [((), ()), ((0,), (0,)), ((3, 0), (3, 0)), ((4, 1), (5,)), ((3,), ()), ((), (2, 3)), ((2, 3, 4), (4,))]:
            grad, x = (random(shape) for shape in shapes)
            full = np.broadcast_arrays(grad, x)
            got = fr.elu.backward(grad, x, wrt="alpha")
            assert type(got) is np.float64
            np.testing.assert_allclose(got, (full[0] * np.expm1(np.minimum(full[1], 0))).sum(), rtol=1e-13)
        assert fr.elu.backward(2, [-1, 5], wrt="alpha") == pytest.approx(2 * math.expm1(-1))

    @pytest.mark.parametrize("shape", [(3, 250, 10), (1, 7000), (7000,), (7000, 1), (2, 2, 3000), (40, 3, 30)])
    def test_same_bits_in_any_layout(self, shape, monkeypatch):
        """Blocks of the elements in C order, however they lie; and the sum of several blocks is that of one."""
        x, grad = random(shape), random((*shape, 2))[..., 1]
        args = np.ascontiguousarray(grad), np.ascontiguousarray(x)
        whole = fr.snake.backward(*args, wrt="a")
        monkeypatch.setattr(gradients, "BLOCK", 1000)
        expected = fr.snake.backward(*args, wrt="a")
        np.testing.assert_allclose(expected, whole, rtol=1e-13)
        for layout in (np.asfortranarray, lambda a: np.repeat(a, 2, -1)[..., ::2], lambda a: a[::-1].copy()[::-1],
                       lambda a: a.astype(a.dtype.newbyteorder())):  # fmt: skip
            same_bits(fr.snake.backward(layout(grad), layout(x), wrt="a"), expected)
        with fr.threads(1):
            same_bits(fr.snake.backward(*args, wrt="a"), expected)

    @pytest.mark.parametrize("weight", [(7,), (5, 1), (3, 1, 1), (1, 5, 7), (3, 5, 7), (1,), ()])
    def test_blocks_of_arrays(self, weight, monkeypatch):
        x, grad, weight = random((3, 5, 7)), random((7, 5, 3)).T, random(weight)
        whole = fr.prelu.backward(grad, x, weight)
        monkeypatch.setattr(gradients, "BLOCK", 10)
        for part, truth in zip(fr.prelu.backward(grad, x, weight), whole, strict=True):
            np.testing.assert_allclose(part, truth, rtol=1e-13, atol=1e-14)

    def test_needs_little_memory(self):
        x = random(3_000_000).astype(np.float32)
        fr.elu.backward(x, x, wrt="alpha")
        tracemalloc.start()
        try:
            fr.elu.backward(x, x, wrt="alpha")
            fr.prelu.backward(x.reshape(1000, 3, 1000), x.reshape(1000, 3, 1000), np.ones((3, 1), np.float32), wrt="weight")
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak < x.nbytes / 3


def test_own_activation(own_registry):
    """A user's formula has the gradients that it gives a formula for."""

    def slope(x, width=2.0, height=1.0):
        return height / width if abs(x) < width else type(x)(0) if x == x else x

    def height_slope(x, width, height):
        return x / width if abs(x) < width else type(x)(1) if x > 0 else type(x)(-1) if x < 0 else x

    @fr.activation(derivative=slope, gradients={"height": height_slope}, reference=None, numpy=None, max_ulp=1)
    def ramp(x, width=2.0, height=1.0):
        """height * x / width between -height and height."""
        return height * height_slope(x, width, height)

    x = random(100)
    np.testing.assert_allclose(ramp.backward(x, x, wrt="height"), (x * np.clip(x / 2, -1, 1)).sum(), rtol=1e-14)
    with pytest.raises(ValueError, match=r"^ramp\.backward: wrt must name x or height, got 'width'$"):
        ramp.backward(x, x, wrt="width")


def test_torch():
    torch = pytest.importorskip("torch")
    x, grad = random((4, 3, 50)), random((50, 3, 4)).T
    x[:, :, ::7] = 0
    weight = random(3)
    operand, parameter = torch.tensor(x, requires_grad=True), torch.tensor(weight, requires_grad=True)
    torch.nn.functional.prelu(operand, parameter).backward(torch.tensor(grad.copy()))
    grad_x, grad_weight = fr.prelu.backward(grad, x, weight[:, None])
    np.testing.assert_allclose(grad_x, operand.grad, rtol=1e-14)
    np.testing.assert_allclose(grad_weight[:, 0], parameter.grad, rtol=1e-13)
    one = torch.tensor(0.25, dtype=torch.float64, requires_grad=True)
    torch.nn.functional.prelu(torch.tensor(x), one).backward(torch.tensor(grad.copy()))
    np.testing.assert_allclose(fr.leaky_relu.backward(grad, x, 0.25, wrt="negative_slope"), one.grad, rtol=1e-13)


def test_masked_elements_of_an_output_stay():
    x, grad = np.arange(-4.0, 4), np.ones(8)
    out = np.full(8, 7.0)
    fr.prelu.backward(grad, x, np.full(8, 0.25), wrt="x", where=x > 0, out=out)
    np.testing.assert_array_equal(out, [7, 7, 7, 7, 7, 1, 1, 1])
    outs = np.full(8, 7.0), np.full(8, 7.0)
    fr.prelu.backward(grad, x, np.full(8, 0.25), where=x < 0, out=outs)
    np.testing.assert_array_equal(outs, [[0.25] * 4 + [7] * 4, [-4, -3, -2, -1, 7, 7, 7, 7]])
