"""CUDA: any formula as a grid-stride kernel, for arrays that lie on a device.

The only module that imports numba.cuda; it is imported when the first device array is seen.

One kernel serves every arity and layout: arrays and parameters arrive as one tuple, and the helpers below walk it by recursion
on its types, so that each call compiles to straight code. Same bits as on the CPU: formulas hold an explicit fma or `times`
wherever a product feeds a sum (NVVM and ptxas contract a bare a * b + c, numba offers no option against it), fastmath is off, and
without it division is div.rn, which is IEEE, and subnormals are kept.
"""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import config, cuda, types
from numba.extending import overload

from fastrelu import arrays
from fastrelu.vecmath.philox import uniform
from fastrelu.vecmath.primitives import compilable

if TYPE_CHECKING:
    from fastrelu.elementwise import Elementwise

if importlib.util.find_spec("numba_cuda") is None and not config.ENABLE_CUDASIM:
    # numba's own numba.cuda is deprecated, and does not compile these kernels for N-d arrays.
    raise ImportError("arrays on a CUDA device need numba-cuda: pip install 'fastrelu[cuda]'")

# Blocks and threads of every launch. At least 128 blocks: numba warns of fewer. The stride loop makes any grid right.
GRID = (1024, 256)


def position(i: Any, shape: Any) -> Any:
    """Index of element i in C order: i itself where shape is a plain length, else a tuple."""
    if isinstance(shape, tuple):
        return tuple(int(k) for k in np.unravel_index(i, shape))
    return i


