"""Kernels on a real device, by `pytest -m cuda`: bits against the CPU, folds, streams, threads, memory."""

import gc
import threading
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from registry_grid import cases

import fastrelu as fr
from fastrelu.fold import Fold

pytestmark = [pytest.mark.cuda, pytest.mark.filterwarnings("ignore::RuntimeWarning")]
BFLOAT16 = np.dtype(ml_dtypes.bfloat16)
HALVES = [np.dtype(np.float16), BFLOAT16]
FLOATS = [*HALVES, np.dtype(np.float32), np.dtype(np.float64)]
CHUNK = 1 << 24
FOLDS = [record for record in fr.registry.values() if isinstance(record, Fold)]
ALONG_ROWS = [record for record in FOLDS if not record.pooled]
by_name = {"ids": lambda value: getattr(value, "dotted_name", None) or getattr(value, "name", None)}


def device() -> Any:
    """numba.cuda, which the other tests here must not import."""
    from numba import cuda

    return cuda


def to(x: Any) -> Any:
    return device().to_device(x)


def same_bits(got: Any, wanted: Any) -> None:
    """A NaN is a NaN: its sign and payload are the machine's."""
    got = got.copy_to_host()
    assert (got.dtype, got.shape) == (wanted.dtype, wanted.shape)
    kind = f"u{wanted.dtype.itemsize}"
    nan = np.isnan(wanted)
    wrong = np.where(nan, ~np.isnan(got), got.view(kind) != wanted.view(kind))
    first = np.flatnonzero(wrong)[:5]
    assert first.size == 0, f"{first.size} of {wanted.size}, first {got.ravel()[first]} for {wanted.ravel()[first]}"


def every_half(dtype: Any) -> Any:
    return np.arange(1 << 16, dtype=np.uint16).view(dtype)


def floats(dtype: Any, count: int, seed: int) -> Any:
    """Random bits: all magnitudes alike."""
    size = np.dtype(dtype).itemsize
    return np.random.default_rng(seed).integers(0, 256, count * size, np.uint8).view(dtype)


@pytest.mark.parametrize("dtype", HALVES, **by_name)
@pytest.mark.parametrize(("function", "options"), list(cases()))
def test_all_inputs_of_half_types(function: Any, options: Any, dtype: Any) -> None:
    x = every_half(dtype)
    operands = [np.random.default_rng(k).permutation(x) if k else x for k in range(len(function.arrays))]
    same_bits(function(*map(to, operands), **options), function(*operands, **options))


@pytest.mark.parametrize("dtype", [np.dtype(np.float32), np.dtype(np.float64)], **by_name)
@pytest.mark.parametrize(("function", "options"), list(cases()))
def test_bits_of_a_sample(function: Any, options: Any, dtype: Any) -> None:
    """An odd number of elements: heads and tails too."""
    operands = [floats(dtype, (1 << 20) + 3, k) for k in range(len(function.arrays))]
    same_bits(function(*map(to, operands), **options), function(*operands, **options))
    views = [x[1 + k :][: 1 << 18] for k, x in enumerate(operands)]
    there = [to(x)[1 + k :][: 1 << 18] for k, x in enumerate(operands)]
    same_bits(function(*there, **options), function(*views, **options))


@pytest.mark.slow
@pytest.mark.parametrize(("function", "options"), list(cases()))
def test_bits_of_100_million(function: Any, options: Any) -> None:
    for seed in range(0, 60, 10):
        operands = [floats(np.float32, CHUNK, seed + k) for k in range(len(function.arrays))]
        same_bits(function(*map(to, operands), **options), function(*operands, **options))


@pytest.mark.parametrize("dtype", FLOATS, **by_name)
@pytest.mark.parametrize("view", [np.s_[:, ::2], np.s_[::-1], np.s_[3:, 5:], np.s_[::-3, ::-1], np.s_[7]], ids=str)
def test_layouts(view: Any, dtype: Any) -> None:
    x, weight = floats(dtype, 120 * 130, 0).reshape(120, 130), floats(dtype, 130, 1)
    same_bits(fr.sigmoid(to(x)[view]), fr.sigmoid(x[view]))
    same_bits(fr.prelu(to(x), to(weight)), fr.prelu(x, weight))
    mask = np.random.default_rng(2).random((120, 130)) < 0.5
    same_bits(fr.sigmoid(to(x), where=to(mask)), fr.sigmoid(x, where=mask))


def tolerance(dtype: Any) -> dict[str, float]:
    eps = float(ml_dtypes.finfo(dtype).eps)
    return {"rtol": 8 * eps, "atol": 8 * eps}


def close(got: Any, wanted: Any) -> None:
    got = got.copy_to_host()
    assert (got.dtype, got.shape) == (wanted.dtype, wanted.shape)
    np.testing.assert_allclose(got.astype(float), wanted.astype(float), **tolerance(wanted.dtype))


SHAPES = [(5000, 3), (3000, 32), (700, 1000), (300, 1024), (100, 8192), (40, 50_001), (300, 65_536), (2, 3_000_000), (1, 8)]


