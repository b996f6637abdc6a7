"""The accuracy of a function as `fastrelu verify` has measured it: the cards that come with the package."""

from __future__ import annotations

import ast
import functools
import hashlib
import inspect
import json
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np

from fastrelu.text import aligned

FOLDER = Path(__file__).parent / "cards"


@dataclass(frozen=True)
class Measured:
    """What a sweep over the inputs of one dtype has found.

    Attributes
    ----------
    max_ulp
        The greatest distance from the exact result, in units of its last place, rounded up.
    worst_input
        Where it is.
    checked
        How many inputs were compared.
    complete
        Whether those are all inputs of the type; else they are a sample.
    by_mpmath
        For so many of them the quick reference was not good enough, and mpmath was asked.
    unresolved
        So many more were left out, because mpmath would have taken too long.
    reference_checked
        At so many inputs the quick reference itself was compared with mpmath.
    step
        One bit pattern in so many was taken; 0 for a random sample.
    formula
        The version of the formula that was measured.
    stale
        Whether the formula is another one now.
    """

    max_ulp: float
    worst_input: float
    checked: int
    complete: bool
    by_mpmath: int
    unresolved: int
    reference_checked: int
    formula: str
    step: int = 1
    stale: bool = False


class Accuracy(dict[str, dict[str, Measured]]):
    """By dtype and by "forward" or "derivative": what `fastrelu verify` has found; it prints as a table.

    Attributes
    ----------
    name : str
        Of the function.
    """

    def __init__(self, name: str, entries: Mapping[str, Mapping[str, Measured]]) -> None:
        super().__init__({dtype: dict(kinds) for dtype, kinds in entries.items()})
        self.name = name

    def rows(self) -> list[tuple[str, ...]]:
        """For tables: dtype, kind, max ULP, worst input, inputs checked, remarks."""
        return [
            (dtype, kind, f"{found.max_ulp:.4g}", repr(found.worst_input), f"{found.checked:,}", remarks(found))
            for dtype, kinds in self.items()
            for kind, found in kinds.items()
        ]

    def __repr__(self) -> str:
        head = ("dtype", "of", "max ULP", "worst input", "inputs", "")
        title = f"accuracy of {self.name}"
        return f"{title}\n{aligned([head, *self.rows()])}" if self else f"{title}: not measured"


def remarks(found: Measured) -> str:
    """What a reader has to know of a figure."""
    sample = f"one bit pattern in {found.step:,}" if found.step > 1 else "a sample"
    said = ["all inputs" if found.complete else sample]
    if found.unresolved:
        said.append(f"{found.unresolved:,} left out")
    if found.stale:
        said.append("stale: the formula has changed")
    return "; ".join(said)


def card_path(name: str, folder: Path = FOLDER) -> Path:
    """Where the card of a function lies."""
    return folder / f"{name}.json"


def versions(function: Any) -> dict[str, str]:
    """Of the formulas of a function and of its derivative."""
    return {"forward": version(function.formula), "derivative": version(function.derivative.formula)}


def read(function: Any, folder: Path = FOLDER) -> Accuracy:
    """The card of an activation; an empty one if there is none."""
    name = function.dotted_name
    try:
        content = json.loads(card_path(name, folder).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Accuracy(name, {})
    now = versions(function)
    return Accuracy(
        name,
        {
            dtype: {kind: Measured(**found, stale=found["formula"] != now[kind]) for kind, found in kinds.items()}
            for dtype, kinds in content.items()
        },
    )


@functools.cache
def version(formula: Callable[..., Any]) -> str:
    """A digest of a formula, of all functions of ours that it reaches, and of their constants.

    It is made of their sources without comments and docstrings, so that it is the same on every Python and on every machine.
    """
    digest = hashlib.blake2b(digest_size=8)
    seen: set[int] = set()

    def add(value: Any) -> None:
        if isinstance(value, FunctionType):
            if id(value) not in seen and value.__module__ != "fastrelu.vecmath.primitives":
                seen.add(id(value))
                add_function(value)
        elif isinstance(value, np.ndarray):
            digest.update(value.tobytes())
        elif isinstance(getattr(value, "formula", None), FunctionType):  # another activation
            add(value.formula)
        elif isinstance(value, (bool, int, float, str, tuple, np.generic)):
            digest.update(repr(value).encode())

    def add_function(function: FunctionType) -> None:
        digest.update(source(function).encode())
        for cell in function.__closure__ or ():
            add(cell.cell_contents)
        known = function.__globals__
        names = sorted(names_in(function.__code__))
        scopes = [known, *(vars(known[name]) for name in names if isinstance(known.get(name), ModuleType))]
        for name in names:
            for scope in scopes:
                if name in scope:
                    add(scope[name])

    add(formula)
    return digest.hexdigest()


def names_in(code: CodeType) -> set[str]:
    """The global names and attributes that a function uses."""
    return set(code.co_names).union(*(names_in(item) for item in code.co_consts if isinstance(item, CodeType)))


def source(function: FunctionType) -> str:
    """The source of a function without its decorators, its docstring and comments."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, SyntaxError):  # a lambda within an expression, or no file
        return function.__code__.co_code.hex()
    definition = tree.body[0]
    if isinstance(definition, ast.FunctionDef):
        definition.decorator_list = []
        if ast.get_docstring(definition) is not None:
            definition.body = definition.body[1:] or [ast.Pass()]
    return ast.unparse(definition)
