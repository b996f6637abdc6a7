"""Radial functions of points and centers against SciPy's distances and the plain formulas."""

import copy
import pickle
import re

import ml_dtypes
import numpy as np
import pytest
from claims import willing
from grid import ACTIVATIONS, same_bits
from scipy.interpolate import RBFInterpolator
from scipy.spatial.distance import cdist

import fastrelu as fr
from fastrelu.kernels.distances import BLOCK

RADIAL = {name: function for name, function in ACTIVATIONS.items() if "center" in function.params}
each_radial = pytest.mark.parametrize("function", list(RADIAL.values()), ids=list(RADIAL))
# (n, m, d): within a block, more than one block of centers, many rows in a block, one of each, nothing
SHAPES = [(5, 3, 2), (3, 2 * BLOCK + 7, 3), (2 * BLOCK + 5, 2, 3), (1, 1, 1), (40, BLOCK, 16), (4, 5, 0), (0, 3, 2), (3, 0, 2)]


def sets(n, m, d, dtype="float64"):
    rng = np.random.default_rng(n + m + d)
    points, centers = rng.normal(size=(n, d)).astype(dtype), rng.normal(size=(m, d)).astype(dtype)
    centers[: min(n, m)] = points[: min(n, m)]  # some distances are 0
    return points, centers


def distances(points, centers):
    if not points.shape[1]:
        return np.zeros((len(points), len(centers)))
    return cdist(points.astype(float), centers.astype(float))


def test_the_radial_functions():
    assert set(RADIAL) >= {"gaussian", "multiquadric", "polyharmonic", "thin_plate_spline", "bump", "wendland"}
    assert not hasattr(fr.relu, "pairwise")
    assert not hasattr(fr.gaussian.derivative, "pairwise")


