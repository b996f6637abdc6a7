"""fastrelu.torch: values, gradients of every function, and gradients of those."""

import inspect
import pickle
import subprocess
import sys

import ml_dtypes
import numpy as np
import pytest
from grid import ACTIVATIONS, CASES, FOLDS, each, each_case, random

import fastrelu as fr

torch = pytest.importorskip("torch")
gradcheck, gradgradcheck = torch.autograd.gradcheck, torch.autograd.gradgradcheck
COUNT = 6


def smooth(case, count=COUNT):
    """Points at which the function is finite, and away from which it bends."""
    rng = np.random.default_rng(5)
    x = np.concatenate([rng.uniform(-3, 3, 40), rng.uniform(0.05, 0.95, 20)])
    weights = [np.full(x.shape, 0.3) for _ in case.function.arrays[1:]]
    with np.errstate(all="ignore"):
        good = np.isfinite(case.function(x, *weights, **case.named)) & np.isfinite(
            case.function.derivative(x, *weights, **case.named)
        )
    for kink in case.kinks(np.float64):
        good &= np.abs(x - kink) > 1e-2
    x = x[good]
    assert len(x) >= count
    return x[:: len(x) // count][:count]


def tensors(case):
    """The operands in float64, with gradients."""
    given = [smooth(case), *case.weights(COUNT, np.float64)]
    return [torch.tensor(each, requires_grad=True) for each in given]


def ours(function):
    return getattr(fr.torch, function.dotted_name)


@each_case
def test_gradients(case):
    function = ours(case.function)
    assert gradcheck(lambda *operands: function(*operands, **case.named), tensors(case))


@each_case
def test_gradients_of_gradients(case):
    function, operands = ours(case.function), tensors(case)
    operands[1:] = [each.detach() for each in operands[1:]]
    assert gradgradcheck(lambda x: function(x, *operands[1:], **case.named), operands[:1])


@pytest.mark.parametrize("case", [case for case in CASES if case.params], ids=str)
def test_gradients_of_parameters(case):
    (key,) = case.params
    if key not in case.function.backward.gradients:
        pytest.skip("it has no derivative in this parameter")
    function = ours(case.function)
    value = torch.tensor(case.params[key], dtype=torch.float64, requires_grad=True)
    assert gradcheck(lambda *given: function(*given[:-1], **{key: given[-1]}), [*tensors(case), value])
    loss = function(*tensors(case), **{key: value}).sum()
    (slope,) = torch.autograd.grad(loss, value, create_graph=True)
    with pytest.raises(RuntimeError, match=f"{case.function.dotted_name}: fastrelu knows no second derivative with "):
        slope.backward()


@each(FOLDS)
def test_along_an_axis(function):
    x = torch.tensor(random((3, 4, 5)), requires_grad=True)
    more = (2,) if function.pooled else ()
    for axis in (-1, 1) if not function.pooled else (1,):
        assert gradcheck(lambda x, axis=axis: ours(function)(x, *more, axis=axis), [x])
    if not function.pooled:
        assert gradcheck(lambda x: ours(function)(x, axis=(0, 2)), [x])
    (slope,) = torch.autograd.grad((ours(function)(x, *more, axis=1) ** 2).sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match=f"^{function.dotted_name}: fastrelu knows no second derivative"):
        slope.sum().backward()


DTYPES = ["float16", "bfloat16", "float32", "float64"]


@pytest.mark.parametrize("dtype", DTYPES)
@each({name: ACTIVATIONS[name] for name in ("gelu", "prelu", "elu", "relu")}, ACTIVATIONS)
def test_the_bits_are_those_of_arrays(function, dtype):
    given = [torch.from_numpy(random((4, 5), np.float32)).to(getattr(torch, dtype)) for _ in function.arrays]
    x = [each.clone().requires_grad_() for each in given]
    result = ours(function)(*x)
    grad = torch.from_numpy(random((5, 4), np.float32)).to(getattr(torch, dtype)).T  # not contiguous
    result.backward(grad)
    real = np.dtype(ml_dtypes.bfloat16 if dtype == "bfloat16" else dtype)
    plain = [each.float().numpy().astype(real) if dtype != "float64" else each.numpy() for each in given]
    same(result.detach(), function(*plain))
    slopes = function.backward(np.asarray(grad.double()).astype(real), *plain)
    for tensor, slope in zip(x, slopes if isinstance(slopes, tuple) else (slopes,), strict=True):
        assert tensor.grad.dtype is tensor.dtype
        same(tensor.grad, slope)


def same(tensor, array):
    assert str(tensor.dtype) == f"torch.{array.dtype.name}"
    assert tuple(tensor.shape) == array.shape
    assert np.array_equal(tensor.double().numpy(), np.asarray(array, np.float64), equal_nan=True)


def test_memory_is_shared():
    x = torch.ones(1000)
    assert np.shares_memory(fr.torch.as_array(x), x.numpy())
    half = torch.ones(1000, dtype=torch.bfloat16)
    assert fr.torch.as_array(half).ctypes.data == half.data_ptr()
    assert fr.torch.as_array(half.reshape(10, 100).T).strides == (2, 200)
    result = np.ones(10, np.float32)
    assert np.shares_memory(fr.torch.as_tensor(result).numpy(), result)


def saved(result):
    return [each.data_ptr() for each in result.grad_fn.saved_tensors]


def test_the_input_is_not_kept_where_the_output_is_enough():
    x = torch.linspace(-2, 2, 9, requires_grad=True)
    for name, record in ACTIVATIONS.items():
        if len(record.arrays) == 1:
            y = getattr(fr.torch, name)(x)
            told = record.facts.from_output == "exact" and name != "exponential"  # which bends
            assert saved(y) == [y.data_ptr() if told else x.data_ptr()], name
    y = fr.torch.leaky_relu(x, negative_slope=-0.5)  # not one to one
    assert saved(y) == [x.data_ptr()]
    y.sum().backward()
    assert x.grad.tolist() == fr.leaky_relu.derivative(x.detach().numpy(), -0.5).tolist()


def test_only_the_gradients_that_are_asked_for(monkeypatch):
    x, weight = torch.ones(4, 3, requires_grad=True), torch.full((3,), 0.5, requires_grad=True)
    asked = []
    backward = type(fr.prelu.backward).__call__
    monkeypatch.setattr(type(fr.prelu.backward), "__call__", lambda *a, **k: asked.append(k["wrt"]) or backward(*a, **k))
    for given in ((x, weight), (x.detach(), weight), (x, weight.detach()), (x, 0.5)):
        fr.torch.prelu(*given).sum().backward()
    assert asked == [("x", "weight"), ("weight",), ("x",), ("x",)]
    assert weight.grad.shape == (3,)
    assert fr.torch.prelu(x.detach(), weight.detach()).grad_fn is None
    with torch.no_grad():
        assert fr.torch.prelu(x, weight).grad_fn is None


def test_strange_gradients_and_views():
    x = torch.tensor(random((4, 6)), requires_grad=True)
    for way in (lambda y: y.sum(), lambda y: y.T[1:].sum(), lambda y: y.mean(), lambda y: y[..., ::2].sum(), lambda y: y[0, 0]):
        assert gradcheck(lambda x, way=way: way(fr.torch.gelu(x.T[::2])), [x])
    alike, weight = torch.ones(2, 3, requires_grad=True), torch.full((4, 1, 1), 0.5)
    (slope,) = torch.autograd.grad(fr.torch.prelu(alike, weight).sum(), alike, create_graph=True)
    assert slope.tolist() == [[4.0] * 3] * 2
    with pytest.raises(RuntimeError, match="prelu: fastrelu knows no second derivative with respect to x"):
        slope.sum().backward()
    scalar = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)
    assert gradcheck(fr.torch.mish, [scalar])
    assert fr.torch.mish(scalar).shape == ()
    empty = torch.zeros(0, 3, requires_grad=True)
    fr.torch.silu(empty).sum().backward()
    assert empty.grad.shape == (0, 3)
    negative = torch.view_as_complex(torch.ones(3, 2)).conj().imag
    assert negative.is_neg()
    assert fr.torch.identity(negative).tolist() == [-1, -1, -1]


