"""Activation: an Elementwise that knows its derivative; the decorator that makes one from a formula; the registry."""

from __future__ import annotations

import functools
import inspect
import operator
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal

from fastrelu.compiled import THIS
from fastrelu.docstrings import describe
from fastrelu.elementwise import Elementwise
from fastrelu.thresholds import Cost

if TYPE_CHECKING:
    from fastrelu.facts import Facts
    from fastrelu.gradients import Backward, ParameterBackward

Side = Literal["left", "right", "middle"]
REGISTRY: dict[str, Any] = {}  # every activation and fold by its name, in the order of definition
Bounds = tuple[float | None, float | None]


class Activation(Elementwise):
    """An activation function, with its derivative and its backward pass.

    Attributes
    ----------
    derivative : Slope
        f'(x), of the same parameters. Its own `derivative` is f''(x), where the record has one.
    backward : Backward or ParameterBackward
        grad * f'(x) in one pass, and 0 where f'(x) is 0. With ``from_output=True`` it takes the output instead of the
        input, where the function allows it. A function of more than one array returns a gradient for each, and ``wrt``
        names those that are asked for, of parameters too.
    pairwise : Pairwise
        Of radial functions: of points and centers, instead of numbers and one center.
    reference : function
        ``reference(m, x, *params)``: the function again for the tests, in the arithmetic of ``m`` (mpmath).
    numpy : function
        What a NumPy user would write: the benchmarks' baseline.
    kinks : function
        Of the parameters: where the derivative jumps, and from which side it takes its value there.
    max_ulp : float
        The worst error of the function itself, in units in the last place: enforced by the tests.
    facts : Facts
        Its range, whether it is monotone, its Lipschitz constant and so on.
    values, slopes, names
        What its record states of these, and what other frameworks call it: see `activation`.
    """

    derivative: Slope
    backward: Backward | ParameterBackward

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
        self.values: Bounds | None = record["values"]
        self.slopes: Bounds | None = record["slopes"]
        self.names: tuple[Any, ...] = record["names"]
        self.from_output: Callable[..., Any] | None = record["from_output"]

    @functools.cached_property
    def facts(self) -> Facts:
        """What is known of it with default parameters."""
        from fastrelu.facts import facts_of

        return facts_of(self)

    def __getattr__(self, name: str) -> Any:
        """Makes the derivative and the backward pass when the first of them is asked for: an import needs neither."""
        if name == "pairwise" and "center" in self.__dict__.get("params", ()):
            from fastrelu.pairwise import Pairwise

            return self.__dict__.setdefault(name, Pairwise(self))
        if name not in ("derivative", "backward"):
            raise AttributeError(f"{self.dotted_name} has no attribute {name!r}")
        for key, value in self._passes().items():
            self.__dict__.setdefault(key, value)  # another thread may have been first
        return self.__dict__[name]


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


