"""Activation: an Elementwise that knows its derivative; the decorator that makes one from a formula; the registry."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from fastrelu.docstrings import Descriptions
from fastrelu.elementwise import Elementwise
from fastrelu.kernels.elementwise import MAX_OPERANDS
from fastrelu.parameters import REQUIRED, made_once, parameters_of
from fastrelu.thresholds import Cost
from fastrelu.training import in_training

if TYPE_CHECKING:
    from fastrelu.accuracy import Accuracy
    from fastrelu.facts import Facts
    from fastrelu.gradients import Backward, ParameterBackward
    from fastrelu.passes import Slope

Side = Literal["left", "right", "middle"]
REGISTRY: dict[str, Any] = {}  # every activation and fold by its name, in the order of definition
# what the functions take beside the parameters
RESERVED = {"out", "where", "device", "grad", "wrt", "from_output", "training", "seed"}
Bounds = tuple[float | None, float | None]
Formula = Callable[..., Any]


class activation(NamedTuple):
    """Decorates a scalar formula: makes the activation and enters it in the registry.

    The formula is a function of scalars that keeps their dtype: arrays first, then scalar parameters with defaults, at most six
    together. Its docstring says what it computes.

    Parameters
    ----------
    derivative : function
        The scalar formula of f'(x), with the same parameters.
    second : function, optional
        The scalar formula of f''(x), with the same parameters, if there is one. Where f' has a kink, it takes the value from the
        same side as f'; where only f'' jumps, that from the left. 0 along a line.
    reference : function
        ``reference(m, x, *params)`` in the arithmetic of ``m``, which is mpmath: independent of the formula.
    numpy : function
        The plain NumPy expression of a user.
    kinks : function, optional
        Of the parameters: a dict from each point where the derivative jumps to the side whose value it takes there, where
        "middle" is the mean of both.
    max_ulp : float
        The worst error allowed, forward.
    cost : Cost, optional
        Which crossover sizes apply.
    integers : bool, optional
        Whether integers stay integers.
    from_output : function, optional
        The formula of f'(x) from y = f(x), where that is possible.
    from_output_minimum : dict, optional
        The least value of a parameter for which that is possible.
    gradients : dict, optional
        For further array operands, and for the parameters in which the function has a derivative: its formula, of the same
        parameters. At a kink it is the limit from the side from which the derivative takes its value.
    variants : dict, optional
        For a keyword that selects another formula: its values and their activations; THIS stands for this one.
    training, training_derivative : function, optional
        The formulas while a network is trained, where that is another function: of ``(x, u, *params)`` with a random number u
        from 0 up to 1.
    params : dict, optional
        What each parameter means, for the docstring.
    values : tuple, optional
        The infimum and the supremum of f with default parameters; None for an infinite one.
    slopes : tuple, optional
        The same of the slope between two points: of f', where f does not jump.
    names : tuple, optional
        What other frameworks call it, an entry a name and its defaults: the names, and the frameworks (those of
        ``fastrelu.translate.FRAMEWORKS``), both separated by spaces; where the defaults or the parameters differ from ours, a
        function as well, which takes the parameters there and returns ours; and perhaps one that refuses arrays which mean
        something else there.
    paper : str, optional
        Where it comes from.

    Raises
    ------
    TypeError, ValueError
        When the formula is decorated: a default that is not a number; too many parameters, none, or one with the name of a
        keyword; the name of a function of fastrelu's own.
    """

    derivative: Formula
    reference: Formula
    numpy: Formula
    max_ulp: float
    second: Formula | None = None
    kinks: Callable[..., Mapping[float, Side]] = lambda *_params: {}
    cost: Cost = Cost.LIGHT
    integers: bool = False
    from_output: Formula | None = None
    from_output_minimum: Mapping[str, float] = {}
    gradients: Mapping[str, Formula] = {}
    variants: Mapping[str, Mapping[Any, Any]] = {}
    training: Formula | None = None
    training_derivative: Formula | None = None
    params: Mapping[str, str] = {}
    values: Bounds | None = None
    slopes: Bounds | None = None
    names: tuple[Any, ...] = ()
    paper: str = ""

    def __call__(self, formula: Formula) -> Activation:
        formula = getattr(formula, "py_func", formula)  # of a function that numba.njit has compiled
        check_name(formula)
        result = REGISTRY[formula.__name__] = Activation(formula, self)
        return result


def check_parameters(name: str, parameters: Mapping[str, Any], most: int) -> None:
    """Refuses those of a formula that a function cannot have.

    Raises
    ------
    TypeError, ValueError
        A default that is not a number; too many of them, or no array; the name of a keyword.
    """
    if not 1 <= len(parameters) <= most or REQUIRED not in parameters.values():
        raise ValueError(f"{name}: a formula must have an array, and at most {most} parameters with it, got {len(parameters)}")
    for key, default in parameters.items():
        if key in RESERVED:
            raise ValueError(f"{name}: a parameter must not be called {key}, which is a keyword of every function")
        if default is not REQUIRED and not isinstance(default, (int, float)):
            raise TypeError(f"{name}: the default of {key} must be a number, got {type(default).__name__}")


def check_name(formula: Formula) -> None:
    """Refuses the name of a function of fastrelu's own.

    Raises
    ------
    ValueError
        If it has that name.
    """
    known = REGISTRY.get(formula.__name__)
    if known is not None and known.__module__.startswith("fastrelu.") and not formula.__module__.startswith("fastrelu."):
        raise ValueError(f"{formula.__name__}: a function must have another name than those of fastrelu")


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
    accuracy : Accuracy
        Its card: the worst errors that were measured, their inputs, and how many inputs were checked.
    facts : Facts
        Its range, whether it is monotone, its Lipschitz constant and so on.
    values, slopes, names
        What its record states of these, and what other frameworks call it: see `activation`.
    """

    derivative: Slope
    backward: Backward | ParameterBackward

    def __init__(self, formula: Formula, record: activation) -> None:
        name, module, parameters = formula.__name__, formula.__module__, parameters_of(formula)
        most = MAX_OPERANDS - (3 if record.training else 2)  # a backward pass takes grad too, and there is the output
        check_parameters(name, parameters, most)
        self.record = record
        self.reference, self.numpy, self.kinks, self.max_ulp = record.reference, record.numpy, record.kinks, record.max_ulp
        self.values, self.slopes, self.names, self.from_output = record.values, record.slopes, record.names, record.from_output
        super().__init__(
            formula,
            name=name,
            module=module,
            parameters=parameters,
            doc=Descriptions(name, formula.__doc__ or "", parameters, record).function(),
            options=record.variants,
            integers=record.integers,
            cost=record.cost,
            training=record.training and in_training(formula, "", record.training, record.integers, record.cost),
        )

    @made_once
    def accuracy(self) -> Accuracy:
        """What `fastrelu verify` has measured: by dtype and by "forward" or "derivative"."""
        from fastrelu.accuracy import read

        return read(self)

    @made_once
    def facts(self) -> Facts:
        """What is known of it with default parameters."""
        from fastrelu.facts import facts_of

        return facts_of(self)

    def __getattr__(self, name: str) -> Any:
        """Makes the derivative and the backward pass when they are asked for."""
        if name == "pairwise" and "center" in self.__dict__.get("params", ()):
            from fastrelu.pairwise import Pairwise

            return self.__dict__.setdefault(name, Pairwise(self))
        if name not in ("derivative", "backward"):
            raise AttributeError(f"{self.dotted_name} has no attribute {name!r}")
        from fastrelu import passes  # here: an import needs neither

        made = passes.derivative(self) if name == "derivative" else passes.backward(self)
        return self.__dict__.setdefault(name, made)  # another thread may have been first
