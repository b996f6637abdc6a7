"""Crossover sizes without measuring: derived from the machine, stored, read again, or left out with a reason."""

import dataclasses
import hashlib
import json
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fastrelu as fr
from fastrelu import machine as machines
from fastrelu import tuned
from fastrelu.machine import Machine, this_machine
from fastrelu.thresholds import NEVER, Cost, Thresholds, derived

HERE = Machine("zen4", "Linux x86_64", 16, (1 << 15, 1 << 20, 1 << 26))
MINE = Thresholds({Cost.MEMORY: 1 << 20, Cost.LIGHT: 1 << 18, Cost.HEAVY: NEVER}, 1 << 25)
VERSION = "1.2.3"
TEXT = tuned.as_text(MINE, HERE, VERSION, 16, "2026-01-02T03:04:05+00:00")


def store(text):
    tuned.file().parent.mkdir(parents=True)
    tuned.file().write_text(text)


# The machine, and what is derived from it


def test_this_machine():
    found = this_machine()
    assert found.cores >= 1
    assert len(found.caches) == 3
    assert all(size >= 0 for size in found.caches)
    assert machines.processor_name()


def test_caches_from_the_system(tmp_path, monkeypatch):
    files = [("1", "Data", "48K"), ("1", "Instruction", "32K"), ("2", "Unified", "2048K"), ("3", "Unified", "1G")]
    for index, texts in enumerate(files):
        folder = tmp_path / f"index{index}"
        folder.mkdir()
        for name, text in zip(("level", "type", "size"), texts, strict=True):
            (folder / name).write_text(text + "\n")
    monkeypatch.setattr(machines, "SYSTEM_CACHES", str(tmp_path))
    assert machines._from_sys() == {1: 48 << 10, 2: 2 << 20, 3: 1 << 30}
    (tmp_path / "index2" / "size").write_text("many\n")
    assert machines._from_sys() == {1: 48 << 10}


def test_system_that_tells_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(machines, "SYSTEM_CACHES", str(tmp_path))
    monkeypatch.setattr(machines, "_from_sysconf", dict)
    monkeypatch.setattr(machines, "_from_sysctl", dict)
    found = this_machine.__wrapped__()
    assert found.caches == (0, 0, 0)
    assert derived(found).streaming_from >= 1 << 23


def test_derived():
    two = dataclasses.replace(HERE, cores=2)
    assert derived(HERE).streaming_from == 1 << 25, "half of the last cache"
    assert derived(two).streaming_from == 1 << 23, "two cores do not have the whole of a large one"
    assert set(derived(dataclasses.replace(HERE, cores=1)).parallel_from.values()) == {NEVER}


@given(st.integers(1, 1024), st.tuples(*[st.integers(0, 1 << 40)] * 3))
def test_derived_for_any_machine(cores, caches):
    found = derived(Machine("any", "any", cores, caches))
    sizes = found.parallel_from
    assert sizes[Cost.MEMORY] >= sizes[Cost.LIGHT] >= sizes[Cost.HEAVY] > 0
    assert 1 << 23 <= found.streaming_from <= NEVER


# The file, and the environment


def test_round_trip():
    found = tuned.settle(TEXT, "", HERE, VERSION)
    assert found.thresholds == MINE
    assert set(found.origins.values()) == {"tuned on 2026-01-02"}
    assert found.problems == ()


@given(st.tuples(*[st.integers(1, NEVER)] * 4))
def test_any_sizes_round_trip(sizes):
    thresholds = Thresholds(dict(zip(Cost, sizes, strict=False)), sizes[3])
    text = tuned.as_text(thresholds, HERE, VERSION, 2, "2026-01-02")
    assert tuned.settle(text, "", HERE, VERSION).thresholds == thresholds


def changed(**values):
    return json.dumps({**json.loads(TEXT), **values})


