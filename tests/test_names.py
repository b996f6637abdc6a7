"""Names and defaults of other frameworks, and the catalogue."""

import copy
import inspect
import pickle
from pathlib import Path

import numpy as np
import pytest
from numba import njit
from peers import ENTRIES, X, label, required

import fastrelu as fr
from fastrelu.table import row_of
from fastrelu.translate import FRAMEWORKS, Translated, defaults

# Where a framework's meaning is not that of the function here: what it gives for an x, in plain NumPy.
PITFALLS = {
    ("leaky_relu", "keras"): lambda x: np.where(x > 0, x, 0.2 * x),
    ("LeakyReLU", "keras"): lambda x: np.where(x > 0, x, 0.3 * x),
    ("leaky_relu", "keras2"): lambda x: np.where(x > 0, x, 0.2 * x),
    ("LeakyReLU", "keras2"): lambda x: np.where(x > 0, x, 0.3 * x),
    ("leaky_relu", "tf"): lambda x: np.where(x > 0, x, 0.2 * x),
    ("leaky_relu", "chainer"): lambda x: np.where(x > 0, x, 0.2 * x),
    ("leaky_relu", "mlx"): lambda x: np.where(x > 0, x, 0.01 * x),
    ("LeakyRelu", "onnx"): lambda x: np.where(x > 0, x, 0.01 * x),
    ("relu", "onednn"): lambda x: np.maximum(x, 0),
    ("relu", "keras"): lambda x: np.maximum(x, 0),
    ("relu", "keras2"): lambda x: np.maximum(x, 0),
    ("hard_sigmoid", "keras2"): lambda x: np.clip(0.2 * x + 0.5, 0, 1),
    ("hard_sigmoid", "chainer"): lambda x: np.clip(0.2 * x + 0.5, 0, 1),
    ("HardSigmoid", "onnx"): lambda x: np.clip(0.2 * x + 0.5, 0, 1),
    ("hard_sigmoid", "keras"): lambda x: np.clip(x / 6 + 0.5, 0, 1),
    ("gelu", "jax"): lambda x: x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))) / 2,
    ("gelu", "tfa"): lambda x: x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))) / 2,
    ("gelu", "nnlib"): lambda x: x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))) / 2,
    ("softplus", "torch"): lambda x: np.where(x > 20, x, np.log1p(np.exp(x))),
    ("clipped_relu", "chainer"): lambda x: np.clip(x, 0, 20),
    ("Clip", "onnx"): lambda x: x,
    ("snake", "tfa"): lambda x: x + (1 - np.cos(2 * x)) / 2,
    ("ThresholdedReLU", "keras2"): lambda x: np.where(x > 1, x, 0),
    ("softmax", "chainer"): lambda x: np.exp(x) / np.exp(x).sum(1, keepdims=True),
    ("softmax", "nnlib"): lambda x: np.exp(x) / np.exp(x).sum(0, keepdims=True),
}


def test_entries_are_known_and_unique():
    assert {entry.framework for entry in ENTRIES} == set(FRAMEWORKS)
    assert len({(entry.name, entry.framework) for entry in ENTRIES}) == len(ENTRIES)


@pytest.mark.parametrize("entry", ENTRIES, ids=label)
def test_every_name_leads_to_its_function(entry):
    found = fr.get(entry.name, framework=entry.framework)
    if entry.translation is None:
        assert found is entry.function
        return
    assert isinstance(found, Translated)
    assert found.function is entry.function
    ours = found._translate((), required(entry))
    assert set(ours) <= {*defaults(entry.function), "axis", "pool_size"}
    if entry.meaning[1] is not None:
        assert found.keywords == ours
    assert f"calls it {entry}" in found.__doc__
    assert fr.get(f"{entry.framework}.{entry.name}").entry == entry


def test_keras_relu_at_its_threshold():
    """The code of Keras compares x > threshold, and caps only what is above: as its own tests say."""
    for framework in ("keras", "keras2"):
        relu = fr.get("ReLU", framework)
        assert relu(5.0, threshold=5.0) == 0
        assert relu([7.0, 8.5], max_value=6.0, threshold=8.0).tolist() == [0, 6]
        np.testing.assert_allclose(relu(7.0, 6.0, 0.1, 8.0), -0.1)
        assert relu.derivative([7.0, 8.0, 9.0], 6.0, 0.1, 8.0).tolist() == [0.1, 0.1, 0]


