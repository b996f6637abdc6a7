"""Atomic operations on 64-bit words at integer addresses, all sequentially consistent, and the processor's spin hint."""

from __future__ import annotations

import platform
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from fastrelu.kernels.pointers import WORD, typed_pointer

_ORDER = "seq_cst"
_X86: Any = ("llvm.x86.sse2.pause", [])
_ARM: Any = ("llvm.aarch64.hint", [ir.IntType(32)(1)])
_PAUSE = {"x86_64": _X86, "AMD64": _X86, "aarch64": _ARM, "arm64": _ARM}.get(platform.machine())


def _words(context: Any, builder: Any, signature: Any, args: Any) -> list[Any]:
    return [context.cast(builder, arg, kind, types.intp) for arg, kind in zip(args, signature.args, strict=True)]


@intrinsic
def load(_context: Any, address: Any) -> Any:
    """The word at an address."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        (base,) = _words(context, builder, signature, args)
        return builder.load_atomic(typed_pointer(builder, base, WORD), _ORDER, 8)

    return types.intp(address), codegen


@intrinsic
def store(_context: Any, address: Any, value: Any) -> Any:
    """Stores a word."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        base, word = _words(context, builder, signature, args)
        builder.store_atomic(word, typed_pointer(builder, base, WORD), _ORDER, 8)
        return context.get_dummy_value()

    return types.void(address, value), codegen


def _modify(operation: str) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        base, word = _words(context, builder, signature, args)
        return builder.atomic_rmw(operation, typed_pointer(builder, base, WORD), word, _ORDER)

    return codegen


@intrinsic
def add(_context: Any, address: Any, value: Any) -> Any:
    """Adds to the word and returns what was there."""
    return types.intp(address, value), _modify("add")


@intrinsic
def exchange(_context: Any, address: Any, value: Any) -> Any:
    """Replaces the word and returns what was there."""
    return types.intp(address, value), _modify("xchg")


@intrinsic
def replace(_context: Any, address: Any, expected: Any, value: Any) -> Any:
    """Replaces the word if it is the expected one; whether it did."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        base, old, new = _words(context, builder, signature, args)
        pair = builder.cmpxchg(typed_pointer(builder, base, WORD), old, new, _ORDER, _ORDER)
        return builder.extract_value(pair, 1)

    return types.boolean(address, expected, value), codegen


@intrinsic
def pause(_context: Any) -> Any:
    """What a loop that waits for another core should do: 40 to 140 cycles on x86."""

    def codegen(context: Any, builder: Any, _signature: Any, _args: Any) -> Any:
        if _PAUSE is not None:
            name, given = _PAUSE
            kind = ir.FunctionType(ir.VoidType(), [value.type for value in given])
            builder.call(cgutils.get_or_insert_function(builder.module, kind, name), given)
        return context.get_dummy_value()

    return types.void(), codegen
