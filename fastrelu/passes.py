"""What belongs to an activation and is made when it is asked for: its derivatives and its backward pass."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fastrelu.compiled import THIS
from fastrelu.docstrings import Descriptions
from fastrelu.elementwise import Elementwise
from fastrelu.gradients import Backward, ParameterBackward
from fastrelu.parameters import REQUIRED, parameters_of
from fastrelu.training import in_training

if TYPE_CHECKING:
    from fastrelu.activation import Activation, Formula


class Slope(Elementwise):
    """The first or the second derivative of a function.

    Attributes
    ----------
    derivative : Slope
        The derivative of this one, of the same parameters; an AttributeError where there is none.
    """

    derivative: Slope

    def __init__(self, formula: Callable[..., Any], *, further: Callable[[], Slope] | None = None, **settings: Any) -> None:
        super().__init__(formula, **settings)
        self._further = further

    def __getattr__(self, name: str) -> Any:
        """Makes the derivative when it is asked for."""
        if name != "derivative":
            raise AttributeError(f"{self.dotted_name} has no attribute {name!r}")
        if self._further is None:
            raise AttributeError(f"{self.dotted_name} has no derivative: fastrelu knows no formula for it")
        return self.__dict__.setdefault(name, self._further())  # another thread may have been first


def derivative(function: Activation) -> Slope:
    """f'(x)."""
    record = function.record
    further = functools.partial(_second, function, record.second) if record.second else None
    training = record.training_derivative and _in_training(function, ".derivative", record.training_derivative)
    text = _text(function).derivative()
    return _slope(function, "derivative", record.derivative, text, further=further, training=training)


def _second(function: Activation, formula: Formula) -> Slope:
    return _slope(function, "derivative.derivative", formula, _text(function).second(formula))


def backward(function: Activation) -> Backward | ParameterBackward:
    """grad * f'(x), and the gradients of further arrays and of parameters."""
    record, text = function.record, _text(function).backward()
    further: dict[str, Callable[[], Elementwise]] = {
        key: functools.partial(_part, function, formula, text, integers=False) for key, formula in record.gradients.items()
    }
    arrays = [key for key in further if key in function.arrays]
    training = record.training_derivative and times_slope(record.training_derivative)
    by_output = record.from_output and _part(
        function,
        record.from_output,
        text,
        Backward,
        further={},
        given=" where from_output=True",
        minimum=record.from_output_minimum,
    )
    result: Backward = _part(
        function,
        record.derivative,
        text,
        Backward,
        further={} if arrays else further,
        options={**_options(function, "backward"), **({} if arrays else {"from_output": {False: THIS, True: by_output}})},
        training=training and _in_training(function, ".backward", training, "grad"),
    )
    if not arrays:
        return result
    parts = {"x": result, **{key: further.pop(key)() for key in arrays}}
    return ParameterBackward(parts, further, f"{function.dotted_name}.backward", function.__module__, text)


def times_slope(derivative: Formula) -> Formula:
    """The formula of a backward pass. A zero slope gives zero, so that an infinite gradient stays out of dead regions."""

    def backward(grad: Any, *operands: Any) -> Any:
        slope = derivative(*operands)
        return type(grad)(0) if slope == 0 else grad * slope

    return backward


def _slope(function: Activation, kind: str, formula: Formula, doc: str, **settings: Any) -> Slope:
    settings = {**_common(function, kind, doc), "options": _options(function, kind), **settings}
    return Slope(formula, parameters=parameters_of(function.formula), **settings)


def _part(function: Activation, formula: Formula, doc: str, made: Any = Elementwise, **settings: Any) -> Any:
    parameters = {"grad": REQUIRED} | parameters_of(function.formula)
    return made(times_slope(formula), parameters=parameters, **{**_common(function, "backward", doc), **settings})


def _in_training(function: Activation, kind: str, formula: Formula, *first: str) -> Elementwise:
    return in_training(function.formula, kind, formula, function.record.integers, function.record.cost, *first)


def _common(function: Activation, kind: str, doc: str) -> dict[str, Any]:
    record = function.record
    name = f"{function.dotted_name}.{kind}"
    return {"name": name, "module": function.__module__, "doc": doc, "integers": record.integers, "cost": record.cost}


def _options(function: Activation, attribute: str) -> dict[str, dict[Any, Any]]:
    """For each keyword that selects another function: what belongs to that one in place of this."""
    member = operator.attrgetter(attribute)
    return {
        option: {value: THIS if chosen is function else member(chosen) for value, chosen in choices.items()}
        for option, choices in function.options.items()
    }


def _text(function: Activation) -> Descriptions:
    formula = function.formula
    return Descriptions(function.dotted_name, formula.__doc__ or "", parameters_of(formula), function.record)
