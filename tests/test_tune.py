"""Measuring crossover sizes, and the commands tune and info. No time decides a test."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

import fastrelu as fr
from fastrelu import pool, tuned
from fastrelu.cli import crossovers
from fastrelu.cli import tune as command
from fastrelu.cli.app import app
from fastrelu.cli.crossovers import Measured, Reading, crossover
from fastrelu.machine import Machine, this_machine
from fastrelu.thresholds import NEVER, Cost, Thresholds, derived

HERE = Machine("zen4", "Linux x86_64", 16, (1 << 15, 1 << 20, 1 << 26))
MINE = Thresholds({Cost.MEMORY: 1 << 20, Cost.LIGHT: 1 << 18, Cost.HEAVY: NEVER}, 1 << 25)


@pytest.fixture
def run(home):
    return lambda *arguments: CliRunner().invoke(app, [str(argument) for argument in arguments])


# From readings to sizes


def readings(sizes, plain, other):
    return [Reading(size, plain(size), other(size)) for size in sizes]


SIZES = [1 << power for power in range(15, 23)]


def test_crossover_of_a_fixed_cost():
    """The other way costs 10 us more and takes half of the time: it gains a tenth from 22.2 us on."""
    found = crossover(readings(SIZES, lambda size: size * 1e-9, lambda size: 1e-5 + size * 5e-10), 1.1)
    assert found == 1 << 15  # 32.8 us
    found = crossover(readings(SIZES, lambda size: size * 1e-10, lambda size: 1e-5 + size * 5e-11), 1.1)
    assert found == 1 << 18  # 26.2 us; at half the size 13.1 us


def test_crossover_forgives_one_bad_reading():
    good = readings(SIZES, lambda size: size * 1e-9, lambda size: 1e-4 + size * 5e-10)
    assert crossover(good, 1.1) == 1 << 18
    bad = [dataclasses.replace(reading, other=2 * reading.other) if reading.size == 1 << 21 else reading for reading in good]
    assert crossover(bad, 1.1) == 1 << 18


def test_crossover_never_or_nothing():
    assert crossover(readings(SIZES, lambda _: 1.0, lambda _: 1.0), 1.1) is None
    assert crossover([], 1.1) is None


@given(st.lists(st.builds(Reading, st.sampled_from(SIZES), *[st.floats(1e-9, 10)] * 2)), st.randoms())
def test_crossover_is_the_least_loss(found, random):
    def lost(limit):
        times = [reading.plain if reading.size < limit else 1.1 * reading.other for reading in found]
        return sum(map(np.log, times))

    chosen = crossover(found, 1.1)
    assert lost(chosen or NEVER) <= min(map(lost, [*SIZES, NEVER])) + 1e-9
    random.shuffle(found)
    assert lost(crossover(found, 1.1) or NEVER) == pytest.approx(lost(chosen or NEVER), abs=1e-9)


def measured(gain=2.0, single=2.0, pipeline=2.0):
    parallel = {cost: readings(SIZES, lambda _: gain, lambda _: 1.0) for cost in Cost}
    large = [1 << power for power in range(22, 27)]
    return Measured(parallel, *(readings(large, lambda _, g=g: g, lambda _: 1.0) for g in (single, pipeline)))


def test_thresholds_of_readings():
    assert measured().thresholds(MINE) == Thresholds(dict.fromkeys(Cost, 1 << 15), 1 << 22)
    assert measured(gain=1.05).thresholds(MINE).parallel_from == dict.fromkeys(Cost, NEVER)
    assert measured().quiet
    assert not measured(gain=1.0).quiet


def test_streaming_must_win_alone_and_in_a_pipeline():
    assert measured(single=0.5).thresholds(MINE).streaming_from == 1 << 27, "twice the largest size measured"
    assert measured(pipeline=0.5).thresholds(MINE).streaming_from == 1 << 27
    later = measured()
    later.pipeline[:2] = [dataclasses.replace(reading, other=10.0) for reading in later.pipeline[:2]]
    assert later.thresholds(MINE).streaming_from == 1 << 24


def test_nothing_measured_is_the_default():
    nothing = Measured({cost: [] for cost in Cost}, [], [])
    assert nothing.thresholds(MINE) == MINE
    assert len(nothing.missing) == 2
    assert not measured().missing
    assert nothing.quiet, "one thread: nobody can take its cores"


def test_memory_limits_the_streaming_sizes():
    sizes, needed = crossovers.streaming_sizes(HERE, 1 << 40)
    assert (sizes[0], sizes[-1], needed) == (1 << 22, 1 << 26, 1 << 28)
    assert crossovers.streaming_sizes(HERE, 1 << 27) == ([1 << 22, 1 << 23, 1 << 24, 1 << 25], 1 << 27)
    assert crossovers.streaming_sizes(HERE, (1 << 27) - 1) == ([], 0), "inputs would stay in the cache"
    assert crossovers.streaming_sizes(dataclasses.replace(HERE, caches=(0, 0, 0)), 1 << 40) == ([], 0)


# Measuring itself


def test_each_class_has_a_function():
    assert {fr.registry[name].cost for name in crossovers.FUNCTIONS} == set(Cost)


@pytest.mark.parametrize("dtype", crossovers.DTYPES)
def test_time_parallel(dtype):
    found = crossovers.time_parallel(fr.gelu, dtype, 1 << 16, 0)
    assert len(found) == (pool.allowed() > 1)
    found += crossovers.time_parallel(fr.gelu, dtype, 1 << 20, 0)
    assert [reading.size for reading in found] == ([1 << 16, 1 << 20, 1 << 20] if pool.allowed() > 1 else [])
    assert all(0 < reading.plain < 10 and 0 < reading.other < 10 for reading in found)


def test_time_parallel_on_one_thread():
    with fr.threads(1):
        assert crossovers.time_parallel(fr.relu, "float32", 1 << 16, 0) == []


@pytest.mark.parametrize("threads", [1, pool.most_threads()])
def test_time_streaming(threads):
    with fr.threads(threads):
        found = crossovers.time_streaming(np.full(1 << 21, 0.5, np.float32), 1 << 20, 0)
    assert all(reading.size == 1 << 20 and 0 < reading.plain < 10 and 0 < reading.other < 10 for reading in found)
    assert found[1] != found[0]


# The commands


@pytest.fixture
def fake(monkeypatch):
    """Readings of a quiet machine, or of any other."""

    def fake(found):
        def measure(machine, seconds, most, progress):
            progress(0.5, "half")
            return found

        monkeypatch.setattr(crossovers, "measure", measure)

    fake(measured())
    return fake


def test_tune_stores(run, fake):
    result = run("tune")
    assert result.exit_code == 0, result.output
    assert "wrote" in result.stdout
    found = tuned.in_force()
    assert found.thresholds == measured().thresholds(derived(this_machine()))
    assert all(origin.startswith("tuned on 20") for origin in found.origins.values())
    assert [path.name for path in tuned.file().parent.iterdir()] == ["thresholds.json"]
    shown = run("info")
    assert shown.exit_code == 0
    assert "tuned on 20" in shown.stdout


def test_dry_run_stores_nothing(run, fake):
    result = run("tune", "--dry-run")
    assert result.exit_code == 0
    assert "32 KB" in result.stdout
    assert not tuned.file().exists()


def test_busy_machine_is_refused(run, fake):
    fake(measured(gain=1.0))
    result = run("tune")
    assert result.exit_code == 1
    assert "other programs have the cores" in result.stderr
    assert not tuned.file().exists()
    assert run("tune", "--dry-run").exit_code == 0
    assert not tuned.file().exists()
    assert run("tune", "--force").exit_code == 0
    assert "never" in run("info").stdout


def test_reset(run, fake):
    run("tune")
    assert "deleted" in run("tune", "--reset").stdout
    assert not tuned.file().exists()
    assert "there is no" in run("tune", "--reset").stdout


def test_folder_that_cannot_be_written(run, fake, home):
    tuned.folder().parent.mkdir(parents=True, exist_ok=True)
    tuned.folder().write_text("a file")
    result = run("tune")
    assert result.exit_code == 1
    assert result.stderr.startswith("fastrelu: ")
    assert result.stderr.count("\n") == 1


def test_tune_really_measures(run, monkeypatch):
    """With next to no time and memory; whatever it finds is printed."""
    monkeypatch.setattr(crossovers, "PARALLEL_SIZES", (1 << 15, 1 << 16))
    monkeypatch.setattr(crossovers, "DTYPES", ("float32",))
    monkeypatch.setattr(command, "this_machine", lambda: HERE)
    monkeypatch.setattr(crossovers, "STREAMED", 1 << 23)
    result = run("tune", "--dry-run", "--seconds", "0", "--memory", "256")
    assert result.exit_code == 0, result.output
    for name in tuned.NAMES:
        assert command.label(name) in result.stdout


def test_info_names_everything(run):
    result = run("info")
    assert result.exit_code == 0, result.output
    for heading in ("processor", "caches", "threads", "thresholds", "kernel cache", "memory reuse", "dtypes", "GPU", "versions"):
        assert heading in result.stdout
    assert "float16" in result.stdout
    assert result.stdout.count("derived from cores and caches") == 4
    assert result.stderr == ""


def test_info_warns_once(run):
    tuned.file().parent.mkdir(parents=True)
    tuned.file().write_text(tuned.as_text(MINE, this_machine(), "0.0.1", 2, "2026-01-02"))
    result = run("info")
    assert result.exit_code == 0
    assert result.stderr.count("Warning: the tuned file is ignored: it was measured by fastrelu 0.0.1") == 1
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("size", "text"), [(1, "1 bytes"), (1 << 16, "64 KB"), (3 << 19, "1.5 MB"), (1 << 30, "1 GB"), (NEVER, "never")]
)
def test_amount(size, text):
    assert command.amount(size) == text
