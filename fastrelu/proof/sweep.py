"""The comparison of one function with its reference over the inputs of one type, in blocks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numba import njit

from fastrelu.proof.formats import Format
from fastrelu.proof.reference import KINDS, Reference

BLOCKS = 64  # what is stored after each, so that a sweep can go on
CHUNK = 1 << 15  # arrays that stay in the second-level cache
GROUP = 1 << 18
SCREEN = 61  # the error of the reference is bounded at one input of so many, and everywhere if it comes near the tolerance there
MARGIN = 16.0
CANDIDATES = 16  # of the worst inputs of a block are computed by mpmath
# Of a block's undecided inputs, by the bits of the type: those that look worst; the rest are counted.
BY_MPMATH = {16: 65536, 32: 2000, 64: 20}


@dataclass
class Found:
    """What a part of a sweep has found for one kind: the worst inputs by mpmath, and counts.

    Attributes
    ----------
    worst, at
        The greatest distance, and the bit pattern of its input.
    checked
        Inputs that have been compared.
    by_mpmath
        Of these, by mpmath, because the reference was not good enough.
    unresolved
        Inputs that neither decided.
    """

    worst: float = -1.0
    at: int = 0
    checked: int = 0
    by_mpmath: int = 0
    unresolved: int = 0

    def add(self, other: Found) -> None:
        """Takes in another part."""
        if other.worst > self.worst:
            self.worst, self.at = other.worst, other.at
        self.checked += other.checked
        self.by_mpmath += other.by_mpmath
        self.unresolved += other.unresolved


@dataclass
class _Block:
    """What is collected in one block for one kind: candidates (distance, bits); undecided bits, and how far off they look."""

    candidates: list[tuple[float, int]] = field(default_factory=list)
    undecided: list[Any] = field(default_factory=list)
    apparent: list[Any] = field(default_factory=list)
    checked: int = 0

    def add(self, distance: float, bits: Any, size: int) -> None:
        """Takes in the worst of so many inputs."""
        self.candidates.append((distance, int(bits)))
        self.checked += size


@njit(nogil=True, error_model="numpy")
def farthest(got: Any, truth: Any, words: Any, x: Any, kinks: Any, places: Any, top: float) -> tuple[float, int]:
    """The greatest distance in units of the truth's last place, and where it is; words: the bits of the truth."""
    worst, place = -1.0, 0
    for i in range(got.size):
        y, right = np.float64(got[i]), truth[i]
        if y == y and right == right:
            off = abs(min(max(y, -top), top) - min(max(right, -top), top)) * places[(words[i] >> 52) & 2047]
        else:
            off = 0.0 if y != y and right != right else np.inf
        if off > worst:
            for kink in kinks:
                if x[i] == kink:
                    off = -1.0
            if off > worst:
                worst, place = off, i
    return worst, place


