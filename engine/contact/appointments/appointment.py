"""Appointments: held while a request is filled in, planned once it is filed, moved, cancelled (D1).

A request has at most one that is held or planned. What is taken is written under the lock of the day's row, and a unique
index says once more that a desk receives one person at a time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from babel.dates import format_date
from sqlalchemy import Date, ForeignKey, Index, Integer, Text, delete, func, select, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, mapped_column

from engine.contact.appointments import grid
from engine.contact.appointments.agenda import UNIT, Agenda
from engine.contact.appointments.slots import AgendaDay, Slot, rules
from engine.core import clock, jobs
from engine.core.clock import PARIS
from engine.core.db import Base, Session, UtcDateTime, new_id
from engine.core.errors import NotFound, SlotTaken

HELD, PLANNED, CANCELLED = "held", "planned", "cancelled"
FIELD = "creneau"
"""What forms and stored answers call the slot that was chosen."""
REMINDED_BEFORE = timedelta(hours=48)
_TAKES = "status IN ('held', 'planned')"


class Appointment(Base):
    """Somebody is expected somewhere. `status`: held (until `held_until`), planned, cancelled.

    A hold that is given back is deleted.
    `sequence` counts the times it was moved, as calendars ask (RFC 5545). `prolonged` counts how often a hold was.
    """

    __tablename__ = "appointment"
    __table_args__ = (
        Index("ix_appointment_case_id", "case_id"),
        Index("ix_appointment_agenda_id_day", "agenda_id", "day"),
        Index(
            "uq_appointment_desk",
            "agenda_id",
            "starts_at",
            "desk",
            unique=True,
            sqlite_where=text(_TAKES),
            postgresql_where=text(_TAKES),
        ),
        Index(
            "uq_appointment_case",
            "case_id",
            unique=True,
            sqlite_where=text(_TAKES),
            postgresql_where=text(_TAKES),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    agenda_id: Mapped[int] = mapped_column(ForeignKey("agenda.id"))
    case_id: Mapped[UUID]
    procedure: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text)
    day: Mapped[date] = mapped_column(Date)
    unit: Mapped[int] = mapped_column(Integer)
    units: Mapped[int] = mapped_column(Integer)
    desk: Mapped[int] = mapped_column(Integer)
    starts_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ends_at: Mapped[datetime] = mapped_column(UtcDateTime)
    held_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    prolonged: Mapped[int] = mapped_column(Integer, default=0)
    sequence: Mapped[int] = mapped_column(Integer, default=0)
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)

    def slot(self, agenda: Agenda) -> Slot:
        """The slot that it takes in its agenda."""
        return Slot(agenda.code, self.day, self.unit)

    @property
    def ahead(self) -> bool:
        """Whether it is planned and hasn't begun."""
        return self.status == PLANNED and self.starts_at > clock.now()


def facts(appointment: Appointment, agenda: Agenda) -> dict[str, str]:
    """An appointment in words: what processes and messages read of it."""
    local = appointment.starts_at.astimezone(PARIS)
    return {
        FIELD: str(appointment.slot(agenda)),
        "date": local.date().isoformat(),
        "jour": format_date(local.date(), "EEEE d MMMM y", locale="fr"),
        "heure": f"{local.hour}\N{NO-BREAK SPACE}h\N{NO-BREAK SPACE}{local:%M}",
        "lieu": agenda.place,
        "adresse": agenda.address,
    }


# --- finding ----------------------------------------


def of_case(session: Session, case_id: UUID) -> list[Appointment]:
    """The planned and cancelled appointments of a request, the latest first; holds left out."""
    return list(
        session.scalars(
            select(Appointment)
            .where(Appointment.case_id == case_id, Appointment.status != HELD)
            .order_by(Appointment.starts_at.desc())
        )
    )


