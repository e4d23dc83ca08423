"""The requests of an agent's service by reference or name, whatever becomes of them: those that wait for the resident, or are
over, too (E1, E3).

A filed request holds the names that agents read of it. Each procedure's have an index in order of time that holds them too: a
name that many bear is met on the way, whatever the number of requests; one that few bear is looked up by its words.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Select,
    and_,
    bindparam,
    false,
    func,
    literal,
    not_,
    select,
    union_all,
)
from sqlalchemy.orm import defer

from engine.core.db import Session
from engine.people.access import Thing, can, worked_groups
from engine.people.actors import Actor
from engine.procedures import catalogue, references, tasks
from engine.procedures.cases.case import Case
from engine.procedures.catalogue import Version
from engine.procedures.tasks import RESIDENT, HumanTask

SHOWN = 50


@dataclass(frozen=True)
class Found:
    """Requests, the latest first; `more` when there are others. `waiting` are the ids of those that wait for the resident."""

    cases: list[Case]
    more: bool
    waiting: frozenset[UUID]


def search(session: Session, actor: Actor, words: str) -> Found:
    """The filed requests that the agent may open, whose reference begins as typed, or whose names begin with the words typed.

    Five statements at most, whatever the number of requests; two more where a procedure's former versions were another
    service's.
    """
    typed = tasks.searchable(words).split()
    procedures = _procedures(session, actor) if typed else []
    if not procedures:
        return Found([], False, frozenset())
    found = _rows(session, procedures, typed, words)
    refused = _refused(session, actor, {case.version_id for case in found})
    if refused:
        others = select(Version.id).where(
            Version.slug.in_({case.procedure for case in found if case.version_id in refused})
        )
        refused |= _refused(session, actor, set(session.scalars(others)))
        found = _rows(session, procedures, typed, words, refused)
    shown = found[:SHOWN]
    asked = select(HumanTask.case_id).where(
        HumanTask.case_id.in_([case.id for case in shown]), HumanTask.group == RESIDENT
    )
    return Found(shown, len(found) > SHOWN, frozenset(session.scalars(asked)))


def _procedures(session: Session, actor: Actor) -> list[str]:
    """The procedures that the agent's groups may have worked on: the versions of a withdrawn one are looked at later."""
    groups = worked_groups(actor)
    if not groups:
        return []
    procedures = catalogue.everything(session)
    published = catalogue.definitions(session, {one.version_id for one in procedures if one.version_id is not None})
    return [one.slug for one in procedures if one.version_id is None or published[one.version_id].groups & groups]


def _refused(session: Session, actor: Actor, versions: Collection[UUID]) -> set[UUID]:
    """Those of the versions whose requests the agent may not open."""
    definitions = catalogue.definitions(session, versions).items()
    return {one for one, made in definitions if not can(actor, "case.work", Thing(groups=made.groups, filed=True))}


def _rows(
    session: Session, procedures: list[str], typed: list[str], words: str, refused: Collection[UUID] = ()
) -> list[Case]:
    """The requests of these procedures that answer, the latest first, and one more than are shown."""
    # All of it is written out: beside a value left open, PostgreSQL would after some runs plan once for all names.
    named = and_(*(tasks.begins(Case.search_name, word) for word in typed))
    filed = [Case.filed_at.is_not(None)]
    if refused:
        filed.append(Case.version_id.not_in(_written(refused)))
    # One for each procedure: the database merges them as their index gives them, and reads none to its end.
    ways = [_way(Case.procedure == literal(slug, literal_execute=True), named, *filed) for slug in procedures]
    if between := references.between(words):
        first, last = (literal(end, literal_execute=True) for end in between)
        # Not a second time what is there by its name.
        unnamed = not_(func.coalesce(named, false()))
        ways.append(
            _way(Case.reference.between(first, last), Case.procedure.in_(_written(procedures)), unnamed, *filed)
        )
    merged = union_all(*ways).subquery()
    most = literal(SHOWN + 1, literal_execute=True)
    ids = select(merged.c.id).order_by(merged.c.filed_at.desc(), merged.c.id.desc()).limit(most)
    # The state of a process is large, and no list shows it.
    query = select(Case).options(defer(Case.state), defer(Case.typed)).where(Case.id.in_(ids))
    return list(session.scalars(query.order_by(Case.filed_at.desc(), Case.id.desc())))


def _written(values: Collection[Any]) -> BindParameter[Any]:
    return bindparam(None, list(values), expanding=True, literal_execute=True)


def _way(*wanted: ColumnElement[bool]) -> Select[UUID, datetime | None]:
    return select(Case.id, Case.filed_at).where(*wanted)
