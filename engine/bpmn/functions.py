"""The functions that analysts may call in an expression: one table, known to the checker.

Each takes and gives plain JSON values only (dates are ISO text) and costs no more than the size of what it is given.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date as Date
from datetime import datetime, timedelta
from typing import Any

from engine.core import clock
from engine.core.errors import ExpressionError

MAX_TEXT = 100_000
MAX_ITEMS = 10_000
MAX_NUMBER = 10**18

_DATE = re.compile(r"\d{4}-\d\d-\d\d")
# Reading a longer text as a number is either a mistake or an attack: the cost grows with the square of its length.
_LONGEST_NUMBER = 40


def bounded(value: Any) -> Any:
    """Give `value` back, or raise `ExpressionError` when it is too large (or not a number that JSON can carry)."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, (int, float)):
        if not -MAX_NUMBER <= value <= MAX_NUMBER:  # refuses nan too
            raise ExpressionError("Le résultat est un nombre trop grand.")
        return value
    if isinstance(value, str):
        if len(value) > MAX_TEXT:
            raise ExpressionError("Le résultat est un texte trop long.")
    elif len(value) > MAX_ITEMS:
        raise ExpressionError("Le résultat est une liste trop longue.")
    return value


def is_number(value: Any) -> bool:
    return isinstance(value, (int, float))


def _list(value: Any) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise ExpressionError("Une liste était attendue.")
    return value


