"""Backward passes, and the gradients of parameters that they give: arrays summed to a shape, and numbers."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numba.extending import typeof_impl

from fastrelu import arrays
from fastrelu.elementwise import COMMON, Elementwise
from fastrelu.embed import outside_type
from fastrelu.kernels.storage import BY_DTYPE
from fastrelu.parameters import REQUIRED, made_once, public_signature

BLOCK = 1 << 18  # elements at a time: no temporary grows with the input, and threads still pay
Makers = Mapping[str, Callable[[], Elementwise]]


class Backward(Elementwise):
    """The backward pass of a function of one array: a gradient of its input and, where `wrt` names them, of its parameters.

    Parameters
    ----------
    further
        What makes the gradient of each parameter that has one, not summed.
    given
        What `x` has to be, where it is not the function's input: for an error message.
    """

    def __init__(self, formula: Callable[..., Any], *, further: Makers, given: str = "", **settings: Any) -> None:
        super().__init__(formula, keywords={"wrt": "x", **COMMON}, **settings)
        self._further, self.given = further, given

    @made_once
    def gradients(self) -> dict[str, Elementwise]:
        """The gradients for each element, by the names that `wrt` takes."""
        return {"x": self, **{key: make() for key, make in self._further.items()}}

    def shape_of(self, key: str, operands: tuple[Any, ...]) -> tuple[int, ...] | None:
        """The shape to which a gradient is summed, or None if it stays as it is."""
        return None if key == "x" else ()

    def _long_way(self, *operands: Any, out: Any = None, where: Any = True, **named: Any) -> Any:
        if "wrt" in named and "device" not in named and not named.get("training"):
            return self._with_respect_to(named.pop("wrt"), operands, named, out, where)
        return super()._long_way(*operands, out=out, where=where, **named)

    def _with_respect_to(self, wrt: Any, operands: tuple[Any, ...], named: dict[str, Any], out: Any, where: Any) -> Any:
        for option in self.options:
            if option in named:
                return self._chosen(option, named.pop(option))._with_respect_to(wrt, operands, named, out, where)
        return gradients_of(self, wrt, self._bind(operands, named), out, where)


class ParameterBackward:
    """The backward pass of a function of several arrays: a gradient for each, summed to the shape of its array.

    Attributes
    ----------
    parts : dict of str to Elementwise
        The elementwise gradients, not summed, by the name of the array.
    """

    given = ""

    def __init__(self, parts: dict[str, Elementwise], further: Makers, name: str, module: str, doc: str) -> None:
        self.parts = parts
        self._further = further
        self.dotted_name = name
        self.arrays, self.params = parts["x"].arrays, parts["x"].params
        self.__name__, self.__qualname__, self.__module__, self.__doc__ = name.rpartition(".")[2], name, module, doc
        parameters = dict.fromkeys(self.arrays, REQUIRED) | self.params
        self._names, self._defaults = tuple(parameters), tuple(parameters.values())
        self.__signature__ = public_signature(parameters, {"wrt": tuple(parts), **COMMON})

    @made_once
    def gradients(self) -> dict[str, Elementwise]:
        """The gradients for each element, by the names that `wrt` takes."""
        return {**self.parts, **{key: make() for key, make in self._further.items()}}

    def shape_of(self, key: str, operands: tuple[Any, ...]) -> tuple[int, ...] | None:
        """The shape to which a gradient is summed."""
        return np.shape(operands[self.arrays.index(key)]) if key in self.arrays else ()

    def __call__(self, *operands: Any, out: Any = None, where: Any = True, **named: Any) -> Any:
        if "device" in named:
            from fastrelu import placing

            return placing.call(self, operands, {**named, "out": out, "where": where})
        wrt = named.pop("wrt", tuple(self.parts))
        given = arrays.bind(self.dotted_name, self._names, self._defaults, operands, named, ("wrt", *COMMON))
        return gradients_of(self, wrt, given, out, where)

    def __reduce__(self) -> str:
        return self.dotted_name

    def __repr__(self) -> str:
        return f"<fastrelu function {self.dotted_name}>"

    @made_once
    def compiled(self) -> Any:
        """Numba's type of it."""
        slope = self.dotted_name.replace("backward", "derivative")
        return outside_type(self, self._names, f"the gradient of x is grad * {slope}({', '.join(self.arrays[1:])})")


@typeof_impl.register(ParameterBackward)
def _typeof(function: ParameterBackward, _context: Any) -> Any:
    return function.compiled


