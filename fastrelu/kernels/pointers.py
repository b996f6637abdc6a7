"""Raw memory and processor state for kernels that speak NumPy's inner-loop protocol; addresses are plain integers."""

from __future__ import annotations

import platform
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

BYTE = ir.IntType(8)
WORD = ir.IntType(64)
LOW_HALF = (1 << 32) - 1  # of a word, where a C int stands

# The floating-point control register: (read, write, the value for round to nearest, subnormals kept and no traps).
_X86 = ("llvm.x86.sse.stmxcsr", "llvm.x86.sse.ldmxcsr", 0x1F80)
_FLAGS = 0x3F  # the bits of exceptions that have been raised
_CONTROL = {"x86_64": _X86, "AMD64": _X86}.get(platform.machine())


def typed_pointer(builder: Any, address: Any, item: Any) -> Any:
    """The LLVM pointer for an integer address."""
    return builder.inttoptr(address, item.as_pointer())


@intrinsic
def peek(_context: Any, address: Any, index: Any) -> Any:
    """The index-th 64-bit word at an address."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        base, offset = (context.cast(builder, arg, kind, types.intp) for arg, kind in zip(args, signature.args, strict=True))
        return builder.load(builder.gep(typed_pointer(builder, base, WORD), [offset]))

    return types.intp(address, index), codegen


@intrinsic
def poke(_context: Any, address: Any, index: Any, value: Any) -> Any:
    """Stores a 64-bit word."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        base, offset, word = (
            context.cast(builder, arg, kind, types.intp) for arg, kind in zip(args, signature.args, strict=True)
        )
        builder.store(word, builder.gep(typed_pointer(builder, base, WORD), [offset]))
        return context.get_dummy_value()

    return types.void(address, index, value), codegen


@intrinsic(prefer_literal=True)
def stack(_context: Any, size: Any) -> Any:
    """The address of a constant number of bytes on the stack, aligned to a cache line."""

    def codegen(_target: Any, builder: Any, _signature: Any, _args: Any) -> Any:
        with builder.goto_entry_block():  # not cgutils.alloca_once: its zero fill takes LLVM a minute to compile
            memory = builder.alloca(BYTE, size=size.literal_value)
        memory.align = 64
        return builder.ptrtoint(memory, WORD)

    return types.intp(size), codegen


@intrinsic(prefer_literal=True)
def copy_items(_context: Any, target: Any, target_step: Any, source: Any, source_step: Any, count: Any, size: Any) -> Any:
    """Copies items of a constant size (1, 2, 4 or 8 bytes) between any two byte strides."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        words = [context.cast(builder, arg, kind, types.intp) for arg, kind in zip(args, signature.args, strict=True)]
        to, to_step, origin, step, number, _ = words
        item = ir.IntType(8 * size.literal_value)
        with cgutils.for_range(builder, number) as loop:
            read = typed_pointer(builder, builder.add(origin, builder.mul(loop.index, step)), item)
            write = typed_pointer(builder, builder.add(to, builder.mul(loop.index, to_step)), item)
            builder.store(builder.load(read), write)
        return context.get_dummy_value()

    return types.void(target, target_step, source, source_step, count, size), codegen


@intrinsic
def call(_context: Any, function: Any, words: Any) -> Any:
    """Calls the C function at an address with a tuple of 64-bit words; it returns nothing."""

    def codegen(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        prototype = ir.FunctionType(ir.VoidType(), [WORD] * len(words))
        target = builder.inttoptr(args[0], prototype.as_pointer())
        builder.call(target, cgutils.unpack_tuple(builder, args[1], len(words)))
        return context.get_dummy_value()

    return types.void(types.intp, types.UniTuple(types.intp, len(words))), codegen


@intrinsic
def ask(_context: Any, function: Any, words: Any) -> Any:
    """Calls the C function at an address with a tuple of 64-bit words, for the word that it returns."""

    def codegen(_target: Any, builder: Any, _signature: Any, args: Any) -> Any:
        prototype = ir.FunctionType(WORD, [WORD] * len(words))
        target = builder.inttoptr(args[0], prototype.as_pointer())
        return builder.call(target, cgutils.unpack_tuple(builder, args[1], len(words)))

    return types.intp(types.intp, types.UniTuple(types.intp, len(words))), codegen


@intrinsic
def enter_ieee(_context: Any) -> Any:
    """Sets IEEE arithmetic, whatever flush-to-zero or rounding mode a library left behind; returns what was in force.

    On x86 only; 0 elsewhere.
    """

    def codegen(_target: Any, builder: Any, _signature: Any, _args: Any) -> Any:
        if _CONTROL is None:
            return ir.IntType(32)(0)
        read, write, ieee = _CONTROL
        slot = cgutils.alloca_once(builder, ir.IntType(32))
        _access_control(builder, read, slot)
        saved = builder.load(slot)
        modes = builder.and_(saved, ir.IntType(32)(~_FLAGS & 0xFFFFFFFF))
        with builder.if_then(builder.icmp_unsigned("!=", modes, ir.IntType(32)(ieee)), likely=False):
            builder.store(ir.IntType(32)(ieee), slot)
            _access_control(builder, write, slot)
        return saved

    return types.uint32(), codegen


@intrinsic
def leave_ieee(_context: Any, saved: Any) -> Any:
    """Puts back what enter_ieee returned; the exception flags raised since are dropped, so NumPy warns of nothing."""

    def codegen(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        if _CONTROL is not None:
            read, write, _ = _CONTROL
            slot = cgutils.alloca_once(builder, ir.IntType(32))
            _access_control(builder, read, slot)
            with builder.if_then(builder.icmp_unsigned("!=", builder.load(slot), args[0])):  # writing costs more than reading
                builder.store(args[0], slot)
                _access_control(builder, write, slot)
        return context.get_dummy_value()

    return types.void(types.uint32), codegen


def _access_control(builder: Any, name: str, slot: Any) -> None:
    kind = ir.FunctionType(ir.VoidType(), [BYTE.as_pointer()])
    function = cgutils.get_or_insert_function(builder.module, kind, name)
    builder.call(function, [builder.bitcast(slot, BYTE.as_pointer())])
