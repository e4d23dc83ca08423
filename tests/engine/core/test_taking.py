"""Jobs that workers share: each to one of them, none forgotten, none that ends its workers one after the other (G3, G4)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from threading import Barrier, Event, Thread
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event, select

from engine.core import clock, jobs
from engine.core.db import Database, Session
from engine.core.jobs import Job
from engine.core.jobs.taking import Taken

Clock = Callable[[str | datetime], datetime]

KINDS = ("test", "mail", "other")
LONG = 60.0


def promise(database: Database, kind: str = "test", times: int = 1, **promised: Any) -> None:
    with database.transaction() as session:
        jobs.promise_all(session, [jobs.Promise(kind, {}, **promised) for _ in range(times)])


def take(database: Database, kind: str = "test") -> UUID | None:
    taken = database.run(jobs.take_next, kind)
    return taken and taken.id


def take_all(database: Database, kind: str = "test") -> list[UUID]:
    return list(iter(lambda: take(database, kind), None))


def waiting(database: Database, most: int = 100) -> dict[str, int]:
    return database.read(jobs.waiting, KINDS, most)


def nothing(_session: Session, _payload: Mapping[str, Any]) -> None:
    pass


def only_job(database: Database) -> Job:
    with database.reading() as session:
        return session.scalars(select(Job)).one()


def test_a_job_is_taken_once_until_who_took_it_must_be_gone(database: Database, clock_at: Clock) -> None:
    now = clock_at("2027-01-10 09:00")
    promise(database, times=3)
    first = take_all(database)
    assert len(first) == 3
    assert waiting(database) == {}
    clock_at(now + jobs.HOLD - timedelta(seconds=1))
    assert take(database) is None
    clock_at(now + jobs.HOLD)
    assert waiting(database) == {"test": 3}
    assert set(take_all(database)) == set(first)


def test_nothing_is_taken_before_its_time(database: Database, clock_at: Clock) -> None:
    now = clock_at("2027-01-10 09:00")
    promise(database, due_at=now + timedelta(hours=1))
    assert (take(database), waiting(database)) == (None, {})
    clock_at(now + timedelta(hours=1))
    assert waiting(database) == {"test": 1}
    assert take(database) is not None


def test_a_long_queue_of_one_kind_hides_no_other(database: Database, clock_at: Clock) -> None:
    now = clock_at("2027-01-10 09:00")
    promise(database, "mail", times=40, due_at=now - timedelta(days=1))
    promise(database, "test", times=2)
    promise(database, "of the next release")
    assert waiting(database, most=5) == {"mail": 5, "test": 2}


def test_the_oldest_go_first(database: Database, clock_at: Clock) -> None:
    now = clock_at("2027-01-10 09:00")
    for days in (1, 3, 2):
        promise(database, due_at=now - timedelta(days=days))
    with database.reading() as session:
        ages = [(now - session.get_one(Job, job_id).due_at).days for job_id in take_all(database)]
    assert ages == [3, 2, 1]


def test_only_jobs_of_that_kind_are_done_and_all_of_them(database: Database) -> None:
    """Those of another release wait for its workers."""
    promise(database, times=3)
    promise(database, "of the next release")
    done: list[int] = []
    assert not jobs.do_due(database, "test", {"test": lambda *_: done.append(1)}, {}, LONG)
    assert len(done) == 3
    assert (only_job(database).kind, only_job(database).tries) == ("of the next release", 0)


def test_what_a_job_promises_is_done_in_the_same_turn(database: Database) -> None:
    done: list[int] = []

    def again(session: Session, payload: Mapping[str, Any]) -> None:
        done.append(1)
        if len(done) < 4:
            jobs.promise(session, "test")

    promise(database)
    assert not jobs.do_due(database, "test", {"test": again}, {}, LONG)
    assert len(done) == 4


def test_a_job_that_fails_holds_no_other_up(database: Database) -> None:
    promise(database, times=3)
    tries: list[int] = []

    def fail_once(_session: Session, _payload: Mapping[str, Any]) -> None:
        tries.append(1)
        if len(tries) == 1:
            raise RuntimeError

    assert not jobs.do_due(database, "test", {"test": fail_once}, {}, LONG)
    assert (len(tries), only_job(database).tries, waiting(database)) == (3, 1, {})


def test_a_turn_ends_when_its_time_is_up(database: Database) -> None:
    promise(database, times=3)
    done: list[int] = []
    assert jobs.do_due(database, "test", {"test": lambda *_: done.append(1)}, {}, 0)
    assert (len(done), waiting(database)) == (1, {"test": 2})


def test_two_who_take_at_once_take_different_jobs(database: Database) -> None:
    """Beat may run twice, and a message come twice."""
    promise(database, times=60)
    both, got = Barrier(2, timeout=10), []

    def look() -> None:
        both.wait()
        got.append(take_all(database))

    threads = [Thread(target=look) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    taken = [job_id for part in got for job_id in part]
    assert len(taken) == len(set(taken))
    assert len(taken) + len(take_all(database)) == 60


def test_a_job_that_is_being_done_is_not_taken(database: Database, clock_at: Clock) -> None:
    if database.engine.dialect.name != "postgresql":
        pytest.skip("an embedded installation does one job at a time")
    now = clock_at("2027-01-10 09:00")
    promise(database)
    found: list[UUID | None] = []

    def handle(_session: Session, _payload: Mapping[str, Any]) -> None:
        with clock.moved(jobs.HOLD * 2):
            found.append(take(database))

    assert not jobs.do_due(database, "test", {"test": handle}, {}, LONG)
    assert (clock.now(), found) == (now, [None])


def test_who_only_looks_at_a_job_that_was_taken_keeps_nobody_from_doing_it(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who looked for a job just before it was taken has its row locked for a moment, and takes another one."""
    if database.engine.dialect.name != "postgresql":
        pytest.skip("an embedded installation does one job at a time")
    promise(database)
    locked, done = Event(), []

    def look(job_id: UUID) -> None:
        with database.transaction() as session:
            session.scalars(select(Job.id).where(Job.id == job_id).with_for_update()).one()
            locked.set()
            Event().wait(0.2)

    def before_it_is_done(_database: Database, taken: Taken, _handlers: Mapping[str, Any]) -> None:
        Thread(target=look, args=(taken.id,)).start()
        assert locked.wait(10)

    monkeypatch.setattr(jobs.doing, "_do_ahead", before_it_is_done)
    assert not jobs.do_due(database, "test", {"test": lambda *_: done.append(1)}, {}, LONG)
    assert done == [1]