def test_axes_of_other_frameworks():
    x = np.arange(24.0).reshape(2, 3, 4)
    with pytest.raises(TypeError, match=r"^softmax of PyTorch: missing a required argument: 'dim'$"):
        fr.get("softmax", "torch")(x)  # torch guesses, and warns
    np.testing.assert_allclose(fr.get("softmax", "scipy")(x).sum(), 1)
    np.testing.assert_allclose(fr.get("softmax", "keras")(x, axis=(1, 2)).sum((1, 2)), 1)
    np.testing.assert_allclose(np.exp(fr.get("logsoftmax", "nnlib")(x, dims=(1, 2))).sum((0, 1)), 1)


def test_onednn_relu_is_flat_at_infinity():
    assert fr.get("relu", "onednn")(-np.inf) == 0


def test_keras_layers_take_their_parameters_in_another_order():
    for framework in ("keras", "keras2"):
        np.testing.assert_array_equal(fr.get("ReLU", framework)(X, 1.0, 0.5), np.minimum(np.where(X > 0, X, 0.5 * X), 1))
        np.testing.assert_array_equal(fr.get("relu", framework)(X, 0.5, 1.0), np.minimum(np.where(X > 0, X, 0.5 * X), 1))


@pytest.mark.parametrize(("name", "framework"), PITFALLS)
def test_pitfalls(name, framework):
    x = np.concatenate([X, 10 * X])
    np.testing.assert_allclose(fr.get(name, framework=framework)(x), PITFALLS[name, framework](x), rtol=1e-9, atol=1e-12)


class TestTranslated:
    """A function with another framework's defaults is called like ours."""

    leaky = fr.get("leaky_relu", framework="keras")
    hard = fr.get("HardSigmoid", framework="onnx")

    def test_calls(self):
        np.testing.assert_array_equal(self.leaky(X), fr.leaky_relu(X, negative_slope=0.2))
        np.testing.assert_array_equal(self.leaky(X, 0.5), fr.leaky_relu(X, 0.5))
        np.testing.assert_array_equal(self.leaky(X, negative_slope=0.5), fr.leaky_relu(X, 0.5))
        np.testing.assert_array_equal(self.leaky(X, where=X > -1), fr.leaky_relu(X, 0.2, where=X > -1))
        out = np.empty_like(X)
        assert self.leaky(X, out=out) is out

    def test_derivative_and_backward(self):
        np.testing.assert_array_equal(self.leaky.derivative(X), np.where(X > 0, 1, 0.2))
        np.testing.assert_array_equal(self.leaky.backward(2 * X, X), fr.leaky_relu.backward(2 * X, X, 0.2))
        y = self.leaky(X)
        np.testing.assert_array_equal(self.leaky.backward(X, y, from_output=True), self.leaky.backward(X, X))
        np.testing.assert_allclose(self.hard.derivative(X, alpha=0.1), np.where(np.abs(X) < 5, 0.1, 0))
        softmax = fr.get("softmax", "torch")
        y = softmax(X, dim=1)
        np.testing.assert_array_equal(softmax.backward(X, y, dim=1), fr.softmax.backward(X, y, axis=1))

    def test_their_parameters_and_ours(self):
        np.testing.assert_array_equal(self.hard(X, 0.5, 0.5), fr.hardsigmoid(X, shift=1.0, width=2.0))
        np.testing.assert_array_equal(self.hard(X, width=4.0), fr.hardsigmoid(X, shift=2.5, width=4.0))
        gelu = fr.get("gelu", framework="jax")
        np.testing.assert_array_equal(gelu(X, approximate=False), fr.gelu(X))
        relu = fr.get("relu", framework="keras")
        np.testing.assert_array_equal(relu(X, max_value=1.0), np.clip(X, 0, 1))
        assert self.leaky.keywords == {"negative_slope": 0.2}

    def test_compiled(self):
        leaky, steep, gelu = self.leaky, self.leaky.derivative, fr.get("gelu", framework="jax")

        @njit
        def use(v):
            return leaky(v) + 10 * steep(v) + gelu(v)

        expected = self.leaky(X) + 10 * self.leaky.derivative(X) + fr.gelu(X, approximate="tanh")
        np.testing.assert_array_equal(use(X), expected)
        assert use(-1.0) == use(np.array([-1.0]))[0]

    def test_looks(self):
        assert str(inspect.signature(self.leaky)) == "(x, negative_slope=0.2, *, out=None, where=True, device=None)"
        assert str(inspect.signature(self.leaky.backward)).startswith("(grad, x, negative_slope=0.2, *, from_output=False, ")
        assert repr(self.leaky) == "<fastrelu function leaky_relu as leaky_relu(negative_slope=0.2) of Keras 3>"
        assert self.leaky.backward.__name__ == "leaky_relu.backward"
        assert inspect.getdoc(self.leaky).startswith("The leaky ReLU")

    def test_copies(self):
        for function in (self.leaky, self.leaky.derivative):
            for other in (pickle.loads(pickle.dumps(function)), copy.deepcopy(function)):
                assert other.function is function.function
                assert other.keywords == function.keywords

    def test_mistakes(self):
        with pytest.raises(TypeError, match=r"^threshold of PyTorch: missing a required argument: 'threshold'$"):
            fr.get("threshold", framework="torch")(X)
        with pytest.raises(TypeError, match=r"^leaky_relu: unknown parameter 'slope'; it takes"):
            self.leaky(X, slope=1)
        with pytest.raises(AttributeError, match="'function' may have"):
            self.leaky.ufunc  # noqa: B018


