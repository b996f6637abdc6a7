"""The functions compared, and how each library writes them: the only list of their names in the benchmark.

Texts are Python expressions of x, grad and y, with the library's own names. ``{name}`` is the function's name, ``{out}`` is
where ``, out=out`` goes: a text without it has no way to write into an array. ``s = ...; grad * s`` names a part.
"""

from __future__ import annotations

from dataclasses import dataclass

SQRT_HALF = 0.5**0.5
DENSITY = 0.3989422804014327  # 1 / sqrt(2 pi)


@dataclass(frozen=True)
class Function:
    """How the libraries write one function.

    Attributes
    ----------
    expression
        The function, for numexpr.
    numpy
        NumPy's single ufunc, where it has one; else its expression is that of fastrelu's registry.
    backward
        grad * f'(x), for NumPy and numexpr.
    from_output
        grad * f'(x) from y = f(x), for NumPy, numexpr and JAX, where torch computes it so.
    scipy, scipy_backward
        With the functions of scipy.special; empty where it has none that helps.
    torch, torch_out
        Fresh and into ``out``.
    aten
        torch's backward function, without ``_backward``.
    aten_operands
        What it takes after grad, from the input.
    jax
        The function; its backward pass is jax.vjp's.
    """

    expression: str
    backward: str
    from_output: str = ""
    numpy: str = ""
    scipy: str = ""
    scipy_backward: str = ""
    torch: str = "{name}(x)"
    torch_out: str = "{name}(x, out=out)"
    aten: str = "{name}"
    aten_operands: str = "x"
    jax: str = "{name}(x)"


FUNCTIONS = {
    "relu": Function(
        "where(x > 0, x, 0)",  # its maximum computes in float64
        backward="where(x > 0, grad, 0)",
        numpy="maximum(x, 0{out})",
        torch_out="clamp_min(x, 0, out=out)",  # relu.out computes into a temporary array and copies it
        aten="threshold",
        aten_operands="x, 0",
    ),
    "sigmoid": Function(
        "1 / (1 + exp(-x))",
        backward="s = 1 / (1 + exp(-x)); grad * s * (1 - s)",
        from_output="grad * y * (1 - y)",
        scipy="expit(x{out})",
        scipy_backward="s = expit(x); grad * s * (1 - s)",
        aten_operands="{name}(x{out})",
    ),
    "tanh": Function(
        "{name}(x)",
        backward="t = tanh(x); grad * (1 - t * t)",
        from_output="grad * (1 - y * y)",
        numpy="{name}(x{out})",
        aten_operands="{name}(x{out})",
    ),
    "gelu": Function(
        "",  # numexpr has no erf
        backward=f"grad * ((1 + erf(x * {SQRT_HALF})) / 2 + x * exp(-x * x / 2) * {DENSITY})",
        scipy="x * ndtr(x)",
        scipy_backward=f"grad * (ndtr(x) + x * exp(-x * x / 2) * {DENSITY})",
        jax="{name}(x, approximate=False)",
    ),
    "silu": Function(
        "x / (1 + exp(-x))",
        backward="s = 1 / (1 + exp(-x)); grad * s * (1 + x * (1 - s))",
        scipy="x * expit(x)",
        scipy_backward="s = expit(x); grad * s * (1 + x * (1 - s))",
    ),
    "softplus": Function(
        "where(x > 0, x, 0) + log1p(exp(-abs(x)))",
        backward="grad / (1 + exp(-x))",
        scipy="{name}(x{out})",
        scipy_backward="grad * expit(x)",
        aten_operands="x, 1, 20",
    ),
    "elu": Function(
        "where(x > 0, x, expm1(x))",
        backward="grad * where(x > 0, 1, exp(x))",
        aten_operands="1, 1, 1, False, x",
    ),
    "mish": Function(
        "x * tanh(log1p(exp(x)))",
        backward="s = 1 / (1 + exp(-x)); t = tanh(log1p(exp(x))); grad * (t + x * s * (1 - t * t))",
        scipy="x * tanh(softplus(x))",
        scipy_backward="s = expit(x); t = tanh(softplus(x)); grad * (t + x * s * (1 - t * t))",
    ),
}
