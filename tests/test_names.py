"""Names and defaults of other frameworks, and the catalogue."""

import copy
import functools
import importlib
import inspect
import os
import pickle
import pkgutil
import warnings
from pathlib import Path
from typing import ClassVar
from unittest.mock import patch

import numpy as np
import pytest
from grid import random
from numba import njit

import fastrelu as fr
from fastrelu.table import row_of
from fastrelu.translate import FRAMEWORKS, Translated, defaults, entries

ENTRIES = list(entries())
EXAMPLES = {
    "alpha": 0.5,
    "beta": 0.25,
    "coef": 2.0,
    "threshold": 0.5,
    "value": 0.25,
    "default_value": 0.25,
    "axis": -1,
    "pool_size": 2,
}
X = random((3, 4, 6))  # some axis is even

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


def required(entry):
    """A value for each parameter that has no default there."""
    return {key: EXAMPLES[key] for key, p in entry.signature.parameters.items() if p.default is inspect.Parameter.empty}


def label(entry):
    return f"{entry.framework}.{entry.name}"


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


def test_keras_layers_take_their_parameters_in_another_order():
    for framework in ("keras", "keras2"):
        np.testing.assert_array_equal(fr.get("ReLU", framework)(X, 1.0, 0.5), np.minimum(np.where(X > 0, X, 0.5 * X), 1))
        np.testing.assert_array_equal(fr.get("relu", framework)(X, 0.5, 1.0), np.minimum(np.where(X > 0, X, 0.5 * X), 1))


@pytest.mark.parametrize(("name", "framework"), PITFALLS)
def test_pitfalls(name, framework):
    x = np.concatenate([X, 10 * X])
    np.testing.assert_allclose(fr.get(name, framework=framework)(x), PITFALLS[name, framework](x), rtol=1e-9, atol=1e-12)


# Where the functions are in the packages that can be installed next to this one.
PLACES = {
    "torch": "torch.nn.functional torch torch.special torch.nn",
    "jax": "jax.nn jax.numpy jax.lax jax.scipy.special",
    "keras": "keras.activations keras.layers keras.ops",
    "keras2": "tf_keras.activations tf_keras.src.activations tf_keras.layers",
    "tf": "tensorflow.nn tensorflow.math tensorflow",
    "mlx": "mlx.nn mlx.core",
    "scipy": "scipy.special",
}
# What is no parameter of the function, but of the call.
OF_THE_CALL = ["self", "args", "kwargs", "name", "inplace", "training", "dtype", "where", "initial", "accuracy", "_stacklevel"]
# Where a function bends or jumps.
KINKS = np.array([-3, -1, -0.5, 0, 0.5, 1, 3, 25])


def installed(package):
    """A package, or the test is skipped. Keras needs no backend but NumPy; what a package warns of on import is its own."""
    quiet = {"KERAS_BACKEND": "numpy", "TF_CPP_MIN_LOG_LEVEL": "3"}
    with patch.dict(os.environ, {**quiet, **os.environ}), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip(package)


class Theirs:
    """A function of an installed framework: called with arrays and its own parameters, it gives an array."""

    def __init__(self, entry):
        self.n_arrays = len(entry.function.arrays)
        roots = dict.fromkeys(place.partition(".")[0] for place in PLACES[entry.framework].split())
        for root in roots:
            installed(root)
        modules = [pkgutil.resolve_name(place) for place in PLACES[entry.framework].split()]
        found = [getattr(module, entry.name) for module in modules if hasattr(module, entry.name)]
        if not found:
            pytest.skip("not in the installed version")
        self.function = found[0]

    @functools.cached_property
    def defaults(self):
        """Its parameters and their defaults; None where it does not tell, since it is not made in Python."""
        made = isinstance(self.function, type)
        if isinstance(self.function, np.ufunc):
            return {}
        try:
            known = inspect.signature(self.function.__init__ if made else self.function).parameters
        except ValueError:
            return None
        own = list(known)[0 if made else self.n_arrays :]
        return {key: known[key].default for key in own if key not in OF_THE_CALL}

    def __call__(self, *operands, **named):
        if isinstance(self.function, type):
            return np.asarray(self.function(**named)(*operands))
        return np.asarray(self.function(*operands, **named))


