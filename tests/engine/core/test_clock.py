"""The only clock."""

from datetime import UTC, date, datetime, timedelta, timezone
from threading import Thread

import pytest
import time_machine

from engine.core import clock

NOON = datetime(2027, 3, 1, 12, tzinfo=UTC)


def test_now_is_aware_and_follows_the_wall_clock() -> None:
    with time_machine.travel(NOON, tick=False):
        assert clock.now() == NOON
        assert clock.now().tzinfo is UTC


def test_today_is_the_day_of_the_city() -> None:
    with clock.frozen(datetime(2027, 6, 30, 22, 30, tzinfo=UTC)):  # half past midnight in Paris
        assert clock.today() == date(2027, 7, 1)


def test_frozen_stops_the_clock_and_gives_it_back() -> None:
    with clock.frozen(NOON):
        assert clock.now() == clock.now() == NOON
    assert clock.now() != NOON


def test_frozen_reads_any_zone() -> None:
    with clock.frozen(datetime(2027, 3, 1, 13, tzinfo=timezone(timedelta(hours=1)))):
        assert clock.now() == NOON


def test_a_naive_instant_is_refused() -> None:
    with pytest.raises(ValueError, match="aware"), clock.frozen(datetime(2027, 3, 1)):  # noqa: DTZ001 - what is refused
        pass


def test_moved_adds_up_and_comes_back() -> None:
    with clock.frozen(NOON):
        with clock.moved(timedelta(days=10)), clock.moved(timedelta(hours=-2)):
            assert clock.now() == NOON + timedelta(days=9, hours=22)
        assert clock.now() == NOON


def test_freezing_inside_a_moved_clock_is_exact() -> None:
    with clock.moved(timedelta(days=10)):
        with clock.frozen(NOON):
            assert clock.now() == NOON
        assert clock.now() - datetime.now(UTC) > timedelta(days=9)


def test_the_clock_comes_back_after_an_error() -> None:
    with pytest.raises(RuntimeError), clock.frozen(NOON):
        raise RuntimeError
    assert clock.now() != NOON


def test_another_thread_keeps_the_true_time() -> None:
    seen: list[datetime] = []
    with clock.frozen(NOON):
        thread = Thread(target=lambda: seen.append(clock.now()))
        thread.start()
        thread.join()
    assert seen[0] != NOON


def test_a_clock_that_is_stopped_or_moved_is_not_the_machine_s() -> None:
    assert clock.is_real()
    with clock.moved(timedelta(seconds=1)):
        assert not clock.is_real()
    with clock.frozen(NOON):
        assert not clock.is_real()
    assert clock.is_real()
