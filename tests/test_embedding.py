"""Our functions inside a user's compiled code."""

import os
import subprocess
import sys
import textwrap

import numba
import numpy as np
import pytest
from grid import ELEMENTWISE, each, operands, same_bits
from numba import njit, prange
from numba.core.errors import TypingError
from processes import PACKAGE
from refusals import refusal

import fastrelu as fr

X = np.random.default_rng(0).normal(size=(5, 6, 7)) * 3
WITH_OPTIONS = {name: function for name, function in ELEMENTWISE.items() if function.options}
# one for each set of options
OPTIONAL = {str({k: [v is None for v in o.values()] for k, o in f.options.items()}): name for name, f in WITH_OPTIONS.items()}


class TestParameters:
    def test_keyword_position_default(self):
        @njit
        def use(v):
            return (
                fr.leaky_relu(v),
                fr.leaky_relu(v, 0.2),
                fr.leaky_relu(v, negative_slope=0.2),
                fr.leaky_relu(x=v, negative_slope=0.2),
                fr.softplus(v, threshold=1.0),
                fr.softplus(v, 2.0),
                fr.softplus(v, threshold=20.0, beta=2.0),
                fr.elu(v, alpha=2),
            )

        for v in (-1.5, np.float32(-1.5), 0.5):
            got = use(v)
            expected = (
                fr.leaky_relu(v),
                *[fr.leaky_relu(v, negative_slope=0.2)] * 3,
                fr.softplus(v, threshold=1.0),
                fr.softplus(v, beta=2.0),
                fr.softplus(v, beta=2.0, threshold=20.0),
                fr.elu(v, alpha=2),
            )
            np.testing.assert_array_equal(got, expected)

    def test_parameter_from_a_variable(self):
        @njit
        def use(v, slope):
            return fr.leaky_relu(v, negative_slope=slope)

        narrow = X.astype(np.float32)
        for slope in (0.1, 1, 2, -0.5, True):
            same_bits(use(narrow, slope), fr.leaky_relu(narrow, negative_slope=float(slope)))

    def test_closure_and_global(self):
        slope = 0.3
        force, pull = fr.leaky_relu, fr.leaky_relu.derivative

        @njit
        def use(v):
            return force(v, negative_slope=slope) + pull(v, negative_slope=slope)

        assert use(-2.0) == -0.6 + 0.3


class TestOptions:
    def test_from_output(self):
        back = fr.tanh.backward

        @njit
        def use(grad, y):
            return back(grad, y, from_output=True)

        grad, y = X, np.tanh(X[::-1])
        same_bits(use(grad, y), fr.tanh.backward(grad, y, from_output=True))
        assert use(0.5, 0.25) == fr.tanh.backward(0.5, 0.25, from_output=True)

    @each({name: WITH_OPTIONS[name] for name in OPTIONAL.values()}, WITH_OPTIONS)
    def test_every_value(self, function):
        names = ", ".join(function.arrays)
        for option, choices in function.options.items():
            for value, chosen in choices.items():
                if chosen is None:
                    continue
                code = f"lambda {names}: function({names}, {option}={value!r})"
                use = njit(eval(code, {"function": function}))  # the option has to be a constant in the code
                for items in zip(*operands(function, "float64", 20), strict=True):
                    same_bits(np.float64(use(*items)), chosen(*items))

    def test_gelu(self):
        @njit
        def use(v):
            return fr.gelu(v), fr.gelu(v, approximate="none"), fr.gelu(v, approximate="tanh")

        for v in (1.5, X, X.astype(np.float32)):
            exact, same, approximate = use(v)
            same_bits(exact, fr.gelu(v))
            same_bits(same, exact)
            same_bits(approximate, fr.gelu(v, approximate="tanh"))


