"""The history of a request in words for the resident: what happened, when, and which service did it, never which agent (A13)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engine.contact import notifications
from engine.contact.notifications import Notification
from engine.core.clock import PARIS
from engine.procedures.catalogue import Definition
from engine.procedures.history import Entry
from portal.words import NBSP, moment

# {name} is what the diagram calls the element, {group} the service.
_SENTENCES = {
    "opened": "Vous avez commencé votre demande",
    "filed": "Vous avez déposé votre demande",
    "task_opened": "«\u00a0{name}\u00a0»\u00a0: confié au service «\u00a0{group}\u00a0»",
    "task_completed": "«\u00a0{name}\u00a0»\u00a0: terminé",
    "resident_asked": "Nous vous demandons de répondre\u00a0: «\u00a0{name}\u00a0»",
    "resident_answered": "Vous avez répondu\u00a0: «\u00a0{name}\u00a0»",
    "notified": "Nous vous avons écrit",
    "exchange_sent": "Le service «\u00a0{group}\u00a0» vous a écrit un message",
    "exchange_received": "Vous avez écrit un message au service «\u00a0{group}\u00a0»",
    "documents_required": "Des pièces vous sont demandées",
    "document_added": "Vous avez ajouté des pièces",
    "document_replaced": "Vous avez ajouté une version plus récente d’une pièce",
    "document_refused": "Un fichier est refusé par notre antivirus",
    "timer_fired": "Délai écoulé\u00a0: {name}",
    "message_received": "Nous avons reçu ce que votre demande attendait",
    "appointment_planned": "Vous avez pris rendez-vous",
    "appointment_moved": "Vous avez déplacé votre rendez-vous",
    "appointment_cancelled": "Vous avez annulé votre rendez-vous",
    "attached": "Vous avez rattaché cette demande à votre compte",
    "cancelled": "Vous avez annulé votre demande",
    "closed": "{name}",
}
# What the resident does.
_YOURS = frozenset(
    {
        "opened",
        "filed",
        "resident_answered",
        "exchange_received",
        "document_added",
        "document_replaced",
        "attached",
        "cancelled",
    }
)
# What was written may still wait for the messages that follow it, or for the post.
_WRITTEN = {
    notifications.HELD: "Nous vous écrivons dans quelques minutes",
    notifications.TO_POST: "Un courrier va vous être posté",
    notifications.POSTED: "Nous vous avons écrit par courrier",
}
_LETTERS = {
    "accuse-reception": "Accusé de réception envoyé par courriel",
    "code": "Code de validation envoyé par courriel",
}


def told(
    entries: Sequence[Entry], definition: Definition, letters: Sequence[Notification] = ()
) -> list[dict[str, Any]]:
    """The entries as a page tells them, the latest first; `letters` say what was written on which occasion."""
    written: dict[str, list[Notification]] = {}
    for letter in letters:
        written.setdefault(letter.name, []).append(letter)
    return [
        _event(entry, definition, written)
        for entry, before in zip(entries, [None, *entries], strict=False)
        if not _said_already(entry, before)
    ][::-1]


def _said_already(entry: Entry, before: Entry | None) -> bool:
    """Whether the process hears by a message of what somebody did: what they did has a line of its own."""
    if entry.kind != "message_received":
        return False
    of_appointment = str(entry.data.get("name", "")).startswith("rendez-vous-")
    return of_appointment or (before is not None and before.kind == "exchange_received")


def _event(entry: Entry, definition: Definition, written: Mapping[str, list[Notification]]) -> dict[str, Any]:
    node = definition.process.elements.get(entry.element_id or "")
    name = (node.name if node is not None else "") or definition.title
    group = str(entry.data.get("group", ""))
    title = _SENTENCES[entry.kind].format(name=name, group=group)
    if entry.kind == "notified":
        said = str(entry.data.get("name", ""))
        # Letters of one name were sent in the order of their entries.
        letter = written[said].pop(0) if written.get(said) else None
        if letter is not None:
            title = f"{_WRITTEN.get(letter.state, title)}{NBSP}: «{NBSP}{letter.subject}{NBSP}»"
        title = _LETTERS.get(said) or title
    if entry.kind == "closed":
        title = f"Demande terminée{NBSP}: {name}"
    return {
        "title": title,
        "at": moment(entry.at),
        "iso": entry.at.astimezone(PARIS).isoformat(timespec="seconds"),
        "by": _by(entry, definition, group),
    }


def _by(entry: Entry, definition: Definition, group: str) -> str:
    if entry.actor_kind in ("resident", "bearer"):
        return "Vous" if entry.kind in _YOURS else ""
    if entry.actor_kind == "agent":
        # What is asked of the resident is kept with their lane as its group: it is the service that asks.
        asks = entry.kind == "resident_asked"
        return ("" if asks else group) or definition.properties.get("department", "")
    return "Automatique"
