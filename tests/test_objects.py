"""The functions as Python objects: pickled, copied, printed, inspected; before and after their first call."""

import copy
import inspect
import pickle
import pydoc
import re
import subprocess
import sys

import cloudpickle
import numpy as np
import pytest
from grid import ACTIVATIONS, each

import fastrelu as fr


def public_objects():
    for name, function in fr.registry.items():
        yield name, function
        yield f"{name}.backward", function.backward
        if name in ACTIVATIONS:
            yield f"{name}.derivative", function.derivative
            if hasattr(function.derivative, "derivative"):
                yield f"{name}.derivative.derivative", function.derivative.derivative


@pytest.fixture(params=["as made", "called"], scope="module")
def called(request):
    """From the first call on the object holds a C function, which has attributes of its own."""
    if request.param == "called":
        for function in list(fr.registry.values())[::20]:
            for member in {function, getattr(function, "derivative", function), function.backward}:
                if not getattr(member, "pooled", False):
                    member(*[np.ones(4, np.float32)] * len(member.arrays))


@pytest.mark.usefixtures("called")
@each(dict(public_objects()))
class TestObjects:
    def test_pickle_and_copy(self, function):
        assert pickle.loads(pickle.dumps(function)) is function
        assert copy.deepcopy(function) is function
        assert copy.copy(function) is function
        assert cloudpickle.loads(cloudpickle.dumps(function)) is function

    def test_repr_and_names(self, function):
        name = function.dotted_name
        assert repr(function) == f"<fastrelu function {name}>"
        assert function.__name__ == name.rpartition(".")[2]
        assert function.__qualname__ == name
        assert function.__module__.startswith("fastrelu.")

    def test_signature(self, function):
        parameters = inspect.signature(function).parameters
        assert list(parameters)[: len(function.arrays)] == list(function.arrays)
        if hasattr(function, "parts"):
            return  # several results: no single out
        for key in ("out", "where"):
            assert parameters[key].kind is inspect.Parameter.KEYWORD_ONLY
        assert parameters["out"].default is None
        assert parameters["where"].default is True

    def test_help(self, function):
        """The terminal's help shows the docstring, not the class's."""
        text = pydoc.plain(pydoc.render_doc(function))
        assert function.__doc__.splitlines()[0] in text
        assert "Parameters" in text

    def test_documented_parameters(self, function):
        """The signature has all of them."""
        documented = re.findall(r"^(\w+) : ", function.__doc__.partition("\nReturns\n")[0], re.MULTILINE)
        assert set(documented) <= {*inspect.signature(function).parameters}

    def test_class_attribute(self, function):
        class Layer:
            activation = function

        assert Layer().activation is function
        assert Layer.activation is function


def test_without_docstrings(own_registry):
    """python -OO leaves them out; a user's formula may have none."""
    code = "import fastrelu as fr; print(fr.softmax([1.0, 1.0]))"
    told = subprocess.run([sys.executable, "-OO", "-c", code], capture_output=True, text=True)
    assert told.stdout == "[0.5 0.5]\n", told.stderr

    @fr.activation(derivative=lambda x: x, reference=None, numpy=None, max_ulp=0)
    def untold(x):
        return x + x

    assert "Parameters" in untold.__doc__
    assert "Parameters" in untold.derivative.__doc__
