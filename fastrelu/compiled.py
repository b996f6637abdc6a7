"""What elementwise functions and folds share: their inner loops, the ufuncs made of them, and the choice of the target."""

from __future__ import annotations

import inspect
import itertools
from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numba.core.compiler_lock import global_compiler_lock

from fastrelu import memory, pool
from fastrelu.arrays import fit_integers, untangled
from fastrelu.dispatch import Target, choose, thresholds_in_force
from fastrelu.kernels.entry import SUPPORTED, Entry
from fastrelu.kernels.storage import BY_DTYPE, bfloat16
from fastrelu.kernels.ufunc import Loop, make_ufunc
from fastrelu.parameters import made_once
from fastrelu.thresholds import Cost

# The C function of common calls takes 3 s to compile, once in the life of an installation: not for the first few calls.
SHORTENED_FROM = 32

THIS: Any = object()  # among the values of an option: the function that has the option

_long_calls = itertools.count()


class Compiled(staticmethod):  # type: ignore[type-arg]
    """A function with one inner loop for each dtype, compiled at its first use.

    It is a staticmethod because that is the shortest way that CPython 3.11 knows from a call of an object with attributes
    to a function: 40 ns, against 90 for a ``__call__`` method. What it holds is `_long_way` at first, and from the first
    compiled loop on the C function that serves the common calls (kernels.entry).

    Parameters
    ----------
    name, module
        Where another process finds it: ``gelu.derivative`` in ``fastrelu.formulas.gelus``.
    doc, signature
        What help() shows; the signature is made when it is asked for.
    arrays, params
        The names of its array operands; the scalar parameters that follow them, and their defaults.
    supported
        The dtypes it computes in, from the smallest to the largest.
    cost
        What bounds it.
    options
        For each keyword that selects another function: its values, the default first, and the function for each; None
        where that value is not valid.
    core_dims
        How many core dimensions its loops have: 0 for elementwise ones.
    core_signature
        Of the generalised ufunc, if it is one.
    """

    # a staticmethod itself has none of its own, and help() would take that of the function inside
    @made_once
    def __signature__(self) -> inspect.Signature:
        return self._signature()

    def __init__(
        self,
        *,
        name: str,
        module: str,
        doc: str,
        signature: Callable[[], inspect.Signature],
        arrays: tuple[str, ...],
        params: Mapping[str, Any],
        supported: tuple[np.dtype[Any], ...],
        cost: Cost,
        options: Mapping[str, Mapping[Any, Any]] | None = None,
        core_dims: int = 0,
        core_signature: str | None = None,
    ) -> None:
        self.dotted_name = name
        self.arrays = arrays
        self.params = dict(params)
        self.supported = supported
        self.options = {
            option: {value: self if chosen is THIS else chosen for value, chosen in choices.items()}
            for option, choices in (options or {}).items()
        }
        self.cost = cost
        self.large = 0  # fewer elements than this are never worth two threads; known with the first loop
        self._core_dims, self._core_signature = core_dims, core_signature
        self._loops: dict[np.dtype[Any], Loop] = {}
        self._targets: dict[tuple[str, bool], dict[np.dtype[Any], np.ufunc]] = {}
        self._entry: Entry | None = None
        self._waiting: list[Loop] = []  # loops that common calls do not yet reach at once
        self._attributes: dict[str, Any] = {
            "__name__": name.rpartition(".")[2],
            "__qualname__": name,
            "__module__": module,
            "__doc__": doc,
        }
        self._signature = signature
        self._install(self._long_way)

    def __get__(self, _instance: Any, _owner: Any = None) -> Any:
        return self  # as numpy.ufunc does: not a method where it is a class attribute

    def _install(self, call: Callable[..., Any]) -> None:
        """Makes this the function that a call reaches."""
        staticmethod.__init__(self, call)
        self.__dict__.update(self._attributes)  # over those that a staticmethod takes from its function

    @abstractmethod
    def _long_way(self, *operands: Any, **named: Any) -> Any:
        """A call in all its generality."""

    @property
    def entry_kind(self) -> int | None:
        """How the C function for common calls works, if there is one: 0 for elementwise functions."""
        return 0

    @property
    def keeps_shape(self) -> bool:
        """Whether the output has the shape of the operands."""
        return True

    def __reduce__(self) -> str:
        return self.dotted_name

    def __repr__(self) -> str:
        return f"<fastrelu function {self.dotted_name}>"

    @property
    def free_params(self) -> tuple[str, ...]:
        """The scalar parameters, if every value of each is valid."""
        return ()

    @property
    def layouts_from(self) -> int:
        """From how many elements on another way than the ufunc may be the faster one for arrays that are not contiguous."""
        return 0

    @abstractmethod
    def compile_loop(self, dtype: np.dtype[Any]) -> Loop:
        """Compiles the loop for one dtype, or loads it from disk."""

    def streaming_loop(self, dtype: np.dtype[Any]) -> Loop:
        """The same with non-temporal stores, where there is such a kernel."""
        return self.loop(dtype)

    def loop(self, dtype: np.dtype[Any]) -> Loop:
        """The inner loop for one dtype."""
        if dtype not in self._loops:
            with global_compiler_lock:  # numba's: who waits for it finds what the first thread has made
                if dtype not in self._loops:
                    loop, thresholds = self.compile_loop(dtype), thresholds_in_force()
                    self.large = min(thresholds.parallel_from[self.cost], thresholds.streaming_from) // 8
                    self._waiting.append(loop)
                    self._loops[dtype] = loop
        return self._loops[dtype]

    def _count(self) -> None:
        """Counts a call that has taken the long way: after some, common ones get a shorter one."""
        if self._waiting and next(_long_calls) >= SHORTENED_FROM:
            self._shorten()

    def _shorten(self) -> None:
        """Lets common calls reach the waiting loops at once."""
        with global_compiler_lock:
            while self._waiting:
                loop = self._waiting[0]
                self._add(loop)
                # once it is there: a signal's handler may raise anywhere, and then it is added again; or call this function
                self._waiting[:] = [other for other in self._waiting if other is not loop]

    def _add(self, loop: Loop) -> None:
        dtype = loop.dtypes[-1]
        if dtype.kind in "iu" and fit_integers(dtype, [*self.params.values()])[0] is not dtype:
            return  # -1, the default of a parameter, is none of uint8's numbers
        self._enter()
        if self._entry is not None:
            self._entry.add(loop, BY_DTYPE[dtype].param, self.target(dtype), min(self.large, self.layouts_from))

    def _enter(self) -> None:
        """Puts the C function in the place of `_long_way`, where there is one."""
        kind = self.entry_kind
        if not SUPPORTED or kind is None:
            return
        if self._entry is None:
            options = {
                key: {value: chosen for value, chosen in choices.items() if chosen not in (None, self)}
                for key, choices in self.options.items()
            }
            thresholds = thresholds_in_force()
            sizes = thresholds.parallel_from[self.cost], memory.FROM_BYTES, thresholds.streaming_from
            shape = len(self.arrays), tuple(self.params.values()), self.free_params, kind, options
            words = pool.STATE.ctypes.data
            self._entry = Entry(self._attributes["__name__"], self._long_way, *shape, words, *sizes, memory.empty_like)
        self._install(self._entry.function)

    def _select(self, chosen: Compiled) -> None:
        """Lets calls that select a function reach it at once, if calls of that one are common."""
        if self._entry is None and chosen._entry is not None:
            with global_compiler_lock:
                self._enter()

    def target(self, dtype: np.dtype[Any], kind: Target = Target.SERIAL, threaded: bool = False) -> np.ufunc:
        """The ufunc that computes this dtype in one of the ways, on one thread or on as many as it may have."""
        targets = self._targets.setdefault((kind.value, threaded), {})
        found = targets.get(dtype)
        if found is None:
            loop = self.streaming_loop(dtype) if kind is Target.STREAMING else self.loop(dtype)
            if threaded:
                loop = pool.threaded_loop(loop, self._core_dims)
            found = targets[dtype] = self._make_ufunc([loop])
        return found

    @made_once
    def ufunc(self) -> np.ufunc:
        """The numpy.ufunc: one loop for each supported dtype, on one thread; bfloat16 if ml_dtypes has been imported."""
        return self._make_ufunc([self.loop(dtype) for dtype in (*self.supported, *bfloat16())])

    def _make_ufunc(self, loops: list[Loop]) -> np.ufunc:
        return make_ufunc(self.dotted_name, self.__doc__ or "", loops, self._core_signature)

    def compute(self, dtype: np.dtype[Any], size: int, operands: tuple[Any, ...], keywords: dict[str, Any], row: int = 1) -> Any:
        """Calls the ufunc that suits the size, which is given in elements; threads share rows of so many."""
        self._count()
        if size < self.large:
            return self.target(dtype)(*operands, **keywords)
        threads = pool.ready() if size > row else 1
        kind = choose(size, dtype.itemsize, self.cost, threads, thresholds_in_force())
        if "out" not in keywords:
            keywords = self._with_memory(dtype, operands, keywords)
        elif kind is not Target.SERIAL:
            operands = tuple(untangled(operand, keywords["out"]) for operand in operands)
        return self.target(dtype, kind, threads > 1 and kind is not Target.SERIAL)(*operands, **keywords)

    def _with_memory(self, dtype: np.dtype[Any], operands: tuple[Any, ...], keywords: dict[str, Any]) -> dict[str, Any]:
        """With reused memory for the output, where that is a plain array like the first operand."""
        first = operands[0]
        if type(first) is not np.ndarray or first.size * dtype.itemsize < memory.FROM_BYTES or not self.keeps_shape:
            return keywords
        if any(type(other) is not np.ndarray or other.shape != first.shape for other in operands[1:] if np.ndim(other)):
            return keywords
        return {**keywords, "out": memory.empty_like(first, dtype)}
