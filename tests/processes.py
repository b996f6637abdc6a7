"""Programs in a process of their own, with our package and nothing on stderr."""

import os
import subprocess
import sys
from pathlib import Path

import fastrelu as fr

PACKAGE = Path(fr.__file__).parents[1]
IMPORTS = "import os, sys, threading, warnings\nimport numpy as np\nimport fastrelu as fr\n"


def python(code, timeout=120, imports=IMPORTS, **environment):
    """Runs a program; returns what it printed. Any warning is an error, and so is any word on stderr."""
    settings = {**os.environ, "PYTHONPATH": str(PACKAGE), "NUMBA_NUM_THREADS": "2", **environment}
    command = [sys.executable, "-W", "error", "-c", imports + code]
    done = subprocess.run(command, env=settings, capture_output=True, text=True, timeout=timeout)
    assert done.returncode == 0, f"exit {done.returncode}: {done.stderr[-3000:]}"
    assert not done.stderr, done.stderr
    return done.stdout.strip()
