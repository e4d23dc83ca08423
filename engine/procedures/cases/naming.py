"""The names on requests that were filed before requests had any, so that agents find them by name (E1, E3).

A request gets its names where it is filed. Of those that an earlier release filed, a job writes them, the latest first.
"""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import defer

from engine.core.db import Session
from engine.procedures import tasks
from engine.procedures.cases.case import Case

HELPING = 200
"""Requests in one transaction: a job that finds more comes back for the rest."""

# As the condition of the index that finds them says it. What was erased has no name to get.
_WITHOUT = Case.filed_at.is_not(None), Case.search_name.is_(None), Case.erased_at.is_(None)


def unnamed(session: Session) -> bool:
    """Whether a filed request has no names yet."""
    return session.scalar(select(Case.id).where(*_WITHOUT).limit(1)) is not None


def name_requests(session: Session) -> bool:
    """Write the names on a helping of the filed requests that have none; whether there may be more."""
    found = session.scalars(
        select(Case)
        .options(defer(Case.state), defer(Case.typed))
        .where(*_WITHOUT)
        .order_by(Case.filed_at.desc())
        .limit(HELPING)
        .with_for_update(skip_locked=True)
    ).all()
    for case in found:
        case.search_name = tasks.searchable(case.known_names)
    session.flush()
    return len(found) == HELPING
