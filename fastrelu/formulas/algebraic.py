"""Functions made of quotients and square roots: softsign, squareplus, bent_identity, isru, isrlu.

A square would overflow for half of all exponents. Beyond FAR the root of 1 + x^2 is x to the last bit, and x is cut there or
takes the root's place.
"""

from __future__ import annotations

import math

import numpy as np

from fastrelu.activation import activation
from fastrelu.vecmath.error import small
from fastrelu.vecmath.primitives import Scalar, fma, jitable, sqrt, times
from fastrelu.vecmath.radii import inverse_root_of
from fastrelu.vecmath.words import product, quotient, root_of, square_plus, sum_error

FAR = 2.0**32  # the root is larger than x by one part in 2^65


@jitable
def softsign_slope(x: Scalar) -> Scalar:
    """1 / (1 + abs(x))^2."""
    one, a = type(x)(1.0), abs(x)
    d = one + a
    y = one / d
    square = y * y
    rest = fma(-y, d, one) - times(y, sum_error(one, a, d))
    z = fma(square, rest + rest, square)
    return square if a == type(x)(math.inf) else z


@jitable
def softsign_bend(x: Scalar) -> Scalar:
    """-2 / (1 + x)^3 if x > 0 else 2 / (1 - x)^3."""
    zero, one, two, a = type(x)(0.0), type(x)(1.0), type(x)(2.0), abs(x)
    d = one + a
    y = one / d
    rest = fma(-y, d, one) - times(y, sum_error(one, a, d))
    cube = two * y * y * y
    z = cube if a == type(x)(math.inf) else fma(cube, type(x)(3.0) * rest, cube)
    return -z if x > zero else z


@activation(
    derivative=softsign_slope,
    second=softsign_bend,
    reference=lambda m, x: x / (1 + abs(x)),
    numpy=lambda x: x / (1 + np.abs(x)),
    max_ulp=0.51,
    values=(-1, 1),
    slopes=(0, 1),
    names=(
        ("softsign", "torch keras keras2 tf nnlib mlx"),
        ("soft_sign", "jax"),
        ("Softsign", "onnx"),
    ),
    paper="Bergstra, Desjardins, Lamblin & Bengio (2009); Glorot & Bengio, AISTATS 2010",
)
def softsign(x: Scalar) -> Scalar:
    """The soft sign, x / (1 + abs(x)); -1 and 1 at the infinities."""
    one, most = type(x)(1.0), type(x)(2.0**64)  # from there on it is 1
    x = most if x > most else -most if x < -most else x
    d = one + abs(x)
    y = one / d
    z = times(x, y)
    return fma(-fma(z, sum_error(one, abs(x), d), fma(z, d, -x)), y, z)


@jitable
def squareplus_slope(x: Scalar, b: Scalar = 4.0) -> Scalar:
    """(1 + x / r) / 2 with r = sqrt(x^2 + b): b / (2 r (r + a)) for negative x, a = abs(x); 1 minus it for positive x."""
    zero, one, half = type(x)(0.0), type(x)(1.0), type(x)(0.5)
    a = abs(x)
    end = type(x)(FAR) * (one + sqrt(b))
    far = a > end
    s, s_low = square_plus(end if far else a, b)
    r, r_low, _ = root_of(s, s_low)
    r, r_low = (a if far else r), (zero if far else r_low)
    t = a + r
    t_low = zero if far else sum_error(a, r, t) + r_low
    # the product does not overflow before the slope is 0
    scale = small(x) if far else one
    r, r_low = r * scale, r_low * scale
    d = times(r, t)
    d_low = fma(r, t_low, fma(t, r_low, fma(r, t, -d)))
    y = one / d
    q = half * b * y
    tail = times(fma(q, fma(-y, d, one) - times(y, d_low), q), scale)
    tail = zero if (d == type(x)(math.inf)) | (d == zero) else tail
    return one - tail if x > zero else tail


@jitable
def squareplus_bend(x: Scalar, b: Scalar = 4.0) -> Scalar:
    """b / (2 (x^2 + b)^(3/2)); 0 for b = 0."""
    zero = type(x)(0.0)
    s, s_low = square_plus(abs(x), b)
    y, y_low = inverse_root_of(s, s_low)
    w, w_low = product(type(x)(0.5) * b, zero, y, y_low)
    w, w_low = product(w, w_low, y, y_low)
    w, w_low = product(w, w_low, y, y_low)
    return zero if (s == zero) | (s == type(x)(math.inf)) else w + w_low