def _text(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ExpressionError("Un texte était attendu.")
    return value


def _int(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ExpressionError("Un nombre entier était attendu.")
    return value


def as_date(value: Any) -> Date:
    """Read an ISO date; of an instant with an offset, the day in Paris."""
    if isinstance(value, str):
        try:
            if _DATE.fullmatch(value):
                return Date.fromisoformat(value)
            instant = datetime.fromisoformat(value)
            return (instant if instant.tzinfo is None else instant.astimezone(clock.PARIS)).date()
        except (ValueError, OverflowError):
            pass
    raise ExpressionError("Une date (AAAA-MM-JJ) était attendue.")


def plus_months(day: Date, months: int) -> Date:
    """`months` later, on the last day of the month when the day doesn't exist in it (31 January + 1 is 28 February)."""
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    following = Date(year + (month == 11), (month + 1) % 12 + 1, 1)
    return following.replace(year=year, month=month + 1, day=min(day.day, (following - timedelta(days=1)).day))


def easter(year: int) -> Date:
    """Easter Sunday in the Gregorian calendar (anonymous algorithm, as printed by Meeus)."""
    a, (b, c) = year % 19, divmod(year, 100)
    (d, e), f = divmod(b, 4), (b + 8) // 25
    g = (b - f + 1) // 3
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    m = (32 + 2 * e + 2 * i - h - k) % 7
    n = (a + 11 * h + 22 * m) // 451
    month, day = divmod(h + m - 7 * n + 114, 31)
    return Date(year, month, day + 1)


def is_holiday(day: Date) -> bool:
    """Whether `day` is a public holiday in metropolitan France (art. L3133-1 of the labour code)."""
    if (day.month, day.day) in {(1, 1), (5, 1), (5, 8), (7, 14), (8, 15), (11, 1), (11, 11), (12, 25)}:
        return True
    return (day - easter(day.year)).days in {1, 39, 50}


def show(value: Any) -> str:
    """A scalar as plain text: `oui` and `non` for booleans, nothing for a missing value."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "oui" if value else "non"
    if isinstance(value, (str, int, float)):
        return str(value)
    raise ExpressionError("Une liste ou un groupe de réponses ne peut pas devenir un texte ; voir « join ».")


def length(value: Any) -> int:
    return 0 if value is None else len(value)


def integer(value: Any) -> int:
    if isinstance(value, str) and len(value) > _LONGEST_NUMBER:
        raise ExpressionError("Ce texte est trop long pour être un nombre.")
    return int(value)


def decimal(value: Any) -> float:
    if isinstance(value, str):
        if len(value) > _LONGEST_NUMBER:
            raise ExpressionError("Ce texte est trop long pour être un nombre.")
        value = value.replace(",", ".")
    return float(value)


def smallest(*values: Any) -> Any:
    return min(_list(values[0])) if len(values) == 1 else min(values)


def largest(*values: Any) -> Any:
    return max(_list(values[0])) if len(values) == 1 else max(values)


def total(values: Any) -> Any:
    numbers = _list(values)
    if not all(is_number(number) for number in numbers):
        raise ExpressionError("Une liste de nombres était attendue.")
    return sum(numbers)


def rounded(number: Any, digits: int = 0) -> Any:
    # round() of Python computes 10**digits.
    if not is_number(number) or not -15 <= _int(digits) <= 15:
        raise ExpressionError("« round » attend un nombre, et au plus 15 décimales.")
    return round(number, digits) if digits else round(number)


def absolute(number: Any) -> Any:
    return abs(number)


def some(values: Any) -> bool:
    return any(_list(values))


def every(values: Any) -> bool:
    return all(_list(values))


def in_order(values: Any) -> list[Any]:
    return sorted(_list(values))


def lower(text: Any) -> str:
    return _text(text).lower()


def upper(text: Any) -> str:
    return _text(text).upper()


def strip(text: Any) -> str:
    return _text(text).strip()


def starts_with(text: Any, beginning: str) -> bool:
    return _text(text).startswith(_text(beginning))


def ends_with(text: Any, ending: str) -> bool:
    return _text(text).endswith(_text(ending))


def contains(whole: Any, part: Any) -> bool:
    return False if whole is None else part in whole


def get(group: Any, key: Any, default: Any = None) -> Any:
    if group is None:
        return default
    if not isinstance(group, Mapping):
        raise ExpressionError("« get » attend un groupe de réponses.")
    return group.get(key, default)


def date(year: Any, month: int | None = None, day: int | None = None) -> str:
    """`date(2026, 3, 1)`, or `date("2026-03-01")` as decision tables write it."""
    if month is None and day is None:
        return as_date(year).isoformat()
    return Date(_int(year), _int(month), _int(day)).isoformat()


def days_between(start: Any, end: Any) -> int:
    return (as_date(end) - as_date(start)).days


def years_between(start: Any, end: Any) -> int:
    first, last = as_date(start), as_date(end)
    return last.year - first.year - ((last.month, last.day) < (first.month, first.day))


def add_days(day: Any, days: int) -> str:
    return (as_date(day) + timedelta(days=_int(days))).isoformat()


def add_months(day: Any, months: int) -> str:
    return plus_months(as_date(day), _int(months)).isoformat()


def add_years(day: Any, years: int) -> str:
    return plus_months(as_date(day), 12 * _int(years)).isoformat()


def weekday(day: Any) -> int:
    return as_date(day).isoweekday()


def working_day(day: Any, days: int) -> str:
    """The day `days` working days after `day` (before it when negative); with 0, `day` or the next working day."""
    if not -2_000 <= _int(days) <= 2_000:
        raise ExpressionError("« working_day » compte au plus 2 000 jours.")
    found = as_date(day)
    step = timedelta(days=-1 if days < 0 else 1)

    def worked() -> bool:
        return found.isoweekday() < 6 and not is_holiday(found)

    while days == 0 and not worked():
        found += step
    left = abs(days)
    while left:
        found += step
        left -= worked()
    return found.isoformat()


def duration(days: int = 0, hours: int = 0, minutes: int = 0) -> str:
    if min(_int(days), _int(hours), _int(minutes)) < 0:
        raise ExpressionError("Une durée ne peut pas être négative.")
    time = (f"{hours}H" if hours else "") + (f"{minutes}M" if minutes else "")
    text = "P" + (f"{days}D" if days else "") + (f"T{time}" if time else "")
    return text if text != "P" else "PT0S"


def concat(*parts: Any) -> str:
    return "".join(show(part) for part in parts)


def join(values: Any, separator: str = ", ") -> str:
    parts = [show(value) for value in _list(values)]
    if sum(map(len, parts)) + len(_text(separator)) * len(parts) > MAX_TEXT:
        raise ExpressionError("Le résultat est un texte trop long.")
    return separator.join(parts)


def count(values: Any, *what: Any) -> int:
    """`count(list)`; `count(list, value)`: items equal to it; `count(list, "key", value)`: items whose key has it."""
    items = _list(values)
    if not what:
        return len(items)
    if len(what) == 1:
        return items.count(what[0])
    if len(what) > 2:
        raise ExpressionError("« count » attend une liste, et au plus une clé et une valeur.")
    return sum(isinstance(item, Mapping) and item.get(what[0]) == what[1] for item in items)


def now_iso() -> str:
    return clock.now().isoformat(timespec="seconds")


def defined(value: Any) -> bool:
    """Whether a variable or an answer has a value. (Compiled apart: its argument may be a name that doesn't exist.)"""
    return value is not None


FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "len": length,
    "int": integer,
    "str": show,
    "float": decimal,
    "min": smallest,
    "max": largest,
    "sum": total,
    "round": rounded,
    "abs": absolute,
    "any": some,
    "all": every,
    "sorted": in_order,
    "lower": lower,
    "upper": upper,
    "strip": strip,
    "starts_with": starts_with,
    "ends_with": ends_with,
    "contains": contains,
    "get": get,
    "defined": defined,
    "date": date,
    "days_between": days_between,
    "years_between": years_between,
    "add_days": add_days,
    "add_months": add_months,
    "add_years": add_years,
    "weekday": weekday,
    "working_day": working_day,
    "duration": duration,
    "concat": concat,
    "join": join,
    "count": count,
    "now_iso": now_iso,
}
