"""Appointments: free slots, holds, moves, reminders, and nobody booked twice (D1)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from icalendar import Calendar
from sqlalchemy import func, select

from engine.contact import appointments
from engine.contact.appointments import Agenda, Appointment, Closure, Opening, Slot, Wish
from engine.core import clock, jobs
from engine.core.clock import PARIS
from engine.core.db import Database, Session
from engine.core.errors import Invalid, SlotTaken

SERVICE, PROCEDURE = "titres", "titre-identite"
ClockAt = Callable[[str], datetime]
MORNINGS = tuple(Opening(day, 9 * 60, 12 * 60, 1) for day in range(1, 6))


def wish(code: str = "mairie", **more: Any) -> Wish:
    facts: dict[str, Any] = {
        "service": SERVICE,
        "group": "Titres d’identité",
        "place": "Hôtel de ville",
        "address": "1 place de la Mairie",
        "openings": MORNINGS,
        "duration": 30,
        "lead_hours": 0,
        "horizon_days": 60,
        **more,
    }
    return Wish(code, **facts)


def slot(text: str, code: str = "mairie") -> Slot:
    found = Slot.read(f"{text}@{code}")
    assert found is not None
    return found


def take(
    session: Session, text: str, case_id: UUID | None = None, *, held: bool = False, code: str = "mairie"
) -> Appointment:
    until = clock.now() + timedelta(minutes=30) if held else None
    return appointments.take(
        session, slot(text, code), SERVICE, case_id=case_id or uuid4(), procedure=PROCEDURE, held_until=until
    )


def times(session: Session, agenda: Agenda, day: str) -> list[str]:
    found = appointments.search(session, [agenda], PROCEDURE, first=date.fromisoformat(day), days=1)
    return [f"{one.at:%H:%M}" for free in found for one in free.slots()]


@pytest.fixture
def agenda(session: Session, clock_at: ClockAt) -> Agenda:
    clock_at("2026-03-02 08:00")  # a Monday
    return appointments.save(session, wish())


# --- what is free ----------------------------------------


def test_a_day_is_offered_by_its_hours(session: Session, agenda: Agenda) -> None:
    assert times(session, agenda, "2026-03-03") == ["09:00", "09:30", "10:00", "10:30", "11:00", "11:30"]
    assert times(session, agenda, "2026-03-07") == []  # Saturday


def test_a_slot_that_is_taken_is_offered_no_more_and_comes_back(session: Session, agenda: Agenda) -> None:
    taken = take(session, "2026-03-03T09:30")
    assert "09:30" not in times(session, agenda, "2026-03-03")
    with pytest.raises(SlotTaken):
        take(session, "2026-03-03T09:30")
    appointments.cancel(session, taken)
    assert "09:30" in times(session, agenda, "2026-03-03")


def test_as_many_are_received_at_a_time_as_there_are_desks(session: Session, agenda: Agenda) -> None:
    appointments.save(session, wish(openings=(Opening(2, 540, 600, 2),)))
    assert {take(session, "2026-03-03T09:00").desk for _ in range(2)} == {0, 1}
    assert times(session, agenda, "2026-03-03") == ["09:30"]
    with pytest.raises(SlotTaken):
        take(session, "2026-03-03T09:00")


def test_a_procedure_that_takes_longer_needs_room_at_one_desk(session: Session, agenda: Agenda) -> None:
    appointments.save(session, wish(openings=(Opening(2, 540, 660, 2),), durations=(("mariage", 60),), step=30))
    for _ in range(2):
        take(session, "2026-03-03T09:30")
    found = appointments.search(session, [agenda], "mariage", first=date(2026, 3, 3), days=1)
    # Half an hour is free before, at both desks, and an hour afterwards.
    assert [str(one) for free in found for one in free.slots()] == ["2026-03-03T10:00@mairie"]


@pytest.mark.parametrize("day", ["2026-04-06", "2026-05-01", "2026-05-14"])
def test_public_holidays_are_closed(session: Session, clock_at: ClockAt, agenda: Agenda, day: str) -> None:
    """Easter Monday, the first of May, Ascension."""
    clock_at("2026-03-30 08:00")
    assert times(session, agenda, day) == []
    appointments.save(session, wish(open_on_holidays=True))
    assert times(session, agenda, day)


def test_closures_lead_time_and_horizon(session: Session, agenda: Agenda) -> None:
    closure = Closure(date(2026, 3, 4), date(2026, 3, 5), "formation")
    appointments.save(session, wish(closures=(closure,), lead_hours=26, horizon_days=7))
    found = appointments.search(session, [agenda], PROCEDURE, days=60)
    # It is Monday, eight o'clock: from Tuesday ten o'clock on, to the Monday after.
    assert [free.day.day for free in found] == [3, 6, 9]
    assert times(session, agenda, "2026-03-03") == ["10:00", "10:30", "11:00", "11:30"]
    assert agenda.closed_on(date(2026, 3, 5)) == "formation"


@pytest.mark.parametrize(("day", "utc"), [("2026-03-27", 8), ("2026-03-30", 7), ("2026-10-23", 7), ("2026-10-26", 8)])
def test_nine_is_nine_on_both_sides_of_the_change_of_clocks(
    session: Session, clock_at: ClockAt, agenda: Agenda, day: str, utc: int
) -> None:
    clock_at(f"{day[:8]}02 08:00")
    assert times(session, agenda, day)[0] == "09:00"
    assert take(session, f"{day}T09:00").starts_at == datetime.fromisoformat(f"{day}T{utc:02}:00+00:00")


@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25"])
def test_the_days_when_clocks_change_have_all_their_hours(session: Session, clock_at: ClockAt, day: str) -> None:
    clock_at(f"{day[:8]}20 08:00")
    agenda = appointments.save(session, wish(openings=(Opening(7, 4 * 60, 23 * 60, 1),), duration=60))
    assert len(times(session, agenda, day)) == 19
    first, last = take(session, f"{day}T04:00"), take(session, f"{day}T22:00")
    assert (first.starts_at.astimezone(PARIS).hour, last.ends_at.astimezone(PARIS).hour) == (4, 23)
    assert last.starts_at - first.starts_at == timedelta(hours=18)


# --- holding, planning, moving ----------------------------------------


def test_a_hold_is_given_back_by_its_job(session: Session, clock_at: ClockAt, agenda: Agenda) -> None:
    held = take(session, "2026-03-03T09:00", held=True)
    assert session.scalar(select(jobs.Job.due_at).where(jobs.Job.kind == "release_slot")) == held.held_until
    appointments.release_late(session, held.id)
    assert "09:00" not in times(session, agenda, "2026-03-03")
    clock_at("2026-03-02 08:31")
    appointments.release_late(session, held.id)
    assert "09:00" in times(session, agenda, "2026-03-03")
    appointments.release_late(session, held.id)  # twice is nothing more


def test_a_hold_whose_time_is_over_stops_nobody(session: Session, clock_at: ClockAt, agenda: Agenda) -> None:
    case_id = uuid4()
    take(session, "2026-03-03T09:00", case_id, held=True)
    clock_at("2026-03-02 08:31")
    assert take(session, "2026-03-03T09:00").status == appointments.PLANNED
    assert appointments.plan(session, case_id) is None


def test_what_is_held_is_planned_when_the_request_is_filed(session: Session, agenda: Agenda) -> None:
    case_id = uuid4()
    take(session, "2026-03-05T09:00", case_id, held=True)
    planned = appointments.plan(session, case_id)
    assert planned is not None
    assert planned.status == appointments.PLANNED
    assert planned.held_until is None
    assert set(session.scalars(select(jobs.Job.kind))) == {"remind_of_appointment"}
    assert appointments.plan(session, case_id) is None


def test_prolonging_moves_the_end_of_a_hold(session: Session, clock_at: ClockAt, agenda: Agenda) -> None:
    held = take(session, "2026-03-03T09:00", held=True)
    later = clock.now() + timedelta(hours=1)
    assert appointments.prolong(session, held, later)
    assert session.scalar(select(jobs.Job.due_at)) == later
    clock_at("2026-03-02 08:31")
    appointments.release_late(session, held.id)
    assert held.prolonged == 1
    assert "09:00" not in times(session, agenda, "2026-03-03")


def test_moving_gives_the_former_slot_back_and_its_reminder_follows(session: Session, agenda: Agenda) -> None:
    case_id = uuid4()
    first = take(session, "2026-03-10T09:00", case_id)
    moved = take(session, "2026-03-12T11:00", case_id)
    assert moved.id == first.id
    assert moved.sequence == 1
    assert "09:00" in times(session, agenda, "2026-03-10")
    assert "11:00" not in times(session, agenda, "2026-03-12")
    (reminder,) = session.scalars(select(jobs.Job))
    assert reminder.due_at == moved.starts_at - timedelta(hours=48)
    appointments.cancel(session, moved)
    assert session.scalar(select(func.count()).select_from(jobs.Job)) == 0


def test_a_move_that_fails_changes_nothing(session: Session, agenda: Agenda) -> None:
    case_id = uuid4()
    own = take(session, "2026-03-10T09:00", case_id)
    take(session, "2026-03-10T10:00")
    with pytest.raises(SlotTaken):
        take(session, "2026-03-10T10:00", case_id)
    assert (own.unit, own.sequence) == (9 * 12, 0)
    assert "09:00" not in times(session, agenda, "2026-03-10")


def test_a_move_by_half_the_length_may_overlap_itself(session: Session, agenda: Agenda) -> None:
    appointments.save(session, wish(duration=60, step=30))
    case_id = uuid4()
    take(session, "2026-03-10T09:00", case_id)
    assert take(session, "2026-03-10T09:30", case_id).desk == 0
    assert times(session, agenda, "2026-03-10") == ["10:30", "11:00"]


def test_nobody_is_reminded_of_what_was_taken_less_than_two_days_before(session: Session, agenda: Agenda) -> None:
    take(session, "2026-03-04T09:00")
    assert list(session.scalars(select(jobs.Job))) != []
    session.query(jobs.Job).delete()
    take(session, "2026-03-03T09:00")
    assert list(session.scalars(select(jobs.Job))) == []


@pytest.mark.parametrize("text", ["2026-03-07T09:00", "2026-03-03T09:10", "2026-03-03T08:00", "2026-03-01T09:00"])
def test_what_was_never_offered_is_not_taken(session: Session, agenda: Agenda, text: str) -> None:
    with pytest.raises(SlotTaken):
        take(session, text)
    with pytest.raises(SlotTaken):
        take(session, "2026-03-03T09:00", code="ailleurs")


@pytest.mark.parametrize("text", ["", "demain", "2026-03-03T09:03@a", "2026-03-03T09:00", "0001-01-01T00:00@a", None])
def test_slots_that_are_none_read_as_none(text: str | None) -> None:
    assert Slot.read(text) is None


def test_who_was_expected_when_hours_change_is_told_of(session: Session, agenda: Agenda) -> None:
    kept, lost = take(session, "2026-03-10T09:00"), take(session, "2026-03-11T09:00")
    appointments.save(session, wish(closures=(Closure(date(2026, 3, 11), date(2026, 3, 11)),)))
    assert [one.id for one in appointments.outside_hours(session, agenda)] == [lost.id]
    appointments.save(session, wish(openings=(Opening(3, 540, 720, 1),)))
    assert [one.id for one in appointments.outside_hours(session, agenda)] == [kept.id]


# --- under race ----------------------------------------


@pytest.mark.parametrize("desks", [1, 3])
def test_no_slot_is_given_twice_under_race(database: Database, clock_at: ClockAt, desks: int) -> None:
    """D1: sixteen people want the same slot at once; there are as many winners as desks."""
    moment = datetime(2026, 3, 2, 8, tzinfo=PARIS)
    with clock.frozen(moment):
        database.run(appointments.save, wish(openings=(Opening(2, 540, 600, desks),)))
    start = threading.Barrier(16)
    won: list[UUID] = []
    errors: list[BaseException] = []

    def race() -> None:
        case_id = uuid4()
        start.wait()
        try:
            with clock.frozen(moment):
                database.run(take, "2026-03-03T09:00", case_id)
            won.append(case_id)
        except SlotTaken:
            pass
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=race) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    with database.reading() as session:
        rows = list(session.scalars(select(Appointment)))
    assert len(won) == desks
    assert {row.case_id for row in rows} == set(won)
    assert sorted(row.desk for row in rows) == list(range(desks))


# --- calendars ----------------------------------------


def test_calendars_read_the_hour_of_the_city(session: Session, agenda: Agenda) -> None:
    taken = take(session, "2026-03-31T09:00")
    about: Any = {
        "title": "Titre d’identité",
        "host": "ville.example",
        "link": "https://ville.example/x",
        "organizer": ("Ville ; « du Test »", "mairie@ville.example"),
    }
    content = appointments.ics(taken, agenda, **about)
    read = Calendar.from_ical(content)
    assert read["method"] == "PUBLISH"
    (event,) = read.walk("VEVENT")
    assert event.decoded("dtstart") == datetime(2026, 3, 31, 7, tzinfo=UTC)
    assert b"DTSTART;TZID=Europe/Paris:20260331T090000" in content
    assert [str(zone["TZID"]) for zone in read.walk("VTIMEZONE")] == ["Europe/Paris"]
    appointments.cancel(session, taken)
    again = Calendar.from_ical(appointments.ics(taken, agenda, **about))
    (gone,) = again.walk("VEVENT")
    # RFC 5546 asks of a cancelling for the organizer of what it cancels.
    assert (again["method"], gone["organizer"]) == ("CANCEL", event["organizer"])
    assert gone["organizer"] == "mailto:mairie@ville.example"
    assert (gone["status"], gone["uid"], gone["sequence"]) == ("CANCELLED", event["uid"], 1)


# --- agendas ----------------------------------------


def test_an_agenda_is_read_from_a_file() -> None:
    found = appointments.read(
        {
            "code": "mairie",
            "service": "titres",
            "group": "Titres",
            "place": "Mairie",
            "address": "1 place",
            "openings": [{"days": "lundi, jeudi", "from": "9:00", "to": "12 h 30", "desks": 2}],
            "closures": [{"from": "2026-12-24", "to": "2026-12-31", "reason": "vacances"}],
            "durations": {"mariage": 45},
        }
    )
    assert found.openings == (Opening(1, 540, 750, 2), Opening(4, 540, 750, 2))
    assert found.closures == (Closure(date(2026, 12, 24), date(2026, 12, 31), "vacances"),)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"openings": [{"days": "lundi", "from": "12:00", "to": "9:00"}]}, "lundi"),
        ({"openings": [{"days": "lundi", "from": "2:00", "to": "9:00"}]}, "4 h"),
        (
            {
                "openings": [
                    {"days": "lundi", "from": "9:00", "to": "12:00"},
                    {"days": "lundi", "from": "11:00", "to": "13:00"},
                ]
            },
            "chevauchent",
        ),
        ({"openings": [{"days": "dredi", "from": "9:00", "to": "12:00"}]}, "forme attendue"),
        ({"duration": 7}, "multiple de 5"),
        ({"couleur": "bleu"}, "inconnu"),
        ({"place": ""}, "lieu"),
        ({"horizon_days": 0}, "horizon"),
        ({"closures": [{"from": "2026-12-24", "to": "2026-12-01"}]}, "finit avant"),
    ],
)
def test_what_is_wrong_with_an_agenda_is_said(change: dict[str, Any], said: str) -> None:
    found: dict[str, Any] = {
        "code": "mairie",
        "service": "titres",
        "group": "Titres",
        "place": "Mairie",
        "address": "1 place",
        "openings": [{"days": "lundi", "from": "9:00", "to": "12:00"}],
        **change,
    }
    with pytest.raises(Invalid, match=said):
        appointments.read(found)
