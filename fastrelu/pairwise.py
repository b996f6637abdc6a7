"""Radial functions of the distances between points and centers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastrelu import arrays, memory, pool
from fastrelu.inner_loops import run
from fastrelu.kernels.distances import BLOCK, distances_loop
from fastrelu.kernels.storage import BY_DTYPE
from fastrelu.kernels.ufunc import Loop
from fastrelu.parameters import REQUIRED, public_signature

if TYPE_CHECKING:
    from fastrelu.activation import Activation

_DOC = """\
{name} of the distances between points and centers, in one pass: the matrix of radial basis functions.

The distances are Euclidean, summed from the differences in float64, and rounded to the dtype (a half type: to float32).

Parameters
----------
points : array_like
    Of shape (n, d).
centers : array_like
    Of shape (m, d).
{params}out : ndarray, optional
    Where to write the result.

Returns
-------
ndarray
    Of shape (n, m), and of the dtype that {name} gives for the points and the centers together.

Raises
------
TypeError
    Complex, object, string or datetime input; an unknown or non-scalar parameter; `out` of another dtype.
ValueError
    Arrays that have not two axes; points and centers of different dimensions; `out` of another shape.
"""


class Pairwise:
    """A radial function of the distances between points and centers.

    Parameters
    ----------
    function
        The radial function, which has a parameter `center`.
    """

    def __init__(self, function: Activation) -> None:
        self.function = function
        self.params = {key: value for key, value in function.params.items() if key != "center"}
        self.dotted_name = f"{function.dotted_name}.pairwise"
        self.__name__, self.__qualname__, self.__module__ = "pairwise", self.dotted_name, function.__module__
        told = [f"{key} : float, default {value:g}\n    {function.record.params[key]}\n" for key, value in self.params.items()]
        self.__doc__ = _DOC.format(name=function.dotted_name, params="".join(told))
        self._parameters = {"points": REQUIRED, "centers": REQUIRED} | self.params
        self.__signature__ = public_signature(self._parameters, {"out": None})
        self._loops: dict[np.dtype[Any], tuple[Loop, Loop]] = {}

    def __call__(self, *operands: Any, out: Any = None, **named: Any) -> Any:
        name, keys, defaults = self.dotted_name, tuple(self._parameters), tuple(self._parameters.values())
        points, centers, *scalars = arrays.bind(name, keys, defaults, operands, named, ("out",))
        points, centers = self._checked("points", points), self._checked("centers", centers)
        if points.shape[1] != centers.shape[1]:
            came = f"shapes {points.shape} and {centers.shape}"
            arrays.reject(ValueError, name, "points and centers", "agree in the second axis", came)
        given = dict(zip(self.params, scalars, strict=True)) | {"center": 0.0}
        for key, value in given.items():
            arrays.check_scalar(name, key, value)
        function = self.function
        common = arrays.common_dtype(name, ("points", "centers"), [points, centers])
        dtype, numbers = function.settle(common, [given[key] for key in function.params], function.supported)
        shape = len(points), len(centers)
        if out is not None:
            arrays.check_out(name, out, dtype, shape)
        direct = out is not None and out.dtype is dtype and out.flags.carray
        direct = direct and not np.may_share_memory(points, out) and not np.may_share_memory(centers, out)
        result = out if direct else memory.empty_like(np.empty(shape, dtype), dtype)  # empty: no memory yet where it is large
        if result.size:
            self._run(dtype, points, centers, numbers, result)
        if out is None or direct:
            return result
        out[...] = result
        return out

    def __reduce__(self) -> str:
        return self.dotted_name

    def __repr__(self) -> str:
        return f"<fastrelu function {self.dotted_name}>"

    def _checked(self, key: str, value: Any) -> Any:
        given = arrays.as_operand(self.dotted_name, key, value)
        if isinstance(given, np.ma.MaskedArray):
            arrays.reject(TypeError, self.dotted_name, key, "have no mask", type(given).__name__)
        array = np.asarray(given)
        if array.ndim != 2:
            arrays.reject(ValueError, self.dotted_name, key, "have two axes", f"shape {array.shape}")
        return array

    def _loops_of(self, dtype: np.dtype[Any]) -> tuple[Loop, Loop]:
        """The inner loop, on one thread and on as many as it may have."""
        if dtype not in self._loops:
            kernel, outer = self.function.loop(BY_DTYPE[dtype].param), distances_loop(dtype)
            count = len(self.function.params)
            words = np.array([kernel.data[0], count], np.int64)
            serial = Loop(outer.address, words, (dtype,) * (4 + count), (kernel, outer))
            self._loops[dtype] = serial, pool.threaded_loop(serial, core_dims=1)
        return self._loops[dtype]

    def _run(self, dtype: np.dtype[Any], points: Any, centers: Any, scalars: list[float], out: Any) -> None:
        points = np.ascontiguousarray(points, np.float64)
        axes = points.shape[1]
        blocks = [np.ravel(centers[first : first + BLOCK].T) for first in range(0, len(centers), BLOCK)]
        flat = np.concatenate(blocks, dtype=np.float64, casting="unsafe")
        params = np.array(scalars, BY_DTYPE[dtype].param)
        places = [params.ctypes.data + k * params.itemsize for k in range(params.size)]
        operands = [points.ctypes.data, flat.ctypes.data, axes, *places, out.ctypes.data]
        steps = [8 * axes, 0, 0, *[0] * len(places), out.shape[1] * dtype.itemsize]
        run(self._loops_of(dtype), operands, out.shape, steps)
