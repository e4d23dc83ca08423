"""Notifications: which way, when, and never twice (D3)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest

from engine.contact import notifications, sms
from engine.contact.notifications import Addressee, Letter, Notification
from engine.core import config, jobs, mail
from engine.core.config import Settings
from engine.core.db import Session
from engine.core.errors import NotFound

CASE = UUID(int=1)
CLAIRE = Addressee(
    CASE,
    "ABCD-EFGH",
    email="claire@exemple.fr",
    mobile="06 39 98 12 07",
    postal=("Madame Claire Martin", "12 rue des Tilleuls", "95999 Valmont-sur-Seine"),
    group="Stationnement",
    follow=lambda: "https://demarches.example/suivi/secret",
)
REFUSAL = Letter("refus", "Votre demande est refusée", "Bonjour,\n\nHors zone.", short="Votre demande est refusée.")


@pytest.fixture(autouse=True)
def demonstration(settings: Settings) -> None:
    """Text messages go to the outbox page."""
    config.use(replace(settings, demo=True))


@pytest.fixture
def at(clock_at: Callable[[str], datetime]) -> Callable[[str], datetime]:
    clock_at("2027-03-01 10:00")
    return clock_at


def send(session: Session, **more: Any) -> Notification:
    given: dict[str, Any] = {
        "case_id": CASE,
        "reference": "ABCD-EFGH",
        "to": "claire@exemple.fr",
        "name": "refus",
        "subject": "Votre demande est refusée",
        "text": "Bonjour,\n\nHors zone.",
    }
    return notifications.send(session, **{**given, **more})


def test_a_notification_leaves_by_mail(session: Session) -> None:
    sent = send(session)
    (message,) = mail.outbox(session)
    assert (message.recipient, message.name, message.case_id) == ("claire@exemple.fr", "refus", CASE)
    assert message.text.startswith("Bonjour,\n\nHors zone.\n\nRéférence de votre demande\u00a0: ABCD-EFGH\n")
    assert (sent.mail_id, sent.channel) == (message.id, "courriel")
    assert [job.kind for job in jobs.listing(session)] == ["send_mail"]


@pytest.mark.parametrize("to", [None, "", "  "])
def test_without_address_it_is_read_in_the_tracking(session: Session, to: str | None) -> None:
    sent = send(session, to=to)
    assert (sent.channel, sent.mail_id, sent.text) == ("espace", None, "Bonjour,\n\nHors zone.")
    assert mail.outbox(session) == []


def test_a_case_tells_what_was_sent_in_order(session: Session) -> None:
    for name in ("pieces-demandees", "relance-pieces", "relance-pieces", "refus"):
        send(session, name=name)
    send(session, case_id=UUID(int=2), name="autre")
    assert notifications.names(session, CASE) == ["pieces-demandees", "relance-pieces", "relance-pieces", "refus"]
    assert [sent.name for sent in notifications.of_case(session, UUID(int=2))] == ["autre"]
    assert [one.name for one in notifications.latest(session, [CASE, UUID(int=2)], limit=2)] == ["autre", "refus"]


def test_the_same_occurrence_leaves_once(session: Session) -> None:
    first = send(session, element_id="prevenir", occurrence="1")
    assert send(session, element_id="prevenir", occurrence="1") is first
    send(session, element_id="prevenir", occurrence="2")
    assert len(mail.outbox(session)) == 2


def test_the_same_key_leaves_once_in_the_whole_platform(session: Session) -> None:
    first = notifications.tell(session, CLAIRE, REFUSAL, key="rappel:1")
    assert notifications.tell(session, replace(CLAIRE, case_id=UUID(int=2)), REFUSAL, key="rappel:1") is first
    assert notifications.was_told(session, "rappel:1")
    assert not notifications.was_told(session, "rappel:2")
    assert len(mail.outbox(session)) == 1


def test_what_a_resident_typed_cannot_break_the_message(session: Session) -> None:
    sent = send(session, subject="Refus\r\nBcc: tous@exemple.fr", text="Motif\x00: <b>hors zone</b>\n")
    (message,) = mail.outbox(session)
    assert message.subject == sent.subject == "Refus Bcc: tous@exemple.fr"
    assert sent.text == "Motif: <b>hors zone</b>"
    assert message.html
    assert "&lt;b&gt;hors zone" in message.html


def test_the_link_is_in_the_mail_and_not_in_what_is_kept(session: Session) -> None:
    sent = send(session, link="https://demarches.example/suivi/secret")
    (message,) = mail.outbox(session)
    assert "https://demarches.example/suivi/secret\n" in message.text
    assert 'href="https://demarches.example/suivi/secret"' in (message.html or "")
    assert "secret" not in sent.text


# --- the preferred means ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "urgent", "channel"),
    [
        ({}, False, "courriel"),
        ({"prefers": "telephone"}, False, "sms"),
        ({"prefers": "telephone", "mobile": "01 99 00 12 34"}, False, "courriel"),
        ({"prefers": "courrier"}, False, "courrier"),
        ({"prefers": "courrier"}, True, "courriel"),  # a letter comes too late
        ({"prefers": "courrier", "postal": ()}, False, "courriel"),
        ({"prefers": "courrier", "group": None}, False, "courriel"),
        ({"email": None}, False, "sms"),
        ({"email": None, "mobile": None}, False, "espace"),
        ({"email": None, "mobile": None, "prefers": "courrier"}, True, "espace"),
    ],
)
def test_the_preferred_means_decides(session: Session, changes: dict[str, Any], urgent: bool, channel: str) -> None:
    letter = replace(REFUSAL, urgent=urgent)
    told = notifications.tell(session, replace(CLAIRE, **changes), letter)
    assert told.channel == channel
    assert (told.mail_id is not None, told.sms_id is not None) == (channel == "courriel", channel == "sms")


def test_a_text_message_says_it_briefly_with_the_way_to_the_request(session: Session) -> None:
    notifications.tell(session, replace(CLAIRE, prefers="telephone"), REFUSAL)
    (message,) = sms.outbox(session)
    assert message.text == "Votre demande est refusée. https://demarches.example/suivi/secret"
    notifications.tell(session, replace(CLAIRE, prefers="telephone"), replace(REFUSAL, short=None, urgent=True))
    assert sms.outbox(session)[0].text.startswith("Valmont-sur-Seine : Votre demande est refusée. http")


def test_without_a_gateway_who_prefers_the_telephone_is_written_to(session: Session, settings: Settings) -> None:
    config.use(settings)
    assert notifications.tell(session, replace(CLAIRE, prefers="telephone"), REFUSAL).channel == "courriel"


def test_a_letter_waits_for_its_group_and_is_posted_once(session: Session) -> None:
    told = notifications.tell(session, replace(CLAIRE, prefers="courrier"), REFUSAL)
    assert told.postal == "Madame Claire Martin\n12 rue des Tilleuls\n95999 Valmont-sur-Seine"
    assert notifications.to_post(session, {"Stationnement"}) == [told]
    assert notifications.to_post(session, {"Autre"}) == []
    assert notifications.count_to_post(session, {"Stationnement", "Autre"}) == 1
    with pytest.raises(NotFound):
        notifications.find_letter(session, told.id, {"Autre"})
    found = notifications.find_letter(session, told.id, {"Stationnement"})
    notifications.mark_posted(session, found, UUID(int=7))
    posted_at = found.posted_at
    notifications.mark_posted(session, found, UUID(int=8))
    assert (found.posted_by, found.posted_at) == (UUID(int=7), posted_at)
    session.flush()
    assert notifications.to_post(session, {"Stationnement"}) == []


# --- digest rather than flood ----------------------------------------------------------------------------------------------


def test_messages_that_follow_closely_leave_as_one(session: Session, at: Callable[[str], datetime]) -> None:
    notifications.tell(session, CLAIRE, REFUSAL)
    at("2027-03-01 10:02")
    for name in ("avis", "suite"):
        notifications.tell(session, CLAIRE, Letter(name, f"Objet {name}", f"Texte {name}."))
    assert len(mail.outbox(session)) == 1
    (job,) = [one for one in jobs.listing(session) if one.kind == "send_digest"]
    assert job.due_at == at("2027-03-01 10:10")
    assert notifications.leave_together(session, CLAIRE) == 2
    digest, _first = sorted(mail.outbox(session), key=lambda one: one.written_at, reverse=True)
    assert digest.subject == "2 messages au sujet de votre demande ABCD-EFGH"
    for text in ("Objet avis", "Texte avis.", "Objet suite", "Texte suite."):
        assert text in digest.text
        assert text in (digest.html or "")
    assert notifications.leave_together(session, CLAIRE) == 0
    assert {one.state for one in notifications.of_case(session, CASE)} == {"sent"}


def test_the_same_thing_said_twice_is_read_once(session: Session, at: Callable[[str], datetime]) -> None:
    for _ in range(3):
        notifications.tell(session, replace(CLAIRE, prefers="telephone"), REFUSAL)
    notifications.leave_together(session, replace(CLAIRE, prefers="telephone"))
    assert [one.text for one in sms.outbox(session)] == [
        "Votre demande est refusée. https://demarches.example/suivi/secret"
    ] * 2


def test_what_is_urgent_waits_for_nothing(session: Session, at: Callable[[str], datetime]) -> None:
    notifications.tell(session, CLAIRE, REFUSAL)
    notifications.tell(session, CLAIRE, replace(REFUSAL, name="code", urgent=True))
    assert [one.state for one in notifications.of_case(session, CASE)] == ["sent", "sent"]
    assert len(mail.outbox(session)) == 2


def test_another_request_and_another_hour_wait_for_nothing(session: Session, at: Callable[[str], datetime]) -> None:
    notifications.tell(session, CLAIRE, REFUSAL)
    notifications.tell(session, replace(CLAIRE, case_id=UUID(int=2)), REFUSAL)
    at("2027-03-01 10:10")
    notifications.tell(session, CLAIRE, REFUSAL)
    assert len(mail.outbox(session)) == 3


def test_the_window_can_be_closed(session: Session, settings: Settings) -> None:
    config.use(replace(settings, digest_minutes=0))
    for _ in range(2):
        notifications.tell(session, CLAIRE, REFUSAL)
    assert len(mail.outbox(session)) == 2
