"""Are analysts' regular expressions safe to run on what people type?

Python's `re` tries every way a text can match: a pattern that can read the same text in exponentially many ways hangs
the server on thirty well-chosen characters. The pattern is turned into its position automaton, which is searched for
ambiguity: two different ways round one loop on the same text (exponential), or a chain of three loops that read the
same characters one after the other (at least cubic). Counted repeats, which are no loops, are judged by counting the
readings of one character repeated.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain
from re import _constants as sre  # type: ignore[attr-defined]
from re import _parser as sre_parse  # type: ignore[attr-defined]
from typing import Any, Final

LONGEST: Final = 500
#: Repeats such as `{3,200}` are unrolled: past this many positions the pattern is refused rather than studied.
MOST_POSITIONS: Final = 160
#: How long a run of one character is tried, and how many readings of it are too many.
LONGEST_RUN: Final = 64
MOST_READINGS: Final = 100_000

_Edge = tuple[int, int]


@lru_cache(maxsize=1024)
def problem(pattern: str) -> str | None:
    """Why `pattern` can't be accepted, as a French sentence; None when it is a safe regular expression."""
    if len(pattern) > LONGEST:
        return f"L’expression régulière dépasse {LONGEST} caractères : découpez-la en plusieurs règles."
    try:
        re.compile(pattern)
        tree = sre_parse.parse(pattern)
    except (re.error, OverflowError, RecursionError):
        return f"L’expression régulière « {pattern} » est mal écrite."
    try:
        automata = list(_automata(tree))
    except _Refused as refusal:
        return str(refusal)
    for automaton in automata:
        if automaton.is_exponential():
            return (
                f"L’expression régulière « {pattern} » peut bloquer le serveur : une répétition en contient une autre, "
                "ou deux choix d’une répétition lisent les mêmes caractères. Gardez une seule répétition par suite "
                "de caractères."
            )
        if automaton.longest_chain() > 2 or automaton.readings() > MOST_READINGS:
            return (
                f"L’expression régulière « {pattern} » peut ralentir le serveur : trop de répétitions qui se suivent "
                "lisent les mêmes caractères. Séparez-les par un caractère qu’elles ne lisent pas."
            )
    return None


class _Refused(Exception):
    """The pattern uses what can't be studied."""


@dataclass
class _Part:
    """A piece of the pattern: the positions it can start and end on, and in how many ways it can be empty.

    A position that is there twice can be reached in two ways; more than two isn't counted.
    """

    first: tuple[int, ...] = ()
    last: tuple[int, ...] = ()
    empty: int = 1


