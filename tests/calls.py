"""Calls of every kind: those that the C entry serves, and those that it hands on; and the comparison of both ways."""

import sys

import numpy as np
import pandas as pd
from grid import same_bits

DTYPES = ("float32", "float64", "float16", "int8", "uint64")


def ways(call):
    """What a call gives, and whether it went through the Python function."""
    seen = set()

    def watch(frame, event, _argument):
        if event == "call":
            seen.add(frame.f_code.co_name)

    sys.setprofile(watch)
    try:
        result = call()
    finally:
        sys.setprofile(None)
    return result, "_long_way" in seen


def outcome(call):
    """The result, or the error's type and text."""
    try:
        return call(), None
    except Exception as error:
        return None, (type(error), str(error))


def agree(function, build):
    """The two ways give one result or one error, and write the same."""
    (args, named), (other_args, other_named) = build(), build()
    got, error = outcome(lambda: function(*args, **named))
    expected, wanted = outcome(lambda: function._long_way(*other_args, **other_named))
    assert error == wanted
    assert type(got) is type(expected)
    if error is None:
        same_bits(np.asarray(got), np.asarray(expected))
        assert np.asarray(got).strides == np.asarray(expected).strides
        if isinstance(named.get("out"), np.ndarray):
            assert got is named["out"]
    for mine, other in zip([*args, *named.values()], [*other_args, *other_named.values()], strict=True):
        if isinstance(mine, np.ndarray) and mine.dtype.kind in "fiub":
            same_bits(mine, other)
    return error


def base(dtype="float32", size=12):
    return np.linspace(-3, 3, size).astype(dtype)


def frozen(array):
    array.flags.writeable = False
    return array


COMMON = {
    **{dtype: lambda dtype=dtype: ([base(dtype)], {}) for dtype in DTYPES},
    "one element": lambda: ([base()[:1]], {}),
    "two axes": lambda: ([base().reshape(3, 4)], {}),
    "64 axes": lambda: ([base()[:4].reshape((1,) * 63 + (4,))], {}),
    "read-only": lambda: ([frozen(base())], {}),
    "out": lambda: ([base()], {"out": np.full(12, 7, "f4")}),
    "out of two axes": lambda: ([base().reshape(3, 4)], {"out": np.full((3, 4), 7, "f4")}),
    "in place": lambda: (lambda x: ([x], {"out": x}))(base()),
    "beside each other": lambda: (lambda x: ([x[:6]], {"out": x[6:]}))(base()),
    "column": lambda: ([base().reshape(12, 1)], {}),
    "column of F order": lambda: ([np.asfortranarray(base().reshape(12, 1))], {}),
    "slice": lambda: ([base()[3:9]], {}),
    "one row of F order": lambda: ([np.asfortranarray(base().reshape(1, 12))], {}),
    "long rows": lambda: ([base("float64", 4000).reshape(2, 2000)], {}),
}
COMMON_OF_TWO = {
    "two arrays": lambda: ([base(), base()[::-1].copy()], {}),
    "one array twice": lambda: (lambda x: ([x, x], {}))(base()),
    "two and out": lambda: ([base(), base()], {"out": np.empty(12, "f4")}),
    "out is the first": lambda: (lambda x: ([x, base()], {"out": x}))(base()),
    "out is the second": lambda: (lambda x: ([base(), x], {"out": x}))(base()),
}


class Sub(np.ndarray):
    pass


class Overrides:
    def __array_ufunc__(self, ufunc, method, *inputs, **keywords):
        return "mine"


class Convertible:
    def __array__(self, dtype=None, copy=None):
        return np.array([-1.0, 2.0])


def misaligned(array):
    raw = np.zeros(array.nbytes + 1, np.uint8)[1:].view(array.dtype)
    raw[:] = array
    return raw


def overlapping(shift, reverse=False):
    x = base(size=40)
    return [x[10:22]], {"out": x[10 + shift : 22 + shift][:: -1 if reverse else 1]}


