"""Checks of arguments and their errors, and the dtype rule."""

from __future__ import annotations

import functools
import itertools
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn, SupportsFloat, SupportsIndex

import numpy as np

from fastrelu.kernels.storage import is_bfloat16
from fastrelu.parameters import REQUIRED

Dtype = np.dtype[Any]
DLPACK_CUDA = (2, 13)  # kinds of devices: memory of a device, and memory that moves between it and the host
LARGEST = int(np.finfo(np.float64).max)  # an integer beyond it has no float: Python's error would not name the parameter


def show_dtype(value: Any) -> str:
    """What came, as an error message names it."""
    return str(value.dtype) if isinstance(value, (np.ndarray, np.generic)) else type(value).__name__


def reject(error: type[Exception], name: str, argument: str, wanted: str, came: str) -> NoReturn:
    """Raises the one sentence that every wrong argument gets."""
    raise error(f"{name}: {argument} must {wanted}, got {came}")


def as_operand(name: str, argument: str, value: Any) -> Any:
    """Any array-like as something NumPy computes with: arrays and Python scalars stay what they are.

    Raises
    ------
    TypeError
        If it does not hold real numbers of at most 64 bits.
    """
    if type(value) in (float, bool) or (type(value) is int and -(1 << 63) <= value < 1 << 64):
        return value
    if type(value) is not np.ndarray and on_cuda(value):  # NumPy would copy it here in silence
        reject(TypeError, name, argument, "be in host memory", type(value).__name__)
    try:
        array = value if type(value) is np.ndarray else np.asanyarray(value)
    except ValueError as error:  # ragged lists
        raise TypeError(f"{name}: {argument} must be a real array, got {type(value).__name__} ({error})") from None
    if not is_real(array.dtype):
        reject(TypeError, name, argument, "be a real array", str(array.dtype))
    return array


@functools.lru_cache(maxsize=64)
def is_real(dtype: Dtype) -> bool:
    """Whether it is a bool, integer or float dtype of at most 64 bits, or bfloat16."""
    return (dtype.kind in "biuf" and dtype.itemsize <= 8) or is_bfloat16(dtype)


@functools.lru_cache(maxsize=256)
def computed_in(dtype: Dtype, supported: tuple[Dtype, ...]) -> Dtype:
    """The dtype rule: the first supported dtype that holds every value of the given one, as NumPy's ufuncs choose."""
    if is_bfloat16(dtype):
        return dtype
    return next(candidate for candidate in supported if np.can_cast(dtype, candidate))


def bind(
    name: str,
    names: tuple[str, ...],
    defaults: tuple[Any, ...],
    operands: tuple[Any, ...],
    named: dict[str, Any],
    keywords: tuple[str, ...],
) -> tuple[Any, ...]:
    """Positional and named arguments in order, defaults filled in; REQUIRED stands for no default.

    Raises
    ------
    TypeError
        If an argument is missing, unknown, given twice, or one too many.
    """
    count = len(operands)
    if not named and count == len(names):
        return operands
    rest = names[count:]
    if count <= len(names) and all(key in rest for key in named):
        values = (*operands, *(named.get(key, default) for key, default in zip(rest, defaults[count:], strict=True)))
        if not any(value is REQUIRED for value in values):
            return values
    wrong = [f"unknown parameter {key!r}" for key in named if key not in names]
    wrong += [f"{key} was given twice" for key in named if key in names[:count]]
    missing = [key for key, default in zip(rest, defaults[count:], strict=True) if default is REQUIRED and key not in named]
    wrong += [f"{key} is missing" for key in missing]
    wrong.append(f"got {count} positional arguments")
    raise TypeError(f"{name}: {wrong[0]}; it takes {', '.join((*names, *keywords))}")


def common_dtype(name: str, names: tuple[str, ...], operands: Sequence[Any]) -> Dtype:
    """What the array operands promote to; Python scalars adapt to arrays."""
    if len(operands) == 1:
        value = operands[0]
        return value.dtype if isinstance(value, np.ndarray) else np.result_type(value)
    given = [operand.dtype for operand in operands if isinstance(operand, np.ndarray)]
    try:
        if 0 < len(given) < len(operands) and is_bfloat16(np.result_type(*given)):
            return np.result_type(*given)  # NumPy knows no Python scalars that adapt to another package's dtype
        return np.result_type(*operands)
    except TypeError:  # of bfloat16 and float16
        raise TypeError(f"{name}: {' and '.join(names)} must have a common dtype, got {', '.join(map(str, given))}") from None


