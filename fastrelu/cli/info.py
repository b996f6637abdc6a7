"""fastrelu info: what is in force on this machine, and why."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import os
import platform
from collections.abc import Iterator
from pathlib import Path

import typer
from rich.table import Table
from rich.text import Text

import fastrelu
from fastrelu import memory, pool, tuned
from fastrelu.cli.common import console
from fastrelu.cli.tune import amount, label
from fastrelu.kernels import pool as native
from fastrelu.kernels.storage import FLOATS, bfloat16
from fastrelu.machine import processor_name, this_machine

LAYERS = {"tbb": "tbbpool", "omp": "omppool", "workqueue": "workqueue"}
PACKAGES = ("numpy", "numba", "llvmlite", "ml_dtypes", "numba-cuda")


def info() -> None:
    """Shows what is in force on this machine, and why: thresholds, threads, caches, memory, dtypes, GPU, versions."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True, style="bold")
    table.add_column(overflow="fold")
    for heading, rows in sections():
        for place, row in enumerate(rows):
            table.add_row(heading if place == 0 else "", Text(row))
    console().print(table)
    for problem in tuned.in_force().problems:
        typer.echo(f"Warning: {problem}", err=True)


def sections() -> Iterator[tuple[str, list[str]]]:
    """Headings, and the lines below each."""
    machine, found = this_machine(), tuned.in_force()
    yield "processor", [f"{processor_name()} ({machine.processor})", machine.system]
    names = ("L1 data", "L2", "L3")
    caches = [f"{name} {amount(size)}" for name, size in zip(names, machine.caches, strict=True) if size]
    yield "caches", [", ".join(caches) or "the system does not tell"]
    yield (
        "threads",
        [f"{pool.allowed()} of {pool.most_threads()} that this process may use; {machine.cores} logical cores"],
    )
    yield "Numba's layers", [f"{', '.join(layers())}: for your own parallel functions; ours have threads of their own"]
    yield (
        "thresholds",
        [
            f"{label(name)} {amount(size)} of output: {found.origins[name]}"
            for name, size in tuned.sizes_of(found.thresholds).items()
        ],
    )
    yield "tuned file", [str(tuned.file()) + ("" if tuned.file().exists() else " (there is none: run fastrelu tune)")]
    yield "kernel cache", [cache()]
    stats = memory.stats()
    kept = f"up to {amount(stats['limit'])} of free memory is kept" if stats["limit"] else "off"
    counts = f"{stats['made']} buffers made and {stats['reused']} reused by this process; fastrelu.memory.stats() for yours"
    yield "memory reuse", [f"{kept}, for outputs from {amount(memory.FROM_BYTES)}", counts]
    yield "dtypes", [", ".join(map(str, dict.fromkeys((*FLOATS, *halves()))))]
    yield "GPU", [gpu()]
    versions = [f"{name} {version(name)}" for name in PACKAGES]
    yield "versions", [f"fastrelu {fastrelu.__version__}, Python {platform.python_version()}, " + ", ".join(versions)]


def layers() -> Iterator[str]:
    """Numba's threading layers, and whether each can be had."""
    for name, module in LAYERS.items():
        try:
            importlib.import_module(f"numba.np.ufunc.{module}")
            yield name
        except ImportError:
            yield f"no {name}"


def cache() -> str:
    """Where Numba keeps our kernels: it asks the system which of its folders it can write."""
    path = native.claim_function()._cache.cache_path
    if path is None:
        return "none: no folder can be written, every process compiles for itself; set NUMBA_CACHE_DIR"
    reason = "NUMBA_CACHE_DIR" if os.environ.get("NUMBA_CACHE_DIR") else "Numba's choice"
    state = "writable" if os.access(path, os.W_OK) else "read-only"
    return f"{Path(path)} ({reason}, {state})"


def halves() -> Iterator[str]:
    """bfloat16, which NumPy does not have, if the package that has it is there."""
    if importlib.util.find_spec("ml_dtypes"):
        importlib.import_module("ml_dtypes")
        yield from map(str, bfloat16())
    else:
        yield "no bfloat16 (it needs the package ml_dtypes)"


def gpu() -> str:
    """The CUDA devices, or what is missing."""
    if not importlib.util.find_spec("numba_cuda"):
        return "none: numba-cuda is not installed (pip install 'fastrelu[cuda]')"
    try:
        from numba import cuda

        if not cuda.is_available():
            return "numba-cuda is installed, but finds no device or no driver"
        devices = []
        for device in cuda.gpus:
            name = device.name.decode() if isinstance(device.name, bytes) else device.name
            devices.append(f"{name} (compute capability {'.'.join(map(str, device.compute_capability))})")
        return ", ".join(devices)
    except Exception as error:  # whatever a broken driver raises: this command says what is there
        return f"numba-cuda is installed, but does not work: {' '.join(str(error).split())}"


def version(name: str) -> str:
    """Of an installed package."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"
