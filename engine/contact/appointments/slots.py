"""Free slots: what a service's agendas still have, found in one read whatever is taken (D1).

Of every day of an agenda that somebody took something on, one row holds what is taken, as bits. Who takes a slot locks that
row, looks, and writes it again: two people can't both find the last desk free.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import Date, ForeignKey, LargeBinary, select
from sqlalchemy.orm import Mapped, mapped_column

from engine.contact.appointments import grid
from engine.contact.appointments.agenda import UNIT, Agenda, Closure, Opening, holidays
from engine.core import clock
from engine.core.clock import PARIS
from engine.core.db import Base, Session


class AgendaDay(Base):
    """What is taken of a day of an agenda: the bits of `grid`, lowest byte first. No row: nothing was ever taken."""

    __tablename__ = "agenda_day"

    agenda_id: Mapped[int] = mapped_column(ForeignKey("agenda.id", ondelete="CASCADE"), primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    taken: Mapped[bytes] = mapped_column(LargeBinary)


@dataclass(frozen=True)
class Slot:
    """A beginning in an agenda, on the city's clock; `str` writes it as forms send it."""

    code: str
    day: date
    unit: int

    def __str__(self) -> str:
        return f"{self.day.isoformat()}T{self.at:%H:%M}@{self.code}"

    @property
    def at(self) -> time:
        return time(self.unit * UNIT // 60, self.unit * UNIT % 60)

    @property
    def starts_at(self) -> datetime:
        """The instant: nine in winter isn't nine in summer."""
        return datetime.combine(self.day, self.at, PARIS).astimezone(UTC)

    @staticmethod
    def read(text: object) -> Slot | None:
        """The slot that a form sent; None when it is none."""
        moment, _, code = str(text).partition("@")
        try:
            at = datetime.strptime(moment, "%Y-%m-%dT%H:%M")  # noqa: DTZ007 - the city's clock
        except ValueError:
            return None
        minutes = at.hour * 60 + at.minute
        if minutes % UNIT or not code or not 2000 <= at.year <= 2999:
            return None
        return Slot(code, at.date(), minutes // UNIT)


@dataclass(frozen=True, slots=True)
class FreeDay:
    """A day of an agenda on which an appointment can begin; `begins` has a bit for each time."""

    agenda: Agenda
    day: date
    begins: int

    @property
    def count(self) -> int:
        """How many times are left."""
        return self.begins.bit_count()

    def slots(self) -> Iterator[Slot]:
        """The times, the earliest first."""
        return (Slot(self.agenda.code, self.day, unit) for unit in grid.units_of(self.begins))


@dataclass(frozen=True)
class _Rules:
    """What an agenda allows for a procedure, ready to be asked of many days."""

    agenda: Agenda
    # The agenda's own, read once: an attribute of a row costs more than all the rest of a day.
    agenda_id: int
    on_holidays: bool
    closures: Sequence[Closure]
    units: int
    week: tuple[tuple[int, int], ...]
    first: date
    first_unit: int
    last: date

    def begins(self, day: date, taken: int) -> int:
        """The bits, desk by desk, where an appointment can begin that day."""
        opened, begins = self.week[day.weekday()]
        if not opened or not self.first <= day <= self.last:
            return 0
        if self.closures and any(one.first <= day <= one.last for one in self.closures):
            return 0
        if not self.on_holidays and day in holidays(day.year):
            return 0
        if day == self.first:
            begins &= grid.later_than(self.first_unit)
        return grid.starts(opened, begins, taken, self.units)


def rules(agenda: Agenda, procedure: str, now: datetime) -> _Rules:
    """What the agenda allows now for that procedure."""
    units = -(-agenda.lasts(procedure) // UNIT)
    by_weekday: dict[int, list[Opening]] = {}
    for one in agenda.hours:
        by_weekday.setdefault(one.weekday, []).append(one)
    step = max(agenda.step // UNIT, 1)
    week = tuple(grid.hours(tuple(by_weekday.get(weekday, ())), units, step) for weekday in range(1, 8))
    earliest = (now + timedelta(hours=agenda.lead_hours)).astimezone(PARIS)
    # The unit that begins at that very minute is still far enough.
    first_unit = -(-(earliest.hour * 60 + earliest.minute + bool(earliest.second)) // UNIT)
    last = now.astimezone(PARIS).date() + timedelta(days=agenda.horizon_days)
    return _Rules(
        agenda,
        agenda.id,
        agenda.open_on_holidays,
        agenda.closed,
        units,
        week,
        earliest.date(),
        first_unit,
        last,
    )


def search(
    session: Session, agendas: Sequence[Agenda], procedure: str, *, first: date | None = None, days: int = 90
) -> list[FreeDay]:
    """The days on which these agendas can still receive somebody for `procedure`, in the order of days, then of agendas."""
    now = clock.now()
    first = max(first or clock.today(), clock.today())
    last = first + timedelta(days=days - 1)
    taken = {
        (agenda_id, day): int.from_bytes(bits, "little")
        for agenda_id, day, bits in session.execute(
            select(AgendaDay.agenda_id, AgendaDay.day, AgendaDay.taken).where(
                AgendaDay.agenda_id.in_([agenda.id for agenda in agendas]), AgendaDay.day.between(first, last)
            )
        )
    }
    asked = [rules(agenda, procedure, now) for agenda in agendas]
    found = []
    for offset in range(days):
        day = first + timedelta(days=offset)
        for rule in asked:
            begins = rule.begins(day, taken.get((rule.agenda_id, day), 0))
            if begins:
                found.append(FreeDay(rule.agenda, day, grid.folded(begins)))
    return found
