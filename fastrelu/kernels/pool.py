"""The thread pool, compiled: native threads that share one inner loop at a time, spin briefly for the next, then sleep.

Numba's own layers cost too much here: a sleeping TBB worker takes 2 to 10 us to wake, omp stalls for milliseconds beside a
busy process and kills forked children, and workqueue aborts when two threads enter it. This pool hands a job over in
0.2 us while its threads spin, belongs to one caller at a time, and is simply made anew in a forked child.

A caller opens the gate, and threads that see it in time enter; whoever comes late finds it closed and has missed nothing,
because the caller works as well and everyone takes small chunks. So nobody ever waits for a thread that has not begun.
"""

from __future__ import annotations

import functools
from typing import Any

from numba import types
from numba.extending import register_jitable

from fastrelu.kernels import atomics
from fastrelu.kernels.elementwise import LOOP
from fastrelu.kernels.options import compile_cfunc
from fastrelu.kernels.parts import INLINED
from fastrelu.kernels.pointers import LOW_HALF, ask, call, peek, poke, stack

PART_BYTES = 128  # room for 16 words: operands, or dimensions
ALIGN = 64  # a thread's share of elements ends on a cache line

# The pool's memory, in 64-bit words; what different threads write lies on cache lines of its own (which come in pairs).
LINE = 16
GATE = 0  # generation, whether it is open, how many are inside
# the job:
LOOP_ADDRESS, LOOP_DATA, ARGS, DIMENSIONS, STEPS, OPERANDS, CORE_DIMS, COUNT, CHUNK = range(LINE, LINE + 9)
THREADS = 2 * LINE  # how many the job may have
STOP = 2 * LINE + 1
ACQUIRE, RELEASE, YIELD = 2 * LINE + 2, 2 * LINE + 3, 2 * LINE + 4  # addresses of C functions
BUSY, STARTED, SKIP, MOST = 2 * LINE + 5, 2 * LINE + 6, 2 * LINE + 7, 2 * LINE + 8
CLOCK = 2 * LINE + 9  # timespec_get
LAST, STREAK, ALONE, WAKES, PENALTY, CREDIT = range(2 * LINE + 10, 2 * LINE + 16)
LIMIT = 3 * LINE  # Numba's get_num_threads, 0 as long as its threads have not started
FIRST = 4 * LINE  # from here on, for each thread:
CURSOR = 0  # how much of its share has been taken
ASLEEP, LOCK, ALIVE = LINE, LINE + 1, LINE + 2
STATE, INDEX = LINE + 3, LINE + 4  # what it needs to know when it starts
HELPED = LINE + 5  # the generation of the last job that it worked on
SIZE = 2 * LINE

MEMBERS, OPEN, GENERATION = (1 << 16) - 1, 1 << 16, 1 << 17
# What a thread takes at a time: so little that the last one to finish does not keep the others waiting.
CHUNKS_A_SHARE = 4
SMALLEST_CHUNK_BYTES, LARGEST_CHUNK_BYTES = 1 << 13, 1 << 18

SPINS = 1500  # 60 to 100 us: as long as a program takes from one call to the next, where it calls often
SPINS_TOO_LATE = 1000  # for the next job, of a thread that found the gate closed when it woke
PATIENCE = 4000  # spins of a caller for those who are still inside, before it gives its core away
# After so many the caller looks at the clock: a call that takes twice as long as until then has stalled, because the serial
# kernel would have been as fast. Calls of a millisecond never stall on a quiet machine, although others take its cores at times.
MOMENT = 250
# A stall costs so much credit that fewer than 1 call in 100 takes more than twice the serial time, and the p99 does not show it.
# One that takes less is cheap: a hypervisor that ran both threads on one core needs some milliseconds to see that there are
# two (gelu of 1 M then went from 1.5 ms a call to 0.5). Good calls earn 1 each; without credit the next
# calls stay serial, for twice the cost.
STALL_COSTS, SLOW_COSTS, MOST_CREDIT, NEW_CREDIT = 200, 20, 400, 200
STALL_BYTES = 1 << 25  # a call this large takes longer than a stall
# To wake a thread costs the caller 2 to 5 us, and the thread comes 5 to 50 us later (in a virtual machine 17 and 200). A small
# call pays that only if more follow:
WAKE_BYTES = 1 << 20
TIME_UTC = 1
STREAK_CALLS, STREAK_NANOSECONDS = 2, 300_000  # after so many calls within 300 us of the last one's end
LEAST_ALONE, MOST_ALONE = 12, 100
ALONE_NANOSECONDS = 1_000_000  # in which nobody came who was woken: their cores are busy, and the next calls stay serial
# A hypervisor may run both threads on one core: the caller, still in the system call that wakes, goes on when the other one
# sleeps again. Calls of 30 us took 150 to 230 then, one after the other. What waking takes at most, where it pays:
LATE = 100_000