def gradients_of(owner: Backward | ParameterBackward, wrt: Any, operands: tuple[Any, ...], out: Any, where: Any) -> Any:
    """The gradients that `wrt` names, in its order."""
    name, keys = owner.dotted_name, names_in(owner, wrt)
    outs = (out,) if isinstance(wrt, str) else (None,) * len(keys) if out is None else out
    if not isinstance(outs, tuple) or len(outs) != len(keys):
        came = f"a tuple of {len(outs)}" if isinstance(outs, tuple) else arrays.show_dtype(out)
        arrays.reject(TypeError, name, "out", f"be a tuple of {len(keys)}, as wrt is", came)
    if any(arrays.on_cuda(value) for value in operands[: len(owner.arrays)]):
        from fastrelu.kernels import cuda

        found = cuda.gradients(owner, keys, operands, outs, where)
        return found[keys[0]] if isinstance(wrt, str) else tuple(found[key] for key in keys)
    if where is not True:
        where = arrays.check_where(name, where)
    results: dict[str, Any] = {}
    late: dict[str, Any] = {}  # nothing is written before everything has been read and checked
    for key, target in sorted(zip(keys, outs, strict=True), key=lambda pair: pair[0] == "x"):
        part, shape = owner.gradients[key], owner.shape_of(key, operands)
        if shape is None:
            results[key] = part(*operands, out=target, where=where)
            continue
        results[key] = summed(part, operands, shape, where)
        if target is not None:
            arrays.check_out(name, target, results[key].dtype, shape)
            late[key] = target
            if where is not True and part_shape(part, operands, where) == shape:
                results[key] = np.where(where, results[key], target)  # the others keep what is in it
    for key, target in late.items():
        target[...] = results[key]
    results |= late
    return results[keys[0]] if isinstance(wrt, str) else tuple(results[key] for key in keys)


def part_shape(part: Elementwise, operands: tuple[Any, ...], where: Any) -> tuple[int, ...]:
    """The shape of a gradient that is not summed."""
    return arrays.broadcast_shapes([*map(np.shape, operands[: len(part.arrays)]), np.shape(where)])


def names_in(owner: Backward | ParameterBackward, wrt: Any) -> tuple[str, ...]:
    """The names in `wrt`, checked.

    Raises
    ------
    TypeError, ValueError
        If it is not a name or a tuple of names; if it names nothing, one twice, or one that has no gradient.
    """
    name, known = owner.dotted_name, " or ".join(owner.gradients)
    keys = (wrt,) if isinstance(wrt, str) else wrt
    if not isinstance(keys, tuple) or not all(isinstance(key, str) for key in keys):
        arrays.reject(TypeError, name, "wrt", "be a name or a tuple of names", repr(wrt))
    for key in keys:
        if key not in owner.gradients:
            arrays.reject(ValueError, name, "wrt", f"name {known}{owner.given}", repr(key))
    if not keys or len(set(keys)) < len(keys):
        arrays.reject(ValueError, name, "wrt", f"name {known}, each once", repr(wrt))
    return keys


def summed(part: Elementwise, operands: tuple[Any, ...], target: tuple[int, ...], where: Any) -> Any:
    """The gradient for each element, summed in float64 over the axes along which a parameter of this shape is broadcast."""
    name, count = part.dotted_name, len(part.arrays)
    if not target and any(arrays.overrides_ufuncs(value) for value in operands[:count]):
        each = part(*operands, where=where)  # which pandas and others align
        total = np.asarray(each, np.float64).sum()
        return total.astype(np.asarray(each).dtype)
    values = [arrays.as_operand(name, key, value) for key, value in zip(part.arrays, operands, strict=False)]
    common = arrays.common_dtype(name, part.arrays, values)
    dtype, numbers = part.settle(common, operands[count:], part.supported)
    if common.kind in "biu" and not target:
        dtype = np.dtype(np.float64)  # no dtype of an input to keep, and float16 would overflow
    shape = arrays.common_shape(name, part.arrays, values)
    masks = [~np.ma.getmaskarray(value) for value in values if isinstance(value, np.ma.MaskedArray)]
    if where is not True:
        shape = arrays.common_shape(name, ("operands", "where"), [np.broadcast_to(0, shape), where])
        masks.append(where)
    selected = [functools.reduce(np.logical_and, masks)] if masks else []
    if shape == target:
        return part(*operands, where=where)
    total = np.zeros((1,) * (len(shape) - len(target)) + target, np.float64)
    axes = tuple(axis for axis, size in enumerate(total.shape) if size == 1)
    with np.errstate(all="ignore"):
        for index, block in blocks(part, [*values, *selected], numbers, shape, BY_DTYPE[dtype].param):
            place = tuple(slice(None) if axis in axes else chosen for axis, chosen in enumerate(index))
            total[place] += np.add.reduce(block, axis=axes, dtype=np.float64, keepdims=True)
        return total.reshape(target).astype(dtype)[()]


def blocks(
    part: Elementwise, values: list[Any], numbers: list[float], shape: tuple[int, ...], dtype: np.dtype[Any]
) -> Iterator[tuple[tuple[slice, ...], Any]]:
    """The index of each block and its elements, in C order whatever the layout, so that sums have the same bits.

    A mask may follow the operands of the part. The elements are valid until the next block.
    """
    count = len(part.arrays)
    views = [value if np.shape(value) == shape else np.broadcast_to(value, shape) for value in values]
    widths = [math.prod(shape[axis + 1 :]) for axis in range(len(shape))]
    axis = next(axis for axis, width in enumerate(widths) if width <= BLOCK)
    step = max(1, BLOCK // max(1, widths[axis]))
    memory = np.zeros(min(step, shape[axis]) * widths[axis], dtype)
    for first in np.ndindex(shape[:axis]):
        for start in range(0, shape[axis], step):
            index = (*(slice(place, place + 1) for place in first), slice(start, start + step))
            given = [np.ascontiguousarray(view[index], dtype) for view in views[:count]]  # a masked array's data
            block = memory[: given[0].size].reshape(given[0].shape)
            keywords = {}
            if len(views) > count:
                keywords["where"] = views[count][index]
                block[...] = 0
            part(*given, *numbers, out=block, **keywords)
            yield index, block
