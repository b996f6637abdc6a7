"""fastrelu apply, on photographs, against NumPy."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from grid import FOLDS, UNARY_REPRESENTATIVES
from sklearn.datasets import load_sample_images
from typer.testing import CliRunner

import fastrelu as fr
from fastrelu.cli import apply as command
from fastrelu.cli.app import app
from fastrelu.files import replacing


@pytest.fixture(scope="module")
def photographs():
    """Two photographs, 427 by 640 by 3: scaled and centred, as a network's first layer sees them."""
    pixels = np.stack(load_sample_images().images).astype(np.float32) / 255
    return (pixels - pixels.mean((0, 1, 2))) / pixels.std((0, 1, 2))


@pytest.fixture
def apply(tmp_path, monkeypatch):
    monkeypatch.setattr(command, "BLOCK_BYTES", 1 << 20)  # several blocks

    def run(name, array, *options):
        np.save(tmp_path / "in.npy", array)
        result = CliRunner().invoke(app, ["apply", name, str(tmp_path / "in.npy"), str(tmp_path / "out.npy"), *options])
        assert result.exit_code == 0, result.output
        assert sorted(path.name for path in tmp_path.iterdir()) == ["in.npy", "out.npy"]
        return np.load(tmp_path / "out.npy")

    return run


@pytest.mark.parametrize("name", [*(name for name in UNARY_REPRESENTATIVES if name in fr.registry), *FOLDS])
def test_photographs(apply, photographs, name):
    function = fr.registry[name]
    options, named = ((), {}) if name != "maxout" else (("--set", "pool_size=3"), {"pool_size": 3})
    got = apply(name, photographs, *options)
    with np.errstate(all="ignore"):  # outside of the domain of a logarithm
        expected = function.numpy(photographs.astype(np.float64), **named)
    assert got.dtype == np.float32
    assert got.shape == expected.shape
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(got, function(photographs, **named))


def test_derivative_and_parameters(apply, photographs):
    np.testing.assert_array_equal(apply("elu.derivative", photographs), fr.elu.derivative(photographs))
    got = apply("leaky_relu", photographs, "--set", "negative_slope=0.2")
    np.testing.assert_array_equal(got, fr.leaky_relu(photographs, negative_slope=0.2))
    np.testing.assert_array_equal(apply("prelu", photographs, "--set", "weight=0.5"), fr.prelu(photographs, 0.5))


@pytest.mark.parametrize("axis", range(-4, 4))
def test_every_axis(apply, photographs, axis):
    np.testing.assert_array_equal(apply("softmax", photographs, "--set", f"axis={axis}"), fr.softmax(photographs, axis=axis))


@pytest.mark.parametrize("shape", [(), (0,), (3, 0), (1,), (7, 5)])
@pytest.mark.parametrize("dtype", ["int8", "uint64", "bool", "float16", ">f8"])
def test_any_dtype_and_shape(apply, shape, dtype):
    x = np.arange(-17, 18)[: max(int(np.prod(shape)), 0)].reshape(shape).astype(dtype)
    got, expected = apply("relu", x), fr.relu(x)
    assert got.dtype == expected.dtype
    assert got.shape == shape
    np.testing.assert_array_equal(got, expected)


def test_fortran_order_is_kept(apply):
    x = np.asfortranarray(np.random.default_rng(0).normal(size=(300, 1000)))
    got = apply("tanh", x)
    assert got.flags.f_contiguous
    np.testing.assert_array_equal(got, fr.tanh(x))


def test_row_along_the_only_axis(apply):
    x = np.linspace(-5, 5, 1000)
    np.testing.assert_array_equal(apply("softmax", x), fr.softmax(x))


