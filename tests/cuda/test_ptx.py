"""The PTX of the CUDA kernels, compiled without a GPU: IEEE arithmetic, nothing contracted, no calls, no local memory."""

import itertools
import re
from collections.abc import Iterator
from inspect import signature
from types import FunctionType, ModuleType, SimpleNamespace
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from numba.extending import register_jitable
from ptx_tools import compiled, fused, loose, missing, operations, wide
from registry_grid import cases, chosen

import fastrelu as fr
from fastrelu import vecmath
from fastrelu.fold import Fold
from fastrelu.kernels.storage import is_bfloat16
from fastrelu.vecmath.primitives import IEEE, fma, times

# NVVM holds two compilers: LLVM 7 up to sm_90, a recent LLVM from sm_100 on.
AMPERE, HOPPER, BLACKWELL = (8, 0), (9, 0), (10, 0)
FLOATS = (np.float32, np.float64)
BFLOAT16 = np.dtype(ml_dtypes.bfloat16)
is_bfloat16(BFLOAT16)  # makes it known
# A function of one array with a division; one of two arrays; one with parameters.
SAMPLED = ("sigmoid", "prelu", "elu")
pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())
both_precisions = pytest.mark.parametrize("dtype", FLOATS)
every_target = pytest.mark.parametrize("target", [AMPERE, HOPPER, BLACKWELL], ids=["sm_80", "sm_90", "sm_100"])


def grid() -> Iterator[Any]:
    """(function, options, dtype, target): one on all; some, and a derivative of each module, on one; and the rest marked slow."""
    first = {record.__module__: name for name, record in reversed(fr.registry.items())}.values()
    for target, dtype in itertools.product((AMPERE, HOPPER, BLACKWELL), FLOATS):
        for case in cases():
            name, _, kind = case.id.partition("(")[0].partition(".")
            one = target is HOPPER and dtype is np.float32
            quick = case.id == "sigmoid()" or (one and (name in SAMPLED or (name in first and kind == "derivative")))
            told = f"{case.id}-sm_{target[0]}{target[1]}-{dtype.__name__}"
            yield pytest.param(*case.values, dtype, target, id=told, marks=() if quick else pytest.mark.slow)