class TestTypes:
    def test_scalars(self):
        """Integers become float64 as in math.exp, unless the function maps integers to integers."""

        @njit
        def use(v):
            return fr.relu(v), fr.sigmoid(v), fr.step(v), fr.elu(v)

        for v in (3, -2, np.int64(-7), np.int32(5), np.uint8(200), np.int8(-128)):
            relu, sigmoid, step, elu = use(v)
            assert relu == max(int(v), 0)
            assert sigmoid == fr.sigmoid(float(v))
            assert step == int(v >= 0)
            assert elu == fr.elu(float(v))
        assert use(True)[:1] == (1,)
        assert use(False)[1] == 0.5
        assert numba.typeof(use(3)[0]) == numba.int64
        single = njit(lambda v: fr.sigmoid(v).dtype)
        assert single(np.zeros(2, np.float32)) == np.float32

    def test_float32_stays_float32(self):
        for function in (fr.relu, fr.sigmoid, fr.leaky_relu, fr.silu.derivative):
            use = njit(lambda v: function(v))  # noqa: B023
            use(np.float32(1))
            assert use.nopython_signatures[0].return_type == numba.float32
        use = njit(lambda v: fr.leaky_relu(v, negative_slope=0.2))
        use(np.float32(1))
        assert use.nopython_signatures[0].return_type == numba.float32

    @pytest.mark.parametrize("dtype", ["int8", *(pytest.param(each, marks=pytest.mark.slow) for each in ("uint16", "bool"))])
    def test_integer_arrays(self, dtype):
        x = np.arange(-5, 6).astype(dtype)
        got = njit(lambda v: fr.relu(v))(x)
        same_bits(got, fr.relu(x))
        np.testing.assert_array_equal(njit(lambda v: fr.sigmoid(v))(x), fr.sigmoid(x.astype(np.float64)))

    def test_dimensions_and_layouts(self):
        use = njit(lambda v: fr.silu(v))
        for x in (X[0, 0], X, X.T, X[:, 1:2, ::3], np.array(1.5), X[:0]):
            same_bits(use(x), np.asarray(fr.silu(x)))

    def test_broadcasting(self):
        use = njit(lambda x, w: fr.prelu(x, w))
        for x, w in [(X, X[0, 0]), (0.5, X), (X[:, :1].copy(), X[:1, :, :1].copy())]:
            same_bits(use(x, w), fr.prelu(x, w))
        with pytest.raises(ValueError, match="broadcast"):
            use(X[0], X[:, 0])

    def test_two_dtypes(self):
        use = njit(lambda x, w: fr.prelu(x, w))
        assert use(X.astype(np.float32), X).dtype == np.float64
        assert use(X.astype(np.float32), X[0, 0].astype(np.float32)).dtype == np.float32

    def test_a_number_adapts_to_an_array(self):
        narrow, use = X.astype(np.float32), njit(lambda x, w: fr.prelu(x, w))
        for number in (0.1, 2, True):
            same_bits(use(narrow, number), fr.prelu(narrow, number))
        same_bits(use(np.arange(-3, 3), 0.5), fr.prelu(np.arange(-3, 3), 0.5))
        same_bits(njit(lambda g, x: fr.gelu.backward(g, x))(1.0, narrow), fr.gelu.backward(1.0, narrow))

    def test_fortran_order_is_kept(self):
        columns = np.asfortranarray(X)
        for use in (njit(lambda v: fr.silu(v)), njit(lambda v: fr.prelu(v, v))):
            assert use(columns).flags.f_contiguous
            same_bits(use(columns), use(X))
        use = njit(lambda v, w: fr.prelu(v, w))
        same_bits(use(columns, np.asfortranarray(X[:, :1])), fr.prelu(X, X[:, :1]))

    def test_read_only_and_result_is_new(self):
        use = njit(lambda v: fr.identity(v))
        x = X.copy()
        x.flags.writeable = False
        assert not np.shares_memory(use(x), x)


