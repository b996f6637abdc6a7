"""Calls with random numbers: functions that are noisy while a network is trained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastrelu import arrays, memory, pool
from fastrelu.inner_loops import run
from fastrelu.kernels.draws import draws_loop
from fastrelu.kernels.storage import BY_DTYPE
from fastrelu.kernels.ufunc import Loop

if TYPE_CHECKING:
    from fastrelu.elementwise import Elementwise


def call(function: Elementwise, operands: tuple[Any, ...], named: dict[str, Any], out: Any, where: Any) -> Any:
    """A call with ``training=``: of the noisy function if that is true, else of the ordinary one.

    Raises
    ------
    TypeError, ValueError
        `training` is not True or False; there is no seed, or one that is not an integer from 0 to 2**64 - 1; arrays of
        different shapes; else as ever.
    """
    training, seed = named.pop("training", False), named.pop("seed", None)
    if not isinstance(training, (bool, np.bool_)):
        arrays.reject(TypeError, function.dotted_name, "training", "be True or False", type(training).__name__)
    if not training:
        return function._general(operands, named, out, where)
    name, count = function.dotted_name, len(function.arrays)
    seed = _checked_seed(name, seed)
    only = {option: next(iter(choices)) for option, choices in function.options.items()}
    only |= {"wrt": "x"} if "grad" in function.arrays else {}
    for option in only.keys() & named.keys():
        value = named.pop(option)
        if value != only[option]:
            raise ValueError(f"{name}: {option}={value!r} is not valid where training")
    given = function._bind(operands, named)
    if any(arrays.on_cuda(value) for value in given[:count]):
        from fastrelu.kernels import cuda

        return cuda.call_with_draws(function, given, seed, out, where)
    values = [_plain(name, key, value) for key, value in zip(function.arrays, given, strict=False)]
    dtype, scalars = function.settle(arrays.common_dtype(name, function.arrays, values), given[count:], function.supported)
    shape = np.shape(values[-1])
    arrays.check_one_shape(function.dotted_name, function.arrays, list(map(np.shape, values)))
    mask = where if where is True else arrays.mask_for(name, where, shape)
    if out is not None:
        arrays.check_out(name, out, dtype, shape)
    flat = [np.require(value, dtype, ["C", "ALIGNED"]) for value in values]
    direct = where is True and out is not None and out.dtype is dtype and out.flags.carray
    direct = direct and not any(arrays.untangled(value, out) is not value for value in flat)
    like = flat[-1]
    result = out if direct else memory.empty_like(like, dtype)
    _run(function, dtype, flat, seed, scalars, result)
    if direct:
        return out
    target = np.zeros_like(values[-1], dtype) if out is None and (where is not True or not _in_c_order(values[-1])) else out
    if target is None:
        return result if shape else result[()]
    np.copyto(target, result, where=mask)
    return target if shape or out is not None else target[()]


def _in_c_order(value: Any) -> bool:
    return not isinstance(value, np.ndarray) or value.flags.c_contiguous


def _checked_seed(name: str, seed: Any) -> int:
    wanted = "be an integer from 0 to 2**64 - 1 where training"
    if seed is None:
        arrays.reject(TypeError, name, "seed", wanted, "no seed")
    number = arrays.as_integer(name, "seed", seed, wanted)
    if not 0 <= number < 1 << 64:
        arrays.reject(ValueError, name, "seed", wanted, str(number))
    return number


def _plain(name: str, key: str, value: Any) -> Any:
    if arrays.overrides_ufuncs(value):
        arrays.reject(TypeError, name, key, "be a plain array where training", type(value).__name__)
    operand = arrays.as_operand(name, key, value)
    if isinstance(operand, np.ma.MaskedArray):
        arrays.reject(TypeError, name, key, "have no mask where training", type(operand).__name__)
    return np.asarray(operand) if isinstance(operand, np.ndarray) else operand


def _loops(function: Elementwise, dtype: np.dtype[Any]) -> tuple[Loop, Loop]:
    """The inner loop, on one thread and on as many as it may have."""
    if dtype not in function.noisy_loops:
        noisy, number = function.training, BY_DTYPE[dtype].param
        kernel, outer = noisy.loop(number), draws_loop(dtype)
        n_arrays, n_params = len(noisy.arrays) - 1, len(noisy.params)
        words = np.array([kernel.data[0], n_arrays, n_params], np.int64)
        serial = Loop(outer.address, words, (*(dtype,) * n_arrays, *(number,) * (2 + n_params), dtype), (kernel, outer))
        function.noisy_loops[dtype] = serial, pool.threaded_loop(serial)
    return function.noisy_loops[dtype]


def _run(function: Elementwise, dtype: np.dtype[Any], values: list[Any], seed: int, scalars: list[float], out: Any) -> None:
    """Computes contiguous arrays into one."""
    number, size = BY_DTYPE[dtype].param, dtype.itemsize
    params = np.array(scalars, number)
    places = [params.ctypes.data + k * number.itemsize for k in range(params.size)]
    signed = seed - (1 << 64) if seed >> 63 else seed
    operands = [*(value.ctypes.data for value in values), 0, signed, *places, out.ctypes.data]
    steps = [*[size] * len(values), 1, 0, *[0] * len(places), size]
    run(_loops(function, dtype), operands, [out.size], steps)
