"""Radial functions: of the distance r = abs(x - center), and of epsilon * r where they have a scale.

The distance is kept in two words, so that no center and no epsilon costs accuracy. They are for numbers; a derivative is with
respect to x.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fastrelu.activation import activation
from fastrelu.thresholds import Cost
from fastrelu.vecmath.error import decay, decayed, small
from fastrelu.vecmath.hyperbolic import signed
from fastrelu.vecmath.primitives import Scalar, by_precision, fma, jitable, sqrt, times
from fastrelu.vecmath.radii import inverse_of, inverse_root_of, inverse_root_term, inverse_square_term, one_plus_square
from fastrelu.vecmath.words import product, two_sum

CENTER = "Where the distance is 0."
EPSILON = "The inverse of the length on which the function changes."
HARDY = "Hardy, Journal of Geophysical Research 76 (1971)"


@jitable
def _reach_32(x: Scalar) -> Scalar:
    return np.float32(130.0), np.float32(12.0)


@by_precision(_reach_32)
@jitable
def reach(x: Scalar) -> Scalar:
    """Where exp(-s) is 0 in every product and decay is still valid, and a number with a greater square."""
    return np.float64(790.0), np.float64(29.0)


@jitable
def squared(d: Scalar, d_low: Scalar, epsilon: Scalar) -> Scalar:
    """(epsilon (d + d_low))^2 in two words, but no more than decay can take by much; and where exp(-s) is 0."""
    end, most = reach(d)
    u = times(epsilon, d)
    far = abs(u) > most
    u_low = type(d)(0.0) if far else fma(epsilon, d_low, fma(epsilon, d, -u))
    u = most if far else u
    s = times(u, u)
    return s, fma(u + u, u_low, fma(u, u, -s)), end


@jitable
def steep(factor: Scalar, epsilon: Scalar, d: Scalar, d_low: Scalar) -> Scalar:
    """factor epsilon^2 (d + d_low) in two words."""
    zero, size = type(d)(0.0), abs(epsilon)
    # epsilon (epsilon d) where epsilon^2 could overflow or be subnormal: epsilon d is neither there, or the product is 0
    apart = (size > type(d)(2.0**40)) | (size < type(d)(2.0**-40))
    square, u = times(epsilon, epsilon), times(epsilon, d)
    a, a_low = (epsilon, zero) if apart else (square, fma(epsilon, epsilon, -square))
    b, b_low = (u, fma(epsilon, d_low, fma(epsilon, d, -u))) if apart else (d, d_low)
    c, c_low = product(factor, zero, b, b_low)
    return product(a, a_low, c, c_low)


@jitable
def gaussian_slope(x: Scalar, epsilon: Scalar = 1.0, center: Scalar = 0.0) -> Scalar:
    """-2 epsilon^2 (x - center) exp(-(epsilon r)^2)."""
    zero = type(x)(0.0)
    d, d_low = two_sum(x, -center)
    s, s_low, end = squared(d, d_low, epsilon)
    far = s >= end
    head, rest, scale = decay(end if far else s, zero if far else s_low)
    w, w_low = steep(type(x)(-2.0), epsilon, d, d_low)
    y = times(decayed(w, w_low, head, rest) * scale, small(x))
    return zero if far else y


@jitable
def gaussian_bend(x: Scalar, epsilon: Scalar = 1.0, center: Scalar = 0.0) -> Scalar:
    """2 epsilon^2 (2 s - 1) exp(-s), s = (epsilon r)^2."""
    zero = type(x)(0.0)
    d, d_low = two_sum(x, -center)
    s, s_low, end = squared(d, d_low, epsilon)
    far = s >= end
    head, rest, scale = decay(end if far else s, zero if far else s_low)
    b, b_low = two_sum(s + s, type(x)(-1.0))
    w, w_low = steep(type(x)(2.0), epsilon, b, b_low + (s_low + s_low))
    y = times(decayed(w, w_low, head, rest) * scale, small(x))
    return zero if far else y


@jitable
def scaled_square(factor: Scalar, epsilon: Scalar, d: Scalar, d_low: Scalar) -> Scalar:
    """factor epsilon (d + d_low)^2 in two words."""
    c, c_low = product(times(factor, epsilon), type(d)(0.0), d, d_low)
    return product(c, c_low, d, d_low)


@jitable
def gaussian_epsilon_slope(x: Scalar, epsilon: Scalar, center: Scalar) -> Scalar:
    """-2 epsilon r^2 exp(-(epsilon r)^2)."""
    zero = type(x)(0.0)
    d, d_low = two_sum(x, -center)
    s, s_low, end = squared(d, d_low, epsilon)
    far = s >= end
    head, rest, scale = decay(end if far else s, zero if far else s_low)
    w, w_low = scaled_square(type(x)(-2.0), epsilon, d, d_low)
    y = times(decayed(w, w_low, head, rest) * scale, small(x))
    return zero if far else y


def opposite(slope: Callable[..., Any]) -> Callable[..., Any]:
    """The derivative of a function of x - center with respect to the center."""

    def gradient(x: Scalar, *params: Scalar) -> Scalar:
        return -slope(x, *params)

    return gradient


@activation(
    derivative=gaussian_slope,
    second=gaussian_bend,
    reference=lambda m, x, epsilon, center: m.exp(-((epsilon * (x - center)) ** 2)),
    numpy=lambda x, epsilon=1.0, center=0.0: np.exp(-np.square(epsilon * (x - center))),
    max_ulp=1.0,
    cost=Cost.HEAVY,
    params={"epsilon": EPSILON, "center": CENTER},
    values=(0, 1),
    slopes=(-0.8577638849607068, 0.8577638849607068),
    names=(("gaussian", "scipy"),),
    gradients={"epsilon": gaussian_epsilon_slope, "center": opposite(gaussian_slope)},
    paper="Broomhead & Lowe, Complex Systems 2 (1988)",
)
def gaussian(x: Scalar, epsilon: Scalar = 1.0, center: Scalar = 0.0) -> Scalar:
    """The Gaussian, exp(-(epsilon * r)^2) of the distance r = abs(x - center); 0 at both infinities."""
    zero, one = type(x)(0.0), type(x)(1.0)
    d, d_low = two_sum(x, -center)
    s, s_low, end = squared(d, d_low, epsilon)
    far = s >= end
    head, rest, scale = decay(end if far else s, zero if far else s_low)
    return times(decayed(one, zero, head, rest) * scale, small(x))


@jitable
def multiquadric_slope(x: Scalar, epsilon: Scalar = 1.0, center: Scalar = 0.0) -> Scalar:
    """epsilon^2 (x - center) / sqrt(1 + (epsilon r)^2); epsilon with the sign of x at the infinities."""
    d, d_low = two_sum(x, -center)
    u, u_low, total, low, _, _ = one_plus_square(d, d_low, epsilon)
    y, y_low = inverse_root_of(total, low)
    w, w_low = product(u, u_low, y, y_low)
    w, w_low = product(w, w_low, epsilon, type(x)(0.0))
    return signed(abs(epsilon), x) if abs(x) == type(x)(np.inf) else w + w_low


@jitable
def multiquadric_bend(x: Scalar, epsilon: Scalar = 1.0, center: Scalar = 0.0) -> Scalar:
    """epsilon^2 / (1 + (epsilon r)^2)^(3/2)."""
    zero = type(x)(0.0)
    d, d_low = two_sum(x, -center)
    _, _, total, low, unit, _ = one_plus_square(d, d_low, epsilon)
    y, y_low = inverse_root_of(total, low)
    y, y_low = times(y, unit), times(y_low, unit)
    w, w_low = product(epsilon, zero, y, y_low)
    w, w_low = product(w, w_low, w, w_low)
    w, w_low = product(w, w_low, y, y_low)
    return zero if abs(x) == type(x)(np.inf) else w + w_low


@jitable
def multiquadric_epsilon_slope(x: Scalar, epsilon: Scalar, center: Scalar) -> Scalar:
    """epsilon r^2 / sqrt(1 + (epsilon r)^2); infinite with the sign of epsilon at the infinities."""
    d, d_low = two_sum(x, -center)
    u, u_low, total, low, _, _ = one_plus_square(d, d_low, epsilon)
    y, y_low = inverse_root_of(total, low)
    w, w_low = product(u, u_low, y, y_low)
    w, w_low = product(w, w_low, d, d_low)
    return signed(abs(x), epsilon) if abs(x) == type(x)(np.inf) else w + w_low


@activation(
    derivative=multiquadric_slope,
    second=multiquadric_bend,
    reference=lambda m, x, epsilon, center: m.sqrt(1 + (epsilon * (x - center)) ** 2),
    numpy=lambda x, epsilon=1.0, center=0.0: np.sqrt(1 + np.square(epsilon * (x - center))),
    max_ulp=0.9,
    cost=Cost.HEAVY,
    params={"epsilon": EPSILON, "center": CENTER},
    values=(1, None),
    slopes=(-1, 1),
    gradients={"epsilon": multiquadric_epsilon_slope, "center": opposite(multiquadric_slope)},
    paper=HARDY,
)
def multiquadric(x: Scalar, epsilon: Scalar = 1.0, center: Scalar = 0.0) -> Scalar:
    """The multiquadric, sqrt(1 + (epsilon * r)^2) of the distance r = abs(x - center); does not overflow before its result."""
    d, d_low = two_sum(x, -center)
    _, _, total, low, _, inverse = one_plus_square(d, d_low, epsilon)
    return abs(x) if abs(x) == type(x)(np.inf) else sqrt(total + low) * inverse


@jitable
def inverse_multiquadric_slope(x: Scalar, epsilon: Scalar = 1.0, center: Scalar = 0.0) -> Scalar:
    """-epsilon^2 (x - center) / (1 + (epsilon r)^2)^(3/2)."""
    zero = type(x)(0.0)
    d, d_low = two_sum(x, -center)
    u, u_low, total, low, unit, _ = one_plus_square(d, d_low, epsilon)
    y, y_low = inverse_root_of(total, low)
    w, w_low = product(-u, -u_low, y, y_low)
    y, y_low = times(y, unit), times(y_low, unit)
    w, w_low = product(w, w_low, y, y_low)
    y, y_low = product(epsilon, zero, y, y_low)
    w, w_low = product(w, w_low, y, y_low)
    return zero if abs(x) == type(x)(np.inf) else w + w_low


@jitable
def bracket(u: Scalar, u_low: Scalar, factor: Scalar, term: Scalar) -> Scalar:
    """factor (u + u_low)^2 - term in two words."""
    s, s_low = product(u, u_low, u, u_low)
    s, s_low = product(s, s_low, factor, type(u)(0.0))
    total, lost = two_sum(s, -term)
    return total, lost + s_low


@jitable
def inverse_multiquadric_bend(x: Scalar, epsilon: Scalar = 1.0, center: Scalar = 0.0) -> Scalar:
    """epsilon^2 (2 u^2 - 1) / (1 + u^2)^(5/2), u = epsilon r."""
    zero = type(x)(0.0)
    d, d_low = two_sum(x, -center)
    u, u_low, total, low, unit, _ = one_plus_square(d, d_low, epsilon)
    y, y_low = inverse_root_of(total, low)
    w, w_low = bracket(u, u_low, type(x)(2.0), times(unit, unit))
    w, w_low = product(w, w_low, y, y_low)
    w, w_low = product(w, w_low, y, y_low)
    y, y_low = times(y, unit), times(y_low, unit)
    w, w_low = product(w, w_low, y, y_low)
    y, y_low = product(epsilon, zero, y, y_low)
    w, w_low = product(w, w_low, y, y_low)
    w, w_low = product(w, w_low, y, y_low)
    return zero if abs(x) == type(x)(np.inf) else w + w_low


@jitable
def inverse_multiquadric_epsilon_slope(x: Scalar, epsilon: Scalar, center: Scalar) -> Scalar:
    """-epsilon r^2 / (1 + (epsilon r)^2)^(3/2)."""
    d, d_low = two_sum(x, -center)
    u, u_low, total, low, unit, _ = one_plus_square(d, d_low, epsilon)
    y, y_low = inverse_root_of(total, low)
    w, w_low = product(-u, -u_low, y, y_low)
    y, y_low = times(y, unit), times(y_low, unit)
    w, w_low = product(w, w_low, y, y_low)
    w, w_low = product(w, w_low, d, d_low)
    w, w_low = product(w, w_low, y, y_low)
    return type(x)(0.0) if abs(x) == type(x)(np.inf) else w + w_low


@activation(
    derivative=inverse_multiquadric_slope,
    second=inverse_multiquadric_bend,
    reference=lambda m, x, epsilon, center: 1 / m.sqrt(1 + (epsilon * (x - center)) ** 2),
    numpy=lambda x, epsilon=1.0, center=0.0: 1 / np.sqrt(1 + np.square(epsilon * (x - center))),
    max_ulp=0.9,
    cost=Cost.HEAVY,
    params={"epsilon": EPSILON, "center": CENTER},
    values=(0, 1),
    slopes=(-0.3849001794597505, 0.3849001794597505),
    names=(("inverse_multiquadric", "scipy"),),
    gradients={"epsilon": inverse_multiquadric_epsilon_slope, "center": opposite(inverse_multiquadric_slope)},
    paper=HARDY,
)
def inverse_multiquadric(x: Scalar, epsilon: Scalar = 1.0, center: Scalar = 0.0) -> Scalar:
    """The inverse multiquadric, 1 / sqrt(1 + (epsilon * r)^2) of the distance r = abs(x - center); 0 at both infinities."""
    d, d_low = two_sum(x, -center)
    y = inverse_root_term(d, d_low, epsilon)
    return type(x)(0.0) if abs(x) == type(x)(np.inf) else y


@jitable
def inverse_quadratic_slope(x: Scalar, epsilon: Scalar = 1.0, center: Scalar = 0.0) -> Scalar:
    """-2 epsilon^2 (x - center) / (1 + (epsilon r)^2)^2."""
    zero = type(x)(0.0)
    d, d_low = two_sum(x, -center)
    u, u_low, total, low, unit, _ = one_plus_square(d, d_low, epsilon)
    y, y_low = inverse_of(total, low)
    y, y_low = times(y, unit), times(y_low, unit)
    w, w_low = product(u, u_low, y, y_low)
    one = type(x)(1.0)
    up, down = (unit, one) if unit > one else (one, unit)  # the one before epsilon, the other after it: no word is subnormal
    y, y_low = product(times(type(x)(-2.0), epsilon), zero, times(y, up), times(y_low, up))
    w, w_low = product(w, w_low, times(y, down), times(y_low, down))
    return zero if abs(x) == type(x)(np.inf) else w + w_low


@jitable
def inverse_quadratic_bend(x: Scalar, epsilon: Scalar = 1.0, center: Scalar = 0.0) -> Scalar:
    """epsilon^2 (6 u^2 - 2) / (1 + u^2)^3, u = epsilon r."""
    zero = type(x)(0.0)
    d, d_low = two_sum(x, -center)
    u, u_low, total, low, unit, _ = one_plus_square(d, d_low, epsilon)
    y, y_low = inverse_of(total, low)
    w, w_low = bracket(u, u_low, type(x)(6.0), times(unit + unit, unit))
    w, w_low = product(w, w_low, y, y_low)
    y, y_low = product(epsilon, zero, times(y, unit), times(y_low, unit))
    w, w_low = product(w, w_low, y, y_low)
    w, w_low = product(times(w, unit), times(w_low, unit), y, y_low)
    return zero if abs(x) == type(x)(np.inf) else times(w + w_low, unit)


@jitable
def inverse_quadratic_epsilon_slope(x: Scalar, epsilon: Scalar, center: Scalar) -> Scalar:
    """-2 epsilon r^2 / (1 + (epsilon r)^2)^2."""
    zero = type(x)(0.0)
    d, d_low = two_sum(x, -center)
    u, u_low, total, low, unit, _ = one_plus_square(d, d_low, epsilon)
    y, y_low = inverse_of(total, low)
    y, y_low = times(y, unit), times(y_low, unit)
    w, w_low = product(u, u_low, type(x)(-2.0), zero)
    w, w_low = product(w, w_low, y, y_low)
    w, w_low = product(w, w_low, d, d_low)
    w, w_low = product(w, w_low, times(y, unit), times(y_low, unit))
    return zero if abs(x) == type(x)(np.inf) else w + w_low


@activation(
    derivative=inverse_quadratic_slope,
    second=inverse_quadratic_bend,
    reference=lambda m, x, epsilon, center: 1 / (1 + (epsilon * (x - center)) ** 2),
    numpy=lambda x, epsilon=1.0, center=0.0: 1 / (1 + np.square(epsilon * (x - center))),
    max_ulp=0.9,
    cost=Cost.HEAVY,
    params={"epsilon": EPSILON, "center": CENTER},
    values=(0, 1),
    slopes=(-0.649519052838329, 0.649519052838329),
    names=(("inverse_quadratic", "scipy"),),
    gradients={"epsilon": inverse_quadratic_epsilon_slope, "center": opposite(inverse_quadratic_slope)},
    paper=HARDY,
)
def inverse_quadratic(x: Scalar, epsilon: Scalar = 1.0, center: Scalar = 0.0) -> Scalar:
    """The inverse quadratic, 1 / (1 + (epsilon * r)^2) of the distance r = abs(x - center); 0 at both infinities."""
    d, d_low = two_sum(x, -center)
    y = inverse_square_term(d, d_low, epsilon)
    return type(x)(0.0) if abs(x) == type(x)(np.inf) else y