def current(session: Session, case_id: UUID) -> tuple[Appointment, Agenda] | None:
    """What a request holds or has planned, with its agenda."""
    found = session.execute(
        select(Appointment, Agenda)
        .join(Agenda, Agenda.id == Appointment.agenda_id)
        .where(Appointment.case_id == case_id, Appointment.status.in_((HELD, PLANNED)))
        .execution_options(populate_existing=True)
    ).one_or_none()
    return (found[0], found[1]) if found is not None else None


def case_of(session: Session, appointment_id: UUID) -> UUID | None:
    """The request that an appointment belongs to; None when there is no such appointment."""
    return session.scalar(select(Appointment.case_id).where(Appointment.id == appointment_id))


def of_day(session: Session, agenda: Agenda, day: date) -> list[Appointment]:
    """Who is expected that day, and who cancelled, in the order of the day."""
    return list(
        session.scalars(
            select(Appointment)
            .where(Appointment.agenda_id == agenda.id, Appointment.day == day, Appointment.status != HELD)
            .order_by(Appointment.starts_at, Appointment.desk)
        )
    )


def counts(session: Session, agendas: Sequence[Agenda], first: date, last: date) -> Mapping[tuple[int, date], int]:
    """How many are planned in each agenda on each day, the last one included."""
    found = session.execute(
        select(Appointment.agenda_id, Appointment.day, func.count())
        .where(
            Appointment.agenda_id.in_([agenda.id for agenda in agendas]),
            Appointment.day.between(first, last),
            Appointment.status == PLANNED,
        )
        .group_by(Appointment.agenda_id, Appointment.day)
    )
    return {(agenda_id, day): number for agenda_id, day, number in found}


def coming(session: Session, case_ids: Any) -> list[tuple[Appointment, Agenda]]:
    """The planned appointments of these requests that haven't begun, the soonest first: «Rendez-vous proches».

    `case_ids` are the requests' ids, or a query that gives them.
    """
    rows = session.execute(
        select(Appointment, Agenda)
        .join(Agenda, Agenda.id == Appointment.agenda_id)
        .where(Appointment.case_id.in_(case_ids), Appointment.status == PLANNED, Appointment.starts_at > clock.now())
        .order_by(Appointment.starts_at)
    )
    return [(appointment, agenda) for appointment, agenda in rows]


def outside_hours(session: Session, agenda: Agenda) -> list[Appointment]:
    """The planned appointments to come that the agenda's hours and closures don't allow any more: people to be told."""
    planned = session.scalars(
        select(Appointment)
        .where(Appointment.agenda_id == agenda.id, Appointment.status == PLANNED, Appointment.starts_at > clock.now())
        .order_by(Appointment.starts_at)
    )
    found = []
    for one in planned:
        opened, _ = rules(agenda, one.procedure, clock.now()).week[one.day.weekday()]
        wanted = grid.span(one.desk, one.unit, one.units)
        if agenda.closed_on(one.day) or opened & wanted != wanted:
            found.append(one)
    return found


# --- taking ----------------------------------------


