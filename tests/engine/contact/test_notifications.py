"""Notifications: D3 in its first form."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from engine.contact import notifications
from engine.contact.notifications import Notification
from engine.core import jobs, mail
from engine.core.db import Session

CASE = UUID(int=1)


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


def test_the_same_occurrence_leaves_once(session: Session) -> None:
    first = send(session, element_id="prevenir", occurrence="1")
    assert send(session, element_id="prevenir", occurrence="1") is first
    send(session, element_id="prevenir", occurrence="2")
    assert len(mail.outbox(session)) == 2


def test_what_a_resident_typed_cannot_break_the_message(session: Session) -> None:
    sent = send(session, subject="Refus\r\nBcc: tous@exemple.fr", text="Motif\x00: hors zone\n")
    (message,) = mail.outbox(session)
    assert message.subject == sent.subject == "Refus Bcc: tous@exemple.fr"
    assert sent.text == "Motif: hors zone"


def test_the_link_is_in_the_mail_and_not_in_what_is_kept(session: Session) -> None:
    sent = send(session, link="https://demarches.example/suivi/secret")
    (message,) = mail.outbox(session)
    assert "https://demarches.example/suivi/secret\n" in message.text
    assert "secret" not in sent.text