@pytest.mark.parametrize(
    ("name", "array", "options", "sentence"),
    [
        ("relu", np.array([1j]), (), "relu: x must be a real array, got complex128"),
        ("relu", np.array([None]), (), "must hold an array of numbers"),
        ("leaky_relu", np.zeros(3), ("--set", "slope=1"), "leaky_relu: unknown parameter 'slope'"),
        ("prelu", np.zeros(3), (), "prelu: weight is missing"),
        ("softmax", np.zeros(3), ("--set", "axis=1"), "softmax: axis must be one of the 1 axes of the array, got 1"),
        ("softmax", np.float32(3), (), "softmax: axis must be one of the 0 axes of the array, got -1"),
        ("maxout", np.zeros(5), ("--set", "pool_size=2"), "maxout: pool_size must divide the axis of 5 elements, got 2"),
        ("relu6.backward", np.zeros(3), (), "'relu6.backward' is neither a function nor NAME.derivative"),
    ],
)
def test_mistakes_write_nothing(tmp_path, name, array, options, sentence):
    source, target = tmp_path / "in.npy", tmp_path / "out.npy"
    np.save(source, array)
    target.write_bytes(b"as it was")
    result = CliRunner().invoke(app, ["apply", name, str(source), str(target), *options])
    assert result.exit_code == 1
    assert sentence in result.stderr
    assert result.stderr.count("\n") == 1
    assert target.read_bytes() == b"as it was"
    assert len(list(tmp_path.iterdir())) == 2


def test_files_it_refuses(tmp_path):
    source, archive, text = tmp_path / "in.npy", tmp_path / "in.npz", tmp_path / "text.npy"
    np.save(source, np.zeros(3))
    np.savez(archive, a=np.zeros(3))
    text.write_text("not an array")
    link = tmp_path / "link.npy"
    link.symlink_to(source)
    target = tmp_path / "out.npy"
    for given, wanted, sentence in [
        (source, source, "are the same file"),
        (source, link, "are the same file"),
        (tmp_path / "missing.npy", target, "No such file"),
        (tmp_path, target, "Is a directory"),
        (archive, target, "in.npz must hold an array of numbers"),
        (text, target, "text.npy must hold an array of numbers"),
        (source, tmp_path / "missing" / "out.npy", "No such file"),
    ]:
        result = CliRunner().invoke(app, ["apply", "relu", str(given), str(wanted)])
        assert result.exit_code == 1, result.output
        assert sentence in result.stderr, result.stderr
        assert result.stderr.count("\n") == 1
    assert not target.exists()
    assert len(list(tmp_path.iterdir())) == 4


def test_full_disk(tmp_path, monkeypatch):
    np.save(tmp_path / "in.npy", np.zeros(100))
    monkeypatch.setattr(command.shutil, "disk_usage", lambda _path: type("Usage", (), {"free": 10}))
    result = CliRunner().invoke(app, ["apply", "relu", str(tmp_path / "in.npy"), str(tmp_path / "out.npy")])
    assert result.exit_code == 1
    assert "has room for 10 bytes, 800 are needed" in result.stderr
    assert len(list(tmp_path.iterdir())) == 1


def saved(tmp_path):
    np.save(tmp_path / "x.npy", np.arange(5.0))
    return str(tmp_path / "x.npy")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes in folders on this system")
def test_what_is_no_file_stays(tmp_path):
    source, pipe = saved(tmp_path), tmp_path / "pipe"
    os.mkfifo(pipe)
    for target in (pipe, tmp_path):
        result = CliRunner().invoke(app, ["apply", "relu", source, str(target)])
        assert result.exit_code == 1
        assert result.stderr == f"fastrelu: {target} must be a file that can be replaced\n"
    assert pipe.is_fifo()
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.skipif(sys.platform == "win32", reason="other permissions")
def test_links_and_permissions_stay(tmp_path):
    source, target, link = saved(tmp_path), tmp_path / "private.npy", tmp_path / "link.npy"
    target.touch(mode=0o600)
    link.symlink_to(target)
    assert CliRunner().invoke(app, ["apply", "relu", source, str(link)]).exit_code == 0
    assert link.is_symlink()
    with replacing(link) as temporary:
        assert temporary.stat().st_mode & 0o777 == 0o600, "from the start"
        temporary.write_bytes(target.read_bytes())
    assert target.stat().st_mode & 0o777 == 0o600
    np.testing.assert_array_equal(np.load(target), np.arange(5.0))


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGTERM to handle")
def test_a_program_that_is_ended_leaves_nothing(tmp_path):
    np.lib.format.open_memmap(tmp_path / "x.npy", "w+", np.float32, (1 << 26,)).flush()  # a hole of 256 MB: takes no room
    command = [sys.executable, "-m", "fastrelu", "apply", "gelu", "x.npy", "y.npy"]
    running = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob(".y.npy.*")) and time.monotonic() < deadline:
        time.sleep(0.01)
    running.terminate()
    assert running.wait(60) == 128 + signal.SIGTERM
    assert [path.name for path in tmp_path.iterdir()] == ["x.npy"]
