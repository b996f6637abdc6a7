"""row_max and row_sum among the threads that share a row.

A thread folds its own elements one after the other; then the threads' results are folded pairwise, by the butterfly of a
warp and again over the warps of a block: n elements of a row on t threads lose what n / t + log2(t) additions lose. Along a row
of one thread sums are compensated instead.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import config, cuda
from numba.extending import register_jitable

from fastrelu.kernels.cuda.separable import MAX, SUM
from fastrelu.vecmath.primitives import IEEE, jitable


class _Simulated:
    """The simulator's device, which it puts in the place of numba.cuda only where a kernel stands."""

    def __getattr__(self, name: str) -> Any:
        from numba.cuda.simulator.kernel import _get_kernel_context

        return getattr(_get_kernel_context(), name)


device: Any = _Simulated() if config.ENABLE_CUDASIM else cuda
WARP = 32
EVERY_LANE = 0xFFFFFFFF
START = {MAX: -np.inf, SUM: 0.0}
Function = Callable[..., Any]


@register_jitable(**IEEE)
def add(left: Any, right: Any) -> Any:
    """A sum."""
    return left + right


@register_jitable(**IEEE)
def greater(left: Any, right: Any) -> Any:
    """The greater one, and never a NaN on the right."""
    return right if right > left else left


COMBINE: dict[str, Function] = {MAX: greater, SUM: add}


def folded(kind: str) -> Function:
    """The function that folds the elements of one thread."""
    combine, start = COMBINE[kind], START[kind]

    @register_jitable(**IEEE)
    def fold(row: Any) -> Any:
        total = row.dtype.type(start)
        for k in range(row.size):
            total = combine(total, row[k])
        return total

    return fold


def across(kind: str, width: int, number: Any) -> Function:
    """The function that combines a number of each of `width` neighbouring threads; all of them get the result.

    All threads of a block have to call it together. More than a warp are a whole block.
    """
    combine = COMBINE[kind]
    if config.ENABLE_CUDASIM:
        return _simulated(kind, width, number)
    lanes, warps = min(width, WARP), width // WARP

    @register_jitable(**IEEE)
    def butterfly(value: Any, lanes: Any) -> Any:
        distance = lanes // 2
        while distance > 0:
            value = combine(value, device.shfl_xor_sync(EVERY_LANE, value, distance))
            distance //= 2
        return value

    @register_jitable(**IEEE)
    def in_warp(value: Any) -> Any:
        return butterfly(value, lanes)

    @register_jitable(**IEEE)
    def in_block(value: Any) -> Any:
        board = device.shared.array(WARP, number)
        value = butterfly(value, lanes)
        thread = device.threadIdx.x
        device.syncthreads()  # the last result has been read by all
        if thread % WARP == 0:
            board[thread // WARP] = value
        device.syncthreads()
        return butterfly(board[thread % warps], warps)

    return in_warp if width <= WARP else in_block


def _simulated(kind: str, width: int, number: Any) -> Function:
    """The simulator knows no shuffles."""
    combine = COMBINE[kind]

    def together(value: Any) -> Any:
        board = device.shared.array(1024, number)
        thread = device.threadIdx.x
        board[thread] = value
        device.syncthreads()
        first = thread - thread % width
        total = board[first]
        for other in range(first + 1, first + width):
            total = combine(total, board[other])
        device.syncthreads()
        return total

    return together


def of_team(width: int, number: Any) -> dict[str, Function]:
    """The reductions of rows that `width` threads hold together."""

    def make(kind: str) -> Function:
        fold, share = folded(kind), across(kind, width, number)

        @jitable
        def reduce(row: Any) -> Any:
            return share(fold(row))

        return reduce

    return {kind: make(kind) for kind in COMBINE}


def of_thread() -> dict[str, Function]:
    """The reductions of rows that one thread holds."""

    @jitable
    def compensated(row: Any) -> Any:
        total, lost = row.dtype.type(0), row.dtype.type(0)
        for k in range(row.size):
            value = row[k]
            further = total + value
            back = further - total
            lost += (total - (further - back)) + (value - back)
            total = further
        return total + lost if lost == lost else total  # of infinities nothing is lost

    return {MAX: jitable(folded(MAX)), SUM: compensated}


def mailbox_bytes(threads: int, size: int) -> int:
    """What a block needs as its mailbox: its dynamic shared memory, a number of each thread and then one of each reduction."""
    return (threads + len(COMBINE)) * size


def of_stage(number: Any, threads: int, asked: tuple[str, ...], stage: int) -> dict[str, Function]:
    """The reductions of a formula that is run for the sake of one of them, or of its output, on a few elements at a time.

    Those before that stage are known, and stand in the mailbox. The one that is wanted adds what it sees there. Those after it do
    not matter, nor does what comes of them.
    """

    def make(kind: str) -> Function:
        fold, combine, start = folded(kind), COMBINE[kind], START[kind]
        place = asked.index(kind) if kind in asked else len(asked)
        slot = threads + place

        @jitable
        def known(row: Any) -> Any:
            return device.shared.array(0, number)[slot]

        @jitable
        def wanted(row: Any) -> Any:
            box, thread = device.shared.array(0, number), device.threadIdx.x
            box[thread] = combine(box[thread], fold(row))
            return row.dtype.type(start)

        @jitable
        def later(row: Any) -> Any:
            return row.dtype.type(start)

        return known if place < stage else wanted if place == stage else later

    return {kind: make(kind) for kind in COMBINE}
