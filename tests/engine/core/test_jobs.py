"""One table for the outbox, timers and reminders: nothing promised is lost, nothing is done twice (G4)."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import pairwise
from threading import Event, Thread
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from engine.core import clock, jobs
from engine.core.db import Database, Session
from engine.core.errors import Conflict, NotFound, Unavailable
from engine.core.jobs import Job
from engine.core.pace import Pace

Clock = Callable[[str], datetime]


class Log:
    """A handler that keeps what it was asked to do."""

    def __init__(self) -> None:
        self.done: list[Mapping[str, Any]] = []
        self.failing = False

    def __call__(self, session: Session, payload: Mapping[str, Any]) -> None:
        jobs.promise(session, "effect", key=f"effect {payload.get('n')}", due_at=clock.now() + timedelta(days=900))
        if self.failing:
            raise Unavailable("the other side doesn’t answer")
        self.done.append(payload)


@pytest.fixture
def log() -> Log:
    return Log()


def promise(database: Database, **promised: Any) -> None:
    with database.transaction() as session:
        jobs.promise(session, "test", **promised)


def waiting(database: Database, kind: str = "test") -> list[Job]:
    with database.reading() as session:
        return list(session.scalars(select(Job).where(Job.kind == kind).order_by(Job.due_at)))


def test_a_promise_is_done_once_and_leaves_no_row(database: Database, log: Log) -> None:
    promise(database, n=1)
    assert jobs.drain(database, {"test": log}) == 1
    assert jobs.drain(database, {"test": log}) == 0
    assert log.done == [{"n": 1}]
    assert waiting(database) == []


def test_nothing_is_promised_by_what_rolls_back(database: Database, log: Log) -> None:
    with suppress(RuntimeError), database.transaction() as session:
        jobs.promise(session, "test", n=1)
        raise RuntimeError
    assert jobs.drain(database, {"test": log}) == 0


def test_a_promise_waits_for_its_time(database: Database, log: Log, clock_at: Clock) -> None:
    start = clock_at("2027-01-10 09:00")
    promise(database, due_at=start + timedelta(days=10), n=1)
    (job,) = waiting(database)
    clock_at("2027-01-20 08:59:59")
    assert jobs.drain(database, {"test": log}) == 0
    assert jobs.run(database, job.id, {"test": log}) is False
    clock_at("2027-01-20 09:00")  # exactly then, not strictly after
    assert jobs.drain(database, {"test": log}) == 1


def test_the_oldest_promises_come_first_and_no_more_than_asked(session: Session, clock_at: Clock) -> None:
    now = clock_at("2027-01-10 09:00")
    for days in (1, 3, 2):
        jobs.promise(session, "test", key=f"{days}", due_at=now - timedelta(days=days))
    found = [session.get_one(Job, job_id).key for job_id in jobs.due(session, limit=2)]
    assert found == ["3", "2"]


def test_promising_a_key_again_moves_it(session: Session, clock_at: Clock) -> None:
    now = clock_at("2027-01-10 09:00")
    jobs.promise(session, "test", key="reminder", due_at=now, n=1)
    jobs.promise(session, "test", key="reminder", due_at=now + timedelta(days=1), n=2)
    assert jobs.due(session) == []
    (job,) = session.scalars(select(Job))
    assert job.payload == {"n": 2}


def test_promising_again_a_job_that_failed_gives_it_all_its_tries(session: Session) -> None:
    jobs.promise(session, "test", key="reminder")
    session.scalars(select(Job)).one().state = "failed"
    session.scalars(select(Job)).one().tries = jobs.LAST_TRY
    session.flush()
    jobs.promise(session, "test", key="reminder")
    session.expire_all()
    job = session.scalars(select(Job)).one()
    assert (job.state, job.tries) == ("waiting", 0)


def test_promises_without_key_are_each_their_own(session: Session) -> None:
    jobs.promise_all(session, [jobs.Promise("test", {}), jobs.Promise("test", {})])
    assert len(jobs.due(session)) == 2


def test_forgetting_takes_promises_back(session: Session) -> None:
    for key in ("one", "two", "three"):
        jobs.promise(session, "test", key=key)
    jobs.forget(session, ["one", "three", "never promised"])
    assert [job.key for job in session.scalars(select(Job))] == ["two"]
    jobs.forget(session, [])


def test_a_job_that_promises_itself_again_goes_on(database: Database, clock_at: Clock) -> None:
    """A reminder repeats under its own key, even within the same instant."""
    clock_at("2027-01-10 09:00")
    seen: list[int] = []

    def repeat(session: Session, payload: Mapping[str, Any]) -> None:
        seen.append(payload["n"])
        if payload["n"] < 4:
            jobs.promise(session, "test", key="reminder", n=payload["n"] + 1)

    promise(database, key="reminder", n=1)
    assert jobs.drain(database, {"test": repeat}) == 4
    assert seen == [1, 2, 3, 4]
    assert waiting(database) == []


def test_a_job_may_take_its_own_promise_back(database: Database) -> None:
    promise(database, key="timer")
    assert jobs.drain(database, {"test": lambda session, _payload: jobs.forget(session, ["timer"])}) == 1
    assert waiting(database) == []


def test_a_failure_undoes_its_changes_and_waits_longer_each_time(database: Database, log: Log, clock_at: Clock) -> None:
    log.failing = True
    clock_at("2027-01-10 09:00")
    promise(database, n=1)
    delays = []
    for tries in range(1, jobs.LAST_TRY):
        assert jobs.drain(database, {"test": log}) == 0
        (job,) = waiting(database)
        assert (job.state, job.tries) == ("waiting", tries)
        delays.append(job.due_at - clock.now())
        clock_at(job.due_at.isoformat())
    assert waiting(database, "effect") == []
    assert timedelta(seconds=9) <= delays[0] <= timedelta(seconds=11)
    assert all(later > sooner * 1.5 for sooner, later in pairwise(delays[:5]))
    assert max(delays) < timedelta(hours=5)
    assert jobs.drain(database, {"test": log}) == 0
    (job,) = waiting(database)
    assert job.state == "failed"
    assert "the other side doesn’t answer" in (job.error or "")
    clock_at("2028-01-10 09:00")
    log.failing = False
    assert jobs.drain(database, {"test": log}) == 0  # set aside until an operator says so
    with database.transaction() as session:
        assert jobs.depth(session) == {"failed": 1}
        jobs.retry(session, job.id)
    assert jobs.drain(database, {"test": log}) == 1


def test_one_failure_holds_no_other_job_back(database: Database, log: Log) -> None:
    def fail(_session: Session, _payload: Mapping[str, Any]) -> None:
        raise Unavailable

    with database.transaction() as session:
        jobs.promise(session, "bad")
        jobs.promise(session, "test", n=1)
    assert jobs.drain(database, {"test": log, "bad": fail}) == 1
    assert log.done == [{"n": 1}]


def test_a_kind_that_nobody_handles_is_kept_for_operators(database: Database) -> None:
    promise(database)
    assert jobs.drain(database, {}) == 0
    (job,) = waiting(database)
    assert job.tries == 1
    assert "test" in (job.error or "")


def test_what_people_typed_stays_out_of_a_failure(database: Database) -> None:
    def clash(session: Session, _payload: Mapping[str, Any]) -> None:
        for _ in range(2):
            values = {"kind": "x", "key": "Claire Martin", "payload": {}, "state": "waiting", "tries": 0}
            session.add(Job(**values, due_at=clock.now(), promised_at=clock.now()))
        session.flush()

    with database.transaction() as session:
        jobs.promise(session, "clash")
    jobs.drain(database, {"clash": clash})
    (job,) = waiting(database, "clash")
    assert "IntegrityError" in (job.error or "")
    assert "Claire Martin" not in (job.error or "")


def test_two_workers_with_the_same_id_do_it_once(database: Database) -> None:
    started, both = Event(), []

    def slow(_session: Session, _payload: Mapping[str, Any]) -> None:
        both.append(1)
        started.set()
        Event().wait(0.05)

    promise(database)
    (job,) = waiting(database)
    threads = [Thread(target=jobs.run, args=(database, job.id, {"test": slow})) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert both == [1]
    assert waiting(database) == []


def test_an_unknown_job_is_nothing_to_do(database: Database, log: Log) -> None:
    assert jobs.run(database, uuid4(), {"test": log}) is False


def test_only_a_failed_job_can_be_retried(session: Session) -> None:
    jobs.promise(session, "test")
    (job_id,) = jobs.due(session)
    with pytest.raises(Conflict):
        jobs.retry(session, job_id)
    with pytest.raises(NotFound):
        jobs.retry(session, UUID(int=0))


def test_operators_read_failed_jobs_first(session: Session, clock_at: Clock) -> None:
    now = clock_at("2027-01-10 09:00")
    jobs.promise(session, "soon", due_at=now)
    jobs.promise(session, "later", due_at=now + timedelta(days=1))
    jobs.promise(session, "broken", due_at=now + timedelta(days=2))
    session.scalars(select(Job).where(Job.kind == "broken")).one().state = "failed"
    session.flush()
    assert [job.kind for job in jobs.listing(session)] == ["broken", "soon", "later"]
    assert [job.kind for job in jobs.listing(session, state="waiting", limit=1)] == ["soon"]


def test_the_runner_does_a_promise_as_soon_as_it_is_committed(database: Database) -> None:
    done = Event()

    def handle(_session: Session, _payload: Mapping[str, Any]) -> None:
        done.set()

    runner = jobs.Runner(database, {"test": handle}, interval=60)
    runner.start()
    try:
        promise(database)
        assert done.wait(5)
    finally:
        runner.stop()
    promise(database)  # nobody is woken, and nothing breaks
    assert len(waiting(database)) == 1


def test_jobs_go_in_by_turns_with_the_requests_of_their_process(database: Database) -> None:
    """Issue 3, point 9: one at a time, whether it is a request or a job."""
    done = Event()
    pace = Pace(1, patience=60)
    runner = jobs.Runner(database, {"test": lambda _session, _payload: done.set()}, interval=60, pace=pace)
    runner.start()
    try:
        with pace:
            promise(database)
            assert not done.wait(0.2)
        assert done.wait(5)
    finally:
        runner.stop()


def test_the_runner_survives_a_database_that_fails(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    done = Event()
    failing = [True]

    class Flaky:
        def __getattr__(self, name: str) -> Any:
            if failing.pop() if failing else False:
                raise RuntimeError("the disk is full")
            return getattr(database, name)

    runner = jobs.Runner(Flaky(), {"test": lambda _session, _payload: done.set()}, interval=0.02)  # type: ignore[arg-type]
    runner.start()
    try:
        promise(database)
        assert done.wait(5)
    finally:
        runner.stop()
    assert "could not look for jobs" in caplog.text
