"""The results on a screen."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from itertools import groupby

from rich.console import Console
from rich.table import Table

from fastrelu.cli.bench import duration

from .grid import Case, short
from .libraries import LIBRARIES, OURS
from .results import Results
from .targets import FIRST_CALL, FURTHER_CALL, verdicts

WIDTH = 190  # columns, where the output does not go to a screen
WORST = 3  # cases that a missed target names


def screen() -> Console:
    """Where tables go."""
    return Console(width=None if sys.stdout.isatty() else WIDTH)


def show(console: Console, results: Results) -> None:
    """Every table, every remark and the summary."""
    for (dtype, threads), group in groupby(results.cells, lambda case: (case.dtype, case.threads)):
        chosen = list(group)
        for out in (False, True):
            title = f"{dtype}, {threads} thread{'s' * (threads > 1)}, {'out=' if out else 'fresh output'}"
            console.print(times(results, title, [case for case in chosen if case.out == out]))
    messages: dict[tuple[str, str], list[Case]] = {}
    for library, case, message in results.remarks():
        messages.setdefault((library, message), []).append(case)
    for (library, message), failed in messages.items():
        console.print(f"{library}, cases: {len(failed)}, as {failed[0].title}: ", end="")
        console.print(message, markup=False)
    first_calls(console, results)
    console.print(summary(results))
    console.print(", ".join(f"{key} {value}" for key, value in results.machine.items()), style="dim")


def times(results: Results, title: str, chosen: Sequence[Case]) -> Table:
    """The time of each library's call, and that divided by fastrelu's."""
    table = Table(title=f"{title}: time of a call, and fastrelu's speed-up", title_justify="left", box=None)
    libraries = [library for library in LIBRARIES if any(library in results.cells[case] for case in chosen)]
    for heading in ("function", "size", *libraries, "GB/s"):
        table.add_column(heading, justify="left" if heading == "function" else "right", no_wrap=True)
    for case in chosen:
        ours = results.seconds(case, OURS)
        speed = f"{case.bytes / ours / 1e9:.1f}" if ours else ""
        table.add_row(case.call, short(case.size), *(cell(results, case, library) for library in libraries), speed)
    return table


def cell(results: Results, case: Case, library: str) -> str:
    """A time and a speed-up."""
    found = results.cells[case].get(library)
    if found is None:
        return ""
    seconds, speedup = found.seconds, results.speedup(case, library)
    if seconds is None:
        return "[red]error[/]"
    if library == OURS or speedup is None:
        return duration(seconds)
    return f"{duration(seconds)} [{'green' if speedup >= 1 else 'red'}]{speedup:5.2f}x[/]"


def first_calls(console: Console, results: Results) -> None:
    """The first call after the import, and that of each further function."""
    if results.first_call:
        imported, first, *further = results.first_call.values()
        each = ", ".join(f"{name} {duration(seconds)}" for name, seconds in results.first_call.items())
        console.print(f"first calls, from a warm disk cache: {each}")
        rest = max(further, default=0.0)
        console.print(
            f"{verdict(first <= FIRST_CALL)} first call {duration(first)}, at most {duration(FIRST_CALL)} "
            f"(the import before it {duration(imported)})\n"
            f"{verdict(rest <= FURTHER_CALL)} further function at worst {duration(rest)}, at most {duration(FURTHER_CALL)}"
        )


def summary(results: Results) -> Table:
    """The targets."""
    table = Table(title="Targets: fastrelu's speed-up", title_justify="left", box=None)
    for heading in ("", "target", "beside", "wanted", "reached", "mean", "worst"):
        table.add_column(heading, justify="right" if heading in ("wanted", "reached", "mean") else "left")
    for each in verdicts(results):
        target = each.target
        title = f"{target.title}, {', '.join(target.dtypes)}"
        wanted = f"{target.each:.2f}" + (f", mean {target.mean:.2f}" if target.mean else "")
        rivals = " or ".join(target.rivals)
        if not each.speedups:
            table.add_row("[dim]none[/]", title, rivals, wanted)
            continue
        reached = f"{len(each.speedups) - len(each.missed)} of {len(each.speedups)}"
        worst = each.missed[:WORST] or [min(each.speedups, key=each.speedups.__getitem__)]
        named = "; ".join(f"{each.speedups[case]:.2f} {case.title}" for case in worst)
        table.add_row(verdict(each.passed), title, rivals, wanted, reached, f"{each.mean:.2f}", named)
    return table


def verdict(passed: bool) -> str:
    """In colour."""
    return "[green]pass[/]" if passed else "[red]MISS[/]"
