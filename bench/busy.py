"""How long calls take while another process keeps a processor busy: python bench/busy.py

A parallel call waits for its slowest thread. The serial kernel of the same function shows what the machine itself costs.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import quantiles
from typing import Annotated

import typer
from compare.grid import FORWARD, Case, count, processors, short
from compare.libraries import OURS
from compare.machine import machine
from compare.processes import Worker
from compare.tables import duration, screen, verdict
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

SERIAL = "serial"
CALLERS = (OURS, SERIAL, "torch")
TARGET = 2.0  # fastrelu's 99th percentile over the serial kernel's
PORTIONS = 5  # in which the calls are made, the callers in turn


@contextlib.contextmanager
def busy(number: int) -> Iterator[None]:
    """So many processes that compute without a pause."""
    started = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(number)]
    try:
        yield
    finally:
        for process in started:
            process.kill()
            process.wait()


def percentiles(times: list[float]) -> tuple[float, float]:
    """The 50th and the 99th."""
    cuts = quantiles(times, n=100, method="inclusive")
    return cuts[49], cuts[98]


def main(
    sizes: Annotated[str, typer.Option(help="Numbers of elements.")] = "16K,64K,256K,1M,8M",
    functions: Annotated[str, typer.Option(help="Names of functions.")] = "relu,sigmoid,gelu",
    dtype: Annotated[str, typer.Option(help="Of the arrays.")] = "float32",
    calls: Annotated[int, typer.Option(help="Of each function at each size.")] = 1000,
    processes: Annotated[int, typer.Option(help="How many are busy.")] = 1,
    json_file: Annotated[Path | None, typer.Option("--json", help="Where every time goes.")] = None,
) -> None:
    """Measures single calls into an array, and compares the slowest of a hundred."""
    threads = len(processors())
    cases = [
        Case(function, FORWARD, dtype, size, out=True, threads=threads)
        for function in functions.split(",")
        for size in map(count, sizes.split(","))
    ]
    times: dict[Case, dict[str, list[float]]] = {}
    errors: dict[str, str] = {}
    with contextlib.ExitStack() as stack:
        workers = [stack.enter_context(Worker(library, threads)) for library in CALLERS]
        errors.update({worker.library: worker.missing for worker in workers if worker.missing})
        workers = [worker for worker in workers if not worker.missing]
        progress = stack.enter_context(Progress(console=Console(stderr=True), transient=True))
        for worker in workers:  # compiled before the clock runs
            for case in cases:
                worker.ask(case, calls=1)
        stack.enter_context(busy(processes))
        for case in progress.track(cases):
            row = times[case] = {worker.library: [] for worker in workers}
            for _ in range(PORTIONS):
                for worker in workers:
                    answer = worker.ask(case, calls=-(-calls // PORTIONS))
                    row[worker.library] += answer.get("value") or []
                    if "error" in answer:
                        errors[worker.library] = answer["error"]
    show(times, processes)
    for library, message in errors.items():
        print(f"{library}: {message}")
    about = machine(tuple(CALLERS))
    print(", ".join(f"{key} {value}" for key, value in about.items()))
    if json_file:
        found = [{"function": case.function, "size": case.size, "seconds": row} for case, row in times.items()]
        json_file.write_text(json.dumps({"machine": about, "busy": processes, "dtype": dtype, "cases": found}))


def show(times: dict[Case, dict[str, list[float]]], processes: int) -> None:
    """The percentiles of each caller, and fastrelu's over the serial kernel's."""
    table = Table(title=f"p50 and p99 of a call, {processes} busy process{'es' * (processes != 1)}", box=None)
    for heading in ("function", "size", *CALLERS, "p99 / serial p99", ""):
        table.add_column(heading, justify="left" if heading == "function" else "right", no_wrap=True)
    missed = 0
    for case, row in times.items():
        found = {library: percentiles(measured) for library, measured in row.items() if len(measured) > 1}
        cells = [" ".join(map(duration, found[library])) if library in found else "" for library in CALLERS]
        ratio = found[OURS][1] / found[SERIAL][1] if {OURS, SERIAL} <= found.keys() else None
        missed += ratio is not None and ratio > TARGET
        end = ("", "") if ratio is None else (f"{ratio:.2f}", verdict(ratio <= TARGET))
        table.add_row(case.function, short(case.size), *cells, *end)
    screen().print(table)
    print(f"target: at most {TARGET} times the serial kernel's p99; {missed} missed")


if __name__ == "__main__":
    typer.run(main)
