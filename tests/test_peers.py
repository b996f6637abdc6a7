"""Names and defaults beside the packages that they are of, where those are installed."""

import inspect

import numpy as np
import pytest
from peers import ENTRIES, KINKS, PEERS, X, calls, label, parameters, peer, required

import fastrelu as fr

INSTALLABLE = [entry for entry in ENTRIES if entry.framework in PEERS]


@pytest.mark.parametrize("entry", INSTALLABLE, ids=label)
def test_agrees_with_an_installed_framework(entry):
    theirs = peer(entry)
    x = X[0] if isinstance(entry.function, fr.Fold) else np.concatenate([X.ravel(), KINKS]).reshape(5, 16)
    x = np.linspace(0.1, 0.9, 9).reshape(3, 3) if entry.name == "logit" else x
    if label(entry) == "mlx.step":
        x = x[x != 0]  # it is documented as the function here, but is 0 at the threshold
    operands = [np.float32(x), *(np.full(1, 0.25, np.float32) for _ in entry.function.arrays[1:])]
    ours = fr.get(entry.name, entry.framework)
    for named in calls(entry, theirs):
        expected = theirs(*operands, **named)
        np.testing.assert_allclose(ours(*operands, **named), expected, rtol=2e-4, atol=2e-6, err_msg=str(named))


@pytest.mark.parametrize("entry", INSTALLABLE, ids=label)
def test_has_the_parameters_of_an_installed_framework(entry):
    claimed, theirs = parameters(entry), peer(entry).defaults
    if theirs is None:
        pytest.skip("it does not tell its parameters")
    ordered = sorted if entry.framework == "onnx" else list  # attributes have no order
    assert ordered(theirs) == ordered(key for key in claimed if key in theirs)
    for key, default in theirs.items():
        if key in ("axis", "dim") and default is None:
            continue  # guessed from the shape, or the last one, or all
        ours = inspect.Parameter.empty if key in required(entry) else claimed[key]
        assert ours == (pytest.approx(default, rel=1e-6) if isinstance(default, float) else default)
