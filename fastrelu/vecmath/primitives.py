"""What every formula is built from: a fused multiply-add, a product that stays apart, a root, and a choice by precision.

All work in plain Python on NumPy scalars, in Numba CPU code and in CUDA code, with the same bits.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from types import FunctionType, ModuleType
from typing import Any, TypeAlias

import numpy as np
from llvmlite import ir
from numba.extending import intrinsic, overload, register_jitable

Scalar: TypeAlias = Any  # numpy.float32 or numpy.float64, kept from input to output

# error_model: division by zero gives inf or NaN, and no branch that would stop vectorising.
# fastmath is named because a caller's fastmath=True would be inherited, and would change bits.
# forceinline: LLVM leaves a float64 softplus as a call, 50 times slower, because a loop with a call is not vectorised.
IEEE = {"error_model": "numpy", "fastmath": False, "forceinline": True, "no_cfunc_wrapper": True}

_compilable: set[Callable[..., Any]] = set()
_jitable: set[Callable[..., Any]] = set()
_chosen: dict[Callable[..., Any], Callable[..., Any]] = {}  # by_precision's functions, and what chooses for compiled code


def use_widest_vectors(builder: Any) -> None:
    """Makes LLVM vectorise the loops of the function that is being built for 512 bits, where the processor has them.

    On Intel's processors it prefers 256, for code that uses few vectors: gelu takes 1.7 times as long then. llvmlite does not
    know this attribute. Loops in functions that are called have been vectorised before: those need it themselves.
    """
    set.add(builder.function.attributes, '"prefer-vector-width"="512"')


def fma(a: Scalar, b: Scalar, c: Scalar) -> Scalar:
    """a * b + c with one rounding; float32 or float64."""
    kind = type(a)
    plain = a * b + c
    if not (math.isfinite(a) and math.isfinite(b)):
        return plain
    if not math.isfinite(c):
        return c  # whatever the product is: its overflow would make plain a NaN
    from fractions import Fraction  # 5 ms with what it imports: not at every import of ours

    exact = Fraction(float(a)) * Fraction(float(b)) + Fraction(float(c))
    if exact == 0:
        return plain  # the sign of a zero follows the ordinary rules
    try:
        rounded = float(exact)
    except OverflowError:
        rounded = math.inf if exact > 0 else -math.inf
    inexact = kind is np.float32 and math.isfinite(rounded) and Fraction(rounded) != exact
    if inexact and not np.float64(rounded).view(np.int64) & 1:
        # Round to odd first: float64 has more than 2 * 24 + 2 bits, so the second rounding is then harmless.
        rounded = math.nextafter(rounded, math.inf if exact > Fraction(rounded) else -math.inf)
    return kind(rounded)


@intrinsic
def _llvm_fma(_context: Any, a: Any, b: Any, c: Any) -> Any:
    def codegen(_target: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.fma(*args)

    return a(a, a, a), codegen


# An intrinsic behind an overload, because a kernel that reaches an intrinsic by a closure is never cached (numba#6264).
@overload(fma, jit_options=IEEE, strict=False)
def _fma(a: Any, b: Any, c: Any) -> Any:
    return lambda a, b, c: _llvm_fma(a, b, c)


def times(a: Scalar, b: Scalar) -> Scalar:
    """a * b, rounded before anything is added to it.

    For a product that ends up in a sum and may not be fused with it, in this function or in one that calls it: CUDA's
    compiler would contract the two into one fma after inlining, and give other bits than the CPU.
    """
    return a * b


@intrinsic
def _rounded_product(_context: Any, a: Any, b: Any) -> Any:
    def codegen(_target: Any, builder: Any, _signature: Any, args: Any) -> Any:
        if "nvptx" not in builder.module.triple:
            return builder.fmul(*args)
        kind = args[0].type
        name = f"llvm.nvvm.mul.rn.{'f' if isinstance(kind, ir.FloatType) else 'd'}"
        return builder.call(builder.module.declare_intrinsic(name, (), ir.FunctionType(kind, (kind, kind))), args)

    return a(a, a), codegen


@overload(times, jit_options=IEEE, strict=False)
def _times(a: Any, b: Any) -> Any:
    return lambda a, b: _rounded_product(a, b)


def sqrt(x: Scalar) -> Scalar:
    """The square root, correctly rounded; NaN for negative numbers."""
    return type(x)(math.sqrt(x)) if x >= 0 else type(x)(math.nan)  # rounded twice for float32, which is harmless: 53 > 2 * 24 + 2


@intrinsic
def _llvm_sqrt(_context: Any, x: Any) -> Any:
    def codegen(_target: Any, builder: Any, _signature: Any, args: Any) -> Any:
        kind, module = args[0].type, builder.module
        if "nvptx" not in module.triple:  # there llvm.sqrt may become an approximation
            return builder.call(module.declare_intrinsic("llvm.sqrt", [kind]), args)
        name = f"llvm.nvvm.sqrt.rn.{'f' if isinstance(kind, ir.FloatType) else 'd'}"
        return builder.call(module.declare_intrinsic(name, (), ir.FunctionType(kind, (kind,))), args)

    return x(x), codegen


@overload(sqrt, jit_options=IEEE, strict=False)
def _sqrt(x: Any) -> Any:
    return lambda x: _llvm_sqrt(x)


def entry(table: Any, index: Any) -> Any:
    """table[index], of a constant array, in a form that LLVM vectorises inside a kernel.

    A gather has no bounds to compare with those of the output at run time. So the load names the kernels' output (the scope
    in kernels.elementwise.sweep: metadata of one content are one) as memory that it does not touch.
    """
    return table[index]


@intrinsic
def _constant_entry(_context: Any, table: Any, index: Any) -> Any:
    def codegen(target: Any, builder: Any, signature: Any, args: Any) -> Any:
        data = target.make_array(signature.args[0])(target, builder, args[0]).data
        value = builder.load(builder.gep(data, [args[1]]))
        module = builder.module
        domain = module.add_metadata([ir.MetaDataString(module, "fastrelu")])
        output = module.add_metadata([module.add_metadata([ir.MetaDataString(module, "output"), domain])])
        value.set_metadata("noalias", output)
        return value

    return table.dtype(table, index), codegen


@overload(entry, jit_options=IEEE, strict=False)
def _entry(table: Any, index: Any) -> Any:
    return lambda table, index: _constant_entry(table, index)


def by_precision(float32: Callable[..., Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorates the float64 formula: one function of both, chosen by the type of the first argument."""

    def decorate(float64: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(float64)
        def chosen(*args: Any) -> Any:
            return (float32 if isinstance(args[0], np.float32) else float64)(*args)

        @functools.wraps(float64)
        def typed(*args: Any) -> Any:
            return float32 if args[0].bitwidth == 32 else float64

        _chosen[chosen] = typed
        return jitable(chosen)

    return decorate


def jitable(formula: Callable[..., Any]) -> Callable[..., Any]:
    """Marks a function that formulas are made of: compiled code may call it once `compilable` has met it.

    Numba takes 30 us to register one, and there are hundreds: an import registers none.
    """
    _jitable.add(formula)
    return formula


def compilable(formula: Callable[..., Any]) -> Callable[..., Any]:
    """Lets compiled code call a plain Python formula, and all that it calls or closes over; returns the formula."""
    if formula not in _compilable:
        _compilable.add(formula)
        if formula in _chosen:
            overload(formula, jit_options=IEEE, strict=False)(_chosen[formula])
        else:
            register_jitable(**IEEE)(formula)
        for cell in formula.__closure__ or ():
            if isinstance(cell.cell_contents, FunctionType):
                compilable(cell.cell_contents)
        names, known = formula.__code__.co_names, formula.__globals__
        scopes = [known, *(vars(known[name]) for name in names if isinstance(known.get(name), ModuleType))]
        for name in names:
            for scope in scopes:
                value = scope.get(name)
                if isinstance(value, FunctionType) and value in _jitable:
                    compilable(value)
    return formula
