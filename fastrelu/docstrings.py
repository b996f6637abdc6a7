"""The numpydoc docstrings of the public functions, put together from what each record says once."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from fastrelu.parameters import REQUIRED

if TYPE_CHECKING:
    from fastrelu.activation import activation

_COMMON = """\
out : ndarray, optional
    Where to write the result: of its shape and dtype; may be an input.
where : array_like of bool, optional
    Only these elements are computed; the others keep what is in `out`, or are 0 without `out`.
"""
_TRAINING = """\
training : bool, default False
    Whether to draw random numbers: one for each element, by its place in C order and the seed, the same ones whatever the
    memory layout, the number of threads and the device. The arrays then have one shape. Not in compiled code.
seed : int
    From 0 to 2**64 - 1, needed where training; not used otherwise. Take another one in every step, and for the backward pass that
    of the forward pass.
"""
_WRT = """\
wrt : str or tuple of str, optional
    With respect to what: `x`, or the name of a parameter, whose gradient is a sum. A tuple of names gives a tuple of
    gradients, and `out` is then a tuple too.
"""
_RESULT = """\
Returns
-------
ndarray or scalar
    Of the broadcast shape of the operands{axes}. {dtypes}
"""
_RAISES = """\
Raises
------
TypeError
    Complex, object, string or datetime input; an unknown or non-scalar parameter; `out` of another dtype.
ValueError
    Shapes that do not broadcast; `out` of another shape; a parameter out of its range.
"""
_JUMPS = """\
Where the first derivative has a kink, this one takes its value from the same side; where only this one jumps, from the left.
"""
_FLOATS = "float16, float32 and float64 are kept; integers become what ``numpy.exp`` makes of them."
_INTEGERS = "The dtype of `x`: floats and integers are kept, bool counts as int8."


class Descriptions(NamedTuple):
    """The texts for one activation."""

    function: str
    backward: str
    slope_start: str
    second_start: str
    parameters: str

    def derivative(self, kinks: Callable[..., Mapping[float, str]]) -> str:
        """The derivative's text, with its convention at the kinks."""
        convention = _convention(kinks)
        note = f"\nNotes\n-----\n{convention}" if convention else ""
        return f"{self.slope_start}\n\n{self.parameters}\n{_RAISES}{note}"

    def second(self, formula: Callable[..., Any], kinks: Callable[..., Mapping[float, str]]) -> str:
        """The second derivative's text, with its formula and its convention at the kinks."""
        note = f"\nNotes\n-----\n{inspect.getdoc(formula) or 'A formula.'}\n\n{_JUMPS}{_convention(kinks)}"
        parameters = self.parameters.replace(_TRAINING, "")  # only the first derivative can be noisy
        return f"{self.second_start}\n\n{parameters}\n{_RAISES}{note}"


def _convention(kinks: Callable[..., Mapping[float, str]]) -> str:
    points = kinks(*_defaults(kinks)) if kinks.__defaults__ else kinks()
    sides = {"left": "the value from the left", "right": "the value from the right", "middle": "the mean of both sides"}
    convention = "; ".join(f"at x = {point:g} {sides[side]}" for point, side in points.items())
    return f"With default parameters: {convention}.\n" if convention else ""


def _defaults(function: Callable[..., Any]) -> tuple[Any, ...]:
    return function.__defaults__ or ()


def describe(name: str, summary: str, parameters: Mapping[str, Any], record: activation) -> Descriptions:
    """The docstrings of an activation, its derivative and its backward pass."""
    operands = []
    for key, default in parameters.items():
        kind = "array_like" if default is REQUIRED else f"float, default {default:g}"
        operands.append(f"{key} : {kind}\n    {record.params.get(key, 'Real numbers of any shape.')}\n")
    for key, choices in record.variants.items():
        operands.append(f"{key} : {{{', '.join(map(repr, choices))}}}\n    {record.params.get(key, 'Which formula.')}\n")
    operands += [_TRAINING] if record.training else []
    result = _RESULT.format(axes="", dtypes=_INTEGERS if record.integers else _FLOATS)
    listed = f"Parameters\n----------\n{''.join(operands)}{_COMMON}\n{result}"
    source = f"\nReferences\n----------\n{record.paper}\n" if record.paper else ""
    first = inspect.cleandoc(summary)
    grad = "grad : array_like\n    The gradient with respect to the output; broadcasts with `x`.\n"
    from_output = "from_output : bool, default False\n    Whether `x` is the function's output instead of its input.\n"
    if list(parameters.values()).count(REQUIRED) > 1:  # the output alone does not tell x apart
        from_output = ""
    backward = listed.replace("----------\n", f"----------\n{grad}", 1).replace("out : ", f"{from_output}{_WRT}out : ", 1)
    return Descriptions(
        function=f"{first}\n\n{listed}\n{_RAISES}{source}",
        backward=f"The backward pass of {name}: grad * f'(x), and 0 where f'(x) is 0.\n\n{backward}\n{_RAISES}",
        slope_start=f"The derivative of {name}, elementwise: the slope of {first.splitlines()[0]}",
        second_start=f"The second derivative of {name}, elementwise: how the slope changes of {first.splitlines()[0]}",
        parameters=listed,
    )


def describe_fold(name: str, summary: str, pooled: bool, masked: float | None, integers: bool, paper: str) -> Descriptions:
    """The docstrings of a function along an axis and of its backward pass."""
    first = inspect.cleandoc(summary)
    pool = "pool_size : int\n    How many neighbours form a group; divides the length of the axis.\n" if pooled else ""
    mask = (
        "where : array_like of bool, optional\n    Only these elements take part;"
        f" the others become {masked:g}, and every NaN among them is ignored.\n"
        if masked is not None
        else ""
    )
    axis = "axis : int, default -1\n    Along which axis.\n"
    out = _COMMON.partition("where")[0].replace("; may be an input", "")
    dtypes = _INTEGERS if integers else _FLOATS
    result = _RESULT.format(axes=", the axis cut to one element a group" if pooled else "", dtypes=dtypes)
    tail = f"{pool}{axis}{out}{mask}"
    raises = _RAISES.replace("a parameter out of its range", "an axis or a parameter out of its range")
    source = f"\nReferences\n----------\n{paper}\n" if paper else ""
    operand = "x : array_like\n    Real numbers.\n"
    operands = "grad : array_like\n    The gradient with respect to the output.\n" + (
        operand if pooled else "y : array_like\n    The output.\n"
    )
    backward_result = _RESULT.format(axes="", dtypes=dtypes)
    return Descriptions(
        function=f"{first}\n\nParameters\n----------\n{operand}{tail}\n{result}\n{raises}{source}",
        backward=(
            f"The backward pass of {name}, from its {'input' if pooled else 'output'}.\n\nParameters\n----------\n"
            f"{operands}{pool}{axis}{out}\n{backward_result}\n{raises}"
        ),
        slope_start="",
        second_start="",
        parameters="",
    )
