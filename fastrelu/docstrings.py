"""The numpydoc docstrings of the public functions, put together from what each record says once."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from fastrelu.parameters import REQUIRED

if TYPE_CHECKING:
    from fastrelu.activation import activation

Entries = dict[str, str]  # the entry of each parameter by its name, in the order of the section

_OUT: Entries = {"out": "ndarray, optional\n    Where to write the result: of its shape and dtype; may be an input."}
_WHERE: Entries = {
    "where": """\
array_like of bool, optional
    Only these elements are computed; the others keep what is in `out`, or are 0 without `out`."""
}
_DEVICE: Entries = {
    "device": """\
str, optional
    "cuda" or "cuda:1" copies the arrays to that device first, and the result stays there; "cpu" is where they are."""
}
_TRAINING: Entries = {
    "training": """\
bool, default False
    Whether to draw random numbers: one for each element, by its place in C order and the seed, the same ones whatever the
    memory layout, the number of threads and the device. The arrays then have one shape. Not in compiled code.""",
    "seed": """\
int, optional
    From 0 to 2**64 - 1, needed where training; not used otherwise. Take another one in every step, and for the backward pass that
    of the forward pass.""",
}
_WRT = """\
str or tuple of str, default {default!r}
    With respect to what: `x`, a further array, or the name of a parameter, whose gradient is a sum. A tuple of names gives a
    tuple of gradients, and `out` is then a tuple too."""
_FROM_OUTPUT = "bool, default False\n    Whether `x` is the function's output instead of its input{valid}."
_BROADCAST = "Of the broadcast shape of the operands."
_GRADIENT = "Of the broadcast shape of `grad` and `x`; what is summed for a parameter or a further array, of the shape of that."
_RAISES = """\
Raises
------
TypeError
    Complex, object, string or datetime input; an unknown or non-scalar parameter; `out` of another dtype{types}.
ValueError
    {shapes}; `out` of another shape; {values}.
"""
_MASK_TYPE = "; a `where` that is not made of bools"
_JUMPS = """\
Where the first derivative has a kink, this one takes its value from the same side; where only this one jumps, from the left.
"""
SIDES = {"left": "the value from the left", "right": "the value from the right", "middle": "the mean of both sides"}
_FLOATS = "bfloat16, float16, float32 and float64 are kept; integers become what ``numpy.exp`` makes of them."
_INTEGERS = "The dtype of `x`: floats and integers are kept, bool counts as int8."


class Descriptions:
    """The texts of an activation and of what belongs to it.

    Parameters
    ----------
    name, summary
        The function's name, and its formula's docstring.
    parameters
        Those of the formula: their defaults by their names.
    record
        What says the rest.
    """

    def __init__(self, name: str, summary: str, parameters: Mapping[str, Any], record: activation) -> None:
        self.name, self.summary, self.record = name, inspect.cleandoc(summary), record
        self.arrays = [key for key, default in parameters.items() if default is REQUIRED]
        self.defaults = [default for default in parameters.values() if default is not REQUIRED]
        self.dtypes = _INTEGERS if record.integers else _FLOATS
        self.operands: Entries = {}
        for key, default in parameters.items():
            kind = "array_like" if default is REQUIRED else f"float, default {default!r}"
            self.operands[key] = f"{kind}\n    {record.params.get(key, 'Real numbers of any shape.')}"
        for key, choices in record.variants.items():
            self.operands[key] = f"{{{', '.join(map(repr, choices))}}}\n    {record.params.get(key, 'Which formula.')}"
        self.training = _TRAINING if record.training else {}

    def function(self) -> str:
        """The function's own."""
        source = f"\nReferences\n----------\n{self.record.paper}\n" if self.record.paper else ""
        return self._text(self.summary, self.operands | self.training, _BROADCAST, source)

    def derivative(self) -> str:
        """The first derivative's, with its formula and its convention at the kinks."""
        return self._slope("The derivative", self.record.derivative, "", self.training)

    def second(self, formula: Callable[..., Any]) -> str:
        """The second derivative's; only the first can be noisy."""
        return self._slope("The second derivative", formula, _JUMPS, {})

    def backward(self) -> str:
        """The backward pass's."""
        entries: Entries = {"grad": "array_like\n    The gradient with respect to the output; broadcasts with `x`."}
        entries |= self.operands | self.training
        if len(self.arrays) == 1:  # the output alone does not tell several apart
            valid = "" if self.record.from_output else ", which is not valid for this function"
            entries["from_output"] = _FROM_OUTPUT.format(valid=valid)
        entries["wrt"] = _WRT.format(default="x" if len(self.arrays) == 1 else tuple(self.arrays))
        start = f"The backward pass of {self.name}: grad * f'(x), and 0 where f'(x) is 0."
        values = "; an unknown name in `wrt`; `from_output=True` where that is not valid"
        return self._text(start, entries, _GRADIENT, result="ndarray, scalar, or a tuple of them", values=values)

    def _slope(self, start: str, formula: Callable[..., Any], jumps: str, training: Entries) -> str:
        told = filter(None, (inspect.getdoc(formula) or "A formula.", f"{jumps}{self._convention()}".rstrip()))
        notes = "\nNotes\n-----\n" + "\n\n".join(told) + "\n"
        return self._text(f"{start} of {self.name}, elementwise.", self.operands | training, _BROADCAST, notes)

    def _convention(self) -> str:
        convention = "; ".join(f"at x = {point:g} {SIDES[side]}" for point, side in self.record.kinks(*self.defaults).items())
        return f"With default parameters: {convention}.\n" if convention else ""

    def _text(
        self, start: str, entries: Entries, shape: str, end: str = "", result: str = "ndarray or scalar", values: str = ""
    ) -> str:
        types = _MASK_TYPE
        if "seed" in entries:
            types += "; training without a `seed`"
            values += "; a `seed` out of its range"
        values = f"a parameter out of its range{values}"
        raises = _RAISES.format(shapes="Shapes that do not broadcast", types=types, values=values)
        return _page(start, entries | _OUT | _WHERE | _DEVICE, f"{result}\n    {shape} {self.dtypes}", raises, end)


