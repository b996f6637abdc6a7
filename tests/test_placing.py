"""device=: nothing moves without it, and what is said where it cannot be."""

import importlib.util
import inspect
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

import fastrelu as fr

X = np.linspace(-3, 3, 12, dtype=np.float32).reshape(3, 4)
CALLS = {
    "forward": lambda **named: fr.gelu(X, **named),
    "option": lambda **named: fr.gelu(X, approximate="tanh", **named),
    "derivative": lambda **named: fr.elu.derivative(X, 0.5, **named),
    "named": lambda **named: fr.elu(x=X, alpha=2.0, **named),
    "masked": lambda **named: fr.relu(X, where=X > 1, **named),
    "backward": lambda **named: fr.tanh.backward(X, X, from_output=True, **named),
    "with respect to": lambda **named: fr.elu.backward(X, X, wrt=("x", "alpha"), **named)[1],
    "of several arrays": lambda **named: fr.prelu.backward(X, X, 0.25, **named)[1],
    "training": lambda **named: fr.rrelu(X, training=True, seed=1, **named),
    "along an axis": lambda **named: fr.softmax(X, axis=0, **named),
    "along an axis, backward": lambda **named: fr.softmax.backward(X, X, **named),
    "pooled": lambda **named: fr.maxout(X, 2, **named),
    "a number": lambda **named: fr.relu(-2.5, **named),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("device", ["cpu", None])
def test_the_host_is_where_arrays_are(call, device):
    wanted, got = call(), call(device=device)
    assert type(got) is type(wanted)
    assert np.array_equal(got, wanted)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize(
    ("device", "error", "came"), [("tpu", ValueError, "'tpu'"), ("cuda:x", ValueError, "'cuda:x'"), (0, TypeError, "0")]
)
def test_other_names(call, device, error, came):
    with pytest.raises(error, match=rf"^\w[\w.]*: device must be 'cpu', 'cuda' or 'cuda:' and a number, got {came}$"):
        call(device=device)


def test_device_arrays_do_not_come_back_in_silence():
    with pytest.raises(TypeError, match=r"^relu: x must be in host memory where device='cpu', got SimpleNamespace$"):
        fr.relu(SimpleNamespace(__cuda_array_interface__={}), device="cpu")


def test_every_signature_and_docstring_has_it():
    for record in fr.registry.values():
        members = [record, record.backward, *([record.derivative] if hasattr(record, "derivative") else [])]
        for member in members:
            assert list(inspect.signature(member).parameters)[-1] == "device", member
            assert "\ndevice : str, optional\n" in member.__doc__, member


def printed(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


TRY = """
import sys, numpy as np, fastrelu as fr
{before}
try:
    fr.relu(np.ones(3), device="cuda:1")
except {error} as error:
    print(error)
"""


def test_without_numba_cuda():
    before = """
import importlib.util
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name == 'numba_cuda' else found(name, *rest)
"""
    code = TRY.format(before=before, error="ImportError")
    assert printed(code) == "arrays on a CUDA device need numba-cuda: pip install 'fastrelu[cuda]'"


@pytest.mark.skipif(importlib.util.find_spec("numba_cuda") is None, reason="numba-cuda is not installed")
def test_without_a_device():
    before = "from numba import cuda; cuda.is_available = lambda: False"
    told = printed(TRY.format(before=before, error="RuntimeError"))
    assert told.startswith("relu: device='cuda' needs a CUDA device with its driver, and there is none (")
    assert "\n" not in told


SIMULATED = """
import os
os.environ["NUMBA_ENABLE_CUDASIM"] = "1"
import numpy as np, fastrelu as fr
from numba import cuda
from fastrelu.kernels import cuda as kernels
if hasattr(kernels, "GRID"):
    kernels.GRID = (2, 3)
x = np.linspace(-3, 3, 12, dtype=np.float32).reshape(3, 4)
for given in (x, x.T, x[::2], x[:, ::-1], x.astype(">f4"), np.float32(3), x.tolist(), x[0, 1:1], np.asfortranarray(x)):
    there, wanted = fr.leaky_relu(given, 0.5, device="cuda"), np.asarray(fr.leaky_relu(given, 0.5))
    assert type(there).__name__ == "FakeCUDAArray" and there.dtype == wanted.dtype, there
    assert np.array_equal(there.copy_to_host(), wanted)
there = fr.prelu.backward(x, x, cuda.to_device(x), device="cuda:0")
assert np.array_equal(there[1].copy_to_host(), fr.prelu.backward(x, x, x)[1])
assert np.array_equal(fr.prelu(x, 0.5, device="cuda").copy_to_host(), fr.prelu(x, 0.5))
out = cuda.device_array(x.shape, x.dtype)
assert fr.relu(x=x, out=out, device="cuda") is out
for call, message in (
    (lambda: fr.relu(x, device="cuda:1"), "relu: device must name one of the 1 devices from 0 on, got 'cuda:1'"),
    (lambda: fr.relu(np.ma.array(x), device="cuda"), "relu: x must have no mask where device='cuda', got MaskedArray"),
    (lambda: fr.relu(x + 1j, device="cuda"), "relu: x must be a real array, got complex64"),
    (lambda: fr.relu(x, out=x, device="cuda"), "relu: out must be on the device as x is, got ndarray"),
):
    try:
        call()
    except (TypeError, ValueError) as error:
        assert str(error) == message, error
    else:
        raise AssertionError(message)
print("done")
"""


@pytest.mark.skipif(importlib.util.find_spec("numba_cuda") is None, reason="numba-cuda is not installed")
def test_in_the_simulator():
    assert printed(SIMULATED) == "done"
