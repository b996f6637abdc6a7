"""Times of the import and of the first calls in a new process: python -m compare.first_call FUNCTION..."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from statistics import median
from time import perf_counter

import numpy as np

from .processes import environment


def measure(names: Sequence[str], rounds: int) -> dict[str, float]:
    """Medians over processes; the first one only fills the disk cache."""
    command = [sys.executable, "-m", "compare.first_call", *names]
    runs = [
        json.loads(subprocess.run(command, env=environment(), stdout=subprocess.PIPE, check=True).stdout)
        for _ in range(rounds + 1)
    ][1:]
    return {key: median(run[key] for run in runs) for key in runs[0]}


def main() -> None:
    """Prints the seconds of each."""
    x = np.linspace(-3, 3, 1000, dtype=np.float32)
    before = perf_counter()
    import fastrelu

    times = {"import": perf_counter() - before}
    for name in sys.argv[1:]:
        if name in fastrelu.registry:
            before = perf_counter()
            getattr(fastrelu, name)(x)
            times[name] = perf_counter() - before
    print(json.dumps(times))


if __name__ == "__main__":
    main()
