"""Rows for the eye of an operator."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from datetime import datetime


def show(heading: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str) -> None:
    """Print the rows in columns under their heading, or `empty` when there are none."""
    lines = [[_text(value) for value in row] for row in rows]
    if not lines:
        print(empty)
        return
    widths = [max(map(len, column)) for column in zip(heading, *lines, strict=True)]
    for line in [list(heading), *lines]:
        print("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())


def _text(value: object) -> str:
    """One line, without what would move the terminal's cursor: some of it was typed by people."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M")
    flat = " ".join(str(value).split())
    return "".join(sign for sign in flat if not unicodedata.category(sign).startswith("C"))
