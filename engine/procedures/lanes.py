"""Lanes that are probably misspelt: publishing opens a group for each name, where tasks would wait for nobody (F2)."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from difflib import SequenceMatcher

from engine.bpmn import model
from engine.bpmn.check import typeset
from engine.bpmn.model import Lane, Problem
from engine.core.errors import DefinitionError
from engine.people.groups import RESIDENTS_LANE
from engine.procedures.catalogue import SourceSet
from engine.procedures.words import plain

ALIKE = 0.9


def doubtful(checked: Sequence[SourceSet], house: Sequence[SourceSet]) -> list[Problem]:
    """The lanes of the procedures `checked` whose name is nearly that of the residents' lane, or of a lane which as many other
    procedures of the house have, or more. Nothing that forbids to deploy: two services may be called nearly alike."""
    where: dict[str, set[str]] = defaultdict(set, {RESIDENTS_LANE: {one.slug for one in house}})
    own: dict[str, Sequence[Lane]] = {}
    for sources in {one.slug: one for one in (*house, *checked)}.values():
        own[sources.slug] = _lanes(sources)
        for lane in own[sources.slug]:
            where[lane.name].add(sources.slug)
    return [
        _doubt(sources, lane, meant)
        for sources in checked
        for lane in own[sources.slug]
        if (meant := _meant(lane.name, where))
    ]


def nearly_groups(sources: SourceSet, group_names: Collection[str]) -> list[Problem]:
    """The lanes of a procedure whose name is nearly that of a group that is there, or of the residents' lane."""
    known = [RESIDENTS_LANE, *sorted(group_names)]
    return [
        _doubt(sources, lane, meant)
        for lane in _lanes(sources)
        if lane.name not in known and (meant := next((name for name in known if _alike(lane.name, name)), None))
    ]


def _doubt(sources: SourceSet, lane: Lane, meant: str) -> Problem:
    message = (
        f"Le couloir « {lane.name} » s’appelle presque comme « {meant} » : si c’est le même groupe d’agents, écrivez son nom de "
        "la même façon."
    )
    return Problem(sources.bpmn.name, lane.id, lane.line, "nearly-known-lane", typeset(message))


def _lanes(sources: SourceSet) -> list[Lane]:
    """The lanes that count: those of people's tasks. A file that can't be read is the checker's affair."""
    try:
        document = model.read(sources.bpmn)
    except DefinitionError:
        return []
    worked = {node.lane for node in document.nodes if node.is_human}
    return [lane for process in document.processes for lane in process.lanes if lane.name in worked]


def _meant(name: str, where: Mapping[str, set[str]]) -> str | None:
    others = (other for other in sorted(where) if other != name and len(where[other]) >= len(where[name]))
    return next((other for other in others if _alike(name, other)), None)


def _alike(one: str, other: str) -> bool:
    # «Secteur 1» and «Secteur 2» are two groups.
    numbers = [re.findall(r"\d+", name) for name in (one, other)]
    return numbers[0] == numbers[1] and SequenceMatcher(None, plain(one), plain(other)).ratio() >= ALIKE
