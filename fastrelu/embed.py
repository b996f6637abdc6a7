"""Our functions inside the user's own compiled code: the same names, on scalars and on arrays, with keyword parameters."""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import FunctionType
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import types
from numba.core import cgutils
from numba.core.errors import TypingError
from numba.core.typing.templates import make_overload_template
from numba.extending import intrinsic, overload, register_jitable
from numba.np.numpy_support import as_dtype, from_dtype

from fastrelu.arrays import computed_in, fit_integers
from fastrelu.kernels.calls import emit, resolve
from fastrelu.parameters import REQUIRED, public_signature
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


def shapes(arrays: Any) -> Any:
    """The shapes of a tuple of arrays and scalars, in compiled code."""


@overload(shapes, jit_options=IEEE, strict=False)
def _shapes(arrays: Any) -> Any:
    if len(arrays) == 0:
        return lambda arrays: ()
    return lambda arrays: (np.shape(arrays[0]),) + shapes(arrays[1:])


def all_of_shape(arrays: Any, shape: Any) -> Any:
    """Whether each array of a tuple has a shape, in compiled code."""


@overload(all_of_shape, jit_options=IEEE, strict=False)
def _all_of_shape(arrays: Any, shape: Any) -> Any:
    if len(arrays) == 0:
        return lambda arrays, shape: True
    return lambda arrays, shape: arrays[0].shape == shape and all_of_shape(arrays[1:], shape)


def views(arrays: Any, shape: Any) -> Any:
    """A tuple of arrays and scalars broadcast to a shape, in compiled code."""


@overload(views, jit_options=IEEE, strict=False)
def _views(arrays: Any, shape: Any) -> Any:
    if len(arrays) == 0:
        return lambda arrays, shape: ()
    return lambda arrays, shape: (np.broadcast_to(np.asarray(arrays[0]), shape),) + views(arrays[1:], shape)


def flat(arrays: Any) -> Any:
    """A tuple of contiguous arrays as one-dimensional views, in compiled code."""


@overload(flat, jit_options=IEEE, strict=False)
def _flat(arrays: Any) -> Any:
    if len(arrays) == 0:
        return lambda arrays: ()
    return lambda arrays: (arrays[0].reshape(-1),) + flat(arrays[1:])


def items(arrays: Any, index: Any) -> Any:
    """The elements of a tuple of arrays at an index, in compiled code."""


@overload(items, jit_options=IEEE, strict=False)
def _items(arrays: Any, index: Any) -> Any:
    if len(arrays) == 0:
        return lambda arrays, index: ()
    return lambda arrays, index: (arrays[0][index],) + items(arrays[1:], index)


@functools.cache
def compiled_type(function: Elementwise | Rebound) -> Any:
    """Numba's type of an Elementwise: a function that compiled code can call.

    Made when Numba first meets the object: registering every one at import with `overload` would cost 0.1 ms each.
    """
    optional = {**function.params, **{option: next(iter(choices)) for option, choices in function.options.items()}}
    names = (*function.arrays, *optional)

    def typed(*args: Any, **kwargs: Any) -> Any:
        given = dict(zip(names, args, strict=False)) | kwargs
        chosen: Any = function
        for option in function.options:
            if option in given:
                chosen = _choose(chosen, option, given[option])
        for key in function.params:
            _check_scalar(function.dotted_name, key, given.get(key))
        compilable(chosen.formula)
        operands = [given[key] for key in function.arrays]
        kind = _result_type(chosen, operands, [given.get(key, default) for key, default in function.params.items()])
        body = _array_body(chosen, kind, operands) if any(map(_is_array, operands)) else _scalar_body(chosen, kind)
        return _with_names(body, names, tuple(optional.values()))

    typed.__signature__ = public_signature(dict.fromkeys(function.arrays, REQUIRED) | optional, {})  # type: ignore[attr-defined]
    settings = {**IEEE, "nopython": True, "no_cpython_wrapper": True}
    template = make_overload_template(function, typed, settings, strict=False, inline="never", prefer_literal=True)
    return types.Function(template)


def _check_scalar(name: str, key: str, kind: Any) -> None:
    if isinstance(kind, types.Type):
        value = types.unliteral(kind)
        if not isinstance(value, (types.Float, types.Integer, types.Boolean, types.Omitted)):
            raise TypingError(f"{name}: {key} must be a real scalar, got {value}")


def _is_array(kind: Any) -> bool:
    return isinstance(kind, types.Array)


def _choose(function: Any, option: str, kind: Any) -> Any:
    value = getattr(kind, "literal_value", getattr(kind, "value", kind))
    if isinstance(value, types.Type):
        raise TypingError(f"{function.dotted_name}: {option} must be a constant in compiled code")
    try:
        return function._chosen(option, value)
    except ValueError as error:
        raise TypingError(str(error)) from None


def _result_type(function: Any, operands: list[Any], params: list[Any]) -> Any:
    """Numba's type of the result: the dtype rule."""
    kinds = [types.unliteral(kind.dtype if _is_array(kind) else kind) for kind in operands]
    for key, kind in zip(function.arrays, kinds, strict=True):
        if not isinstance(kind, (types.Float, types.Integer, types.Boolean)):
            raise TypingError(f"{function.dotted_name}: {key} must be real, got {kind}")
    dtype = np.result_type(*(as_dtype(kind) for kind in kinds))
    # Compiled code has no half types: where integers do not stay integers they become float64, as in math.exp.
    wanted = "f" if dtype.kind == "f" else "iu"
    supported = tuple(kept for kept in function.supported if kept.kind in wanted and kept.itemsize * (kept.kind == "f") != 2)
    dtype = computed_in(dtype, supported or (np.dtype("float64"),))
    kept = dtype.kind == "f" or all(_fits(dtype, kind) for kind in params)
    return from_dtype(dtype if kept else np.dtype("float64"))


def _fits(dtype: np.dtype[Any], kind: Any) -> bool:
    """Whether a parameter of an integer function is one of the dtype's numbers: by its value where that is a constant."""
    value = getattr(kind, "literal_value", getattr(kind, "value", kind))
    if not isinstance(value, types.Type):
        return fit_integers(dtype, [value])[0] is dtype
    if not isinstance(value, types.Integer):
        return isinstance(value, types.Boolean)
    return bool(np.can_cast(as_dtype(value), dtype))


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
    several = n_arrays > 1  # with one array Numba leaves the other way out, and compiles in half of the time

    @register_jitable(**IEEE)
    def strided(args: Any) -> Any:
        shape = np.broadcast_shapes(*shapes(args[:n_arrays]))
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

    same = all(_is_array(kind) and kind.layout == "C" and kind.ndim == operands[0].ndim for kind in operands)
    return contiguous if same else strided


def _with_names(body: Callable[[Any], Any], names: tuple[str, ...], defaults: tuple[Any, ...]) -> FunctionType:
    """The body as a function of these parameters; Numba binds keywords by the names in the code object."""
    packers: tuple[Callable[..., Any], ...] = (
        lambda a: body((a,)),
        lambda a, b: body((a, b)),
        lambda a, b, c: body((a, b, c)),
        lambda a, b, c, d: body((a, b, c, d)),
        lambda a, b, c, d, e: body((a, b, c, d, e)),
        lambda a, b, c, d, e, f: body((a, b, c, d, e, f)),
        lambda a, b, c, d, e, f, g: body((a, b, c, d, e, f, g)),
    )
    packer: Any = packers[len(names) - 1]
    code = packer.__code__.replace(co_varnames=names)
    return FunctionType(code, packer.__globals__, names[0], defaults or None, packer.__closure__)
