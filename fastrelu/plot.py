"""Pictures of functions and their derivatives, with matplotlib."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastrelu.activation import REGISTRY
from fastrelu.fold import Fold

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SAMPLES = 800  # points of a smooth curve: more than a figure has pixels across
LARGEST = 1e300  # matplotlib's axes overflow beyond it
JUMP = 1e-9  # a smaller difference of the values on both sides of a point is the curve's slope


def curve(
    function: Any, range: tuple[float, float] = (-5, 10), derivative: bool = False, ax: Axes | None = None, **params: Any
) -> Axes:
    """Draws a function of one array.

    Where the function or its derivative jumps, the line ends: a filled circle marks the value there, an open one an end
    that is not the value.

    Parameters
    ----------
    function : Activation or Elementwise
        Such as ``fastrelu.relu`` or ``fastrelu.relu.derivative``.
    range : tuple of float
        The first and the last input.
    derivative : bool
        Whether to draw the derivative too, dashed.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure if not given.
    **params
        Parameters of the function.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    TypeError
        If the function works along an axis.
    ValueError
        If the range is not finite or not in order.
    """
    if isinstance(function, Fold):
        raise TypeError(f"plot.curve: function must be elementwise, got {function!r}")
    if np.shape(range) != (2,) or not (np.isfinite(range).all() and range[0] < range[1]):
        raise ValueError(f"plot.curve: range must be two finite numbers in order, got {range}")
    low, high = map(float, range)
    ends = [low, *(kink for kink in kinks(function, params) if low < kink < high), high]
    ax = ax or new_axes(function, params)
    for each in (function, function.derivative) if derivative else (function,):
        x, y, jumps = trace(functools.partial(each, **params), ends)
        shown = np.where(np.abs(y) < LARGEST, y, np.nan)
        (line,) = ax.plot(x, shown, "--" if each is not function else "-", label=each.dotted_name, linewidth=2, zorder=3)
        for kink, value, sides in jumps:
            for side in sides:
                filled = line.get_color() if side == value else "white"
                ax.plot(kink, side, "o", color=line.get_color(), markerfacecolor=filled, markersize=6, zorder=4)
    ax.legend(frameon=False)
    return ax


def points(function: Any, values: Sequence[float], ax: Axes | None = None, **params: Any) -> Axes:
    """Draws the outputs for some inputs, as points and as a line through them.

    Parameters
    ----------
    function : Activation or Elementwise
        Such as ``fastrelu.relu``.
    values : sequence of float
        The inputs: a list or a one-dimensional array.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure if not given.
    **params
        Parameters of the function.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        If the inputs have not one axis.
    """
    if np.ndim(values) != 1:
        raise ValueError(f"plot.points: values must have one axis, got {np.ndim(values)}")
    results = function(values, **params)
    ax = ax or new_axes(function, params)
    (line,) = ax.plot(values, results, linewidth=2, zorder=3, label="line")
    ax.scatter(values, results, s=36, color="white", edgecolors=line.get_color(), linewidths=1.5, zorder=4, label="scatter")
    ax.legend(frameon=False)
    return ax


def kinks(function: Any, params: dict[str, Any]) -> list[float]:
    """Where the function or its derivative may jump, in order."""
    record: Any = REGISTRY.get(function.dotted_name.partition(".")[0], function)
    if not hasattr(record, "kinks"):
        return []
    return sorted(record.kinks(*(params.get(key, default) for key, default in function.params.items())))


def trace(compute: Callable[[Any], Any], ends: list[float]) -> tuple[Any, Any, list[tuple[float, float, set[float]]]]:
    """The points of a line through pieces between these ends, with NaN between two pieces that do not meet.

    Returns the inputs, the outputs, and for each jump: where it is, the value there, and the value there and on both sides.
    """
    x, jumps = [np.array(ends[:1])], []
    count = max(2, SAMPLES // (len(ends) - 1))
    for number, (start, stop) in enumerate(itertools.pairwise(ends), 1):
        x.append(np.linspace(np.nextafter(start, stop), np.nextafter(stop, start), count))
        if number < len(ends) - 1:
            left, value, right = compute(np.array([np.nextafter(stop, -np.inf), stop, np.nextafter(stop, np.inf)]))
            jumps_here = abs(right - left) > JUMP * max(1, abs(left), abs(right))
            x.append(np.array([np.nan if jumps_here else stop]))
            if jumps_here:
                jumps.append((stop, float(value), {float(left), float(value), float(right)}))
    inputs = np.concatenate([*x, ends[-1:]])
    return inputs, compute(inputs), jumps


def new_axes(function: Any, params: dict[str, Any]) -> Axes:
    """Empty axes of a new figure, with lines through the origin."""
    from matplotlib import pyplot as plt

    _, ax = plt.subplots(figsize=(6, 4), layout="constrained")
    ax.axhline(0, color="0.6", linewidth=0.8, zorder=1)
    ax.axvline(0, color="0.6", linewidth=0.8, zorder=1)
    ax.grid(color="0.92", linewidth=0.8, zorder=0)
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    ax.locator_params(steps=[1, 2, 5, 10])
    settings = ", ".join(f"{key}={value!r}" for key, value in params.items())
    ax.set(title=function.dotted_name + (f" ({settings})" if settings else ""), xlabel="input", ylabel="output")
    return ax
