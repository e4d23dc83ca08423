"""An appointment as calendars read it (RFC 5545), with the time zone of the city."""

from __future__ import annotations

from icalendar import Calendar, Event, vCalAddress

from engine.contact.appointments.agenda import Agenda
from engine.contact.appointments.appointment import CANCELLED, Appointment
from engine.core.clock import PARIS


def method(appointment: Appointment) -> str:
    """What calendars are asked to do (RFC 5546): to keep an event that is published, or to take one out."""
    return "CANCEL" if appointment.status == CANCELLED else "PUBLISH"


def ics(
    appointment: Appointment, agenda: Agenda, *, title: str, host: str, link: str, organizer: tuple[str, str]
) -> bytes:
    """The `.ics` file. The same appointment has the same UID for good: moved or cancelled, calendars put it right.

    `organizer` is a name and an e-mail address.
    """
    calendar = Calendar()
    calendar.add("prodid", "-//Parvis//FR")
    calendar.add("version", "2.0")
    calendar.add("method", method(appointment))
    event = Event()
    event.add("uid", f"{appointment.id}@{host}")
    event.add("sequence", appointment.sequence)
    event.add("dtstamp", appointment.changed_at)
    event.add("dtstart", appointment.starts_at.astimezone(PARIS))
    event.add("dtend", appointment.ends_at.astimezone(PARIS))
    who = vCalAddress(f"mailto:{organizer[1]}")
    who.params["cn"] = organizer[0]
    event.add("organizer", who)
    event.add("summary", title)
    event.add("location", f"{agenda.place}, {agenda.address}")
    event.add("url", link)
    if agenda.advice:
        event.add("description", agenda.advice)
    event.add("status", "CANCELLED" if appointment.status == CANCELLED else "CONFIRMED")
    calendar.add_component(event)
    calendar.add_missing_timezones()
    written: bytes = calendar.to_ical()
    return written
