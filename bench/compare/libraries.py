"""The libraries: their arrays, and the statement of a call."""

from __future__ import annotations

import importlib
import re
from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from .functions import FUNCTIONS
from .grid import ARRAYS, BACKWARD, FORWARD, FROM_OUTPUT, Case

Call = tuple[str, dict[str, Any]]  # a statement, and what its names mean beside the arrays


def as_numpy(dtype: str) -> np.dtype[Any]:
    """NumPy's dtype of this name; bfloat16 is ml_dtypes'."""
    return np.dtype(getattr(importlib.import_module("ml_dtypes"), dtype) if dtype == "bfloat16" else dtype)


class Library(ABC):
    """A library in the process that measures it.

    Attributes
    ----------
    packages
        Those whose versions matter.
    module
        The first of them.
    """

    packages: tuple[str, ...]

    def __init__(self, threads: int) -> None:
        """Imports the first package; ImportError where it is not installed."""
        self.module: Any = importlib.import_module(self.packages[0])

    def array(self, block: np.ndarray[Any, Any], dtype: str, size: int) -> Any:
        """An array of the library's own kind with the values of this one, over and over."""
        return np.resize(block.astype(as_numpy(dtype)), size)

    @abstractmethod
    def call(self, case: Case) -> Call | None:
        """The statement of a case, None where the library does not have it."""


class NumPy(Library):
    """The expression of fastrelu's registry, as a user would write it."""

    packages = ("numpy",)

    def call(self, case: Case) -> Call | None:
        registered = importlib.import_module("fastrelu").registry.get(case.function)
        names = {**vars(np), "erf": importlib.import_module("scipy.special").erf}
        if case.direction != FORWARD:
            return fill(case, expression(case), names)
        if FUNCTIONS[case.function].numpy or registered is None:
            return fill(case, FUNCTIONS[case.function].numpy or expression(case), names)
        return fill(case, "expression(x)", {"expression": registered.numpy})


class SciPy(Library):
    """scipy.special."""

    packages = ("scipy",)

    def call(self, case: Case) -> Call | None:
        function = FUNCTIONS[case.function]
        text = {FORWARD: function.scipy, BACKWARD: function.scipy_backward}.get(case.direction, "")
        return fill(case, text, {**vars(np), **vars(importlib.import_module("scipy.special"))})


class NumExpr(NumPy):
    """numexpr: the same expressions in its virtual machine."""

    packages = ("numexpr",)

    def call(self, case: Case) -> Call | None:
        text = inlined(expression(case).format(name=case.function))
        if not text or "erf(" in text:
            return None
        arrays = ", ".join(f"{name!r}: {name}" for name in ARRAYS[case.direction])
        return fill(case, f"evaluate({text!r}, {{{{{arrays}}}}}{{out}})", {"evaluate": self.module.evaluate})


class FastReLU(Library):
    """fastrelu as its users call it."""

    packages = ("fastrelu", "numba", "tbb")

    def call(self, case: Case) -> Call | None:
        function = self.module.registry.get(case.function)
        if function is None:
            return None
        option = ", from_output=True" if case.direction == FROM_OUTPUT else ""
        return fill(
            case,
            f"function({', '.join(ARRAYS[case.direction])}{option}{{out}})",
            {"function": function if case.direction == FORWARD else function.backward},
        )


class Serial(FastReLU):
    """The same kernels on one thread, always: the ufunc."""

    def call(self, case: Case) -> Call | None:
        found = super().call(case)
        if found is None or case.direction == FROM_OUTPUT:
            return None
        function = found[1]["function"]
        params = {f"p{k}": as_numpy(case.dtype).type(value) for k, value in enumerate(function.params.values())}
        operands = ", ".join((*ARRAYS[case.direction], *params))
        return fill(case, f"ufunc({operands}{{out}})", {"ufunc": function.ufunc, **params})


