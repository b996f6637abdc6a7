"""The command line: fastrelu bench, apply, plot, list, tune, info, verify."""

import signal
import sys
from typing import Any


def main() -> None:
    """Runs the command line, or says what it needs."""
    try:
        from fastrelu.cli.app import app
    except ModuleNotFoundError as error:
        sys.exit(f"fastrelu: the command line needs the package {error.name}: pip install 'fastrelu[cli]'")
    for name in ("SIGTERM", "SIGHUP"):  # which end a process without a clean-up, and Windows has one of
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), _leave)
    app()


def _leave(number: int, _frame: Any) -> None:
    sys.exit(128 + number)
