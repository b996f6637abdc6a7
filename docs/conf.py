"""Sphinx: python -m sphinx docs build/docs"""

import fastrelu

project = "fastrelu"
author = "fastrelu developers"
version = release = fastrelu.__version__
extensions = ["myst_parser"]
exclude_patterns = ["_build"]
html_title = f"fastrelu {version}"
