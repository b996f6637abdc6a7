"""Elementwise functions inside compiled code: on scalars and on arrays, with keyword parameters."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import types
from numba.core import cgutils
from numba.core.errors import TypingError
from numba.core.imputils import impl_ret_borrowed
from numba.extending import intrinsic, overload, register_jitable
from numba.np.numpy_support import as_dtype, from_dtype

from fastrelu.arrays import check_minimum, fit_integers
from fastrelu.embed import Embedded, all_of_shape, common_dtype, constant, embedded, is_array, plain
from fastrelu.kernels.calls import emit, resolve
from fastrelu.vecmath.primitives import IEEE, compilable

if TYPE_CHECKING:
    from fastrelu.elementwise import Elementwise
    from fastrelu.translate import Rebound


@intrinsic(prefer_literal=True)
def apply(context: Any, formula: Any, kind: Any, count: Any, operands: Any) -> Any:
    """formula(*operands[:count]), each cast to a type first."""
    if not isinstance(count, types.Literal):
        return None  # as in sweep
    compute, used = kind.dtype, count.literal_value
    inner = resolve(context, formula, compute, used)

    def codegen(target: Any, builder: Any, _signature: Any, args: Any) -> Any:
        values = cgutils.unpack_tuple(builder, args[3])[:used]
        cast = [target.cast(builder, value, came, compute) for value, came in zip(values, operands.types, strict=False)]
        return emit(target, builder, formula, inner, cast, compute)

    return compute(formula, kind, count, operands), codegen


@intrinsic
def common_shape(_context: Any, arrays: Any) -> Any:
    """The shape of a tuple of arrays and scalars broadcast as NumPy does, and whether they fit.

    np.broadcast_shapes and np.broadcast_to took 1.5 s to compile.
    """
    ndim = max((kind.ndim for kind in arrays.types if is_array(kind)), default=0)
    shape = types.Tuple([types.intp] * ndim)

    def codegen(target: Any, builder: Any, _signature: Any, args: Any) -> Any:
        one = target.get_constant(types.intp, 1)
        lengths, fits = [one] * ndim, cgutils.true_bit
        for kind, value in zip(arrays.types, cgutils.unpack_tuple(builder, args[0]), strict=True):
            if is_array(kind):
                own = cgutils.unpack_tuple(builder, target.make_array(kind)(target, builder, value).shape)
                for axis, length in enumerate(own, ndim - kind.ndim):
                    before = lengths[axis]
                    free, single = (builder.icmp_signed("==", each, one) for each in (before, length))
                    same = builder.icmp_signed("==", before, length)
                    fits = builder.and_(fits, builder.or_(builder.or_(free, single), same))
                    lengths[axis] = builder.select(free, length, before)
        made = target.make_tuple(builder, shape, lengths)
        return target.make_tuple(builder, types.Tuple([shape, types.boolean]), [made, fits])

    return types.Tuple([shape, types.boolean])(arrays), codegen


@intrinsic
def views(_context: Any, arrays: Any, shape: Any) -> Any:
    """A tuple of arrays and scalars, the arrays broadcast to a shape that fits: an axis of length 1 has the stride 0."""
    ndim = len(shape)
    kinds = [types.Array(kind.dtype, ndim, "A", readonly=True) if is_array(kind) else kind for kind in arrays.types]
    result = types.Tuple(kinds)

    def codegen(target: Any, builder: Any, _signature: Any, args: Any) -> Any:
        from numba.np.arrayobj import populate_array  # 30 ms, which an import of ours need not pay

        one, still = target.get_constant(types.intp, 1), target.get_constant(types.intp, 0)
        made = cgutils.unpack_tuple(builder, args[0])
        for place, (kind, wanted) in enumerate(zip(arrays.types, kinds, strict=True)):
            if is_array(kind):
                given = target.make_array(kind)(target, builder, made[place])
                own = zip(cgutils.unpack_tuple(builder, given.shape), cgutils.unpack_tuple(builder, given.strides), strict=True)
                steps = [builder.select(builder.icmp_signed("==", length, one), still, step) for length, step in own]
                view = target.make_array(wanted)(target, builder)
                populate_array(
                    view,
                    data=given.data,
                    shape=cgutils.unpack_tuple(builder, args[1]),
                    strides=[still] * (ndim - kind.ndim) + steps,
                    itemsize=given.itemsize,
                    meminfo=given.meminfo,
                    parent=given.parent,
                )
                made[place] = view._getvalue()
        return impl_ret_borrowed(target, builder, result, target.make_tuple(builder, result, made))

    return result(arrays, shape), codegen


def items(arrays: Any, index: Any) -> Any:
    """The elements of a tuple of arrays at an index, in compiled code; a scalar is the same everywhere."""


@overload(items, jit_options=IEEE, strict=False)
def _items(arrays: Any, index: Any) -> Any:
    if len(arrays) == 0:
        return lambda arrays, index: ()
    if is_array(arrays[0]):
        return lambda arrays, index: (arrays[0][index],) + items(arrays[1:], index)
    return lambda arrays, index: (arrays[0],) + items(arrays[1:], index)


def flat(arrays: Any) -> Any:
    """A tuple of contiguous arrays as one-dimensional views, in compiled code."""


@overload(flat, jit_options=IEEE, strict=False)
def _flat(arrays: Any) -> Any:
    if len(arrays) == 0:
        return lambda arrays: ()
    return lambda arrays: (arrays[0].reshape(-1),) + flat(arrays[1:])


def transposed(arrays: Any) -> Any:
    """A tuple of arrays with their axes reversed, in compiled code."""


@overload(transposed, jit_options=IEEE, strict=False)
def _transposed(arrays: Any) -> Any:
    if len(arrays) == 0:
        return lambda arrays: ()
    return lambda arrays: (arrays[0].T,) + transposed(arrays[1:])


@functools.cache
def elementwise_type(function: Elementwise) -> Embedded:
    """Numba's type of an Elementwise."""
    return type_of(function, function)


