"""Which calls reach the CUDA module, without a GPU and without numba-cuda."""

import subprocess
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

import fastrelu as fr
from fastrelu import arrays


class OnDevice:
    """What a device array of CuPy or torch shows."""

    def __init__(self, x: Any) -> None:
        self.dtype, self.shape, self.size = x.dtype, x.shape, x.size
        self.__cuda_array_interface__ = {**x.__array_interface__, "strides": None}

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        raise AssertionError("copied to the host")


class OnHost:
    """torch's CPU tensors: the class has the property, the instance refuses it."""

    @property
    def __cuda_array_interface__(self) -> Any:
        raise AttributeError("not on a device")

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return np.array([-1.0, 2.0])


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What kernels.cuda would be asked to compute."""
    made: list[Any] = []
    module = ModuleType("fastrelu.kernels.cuda")
    module.call = lambda *args: made.append(args)  # type: ignore[attr-defined]
    module.call_fold = lambda *args: made.append(args)  # type: ignore[attr-defined]
    module.call_with_draws = lambda *args: made.append(args)  # type: ignore[attr-defined]
    module.gradients = lambda owner, keys, *args: made.append((owner, keys, *args)) or dict.fromkeys(keys)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr("fastrelu.kernels.cuda", module, raising=False)
    return made


def test_a_device_array_goes_to_the_device(calls: list[Any]) -> None:
    x = OnDevice(np.ones(3, np.float32))
    fr.relu(x)
    fr.leaky_relu(x, 0.2, out=x)
    fr.tanh.derivative(x, where=False)
    fr.tanh.backward(x, x, from_output=True)
    fr.prelu(x, 0.3)
    fr.prelu(np.ones(3), x)
    wanted = [
        (fr.relu, (x,), None, True),
        (fr.leaky_relu, (x, 0.2), x, True),
        (fr.tanh.derivative, (x,), None, False),
        (fr.tanh.backward.options["from_output"][True], (x, x), None, True),
        (fr.prelu, (x, 0.3), None, True),
    ]
    assert calls[:-1] == wanted
    assert calls[-1][1][1] is x


def test_functions_along_an_axis_and_gradients_of_parameters_do(calls: list[Any]) -> None:
    x = OnDevice(np.ones(3, np.float32))
    fr.softmax(x)
    fr.softmax.backward(x, x, axis=0, out=x, where=False)
    fr.maxout(x, pool_size=3)
    fr.rrelu(x, training=True, seed=5)
    assert fr.prelu.backward(x, x, x) == (None, None)
    assert fr.elu.backward(x, x, wrt="alpha", where=False) is None
    wanted = [
        (fr.softmax, (x, -1), None, True),
        (fr.softmax.backward, (x, x, 0), x, False),
        (fr.maxout, (x, 3, -1), None, True),
        (fr.rrelu, (x, *fr.rrelu.params.values()), 5, None, True),
        (fr.prelu.backward, ("x", "weight"), (x, x, x), (None, None), True),
        (fr.elu.backward, ("alpha",), (x, x, 1.0), (None,), False),
    ]
    assert calls == wanted


def test_host_arrays_do_not(calls: list[Any]) -> None:
    assert fr.relu(OnHost()).tolist() == [0.0, 2.0]
    assert fr.relu([-1.0, 2.0]).tolist() == [0.0, 2.0]
    assert not calls


def test_the_signs_of_a_device_array() -> None:
    assert arrays.on_cuda(OnDevice(np.ones(3)))
    assert arrays.on_cuda(SimpleNamespace(__cuda_ndarray__=True))  # the simulator's arrays
    assert not any(arrays.on_cuda(x) for x in (OnHost(), np.ones(3), 1.0, [1.0], None, "relu"))


def run(code: str) -> str:
    """What a fresh process prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_host_calls_never_import_cuda() -> None:
    code = (
        "import sys, numpy as np, fastrelu as fr\n"
        "fr.relu(np.ones(3)), fr.prelu([1.0], 2), fr.softmax(np.ones(3)), fr.tanh.backward(np.ones(3), np.ones(3))\n"
        "print([name for name in sys.modules if name.startswith(('numba.cuda', 'fastrelu.kernels.cuda'))])"
    )
    assert run(code) == "[]"


def test_without_numba_cuda_a_sentence_says_what_to_install() -> None:
    code = (
        "import importlib.util, types, fastrelu as fr\n"
        "found = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name, *rest: None if name == 'numba_cuda' else found(name, *rest)\n"
        "try:\n"
        "    fr.relu(types.SimpleNamespace(__cuda_array_interface__={}))\n"
        "except ImportError as error:\n"
        "    print(error)"
    )
    assert run(code) == "arrays on a CUDA device need numba-cuda: pip install 'fastrelu[cuda]'"


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "bool"])
def test_arrays_of_other_libraries_on_the_host(dtype: str) -> None:
    """They show that they could lie on a device, and do not."""
    x = np.array([[-2, 0, 3]]).astype(dtype)
    made = [pytest.importorskip("torch").from_numpy(x)]
    made.append(pytest.importorskip("jax").numpy.asarray(x if dtype != "float64" else x.astype("float32")))
    for array in made:
        assert not arrays.on_cuda(array)
        assert np.array_equal(fr.relu(array), fr.relu(np.asarray(array)))
