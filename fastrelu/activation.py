"""Activation: an Elementwise that knows its derivative; the decorator that makes one from a formula; the registry."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np

from fastrelu.arrays import bind
from fastrelu.compiled import THIS
from fastrelu.docstrings import describe
from fastrelu.elementwise import Elementwise
from fastrelu.thresholds import Cost

Side = Literal["left", "right", "middle"]
REGISTRY: dict[str, Any] = {}  # every activation and fold by its name, in the order of definition


class Activation(Elementwise):
    """An activation function, with its derivative and its backward pass.

    Attributes
    ----------
    derivative : Elementwise
        f'(x), of the same parameters.
    backward : Elementwise or ParameterBackward
        grad * f'(x) in one pass, and 0 where f'(x) is 0. With ``from_output=True`` it takes the output instead of the
        input, where the function allows it. A function of more than one array returns a gradient for each.
    reference : function
        ``reference(m, x, *params)``: the function again for the tests, in the arithmetic of ``m`` (mpmath).
    numpy : function
        What a NumPy user would write: the benchmarks' baseline.
    kinks : function
        Of the parameters: where the derivative jumps, and from which side it takes its value there.
    max_ulp : float
        The worst error of the function itself, in units in the last place: enforced by the tests.
    accuracy : Accuracy
        Its card: the worst errors that were measured, their inputs, and how many inputs were checked.
    """

    derivative: Elementwise
    backward: Elementwise | ParameterBackward

    def __init__(
        self,
        formula: Callable[..., Any],
        *,
        name: str,
        record: Mapping[str, Any],
        passes: Callable[[], dict[str, Any]],
        **settings: Any,
    ) -> None:
        super().__init__(formula, name=name, **settings)
        self._passes = passes
        self.reference = record["reference"]
        self.numpy = record["numpy"]
        self.kinks = record["kinks"]
        self.max_ulp = record["max_ulp"]

    @functools.cached_property
    def accuracy(self) -> Any:
        """What `fastrelu verify` has measured: by dtype and by "forward" or "derivative"."""
        from fastrelu.accuracy import read

        return read(self)

    def __getattr__(self, name: str) -> Any:
        """Makes the derivative and the backward pass when the first of them is asked for: an import needs neither."""
        if name not in ("derivative", "backward"):
            raise AttributeError(f"{self.dotted_name} has no attribute {name!r}")
        for key, value in self._passes().items():
            self.__dict__.setdefault(key, value)  # another thread may have been first
        return self.__dict__[name]


class ParameterBackward:
    """The backward pass of a function of several arrays: a gradient for each, summed to the shape of its array.

    Attributes
    ----------
    parts : dict of str to Elementwise
        The elementwise gradients, not summed, by the name of the array.
    """

    def __init__(self, parts: dict[str, Elementwise], name: str, module: str, doc: str) -> None:
        self.parts = parts
        self.dotted_name = name
        self.arrays = parts["x"].arrays
        self.__name__, self.__qualname__, self.__module__, self.__doc__ = name.rpartition(".")[2], name, module, doc
        self._names = (*self.arrays, *parts["x"].params)
        parameters = [parts["x"].__signature__.parameters[key] for key in self._names]
        self._defaults = tuple(parameter.default for parameter in parameters)
        self.__signature__ = inspect.Signature(parameters)

    def __call__(self, *operands: Any, **named: Any) -> tuple[Any, ...]:
        grad, *given = bind(self.dotted_name, self._names, self._defaults, operands, named, ())
        return tuple(
            sum_to_shape(part(grad, *given), np.shape(array)) for part, array in zip(self.parts.values(), given, strict=False)
        )

    def __reduce__(self) -> str:
        return self.dotted_name

    def __repr__(self) -> str:
        return f"<fastrelu function {self.dotted_name}>"


def sum_to_shape(values: Any, shape: tuple[int, ...]) -> Any:
    """Sums over the axes along which an array of this shape was broadcast; accumulates in float64."""
    if values.shape == shape:
        return values
    if not isinstance(values, (np.ndarray, np.generic)):  # NumPy would copy it from the device in silence
        raise TypeError(f"backward: an array on a device must have the shape of the gradient, {values.shape}, got {shape}")
    extra = values.ndim - len(shape)
    axes = (*range(extra), *(k + extra for k, size in enumerate(shape) if size == 1 and values.shape[k + extra] != 1))
    return np.add.reduce(values, axis=axes, dtype=np.float64).reshape(shape).astype(values.dtype)


def activation(
    *,
    derivative: Callable[..., Any],
    reference: Callable[..., Any],
    numpy: Callable[..., Any],
    kinks: Callable[..., Mapping[float, Side]] = lambda *_params: {},
    max_ulp: float,
    cost: Cost = Cost.LIGHT,
    integers: bool = False,
    from_output: Callable[..., Any] | None = None,
    from_output_minimum: Mapping[str, float] | None = None,
    gradients: Mapping[str, Callable[..., Any]] | None = None,
    variants: Mapping[str, Mapping[Any, Any]] | None = None,
    params: Mapping[str, str] | None = None,
    paper: str = "",
) -> Callable[[Callable[..., Any]], Activation]:
    """Decorates a scalar formula: makes the activation and enters it in the registry.

    The formula is a function of scalars that keeps their dtype: arrays first, then scalar parameters with defaults.
    Its docstring says what it computes.

    Parameters
    ----------
    derivative : function
        The scalar formula of f'(x), with the same parameters.
    reference : function
        ``reference(m, x, *params)`` in the arithmetic of ``m``, which is mpmath: independent of the formula.
    numpy : function
        The plain NumPy expression of a user.
    kinks : function
        Of the parameters: a dict from each point where the derivative jumps to the side whose value it takes there, where
        "middle" is the mean of both.
    max_ulp : float
        The worst error allowed, forward.
    cost : Cost
        Which crossover sizes apply.
    integers : bool
        Whether integers stay integers.
    from_output : function
        The formula of f'(x) from y = f(x), where that is possible.
    from_output_minimum : dict
        The least value of a parameter for which that is possible.
    gradients : dict
        For further array operands: the formula of the derivative with respect to each.
    variants : dict
        For a keyword that selects another formula: its values and their activations; THIS stands for this one.
    params : dict
        What each parameter means, for the docstring.
    paper : str
        Where it comes from.
    """

    def decorate(formula: Callable[..., Any]) -> Activation:
        name, module = formula.__name__, formula.__module__
        signature = inspect.signature(formula)
        common = {"module": module, "integers": integers, "cost": cost}
        record = {"reference": reference, "numpy": numpy, "kinks": kinks, "max_ulp": max_ulp}
        text = describe(name, formula.__doc__ or "", signature, params or {}, paper, variants or {}, integers)

        def make(kind: str, scalar: Callable[..., Any], options: Any, doc: str, **settings: Any) -> Elementwise:
            grad = inspect.Parameter("grad", inspect.Parameter.POSITIONAL_OR_KEYWORD)
            parameters = signature.parameters.values()
            of_kind = signature.replace(parameters=[*([] if kind == "derivative" else [grad]), *parameters])
            return Elementwise(
                scalar, name=f"{name}.{kind}", doc=doc, signature=of_kind, options=options, **{**common, **settings}
            )

        def options_of(attribute: str) -> dict[str, dict[Any, Any]]:
            return {
                option: {value: THIS if chosen is THIS else getattr(chosen, attribute) for value, chosen in choices.items()}
                for option, choices in (variants or {}).items()
            }

        def passes() -> dict[str, Any]:
            slope = make("derivative", derivative, options_of("derivative"), text.derivative(kinks))
            by_output = from_output and make(
                "backward", times_slope(from_output), {}, text.backward, minimum=from_output_minimum or {}
            )
            options = {**options_of("backward"), "from_output": {False: THIS, True: by_output}}
            backward: Any = make("backward", times_slope(derivative), options, text.backward)
            if gradients:
                further = {key: make("backward", times_slope(formula), {}, text.backward) for key, formula in gradients.items()}
                backward = ParameterBackward({"x": backward, **further}, f"{name}.backward", module, text.backward)
            return {"derivative": slope, "backward": backward}

        result = Activation(formula, name=name, record=record, passes=passes, doc=text.function, options=variants, **common)
        REGISTRY[name] = result
        return result

    return decorate


def times_slope(derivative: Callable[..., Any]) -> Callable[..., Any]:
    """The formula of a backward pass. A zero slope gives zero, so that an infinite gradient stays out of dead regions."""

    def backward(grad: Any, *operands: Any) -> Any:
        slope = derivative(*operands)
        return type(grad)(0) if slope == 0 else grad * slope

    return backward
