"""Our functions inside the user's own compiled code: what Numba knows of them, and how it binds a call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import FunctionType
from typing import Any

import numba
import numpy as np
from numba import types
from numba.core import cgutils
from numba.core.errors import TypingError
from numba.core.imputils import impl_ret_borrowed, lower_getattr_generic
from numba.core.typing.templates import AttributeTemplate, infer_getattr, make_overload_template
from numba.extending import NativeValue, intrinsic, models, overload, register_jitable, register_model, unbox
from numba.np.numpy_support import as_dtype

from fastrelu.arrays import bind, computed_in
from fastrelu.parameters import REQUIRED, public_signature
from fastrelu.vecmath.primitives import IEEE

OUTSIDE = ("out", "where", "device", "wrt", "training", "seed")  # keywords that compiled code does not take
SETTINGS = {**IEEE, "nopython": True, "no_cpython_wrapper": True}
MEMBERS = ("derivative", "backward", "training")  # other functions, which compiled code reaches as attributes


class Embedded(types.Function):  # type: ignore[misc]
    """Numba's type of one function: it says all that there is to know, so that a value of it has no content.

    Parameters
    ----------
    template
        What types a call.
    function
        The object outside of compiled code.
    """

    def __init__(self, template: Any, function: Any) -> None:
        self.function = function
        super().__init__(template)

    def __reduce__(self) -> Any:
        """In the key of a user's cached function that takes ours as an argument."""
        return numba.typeof, (self.function,)


register_model(Embedded)(models.OpaqueModel)


@unbox(Embedded)
def _unbox(_kind: Any, _object: Any, context: Any) -> Any:
    return NativeValue(context.context.get_dummy_value())


@infer_getattr
class _Attributes(AttributeTemplate):  # type: ignore[misc]
    """fr.gelu.derivative within compiled code."""

    key = Embedded

    def generic_resolve(self, kind: Any, name: str) -> Any:
        member = getattr(kind.function, name, None) if name in MEMBERS else None
        return None if member is None else self.context.resolve_value_type(member)


@lower_getattr_generic(Embedded)
def _attribute(context: Any, _builder: Any, _kind: Any, _value: Any, _name: Any) -> Any:
    return context.get_dummy_value()


def embedded(
    function: Any, name: str, arrays: tuple[str, ...], optional: Mapping[str, Any], typed: Callable[[dict[str, Any]], Any]
) -> Embedded:
    """Numba's type of a function.

    Made when Numba first meets the object: registering every one at import with `overload` would cost 0.1 ms each.

    Parameters
    ----------
    function, name
        The object, and what its errors call it.
    arrays, optional
        The names of its array operands, and those that follow with their defaults; REQUIRED stands for none.
    typed
        Takes the types of the arguments by name; gives the implementation, a function of all arguments in one tuple.
    """
    names, defaults = (*arrays, *optional), (*(REQUIRED,) * len(arrays), *optional.values())

    def chosen(*args: Any, **named: Any) -> Any:
        given = dict(zip(names, args, strict=False)) | named
        body = settling(typed(given), given.values())
        return with_names(body, names, tuple(value for value in defaults if value is not REQUIRED))

    chosen.__signature__ = public_signature(dict(zip(names, defaults, strict=True)), {})  # type: ignore[attr-defined]
    template = make_overload_template(function, chosen, SETTINGS, strict=False, inline="never", prefer_literal=True)

    class Template(template):  # type: ignore[misc, valid-type]
        def generic(self, args: Any, named: Any) -> Any:
            outside = [key for key in OUTSIDE if key in named and key not in names]
            if outside:
                raise TypingError(f"{name}: {outside[0]} exists outside of compiled code only")
            try:
                bind(name, names, defaults, args, named, ())
            except TypeError as error:
                raise TypingError(str(error)) from None
            return super().generic(args, named)

    return Embedded(Template, function)