def take(
    session: Session, slot: Slot, service: str, *, case_id: UUID, procedure: str, held_until: datetime | None
) -> Appointment:
    """Hold the slot for a request until then, or plan it when `held_until` is None; what the request held or had planned moves.

    `SlotTaken` when it isn't free, and then nothing of the request is changed. Who asks holds the lock of the request.
    """
    agenda = session.scalar(select(Agenda).where(Agenda.code == slot.code, Agenda.service == service, Agenda.active))
    if agenda is None:
        raise SlotTaken(slot=str(slot))
    now = clock.now()
    units = -(-agenda.lasts(procedure) // UNIT)
    found = current(session, case_id)
    own = found[0] if found else None
    if own is not None and _same(session, own, agenda, slot, units, held_until):
        return own
    here = (agenda.id, slot.day)
    places = {here} if own is None else {here, (own.agenda_id, own.day)}
    # Locked in one order by everybody: two people who change places with each other don't wait for each other.
    days = {place: _locked(session, *place) for place in sorted(places)}
    days[here] = _without_late(session, here, days[here], now)
    if own is not None and (held := session.get(Appointment, own.id, populate_existing=True)) is not None:
        days[held.agenda_id, held.day] &= ~grid.span(held.desk, held.unit, held.units)
    else:
        own = None  # given back at this very moment
    desk = grid.desk_at(rules(agenda, procedure, now).begins(slot.day, days[here]), slot.unit)
    if desk is None:
        raise SlotTaken(slot=str(slot))
    days[here] |= grid.span(desk, slot.unit, units)
    for place, taken in days.items():
        _write(session, place, taken)
    facts: dict[str, Any] = {
        "agenda_id": agenda.id,
        "status": HELD if held_until else PLANNED,
        "day": slot.day,
        "unit": slot.unit,
        "units": units,
        "desk": desk,
        "starts_at": slot.starts_at,
        "ends_at": slot.starts_at + timedelta(minutes=units * UNIT),
        "held_until": held_until,
        "changed_at": now,
    }
    if own is None:
        own = Appointment(
            id=new_id(), case_id=case_id, procedure=procedure, prolonged=0, sequence=0, made_at=now, **facts
        )
        session.add(own)
    else:
        for name, value in facts.items():
            setattr(own, name, value)
        own.sequence += own.status == PLANNED
    session.flush()
    _promise(session, own)
    return own


def prolong(session: Session, appointment: Appointment, until: datetime) -> bool:
    """Hold it until then, and count that; False when it was given back meanwhile."""
    kept = session.execute(
        update(Appointment)
        .where(Appointment.id == appointment.id, Appointment.status == HELD)
        .values(held_until=until, prolonged=Appointment.prolonged + 1)
        .returning(Appointment.id),
        execution_options={"synchronize_session": "fetch"},
    ).one_or_none()
    if kept is not None:
        _promise(session, appointment)
    return kept is not None


def plan(session: Session, case_id: UUID) -> Appointment | None:
    """What a request holds becomes planned; None when it holds nothing any more."""
    kept = session.scalar(
        update(Appointment)
        .where(Appointment.case_id == case_id, Appointment.status == HELD)
        .values(status=PLANNED, held_until=None, made_at=clock.now(), changed_at=clock.now())
        .returning(Appointment),
        execution_options={"populate_existing": True},
    )
    if kept is not None:
        _promise(session, kept)
    return kept


def cancel(session: Session, appointment: Appointment) -> None:
    """Give a planned appointment's place back to others."""
    place = (appointment.agenda_id, appointment.day)
    taken = _locked(session, *place)
    _write(session, place, taken & ~grid.span(appointment.desk, appointment.unit, appointment.units))
    appointment.status, appointment.changed_at = CANCELLED, clock.now()
    appointment.sequence += 1
    session.flush()
    jobs.forget(session, [_reminder(appointment)])


def release(session: Session, case_id: UUID) -> None:
    """Give back what a request holds, if anything."""
    held = session.scalar(select(Appointment).where(Appointment.case_id == case_id, Appointment.status == HELD))
    if held is not None:
        _release(session, held)


def release_late(session: Session, appointment_id: UUID) -> None:
    """Give a hold back once its time is over; one that was prolonged, planned or given back stays as it is."""
    held = session.get(Appointment, appointment_id)
    if held is not None and held.status == HELD and held.held_until is not None:
        _release(session, held, before=clock.now())


# --- the day's row ----------------------------------------


def _same(
    session: Session, own: Appointment, agenda: Agenda, slot: Slot, units: int, held_until: datetime | None
) -> bool:
    """Whether it is this very slot that the request has, held anew when it is held."""
    if (own.agenda_id, own.day, own.unit, own.units) != (agenda.id, slot.day, slot.unit, units):
        return False
    if own.status == PLANNED:
        return True
    if held_until is None:
        return plan(session, own.case_id) is not None
    kept = session.scalar(
        update(Appointment)
        .where(Appointment.id == own.id, Appointment.status == HELD)
        .values(held_until=held_until)
        .returning(Appointment),
        execution_options={"populate_existing": True},
    )
    if kept is not None:
        _promise(session, kept)
    return kept is not None


def _locked(session: Session, agenda_id: int, day: date) -> int:
    """What is taken that day, under the lock of its row."""
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    session.execute(dialect.insert(AgendaDay).values(agenda_id=agenda_id, day=day, taken=b"").on_conflict_do_nothing())
    bits = session.scalar(
        select(AgendaDay.taken).where(AgendaDay.agenda_id == agenda_id, AgendaDay.day == day).with_for_update()
    )
    return int.from_bytes(bits or b"", "little")


def _write(session: Session, place: tuple[int, date], taken: int) -> None:
    session.execute(
        update(AgendaDay)
        .where(AgendaDay.agenda_id == place[0], AgendaDay.day == place[1])
        .values(taken=taken.to_bytes((taken.bit_length() + 7) // 8, "little")),
        execution_options={"synchronize_session": False},
    )


def _without_late(session: Session, place: tuple[int, date], taken: int, now: datetime) -> int:
    """What is taken once holds whose time is over are given back: their job may be late."""
    late = session.execute(
        delete(Appointment)
        .where(
            Appointment.agenda_id == place[0],
            Appointment.day == place[1],
            Appointment.status == HELD,
            Appointment.held_until <= now,
        )
        .returning(Appointment.desk, Appointment.unit, Appointment.units),
        execution_options={"synchronize_session": False},
    ).all()
    for desk, unit, units in late:
        taken &= ~grid.span(desk, unit, units)
    if late:
        _write(session, place, taken)
    return taken


def _release(session: Session, held: Appointment, before: datetime | None = None) -> None:
    place = (held.agenda_id, held.day)
    taken = _locked(session, *place)
    still = delete(Appointment).where(
        Appointment.id == held.id,
        Appointment.status == HELD,
        # It may have moved before its day was locked.
        Appointment.agenda_id == held.agenda_id,
        Appointment.day == held.day,
    )
    if before is not None:
        still = still.where(Appointment.held_until <= before)
    gone = session.execute(
        still.returning(Appointment.desk, Appointment.unit, Appointment.units),
        execution_options={"synchronize_session": False},
    ).one_or_none()
    if gone is not None:
        _write(session, place, taken & ~grid.span(*gone))
        session.expunge(held)
        jobs.forget(session, [_giving_back(held)])


# --- what follows in time ----------------------------------------


def _promise(session: Session, appointment: Appointment) -> None:
    """Promise the end of a hold, or the reminder of a plan."""
    if appointment.status == HELD:
        jobs.promise(
            session,
            "release_slot",
            due_at=appointment.held_until,
            key=_giving_back(appointment),
            appointment_id=str(appointment.id),
        )
        return
    jobs.forget(session, [_giving_back(appointment)])
    due_at = appointment.starts_at - REMINDED_BEFORE
    if due_at > clock.now():
        jobs.promise(
            session,
            "remind_of_appointment",
            due_at=due_at,
            key=_reminder(appointment),
            case_id=appointment.case_id,
            appointment_id=str(appointment.id),
        )
    else:
        # Whoever takes it less than two days before has just been told.
        jobs.forget(session, [_reminder(appointment)])


def _giving_back(appointment: Appointment) -> str:
    return f"slot:{appointment.id}"


def _reminder(appointment: Appointment) -> str:
    return f"reminder:{appointment.id}"


def find(session: Session, appointment_id: UUID, case_id: UUID) -> tuple[Appointment, Agenda]:
    """An appointment of that request with its agenda, or `NotFound`."""
    found = session.execute(
        select(Appointment, Agenda)
        .join(Agenda, Agenda.id == Appointment.agenda_id)
        .where(Appointment.id == appointment_id, Appointment.case_id == case_id, Appointment.status != HELD)
    ).one_or_none()
    if found is None:
        raise NotFound(appointment_id=str(appointment_id))
    return found[0], found[1]
