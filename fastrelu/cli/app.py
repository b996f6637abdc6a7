"""The commands, put together."""

from __future__ import annotations

import typer

from fastrelu.cli import apply, bench, info, listing, plot, tune, verify

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Neural-network activation functions for NumPy arrays.")
for command in (bench.bench, apply.apply, plot.plot, tune.tune, info.info, verify.verify):
    app.command()(command)
app.command("list")(listing.list_functions)
