"""Throttling: slow for who guesses, never closed for good."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from engine.core.errors import Throttled
from engine.people import throttle
from engine.people.throttle import Limit

Clock = Callable[[str], datetime]
LIMIT = Limit("essai", burst=3, every=timedelta(seconds=60))


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


def test_never_more_than_the_burst_at_once(clock_at: Clock) -> None:
    clock_at("2027-01-31 10:00")
    throttle.take(LIMIT, "a")
    clock_at("2027-03-31 10:00")
    for _ in range(3):
        throttle.take(LIMIT, "a")
    with pytest.raises(Throttled):
        throttle.take(LIMIT, "a")


def test_a_clock_set_back_takes_nothing_away(clock_at: Clock) -> None:
    clock_at("2027-01-31 10:00")
    throttle.take(LIMIT, "a")
    clock_at("2027-01-30 10:00")
    throttle.take(LIMIT, "a")
    throttle.take(LIMIT, "a")


def test_each_key_and_each_limit_counts_for_itself() -> None:
    for _ in range(3):
        throttle.take(LIMIT, "a")
    throttle.take(LIMIT, "b")
    throttle.take(Limit("autre", 1, timedelta(seconds=1)), "a")


def test_who_proved_right_starts_afresh() -> None:
    for _ in range(3):
        throttle.take(LIMIT, "a")
    throttle.give_back(LIMIT, "a")
    throttle.take(LIMIT, "a")


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle, "_REMEMBERED", 10)
    for number in range(100):
        throttle.take(LIMIT, str(number))
    assert len(throttle._buckets) == 10


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
