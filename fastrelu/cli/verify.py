"""fastrelu verify: the accuracy of functions over all inputs of a type, against a reference of its own."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

import fastrelu
from fastrelu import accuracy, pool
from fastrelu.activation import Activation
from fastrelu.cli.common import console, find, one_sentence, progress, refuse
from fastrelu.proof import cards
from fastrelu.proof.formats import FORMATS, Format
from fastrelu.proof.sweep import BLOCKS

RANDOM = 10_000_000  # of the 2^64 inputs of float64
WRITTEN_AGAIN = "float16, bfloat16, float32 or float64, several with commas, or all"


def verify(
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="Which functions.")] = None,
    dtype: Annotated[str, typer.Option(metavar="NAME", help=f"For {WRITTEN_AGAIN}.")] = "float32",
    everything: Annotated[bool, typer.Option("--all", help="All functions whose cards are missing, stale, or smaller.")] = False,
    sample: Annotated[int, typer.Option(help="About so many inputs of float32 and float64; 0 for all, or 10 million.")] = 0,
    threads: Annotated[int, typer.Option(help="How many; by default all that fastrelu may use.")] = 0,
    folder: Annotated[Path, typer.Option("--cards", help="Where the cards are written.")] = accuracy.FOLDER,
) -> None:
    """Compares functions and their derivatives with exact results, prints the worst inputs, and writes the accuracy cards.

    A sweep that is stopped goes on where it was, block by block.
    """
    if sample < 0 or threads < 0:
        refuse("--sample and --threads must not be negative")
    chosen = [function(name) for name in names or ()] or (activations() if everything else [])
    if not chosen:
        refuse("verify takes names of functions, or --all")
    table = Table("function", "dtype", "of", "max ULP", "worst input", "inputs", "", box=None, pad_edge=False)
    columns = TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn()
    doubtful = False
    with one_sentence(), progress(*columns) as bar:
        for one, form, count in jobs(chosen, formats(dtype), sample, everything, folder):
            task = bar.add_task(f"{one.dotted_name} {form.name}", total=BLOCKS)
            try:
                measured = cards.measure(one, form, count, threads or pool.allowed(), partial(shown, bar, task))
            except cards.Doubtful as doubt:
                typer.echo(f"fastrelu: {doubt}", err=True)
                doubtful = True
            else:
                if not keeps(accuracy.read(one, folder), form, measured):
                    cards.write(one.dotted_name, form.name, measured, folder)
                for row in accuracy.Accuracy(one.dotted_name, {form.name: measured}).rows():
                    table.add_row(one.dotted_name, *row)
            bar.remove_task(task)
    console().print(table)
    if doubtful:
        raise typer.Exit(1)


def jobs(
    chosen: list[Any], forms: list[Format], sample: int, everything: bool, folder: Path
) -> Iterator[tuple[Any, Format, int]]:
    """What to measure, and of how many inputs; of all functions those whose cards do not have it."""
    for one in chosen:
        for form in forms:
            count = sample if form.bits == 32 else 0 if form.bits == 16 else sample or RANDOM
            if not everything or not enough(accuracy.read(one, folder), form, count):
                yield one, form, count


def shown(bar: Progress, task: Any, done: int) -> None:
    """Moves a bar."""
    bar.update(task, completed=done)


def activations() -> list[Any]:
    """All functions with a derivative, in the order of the registry."""
    return [function for function in fastrelu.registry.values() if isinstance(function, Activation)]


def function(name: str) -> Any:
    """An activation by its name."""
    found = find(name)
    if found not in activations():
        refuse(f"verify takes elementwise functions, which it measures with their derivatives, got {name!r}")
    return found


def formats(text: str) -> list[Format]:
    """The types by their names."""
    names = list(FORMATS) if text == "all" else list(dict.fromkeys(text.split(",")))
    for name in names:
        if name not in FORMATS:
            refuse(f"--dtype takes {WRITTEN_AGAIN}, got {name!r}")
    return [FORMATS[name] for name in names]


def enough(card: accuracy.Accuracy, form: Format, count: int) -> bool:
    """Whether a card has what is asked for."""
    found = card.get(form.name, {}).values()
    large = all(one.complete or 0 < count <= 1.1 * (one.checked + one.unresolved) for one in found)
    return bool(found) and large and not any(one.stale for one in found)


def keeps(card: accuracy.Accuracy, form: Format, measured: dict[str, accuracy.Measured]) -> bool:
    """Whether the card knows more than a smaller sample that was taken now."""
    found = card.get(form.name, {})
    larger = any(one.checked + one.unresolved > 1.1 * measured[kind].checked for kind, one in found.items())
    return larger and not any(one.stale for one in found.values())
