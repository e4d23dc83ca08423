"""Durations as analysts write them, counted as people count."""

from datetime import UTC, date, datetime, timedelta

import pytest

from engine.core.clock import PARIS
from engine.core.errors import ExpressionError
from engine.procedures import durations


def paris(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=PARIS)


@pytest.mark.parametrize(
    "text", ["", "P", "PT", "P1DT", "10D", "P-1D", "PT1D", "P1H", "10 jours", "P1D\n2", "P9999999Y"]
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ExpressionError):
        durations.after(paris("2027-01-31 10:00"), text)


@pytest.mark.parametrize(
    ("start", "text", "end"),
    [
        ("2027-01-31 10:00", "P1M", "2027-02-28 10:00"),
        ("2028-01-31 10:00", "P1M", "2028-02-29 10:00"),
        ("2028-02-29 10:00", "P1Y", "2029-02-28 10:00"),
        ("2027-12-15 10:00", "P2M", "2028-02-15 10:00"),
        ("2027-01-01 10:00", "P1W1D", "2027-01-09 10:00"),
        ("2027-01-01 23:45", "PT30M", "2027-01-02 00:15"),
        ("2027-01-01 10:00", "P0D", "2027-01-01 10:00"),
    ],
)
def test_months_and_days_follow_the_calendar(start: str, text: str, end: str) -> None:
    assert durations.after(paris(start), text) == paris(end)


def test_a_day_is_a_day_across_the_change_to_summer_time() -> None:
    before = paris("2027-03-27 09:00")  # the clocks change on the 28th
    assert durations.after(before, "P1D") == paris("2027-03-28 09:00")
    assert durations.after(before, "P1D").astimezone(UTC) - before.astimezone(UTC) == timedelta(hours=23)
    assert durations.after(before, "PT24H") == paris("2027-03-28 10:00")


def test_what_falls_in_the_missing_hour_is_an_instant_all_the_same() -> None:
    moved = durations.after(paris("2027-03-27 02:30").astimezone(UTC), "P1D")
    assert moved == datetime(2027, 3, 28, 1, 30, tzinfo=UTC)


def test_an_hour_is_an_hour_across_the_change_to_winter_time() -> None:
    start = datetime(2027, 10, 30, 23, 30, tzinfo=UTC)  # 01:30 in Paris, the night when 02:30 comes twice
    assert durations.after(start, "PT2H") == start + timedelta(hours=2)


def test_the_day_is_counted_in_the_city_and_not_in_utc() -> None:
    start = datetime(2027, 1, 31, 23, 30, tzinfo=UTC)  # already 1 February in Paris
    assert durations.after(start, "P1M") == datetime(2027, 2, 28, 23, 30, tzinfo=UTC)


def test_the_answer_is_in_the_zone_of_the_question() -> None:
    assert durations.after(datetime(2027, 1, 1, tzinfo=UTC), "P1D").tzinfo is UTC


@pytest.mark.parametrize(("text", "length"), [("P1M", 31), ("P1Y", 365), ("P2W", 14)])
def test_how_long_it_is_depends_on_when(text: str, length: int) -> None:
    assert durations.length(text, date(2027, 1, 1)) == timedelta(days=length)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("P1D", "1 jour"),
        ("P10D", "10 jours"),
        ("P2W", "14 jours"),
        ("P1Y", "1 an"),
        ("P2M", "2 mois"),
        ("P18M", "1 an et 6 mois"),
        ("PT90M", "1 heure et 30 minutes"),
        ("P1M2DT1H", "1 mois, 2 jours et 1 heure"),
        ("P0D", "0 minute"),
    ],
)
def test_a_duration_is_said_in_french(text: str, said: str) -> None:
    assert durations.say(text).replace("\N{NO-BREAK SPACE}", " ") == said


def test_a_number_is_never_parted_from_its_unit() -> None:
    assert durations.say("P10D") == "10\N{NO-BREAK SPACE}jours"
