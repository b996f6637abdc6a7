"""The functions of other frameworks: what fastrelu says of each, and those that are installed, called alike."""

import functools
import importlib
import inspect
import os
import pkgutil
import warnings
from typing import ClassVar
from unittest.mock import patch

import numpy as np
import pytest
from grid import random

import fastrelu as fr
from fastrelu.translate import defaults, entries

ENTRIES = list(entries())
X = random((3, 4, 6))  # some axis is even
# For parameters that have no default there.
EXAMPLES = {
    "alpha": 0.5,
    "beta": 0.25,
    "coef": 2.0,
    "threshold": 0.5,
    "value": 0.25,
    "default_value": 0.25,
    "axis": -1,
    "dim": -1,
    "pool_size": 2,
}

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


def required(entry):
    """A value for each parameter that has no default there."""
    return {key: EXAMPLES[key] for key, p in entry.signature.parameters.items() if p.default is inspect.Parameter.empty}


def label(entry):
    return f"{entry.framework}.{entry.name}"


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
