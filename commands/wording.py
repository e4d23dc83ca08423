"""How the terminal says things that several commands say."""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches


def counted(number: int, noun: str) -> str:
    """«1 head», «2 heads», «0 heads»."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def nearest(name: str, known: Collection[str]) -> str | None:
    """The known name that was probably meant; None when none looks like it."""
    plain = {one.casefold(): one for one in sorted(known)}
    found = get_close_matches(name.casefold(), plain, n=1)
    return plain[found[0]] if found else None
