"""Due dates in words, by the days of the city's calendar."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest

from engine.core.clock import PARIS
from portal.agents.due import due

Clock = Callable[[str], datetime]


def paris(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=PARIS)


@pytest.mark.parametrize(
    ("at", "text", "state"),
    [
        ("2027-03-07 10:00", "En retard de 3 jours", "late"),
        ("2027-03-09 23:59", "En retard de 1 jour", "late"),
        ("2027-03-10 09:59", "En retard", "late"),
        ("2027-03-10 10:00", "Aujourd’hui avant 10 h 00", "today"),
        ("2027-03-10 23:59", "Aujourd’hui avant 23 h 59", "today"),
        ("2027-03-11 00:01", "Demain", "soon"),
        ("2027-03-12 09:00", "Dans 2 jours", "soon"),
        ("2027-03-13 09:00", "Dans 3 jours", "later"),
        ("2028-03-10 09:00", "Dans 366 jours", "later"),
    ],
)
def test_how_late_or_how_soon(clock_at: Clock, at: str, text: str, state: str) -> None:
    clock_at("2027-03-10 10:00")
    found = due(paris(at))
    assert found is not None
    assert found.text.replace("\N{NO-BREAK SPACE}", " ") == text
    assert found.state == state
    assert found.day == paris(at).strftime("%d/%m/%Y")


def test_the_day_is_the_city_s(clock_at: Clock) -> None:
    clock_at("2027-07-01 00:30")  # still 30 June in UTC
    found = due(paris("2027-07-01 18:00"))
    assert found is not None
    assert found.state == "today"
    assert found.iso == "2027-07-01T18:00+02:00"


def test_no_due_date_is_nothing() -> None:
    assert due(None) is None
