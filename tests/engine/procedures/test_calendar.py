"""What letters about an appointment enclose for calendars (D1)."""

from __future__ import annotations

from collections.abc import Callable

from icalendar import Calendar
from sqlalchemy import select

from engine.contact import appointments, notifications
from engine.core.db import Session
from engine.core.mail import Mail
from engine.procedures import cases, demo
from tests.engine.procedures.walking import Walk


def test_letters_that_say_several_things_enclose_each_appointment_once(
    walk: Callable[..., Walk], session: Session
) -> None:
    case = walk("rendez-vous-titre-identite", at="2026-03-02 10:00")
    demo.add_agendas(session)
    case.resident_submits("mon_rendez_vous", creneau="2026-03-12T09:20@mairie-centrale")
    case.resident_submits("mes_informations")
    case.resident_submits("ma_demande", titre_demande="passeport", motif="renouvellement")
    case.resident_submits("recapitulatif", certification=True)
    slot = appointments.Slot.read("2026-03-13T09:20@mairie-centrale")
    cases.book_appointment(session, case.case, slot, case.actor)
    letters = {letter.name: letter for letter in session.scalars(select(Mail))}
    assert cases.enclosed(session, letters["accuse-reception"]) == []
    together = letters["rendez-vous-deplace"]
    together.name = notifications.TOGETHER
    for one in notifications.of_case(session, case.case.id):
        one.mail_id = together.id
    session.flush()
    (file,) = cases.enclosed(session, together)
    assert (file.name, file.media_type) == (f"rendez-vous-{case.case.reference}.ics", "text/calendar")
    (event,) = Calendar.from_ical(file.content).walk("VEVENT")
    assert event["sequence"] == 1
    assert event.decoded("dtstart").day == 13
