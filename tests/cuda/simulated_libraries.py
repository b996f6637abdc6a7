"""Arrays of every library through whole calls, by fakes of the libraries in the simulator: what comes out, and in whose order."""

from typing import Any

import fakes
import numpy as np
import pytest
from numba import cuda

import fastrelu as fr
from fastrelu.kernels.cuda import launch, memory, streams

X = np.linspace(-3, 3, 24, dtype=np.float32).reshape(4, 6)
GRAD = X[::-1].copy()
STREAMS = {"torch": 60, "cupy": 70, "jax": 90}


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The streams of launches, records and waits, in order."""
    found: list[Any] = []

    class Event:
        def record(self, stream: Any) -> None:
            found.append(("record", stream))

        def wait(self, stream: Any) -> None:
            found.append(("wait", stream))

        def query(self) -> bool:
            return True

    def stream(handle: int) -> int:
        found.append(("launch", handle))
        return 0

    monkeypatch.setattr(streams.cuda, "event", lambda timing: Event())
    monkeypatch.setattr(streams, "_numba_stream", lambda handle: handle)
    monkeypatch.setattr(launch, "stream", stream)
    return found


@pytest.fixture(params=STREAMS)
def library(request: Any, monkeypatch: pytest.MonkeyPatch, told: list[Any]) -> Any:
    """The fake, with `make` for arrays of the host."""
    made = fakes.install(monkeypatch, getattr(fakes, request.param)())
    if request.param == "torch":
        made.current[0] = STREAMS["torch"]
    made.make = made.tensor if request.param == "torch" else made.array
    return made


def values(result: Any) -> Any:
    """What a fake holds."""
    if isinstance(result.x, np.ndarray):
        return result.x
    address, shape, strides, dtype, *_ = result.x
    flat = memory.host_items(address, dtype, int(np.prod(shape)))
    return np.lib.stride_tricks.as_strided(flat, shape, strides)


CALLS = {
    "gelu": lambda d: fr.gelu(d(X)),
    "rows reversed": lambda d: fr.gelu(d(X[::-1])),
    "derivative": lambda d: fr.silu.derivative(d(X)),
    "backward": lambda d: fr.tanh.backward(d(GRAD), d(X)),
    "masked": lambda d: fr.elu(d(X), where=d(X > 0)),
    "training": lambda d: fr.rrelu(d(X), training=True, seed=5),
    "softmax": lambda d: fr.softmax(d(X), axis=0),
    "softmax backward": lambda d: fr.softmax.backward(d(GRAD), d(fr.softmax(X))),
    "alpha": lambda d: fr.elu.backward(d(GRAD), d(X), wrt="alpha"),
    "weight": lambda d: fr.prelu.backward(d(GRAD), d(X), d(X[0]), wrt="weight"),
    "weight of the full shape": lambda d: fr.prelu.backward(d(GRAD), d(X), d(GRAD), wrt="weight"),
}


@pytest.mark.parametrize("call", CALLS)
def test_results_are_of_the_library(library: Any, told: list[Any], call: str) -> None:
    result, right = CALLS[call](library.make), CALLS[call](np.asarray)
    assert type(result) is type(library.make(X))
    np.testing.assert_allclose(values(result), right, rtol=1e-6, atol=1e-6)
    launched = {stream for kind, stream in told if kind == "launch"}
    assert launched == {STREAMS[library.__name__]}


def test_a_guest_waits_and_is_waited_for(library: Any, told: list[Any]) -> None:
    guest, own = fakes.Interface(GRAD, stream=33), STREAMS[library.__name__]
    fr.relu.backward(library.make(X), guest)
    first, last = told.index(("launch", own)), len(told) - told[::-1].index(("launch", own))
    assert told.index(("record", 33)) < told.index(("wait", own)) < first, "the launch comes after what made the guest"
    assert ("record", own) in told[last:] and ("wait", 33) in told[last:], "its memory is not used again before"


def test_out(library: Any) -> None:
    if library.__name__ == "jax":
        with pytest.raises(TypeError, match="out must be left out for JAX's arrays, which never change"):
            fr.relu(library.make(X), out=library.make(GRAD))
        return
    out = library.make(np.zeros_like(X))
    assert fr.relu(library.make(X), out=out) is out
    np.testing.assert_array_equal(out.x, np.maximum(X, 0))


def test_the_simulator_is_on() -> None:
    assert cuda.is_available() and not hasattr(cuda.device_array(3), "__cuda_array_interface__")
