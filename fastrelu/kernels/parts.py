"""Functions that only ever become parts of kernels: Numba would optimise each, and make machine code of it, for nobody to run.

Of functions that call each other four deep that is done four times: the loop for any layout compiles in 0.4 s instead of 1.5.
"""

from __future__ import annotations

from typing import Any

from numba import _dynfunc
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import register_pass
from numba.core.typed_passes import NativeLowering

from fastrelu.vecmath.primitives import IEEE


class _ToBeLinked(JITCodeLibrary):  # type: ignore[misc]
    """LLVM's code as it was written: who links it optimises it along with its own."""

    def _optimize_final_module(self) -> None:
        pass

    def _finalize_final_module(self) -> None:
        self._finalize_dynamic_globals()
        self._verify_declare_only_symbols()
        self._finalized = True


@register_pass(mutates_CFG=True, analysis_only=False)
class _Lowering(NativeLowering):  # type: ignore[misc]
    _name = "lowering_of_parts"

    def run_pass(self, state: Any) -> bool:
        state.library = _ToBeLinked(state.targetctx.codegen(), state.func_id.func_qualname)
        state.library.enable_object_caching()
        state.flags.no_compile = True
        super().run_pass(state)
        # What Numba does with what it has compiled, with a function at no address.
        result = state["cr"]
        name = result.fndesc.qualname.rpartition(".")[2]
        function = _dynfunc.make_function(result.fndesc.lookup_module(), name, "", 0, result.env, (state.library,))
        state.targetctx.insert_user_function(function, result.fndesc, [state.library])
        state["cr"] = result._replace(cfunc=function)
        return True


class _Compiler(CompilerBase):  # type: ignore[misc]
    def define_pipelines(self) -> list[Any]:
        manager = DefaultPassBuilder.define_nopython_pipeline(self.state)
        manager.passes = [(_Lowering if each is NativeLowering else each, text) for each, text in manager.passes]
        manager.finalize()
        return [manager]


INLINED = {**IEEE, "pipeline_class": _Compiler}  # options of such functions
APART = {**INLINED, "forceinline": False}  # of large ones: inlined wherever they are called they take LLVM 20 s
