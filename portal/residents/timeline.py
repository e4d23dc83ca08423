"""The history of a request in words for the resident: what happened, when, and which service did it, never which agent (A13)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

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
    "message_received": "Une information attendue est arrivée",
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
_LETTERS = {
    "accuse-reception": "Accusé de réception envoyé par courriel",
    "code": "Code de validation envoyé par courriel",
}


def told(
    entries: Sequence[Entry], definition: Definition, letters: Sequence[Notification] = ()
) -> list[dict[str, Any]]:
    """The entries as a page tells them, the latest first; `letters` say what was written on which occasion."""
    subjects: dict[str, list[str]] = {}
    for letter in letters:
        subjects.setdefault(letter.name, []).append(letter.subject)
    return [_event(entry, definition, subjects) for entry in entries][::-1]


def _event(entry: Entry, definition: Definition, subjects: Mapping[str, list[str]]) -> dict[str, Any]:
    node = definition.process.elements.get(entry.element_id or "")
    name = (node.name if node is not None else "") or definition.title
    group = str(entry.data.get("group", ""))
    title = _SENTENCES[entry.kind].format(name=name, group=group)
    if entry.kind == "notified":
        letter = str(entry.data.get("name", ""))
        # Letters of one name were sent in the order of their entries.
        subject = subjects[letter].pop(0) if subjects.get(letter) else ""
        title = _LETTERS.get(letter) or (f"{title}{NBSP}: «{NBSP}{subject}{NBSP}»" if subject else title)
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