class OfTorch(Theirs):
    def __call__(self, *operands, **named):
        torch = importlib.import_module("torch")
        with torch.no_grad():
            return super().__call__(*map(torch.from_numpy, operands), **named)


class OfMlx(Theirs):
    def __call__(self, *operands, **named):
        return super().__call__(*map(importlib.import_module("mlx.core").array, operands), **named)


class OfKeras(Theirs):
    """PReLU keeps its weight, of which the initial value is a parameter."""

    @functools.cached_property
    def defaults(self):
        return super().defaults if self.n_arrays == 1 else {}

    def __call__(self, x, *weights, **named):
        if not weights:
            return super().__call__(x, **named)
        constant = {"class_name": "Constant", "config": {"value": float(weights[0][0])}}
        return super().__call__(x, alpha_initializer=constant, trainable=False)


class OfKeras2(OfKeras):
    def __call__(self, *operands, **named):
        return super().__call__(*map(importlib.import_module("tensorflow").constant, operands), **named)


class OfTransformers(OfTorch):
    defaults: ClassVar = {}

    def __init__(self, entry):
        activations = (installed("torch"), installed("transformers"), importlib.import_module("transformers.activations"))[-1]
        # by default its parameters are rounded to bfloat16
        exact = {"dtype": importlib.import_module("torch").float32} if entry.name == "xielu" else {}
        made = activations.ACT2CLS[entry.name]
        made, options = made if isinstance(made, tuple) else (made, {})
        self.layer = made(**options, **exact)

    def function(self, x, *_weights):
        return self.layer(x)


class OfSklearn:
    defaults: ClassVar = {}

    def __init__(self, entry):
        installed("sklearn")
        known = importlib.import_module("sklearn.neural_network._base").ACTIVATIONS
        if entry.name not in known:
            pytest.skip("not in the installed version")
        self.in_place = known[entry.name]

    def __call__(self, x):
        result = x.copy()
        self.in_place(result)
        return result


class OfOnnx:
    """An operator, as a model of one node."""

    def __init__(self, entry):
        self.onnx = installed("onnx")
        self.schema = self.onnx.defs.get_schema(entry.name)
        self.inputs = [given.name for given in self.schema.inputs][len(entry.function.arrays) :]
        self.defaults = {key: self.default(attribute) for key, attribute in self.schema.attributes.items()}
        if entry.name == "Selu":
            self.defaults.clear()  # alpha and gamma, which are constants here

    def default(self, attribute):
        value = self.onnx.helper.get_attribute_value(attribute.default_value)
        return value.decode() if isinstance(value, bytes) else value

    def __call__(self, *operands, **named):
        from onnx import TensorProto, helper
        from onnx.reference import ReferenceEvaluator

        further = [np.float32(named.pop(key)) if key in named else None for key in self.inputs]
        feeds = {f"x{i}": given for i, given in enumerate([*operands, *further]) if given is not None}
        inputs = [f"x{i}" if f"x{i}" in feeds else "" for i in range(len(operands) + len(further))]
        values = [helper.make_tensor_value_info(key, TensorProto.FLOAT, np.shape(given)) for key, given in feeds.items()]
        result = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
        graph = helper.make_graph([helper.make_node(self.schema.name, inputs, ["y"], **named)], "g", values, [result])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.onnx.defs.onnx_opset_version())])
        return ReferenceEvaluator(model).run(None, feeds)[0]


class OfScipyRbf:
    """A radial function, of the interpolation through the two values that it has itself."""

    def __init__(self, entry):
        installed("scipy")
        self.kernel, self.defaults = entry.name, {"epsilon": 1.0} if "epsilon" in entry.function.params else {}
        self.ours = fr.get(entry.name, "scipy")

    def __call__(self, x, epsilon=1.0):
        from scipy.interpolate import RBFInterpolator

        nodes = np.array([[0.0], [2.0]])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # no polynomial is added
            values = self.ours(nodes[:, 0], **dict.fromkeys(self.defaults, epsilon))
            found = RBFInterpolator(nodes, values, kernel=self.kernel, epsilon=epsilon, degree=-1)
        return found(x.reshape(-1, 1)).reshape(x.shape)


