"""Doing a job: once, in one transaction with its effect."""

from __future__ import annotations

import logging
import random
import time
import traceback
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import Uuid, and_, bindparam, case, delete, func, literal, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.dml import ReturningDelete

from engine.core import clock, logs, metrics, traces
from engine.core.db import Database, Session, retryable
from engine.core.errors import ParvisError, Unavailable
from engine.core.jobs.promises import Job
from engine.core.jobs.taking import DUE, TABLE, Taken, take, take_next
from engine.core.pace import Pace, aside

log = logging.getLogger("engine.core.jobs")

# Delays between tries: 10 s, 1 min, 6 min, 36 min, then 3 h 36 until the last.
LAST_TRY = 8
_FIRST_DELAY = timedelta(seconds=10)
_LONGEST_DELAY = timedelta(hours=4)

Handler = Callable[[Session, Mapping[str, Any]], None]


def due(session: Session, limit: int = 100) -> list[UUID]:
    """The ids of jobs whose time has come, the oldest first."""
    return list(
        session.scalars(
            select(Job.id).where(Job.state == "waiting", Job.due_at <= clock.now()).order_by(Job.due_at).limit(limit)
        )
    )


def run(
    database: Database, job_id: UUID, handlers: Mapping[str, Handler], at_once: Mapping[str, int] | None = None
) -> bool:
    """Do one job and delete it in the same transaction; False when there was nothing to do (done, taken, too early).

    A handler that raises has its changes rolled back; the job waits longer before each new try, and after the last one
    is set aside as failed, where operators see it. `at_once` says of some kinds how many may run at a time, over all
    machines (PostgreSQL; an embedded installation does one job at a time anyway): one too many is left alone.
    """
    taken = database.run(take, job_id)
    return taken is not None and _do(database, taken, handlers, at_once or {}) == "done"


def do_due(
    database: Database, kind: str, handlers: Mapping[str, Handler], at_once: Mapping[str, int], seconds: float
) -> bool:
    """Do the due jobs of a kind, the oldest first, each as `run` does it, until there are no more, all the places of the
    kind are taken or `seconds` have passed; whether time was up first."""
    until = time.monotonic() + seconds
    while True:
        taken = database.run(take_next, kind)
        # Who has the places goes on with the kind's jobs: nobody need wait for one.
        if taken is None or _do(database, taken, handlers, at_once) == "no place":
            return False
        if time.monotonic() > until:
            return True


def _do(
    database: Database, taken: Taken, handlers: Mapping[str, Handler], at_once: Mapping[str, int]
) -> Literal["done", "failed", "gone", "no place"]:
    """Do a job that was taken."""
    for attempt in range(1, 6):
        try:
            _do_ahead(database, taken, handlers)
            with database.transaction() as session:
                # Deleted first, so that what the handler promises under the same key is a promise of its own.
                which = {"job": taken.id, "now": clock.now()}
                ending = _ending(taken.kind, at_once.get(taken.kind), session.get_bind().dialect.name)
                job = session.execute(ending, which).one_or_none()
                if job is None:
                    return "no place" if session.execute(_LEAVE, which).one_or_none() else "gone"
                handler = handlers.get(taken.kind)
                if handler is None:
                    raise Unavailable("nobody handles jobs of this kind", kind=taken.kind)
                with _watched(taken):
                    handler(session, job.payload)
            return "done"
        except Exception as error:
            if isinstance(error, DBAPIError) and retryable(error) and attempt < 5:
                continue
            database.run(_note_failure, taken.id, error)
            return "failed"
    return "failed"


def ahead(work: Callable[[Database, Mapping[str, Any]], None]) -> Callable[[Handler], Handler]:
    """Where the database has one writer at a time, do `work` before the handler's transaction opens.

    It is for what waits for something else (a mail server): nobody else's writing should wait with it.
    """

    def mark(handler: Handler) -> Handler:
        _AHEAD[handler] = work
        return handler

    return mark


_AHEAD: dict[Handler, Callable[[Database, Mapping[str, Any]], None]] = {}


