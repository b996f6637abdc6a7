"""fastrelu bench: every function on this machine, beside the plain NumPy that a user would write."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import platform
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import numba
import numpy as np
import typer
from rich.console import Console
from rich.table import Table

import fastrelu
from fastrelu import pool
from fastrelu.cli.common import console, find, one_sentence, progress, refuse
from fastrelu.cli.measure import DTYPES, SIZES, Case, compare, worst_ulp
from fastrelu.machine import processor_name

# As many as a minute allows, with those that are compiled for the first time.
COMMON = "relu,leaky_relu,prelu,relu6,elu,selu,sigmoid,tanh,softplus,silu,mish,gelu,hardswish,softsign,softmax,log_softmax,maxout"
ALL = "all"


def bench(
    functions: Annotated[str, typer.Option(help="Names, separated by commas; 'all' takes several minutes.")] = COMMON,
    sizes: Annotated[str, typer.Option(help="How many elements.")] = ",".join(map(str, SIZES)),
    seconds: Annotated[float, typer.Option(help="About how long to measure.", min=0, max=86_400)] = 40,
    json_file: Annotated[Path | None, typer.Option("--json", help="Where to write every number.")] = None,
) -> None:
    """Compares functions with the plain NumPy expression: speed and largest error."""
    names = list(fastrelu.registry) if functions == ALL else functions.split(",")
    chosen = [find(name) for name in names]
    if not all(hasattr(function, "numpy") for function in chosen):
        refuse("bench takes functions, not derivatives: NumPy has no expression for those")
    if not all(size.strip().isdecimal() and int(size) for size in sizes.split(",")):
        refuse(f"--sizes takes positive integers, separated by commas, got {sizes!r}")
    if json_file and not json_file.parent.is_dir():
        refuse(f"--json needs a folder that exists, got {json_file}")
    with one_sentence():
        cases, errors = measure(chosen, sorted({int(size) for size in sizes.split(",")}), seconds)
        show(console(), cases, errors)
        if json_file:
            json_file.write_text(json.dumps(as_json(cases, errors), indent=1))


def measure(functions: Iterable[Any], sizes: list[int], seconds: float) -> tuple[list[Case], dict[tuple[str, str], Any]]:
    """All cases, within about so many seconds: what one does not use, the next may."""
    grid = [(dtype, function, size) for dtype in DTYPES for function in functions for size in sizes]
    cases, errors = [], {}
    end = time.perf_counter() + seconds
    with progress() as bar:
        task = bar.add_task("", total=len(grid))
        for done, (dtype, function, size) in enumerate(grid):
            name = function.dotted_name
            bar.update(task, completed=done, description=f"{name} {dtype}")
            if (name, dtype) not in errors:
                errors[name, dtype] = worst_ulp(function, dtype)
            cases.append(compare(function, size, dtype, (end - time.perf_counter()) / (len(grid) - done)))
    return cases, errors


def machine() -> dict[str, Any]:
    """What the numbers were measured on."""
    return {
        "processor": processor_name(),
        "cores": os.cpu_count(),
        "threads": pool.allowed(),
        "system": platform.system(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "numba": numba.__version__,
        "fastrelu": fastrelu.__version__,
    }


def as_json(cases: list[Case], errors: dict[tuple[str, str], Any]) -> dict[str, Any]:
    """Everything measured; times in seconds, errors in units in the last place, null where NumPy gave inf or NaN."""
    return {
        "machine": machine(),
        "cases": [{**dataclasses.asdict(case), "speedup": case.speedup} for case in cases],
        "max_ulp": [
            {"function": name, "dtype": dtype, **{who: ulp if math.isfinite(ulp) else None for who, ulp in found.items()}}
            for (name, dtype), found in errors.items()
        ],
    }


def show(screen: Console, cases: list[Case], errors: dict[tuple[str, str], Any]) -> None:
    """One table for each dtype, one row for each function."""
    screen.print(", ".join(f"{key} {value}" for key, value in machine().items()), style="dim")
    sizes = list(dict.fromkeys(case.size for case in cases))
    for dtype in DTYPES:
        table = Table(title=f"{dtype}: time of a call, and NumPy's time divided by it", title_justify="left", box=None)
        table.add_column("function")
        for size in sizes:
            table.add_column(f"{size:,}".replace(",", " "), justify="right")
        for heading in ("GB/s", "max ULP", "NumPy's"):
            table.add_column(heading, justify="right")
        for (name, kind), ulp in errors.items():
            mine = {case.size: case for case in cases if (case.function, case.dtype) == (name, kind)}
            if kind == dtype:
                cells = [cell(mine[size]) if size in mine else "" for size in sizes]
                speed = f"{max(mine.values(), key=lambda case: case.size).gigabytes_per_second:.1f}"
                table.add_row(name, *cells, speed, *(f"{ulp[who]:.2g}" for who in ("fastrelu", "numpy")))
        screen.print(table)
    screen.print(
        "GB/s: read and written, at the largest size. max ULP: largest error against mpmath, in units in the last place."
    )


def cell(case: Case) -> str:
    """A time and a speed-up."""
    color = "green" if case.speedup >= 1 else "red"
    return f"{duration(case.fastrelu)} [{color}]{case.speedup:4.1f}x[/]"


def duration(seconds: float) -> str:
    """Three digits and a unit."""
    for unit, scale in (("ns", 1e-9), ("us", 1e-6), ("ms", 1e-3)):
        if seconds < 999.5 * scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds:.3g} s"