PEERS = dict.fromkeys(PLACES, Theirs) | {
    "torch": OfTorch,
    "mlx": OfMlx,
    "keras": OfKeras,
    "keras2": OfKeras2,
    "transformers": OfTransformers,
    "sklearn": OfSklearn,
    "onnx": OfOnnx,
}
RADIAL = {"gaussian", "inverse_multiquadric", "inverse_quadratic", "cubic", "thin_plate_spline"}


def peer(entry):
    """The function of an installed framework."""
    return OfScipyRbf(entry) if entry.framework == "scipy" and entry.name in RADIAL else PEERS[entry.framework](entry)


def parameters(entry):
    """The parameters that a function has in a framework, as it is said here, with their defaults."""
    if entry.translation is None:
        return {**defaults(entry.function), **({"axis": -1} if isinstance(entry.function, fr.Fold) else {})}
    return {key: p.default for key, p in entry.signature.parameters.items()}


def another(value):
    """A value of a parameter that is not its default."""
    if isinstance(value, str):
        return "tanh"
    if isinstance(value, bool):
        return not value
    return 0.5 * value + 0.13 if isinstance(value, (int, float)) and np.isfinite(value) else 0.75


def calls(entry, theirs):
    """Parameters to compare with: the defaults, and one after the other with another value."""
    claimed, needed = parameters(entry), required(entry)
    # a translation says what there is; else ours may have more than theirs
    both = [key for key in claimed if entry.translation or theirs.defaults is None or key in theirs.defaults]
    for axis in {"axis", "dim"}.intersection(both):  # where it has no default, it is guessed or means all
        default = [{}] if theirs.defaults and isinstance(theirs.defaults[axis], int) else []
        return [*default, {axis: 0}, {axis: -1}]
    return [needed, *({**needed, key: another(needed.get(key, claimed[key]))} for key in both)]


INSTALLABLE = [entry for entry in ENTRIES if entry.framework in PEERS]


@pytest.mark.parametrize("entry", INSTALLABLE, ids=label)
def test_agrees_with_an_installed_framework(entry):
    theirs = peer(entry)
    x = X[0] if isinstance(entry.function, fr.Fold) else np.concatenate([X.ravel(), KINKS]).reshape(5, 16)
    x = np.linspace(0.1, 0.9, 9).reshape(3, 3) if entry.name == "logit" else x
    if label(entry) == "mlx.step":
        x = x[x != 0]  # it is documented as the function here, but is 0 at the threshold
    operands = [np.float32(x), *(np.full(1, 0.25, np.float32) for _ in entry.function.arrays[1:])]
    ours = fr.get(entry.name, entry.framework)
    for named in calls(entry, theirs):
        expected = theirs(*operands, **named)
        np.testing.assert_allclose(ours(*operands, **named), expected, rtol=2e-4, atol=2e-6, err_msg=str(named))


@pytest.mark.parametrize("entry", INSTALLABLE, ids=label)
def test_has_the_parameters_of_an_installed_framework(entry):
    claimed, theirs = parameters(entry), peer(entry).defaults
    if theirs is None:
        pytest.skip("it does not tell its parameters")
    ordered = sorted if entry.framework == "onnx" else list  # attributes have no order
    assert ordered(theirs) == ordered(key for key in claimed if key in theirs)
    for key, default in theirs.items():
        if key in ("axis", "dim") and default is None:
            continue  # guessed from the shape, or the last one, or all
        ours = inspect.Parameter.empty if key in required(entry) else claimed[key]
        assert ours == (pytest.approx(default, rel=1e-6) if isinstance(default, float) else default)


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
        assert str(inspect.signature(self.leaky)) == "(x, negative_slope=0.2, *, out=None, where=True)"
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
            (("swish", "torch"), "torch has no 'swish'; did you mean 'silu'?"),
            (("gaussian", "torch"), "torch has no 'gaussian'; without framework it is gaussian$"),
            (("hard_sigmod", "keras"), "keras has no 'hard_sigmod'; did you mean 'hard_sigmoid'"),
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