@jitable
def squareplus_b_slope(x: Scalar, b: Scalar) -> Scalar:
    """1 / (4 sqrt(x^2 + b)); infinite at 0 if b is 0."""
    one, quarter = type(x)(1.0), type(x)(0.25)
    a = abs(x)
    end = type(x)(FAR) * (one + sqrt(b))
    far = (a > end) | (b == type(x)(0.0))
    s, s_low = square_plus(one if far else a, b)
    r, r_low, y = root_of(s, s_low)
    y = fma(fma(-y, r_low, fma(-y, r, one)), y, y)
    return quarter / a if far else quarter * y


@activation(
    derivative=squareplus_slope,
    second=squareplus_bend,
    reference=lambda m, x, b: (x + m.sqrt(x * x + b)) / 2,
    numpy=lambda x, b=4.0: (x + np.sqrt(np.square(x) + b)) / 2,
    max_ulp=0.75,
    params={"b": "How smooth the bend is, at least 0: the value at 0 is sqrt(b) / 2; 0 makes it a ReLU."},
    values=(0, None),
    slopes=(0, 1),
    names=(("squareplus", "jax keras"),),
    gradients={"b": squareplus_b_slope},
    paper="Barron, Squareplus: a softplus-like algebraic rectifier (2021)",
)
def squareplus(x: Scalar, b: Scalar = 4.0) -> Scalar:
    """The algebraic softplus, (x + sqrt(x^2 + b)) / 2."""
    zero, one, half = type(x)(0.0), type(x)(1.0), type(x)(0.5)
    a = abs(x)
    end = type(x)(FAR) * (one + sqrt(b))
    far = a > end
    a = end if far else a
    s, s_low = square_plus(a, b)
    r = sqrt(s)
    t = a + r
    # one quotient for 1 / r and 1 / t; far out t / 2 is abs(x)
    y = one / (abs(x) if far else r * t)
    low = times(fma(-r, r, s) + s_low, half * y * t) + sum_error(a, r, t)
    low = low if (low == low) & (not far) else zero
    inverse = y if far else r * y
    d = abs(x) if far else t
    # b / 2 / (r + a): nothing cancels in it where x is negative
    top = (half * half if far else half) * b
    q = top * inverse
    tail = fma(-fma(q, low, fma(q, d, -top)), inverse, q) if d < type(x)(math.inf) else q
    tail = tail if d != zero else zero
    return (x if far else fma(half, t, half * low)) if x >= zero else tail


@jitable
def bent_identity_slope(x: Scalar) -> Scalar:
    """1 + x / (2 sqrt(x^2 + 1))."""
    one, most = type(x)(1.0), type(x)(FAR)
    x = most if x > most else -most if x < -most else x
    return fma(x, type(x)(0.5) / sqrt(fma(x, x, one)), one)


@jitable
def bent_identity_bend(x: Scalar) -> Scalar:
    """1 / (2 (x^2 + 1)^(3/2))."""
    return type(x)(0.5) * isru_slope(x, type(x)(1.0))


@activation(
    derivative=bent_identity_slope,
    second=bent_identity_bend,
    reference=lambda m, x: (m.sqrt(x * x + 1) - 1) / 2 + x,
    numpy=lambda x: (np.sqrt(np.square(x) + 1) - 1) / 2 + x,
    max_ulp=0.51,
    values=(None, None),
    slopes=(0.5, 1.5),
)
def bent_identity(x: Scalar) -> Scalar:
    """The bent identity, (sqrt(x^2 + 1) - 1) / 2 + x."""
    zero, one, half = type(x)(0.0), type(x)(1.0), type(x)(0.5)
    a = abs(x)
    far = a > type(x)(FAR)
    s, s_low = square_plus(type(x)(FAR) if far else a, one)
    r, r_low, _ = root_of(s, s_low)
    r, r_low = (a if far else r), (zero if far else r_low)
    d = r - one
    d_low = sum_error(r, -one, d) + r_low
    rise = times(half, d)
    y = x + rise
    z = y + fma(half, d_low, sum_error(x, rise, y))
    return z if abs(y) < type(x)(math.inf) else x + x


@jitable
def one_plus(x: Scalar, alpha: Scalar) -> Scalar:
    """1 + alpha x^2 in two words."""
    one = type(x)(1.0)
    part = alpha * x
    part_low = fma(alpha, x, -part)
    square = times(part, x)
    s = one + square
    return s, sum_error(one, square, s) + fma(part_low, x, fma(part, x, -square))


@jitable
def over_root(x: Scalar, alpha: Scalar) -> Scalar:
    """x / sqrt(1 + alpha x^2)."""
    most = type(x)(FAR) / sqrt(alpha)
    x = most if x > most else -most if x < -most else x
    s, s_low = one_plus(x, alpha)
    r, r_low, y = root_of(s, s_low)
    z = times(x, y)
    return fma(-fma(z, r_low, fma(z, r, -x)), y, z)


