"""What the tests run over, taken from the registry: functions, their variants, some parameters, and hard inputs."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

import fastrelu as fr

FOLDS = {name: function for name, function in fr.registry.items() if isinstance(function, fr.Fold)}
ACTIVATIONS = {name: function for name, function in fr.registry.items() if name not in FOLDS}
FLOATS = ("float32", "float64")


@dataclass(frozen=True)
class Case:
    """An activation with keyword arguments: those that select a variant, and scalar parameters."""

    function: Any
    options: dict[str, Any] = field(default_factory=dict)
    params: dict[str, float] = field(default_factory=dict)

    @property
    def named(self) -> dict[str, Any]:
        """The keyword arguments of a call."""
        return self.options | self.params

    @property
    def chosen(self) -> Any:
        """The activation that the options select, which carries the reference and the kinks."""
        return chosen(self.function, self.options)

    def values(self, dtype: Any) -> list[float]:
        """All scalar parameters, as the kernel for this dtype sees them."""
        kind = np.dtype(dtype).type
        return [float(kind(value)) for value in (self.chosen.params | self.params).values()]

    def kinks(self, dtype: Any) -> dict[float, str]:
        """Where the derivative jumps, and from which side it takes its value there."""
        values = self.values(dtype)
        return dict(self.chosen.kinks(*values)) if values else dict(self.chosen.kinks())

    def weights(self, size: int, dtype: Any) -> list[Any]:
        """The array operands after x."""
        rng = np.random.default_rng(3)
        return [rng.uniform(-1.5, 1.5, size).astype(dtype) for _ in self.function.arrays[1:]]

    def __str__(self) -> str:
        return ",".join([self.function.dotted_name, *(f"{key}={value}" for key, value in self.named.items())])


def chosen(function: Any, options: dict[str, Any]) -> Any:
    """The function that a call with these options reaches."""
    for option, value in options.items():
        function = function.options[option][value]
    return function


def selections(function: Any) -> list[dict[str, Any]]:
    """No option, and each option's values but the default."""
    return [{}] + [
        {option: value}
        for option, choices in function.options.items()
        for value, other in choices.items()
        if other is not None and other is not function
    ]


def cases(function: Any) -> Iterator[Case]:
    """Every variant of an activation, and for each parameter a value that is not the default."""
    for options in selections(function):
        yield Case(function, options)
    for key, default in function.params.items():
        yield Case(function, {}, {key: 20.0 if math.isinf(default) else 2 * default + 0.25})


CASES = [case for function in ACTIVATIONS.values() for case in cases(function)]


SECOND = ".derivative.derivative"


def _elementwise() -> Iterator[tuple[str, Any]]:
    for name, function in ACTIVATIONS.items():
        parts = getattr(function.backward, "parts", {"x": function.backward})
        kinds = {"": function, ".derivative": function.derivative}
        kinds |= {".backward" + ("" if key == "x" else f"[{key}]"): part for key, part in parts.items()}
        if hasattr(function.derivative, "derivative"):
            kinds[SECOND] = function.derivative.derivative
        for kind, member in kinds.items():
            for options in selections(member):
                told = ",".join(f"{key}={value}" for key, value in options.items())
                yield f"{name}{kind}{told and f'({told})'}", chosen(member, options)


ELEMENTWISE: dict[str, Any] = dict(_elementwise())


GRADIENTS = {
    f"{name}[{key}]": part
    for name, function in ACTIVATIONS.items()
    for key, part in function.backward.gradients.items()
    if key not in function.arrays
}  # of scalar parameters, not summed: they are made of the same parts as those of arrays


def _representatives() -> dict[str, Any]:
    """A function for each shape of the machinery around a formula: its arrays, parameters (0, 1, more), integers, and options."""
    shapes: dict[Any, str] = {}
    for name, function in ELEMENTWISE.items():
        integers = np.dtype("int8") in function.supported
        shapes.setdefault((len(function.arrays), min(len(function.params), 2), integers, bool(function.options)), name)
    longest = max(ELEMENTWISE, key=lambda name: len(ELEMENTWISE[name].arrays) + len(ELEMENTWISE[name].params))
    return {name: ELEMENTWISE[name] for name in [*shapes.values(), longest]}


