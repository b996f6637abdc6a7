"""The thresholds in force: the environment's, else those that `fastrelu tune` has stored, else derived ones.

They are read when the first function is compiled or loaded, once in a process. Nothing that is wrong with them ever reaches
a user's program: what cannot be used is left out, and `fastrelu info` says why.
"""

from __future__ import annotations

import functools
import json
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from fastrelu.files import user_folder
from fastrelu.machine import Machine, this_machine
from fastrelu.thresholds import NEVER, Cost, Thresholds, derived

VARIABLE = "FASTRELU_THRESHOLDS"
STREAMING = "streaming"
NAMES = (*(cost.value for cost in Cost), STREAMING)


class Unusable(ValueError):
    """Why stored thresholds, or those of the environment, cannot be used."""


@dataclass(frozen=True)
class InForce:
    """The thresholds of this process, and where they come from.

    Attributes
    ----------
    thresholds
        What every call goes by.
    origins
        For each name, as heavy or streaming: where its size comes from.
    problems
        What has been left out, and why.
    """

    thresholds: Thresholds
    origins: dict[str, str]
    problems: tuple[str, ...] = ()


def folder() -> Path:
    """The user's folder for our settings."""
    return user_folder("XDG_CONFIG_HOME", ".config", "Application Support")


def file() -> Path:
    """Where `fastrelu tune` stores what it has measured."""
    return folder() / "thresholds.json"


def sizes_of(thresholds: Thresholds) -> dict[str, int]:
    """By name."""
    return {**{cost.value: size for cost, size in thresholds.parallel_from.items()}, STREAMING: thresholds.streaming_from}


def thresholds_of(sizes: dict[str, int]) -> Thresholds:
    """The inverse."""
    return Thresholds({cost: sizes[cost.value] for cost in Cost}, sizes[STREAMING])


def as_text(thresholds: Thresholds, machine: Machine, version: str, threads: int, date: str) -> str:
    """What the file holds."""
    content = {"fastrelu": version, "date": date, "threads": threads, "machine": asdict(machine), "bytes": sizes_of(thresholds)}
    return json.dumps(content, indent=1) + "\n"


def from_text(text: str, machine: Machine, version: str) -> tuple[dict[str, int], str]:
    """The sizes by name, and the date.

    Raises
    ------
    Unusable
        If it is broken, or was measured on another machine or by another version.
    """
    try:
        content = json.loads(text)
        sizes, date = {name: content["bytes"][name] for name in NAMES}, content["date"]
        measured_by, measured_on = content["fastrelu"], content["machine"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise Unusable(f"it is broken ({type(error).__name__}: {' '.join(str(error).split())})") from None
    if not all(is_size(size) for size in sizes.values()) or not isinstance(date, str):
        raise Unusable("it is broken (a size must be a positive integer, the date a string)")
    if measured_by != version:
        raise Unusable(f"it was measured by fastrelu {measured_by}, this is {version}")
    here = json.loads(json.dumps(asdict(machine)))
    if measured_on != here:
        there = measured_on if isinstance(measured_on, dict) else {}
        different = [f"{key} {there.get(key)!r}, here {value!r}" for key, value in here.items() if there.get(key) != value]
        raise Unusable(f"it was measured on another machine ({'; '.join(different) or measured_on})")
    return sizes, date


def is_size(value: Any) -> bool:
    """Whether it is a number of bytes that compiled code can compare with."""
    return type(value) is int and 0 < value <= NEVER


def from_environment(text: str) -> dict[str, int]:
    """``heavy=65536,streaming=33554432`` as sizes by name.

    Raises
    ------
    Unusable
        If it is anything else.
    """
    sizes = {}
    for setting in filter(None, map(str.strip, text.split(","))):
        name, _, number = (part.strip() for part in setting.partition("="))
        if name not in NAMES or not number.isdecimal() or len(number) > 19 or not is_size(int(number)):
            raise Unusable(f"{setting!r} is not NAME=BYTES with a NAME of {', '.join(NAMES)}")
        sizes[name] = int(number)
    return sizes


def settle(text: str | None, given: str, machine: Machine, version: str) -> InForce:
    """What is in force: a pure function.

    Parameters
    ----------
    text
        What the file holds, None if there is none.
    given
        What the environment variable holds.
    machine, version
        This machine, and our version.
    """
    sizes = sizes_of(derived(machine))
    origins, problems = dict.fromkeys(sizes, "derived from cores and caches"), []
    if text is not None:
        try:
            stored, date = from_text(text, machine, version)
            sizes |= stored
            origins |= dict.fromkeys(stored, f"tuned on {date[:10]}")
        except Unusable as problem:
            problems.append(f"the tuned file is ignored: {problem}; run fastrelu tune again")
    try:
        chosen = from_environment(given)
        sizes |= chosen
        origins |= dict.fromkeys(chosen, f"environment: {VARIABLE}")
    except Unusable as problem:
        problems.append(f"{VARIABLE} is ignored: {problem}")
    return InForce(thresholds_of(sizes), origins, tuple(problems))


@functools.cache
def in_force() -> InForce:
    """The thresholds of this process."""
    from fastrelu import __version__  # stands below the imports there

    text: str | None = None
    problem: tuple[str, ...] = ()
    try:
        text = file().read_text(encoding="utf-8")
    except FileNotFoundError:
        pass
    except (OSError, ValueError) as error:  # no permission, a folder, not text
        problem = (f"the tuned file is ignored: it cannot be read ({' '.join(str(error).split())})",)
    found = settle(text, os.environ.get(VARIABLE, ""), this_machine(), __version__)
    return replace(found, problems=problem + found.problems)
