"""The scripts that compare fastrelu with other libraries, on as little as they take."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import fastrelu as fr

BENCH = Path(__file__).parents[1] / "bench"
SMALL = ("--functions", "sigmoid,mish", "--sizes", "16")


@pytest.fixture
def run(tmp_path):
    """Runs a script: what it prints, and what it writes."""

    def call(script, *arguments):
        path = tmp_path / "found.json"
        command = [sys.executable, BENCH / script, *SMALL, "--json", path, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=200)
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout, json.loads(path.read_text())

    return call


def test_peers(run):
    text, found = run("peers.py", "--peers", "fastrelu,numpy", "--dtypes", "float32", "--threads", "1", "--rounds", "1")
    measured = {(cell["function"], cell["library"]) for cell in found["cells"] if cell["seconds"] > 0}
    assert {("sigmoid", "fastrelu"), ("sigmoid", "numpy"), ("mish", "numpy")} <= measured
    assert (("mish", "fastrelu") in measured) == ("mish" in fr.registry)
    assert not [cell for cell in found["cells"] if cell["error"]]
    assert found["machine"]["fastrelu"] and found["first_call"]["sigmoid"] > 0
    assert "sigmoid.backward, from output" in text and "small, expressions" in text


def test_busy(run):
    text, found = run("busy.py", "--calls", "10")
    times = found["cases"][0]["seconds"]
    assert len(times["fastrelu"]) == len(times["serial"]) == 10
    assert "p99 / serial p99" in text
