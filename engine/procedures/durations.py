"""ISO 8601 durations as analysts write them (`P10D`, `P2M`, `PT30M`): counted by the calendar, and said in French."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

from engine.bpmn import timers
from engine.core.clock import PARIS

_UNITS = (("an", "ans"), ("mois", "mois"), ("jour", "jours"), ("heure", "heures"), ("minute", "minutes"))


def after(start: datetime, text: str) -> datetime:
    """`start` plus the duration, months and days by the calendar of Paris; `ExpressionError` when it isn't a duration."""
    return timers.duration(text).after(start)


def length(text: str, start: date) -> timedelta:
    """How long the duration is when it begins on `start`."""
    begin = datetime.combine(start, time(12), PARIS)
    return after(begin, text) - begin


def say(text: str) -> str:
    """The duration in French words: `P2M` is « 2 mois », `PT90M` « 1 heure et 30 minutes »."""
    wanted = timers.duration(text)
    years, months = divmod(wanted.months, 12)
    minutes = round(wanted.seconds / 60)
    numbers = (years, months, wanted.days, minutes // 60, minutes % 60)
    said = [
        f"{number}\N{NO-BREAK SPACE}{one if number == 1 else many}"
        for number, (one, many) in zip(numbers, _UNITS, strict=True)
        if number
    ]
    if len(said) < 2:
        return said[0] if said else "0\N{NO-BREAK SPACE}minute"
    return f"{', '.join(said[:-1])} et {said[-1]}"
