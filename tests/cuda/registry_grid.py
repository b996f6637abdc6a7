"""What the CUDA tests run over: every elementwise function of the registry, each with the options that change its formula."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import fastrelu as fr


def forms(function: Any) -> Iterator[tuple[Any, dict[str, Any]]]:
    """The function as it is called with each of its options."""
    yield function, {}
    for option, choices in function.options.items():
        yield from ((function, {option: value}) for value, chosen in choices.items() if chosen not in (None, function))


def chosen(function: Any, options: dict[str, Any]) -> Any:
    """The function that such a call reaches."""
    for option, value in options.items():
        function = function.options[option][value]
    return function


def cases(records: Any = fr.registry, marks: Any = ()) -> Iterator[Any]:
    """Forward, derivative and backward of each record, as parameters of a test: (function, options)."""
    for name, record in records.items():
        if not isinstance(record, fr.Elementwise):
            continue
        parts = getattr(record.backward, "parts", {"": record.backward})
        named = {name: record, f"{name}.derivative": record.derivative}
        named |= {f"{name}.backward{key and f'[{key}]'}": part for key, part in parts.items()}
        for label, function in named.items():
            for _, options in forms(function):
                told = ",".join(f"{key}={value}" for key, value in options.items())
                yield pytest.param(function, options, id=f"{label}({told})", marks=marks)
