"""Dates, durations and cycles of processes, and the timers that wait for them.

SpiffWorkflow's own timers read the wall clock themselves. These read `engine.core.clock` once, when they are entered,
and fire only when the host says so: the table of jobs is the only clock, and a rehearsal can move it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from SpiffWorkflow.bpmn.specs.event_definitions import timer as stock

from engine.bpmn.functions import plus_months
from engine.core import clock
from engine.core.errors import ExpressionError, ProcessStuck

_NUMBER = r"(\d{1,6}(?:[.,]\d{1,6})?)"
_DURATION = re.compile(
    rf"P(?=.)(?:(\d{{1,4}})Y)?(?:(\d{{1,4}})M)?(?:{_NUMBER}W)?(?:{_NUMBER}D)?"
    rf"(?:T(?=.)(?:{_NUMBER}H)?(?:{_NUMBER}M)?(?:{_NUMBER}S)?)?"
)
_INSTANT = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:Z|[+-]\d\d:\d\d)?)?")
_CYCLE = re.compile(r"R(\d{0,4})/([^/]+)(?:/([^/]+))?")
_LONGEST = timedelta(days=37_300)


@dataclass(frozen=True)
class Duration:
    """An ISO 8601 duration: months (years included), days (weeks included) and seconds."""

    months: int
    days: int
    seconds: float

    def after(self, start: datetime, times: int = 1) -> datetime:
        """`times` this duration after `start`: months and days by the calendar of Paris, then the seconds.

        31 January and a month is 28 February; a day is a day on the clock of the wall, even when the hour changes.
        """
        local = start.astimezone(clock.PARIS)
        day = plus_months(local.date(), self.months * times) + timedelta(days=self.days * times)
        moved = datetime.combine(day, local.time(), clock.PARIS).replace(fold=local.fold)
        return moved.astimezone(UTC) + timedelta(seconds=self.seconds * times)


@dataclass(frozen=True)
class Cycle:
    """A repeating interval: `count` times (None: for ever), from `start` (None: one turn after entry)."""

    count: int | None
    every: Duration
    start: datetime | None


def duration(text: Any) -> Duration:
    """Read an ISO 8601 duration (`P1M`, `P10D`, `PT36H`), or raise `ExpressionError`."""
    found = _DURATION.fullmatch(text.strip().upper()) if isinstance(text, str) else None
    if found is None:
        raise ExpressionError("Une durée s’écrit comme « P10D » (jours), « P1M » (mois) ou « PT36H » (heures).")
    years, months, weeks, days, hours, minutes, seconds = (
        float((part or "0").replace(",", ".")) for part in found.groups()
    )
    whole, rest = divmod(weeks * 7 + days, 1)
    result = Duration(int(years * 12 + months), int(whole), rest * 86_400 + hours * 3_600 + minutes * 60 + seconds)
    if timedelta(days=31 * result.months + result.days, seconds=result.seconds) > _LONGEST:
        raise ExpressionError("La durée dépasse cent ans.")
    return result


def instant(text: Any) -> datetime:
    """Read an ISO 8601 date or date-time; without an offset it is Paris time, without an hour the day's start."""
    try:
        if isinstance(text, str) and _INSTANT.fullmatch(text.strip()):
            moment = datetime.fromisoformat(text.strip())
            return (moment if moment.tzinfo else moment.replace(tzinfo=clock.PARIS)).astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise ExpressionError("Une date s’écrit comme « 2026-03-01 » ou « 2026-03-01T09:00 ».")


def cycle(text: Any) -> Cycle:
    """Read an ISO 8601 repeating interval: `R3/P7D`, `R/P1D`, `R3/2026-03-01/P7D` or `R3/P7D/2026-03-21`."""
    found = _CYCLE.fullmatch(text.strip().upper()) if isinstance(text, str) else None
    if found is None:
        raise ExpressionError("Une répétition s’écrit comme « R3/P7D » (trois fois, tous les sept jours).")
    count = int(found[1]) if found[1] else None
    first, second = found[2], found[3]
    if second is None:
        start, every = None, duration(first)
    elif first.startswith("P"):
        every = duration(first)
        if count is None:
            raise ExpressionError("Une répétition qui a une date de fin doit dire combien de fois.")
        start = every.after(instant(second), 1 - count)
    else:
        start, every = instant(first), duration(second)
    if every == Duration(0, 0, 0):
        raise ExpressionError("L’intervalle d’une répétition ne peut pas être nul.")
    return Cycle(count, every, start)


_READERS = {"date": instant, "duration": duration, "cycle": cycle}


def literal(text: str) -> str | None:
    """The value of a timer written as BPMN editors do, without quotes (`P10D`, `2026-03-01`, `R3/P7D`); else None."""
    bare = text.strip()
    if any(pattern.fullmatch(bare) for pattern in (_DURATION, _INSTANT, _CYCLE)):
        return bare
    return None


