"""The user's folders, and files that are replaced in one step."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path


def user_folder(variable: str, unix: str, mac: str) -> Path:
    """Our folder in the user's: that of platformdirs, which we do without because every import would pay for it.

    Parameters
    ----------
    variable, unix
        The environment variable that names the user's folder on Linux, and the folder in the home directory without it.
    mac
        The folder in ~/Library on macOS.
    """
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or os.path.join("~", "AppData", "Local")
    elif sys.platform == "darwin":
        base = os.path.join("~", "Library", mac)
    else:
        given = os.environ.get(variable, "").strip()
        base = given if os.path.isabs(given) else os.path.join("~", unix)
    return Path(os.path.expanduser(base), "fastrelu")


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary file beside, which takes the path's place and permissions if all went well, and vanishes if not.

    Raises
    ------
    OSError
        If there is something else than a file, such as a folder, a device or a pipe.
    """
    path = path.resolve()  # a link stays one
    if path.exists() and not path.is_file():
        raise OSError(f"{path} must be a file that can be replaced")
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        if path.exists():  # before anything is in it that others may not read
            temporary.touch()
            shutil.copymode(path, temporary)
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
