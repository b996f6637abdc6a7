"""fastrelu plot: a picture of a function."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fastrelu.cli.common import find, one_sentence, parse_settings, refuse

MOST_POINTS = 100_000


def plot(
    name: Annotated[str, typer.Argument(help="A function, as fastrelu list names it.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The picture: .png, .svg, .pdf ...")],
    limits: Annotated[tuple[float, float], typer.Option("--range", help="From which to which input.")] = (-5, 10),
    derivative: Annotated[bool, typer.Option("--derivative", help="Draw the derivative too.")] = False,
    points: Annotated[bool, typer.Option("--points", help="Compute the integers of the range only, and mark them.")] = False,
    settings: Annotated[list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="A parameter.")] = None,
) -> None:
    """Draws a function, and its derivative, to a file."""
    function, named = find(name), parse_settings(settings or [])
    with one_sentence():
        import matplotlib as mpl

        mpl.use("agg")
        from matplotlib import pyplot

        from fastrelu import plot as pictures

        if not output.suffix:
            refuse(f"{output} must have the ending of a kind of picture, such as .png or .svg")
        if points and derivative:
            refuse("--points marks the function alone: leave out --derivative")
        if points and not abs(limits[1] - limits[0]) <= MOST_POINTS:
            refuse(f"--points draws every integer of the range, which must be at most {MOST_POINTS} wide")
        if points:
            pictures.points(function, list(range(round(limits[0]), round(limits[1]) + 1)), **named)
        else:
            pictures.curve(function, limits, derivative, **named)
        pyplot.savefig(output, dpi=150)
    typer.echo(f"wrote {output}")