def activation(
    *,
    derivative: Callable[..., Any],
    second: Callable[..., Any] | None = None,
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
    training: Callable[..., Any] | None = None,
    training_derivative: Callable[..., Any] | None = None,
    params: Mapping[str, str] | None = None,
    values: Bounds | None = None,
    slopes: Bounds | None = None,
    names: tuple[Any, ...] = (),
    paper: str = "",
) -> Callable[[Callable[..., Any]], Activation]:
    """Decorates a scalar formula: makes the activation and enters it in the registry.

    The formula is a function of scalars that keeps their dtype: arrays first, then scalar parameters with defaults.
    Its docstring says what it computes.

    Parameters
    ----------
    derivative : function
        The scalar formula of f'(x), with the same parameters.
    second : function
        The scalar formula of f''(x), with the same parameters, if there is one. Where f' has a kink, it takes the value from the
        same side as f'; where only f'' jumps, that from the left. 0 along a line.
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
        For further array operands, and for the parameters in which the function has a derivative: its formula, of the same
        parameters. At a kink it is the limit from the side from which the derivative takes its value.
    variants : dict
        For a keyword that selects another formula: its values and their activations; THIS stands for this one.
    training, training_derivative : function
        The formulas while a network is trained, where that is another function: of ``(x, u, *params)`` with a random number u
        from 0 up to 1.
    params : dict
        What each parameter means, for the docstring.
    values : tuple
        The infimum and the supremum of f with default parameters; None for an infinite one.
    slopes : tuple
        The same of the slope between two points: of f', where f does not jump.
    names : tuple
        What other frameworks call it, an entry a name and its defaults: the names, and the frameworks (those of
        ``fastrelu.translate.FRAMEWORKS``), both separated by spaces; where the defaults or the parameters differ from ours, a
        function as well, which takes the parameters there and returns ours.
    paper : str
        Where it comes from.
    """

    def decorate(formula: Callable[..., Any]) -> Activation:
        name, module = formula.__name__, formula.__module__
        signature = inspect.signature(formula)
        common: dict[str, Any] = {"module": module, "integers": integers, "cost": cost}
        record = {"reference": reference, "numpy": numpy, "kinks": kinks, "max_ulp": max_ulp}
        record |= {"values": values, "slopes": slopes, "names": names, "from_output": from_output}
        noisy = training is not None
        text = describe(name, formula.__doc__ or "", signature, params or {}, paper, variants or {}, integers, noisy)

        def make(kind: str, scalar: Callable[..., Any], options: Any, doc: str, made: Any = Elementwise, **settings: Any) -> Any:
            grad = inspect.Parameter("grad", inspect.Parameter.POSITIONAL_OR_KEYWORD)
            of_kind = signature.replace(parameters=[grad, *signature.parameters.values()])
            return made(scalar, name=f"{name}.{kind}", doc=doc, signature=of_kind, options=options, **{**common, **settings})

        def make_slope(
            kind: str, scalar: Callable[..., Any], doc: str, further: Callable[[], Slope] | None = None, **noise: Any
        ) -> Slope:
            settings: Any = {**common, "doc": doc, "signature": signature, "options": options_of(kind), "further": further}
            return Slope(scalar, name=f"{name}.{kind}", **settings, **noise)

        def in_training(kind: str, scalar: Callable[..., Any] | None, *first: str) -> dict[str, Elementwise]:
            """The function that a call with ``training=True`` reaches, as a setting of the one that is called."""
            if scalar is None:
                return {}
            parameters = list(inspect.signature(training or scalar).parameters.values())
            grad = [parameters[0].replace(name=key) for key in first]
            doc = f"{name}{kind} in training, with the random numbers given: an array `u` from 0 up to 1, beside `x`."
            of_kind = signature.replace(parameters=[*grad, *parameters])
            return {"training": Elementwise(scalar, name=f"{name}{kind}.training", doc=doc, signature=of_kind, **common)}

        def options_of(attribute: str) -> dict[str, dict[Any, Any]]:
            member = operator.attrgetter(attribute)
            return {
                option: {value: THIS if chosen is THIS else member(chosen) for value, chosen in choices.items()}
                for option, choices in (variants or {}).items()
            }

        def bend() -> Slope:
            assert second is not None
            return make_slope("derivative.derivative", second, text.second(second, kinks))

        def passes() -> dict[str, Any]:
            from fastrelu.gradients import Backward, ParameterBackward  # here: an import needs no backward pass

            noise = in_training(".derivative", training_derivative)
            slope = make_slope("derivative", derivative, text.derivative(kinks), bend if second else None, **noise)
            further = {
                key: functools.partial(make, "backward", times_slope(formula), {}, text.backward, integers=False)
                for key, formula in (gradients or {}).items()
            }
            arrays = [key for key in further if signature.parameters[key].default is inspect.Parameter.empty]
            settings = {"made": Backward, "further": {} if arrays else further}
            settings |= in_training(".backward", training_derivative and times_slope(training_derivative), "grad")
            by_output = from_output and make(
                "backward",
                times_slope(from_output),
                {},
                text.backward,
                Backward,
                further={},
                given=" where from_output=True",
                minimum=from_output_minimum or {},
            )
            options = {**options_of("backward"), "from_output": {False: THIS, True: by_output}}
            backward: Any = make("backward", times_slope(derivative), options, text.backward, **settings)
            if arrays:
                parts = {"x": backward, **{key: further.pop(key)() for key in arrays}}
                backward = ParameterBackward(parts, further, f"{name}.backward", module, text.backward)
            return {"derivative": slope, "backward": backward}

        noise = {**common, **in_training("", training)}
        result = Activation(formula, name=name, record=record, passes=passes, doc=text.function, options=variants, **noise)
        REGISTRY[name] = result
        return result

    return decorate


def times_slope(derivative: Callable[..., Any]) -> Callable[..., Any]:
    """The formula of a backward pass. A zero slope gives zero, so that an infinite gradient stays out of dead regions."""

    def backward(grad: Any, *operands: Any) -> Any:
        slope = derivative(*operands)
        return type(grad)(0) if slope == 0 else grad * slope

    return backward
