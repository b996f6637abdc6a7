"""Writes the speed table of README.md: fastrelu bench --json bench.json && python bench/readme_table.py bench.json"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from fastrelu.text import markdown

README = Path(__file__).parents[1] / "README.md"
START = "<!-- speed table: written by python bench/readme_table.py -->"
END = "<!-- end of the speed table -->"


def table(found: dict[str, Any], dtype: str = "float32") -> str:
    """The table in Markdown: a row for each function, a column for each size."""
    cases = {(case["function"], case["size"]): case for case in found["cases"] if case["dtype"] == dtype}
    errors = {error["function"]: error for error in found["max_ulp"] if error["dtype"] == dtype}
    sizes = sorted({size for _, size in cases})
    heads = [
        "function",
        *(f"{size:,}".replace(",", " ") for size in sizes),
        f"GB/s at {sizes[-1]:,}".replace(",", " "),
        "ULP",
        "NumPy's ULP",
    ]
    lines = [heads]
    for name in dict.fromkeys(name for name, _ in cases):
        mine = [cases[name, size] for size in sizes]
        ulps = ["inf" if errors[name][who] is None else f"{errors[name][who]:.2g}" for who in ("fastrelu", "numpy")]
        lines.append([name, *(f"{case['speedup']:.1f}" for case in mine), f"{mine[-1]['gigabytes_per_second']:.0f}", *ulps])
    machine = found["machine"]
    about = (
        f"{dtype}, {machine['processor']}, {machine['threads']} threads, {machine['system']}, Python {machine['python']}, "
        f"NumPy {machine['numpy']}, Numba {machine['numba']}, fastrelu {machine['fastrelu']}."
    )
    return f"{markdown(lines, 1)}\n{about}"


def main() -> None:
    """Replaces what stands between the markers."""
    text = README.read_text()
    before, _, rest = text.partition(START)
    _, _, after = rest.partition(END)
    new = table(json.loads(Path(sys.argv[1]).read_text()))
    README.write_text(f"{before}{START}\n{new}\n{END}{after}")


if __name__ == "__main__":
    main()
