"""Pictures: the data of what is drawn, and the commands of the documentation."""

import re
import shlex
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest

mpl.use("agg")
from grid import ACTIVATIONS, REPRESENTATIVES
from matplotlib import pyplot
from typer.testing import CliRunner

import fastrelu as fr
from fastrelu import plot
from fastrelu.cli.app import app

DOCS = Path(__file__).parents[1] / "docs"


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    pyplot.close("all")


def named(ax, label):
    (line,) = (line for line in ax.lines if line.get_label() == label)
    return line.get_xydata().T


def test_points_of_a_list():
    integers = list(range(-10, 11))
    ax = plot.points(fr.relu, integers)
    expected = np.array([integers, [0] * 11 + list(range(1, 11))])
    np.testing.assert_array_equal(named(ax, "line"), expected)
    (scatter,) = ax.collections
    np.testing.assert_array_equal(scatter.get_offsets().T, expected)


def test_relu_and_its_derivative():
    ax = plot.curve(fr.relu, range=(-5, 10), derivative=True)
    x, y = named(ax, "relu")
    np.testing.assert_array_equal(y, np.maximum(x, 0))
    assert x[0] == -5
    assert x[-1] == 10
    assert 0 in x
    x, y = named(ax, "relu.derivative")
    assert np.isnan(y).sum() == 1  # the line ends at 0 and starts again at 1
    assert set(y[x < 0]) == {0}
    assert set(y[x > 0]) == {1}
    circles = {tuple(line.get_xydata()[0]): line.get_markerfacecolor() for line in ax.lines if line.get_marker() == "o"}
    assert set(circles) == {(0, 0), (0, 1)}
    assert circles[0, 1] == "white"
    assert circles[0, 0] != "white"


@pytest.mark.parametrize("name", [name for name, one in ACTIVATIONS.items() if name in REPRESENTATIVES or one.facts.kinks])
def test_no_line_crosses_a_jump(name):
    function = fr.registry[name]
    params = {"weight": 0.25} if name == "prelu" else {}
    ax = plot.curve(function, range=(-3.5, 8), derivative=True, **params)
    for label in (name, f"{name}.derivative"):
        x, y = named(ax, label)
        steps = np.abs(np.diff(y))[np.diff(x) < 1e-6]  # neighbours on both sides of a kink; NaN where the line is broken
        assert not (steps > 1e-6).any()
        assert (np.nanmax(np.diff(x)) < 0.1).all()


def test_existing_axes_and_parameters():
    _, ax = pyplot.subplots()
    assert plot.curve(fr.elu, ax=ax, alpha=0.5) is ax
    x, y = named(ax, "elu")
    np.testing.assert_array_equal(y, fr.elu(x, alpha=0.5))
    assert np.isnan(named(plot.curve(fr.elu.derivative, alpha=0.5), "elu.derivative")[1]).sum() == 1
    assert plot.curve(fr.elu, alpha=0.5).get_title() == "elu (alpha=0.5)"


def test_commands_of_the_documentation(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    commands = re.findall(r"^fastrelu (plot .*)$", (DOCS / "pictures.md").read_text(), re.MULTILINE)
    assert len(commands) >= 2
    (tmp_path / "docs" / "images").mkdir(parents=True)
    for command in commands:
        result = CliRunner().invoke(app, shlex.split(command))
        assert result.exit_code == 0, result.output
    pictures = sorted((tmp_path / "docs" / "images").iterdir())
    assert [picture.name for picture in pictures] == sorted(picture.name for picture in (DOCS / "images").glob("relu-*"))
    for picture in pictures:
        assert pyplot.imread(picture).shape == (600, 900, 4)