class Crash(BaseException):
    """What ends a process, as far as a test can go: nothing of ours catches it."""


def crash(_session: Session, _payload: Mapping[str, Any]) -> None:
    raise Crash


def test_a_job_that_ends_its_process_each_time_is_set_aside(database: Database) -> None:
    promise(database)
    job_id = only_job(database).id
    for starts in range(1, jobs.LAST_START + 1):
        with pytest.raises(Crash):
            jobs.run(database, job_id, {"test": crash})
        assert (only_job(database).starts, only_job(database).state) == (starts, "waiting")
    assert jobs.run(database, job_id, {"test": crash}) is False
    job = only_job(database)
    assert (job.state, job.tries) == ("failed", 0)
    assert "set aside" in (job.error or "")
    # An operator who has found the cause tries again.
    database.run(jobs.retry, job_id)
    assert jobs.run(database, job_id, {"test": nothing}) is True


def test_a_job_that_was_set_aside_holds_no_other_up(database: Database, clock_at: Clock) -> None:
    now = clock_at("2027-01-10 09:00")
    promise(database, due_at=now - timedelta(days=1))
    for _ in range(jobs.LAST_START):
        with pytest.raises(Crash):
            jobs.do_due(database, "test", {"test": crash}, {}, LONG)
        now = clock_at(now + jobs.HOLD)
    promise(database)
    assert not jobs.do_due(database, "test", {"test": nothing}, {}, LONG)
    assert only_job(database).state == "failed"


def test_a_crash_now_and_then_sets_nothing_aside(database: Database, clock_at: Clock) -> None:
    """What counts is crashes in a row: a try that ends, even badly, begins a new count."""
    clock_at("2027-01-10 09:00")
    promise(database)
    job_id = only_job(database).id

    def fail(_session: Session, _payload: Mapping[str, Any]) -> None:
        raise RuntimeError

    for _ in range(jobs.LAST_START - 1):
        with pytest.raises(Crash):
            jobs.run(database, job_id, {"test": crash})
    assert jobs.run(database, job_id, {"test": fail}) is False
    assert (only_job(database).starts, only_job(database).tries) == (0, 1)


@contextmanager
def places_taken(database: Database, kind: str, places: int) -> Iterator[None]:
    """So many jobs of the kind are being done for the length of the block."""
    promise(database, kind, times=places)
    inside, may_end = Barrier(places + 1, timeout=10), Event()

    def handle(_session: Session, _payload: Mapping[str, Any]) -> None:
        inside.wait()
        may_end.wait(10)

    threads = [
        Thread(target=jobs.do_due, args=(database, kind, {kind: handle}, {kind: places}, 0)) for _ in range(places)
    ]
    for thread in threads:
        thread.start()
    inside.wait()
    try:
        yield
    finally:
        may_end.set()
        for thread in threads:
            thread.join()


def test_a_job_takes_two_statements_beside_its_own(database: Database) -> None:
    """G3: it is taken, and its row goes with its place taken; the last look finds no other."""
    promise(database, times=2)
    sent: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        sent.append(statement.split(None, 1)[0])

    event.listen(database.engine, "before_cursor_execute", note)
    jobs.do_due(database, "test", {"test": nothing}, {"test": 2}, LONG)
    event.remove(database.engine, "before_cursor_execute", note)
    assert [verb for verb in sent if verb != "BEGIN"] == ["UPDATE", "DELETE", "UPDATE", "DELETE", "UPDATE"]


def test_no_more_of_a_kind_run_at_once_than_it_has_places(database: Database) -> None:
    if database.engine.dialect.name != "postgresql":
        pytest.skip("an embedded installation does one job at a time")
    with places_taken(database, "mail", 2):
        promise(database, "mail")
        began = time.monotonic()
        assert not jobs.do_due(database, "mail", {"mail": nothing}, {"mail": 2}, LONG)
        assert time.monotonic() - began < LONG / 2, "nobody waits for a place"
        assert waiting(database) == {"mail": 1}, "whoever has a place takes it next"
        with database.reading() as session:
            left = session.scalars(select(Job).where(Job.held_until.is_(None))).one()
        assert (left.starts, left.tries, left.state) == (0, 0, "waiting")
        assert jobs.run(database, left.id, {"mail": nothing}, {"mail": 2}) is False
        promise(database, "other")
        assert not jobs.do_due(database, "other", {"other": nothing}, {"mail": 2, "other": 1}, LONG)
    assert only_job(database).id == left.id
    assert jobs.run(database, left.id, {"mail": nothing}, {"mail": 1}) is True