@pytest.mark.parametrize("dtype", FLOATS, **by_name)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("function", ALONG_ROWS, **by_name)
def test_folds(function: Any, shape: Any, dtype: Any) -> None:
    """Rows held by a thread, by some, a warp, a block; and in pieces by one block or several."""
    x, grad = ((np.random.default_rng(seed).standard_normal(shape) * 3).astype(dtype) for seed in (0, 1))
    wanted = function(x)
    close(function(to(x)), wanted)
    back = function.backward(to(grad), to(wanted))
    exact = function.backward(grad.astype(float), wanted.astype(float))
    np.testing.assert_allclose(back.copy_to_host().astype(float), exact, rtol=0.02 if dtype in HALVES else 1e-3, atol=0.05)
    mask = np.random.default_rng(2).random(shape) < 0.7
    mask[:, 0] = True
    close(function(to(x), where=to(mask)), function(x, where=mask))


@pytest.mark.parametrize("function", ALONG_ROWS, **by_name)
@pytest.mark.parametrize("axis", [0, 1, 2, (0, 2), None], ids=str)
def test_folds_along_any_axis(axis: Any, function: Any) -> None:
    x = np.random.default_rng(0).standard_normal((30, 40, 50)).astype(np.float32)
    close(function(to(x), axis=axis), np.ascontiguousarray(function(x, axis=axis)))


@pytest.mark.parametrize("pool_size", [2, 3, 5, 100])
def test_pools(pool_size: int) -> None:
    x = np.random.default_rng(0).standard_normal((200, 600)).astype(np.float32)
    same_bits(fr.maxout(to(x), pool_size), fr.maxout(x, pool_size))
    grad = np.ones((200, 600 // pool_size), np.float32)
    same_bits(fr.maxout.backward(to(grad), to(x), pool_size), fr.maxout.backward(grad, x, pool_size))


def running_sum(x: Any, out: Any) -> None:
    total = x.dtype.type(0)
    for k in range(x.size):
        total += x[k]
        out[k] = total


@pytest.mark.parametrize("length", [20, 100])
def test_any_row_formula(length: int) -> None:
    function = Fold(running_sum, name="running_sum", module=__name__, doc="", cores=(True, True))
    x = np.random.default_rng(0).standard_normal((3000, length)).astype(np.float32)
    close(function(to(x)), function(x))


@pytest.mark.parametrize("shape", [(50,), (64, 1, 1), (), (1, 50)], ids=str)
def test_gradients_of_parameters(shape: Any) -> None:
    grad, x = (np.random.default_rng(k).standard_normal((32, 64, 40, 50)).astype(np.float32) for k in (0, 1))
    weight = np.random.default_rng(2).standard_normal(shape).astype(np.float32)
    for got, wanted in zip(fr.prelu.backward(to(grad), to(x), to(weight)), fr.prelu.backward(grad, x, weight), strict=True):
        np.testing.assert_allclose(got.copy_to_host(), wanted, rtol=1e-6, atol=1e-6)
    got, wanted = (fr.elu.backward(*each, wrt="alpha") for each in ((to(grad), to(x)), (grad, x)))
    np.testing.assert_allclose(got.copy_to_host(), wanted, rtol=1e-6)


@pytest.mark.parametrize("dtype", FLOATS, **by_name)
def test_random_numbers(dtype: Any) -> None:
    x = (np.random.default_rng(0).standard_normal(100_001)).astype(dtype)
    same_bits(fr.rrelu(to(x), training=True, seed=7), fr.rrelu(x, training=True, seed=7))


def test_more_bytes_than_32_bits_hold() -> None:
    """In a layout that is not flat."""
    every_other = device().device_array(((1 << 31) + 6, 2), np.int8)[:, 0]
    every_other[-3:] = np.array([1, -1, 2], np.int8)
    assert fr.relu(every_other)[-3:].copy_to_host().tolist() == [1, 0, 2]


def test_a_kernel_waits_for_a_slow_one_on_its_stream() -> None:
    from fastrelu.kernels.cuda import calls, devices

    cuda = device()

    @cuda.jit
    def late(x: Any) -> None:
        for _ in range(20):
            cuda.nanosleep(1_000_000)
        x[cuda.grid(1)] = 3

    stream = cuda.stream()
    x, y = cuda.to_device(np.zeros(1 << 16, np.float32)), cuda.to_device(np.zeros(1 << 16, np.float32))
    late[256, 256, stream](x)
    handle = int(getattr(stream.handle, "value", stream.handle))
    source, target = (devices.view("relu", "x", each) for each in (x, y))
    calls.compute(calls.Place(devices.library_of(x), source.device, handle), fr.relu.formula, target, [source], [])
    got = y.copy_to_host(stream=stream)
    stream.synchronize()
    assert np.all(got == 3)


def test_two_threads() -> None:
    x = floats(np.float32, 1 << 18, 0)
    wanted = {name: fr.registry[name](x) for name in ("sigmoid", "tanh", "gelu", "silu")}
    failed: list[Any] = []

    def work(name: str) -> None:
        try:
            for _ in range(20):
                same_bits(fr.registry[name](to(x)), wanted[name])
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(name,)) for name in [*wanted] * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed


def test_out_of_memory_leaks_nothing() -> None:
    cuda = device()
    x = cuda.device_array(1 << 20, np.float32)
    fr.relu(x)
    gc.collect()
    cuda.current_context().deallocations.clear()
    before = cuda.current_context().get_memory_info().free
    filler = cuda.device_array(int(before * 0.7), np.uint8)
    with pytest.raises(Exception, match=r"(?i)out.of.memory"):
        fr.relu(filler, out=None)
    del filler
    gc.collect()
    cuda.current_context().deallocations.clear()
    assert cuda.current_context().get_memory_info().free >= before - (1 << 22)