REPRESENTATIVES = _representatives()  # for tests of what all functions share
SECONDS = {name: function for name, function in ELEMENTWISE.items() if SECOND in name}
# A backward is grad * slope; a second derivative runs in the same machinery as its formula's neighbours.
FORMULAS = {name: function for name, function in ELEMENTWISE.items() if ".backward" not in name and name not in SECONDS}
UNARY = {name: function for name, function in ELEMENTWISE.items() if len(function.arrays) == 1}
UNARY_REPRESENTATIVES = {name: function for name, function in REPRESENTATIVES.items() if name in UNARY}


def each(items: dict[str, Any], rest: dict[str, Any] | None = None) -> Any:
    """Parametrises a test by named things, and by the rest of them in a slow run."""
    slow = [pytest.param(item, id=key, marks=pytest.mark.slow) for key, item in (rest or {}).items() if key not in items]
    return pytest.mark.parametrize("function", [*(pytest.param(item, id=key) for key, item in items.items()), *slow])


each_representative = each(REPRESENTATIVES, ELEMENTWISE)
each_unary_representative = each(UNARY_REPRESENTATIVES, UNARY)
each_case = pytest.mark.parametrize("case", CASES, ids=str)
each_float = pytest.mark.parametrize("dtype", FLOATS)


def random(shape: Any, dtype: Any = np.float64) -> Any:
    """Numbers from both sides of 0."""
    return (np.random.default_rng(1).normal(size=shape) * 3).astype(dtype)


def specials(dtype: Any) -> Any:
    """NaN, infinities, zeros, subnormals and the ends of the range."""
    info = np.finfo(dtype)
    tiny, least, most = float(info.tiny), float(info.smallest_subnormal), float(info.max)
    positive = [0.0, least, 3 * least, tiny - least, tiny, tiny + least, float(info.eps), 0.5, 1.0, most / 2, most, math.inf]
    return np.array([math.nan, *positive, *(-value for value in positive)], dtype)


def around(points: Any, dtype: Any) -> Any:
    """The points and their neighbours on both sides."""
    points = np.asarray(list(points), dtype)
    return np.concatenate([np.nextafter(points, -np.inf, dtype=dtype), points, np.nextafter(points, np.inf, dtype=dtype)])


def points(dtype: Any, count: int, seed: int = 0) -> Any:
    """Finite random numbers: half of them spread over all exponents below 100, half over where functions bend and saturate."""
    rng = np.random.default_rng(seed)
    info = np.finfo(dtype)
    spread = rng.choice([-1, 1], count // 2) * np.exp2(rng.uniform(float(info.minexp) - info.nmant, 7, count // 2))
    ends = {16: 18, 32: 105, 64: 750}[info.bits]  # where exp(x) leaves the range of the type
    bend = np.concatenate([rng.uniform(-4, 4, count // 4), rng.uniform(-ends, ends, count - count // 2 - count // 4)])
    return np.concatenate([spread, bend]).astype(dtype)


def operands(function: Any, dtype: Any, size: int, seed: int = 0) -> list[Any]:
    """Arrays for an elementwise function: special values mixed with random ones."""
    dtype, rng = np.dtype(dtype), np.random.default_rng(seed)
    if dtype.kind != "f":
        info = np.iinfo(dtype)
        return [rng.integers(info.min, info.max, size, dtype, endpoint=True) for _ in function.arrays]
    pool = np.concatenate([specials(dtype), points(dtype, 400, seed)])
    return [rng.choice(pool, size) for _ in function.arrays]


def same_bits(got: Any, expected: Any) -> None:
    """Asserts equal shapes, dtypes and bits; every NaN counts as the same."""
    got, expected = np.asarray(got), np.asarray(expected)
    assert got.dtype == expected.dtype
    assert got.shape == expected.shape
    if got.dtype.kind == "f" or got.dtype.name == "bfloat16":
        bits = f"u{got.dtype.itemsize}" if got.dtype.itemsize <= 8 else got.dtype  # a longdouble has bits of padding
        nan = np.isnan(expected)
        same = np.where(nan, np.isnan(got), np.ascontiguousarray(got).view(bits) == np.ascontiguousarray(expected).view(bits))
        same = same.reshape(got.shape)
    else:
        same = got == expected
    assert same.all(), (
        f"{np.count_nonzero(~same)} differ, first {got[~same][:3]} for {expected[~same][:3]} at {np.argwhere(~same)[:3]}"
    )
