"""References in another form, for functions whose own expression cancels in finite precision.

By the name of the function: an expression of its value and one of its derivative, where None takes the record's expression or
its automatic derivative. mpmath checks them, like all others, against the record's expression.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

Expression = Callable[..., Any]

# 2 k / (2 k + 1)!: x cosh(x) - sinh(x) is the sum of them times x^(2 k + 1), and x cos(x) - sin(x) that with alternating signs
_TERMS = [math.factorial(2 * k + 1) // (2 * k) for k in range(1, 15)]


def _series(m: Any, x: Any, sign: int) -> Any:
    result = 0.0
    for k, divisor in reversed(list(enumerate(_TERMS, 1))):
        result = result * (x * x) + sign**k * (m.mpf(1) / m.mpf(str(divisor)))
    return result


def _root(m: Any, x: Any) -> Any:
    return m.sqrt(x * x + 1)


STABLE: dict[str, tuple[Expression | None, Expression | None]] = {
    "softsign": (None, lambda m, x: 1 / (1 + abs(x)) ** 2),
    "squareplus": (
        lambda m, x, b: (x + m.sqrt(x * x + b)) / 2 if x >= 0 else b / (2 * (m.sqrt(x * x + b) - x)),
        None,
    ),
    "bent_identity": (lambda m, x: x * x / (_root(m, x) + 1) / 2 + x, None),
    "isru": (None, lambda m, x, alpha: 1 / ((1 + alpha * x * x) * m.sqrt(1 + alpha * x * x))),
    "isrlu": (None, lambda m, x, alpha: m.mpf(1) if x >= 0 else 1 / ((1 + alpha * x * x) * m.sqrt(1 + alpha * x * x))),
    "tanhshrink": (
        lambda m, x: x * x * x * _series(m, x, 1) / m.cosh(x) if abs(x) < 1 else x - m.tanh(x),
        lambda m, x: m.tanh(x) ** 2,
    ),
    "logcosh": (
        lambda m, x: (
            m.log1p(2 * m.sinh(x / 2) ** 2)
            if abs(x) < 1
            else abs(x) + m.log1p(m.exp(-2 * abs(x))) - m.mpf("0.693147180559945309417232121458176568")
        ),
        lambda m, x: m.tanh(x),
    ),
    "log1mexp": (
        lambda m, x: m.log1p(-m.exp(-x)) if x > 0.7 else m.log(-m.expm1(-x)) if x > 0 else m.nan if x < 0 else m.ninf,
        None,
    ),
    "exponential": (None, lambda m, x: m.exp(x)),
    "sinc": (None, lambda m, x: x * _series(m, x, -1) if abs(x) < 1 else (m.cos(x) - m.sin(x) / x) / x),
    "snake": (None, lambda m, x, a: (m.sin(a * x) + m.cos(a * x)) ** 2),
    "gaussian": (
        lambda m, x, epsilon, center: m.bell(epsilon * (x - center)),
        None,
    ),
    "wendland": (
        None,
        lambda m, x, epsilon, center: (
            -20 * epsilon * epsilon * (x - center) * (1 - abs(epsilon * (x - center))) ** 3
            if abs(epsilon * (x - center)) < 1
            else m.mpf(0)
        ),
    ),
    "smht": (
        lambda m, x, a, b, c, d: (m.expm1(a * x) - m.expm1(-b * x)) / (m.exp(c * x) + m.exp(-d * x)),
        lambda m, x, a, b, c, d: (
            (
                (a - c) * m.exp((a + c) * x)
                + (a + d) * m.exp((a - d) * x)
                + (b + c) * m.exp((c - b) * x)
                + (b - d) * m.exp(-(b + d) * x)
            )
            / (m.exp(c * x) + m.exp(-d * x)) ** 2
        ),
    ),
    "gelu": (lambda m, x: x * m.ncdf(x), None),
    "phish": (lambda m, x: x * m.tanh(x * m.ncdf(x)), None),
}
