"""The libraries on a GPU: their arrays, and the calls of a case. All but JAX compute on the default stream."""

from __future__ import annotations

import contextlib
import importlib
import os
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np

from .functions import FUNCTIONS
from .gpu_grid import ROW, ROWS, operands
from .grid import BACKWARD, FORWARD, FROM_OUTPUT, Case
from .libraries import Jax, Torch, as_numpy, inlined

Call = Callable[..., Any]


class Library(ABC):
    """A library with its arrays on the device.

    Attributes
    ----------
    packages
        Those whose versions matter; the first one has to be there.
    by_events
        Whether its calls are on the default stream, where CUDA's events measure them; else the host's clock does.
    """

    packages: tuple[str, ...]
    by_events = True

    def __init__(self) -> None:
        """ImportError where it is not installed."""
        self.module: Any = importlib.import_module(self.packages[0])

    @abstractmethod
    def array(self, block: np.ndarray[Any, Any], dtype: str, size: int) -> Any:
        """An array of the library's kind with the values of this one, over and over."""

    @abstractmethod
    def call(self, case: Case) -> Call | None:
        """The function of the case's arrays, None where the library does not have it."""

    def host(self, result: Any) -> np.ndarray[Any, Any]:
        """A result in float64."""
        return np.asarray(result.get(), np.float64)

    def wait(self) -> None:
        """Until all is computed."""
        importlib.import_module("numba.cuda").synchronize()

    def copy(self, array: Any) -> Any:
        """A copy on the device: the limit."""
        return array.copy()

    @abstractmethod
    def free(self) -> None:
        """Gives memory back that is not in use."""


