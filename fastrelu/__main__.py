"""The command line as python -m fastrelu."""

from fastrelu.cli import main

main()
