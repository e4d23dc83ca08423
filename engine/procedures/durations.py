"""ISO 8601 durations as analysts write them (`P10D`, `P2M`, `PT30M`): added by the calendar, and said in French."""

from __future__ import annotations

import calendar
import re
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from engine.core.clock import PARIS
from engine.core.errors import ExpressionError

_FORM = re.compile(
    r"P(?!$)(?:(?P<years>\d+)Y)?(?:(?P<months>\d+)M)?(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+)D)?"
    r"(?:T(?!$)(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+)S)?)?"
)
_UNITS = (
    ("years", "an", "ans"),
    ("months", "mois", "mois"),
    ("weeks", "semaine", "semaines"),
    ("days", "jour", "jours"),
    ("hours", "heure", "heures"),
    ("minutes", "minute", "minutes"),
    ("seconds", "seconde", "secondes"),
)


def parts(text: str) -> dict[str, int]:
    """The numbers of a duration by unit, or `ExpressionError`. Fractions aren't accepted: `P1.5M` means nothing."""
    found = _FORM.fullmatch(text.strip())
    if found is None:
        raise ExpressionError(
            f"« {text} » n’est pas une durée : écrivez par exemple P10D (dix jours) ou PT30M (trente minutes)."
        )
    return {name: int(value) for name, value in found.groupdict().items() if value is not None}


def after(start: datetime, text: str, zone: ZoneInfo = PARIS) -> datetime:
    """`start` plus the duration, days and months counted by the local calendar: a day is a day across a summer-time
    change.

    A month after 31 January is the last day of February.
    """
    numbers = parts(text)
    local = start.astimezone(zone)
    months = numbers.get("years", 0) * 12 + numbers.get("months", 0)
    day = _add_months(local.date(), months) + timedelta(weeks=numbers.get("weeks", 0), days=numbers.get("days", 0))
    moved = datetime.combine(day, local.timetz().replace(tzinfo=None), zone)
    exact = timedelta(
        hours=numbers.get("hours", 0), minutes=numbers.get("minutes", 0), seconds=numbers.get("seconds", 0)
    )
    return moved.astimezone(start.tzinfo) + exact


def length(text: str, start: date) -> timedelta:
    """How long the duration is when it begins on `start`."""
    begin = datetime.combine(start, time(12), PARIS)
    return after(begin, text) - begin


def say(text: str) -> str:
    """The duration in French words: `P2M` is « 2 mois »."""
    said = [
        f"{number}\N{NO-BREAK SPACE}{one if number == 1 else many}"
        for unit, one, many in _UNITS
        if (number := parts(text).get(unit))
    ]
    return " et ".join(said) if len(said) < 3 else ", ".join(said[:-1]) + " et " + said[-1]


def _add_months(day: date, months: int) -> date:
    total = day.year * 12 + day.month - 1 + months
    year, month = divmod(total, 12)
    return day.replace(year=year, month=month + 1, day=min(day.day, calendar.monthrange(year, month + 1)[1]))
