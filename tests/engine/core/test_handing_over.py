"""Jobs that workers share: each to one of them, none forgotten, none that ends its workers one after the other (G3, G4)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from threading import Barrier, Thread
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from engine.core import clock, jobs
from engine.core.db import Database, Session
from engine.core.jobs import Job

Clock = Callable[[str | datetime], datetime]

ROOM = {"test": 100, "mail": 5, "other": 100}


def promise(database: Database, kind: str = "test", times: int = 1, **promised: Any) -> None:
    with database.transaction() as session:
        jobs.promise_all(session, [jobs.Promise(kind, {}, **promised) for _ in range(times)])


def hand_over(database: Database, room: Mapping[str, int] = ROOM) -> list[tuple[UUID, str]]:
    return database.run(jobs.hand_over, room)


def only_job(database: Database) -> Job:
    with database.reading() as session:
        return session.scalars(select(Job)).one()


def test_a_job_is_handed_over_once_until_its_message_must_be_lost(database: Database, clock_at: Clock) -> None:
    now = clock_at("2027-01-10 09:00")
    promise(database, times=3)
    first = hand_over(database)
    assert len(first) == 3
    clock_at(now + jobs.HOLD - timedelta(seconds=1))
    assert hand_over(database) == []
    clock_at(now + jobs.HOLD)
    assert set(hand_over(database)) == set(first)


def test_nothing_is_handed_over_before_its_time(database: Database, clock_at: Clock) -> None:
    now = clock_at("2027-01-10 09:00")
    promise(database, due_at=now + timedelta(hours=1))
    assert hand_over(database) == []
    clock_at(now + timedelta(hours=1))
    assert len(hand_over(database)) == 1


def test_a_long_queue_of_one_kind_hides_no_other(database: Database, clock_at: Clock) -> None:
    now = clock_at("2027-01-10 09:00")
    promise(database, "mail", times=40, due_at=now - timedelta(days=1))
    promise(database, "test", times=2)
    kinds = [kind for _, kind in hand_over(database)]
    assert (kinds.count("mail"), kinds.count("test")) == (ROOM["mail"], 2)
    assert hand_over(database) == [], "no more of a kind on their way than there is room for"


def test_room_is_made_by_a_job_that_is_done(database: Database) -> None:
    promise(database, "mail", times=7)
    handed = hand_over(database)
    for job_id, _ in handed[:2]:
        assert jobs.run(database, job_id, {"mail": lambda _session, _payload: None})
    assert len(hand_over(database)) == 2


def test_the_oldest_go_first(database: Database, clock_at: Clock) -> None:
    now = clock_at("2027-01-10 09:00")
    for days in (1, 3, 2):
        promise(database, due_at=now - timedelta(days=days))
    with database.reading() as session:
        (job_id, _), *_ = database.run(jobs.hand_over, {"test": 1})
        assert session.get_one(Job, job_id).due_at == now - timedelta(days=3)


def test_a_kind_that_these_workers_do_not_know_waits_for_those_that_do(database: Database) -> None:
    """Two releases at once: the older one's workers leave the newer one's jobs alone."""
    promise(database, "of the next release")
    assert hand_over(database) == []
    assert only_job(database).tries == 0


def test_what_could_not_be_sent_is_handed_over_again_at_once(database: Database) -> None:
    promise(database, times=3)
    handed = hand_over(database)
    database.run(jobs.let_go, [job_id for job_id, _ in handed[1:]])
    assert set(hand_over(database)) == set(handed[1:])


def test_two_who_hand_over_at_once_get_different_jobs(database: Database) -> None:
    """Beat may run twice."""
    promise(database, times=60)
    both, got = Barrier(2, timeout=10), []

    def look() -> None:
        both.wait()
        got.append(hand_over(database))

    threads = [Thread(target=look) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    handed = [job_id for part in got for job_id, _ in part]
    assert len(handed) == len(set(handed))
    assert len(handed) + len(hand_over(database)) == 60


def test_a_job_that_is_being_done_is_not_handed_over(database: Database, clock_at: Clock) -> None:
    if database.engine.dialect.name != "postgresql":
        pytest.skip("an embedded installation hands nothing over")
    now = clock_at("2027-01-10 09:00")
    promise(database)
    ((job_id, _),) = hand_over(database)

    def handle(_session: Session, _payload: Mapping[str, Any]) -> None:
        with clock.moved(jobs.HOLD * 2):
            assert hand_over(database) == []

    assert jobs.run(database, job_id, {"test": handle})
    assert clock.now() == now


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
    assert jobs.run(database, job_id, {"test": lambda _session, _payload: None}) is True


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


def test_no_more_of_a_kind_run_at_once_than_it_has_places(database: Database) -> None:
    if database.engine.dialect.name != "postgresql":
        pytest.skip("an embedded installation does one job at a time")
    promise(database, "mail", times=4)
    inside: list[int] = []
    most: list[int] = []
    started = Barrier(2, timeout=10)

    def handle(_session: Session, _payload: Mapping[str, Any]) -> None:
        inside.append(1)
        most.append(len(inside))
        started.wait()
        inside.pop()

    ids = [job_id for job_id, _ in hand_over(database)]
    done: list[bool] = []
    threads = [
        Thread(target=lambda one=job_id: done.append(jobs.run(database, one, {"mail": handle}, {"mail": 2})))
        for job_id in ids[:2]
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (max(most), done) == (2, [True, True])

    def find_no_place(_session: Session, _payload: Mapping[str, Any]) -> None:
        # The one place is taken by the job that runs this.
        assert jobs.run(database, ids[3], {"mail": handle}, {"mail": 1}) is False

    assert jobs.run(database, ids[2], {"mail": find_no_place}, {"mail": 1}) is True
    job = only_job(database)
    assert (job.starts, job.tries, job.state) == (0, 0, "waiting")
    assert job.held_until is not None
    with clock.moved(timedelta(seconds=1)):
        assert jobs.run(database, ids[3], {"mail": lambda _session, _payload: None}, {"mail": 1}) is True
