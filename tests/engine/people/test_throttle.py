"""Throttling: slow for who guesses, never closed for good, whether tries are counted in memory or in Redis."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from engine.core import clock, config
from engine.core.config import THROTTLE, Settings
from engine.core.errors import ConfigurationError, Throttled
from engine.people import throttle
from engine.people.throttle import Limit
from tests import redis
from tests.redis import Server

Clock = Callable[[str], datetime]
LIMIT = Limit("essai", burst=3, every=timedelta(seconds=60))


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with redis.running() as started:
        yield started


@pytest.fixture(params=["memory", "redis"])
def counted(request: pytest.FixtureRequest, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """In the memory of the process, then in Redis, which must then answer each time."""
    if request.param == "memory":
        yield
        return
    server: Server = request.getfixturevalue("server")
    server.empty()
    # A busy machine may slow it down.
    monkeypatch.setattr("workers.throttle.PATIENCE", 10)
    config.use(replace(settings, redis_url=server.address))
    throttle.use_store(THROTTLE)
    store = throttle._store
    assert store
    ask = store.take

    def take(limit: Limit, key: str) -> float | None:
        told = ask(limit, key)
        assert told is not None, "Redis did not answer"
        return told

    monkeypatch.setattr(store, "take", take)
    yield
    throttle.reset()


both = pytest.mark.usefixtures("counted")


@both
def test_tries_come_back_with_time(clock_at: Clock) -> None:
    clock_at("2027-01-31 10:00")
    for _ in range(3):
        throttle.take(LIMIT, "a")
    with pytest.raises(Throttled) as caught:
        throttle.take(LIMIT, "a")
    assert caught.value.retry_after == 60
    clock_at("2027-01-31 10:00:40")
    with pytest.raises(Throttled) as caught:
        throttle.take(LIMIT, "a")
    assert caught.value.retry_after == 20
    clock_at("2027-01-31 10:01:01")
    throttle.take(LIMIT, "a")
    with pytest.raises(Throttled):
        throttle.take(LIMIT, "a")


@both
def test_insisting_costs_nothing_more(clock_at: Clock) -> None:
    """Someone else's tries slow a person down and never lock them out."""
    clock_at("2027-01-31 10:00")
    for _ in range(3):
        throttle.take(LIMIT, "a")
    for second in range(0, 60, 5):
        clock_at(f"2027-01-31 10:00:{second:02}")
        with pytest.raises(Throttled):
            throttle.take(LIMIT, "a")
    clock_at("2027-01-31 10:01:01")
    throttle.take(LIMIT, "a")


@both
def test_never_more_than_the_burst_at_once(clock_at: Clock) -> None:
    clock_at("2027-01-31 10:00")
    throttle.take(LIMIT, "a")
    clock_at("2027-03-31 10:00")
    for _ in range(3):
        throttle.take(LIMIT, "a")
    with pytest.raises(Throttled):
        throttle.take(LIMIT, "a")


@both
def test_a_clock_set_back_takes_nothing_away(clock_at: Clock) -> None:
    clock_at("2027-01-31 10:00")
    throttle.take(LIMIT, "a")
    clock_at("2027-01-30 10:00")
    throttle.take(LIMIT, "a")
    throttle.take(LIMIT, "a")


@both
def test_each_key_and_each_limit_counts_for_itself() -> None:
    for _ in range(3):
        throttle.take(LIMIT, "a")
    throttle.take(LIMIT, "b")
    throttle.take(Limit("autre", 1, timedelta(seconds=1)), "a")


@both
def test_who_proved_right_starts_afresh() -> None:
    for _ in range(3):
        throttle.take(LIMIT, "a")
    throttle.give_back(LIMIT, "a")
    throttle.take(LIMIT, "a")


@both
def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle, "_REMEMBERED", 10)
    for number in range(100):
        throttle.take(LIMIT, str(number))
    assert len(throttle._buckets) == 10


@both
def test_a_clock_that_was_moved_counts() -> None:
    for _ in range(3):
        throttle.take(LIMIT, "a")
    with clock.moved(timedelta(minutes=1)):
        throttle.take(LIMIT, "a")


@pytest.mark.parametrize("path", ["workers.throttle.Nothing", "no_such_room.Tries", "Tries", ""])
def test_a_store_that_does_not_exist_is_said_at_once(path: str) -> None:
    with pytest.raises(ConfigurationError, match="PARVIS_THROTTLE"):
        throttle.use_store(path)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("", ""),
        ("x" * 500, "x" * 64),
    ],
)
def test_a_network_is_what_one_subscriber_holds(address: str, network: str) -> None:
    assert throttle.network(address) == network
