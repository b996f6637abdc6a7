"""Calling a scalar formula from generated code."""

from __future__ import annotations

from typing import Any

from numba import types


def resolve(context: Any, formula: Any, compute: Any, count: int) -> Any:
    """The signature of a formula for count arguments of one type: compiles it."""
    return context.resolve_function_type(formula, (compute,) * count, {})


def emit(target: Any, builder: Any, formula: Any, signature: Any, values: list[Any], compute: Any) -> Any:
    """The call of a resolved formula; its result has the type that it computes in."""
    function = target.get_function(formula, signature)
    target.add_linking_libs(getattr(function, "libs", ()))
    if signature.args and isinstance(signature.args[-1], types.BaseTuple):  # a formula of (grad, *operands)
        fixed = len(signature.args) - 1
        values = [*values[:fixed], target.make_tuple(builder, signature.args[-1], values[fixed:])]
    return target.cast(builder, function(builder, values), signature.return_type, compute)
