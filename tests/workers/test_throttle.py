"""Tries that all processes count together in Redis, and what becomes of the limits when Redis goes away."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from engine.core import config
from engine.core.config import THROTTLE, Settings
from engine.core.errors import ConfigurationError, Throttled
from engine.people import throttle
from engine.people.throttle import Limit
from portal.app import create_app
from tests import redis
from tests.redis import Server
from workers.throttle import PATIENCE, PREFIX, SharedTries

LIMIT = Limit("essai", burst=3, every=timedelta(seconds=60))
MANY = Limit("beaucoup", burst=40, every=timedelta(hours=1))


@pytest.fixture(scope="module")
def started() -> Iterator[Server]:
    with redis.running() as made:
        yield made


@pytest.fixture
def server(started: Server, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Server:
    """A Redis with nothing in it, which the settings name, and which a busy machine may slow down."""
    monkeypatch.setattr("workers.throttle.PATIENCE", 10)
    if started.process is None:
        started.start()
    started.empty()
    config.use(replace(settings, redis_url=started.address))
    return started


@pytest.fixture
def portal(server: Server) -> Iterator[None]:
    """This process counts as a web process does."""
    throttle.use_store(THROTTLE)
    yield
    throttle.reset()


def used_up(key: str) -> None:
    for _ in range(LIMIT.burst):
        throttle.take(LIMIT, key)
    with pytest.raises(Throttled):
        throttle.take(LIMIT, key)


def test_two_processes_share_one_limit(server: Server) -> None:
    """And their number doesn't multiply it: of tries at once, exactly as many as the limit says."""
    stores = [SharedTries(), SharedTries()]
    with ThreadPoolExecutor(8) as threads:
        told = list(threads.map(lambda number: stores[number % 2].take(MANY, "a"), range(100)))
    assert None not in told
    assert sum(tokens >= 1 for tokens in told if tokens is not None) == 40


def test_what_one_process_gives_back_every_process_has(server: Server) -> None:
    here, there = SharedTries(), SharedTries()
    for _ in range(3):
        here.take(LIMIT, "a")
    there.give_back(LIMIT, "a")
    assert here.take(LIMIT, "a") == 3


@pytest.mark.usefixtures("portal")
def test_a_process_that_starts_again_has_forgotten_nothing() -> None:
    used_up("a")
    throttle.reset()
    throttle.use_store(THROTTLE)
    with pytest.raises(Throttled) as caught:
        throttle.take(LIMIT, "a")
    assert 0 < caught.value.retry_after <= 60


@pytest.mark.usefixtures("portal")
def test_redis_holds_nothing_readable_and_nothing_for_long(server: Server, settings: Settings) -> None:
    for key in ("jeanne.martin@courriel.example 192.0.2.7", "192.0.2.7"):
        throttle.take(LIMIT, key)
    content = server.content()
    assert len(content) == 2
    for name, fields in content.items():
        assert name.decode().startswith(PREFIX)
        int(name.decode().removeprefix(PREFIX), 16)
        assert sorted(fields) == [b"since", b"tokens"]
        assert 0 < server.seconds_left(name) <= 61, "one token is missing: full again after a minute"
    config.use(replace(settings, redis_url=server.address, secret_key="another secret key"))
    throttle.take(LIMIT, "192.0.2.7")
    assert len(server.content()) == 3, "who lacks the key can't try addresses one after the other"


@pytest.mark.usefixtures("portal")
def test_limits_outlive_redis(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    """A process goes on from what Redis told it last: who was out of tries doesn't get them all again."""
    used_up("a")
    throttle.take(LIMIT, "b")
    server.kill()
    began = time.perf_counter()
    for _ in range(200):
        with pytest.raises(Throttled):
            throttle.take(LIMIT, "a")
    throttle.take(LIMIT, "b")
    throttle.take(LIMIT, "b")
    with pytest.raises(Throttled):
        throttle.take(LIMIT, "b")
    throttle.give_back(LIMIT, "b")
    throttle.take(LIMIT, "b")
    used_up("c")
    assert time.perf_counter() - began < 100 * PATIENCE, "nobody waits for a Redis that is away"
    assert [record.levelno for record in caplog.records] == [logging.WARNING], "said once"
    assert server.address.removeprefix("unix://") not in caplog.text


def test_a_redis_that_hangs_is_waited_for_once(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workers.throttle.PATIENCE", PATIENCE)
    throttle.use_store(THROTTLE)
    throttle.take(LIMIT, "a")
    with server.hung():
        began = time.perf_counter()
        throttle.take(LIMIT, "a")
        assert PATIENCE / 2 < time.perf_counter() - began < 20 * PATIENCE, "it was asked, and not for long"
        began = time.perf_counter()
        throttle.take(LIMIT, "a")
        for _ in range(100):
            with pytest.raises(Throttled):
                throttle.take(LIMIT, "a")
        assert time.perf_counter() - began < 50 * PATIENCE


@pytest.mark.usefixtures("portal")
def test_redis_counts_again_when_it_is_back(
    server: Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    server.kill()
    throttle.take(LIMIT, "a")
    server.start()
    throttle.take(LIMIT, "a")
    assert server.content() == {}, "left alone for a while"
    monkeypatch.setattr("workers.throttle.time.monotonic", _later(time.monotonic))
    throttle.take(LIMIT, "a")
    assert len(server.content()) == 1
    assert "answers again" in caplog.text


def _later(monotonic: Callable[[], float]) -> Callable[[], float]:
    return lambda: monotonic() + 60


def test_only_one_asks_whether_redis_is_back(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    store = SharedTries()
    server.kill()
    assert store.take(LIMIT, "a") is None
    asked: list[float | None] = []

    def ask(**_: object) -> float:
        if not asked:
            asked.append(3)
            asked.append(store.take(LIMIT, "another thread, meanwhile"))
        return 3

    monkeypatch.setattr(store, "_take", ask)
    monkeypatch.setattr("workers.throttle.time.monotonic", _later(time.monotonic))
    assert store.take(LIMIT, "a") == 3
    assert asked == [3, None]


def test_naming_redis_shares_the_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PARVIS_REDIS_URL", raising=False)
    assert config.load().throttle is None
    monkeypatch.setenv("PARVIS_REDIS_URL", "redis://127.0.0.1:6379/0")
    assert config.load().throttle == THROTTLE


@pytest.mark.parametrize("address", [None, "secret@redis.example", "redis://:a-secret@redis.example:port"])
def test_an_address_that_is_none_is_said_at_once(settings: Settings, address: str | None) -> None:
    config.use(replace(settings, redis_url=address))
    with pytest.raises(ConfigurationError, match="PARVIS_REDIS_URL") as caught:
        SharedTries()
    assert "secret" not in str(caught.value)


def test_the_portal_counts_where_its_settings_say(server: Server) -> None:
    app = create_app(replace(config.current(), throttle=THROTTLE))
    app.extensions["database"].close()
    throttle.take(LIMIT, "a")
    throttle.reset()
    assert len(server.content()) == 1
