"""What is sent to the workers, and what they make of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import select

from engine.core import clock, jobs
from engine.core.db import Database, Session
from engine.core.jobs import Job
from engine.handlers import KINDS
from workers import app as application
from workers import sending, tasks
from workers.app import app

Sent = list[tuple[str, dict[str, Any]]]


class Redis:
    """What is sent, in place of Redis; `long` is how many messages wait in each queue."""

    def __init__(self) -> None:
        self.sent: Sent = []
        self.long = 0

    def llen(self, queue: str) -> int:
        assert queue in application.QUEUES
        return self.long + sum(options["queue"] == queue for _, options in self.sent)

    @contextmanager
    def acquire(self, **_: Any) -> Iterator[Any]:
        yield SimpleNamespace(channel=SimpleNamespace(client=self))

    def send_task(self, task: str, arguments: tuple[str], **options: Any) -> None:
        assert task in app.tasks
        self.sent.append((*arguments, options))

    @property
    def kinds(self) -> Counter[str]:
        return Counter(kind for kind, _ in self.sent)


@pytest.fixture
def redis(monkeypatch: pytest.MonkeyPatch) -> Redis:
    made = Redis()
    monkeypatch.setattr(type(app), "producer_pool", made)
    monkeypatch.setattr(app, "send_task", made.send_task)
    return made


@pytest.fixture
def worker(database: Database, redis: Redis, monkeypatch: pytest.MonkeyPatch) -> Database:
    """This process is one of a worker's."""
    monkeypatch.setattr(tasks, "database", lambda: database)
    return database


def promise(database: Database, kind: str, times: int, **promised: Any) -> None:
    with database.transaction() as session:
        jobs.promise_all(session, [jobs.Promise(kind, {}, **promised)] * times)


def test_each_kind_goes_to_its_queue_with_its_time(redis: Redis) -> None:
    assert sending.send(app, {"send_mail": 1, "fire_timer": 1}) == 2
    told = dict(redis.sent)
    for name, queue in (("send_mail", "slow"), ("fire_timer", "quick")):
        assert told[name]["queue"] == queue
        assert KINDS[name].seconds < told[name]["soft_time_limit"] < KINDS[name].seconds + 1
        assert told[name]["time_limit"] > told[name]["soft_time_limit"]
        assert told[name]["expires"] > 0


def test_many_jobs_of_a_kind_are_one_message_and_very_many_are_a_few(redis: Redis) -> None:
    assert sending.send(app, {"fire_timer": 10}) == 1
    assert 1 < sending.send(app, {"fire_timer": 100}) < 20
    assert sending.send(app, {"fire_timer": 100_000}) < 100


def test_a_kind_gets_no_more_messages_than_it_has_places(redis: Redis) -> None:
    places = KINDS["send_mail"].at_once
    assert places is not None
    assert sending.send(app, {"send_mail": 100_000}) == places


def test_a_long_queue_gets_no_more_but_one_of_each_kind_a_tick(redis: Redis) -> None:
    """Redis fills up with nothing, and no kind waits for the end of another one's jobs."""
    redis.long = 1000
    assert sending.send(app, {"fire_timer": 100, "notify": 1}) == 0
    assert sending.send(app, {"fire_timer": 100, "notify": 1}, always=True) == 2
    assert redis.kinds == {"fire_timer": 1, "notify": 1}


def test_a_kind_of_another_release_is_left_to_its_workers(worker: Database, redis: Redis) -> None:
    promise(worker, "of the next release", 1)
    assert sending.send(app, {"of the next release": 1}) == 0
    tasks.do_due("of the next release")
    with worker.reading() as session:
        job = session.scalars(select(Job)).one()
    assert (job.starts, job.tries) == (0, 0)


def test_a_tick_tells_of_what_is_due(worker: Database, redis: Redis) -> None:
    promise(worker, "fire_timer", 3)
    promise(worker, "notify", 1)
    promise(worker, "send_sms", 1, due_at=clock.now() + timedelta(hours=1))
    assert tasks.tick() == 2
    assert redis.kinds == {"fire_timer": 1, "notify": 1}


def test_what_somebody_does_already_is_not_told_again(worker: Database, redis: Redis) -> None:
    """Two beats, or a tick beside a wake-up."""
    promise(worker, "fire_timer", 2)
    for _ in range(2):
        worker.run(jobs.take_next, "fire_timer")
    assert tasks.tick() == 0


def test_what_could_not_be_sent_is_sent_by_the_next_tick(
    worker: Database, redis: Redis, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise ConnectionRefusedError

    promise(worker, "fire_timer", 5)
    with monkeypatch.context() as away:
        away.setattr(app, "send_task", refuse)
        assert tasks.tick() == 0
    assert "ConnectionRefusedError" in caplog.text
    assert tasks.tick() == 1


def test_what_is_left_after_a_turn_is_told_again(
    worker: Database, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    rung: list[Mapping[str, int]] = []
    monkeypatch.setattr(jobs.waking, "_wakers", [rung.append])
    done: list[Mapping[str, Any]] = []

    def handle(_session: Session, payload: Mapping[str, Any]) -> None:
        done.append(payload)

    monkeypatch.setitem(tasks.HANDLERS, "notify", handle)
    monkeypatch.setattr(tasks, "TURN", 0)
    promise(worker, "notify", 2)
    rung.clear()
    for number in (1, 2, 2):
        tasks.do_due("notify")
        assert len(done) == number
    assert rung == [{"notify": 1}] * 2, "not when nothing was left to do"


def test_every_kind_that_may_wait_for_others_has_its_places_counted() -> None:
    """Else a mail server that doesn't answer takes every process of the workers, and no timer fires."""
    slow = {name: kind.at_once for name, kind in KINDS.items() if kind.queue == "slow"}
    assert None not in slow.values()
    assert {kind.queue for kind in KINDS.values()} < set(application.QUEUES)