def _either(*ways: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(position for position, number in Counter(chain(*ways)).items() for _ in range(min(number, 2)))


@dataclass
class _Automaton:
    """Positions of the pattern (the characters each reads) and which can follow which, and in how many ways."""

    reads: list[frozenset[str]] = field(default_factory=list)
    follows: Counter[_Edge] = field(default_factory=Counter)
    starts: tuple[int, ...] = ()

    def position(self, characters: frozenset[str]) -> _Part:
        if len(self.reads) >= MOST_POSITIONS:
            raise _Refused("L’expression régulière est trop longue à étudier : réduisez ses répétitions comptées.")
        self.reads.append(characters)
        here = (len(self.reads) - 1,)
        return _Part(here, here, empty=0)

    def link(self, lasts: Iterable[int], firsts: Iterable[int]) -> None:
        firsts = tuple(firsts)
        self.follows.update((last, first) for last in lasts for first in firsts)

    def is_exponential(self) -> bool:
        """Can some loop be gone round in two different ways on the same text?"""
        loops = _components(range(len(self.reads)), self.successors())
        component = {state: number for number, states in enumerate(loops) for state in states}
        if any(ways > 1 and component[a] == component[b] for (a, b), ways in self.follows.items()):
            return True
        for states in loops:
            pairs = self.pairs(states)
            for together in _components(pairs, pairs):
                if any(a == b for a, b in together) and any(a != b for a, b in together):
                    return True
        return False

    def longest_chain(self) -> int:
        """How many loops, one after the other, can share out the same run of characters."""
        successors = self.successors()
        loops = [
            states
            for states in _components(range(len(self.reads)), successors)
            if any(b in states for a in states for b in successors[a])
        ]
        after: dict[int, list[int]] = {
            i: [j for j in range(len(loops)) if j != i and self.shares(loops[i], loops[j])] for i in range(len(loops))
        }

        def length(index: int) -> int:
            return 1 + max((length(other) for other in after[index]), default=0)

        return max((length(index) for index in after), default=0)

    def readings(self) -> int:
        """The most ways to read one character written `LONGEST_RUN` times or less."""
        successors, most = self.successors(), 0
        for character in frozenset().union(*self.reads):
            able = [character in characters for characters in self.reads]
            ways = {state: 1 for state in self.starts if able[state]}
            for _ in range(LONGEST_RUN):
                most = max(most, sum(ways.values()))
                following: Counter[int] = Counter()
                for state, number in ways.items():
                    for target in successors[state]:
                        if able[target]:
                            following[target] += number
                ways = following
        return most

    def shares(self, one: set[int], other: set[int]) -> bool:
        """Is there a text that goes round loop `one`, goes round loop `other`, and leads from one to the other?"""
        successors = self.successors()
        for p in one:
            for q in other:
                start, goal = (p, p, q), (p, q, q)
                seen, todo = {start}, [start]
                while todo:
                    a, b, c = todo.pop()
                    for x in successors[a]:
                        for y in successors[b]:
                            for z in successors[c]:
                                state = (x, y, z)
                                if x not in one or z not in other or state in seen:
                                    continue
                                if self.reads[x] & self.reads[y] & self.reads[z]:
                                    if state == goal:
                                        return True
                                    seen.add(state)
                                    todo.append(state)
        return False

    def successors(self) -> dict[int, list[int]]:
        after: dict[int, list[int]] = {state: [] for state in range(len(self.reads))}
        for a, b in self.follows:
            after[a].append(b)
        return after

    def pairs(self, states: set[int]) -> dict[_Edge, list[_Edge]]:
        """Two walks at once inside one loop, over the same text."""
        after = {a: [b for b in following if b in states] for a, following in self.successors().items() if a in states}
        return {
            (a, b): [(x, y) for x in after[a] for y in after[b] if self.reads[x] & self.reads[y]]
            for a in states
            for b in states
        }


def _components(states: Iterable[Any], after: dict[Any, list[Any]]) -> list[set[Any]]:
    """Strongly connected components (Tarjan's algorithm, without recursion)."""
    index: dict[Any, int] = {}
    low: dict[Any, int] = {}
    stack: list[Any] = []
    on_stack: set[Any] = set()
    found: list[set[Any]] = []
    for root in states:
        if root in index:
            continue
        work: list[tuple[Any, Iterator[Any]]] = [(root, iter(after[root]))]
        index[root] = low[root] = len(index)
        stack.append(root)
        on_stack.add(root)
        while work:
            state, following = work[-1]
            for target in following:
                if target not in index:
                    index[target] = low[target] = len(index)
                    stack.append(target)
                    on_stack.add(target)
                    work.append((target, iter(after[target])))
                    break
                if target in on_stack:
                    low[state] = min(low[state], index[target])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[state])
                if low[state] == index[state]:
                    component = set()
                    while True:
                        member = stack.pop()
                        on_stack.discard(member)
                        component.add(member)
                        if member == state:
                            break
                    found.append(component)
    return found


def _automata(tree: Any) -> Iterator[_Automaton]:
    """The automaton of the pattern, and one for each look-around in it."""
    todo = [tree]
    alphabet = _alphabet(tree)
    while todo:
        automaton = _Automaton()
        automaton.starts = _sequence(automaton, todo.pop(), alphabet, todo).first
        yield automaton


def _sequence(automaton: _Automaton, items: Any, alphabet: frozenset[str], aside: list[Any]) -> _Part:
    whole = _Part()
    for operation, argument in items:
        part = _piece(automaton, operation, argument, alphabet, aside)
        automaton.link(whole.last, part.first)
        whole = _then(whole, part)
    return whole


def _then(one: _Part, other: _Part) -> _Part:
    return _Part(
        first=_either(one.first, other.first * one.empty),
        last=_either(one.last * other.empty, other.last),
        empty=min(one.empty * other.empty, 2),
    )