class TestCallers:
    def test_array_expression_and_prange(self):
        @njit(parallel=True)
        def simulate(x, steps):
            for _ in range(steps):
                x = x - 0.1 * fr.tanh(x) + 0.01 * fr.relu(-x)
            out = np.empty_like(x)
            for i in prange(x.size):
                out[i] = fr.silu(x[i]) * fr.leaky_relu(x[i], negative_slope=0.2)
            return out

        x = np.random.default_rng(0).normal(size=10_001)
        got, y = simulate(x, 5), x
        for _ in range(5):
            y = y - 0.1 * fr.tanh(y) + 0.01 * fr.relu(-y)
        np.testing.assert_allclose(got, fr.silu(y) * fr.leaky_relu(y, negative_slope=0.2), rtol=1e-13)

    def test_bound_derivative(self):
        dsilu = fr.silu.derivative

        @njit
        def newton(x):
            for _ in range(60):
                x -= dsilu(x) * 2
            return x

        assert abs(newton(-1.0) + 1.2784645427610738) < 1e-9, "where silu is least"

    def test_inside_another_function_and_recursion(self):
        inner = njit(lambda v: fr.relu(v) + 1)
        outer = njit(lambda v: inner(inner(v)))
        assert outer(-3.0) == 2.0

    def test_vectorize_and_generated_jit(self):
        f = numba.vectorize(["float32(float32)", "float64(float64)"])(lambda v: fr.elu(v, alpha=0.5))
        same_bits(f(X), fr.elu(X, alpha=0.5))

    def test_guvectorize(self):
        @numba.guvectorize(["float64[:], float64[:]"], "(n)->(n)")
        def f(x, out):
            for i in range(x.size):
                out[i] = fr.sigmoid(x[i])

        same_bits(f(X), fr.sigmoid(X))

    def test_own_flags_do_not_reach_the_formula(self):
        """fastmath lets LLVM assume that there is no NaN: our functions still return it."""
        use = njit(fastmath=True)(lambda v: fr.relu(v))
        same_bits(use(np.array([np.nan, -1.0, -0.0])), np.array([np.nan, 0, 0]))

    def test_no_division_error(self):
        """error_model='python' of the caller must not turn 1 / 0 into an exception."""
        use = njit(error_model="python")(lambda v, b: fr.softplus(v, beta=b))
        assert use(1.0, 1e-320) > 0

    def test_released_gil(self):
        assert njit(nogil=True)(lambda v: fr.tanh(v))(0.0) == 0

    def test_object_as_an_argument_or_in_a_tuple(self):
        functions = (fr.relu, fr.silu)

        @njit
        def use(v):
            return functions[0](v) + functions[1](v)

        assert use(1.0) == 1 + fr.silu(1.0)
        call = njit(lambda function, v: function(v))
        for function in (fr.gelu, fr.softsign.derivative, fr.get("leaky_relu", framework="keras")):
            same_bits(call(function, X), function(X))
        both = njit(lambda pair, v: pair[0](v) - pair[1](v))
        same_bits(both((fr.relu, fr.relu6), X), fr.relu(X) - fr.relu6(X))

    def test_attributes(self):
        """The functions that belong to one, without a name of their own outside."""

        @njit
        def use(v):
            return fr.silu.derivative(v), fr.silu.derivative.derivative(v), fr.silu.backward(v, v), fr.rrelu.training(v, v)

        for got, function in zip(use(X), (fr.silu.derivative, fr.silu.derivative.derivative), strict=False):
            same_bits(got, function(X))
        same_bits(use(X)[2], fr.silu.backward(X, X))
        same_bits(use(X)[3], fr.rrelu.training(X, X))
        with pytest.raises(TypingError) as error:
            njit(lambda: fr.silu.options)()
        assert "Unknown attribute 'options' of type" in str(error.value)

    def test_values_that_may_be_none(self):
        @njit
        def use(v, given):
            slope = None
            if given:
                slope = 0.25
            return fr.leaky_relu(v, negative_slope=slope)

        assert use(-1.0, True) == -0.25
        same_bits(use(X, True), fr.leaky_relu(X, negative_slope=0.25))
        with pytest.raises(TypeError, match="expected float64, got None"):
            use(-1.0, False)


