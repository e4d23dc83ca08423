"""The requests of an agent's service by reference or name, whatever becomes of them: those that wait for the resident, or are
over, too (E1, E3).

Open tasks hold the names of their requests, with an index; a request that has none is found by the names of its account, among
the last that ended, or among the last that moved. What is older and was made without an account is found by its reference.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Select, select, union_all
from sqlalchemy.orm import defer

from engine.core.db import Session
from engine.people import accounts
from engine.people.access import Thing, can, worked_groups
from engine.people.accounts import Account
from engine.people.actors import Actor
from engine.procedures import catalogue, references, tasks
from engine.procedures.cases.case import Case
from engine.procedures.catalogue import Version
from engine.procedures.history import Entry
from engine.procedures.tasks import RESIDENT, HumanTask

SHOWN = 50
# Names are compared as agents read them once the rows are here: so many are read at most.
_NAMED, _ENDED = 200, 300
_MOVES = 5000


@dataclass(frozen=True)
class Found:
    """Requests, the latest first; `more` when there are others. `waiting` are the ids of those that wait for the resident."""

    cases: list[Case]
    more: bool
    waiting: frozenset[UUID]


def search(session: Session, actor: Actor, words: str) -> Found:
    """The filed requests that the agent may open, whose reference begins as typed, or whose names begin with the words typed.

    Seven statements at most, whatever the number of requests.
    """
    typed = tasks.searchable(words).split()
    versions = _versions(session, actor)
    if not typed or not versions:
        return Found([], False, frozenset())
    filed = Case.filed_at.is_not(None), Case.version_id.in_(versions)
    found = {case.id: case for case in session.scalars(_rows(_named(typed, words), _NAMED).where(*filed))}
    found |= {case.id: case for case in session.scalars(_rows(_last(versions), 2 * _ENDED).where(*filed))}
    between = references.between(words)
    definitions = catalogue.definitions(session, {case.version_id for case in found.values()})
    mine = [
        case
        for case in found.values()
        if _answers(case, typed, between)
        and can(actor, "case.work", Thing(groups=definitions[case.version_id].groups, filed=True))
    ]
    mine.sort(key=lambda case: (case.filed_at or case.opened_at, case.reference), reverse=True)
    shown = mine[:SHOWN]
    asked = select(HumanTask.case_id).where(
        HumanTask.case_id.in_([case.id for case in shown]), HumanTask.group == RESIDENT
    )
    return Found(shown, len(mine) > SHOWN, frozenset(session.scalars(asked)))


def _versions(session: Session, actor: Actor) -> list[UUID]:
    """The versions of the procedures that the agent's groups may have worked on: those of a withdrawn one are looked at later."""
    procedures = catalogue.everything(session)
    published = catalogue.definitions(session, {one.version_id for one in procedures if one.version_id is not None})
    groups = worked_groups(actor)
    slugs = [one.slug for one in procedures if one.version_id is None or published[one.version_id].groups & groups]
    return list(session.scalars(select(Version.id).where(Version.slug.in_(slugs)))) if groups and slugs else []


def _named(typed: list[str], words: str) -> Select[UUID]:
    """The ids of requests by the names of their open tasks or of their account, or by reference."""
    of_tasks = select(HumanTask.case_id).where(*(tasks.begins(HumanTask.search_name, word) for word in typed))
    names = (Account.search_name.contains(word, autoescape=True) for word in accounts.plain(words).split())
    of_accounts = select(Case.id).join(Account, Account.id == Case.account_id).where(*names)
    ways = [of_tasks, of_accounts]
    if between := references.between(words):
        ways.append(select(Case.id).where(Case.reference.between(*between)))
    return select(union_all(*ways).subquery().c[0])


def _last(versions: Iterable[UUID]) -> Select[UUID]:
    """The ids of the requests that ended last, and of those that moved last of all procedures."""
    # An index gives the first ones of each version, and that of the history, whose ids grow with time, the last of all.
    firsts = [
        select(Case.id, Case.closed_at)
        .where(Case.version_id == each, Case.status == "closed")
        .order_by(Case.closed_at.desc())
        .limit(_ENDED)
        .subquery()
        for each in versions
    ]
    merged = union_all(*(select(first) for first in firsts)).subquery()
    ended = select(merged.c.id).order_by(merged.c.closed_at.desc()).limit(_ENDED).subquery()
    moved = select(Entry.case_id).order_by(Entry.id.desc()).limit(_MOVES).subquery()
    return select(union_all(select(ended.c.id), select(moved.c.case_id)).subquery().c[0])


def _rows(ids: Select[UUID], limit: int) -> Select[Case]:
    # The state of a process is large, and no list shows it.
    query = select(Case).options(defer(Case.state), defer(Case.typed)).where(Case.id.in_(ids))
    return query.order_by(Case.filed_at.desc(), Case.id).limit(limit)


def _answers(case: Case, typed: list[str], between: tuple[str, str] | None) -> bool:
    if between is not None and between[0] <= case.reference <= between[1]:
        return True
    names = tasks.searchable(case.known_names).split()
    return all(any(name.startswith(word) for name in names) for word in typed)
