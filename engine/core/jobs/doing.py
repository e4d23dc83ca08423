"""Doing a job: once, in one transaction with its effect."""

from __future__ import annotations

import logging
import random
import time
import traceback
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import Select, delete, func, select, update
from sqlalchemy.exc import DBAPIError

from engine.core import clock, logs, metrics, traces
from engine.core.db import Database, Session, retryable
from engine.core.errors import ParvisError, Unavailable
from engine.core.jobs.promises import Job

log = logging.getLogger("engine.core.jobs")

# Delays between tries: 10 s, 1 min, 6 min, 36 min, then 3 h 36 until the last.
LAST_TRY = 8
_FIRST_DELAY = timedelta(seconds=10)
_LONGEST_DELAY = timedelta(hours=4)
# A job that was started so many times and never ended is set aside: it takes its worker with it.
LAST_START = 5
# How long a job waits for a place among those of its kind that run already.
_NO_ROOM = timedelta(milliseconds=900)

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
    machines (PostgreSQL; an embedded installation does one job at a time anyway): one too many waits a second.
    """
    if not database.run(_start, job_id):
        return False
    for attempt in range(1, 6):
        try:
            _do_ahead(database, job_id, handlers)
            with database.transaction() as session:
                job = session.scalar(_if_free(job_id))
                if job is None:
                    return False
                if not _find_room(session, job.kind, (at_once or {}).get(job.kind)):
                    job.starts -= 1
                    job.held_until = clock.now() + _NO_ROOM
                    return False
                # Deleted first, so that what the handler promises under the same key is a promise of its own.
                session.execute(delete(Job).where(Job.id == job_id))
                handler = handlers.get(job.kind)
                if handler is None:
                    raise Unavailable("nobody handles jobs of this kind", kind=job.kind)
                with _watched(job_id, job.kind):
                    handler(session, job.payload)
            return True
        except Exception as error:
            if isinstance(error, DBAPIError) and retryable(error) and attempt < 5:
                continue
            database.run(_note_failure, job_id, error)
            return False
    return False


def ahead(work: Callable[[Database, Mapping[str, Any]], None]) -> Callable[[Handler], Handler]:
    """Where the database has one writer at a time, do `work` before the handler's transaction opens.

    It is for what waits for something else (a mail server): nobody else's writing should wait with it.
    """

    def mark(handler: Handler) -> Handler:
        _AHEAD[handler] = work
        return handler

    return mark


_AHEAD: dict[Handler, Callable[[Database, Mapping[str, Any]], None]] = {}


def _do_ahead(database: Database, job_id: UUID, handlers: Mapping[str, Handler]) -> None:
    if database.engine.dialect.name != "sqlite":
        return  # there the row's lock keeps a second worker from doing the same, and stops nobody else
    with database.reading() as session:
        found = session.execute(select(Job.kind, Job.payload).where(Job.id == job_id)).one_or_none()
    work = _AHEAD.get(handlers[found.kind]) if found is not None and found.kind in handlers else None
    if found is not None and work is not None:
        work(database, found.payload)


@contextmanager
def _watched(job_id: UUID, kind: str) -> Iterator[None]:
    """Let logs, metrics and traces tell of a try of a job."""
    began = time.perf_counter()
    outcome = "failed"
    with logs.during(logs.Doing(job=str(job_id))), traces.span(f"job {kind}", **{"job.id": str(job_id)}):
        try:
            yield
            outcome = "done"
        except Exception as error:
            metrics.count_error("job", error)
            raise
        finally:
            metrics.job(kind, outcome).observe(time.perf_counter() - began)


def _if_free(job_id: UUID) -> Select[Job]:
    """The job with its row's lock, if it is due and nobody else does it."""
    ready = (Job.id == job_id, Job.state == "waiting", Job.due_at <= clock.now())
    return select(Job).where(*ready).with_for_update(skip_locked=True)


def _start(session: Session, job_id: UUID) -> bool:
    """Note that the job starts; False when it may not: somebody does it, it is too early, or it was set aside."""
    ready = (Job.id == job_id, Job.state == "waiting", Job.due_at <= clock.now())
    free = select(Job.id).where(*ready).with_for_update(skip_locked=True).scalar_subquery()
    starting = update(Job).where(Job.id == free, Job.starts < LAST_START).values(starts=Job.starts + 1)
    if session.get_bind().dialect.name == "postgresql":
        # The note must outlive a crash of this process, not of the machine: no need to wait for the disk.
        starting = starting.where(func.set_config("synchronous_commit", "off", True) == "off")
    if session.scalar(starting.returning(Job.starts).execution_options(synchronize_session=False)) is not None:
        return True
    job = session.scalar(_if_free(job_id))
    if job is not None and job.starts >= LAST_START:
        job.state = "failed"
        job.held_until = None
        job.error = f"set aside: the process that did it ended {job.starts} times before the job did"
        log.error("job %s (%s) is set aside: %s starts and no end", job.id, job.kind, job.starts)
    return False


def _find_room(session: Session, kind: str, places: int | None) -> bool:
    """Take one of the `places` of jobs of this kind until the transaction ends; False when all are taken."""
    if places is None or session.get_bind().dialect.name != "postgresql":
        return True
    for place in range(places):
        # The database forgets the lock with the connection: a worker that dies leaves its place.
        if session.scalar(select(func.pg_try_advisory_xact_lock(zlib.crc32(kind.encode()) >> 1, place))):
            return True
    return False


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


def drain(database: Database, handlers: Mapping[str, Handler], limit: int = 10_000) -> int:
    """Do everything that is due now, what that promises included; the number of jobs done."""
    done = 0
    while done < limit:
        with database.reading() as session:
            ids = due(session)
        ran = sum(run(database, job_id, handlers) for job_id in ids)
        done += ran
        if not ran:
            break
    return done
