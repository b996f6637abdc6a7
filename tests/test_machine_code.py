"""What LLVM makes of the kernels: no other test would notice numbers stored one by one, or not past the caches."""

import platform
import re

import llvmlite.binding as llvm
import numba
import numpy as np
import pytest

import fastrelu as fr

pytestmark = pytest.mark.skipif(
    platform.machine() not in ("x86_64", "AMD64") or not llvm.get_host_cpu_features().get("avx2"),
    reason="looks for the vector instructions of x86",
)
FUNCTIONS = (fr.relu, fr.relu6, fr.relu.backward, fr.gelu)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.dotted_name)
def test_streaming_kernels_store_vectors_past_the_caches(function, dtype, tmp_path, monkeypatch):
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))  # what comes from the disk has no code to show
    code = function._kernel(np.dtype(dtype), streaming=True)._library.get_asm_str()
    assert re.search(r"\bvmovnt\w+\s+%[yz]mm", code)
    assert not re.search(r"\bvmovs[shd]\s", code), "numbers one by one"