def without(key):
    return json.dumps({name: value for name, value in json.loads(TEXT).items() if name != key})


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "broken"),
        ("{", "broken"),
        (TEXT[:-20], "broken"),
        ("[]", "broken"),
        ("null", "broken"),
        ("[" * 100_000, "broken"),
        (without("bytes"), "broken"),
        (without("date"), "broken"),
        (without("machine"), "broken"),
        (changed(bytes=3), "broken"),
        (changed(date=3), "broken"),
        *[
            (changed(bytes={**tuned.sizes_of(MINE), "light": size}), "broken")
            for size in (0, -1, 1.5, True, "1", None, NEVER + 1, [1])
        ],
        (changed(fastrelu="1.2.2"), "measured by fastrelu 1.2.2, this is 1.2.3"),
        (changed(machine={**dataclasses.asdict(HERE), "processor": "zen3"}), "processor 'zen3', here 'zen4'"),
        (changed(machine={**dataclasses.asdict(HERE), "cores": 8}), "cores 8, here 16"),
        (changed(machine=None), "another machine"),
        (changed(machine={}), "another machine"),
    ],
)
def test_unusable_file(text, reason):
    found = tuned.settle(text, "", HERE, VERSION)
    assert found.thresholds == derived(HERE)
    assert set(found.origins.values()) == {"derived from cores and caches"}
    (problem,) = found.problems
    assert problem.startswith("the tuned file is ignored: ")
    assert reason in problem
    assert "\n" not in problem


@given(st.text())
def test_no_text_raises(text):
    tuned.settle(text, text, HERE, VERSION)


@given(st.sampled_from(tuned.NAMES), st.text("0123456789", max_size=60))
def test_no_size_is_too_large_to_compare_with(name, digits):
    found = tuned.settle(None, f"{name}={digits}", HERE, VERSION).thresholds
    assert all(0 < size <= NEVER for size in (*found.parallel_from.values(), found.streaming_from))


def test_environment_comes_first():
    found = tuned.settle(TEXT, " heavy = 4096, streaming=8192,", HERE, VERSION)
    assert found.thresholds == Thresholds({**MINE.parallel_from, Cost.HEAVY: 4096}, 8192)
    assert found.origins["heavy"] == "environment: FASTRELU_THRESHOLDS"
    assert found.origins["light"] == "tuned on 2026-01-02"


@pytest.mark.parametrize(
    "given", ["heavy", "heavy=", "heavy=-1", "heavy=0", "heavy=1e3", "heavier=1", f"heavy={NEVER + 1}", "=1"]
)
def test_unusable_environment(given):
    found = tuned.settle(TEXT, f"light=1,{given}", HERE, VERSION)
    assert found.thresholds == MINE
    (problem,) = found.problems
    assert repr(given) in problem


def test_folder_is_that_of_platformdirs(home, monkeypatch):
    platformdirs = pytest.importorskip("platformdirs")
    assert tuned.folder() == platformdirs.user_config_path("fastrelu", appauthor=False)
    if sys.platform not in ("win32", "darwin"):
        for given in ("", "  ", "relative"):
            monkeypatch.setenv("XDG_CONFIG_HOME", given)
            assert tuned.folder() == home / ".config" / "fastrelu"


def test_no_file(home):
    assert tuned.in_force() == tuned.settle(None, "", this_machine(), fr.__version__)
    assert tuned.in_force().problems == ()


def test_file_that_cannot_be_read(home):
    tuned.file().mkdir(parents=True)
    (problem,) = tuned.in_force().problems
    assert "cannot be read" in problem


def test_file_that_is_not_text(home):
    store("")
    tuned.file().write_bytes(b"\xff\xfe\xff")
    assert tuned.in_force().thresholds == derived(this_machine())
    assert len(tuned.in_force().problems) == 1


@pytest.mark.parametrize("text", ["{", "stored"])
def test_a_process_uses_the_file(home, text):
    """Or the derived sizes, without a word and with the same bits."""
    sizes = Thresholds(dict.fromkeys(Cost, 1 << 16), 1 << 17)
    store(tuned.as_text(sizes, this_machine(), fr.__version__, 2, "2026-01-02") if text == "stored" else text)
    code = """
import hashlib, numpy as np, fastrelu as fr
from fastrelu import tuned
x = np.linspace(-9, 9, 1 << 18, dtype=np.float32)
y = fr.gelu(x)
digest = hashlib.sha256(y.tobytes() + fr.gelu(x[::2]).tobytes())
print(tuned.in_force().thresholds.streaming_from, fr.gelu.large, digest.hexdigest())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=dict(os.environ))
    assert done.stderr == ""
    streaming, large, digest = done.stdout.split()
    wanted = sizes if text == "stored" else derived(this_machine())
    assert int(streaming) == wanted.streaming_from
    assert int(large) == min(wanted.parallel_from[Cost.HEAVY], wanted.streaming_from) // 8
    x = np.linspace(-9, 9, 1 << 18, dtype=np.float32)
    assert digest == hashlib.sha256(fr.gelu(x).tobytes() + fr.gelu(x[::2]).tobytes()).hexdigest()