@each_radial
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_float64(function, shape):
    """Against the record's plain NumPy expression of SciPy's distances, which has other roundings."""
    points, centers = sets(*shape)
    got = function.pairwise(points, centers)
    assert got.shape == shape[:2]
    assert got.dtype == np.float64
    r = distances(points, centers)
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(got, function.numpy(r), rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(got, function(r), rtol=1e-12, atol=1e-15)


@each_radial
def test_other_dtypes(function):
    """To the bit: the function of the distance rounded once, the half types in float32."""
    for dtype in ("float16", ml_dtypes.bfloat16, "float32"):
        points, centers = sets(30, 40, 3, dtype)
        wanted = function(distances(points, centers).astype("float32"))
        got = function.pairwise(points, centers)
        assert got.dtype == dtype
        exact = points.astype(float)[:, None] - centers.astype(float)
        close = np.sqrt(np.sum(exact * exact, axis=-1)).astype("float32")  # in another order, so a tie may fall the other way
        same = (got == wanted.astype(dtype)) | (got == function(close).astype(dtype))
        assert same.mean() > 0.999
        np.testing.assert_allclose(got.astype(float), wanted.astype(float), rtol=4 * float(ml_dtypes.finfo(dtype).eps), atol=1e-6)


def test_mixed_dtypes_and_integers():
    points, centers = sets(4, 5, 2)
    assert fr.gaussian.pairwise(points.astype("f4"), centers).dtype == np.float64
    assert fr.gaussian.pairwise(points.astype("f4"), centers.astype("f2")).dtype == np.float32
    whole = np.arange(6).reshape(3, 2)
    same_bits(fr.gaussian.pairwise(whole, whole), fr.gaussian.pairwise(whole.astype(float), whole.tolist()))


def test_parameters():
    points, centers = sets(6, 7, 2)
    r = distances(points, centers)
    np.testing.assert_allclose(fr.gaussian.pairwise(points, centers, 0.5), np.exp(-np.square(r / 2)), rtol=1e-14)
    np.testing.assert_allclose(fr.gaussian.pairwise(points, centers=centers, epsilon=2), np.exp(-np.square(2 * r)), rtol=1e-13)
    np.testing.assert_allclose(fr.polyharmonic.pairwise(points, centers, k=5), r**5, rtol=1e-14)


@pytest.mark.parametrize("kernel", ["gaussian", "multiquadric", "inverse_multiquadric", "inverse_quadratic"])
def test_interpolation_as_scipy_does_it(kernel):
    points, _ = sets(40, 1, 2)
    others, _ = sets(25, 1, 2, "float64")
    values = np.sin(points[:, 0])
    sign = -1 if kernel == "multiquadric" else 1  # SciPy's is negative
    wanted = RBFInterpolator(points, values, kernel=kernel, epsilon=3.0, degree=-1)(others)
    pairwise = fr.registry[kernel].pairwise
    weights = np.linalg.solve(sign * pairwise(points, points, 3.0), values)
    np.testing.assert_allclose(sign * pairwise(others, points, 3.0) @ weights, wanted, rtol=1e-6, atol=1e-8)


def test_near_points_keep_their_digits():
    """By |x|^2 - 2 x y + |y|^2 this distance would be 0."""
    points, centers = np.array([[1e8, 1e8]]), np.array([[1e8 + 2.0**-20, 1e8]])
    assert fr.polyharmonic.pairwise(points, centers, k=1) == 2.0**-20


def test_ends_of_the_range():
    """No square overflows or vanishes; infinite and NaN coordinates give their distance."""
    points = np.array([[3e300, 4e300], [3e-200, 4e-200], [0, 5e-324], [np.inf, 0], [np.nan, 0], [np.nan, np.inf], [3, 4], [0, 0]])
    got = fr.polyharmonic.pairwise(points, np.zeros((3, 2)), k=1)
    np.testing.assert_allclose(got[:3, 0], [5e300, 5e-200, 5e-324], rtol=1e-15)
    np.testing.assert_array_equal(got[3:], np.repeat([[np.inf], [np.nan], [np.nan], [5], [0]], 3, 1))
    small = np.array([[3e38, 0], [1e-45, 0]], np.float32)
    np.testing.assert_array_equal(fr.polyharmonic.pairwise(small, np.zeros((1, 2), np.float32), k=1)[:, 0], small[:, 0])


@each_radial
def test_layouts_out_and_threads(function):
    points, centers = sets(300, 70, 3, "float32")
    with fr.threads(1):
        wanted = function.pairwise(points, centers)
    willing()
    same_bits(function.pairwise(points, centers), wanted)
    same_bits(function.pairwise(np.asfortranarray(points), np.repeat(centers, 2, 0)[::2]), wanted)
    same_bits(function.pairwise(points[::-1], centers)[::-1], wanted)
    same_bits(function.pairwise(points, centers[::-1])[:, ::-1], wanted)
    same_bits(function.pairwise(points.astype(">f4"), centers), wanted)
    for out in (np.empty((300, 70), "f4"), np.empty((70, 300), "f4").T, np.empty((300, 140), "f4")[:, ::2]):
        assert function.pairwise(points, centers, out=out) is out
        same_bits(out, wanted)
    with np.errstate(all="raise"):
        function.pairwise(points, centers)


def test_out_may_be_an_input():
    points = np.random.default_rng(0).normal(size=(9, 9))
    wanted = fr.gaussian.pairwise(points, points)
    same_bits(fr.gaussian.pairwise(points, points, out=points), wanted)


P = np.zeros((4, 3))


@pytest.mark.parametrize(("call", "error", "message"), [
    (lambda f: f(P, P[:, :2]), ValueError, "points and centers must agree in the second axis, got shapes (4, 3) and (4, 2)"),
    (lambda f: f(P[0], P), ValueError, "points must have two axes, got shape (3,)"),
    (lambda f: f(P, 1.0), ValueError, "centers must have two axes, got shape ()"),
    (lambda f: f(P * 1j, P), TypeError, "points must be a real array, got complex128"),
    (lambda f: f(P, np.ma.masked_array(P)), TypeError, "centers must have no mask, got MaskedArray"),
    (lambda f: f(P, P, epsilon=P), TypeError, "epsilon must be a real scalar, got an array of shape (4, 3)"),
    (lambda f: f(P, P, out=np.zeros((4, 3))), ValueError, "out must have shape (4, 4), got (4, 3)"),
    (lambda f: f(P, P, out=np.zeros((4, 4), "f4")), TypeError, "out must have dtype float64, got float32"),
    (lambda f: f(P, P, center=1.0), TypeError, "unknown parameter 'center'; it takes points, centers, epsilon, out"),
    (lambda f: f(P), TypeError, "centers is missing; it takes points, centers, epsilon, out"),
])  # fmt: skip
def test_errors(call, error, message):
    with pytest.raises(error, match="^" + re.escape(f"gaussian.pairwise: {message}") + "$"):
        call(fr.gaussian.pairwise)


@each_radial
def test_object(function):
    pairwise = function.pairwise
    assert pairwise is function.pairwise
    assert pickle.loads(pickle.dumps(pairwise)) is pairwise
    assert copy.deepcopy(pairwise) is pairwise
    assert repr(pairwise) == f"<fastrelu function {function.dotted_name}.pairwise>"
    assert list(pairwise.__signature__.parameters) == ["points", "centers", *pairwise.params, "out"]
    for key in pairwise.__signature__.parameters:
        assert f"\n{key} : " in pairwise.__doc__
    assert "center : " not in pairwise.__doc__.replace("centers : ", "")
