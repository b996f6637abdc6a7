"""fastrelu list: what there is."""

from __future__ import annotations

import inspect
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

import fastrelu
from fastrelu.cli.common import console, one_sentence, refuse
from fastrelu.elementwise import COMMON
from fastrelu.table import cell, row_of
from fastrelu.translate import ALIASES, FRAMEWORKS, Translated, entries


def list_functions(
    name: Annotated[str | None, typer.Argument(help="One function, by its name here or in another framework.")] = None,
    framework: Annotated[
        str | None, typer.Option(help=f"Where it has that name; alone, what is there: {', '.join(FRAMEWORKS)}.")
    ] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the catalogue as a page of Markdown.")] = False,
) -> None:
    """Lists every function with its parameters, or all that is known of one."""
    if markdown and (name is not None or framework is not None):
        refuse("--markdown prints the whole catalogue, and takes neither a name nor a framework")
    if framework is not None and framework not in {**FRAMEWORKS, **ALIASES}:
        refuse(f"--framework must be one of {', '.join(FRAMEWORKS)}, got {framework!r}")
    if markdown:
        typer.echo(fastrelu.catalogue().markdown(), nl=False)
    elif name is not None:
        show(name, framework)
    else:
        console().print(everything() if framework is None else there(ALIASES.get(framework, framework)))


def everything() -> Table:
    """All functions."""
    table = Table("function", "what it computes", "range", "monotone", box=None, pad_edge=False)
    for row in fastrelu.catalogue():
        call = row["name"] + arguments(fastrelu.registry[row["name"]])
        table.add_row(*map(Text, (call, row["formula"], cell("range", row["range"]), cell("monotone", row["monotone"]))))
    return table


def there(framework: str) -> Table:
    """The functions of a framework with its names, its parameters and their defaults there."""
    table = Table(f"function of {FRAMEWORKS[framework]}", "here", "what it computes", box=None, pad_edge=False)
    for entry in entries():
        if entry.framework == framework:
            call = str(entry) if entry.translation else entry.name + arguments(entry.function)
            table.add_row(*map(Text, (call, entry.function.dotted_name, row_of(entry.function)["formula"])))
    return table


def arguments(function: Any) -> str:
    """Its parameters, in parentheses."""
    shown = [
        parameter.replace(annotation=inspect.Parameter.empty)
        for key, parameter in inspect.signature(function).parameters.items()
        if key not in COMMON
    ]
    return str(inspect.Signature(shown))


def show(name: str, framework: str | None) -> None:
    """Prints all that is known of one function."""
    with one_sentence():
        found = fastrelu.get(name, framework)
    function = found.function if isinstance(found, Translated) else found
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True, style="bold")
    table.add_column(overflow="fold")
    row = row_of(function)
    peers = row.pop("peers")
    for key, value in row.items():
        table.add_row(key.replace("_", " "), Text(cell(key, value)))
    for place, (peer, names) in enumerate(peers.items()):
        table.add_row("" if place else "peers", Text(f"{FRAMEWORKS[peer]}: {names}"))
    console().print(table)
    if function is not found:
        typer.echo(f"\n{FRAMEWORKS[found.entry.framework]} has it as {found.entry}.")
