"""The history of a request as its resident reads it: true, and without jargon (A13)."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest

from engine.contact import notifications
from engine.contact.notifications import Notification
from engine.procedures.history import Entry
from portal.residents import timeline

DEFINITION: Any = SimpleNamespace(process=SimpleNamespace(elements={}), title="Un essai", properties={})
AT = datetime(2027, 3, 1, 9, tzinfo=UTC)


def entry(kind: str, **data: Any) -> Entry:
    facts: dict[str, Any] = {"element_id": None, "actor_kind": "system", "actor_id": None, "path": []}
    return Entry(id=1, case_id=uuid4(), at=AT, kind=kind, data=data, **facts)


def titles(*entries: Entry, letters: tuple[Notification, ...] = ()) -> list[str]:
    return [one["title"] for one in timeline.told(entries, DEFINITION, letters)]


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (notifications.SENT, "Nous vous avons écrit"),
        (notifications.HELD, "Nous vous écrivons dans quelques minutes"),
        (notifications.TO_POST, "Un courrier va vous être posté"),
        (notifications.POSTED, "Nous vous avons écrit par courrier"),
    ],
)
def test_a_letter_is_not_said_to_have_left_before_it_has(state: str, said: str) -> None:
    letter = Notification(name="refus", subject="Votre demande", state=state)
    (title,) = titles(entry("notified", name="refus"), letters=(letter,))
    assert title == f"{said}\u00a0: «\u00a0Votre demande\u00a0»"


def test_what_the_process_hears_of_is_said_once() -> None:
    heard = entry("message_received", name="precision")
    assert titles(heard) == ["Nous avons reçu ce que votre demande attendait"]
    assert len(titles(entry("exchange_received", group="Propreté"), heard)) == 1
    cancelled = entry("appointment_cancelled")
    told = entry("notified", name="rendez-vous-annule")
    gone = entry("message_received", name="rendez-vous-annule")
    assert titles(cancelled, told, gone) == ["Nous vous avons écrit", "Vous avez annulé votre rendez-vous"]
