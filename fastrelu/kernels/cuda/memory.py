"""Device memory by its address: loads and stores of items, of 16 bytes together where they lie so."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
from llvmlite import ir
from numba import config, types
from numba.extending import intrinsic

from fastrelu.kernels.storage import BY_NAME, Storage

WIDE = 16  # bytes that one thread reads or writes at once, at most
GLOBAL = 1  # the address space
WORD, LONG = ir.IntType(32), ir.IntType(64)

PAIRS = {"float16": "f16x2", "bfloat16": "bf16x2"}

Values = list[Any]


def storage_of(name: str) -> Storage:
    """How a dtype lies in memory; bools are bytes."""
    return BY_NAME["uint8" if name == "bool" else name]


def dtype_of(name: str) -> np.dtype[Any]:
    """The dtype with a name, which NumPy does not know where it is bfloat16's."""
    return np.dtype(np.bool_) if name == "bool" else BY_NAME[name].dtype


def _pointer(builder: Any, address: Any, kind: Any) -> Any:
    return builder.inttoptr(address, ir.PointerType(kind, GLOBAL))


def load(builder: Any, storage: Storage, address: Any, lanes: int) -> Values:
    """The next items as values of the type they are computed in; several are one access of 16 bytes."""
    size = storage.dtype.itemsize
    if lanes == 1:
        return [storage.load(builder, builder.load(_pointer(builder, address, storage.item), align=size))]
    if size >= WORD.width // 8:
        vector = builder.load(_pointer(builder, address, ir.VectorType(storage.item, lanes)), align=WIDE)
        return [storage.load(builder, builder.extract_element(vector, WORD(k))) for k in range(lanes)]
    # Smaller ones by words: LLVM 7, of which NVVM has been made for devices before sm_100, splits vectors of 8 halves.
    vector = builder.load(_pointer(builder, address, ir.VectorType(WORD, WIDE // 4)), align=WIDE)
    items = []
    for k in range(lanes):
        word = builder.extract_element(vector, WORD(k * size // 4))
        part = builder.trunc(builder.lshr(word, WORD(k * size % 4 * 8)), ir.IntType(8 * size))
        items.append(storage.load(builder, builder.bitcast(part, storage.item)))
    return items


def store(builder: Any, storage: Storage, address: Any, values: Values, packs: bool = False) -> None:
    """The inverse of load.

    `packs` says that the device rounds two numbers to half types in one instruction, to the nearest as well: from sm_80 on.
    Without it a bfloat16 takes seven.
    """
    size, lanes = storage.dtype.itemsize, len(values)
    if lanes == 1:
        builder.store(storage.store(builder, values[0]), _pointer(builder, address, storage.item), align=size)
        return
    if packs and storage.dtype.name in PAIRS:
        kind = ir.FunctionType(WORD, (ir.FloatType(), ir.FloatType()))
        pair = ir.InlineAsm(kind, f"cvt.rn.{PAIRS[storage.dtype.name]}.f32 $0, $1, $2;", "=r,f,f")
        items = [builder.call(pair, (values[k + 1], values[k])) for k in range(0, lanes, 2)]
    else:
        items = [storage.store(builder, value) for value in values]
    if len(items) == lanes and size < WORD.width // 8:
        each = [builder.zext(builder.bitcast(item, ir.IntType(8 * size)), WORD) for item in items]
        items = []
        for first in range(0, lanes, 4 // size):
            word = each[first]
            for k in range(1, 4 // size):
                word = builder.or_(word, builder.shl(each[first + k], WORD(8 * size * k)))
            items.append(word)
    vector: Any = ir.Constant(ir.VectorType(items[0].type, len(items)), ir.Undefined)
    for k, item in enumerate(items):
        vector = builder.insert_element(vector, item, WORD(k))
    builder.store(vector, _pointer(builder, address, vector.type), align=WIDE)


def unravel(builder: Any, place: Any, shape: Values, strides: Values, count: int) -> Values:
    """Bytes from the beginning of each of so many arrays to the element at a place in C order; all of one integer type."""
    totals = [place.type(0)] * count
    for axis in reversed(range(len(shape))):
        along = place
        if axis:
            place = builder.udiv(along, shape[axis])
            along = builder.sub(along, builder.mul(place, shape[axis]))
        totals = [builder.add(total, builder.mul(along, strides[k * len(shape) + axis])) for k, total in enumerate(totals)]
    return totals


def host_unravel(place: int, shape: Any, strides: Any, count: int) -> list[int]:
    """The same in the simulator."""
    along = np.unravel_index(place, shape)
    return [int(np.dot(along, strides[k * len(shape) :][: len(shape)])) for k in range(count)]


def host_items(address: int, dtype: np.dtype[Any], count: int) -> Any:
    """The items at an address, in the simulator, where devices' memory is the host's."""
    buffer: Any = (ctypes.c_char * (count * dtype.itemsize)).from_address(address)
    return np.frombuffer(buffer, dtype) if dtype.kind != "V" else np.ndarray((count,), dtype, buffer)


def reader(dtype: np.dtype[Any]) -> Any:
    """The function of kernels that reads the item at an address, as a number of the type it is computed in."""
    storage = storage_of(dtype.name)
    number = storage.param.type
    if config.ENABLE_CUDASIM:
        return lambda address: number(host_items(address, dtype, 1)[0])

    @intrinsic
    def read(_context: Any, address: Any) -> Any:
        def codegen(_target: Any, builder: Any, _signature: Any, args: Any) -> Any:
            return load(builder, storage, args[0], 1)[0]

        return storage.compute(types.int64), codegen

    return read


def writer(dtype: np.dtype[Any]) -> Any:
    """The function of kernels that writes a number at an address, as an item of a dtype."""
    storage = storage_of(dtype.name)
    if config.ENABLE_CUDASIM:

        def put(address: int, value: Any) -> None:
            host_items(address, dtype, 1)[0] = value

        return put

    @intrinsic
    def write(_context: Any, address: Any, value: Any) -> Any:
        def codegen(target: Any, builder: Any, _signature: Any, args: Any) -> Any:
            store(builder, storage, args[0], [args[1]])
            return target.get_dummy_value()

        return types.void(types.int64, storage.compute), codegen

    return write
