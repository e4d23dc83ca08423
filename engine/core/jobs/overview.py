"""Jobs as operators see them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from uuid import UUID

from sqlalchemy import func, literal, select, union_all, update

from engine.core import clock
from engine.core.db import Session, after_commit
from engine.core.errors import Conflict, NotFound
from engine.core.jobs.promises import Job
from engine.core.jobs.waking import wake


def listing(session: Session, *, state: str | None = None, limit: int = 200) -> list[Job]:
    """Jobs for the operators' screen: failed ones first, then by due time."""
    query = select(Job).order_by(Job.state, Job.due_at).limit(limit)
    return list(session.scalars(query.where(Job.state == state) if state else query))


@dataclass(frozen=True)
class Backlog:
    """The jobs of one kind in one state: `due` (its time has come), `scheduled` or `failed`; when the oldest is due."""

    state: str
    kind: str
    jobs: int
    oldest: datetime


def backlog(session: Session) -> list[Backlog]:
    """How many jobs of each kind are due, scheduled and failed."""
    now = clock.now()
    sorts = {
        "due": (Job.state == "waiting", Job.due_at <= now),
        "scheduled": (Job.state == "waiting", Job.due_at > now),
        "failed": (Job.state == "failed",),
    }
    counted = union_all(
        *(
            select(literal(name).label("state"), Job.kind, func.count(), func.min(Job.due_at))
            .where(*sort)
            .group_by(Job.kind)
            for name, sort in sorts.items()
        )
    )
    return [Backlog(*row) for row in session.execute(counted)]


def depth(session: Session) -> dict[str, int]:
    """How many jobs there are in each state."""
    return dict(session.execute(select(Job.state, func.count()).group_by(Job.state)).all())


def retry(session: Session, job_id: UUID) -> None:
    """Give a failed job all its tries again, or raise `NotFound` or `Conflict`."""
    kind = session.scalar(
        update(Job)
        .where(Job.id == job_id, Job.state == "failed")
        .values(state="waiting", tries=0, starts=0, held_until=None, due_at=clock.now())
        .returning(Job.kind)
    )
    if kind is None:
        if session.get(Job, job_id) is None:
            raise NotFound(english=f"there is no job {job_id}")
        raise Conflict("Ce travail n’est pas en échec.", english=f"the job {job_id} has not failed")
    after_commit(session, partial(wake, {kind: 1}))
