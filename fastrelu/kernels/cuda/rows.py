"""What one thread does with its elements of a row: it fetches those of each operand, runs the formula, and puts the results."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic

from fastrelu.kernels.cuda import memory
from fastrelu.kernels.cuda.memory import LONG
from fastrelu.kernels.storage import BY_NAME


class Part(NamedTuple):
    """The elements of a row that one thread holds at a time.

    Parameters
    ----------
    formula
        A row formula.
    dtype
        The name of the output's dtype.
    sources
        The names of the operands' dtypes.
    cores
        For each operand, the output last: whether it is a row, or one element.
    lanes, groups
        Of the elements: so many neighbours in a group, and so many groups.
    hidden
        What counts for an element of each operand that is beyond the end or not selected.
    masked
        What the output is where a mask selects nothing, or None without a mask, which is the last array.
    exact
        Whether every row has just as many elements as one thread holds.
    packs
        Whether the device has the instructions for pairs of half types.
    """

    formula: Callable[..., Any]
    dtype: str
    sources: tuple[str, ...]
    cores: tuple[bool, ...]
    lanes: int
    groups: int
    hidden: tuple[float, ...]
    masked: float | None
    exact: bool = False
    packs: bool = False

    @property
    def compute(self) -> Any:
        """Numba's type of the computation."""
        return BY_NAME[self.dtype].compute

    @property
    def given(self) -> tuple[str, ...]:
        """The names of the dtypes of the arrays that are read."""
        return self.sources if self.masked is None else (*self.sources, "bool")

    @property
    def capacity(self) -> int:
        """How many elements of each row a thread holds."""
        return self.lanes * self.groups

    def begin(self, k: int) -> int:
        """Where those of an operand stand in the thread's memory."""
        return self.capacity * k

    @property
    def words(self) -> int:
        """How many numbers that memory holds."""
        return self.capacity * len(self.cores)

    def steps(self, k: int) -> tuple[int, int]:
        """Groups and lanes of an operand; one element stands at the beginning."""
        return (self.groups, self.lanes) if self.cores[k] else (1, 1)


def row_offsets(count: int) -> Any:
    """The function ``offsets(row, shape, strides)`` of kernels: bytes from the beginning of each array to a row."""
    if config.ENABLE_CUDASIM:
        return lambda row, shape, strides: tuple(memory.host_unravel(row, shape, strides, count))

    @intrinsic
    def offsets(_context: Any, row: Any, shape: Any, strides: Any) -> Any:
        def codegen(target: Any, builder: Any, signature: Any, args: Any) -> Any:
            lengths, steps = cgutils.unpack_tuple(builder, args[1]), cgutils.unpack_tuple(builder, args[2])
            place = target.cast(builder, args[0], signature.args[0], types.int64)
            return cgutils.pack_array(builder, memory.unravel(builder, place, lengths, steps, count))

        return types.UniTuple(types.int64, count)(row, shape, strides), codegen

    return offsets


def fetch(part: Part) -> Any:
    """The function ``fetch(own, pointers, offsets, inner, first, gap, length)``: groups first, first + gap ... of each operand.

    `offsets` and `inner`, the strides along the row, have the output's first.
    """
    return _host_fetch(part) if config.ENABLE_CUDASIM else _device_fetch(part)


def put(part: Part) -> Any:
    """The function ``put(own, out, pointers, offsets, inner, first, gap, length, inside)``: the output, if the row is inside."""
    return _host_put(part) if config.ENABLE_CUDASIM else _device_put(part)


def apply(part: Part) -> Any:
    """The function ``apply(own)`` of kernels: the formula, run on what has been fetched."""
    if config.ENABLE_CUDASIM:

        def run(own: Any) -> None:
            part.formula(*(own[part.begin(k) :][: part.steps(k)[0] * part.steps(k)[1]] for k in range(len(part.cores))))

        return run

    @intrinsic
    def compiled(context: Any, own: Any) -> Any:
        kind = types.Array(part.compute, 1, "C")
        called = context.resolve_value_type(part.formula)
        inner = context.resolve_function_type(called, (kind,) * len(part.cores), {})

        def codegen(target: Any, builder: Any, signature: Any, args: Any) -> Any:
            base = target.make_array(signature.args[0])(target, builder, args[0]).data
            rows = []
            for k in range(len(part.cores)):
                groups, lanes = part.steps(k)
                data = builder.gep(base, [LONG(part.begin(k))])
                rows.append(make_row(target, builder, kind, data, LONG(groups * lanes)))
            function = target.get_function(called, inner)
            target.add_linking_libs(getattr(function, "libs", ()))
            function(builder, rows)
            return target.get_dummy_value()

        return types.void(own), codegen

    return compiled


