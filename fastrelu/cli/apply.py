"""fastrelu apply: a function over an array on disk that may be larger than memory."""

from __future__ import annotations

import math
import os
import shutil
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from fastrelu.cli.common import find, one_sentence, parse_settings, progress, refuse
from fastrelu.files import replacing
from fastrelu.fold import Fold

BLOCK_BYTES = 1 << 24


def apply(
    name: Annotated[str, typer.Argument(help="A function, as fastrelu list names it, or its derivative: relu.derivative.")],
    source: Annotated[Path, typer.Argument(metavar="IN.npy")],
    target: Annotated[Path, typer.Argument(metavar="OUT.npy")],
    settings: Annotated[list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="A parameter.")] = None,
) -> None:
    """Computes a function of the array in IN.npy and writes it to OUT.npy, block by block."""
    function, named = find(name), parse_settings(settings or [])
    with one_sentence():
        if target.exists() and os.path.samefile(source, target):
            refuse(f"{source} and {target} are the same file")
        try:
            values = np.lib.format.open_memmap(source, "r")
        except ValueError as error:
            refuse(f"{source} must hold an array of numbers in the .npy format: {error}")
        if "training" in named:
            refuse("apply computes block by block, and cannot draw random numbers for training")
        compute = along_axis if isinstance(function, Fold) else elementwise
        with replacing(target) as temporary:
            compute(function, np.asarray(values), temporary, named)
    typer.echo(f"wrote {target}")


def elementwise(function: Any, values: Any, path: Path, named: dict[str, Any]) -> None:
    """Any layout is one long row: blocks of it in the order in which it lies on disk."""
    dtype = function(np.empty(0, values.dtype), **named).dtype
    order: Any = "F" if values.flags.fnc else "C"
    results = create(path, dtype, values.shape, order == "F")
    flat, flat_results = values.reshape(-1, order=order), results.reshape(-1, order=order)
    length = BLOCK_BYTES // values.itemsize
    with progress() as bar:
        for start in bar.track(range(0, flat.size, length), description=function.dotted_name):
            block = slice(start, start + length)
            function(flat[block], out=flat_results[block], **named)


def along_axis(function: Any, values: Any, path: Path, named: dict[str, Any]) -> None:
    """Whole rows: blocks along the longest of the other axes."""
    axis, ndim = named.get("axis", -1), values.ndim
    if axis not in range(-ndim, ndim):
        raise ValueError(f"{function.dotted_name}: axis must be one of the {ndim} axes of the array, got {axis!r}")
    axis = axis % ndim + 1
    values, named = values[np.newaxis], {**named, "axis": axis}
    other = max(range(ndim + 1), key=lambda k: -1 if k == axis else values.shape[k])
    before: tuple[slice, ...] = (slice(None),) * other
    first = (*before, slice(0, 1))
    sample = function(values[first], **named)
    shape = (*sample.shape[:other], values.shape[other], *sample.shape[other + 1 :])
    results = create(path, sample.dtype, shape[1:], False)[np.newaxis]
    length = max(BLOCK_BYTES * values.shape[other] // max(values.nbytes, 1), 1)
    with progress() as bar:
        for start in bar.track(range(0, values.shape[other], length), description=function.dotted_name):
            block = (*before, slice(start, start + length))
            function(values[block], out=results[block], **named)


def create(path: Path, dtype: Any, shape: tuple[int, ...], fortran_order: bool) -> Any:
    """A new array on disk. A full disk is found here: later it would kill the process by a signal."""
    needed, free = dtype.itemsize * math.prod(shape), shutil.disk_usage(path.parent).free
    if needed > free:
        raise OSError(f"{path.parent} has room for {free} bytes, {needed} are needed")
    return np.asarray(np.lib.format.open_memmap(path, "w+", dtype, shape, fortran_order))