def common_shape(name: str, names: tuple[str, ...], operands: Sequence[Any]) -> tuple[int, ...]:
    """The shape to which the operands broadcast."""
    shapes: list[tuple[int, ...]] = [
        operand.shape if isinstance(operand, np.ndarray) else np.shape(operand) for operand in operands
    ]
    return joined_shape(name, names, shapes)


def joined_shape(name: str, names: tuple[str, ...], shapes: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    """The shape to which these shapes broadcast."""
    if shapes.count(shapes[0]) == len(shapes):
        return shapes[0]
    try:
        return broadcast_shapes(shapes)
    except ValueError:
        came = ", ".join(map(str, shapes))
        raise ValueError(f"{name}: {' and '.join(names)} must broadcast together, got shapes {came}") from None


def broadcast_shapes(shapes: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    """As numpy.broadcast_shapes, which ends at 32 axes where arrays end at 64.

    Raises
    ------
    ValueError
        If they do not broadcast together.
    """
    sizes = [{n for n in axis if n != 1} or {1} for axis in itertools.zip_longest(*map(reversed, shapes), fillvalue=1)]
    return tuple(size for (size,) in reversed(sizes))


def check_scalar(name: str, argument: str, value: Any) -> float:
    """A real scalar parameter as a Python number, which adapts to the dtype of the array.

    Raises
    ------
    TypeError, ValueError
        If it is not a real number; if it is too large.
    """
    if type(value) is float:
        return value
    if type(value) is int:
        if abs(value) > LARGEST:
            reject(ValueError, name, argument, "be a number that float64 can hold", f"an integer of {value.bit_length()} bits")
        return value
    if isinstance(value, np.ndarray) and value.ndim:
        reject(TypeError, name, argument, "be a real scalar", f"an array of shape {value.shape}")
    if value is np.ma.masked:  # a number, says NumPy
        reject(TypeError, name, argument, "be a real scalar", "masked")
    if isinstance(value, (np.ndarray, np.generic)):
        if is_real(value.dtype):
            return value.item()  # type: ignore[no-any-return]
    elif isinstance(value, (SupportsIndex, SupportsFloat)):
        return float(value)
    reject(TypeError, name, argument, "be a real scalar", show_dtype(value))


def check_minimum(name: str, argument: str, value: float, least: float) -> None:
    """Refuses a parameter below its least valid value, and NaN.

    Raises
    ------
    ValueError
        If it is.
    """
    if not value >= least:
        reject(ValueError, name, argument, f"be at least {least:g}", f"{value:g}")


def fit_integers(dtype: Dtype, scalars: list[float]) -> tuple[Dtype, list[float]]:
    """Parameters of an integer function as integers of its dtype, or the float dtype in which they fit."""
    limits = np.iinfo(dtype)
    if all(value == value // 1 and limits.min <= value <= limits.max for value in scalars):
        return dtype, [int(value) for value in scalars]
    return np.dtype(np.float64), scalars


def on_cuda(value: Any) -> bool:
    """Whether this is an array in the memory of a CUDA device."""
    kind: Any = type(value)
    ask = _sign(kind)
    return ask is not None and ask(value)


@functools.lru_cache(maxsize=256)
def _sign(kind: Any) -> Callable[[Any], bool] | None:
    """What tells of values of a type whether they lie on a device, whatever is shortest; None of those that never do."""
    if issubclass(kind, (int, float, str, list, tuple, np.generic)):
        return None
    if hasattr(kind, "is_cuda") and any(base.__module__.partition(".")[0] == "torch" for base in kind.__mro__):
        return operator.attrgetter("is_cuda")
    return _by_dlpack if hasattr(kind, "__dlpack_device__") and not issubclass(kind, np.ndarray) else _by_interface


def _by_interface(value: Any) -> bool:
    """Asked of the instance: a class may serve both. The arrays of Numba's simulator have `__cuda_ndarray__` alone."""
    return hasattr(value, "__cuda_array_interface__") or getattr(value, "__cuda_ndarray__", False) is True


def _by_dlpack(value: Any) -> bool:
    try:
        return value.__dlpack_device__()[0] in DLPACK_CUDA
    except Exception:  # of JAX's arrays on several devices, as of what cannot be exchanged at all
        devices = getattr(value, "devices", None)
        return callable(devices) and any(device.platform == "gpu" for device in devices())


def overrides_ufuncs(value: Any) -> bool:
    """Whether this type answers to ufuncs by itself."""
    override = getattr(type(value), "__array_ufunc__", None)
    return override is not None and override is not np.ndarray.__array_ufunc__ and not isinstance(value, np.generic)


def dtypes_of(name: str, argument: str, value: Any) -> list[Any]:
    """The dtypes of an array of another library, of which a table has several; a number is its own.

    Raises
    ------
    TypeError
        Of what answers to ufuncs and has no dtype, as pandas.NA.
    """
    if hasattr(value, "dtypes") and not hasattr(value, "dtype"):
        return list(value.dtypes.values() if isinstance(value.dtypes, Mapping) else value.dtypes)
    if overrides_ufuncs(value) and not hasattr(value, "dtype"):
        reject(TypeError, name, argument, "be a real array", type(value).__name__)
    return [getattr(value, "dtype", value)]


def check_out(name: str, out: Any, dtype: Dtype, shape: tuple[int, ...]) -> None:
    """Refuses an output that the result does not fit exactly.

    Raises
    ------
    TypeError, ValueError
        Of another type or dtype; of another shape or read-only.
    """
    if not isinstance(out, np.ndarray):
        reject(TypeError, name, "out", "be a NumPy array", type(out).__name__)
    check_fit(name, out, dtype, shape)
    if not out.flags.writeable:
        reject(ValueError, name, "out", "be writeable", "a read-only array")


def check_fit(name: str, out: Any, dtype: Dtype, shape: tuple[int, ...]) -> None:
    """Refuses an output of another dtype or shape than the result.

    Raises
    ------
    TypeError, ValueError
        Of another dtype; of another shape.
    """
    if out.dtype is not dtype and out.dtype.newbyteorder("=") != dtype:
        reject(TypeError, name, "out", f"have dtype {dtype}", str(out.dtype))
    if out.shape != shape:
        reject(ValueError, name, "out", f"have shape {shape}", str(out.shape))


def check_one_shape(name: str, keys: Sequence[str], shapes: Sequence[tuple[int, ...]]) -> None:
    """Refuses arrays that would be broadcast in training: the forward pass has drawn the numbers of x alone.

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    if len(set(shapes)) > 1:
        came = ", ".join(map(str, shapes))
        raise ValueError(f"{name}: {' and '.join(keys)} must have one shape where training, got shapes {came}")


def untangled(operand: Any, out: Any) -> Any:
    """The operand, or a copy where the output overlaps it in another way than exactly.

    NumPy copies too, but not where going through the memory forwards is safe: which threads do not do.
    """
    if not isinstance(operand, np.ndarray) or not np.may_share_memory(operand, out):
        return operand
    same = operand.__array_interface__["data"] == out.__array_interface__["data"]
    return operand if same and operand.strides == out.strides and operand.shape == out.shape else operand.copy()


def as_integer(name: str, argument: str, value: Any, wanted: str = "be an integer") -> int:
    """An integer of any type as Python's.

    Raises
    ------
    TypeError
        If it is none.
    """
    try:
        return operator.index(value)
    except TypeError:
        reject(TypeError, name, argument, wanted, type(value).__name__)


def mask_for(name: str, where: Any, shape: tuple[int, ...]) -> Any:
    """A mask as a bool array of the result's shape.

    Raises
    ------
    TypeError, ValueError
        If it is not made of bools; if it does not broadcast to that shape.
    """
    mask = check_where(name, where)
    if joined_shape(name, ("operands", "where"), [shape, mask.shape]) != shape:
        reject(ValueError, name, "where", f"broadcast to shape {shape}", str(mask.shape))
    return np.broadcast_to(mask, shape)


def check_where(name: str, where: Any) -> Any:
    """A mask as a bool array.

    Raises
    ------
    TypeError
        If it is not made of bools.
    """
    try:
        mask = np.asanyarray(where)
    except ValueError:  # ragged lists
        reject(TypeError, name, "where", "be a bool array", type(where).__name__)
    if mask.dtype != np.bool_:
        reject(TypeError, name, "where", "be a bool array", str(mask.dtype))
    return mask
