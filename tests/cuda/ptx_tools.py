"""Kernels as PTX, without a device, and what stands in them."""

import importlib.util
import re
from collections import Counter
from typing import Any

import numpy as np
import pytest


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


def compiled(target: Any, source: Any) -> tuple[str, str]:
    """A kernel as it is, and with contraction switched off."""
    from numba import cuda
    from numba.cuda.cudadrv import nvvm

    from fastrelu.kernels.cuda.launch import OPTIONS

    compile_ir = nvvm.compile_ir
    apart = []

    def compile_twice(code: Any, **options: Any) -> Any:
        apart.append(compile_ir(code, **options, fma=False))
        return compile_ir(code, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nvvm, "compile_ir", compile_twice)
        code = cuda.compile_ptx(source.function, source.arguments, cc=target, fastmath=OPTIONS["fastmath"])[0]
    return str(code), apart[0].decode()


def operations(code: str) -> Counter[str]:
    """How often each instruction stands in the kernel; loads and stores by width, whatever the type."""
    names = re.findall(r"^\s+(?:@!?%p\d+\s+)?([a-z]\w*(?:\.\w+)*)\s", code, re.MULTILINE)
    return Counter(re.sub(r"^(ld|st)(\.global)?(\.v\d)?\.[fu]", r"\1\2\3.b", name) for name in names)


def wide(found: Counter[str], kind: str) -> int:
    """How many of these instructions access 16 bytes: from sm_100 on the compiler may store four words as two pairs."""
    return found[f"{kind}.global.v4.b32"] + found[f"{kind}.global.v2.b64"]


def fused(code: str, dtype: Any) -> float:
    """fma instructions an element: the compiler unrolls as it likes."""
    found, size = operations(code), np.dtype(dtype).itemsize
    elements = wide(found, "st") * (16 // size) + found[f"st.global.b{8 * size}"]
    return (found["fma.rn.f32"] + found["fma.rn.f64"]) / elements


def loose(code: str, bits: int) -> list[str]:
    """The sums of products where neither names a rounding: the PTX manual lets the assembler contract such a pair."""
    products = set(re.findall(rf"\bmul\.f{bits}\s+(%\w+),", code))
    negated = re.findall(rf"\b(?:neg|mov)\.f{bits}\s+(%\w+), (%\w+);", code)
    products |= {name for name, source in negated if source in products}
    sums = re.findall(rf"\b(?:add|sub)\.f{bits}\s+%\w+, .*;", code)
    return [text for text in sums if products & set(re.findall(r"%\w+", text)[1:])]
