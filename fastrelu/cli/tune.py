"""fastrelu tune: measures the crossover sizes of this machine, and stores them for every later process."""

from __future__ import annotations

import datetime
from typing import Annotated

import typer
from rich.table import Table

import fastrelu
from fastrelu import pool, tuned
from fastrelu.cli import crossovers
from fastrelu.cli.common import console, one_sentence, progress, refuse
from fastrelu.files import replacing
from fastrelu.machine import this_machine
from fastrelu.memory import physical_memory
from fastrelu.thresholds import NEVER, Thresholds, derived

SHARE_OF_RAM = 4  # at most a quarter of it


def tune(
    seconds: Annotated[float, typer.Option(help="About how long to measure.", min=0, max=86_400)] = 40,
    memory: Annotated[int, typer.Option(metavar="MB", help="At most so much memory, and a quarter of all.", min=1)] = 2048,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Prints the sizes without storing them.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Stores them even if the threads gained nothing.")] = False,
    reset: Annotated[bool, typer.Option("--reset", help="Deletes the stored sizes, and measures nothing.")] = False,
) -> None:
    """Measures from which sizes on threads and streaming stores pay on this machine, for processes that start later."""
    path = tuned.file()
    with one_sentence():
        if reset:
            found = path.exists()
            path.unlink(missing_ok=True)
            typer.echo(f"deleted {path}" if found else f"there is no {path}")
            return
        machine, threads = this_machine(), pool.allowed()
        with progress() as bar:
            task = bar.add_task("", total=1)
            measured = crossovers.measure(
                machine, seconds, most_bytes(memory), lambda done, what: bar.update(task, completed=done, description=what)
            )
        thresholds = measured.thresholds(derived(machine))
        show(thresholds, derived(machine))
        for reason in measured.missing:
            typer.echo(f"The default stays: {reason}", err=True)
        if not measured.quiet and not (dry_run or force):
            refuse(f"not stored: {BUSY}")
        if not measured.quiet:
            typer.echo(f"Doubtful: {BUSY}", err=True)
        if not dry_run:
            date = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
            path.parent.mkdir(parents=True, exist_ok=True)
            with replacing(path) as temporary:
                temporary.write_text(tuned.as_text(thresholds, machine, fastrelu.__version__, threads, date), encoding="utf-8")
            typer.echo(f"wrote {path}: new processes use it")


BUSY = "the threads gained nothing even for large arrays, so other programs have the cores; run it again when they are quiet"


def most_bytes(megabytes: int) -> int:
    """How much memory measuring may take."""
    return min(megabytes << 20, physical_memory() // SHARE_OF_RAM)


def show(thresholds: Thresholds, default: Thresholds) -> None:
    """One row for each size."""
    table = Table("bytes of output", "measured", "default", box=None, pad_edge=False)
    defaults = tuned.sizes_of(default)
    for name, size in tuned.sizes_of(thresholds).items():
        table.add_row(label(name), amount(size), amount(defaults[name]))
    console().print(table)


def label(name: str) -> str:
    """A threshold for readers."""
    return "streaming stores from" if name == tuned.STREAMING else f"threads from, {name} functions"


def amount(size: int) -> str:
    """Bytes in the largest unit that they fill."""
    if size >= NEVER:
        return "never"
    for unit, scale in (("GB", 1 << 30), ("MB", 1 << 20), ("KB", 1 << 10)):
        if size >= scale:
            return f"{size / scale:.4g} {unit}"
    return f"{size} bytes"
