"""The processes that measure, one a library: they wait while another computes."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any

from .grid import Case

FOLDER = Path(__file__).parents[1]
THREADS = ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS", "NUMEXPR_MAX_THREADS")


def environment(threads: int | None = None) -> dict[str, str]:
    """For a process that finds this package, with so many threads."""
    path = os.pathsep.join(filter(None, (str(FOLDER), os.environ.get("PYTHONPATH"))))
    return {**os.environ, "PYTHONPATH": path, **({} if threads is None else dict.fromkeys(THREADS, str(threads)))}


class Worker:
    """A process that measures one library.

    Attributes
    ----------
    missing
        Why it cannot, where the library is not installed.
    """

    def __init__(self, library: str, threads: int) -> None:
        self.library, self.threads = library, threads
        self.missing: str | None = None
        self._start()

    def _start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "compare.worker", self.library, str(self.threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
            env=environment(self.threads),
        )
        self.missing = self._read().get("missing")

    def ask(self, case: Case, **settings: Any) -> dict[str, Any]:
        """A value, or the message of an error, which may be the death of the process."""
        return self._exchange({"case": asdict(case), **settings})

    def forget(self) -> None:
        """Frees the arrays."""
        self._exchange({})

    def _exchange(self, request: dict[str, Any]) -> dict[str, Any]:
        if self.process.poll() is not None:
            self._start()
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # reading then tells what it died of
            print(json.dumps(request), file=self.process.stdin, flush=True)
        return self._read()

    def _read(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if line:
            answer: dict[str, Any] = json.loads(line)
            return answer
        return {"error": f"the process ended with code {self.process.wait()}"}

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.process.kill()
        self.process.wait()