def type_of(function: Any, bound: Elementwise | Rebound, check: Callable[[list[Any]], None] | None = None) -> Embedded:
    """Numba's type of a function, which may have the defaults, the name and the checks of another framework."""
    optional = {**bound.params, **{option: next(iter(choices)) for option, choices in bound.options.items()}}

    def typed(given: dict[str, Any]) -> Any:
        chosen: Any = bound
        for option in bound.options:
            chosen = _choose(chosen, option, given.get(option, optional[option]))
        for key in bound.params:
            _check_scalar(bound.dotted_name, key, given.get(key))
        compilable(chosen.formula)
        kinds = [plain(given[key]) for key in bound.arrays]
        if check:
            _typing(check, kinds)
        dtype = common_dtype(bound.dotted_name, bound.arrays, kinds, chosen.supported)
        params = {key: given.get(key, default) for key, default in bound.params.items()}
        kept = dtype.kind == "f" or all(_fits(dtype, kind) for kind in params.values())
        kind = from_dtype(dtype if kept else np.dtype("float64"))
        return _checked(
            chosen, params, _array_body(chosen, kind, kinds) if any(map(is_array, kinds)) else _scalar_body(chosen, kind)
        )

    return embedded(function, bound.dotted_name, bound.arrays, optional, typed)


def _check_scalar(name: str, key: str, kind: Any) -> None:
    if isinstance(kind, types.Type):
        value = plain(kind)
        if not isinstance(value, (types.Float, types.Integer, types.Boolean, types.Omitted)):
            raise TypingError(f"{name}: {key} must be a real scalar, got {value}")


def _choose(function: Any, option: str, kind: Any) -> Any:
    return _typing(function._chosen, option, constant(function.dotted_name, option, kind))


def _typing(check: Callable[..., Any], *arguments: Any) -> Any:
    """The result, or the error as one that compilation takes for its own."""
    try:
        return check(*arguments)
    except ValueError as error:
        raise TypingError(str(error)) from None


def _fits(dtype: np.dtype[Any], kind: Any) -> bool:
    """Whether a parameter of an integer function is one of the dtype's numbers: by its value where that is a constant."""
    value = getattr(kind, "literal_value", getattr(kind, "value", kind))
    if not isinstance(value, types.Type):
        return fit_integers(dtype, [value])[0] is dtype
    value = plain(value)
    if not isinstance(value, types.Integer):
        return isinstance(value, types.Boolean)
    return bool(np.can_cast(as_dtype(value), dtype))


def _checked(function: Any, params: dict[str, Any], body: Any) -> Any:
    """The body after a check of the parameters that have a least valid value, at once where they are constants."""
    for key, least in function.minimum.items():
        kind = params[key]
        value = getattr(kind, "literal_value", getattr(kind, "value", kind))
        if isinstance(value, types.Type):
            body = _refusing(body, len(function.arrays) + list(params).index(key), least, f"{function.dotted_name}: {key}")
        else:
            _typing(check_minimum, function.dotted_name, key, value, least)
    return body


def _refusing(body: Any, place: int, least: float, told: str) -> Any:
    told = f"{told} must be at least {least:g}"

    @register_jitable(**IEEE)
    def checked(args: Any) -> Any:
        if not args[place] >= least:
            raise ValueError(told)
        return body(args)

    return checked


def _scalar_body(function: Any, kind: Any) -> Any:
    formula = function.formula
    count = len(function.arrays) + len(function.params)

    @register_jitable(**IEEE)
    def body(args: Any) -> Any:
        return apply(formula, kind, count, args)

    return body


def _array_body(function: Any, kind: Any, operands: list[Any]) -> Any:
    formula = function.formula
    n_arrays, count = len(function.arrays), len(function.arrays) + len(function.params)
    misfit = f"{function.dotted_name}: {' and '.join(function.arrays)} must broadcast together"
    several = n_arrays > 1  # with one array Numba leaves the other way out, and compiles in half of the time

    @register_jitable(**IEEE)
    def strided(args: Any) -> Any:
        shape, fits = common_shape(args[:n_arrays])
        if not fits:
            raise ValueError(misfit)
        out = np.empty(shape, kind)
        sources = views(args[:n_arrays], shape)
        for index in np.ndindex(shape):
            out[index] = apply(formula, kind, count, items(sources, index) + args[n_arrays:])
        return out

    @register_jitable(**IEEE)
    def contiguous(args: Any) -> Any:
        if several and not all_of_shape(args[1:n_arrays], args[0].shape):
            return strided(args)
        out = np.empty(args[0].shape, kind)
        target, sources = out.reshape(-1), flat(args[:n_arrays])
        for index in range(target.size):
            target[index] = apply(formula, kind, count, items(sources, index) + args[n_arrays:])
        return out

    @register_jitable(**IEEE)
    def columns(args: Any) -> Any:
        return contiguous(transposed(args[:n_arrays]) + args[n_arrays:]).T

    alike = {(kind.layout, kind.ndim) if is_array(kind) else None for kind in operands}
    layout, _ = alike.pop() or ("A", 0) if len(alike) == 1 else ("A", 0)
    return {"C": contiguous, "F": columns}.get(layout, strided)
