"""The command line: fastrelu bench, apply, plot, list, tune, info, verify."""

import sys


def main() -> None:
    """Runs the command line, or says what it needs."""
    try:
        from fastrelu.cli.app import app
    except ModuleNotFoundError as error:
        sys.exit(f"fastrelu: the command line needs the package {error.name}: pip install 'fastrelu[cli]'")
    app()
