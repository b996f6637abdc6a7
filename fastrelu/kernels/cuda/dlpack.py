"""DLPack: what a capsule says of an array on a device, and capsules of our own."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from fastrelu.kernels.storage import needed_bfloat16

CUDA = 2  # a kind of devices
LEGACY = 1  # the default stream, which is 0 in CUDA's own calls and 1 in those between libraries
BFLOAT = 4
KINDS = {0: "int", 1: "uint", 2: "float", BFLOAT: "bfloat", 5: "complex", 6: "bool"}  # codes of dtypes
READ_ONLY = 1  # the lowest flag of a capsule with a version
PLAIN, VERSIONED, USED = b"dltensor", b"dltensor_versioned", b"used_dltensor"


class _Tensor(ctypes.Structure):
    """DLTensor."""

    _fields_ = (
        ("data", ctypes.c_void_p),
        ("device_type", ctypes.c_int32),
        ("device", ctypes.c_int32),
        ("ndim", ctypes.c_int32),
        ("code", ctypes.c_uint8),
        ("bits", ctypes.c_uint8),
        ("lanes", ctypes.c_uint16),
        ("shape", ctypes.POINTER(ctypes.c_int64)),
        ("strides", ctypes.POINTER(ctypes.c_int64)),
        ("byte_offset", ctypes.c_uint64),
    )


class _Managed(ctypes.Structure):
    """DLManagedTensor."""

    _fields_ = (("tensor", _Tensor), ("context", ctypes.c_void_p), ("deleter", ctypes.c_void_p))


class _Versioned(ctypes.Structure):
    """DLManagedTensorVersioned."""

    _fields_ = (
        ("major", ctypes.c_uint32),
        ("minor", ctypes.c_uint32),
        ("context", ctypes.c_void_p),
        ("deleter", ctypes.c_void_p),
        ("flags", ctypes.c_uint64),
        ("tensor", _Tensor),
    )


_python = ctypes.pythonapi
_is_valid, _pointer, _new = _python.PyCapsule_IsValid, _python.PyCapsule_GetPointer, _python.PyCapsule_New
_is_valid.argtypes, _is_valid.restype = (ctypes.py_object, ctypes.c_char_p), ctypes.c_int
_pointer.argtypes, _pointer.restype = (ctypes.py_object, ctypes.c_char_p), ctypes.c_void_p
_new.argtypes, _new.restype = (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p), ctypes.py_object
_rename = _python.PyCapsule_SetName
_rename.argtypes = (ctypes.py_object, ctypes.c_char_p)


class Told(NamedTuple):
    """What a capsule says: the strides in bytes; the dtype, or its name where NumPy has none."""

    address: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: np.dtype[Any] | str
    read_only: bool
    device: int


def capsule_of(value: Any, stream: int | None) -> Any:
    """A capsule of an array that is ready on this stream of its device; the array's library may have the stream wait.

    It is not consumed: whoever drops it lets go of the array.
    """
    stream = LEGACY if stream == 0 else stream
    try:
        return value.__dlpack__(stream=stream, max_version=(1, 0))
    except TypeError:  # of libraries from before DLPack 1.0
        return value.__dlpack__(stream=stream)


def read(capsule: Any) -> Told:
    """What a capsule says. It has to be kept as long as the memory is used."""
    versioned = bool(_is_valid(capsule, VERSIONED))
    address = _pointer(capsule, VERSIONED if versioned else PLAIN)
    managed: Any = (_Versioned if versioned else _Managed).from_address(address)
    tensor, ndim = managed.tensor, managed.tensor.ndim
    shape = tuple(tensor.shape[:ndim])
    size = tensor.bits // 8 * tensor.lanes
    strides = tuple(step * size for step in tensor.strides[:ndim]) if tensor.strides else in_c_order(shape, size)
    read_only = versioned and bool(managed.flags & READ_ONLY)
    return Told((tensor.data or 0) + tensor.byte_offset, shape, strides, _dtype(tensor), read_only, tensor.device)


def in_c_order(shape: tuple[int, ...], size: int) -> tuple[int, ...]:
    """The strides of an array without gaps, whose elements have so many bytes."""
    strides: tuple[int, ...] = ()
    for length in reversed(shape):
        strides = (size, *strides)
        size *= length
    return strides


def _dtype(tensor: Any) -> np.dtype[Any] | str:
    name = KINDS.get(tensor.code, f"DLPack's dtype {tensor.code} of ") + ("" if tensor.code == 6 else str(tensor.bits))
    if tensor.lanes != 1:
        return f"{name}x{tensor.lanes}"
    if name == "bfloat16":
        return needed_bfloat16()
    try:
        return np.dtype(name)
    except TypeError:
        return name


_exported: dict[int, Any] = {}  # what capsules of our own hold, by the address that they carry


@ctypes.CFUNCTYPE(None, ctypes.c_void_p)
def _delete(address: int) -> None:
    held = _exported.pop(address, None)
    if held is not None:
        held[-1]()


_DELETE = ctypes.cast(_delete, ctypes.c_void_p).value


def export(told: Told, let_go: Callable[[], None]) -> Any:
    """A capsule of memory on a CUDA device. `let_go` is called once, by who has consumed it, on any thread, or by `drop`.

    It has no destructor: one in Python would lose the exception during which the capsule goes.
    """
    dtype = np.dtype(told.dtype)
    bfloat = dtype.kind == "V"
    code = BFLOAT if bfloat else {"i": 0, "u": 1, "f": 2, "b": 6}[dtype.kind]
    lengths = (ctypes.c_int64 * max(1, len(told.shape)))(*told.shape)
    steps = (ctypes.c_int64 * max(1, len(told.shape)))(*(step // dtype.itemsize for step in told.strides))
    tensor = _Tensor(told.address, CUDA, told.device, len(told.shape), code, 8 * dtype.itemsize, 1, lengths, steps, 0)
    managed = _Managed(tensor, None, _DELETE)
    address = ctypes.addressof(managed)
    _exported[address] = managed, lengths, steps, let_go
    return _new(address, PLAIN, None)


def drop(capsule: Any) -> None:
    """Lets go of a capsule of ours, unless somebody has consumed it and given it another name."""
    if _is_valid(capsule, PLAIN):
        address = _pointer(capsule, PLAIN)
        _rename(capsule, USED)
        _delete(address)
