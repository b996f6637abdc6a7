"""Every function for tensors of torch, with its gradients: ``fastrelu.torch.gelu(x)``.

The attributes are the functions of the registry. A tensor of the CPU is seen as a NumPy array, without a copy; one on a CUDA
device is computed there, on torch's current stream.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

try:
    import torch
except ImportError:
    raise ImportError("fastrelu.torch needs PyTorch: pip install torch") from None

from fastrelu import arrays
from fastrelu.activation import REGISTRY
from fastrelu.fold import Fold
from fastrelu.formulas.rectifiers import flat
from fastrelu.kernels.storage import needed_bfloat16
from fastrelu.parameters import REQUIRED, parameters_of, public_signature

X = ("x",)


class _Call:
    """A function, the names of its operands, arrays before parameters, and the keywords that come with them."""

    def __init__(self, function: Any, keys: tuple[str, ...], keywords: dict[str, Any]) -> None:
        self.function, self.keys, self.keywords = function, keys, keywords

    def array(self, place: int, value: Any) -> Any:
        """An operand as fastrelu takes it."""
        return value if not isinstance(value, torch.Tensor) else as_array(value) if place < self.arrays else value.item()

    def given(self, operands: Sequence[Any]) -> list[Any]:
        """All of them."""
        return [self.array(place, value) for place, value in enumerate(operands)]

    @property
    def arrays(self) -> int:
        """How many operands are arrays."""
        return len(self.function.arrays)

    def forward(self, operands: Sequence[Any]) -> Any:
        """The result."""
        return as_tensor(self.function(*self.given(operands), **self.keywords))

    def takes_output(self, keys: tuple[str, ...], operands: Sequence[Any]) -> bool:
        """Whether the backward pass starts from the output: where that is exact, so that the input need not be kept.

        Only of functions made of lines: their second derivative is 0, whereas another one needs the input.
        """
        function = self.function
        if isinstance(function, Fold):
            return function.keeps_shape
        if keys != X or self.keywords or function.record.second is not flat or function.facts.from_output != "exact":
            return False
        least = function.backward.options["from_output"][True].minimum
        return all(operands[self.keys.index(key)] >= value for key, value in least.items())

    def backward(self, keys: tuple[str, ...], from_output: bool, grad: Any, operands: Sequence[Any]) -> tuple[Any, ...]:
        """The gradients of some operands."""
        backward, given = self.function.backward, [as_array(grad), *self.given(operands)]
        if isinstance(self.function, Fold):
            return (as_tensor(backward(*given, **self.keywords)),)
        if keys == X and self.arrays == 1:
            option = {"from_output": True} if from_output else self.keywords
            found = [backward(*given, **option)]
        else:
            found = list(backward(*given, wrt=keys, **self.keywords))
        likes = (operands[self.keys.index(key)] for key in keys)
        return tuple(as_tensor(each).to(like.dtype) for each, like in zip(found, likes, strict=True))


class _Forward(torch.autograd.Function):  # type: ignore[misc]
    """The function."""

    @staticmethod
    def forward(ctx: Any, call: _Call, *operands: Any) -> Any:
        keys = _needed(call, ctx.needs_input_grad[1:])
        result = call.forward(operands)
        ctx.call, ctx.keys, ctx.from_output = call, keys, call.takes_output(keys, operands)
        _keep(ctx, (result, *operands[1:]) if ctx.from_output else operands)
        return result

    @staticmethod
    def backward(ctx: Any, grad: Any) -> Any:
        call, operands = ctx.call, _kept(ctx)
        if torch.is_grad_enabled():  # somebody wants to differentiate once more
            found = _Backward.apply(call, ctx.keys, ctx.from_output, grad, *operands)
        else:
            found = call.backward(ctx.keys, ctx.from_output, grad, operands)
        gradients = dict(zip(ctx.keys, found, strict=True))
        return None, *map(gradients.get, call.keys)


class _Backward(torch.autograd.Function):  # type: ignore[misc]
    """The gradients, which themselves have a derivative where it is known."""

    @staticmethod
    def forward(ctx: Any, call: _Call, keys: tuple[str, ...], from_output: bool, grad: Any, *operands: Any) -> Any:
        ctx.call, ctx.keys, ctx.from_output = call, keys, from_output
        _keep(ctx, (grad, *operands))
        return call.backward(keys, from_output, grad, operands)

    @staticmethod
    def backward(ctx: Any, *twice: Any) -> Any:
        call, (grad, *operands) = ctx.call, _kept(ctx)
        name, function = call.function.dotted_name, call.function
        known = ctx.keys == X and not isinstance(function, Fold) and not call.keywords and grad.shape == operands[0].shape
        if not known or function.record.second is None:
            raise RuntimeError(f"{name}: fastrelu knows no second derivative with respect to {' and '.join(ctx.keys)}")
        to_grad = to_x = None
        if ctx.needs_input_grad[3]:
            (to_grad,) = _Backward.apply(call, X, ctx.from_output, twice[0], *operands)
        if ctx.needs_input_grad[4] and not ctx.from_output:  # else it is 0
            bend = _Second.apply(call, *operands)
            to_x = torch.where(bend == 0, 0, twice[0] * grad * bend)
        return None, None, None, to_grad, to_x, *[None] * (len(operands) - 1)


class _Second(torch.autograd.Function):  # type: ignore[misc]
    """The second derivative, which has none."""

    @staticmethod
    def forward(ctx: Any, call: _Call, *operands: Any) -> Any:
        ctx.name = call.function.dotted_name
        return as_tensor(call.function.derivative.derivative(*call.given(operands), **call.keywords))

    @staticmethod
    def backward(ctx: Any, *_gradients: Any) -> Any:
        raise RuntimeError(f"{ctx.name}: fastrelu knows no third derivative")


def _needed(call: _Call, needs: Sequence[bool]) -> tuple[str, ...]:
    return tuple(key for key, need in zip(call.keys, needs, strict=True) if need)


def _keep(ctx: Any, values: Sequence[Any]) -> None:
    """Tensors where torch watches them, numbers as they are."""
    ctx.save_for_backward(*(value for value in values if isinstance(value, torch.Tensor)))
    ctx.others = [None if isinstance(value, torch.Tensor) else value for value in values]


def _kept(ctx: Any) -> list[Any]:
    tensors = iter(ctx.saved_tensors)
    return [next(tensors) if value is None else value for value in ctx.others]


def as_array(tensor: Any) -> Any:
    """A tensor as fastrelu takes it: its memory as a NumPy array, or the tensor itself on a CUDA device."""
    tensor = tensor.detach()
    if tensor.device.type != "cpu":
        return tensor
    tensor = tensor.resolve_neg()
    if tensor.dtype is torch.bfloat16:  # which NumPy does not know
        return tensor.view(torch.int16).numpy().view(needed_bfloat16())
    return tensor.numpy()


def as_tensor(result: Any) -> Any:
    """A result of fastrelu's as a tensor."""
    if isinstance(result, torch.Tensor):
        return result
    result = np.asarray(result)
    if result.dtype.kind == "V":
        return torch.from_numpy(result.view(np.int16)).view(torch.bfloat16)
    return torch.from_numpy(result)