def make_row(target: Any, builder: Any, kind: Any, data: Any, length: Any) -> Any:
    """An array of so many numbers."""
    from numba.cuda.np.arrayobj import populate_array  # the simulator has none

    size = LONG(kind.dtype.bitwidth // 8)
    array = target.make_array(kind)(target, builder)
    populate_array(array, data, [length], [size], size, None)
    return array._getvalue()


def _device_fetch(part: Part) -> Any:
    storages = [memory.storage_of(name) for name in part.given]

    @intrinsic
    def compiled(_context: Any, own: Any, pointers: Any, offsets: Any, inner: Any, first: Any, gap: Any, length: Any) -> Any:
        def codegen(target: Any, builder: Any, signature: Any, args: Any) -> Any:
            base = target.make_array(signature.args[0])(target, builder, args[0]).data
            starts, far, along = (cgutils.unpack_tuple(builder, args[k]) for k in (1, 2, 3))
            begin, step, end = (target.cast(builder, args[k], signature.args[k], types.int64) for k in (4, 5, 6))
            compute = target.get_data_type(part.compute)
            kept = []  # all loads come first, to be in flight together
            for k, storage in enumerate(storages):
                groups, lanes = part.steps(k) if k < len(part.sources) else (part.groups, part.lanes)
                for group in range(groups):
                    item = builder.mul(builder.add(begin, builder.mul(step, LONG(group))), LONG(lanes))
                    inside = builder.icmp_signed("<", item, end)
                    item = builder.select(inside, item, LONG(0))
                    at = builder.add(builder.add(starts[k], far[k + 1]), builder.mul(item, along[k + 1]))
                    kept.append((k, group * lanes, inside, memory.load(builder, storage, at, lanes)))
            bits = [builder.icmp_unsigned("!=", items[0], items[0].type(0)) for k, _, _, items in kept if k == len(part.sources)]
            for k, place, inside, items in kept[: len(kept) - len(bits)]:
                chosen = builder.and_(inside, bits[place]) if bits and part.cores[k] else inside
                for lane, item in enumerate(items):
                    value = target.cast(builder, item, storages[k].compute, part.compute)
                    if part.cores[k] and (bits or not part.exact):
                        value = builder.select(chosen, value, ir.Constant(compute, part.hidden[k]))
                    builder.store(value, builder.gep(base, [LONG(part.begin(k) + place + lane)]))
            return target.get_dummy_value()

        return types.void(own, pointers, offsets, inner, first, gap, length), codegen

    return compiled


def _device_put(part: Part) -> Any:
    output, last = BY_NAME[part.dtype], len(part.cores) - 1

    @intrinsic
    def compiled(
        _context: Any,
        own: Any,
        out: Any,
        pointers: Any,
        offsets: Any,
        inner: Any,
        first: Any,
        gap: Any,
        length: Any,
        inside: Any,
    ) -> Any:
        def codegen(target: Any, builder: Any, signature: Any, args: Any) -> Any:
            base = target.make_array(signature.args[0])(target, builder, args[0]).data
            starts, far, along = (cgutils.unpack_tuple(builder, args[k]) for k in (2, 3, 4))
            begin, step, end = (target.cast(builder, args[k], signature.args[k], types.int64) for k in (5, 6, 7))
            groups, lanes = part.steps(last)
            for group in range(groups):
                item = builder.mul(builder.add(begin, builder.mul(step, LONG(group))), LONG(lanes))
                wanted = builder.and_(args[8], builder.icmp_signed("<", item, end))
                with builder.if_then(wanted):
                    places = [LONG(part.begin(last) + group * lanes + lane) for lane in range(lanes)]
                    values = [builder.load(builder.gep(base, [place])) for place in places]
                    if part.masked is not None:
                        at = builder.add(builder.add(starts[-1], far[-1]), builder.mul(item, along[-1]))
                        (bit,) = memory.load(builder, memory.storage_of("bool"), at, 1)
                        rest = ir.Constant(values[0].type, part.masked)
                        values = [builder.select(builder.icmp_unsigned("!=", bit, bit.type(0)), values[0], rest)]
                    at = builder.add(builder.add(args[1], far[0]), builder.mul(item, along[0]))
                    memory.store(builder, output, at, values, part.packs)
            return target.get_dummy_value()

        return types.void(own, out, pointers, offsets, inner, first, gap, length, inside), codegen

    return compiled


def _host_fetch(part: Part) -> Any:
    def host(own: Any, pointers: Any, offsets: Any, inner: Any, first: int, gap: int, length: int) -> None:
        for k, name in enumerate(part.sources):
            groups, lanes = part.steps(k)
            for place in range(groups * lanes):
                item = (first + place // lanes * gap) * lanes + place % lanes
                value: Any = part.hidden[k]
                if item < length:
                    at = pointers[k] + offsets[k + 1] + item * inner[k + 1]
                    selected = part.masked is None or not part.cores[k] or _host_bit(part, pointers, offsets, inner, item)
                    value = memory.host_items(at, memory.dtype_of(name), 1)[0] if selected else value
                own[part.begin(k) + place] = value

    return host


def _host_put(part: Part) -> Any:
    last = len(part.cores) - 1
    groups, lanes = part.steps(last)

    def host(
        own: Any, out: int, pointers: Any, offsets: Any, inner: Any, first: int, gap: int, length: int, inside: bool
    ) -> None:
        for place in range(groups * lanes):
            item = (first + place // lanes * gap) * lanes + place % lanes
            if inside and item < length:
                selected = part.masked is None or _host_bit(part, pointers, offsets, inner, item)
                at = out + offsets[0] + item * inner[0]
                target = memory.host_items(at, BY_NAME[part.dtype].dtype, 1)
                target[0] = own[part.begin(last) + place] if selected else part.masked

    return host


def _host_bit(part: Part, pointers: Any, offsets: Any, inner: Any, item: int) -> bool:
    at = pointers[-1] + offsets[-1] + item * inner[-1]
    return bool(memory.host_items(at, np.dtype(np.bool_), 1)[0])
