"""What every record of the registry has to hold, so that a new one is tested the day it is written."""

import ast
import inspect
import textwrap
from types import FunctionType

import numpy as np
import pytest
from grid import ACTIVATIONS, ELEMENTWISE, FOLDS, GRADIENTS, REPRESENTATIVES, each, each_representative, same_bits, specials
from numba import njit

import fastrelu as fr
from fastrelu import vecmath
from fastrelu.docstrings import SIDES

EVERYTHING = {**ELEMENTWISE, **FOLDS, **{f"{name}.backward": function.backward for name, function in FOLDS.items()}}


VARIANTS = [chosen for function in ACTIVATIONS.values() for choices in function.options.values() for chosen in choices.values()]
PUBLIC = {name: function for name, function in fr.registry.items() if function not in VARIANTS or function.options}


@each(PUBLIC)
def test_public_name(function):
    name = function.dotted_name
    assert fr.registry[name] is function
    assert name in fr.__all__
    assert getattr(fr, name) is function


def test_all_is_sorted_and_complete():
    assert sorted(fr.__all__) == list(fr.__all__)
    assert set(PUBLIC) <= set(fr.__all__)
    for name in fr.__all__:
        assert hasattr(fr, name)


@each(ACTIVATIONS)
def test_has_derivative_and_backward(function):
    assert isinstance(function.derivative, fr.Elementwise)
    assert function.derivative.arrays == function.arrays
    assert function.derivative.params == function.params
    for key, part in getattr(function.backward, "parts", {"x": function.backward}).items():
        assert part.arrays == ("grad", *function.arrays)
        assert key in function.arrays
    if len(function.arrays) > 1:
        assert tuple(function.backward.parts) == function.arrays


@each(ACTIVATIONS)
def test_states_an_accuracy_within_the_conventions(function):
    assert 0 <= function.max_ulp <= 2


@each(FOLDS)
def test_fold_has_backward(function):
    assert isinstance(function.backward, fr.Fold)


@each(EVERYTHING)
def test_docstring(function):
    text = inspect.getdoc(function)
    assert text.splitlines()[0].strip()
    assert len(text.splitlines()[0]) < 200
    for section in ("Parameters", "Returns", "Raises"):
        assert f"\n{section}\n{'-' * len(section)}\n" in text
    for name in (*function.arrays, *getattr(function, "params", ()), "out"):
        assert f"\n{name} : " in text


@each(ELEMENTWISE)
def test_options_are_documented(function):
    for option in function.options:
        assert f"\n{option} : " in inspect.getdoc(function)


@each(ACTIVATIONS)
def test_kink_is_documented(function):
    kinks = function.kinks(*function.params.values())
    text = inspect.getdoc(function.derivative)
    assert ("at x = " in text) == bool(kinks)
    for point, side in kinks.items():
        assert f"at x = {point:g} {SIDES[side]}" in text


@each({**REPRESENTATIVES, **FOLDS, **{f"{name}.backward": function.backward for name, function in FOLDS.items()}}, ELEMENTWISE)
def test_no_floating_point_warnings(function):
    """NumPy warns by flags that vector code raises even in lanes that are thrown away: the kernels' loops drop them."""
    pooled = getattr(function, "pooled", False)
    pool = {"pool_size": 2} if pooled else {}
    for dtype in ("float16", "float32", "float64"):
        values = np.resize(specials(dtype), 402)
        arrays = [np.roll(values, 7 * k) for k in range(len(function.arrays))]
        for change in (np.asarray, lambda array: array[::3], lambda array: np.resize(array, 300_000)):
            operands = [change(array) for array in arrays]
            if pooled and len(operands) == 2:
                operands[0] = operands[0][::2]  # a gradient for each group
            with np.errstate(all="raise"):
                function(*operands, **pool)
        if isinstance(function, fr.Elementwise):
            with np.errstate(all="raise"):
                function(*(array[3] for array in arrays))


def sources(formula, seen):
    """The source of a formula and of every function of ours that it reaches."""
    formula = getattr(formula, "__wrapped__", formula)
    if not isinstance(formula, FunctionType) or formula in seen or not formula.__module__.startswith("fastrelu."):
        return
    if formula.__module__ == "fastrelu.vecmath.primitives":
        return  # fma in plain Python is made of fractions; compiled, it is one instruction
    tree = ast.parse(textwrap.dedent(inspect.getsource(formula)))
    if isinstance(tree.body[0], ast.FunctionDef):
        tree.body[0].decorator_list = []  # the record's reference and the NumPy expression
    seen[formula] = tree
    for cell in formula.__closure__ or ():
        sources(cell.cell_contents, seen)
    for name in formula.__code__.co_names:
        value = formula.__globals__.get(name)
        if value is None or isinstance(value, fr.Elementwise):  # vecmath.tanh, where tanh itself is the activation
            value = getattr(vecmath, name, None)
        sources(value, seen)


