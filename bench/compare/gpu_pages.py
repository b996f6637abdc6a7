"""A result file of bench/gpu.py as tables in Markdown, and as a picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from fastrelu.text import markdown

from .gpu_results import COPY, OURS, Results
from .grid import FORWARD, Case, short

WANTED = 0.93  # of the device copy's bytes a second
FROM = 1 << 20  # elements: from here on as fast as torch
MOST_OVERHEAD = 1.2  # times torch's


def page(found: Results) -> str:
    """All tables, with the machine below them."""
    parts = [*bandwidths(found), overheads(found), misses(found)]
    told = ", ".join(f"{key} {value}" for key, value in found.machine.items())
    absent = "".join(f"{library} was left out: {reason}.\n" for library, reason in found.missing.items())
    return "\n".join(filter(None, [*parts, absent, f"{told}."]))


def bandwidths(found: Results) -> Iterator[str]:
    """For each dtype the time of the largest size, and its bytes a second as a part of the device copy's."""
    for dtype in dict.fromkeys(case.dtype for case in found.cells):
        size = max(case.size for case in found.cells if case.dtype == dtype)
        chosen = [case for case in found.cells if (case.dtype, case.size) == (dtype, size)]
        libraries = found.libraries()
        rows = [["function", *libraries, "of the copy"]]
        for case in chosen:
            part = found.of_copy(case, OURS)
            rows.append([case.call, *(time_of(found, case, library) for library in libraries), f"{part:.2f}" if part else ""])
        yield f"### {dtype}, {short(size)} elements: microseconds\n\n{markdown(rows, 1)}"


def time_of(found: Results, case: Case, library: str) -> str:
    """Microseconds."""
    seconds = found.seconds(case, library)
    return "" if seconds is None else f"{seconds * 1e6:.3g}"


def overheads(found: Results) -> str:
    """What a call costs on the host."""
    if not found.overhead:
        return ""
    rows = [["library", "microseconds a call"], *([name, f"{seconds * 1e6:.2f}"] for name, seconds in found.overhead.items())]
    return f"### relu of 1 K float32: the call itself\n\n{markdown(rows, 1)}"


def misses(found: Results) -> str:
    """Where a speed that was to be reached was not, and every error."""
    lines = [f"- {text}" for text in (*missed(found), *errors(found))]
    return "### Missed\n\n" + "\n".join(lines) + "\n" if lines else ""


def missed(found: Results) -> Iterator[str]:
    """The targets that were missed."""
    for case in found.cells:
        part, ours, torch = found.of_copy(case, OURS), found.seconds(case, OURS), found.seconds(case, "torch")
        title = f"{case.call} {case.dtype} {short(case.size)}"
        if part and part < WANTED and case.size >= 1 << 28 and case.dtype in ("float16", "float32"):
            yield f"{title}: {part:.2f} of the copy's bandwidth, {WANTED} wanted"
        if ours and torch and ours > torch and case.size >= FROM:
            yield f"{title}: {ours / torch:.2f} of torch's time"
    both = found.overhead.get(OURS), found.overhead.get("torch")
    if both[0] and both[1] and both[0] > MOST_OVERHEAD * both[1]:
        yield f"a call costs {both[0] / both[1]:.2f} of torch's time, {MOST_OVERHEAD} wanted"


def errors(found: Results) -> Iterator[str]:
    """What did not work, once for each library and message."""
    told: dict[tuple[str, str], list[Case]] = {}
    for case, row in found.cells.items():
        for library, cell in row.items():
            if cell.error and cell.error != "the library has no such call":
                told.setdefault((library, cell.error), []).append(case)
    for (library, message), failed in told.items():
        first = failed[0]
        yield f"{library}, {len(failed)} cases, as {first.call} {first.dtype} {short(first.size)}: {message}"


def picture(found: Results, path: Path) -> None:
    """Bytes a second over sizes, a panel a function: forward, in the first dtype that every library has."""
    from matplotlib import pyplot

    dtypes = dict.fromkeys(case.dtype for case in found.cells)
    dtype = "float32" if "float32" in dtypes else next(iter(dtypes))
    names = list(dict.fromkeys(case.function for case in found.cells))
    columns = min(4, len(names))
    rows = -(-len(names) // columns)
    figure, panels = pyplot.subplots(rows, columns, figsize=(4 * columns, 3 * rows), sharex=True, sharey=True, squeeze=False)
    for panel in panels.flat[len(names) :]:
        panel.set_visible(False)
    for name, panel in zip(names, panels.flat, strict=False):
        chosen = [case for case in found.cells if (case.function, case.direction, case.dtype) == (name, FORWARD, dtype)]
        for library in (*found.libraries(), COPY):
            line(panel, found, chosen, library)
        panel.set_title(name)
        panel.set_xscale("log", base=2)
    panels[0, 0].set_ylabel("GB/s")
    panels[-1, 0].set_xlabel(f"elements of {dtype}")
    panels[0, 0].legend(frameon=False, fontsize=8)
    figure.suptitle(found.machine.get("gpu", ""))
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=100)
    pyplot.close(figure)


def line(panel: Any, found: Results, chosen: Sequence[Case], library: str) -> None:
    """One library in one panel; the copy is dotted."""
    points = [(case.size, speed / 1e9) for case in chosen if (speed := found.bandwidth(case, library))]
    if points:
        style = {"linestyle": ":", "color": "black"} if library == COPY else {"marker": "o", "markersize": 3}
        panel.plot(*zip(*points, strict=True), label=library, **style)
