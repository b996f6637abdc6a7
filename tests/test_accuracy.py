"""The accuracy cards, and the sweeps that they come from: a sweep has to find an error, and its reference has to be true."""

import json
import math
import runpy
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from grid import ACTIVATIONS, each
from typer.testing import CliRunner

import fastrelu as fr
from fastrelu import accuracy
from fastrelu.cli.app import app
from fastrelu.proof import cards
from fastrelu.proof.formats import FORMATS
from fastrelu.proof.reference import KINDS, Reference
from fastrelu.proof.stable import STABLE
from fastrelu.proof.sweep import BLOCKS, Sweep

ALLOWED = {"float16": (0.51, 0.51), "bfloat16": (0.51, 0.51), "float32": (1.0, 2.0), "float64": (2.0, 2.0)}
DOCS = Path(__file__).parents[1] / "docs"


@each(ACTIVATIONS)
def test_card_is_there_and_of_this_formula(function):
    """If this fails, the formula has changed since: `fastrelu verify NAME --dtype all` measures it again."""
    assert list(function.accuracy) == list(FORMATS)
    stale = [f"{dtype} {kind}" for dtype, kinds in function.accuracy.items() for kind, found in kinds.items() if found.stale]
    assert not stale, f"stale: {function.dotted_name} {stale}"


@each(ACTIVATIONS)
def test_card_counts_what_was_checked(function):
    for dtype, kinds in function.accuracy.items():
        assert list(kinds) == list(KINDS)
        for found in kinds.values():
            assert found.reference_checked > 0
            bits = FORMATS[dtype].bits
            assert found.complete == (bits <= 32 and found.checked == 2**bits)
            assert found.checked <= 2**bits
            assert found.complete or found.checked + found.unresolved > 50_000
            if bits == 16:
                assert found.complete and not found.unresolved


@each(ACTIVATIONS)
def test_max_ulp_is_the_proven_number(function):
    """Without parameters it is what the card says, rounded up to hundredths; one that covers other parameters may be larger."""
    found = [function.accuracy[dtype]["forward"] for dtype in ("float32", "float64")]
    proven = math.ceil(max(one.max_ulp for one in found) * 100 - 1e-9) / 100
    assert function.max_ulp >= proven
    if found[0].complete and not function.params:
        assert function.max_ulp == proven


def test_accuracy_prints_as_a_table():
    text = repr(fr.gelu.accuracy)
    assert text.startswith("accuracy of gelu\n")
    for dtype, kinds in fr.gelu.accuracy.items():
        for kind, found in kinds.items():
            line = next(line for line in text.splitlines() if line.split()[:2] == [dtype, kind])
            assert f"{found.max_ulp:.4g}" in line
            assert f"{found.checked:,}" in line
            assert ("all inputs" in line) == found.complete


def test_a_changed_formula_makes_a_card_stale(tmp_path):
    content = json.loads(accuracy.card_path("relu").read_text())
    content["float32"]["forward"]["formula"] = "0"
    accuracy.card_path("relu", tmp_path).write_text(json.dumps(content))
    card = accuracy.read(fr.relu, tmp_path)
    assert card["float32"]["forward"].stale
    assert not card["float32"]["derivative"].stale
    assert "stale" in repr(card)
    assert repr(accuracy.read(fr.tanh, tmp_path)) == "accuracy of tanh: not measured"


def test_versions_tell_formulas_and_constants_apart():
    def made(constant):
        table = (constant, 2.0)

        def formula(x):
            return x * type(x)(table[0])

        return formula

    versions = {accuracy.version.__wrapped__(made(constant)) for constant in (1.0, 1.0, 1.5)}
    assert len(versions) == 2
    known = [accuracy.version(f) for function in ACTIVATIONS.values() for f in (function.formula, function.derivative.formula)]
    assert len(set(known)) > len(ACTIVATIONS)


def test_the_page_is_up_to_date():
    page = runpy.run_path(str(DOCS / "accuracy_page.py"))["page"]()
    assert page == (DOCS / "accuracy.md").read_text(), "python docs/accuracy_page.py writes it anew"


@each(ACTIVATIONS)
def test_reference_is_what_mpmath_says(function):
    reference = Reference(function, FORMATS["float32"])
    points = np.concatenate([cards.reference_points(FORMATS["float32"])[::40], np.array([0.25, -0.75, 1e-30, 3.0], np.float32)])
    assert reference.disagreements(points) == []