@overload(position, strict=False)
def _position(i: Any, shape: Any) -> Any:
    if isinstance(shape, types.Integer):
        return lambda i, shape: i
    if len(shape) == 0:
        return lambda i, shape: ()
    return lambda i, shape: position(i // shape[-1], shape[:-1]) + (i % shape[-1],)


def within(at: Any, shape: Any) -> Any:
    """Where the broadcast index `at` falls in an operand of this shape: an axis of length 1 is read again and again."""
    aligned = at[len(at) - len(shape) :]
    return tuple(min(k, n - 1) for k, n in zip(aligned, shape, strict=True))


@overload(within, strict=False)
def _within(at: Any, shape: Any) -> Any:
    if len(at) > len(shape):
        return lambda at, shape: within(at[1:], shape)
    if len(shape) == 0:
        return lambda at, shape: ()
    return lambda at, shape: (min(at[0], shape[0] - 1),) + within(at[1:], shape[1:])


def element(operand: Any, at: Any) -> Any:
    """The element of an array at this index; a number is the same everywhere."""
    if isinstance(operand, np.generic):
        return operand
    return operand[within(at, operand.shape) if isinstance(at, tuple) else at]


@overload(element, strict=False)
def _element(operand: Any, at: Any) -> Any:
    if isinstance(operand, types.Number):
        return lambda operand, at: operand
    if isinstance(at, types.Integer):
        return lambda operand, at: operand[at]
    return lambda operand, at: operand[within(at, operand.shape)]


def gather(operands: Any, at: Any, number: Any) -> Any:
    """The element of each operand at this index, as numbers of one type."""
    return tuple(number(element(operand, at)) for operand in operands)


@overload(gather, strict=False)
def _gather(operands: Any, at: Any, number: Any) -> Any:
    if len(operands) == 0:
        return lambda operands, at, number: ()
    return lambda operands, at, number: (number(element(operands[0], at)),) + gather(operands[1:], at, number)


@functools.cache
def kernel(formula: Callable[..., Any], dtype: np.dtype[Any]) -> Any:
    """The kernel `out[i] = formula(*operands[i])`, computed in dtype.

    Its last argument is the shape to walk: a plain length where all arrays are flat, a tuple where they are N-d.
    numba compiles it for each number of operands and each layout that comes.
    """
    number = dtype.type
    compilable(formula)

    @cuda.jit(fastmath=False)
    def elements(out: Any, operands: Any, shape: Any) -> None:
        for i in range(cuda.grid(1), out.size, cuda.gridsize(1)):
            at = position(i, shape)
            out[at] = formula(*gather(operands, at, number))

    return elements


def call(function: Elementwise, given: Sequence[Any], out: Any, where: Any) -> Any:
    """Compute a function of device arrays, broadcast as NumPy does.

    Parameters
    ----------
    function
        The function, whose formula, dtype rule and parameter checks apply.
    given
        Its operands, at least one of them a device array, the rest numbers; then its parameters.
    out
        A device array for the result; made where it is None.
    where
        True: there are no masks on a device yet.

    Returns
    -------
    device array
        `out` as it came, or a new numba device array: in Fortran order where all operands are, else in C order.

    Raises
    ------
    TypeError, ValueError
        As on the CPU; TypeError also for a mask, for half types, and where host and device arrays are mixed.
    """
    name, count = function.dotted_name, len(function.arrays)
    leader = next(key for key, value in zip(function.arrays, given, strict=False) if arrays.on_cuda(value))
    operands = [_operand(name, key, value, leader) for key, value in zip(function.arrays, given, strict=False)]
    dtype = arrays.common_dtype(name, function.arrays, [getattr(each, "dtype", each) for each in operands])
    dtype, scalars = function.settle(dtype, given[count:], _computed(function))
    shape = arrays.common_shape(name, function.arrays, operands)
    if where is not True:
        arrays.reject(TypeError, name, "where", "be True for arrays on a device", type(where).__name__)
    if out is None:
        columns = all(a.is_f_contiguous() and not a.is_c_contiguous() for a in operands if _is_array(a))
        target = out = cuda.device_array(shape, dtype, order="F" if columns else "C")
    else:
        target = _on_device(name, "out", out, leader)
        arrays.check_fit(name, target, dtype, shape)
        if getattr(out, "__cuda_array_interface__", {"data": (0, False)})["data"][1]:
            arrays.reject(ValueError, name, "out", "be writeable", "a read-only array")
    if 0 not in shape:
        apart = any(_clash(target, operand) for operand in operands if _is_array(operand))
        result = cuda.device_array(shape, dtype) if apart else target
        _launch(kernel(function.formula, dtype), dtype, result, [*operands, *scalars])
        if apart:
            _launch(kernel(_same, dtype), dtype, target, [result])
    return out


@functools.cache
def draws_kernel(dtype: np.dtype[Any]) -> Any:
    """The kernel that fills a flat array with the random numbers of its places."""
    zero = dtype.type(0)
    compilable(uniform)

    @cuda.jit(fastmath=False)
    def draws(out: Any, seed: Any) -> None:
        for i in range(cuda.grid(1), out.size, cuda.gridsize(1)):
            out[i] = uniform(zero, np.uint64(i), seed)

    return draws


def call_with_draws(function: Elementwise, given: Sequence[Any], seed: int, out: Any, where: Any) -> Any:
    """Compute a function of device arrays in training, with the random numbers that the same call has on the CPU."""
    name, count = function.dotted_name, len(function.arrays)
    leader = next(key for key, value in zip(function.arrays, given, strict=False) if arrays.on_cuda(value))
    operands = [_operand(name, key, value, leader) for key, value in zip(function.arrays, given, strict=False)]
    shapes = [tuple(getattr(operand, "shape", ())) for operand in operands]
    arrays.check_one_shape(name, function.arrays, shapes)
    common = arrays.common_dtype(name, function.arrays, [getattr(each, "dtype", each) for each in operands])
    dtype = arrays.computed_in(common, _computed(function))
    numbers = cuda.device_array(shapes[0], dtype)
    if 0 not in shapes[0]:
        draws_kernel(dtype)[GRID](numbers.ravel(), np.uint64(seed))
    return call(function.training, [*given[:count], numbers, *given[count:]], out, where)


def _same(x: Any) -> Any:
    return x


def _computed(function: Elementwise) -> tuple[np.dtype[Any], ...]:
    """The dtypes that a function is computed in on a device."""
    return tuple(dtype for dtype in function.supported if dtype.kind != "f" or dtype.itemsize >= 4)


def _operand(name: str, argument: str, value: Any, leader: str) -> Any:
    """An array operand as numba sees it; numbers stay what they are."""
    number = type(value) in (float, int, bool)
    operand = value if number or isinstance(value, np.generic) else _on_device(name, argument, value, leader)
    if not number and (not arrays.is_real(operand.dtype) or operand.dtype == np.float16):
        arrays.reject(TypeError, name, argument, "be a bool, integer, float32 or float64 array on a device", str(operand.dtype))
    return operand


def _on_device(name: str, argument: str, value: Any, leader: str) -> Any:
    """A device array as numba sees it: its own as they are (the simulator's have no other sign), others by their interface."""
    if not arrays.on_cuda(value):
        arrays.reject(TypeError, name, argument, f"be on the device as {leader} is", type(value).__name__)
    return value if getattr(value, "__cuda_ndarray__", False) else cuda.as_cuda_array(value)


def _is_array(operand: Any) -> bool:
    return bool(getattr(operand, "__cuda_ndarray__", False))


def _launch(run: Any, dtype: np.dtype[Any], target: Any, operands: Sequence[Any]) -> None:
    """Runs a kernel: over flat views where memory allows it."""
    order = _common_order([target, *filter(_is_array, operands)])
    if order:
        target, operands = target.ravel(order), [a.ravel(order) if _is_array(a) else a for a in operands]
    values = tuple(operand if _is_array(operand) else dtype.type(operand) for operand in operands)
    run[GRID](target, values, target.size if order else target.shape)


def _clash(target: Any, operand: Any) -> bool:
    """Whether writing one element of target may change another of an operand."""
    written, read = _memory(target), _memory(operand)
    alike = (written.ctypes.data, written.shape, written.strides) == (read.ctypes.data, read.shape, read.strides)
    return not alike and np.may_share_memory(written, read)


def _memory(array: Any) -> Any:
    """Where a device array lies, as a NumPy array of which nobody may read an element."""
    interface = getattr(array, "__cuda_array_interface__", None) or array.__array_interface__  # the simulator's
    return np.asarray(SimpleNamespace(__array_interface__=interface))


def _common_order(given: Sequence[Any]) -> str:
    """The order, C or F, in which all arrays lie in memory without gaps and with one shape; "" where there is none."""
    alike = len({tuple(a.shape) for a in given}) == 1 and given[0].shape != ()
    if alike and all(a.is_c_contiguous() for a in given):
        return "C"
    return "F" if alike and all(a.is_f_contiguous() for a in given) else ""