@jitable
def isru_slope(x: Scalar, alpha: Scalar = 1.0) -> Scalar:
    """(1 + alpha x^2)^(-3/2)."""
    one = type(x)(1.0)
    s, s_low = one_plus(x, alpha)
    r, r_low, y = root_of(s, s_low)
    square = y * y
    cube = times(square, y)
    low = fma(fma(y, y, -square), y, fma(square, y, -cube))
    z = cube + fma(type(x)(3.0) * cube, fma(-y, r, one) - times(y, r_low), low)
    return type(x)(0.0) if s == type(x)(math.inf) else z


@jitable
def isru_bend(x: Scalar, alpha: Scalar = 1.0) -> Scalar:
    """-3 alpha x (1 + alpha x^2)^(-5/2)."""
    zero = type(x)(0.0)
    s, s_low = one_plus(x, alpha)
    y, y_low = inverse_root_of(s, s_low)
    square, square_low = product(y, y_low, y, y_low)
    w, w_low = product(x, zero, y, y_low)
    w, w_low = product(w, w_low, type(x)(-3.0) * alpha, zero)
    w, w_low = product(w, w_low, square, square_low)
    w, w_low = product(w, w_low, square, square_low)
    return zero if s == type(x)(math.inf) else w + w_low


@jitable
def isru_alpha_slope(x: Scalar, alpha: Scalar) -> Scalar:
    """-(x / sqrt(1 + alpha x^2))^3 / 2."""
    most = type(x)(FAR) / sqrt(alpha)
    x = most if x > most else -most if x < -most else x
    s, s_low = one_plus(x, alpha)
    r, r_low, _ = root_of(s, s_low)
    y, y_low = quotient(x, type(x)(0.0), r, r_low)
    square, square_low = product(y, y_low, y, y_low)
    cube, cube_low = product(square, square_low, y, y_low)
    return type(x)(-0.5) * (cube + cube_low if abs(cube) < type(x)(math.inf) else cube)


@activation(
    derivative=isru_slope,
    second=isru_bend,
    reference=lambda m, x, alpha: x / m.sqrt(1 + alpha * x * x),
    numpy=lambda x, alpha=1.0: x / np.sqrt(1 + alpha * np.square(x)),
    max_ulp=0.51,
    params={"alpha": "Positive; the limits are -1 / sqrt(alpha) and 1 / sqrt(alpha)."},
    values=(-1, 1),
    slopes=(0, 1),
    gradients={"alpha": isru_alpha_slope},
    paper="Carlile et al., Improving deep learning by inverse square root linear units (2017)",
)
def isru(x: Scalar, alpha: Scalar = 1.0) -> Scalar:
    """The inverse square root unit, x / sqrt(1 + alpha x^2)."""
    return over_root(x, alpha)


@jitable
def isrlu_slope(x: Scalar, alpha: Scalar = 1.0) -> Scalar:
    """1 if x >= 0 else (1 + alpha x^2)^(-3/2)."""
    steep = isru_slope(x, alpha)
    return type(x)(1.0) if x >= type(x)(0.0) else steep


@jitable
def isrlu_bend(x: Scalar, alpha: Scalar = 1.0) -> Scalar:
    """0 if x >= 0 else -3 alpha x (1 + alpha x^2)^(-5/2)."""
    y = isru_bend(x, alpha)
    return type(x)(0.0) if x >= type(x)(0.0) else y


@jitable
def isrlu_alpha_slope(x: Scalar, alpha: Scalar) -> Scalar:
    """0 if x >= 0 else -(x / sqrt(1 + alpha x^2))^3 / 2."""
    y = isru_alpha_slope(x, alpha)
    return type(x)(0.0) if x >= type(x)(0.0) else y


@activation(
    derivative=isrlu_slope,
    second=isrlu_bend,
    reference=lambda m, x, alpha: x if x >= 0 else x / m.sqrt(1 + alpha * x * x),
    numpy=lambda x, alpha=1.0: np.where(x >= 0, x, x / np.sqrt(1 + alpha * np.square(x))),
    max_ulp=0.51,
    params={"alpha": "Positive; the limit at -inf is -1 / sqrt(alpha)."},
    values=(-1, None),
    slopes=(0, 1),
    gradients={"alpha": isrlu_alpha_slope},
    paper="Carlile et al., Improving deep learning by inverse square root linear units (2017)",
)
def isrlu(x: Scalar, alpha: Scalar = 1.0) -> Scalar:
    """The inverse square root linear unit, x if x >= 0 else x / sqrt(1 + alpha x^2)."""
    y = over_root(x, alpha)
    return x if x >= type(x)(0.0) else y
