"""fastrelu beside other libraries on a GPU: python bench/gpu.py, then python bench/gpu.py --read build/gpu.json

Checks every result against float64, then measures with CUDA's events: medians of bursts, warm, over arrays that are not in the
cache. The device's copy of one array is the limit. Every number goes to a file with the machine, its driver and the versions.
"""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import Annotated

import typer
from compare import gpu_grid, gpu_measure, gpu_pages, grid
from compare.gpu_libraries import LIBRARIES
from compare.gpu_results import Results
from peers import chosen
from rich.console import Console
from rich.progress import track


def main(
    functions: Annotated[str, typer.Option(help="Names of functions.")] = ",".join(gpu_grid.NAMES),
    dtypes: Annotated[str, typer.Option(help="Dtypes.")] = ",".join(gpu_grid.DTYPES),
    sizes: Annotated[str, typer.Option(help="With K and M for 2**10 and 2**20.")] = ",".join(gpu_grid.SIZES),
    libraries: Annotated[str, typer.Option(help="Libraries.")] = ",".join(LIBRARIES),
    rounds: Annotated[int, typer.Option(help="Bursts of calls; their median counts.")] = 9,
    burst: Annotated[float, typer.Option(help="Seconds that a burst lasts.")] = 0.02,
    check_only: Annotated[bool, typer.Option("--check-only", help="Checks the results and measures nothing.")] = False,
    json_file: Annotated[Path, typer.Option("--json", help="Where every number goes.")] = Path("build/gpu.json"),
    read: Annotated[Path | None, typer.Option(help="Shows the file of an earlier run; needs no GPU.")] = None,
    markdown: Annotated[Path | None, typer.Option(help="Where the tables go, in place of the screen.")] = None,
    picture: Annotated[Path | None, typer.Option(help="Where a picture goes.")] = None,
) -> None:
    """Measures, writes every number to a file, and shows tables."""
    found = Results.read(read) if read else None
    if found is None:
        found = Results({}, {"rounds": rounds, "burst": burst, "check_only": check_only})
        cases = list(
            gpu_grid.cases(
                chosen("functions", functions, gpu_grid.NAMES),
                chosen("dtypes", dtypes, gpu_grid.DTYPES),
                [grid.count(size) for size in sizes.split(",")],
            )
        )
        names = chosen("libraries", libraries, LIBRARIES)
        try:
            found.machine = gpu_measure.about(gpu_measure.device())
        except gpu_measure.NoDevice as error:
            typer.echo(str(error), err=True)
            raise typer.Exit(1) from None
        measure(found, cases, names, json_file)
    text = gpu_pages.page(found)
    if markdown:
        markdown.write_text(text)
    else:
        typer.echo(text)
    if picture:
        gpu_pages.picture(found, picture)


def measure(found: Results, cases: list[grid.Case], names: list[str], file: Path) -> None:
    """Every library in all cases; writes the file whenever a size is done."""
    console = Console(stderr=True)
    there = gpu_measure.present(names, found.missing)
    for library, reason in found.missing.items():
        console.print(f"{library} is left out: {reason}")
    if not found.settings["check_only"]:
        found.overhead = {name: gpu_measure.overhead(library) for name, library in there.items()}
    groups = [list(group) for _, group in groupby(cases, key=lambda case: (case.dtype, case.size))]
    for group in track(groups, console=console, transient=True):
        for name, library in there.items():
            gpu_measure.measure(library, name, group, found)
        found.write(file)


if __name__ == "__main__":
    typer.run(main)
