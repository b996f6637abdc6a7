"""Checks and measures the calls of libraries on a GPU."""

from __future__ import annotations

import importlib
import subprocess
import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

import numpy as np

from .gpu_grid import ROWS, operands
from .gpu_libraries import LIBRARIES, Library, shaped
from .gpu_results import COPY, OURS, Cell, Results, calls_of_a_burst, sets_of_arrays
from .grid import ARRAYS, FORWARD, FROM_OUTPUT, Case
from .libraries import as_numpy
from .machine import machine
from .worker import values

EPSILON = {"float16": 2.0**-10, "bfloat16": 2.0**-7, "float32": 2.0**-23, "float64": 2.0**-52}
SMALLEST = 1 / 16  # smaller values are compared as if they were so large: a difference of large ones has no better digits
MOST_WRONG = 1e5  # units in the last place: what is further off is no result


class NoDevice(Exception):
    """Why nothing can be measured."""


def device() -> Any:
    """Numba's object of the device."""
    if importlib.util.find_spec("numba_cuda") is None:
        raise NoDevice("there is nothing to measure: numba-cuda is not installed (pip install 'fastrelu[cuda]')")
    cuda = importlib.import_module("numba.cuda")
    if not cuda.is_available():
        raise NoDevice("there is nothing to measure: this machine has no CUDA device, or no driver for it")
    return cuda.get_current_device()


def about(found: Any) -> dict[str, Any]:
    """The machine: the device, its driver and the versions."""
    query = ["nvidia-smi", "--query-gpu=driver_version,clocks.max.sm,clocks.max.memory,power.limit", "--format=csv,noheader"]
    try:
        told = subprocess.run(query, capture_output=True, text=True, timeout=60, check=True).stdout.splitlines()[0]
    except (OSError, subprocess.SubprocessError, IndexError):
        told = "nvidia-smi does not tell"
    packages = dict.fromkeys(package for library in LIBRARIES.values() for package in library.packages)
    versions = {package: importlib.import_module("fastrelu.cli.info").version(package) for package in packages}
    return {
        **machine(()),
        "gpu": found.name.decode() if isinstance(found.name, bytes) else found.name,
        "compute capability": ".".join(map(str, found.compute_capability)),
        "multiprocessors": found.MULTIPROCESSOR_COUNT,
        "l2": found.L2_CACHE_SIZE,
        "driver": told,
        **versions,
    }


def present(names: Sequence[str], missing: dict[str, str]) -> dict[str, Library]:
    """The libraries that are there; the others are named with the reason."""
    found = {}
    for name in names:
        try:
            found[name] = LIBRARIES[name]()
        except (ImportError, RuntimeError) as error:
            missing[name] = sentence(error)
    return found


def host_values(case: Case) -> list[np.ndarray[Any, Any]]:
    """The first of the case's operands' values, in its dtype."""
    return [shaped(values(name, case.size).astype(as_numpy(case.dtype))) for name in operands(case)]


def ours(case: Case, given: Sequence[Any]) -> Any:
    """What fastrelu gives for arrays of the host."""
    function = importlib.import_module("fastrelu").registry[case.function]
    option = {"from_output": True} if case.direction == FROM_OUTPUT else {}
    return (function if case.direction == FORWARD else function.backward)(*given, **option)


def deviation(got: Any, wanted: Any, dtype: str) -> float:
    """The largest difference in units in the last place."""
    with np.errstate(all="ignore"):
        unit = EPSILON[dtype] * np.exp2(np.floor(np.log2(np.maximum(np.abs(wanted), SMALLEST))))
        return float(np.max(np.abs(got - wanted) / unit))


def check(library: Library, name: str, case: Case, call: Callable[..., Any], arrays: Sequence[Any]) -> tuple[float, str]:
    """How far a result is off, and what is wrong with it."""
    given = host_values(case)
    got = library.host(call(*arrays)).reshape(-1)[: given[0].size]
    off = deviation(got, ours(case, [each.astype(np.float64) for each in given]).reshape(-1), case.dtype)
    if not off <= MOST_WRONG:
        return off, f"wrong by {off:.0f} units in the last place"
    if name == OURS and case.function != ROWS:
        same = np.array_equal(got, ours(case, given).reshape(-1).astype(np.float64))
        return off, "" if same else "other bits than on the CPU"
    return off, ""


