"""CUDA: any formula as a grid-stride kernel, for arrays that lie on a device.

The only module that imports numba.cuda; it is imported when the first device array is seen.

One kernel serves every arity and layout: arrays and parameters arrive as two tuples, and the helpers below walk them by
recursion on their types, so that each call compiles to straight code. Same bits as on the CPU: formulas hold an explicit fma
wherever a product feeds a sum (NVVM contracts a bare a * b + c, and numba offers no option against it), fastmath stays off, and
without it division is div.rn, which is IEEE, and subnormals are kept.
"""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numba import config, cuda, types
from numba.extending import overload

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


@overload(position, strict=False)  # type: ignore[untyped-decorator]
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


@overload(within, strict=False)  # type: ignore[untyped-decorator]
def _within(at: Any, shape: Any) -> Any:
    if len(at) > len(shape):
        return lambda at, shape: within(at[1:], shape)
    if len(shape) == 0:
        return lambda at, shape: ()
    return lambda at, shape: (min(at[0], shape[0] - 1),) + within(at[1:], shape[1:])


def gather(arrays: Any, at: Any, number: Any) -> Any:
    """The element of each array at this index, as numbers of one type."""
    return tuple(number(a[within(at, a.shape) if isinstance(at, tuple) else at]) for a in arrays)


@overload(gather, strict=False)  # type: ignore[untyped-decorator]
def _gather(arrays: Any, at: Any, number: Any) -> Any:
    if len(arrays) == 0:
        return lambda arrays, at, number: ()
    if isinstance(at, types.Integer):
        return lambda arrays, at, number: (number(arrays[0][at]),) + gather(arrays[1:], at, number)
    return lambda arrays, at, number: (number(arrays[0][within(at, arrays[0].shape)]),) + gather(arrays[1:], at, number)


@functools.cache
def kernel(formula: Callable[..., Any], dtype: np.dtype[Any]) -> Any:
    """The kernel `out[i] = formula(*arrays[i], *params)`, computed in dtype.

    Its last argument is the shape to walk: a plain length where all arrays are flat, a tuple where they are N-d.
    numba compiles it for each number of operands and each layout that comes.
    """
    number = dtype.type

    @cuda.jit(fastmath=False)  # type: ignore[untyped-decorator]
    def elements(out: Any, arrays: Any, params: Any, shape: Any) -> None:
        for i in range(cuda.grid(1), out.size, cuda.gridsize(1)):
            at = position(i, shape)
            out[at] = formula(*(gather(arrays, at, number) + params))

    return elements


def device_view(x: Any) -> Any:
    """x as numba sees it: its own device arrays as they are (the simulator's have no other sign), others by their interface."""
    return x if getattr(x, "__cuda_ndarray__", False) else cuda.as_cuda_array(x)


def elementwise(formula: Callable[..., Any], operands: Sequence[Any], n_arrays: int, dtype: Any, out: Any = None) -> Any:
    """Compute `formula` over device arrays, broadcast as NumPy does.

    Parameters
    ----------
    formula
        A scalar formula made with `register_jitable`.
    operands
        `n_arrays` device arrays (anything with `__cuda_array_interface__`), then the parameters as Python numbers.
    n_arrays
        How many of the operands are arrays.
    dtype
        The type to compute in; also that of a new result.
    out
        A device array for the result, of the broadcast shape; made where it is None.

    Returns
    -------
    device array
        `out` as it came, or a new numba device array: in Fortran order where all operands are, else in C order.

    Raises
    ------
    ValueError
        The operands do not broadcast together, or not to the shape of out.
    """
    dtype = np.dtype(dtype)
    arrays = [device_view(x) for x in operands[:n_arrays]]
    params = tuple(dtype.type(p) for p in operands[n_arrays:])
    shape = np.broadcast_shapes(*(tuple(a.shape) for a in arrays))
    if out is None:
        columns = all(a.is_f_contiguous() and not a.is_c_contiguous() for a in arrays)
        out = cuda.device_array(shape, dtype, order="F" if columns else "C")
    elif tuple(out.shape) != shape:
        raise ValueError(f"out must have shape {shape}, got {tuple(out.shape)}")
    if 0 in shape:
        return out
    target = device_view(out)
    order = _common_order([target, *arrays])
    walk = target.size if order else shape
    if order:
        target, arrays = target.ravel(order), [a.ravel(order) for a in arrays]
    kernel(formula, dtype)[GRID](target, tuple(arrays), params, walk)
    return out


def _common_order(arrays: Sequence[Any]) -> str:
    """The order, C or F, in which all arrays lie in memory without gaps and with one shape; "" where there is none."""
    alike = len({tuple(a.shape) for a in arrays}) == 1 and arrays[0].shape != ()
    if alike and all(a.is_c_contiguous() for a in arrays):
        return "C"
    return "F" if alike and all(a.is_f_contiguous() for a in arrays) else ""
