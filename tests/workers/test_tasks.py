"""What is sent to the workers, and what becomes of what can't be sent."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import func, select

from engine.core import jobs
from engine.core.db import Database
from engine.core.jobs import Job
from engine.handlers import KINDS
from workers import app as application
from workers import tasks

Sent = list[tuple[tuple[Any, ...], dict[str, Any]]]


@pytest.fixture
def sent(database: Database, monkeypatch: pytest.MonkeyPatch) -> Sent:
    """What `tick` sends, in place of Redis."""
    sent: Sent = []

    class Pool:
        @contextmanager
        def acquire(self, **_: Any) -> Iterator[None]:
            yield None

    monkeypatch.setattr(tasks, "database", lambda: database)
    monkeypatch.setattr(type(tasks.app), "producer_pool", Pool())
    monkeypatch.setattr(tasks.run_job, "apply_async", lambda arguments, **options: sent.append((arguments, options)))
    return sent


def promise(database: Database, kind: str, times: int) -> None:
    with database.transaction() as session:
        jobs.promise_all(session, [jobs.Promise(kind, {})] * times)


def held(database: Database) -> int:
    with database.reading() as session:
        return session.scalar(select(func.count()).where(Job.held_until.is_not(None))) or 0


def test_each_kind_goes_to_its_queue_with_its_time(database: Database, sent: Sent) -> None:
    promise(database, "send_mail", 1)
    promise(database, "fire_timer", 1)
    assert tasks.tick() == 2
    told = {arguments[1]: options for arguments, options in sent}
    for name, queue in (("send_mail", "slow"), ("fire_timer", "quick")):
        assert told[name]["queue"] == queue
        assert told[name]["soft_time_limit"] == KINDS[name].seconds
        assert told[name]["time_limit"] > KINDS[name].seconds


def test_a_second_tick_sends_nothing_again(database: Database, sent: Sent) -> None:
    """Two beats, or a wake-up just before the beat."""
    promise(database, "fire_timer", 3)
    assert (tasks.tick(), tasks.tick()) == (3, 0)


def test_what_could_not_be_sent_is_sent_by_the_next_tick(
    database: Database, sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(arguments: tuple[Any, ...], **options: Any) -> None:
        if len(sent) == 2:
            raise ConnectionRefusedError
        sent.append((arguments, options))

    monkeypatch.setattr(tasks.run_job, "apply_async", refuse)
    promise(database, "fire_timer", 5)
    assert tasks.tick() == 2
    assert held(database) == 2
    monkeypatch.setattr(tasks.run_job, "apply_async", lambda arguments, **options: sent.append((arguments, options)))
    assert tasks.tick() == 3
    assert len({arguments[0] for arguments, _ in sent}) == 5


def test_a_kind_with_few_places_is_served_in_small_helpings(database: Database, sent: Sent) -> None:
    promise(database, "send_mail", 50)
    assert 0 < tasks.tick() < 50


def test_every_kind_that_may_wait_for_others_has_its_places_counted() -> None:
    """Else a mail server that doesn't answer takes every process of the workers, and no timer fires."""
    slow = {name: kind.at_once for name, kind in KINDS.items() if kind.queue == "slow"}
    assert None not in slow.values()
    assert {kind.queue for kind in KINDS.values()} < set(application.QUEUES)
