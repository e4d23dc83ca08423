"""How people look for procedures: by words, some of them misspelt (A4)."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence

from engine.procedures import words
from engine.procedures.catalogue import Procedure

# A short word is near too many others; a long text isn't a search.
_LONG_ENOUGH = 5
_WORDS_AT_MOST = 6


def search(procedures: Sequence[Procedure], text: str) -> list[Procedure]:
    """Those that answer the words typed, the best first (A4).

    Accents, case and plurals don't count; every word must be found; a word in the title weighs more than in the
    keywords, the trade or the sector, and those more than in the description.
    """
    wanted = words.stems(text)
    if not wanted:
        return list(procedures)
    scored = [(_score(procedure, wanted), procedure) for procedure in procedures]
    return [procedure for score, procedure in sorted(scored, key=lambda pair: -pair[0]) if score > 0]


def _score(procedure: Procedure, wanted: Sequence[str]) -> int:
    stems = [(words.stems(text), weight) for text, weight in _texts(procedure)]
    total = 0
    for word in wanted:
        best = max((weight * _fit(word, found) for found, weight in stems), default=0)
        if not best:
            return 0
        total += best
    return total


def _texts(procedure: Procedure) -> tuple[tuple[str, int], ...]:
    """What a procedure says of itself, with the weight of a word there."""
    middle = " ".join(procedure.properties.get(name, "") for name in ("keywords", "trade", "sector"))
    return (procedure.title, 100), (middle, 10), (procedure.description, 1)


def _fit(word: str, found: Iterable[str]) -> int:
    found = list(found)
    if word in found:
        return 2
    return 1 if len(word) >= 3 and any(other.startswith(word) for other in found) else 0


def meant(procedures: Sequence[Procedure], text: str) -> str | None:
    """What was probably meant by words that answer nothing: those that no procedure says, spelt as the nearest that one says.

    None when nothing is near enough, or when that would answer nothing either.
    """
    known: dict[str, str] = {}
    for procedure in procedures:
        for written in re.findall(r"\w+", " ".join(said for said, _ in _texts(procedure))):
            for stem in words.stems(written):
                known.setdefault(stem, written.casefold())
    typed = re.findall(r"\w+", text)
    if len(typed) > _WORDS_AT_MOST:
        return None
    guess = [_nearest(word, known) for word in typed]
    said = " ".join(word for word in guess if word is not None)
    return said if None not in guess and guess != typed and search(procedures, said) else None


def _nearest(word: str, known: dict[str, str]) -> str | None:
    stem = next(iter(words.stems(word)), "")
    if not stem or _fit(stem, known):
        return word
    near = difflib.get_close_matches(stem, known, n=1, cutoff=0.8) if len(stem) >= _LONG_ENOUGH else []
    return known[near[0]] if near else None
