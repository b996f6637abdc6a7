"""The PTX of the CUDA kernels, compiled without a GPU: IEEE arithmetic, nothing contracted, no calls, no local memory."""

import functools
import importlib.util
import re
from collections import Counter
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from cuda_formulas import FORMULAS, IDS, blend, sigmoid
from numba import types
from numba.extending import register_jitable

from fastrelu.vecmath.primitives import IEEE


def missing() -> str:
    """What the offline compiler lacks, if anything."""
    if importlib.util.find_spec("numba_cuda") is None:
        return "numba-cuda is not installed"
    from cuda.pathfinder import DynamicLibNotFoundError, load_nvidia_dynamic_lib

    for library in ("cudart", "nvrtc", "nvvm"):
        try:
            load_nvidia_dynamic_lib(library)
        except DynamicLibNotFoundError:
            return f"{library} is not installed: the extra cu12 or cu13 of numba-cuda brings it"
    return ""


# NVVM holds two compilers: LLVM 7 up to sm_90, a recent LLVM from sm_100 on.
AMPERE, HOPPER, BLACKWELL = (8, 0), (9, 0), (10, 0)
FLOATS = {np.float32: types.float32, np.float64: types.float64}
pytestmark = [
    pytest.mark.skipif(bool(missing()), reason=missing()),
    pytest.mark.parametrize("target", [AMPERE, HOPPER, BLACKWELL], ids=["sm_80", "sm_90", "sm_100"]),
    pytest.mark.parametrize("dtype", FLOATS),
]
every_formula = pytest.mark.parametrize(("formula", "n", "params"), FORMULAS, ids=IDS)


@pytest.fixture(autouse=True)
def device_in_name_only(target: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked for a called function's target, numba looks at the current device; nothing else of it is used."""
    device = SimpleNamespace(compute_capability=target)
    monkeypatch.setattr("numba.cuda.dispatcher.get_current_device", lambda: device)


def ptx(target: Any, formula: Any, dtype: Any, n_arrays: int, n_params: int, ndim: int = 1) -> str:
    """The kernel for contiguous 1-d arrays, or for N-d arrays of any layout."""
    from numba import cuda

    from fastrelu.kernels.cuda import kernel

    number = FLOATS[dtype]
    array = types.Array(number, ndim, "C" if ndim == 1 else "A")
    walk = types.intp if ndim == 1 else types.UniTuple(types.intp, ndim)
    operands = types.BaseTuple.from_types([array] * n_arrays + [number] * n_params)
    signature = (array, operands, walk)
    compiled = kernel(formula, np.dtype(dtype))
    return str(cuda.compile_ptx(compiled.py_func, signature, cc=target, fastmath=compiled.targetoptions["fastmath"])[0])


def operations(code: str) -> Counter[str]:
    """How often each instruction stands in the kernel; loads and stores by width (NVVM 13.4 writes b32 for f32 there)."""
    names = re.findall(r"^\s+(?:@!?%p\d+\s+)?([a-z]\w*(?:\.\w+)*)\s", code, re.MULTILINE)
    return Counter(re.sub(r"^(ld|st)\.global\.f", r"\1.global.b", name) for name in names)


@pytest.mark.parametrize("ndim", [1, 3])
@every_formula
def test_straight_ieee_code(formula: Any, n: int, params: Any, ndim: int, dtype: Any, target: Any) -> None:
    code = ptx(target, formula, dtype, n, len(params), ndim)
    assert f".target sm_{target[0]}{target[1]}" in code
    assert ".local" not in code
    assert ".extern" not in code
    bits = np.dtype(dtype).itemsize * 8
    found = operations(code)
    for name in found:
        assert not re.search(r"^call|^trap|\.ftz|\.approx|\.full", name), name
        assert f".f{96 - bits}" not in name, "computed in the other precision"
    divides = formula in (sigmoid, blend)
    assert (found[f"div.rn.f{bits}"] + found[f"rcp.rn.f{bits}"] > 0) == divides
    assert (found[f"fma.rn.f{bits}"] > 0) == divides


@every_formula
def test_contiguous_elements_are_read_and_written_once(formula: Any, n: int, params: Any, dtype: Any, target: Any) -> None:
    found = operations(ptx(target, formula, dtype, n, len(params)))
    bits = np.dtype(dtype).itemsize * 8
    assert found[f"ld.global.b{bits}"] == n * found[f"st.global.b{bits}"] > 0


def contracts(target: Any, formula: Any, dtype: Any, n_arrays: int, n_params: int, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether NVVM fuses what the formula left apart: it then counts more fma an element than where it is forbidden to."""
    from numba.cuda.cudadrv import nvvm

    def fused() -> float:
        found, bits = operations(ptx(target, formula, dtype, n_arrays, n_params)), np.dtype(dtype).itemsize * 8
        return found[f"fma.rn.f{bits}"] / found[f"st.global.b{bits}"]

    freely = fused()
    with monkeypatch.context() as patch:
        patch.setattr(nvvm, "compile_ir", functools.partial(nvvm.compile_ir, fma=False))
        return freely != fused()


@every_formula
def test_nothing_is_contracted(
    formula: Any, n: int, params: Any, dtype: Any, target: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not contracts(target, formula, dtype, n, len(params), monkeypatch)


@register_jitable(**IEEE)
def square(x: Any) -> Any:
    return x * x


@register_jitable(**IEEE)
def bare(x: Any) -> Any:
    return x * x + x


@register_jitable(**IEEE)
def through_a_call(x: Any) -> Any:
    return square(x) + x


@pytest.mark.parametrize("formula", [bare, through_a_call])
def test_a_contraction_is_seen(formula: Any, dtype: Any, target: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert contracts(target, formula, dtype, 1, 0, monkeypatch)