def outside_type(function: Any, names: tuple[str, ...], instead: str) -> Embedded:
    """Numba's type of a function that compiled code cannot call: the error says so."""

    def typed(_given: dict[str, Any]) -> Any:
        raise TypingError(f"{function.dotted_name} exists outside of compiled code only: {instead}")

    return embedded(function, function.dotted_name, names, {}, typed)


def with_names(body: Callable[[Any], Any], names: tuple[str, ...], defaults: tuple[Any, ...]) -> FunctionType:
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


def settling(body: Any, kinds: Any) -> Any:
    """The body of arguments that may be None, where there are such: None is an error when it comes."""
    if not any(isinstance(kind, types.Optional) for kind in kinds):
        return body

    @register_jitable(**IEEE)
    def settled(args: Any) -> Any:
        return body(present(args))

    return settled


@intrinsic
def present(_context: Any, args: Any) -> Any:
    """A tuple without Optional types."""
    kinds = [kind.type if isinstance(kind, types.Optional) else kind for kind in args.types]
    result = types.BaseTuple.from_types(kinds)

    def codegen(target: Any, builder: Any, _signature: Any, given: Any) -> Any:
        values = zip(cgutils.unpack_tuple(builder, given[0]), args.types, kinds, strict=True)
        cast = [target.cast(builder, value, came, kind) for value, came, kind in values]
        return impl_ret_borrowed(target, builder, result, target.make_tuple(builder, result, cast))

    return result(args), codegen


def plain(kind: Any) -> Any:
    """A type without what is known of its value, and without None."""
    kind = types.unliteral(kind)
    return kind.type if isinstance(kind, types.Optional) else kind


def constant(name: str, key: str, kind: Any) -> Any:
    """The value of an argument that has to be known when code is compiled.

    Raises
    ------
    TypingError
        If it is not.
    """
    value = getattr(kind, "literal_value", getattr(kind, "value", kind))
    if isinstance(value, types.NoneType):
        return None
    if isinstance(value, types.Type):
        raise TypingError(f"{name}: {key} must be a constant in compiled code")
    return value


def is_array(kind: Any) -> bool:
    """Whether it is the type of an array, or of one that may be None."""
    return isinstance(plain(kind), types.Array)


def common_dtype(name: str, keys: tuple[str, ...], kinds: list[Any], supported: tuple[np.dtype[Any], ...]) -> np.dtype[Any]:
    """The dtype rule. A number next to an array adapts to it, as Python's numbers do outside.

    Compiled code has no half types: where integers do not stay integers they become float64, as in math.exp.

    Raises
    ------
    TypingError
        If an operand is not real.
    """
    items = [plain(kind).dtype if is_array(kind) else plain(kind) for kind in kinds]
    for key, item in zip(keys, items, strict=True):
        if not isinstance(item, (types.Float, types.Integer, types.Boolean)):
            raise TypingError(f"{name}: {key} must be real, got {item}")
    dtypes = [as_dtype(item) for item in items]
    if any(map(is_array, kinds)):
        dtypes = [dtype if is_array(kind) else type(dtype.type(0).item())(0) for dtype, kind in zip(dtypes, kinds, strict=True)]
    dtype = np.result_type(*dtypes)
    wanted = "f" if dtype.kind == "f" else "iu"
    kept = tuple(each for each in supported if each.kind in wanted and each.itemsize * (each.kind == "f") != 2)
    return computed_in(dtype, kept or (np.dtype("float64"),))


def all_of_shape(arrays: Any, shape: Any) -> Any:
    """Whether each array of a tuple has a shape, in compiled code."""


@overload(all_of_shape, jit_options=IEEE, strict=False)
def _all_of_shape(arrays: Any, shape: Any) -> Any:
    if len(arrays) == 0:
        return lambda arrays, shape: True
    return lambda arrays, shape: arrays[0].shape == shape and all_of_shape(arrays[1:], shape)
