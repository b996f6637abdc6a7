"""bench/gpu.py, as far as it goes without a GPU: what it says there, its checks, its statistics, its pages."""

import importlib
import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import fastrelu as fr

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "bench" / "gpu.py"
COPIED = {"torch": 1.1, "fastrelu": 1.05, "jax": 1.5}  # times of the libraries in the made-up file, in those of the copy


@pytest.fixture
def compare(monkeypatch):
    """The modules of the benchmark."""
    monkeypatch.syspath_prepend(str(ROOT / "bench"))
    return lambda name: importlib.import_module(f"compare.{name}")


def run(*arguments):
    return subprocess.run([sys.executable, str(SCRIPT), *map(str, arguments)], capture_output=True, text=True, timeout=200)


def no_device():
    if importlib.util.find_spec("numba_cuda") is None:
        return True
    done = subprocess.run(
        [sys.executable, "-c", "from numba import cuda; print(cuda.is_available())"], capture_output=True, text=True
    )
    return "True" not in done.stdout


@pytest.mark.skipif(not no_device(), reason="there is a device")
def test_without_a_gpu_it_says_so(tmp_path):
    done = run("--check-only", "--json", tmp_path / "found.json")
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("there is nothing to measure: ")
    assert done.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("wrong", [("--functions", "rrelu"), ("--dtypes", "int8"), ("--libraries", "numpy")])
def test_options_that_are_none(wrong):
    done = run(*wrong)
    assert done.returncode == 2
    assert f"'{wrong[1]}'" in done.stderr


@pytest.fixture
def made_up(compare):
    """A result file as a run would write it."""
    results, grid, gpu_grid = compare("gpu_results"), compare("grid"), compare("gpu_grid")
    machine = {"gpu": "a device", "driver": "1.2", "l2": 50 << 20}
    found = results.Results(machine, {"rounds": 3, "burst": 0.02, "check_only": False}, {"cupy": "No module named 'cupy'"})
    found.overhead = {"fastrelu": 9e-6, "torch": 6e-6}
    for case in gpu_grid.cases(("gelu", "softmax", "tanh"), ("float16", "float32"), (1 << 10, 1 << 28)):
        copy = 5e-6 + 2 * case.size * case.itemsize / 4e12
        row = found.cells[case] = {}
        for name, times in COPIED.items():
            row[name] = results.Cell([times * copy * case.bytes / (2 * case.size * case.itemsize)] * 3)
        row["copy"] = results.Cell([copy] * 3)
        row["triton"] = results.Cell(error="the library has no such call")
        if case.function == "tanh":
            row["jax"] = results.Cell(error="RuntimeError: no")
    assert grid.short(1 << 28) == "256 M"
    return found


def test_a_file_is_read_as_it_was_written(made_up, compare, tmp_path):
    made_up.write(tmp_path / "a" / "found.json")
    again = compare("gpu_results").Results.read(tmp_path / "a" / "found.json")
    assert again == made_up
    cell = json.loads((tmp_path / "a" / "found.json").read_text())["cells"][0]
    assert cell["seconds"] == np.median(cell["samples"])


def test_the_limit_is_the_copy_s_bandwidth(made_up):
    for case in made_up.cells:
        for library, times in COPIED.items():
            if case.function != "tanh" or library != "jax":
                assert made_up.of_copy(case, library) == pytest.approx(1 / times)


def test_pages(made_up, tmp_path):
    made_up.write(tmp_path / "found.json")
    done = run("--read", tmp_path / "found.json", "--markdown", tmp_path / "gpu.md", "--picture", tmp_path / "images" / "gpu.png")
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "gpu.md").read_text()
    assert "### float16, 256 M elements: microseconds" in text
    (row,) = (line for line in text.partition("### float32")[2].splitlines() if line.startswith("| gelu |"))
    copy = 5e-6 + 8 * 2**28 / 4e12
    assert row == "| gelu | " + " | ".join(f"{copy * times * 1e6:.3g}" for times in COPIED.values()) + " |  | 0.95 |"
    assert "tanh.backward, from output" in text
    assert "cupy was left out: No module named 'cupy'." in text
    assert "- a call costs 1.50 of torch's time, 1.2 wanted" in text
    assert "- jax, 12 cases, as tanh float16 1 K: RuntimeError: no" in text
    assert "no such call" not in text
    assert "of torch's time, " not in text.replace("a call costs 1.50 of torch's time, ", "")
    assert "gpu a device" in text
    assert (tmp_path / "images" / "gpu.png").read_bytes().startswith(b"\x89PNG")
    assert run("--read", tmp_path / "found.json").stdout.strip() == text.strip()


def test_what_was_missed(made_up, compare):
    for row in made_up.cells.values():
        row["fastrelu"].samples = [1.2 * each for each in row["fastrelu"].samples]
    told = list(compare("gpu_pages").missed(made_up))
    assert "gelu float32 256 M: 0.79 of the copy's bandwidth, 0.93 wanted" in told
    assert "softmax.backward float16 256 M: 1.15 of torch's time" in told
    assert not [line for line in told if " 1 K:" in line]


def test_statistics(compare):
    results = compare("gpu_results")
    assert results.sets_of_arrays(1 << 20, 50 << 20) == 150
    assert results.sets_of_arrays(1 << 10, 50 << 20) == 256
    assert results.sets_of_arrays(1 << 40, 50 << 20) == 1
    assert results.calls_of_a_burst(1e-3, 0.02, least=7) == 21
    assert results.calls_of_a_burst(1.0, 0.02, least=7) == 7
    assert results.Cell([3.0, 1.0, 2.0]).seconds == 2.0
    assert results.Cell([1.0], error="no").seconds is None


class Host:
    """A library on the host, with a function that may be wrong."""

    by_events = False

    def __init__(self, way):
        self.way = way

    def host(self, result):
        return np.asarray(result, np.float64)

    def call(self, case):
        function = fr.registry[case.function]
        return lambda *given: self.way((function if len(given) == 1 else function.backward)(*given))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_results_are_checked_before_they_are_measured(compare, dtype):
    measure, grid = compare("gpu_measure"), compare("grid")
    for function, direction in (("gelu", "forward"), ("mish", "backward"), ("softmax", "forward"), ("softmax", "backward")):
        case = grid.Case(function, direction, dtype, 1 << 12, out=False, threads=0)
        given = measure.host_values(case)
        right, broken = Host(lambda y: y), Host(lambda y: np.where(y == y.max(), 7, y))
        off, wrong = measure.check(right, "fastrelu", case, right.call(case), given)
        assert off < (100 if (function, direction) == ("softmax", "backward") else 3)  # of rows that do not sum to 1
        assert wrong == ""
        _, wrong = measure.check(broken, "torch", case, broken.call(case), given)
        assert wrong.startswith("wrong by ") or dtype in ("float16", "bfloat16")
        if function != "softmax":
            near = Host(lambda y: np.nextafter(y.astype(np.float64), 9) if dtype == "float64" else y + y.dtype.type(2e-3) * y)
            off, wrong = measure.check(near, "fastrelu", case, near.call(case), given)
            assert wrong == "other bits than on the CPU" or off > 3


def test_every_case_has_a_reference(compare):
    measure, gpu_grid = compare("gpu_measure"), compare("gpu_grid")
    found = list(gpu_grid.cases(gpu_grid.NAMES, ("float64",), (1 << 12,)))
    assert len(found) == 2 * len(gpu_grid.NAMES) + 2
    for case in found:
        wanted = measure.ours(case, measure.host_values(case))
        assert wanted.shape == (4, 1024)
        assert np.isfinite(wanted).all()