def _do_ahead(database: Database, taken: Taken, handlers: Mapping[str, Handler]) -> None:
    if database.engine.dialect.name != "sqlite":
        return  # there the row's lock keeps a second worker from doing the same, and stops nobody else
    work = _AHEAD.get(handlers[taken.kind]) if taken.kind in handlers else None
    if work is None:
        return
    with database.reading() as session:
        found = session.execute(select(Job.payload).where(Job.id == taken.id)).one_or_none()
    if found is not None:
        with aside():
            work(database, found.payload)


@contextmanager
def _watched(taken: Taken) -> Iterator[None]:
    """Let logs, metrics and traces tell of a try of a job."""
    began = time.perf_counter()
    outcome = "failed"
    about = {"job.id": str(taken.id)}
    with logs.during(logs.Doing(job=str(taken.id))), traces.span(f"job {taken.kind}", **about):
        try:
            yield
            outcome = "done"
        except Exception as error:
            metrics.count_error("job", error)
            raise
        finally:
            metrics.job(taken.kind, outcome).observe(time.perf_counter() - began)


_THIS = and_(TABLE.c.id == bindparam("job", type_=Uuid()), DUE)
# It didn't really start, and may be taken at once: who has the places of its kind looks for the next one.
_LEAVE = update(TABLE).where(_THIS).values(starts=TABLE.c.starts - 1, held_until=None).returning(TABLE.c.id)


@cache
def _ending(kind: str, places: int | None, dialect: str) -> ReturningDelete[dict[str, Any]]:
    """Delete a due job, giving its payload, and take one of the `places` of its kind until the transaction ends; where all are
    taken, it finds no job.

    It waits for whoever has the row's lock: for somebody who only looks for a job, for a moment; for somebody who does this
    very job, since it was taken too long ago, until it is gone.
    """
    ending = delete(TABLE).where(_THIS).returning(TABLE.c.payload)
    if places is None or dialect != "postgresql":
        return ending
    # A CASE tries no further than the first place that is free. The database forgets the lock with the connection: a
    # worker that dies leaves its place.
    name = zlib.crc32(kind.encode()) >> 1
    tries = ((func.pg_try_advisory_xact_lock(name, place), literal(True)) for place in range(places))
    return ending.where(case(*tries, else_=False))


def _note_failure(session: Session, job_id: UUID, error: Exception) -> None:
    job = session.scalar(select(Job).where(Job.id == job_id).with_for_update(skip_locked=True))
    if job is None or job.state != "waiting":
        return
    job.tries += 1
    job.starts = 0
    job.held_until = None
    job.error = _said(error)[:1000]
    if job.tries >= LAST_TRY:
        job.state = "failed"
        log.error("job %s (%s) failed for good: %s", job.id, job.kind, type(error).__name__)
    else:
        delay = min(_FIRST_DELAY * 6 ** (job.tries - 1), _LONGEST_DELAY)
        job.due_at = clock.now() + delay * random.uniform(0.9, 1.1)  # noqa: S311 - spreads tries, no secret
        log.warning("job %s (%s) will be tried again: %s", job.id, job.kind, type(error).__name__)


def _said(error: Exception) -> str:
    """What operators read of a failure: our own words or the system's, never a library's, which quotes what people typed."""
    kind = type(error).__name__
    if isinstance(error, ParvisError):
        return f"{kind}: {error}"
    if isinstance(error, OSError) and error.strerror:
        return f"{kind}: {error.strerror}"
    places = traceback.extract_tb(error.__traceback__)
    place = f" at {Path(places[-1].filename).name}:{places[-1].lineno}" if places else ""
    return kind + place


def drain(database: Database, handlers: Mapping[str, Handler], limit: int = 10_000, pace: Pace | None = None) -> int:
    """Do everything that is due now, what that promises included; the number of jobs done."""
    done = 0
    while done < limit:
        with database.reading() as session:
            ids = due(session)
        ran = 0
        for job_id in ids:
            with pace or nullcontext():
                ran += run(database, job_id, handlers)
        done += ran
        if not ran:
            break
    return done
