"""What was measured: times of every library in every case, kept in a file of JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from .grid import Case
from .libraries import LIMITS, OURS


@dataclass
class Cell:
    """One library in one case.

    Attributes
    ----------
    rounds
        Seconds a call, in each round.
    error
        Why there are none.
    gives
        The dtype of a fresh result, where it is not that of the case.
    """

    rounds: list[float] = field(default_factory=list)
    error: str = ""
    gives: str = ""

    @property
    def seconds(self) -> float | None:
        """The median."""
        return median(self.rounds) if self.rounds and not self.error else None


@dataclass
class Results:
    """All cells, and what they were measured on."""

    machine: dict[str, Any]
    settings: dict[str, Any]
    cells: dict[Case, dict[str, Cell]] = field(default_factory=dict)
    first_call: dict[str, float] = field(default_factory=dict)

    def seconds(self, case: Case, library: str) -> float | None:
        """The median time of a library's call."""
        cell = self.cells[case].get(library)
        return cell.seconds if cell else None

    def speedup(self, case: Case, library: str) -> float | None:
        """How many times as fast as this library fastrelu is; beside a copy by bytes a second."""
        ours, theirs = self.seconds(case, OURS), self.seconds(case, library)
        if not ours or not theirs:
            return None
        if library in LIMITS:  # a copy moves two bytes for each of the case's array
            return theirs / ours * case.bytes / copied(case)
        return theirs / ours

    def remarks(self) -> Iterator[tuple[str, Case, str]]:
        """Every error and every result of another dtype, with the library and the case."""
        for case, cells in self.cells.items():
            for library, cell in cells.items():
                if cell.error or cell.gives:
                    yield library, case, cell.error or f"gives {cell.gives}"

    def write(self, path: Path) -> None:
        """To a file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        cells = [
            {**asdict(case), "library": library, "seconds": cell.seconds, **asdict(cell)}
            for case, row in self.cells.items()
            for library, cell in row.items()
        ]
        content = {"machine": self.machine, "settings": self.settings, "first_call": self.first_call, "cells": cells}
        path.write_text(json.dumps(content, indent=1))

    @classmethod
    def read(cls, path: Path) -> Results:
        """From a file."""
        content = json.loads(path.read_text())
        found = cls(content["machine"], content["settings"], first_call=content["first_call"])
        for entry in content["cells"]:
            case = Case(**{key: entry[key] for key in Case.__dataclass_fields__})
            found.cells.setdefault(case, {})[entry["library"]] = Cell(entry["rounds"], entry["error"], entry["gives"])
        return found


def copied(case: Case) -> int:
    """Bytes that a copy of one of the case's arrays reads and writes."""
    return 2 * case.size * case.itemsize
