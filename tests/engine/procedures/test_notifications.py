"""What is told about a request: its words, its reminders, once, in time, together (D3)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from engine import handlers
from engine.contact import notifications, sms
from engine.core import clock, config, jobs, mail
from engine.core.config import Settings
from engine.procedures import cases, history
from tests.engine.procedures.walking import Walk

Begin = Callable[..., Walk]
PLACE = {"voie": "3 rue du Four", "code_postal": "75099", "commune": "Valmont-sur-Seine"}
APPOINTMENT = {"rendez_vous": {"jour": "3 mars", "heure": "10 h", "lieu": "Hôtel de ville"}}


@pytest.fixture
def reported(walk: Begin) -> Callable[..., Walk]:
    """A report without an account; keywords are told with who it is."""

    def file(**more: str) -> Walk:
        case = walk("signalement", person="")
        who = {"prenoms": "Nadia", "nom_naissance": "Petit", "courriel": "nadia@exemple.fr", **more}
        case.resident_submits("mes_informations", **who)
        case.resident_submits("ma_demande", nature="depot", lieu=PLACE, description="Un matelas.", danger=False)
        case.resident_submits("recapitulatif", certification=True)
        return case

    return file


def test_a_reminder_is_told_once_and_never_too_late(reported: Callable[..., Walk]) -> None:
    case = reported()
    session, case_id = case.session, case.case.id
    in_time, over = clock.now() + timedelta(hours=1), clock.now()
    given = {"values": APPOINTMENT, "key": "rappel:1", "tab": "rendez-vous"}
    assert not cases.notify(session, case_id, "rappel-rendez-vous", until=over, **given)
    assert cases.notify(session, case_id, "rappel-rendez-vous", until=in_time, **given)
    assert not cases.notify(session, case_id, "rappel-rendez-vous", until=in_time, **given)
    (letter,) = [one for one in mail.outbox(session) if one.name == "rappel-rendez-vous"]
    assert letter.subject == "Rappel\u00a0: votre rendez-vous du 3 mars à 10 h"
    assert "?onglet=rendez-vous" in letter.text
    told = [one.data["name"] for one in history.of_case(session, case_id) if one.kind == "notified"]
    assert told.count("rappel-rendez-vous") == 1


def test_a_lower_room_promises_it_as_a_job(reported: Callable[..., Walk]) -> None:
    case = reported()
    payload = {
        "of_case": str(case.case.id),
        "name": "rappel-rendez-vous",
        "values": APPOINTMENT,
        "once": "rappel:2",
        "until": (clock.now() + timedelta(hours=1)).isoformat(),
    }
    for _ in range(2):
        handlers.HANDLERS["notify"](case.session, payload)
    assert [one.name for one in mail.outbox(case.session)].count("rappel-rendez-vous") == 1


def test_who_prefers_the_telephone_is_told_by_text_message(reported: Callable[..., Walk], settings: Settings) -> None:
    """D3: in the procedure's own short words, with a private link."""
    config.use(replace(settings, demo=True))
    case = reported(telephone_mobile="06 39 98 12 07", contact_prefere="telephone")
    case.agent_completes("qualification", suite="orienter", destinataire="la SNCF", explication="C’est son terrain.")
    (message,) = sms.outbox(case.session)
    assert message.text.startswith(f"Votre signalement {case.case.reference} concerne un autre service")
    token = message.text.rpartition("/suivi/")[2]
    assert cases.of_link(case.session, token).id == case.case.id
    assert [one.name for one in mail.outbox(case.session)] == ["accuse-reception"]


def test_a_number_that_is_no_good_is_told_by_mail(reported: Callable[..., Walk], settings: Settings) -> None:
    config.use(replace(settings, sms_gateway="tests.engine.contact.test_sms.refusing"))
    case = reported(telephone_mobile="06 39 98 12 07", contact_prefere="telephone")
    case.agent_completes("qualification", suite="orienter", destinataire="la SNCF", explication="C’est son terrain.")
    (job,) = [one for one in jobs.listing(case.session) if one.kind == "send_sms"]
    for _ in range(2):
        handlers.HANDLERS["send_sms"](case.session, job.payload)
        case.session.flush()
    letters = [one for one in mail.outbox(case.session) if one.name == "signalement-oriente"]
    assert len(letters) == 1
    (told,) = notifications.of_case(case.session, case.case.id)
    assert (told.channel, told.mail_id) == ("courriel", letters[0].id)


def test_what_was_held_leaves_together_with_a_link_of_that_moment(
    reported: Callable[..., Walk], clock_at: Callable[[str | datetime], datetime]
) -> None:
    case = reported()
    for _ in range(3):
        cases.told(case.session, case.case, "echange", tab="echanges")
    held = [one.state for one in notifications.of_case(case.session, case.case.id)]
    assert held == ["sent", "held", "held"]
    (job,) = [one for one in jobs.listing(case.session) if one.kind == "send_digest"]
    clock_at(job.due_at)
    handlers.HANDLERS["send_digest"](case.session, job.payload)
    letters = [one for one in mail.outbox(case.session) if one.name == "echange" or one.name == "groupe"]
    assert len(letters) == 2
    assert "/suivi/" in letters[0].text


def test_what_ends_a_request_waits_for_nothing(reported: Callable[..., Walk]) -> None:
    """A decision is known at once, with what was held before it."""
    case = reported()
    for _ in range(2):
        cases.told(case.session, case.case, "echange", tab="echanges")
    case.agent_completes("qualification", suite="orienter", destinataire="la SNCF", explication="C’est son terrain.")
    assert case.closed
    told = notifications.of_case(case.session, case.case.id)
    assert [one.state for one in told] == ["sent", "sent", "sent"]
    assert [one.left_at for one in told[1:]] == [clock.now()] * 2
    (letter,) = [one for one in mail.outbox(case.session) if one.name == "groupe"]
    assert letter.subject == told[-1].subject
    assert letter.text.index("la SNCF") < letter.text.index("«\u00a0Échanges\u00a0»")


def test_what_asks_something_of_the_resident_waits_for_nothing(walk: Begin) -> None:
    """Its deadline runs from the moment that it is asked."""
    case = walk("stationnement-renouvellement")
    case.resident_submits("mes_informations")
    vehicle = {"vehicule": "nouveau", "immatriculation": "HB-731-ZC", "carte_grise": ["carte-grise.pdf"]}
    case.resident_submits("mon_droit", droit="SR-4127-08", duree=12, **vehicle)
    case.resident_submits("mes_justificatifs", meme_adresse=True, justificatif_domicile=["quittance.pdf"])
    case.resident_submits("paiement_mobile", choix="refuse")
    case.resident_submits("recapitulatif", certification=True)
    cases.told(case.session, case.case, "echange", tab="echanges")
    case.agent_completes(
        "instruction", decision="completer", pieces=["Certificat d’immatriculation du véhicule"], message="Coupée."
    )
    assert case.waiting == ["completer_dossier"]
    assert [one.state for one in notifications.of_case(case.session, case.case.id)] == ["sent", "sent"]
    assert [one.name for one in mail.outbox(case.session)].count("pieces-demandees") == 1
