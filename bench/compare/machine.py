"""What the numbers were measured on."""

from __future__ import annotations

import datetime
import importlib.metadata
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .grid import processors
from .libraries import LIBRARIES


def machine(libraries: Sequence[str]) -> dict[str, Any]:
    """Processor, caches, versions and date."""
    packages = dict.fromkeys(package for library in libraries for package in LIBRARIES[library].packages)
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "processor": field("/proc/cpuinfo", "model name") or platform.processor(),
        "cores": len(processors()),
        "caches": caches(),
        "memory": field("/proc/meminfo", "MemTotal"),
        "system": platform.platform(),
        "python": platform.python_version(),
        **{package: version(package) for package in packages},
    }


def field(path: str, key: str) -> str:
    """A line of a file of the kernel's, empty where there is none."""
    file = Path(path)
    lines = file.read_text().splitlines() if file.exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.partition(":")[0].strip() == key), "")


def caches() -> dict[str, str]:
    """The size of each cache of the first processor."""
    found = {}
    for folder in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        level, kind, size = ((folder / name).read_text().strip() for name in ("level", "type", "size"))
        found[f"L{level}{'' if kind == 'Unified' else kind[0].lower()}"] = size
    return found


def version(package: str) -> str:
    """Of an installed package."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "missing"


def available_bytes() -> int:
    """Memory that can be had; where the system does not tell, as much as one asks for."""
    amount = field("/proc/meminfo", "MemAvailable").split()
    return int(amount[0]) * 1024 if amount else 1 << 62