@register_jitable(**INLINED)
def part(state: int, start: int, count: int) -> None:
    """Runs the job's loop over count of its outer elements, from start on."""
    args, dimensions, steps = peek(state, ARGS), peek(state, DIMENSIONS), peek(state, STEPS)
    addresses, sizes = stack(PART_BYTES), stack(PART_BYTES)
    for k in range(peek(state, OPERANDS)):
        poke(addresses, k, peek(args, k) + start * peek(steps, k))
    poke(sizes, 0, count)
    for k in range(1, peek(state, CORE_DIMS) + 1):
        poke(sizes, k, peek(dimensions, k))
    call(peek(state, LOOP_ADDRESS), (addresses, sizes, steps, peek(state, LOOP_DATA)))


@register_jitable(**INLINED)
def take_part(state: int, index: int) -> None:
    """Takes chunks until none are left: first of the thread's own share, which its cache knows from the last call."""
    threads, count, chunk = peek(state, THREADS), peek(state, COUNT), peek(state, CHUNK)
    align = 1 if peek(state, CORE_DIMS) else ALIGN
    share = ((count + threads - 1) // threads + align - 1) // align * align
    for k in range(threads):
        owner = (index + k) % threads
        cursor = state + 8 * (FIRST + owner * SIZE + CURSOR)
        first = owner * share
        length = min(share, count - first)
        taken = atomics.add(cursor, chunk) if length > 0 else length
        while taken < length:
            part(state, first + taken, min(chunk, length - taken))
            taken = atomics.add(cursor, chunk)


@register_jitable(**INLINED)
def worker(own: int) -> None:
    """A thread of the pool, until it is told to stop."""
    state, index = peek(own, STATE), peek(own, INDEX)
    seen, spins = 0, 0
    while atomics.load(state + 8 * STOP) == 0:
        gate = atomics.load(state + 8 * GATE)
        if gate & OPEN and gate // GENERATION != seen:
            if atomics.replace(state + 8 * GATE, gate, gate + 1):
                seen, spins = gate // GENERATION, 0
                if index < peek(state, THREADS):
                    atomics.store(own + 8 * HELPED, seen)
                    take_part(state, index)
                atomics.add(state + 8 * GATE, -1)
        elif spins < SPINS:
            spins += 1
            atomics.pause()
        else:
            spins = SPINS - SPINS_TOO_LATE
            atomics.exchange(own + 8 * ASLEEP, 1)
            gate = atomics.load(state + 8 * GATE)
            awake = (gate & OPEN and gate // GENERATION != seen) or atomics.load(state + 8 * STOP) != 0
            if not awake or atomics.exchange(own + 8 * ASLEEP, 0) == 0:  # somebody has just woken it: the lock is free
                ask(peek(state, ACQUIRE), (peek(own, LOCK), 1))
    atomics.store(own + 8 * ALIVE, 0)


@register_jitable(**INLINED)
def wake(state: int, threads: int) -> bool:
    """Wakes those of the first threads that sleep; whether there were any."""
    woken = False
    for index in range(1, threads):
        own = state + 8 * (FIRST + index * SIZE)
        if atomics.load(own + 8 * ASLEEP) and atomics.exchange(own + 8 * ASLEEP, 0):
            ask(peek(state, RELEASE), (peek(own, LOCK),))
            woken = True
    return woken


@register_jitable(**INLINED)
def now(state: int) -> int:
    """The time in nanoseconds."""
    time = stack(16)
    ask(peek(state, CLOCK), (time, TIME_UTC))
    return peek(time, 0) * 1_000_000_000 + (peek(time, 1) & LOW_HALF)  # Windows writes nanoseconds as 32 bits


@register_jitable(**INLINED)
def charge(state: int, costs: int) -> None:
    """Takes the credit for a stall; without it the next calls stay serial."""
    credit = peek(state, CREDIT) - costs
    poke(state, CREDIT, credit if credit >= 0 else NEW_CREDIT)
    poke(state, SKIP, 0 if credit >= 0 else 2 * costs)


@register_jitable(**INLINED)
def share_out(state: int) -> None:
    """Opens the gate to the job that has been written down, works on it, and waits until everybody has left."""
    threads, start, waking, own = peek(state, THREADS), now(state), 0, 0
    for index in range(threads):
        poke(state, FIRST + index * SIZE + CURSOR, 0)
    generation = peek(state, GATE) // GENERATION + 1
    atomics.store(state + 8 * GATE, generation * GENERATION + OPEN)
    if peek(state, WAKES) and wake(state, threads):
        waking = now(state) - start
    take_part(state, 0)
    atomics.add(state + 8 * GATE, -OPEN)
    spins = 0
    while atomics.load(state + 8 * GATE) & MEMBERS:
        spins += 1
        if spins == MOMENT:
            own = now(state) - start
        if spins < PATIENCE:
            atomics.pause()
        else:
            ask(peek(state, YIELD), (0,))
    alone = True
    for index in range(1, threads):
        alone &= atomics.load(state + 8 * (FIRST + index * SIZE + HELPED)) != generation
    if not alone:
        poke(state, ALONE, 0)
        poke(state, PENALTY, 0)
        poke(state, CREDIT, min(peek(state, CREDIT) + 1, MOST_CREDIT))
    elif peek(state, ALONE) == 0:
        poke(state, ALONE, start)
    took = now(state) - start if waking > LATE or spins >= PATIENCE else 0
    if waking > LATE and took < 2 * waking:  # a short call that took 100 us longer is one of twice the serial time
        charge(state, STALL_COSTS if took < 3 * LATE else SLOW_COSTS)
    elif spins >= PATIENCE and took > 2 * own:
        charge(state, STALL_COSTS if took > 4 * own else SLOW_COSTS)
    elif alone and start - peek(state, ALONE) > ALONE_NANOSECONDS:  # each time in a row for twice as long
        poke(state, PENALTY, min(max(2 * peek(state, PENALTY), LEAST_ALONE), MOST_ALONE))
        poke(state, SKIP, peek(state, PENALTY))
        poke(state, ALONE, 0)


@register_jitable(**INLINED)
def someone_is_awake(state: int, threads: int) -> bool:
    """Whether a thread spins that could come at once."""
    awake = False
    for index in range(1, threads):
        awake |= atomics.load(state + 8 * (FIRST + index * SIZE + ASLEEP)) == 0
    return awake


@register_jitable(**INLINED)
def is_worth_waking(state: int, size: int) -> bool:
    """Whether a call is large, or one of many in a short time."""
    if size >= WAKE_BYTES:
        return True
    streak = peek(state, STREAK) + 1 if now(state) - peek(state, LAST) < STREAK_NANOSECONDS else 0
    poke(state, STREAK, streak)
    return streak >= STREAK_CALLS


@register_jitable(**INLINED)
def allowed(state: int) -> int:
    """How many threads a call may use, if no other caller has them: ours and Numba's limits both hold."""
    most, limit = peek(state, MOST), peek(state, LIMIT)
    return most if limit == 0 else min(most, ask(limit, (0,)) & LOW_HALF)


@register_jitable(**INLINED)
def wanted(state: int, size: int) -> int:
    """How many threads a call that writes so many bytes would use."""
    return min(allowed(state), size // (2 * SMALLEST_CHUNK_BYTES))


@register_jitable(**INLINED)
def claim(state: int, size: int) -> int:
    """How many threads a call that writes so many bytes may use, and until its `release` nobody else; 0 if too few run.

    Never blocks: a second caller is faster on its own core than waiting. When other processes have the cores, that is after a
    stall or after calls to which no thread came, the next calls stay serial.
    """
    threads = wanted(state, size)
    if threads <= 1 or not atomics.replace(state + 8 * BUSY, 0, 1):
        return 1
    if peek(state, SKIP) > 0 and size < STALL_BYTES:
        poke(state, SKIP, peek(state, SKIP) - 1)
        threads = 1
    elif peek(state, STARTED) < threads:
        threads = 0
    if threads > 1:
        poke(state, WAKES, 1 if is_worth_waking(state, size) else 0)
        if not peek(state, WAKES) and not someone_is_awake(state, threads):
            threads = 1
    if threads <= 1:
        atomics.store(state + 8 * BUSY, 0)
    else:
        poke(state, THREADS, threads)
    return threads


@register_jitable(**INLINED)
def release(state: int, threads: int) -> None:
    """Ends a claim, whatever it has given."""
    if threads > 1:
        atomics.store(state + 8 * BUSY, 0)
    if peek(state, CLOCK) != 0:
        poke(state, LAST, now(state))  # not the time of the claim: calls of a millisecond would never be a streak


@register_jitable(**INLINED)
def run_job(
    state: int, loop: int, data: int, args: int, dimensions: int, steps: int, operands: int, core_dims: int, size: int
) -> None:
    """Runs an inner loop on the threads of a claim; an outer element of its output has so many bytes."""
    count = peek(dimensions, 0)
    share = count * size // (peek(state, THREADS) * CHUNKS_A_SHARE)
    chunk = max(min(share, LARGEST_CHUNK_BYTES), SMALLEST_CHUNK_BYTES) // max(size, 1)
    if not core_dims:
        chunk = (chunk + ALIGN - 1) // ALIGN * ALIGN
    elif chunk == 0:
        chunk = 1
    poke(state, LOOP_ADDRESS, loop)
    poke(state, LOOP_DATA, data)
    poke(state, ARGS, args)
    poke(state, DIMENSIONS, dimensions)
    poke(state, STEPS, steps)
    poke(state, OPERANDS, operands)
    poke(state, CORE_DIMS, core_dims)
    poke(state, COUNT, count)
    poke(state, CHUNK, chunk)
    share_out(state)


@register_jitable(**INLINED)
def threaded(args: int, dimensions: int, steps: int, data: int) -> None:
    """NumPy's inner loop: runs another one on the threads of a claim.

    Data: loop, its data, operands, core dimensions, pool, item size.

    It makes the claim itself, because between a claim and its release no Python may run: a signal's handler could raise there.
    """
    core_dims, size = peek(data, 3), peek(data, 5)
    for k in range(1, core_dims + 1):
        size *= peek(dimensions, k)
    state = peek(data, 4)
    threads = claim(state, peek(dimensions, 0) * size)
    if threads > 1:
        run_job(state, peek(data, 0), peek(data, 1), args, dimensions, steps, peek(data, 2), core_dims, size)
    else:
        call(peek(data, 0), (args, dimensions, steps, peek(data, 1)))
    release(state, threads)


@functools.cache
def threaded_loop() -> Any:
    """The loop that callers run, compiled once for all functions."""

    def threaded_loop(args: int, dimensions: int, steps: int, data: int) -> None:
        threaded(args, dimensions, steps, data)

    return compile_cfunc(LOOP, threaded_loop)


@functools.cache
def claim_function() -> Any:
    """`claim`, compiled, for callers in Python."""

    def claim_function(state: int, size: int) -> int:
        return claim(state, size)

    return compile_cfunc(types.intp(types.intp, types.intp), claim_function)


@functools.cache
def worker_thread() -> Any:
    """What a thread of the pool runs, compiled; of the address of its own words."""

    def worker_thread(own: int) -> None:
        worker(own)

    return compile_cfunc(types.void(types.intp), worker_thread)
