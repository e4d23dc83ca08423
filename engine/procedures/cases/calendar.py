"""The appointment of a request in people's own calendars: downloaded from the tracking, and enclosed in the letters (D1)."""

from __future__ import annotations

from urllib.parse import urlsplit
from uuid import UUID

from engine.contact import appointments, notifications
from engine.contact.appointments import Agenda, Appointment
from engine.core import config
from engine.core.db import Session
from engine.core.mail import Enclosure, Mail
from engine.procedures import catalogue
from engine.procedures.cases.appointments import CONFIRMED, GIVEN_UP, MOVED, TAB, told_of
from engine.procedures.cases.case import Case

_TELL = frozenset({CONFIRMED, MOVED, GIVEN_UP})


def ics(session: Session, case: Case, appointment: Appointment, agenda: Agenda) -> bytes:
    """An appointment of the request as an `.ics` file. Its link opens the tracking for who may see it, and for nobody else:
    calendars are shared."""
    settings = config.current()
    return appointments.ics(
        appointment,
        agenda,
        title=_title(catalogue.definition(session, case.version_id).title),
        host=urlsplit(settings.public_url).hostname or "parvis",
        link=f"{settings.public_url}/demandes/{case.reference}/suivi/{TAB}",
        organizer=(settings.city.name, settings.city.email),
    )


def _title(procedure: str) -> str:
    """«Prendre rendez-vous pour un passeport» is what one did; the calendar says «Rendez-vous pour un passeport»."""
    made = procedure.removeprefix("Prendre r")
    return f"R{made}" if made.startswith("endez-vous") else f"Rendez-vous : {procedure}"


def enclosed(session: Session, letter: Mail) -> list[Enclosure]:
    """What a letter that is about to leave encloses: the appointment that it tells of, as it is by now.

    A letter that cancels encloses the cancelling, which takes the appointment out of the calendars that know it; one that
    confirms what was cancelled meanwhile encloses nothing: the letter that says so follows.
    """
    if letter.case_id is None or letter.name not in {*_TELL, notifications.TOGETHER}:
        return []
    case = session.get(Case, letter.case_id)
    told = [one for one in notifications.of_mail(session, letter.case_id, letter.id) if one.name in _TELL and one.key]
    found = []
    for appointment_id, names in _by_appointment(told).items():
        appointment = session.get(Appointment, appointment_id)
        agenda = session.get(Agenda, appointment.agenda_id) if appointment is not None else None
        if case is None or appointment is None or agenda is None:
            continue
        cancelled = appointment.status == appointments.CANCELLED
        if not cancelled or GIVEN_UP in names:
            content = ics(session, case, appointment, agenda)
            parameters = {"method": appointments.method(appointment), "charset": "utf-8"}
            found.append(Enclosure(f"rendez-vous-{case.reference}.ics", "text/calendar", content, parameters))
    return found


def _by_appointment(told: list[notifications.Notification]) -> dict[UUID, set[str]]:
    found: dict[UUID, set[str]] = {}
    for one in told:
        found.setdefault(told_of(one.key or ""), set()).add(one.name)
    return found
