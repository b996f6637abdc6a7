"""fastrelu beside NumPy, SciPy, PyTorch, JAX and numexpr: python bench/peers.py

Each library computes in a process of its own, one at a time, in turn, in several rounds; a figure is the median over rounds.
A library that is not installed is left out; a cell is empty where a library has no such function, dtype or out=.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
import typer
from compare import first_call, grid, tables
from compare.functions import FUNCTIONS
from compare.grid import ITEMSIZE, LARGE, Case
from compare.libraries import LIBRARIES, LIMITS, OURS, PEERS
from compare.machine import available_bytes, machine
from compare.processes import Worker
from compare.results import Cell, Results
from rich.console import Console
from rich.progress import Progress

PAUSE = 0.005  # seconds after a turn, in which the threads of OpenMP stop to spin
ARRAYS_AT_ONCE = 5  # operands, outputs and temporary arrays of a process


class Preset(NamedTuple):
    """Settings that --quick changes."""

    sizes: str
    dtypes: str
    rounds: int
    turn: float


FULL = Preset(",".join(grid.SIZES), ",".join(ITEMSIZE), 5, 0.01)
QUICK = Preset("16,64K,1M", "float32,bfloat16", 3, 0.003)


def main(
    sizes: Annotated[str | None, typer.Option(help=f"With K and M for 2**10 and 2**20; {FULL.sizes} by default.")] = None,
    dtypes: Annotated[str | None, typer.Option(help=f"{FULL.dtypes} by default.")] = None,
    functions: Annotated[str, typer.Option(help="Names of functions.")] = ",".join(FUNCTIONS),
    peers: Annotated[str, typer.Option(help="Libraries.")] = ",".join(PEERS),
    threads: Annotated[str | None, typer.Option(help="Numbers of threads; all processors and one by default.")] = None,
    rounds: Annotated[int | None, typer.Option(help=f"Turns of each library; {FULL.rounds} by default.")] = None,
    turn: Annotated[float | None, typer.Option(help=f"Seconds of samples in a turn; {FULL.turn} by default.")] = None,
    floor: Annotated[float, typer.Option(help="Seconds that a sample lasts at least: short calls are repeated.")] = 0.002,
    quick: Annotated[bool, typer.Option("--quick", help="Two to three minutes: other defaults.")] = False,
    json_file: Annotated[Path, typer.Option("--json", help="Where every number goes.")] = Path("build/peers.json"),
    read: Annotated[Path | None, typer.Option(help="Shows the file of an earlier run; measures nothing.")] = None,
) -> None:
    """Measures, writes every number to a file, and shows tables and the targets."""
    console = tables.screen()
    if read:
        tables.show(console, Results.read(read))
        return
    preset = QUICK if quick else FULL
    names = chosen("functions", functions, FUNCTIONS)
    found = Results(
        machine(tuple(LIBRARIES)),
        {
            "sizes": [grid.count(size) for size in (sizes or preset.sizes).split(",")],
            "dtypes": chosen("dtypes", dtypes or preset.dtypes, ITEMSIZE),
            "functions": names,
            "peers": chosen("peers", peers, PEERS),
            "threads": [int(number) for number in (threads or f"{len(grid.processors())},1").split(",")],
            "rounds": rounds or preset.rounds,
            "floor": floor,
            "turn": turn or preset.turn,
        },
    )
    if OURS in found.settings["peers"]:
        found.first_call = first_call.measure(names, found.settings["rounds"])
    if max(found.settings["sizes"]) >= LARGE:
        touch(available_bytes() // 2)
    with Progress(console=Console(stderr=True), transient=True) as progress:
        for number in dict.fromkeys(found.settings["threads"]):
            measure(found, number, json_file, progress)
    tables.show(console, found)


def chosen(option: str, text: str, known: Iterable[str]) -> list[str]:
    """The names in an option, which must be known."""
    names = [name.strip() for name in text.split(",")]
    unknown = [name for name in names if name not in known]
    if unknown:
        raise typer.BadParameter(f"{unknown[0]!r} is none of {', '.join(known)}", param_hint=f"--{option}")
    return names


def touch(size: int) -> None:
    """Writes to so many bytes: a virtual machine's host may hand out memory only then, at the cost of who comes first."""
    np.ones(size, np.uint8)


def measure(found: Results, threads: int, file: Path, progress: Progress) -> None:
    """All cases at so many threads; writes the file whenever a size is done."""
    settings = found.settings
    grid_of_cases = list(grid.cases(settings["functions"], settings["sizes"], settings["dtypes"], threads))
    task = progress.add_task("", total=len(grid_of_cases))
    with contextlib.ExitStack() as stack:
        limits = LIMITS if max(settings["sizes"]) >= LARGE else ()
        workers = [stack.enter_context(Worker(library, threads)) for library in (*settings["peers"], *limits)]
        for worker in workers:
            if worker.missing:
                progress.console.print(f"{worker.library} is left out: {worker.missing}")
        workers = [worker for worker in workers if not worker.missing]
        for (dtype, size), group in groupby(grid_of_cases, lambda case: (case.dtype, case.size)):
            keep = ARRAYS_AT_ONCE * len(workers) * size * ITEMSIZE[dtype] < available_bytes() / 2
            for case in group:
                progress.update(task, description=case.title, advance=1)
                suitable = [worker for worker in workers if size >= LARGE or worker.library not in LIMITS]
                found.cells[case] = take_turns(suitable, case, settings, keep)
            for worker in workers:
                worker.forget()
            found.write(file)


def take_turns(workers: Sequence[Worker], case: Case, settings: dict[str, Any], keep: bool) -> dict[str, Cell]:
    """The cells of one case: each library in turn, another one first in each round."""
    cells = {worker.library: Cell() for worker in workers}
    active = list(workers)
    for _ in range(settings["rounds"]):
        for worker in list(active):
            cell = cells[worker.library]
            answer = worker.ask(case, floor=settings["floor"], turn=settings["turn"], keep=keep)
            time.sleep(PAUSE)
            cell.error = answer.get("error", "")
            if answer.get("value") is None:
                active.remove(worker)
            else:
                cell.rounds.append(answer["value"])
                cell.gives = answer["gives"] if answer["gives"] != case.dtype else ""
        active = active[1:] + active[:1]
    return {library: cell for library, cell in cells.items() if cell.rounds or cell.error}


if __name__ == "__main__":
    typer.run(main)
