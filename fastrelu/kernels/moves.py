"""Copies between strided memory and tiles, with and without a mask, vectorised where the steps allow it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, register_jitable

from fastrelu.kernels.parts import APART
from fastrelu.kernels.pointers import BYTE, WORD, typed_pointer

# Steps that are worth loops of their own, in items: neighbours, one value for all, backwards, every second.
KNOWN_STEPS = (1, 0, -1, 2)


def _first_that_holds(builder: Any, cases: Sequence[tuple[Any, Callable[[], None]]], otherwise: Callable[[], None]) -> None:
    if not cases:
        otherwise()
        return
    (condition, emit), *rest = cases
    with builder.if_else(condition) as (then, other):
        with then:
            emit()
        with other:
            _first_that_holds(builder, rest, otherwise)


def _apart(builder: Any) -> Any:
    """Metadata that says: what is written is not read in the same loop, so that no check is needed to vectorise it."""
    module = builder.module
    domain = module.add_metadata([ir.MetaDataString(module, "fastrelu")])
    return module.add_metadata([module.add_metadata([ir.MetaDataString(module, "moved"), domain])])


@intrinsic(prefer_literal=True)
def move_items(_context: Any, target: Any, target_step: Any, source: Any, source_step: Any, count: Any, size: Any) -> Any:
    """Copies items of a constant size between memory that does not overlap."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        words = [context.cast(builder, arg, kind, types.intp) for arg, kind in zip(args, signature.args, strict=True)]
        to, to_step, origin, step, number, _ = words
        builder.function.attributes.add("noinline")  # it is called from many places
        bytes_each = size.literal_value
        item, scope = ir.IntType(8 * bytes_each), _apart(builder)

        def loop(write_step: Any, read_step: Any) -> Callable[[], None]:
            def emit() -> None:
                with cgutils.for_range(builder, number) as each:
                    read = typed_pointer(builder, builder.add(origin, builder.mul(each.index, read_step)), item)
                    write = typed_pointer(builder, builder.add(to, builder.mul(each.index, write_step)), item)
                    value = builder.load(read, align=bytes_each)
                    value.set_metadata("noalias", scope)
                    builder.store(value, write, align=bytes_each).set_metadata("alias.scope", scope)

            return emit

        near = builder.icmp_signed("==", to_step, WORD(bytes_each))
        known = []
        for each in (WORD(k * bytes_each) for k in KNOWN_STEPS):
            both = builder.and_(near, builder.icmp_signed("==", step, each))
            known.append((both, loop(WORD(bytes_each), each)))
        _first_that_holds(builder, known, loop(to_step, step))
        return context.get_dummy_value()

    return types.void(target, target_step, source, source_step, count, size), codegen


@intrinsic(prefer_literal=True)
def blend_items(
    _context: Any,
    target: Any,
    target_step: Any,
    source: Any,
    source_step: Any,
    mask: Any,
    mask_step: Any,
    count: Any,
    fresh: Any,
    size: Any,
) -> Any:
    """Copies the items that a mask selects; the others become 0 in fresh memory, and are written back as they are elsewhere."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        words = [context.cast(builder, arg, kind, types.intp) for arg, kind in zip(args, signature.args, strict=True)]
        to, to_step, origin, step, bits, bits_step, number, zeroed, _ = words
        builder.function.attributes.add("noinline")  # it is called from many places
        bytes_each = size.literal_value
        item, scope = ir.IntType(8 * bytes_each), _apart(builder)
        zero = builder.icmp_signed("!=", zeroed, WORD(0))

        def loop(write_step: Any, read_step: Any, mask_step: Any) -> Callable[[], None]:
            def emit() -> None:
                with cgutils.for_range(builder, number) as each:

                    def place(base: Any, by: Any, kind: Any) -> Any:
                        return typed_pointer(builder, builder.add(base, builder.mul(each.index, by)), kind)

                    write = place(to, write_step, item)
                    value = builder.load(place(origin, read_step, item), align=bytes_each)
                    bit = builder.load(place(bits, mask_step, BYTE))
                    for read in (value, bit):
                        read.set_metadata("noalias", scope)
                    old = builder.select(zero, item(0), builder.load(write, align=bytes_each))
                    chosen = builder.select(builder.icmp_unsigned("!=", bit, BYTE(0)), value, old)
                    builder.store(chosen, write, align=bytes_each).set_metadata("alias.scope", scope)

            return emit

        near = builder.icmp_signed("==", bits_step, WORD(1))
        for each in (to_step, step):
            near = builder.and_(near, builder.icmp_signed("==", each, WORD(bytes_each)))
        fast = loop(WORD(bytes_each), WORD(bytes_each), WORD(1))
        _first_that_holds(builder, [(near, fast)], loop(to_step, step, bits_step))
        return context.get_dummy_value()

    return types.void(target, target_step, source, source_step, mask, mask_step, count, fresh, size), codegen


@register_jitable(**APART)
def move(target: int, target_step: int, source: int, source_step: int, count: int, size: int) -> None:
    """move_items for an item size known at run time."""
    if size == 4:
        move_items(target, target_step, source, source_step, count, 4)
    elif size == 8:
        move_items(target, target_step, source, source_step, count, 8)
    elif size == 2:
        move_items(target, target_step, source, source_step, count, 2)
    else:
        move_items(target, target_step, source, source_step, count, 1)


@register_jitable(**APART)
def blend(
    target: int, target_step: int, source: int, source_step: int, mask: int, mask_step: int, count: int, fresh: int, size: int
) -> None:
    """blend_items for an item size known at run time."""
    if size == 4:
        blend_items(target, target_step, source, source_step, mask, mask_step, count, fresh, 4)
    elif size == 8:
        blend_items(target, target_step, source, source_step, mask, mask_step, count, fresh, 8)
    elif size == 2:
        blend_items(target, target_step, source, source_step, mask, mask_step, count, fresh, 2)
    else:
        blend_items(target, target_step, source, source_step, mask, mask_step, count, fresh, 1)
