"""The command line: what it prints, what it writes, and that a mistake costs one sentence."""

import json
import re
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import fastrelu as fr
from fastrelu.cli.app import app

README_TABLE = Path(__file__).parents[1] / "bench" / "readme_table.py"


@pytest.fixture
def run():
    return lambda *arguments: CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_list_names_every_function(run):
    result = run("list")
    assert result.exit_code == 0
    for name in fr.registry:
        assert f"{name}(x" in result.stdout


def test_list_shows_what_is_known_of_one(run):
    result = run("list", "LeakyReLU", "--framework", "keras")
    assert result.exit_code == 0
    for part in ("-inf to inf", "negative_slope=0.01", "ONNX: LeakyRelu(alpha=0.01)"):
        assert part in result.stdout
    assert result.stdout.endswith("Keras 3 has it as LeakyReLU(negative_slope=0.3).\n")


def test_list_writes_the_catalogue(run):
    assert run("list", "--markdown").stdout == fr.catalogue().markdown()


@pytest.mark.parametrize("step", [12, pytest.param(1, marks=pytest.mark.slow)])
def test_bench_measures_every_function(run, tmp_path, step):
    names = list(fr.registry)[::step]
    path = tmp_path / "bench.json"
    result = run(
        "bench", "--functions", "all" if step == 1 else ",".join(names), "--sizes", "16,100", "--seconds", "0", "--json", path
    )
    assert result.exit_code == 0, result.output
    found = json.loads(path.read_text())
    assert {(case["function"], case["dtype"], case["size"]) for case in found["cases"]} == {
        (name, dtype, size) for name in names for dtype in ("float32", "float64") for size in (16, 100)
    }
    assert all(case[key] > 0 for case in found["cases"] for key in ("numpy", "fastrelu", "speedup", "gigabytes_per_second"))
    for error in found["max_ulp"]:
        function = fr.registry[error["function"]]
        assert error["fastrelu"] <= getattr(function, "max_ulp", 8), error
    assert all(name in result.stdout for name in names)
    assert "max ULP" in result.stdout
    assert found["machine"]["processor"]
    table = runpy.run_path(str(README_TABLE))["table"](found)
    assert [line.split("|")[1].strip() for line in table.splitlines()[2:-2]] == names


def test_bench_takes_functions(run):
    result = run("bench", "--functions", "relu,tanh", "--sizes", "16", "--seconds", "0")
    assert result.exit_code == 0
    assert "tanh" in result.stdout
    assert "sigmoid" not in result.stdout


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("list", "relux"), "there is no 'relux'; did you mean 'relu'"),
        (("bench", "--functions", "relux"), "there is no function 'relux'; did you mean relu"),
        (("bench", "--functions", "relu.derivative"), "bench takes functions, not derivatives"),
        *(
            (("bench", "--sizes", wrong), f"--sizes takes positive integers, separated by commas, got {wrong!r}")
            for wrong in ("many", "0", "1e3", "-5", "1,,2")
        ),
        (("bench", "--functions", "relu", "--sizes", "99999999999999"), "nable to allocate"),
        (("bench", "--json", "none/x.json"), "--json needs a folder that exists, got none/x.json"),
        (("plot", "elu", "--points", "--derivative", "-o", "x.png"), "--points marks the function alone"),
        (("plot", "relu", "-o", "relu.xyz"), "Format 'xyz' is not supported"),
        (("plot", "relu", "--range", "3", "1", "-o", "relu.png"), "range must be two finite numbers in order"),
        (("plot", "softmax", "-o", "softmax.png"), "function must be elementwise"),
        (("verify", "relu", "--sample", "-5"), "--sample and --threads must not be negative"),
        (("plot", "relu.backward", "-o", "x.png"), "'relu.backward' is neither a function nor NAME.derivative"),
        (("plot", "relu", "-o", "relu"), "relu must have the ending of a kind of picture"),
        (("plot", "relu", "--points", "--range", "0", "1e9", "-o", "x.png"), "the range, which must be at most 100000 wide"),
        (("list", "relu", "--markdown"), "--markdown prints the whole catalogue, and takes neither a name nor a framework"),
        (("list", "--framework", "caffe"), "--framework must be one of torch, jax"),
        (("plot", "elu", "--set", "alpha", "-o", "x.png"), "--set takes NAME=VALUE, got 'alpha'"),
        (("plot", "elu", "--set", "alfa=1", "-o", "x.png"), "unknown parameter 'alfa'"),
    ],
)
def test_mistakes_cost_one_sentence(run, tmp_path, monkeypatch, arguments, sentence):
    monkeypatch.chdir(tmp_path)
    result = run(*arguments)
    assert result.exit_code == 1
    assert result.stderr.startswith("fastrelu: ")
    assert sentence in result.stderr
    assert result.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_list_of_a_framework(run):
    shown = run("list", "--framework", "pytorch").stdout
    assert "hardshrink" in shown
    assert "multiquadric" not in shown
    shown = run("list", "--framework", "jax").stdout
    assert re.search(r"^gelu\(approximate=True\) +gelu ", shown, re.MULTILINE), shown
    assert re.search(r"^hard_tanh\(x, min_val=-1.0, max_val=1.0\) +hardtanh ", shown, re.MULTILINE)


def test_infinite_parameters_and_pictures(run, tmp_path):
    common = "--range", "-1000", "1000", "--derivative", "-o"
    assert run("plot", "exponential", *common, str(tmp_path / "a.png")).exit_code == 0
    assert run("plot", "bounded_relu", "--set", "max_value=inf", *common, str(tmp_path / "b.png")).exit_code == 0


def test_missing_extra_is_named():
    """Without typer the script says what to install."""
    code = "import sys; sys.modules['typer'] = None; from fastrelu.cli import main; main()"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert result.stderr == "fastrelu: the command line needs the package typer: pip install 'fastrelu[cli]'\n"


def test_apply_draws_no_random_numbers(run, tmp_path):
    np.save(tmp_path / "x.npy", -np.ones(8))
    result = run("apply", "rrelu", str(tmp_path / "x.npy"), str(tmp_path / "y.npy"), "--set", "training=True", "--set", "seed=1")
    assert result.exit_code == 1
    assert result.stderr == "fastrelu: apply computes block by block, and cannot draw random numbers for training\n"
    assert not (tmp_path / "y.npy").exists()
