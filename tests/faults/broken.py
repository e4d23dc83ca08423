"""Two ways of doing jobs that look right and aren't: what the checker has to notice."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping
from uuid import UUID

from sqlalchemy import delete, select

from engine.core import clock, config
from engine.core.db import Database, Session
from engine.core.jobs import Handler, Job, take_next

# How many times a process dies between the two transactions, where it does its harm. Kills at random instants meet that one
# too, but not in every short run on a busy machine.
CRASHES = 6


def mark_then_act(database: Database, job_id: UUID, handlers: Mapping[str, Handler]) -> bool:
    """The job is marked done, then done: a crash in between loses it."""
    with database.transaction() as session:
        job = _due(session, job_id)
        if job is None:
            return False
        kind, payload = job.kind, job.payload
        session.execute(delete(Job).where(Job.id == job_id))
    _crash()
    with database.transaction() as session:
        handlers[kind](session, payload)
    return True


def act_then_mark(database: Database, job_id: UUID, handlers: Mapping[str, Handler]) -> bool:
    """The job is done, then marked: a crash in between does it twice."""
    with database.transaction() as session:
        job = _due(session, job_id)
        if job is None:
            return False
        handlers[job.kind](session, job.payload)
    _crash()
    with database.transaction() as session:
        session.execute(delete(Job).where(Job.id == job_id, Job.due_at <= clock.now()))
    return True


def _crash() -> None:
    """Die as of `kill -9`, unless that was done often enough already."""
    for number in range(CRASHES):
        mark = config.current().data / f"crash-{number}"
        try:
            os.close(os.open(mark, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        except FileExistsError:
            continue
        os.kill(os.getpid(), signal.SIGKILL)


Variant = Callable[[Database, UUID, Mapping[str, Handler]], bool]

VARIANTS: dict[str, Variant] = {"mark-then-act": mark_then_act, "act-then-mark": act_then_mark}


def in_the_way_of(variant: Variant) -> Callable[..., bool]:
    """What takes the place of `jobs.do_due` where jobs are done so."""

    def do_due(database: Database, kind: str, handlers: Mapping[str, Handler], *_: object) -> bool:
        while taken := database.run(take_next, kind):
            variant(database, taken.id, handlers)
        return False

    return do_due


def _due(session: Session, job_id: UUID) -> Job | None:
    return session.scalar(
        select(Job)
        .where(Job.id == job_id, Job.state == "waiting", Job.due_at <= clock.now())
        .with_for_update(skip_locked=True)
    )