def _bound(record: Any, operands: tuple[Any, ...], named: dict[str, Any]) -> tuple[_Call, tuple[Any, ...]]:
    """The call, with its options resolved, and its operands in order."""
    if isinstance(record, Fold):
        x, *rest = record._bind(operands, named)
        return _Call(record, record.arrays, dict(zip(record._names[1:], rest, strict=True))), (x,)
    for option in record.options:
        if option in named:
            record = record._chosen(option, named.pop(option))
    own = ("training", "seed") if record.training is not None else ()
    keywords = {key: named.pop(key) for key in own if key in named}
    if not keywords.get("training", True):
        keywords = {}
    return _Call(record, record._names, keywords), record._bind(operands, named)


def _check(call: _Call, operands: Sequence[Any]) -> None:
    """Refuses what is no tensor: at least one has to be, and parameters have no axes."""
    name = call.function.dotted_name
    tensors = [isinstance(value, torch.Tensor) for value in operands]
    for place, (key, value) in enumerate(zip(call.keys, operands, strict=True)):
        number = isinstance(value, (float, int, np.generic)) and any(tensors[: call.arrays])
        if place < call.arrays and not tensors[place] and not number:
            arrays.reject(TypeError, name, key, "be a tensor", type(value).__name__)
        if tensors[place] and value.device.type not in ("cpu", "cuda"):
            arrays.reject(TypeError, name, key, "lie on the CPU or a CUDA device", value.device.type)
        if place >= call.arrays and tensors[place] and value.ndim:
            arrays.reject(TypeError, name, key, "be a number or a tensor without axes", f"one of shape {tuple(value.shape)}")


@functools.cache
def _wrapped(record: Any) -> Callable[..., Any]:
    def function(*operands: Any, **named: Any) -> Any:
        call, bound = _bound(record, operands, named)
        _check(call, bound)
        if torch.is_grad_enabled() and any(getattr(value, "requires_grad", False) for value in bound):
            return _Forward.apply(call, *bound)
        return call.forward(bound)

    fold = isinstance(record, Fold)
    parameters = dict.fromkeys(record._names[:-1], REQUIRED) | {"axis": -1} if fold else parameters_of(record.formula)
    only = {key: next(iter(choices)) for key, choices in record.options.items()}
    only |= {"training": False, "seed": None} if not fold and record.training is not None else {}
    vars(function)["__signature__"] = public_signature(parameters, only)
    function.__name__ = function.__qualname__ = record.dotted_name
    function.__doc__ = _doc(record)
    return function


def _doc(record: Any) -> str:
    """The function's own docstring, of tensors."""
    start, _, rest = record.__doc__.partition("\n\nParameters\n")
    text = re.sub(r"^(out|where|device) : .*\n(    .*\n)+", "", f"Parameters\n{rest}", flags=re.MULTILINE)
    text = re.sub(r"; `out` of another (shape|dtype)|; a `where` that is not made of bools|; a mask", "", text)
    text = text.replace("array_like", "Tensor").replace("ndarray or scalar", "Tensor")
    text = re.sub(r"^(\w+ : )float, default", r"\1float or Tensor without axes, default", text, flags=re.MULTILINE)
    return f"{start}\n\nFor tensors of torch, with gradients, also of the gradients where there is a second derivative.\n\n{text}"


def __dir__() -> list[str]:
    return sorted({*globals(), *REGISTRY})


def __getattr__(name: str) -> Any:
    if name in REGISTRY:
        return _wrapped(REGISTRY[name])
    raise AttributeError(f"module 'fastrelu.torch' has no attribute {name!r}")
