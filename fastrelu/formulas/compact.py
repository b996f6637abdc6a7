"""Radial functions that are 0 from some distance on: bump, wendland."""

from __future__ import annotations

import numpy as np

from fastrelu.activation import activation
from fastrelu.formulas.radial import CENTER, bracket, opposite, reach, scaled_square, steep
from fastrelu.thresholds import Cost
from fastrelu.vecmath.error import decay, decayed, small
from fastrelu.vecmath.primitives import Scalar, fma, jitable, times
from fastrelu.vecmath.words import product, quotient, two_sum

WIDTH = "The inverse of the distance from which on the function is 0."


@jitable
def share(d: Scalar, d_low: Scalar, epsilon: Scalar) -> Scalar:
    """abs(epsilon (d + d_low)) in two words, or 2 where it is greater than 2."""
    zero, two = type(d)(0.0), type(d)(2.0)
    u = times(epsilon, d)
    low = fma(epsilon, d_low, fma(epsilon, d, -u))
    far = abs(u) > two
    return two if far else abs(u), zero if far else -low if u < zero else low


@jitable
def bump_exponent(u: Scalar, u_low: Scalar) -> Scalar:
    """u^2 / (1 - u^2) in two words, 1 - u^2 in two words, and whether exp of minus that is 0."""
    zero, one = type(u)(0.0), type(u)(1.0)
    end, _ = reach(u)
    s, s_low = product(u, u_low, u, u_low)
    below, lost = two_sum(one, -s)
    below, below_low = two_sum(below, lost - s_low)
    far = s >= times(end, below)
    below, below_low = one if far else below, zero if far else below_low
    q, q_low = quotient(s, s_low, below, below_low)
    return zero if far else q, zero if far else q_low, below, below_low, far


@jitable
def bump_slope(x: Scalar, epsilon: Scalar = 1.0, center: Scalar = 0.0) -> Scalar:
    """-2 epsilon^2 (x - center) / (1 - (epsilon r)^2)^2 times the bump."""
    d, d_low = two_sum(x, -center)
    q, q_low, below, below_low, far = bump_exponent(*share(d, d_low, epsilon))
    head, rest, scale = decay(q, q_low)
    w, w_low = steep(type(x)(-2.0), epsilon, d, d_low)
    square, square_low = product(below, below_low, below, below_low)
    z, z_low = quotient(w, w_low, square, square_low)
    y = times(decayed(z, z_low, head, rest) * scale, small(x))
    return type(x)(0.0) if far else y


@jitable
def bump_bend(x: Scalar, epsilon: Scalar = 1.0, center: Scalar = 0.0) -> Scalar:
    """2 epsilon^2 (3 s^2 - 1) / (1 - s)^4 times the bump, s = (epsilon r)^2."""
    d, d_low = two_sum(x, -center)
    u, u_low = share(d, d_low, epsilon)
    q, q_low, below, below_low, far = bump_exponent(u, u_low)
    head, rest, scale = decay(q, q_low)
    s, s_low = product(u, u_low, u, u_low)
    w, w_low = bracket(s, s_low, type(x)(3.0), type(x)(1.0))
    w, w_low = steep(type(x)(2.0), epsilon, w, w_low)
    square, square_low = product(below, below_low, below, below_low)
    fourth, fourth_low = product(square, square_low, square, square_low)
    z, z_low = quotient(w, w_low, fourth, fourth_low)
    y = times(decayed(z, z_low, head, rest) * scale, small(x))
    return type(x)(0.0) if far else y


@jitable
def bump_epsilon_slope(x: Scalar, epsilon: Scalar, center: Scalar) -> Scalar:
    """-2 epsilon r^2 / (1 - (epsilon r)^2)^2 times the bump."""
    d, d_low = two_sum(x, -center)
    q, q_low, below, below_low, far = bump_exponent(*share(d, d_low, epsilon))
    head, rest, scale = decay(q, q_low)
    w, w_low = scaled_square(type(x)(-2.0), epsilon, d, d_low)
    square, square_low = product(below, below_low, below, below_low)
    z, z_low = quotient(w, w_low, square, square_low)
    y = times(decayed(z, z_low, head, rest) * scale, small(x))
    return type(x)(0.0) if far else y


@activation(
    derivative=bump_slope,
    second=bump_bend,
    reference=lambda m, x, epsilon, center: (
        m.exp(1 - 1 / (1 - (epsilon * (x - center)) ** 2)) if abs(epsilon * (x - center)) < 1 else m.mpf(0)
    ),
    numpy=lambda x, epsilon=1.0, center=0.0: np.exp(
        1 - 1 / np.maximum(1 - np.square(epsilon * (x - center)), np.finfo(np.float64).tiny)
    ),
    max_ulp=1.0,
    cost=Cost.HEAVY,
    params={"epsilon": WIDTH, "center": CENTER},
    values=(0, 1),
    slopes=(-2.1703570857103385, 2.1703570857103385),
    gradients={"epsilon": bump_epsilon_slope, "center": opposite(bump_slope)},
    paper="Wiener & Paley (1934); Friedrichs, Transactions of the AMS 55 (1944)",
)
def bump(x: Scalar, epsilon: Scalar = 1.0, center: Scalar = 0.0) -> Scalar:
    """The bump, exp(1 - 1 / (1 - (epsilon * r)^2)) where epsilon * r < 1, else 0; r = abs(x - center); 1 at the center."""
    zero, one = type(x)(0.0), type(x)(1.0)
    d, d_low = two_sum(x, -center)
    q, q_low, _, _, far = bump_exponent(*share(d, d_low, epsilon))
    head, rest, scale = decay(q, q_low)
    y = times(decayed(one, zero, head, rest) * scale, small(x))
    return zero if far else y


