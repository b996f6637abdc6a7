"""The catalogue: a row for each function, made from the registry."""

from __future__ import annotations

import dataclasses
from typing import Any

from fastrelu.activation import REGISTRY
from fastrelu.text import aligned, markdown
from fastrelu.translate import FRAMEWORKS, defaults, entries

PRINTED = ("name", "class", "range", "monotone", "lipschitz", "kinks", "parameters")
IN_DOCS = ("name", "class", "formula", "range", "monotone", "lipschitz", "saturating", "kinks", "parameters", "peers")
INTRODUCTION = """\
# Catalogue

Every function, and what is known of it with default parameters; the tests verify that numerically. A ridge function is one of
x, a radial one of the distance abs(x - center), a fold one along an axis. The last column has the names of other frameworks, with
their parameters and defaults where these differ from ours: `fr.get` understands them.

`fr.catalogue()` gives this and more as a list of dicts, which `pandas.DataFrame` takes as it is. `fastrelu list NAME` shows all
that is known of one function.

"""


class Catalogue(list[dict[str, Any]]):
    """A list of dicts, one for each function, that prints as a table."""

    def __repr__(self) -> str:
        return aligned([PRINTED, *([cell(key, row[key]) for key in PRINTED] for row in self)])

    def markdown(self) -> str:
        """The page of the documentation."""
        return INTRODUCTION + markdown([IN_DOCS, *([cell(key, row[key]) for key in IN_DOCS] for row in self)])


def catalogue() -> Catalogue:
    """Everything that fastrelu has by name, as a list of dicts; ``pandas.DataFrame`` takes it as it is.

    Returns
    -------
    Catalogue
        For each function: its name; its class, "ridge", "radial" or "fold"; its formula; the fields of ``fastrelu.facts.Facts``,
        with default parameters; its parameters with their defaults; and what other frameworks call it.
    """
    return Catalogue(row_of(function) for _, function in sorted(REGISTRY.items()))


def row_of(function: Any) -> dict[str, Any]:
    """The row of one function."""
    peers: dict[str, str] = {}
    for entry in sorted(entries([function]), key=lambda entry: list(FRAMEWORKS).index(entry.framework)):
        peers[entry.framework] = ", ".join(filter(None, (peers.get(entry.framework), str(entry))))
    return {
        "name": function.dotted_name,
        "class": class_of(function),
        "formula": (function.__doc__ or "").partition("\n")[0],
        **dataclasses.asdict(function.facts),
        "parameters": defaults(function),
        "peers": peers,
    }


def class_of(function: Any) -> str:
    """Whether it folds an axis, or is a function of the distance from its parameter `center`, or neither."""
    return "fold" if not hasattr(function, "derivative") else "radial" if "center" in function.params else "ridge"


def cell(key: str, value: Any) -> str:
    """A value of a row as it is printed."""
    if value is None:
        return ""
    if key == "range":
        return " to ".join(map(_number, value))
    if key == "kinks":
        return ", ".join(map(_number, value))
    if key == "parameters":
        return ", ".join(f"{name}={_number(default)}" for name, default in value.items())
    if key == "peers":
        by_name: dict[str, list[str]] = {}
        for framework, name in value.items():
            by_name.setdefault(name, []).append(framework)
        return "; ".join(f"{', '.join(frameworks)}: {name}" for name, frameworks in by_name.items())
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else _number(value)


def _number(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
