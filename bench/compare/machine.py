"""What the numbers were measured on."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import fastrelu.cli.bench
from fastrelu.cli.info import version
from fastrelu.machine import this_machine
from fastrelu.memory import physical_memory

from .libraries import LIBRARIES


def machine(libraries: Sequence[str]) -> dict[str, Any]:
    """Processor, caches, versions and date."""
    packages = dict.fromkeys(package for library in libraries for package in LIBRARIES[library].packages)
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        **fastrelu.cli.bench.machine(),
        "caches": this_machine().caches,
        "memory": physical_memory(),
        **{package: version(package) for package in packages},
    }


def available_bytes() -> int:
    """Memory that can be had; where the system does not tell, as much as one asks for."""
    file = Path("/proc/meminfo")
    lines = file.read_text().splitlines() if file.exists() else []
    kilobytes = next((line.split()[1] for line in lines if line.startswith("MemAvailable:")), None)
    return int(kilobytes) * 1024 if kilobytes else 1 << 62
