"""What bench/gpu.py has measured: a file of JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from .grid import Case
from .results import copied

COPY = "copy"
OURS = "fastrelu"


@dataclass
class Cell:
    """One library in one case.

    Attributes
    ----------
    samples
        Seconds a call, each the mean of a burst.
    error
        Why there are none.
    deviation
        The largest difference from float64, in units in the last place of the dtype at the largest value near it.
    """

    samples: list[float] = field(default_factory=list)
    error: str = ""
    deviation: float | None = None

    @property
    def seconds(self) -> float | None:
        """The median."""
        return median(self.samples) if self.samples and not self.error else None


@dataclass
class Results:
    """All cells, and what they were measured on.

    Attributes
    ----------
    missing
        For each library that was left out: why.
    overhead
        For each library: seconds on the host for one call of relu on 1 K elements.
    """

    machine: dict[str, Any]
    settings: dict[str, Any]
    missing: dict[str, str] = field(default_factory=dict)
    overhead: dict[str, float] = field(default_factory=dict)
    cells: dict[Case, dict[str, Cell]] = field(default_factory=dict)

    def seconds(self, case: Case, library: str) -> float | None:
        """The median time of a library's call."""
        cell = self.cells.get(case, {}).get(library)
        return cell.seconds if cell else None

    def bandwidth(self, case: Case, library: str) -> float | None:
        """Bytes a second: what the call reads and writes; the copy moves one array."""
        seconds = self.seconds(case, library)
        return seconds and (copied(case) if library == COPY else case.bytes) / seconds

    def of_copy(self, case: Case, library: str) -> float | None:
        """The bandwidth as a part of the device copy's."""
        own, limit = self.bandwidth(case, library), self.bandwidth(case, COPY)
        return own / limit if own and limit else None

    def libraries(self) -> list[str]:
        """Those with a cell, in order."""
        return list(dict.fromkeys(library for row in self.cells.values() for library in row if library != COPY))

    def write(self, path: Path) -> None:
        """To a file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        cells = [
            {**asdict(case), "library": library, "seconds": cell.seconds, **asdict(cell)}
            for case, row in self.cells.items()
            for library, cell in row.items()
        ]
        told = {key: getattr(self, key) for key in ("machine", "settings", "missing", "overhead")}
        path.write_text(json.dumps({**told, "cells": cells}, indent=1))

    @classmethod
    def read(cls, path: Path) -> Results:
        """From a file."""
        content = json.loads(path.read_text())
        found = cls(*(content[key] for key in ("machine", "settings", "missing", "overhead")))
        for entry in content["cells"]:
            case = Case(**{key: entry[key] for key in Case.__dataclass_fields__})
            found.cells.setdefault(case, {})[entry["library"]] = Cell(entry["samples"], entry["error"], entry["deviation"])
        return found


def sets_of_arrays(size: int, cache: int, most: int = 256) -> int:
    """How many sets of arrays of so many bytes a call goes round, so that none is in the cache when it comes again."""
    return max(1, min(most, -(-3 * cache // max(size, 1))))


def calls_of_a_burst(seconds: float, wanted: float, least: int) -> int:
    """How many calls last so long, every set of arrays as often as another."""
    rounds = max(1, round(wanted / max(seconds, 1e-9) / least))
    return rounds * least


def ranges(values: Sequence[float]) -> tuple[float, float, float]:
    """The median, and what half of the values lie between."""
    ordered = sorted(values)
    return median(ordered), ordered[len(ordered) // 4], ordered[-1 - len(ordered) // 4]
