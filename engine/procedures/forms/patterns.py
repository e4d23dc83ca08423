"""Analysts' regular expressions: which of them Python's engine could take for ever to try.

The reading is cautious: a pattern is refused when a repeated part can match one text in several ways. Characters are looked at
through a sample of the alphabet, which is enough to see whether two classes overlap.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from re import _constants as op  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

_ALPHABET = [chr(code) for code in range(128)] + ["é", "Œ", "ß", "\u00a0", "٣", "漢", "€"]
_EVERY = frozenset(_ALPHABET)
_MANY = 20
_CLASSES = {
    op.CATEGORY_DIGIT: r"\d",
    op.CATEGORY_NOT_DIGIT: r"\D",
    op.CATEGORY_SPACE: r"\s",
    op.CATEGORY_NOT_SPACE: r"\S",
    op.CATEGORY_WORD: r"\w",
    op.CATEGORY_NOT_WORD: r"\W",
}


def fault(pattern: str) -> str | None:
    """What is wrong with a pattern, in French; None when it can be used."""
    try:
        re.compile(pattern)
        tree = parser.parse(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        return f"l’expression régulière « {pattern} » n’est pas valide ({error})"
    if dangerous(list(tree)):
        reason = "une partie répétée peut lire le même texte de plusieurs façons"
        return f"l’expression régulière « {pattern} » peut bloquer le serveur : {reason}"
    return None


def dangerous(sequence: list[Any]) -> bool:
    """Whether matching this sequence can take more than a few passes over a text."""
    if _too_many_in_a_row(sequence):
        return True
    for kind, value in sequence:
        if kind in (op.GROUPREF, op.GROUPREF_EXISTS):
            return True
        if kind in (op.MAX_REPEAT, op.MIN_REPEAT):
            least, most, body = value
            if dangerous(list(body)) or (most > _MANY and least != most and _ambiguous(list(body))):
                return True
        elif any(dangerous(inner) for inner in _inside(kind, value)):
            return True
    return False


def _inside(kind: Any, value: Any) -> Iterator[list[Any]]:
    """The sequences directly inside an element."""
    if kind is op.SUBPATTERN:
        yield list(value[-1])
    elif kind in (op.ASSERT, op.ASSERT_NOT):
        yield list(value[1])
    elif kind is op.BRANCH:
        yield from (list(one) for one in value[1])
    elif kind is op.ATOMIC_GROUP:
        yield list(value)
    elif kind is getattr(op, "POSSESSIVE_REPEAT", None):
        yield list(value[2])


def _ambiguous(body: list[Any]) -> bool:
    """Whether a repeated body may end in more than one place of a text."""
    body = list(_flat(body))
    stretch: frozenset[str] = frozenset()
    for kind, value in body:
        if kind in (op.MAX_REPEAT, op.MIN_REPEAT):
            if value[0] != value[1]:
                stretch |= characters(list(value[2]))
            elif _ambiguous(list(value[2])):
                return True
        elif kind is op.BRANCH:
            options = [list(one) for one in value[1]]
            if any(not option for option in options):
                stretch |= characters([one for option in options for one in option])
                if sum(not option for option in options) > 1:
                    return True
            firsts = [characters(option[:1]) for option in options if option]
            if any(one & other for index, one in enumerate(firsts) for other in firsts[index + 1 :]):
                return True
            if any(_ambiguous(option) for option in options if option):
                return True
    if not stretch:
        return False
    # A compulsory separator that the stretching parts can't swallow makes each turn begin in one place only.
    fixed = [characters([one]) for one in body if one[0] in (op.LITERAL, op.NOT_LITERAL, op.IN, op.ANY)]
    return not any(not (one & stretch) for one in fixed)


def _flat(body: list[Any]) -> Iterator[Any]:
    for kind, value in body:
        if kind is op.SUBPATTERN:
            yield from _flat(list(value[-1]))
        else:
            yield kind, value


def _too_many_in_a_row(sequence: list[Any]) -> bool:
    """Whether more than two long repetitions can share one stretch of text: each more multiplies the time by its length."""
    run: list[frozenset[str]] = []
    for kind, value in _flat(sequence):
        found = characters([(kind, value)])
        if kind in (op.MAX_REPEAT, op.MIN_REPEAT) and value[1] > _MANY and value[0] != value[1]:
            run = [one for one in run if one & found] + [found]
            if len(run) > 2:
                return True
        elif kind in (op.LITERAL, op.NOT_LITERAL, op.IN, op.ANY):
            run = [one for one in run if one & found]
    return False


def characters(sequence: list[Any]) -> frozenset[str]:
    """The characters of the sample that some element of the sequence can match."""
    found: frozenset[str] = frozenset()
    for kind, value in sequence:
        if kind is op.LITERAL:
            found |= {chr(value)}
        elif kind is op.NOT_LITERAL:
            found |= _EVERY - {chr(value)}
        elif kind is op.ANY:
            found |= _EVERY - {"\n"}
        elif kind is op.IN:
            found |= _class(value)
        elif kind in (op.MAX_REPEAT, op.MIN_REPEAT):
            found |= characters(list(value[2]))
        else:
            for inner in _inside(kind, value):
                found |= characters(inner)
    return found


def _class(parts: list[Any]) -> frozenset[str]:
    found: set[str] = set()
    negated = False
    for kind, value in parts:
        if kind is op.NEGATE:
            negated = True
        elif kind is op.LITERAL:
            found.add(chr(value))
        elif kind is op.RANGE:
            found |= {one for one in _ALPHABET if value[0] <= ord(one) <= value[1]}
        elif kind is op.CATEGORY:
            found |= {one for one in _ALPHABET if re.match(_CLASSES[value], one)}
    return _EVERY - found if negated else frozenset(found)