@each({**ELEMENTWISE, **GRADIENTS})
def test_formula_calls_no_library(function):
    """No math.exp, no np.exp: they are scalar calls, and have other bits on every platform."""
    seen = {}
    sources(function.formula, seen)
    assert seen
    allowed = {"float32", "float64", "int32", "int64", "uint32", "uint64"}
    for formula, tree in seen.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in ("math", "np", "numpy"):
                in_signature = node.attr in ("inf", "pi", "e")
                assert in_signature or node.attr in allowed, f"{formula.__name__} uses {node.value.id}.{node.attr}"
            if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow) and not isinstance(node.left, ast.Constant):
                raise AssertionError(f"{formula.__name__} uses **")
            assert not isinstance(node, (ast.For, ast.While, ast.If, ast.Try)), f"{formula.__name__} branches"


@each({**ELEMENTWISE, **GRADIENTS})
def test_no_product_feeds_a_sum(function):
    """NVVM would contract a * b + c into one fma, and the GPU's bits would differ."""
    seen = {}
    sources(function.formula, seen)
    for formula, tree in seen.items():
        products = {
            target.id
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.BinOp) and isinstance(node.value.op, ast.Mult)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub)):
                for side in (node.left, node.right):
                    bare = isinstance(side, ast.BinOp) and isinstance(side.op, ast.Mult)
                    named = isinstance(side, ast.Name) and side.id in products
                    assert not bare and not named, f"{formula.__name__}: {ast.unparse(node)}"


@pytest.fixture
def own(own_registry):
    """A user's activation."""

    def slope(x, width=2.0):
        return type(x)(1) / width if abs(x) < width else type(x)(0) if x == x else x

    @fr.activation(
        derivative=slope,
        reference=lambda m, x, width: max(-1, min(1, x / width)),
        numpy=lambda x, width=2.0: np.clip(x / width, -1, 1),
        kinks=lambda width: {-width: "left", width: "right"},
        max_ulp=0.5,
        params={"width": "Where it saturates."},
    )
    def ramp(x, width=2.0):
        """x / width between -1 and 1."""
        y = x / width
        one = type(x)(1)
        return one if y > one else -one if y < -one else y

    return ramp


class TestOwnActivation:
    """A user's formula joins by the same door."""

    def test_everything_follows(self, own):
        x = np.linspace(-5, 5, 101)
        assert isinstance(own.ufunc, np.ufunc)
        assert own.ufunc.nin == 2
        same_bits(own(x), np.clip(x / 2, -1, 1))
        same_bits(own(x.astype(np.float32), width=4), np.clip(x.astype(np.float32) / 4, -1, 1))
        same_bits(own.derivative(x), np.where(np.abs(x) < 2, 0.5, 0.0))
        same_bits(own.backward(x, x), np.where(np.abs(x) < 2, 0.5 * x, 0.0))
        same_bits(own(np.resize(x, 300_000)), np.resize(own(x), 300_000))
        same_bits(own(x, where=x > 0), np.where(x > 0, own(x), 0))
        assert np.isnan(own(np.nan)) and np.isnan(own.derivative(np.nan))
        assert own.formula(np.float32(1)) == np.float32(0.5)
        assert fr.registry["ramp"] is own
        assert "width : float, default 2.0\n" in own.__doc__
        assert "at x = -2 the value from the left; at x = 2 the value from the right" in own.derivative.__doc__
        assert str(inspect.signature(own)) == "(x, width=2.0, *, out=None, where=True, device=None)"
        with pytest.raises(TypeError, match=r"^ramp: x must be a real array, got complex128$"):
            own(1j)
        with pytest.raises(ValueError, match=r"^ramp.backward: from_output=True is not valid"):
            own.backward(x, x, from_output=True)

    def test_compiled(self, own):
        steep = own.derivative

        @njit
        def use(v):
            return own(v, width=4.0) + steep(v)

        assert use(1.0) == 0.75
        same_bits(use(np.array([1.0, -9.0])), np.array([0.75, -1.0]))

    def test_formula_of_numba(self, own_registry):
        """What a user has compiled already is a formula, too."""

        @fr.activation(derivative=lambda x: type(x)(2), reference=None, numpy=None, max_ulp=1)
        @njit
        def doubled(x):
            """2 x."""
            return x + x

        assert doubled(3.0) == 6
        assert fr.relu(-1.0) == 0

    def test_formula_that_calls_another(self, own_registry):
        @fr.activation(derivative=lambda x: x, reference=None, numpy=None, max_ulp=2)
        def twice(x):
            """tanh(tanh(x))."""
            return vecmath.tanh(vecmath.tanh(x))

        x = np.linspace(-3, 3, 50)
        same_bits(twice(x), fr.tanh(fr.tanh(x)))
        same_bits(twice.derivative(x), x)


@each_representative
def test_ufunc(function):
    ufunc = function.ufunc
    assert isinstance(ufunc, np.ufunc)
    assert (ufunc.nin, ufunc.nout) == (len(function.arrays) + len(function.params), 1)
    assert ufunc.__name__ == function.dotted_name
    assert {(kinds[0], kinds[-1]) for kinds in ufunc.types} == {(dtype.char, dtype.char) for dtype in function.supported}
    assert ufunc is function.ufunc
    if len(function.arrays) == 1 and not function.params:
        same_bits(ufunc(np.arange(4.0), where=[True, False, True, True], out=np.zeros(4))[1], np.float64(0))
        assert ufunc(np.arange(4), dtype=np.float32).dtype == np.float32
        x = np.linspace(-2, 2, 9)
        expected = function(x)
        ufunc.at(x, [1, 1, 2])
        assert x[2] == expected[2]
        assert x[0] == -2