FALLBACKS = {
    "nothing": lambda: ([], {}),
    "list": lambda: ([[1.0, -2.0]], {}),
    "tuple": lambda: ([(1, -2)], {}),
    "float": lambda: ([-1.5], {}),
    "int": lambda: ([-3], {}),
    "None": lambda: ([None], {}),
    "string": lambda: (["x"], {}),
    "numpy scalar": lambda: ([np.float32(-1)], {}),
    "type": lambda: ([np.ndarray], {}),
    "no axes": lambda: ([np.array(2.0)], {}),
    "no axes, out": lambda: ([np.array(2.0)], {"out": np.array(0.0)}),
    "subclass": lambda: ([base().view(Sub)], {}),
    "masked": lambda: ([np.ma.masked_array(base(), base() > 1)], {}),
    "pandas": lambda: ([pd.Series(base())], {}),
    "overrides ufuncs": lambda: ([Overrides()], {}),
    "converts": lambda: ([Convertible()], {}),
    "bool": lambda: ([base() > 0], {}),
    "complex": lambda: ([base().astype("c8")], {}),
    "longdouble": lambda: ([base().astype("g")], {}),
    "object": lambda: ([base().astype(object)], {}),
    "long long": lambda: ([base("longlong")], {}),
    "big-endian": lambda: ([base(">f4")], {}),
    "dtype with metadata": lambda: ([base().astype(np.dtype("f4", metadata={"a": 1}))], {}),
    "structured": lambda: ([np.zeros(3, [("x", "f4")])], {}),
    "misaligned": lambda: ([misaligned(base())], {}),
    "strided": lambda: ([base()[::2]], {}),
    "reversed": lambda: ([base()[::-1]], {}),
    "F order": lambda: ([np.asfortranarray(base().reshape(3, 4))], {}),
    "broadcast": lambda: ([np.broadcast_to(base(), (2, 12))], {}),
    "out=None": lambda: ([base()], {"out": None}),
    "out in a tuple": lambda: ([base()], {"out": (np.empty(12, "f4"),)}),
    "out is a list": lambda: ([base()], {"out": [0.0] * 12}),
    "out of a subclass": lambda: ([base()], {"out": np.empty(12, "f4").view(Sub)}),
    "out of another shape": lambda: ([base()], {"out": np.full(13, 7, "f4")}),
    "out of other axes": lambda: ([base()], {"out": np.full((1, 12), 7, "f4")}),
    "out of the same size": lambda: ([base()], {"out": np.full((3, 4), 7, "f4")}),
    "out of another dtype": lambda: ([base()], {"out": np.full(12, 7, "f8")}),
    "out of the same width": lambda: ([base()], {"out": np.full(12, 7, "i4")}),
    "read-only out": lambda: ([base()], {"out": frozen(np.full(12, 7, "f4"))}),
    "read-only in place": lambda: (lambda x: ([x], {"out": x}))(frozen(base())),
    "big-endian out": lambda: ([base()], {"out": np.full(12, 7, ">f4")}),
    "misaligned out": lambda: ([base()], {"out": misaligned(base())}),
    "strided out": lambda: ([base()], {"out": np.full(24, 7, "f4")[::2]}),
    "F order out": lambda: ([base().reshape(3, 4)], {"out": np.zeros((3, 4), "f4", order="F")}),
    **{f"overlap by {k}": lambda k=k: overlapping(k) for k in (-11, -1, 1, 5, 11)},
    "overlap reversed": lambda: overlapping(0, True),
    "where": lambda: ([base()], {"where": base() > 0}),
    "where=True": lambda: ([base()], {"where": True}),
    "where and out": lambda: ([base()], {"where": base() > 0, "out": np.full(12, 7, "f4")}),
    "wrong where": lambda: ([base()], {"where": 1, "out": np.full(12, 7, "f4")}),
    "unknown keyword": lambda: ([base()], {"slope": 1}),
    "unknown keyword and out": lambda: ([base()], {"out": np.full(12, 7, "f4"), "dtype": "f8"}),
    "by name": lambda: ([], {"x": base()}),
    "by name and out": lambda: ([], {"x": base(), "out": np.full(12, 7, "f4")}),
    "twice": lambda: ([base()], {"x": base()}),
    "too many": lambda: ([base(), base()], {}),
    "far too many": lambda: ([base()] * 300, {}),
    "keyword that is not interned": lambda: ([base()], {"".join(["o", "u", "t"]): np.full(12, 7, "f4")}),
    "empty": lambda: ([np.empty(0, "f4")], {}),
    "empty rows": lambda: ([np.empty((3, 0), "f4")], {}),
    "no rows": lambda: ([np.empty((0, 3), "f4")], {"out": np.empty((0, 3), "f4")}),
    "empty, out of another shape": lambda: ([np.empty((0, 3), "f4")], {"out": np.empty((3, 0), "f4")}),
    "empty and long": lambda: ([np.empty((1 << 31, 1 << 29, 0), "i1")], {}),
}
FALLBACKS_OF_TWO = {
    "one of two": lambda: ([base()], {}),
    "broadcasting": lambda: ([base(), base()[:1]], {}),
    "row and grid": lambda: ([base()[:4], base().reshape(3, 4)], {}),
    "scalar": lambda: ([base(), 2.0], {}),
    "scalar first": lambda: ([2.0, base()], {}),
    "shapes that do not fit": lambda: ([base(), base()[:5]], {}),
    "same size, other axes": lambda: ([base().reshape(3, 4), base().reshape(4, 3)], {}),
    "two dtypes": lambda: ([base(), base("f8")], {}),
    "two dtypes of a width": lambda: ([base(), base("i4")], {}),
    "second is strided": lambda: ([base()[:6].copy(), base()[::2]], {}),
    "second is a list": lambda: ([base(), list(base())], {}),
    "second is masked": lambda: ([base(), np.ma.masked_array(base(), base() > 0)], {}),
    "second overlaps out": lambda: (lambda x: ([base(), x[:12]], {"out": x[1:13]}))(base(size=40)),
    "out smaller than the grid": lambda: ([base()[:4], base().reshape(3, 4)], {"out": np.full(4, 7, "f4")}),
}
