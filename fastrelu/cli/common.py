"""What the commands share: one-sentence refusals, files, functions by name, parameters from text."""

from __future__ import annotations

import ast
import contextlib
import difflib
from collections.abc import Iterator
from typing import Any, NoReturn

import typer
from rich.console import Console
from rich.progress import Progress, ProgressColumn

import fastrelu

WIDTH = 100  # of tables where the output is not a terminal


def console() -> Console:
    """Where a command prints its tables."""
    found = Console()
    return found if found.is_terminal else Console(width=WIDTH)


def progress(*columns: ProgressColumn) -> Progress:
    """A progress bar on the terminal, beside what the command prints, which may go into a file or a pipe."""
    chosen, terminal = columns or Progress.get_default_columns(), Console(stderr=True)
    return Progress(*chosen, console=terminal, transient=True, disable=not terminal.is_terminal)


def refuse(sentence: str) -> NoReturn:
    """Ends the program with one sentence on stderr."""
    typer.echo(f"fastrelu: {sentence}", err=True)
    raise typer.Exit(1)


@contextlib.contextmanager
def one_sentence() -> Iterator[None]:
    """Turns the errors that a user's input causes into one sentence each."""
    try:
        yield
    except (OSError, TypeError, ValueError, ImportError, MemoryError) as error:
        refuse(" ".join(str(error).split()) or "there is not enough memory")


def find(name: str) -> Any:
    """A function by its name, or its derivative as in ``relu.derivative``."""
    first, dot, attribute = name.partition(".")
    if first not in fastrelu.registry:
        close = difflib.get_close_matches(first, fastrelu.registry)
        refuse(f"there is no function {first!r}; " + (f"did you mean {' or '.join(close)}?" if close else "see fastrelu list"))
    function = fastrelu.registry[first]
    if not dot:
        return function
    if attribute != "derivative" or not hasattr(function, attribute):
        refuse(f"{name!r} is neither a function nor NAME.derivative")
    return function.derivative


def value_of(text: str) -> Any:
    """A number, also one that Python cannot write; or what else Python can; or a word."""
    for parse in (ast.literal_eval, float):
        with contextlib.suppress(SyntaxError, ValueError):
            return parse(text)
    return text


def parse_settings(settings: list[str]) -> dict[str, Any]:
    """``["alpha=0.5", "approximate=tanh"]`` as keywords."""
    result: dict[str, Any] = {}
    for setting in settings:
        key, equals, text = setting.partition("=")
        if not equals:
            refuse(f"--set takes NAME=VALUE, got {setting!r}")
        result[key] = value_of(text)
    return result