class Sweep:
    """One function and one type.

    Parameters
    ----------
    function
        The activation.
    form
        The type.
    count
        About how many inputs: all of them where it is 0 and the type has at most 32 bits.
    """

    def __init__(self, function: Any, form: Format, count: int = 0) -> None:
        self.form = form
        self.reference = Reference(function, form)
        everything = 1 << form.bits
        self.step = max(1, everything // count | 1) if count else 1
        self.count = count
        self.complete = self.step == 1 and form.bits <= 32
        self.targets = dict(zip(KINDS, (function, function.derivative), strict=True))

    def patterns(self, block: int) -> Iterator[Any]:
        """The bit patterns of the inputs in a block, in groups."""
        form = self.form
        if form.bits > 32:
            yield from self._random(block)
            return
        size = (1 << form.bits) // BLOCKS
        start = block * size
        first = start + -start % self.step
        for low in range(first, start + size, GROUP * self.step):
            yield np.arange(low, min(start + size, low + GROUP * self.step), self.step, dtype=np.int64).astype(form.words)

    def _random(self, block: int) -> Iterator[Any]:
        """Half of them spread over all bit patterns, a stratum each; half over where functions bend and saturate."""
        rng = np.random.default_rng(block)
        total = self.count // BLOCKS // 2
        for low in range(0, total, GROUP // 2):
            size = min(total - low, GROUP // 2)
            strata = (block * total + low + np.arange(size) + rng.uniform(size=size)) / (total * BLOCKS)
            spread = np.minimum(strata * 2.0**64, 2.0**64 - 2048).astype(np.uint64) ^ rng.integers(0, 2048, size, np.uint64)
            bend = rng.choice([-1.0, 1.0], size) * np.exp2(rng.uniform(-8, 10, size))
            yield np.concatenate([spread, bend.view(np.uint64)])

    def specials(self) -> list[float]:
        """Infinities, zeros, the ends of the ranges, and both sides of the kinks: always computed by mpmath."""
        form, dtype = self.form, self.form.dtype
        tiny, least = 2.0**form.bottom, 2.0 ** (form.bottom - form.digits)
        most = (2 - 2.0**-form.digits) * 2.0 ** (form.top - 1)
        points = [0.0, least, tiny, tiny - least, 1.0, most, np.inf]
        points = [sign * point for point in points for sign in (1.0, -1.0)]
        kinks = np.array(list(self.reference.kinks), dtype)
        if kinks.size:
            for move in (-1, 0, 1):
                bits = kinks.view(form.words) + form.words.type(move % (1 << form.bits))
                points += [float(x) for x in bits.view(dtype) if np.isfinite(float(x))]
        return points

    def special(self) -> dict[str, Found]:
        """The worst of the special inputs, which are among those of a complete sweep."""
        result = {}
        x = np.array(self.specials(), self.form.dtype)
        for kind in KINDS:
            found = result[kind] = Found()
            for got, number in zip(self.call(kind, x), x, strict=True):
                off = self.reference.distance(kind, got, float(number))
                found.add(Found(off, int(number.view(self.form.words))))
        return result

    def call(self, kind: str, x: Any) -> Any:
        """Our function."""
        return self.targets[kind].target(self.form.dtype)(x, *self.reference.operands)

    def block(self, index: int) -> dict[str, Found]:
        """One of BLOCKS."""
        parts = {kind: _Block() for kind in KINDS}
        with np.errstate(all="ignore"):
            for bits in self.patterns(index):
                self._group(bits, parts)
            if self.form.base is not np.longdouble:
                parts = {kind: self._finer(kind, part) for kind, part in parts.items()}
        return {kind: self._settle(kind, part) for kind, part in parts.items()}

    def _group(self, bits: Any, parts: dict[str, _Block]) -> None:
        """Compares several chunks, whose references' errors are looked at together."""
        x = bits.view(self.form.dtype)
        finite = np.isfinite(x.astype(self.form.base))
        if not finite.all():
            self._not_finite(bits[~finite], parts)
            bits, x = bits[finite], x[finite]
        bounds = x.size > 0 and self._needs_bounds(x)
        for low in range(0, x.size, CHUNK):
            part = slice(low, low + CHUNK)
            if bounds and self._needs_bounds(x[part]):
                self._with_bounds(bits[part], x[part], parts)
            else:
                self._without_bounds(bits[part], x[part], parts)

    def _needs_bounds(self, x: Any) -> bool:
        """Whether the reference may be worse than the tolerance somewhere."""
        if self.form.bits != 32:
            return True
        value, error, slope, slope_error = self.reference.bounded(x[::SCREEN].astype(self.form.base))
        return any(
            bool(self.reference.undecided(truth, MARGIN * bound)[0].any())
            for truth, bound in ((value, error), (slope, slope_error))
        )

    def _kinks(self, kind: str) -> Any:
        """Inputs that are left to the special ones."""
        return np.array(list(self.reference.kinks) if kind == "derivative" else [], self.form.base)

    def _without_bounds(self, bits: Any, x: Any, parts: dict[str, _Block]) -> None:
        """Compares a chunk of float32 with a reference that is good enough."""
        wide = x.astype(np.float64)
        for (kind, part), truth in zip(parts.items(), self.reference.fast(wide), strict=True):
            truth = np.ascontiguousarray(truth)
            worst, i = farthest(self.call(kind, x), truth, truth.view(np.int64), wide, self._kinks(kind), *self.form.scale)
            part.add(worst, bits[i], x.size)

    def _with_bounds(self, bits: Any, x: Any, parts: dict[str, _Block]) -> None:
        """Compares a chunk with a reference that decides where it is good enough."""
        wide = x.astype(self.form.base)
        value, error, slope, slope_error = self.reference.bounded(wide)
        for (kind, part), truth, bound in zip(parts.items(), (value, slope), (error, slope_error), strict=True):
            self._decide(kind, part, bits, wide, truth, bound)

    def _decide(self, kind: str, part: _Block, bits: Any, wide: Any, truth: Any, bound: Any) -> None:
        """Compares where the truth is good enough, and puts the others aside; wide: the inputs in the truth's type."""
        got = self.call(kind, bits.view(self.form.dtype)).astype(wide.dtype)
        out, place = self.reference.undecided(truth, bound)
        distance = self.form.distances(got, truth, place)
        distance[np.isnan(distance)] = np.inf
        distance[np.isnan(got) & np.isnan(truth)] = 0.0
        left = np.isin(wide, self._kinks(kind))
        part.undecided.append(bits[out & ~left])
        part.apparent.append(distance[out & ~left])
        distance[left | out] = 0.0
        worst = int(np.argmax(distance))
        part.add(float(distance[worst]), bits[worst], bits.size)

    def _finer(self, kind: str, part: _Block) -> _Block:
        """The same block with what float64 has left open decided by long double, where that can."""
        result = _Block(part.candidates, checked=part.checked)
        for undecided in part.undecided:
            for low in range(0, undecided.size, CHUNK):
                bits = undecided[low : low + CHUNK]
                wide = bits.view(self.form.dtype).astype(np.longdouble)
                found = self.reference.bounded(wide)
                result.checked -= bits.size  # counted already
                self._decide(kind, result, bits, wide, *found[2 * KINDS.index(kind) :][:2])
        return result

    def _not_finite(self, bits: Any, parts: dict[str, _Block]) -> None:
        """Of NaN nothing but NaN may come; infinities are among the special inputs, and counted here."""
        x = bits.view(self.form.dtype)
        nan = np.isnan(x.astype(np.float64))
        for kind, part in parts.items():
            wrong = nan & ~np.isnan(self.call(kind, x).astype(np.float64))
            part.checked += x.size
            if wrong.any():
                part.candidates.append((np.inf, int(bits[wrong][0])))

    def _settle(self, kind: str, part: _Block) -> Found:
        """The worst candidates and the undecided inputs, by mpmath."""
        undecided = np.concatenate(part.undecided) if part.undecided else np.empty(0, self.form.words)
        most = BY_MPMATH[self.form.bits]
        order = np.argsort(-np.concatenate(part.apparent)) if undecided.size > most else slice(None)
        chosen = undecided[order][:most]
        candidates = [bits for _, bits in sorted(part.candidates, reverse=True)[:CANDIDATES]]
        found = Found(0.0, 0, part.checked - undecided.size + chosen.size, int(chosen.size), int(undecided.size - chosen.size))
        bits = np.array([*candidates, *chosen], self.form.words)
        x = bits.view(self.form.dtype)
        for number, got, pattern in zip(x, self.call(kind, x), bits, strict=True):
            if np.isnan(float(number)):
                off = 0.0 if np.isnan(float(got)) else np.inf
            else:
                off = self.reference.distance(kind, got, float(number))
            if off > found.worst:
                found.worst, found.at = off, int(pattern)
        return found


def run(sweep: Sweep, todo: list[int], threads: int, done: Callable[[int, dict[str, Found]], None]) -> None:
    """Sweeps the blocks, on so many threads; tells of each that is done."""
    from concurrent.futures import ThreadPoolExecutor, as_completed

    with ThreadPoolExecutor(threads) as pool:
        futures = {pool.submit(sweep.block, index): index for index in todo}
        try:
            for future in as_completed(futures):
                done(futures[future], future.result())
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