class Clock:
    """Measures bursts of calls."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self.cuda = importlib.import_module("numba.cuda")

    def burst(self, call: Callable[..., Any], sets: Sequence[Sequence[Any]], count: int) -> float:
        """Seconds a call, of so many that go round the sets of arrays."""
        if not self.library.by_events:
            self.library.wait()
            before = time.perf_counter()
            for place in range(count):
                last = call(*sets[place % len(sets)])
            last.block_until_ready()
            return (time.perf_counter() - before) / count
        start, stop = self.cuda.event(), self.cuda.event()
        start.record()
        for place in range(count):
            call(*sets[place % len(sets)])
        stop.record()
        stop.synchronize()
        return self.cuda.event_elapsed_time(start, stop) / 1e3 / count

    def samples(self, call: Callable[..., Any], sets: Sequence[Sequence[Any]], settings: dict[str, Any]) -> list[float]:
        """Bursts, after one that warms up."""
        once = self.burst(call, sets, len(sets))
        count = calls_of_a_burst(min(once, self.burst(call, sets, len(sets))), settings["burst"], len(sets))
        return [self.burst(call, sets, count) for _ in range(settings["rounds"])]


class Arrays:
    """Sets of arrays of one dtype and size, as many as do not fit into the cache together."""

    def __init__(self, library: Library, case: Case, cache: int) -> None:
        names = tuple(dict.fromkeys(name for each in ARRAYS.values() for name in each))
        count = sets_of_arrays(len(names) * case.size * case.itemsize, cache)
        blocks = {name: values(name, case.size) for name in names}
        made = ({name: library.array(block, case.dtype, case.size) for name, block in blocks.items()} for _ in range(count))
        self.sets = list(made)

    def of(self, case: Case) -> list[list[Any]]:
        """For the calls of a case."""
        return [[arrays[name] for name in operands(case)] for arrays in self.sets]


def measure(library: Library, name: str, cases: Sequence[Case], found: Results) -> None:
    """All cases of one dtype and size."""
    clock, cell = Clock(library), Cell()
    try:
        arrays = Arrays(library, cases[0], found.machine["l2"])
    except Exception as error:  # too large for the device
        cell.error = sentence(error)
        arrays = None
    for case in cases:
        row = found.cells.setdefault(case, {})
        if arrays is None:
            row[name] = cell
            continue
        row[name] = measured(clock, name, case, arrays, found.settings)
        if name == OURS and COPY not in row and not found.settings["check_only"]:
            row[COPY] = Cell(clock.samples(library.copy, [given[-1:] for given in arrays.of(case)], found.settings))
    arrays = None
    library.free()


def measured(clock: Clock, name: str, case: Case, arrays: Arrays, settings: dict[str, Any]) -> Cell:
    """One case."""
    cell = Cell()
    try:
        call = clock.library.call(case)
        if call is None:
            cell.error = "the library has no such call"
            return cell
        sets = arrays.of(case)
        cell.deviation, cell.error = check(clock.library, name, case, call, sets[0])
        if not cell.error and not settings["check_only"]:
            cell.samples = clock.samples(call, sets, settings)
    except Exception as error:  # of any library: the others go on
        cell.error = sentence(error)
    return cell


def overhead(library: Library, calls: int = 200, rounds: int = 15) -> float:
    """Seconds on the host for a call of relu on 1 K elements of float32, while the device keeps up."""
    case = Case("relu", FORWARD, "float32", 1 << 10, out=False, threads=0)
    call, x = library.call(case), library.array(values("x", case.size), case.dtype, case.size)
    assert call is not None
    times = []
    for _ in range(rounds):
        library.wait()
        before = time.perf_counter()
        for _ in range(calls):
            call(x)
        times.append((time.perf_counter() - before) / calls)
    return median(times[1:])


def sentence(error: Exception) -> str:
    """Its first line."""
    return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
