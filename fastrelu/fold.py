"""Fold: a formula of rows, called along an axis of arrays."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numba.extending import typeof_impl

from fastrelu import arrays
from fastrelu.activation import REGISTRY, Bounds, check_name
from fastrelu.compiled import Compiled
from fastrelu.docstrings import describe_fold
from fastrelu.elementwise import COMMON
from fastrelu.embed_folds import fold_type
from fastrelu.kernels import ways
from fastrelu.kernels.options import formula_digest
from fastrelu.kernels.rows import rows_loop
from fastrelu.kernels.storage import FLOATS, INTEGERS
from fastrelu.kernels.ufunc import Loop
from fastrelu.parameters import REQUIRED, made_once, parameters_of, public_signature
from fastrelu.thresholds import Cost
from fastrelu.vecmath.primitives import compilable

if TYPE_CHECKING:
    from fastrelu.facts import Facts

_FLOAT32, _FLOAT64 = np.dtype("float32"), np.dtype("float64")


class Fold(Compiled):
    """A function along one axis, made from a formula of rows.

    Parameters
    ----------
    formula
        A function of one-dimensional arrays, the last one its output, that Numba can compile.
    name, module
        Where another process finds this object.
    cores
        For each of its arrays: whether it is a row, or one element.
    pooled
        Whether the axis is cut into groups of `pool_size` first.
    integers
        Whether integers stay integers.
    masked
        What an element that `where` leaves out becomes; None where it makes no sense.
    hidden
        What such an element of each operand counts as.

    Attributes
    ----------
    formula : function
        The formula itself, callable from Python without Numba.
    ufunc : numpy.ufunc
        The generalised ufunc: the same function, without the pooling, on one thread.
    backward : Fold
        The backward pass.
    facts : Facts
        Its range, and whether its backward pass takes the output.
    values, names
        What its record states of the range, and what other frameworks call it: see `activation`.
    """

    backward: Fold
    values: Bounds | None = None
    names: tuple[Any, ...] = ()
    reference: Callable[..., Any]
    numpy: Callable[..., Any]

    def __init__(
        self,
        formula: Callable[..., Any],
        *,
        name: str,
        module: str,
        doc: str,
        cores: tuple[bool, ...],
        pooled: bool = False,
        integers: bool = False,
        masked: float | None = None,
        hidden: tuple[float, ...] = (-np.inf,),
    ) -> None:
        self.formula = formula
        self.cores = cores
        self.pooled = pooled
        self.masked, self.hidden = masked, hidden
        arrays = tuple(parameters_of(formula))[:-1]
        self._names = (*arrays, *(["pool_size"] if pooled else []), "axis")
        parts = ["(n)" if core else "()" for core in cores]
        super().__init__(
            name=name,
            module=module,
            doc=doc,
            signature=lambda: public_signature(dict.fromkeys(self._names[:-1], REQUIRED) | {"axis": -1}, COMMON),
            arrays=arrays,
            params={},
            supported=(*INTEGERS, *FLOATS) if integers else FLOATS,
            cost=Cost.HEAVY,
            core_dims=1,
            core_signature=f"{','.join(parts[:-1])}->{parts[-1]}",
        )

    @made_once
    def facts(self) -> Facts:
        """What is known of it."""
        from fastrelu.facts import facts_of

        return facts_of(self)

    @property
    def entry_kind(self) -> int | None:
        """How the C function for common calls works, if there is one."""
        return ways.ROWS if self.keeps_shape else ways.POOLED if self.pooled and len(self.arrays) == 1 else None

    @property
    def keeps_shape(self) -> bool:
        """Whether the output has the shape of the operands."""
        return all(self.cores)

    def compile_loop(self, dtype: np.dtype[Any]) -> Loop:
        """Compiles the loop for one dtype, or loads it from disk."""
        return rows_loop(compilable(self.formula), formula_digest(self.formula), dtype, self.cores)

    def _long_way(self, *operands: Any, out: Any = None, where: Any = True, axis: Any = REQUIRED, **named: Any) -> Any:
        if self.pooled and "pool_size" in named and len(operands) == len(self.arrays):
            operands = (*operands, named.pop("pool_size"))
        if out is None and where is True and not named:
            plain = self._plain(operands, -1 if axis is REQUIRED else axis)
            if plain is not None:
                return self._along(-1 if axis is REQUIRED else axis, plain[0].dtype, plain, None)
        if "device" in named:
            from fastrelu import placing

            axes = {} if axis is REQUIRED else {"axis": axis}
            return placing.call(self, operands, {**named, **axes, "out": out, "where": where})
        name = self.dotted_name
        given = self._bind(operands, named if axis is REQUIRED else {**named, "axis": axis})
        if any(type(value) is not np.ndarray and arrays.on_cuda(value) for value in given[: len(self.arrays)]):
            from fastrelu.kernels import cuda

            return cuda.call_fold(self, given, out, where)
        values = [self._operand(key, value) for key, value in zip(self.arrays, given, strict=False)]
        dtype = arrays.computed_in(arrays.common_dtype(name, self.arrays, values), self.supported)
        if not self.pooled and (given[-1] is None or isinstance(given[-1], tuple)):
            return self._over_axes(given[-1], values, dtype, out, where)
        (axis,) = self.checked_axes((given[-1],), values[-1].ndim)
        if self.pooled:
            values[-1] = self._split(values[-1], given[-2], axis)
        inner = axis + self.pooled
        rows = [(value.shape, core) for value, core in zip(values, self.cores, strict=False)]
        outer = [shape[:inner] + shape[inner + 1 :] if core else shape for shape, core in rows]
        lengths = [shape[inner : inner + 1] for shape, core in rows if core]  # empty where it has not so many axes
        if len(set(outer)) > 1 or len(set(lengths)) > 1:
            shapes = ", ".join(str(np.shape(value)) for value in given[: len(self.arrays)])
            raise ValueError(f"{name}: {' and '.join(self.arrays)} must match, got shapes {shapes}")
        shape = values[-1].shape if self.cores[-1] else outer[0]
        result_shape = np.shape(given[len(self.arrays) - 1]) if self.cores[-1] else shape
        if out is not None:
            arrays.check_out(name, out, dtype, result_shape)
        hidden, mask = functools.reduce(np.ma.mask_or, map(np.ma.getmask, values)), None
        if where is not True or hidden is not np.ma.nomask:
            mask = self._mask(where, shape) & ~hidden
            taken = zip(map(np.asarray, values), self.hidden, strict=True)
            values = [np.where(mask, value, number).astype(dtype) for value, number in taken]
        data = np.ma.getdata(out)
        target = None if out is None else data.reshape(shape) if self.pooled and self.cores[-1] else data
        result = self._along(inner, dtype, tuple(values), target)
        if mask is not None:
            result[~mask] = self.masked
        if out is not None:
            if isinstance(out, np.ma.MaskedArray):
                out.mask = hidden
            return out
        return np.ma.array(result, mask=hidden) if hidden is not np.ma.nomask else result.reshape(result_shape)

    def _over_axes(self, axes: Any, values: list[Any], dtype: np.dtype[Any], out: Any, where: Any) -> Any:
        """Along several axes at once, or all: they become one."""
        name, shape = self.dotted_name, values[-1].shape
        inner = self.checked_axes(axes, len(shape))
        if any(value.shape != shape for value in values):
            came = ", ".join(str(value.shape) for value in values)
            raise ValueError(f"{name}: {' and '.join(self.arrays)} must match, got shapes {came}")
        if out is not None:
            arrays.check_out(name, out, dtype, shape)
        order = (*(axis for axis in range(len(shape)) if axis not in inner), *inner)
        there = tuple(shape[axis] for axis in order)
        merged = *there[: len(shape) - len(inner)], math.prod(there[len(shape) - len(inner) :])
        mask = where if where is True else self._mask(where, shape).transpose(order).reshape(merged)
        moved = self(*(value.transpose(order).reshape(merged) for value in values), where=mask)
        result = moved.reshape(there).transpose(np.argsort(order))
        if out is None and isinstance(result, np.ma.MaskedArray):
            return result
        target = np.empty_like(np.asarray(values[-1]), dtype=dtype) if out is None else out
        target[...] = result
        return target if shape or out is not None else target[()]

    def _plain(self, operands: tuple[Any, ...], axis: Any) -> tuple[Any, ...] | None:
        """The common case, checked in a microsecond: float arrays of one dtype and shape."""
        first = operands[0] if operands else None
        if type(first) is not np.ndarray or (first.dtype is not _FLOAT32 and first.dtype is not _FLOAT64):
            return None
        if type(axis) is not int or not -first.ndim <= axis < first.ndim:
            return None
        if self.pooled:
            if axis == -1 and len(self.arrays) == 1 and len(operands) == 2 and type(operands[1]) is int and operands[1] > 0:
                groups, rest = divmod(first.shape[-1], operands[1])
                return None if rest else (first.reshape(first.shape[:-1] + (groups, operands[1])),)
            return None
        if len(operands) != len(self.arrays):
            return None
        for other in operands[1:]:
            if type(other) is not np.ndarray or other.dtype is not first.dtype or other.shape != first.shape:
                return None
        return operands

    def _operand(self, key: str, value: Any) -> Any:
        operand = np.asanyarray(arrays.as_operand(self.dotted_name, key, value))
        if isinstance(operand, np.ma.MaskedArray) and self.masked is None:
            arrays.reject(TypeError, self.dotted_name, key, "have no mask", type(operand).__name__)
        return np.asarray(operand) if self.pooled else operand  # a subclass may not take the shape of groups, as np.matrix

    def _along(self, axis: int, dtype: np.dtype[Any], values: tuple[Any, ...], out: Any) -> Any:
        """Folds arrays of one shape along an axis."""
        shape = values[-1].shape
        keywords: dict[str, Any] = {} if out is None else {"out": out}
        if axis != -1 and axis != len(shape) - 1:
            keywords["axes"] = [axis if core else () for core in self.cores]
        return self.compute(dtype, values[-1].size, values, keywords, row=shape[axis])

    def _bind(self, operands: tuple[Any, ...], named: dict[str, Any]) -> tuple[Any, ...]:
        """The arrays, the pool size if there is one, and the axis."""
        defaults = (*[REQUIRED] * (len(self._names) - 1), -1)
        return arrays.bind(self.dotted_name, self._names, defaults, operands, named, tuple(COMMON))

    def checked_axes(self, axes: Any, ndim: int) -> tuple[int, ...]:
        """Axes, or None for all, as numbers from 0 on.

        Raises
        ------
        AxisError, TypeError, ValueError
            If there is no such axis; if it is not an integer; if one is named twice.
        """
        inner = tuple(range(ndim)) if axes is None else tuple(self._axis(axis, ndim) for axis in axes)
        if len(set(inner)) < len(inner):
            raise ValueError(f"{self.dotted_name}: axis must name each axis once, got {axes}")
        return inner

    def _axis(self, value: Any, ndim: int) -> int:
        axis = arrays.as_integer(self.dotted_name, "axis", value)
        if not -ndim <= axis < ndim:
            wanted = f"be from {-ndim} to {ndim - 1}" if ndim else "exist (the array has no axes)"
            raise np.exceptions.AxisError(f"{self.dotted_name}: axis must {wanted}, got {axis}")
        return axis % ndim

    def checked_pool(self, length: int, pool_size: Any) -> int:
        """The size of the groups into which an axis is cut.

        Raises
        ------
        TypeError, ValueError
            If it is not an integer; if it does not divide the axis.
        """
        size = arrays.as_integer(self.dotted_name, "pool_size", pool_size)
        if size < 1 or length % size:
            arrays.reject(ValueError, self.dotted_name, "pool_size", f"divide the axis of {length} elements", str(size))
        return size

    def _split(self, value: Any, pool_size: Any, axis: int) -> Any:
        size = self.checked_pool(value.shape[axis], pool_size)
        return value.reshape(*value.shape[:axis], value.shape[axis] // size, size, *value.shape[axis + 1 :])

    def check_takes_mask(self) -> None:
        """Refuses a mask where the function takes none.

        Raises
        ------
        TypeError
            If it takes none.
        """
        if self.masked is None:
            raise TypeError(f"{self.dotted_name}: where must be True, this function takes no mask")

    def _mask(self, where: Any, shape: tuple[int, ...]) -> Any:
        self.check_takes_mask()
        return arrays.mask_for(self.dotted_name, where, shape)


@typeof_impl.register(Fold)
def _typeof(function: Fold, _context: Any) -> Any:
    return fold_type(function)


def fold(
    *,
    backward: Callable[..., Any],
    reference: Callable[..., Any],
    numpy: Callable[..., Any],
    pooled: bool = False,
    integers: bool = False,
    masked: float | None = None,
    values: Bounds | None = None,
    names: tuple[Any, ...] = (),
    paper: str = "",
) -> Callable[[Callable[..., Any]], Fold]:
    """Decorates a formula of rows: makes the function along an axis and enters it in the registry.

    Parameters
    ----------
    backward : function
        The row formula of the backward pass, of (grad, output, out); of (grad, input, out) where it is pooled.
    reference : function
        ``reference(m, row)`` in the arithmetic of ``m``, which is mpmath: the result as a list.
    numpy : function
        The plain NumPy expression of a user.
    pooled : bool, optional
        Whether the axis is cut into groups of `pool_size` elements, and each group becomes one.
    integers : bool, optional
        Whether integers stay integers.
    masked : float, optional
        What an element that `where` leaves out becomes.
    values : tuple, optional
        The infimum and the supremum of the result; None for an infinite one.
    names : tuple, optional
        What other frameworks call it: as in `activation`.
    paper : str, optional
        Where it comes from.
    """

    def decorate(formula: Callable[..., Any]) -> Fold:
        check_name(formula)
        name = formula.__name__
        common: dict[str, Any] = {"module": formula.__module__, "pooled": pooled, "integers": integers}
        doc, backward_doc = describe_fold(name, formula.__doc__ or "", pooled, masked, integers, paper)
        result = Fold(formula, name=name, doc=doc, cores=(True, not pooled), masked=masked, **common)
        cores, hidden = (not pooled, True, True), (0.0, masked or 0.0)
        result.backward = Fold(
            backward,
            name=f"{name}.backward",
            doc=backward_doc,
            cores=cores,
            masked=None if masked is None else 0.0,
            hidden=hidden,
            **common,
        )
        result.reference, result.numpy = reference, numpy
        result.values, result.names = values, names
        REGISTRY[name] = result
        return result

    return decorate
