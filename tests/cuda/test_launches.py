"""What reaches the driver, without one: a launch as numba prepares it, of kernels compiled for a device in name only."""

import contextlib
import ctypes
import gc
import re
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest
from ptx_tools import missing

import fastrelu as fr

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())
RESIDENT = 264  # blocks
OUT = 1 << 40  # the address of new arrays


class Launch(NamedTuple):
    grid: int
    block: int
    shared: int
    words: list[Any]


class OnDevice:
    """An array of which only the place is known."""

    def __init__(self, shape: Any, dtype: Any, address: int = 1 << 20, strides: Any = None) -> None:
        self.shape, self.dtype, self.__cuda_ndarray__ = shape, np.dtype(dtype), True
        typestr = self.dtype.str
        self.__cuda_array_interface__ = {
            "shape": shape,
            "typestr": typestr,
            "data": (address, False),
            "strides": strides,
            "version": 3,
        }


@pytest.fixture
def launches(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Iterator[list[Launch]]:
    """What would have been launched."""
    from numba.cuda import codegen, dispatcher

    from fastrelu.kernels.cuda import devices, launch

    made: list[Launch] = []

    def record(kernel: Any, args: Any, grid: Any, block: Any, _stream: Any, shared: int) -> None:
        words: list[Any] = []
        for kind, value in zip(kernel.argument_types, args, strict=True):
            kernel._prepare_args(kind, value, 0, [], words)
        # A block of more threads than the code was made for may want more registers than there are.
        assert re.findall(r"\.maxntid (\d+)", kernel.inspect_asm((9, 0))) == [str(block[0])]
        made.append(Launch(grid[0], block[0], shared, words))

    device = SimpleNamespace(compute_capability=(9, 0))
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(dispatcher, "get_current_device", lambda: device)
    monkeypatch.setattr(launch.cuda, "get_current_device", lambda: device)
    monkeypatch.setattr(codegen.JITCUDACodegen, "magic_tuple", lambda self: ((13, 0), (9, 0)))
    monkeypatch.setattr(codegen.CUDACodeLibrary, "_ensure_cc", lambda self, cc: (9, 0, "a"))
    monkeypatch.setattr(dispatcher._Kernel, "bind", lambda self: None)
    monkeypatch.setattr(dispatcher._Kernel, "max_cooperative_grid_blocks", lambda self, threads: RESIDENT)
    monkeypatch.setattr(dispatcher._Kernel, "launch", record)
    monkeypatch.setattr(dispatcher.driver, "_to_core_stream", lambda stream: stream)
    library = SimpleNamespace(
        empty=lambda shape, dtype, order, device: OnDevice(shape, dtype, OUT),
        stream=lambda device: 0,
        finished=lambda result: result,
    )
    monkeypatch.setattr(devices, "common", lambda name, arguments, values: (library, 0))
    monkeypatch.setattr(devices, "device_at", lambda address: 0)
    monkeypatch.setattr(devices, "launch_context", lambda device: contextlib.nullcontext())
    for cached in (launch.kernel, launch.packs_halves):
        cached.cache_clear()
    yield made
    for cached in (launch.kernel, launch.packs_halves):
        cached.cache_clear()
    gc.collect()


def values(words: list[Any]) -> list[Any]:
    return [getattr(word, "value", word) for word in words]


def test_few_arguments(launches: list[Launch]) -> None:
    fr.relu(OnDevice((1000, 1000), np.float32))
    (relu,) = launches
    assert values(relu.words) == [OUT, 1 << 20, 1_000_000]
    assert relu.block == 256
    fr.leaky_relu.backward(OnDevice((77,), np.float16), OnDevice((77,), np.float16), negative_slope=0.1)
    assert values(launches[-1].words) == [OUT, 1 << 20, 1 << 20, float(np.float32(0.1)), 77]


def test_the_grid_is_what_the_device_holds_and_no_more_than_there_is_work_for(launches: list[Launch]) -> None:
    for size, wanted in ((1, 128), (128 * 256 * 8 * 2, 257), (1 << 28, RESIDENT)):
        fr.relu(OnDevice((size,), np.float32))
        assert launches[-1].grid == wanted


@pytest.mark.parametrize(
    ("shape", "strides", "kind"), [((4, 6), (64, 4), ctypes.c_int32), ((1 << 16, 1 << 14), (1 << 17, 4), ctypes.c_int64)]
)
def test_strides_have_32_bits_where_these_hold_them(shape: Any, strides: Any, kind: Any, launches: list[Launch]) -> None:
    fr.relu(OnDevice(shape, np.float32, strides=strides))
    (relu,) = launches
    assert values(relu.words) == [OUT, 1 << 20, shape[0] * shape[1], *shape, shape[1] * 4, 4, *strides]
    assert {type(word) for word in relu.words[3:]} == {kind}


def test_numbers_have_the_type_of_the_computation(launches: list[Launch]) -> None:
    fr.threshold(OnDevice((5,), np.int8), 1, 2)
    assert {type(word) for word in launches[-1].words[2:-1]} == {ctypes.c_int8}
    fr.prelu(OnDevice((5,), np.float16), 0.1)
    assert values(launches[-1].words)[2] == np.float32(np.float16(0.1))  # as an array of the other's dtype
    fr.rrelu(OnDevice((5,), np.float32), training=True, seed=2**64 - 1)
    assert launches[-2].words[1].value == 2**64 - 1


def test_folds_and_sums(launches: list[Launch]) -> None:
    fr.softmax(OnDevice((40, 64), np.float32))
    fr.softmax(OnDevice((4000, 64_000), np.float32))
    assert [each.grid for each in launches] == [128, RESIDENT]
    assert launches[-1].shared == (512 + 2) * 4
    del launches[:]
    fr.softmax(OnDevice((2, 1 << 22), np.float32))
    assert [each.grid for each in launches] == [RESIDENT] * 3  # one for each pass
    assert values(launches[0].words)[-1] == RESIDENT // 2
    del launches[:]
    fr.elu.backward(OnDevice((1 << 20,), np.float32), OnDevice((1 << 20,), np.float32), wrt="alpha")
    assert [values(each.words)[-1] for each in launches] == [256, 1]