def _piece(automaton: _Automaton, operation: Any, argument: Any, alphabet: frozenset[str], aside: list[Any]) -> _Part:
    if operation in (sre.LITERAL, sre.NOT_LITERAL, sre.IN, sre.ANY):
        return automaton.position(frozenset(c for c in alphabet if _reads(operation, argument, c)))
    if operation is sre.AT:
        return _Part()
    if operation is sre.BRANCH:
        parts = [_sequence(automaton, branch, alphabet, aside) for branch in argument[1]]
        return _Part(
            first=_either(*(part.first for part in parts)),
            last=_either(*(part.last for part in parts)),
            empty=min(sum(part.empty for part in parts), 2),
        )
    if operation is sre.SUBPATTERN:
        return _sequence(automaton, argument[3], alphabet, aside)
    if operation is sre.ATOMIC_GROUP:
        return _sequence(automaton, argument, alphabet, aside)
    if operation in (sre.ASSERT, sre.ASSERT_NOT):
        aside.append(argument[1])
        return _Part()
    if operation in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT):
        return _repeat(automaton, argument, alphabet, aside)
    raise _Refused("L’expression régulière renvoie à un groupe déjà lu (\\1), ce qui n’est pas permis.")


def _repeat(automaton: _Automaton, argument: Any, alphabet: frozenset[str], aside: list[Any]) -> _Part:
    least, most, items = argument
    endless = most == sre.MAXREPEAT
    # `x{2,4}` is read as `xx(x(x)?)?`: a copy is tried only after the one before it.
    before, last = _Part(), _Part()
    empty = int(least == 0)
    for number in range(1, (max(least, 1) if endless else most) + 1):
        part = _sequence(automaton, items, alphabet, aside)
        automaton.link(before.last, part.first)
        before = _then(before, part)
        if number >= least:
            last = _Part(last=_either(last.last, part.last if number > least else before.last))
        if endless and number >= least:
            automaton.link(part.last, part.first)
        empty = min(empty + part.empty, 2) if number == max(least, 1) else empty
    return _Part(before.first, last.last, empty)


def _alphabet(tree: Any) -> frozenset[str]:
    """A few characters that stand for all: two characters that no part of the pattern tells apart count as one."""
    found = {"a", "Z", "5", "_", " ", "\n", "é", "-", "\x00", "\u4e00", "٣"}

    def visit(items: Any) -> None:
        if isinstance(items, (tuple, list)) and len(items) == 2 and items[0] in (sre.LITERAL, sre.NOT_LITERAL):
            found.update(_around(items[1], items[1]))
        elif isinstance(items, (tuple, list)) and len(items) == 2 and items[0] is sre.RANGE:
            found.update(_around(*items[1]))
        elif isinstance(items, (tuple, list, sre_parse.SubPattern)):
            for item in items:
                visit(item)

    visit(tree)
    classes: dict[frozenset[int], str] = {}
    leaves = list(_leaves(tree))
    for character in sorted(found):
        told = frozenset(n for n, (operation, argument) in enumerate(leaves) if _reads(operation, argument, character))
        classes.setdefault(told, character)
    return frozenset(classes.values())


def _around(low: int, high: int) -> Iterator[str]:
    for code in (low - 1, low, high, high + 1):
        if 0 <= code <= 0x10FFFF:
            yield chr(code)


def _leaves(items: Any) -> Iterator[tuple[Any, Any]]:
    for item in items:
        if not isinstance(item, (tuple, list, sre_parse.SubPattern)):
            continue
        if len(item) == 2 and item[0] in (sre.LITERAL, sre.NOT_LITERAL, sre.IN, sre.ANY):
            yield item[0], item[1]
        else:
            yield from _leaves(item)


def _reads(operation: Any, argument: Any, character: str) -> bool:
    code = ord(character)
    if operation is sre.LITERAL:
        return bool(argument == code)
    if operation is sre.NOT_LITERAL:
        return bool(argument != code)
    if operation is sre.ANY:
        return character != "\n"
    if operation is sre.RANGE:
        return bool(argument[0] <= code <= argument[1])
    if operation is sre.CATEGORY:
        return _in_category(argument, character)
    negated = bool(argument) and argument[0][0] is sre.NEGATE
    return negated != any(_reads(kind, value, character) for kind, value in argument if kind is not sre.NEGATE)


def _in_category(category: Any, character: str) -> bool:
    pattern = {
        sre.CATEGORY_DIGIT: r"\d",
        sre.CATEGORY_NOT_DIGIT: r"\D",
        sre.CATEGORY_SPACE: r"\s",
        sre.CATEGORY_NOT_SPACE: r"\S",
        sre.CATEGORY_WORD: r"\w",
        sre.CATEGORY_NOT_WORD: r"\W",
    }[category]
    return re.fullmatch(pattern, character) is not None
