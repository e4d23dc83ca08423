"""Periods of rights, in days of the calendar: both the first and the last day count."""

from __future__ import annotations

import calendar
from datetime import date, timedelta


def add_months(day: date, months: int) -> date:
    """The same day `months` later, or the last day of that month when it is shorter."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def last_day(first: date, months: int) -> date:
    """The last day of a period of `months` that begins on `first`.

    From the 1st of March for a year it is the 28th or the 29th of February; from the 31st of January for a month, it is that
    too: the next period then begins on the 1st of March, and no day is lost or given twice.
    """
    after = add_months(first, months)
    # The month is too short to hold the day: the period fills it.
    return after if after.day < first.day else after - timedelta(days=1)