class Torch(Library):
    """PyTorch, by its shortest ways: C functions and aten's backward functions."""

    packages = ("torch",)

    def __init__(self, threads: int) -> None:
        super().__init__(threads)
        self.module.set_num_threads(threads)
        self.module.set_grad_enabled(False)

    def array(self, block: np.ndarray[Any, Any], dtype: str, size: int) -> Any:
        tensor = self.module.from_numpy(block).to(getattr(self.module, dtype))
        return tensor.repeat(-(-size // len(block)))[:size]

    def call(self, case: Case) -> Call | None:
        function = FUNCTIONS[case.function]
        if case.direction == FORWARD:
            text = function.torch_out if case.out else function.torch
            return text.format(name=case.function), {**vars(self.module), **vars(self.module._C._nn)}
        backward = getattr(self.module.ops.aten, function.aten.format(name=case.function) + "_backward")
        overload, ending = ("grad_input", ", grad_input=out") if case.out else ("default", "")
        if overload not in backward.overloads():
            return None
        operands = "y" if case.direction == FROM_OUTPUT else function.aten_operands
        operands = operands.format(name=case.function, out=", out=out" if case.out else "")
        return f"backward(grad, {operands}{ending})", {**vars(self.module), "backward": getattr(backward, overload)}


class Jax(Library):
    """JAX, jitted, on the CPU; each call waits for its result."""

    packages = ("jax", "jaxlib", "ml_dtypes")

    def __init__(self, threads: int) -> None:
        super().__init__(threads)
        self.module.config.update("jax_platforms", "cpu")
        self.module.config.update("jax_enable_x64", True)

    def array(self, block: np.ndarray[Any, Any], dtype: str, size: int) -> Any:
        return self.module.numpy.asarray(np.resize(block.astype(as_numpy(dtype)), size))

    def call(self, case: Case) -> Call | None:
        if case.out:  # its arrays do not change
            return None
        function = FUNCTIONS[case.function]
        forward = self.compiled(function.jax.format(name=case.function), ARRAYS[FORWARD], self.module.nn)
        if case.direction == FORWARD:
            call = forward
        elif case.direction == BACKWARD:
            call = self.module.jit(lambda grad, x: self.module.vjp(forward, x)[1](grad)[0])
        else:
            call = self.compiled(function.from_output, ARRAYS[FROM_OUTPUT], self.module.numpy)
        return f"call({', '.join(ARRAYS[case.direction])}).block_until_ready()", {"call": call}

    def compiled(self, text: str, operands: tuple[str, ...], module: Any) -> Any:
        """The expression as a jitted function."""
        return self.module.jit(eval(f"lambda {', '.join(operands)}: {text}", dict(vars(module))))


class Streaming(Library):
    """The limit: our copy, round the caches."""

    packages = ("numba",)

    def __init__(self, threads: int) -> None:
        super().__init__(threads)
        self.streaming: Any = importlib.import_module(f"{__package__}.streaming")

    def array(self, block: np.ndarray[Any, Any], dtype: str, size: int) -> Any:
        array = self.streaming.aligned(size, as_numpy(dtype))
        array[:] = np.resize(block.astype(as_numpy(dtype)), size)
        return array

    def call(self, case: Case) -> Call | None:
        """The copy of one array, whatever the function."""
        return (f"stream({ARRAYS[case.direction][-1]}, out)", {"stream": self.streaming.stream}) if case.out else None


class CopyTo(Streaming):
    """NumPy's copy, which is the C library's: on one thread the better one on some machines."""

    packages = ("numpy",)

    def call(self, case: Case) -> Call | None:
        return (f"copyto(out, {ARRAYS[case.direction][-1]})", {"copyto": np.copyto}) if case.out else None


def expression(case: Case) -> str:
    """The plain expression of a case, for NumPy and numexpr."""
    function = FUNCTIONS[case.function]
    return {FORWARD: function.expression, BACKWARD: function.backward, FROM_OUTPUT: function.from_output}[case.direction]


def inlined(text: str) -> str:
    """An expression without names for its parts."""
    *parts, text = text.split("; ")
    for part in reversed(parts):
        name, _, value = part.partition(" = ")
        text = re.sub(rf"\b{name}\b", f"({value})", text)
    return text


def fill(case: Case, text: str, names: dict[str, Any]) -> Call | None:
    """The call of a text; None where it is empty, or shall write into an array and cannot."""
    if not text or (case.out and "{out}" not in text):
        return None
    return text.format(name=case.function, out=", out=out" if case.out else ""), names


LIBRARIES: dict[str, type[Library]] = {
    "fastrelu": FastReLU,
    "numpy": NumPy,
    "scipy": SciPy,
    "torch": Torch,
    "jax": Jax,
    "numexpr": NumExpr,
    "serial": Serial,
    "streaming": Streaming,
    "copyto": CopyTo,
}
OURS = "fastrelu"
PEERS = ("fastrelu", "numpy", "scipy", "torch", "jax", "numexpr")
LIMITS = ("streaming", "copyto")