def _page(start: str, entries: Entries, result: str, raises: str, end: str) -> str:
    listed = "".join(f"{key} : {entry}\n" for key, entry in entries.items())
    returns = f"Returns\n-------\n{result}\n"
    return f"{start}\n\nParameters\n----------\n{listed}\n{returns}\n{raises}{end}"


def describe_fold(name: str, summary: str, pooled: bool, masked: float | None, integers: bool, paper: str) -> tuple[str, str]:
    """The docstrings of a function along an axis and of its backward pass."""
    groups: Entries = (
        {"pool_size": "int\n    How many neighbours form a group; divides the length of the axis."} if pooled else {}
    )
    axes = (
        "int, default -1\n    Along which axis."
        if pooled
        else "int, tuple of int or None, default -1\n    Along which; None: all."
    )
    groups |= {"axis": axes}
    out: Entries = {"out": "ndarray, optional\n    Where to write the result: of its shape and dtype."}
    mask, backward_mask = (
        {
            "where": "array_like of bool, optional\n    Only these elements take part;"
            f" the others become {number:g}, and every NaN among them is ignored."
        }
        if masked is not None
        else {}
        for number in (masked, 0.0)
    )
    x: Entries = {"x": "array_like\n    Real numbers."}
    grad: Entries = {"grad": "array_like\n    The gradient with respect to the output."}
    given: Entries = x if pooled else {"y": "array_like\n    The output."}
    dtypes = _INTEGERS if integers else _FLOATS
    cut = ", the axis cut to one element a group" if pooled else ""
    source = f"\nReferences\n----------\n{paper}\n" if paper else ""
    start = f"The backward pass of {name}, from its {'input' if pooled else 'output'}."
    key = "x" if pooled else "y"
    one, two = "No axis at all", f"`grad` and `{key}` of shapes that do not match"
    values = "an axis or a parameter out of its range"
    raises = _RAISES.format(shapes=one, types=_MASK_TYPE if mask else "; a mask", values=values)
    backward_raises = _RAISES.format(shapes=two, types=_MASK_TYPE if mask else "; a mask", values=values)
    kind, entries = "ndarray or scalar\n    ", x | groups | out | mask | _DEVICE
    backward_entries = grad | given | groups | out | backward_mask | _DEVICE
    return (
        _page(inspect.cleandoc(summary), entries, f"{kind}Of the shape of `x`{cut}. {dtypes}", raises, source),
        _page(start, backward_entries, f"{kind}Of the shape of `{key}`. {dtypes}", backward_raises, ""),
    )
