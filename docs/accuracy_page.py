"""Writes docs/accuracy.md from the cards: python docs/accuracy_page.py"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import fastrelu
from fastrelu.accuracy import Measured, remarks
from fastrelu.activation import Activation
from fastrelu.text import markdown

PAGE = Path(__file__).with_name("accuracy.md")
DTYPES = ("float32", "float64", "float16", "bfloat16")
KINDS = ("forward", "derivative")
START = """\
# Accuracy

Written by `python docs/accuracy_page.py` from the cards that `fastrelu verify` makes; `fr.gelu.accuracy` shows the card of a
function. A figure is the greatest distance from the exact result in units of its last place (ULP), rounded up, at default
parameters (prelu: a weight of 1/3). A correctly rounded function has 0.5. How it is measured: [User's guide](usage.md#accuracy).

"""


def figure(found: Measured | None) -> str:
    """A cell: a figure that is not proven for all inputs is in parentheses."""
    if found is None:
        return ""
    text = f"{found.max_ulp:.4g}"
    return (text if found.complete else f"({text})") + (" stale" if found.stale else "")


def activations() -> list[Any]:
    """In the order of their names."""
    return [fastrelu.registry[name] for name in sorted(fastrelu.registry) if isinstance(fastrelu.registry[name], Activation)]


def page() -> str:
    """The whole page."""
    cards = {function.dotted_name: function.accuracy for function in activations()}
    every = [found for card in cards.values() for found in card.get("float32", {}).values()]
    complete = sum(found.complete for found in every)
    summary = [
        [name, *(figure(card.get(dtype, {}).get(kind)) for dtype in DTYPES for kind in KINDS)] for name, card in cards.items()
    ]
    worst = [
        [name, kind, repr(found.worst_input), f"{found.checked:,}", f"{found.by_mpmath:,}", remarks(found)]
        for name, card in cards.items()
        for kind, found in card.get("float32", {}).items()
    ]
    heads = [f"{dtype} {kind}" for dtype in DTYPES for kind in KINDS]
    return (
        f"{START}Of {len(every)} sweeps of float32, {complete} are over all 2^32 inputs; those of float16 and bfloat16 are over\n"
        "all 65,536. Figures in parentheses are of samples: of float32 bit patterns at equal distances, of float64 bit\n"
        "patterns and of numbers from 2^-8 to 2^10.\n\n"
        f"{markdown([['function', *heads], *summary], 1)}\n## The worst inputs of float32\n\n"
        f"{markdown([['function', 'of', 'worst input', 'inputs', 'by mpmath', ''], *worst], 2)}"
    )


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
