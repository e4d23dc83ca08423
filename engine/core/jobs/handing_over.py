"""Handing jobs over to workers, which are told ids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, CompoundSelect, func, literal, or_, select, union_all, update

from engine.core import clock
from engine.core.db import Session
from engine.core.jobs.promises import Job

# How long a job handed to a worker is left alone before it is handed out again: its message may be lost.
HOLD = timedelta(seconds=10)


def hand_over(session: Session, outstanding: Mapping[str, int]) -> list[tuple[UUID, str]]:
    """Jobs to send to the workers, as (id, kind), the oldest of each kind first; they are held from now on.

    `outstanding` names the kinds and how many of each may be on their way at a time. A job that is being done, or was
    handed over less than `HOLD` ago, isn't handed over again: two who call this at once get different jobs.
    """
    now = clock.now()
    free = (Job.state == "waiting", Job.due_at <= now, or_(Job.held_until.is_(None), Job.held_until <= now))
    kinds = list(session.scalars(_kinds_with(outstanding, free)))
    if not kinds:
        return []
    held = dict(session.execute(select(Job.kind, func.count()).where(Job.held_until > now).group_by(Job.kind)).all())
    handed: list[tuple[UUID, str]] = []
    for kind in kinds:
        room = outstanding[kind] - held.get(kind, 0)
        if room <= 0:
            continue
        oldest = (
            select(Job.id)
            .where(Job.kind == kind, *free)
            .order_by(Job.due_at)
            .limit(room)
            .with_for_update(skip_locked=True)
        )
        # Read first: inside an UPDATE, PostgreSQL may run a limited subquery again for each row it tries.
        ids = list(session.scalars(oldest))
        session.execute(update(Job).where(Job.id.in_(ids)).values(held_until=now + HOLD))
        handed += [(job_id, kind) for job_id in ids]
    return handed


def _kinds_with(kinds: Mapping[str, int], conditions: tuple[ColumnElement[bool], ...]) -> CompoundSelect[str]:
    # One probe of the index a kind, however many jobs wait: a queue of one kind hides no other. Not EXISTS, for which
    # PostgreSQL may read the table from its beginning, where a million timers to come are.
    first = select(Job.due_at).where(*conditions).order_by(Job.due_at).limit(1)
    return union_all(
        *(select(literal(kind)).where(first.where(Job.kind == kind).scalar_subquery().is_not(None)) for kind in kinds)
    )


def let_go(session: Session, job_ids: Sequence[UUID]) -> None:
    """Take back what could not be sent: the next `hand_over` sees these jobs again."""
    session.execute(update(Job).where(Job.id.in_(job_ids)).values(held_until=None))
