"""«Mon rendez-vous»: chosen in the wizard, then moved, cancelled and put in one's own calendar from the tracking (A12, D1)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from email.message import EmailMessage
from urllib.parse import urlsplit

import pytest
from icalendar import Calendar
from sqlalchemy import select
from werkzeug.test import TestResponse

from engine.bpmn.model import Source
from engine.contact import appointments
from engine.contact.appointments import Appointment
from engine.core import clock, config, jobs, mail
from engine.core.clock import PARIS
from engine.core.db import Database
from engine.handlers import HANDLERS
from engine.procedures import catalogue, demo
from tests.portal.conftest import ROOT, Visitor

SLUG = "rendez-vous-titre-identite"
WHO = {
    "prenoms": "Nadia",
    "nom_naissance": "Petit",
    "date_naissance-day": "3",
    "date_naissance-month": "4",
    "date_naissance-year": "1990",
    "courriel": "nadia.petit@exemple.fr",
}
WHAT = {"titre_demande": "passeport", "motif": "renouvellement"}
ClockAt = Callable[[str | datetime], datetime]


@pytest.fixture(autouse=True)
def agendas(data: Database, clock_at: ClockAt) -> None:
    clock_at("2026-03-02 10:00")
    data.run(demo.add_agendas)


def times(page: TestResponse) -> list[str]:
    return re.findall(r'name="creneau"[^>]* value="([^"]+)"', page.text)


def slot(visitor: Visitor, step: str, place: str = "mairie-centrale") -> str:
    return times(visitor.get(f"{step}?lieu={place}"))[0]


def filed(visitor: Visitor) -> str:
    """A filed request with an appointment; its reference."""
    step = visitor.post(f"/demarches/{SLUG}").location
    for answers in ({"creneau": slot(visitor, step)}, WHO, WHAT, {"certification": "true"}):
        answer = visitor.post(step, answers)
        assert answer.status_code == 303, answer.text
        step = answer.location
    assert step.endswith("/confirmation")
    return step.split("/")[2]


def the(data: Database) -> Appointment:
    with data.reading() as session:
        return session.scalars(select(Appointment).where(Appointment.status != "cancelled")).one()


def run_jobs(data: Database) -> list[str]:
    """Do what is due now; the kinds that were done."""
    done = []
    with data.reading() as session:
        found = [(job.id, job.kind) for job in session.scalars(select(jobs.Job)) if job.due_at <= clock.now()]
    for job_id, kind in found:
        if jobs.run(data, job_id, HANDLERS):
            done.append(kind)
    return done


def test_an_appointment_is_taken_on_the_way(visitor: Visitor, data: Database, said: Callable[..., str]) -> None:
    """A2, D1: days then times, the slot held with its hour on every step after it, planned as the request is filed."""
    step = visitor.post(f"/demarches/{SLUG}").location
    page = visitor.get(step)
    assert "Mon rendez-vous" in said(page)
    assert "Mairie annexe des Tilleuls (dès le 3 mars)" in said(page)
    assert times(page)[0] == "2026-03-03T10:00@mairie-centrale"
    following = visitor.post(step, {"creneau": "2026-03-03T10:00@mairie-centrale"}).location
    held = the(data)
    assert held.status == appointments.HELD
    assert held.held_until == datetime(2026, 3, 2, 10, 20, tzinfo=PARIS)
    page = visitor.get(following)
    assert "Votre créneau est gardé jusqu’à 10 h 20" in said(page).replace("\u00a0", " ")
    summary = visitor.post(visitor.post(following, WHO).location, WHAT).location
    assert "mardi 3 mars 2026 à 10 h 00" in said(visitor.get(summary)).replace("\u00a0", " ")
    assert visitor.post(summary, {"certification": "true"}).location.endswith("/confirmation")
    assert the(data).status == appointments.PLANNED
    with data.reading() as session:
        names = list(session.scalars(select(mail.Mail.name).order_by(mail.Mail.written_at)))
    assert sorted(names) == ["accuse-reception", "rendez-vous-confirme"]


def test_a_required_appointment_is_asked_for(visitor: Visitor, said: Callable[..., str]) -> None:
    step = visitor.post(f"/demarches/{SLUG}").location
    answer = visitor.post(step, {})
    assert answer.status_code == 422
    assert "Choisissez une date et une heure de rendez-vous" in said(answer)
    assert "Continuer sans rendez-vous" not in said(answer)


@pytest.mark.parametrize("sent", ["2026-03-07T03:00@mairie-centrale", "hier", "2026-03-03T09:00@nulle-part", "sans"])
def test_what_was_not_offered_is_refused_kindly(visitor: Visitor, sent: str) -> None:
    step = visitor.post(f"/demarches/{SLUG}").location
    assert visitor.post(step, {"creneau": sent}).status_code == 422


def test_who_is_too_late_chooses_again(
    visitor: Visitor, visitors: Callable[[], Visitor], said: Callable[..., str]
) -> None:
    """D1: a slot of one desk, wanted by two."""
    other = visitors()
    wanted = "2026-03-05T14:00@mairie-annexe"
    for who, status in ((visitor, 303), (other, 422)):
        step = who.post(f"/demarches/{SLUG}").location
        answer = who.post(f"{step}?lieu=mairie-annexe", {"creneau": wanted})
        assert answer.status_code == status
    assert "Ce créneau n’est plus libre" in said(answer)
    assert wanted not in times(answer)


def test_other_weeks_and_other_places_are_links_away(visitor: Visitor, said: Callable[..., str]) -> None:
    step = visitor.post(f"/demarches/{SLUG}").location
    page = visitor.get(step)
    later = re.search(r'href="([^"]+)" rel="next"', page.text)
    assert later
    assert 'rel="prev"' not in page.text
    page = visitor.get(later[1].replace("&amp;", "&").partition("#")[0])
    assert "Semaine du 9 mars" in said(page)
    assert 'rel="prev"' in page.text
    for odd in (
        "?semaine=hier",
        "?semaine=9999-99-99",
        "?semaine=0001-01-01",
        "?lieu=nulle-part",
        "?semaine=2031-01-01",
    ):
        assert visitor.get(step + odd).status_code == 200


def test_a_hold_that_ran_out_is_told_and_taken_again(
    visitor: Visitor, data: Database, clock_at: ClockAt, said: Callable[..., str]
) -> None:
    """A7: nothing typed is lost; «Les garder de nouveau» takes the same slot, filing takes it too."""
    step = visitor.post(f"/demarches/{SLUG}").location
    step = visitor.post(step, {"creneau": "2026-03-05T14:00@mairie-annexe"}).location
    clock_at("2026-03-02 10:21")
    assert run_jobs(data) == ["release_slot"]
    assert "Votre créneau n’est plus gardé" in said(visitor.get(step))
    page = visitor.post(step, {**WHO, "_action": "prolong"})
    assert "Votre créneau est gardé jusqu’à 10 h 41" in said(page).replace("\u00a0", " ")
    assert 'value="Nadia"' in page.text
    clock_at("2026-03-02 10:42")
    run_jobs(data)
    summary = visitor.post(visitor.post(step, WHO).location, WHAT).location
    assert visitor.post(summary, {"certification": "true"}).location.endswith("/confirmation")
    assert the(data).status == appointments.PLANNED


def test_a_slot_lost_to_somebody_else_leads_back_to_the_choice(
    visitor: Visitor, visitors: Callable[[], Visitor], data: Database, clock_at: ClockAt, said: Callable[..., str]
) -> None:
    wanted = {"creneau": "2026-03-05T14:00@mairie-annexe"}
    first = visitor.post(f"/demarches/{SLUG}").location
    summary = visitor.post(visitor.post(visitor.post(first, wanted).location, WHO).location, WHAT).location
    clock_at("2026-03-02 10:21")
    other = visitors()
    assert other.post(other.post(f"/demarches/{SLUG}").location, wanted).status_code == 303
    answer = visitor.post(summary, {"certification": "true"})
    assert answer.location == first
    page = visitor.get(first)
    assert "Ce créneau n’est plus libre" in said(page)
    assert "Votre saisie est conservée" in said(page)
    answer = visitor.post(first, {"creneau": slot(visitor, first)})
    assert answer.location == summary
    assert visitor.post(summary, {"certification": "true"}).location.endswith("/confirmation")


def test_prolonging_ends_after_ten_times(visitor: Visitor, clock_at: ClockAt, said: Callable[..., str]) -> None:
    step = visitor.post(f"/demarches/{SLUG}").location
    step = visitor.post(step, {"creneau": slot(visitor, step)}).location
    for _ in range(10):
        page = visitor.post(step, {"_action": "prolong"})
    assert 'value="prolong"' not in page.text
    assert "C’est gardé plus longtemps" not in said(visitor.post(step, {"_action": "prolong"}))


def test_throwing_a_draft_away_gives_its_slot_back(visitor: Visitor, data: Database) -> None:
    step = visitor.post(f"/demarches/{SLUG}").location
    visitor.post(step, {"creneau": slot(visitor, step)})
    visitor.post(f"/demandes/{step.split('/')[2]}/annuler")
    with data.reading() as session:
        assert session.scalars(select(Appointment)).all() == []


# --- once filed ------------------------------------------------------------------------------------------------------------


def test_an_appointment_is_moved_from_the_tracking(visitor: Visitor, data: Database, said: Callable[..., str]) -> None:
    reference = filed(visitor)
    tab = visitor.get(f"/demandes/{reference}/suivi/rendez-vous")
    assert "mardi 3 mars 2026 à 10 h 00" in said(tab).replace("\u00a0", " ")
    page = visitor.get(f"/demandes/{reference}/rendez-vous?lieu=mairie-annexe&semaine=2026-03-09")
    assert "Il reste à vous tant que" in said(page)
    answer = visitor.post(f"/demandes/{reference}/rendez-vous", {"creneau": "2026-03-12T14:00@mairie-annexe"})
    assert answer.location.endswith("/suivi/rendez-vous")
    assert "Votre rendez-vous est déplacé" in said(visitor.get(answer.location))
    assert the(data).sequence == 1
    assert visitor.post(f"/demandes/{reference}/rendez-vous", {}).status_code == 422
    assert "Vous avez déplacé votre rendez-vous" in said(visitor.get(f"/demandes/{reference}/suivi"))


def test_cancelling_tells_the_process(visitor: Visitor, data: Database, said: Callable[..., str]) -> None:
    """D1: the process waits for it, and the request ends there."""
    reference = filed(visitor)
    page = visitor.get(f"/demandes/{reference}/rendez-vous/annuler")
    assert "Annuler mon rendez-vous" in said(page)
    answer = visitor.follow(visitor.post(f"/demandes/{reference}/rendez-vous/annuler"))
    assert "Votre rendez-vous est annulé" in said(answer)
    assert "Rendez-vous annulé" in said(answer)
    assert visitor.post(f"/demandes/{reference}/rendez-vous/annuler").status_code == 303  # the second click
    assert visitor.get(f"/demandes/{reference}/rendez-vous").status_code == 303
    assert "(annulé)" in said(visitor.get(f"/demandes/{reference}/suivi/rendez-vous"))
    with data.reading() as session:
        assert not [job for job in session.scalars(select(jobs.Job)) if job.kind == "remind_of_appointment"]


def test_cancelling_the_request_cancels_its_appointment(visitor: Visitor, data: Database) -> None:
    reference = filed(visitor)
    visitor.post(f"/demandes/{reference}/annuler")
    with data.reading() as session:
        assert [one.status for one in session.scalars(select(Appointment))] == ["cancelled"]


def test_calendars_are_given_the_appointment(visitor: Visitor, visitors: Callable[[], Visitor], data: Database) -> None:
    reference = filed(visitor)
    address = f"/demandes/{reference}/rendez-vous/{the(data).id}.ics"
    answer = visitor.get(address)
    assert answer.mimetype == "text/calendar"
    assert "attachment" in answer.headers["Content-Disposition"]
    assert "DTSTART;TZID=Europe/Paris:20260303T100000" in answer.text
    assert "BEGIN:VTIMEZONE" in answer.text
    assert visitors().get(address).status_code in (303, 404)


@pytest.fixture
def posted(monkeypatch: pytest.MonkeyPatch, data: Database) -> Callable[[], list[tuple[str, str, dict[str, str]]]]:
    """Send what waits; of each letter about an appointment its name, the method of its calendar and what the event says."""
    monkeypatch.setattr(config, "_current", replace(config.current(), smtp_url="smtp://mail.example"))

    def send() -> list[tuple[str, str, dict[str, str]]]:
        sent: list[EmailMessage] = []
        monkeypatch.setattr(mail, "_send", lambda message, _url: sent.append(message))
        with data.reading() as session:
            names = {f"<{one.id}@": one.name for one in session.scalars(select(mail.Mail))}
        assert "send_mail" in run_jobs(data)
        found = []
        for message in sent:
            name = names[message["Message-ID"].partition("@")[0] + "@"]
            for part in message.iter_attachments():
                read = Calendar.from_ical(part.get_payload(decode=True))
                (event,) = read.walk("VEVENT")
                method = part["Content-Type"].params["method"]
                assert (part.get_content_type(), read["method"]) == ("text/calendar", method)
                found.append((name, method, {key.lower(): str(event[key]) for key in ("UID", "SEQUENCE", "URL")}))
            if name.startswith("rendez-vous") and not list(message.iter_attachments()):
                found.append((name, "", {}))
        return found

    return send


def test_letters_enclose_the_appointment_for_calendars(
    visitor: Visitor, data: Database, posted: Callable[[], list[tuple[str, str, dict[str, str]]]]
) -> None:
    """D1: taken, moved, given up, each as calendars put it right by its UID; nothing in them opens the request."""
    reference = filed(visitor)
    address = f"{config.current().public_url}/demandes/{reference}/suivi/rendez-vous"
    event = {"uid": f"{the(data).id}@{urlsplit(address).hostname}", "sequence": "0", "url": address}
    assert posted() == [("rendez-vous-confirme", "PUBLISH", event)]
    visitor.post(f"/demandes/{reference}/rendez-vous", {"creneau": "2026-03-12T14:00@mairie-annexe"})
    assert posted() == [("rendez-vous-deplace", "PUBLISH", {**event, "sequence": "1"})]
    visitor.post(f"/demandes/{reference}/rendez-vous/annuler")
    assert posted() == [("rendez-vous-annule", "CANCEL", {**event, "sequence": "2"})]


def test_a_late_letter_brings_back_nothing_that_was_cancelled(
    visitor: Visitor, posted: Callable[[], list[tuple[str, str, dict[str, str]]]]
) -> None:
    reference = filed(visitor)
    visitor.post(f"/demandes/{reference}/rendez-vous/annuler")
    assert [(name, method) for name, method, _ in posted()] == [
        ("rendez-vous-confirme", ""),
        ("rendez-vous-annule", "CANCEL"),
    ]


def test_a_reminder_comes_once_two_days_before_and_never_after(
    visitor: Visitor, data: Database, clock_at: ClockAt
) -> None:
    """D1: by the preferred means; a moved appointment is reminded of at its new date; a late job says nothing."""
    reference = filed(visitor)
    visitor.post(f"/demandes/{reference}/rendez-vous", {"creneau": "2026-03-12T14:00@mairie-annexe"})

    def reminders() -> int:
        with data.reading() as session:
            return len([one for one in session.scalars(select(mail.Mail)) if one.name == "rappel-rendez-vous"])

    clock_at("2026-03-10 13:59")
    assert "remind_of_appointment" not in run_jobs(data)
    assert reminders() == 0
    clock_at("2026-03-10 14:00")
    assert "remind_of_appointment" in run_jobs(data)
    assert reminders() == 1
    payload = {"appointment_id": str(the(data).id)}
    data.run(HANDLERS["remind_of_appointment"], payload)
    assert reminders() == 1
    visitor.post(f"/demandes/{reference}/rendez-vous", {"creneau": "2026-03-19T14:00@mairie-annexe"})
    clock_at("2026-03-19 14:00")
    data.run(HANDLERS["remind_of_appointment"], payload)
    assert reminders() == 1


def test_procedures_without_appointments_have_no_tab(visitor: Visitor, report: Callable[..., str]) -> None:
    reference = report(visitor, filed=True)
    assert "Rendez-vous" not in visitor.get(f"/demandes/{reference}/suivi").text
    assert visitor.get(f"/demandes/{reference}/suivi/rendez-vous").status_code == 404
    assert visitor.get(f"/demandes/{reference}/rendez-vous").status_code == 303


def test_an_optional_appointment_is_added_later(visitor: Visitor, data: Database, said: Callable[..., str]) -> None:
    """A12, D1: without one in the wizard, then from the tab «Rendez-vous»."""
    (sources,) = (one for one in catalogue.read_folder(ROOT) if one.slug == SLUG)
    content = sources.bpmn.content.replace(b'"appointment" value="required"', b'"appointment" value="optional"')
    data.run(catalogue.deploy, replace(sources, bpmn=Source(sources.bpmn.name, content)))
    step = visitor.post(f"/demarches/{SLUG}").location
    assert "Continuer sans rendez-vous" in said(visitor.get(step))
    for answers in ({"creneau": "sans"}, WHO, WHAT):
        step = visitor.post(step, answers).location
    assert "Sans rendez-vous" in said(visitor.get(step))
    reference = visitor.post(step, {"certification": "true"}).location.split("/")[2]
    tab = visitor.get(f"/demandes/{reference}/suivi/rendez-vous")
    assert "Aucun rendez-vous n’est prévu" in said(tab)
    page = visitor.get(f"/demandes/{reference}/rendez-vous")
    assert "Prendre rendez-vous" in said(page)
    answer = visitor.post(f"/demandes/{reference}/rendez-vous", {"creneau": times(page)[0]})
    assert "Votre rendez-vous est pris" in said(visitor.get(answer.location))
    assert the(data).status == appointments.PLANNED
    visitor.post(f"/demandes/{reference}/rendez-vous/annuler")


def test_who_changes_their_mind_in_the_wizard_gives_the_slot_back(visitor: Visitor, data: Database) -> None:
    """D1: going back to the step moves the hold; the first slot is anybody's again."""
    first = visitor.post(f"/demarches/{SLUG}").location
    visitor.post(first, {"creneau": "2026-03-05T14:00@mairie-annexe"})
    answer = visitor.post(first, {"creneau": "2026-03-05T15:00@mairie-annexe"})
    assert answer.status_code == 303
    assert the(data).unit == 15 * 12
    assert "2026-03-05T14:00@mairie-annexe" in times(visitor.get(f"{first}?lieu=mairie-annexe"))


def test_what_was_booked_is_said_at_once(visitor: Visitor, data: Database, said: Callable[..., str]) -> None:
    """D1: when, where and with what, on the page, in the letters and in the receipt; nobody waits for a decision."""
    reference = filed(visitor)
    page = visitor.get(f"/demandes/{reference}/confirmation")
    text = said(page)
    assert " mars 2026 à " in text
    for part in (
        "Votre rendez-vous",
        "Mairie centrale",
        "1 place de la République, 95999 Valmont-sur-Seine",
        "À apporter",
    ):
        assert part in text
    assert "Une photo d’identité de moins de six mois" in text
    assert f'href="/demandes/{reference}/rendez-vous/{the(data).id}.ics"' in page.text
    for refusal in ("considérée comme refusée", "Délai habituel"):
        assert refusal not in text
    assert "une réponse est attendue" not in said(visitor.get(f"/demandes/{reference}/suivi"))
    with data.reading() as session:
        letters = {one.name: one.text for one in mail.outbox(session)}
    for name in ("accuse-reception", "rendez-vous-confirme"):
        assert "1 place de la République" in letters[name]
        assert "photo d’identité" in letters[name]