def check_value(kind: str, text: str) -> str | None:
    """Why `text` isn't a value for a timer of that kind (`date`, `duration`, `cycle`), in French; None when it is."""
    try:
        _READERS[kind](text)
    except ExpressionError as error:
        return error.message
    return None


# --- What SpiffWorkflow's events hold --------------------------------------------------------------------------------


class OwnTimer:
    """What the three timers share: their state is in the task, under the timer's name.

    `due` is the next due time; `fired` is set by the host alone.
    """

    name: str
    expression: str

    def state(self, task: Any) -> dict[str, Any]:
        """The timer's state in `task`, computed at the first look: that is when the timer is entered."""
        timers = task.internal_data.setdefault("timers", {})
        if self.name not in timers:
            value = literal(self.expression)
            if value is None:
                value = task.workflow.script_engine.evaluate(task, self.expression)
            try:
                timers[self.name] = self.entered(value)
            except ExpressionError as error:
                raise ProcessStuck(self.name, error.message) from error
            except (ValueError, OverflowError) as error:
                raise ProcessStuck(self.name, "L’échéance est hors du calendrier.") from error
        found: dict[str, Any] = timers[self.name]
        return found

    def entered(self, value: Any) -> dict[str, Any]:
        raise NotImplementedError

    def has_fired(self, task: Any) -> bool:
        return bool(self.state(task).get("fired"))

    def due(self, task: Any) -> datetime | None:
        """When the timer is due, or None when it has nothing left to do."""
        state = self.state(task)
        return None if state.get("fired") else datetime.fromisoformat(state["due"])

    def turn(self, task: Any) -> int:
        """Which turn the due time is for: 0, but for cycles."""
        return int(self.state(task).get("turn", 0))

    def fire(self, task: Any) -> bool:
        """Mark the timer fired. True when what it leads to has to be started again each time (a cycle)."""
        self.state(task)["fired"] = True
        return False

    def reset(self, task: Any) -> None:
        task.internal_data.pop("timers", None)

    def __eq__(self, other: object) -> bool:
        return self is other

    __hash__ = object.__hash__


class DateTimer(OwnTimer, stock.TimeDateEventDefinition):  # type: ignore[misc]
    """Waits for a date."""

    def entered(self, value: Any) -> dict[str, Any]:
        return {"due": instant(value).isoformat()}


class DurationTimer(OwnTimer, stock.DurationTimerEventDefinition):  # type: ignore[misc]
    """Waits for a duration after it was entered."""

    def entered(self, value: Any) -> dict[str, Any]:
        return {"due": duration(value).after(clock.now()).isoformat()}


class FirstTurn(OwnTimer, stock.TimeDateEventDefinition):  # type: ignore[misc]
    """A cycle where only the first turn makes sense: it interrupts what it is attached to, or is on the way."""

    def entered(self, value: Any) -> dict[str, Any]:
        wanted = cycle(value)
        return {"due": (wanted.start or wanted.every.after(clock.now())).isoformat()}


class CycleTimer(OwnTimer, stock.CycleTimerEventDefinition):  # type: ignore[misc]
    """Fires several times. Turns are counted from the entry, so that the 31st stays the last day of the month.

    Turns missed while nothing ran are made up for by one firing, not by one each: three reminders sent together
    help nobody.
    """

    def entered(self, value: Any) -> dict[str, Any]:
        wanted = cycle(value)
        origin, turn = (wanted.start, 0) if wanted.start else (clock.now(), 1)
        state: dict[str, Any] = {
            "due": wanted.every.after(origin, turn).isoformat(),
            "from": origin.isoformat(),
            "every": [wanted.every.months, wanted.every.days, wanted.every.seconds],
            "turn": turn,
        }
        if wanted.count is not None:
            state["until"] = turn + wanted.count
            state["fired"] = wanted.count == 0
        return state

    def fire(self, task: Any) -> bool:
        state = self.state(task)
        every, origin, now = Duration(*state["every"]), datetime.fromisoformat(state["from"]), clock.now()
        turn = state["turn"] + 1
        if not every.months and not every.days:
            turn = max(turn, int((now - origin) / timedelta(seconds=every.seconds)))
        try:
            while every.after(origin, turn) <= now:
                turn += 1
            due = every.after(origin, turn)
        except (ValueError, OverflowError):
            state["fired"] = True  # the end of the calendar
            return True
        state["turn"] = turn
        if turn >= state.get("until", turn + 1):
            state["fired"] = True
        else:
            state["due"] = due.isoformat()
        return True

    def update_task(self, task: Any) -> None:
        """Nothing: the host starts the turns."""


def own(definition: Any, element_id: str, *, repeats: bool) -> Any:
    """The timer of ours that stands for one of SpiffWorkflow's. `repeats`: whether a cycle may fire several times."""
    if isinstance(definition, stock.TimeDateEventDefinition):
        kind: type[OwnTimer] = DateTimer
    elif isinstance(definition, stock.DurationTimerEventDefinition):
        kind = DurationTimer
    else:
        kind = CycleTimer if repeats else FirstTurn
    return kind(element_id, definition.expression)  # type: ignore[call-arg]