@jitable
def remainder(u: Scalar, u_low: Scalar) -> Scalar:
    """1 - u in two words, times 2^16: its fourth power is not subnormal next to u = 1."""
    unit = type(u)(2.0**16)
    t, t_low = two_sum(type(u)(1.0), -u)
    t, t_low = two_sum(t, t_low - u_low)
    return times(t, unit), times(t_low, unit)


@jitable
def wendland_slope(x: Scalar, epsilon: Scalar = 1.0, center: Scalar = 0.0) -> Scalar:
    """-20 epsilon^2 (x - center) (1 - epsilon r)^3 where epsilon r < 1, else 0."""
    d, d_low = two_sum(x, -center)
    t, t_low = remainder(*share(d, d_low, epsilon))
    w, w_low = steep(type(x)(-20.0), epsilon, d, d_low)
    square, square_low = product(t, t_low, t, t_low)
    cube, cube_low = product(square, square_low, t, t_low)
    y, y_low = product(w, w_low, cube, cube_low)
    return type(x)(0.0) if t <= type(x)(0.0) else times(y + y_low, type(x)(2.0**-48))


@jitable
def wendland_bend(x: Scalar, epsilon: Scalar = 1.0, center: Scalar = 0.0) -> Scalar:
    """20 epsilon^2 (4 s - 1) (1 - s)^2 where s = epsilon r < 1, else 0."""
    four = type(x)(4.0)
    d, d_low = two_sum(x, -center)
    u, u_low = share(d, d_low, epsilon)
    t, t_low = remainder(u, u_low)
    line, line_low = two_sum(times(four, u), type(x)(-1.0))
    w, w_low = steep(type(x)(20.0), epsilon, line, fma(four, u_low, line_low))
    square, square_low = product(t, t_low, t, t_low)
    y, y_low = product(w, w_low, square, square_low)
    return type(x)(0.0) if t <= type(x)(0.0) else times(y + y_low, type(x)(2.0**-32))


@jitable
def wendland_epsilon_slope(x: Scalar, epsilon: Scalar, center: Scalar) -> Scalar:
    """-20 epsilon r^2 (1 - epsilon r)^3 where epsilon r < 1, else 0."""
    d, d_low = two_sum(x, -center)
    t, t_low = remainder(*share(d, d_low, epsilon))
    w, w_low = scaled_square(type(x)(-20.0), epsilon, d, d_low)
    square, square_low = product(t, t_low, t, t_low)
    cube, cube_low = product(square, square_low, t, t_low)
    y, y_low = product(w, w_low, cube, cube_low)
    return type(x)(0.0) if t <= type(x)(0.0) else times(y + y_low, type(x)(2.0**-48))


@activation(
    derivative=wendland_slope,
    second=wendland_bend,
    reference=lambda m, x, epsilon, center: (
        max(1 - abs(epsilon * (x - center)), m.mpf(0)) ** 4 * (4 * abs(epsilon * (x - center)) + 1)
    ),
    numpy=lambda x, epsilon=1.0, center=0.0: (
        np.maximum(1 - np.abs(epsilon * (x - center)), 0) ** 4 * (4 * np.abs(epsilon * (x - center)) + 1)
    ),
    max_ulp=0.75,
    cost=Cost.HEAVY,
    params={"epsilon": WIDTH, "center": CENTER},
    values=(0, 1),
    slopes=(-2.109375, 2.109375),
    gradients={"epsilon": wendland_epsilon_slope, "center": opposite(wendland_slope)},
    paper="Wendland, Advances in Computational Mathematics 4 (1995)",
)
def wendland(x: Scalar, epsilon: Scalar = 1.0, center: Scalar = 0.0) -> Scalar:
    """Wendland's C2 function, (1 - s)^4 (4 s + 1) where s = epsilon * abs(x - center) < 1, else 0."""
    kind = type(x)
    d, d_low = two_sum(x, -center)
    u, u_low = share(d, d_low, epsilon)
    t, t_low = remainder(u, u_low)
    square, square_low = product(t, t_low, t, t_low)
    fourth, fourth_low = product(square, square_low, square, square_low)
    line, line_low = two_sum(times(kind(4.0), u), kind(1.0))
    y, y_low = product(fourth, fourth_low, line, fma(kind(4.0), u_low, line_low))
    return kind(0.0) if t <= kind(0.0) else times(y + y_low, kind(2.0**-64))
