"""Jobs: one table for the outbox, the timers and the reminders.

A job is written in the transaction that promises it, so nothing is promised that was not committed and nothing
committed is forgotten. It is done in one transaction with its effect: a job run twice finds itself done. Whoever wakes
the jobs (a thread in embedded mode, Celery otherwise) only carries ids; losing a wake-up loses nothing.

That a job starts is committed before its work: one that ends its process each time (out of memory, out of time) is set
aside instead of ending the next process too.
"""

from __future__ import annotations

import importlib
import logging
import random
import threading
import time
import traceback
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Index,
    Integer,
    Select,
    Text,
    delete,
    func,
    literal,
    or_,
    select,
    text,
    union_all,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import Insert as PostgresInsert
from sqlalchemy.dialects.sqlite import Insert as SqliteInsert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Mapped, mapped_column

from engine.core import clock, logs, metrics, traces
from engine.core.db import Base, Database, Json, Session, UtcDateTime, after_commit, new_id, retryable
from engine.core.errors import ConfigurationError, Conflict, NotFound, ParvisError, Unavailable

log = logging.getLogger(__name__)

# Delays between tries: 10 s, 1 min, 6 min, 36 min, then 3 h 36 until the last.
LAST_TRY = 8
_FIRST_DELAY = timedelta(seconds=10)
_LONGEST_DELAY = timedelta(hours=4)
# A job that was started so many times and never ended is set aside: it takes its worker with it.
LAST_START = 5
# How long a job handed to a worker is left alone before it is handed out again: its message may be lost.
HOLD = timedelta(seconds=10)
# How long a job waits for a place among those of its kind that run already.
_NO_ROOM = timedelta(milliseconds=900)

Handler = Callable[[Session, Mapping[str, Any]], None]


class Job(Base):
    """Something promised. `state`: waiting, failed (its last try is behind it). A job that is done is deleted."""

    __tablename__ = "job"
    __table_args__ = (
        Index("ix_job_state_due_at", "state", "due_at"),
        Index("ix_job_kind_due_at", "kind", "due_at"),
        Index("ix_job_case_id", "case_id"),
        # Few jobs are held at a time: `hand_over` counts them.
        Index(
            "ix_job_held_until",
            "held_until",
            sqlite_where=text("held_until IS NOT NULL"),
            postgresql_where=text("held_until IS NOT NULL"),
        ),
        Index("uq_job_key", "key", unique=True),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    kind: Mapped[str] = mapped_column(Text)
    key: Mapped[str | None] = mapped_column(Text)
    case_id: Mapped[UUID | None]
    payload: Mapped[dict[str, Any]] = mapped_column(Json)
    state: Mapped[str] = mapped_column(Text, default="waiting")
    due_at: Mapped[datetime] = mapped_column(UtcDateTime)
    promised_at: Mapped[datetime] = mapped_column(UtcDateTime)
    # Tries that ended with an error, and starts since the last try that ended: a crash leaves one more.
    tries: Mapped[int] = mapped_column(Integer, default=0)
    starts: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    # Handed to a worker, and not handed out again before then. Only a hint: the row's lock says who does the job.
    held_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    error: Mapped[str | None] = mapped_column(Text)


@dataclass(frozen=True)
class Promise:
    """What `promise_all` writes: a kind with its payload, due now unless told otherwise."""

    kind: str
    payload: Mapping[str, Any]
    due_at: datetime | None = None
    key: str | None = None
    case_id: UUID | None = None


def promise(
    session: Session,
    kind: str,
    *,
    due_at: datetime | None = None,
    key: str | None = None,
    case_id: UUID | None = None,
    **payload: Any,
) -> None:
    """Promise that `kind` will be done with `payload` once this transaction commits, at `due_at` or at once.

    Promising the same `key` again moves the due time and the payload: there is one promise a key.
    """
    promise_all(session, [Promise(kind, payload, due_at, key, case_id)])


def promise_all(session: Session, promises: Sequence[Promise]) -> None:
    """Write several promises in one statement."""
    if not promises:
        return
    now = clock.now()
    rows: list[dict[str, Any]] = [
        {
            "id": new_id(),
            "kind": promise.kind,
            "key": promise.key,
            "case_id": promise.case_id,
            "payload": dict(promise.payload),
            "state": "waiting",
            "due_at": promise.due_at or now,
            "promised_at": now,
            "tries": 0,
            "starts": 0,
            "held_until": None,
            "error": None,
        }
        for promise in promises
    ]
    session.execute(_promising(session.get_bind().dialect.name), rows)
    if any(row["due_at"] <= now for row in rows):
        after_commit(session, wake)


@cache
def _promising(dialect: str) -> PostgresInsert | SqliteInsert:
    insert = (postgresql if dialect == "postgresql" else sqlite).insert(Job.__table__)
    moved = ("payload", "due_at", "state", "tries", "starts", "held_until", "error")
    promising: PostgresInsert | SqliteInsert = insert.on_conflict_do_update(
        index_elements=["key"], set_={name: insert.excluded[name] for name in moved}
    )
    return promising


def forget(session: Session, keys: Sequence[str]) -> None:
    """Take promises back; unknown keys are fine."""
    if keys:
        session.execute(delete(Job).where(Job.key.in_(keys)))


# --- doing ----------------------------------------


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


# --- handing over to workers ----------------------------------------


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


# --- waking ----------------------------------------

_wakers: list[Callable[[], None]] = []


def use_waker(path: str | None) -> None:
    """Let the function at the dotted `path` (`settings.waker`) wake the jobs of this process; None changes nothing.

    Named and not imported, so that nothing loads a broker's client that has no broker.
    """
    if path is None:
        return
    module, _, name = path.rpartition(".")
    try:
        waker = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigurationError(f"PARVIS_WAKER names {path}, which can't be imported: {error}") from error
    if waker not in _wakers:
        _wakers.append(waker)


def wake() -> None:
    """Tell whoever does the jobs that one is due; never waits, never fails the request."""
    for waker in _wakers:
        waker()


class Runner:
    """The jobs' thread of embedded mode: looks when woken, and every `interval` seconds for timers."""

    def __init__(self, database: Database, handlers: Mapping[str, Handler], interval: float = 1.0) -> None:
        self._database = database
        self._handlers = handlers
        self._interval = interval
        self._woken = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._loop, name="jobs", daemon=True)

    def start(self) -> None:
        _wakers.append(self._woken.set)
        self._thread.start()

    def stop(self, timeout: float = 10) -> None:
        """Finish the job at hand and stop."""
        self._stopping = True
        self._woken.set()
        self._thread.join(timeout)
        _wakers.remove(self._woken.set)

    def _loop(self) -> None:
        while not self._stopping:
            try:
                drain(self._database, self._handlers, limit=100)
            except Exception:
                log.exception("the jobs' thread could not look for jobs")  # it tries again at the next turn
            self._woken.wait(self._interval)
            self._woken.clear()


# --- for operators ----------------------------------------


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
    changed = session.execute(
        update(Job)
        .where(Job.id == job_id, Job.state == "failed")
        .values(state="waiting", tries=0, starts=0, held_until=None, due_at=clock.now())
    )
    if not changed.rowcount:  # type: ignore[attr-defined]
        if session.get(Job, job_id) is None:
            raise NotFound(job_id=str(job_id))
        raise Conflict("Ce travail n’est pas en échec.", job_id=str(job_id))
    after_commit(session, wake)
