"""Calls of elementwise functions with device arrays."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fastrelu import arrays
from fastrelu.kernels.cuda import devices, elements, launch, layouts, streams
from fastrelu.kernels.cuda.devices import Array, Library, is_number
from fastrelu.kernels.cuda.memory import WIDE
from fastrelu.kernels.cuda.steps import CLEAR, KEEP, Task
from fastrelu.kernels.storage import BY_DTYPE

if TYPE_CHECKING:
    from fastrelu.elementwise import Elementwise

Operand = Array | np.ndarray[Any, Any] | float  # a number is an array without axes, or Python's


class Place(NamedTuple):
    """Where a call runs: whose arrays, on which device, on which stream."""

    library: Library
    device: int
    stream: int

    def empty(self, shape: tuple[int, ...], dtype: np.dtype[Any], order: str = "C") -> tuple[Any, Array]:
        """A new array, and how kernels see it."""
        made = self.library.empty(shape, dtype, order, self.device)
        return made, devices.view("", "out", made)

    def ordered(self, values: Sequence[Any]) -> Any:
        """A context manager for launches that read and write these arrays: other streams wait, or are waited for."""
        return streams.ordered(self.library, self.device, self.stream, values)


def place_of(name: str, keys: Sequence[str], values: Sequence[Any]) -> Place:
    """Where the arrays among the values lie."""
    given = [(key, value) for key, value in zip(keys, values, strict=True) if value is not None and not is_number(value)]
    library, device = devices.common(name, *zip(*given, strict=True))
    return Place(library, device, library.stream(device))


def operands_of(name: str, keys: Sequence[str], values: Sequence[Any]) -> list[Operand]:
    """The operands as kernels see them."""
    return [_operand(name, key, value) for key, value in zip(keys, values, strict=True)]


def _operand(name: str, key: str, value: Any) -> Operand:
    if is_number(value):
        return np.asarray(value) if isinstance(value, np.generic) else value
    return _aligned(name, key, devices.view(name, key, value))


def _aligned(name: str, key: str, array: Array) -> Array:
    """Refuses numbers that lie across words, which a device cannot read."""
    size = array.dtype.itemsize
    if size > 1 and any(number % size for number in (array.address, *array.strides)):
        arrays.reject(ValueError, name, key, f"lie at multiples of {size} bytes", f"strides {array.strides} at {array.address}")
    return array


def stand_ins(operands: Sequence[Operand]) -> list[Any]:
    """NumPy arrays of the same shapes and dtypes, without memory: for the rules that NumPy knows."""
    return [np.broadcast_to(np.zeros((), each.dtype), each.shape) if isinstance(each, Array) else each for each in operands]


def mask_of(name: str, where: Any) -> Array | bool:
    """A mask as kernels see it; one bool for all elements stays what it is.

    Raises
    ------
    TypeError
        If it is not made of bools.
    """
    if is_number(where):
        return bool(arrays.check_where(name, where))
    mask = devices.view(name, "where", where)
    if mask.dtype != np.bool_:
        arrays.reject(TypeError, name, "where", "be a bool array", str(mask.dtype))
    return mask


def check_covers(name: str, mask: Array | bool, shape: tuple[int, ...]) -> None:
    """Refuses a mask that does not broadcast to the shape of the result."""
    if isinstance(mask, Array) and arrays.joined_shape(name, ("operands", "where"), [shape, mask.shape]) != shape:
        arrays.reject(ValueError, name, "where", f"broadcast to shape {shape}", str(mask.shape))


def check_writeable(name: str, out: Array, dtype: np.dtype[Any], shape: tuple[int, ...]) -> None:
    """Refuses an output that the result does not fit exactly."""
    arrays.check_fit(name, out, dtype, shape)
    _aligned(name, "out", out)
    if out.read_only:
        arrays.reject(ValueError, name, "out", "be writeable", "a read-only array")


def call(function: Elementwise, given: Sequence[Any], out: Any, where: Any) -> Any:
    """Compute a function of device arrays, broadcast as NumPy does.

    Parameters
    ----------
    function
        The function, whose formula, dtype rule and parameter checks apply.
    given
        Its operands, at least one of them a device array, the rest numbers; then its parameters.
    out
        A device array for the result; made where it is None.
    where
        A bool, or a device array of them: which elements are computed. The others keep what is in `out`, or are 0.

    Returns
    -------
    device array
        `out` as it came, or a new array of the first operand's library: in Fortran order where all operands are, else in C order.

    Raises
    ------
    TypeError, ValueError
        As on the CPU; TypeError also where host and device arrays are mixed.
    """
    name, values = function.dotted_name, given[: len(function.arrays)]
    place = place_of(name, (*function.arrays, "out", "where"), (*values, out, where))
    with place.ordered((*values, out, where)):
        return _called(function, place, given, out, where)


def _called(function: Elementwise, place: Place, given: Sequence[Any], out: Any, where: Any) -> Any:
    name, count = function.dotted_name, len(function.arrays)
    operands: list[Any] = operands_of(name, function.arrays, given[:count])
    if where is True and _alike(operands):
        dtype, scalars = function.settle(operands[0].dtype, given[count:], function.supported)
        if dtype == operands[0].dtype:
            result = _short_way(function, place, operands, scalars, out)
            if result is not None:
                return result
    dtype = arrays.common_dtype(name, function.arrays, stand_ins(operands))
    dtype, scalars = function.settle(dtype, given[count:], function.supported)
    return _into(function, place, dtype, operands, scalars, out, where)


def _alike(operands: Sequence[Any]) -> bool:
    """Whether these are contiguous arrays of one dtype and shape, with elements."""
    first = operands[0]
    for each in operands:
        if not isinstance(each, Array) or each.shape != first.shape or each.strides != first.strides or each.dtype != first.dtype:
            return False
    return 0 not in first.shape and layouts.contiguous(first)


def _short_way(function: Elementwise, place: Place, operands: Sequence[Any], scalars: Sequence[float], out: Any) -> Any:
    """The common call, in half of the time: of arrays that are alike; None where the output is not, or overlaps one of them."""
    first = operands[0]
    if out is None:
        result, target = place.empty(first.shape, first.dtype)
    else:
        result, target = out, devices.view(function.dotted_name, "out", out)
        check_writeable(function.dotted_name, target, first.dtype, first.shape)
    addresses = [each.address for each in operands]
    size = math.prod(first.shape)
    reach = size * first.dtype.itemsize
    apart = all(at == target.address or abs(at - target.address) >= reach for at in addresses)
    if target.strides != first.strides or not apart or not _in_step(target.address, addresses, first.dtype.itemsize):
        # A new output is alike, and its library aligns it: it is made again only for a misaligned operand.
        return None
    number = BY_DTYPE[first.dtype].param.type
    sources = (_name(first.dtype),) * len(operands)
    task = Task(function.formula, first.dtype, sources, len(scalars), "", launch.packs_halves(place.device))
    _launch_wide(place, task, target.address, tuple(addresses), tuple(map(number, scalars)), size)
    return place.library.finished(result)


@functools.cache
def _name(dtype: np.dtype[Any]) -> str:
    """NumPy makes it anew each time."""
    return dtype.name


def _in_step(address: int, others: Sequence[int], size: int) -> bool:
    """Whether arrays at these addresses reach a multiple of 16 bytes after the same number of items."""
    far = address % WIDE
    return far % size == 0 and all(other % WIDE == far for other in others)


def _launch_wide(place: Place, task: Task, address: int, others: tuple[int, ...], numbers: tuple[Any, ...], size: int) -> None:
    work = size // (task.lanes * elements.groups_of(task)) + 2 * task.lanes
    launch.launch(place.device, place.stream, work, elements.wide, (task,), address, others, numbers, size)


def _into(
    function: Elementwise,
    place: Place,
    dtype: np.dtype[Any],
    operands: Sequence[Operand],
    scalars: Sequence[float],
    out: Any,
    where: Any,
) -> Any:
    """The result in an output, given or new."""
    name = function.dotted_name
    shape = arrays.common_shape(name, function.arrays, stand_ins(operands))
    mask = mask_of(name, where)
    if isinstance(mask, Array):
        shape = arrays.joined_shape(name, ("operands", "where"), [shape, mask.shape])
    if out is None:
        columns = [
            layouts.contiguous(each, True) and not layouts.contiguous(each) for each in operands if isinstance(each, Array)
        ]
        result, target = place.empty(shape, dtype, "F" if columns and all(columns) else "C")
    else:
        result, target = out, devices.view(name, "out", out)
        check_writeable(name, target, dtype, shape)
    if 0 not in shape:
        compute(place, function.formula, target, operands, scalars, mask, fresh=out is None)
    return place.library.finished(result)


def compute(
    place: Place,
    formula: Any,
    target: Array,
    operands: Sequence[Operand],
    scalars: Sequence[float],
    mask: Array | bool = True,
    fresh: bool = True,
) -> None:
    """Runs a formula over arrays that broadcast to the target; nothing is checked any more.

    Parameters
    ----------
    place
        Where it runs.
    formula
        What is computed, in the type of the target.
    target, operands, scalars
        The output, what is read, and the parameters.
    mask
        Which elements are selected.
    fresh
        Whether the others become 0, instead of staying as they are.
    """
    if mask is False:
        if fresh:
            fill(place, target, 0)
        return
    read = [each for each in (*operands, mask) if isinstance(each, Array)]
    if any(layouts.clash(target, each) for each in read):
        kept, apart = place.empty(target.shape, target.dtype)
        _run(place, formula, apart, operands, scalars, mask, CLEAR)
        if isinstance(mask, Array) and layouts.clash(target, mask):
            flags, saved = place.empty(target.shape, np.dtype(np.uint8))
            _run(place, same, saved, [mask], [], True, "")
            _run(place, same, target, [apart], [], saved._replace(dtype=mask.dtype), CLEAR if fresh else KEEP)
            del flags
        else:
            _run(place, same, target, [apart], [], mask, CLEAR if fresh else KEEP)
        del kept
    else:
        _run(place, formula, target, operands, scalars, mask, CLEAR if fresh else KEEP)


def fill(place: Place, target: Array, number: Any) -> None:
    """Makes every element this number."""
    _run(place, same, target, [], [number], True, "")


def same(x: Any) -> Any:
    """The formula of a copy."""
    return x


def chosen(x: Any, selected: Any, other: Any = 0.0) -> Any:
    """The formula of a copy with a mask."""
    return x if selected != 0 else other


def _run(
    place: Place,
    formula: Any,
    target: Array,
    operands: Sequence[Operand],
    scalars: Sequence[float],
    mask: Array | bool,
    effect: str,
) -> None:
    """Launches the kernel that suits the layout."""
    dtype, masked = target.dtype, isinstance(mask, Array)
    number = BY_DTYPE[dtype].param.type
    sources = tuple(each.dtype.name if isinstance(each, Array) else "" for each in operands)
    task = Task(formula, dtype, sources, len(scalars), effect if masked else "", launch.packs_halves(place.device))
    # A number has the arrays' dtype, a parameter that of the computation.
    fixed = [number(dtype.type(each)) for each in operands if not isinstance(each, Array)]
    numbers = (*fixed, *map(number, scalars))
    read = [layouts.broadcast(each, target.shape) for each in (*operands, mask) if isinstance(each, Array)]
    walk = layouts.walk([target, *read])
    addresses, size = walk.addresses, math.prod(walk.shape)
    sizes = tuple((each.dtype.itemsize,) for each in (target, *read))
    flat = not walk.shape or walk.strides == sizes
    address, others = addresses[0], addresses[1:]
    if flat and len(set(sizes)) == 1 and not masked and _in_step(address, others, dtype.itemsize):
        _launch_wide(place, task, address, others, numbers, size)
        return
    shape, strides = (walk.shape, walk.strides) if walk.shape else ((1,), tuple((0,) for _ in addresses))
    key = task, len(shape), walk.short
    steps = tuple(step for each in strides for step in each)
    work = -(-size // elements.ITEMS)
    launch.launch(place.device, place.stream, work, elements.strided, key, address, others, numbers, size, shape, steps)


def call_with_draws(function: Elementwise, given: Sequence[Any], seed: int, out: Any, where: Any) -> Any:
    """Compute a function of device arrays in training, with the random numbers that the same call has on the CPU."""
    name, values = function.dotted_name, given[: len(function.arrays)]
    place = place_of(name, (*function.arrays, "out", "where"), (*values, out, where))
    with place.ordered((*values, out, where)):
        return _drawn(function, place, given, seed, out, where)


def _drawn(function: Elementwise, place: Place, given: Sequence[Any], seed: int, out: Any, where: Any) -> Any:
    name, count = function.dotted_name, len(function.arrays)
    operands = operands_of(name, function.arrays, given[:count])
    seen = stand_ins(operands)
    shapes = [tuple(np.shape(each)) for each in seen]
    arrays.check_one_shape(name, function.arrays, shapes)
    check_covers(name, mask_of(name, where), shapes[0])
    dtype = arrays.common_dtype(name, function.arrays, seen)
    dtype, scalars = function.settle(dtype, given[count:], function.supported)
    kept, numbers = place.empty(shapes[0], BY_DTYPE[dtype].param)
    size = math.prod(shapes[0])
    if size:
        launch.launch(place.device, place.stream, size, elements.draws, (numbers.dtype,), numbers.address, np.uint64(seed), size)
    result = _into(function.training, place, dtype, [*operands, numbers], scalars, out, where)
    del kept
    return result
