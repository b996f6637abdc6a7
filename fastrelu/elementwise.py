"""Elementwise: a scalar formula that is called like a NumPy function."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numba.extending import typeof_impl

from fastrelu import arrays, layouts
from fastrelu.compiled import Compiled
from fastrelu.embed_elementwise import elementwise_type
from fastrelu.kernels.elementwise import any_layout, run
from fastrelu.kernels.options import formula_digest
from fastrelu.kernels.storage import BY_DTYPE, FLOATS, INTEGERS
from fastrelu.kernels.streaming import streaming_loop
from fastrelu.kernels.ufunc import Loop
from fastrelu.parameters import REQUIRED, parameters_of, public_signature
from fastrelu.thresholds import Cost
from fastrelu.vecmath.primitives import compilable

_FLOAT = {float}
_TRAINING: Mapping[str, Any] = {"training": False, "seed": None}  # what a noisy function takes besides
COMMON: Mapping[str, Any] = {"out": None, "where": True, "device": None}  # what every call takes
_FLOAT32, _FLOAT64 = np.dtype("float32"), np.dtype("float64")


class Elementwise(Compiled):
    """A function of arrays, made from a formula of scalars.

    Calling it computes the formula for every element. Inside a Numba-compiled function the same object is called the same
    way, on scalars and on arrays.

    Parameters
    ----------
    formula
        A function of scalars that keeps their dtype and that Numba can compile. Its parameters without a default are
        array operands, those with one are scalar parameters.
    name, module
        Where another process finds this object: ``gelu.derivative`` in ``fastrelu.formulas.gelus``.
    parameters
        Of the formula, where its code does not tell: for each the default, or REQUIRED.
    integers
        Whether integers stay integers.
    cost
        What bounds the function.
    options
        For each keyword that selects another formula: its values, the default first, and the function for each; None
        where that value is not valid.
    minimum
        The least valid value of parameters that have one.
    training
        The function that a call with ``training=True`` reaches: it has one array more, the last, of random numbers.
    keywords
        What a call takes besides the operands, the parameters and the options, with the defaults.

    Attributes
    ----------
    formula : function
        The formula itself, callable from Python without Numba.
    ufunc : numpy.ufunc
        The same function with the whole ufunc interface, on one thread.
    training : Elementwise
        Of functions that are noisy while a network is trained: the same with the random numbers given, from 0 up to 1.
    """

    formula: Callable[..., Any]

    def __init__(
        self,
        formula: Callable[..., Any],
        *,
        name: str,
        module: str,
        doc: str,
        parameters: Mapping[str, Any] | None = None,
        integers: bool = False,
        cost: Cost = Cost.LIGHT,
        options: Mapping[str, Mapping[Any, Elementwise | None]] | None = None,
        minimum: Mapping[str, float] | None = None,
        training: Elementwise | None = None,
        keywords: Mapping[str, Any] = COMMON,
    ) -> None:
        parameters = parameters or parameters_of(formula)
        self._names, self._defaults = tuple(parameters), tuple(parameters.values())
        self.minimum = dict(minimum or {})
        keywords = {**_TRAINING, **keywords} if training else keywords
        self._keywords = tuple(keywords)
        first_choices = {key: next(iter(choices)) for key, choices in (options or {}).items()}
        self.formula = formula
        self.training: Any = training
        self._layout_tables: dict[np.dtype[Any], layouts.Table] = {}
        self.noisy_loops: dict[np.dtype[Any], tuple[Loop, Loop]] = {}  # filled by draws
        super().__init__(
            name=name,
            module=module,
            doc=doc,
            signature=functools.partial(public_signature, parameters, {**first_choices, **keywords}),
            arrays=tuple(key for key, default in parameters.items() if default is REQUIRED),
            params={key: default for key, default in parameters.items() if default is not REQUIRED},
            supported=(*INTEGERS, *FLOATS) if integers else FLOATS,
            cost=cost,
            options=options,
        )

    @property
    def free_params(self) -> tuple[str, ...]:
        """The scalar parameters, if every value of each is valid."""
        return () if self.minimum else tuple(self.params)

    @property
    def layouts_from(self) -> int:
        """From how many elements on the driver for layouts is the faster one."""
        return layouts.FROM

    def compile_loop(self, dtype: np.dtype[Any]) -> Loop:
        """Compiles the loop for one dtype, or loads it from disk."""
        n_arrays, n_params = len(self.arrays), len(self.params)
        kernel, outer = self._kernel(dtype), any_layout()
        words = np.array([kernel.address, n_arrays, n_params, dtype.itemsize], np.int64)
        dtypes = (*(dtype,) * n_arrays, *(BY_DTYPE[dtype].param,) * n_params, dtype)
        return Loop(outer.address, words, dtypes, (kernel, outer))

    def streaming_loop(self, dtype: np.dtype[Any]) -> Loop:
        """The same with non-temporal stores."""
        return streaming_loop(self.loop(dtype), self._kernel(dtype, streaming=True))

    def layout_table(self, dtype: np.dtype[Any]) -> layouts.Table:
        """What the driver for any layout needs to know."""
        found = self._layout_tables.get(dtype)
        if found is None:
            found = self._layout_tables[dtype] = layouts.Table(self.loop(dtype).data, BY_DTYPE[dtype].param)
        return found

    def compute(self, dtype: np.dtype[Any], size: int, operands: tuple[Any, ...], keywords: dict[str, Any], row: int = 1) -> Any:
        """Calls what suits the size and the layout."""
        if size >= (layouts.MASKED_FROM if "where" in keywords else layouts.FROM):
            result = layouts.compute(self, dtype, size, operands, keywords.get("out"), keywords.get("where"))
            if result is not None:
                self._count()
                return result
        return super().compute(dtype, size, operands, keywords, row)

    def _kernel(self, dtype: np.dtype[Any], streaming: bool = False) -> Any:
        digest = formula_digest(self.formula)
        return run(compilable(self.formula), digest, dtype, len(self.arrays), len(self.params), streaming)

    def _long_way(self, *operands: Any, out: Any = None, where: Any = True, **named: Any) -> Any:
        if "device" in named:
            from fastrelu import placing

            return placing.call(self, operands, {**named, "out": out, "where": where})
        if self.training is not None and ("training" in named or "seed" in named):
            from fastrelu import draws

            return draws.call(self, operands, named, out, where)
        return self._general(operands, named, out, where)

    def _general(self, operands: tuple[Any, ...], named: dict[str, Any], out: Any, where: Any) -> Any:
        """A call in all its generality."""
        for option in self.options:
            if option in named:
                chosen = self._chosen(option, named.pop(option))
                self._select(chosen)
                return chosen._general(operands, named, out, where)
        name, n_arrays = self.dotted_name, len(self.arrays)
        given = self._bind(operands, named)
        values, scalars = given[:n_arrays], given[n_arrays:]
        if type(values[0]) is list:
            values = arrays.as_operand(name, self.arrays[0], values[0]), *values[1:]
            given = (*values, *scalars)
        first = values[0]
        plain = where is True and not self.minimum and _FLOAT.issuperset(map(type, scalars))
        if plain and fits(first, first if out is None else out) and (n_arrays == 1 or all(fits(first, v) for v in values)):
            # The common case once more, in half of the time of what follows.
            return self.compute(first.dtype, first.size, given, {} if out is None else {"out": out})
        if not all(type(value) is np.ndarray for value in values):
            if any(arrays.on_cuda(value) for value in values):
                from fastrelu.kernels import cuda

                return cuda.call(self, given, out, where)
            if any(arrays.overrides_ufuncs(value) for value in values):
                return self._by_others(values, scalars, out, where)
        checked = [arrays.as_operand(name, key, value) for key, value in zip(self.arrays, values, strict=True)]
        dtype, numbers = self.settle(arrays.common_dtype(name, self.arrays, checked), scalars, self.supported)
        # A number has the arrays' dtype: NumPy takes it for float64 next to bfloat16, and once it has been broadcast.
        checked = [value if isinstance(value, np.ndarray) else np.asarray(value, dtype) for value in checked]
        shape = arrays.common_shape(name, self.arrays, checked)
        keywords: dict[str, Any] = {}
        masked = None
        if where is not True:
            mask = arrays.check_where(name, where)
            if mask.shape != shape:
                shape = arrays.joined_shape(name, ("operands", "where"), [shape, mask.shape])
            if out is None:  # NumPy would leave the elements that are not selected undefined
                masked = mask
                checked = [value if value.shape == shape else np.broadcast_to(value, shape, subok=True) for value in checked]
            else:
                keywords["where"] = mask
        if out is not None:
            arrays.check_out(name, out, dtype, shape)
            keywords["out"] = out
        number = BY_DTYPE[dtype].param.type  # not Python's: next to an int8 array NumPy takes those for float64
        if masked is not None and shape:
            result = layouts.compute(self, dtype, math.prod(shape), (*checked, *map(number, numbers)), None, masked)
            if result is not None:
                self._count()
                return result
        result = self.compute(dtype, math.prod(shape), (*checked, *map(number, numbers)), keywords)
        if masked is None:
            return result
        if not shape:
            return result if masked else number(0).astype(dtype)
        result.view(np.ndarray)[np.broadcast_to(~masked, shape)] = 0
        return result

    def _by_others(self, values: tuple[Any, ...], scalars: tuple[Any, ...], out: Any, where: Any) -> Any:
        """A call for arrays that answer to ufuncs themselves, as those of pandas, xarray and dask: the ufunc asks them."""
        name = self.dotted_name
        if where is not True:
            kind = next(type(value).__name__ for value in values if arrays.overrides_ufuncs(value))
            arrays.reject(TypeError, name, "where", f"be left out for a {kind}", "one")
        kinds: list[Any] = []
        for key, value in zip(self.arrays, values, strict=True):
            own = arrays.dtypes_of(name, key, value)
            for kind in own:
                if isinstance(kind, np.dtype) and not arrays.is_real(kind):
                    arrays.reject(TypeError, name, key, "be a real array", str(kind))
            kinds += own
        known = all(isinstance(kind, (np.dtype, int, float)) for kind in kinds)  # pandas has its own, too
        dtype, numbers = self.settle(np.result_type(*kinds) if known and kinds else _FLOAT64, scalars, self.supported)
        number = BY_DTYPE[dtype].param.type if known else float
        if isinstance(out, np.ndarray):
            arrays.check_out(name, out, dtype, arrays.common_shape(name, self.arrays, values))
        elif out is not None and not arrays.overrides_ufuncs(out):
            arrays.reject(TypeError, name, "out", "be an array", type(out).__name__)
        return self.ufunc(*values, *map(number, numbers), **{} if out is None else {"out": out})

    def settle(
        self, dtype: np.dtype[Any], scalars: Sequence[Any], supported: tuple[np.dtype[Any], ...]
    ) -> tuple[np.dtype[Any], list[float]]:
        """The dtype to compute operands of this one in, and the scalar parameters, checked."""
        name = self.dotted_name
        scalars = [arrays.check_scalar(name, key, value) for key, value in zip(self.params, scalars, strict=True)]
        for key, least in self.minimum.items():
            arrays.check_minimum(name, key, scalars[list(self.params).index(key)], least)
        dtype = arrays.computed_in(dtype, supported)
        return arrays.fit_integers(dtype, scalars) if scalars and dtype.kind in "iu" else (dtype, scalars)

    def _chosen(self, option: str, value: Any) -> Any:
        choices = self.options[option]
        try:
            chosen = choices[value]
        except (KeyError, TypeError, ValueError):  # what has no hash raises one or the other
            wanted = " or ".join(map(repr, choices))
            raise ValueError(f"{self.dotted_name}: {option} must be {wanted}, got {value!r}") from None
        if chosen is None:
            raise ValueError(f"{self.dotted_name}: {option}={value!r} is not valid, this function needs its input")
        return chosen

    def _bind(self, operands: tuple[Any, ...], named: dict[str, Any]) -> tuple[Any, ...]:
        """The operands and parameters in order, defaults filled in."""
        return arrays.bind(self.dotted_name, self._names, self._defaults, operands, named, (*self.options, *self._keywords))


def fits(x: Any, out: Any) -> bool:
    """Whether both are plain arrays of one shape, of float32 or of float64, and the second is writeable."""
    return (
        type(x) is np.ndarray
        and type(out) is np.ndarray
        and (x.dtype is _FLOAT32 or x.dtype is _FLOAT64)
        and out.dtype is x.dtype
        and out.shape == x.shape
        and out.flags.writeable
    )


@typeof_impl.register(Elementwise)
def _typeof(function: Elementwise, _context: Any) -> Any:
    return elementwise_type(function)