def test_training():
    x = torch.linspace(-3, 3, 20, dtype=torch.float64, requires_grad=True)
    y = fr.torch.rrelu(x, training=True, seed=7)
    assert y.tolist() == fr.rrelu(x.detach().numpy(), training=True, seed=7).tolist()
    y.sum().backward()
    assert x.grad.tolist() == fr.rrelu.backward(np.ones(20), x.detach().numpy(), training=True, seed=7).tolist()
    assert fr.torch.rrelu(x, training=False).tolist() == fr.rrelu(x.detach().numpy()).tolist()


def test_no_third_derivative():
    x = torch.tensor(0.5, requires_grad=True)
    (first,) = torch.autograd.grad(fr.torch.tanh(x), x, create_graph=True)
    (second,) = torch.autograd.grad(first, x, create_graph=True)
    with pytest.raises(RuntimeError, match=r"^tanh: fastrelu knows no third derivative$"):
        second.backward()


def test_an_activation_of_one_s_own(own_registry):
    @fr.activation(derivative=lambda x: x + x, reference=None, numpy=None, max_ulp=0.5)
    def square(x):
        """x * x"""
        return x * x

    x = torch.tensor([1.0, -3.0], dtype=torch.float64, requires_grad=True)
    assert gradcheck(fr.torch.square, [x])
    (slope,) = torch.autograd.grad(fr.torch.square(x).sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="square: fastrelu knows no second derivative with respect to x"):
        slope.sum().backward()


