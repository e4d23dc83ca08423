"""Periods of rights: right at month ends."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.rights.periods import add_months, last_day

DAYS = st.dates(date(2000, 1, 1), date(2090, 12, 31))


@pytest.mark.parametrize(
    ("day", "months", "later"),
    [
        ("2026-11-21", 12, "2027-11-21"),
        ("2027-01-31", 1, "2027-02-28"),
        ("2028-01-31", 1, "2028-02-29"),
        ("2028-02-29", 12, "2029-02-28"),
        ("2026-12-31", 2, "2027-02-28"),
        ("2026-12-15", 1, "2027-01-15"),
        ("2027-03-31", -1, "2027-02-28"),
    ],
)
def test_months_are_added(day: str, months: int, later: str) -> None:
    assert add_months(date.fromisoformat(day), months) == date.fromisoformat(later)


@pytest.mark.parametrize(
    ("first", "months", "last"),
    [
        ("2026-11-21", 12, "2027-11-20"),
        ("2027-01-01", 12, "2027-12-31"),
        ("2027-03-01", 12, "2028-02-29"),
        ("2028-02-29", 12, "2029-02-28"),
        ("2027-01-31", 1, "2027-02-28"),
        ("2027-08-31", 1, "2027-09-30"),
    ],
)
def test_both_the_first_and_the_last_day_count(first: str, months: int, last: str) -> None:
    assert last_day(date.fromisoformat(first), months) == date.fromisoformat(last)


@given(first=DAYS, months=st.integers(1, 60))
def test_a_period_is_never_a_day_short_and_at_most_a_day_long(first: date, months: int) -> None:
    """The day that follows a period is the same day of the month, or the first of the next when the month is too short."""
    following = last_day(first, months) + timedelta(days=1)
    assert following == add_months(first, months) if following.day == first.day else following.day == 1