class TestGet:
    """What a name means."""

    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("leaky_relu", "leaky_relu"),
            ("LeakyRelu", "leaky_relu"),
            ("nn.GELU", "gelu"),
            ("torch.nn.functional.gelu", "gelu"),
            ("HardSigmoid", "hardsigmoid"),
            ("hard_sigmoid", "hardsigmoid"),
            ("log-sigmoid", "logsigmoid"),
            ("logsoftmax", "log_softmax"),
            ("hard_silu", "hardswish"),
            ("logistic", "sigmoid"),
            ("linear", "identity"),
            ("atan", "arctan"),
            ("relu2", "relu_squared"),
            ("gelu_new", "gelu_tanh"),
            ("softplus", "softplus"),
        ],
    )
    def test_without_framework(self, name, expected):
        assert fr.get(name) is fr.registry[expected]

    def test_our_names(self):
        for name, function in fr.registry.items():
            assert fr.get(name) is function
            assert fr.get(name.upper()) is function
            assert fr.get(function) is function

    def test_our_name_of_what_a_framework_has(self):
        assert fr.get("sigmoid", framework="onednn") is fr.sigmoid
        assert fr.get("exponential", framework="torch") is fr.exponential

    def test_aliases_of_frameworks(self):
        assert fr.get("gelu", framework="Flax").keywords == {"approximate": "tanh"}
        assert fr.get("leaky_relu", framework="TensorFlow").keywords == {"negative_slope": 0.2}

    @pytest.mark.parametrize(
        ("arguments", "sentence"),
        [
            (("hardshrnk",), "there is no 'hardshrnk'; did you mean 'hardshrink'"),
            (("qqqq",), "there is no 'qqqq'$"),
            (("swish", "torch"), "nothing here is 'swish' of PyTorch; did you mean 'silu'?"),
            (("gaussian", "torch"), "nothing here is 'gaussian' of PyTorch; without framework it is gaussian$"),
            (("hard_sigmod", "keras"), "nothing here is 'hard_sigmod' of Keras 3; did you mean 'hard_sigmoid'"),
            (("relu", "cafe"), "framework must be one of torch, jax, .*, got 'cafe'$"),
            (("clipped_relu",), "'clipped_relu' means different things in cudnn, chainer; say which by framework=$"),
        ],
    )
    def test_mistakes(self, arguments, sentence):
        with pytest.raises(ValueError, match=f"^get: {sentence}"):
            fr.get(*arguments)

    def test_not_a_name(self):
        with pytest.raises(TypeError, match=r"^get: name must be a string, got int$"):
            fr.get(3)


class TestCatalogue:
    """The table of everything."""

    def test_rows(self):
        table = fr.catalogue()
        assert [row["name"] for row in table] == sorted(fr.registry)
        assert {row["class"] for row in table} == {"ridge", "radial", "fold"}
        assert all(row.keys() == table[0].keys() for row in table)
        assert all(row["formula"] and row["range"] for row in table)

    def test_one_row(self):
        row = row_of(fr.leaky_relu)
        assert row["lipschitz"] == 1
        assert row["parameters"] == {"negative_slope": 0.01}
        assert row["peers"]["keras"] == "leaky_relu(negative_slope=0.2), LeakyReLU(negative_slope=0.3)"

    def test_prints(self):
        lines = repr(fr.catalogue()).splitlines()
        assert lines[0].split()[:3] == ["name", "class", "range"]
        assert len(lines) == len(fr.registry) + 1

    def test_pandas(self):
        pandas = pytest.importorskip("pandas")
        frame = pandas.DataFrame(fr.catalogue()).set_index("name")
        assert frame.loc["sigmoid", "lipschitz"] == 0.25
        assert list(frame.index) == sorted(fr.registry)

    def test_page_is_up_to_date(self):
        page = Path(__file__).parents[1] / "docs" / "catalogue.md"
        assert page.read_text(encoding="utf-8") == fr.catalogue().markdown(), "run: fastrelu list --markdown > docs/catalogue.md"
