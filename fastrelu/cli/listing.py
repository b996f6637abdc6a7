"""fastrelu list: what there is."""

from __future__ import annotations

import inspect

from rich.table import Table

import fastrelu
from fastrelu.cli.common import console


def list_functions() -> None:
    """Lists every function with its parameters."""
    table = Table("function", "what it computes", box=None, pad_edge=False)
    for name, function in fastrelu.registry.items():
        shown = [
            parameter.replace(annotation=inspect.Parameter.empty)
            for key, parameter in inspect.signature(function).parameters.items()
            if key not in ("out", "where")
        ]
        arguments = str(inspect.Signature(shown))
        table.add_row(name + arguments, (function.__doc__ or "").partition("\n")[0])
    console().print(table)
