"""Tables as text."""

from __future__ import annotations

from collections.abc import Sequence

Rows = Sequence[Sequence[str]]


def aligned(rows: Rows) -> str:
    """In columns as wide as their widest cell, for a terminal."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def markdown(rows: Rows, right: int | None = None) -> str:
    """In Markdown: the first row is the head, and the columns from `right` on are aligned to the right."""
    head, *rest = rows
    rule = ["---" if right is None or place < right else "---:" for place in range(len(head))]
    return "".join(f"| {' | '.join(row)} |\n" for row in (head, rule, *rest))
