"""Two ways of doing jobs that look right and aren't: what the checker has to notice."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from uuid import UUID

from sqlalchemy import delete, select

from engine.core import clock
from engine.core.db import Database, Session
from engine.core.jobs import Handler, Job

# Between the two transactions, where a crash does its harm.
WINDOW = 0.5


def mark_then_act(
    database: Database, job_id: UUID, handlers: Mapping[str, Handler], _at_once: Mapping[str, int] | None = None
) -> bool:
    """The job is marked done, then done: a crash in between loses it."""
    with database.transaction() as session:
        job = _due(session, job_id)
        if job is None:
            return False
        kind, payload = job.kind, job.payload
        session.execute(delete(Job).where(Job.id == job_id))
    time.sleep(WINDOW)
    with database.transaction() as session:
        handlers[kind](session, payload)
    return True


def act_then_mark(
    database: Database, job_id: UUID, handlers: Mapping[str, Handler], _at_once: Mapping[str, int] | None = None
) -> bool:
    """The job is done, then marked: a crash in between does it twice."""
    with database.transaction() as session:
        job = _due(session, job_id)
        if job is None:
            return False
        handlers[job.kind](session, job.payload)
    time.sleep(WINDOW)
    with database.transaction() as session:
        session.execute(delete(Job).where(Job.id == job_id, Job.due_at <= clock.now()))
    return True


VARIANTS: dict[str, Callable[..., bool]] = {"mark-then-act": mark_then_act, "act-then-mark": act_then_mark}


def _due(session: Session, job_id: UUID) -> Job | None:
    return session.scalar(
        select(Job)
        .where(Job.id == job_id, Job.state == "waiting", Job.due_at <= clock.now())
        .with_for_update(skip_locked=True)
    )
