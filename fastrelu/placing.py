"""Calls with ``device=``: where arrays of the host are computed, at the caller's word."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from fastrelu import arrays

NUMBERS = (float, int, bool, np.generic)


def call(function: Any, operands: tuple[Any, ...], named: dict[str, Any]) -> Any:
    """The call without its `device`, once the arrays lie there.

    Parameters
    ----------
    function
        An elementwise function, a function along an axis, or a backward pass.
    operands, named
        What it was called with; `device` is None, "cpu", "cuda" or "cuda:1". Arrays that lie on the device already stay.

    Returns
    -------
    array
        As ever for the host; for a device an array of CuPy's where that is installed, else of Numba's.

    Raises
    ------
    TypeError, ValueError
        Another value of `device`; an array that lies on a device where it is "cpu"; a masked array for a device; as ever.
    ImportError, RuntimeError
        Where numba-cuda is missing; where there is no device, or no driver for it.
    """
    name, device = function.dotted_name, named.pop("device")
    if device is None:
        return function(*operands, **named)
    place = re.fullmatch(r"cpu|cuda(?::(\d+))?", device) if isinstance(device, str) else None
    if place is None:
        error = ValueError if isinstance(device, str) else TypeError
        arrays.reject(error, name, "device", "be 'cpu', 'cuda' or 'cuda:' and a number", repr(device))
    given = dict(zip(function.arrays, operands, strict=False))
    given |= {key: named[key] for key in function.arrays if key in named}
    if device == "cpu":
        for key, value in given.items():
            if arrays.on_cuda(value):
                arrays.reject(TypeError, name, key, "be in host memory where device='cpu'", type(value).__name__)
        return function(*operands, **named)
    from fastrelu.kernels.cuda import devices

    number = devices.checked_device(name, int(place[1]) if place[1] else None)
    numbers_only = all(isinstance(value, NUMBERS) for value in given.values())
    moved = {key: _moved(name, key, value, number, numbers_only) for key, value in given.items()}
    where = named.get("where", True)
    if where is not True and not arrays.on_cuda(where):
        named["where"] = devices.to_device(arrays.check_where(name, where), number)
    named |= {key: moved[key] for key in function.arrays if key in named}
    count = min(len(operands), len(function.arrays))
    return function(*(moved[key] for key in function.arrays[:count]), *operands[count:], **named)


def _moved(name: str, key: str, value: Any, device: int, number_too: bool) -> Any:
    """An operand on the device; a number adapts to the arrays and stays, unless there are none."""
    if arrays.on_cuda(value) or (isinstance(value, NUMBERS) and not number_too):
        return value
    array = arrays.as_operand(name, key, value)
    if isinstance(array, np.ma.MaskedArray):
        arrays.reject(TypeError, name, key, "have no mask where device='cuda'", type(array).__name__)
    array = np.asarray(array)
    from fastrelu.kernels.cuda import devices

    native = array.astype(array.dtype.newbyteorder("="), order="F" if array.flags.fnc else "C", copy=False)
    return devices.to_device(native, device)