@pytest.fixture(autouse=True)
def device_in_name_only(target: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked for a called function's target, numba looks at the current device; nothing else of it is used."""
    device = SimpleNamespace(compute_capability=target)
    monkeypatch.setattr("numba.cuda.dispatcher.get_current_device", lambda: device)


def ptx(target: Any, formula: Any, dtype: Any, n_arrays: int, n_params: int, ndim: int = 1) -> tuple[str, str]:
    """The kernel for contiguous arrays, or for arrays of any layout with more axes; and again with contraction switched off."""
    from fastrelu.kernels.cuda import elements, steps

    dtype = np.dtype(dtype)
    task = steps.Task(formula, dtype, (dtype.name,) * n_arrays, n_params, packs=True)
    return compiled(target, elements.wide(task) if ndim == 1 else elements.strided(task, ndim, True))


def widens(formula: Any, seen: set[Any]) -> bool:
    """Whether the formula reaches the reduction of trigonometric arguments, `short`, or another that takes float32 to float64."""
    if not isinstance(formula, FunctionType) or formula in seen:
        return False
    seen.add(formula)
    cells = [cell.cell_contents for cell in formula.__closure__ or ()]  # of by_precision's functions: one for each precision
    # `vecmath.sin` is an attribute, `half_turns` a global name
    known, names = formula.__globals__, formula.__code__.co_names
    scopes = [known, *(vars(known[name]) for name in names if isinstance(known.get(name), ModuleType))]
    names = [scope.get(name) for scope in scopes for name in names]
    inside = formula.__module__ in ("fastrelu.vecmath.turns", "fastrelu.vecmath.short")
    inside |= formula.__name__.endswith("_32") and "float64" in formula.__code__.co_names
    return inside or any(widens(other, seen) for other in [*cells, *names])


def check(code: str, apart: str, target: Any, dtype: Any, widening: bool = False) -> None:
    bits = max(32, np.dtype(dtype).itemsize * 8)  # half types are computed in float32
    assert f".target sm_{target[0]}{target[1]}" in code
    assert ".local" not in code
    assert ".extern" not in code
    for name in operations(code):
        assert not re.search(r"^call|^trap|\.ftz|\.approx|\.full", name), name
        assert widening or f".f{96 - bits}" not in name, "computed in the other precision"
    assert fused(code, dtype) == fused(apart, dtype), "a product and a sum that the formula left apart were contracted"
    for each in (32, 64) if widening else (bits,):
        assert not loose(code, each), "a product and a sum may be contracted: the formula needs fma or times"


@pytest.mark.parametrize(("function", "options", "dtype", "target"), list(grid()))
def test_straight_ieee_code(function: Any, options: Any, dtype: Any, target: Any) -> None:
    function = chosen(function, options)
    code, apart = ptx(target, function.formula, dtype, len(function.arrays), len(function.params))
    check(code, apart, target, dtype, widens(function.formula, set()))
    found = operations(code)
    # An array that the formula does not look at, as the derivative of prelu by its weight, is not read.
    assert 0 < wide(found, "ld") <= len(function.arrays) * wide(found, "st")


@every_target
@pytest.mark.parametrize("dtype", [np.float16, BFLOAT16, np.float32, np.float64], ids=lambda dtype: np.dtype(dtype).name)
@pytest.mark.parametrize("ndim", [1, 3])
def test_what_the_formula_says_is_there(ndim: int, dtype: Any, target: Any) -> None:
    code, apart = ptx(target, fr.sigmoid.formula, dtype, 1, 0, ndim)
    check(code, apart, target, dtype)
    found, bits = operations(code), max(32, np.dtype(dtype).itemsize * 8)
    assert found[f"div.rn.f{bits}"] + found[f"rcp.rn.f{bits}"] > 0
    assert found[f"fma.rn.f{bits}"] > 0


@every_target
@pytest.mark.parametrize("dtype", [np.float16, BFLOAT16, np.float32, np.float64], ids=lambda dtype: np.dtype(dtype).name)
def test_each_element_is_read_and_written_once(dtype: Any, target: Any) -> None:
    found, size = operations(ptx(target, fr.prelu.formula, dtype, 2, 0)[0]), np.dtype(dtype).itemsize
    assert wide(found, "ld") == 2 * wide(found, "st") > 0
    assert found[f"ld.global.b{8 * size}"] == 2 * found[f"st.global.b{8 * size}"] > 0


@every_target
@pytest.mark.parametrize("name", ["float16", "bfloat16"])
def test_pairs_of_half_types_are_rounded_together(name: str, target: Any) -> None:
    found = operations(ptx(target, fr.sigmoid.formula, BFLOAT16 if name == "bfloat16" else np.float16, 1, 0)[0])
    vectors = found["st.global.v4.b32"]
    assert found["cvt.rn.f16x2.f32" if name == "float16" else "cvt.rn.bf16x2.f32"] == 4 * vectors > 0


@every_target
def test_loads_are_in_flight_together(target: Any) -> None:
    """Two vectors of an array are read before anything is computed of either."""
    code = ptx(target, fr.sigmoid.formula, np.float32, 1, 0)[0]
    steps = re.findall(r"^\s+(?:@!?%p\d+\s+)?(ld\.global\.v4|st\.global\.v4|div\.rn|rcp\.rn)", code, re.MULTILINE)
    first = steps.index("ld.global.v4")
    assert steps[first : first + 2] == ["ld.global.v4"] * 2
    assert steps[first + 2 : first + 4] == ["rcp.rn"] * 2 or steps[first + 2 : first + 4] == ["div.rn"] * 2


@register_jitable(**IEEE)
def square(x: Any) -> Any:
    return x * x


@register_jitable(**IEEE)
def rounded_square(x: Any) -> Any:
    return times(x, x)


def bare(x: Any) -> Any:
    return x * x + x


def difference(x: Any) -> Any:
    return x - x * x


def through_a_call(x: Any) -> Any:
    return square(x) + x


def explicit(x: Any) -> Any:
    return fma(x, x, x)


def apart_through_a_call(x: Any) -> Any:
    return rounded_square(x) + x


@every_target
@both_precisions
@pytest.mark.parametrize(
    ("formula", "contracted"),
    [(bare, True), (difference, True), (through_a_call, True), (explicit, False), (apart_through_a_call, False)],
)
def test_a_contraction_is_seen_and_times_prevents_it(formula: Any, contracted: bool, dtype: Any, target: Any) -> None:
    code, apart = ptx(target, formula, dtype, 1, 0)
    assert fused(apart, dtype) == (formula is explicit)
    assert (fused(code, dtype) != fused(apart, dtype) or loose(code, np.dtype(dtype).itemsize * 8) != []) == contracted


@pytest.mark.parametrize("dtype", [np.float32, pytest.param(np.float64, marks=pytest.mark.slow)])
@pytest.mark.parametrize("target", [HOPPER], ids=["sm_90"])
@pytest.mark.parametrize("name", [name for name in vecmath.__all__ if len(signature(getattr(vecmath, name)).parameters) == 1])
def test_elementary_functions_may_be_summed(name: str, dtype: Any, target: Any) -> None:
    function = getattr(vecmath, name)

    def plus(x: Any, y: Any) -> Any:
        return function(x) + y

    check(*ptx(target, plus, dtype, 2, 0), target, dtype, widens(function, set()))


def teams(function: Any, dtype: Any) -> Iterator[Any]:
    """The kernels of a function along an axis: rows held by some threads, by a warp, by a block; and in pieces."""
    from fastrelu.kernels.cuda import fold_calls, fold_kernels
    from fastrelu.kernels.cuda.rows import Part
    from fastrelu.kernels.cuda.separable import reductions_of

    dtype, asked = np.dtype(dtype), reductions_of(function.formula)
    lanes, held = 16 // dtype.itemsize, fold_calls.HELD_BYTES // max(4, dtype.itemsize)
    part = Part(
        function.formula, dtype.name, (dtype.name,) * len(function.arrays), function.cores, lanes, 2, function.hidden, None
    )
    for length in (16, 512, 4096):
        width, groups = fold_calls.shared_by(length // lanes, lanes, held)
        yield fold_kernels.together(part._replace(groups=groups), 1, width), groups
    yield fold_kernels.by_block(part, 1, asked, 512), 0
    for stage in range(len(asked) + 1):
        yield fold_kernels.in_pieces(part, 1, asked, 512, stage), 0


FOLDS = [function for record in fr.registry.values() if isinstance(record, Fold) for function in (record, record.backward)]
ROWS = [function for function in FOLDS if all(function.cores)]
# The first and its backward pass; they take some seconds each.
HELD = [pytest.param(each, id=each.dotted_name, marks=() if k < 2 else pytest.mark.slow) for k, each in enumerate(ROWS)]


@pytest.mark.parametrize("target", [HOPPER, pytest.param(BLACKWELL, marks=pytest.mark.slow)], ids=["sm_90", "sm_100"])
@pytest.mark.parametrize(
    "dtype", [np.float32, *(pytest.param(each, marks=pytest.mark.slow) for each in (np.float16, np.float64))]
)
@pytest.mark.parametrize("function", HELD)
def test_rows_are_held_in_registers(function: Any, dtype: Any, target: Any) -> None:
    for source, groups in teams(function, dtype):
        code, _ = compiled(target, source)
        found = operations(code)
        assert ".local" not in code
        assert not [name for name in found if re.search(r"^call|^trap|\.ftz|\.approx|\.full", name)]
        assert wide(found, "ld") > 0
        if groups:  # one pass: each element is read once and written once
            stores = wide(found, "st")
            assert stores % groups == 0  # the compiler may have unrolled the loop over the rows
            assert wide(found, "ld") == stores * len(function.arrays)
            assert found[f"ld.global.b{8 * np.dtype(dtype).itemsize}"] == 0


@pytest.mark.parametrize("target", [HOPPER])
def test_the_functions_of_the_registry_are_shared_by_threads(target: Any) -> None:
    from fastrelu.kernels.cuda.separable import reductions_of

    shared = {function.dotted_name for function in FOLDS if reductions_of(function.formula) is not None}
    assert shared == {function.dotted_name for function in ROWS}
