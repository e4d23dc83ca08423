"""The waker: on the request's thread it costs nothing, whatever has become of Redis."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from threading import Event
from typing import Any

import pytest
from celery import Celery

from engine.core import config, jobs
from engine.core.config import Settings
from engine.core.errors import ConfigurationError
from workers import wake
from workers.app import app, celery_url


@pytest.fixture
def waker() -> Iterator[wake.Waker]:
    made = wake.Waker()
    yield made
    made.stop()


def forget_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    """Celery keeps its connections to the first Redis that it was told of: a process has one, this one has several."""
    monkeypatch.setattr(app, "_pool", None)
    monkeypatch.setattr(app.amqp, "_producer_pool", None)


def test_many_wake_ups_become_few_messages(waker: wake.Waker, monkeypatch: pytest.MonkeyPatch) -> None:
    told: Counter[str] = Counter()
    sent: list[Mapping[str, int]] = []
    complete = Event()

    def send(_app: Celery, due: Mapping[str, int]) -> None:
        sent.append(due)
        told.update(due)
        if told["notify"] == 1000:
            complete.set()

    monkeypatch.setattr(wake, "connected", lambda: app)
    monkeypatch.setattr(wake, "send", send)
    for _ in range(500):
        waker.ring({"notify": 2, "fire_timer": 1})
    assert complete.wait(5)
    assert told == {"notify": 1000, "fire_timer": 500}, "and all are told of"
    assert len(sent) < 20


def test_the_last_wake_up_is_never_swallowed(waker: wake.Waker, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that rings while a message is being sent is sent after it."""
    sending, may_end, twice = Event(), Event(), Event()
    sent: list[Mapping[str, int]] = []

    def send(_app: Celery, due: Mapping[str, int]) -> None:
        sent.append(due)
        sending.set()
        may_end.wait(5)
        if len(sent) == 2:
            twice.set()

    monkeypatch.setattr(wake, "connected", lambda: app)
    monkeypatch.setattr(wake, "send", send)
    waker.ring({"notify": 1})
    assert sending.wait(5)
    waker.ring({"fire_timer": 1})
    may_end.set()
    assert twice.wait(5)
    assert sent == [{"notify": 1}, {"fire_timer": 1}]


def test_what_redis_did_not_take_is_sent_with_what_follows(waker: wake.Waker, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Mapping[str, int]] = []
    taken = Event()

    def send(_app: Celery, due: Mapping[str, int]) -> None:
        told.append(due)
        if len(told) == 1:
            waker.ring({"fire_timer": 1})
            raise ConnectionRefusedError
        taken.set()

    monkeypatch.setattr(wake, "connected", lambda: app)
    monkeypatch.setattr(wake, "send", send)
    waker.ring({"notify": 1})
    assert taken.wait(5)
    assert told[1] == {"notify": 1, "fire_timer": 1}


def test_a_redis_that_refuses_costs_the_request_nothing(
    waker: wake.Waker, settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(config, "_current", replace(settings, redis_url="redis://:a-password@127.0.0.1:1"))
    forget_connections(monkeypatch)
    began = time.perf_counter()
    for _ in range(101):
        waker.ring({"notify": 1})
    assert time.perf_counter() - began < 0.3, "one refused message takes longer"
    deadline = time.monotonic() + 10
    while "Redis does not answer" not in caplog.text and time.monotonic() < deadline:
        time.sleep(0.05)
    assert "Redis does not answer" in caplog.text
    assert "a-password" not in caplog.text


def test_the_settings_name_the_waker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs.waking, "_wakers", [])
    jobs.use_waker(None)
    assert jobs.waking._wakers == []
    jobs.use_waker("workers.wake.wake")
    jobs.use_waker("workers.wake.wake")
    assert jobs.waking._wakers == [wake.wake]


@pytest.mark.parametrize("path", ["workers.wake.sleep", "no_such_room.wake", "wake", ""])
def test_a_waker_that_does_not_exist_is_said_at_once(path: str) -> None:
    with pytest.raises(ConfigurationError, match="PARVIS_WAKER"):
        jobs.use_waker(path)


def test_naming_redis_names_the_waker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARVIS_REDIS_URL", "redis://127.0.0.1:6379/0")
    assert config.load().waker == "workers.wake.wake"
    assert not config.load().embedded
    monkeypatch.delenv("PARVIS_REDIS_URL")
    assert config.load().embedded


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("redis://127.0.0.1:6379/0", "redis://127.0.0.1:6379/0"),
        ("rediss://:secret@redis.example/1", "rediss://:secret@redis.example/1"),
        ("unix:///run/redis/redis.sock", "redis+socket:///run/redis/redis.sock"),
    ],
)
def test_celery_understands_the_address(address: str, expected: str) -> None:
    assert celery_url(address) == expected


def test_an_embedded_portal_loads_no_broker(tmp_path: Any) -> None:
    code = (
        "import sys, portal.app, engine.handlers;"
        "print(sorted({'celery', 'kombu', 'redis', 'workers'} & {name.partition('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