def test_references_in_several_threads():
    """mpmath has one precision for all of them."""
    reference = Reference(fr.serf, FORMATS["float64"])
    x, points = -1.0156666996635425, np.linspace(-2, 2, 400)
    truth = reference.exact("derivative", x)
    with ThreadPoolExecutor() as pool:
        others = [pool.submit(reference.disagreements, points) for _ in range(2)]
        found = {reference.exact("derivative", x) for _ in range(400)}
    assert found == {truth} and [each.result() for each in others] == [[], []]


def test_a_reference_overflows_with_its_slope():
    """Where exponentials are cut because the results overflow."""
    points = np.array([1250.0, 4480.0, 1e30], np.float32)
    assert Reference(fr.soft_exponential, FORMATS["bfloat16"]).disagreements(points) == []


def test_stable_references_are_of_functions():
    assert set(STABLE) <= set(ACTIVATIONS)


@pytest.fixture
def wrong(own_registry):
    """A function that is right but for a few inputs, and so is its derivative."""

    def slope(x):
        return type(x)(2.01) if (x > type(x)(3.0)) & (x < type(x)(3.01)) else type(x)(2.0) if x == x else x

    @fr.activation(derivative=slope, reference=lambda m, x: 2 * x, numpy=lambda x: 2 * x, max_ulp=0)
    def twice(x):
        """2 x."""
        return x + x if (x < type(x)(5.0)) | (x > type(x)(5.01)) else x * type(x)(2.02) if x == x else x

    return twice


def test_a_sweep_finds_an_error(wrong):
    form = FORMATS["float16"]
    found = cards.measure(wrong, form, 0, 1, lambda _done: None)
    assert found["forward"].max_ulp > 5
    assert 5 <= found["forward"].worst_input <= 5.01
    assert found["derivative"].max_ulp > 2
    assert 3 < found["derivative"].worst_input < 3.01
    assert found["forward"].checked == 65536


def test_float32_finds_it_too(wrong):
    """The fast way, in the one of the blocks that holds 3 to 5.01."""
    sweep = Sweep(wrong, FORMATS["float32"], 2**23)
    index = int(np.float32(4).view(np.uint32)) // (2**32 // BLOCKS)
    found = sweep.block(index)
    at = {kind: float(np.uint32(part.at).view(np.float32)) for kind, part in found.items()}
    assert found["forward"].worst > 1e4 and 5 <= at["forward"] <= 5.01
    assert found["derivative"].worst > 1e4 and 3 < at["derivative"] < 3.01


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setattr(cards, "folder", lambda: tmp_path / "cache")
    return lambda *arguments: CliRunner().invoke(app, ["verify", *arguments, "--cards", str(tmp_path), "--threads", "1"])


def test_command(run, tmp_path):
    result = run("relu", "--dtype", "float16")
    assert result.exit_code == 0, result.output
    assert "65,536" in result.stdout
    card = json.loads(accuracy.card_path("relu", tmp_path).read_text())
    assert card["float16"]["forward"]["complete"]
    assert run("relu", "--dtype", "float32", "--sample", "100000").exit_code == 0
    card = json.loads(accuracy.card_path("relu", tmp_path).read_text())
    assert list(card) == ["float16", "float32"]
    assert not card["float32"]["forward"]["complete"]
    assert card["float32"]["forward"]["checked"] > 99_000


def test_a_sweep_goes_on(run, tmp_path, monkeypatch):
    calls = []
    block = Sweep.block

    def interrupted(self, index):
        if len(calls) == 10:
            raise KeyboardInterrupt
        calls.append(index)
        return block(self, index)

    monkeypatch.setattr(Sweep, "block", interrupted)
    assert run("relu", "--dtype", "float16").exit_code != 0
    monkeypatch.setattr(Sweep, "block", lambda self, index: calls.append(index) or block(self, index))
    assert run("relu", "--dtype", "float16").exit_code == 0
    assert sorted(calls) == list(range(BLOCKS))
    assert json.loads(accuracy.card_path("relu", tmp_path).read_text())["float16"]["forward"]["checked"] == 65536


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "verify takes names of functions, or --all"),
        (("softmax",), "verify takes elementwise functions"),
        (("relu", "--dtype", "int8"), "--dtype takes float16"),
    ],
)
def test_refusals(run, arguments, sentence):
    result = run(*arguments)
    assert result.exit_code == 1
    assert sentence in result.output


@each(ACTIVATIONS)
def test_targets(function):
    """The conventions, wherever a card knows the figure."""
    for dtype, kinds in function.accuracy.items():
        for allowed, found in zip(ALLOWED[dtype], kinds.values(), strict=True):
            assert found.max_ulp <= allowed, (dtype, found)