class OfTorch(Library):
    """Arrays are tensors."""

    packages = ("torch",)

    def __init__(self) -> None:
        super().__init__()
        if not self.module.cuda.is_available():
            raise ImportError("torch is installed without CUDA")

    def array(self, block: np.ndarray[Any, Any], dtype: str, size: int) -> Any:
        tensor = self.module.from_numpy(block).to("cuda", getattr(self.module, dtype))
        return shaped(tensor.repeat(-(-size // len(block)))[:size])

    def call(self, _case: Case) -> Call | None:
        return None

    def host(self, result: Any) -> np.ndarray[Any, Any]:
        return result.double().cpu().numpy()

    def copy(self, array: Any) -> Any:
        return array.clone()

    def free(self) -> None:
        self.module.cuda.empty_cache()


class OfNumba(Library):
    """Arrays are Numba's."""

    packages = ("numba.cuda",)

    def array(self, block: np.ndarray[Any, Any], dtype: str, size: int) -> Any:
        return self.module.to_device(shaped(np.resize(block.astype(as_numpy(dtype)), size)))

    def call(self, _case: Case) -> Call | None:
        return None

    def host(self, result: Any) -> np.ndarray[Any, Any]:
        return result.copy_to_host().astype(np.float64)

    def copy(self, array: Any) -> Any:
        target = self.module.device_array_like(array)
        target.copy_to_device(array)
        return target

    def free(self) -> None:
        self.module.current_context().deallocations.clear()


class FastReLU(Library):
    """fastrelu as its users call it: on the arrays of a library that is there."""

    packages = ("fastrelu", "numba-cuda")

    def __init__(self) -> None:
        self.base = first_of(OfTorch, CuPy, OfNumba)

    def array(self, block: np.ndarray[Any, Any], dtype: str, size: int) -> Any:
        return self.base.array(block, dtype, size)

    def host(self, result: Any) -> np.ndarray[Any, Any]:
        return self.base.host(result)

    def copy(self, array: Any) -> Any:
        return self.base.copy(array)

    def free(self) -> None:
        self.base.free()

    def call(self, case: Case) -> Call | None:
        function = importlib.import_module("fastrelu").registry[case.function]
        if case.direction == FORWARD:
            return function
        if case.direction == FROM_OUTPUT:
            return lambda grad, y: function.backward(grad, y, from_output=True)
        return function.backward


class Eager(OfTorch):
    """PyTorch's own kernels, by the shortest ways: C functions and aten's backward functions, without autograd."""

    def call(self, case: Case) -> Call | None:
        torch = self.module
        torch.set_grad_enabled(False)
        if case.function == ROWS:
            if case.direction == FORWARD:
                return lambda x: torch.softmax(x, -1)
            return lambda grad, y: torch.ops.aten._softmax_backward_data(grad, y, -1, y.dtype)
        found = Torch.call(self, case)  # type: ignore[arg-type]
        return found and function_of(found[0], case, found[1])


class Compiled(Eager):
    """torch.compile of the same calls, for each shape."""

    def call(self, case: Case) -> Call | None:
        self.module._dynamo.reset()  # after some shapes of one function it would go on without compiling
        call = super().call(case)
        return call and self.module.compile(call, dynamic=False)


class CuPy(Library):
    """CuPy: the plain expressions, fused where CuPy can."""

    packages = ("cupy",)

    def array(self, block: np.ndarray[Any, Any], dtype: str, size: int) -> Any:
        return shaped(self.module.tile(self.module.asarray(block.astype(dtype)), -(-size // len(block)))[:size])

    def call(self, case: Case) -> Call | None:
        if case.dtype == "bfloat16":
            return None
        special = importlib.import_module("cupyx.scipy.special")
        if case.function == ROWS:
            return (lambda x: special.softmax(x, axis=-1)) if case.direction == FORWARD else rows_backward
        function = FUNCTIONS[case.function]
        texts = {FORWARD: function.scipy or function.expression, FROM_OUTPUT: function.from_output}
        texts[BACKWARD] = function.scipy_backward or function.backward
        text = inlined(texts[case.direction].format(name=case.function, out=""))
        return text and self.module.fuse()(function_of(text, case, {**vars(self.module), **vars(special)}))

    def free(self) -> None:
        self.module.get_default_memory_pool().free_all_blocks()


class OnJax(Library):
    """JAX, jitted."""

    packages = ("jax", "jaxlib")
    by_events = False

    def __init__(self) -> None:
        os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # the others need memory, too
        super().__init__()
        if not any(device.platform == "gpu" for device in self.module.devices()):
            raise ImportError("jax is installed without CUDA")
        self.module.config.update("jax_enable_x64", True)

    compiled = Jax.compiled

    def array(self, block: np.ndarray[Any, Any], dtype: str, size: int) -> Any:
        return shaped(self.module.numpy.resize(self.module.numpy.asarray(block.astype(as_numpy(dtype))), size))

    def call(self, case: Case) -> Call | None:
        if case.function == ROWS:
            softmax = self.module.jit(self.module.nn.softmax)
            return softmax if case.direction == FORWARD else self.module.jit(rows_backward)
        text, names = Jax.call(self, case)  # type: ignore[arg-type,misc]
        return names["call"] if text else None

    def host(self, result: Any) -> np.ndarray[Any, Any]:
        return np.asarray(result, np.float64)

    def free(self) -> None:
        self.module.clear_caches()

    def wait(self) -> None:
        self.module.effects_barrier()
        (self.module.numpy.zeros(()) + 0).block_until_ready()


class Triton(OfTorch):
    """Triton's kernels for the formulas as one writes them."""

    packages = ("torch", "triton")

    def __init__(self) -> None:
        importlib.import_module("triton")
        super().__init__()

    def call(self, case: Case) -> Call | None:
        return importlib.import_module(f"{__package__}.gpu_triton").call(case)


def rows_backward(grad: Any, y: Any) -> Any:
    """Of softmax, as one writes it."""
    return y * (grad - (grad * y).sum(-1, keepdims=True))


def function_of(text: str, case: Case, names: dict[str, Any]) -> Call:
    """The expression as a function of the case's arrays."""
    return eval(f"lambda {', '.join(operands(case))}: {text}", dict(names))


def first_of(*kinds: type[Library]) -> Library:
    """Of those that are installed."""
    for kind in kinds[:-1]:
        with contextlib.suppress(ImportError):
            return kind()
    return kinds[-1]()


def shaped(array: Any) -> Any:
    """In rows, so that one array serves functions along them as well."""
    return array.reshape(-1, ROW) if array.shape[0] % ROW == 0 else array


LIBRARIES: dict[str, type[Library]] = {
    "fastrelu": FastReLU,
    "torch": Eager,
    "torch.compile": Compiled,
    "cupy": CuPy,
    "jax": OnJax,
    "triton": Triton,
}