class TestTranslated:
    def test_options_and_missing_defaults(self):
        gelu, threshold = fr.get("gelu", framework="jax"), fr.get("threshold", framework="torch")
        same_bits(njit(lambda v: gelu(v, approximate="none"))(X), fr.gelu(X))
        same_bits(njit(lambda v: threshold(v, 0.5, 7.0))(X), threshold(X, 0.5, 7.0))
        told = refusal(lambda v: threshold(v), 1.0)
        assert "threshold of PyTorch: threshold is missing; it takes x, threshold, value" in told

    def test_checks_of_arrays(self):
        """Of the axes, which is all that is known before the call."""
        prelu = fr.get("prelu", framework="torch")
        use = njit(lambda v, w: prelu(v, w))
        same_bits(use(X, X[0, 0][None, None]), fr.prelu(X, X[0, 0]))
        (told,) = refusal(lambda v, w: prelu(v, w), X, X[0, 0])
        assert told.startswith("prelu: weight must have an axis for each one from the channels' on")
        back = prelu.backward
        (told,) = refusal(lambda v: back(v, v, v), X)
        assert told.startswith("prelu.backward exists outside of compiled code only")

    def test_folds(self):
        softmax = fr.get("softmax", framework="nnlib")  # along the first axis
        same_bits(njit(lambda v: softmax(v))(X), fr.softmax(X, axis=0))


def test_user_function_is_cached(tmp_path):
    """cache=True in the user's code: the second process loads it, and the values are the same."""
    (tmp_path / "simulation.py").write_text(textwrap.dedent("""
        import numpy as np
        from numba import njit
        import fastrelu as fr
        slope = fr.silu.derivative
        @njit(cache=True)
        def force(v):
            return fr.leaky_relu(v, negative_slope=0.2) + slope(v)
        @njit(cache=True, parallel=True)
        def field(v):
            return fr.relu(v)
        x = np.linspace(-3, 3, 1001)
        got = force(x)
        print(force(0.5).hex(), got.tobytes().hex()[:64], field(x).tobytes().hex()[-64:])
        print(sum(force.stats.cache_hits.values()), sum(field.stats.cache_hits.values()))
        np.testing.assert_array_equal(got, fr.leaky_relu(x, negative_slope=0.2) + slope(x))
    """))  # fmt: skip
    settings = {**os.environ, "PYTHONPATH": str(PACKAGE), "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    runs = [
        subprocess.run([sys.executable, "simulation.py"], cwd=tmp_path, env=settings, capture_output=True, text=True, timeout=120)
        for _ in range(2)
    ]
    for run in runs:
        assert run.returncode == 0, run.stderr
    first, second = (run.stdout.splitlines() for run in runs)
    assert first[0] == second[0]
    assert first[1] == "0 0"
    assert second[1] == "2 1", "the second process compiled again"


def test_parameters_of_integer_functions():
    """As outside, float64 comes out where a constant is none of the dtype's numbers; also where a float is not known before."""

    @njit
    def half(v):
        return fr.step(v, threshold=0.5)

    @njit
    def bounded(v):
        return fr.hardtanh(v)

    @njit
    def between(v, low, high):
        return fr.hardtanh(v, low, high)

    assert half(0) == 0 == fr.step(0, threshold=0.5)
    for dtype in (np.uint8, np.int8, np.int64):
        v = np.arange(4, dtype=dtype)
        same_bits(bounded(v), fr.hardtanh(v))
    same_bits(between(np.arange(4), 1, 2), np.array([1, 1, 2, 2]))
    same_bits(between(np.arange(4), True, 2), np.array([1, 1, 2, 2]))
    same_bits(between(np.arange(4), 0.5, 2.0), np.array([0.5, 1, 2, 2]))
    same_bits(between(np.arange(4, dtype=np.uint8), -1, 2), np.array([0.0, 1, 2, 2]))