X = torch.ones(3)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: fr.torch.relu(np.ones(3)), TypeError, "relu: x must be a tensor, got ndarray"),
        (lambda: fr.torch.relu(1.0), TypeError, "relu: x must be a tensor, got float"),
        (lambda: fr.torch.prelu(X, np.ones(3)), TypeError, "prelu: weight must be a tensor, got ndarray"),
        (
            lambda: fr.torch.elu(X, alpha=X),
            TypeError,
            "elu: alpha must be a number or a tensor without axes, got one of",
        ),
        (lambda: fr.torch.elu(X, alpha="1"), TypeError, "elu: alpha must be a real scalar, got str"),
        (lambda: fr.torch.relu(X + 1j), TypeError, "relu: x must be a real array, got complex64"),
        (lambda: fr.torch.relu(X.to("meta")), TypeError, "relu: x must lie on the CPU or a CUDA device, got meta"),
        (lambda: fr.torch.relu(X, out=X), TypeError, "relu: unknown parameter 'out'; it takes x"),
        (lambda: fr.torch.gelu(X, approximate="no"), ValueError, "gelu: approximate must be 'none' or 'tanh', got 'no'"),
        (lambda: fr.torch.softmax(X, axis=3), np.exceptions.AxisError, "softmax: axis must be from -1 to 0, got 3"),
        (lambda: fr.torch.nothing, AttributeError, "module 'fastrelu.torch' has no attribute 'nothing'"),
    ],
)
def test_mistakes(call, error, message):
    with pytest.raises(error) as raised:
        call()
    assert str(raised.value).startswith(message)


@each(fr.registry)
def test_looks(function):
    made = ours(function)
    assert made is ours(function)
    assert pickle.loads(pickle.dumps(made)) is made
    assert function.dotted_name in dir(fr.torch)
    assert made.__doc__.startswith(function.__doc__.partition("\n")[0])
    assert "Tensor" in made.__doc__
    for word in ("array_like", "ndarray", "\nout :", "\nwhere :", "\ndevice :", "`out`"):
        assert word not in made.__doc__
    given = set(inspect.signature(function).parameters) - {"out", "where", "device"}
    assert set(inspect.signature(made).parameters) == given


def printed(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_is_imported_when_it_is_asked_for():
    code = "import sys, fastrelu as fr; assert 'torch' in dir(fr); print('torch' in sys.modules, fr.torch.relu.__name__)"
    assert printed(code) == "False relu"


def test_without_ml_dtypes():
    code = (
        "import sys, torch, fastrelu as fr\nsys.modules['ml_dtypes'] = None\n"
        "try:\n    fr.torch.relu(torch.ones(3, dtype=torch.bfloat16))\nexcept ImportError as error:\n    print(error)"
    )
    assert printed(code) == "bfloat16 arrays need the package ml_dtypes: pip install ml_dtypes"


def test_without_torch():
    code = (
        "import sys, fastrelu as fr\nsys.modules['torch'] = None\n"
        "try:\n    fr.torch\nexcept ImportError as error:\n    print(error)"
    )
    assert printed(code) == "fastrelu.torch needs PyTorch: pip install torch"
