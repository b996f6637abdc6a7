"""A loop that writes past the caches: the LLVM code of the streaming kernels."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from llvmlite import ir
from numba.core import cgutils

from fastrelu.kernels.pointers import WORD

LINE, STREAMED_BYTES = 64, 256  # bytes: a cache line, and how much is written at a time
_INT32 = ir.IntType(32)
_VECTOR = ir.VectorType(_INT32, LINE // 4)


@contextmanager
def past_caches(builder: Any, count: Any, output: Any, size: int) -> Iterator[tuple[Any, Any]]:
    """A loop over the elements of `output`, which is aligned to a line, in whole blocks of STREAMED_BYTES.

    Yields the index, and where to store the element: lines are put together on the stack, that is, in registers. Only
    vectors can be stored past the caches.
    """
    block, item = STREAMED_BYTES // size, output.type.pointee
    with builder.goto_entry_block():
        lines = builder.alloca(item, size=block)
    lines.align = LINE
    zeros = _unknown_zeros(builder, count)
    once = builder.module.add_metadata([_INT32(1)])
    with cgutils.for_range(builder, builder.udiv(count, WORD(block))) as outer:
        first = builder.mul(outer.index, WORD(block))
        with cgutils.for_range(builder, WORD(block)) as loop:
            yield builder.add(first, loop.index), builder.gep(lines, [loop.index])
        _vectorize_first(builder.module, loop)
        source = builder.bitcast(lines, _VECTOR.as_pointer())
        sink = builder.bitcast(builder.gep(output, [first]), _VECTOR.as_pointer())
        for k in range(STREAMED_BYTES // LINE):
            value = builder.or_(builder.load(builder.gep(source, [WORD(k)]), align=LINE), zeros)
            builder.store(value, builder.gep(sink, [WORD(k)]), align=LINE).set_metadata("nontemporal", once)


def _unknown_zeros(builder: Any, count: Any) -> Any:
    """Zeros of which LLVM cannot tell that they are.

    It has no such store for vectors of float16, and sees through any bitcast that a vector is one, but not through an or:
    relu of 64 MB took 10.2 ms without it, and takes 6.8.
    """
    none = builder.trunc(builder.lshr(count, WORD(63)), _INT32)
    return builder.shuffle_vector(builder.insert_element(_VECTOR(None), none, _INT32(0)), _VECTOR(None), _VECTOR(None))


def _vectorize_first(module: Any, loop: Any) -> None:
    """Keeps LLVM from unrolling a short loop before it makes vectors of it: relu6 of float64 took 33 ms then, not 7."""

    def note(*words: Any) -> Any:
        return module.add_metadata([ir.MetaDataString(module, word) if isinstance(word, str) else word for word in words])

    words = note("llvm.loop.unroll.disable"), note("llvm.loop.vectorize.followup_all", note("llvm.loop.mustprogress"))
    known = note("fastrelu", *words)
    known.operands = (known, *words)  # a loop's metadata names itself
    _, latch = loop.index.incomings[1]
    latch.terminator.set_metadata("llvm.loop", known)
