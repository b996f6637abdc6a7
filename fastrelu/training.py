"""What functions that are noisy while a network is trained become there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastrelu.elementwise import Elementwise
from fastrelu.parameters import REQUIRED, parameters_of
from fastrelu.thresholds import Cost


def in_training(
    formula: Callable[..., Any], kind: str, noisy: Callable[..., Any], integers: bool, cost: Cost, *first: str
) -> Elementwise:
    """What a call with ``training=True`` reaches, of a function or what belongs to it.

    Parameters
    ----------
    formula, kind
        The function's own, and which of its parts this is: "", ".derivative" or ".backward".
    noisy
        The formula with random numbers, of ``(*first, x, u, *params)``.
    integers, cost
        As of the function.
    first
        The operands before x.
    """
    parameters = parameters_of(formula)
    arrays = [key for key, default in parameters.items() if default is REQUIRED]
    scalars = {key: default for key, default in parameters.items() if default is not REQUIRED}
    name = f"{formula.__name__}{kind}"
    return Elementwise(
        noisy,
        name=f"{name}.training",
        module=formula.__module__,
        doc=f"{name} in training, with the random numbers given: an array `u` from 0 up to 1, beside `x`.",
        parameters=dict.fromkeys((*first, *arrays, "u"), REQUIRED) | scalars,
        integers=integers,
        cost=cost,
    )
