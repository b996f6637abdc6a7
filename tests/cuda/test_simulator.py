"""Runs the tests of simulated.py in a process of their own: the simulator replaces numba.cuda for the whole process."""

import os
import subprocess
import sys
from pathlib import Path


def test_kernels_in_the_simulator() -> None:
    tests = Path(__file__).with_name("simulated.py")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tests)],
        env={**os.environ, "NUMBA_ENABLE_CUDASIM": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
