"""Machine code on the disk: another process takes it, and does not where a function that the formula reaches was edited.

Without a device: numba's is a name, and code is kept as PTX.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from ptx_tools import missing

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())

HELPER = "from fastrelu.vecmath.primitives import jitable\n@jitable\ndef half(x):\n    return x * type(x)({})\n"
FORMULAS = "from helper import half\ndef mine(x):\n    return half(x)\n"
RUN = """
import contextlib
from types import SimpleNamespace
import numpy as np
from numba.cuda import codegen, dispatcher
from numba.cuda.cudadrv import nvvm
from fastrelu.kernels.cuda import devices, elements, launch
from fastrelu.kernels.cuda.steps import Task
from formulas import mine

compiled, compile_ir = [], nvvm.compile_ir
nvvm.compile_ir = lambda *args, **named: compiled.append(1) or compile_ir(*args, **named)
dispatcher.get_current_device = lambda: SimpleNamespace(compute_capability=(9, 0))
codegen.JITCUDACodegen.magic_tuple = lambda self: ((13, 0), (9, 0))
dispatcher._Kernel.bind = lambda self: None
dispatcher._Kernel.max_cooperative_grid_blocks = lambda self, threads: 264
codegen.CUDACodeLibrary._ensure_cc = lambda self, cc: (9, 0, "a")

devices.launch_context = lambda device: contextlib.nullcontext()

dtype = np.dtype("float32")
kernel = launch.kernel(0, 256, elements.wide, Task(mine, dtype, (dtype.name,), 0))
(found,) = kernel.dispatcher.overloads.values()
constants = ("0f3F000000", "0f3E800000")
print(len(compiled), [text for text in constants if text in found._codelibrary.get_asm_str()], kernel.resident)
"""


def run(folder: Path) -> str:
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(folder / "cache"), "PYTHONDONTWRITEBYTECODE": "1"}
    environment["PYTHONPATH"] = os.pathsep.join([str(folder), *sys.path])
    done = subprocess.run([sys.executable, "-c", RUN], env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_another_process_takes_the_code_and_an_edit_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "helper.py").write_text(HELPER.format(0.5))
    (tmp_path / "formulas.py").write_text(FORMULAS)
    assert run(tmp_path) == "1 ['0f3F000000'] 264"
    assert run(tmp_path) == "0 ['0f3F000000'] 264"
    (tmp_path / "helper.py").write_text(HELPER.format(0.25))
    assert run(tmp_path) == "1 ['0f3E800000'] 264"
    for path in (tmp_path / "cache").rglob("*.nbc"):
        path.write_bytes(path.read_bytes()[:100])
    assert run(tmp_path) == "1 ['0f3E800000'] 264"
