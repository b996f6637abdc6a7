"""From sweeps to cards: what is stored on the way, so that a sweep can go on where it was stopped."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from fastrelu.accuracy import Measured, card_path, versions
from fastrelu.files import replacing, user_folder
from fastrelu.proof.formats import FORMATS, Format
from fastrelu.proof.reference import KINDS
from fastrelu.proof.sweep import BLOCKS, Found, Sweep, run

REFERENCE_POINTS = {16: 400, 32: 2000, 64: 100}  # where the quick reference is compared with mpmath


class Doubtful(ValueError):
    """A quick reference that is not what mpmath says."""


def folder() -> Path:
    """The user's folder for what can be made again."""
    return user_folder("XDG_CACHE_HOME", ".cache", "Caches") / "verify"


def sources() -> str:
    """A digest of this package: a sweep goes on only with the reference that it has begun with."""
    digest = hashlib.blake2b(digest_size=4)
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def measure(function: Any, form: Format, count: int, threads: int, progress: Callable[[int], None]) -> dict[str, Measured]:
    """Sweeps a function, or the rest of a sweep that was stopped.

    Parameters
    ----------
    function
        The activation.
    form
        The type.
    count
        About how many inputs; 0 for all.
    threads
        How many blocks at a time.
    progress
        Is told how many of BLOCKS are done.

    Raises
    ------
    Doubtful
        If the reference is not what mpmath says.
    """
    sweep = Sweep(function, form, count)
    formulas = versions(function)
    points = reference_points(form)
    wrong = sweep.reference.disagreements(points)
    if wrong:
        kind, x, off = wrong[0]
        raise Doubtful(f"{function.dotted_name}, {form.name}: the reference of {kind} at {x!r} is {off:.3g} ULP from mpmath's")
    key = "-".join([function.dotted_name, form.name, str(count or "all"), *formulas.values(), sources()])
    path = folder() / f"{key}.json"
    state = load(path)
    done, found = set(state["done"]), {kind: Found(**state["found"][kind]) for kind in KINDS}
    progress(len(done))

    def finish(index: int, parts: dict[str, Found]) -> None:
        done.add(index)
        for kind, part in parts.items():
            found[kind].add(part)
        store(path, sorted(done), found)
        progress(len(done))

    run(sweep, [index for index in range(BLOCKS) if index not in done], threads, finish)
    for kind, part in sweep.special().items():
        found[kind].add(part)
    return {
        kind: Measured(
            max_ulp=math.ceil(part.worst * 10000 - 1e-6) / 10000 if math.isfinite(part.worst) else math.inf,
            worst_input=float(np.array(part.at, form.words).view(form.dtype)),
            checked=part.checked,
            complete=sweep.complete and part.checked == 1 << form.bits,
            by_mpmath=part.by_mpmath,
            unresolved=part.unresolved,
            reference_checked=int(points.size),
            formula=formulas[kind],
            step=sweep.step if form.bits <= 32 else 0,
        )
        for kind, part in found.items()
    }


def reference_points(form: Format) -> Any:
    """Half spread over all bit patterns, half over where functions bend."""
    rng = np.random.default_rng(0)
    count = REFERENCE_POINTS[form.bits] // 2
    strata = (np.arange(count) + rng.uniform(size=count)) * (2.0**form.bits / count)
    spread = np.minimum(strata, 2.0**form.bits - 2048).astype(form.words).view(form.dtype)
    bend = (rng.choice([-1.0, 1.0], count) * np.exp2(rng.uniform(-8, 10, count))).astype(form.dtype)
    points = np.concatenate([spread, bend])
    with np.errstate(invalid="ignore"):  # NaN that signal
        return points[np.isfinite(points.astype(np.float64))]


def load(path: Path) -> dict[str, Any]:
    """What a stopped sweep has left."""
    try:
        state: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {"done": [], "found": {kind: asdict(Found()) for kind in KINDS}}
    return state


def store(path: Path, done: list[int], found: dict[str, Found]) -> None:
    """Replaces it in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        temporary.write_text(json.dumps({"done": done, "found": {kind: asdict(part) for kind, part in found.items()}}))


def write(name: str, dtype: str, found: dict[str, Measured], where: Path) -> None:
    """Puts figures of one dtype into a card; those of the others stay."""
    path = card_path(name, where)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        content = {}
    content[dtype] = {kind: {k: v for k, v in asdict(part).items() if k != "stale"} for kind, part in found.items()}
    ordered = {key: content[key] for key in FORMATS if key in content}
    where.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(ordered, indent=1) + "\n", encoding="utf-8")
