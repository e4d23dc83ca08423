"""The history of a request in words for agents: everything that happened, with the names of their colleagues (A13, E3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from engine.contact import notifications
from engine.core.clock import PARIS
from engine.core.db import Session
from engine.people import accounts
from engine.people.actors import Actor
from engine.procedures import history, receipts
from engine.procedures.cases import Case
from engine.procedures.catalogue import Definition
from engine.procedures.history import Entry
from portal.words import NBSP, count, moment


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the timeline, as the macro `timeline` of `parts.html` draws it."""

    title: str
    at: str
    iso: str
    by: str


# {name} is what the diagram calls the element, {group} the service that has to act, {rules} what describes the lines of a
# decision table, {message} what the diagram calls the event that receives a message: ids and codes tell agents nothing.
SENTENCES = {
    "opened": "Demande commencée",
    "step_completed": "Étape remplie\u00a0: {name}",
    "step_revised": "Étape corrigée avant le dépôt\u00a0: {name}",
    "discarded": "Brouillon abandonné",
    "filed": "Demande déposée",
    "task_opened": "Tâche ouverte\u00a0: {name} ({group})",
    "claimed": "Tâche prise en charge\u00a0: {name}",
    "released": "Tâche rendue à la corbeille\u00a0: {name}",
    "assigned": "Tâche confiée à {to}\u00a0: {name}",
    "taken_back": "Tâche reprise à {held_by} et rendue à la corbeille\u00a0: {name}",
    "task_completed": "Tâche terminée\u00a0: {name}",
    "resident_asked": "Réponse demandée à l’usager\u00a0: {name}",
    "resident_answered": "Réponse de l’usager\u00a0: {name}",
    "exchange_sent": "Message écrit à l’usager dans un échange",
    "exchange_received": "Message de l’usager dans un échange",
    "notified": "Message envoyé à l’usager\u00a0: {subject}",
    "letter_posted": "Courrier posté à l’usager\u00a0: {subject}",
    "documents_required": "{documents}",
    "document_added": "Pièces ajoutées par l’usager",
    "document_replaced": "Version plus récente d’une pièce ajoutée par l’usager",
    "document_refused": "Fichier refusé par l’antivirus",
    "timer_fired": "Délai écoulé\u00a0: {name}",
    "message_received": "Information reçue\u00a0: {message}",
    "decided": "Table de décision appliquée\u00a0: {name} ({rules})",
    "moved": "Traitement automatique",
    "incident": "Incident technique\u00a0: {name}",
    "incident_solved": "Incident technique résolu",
    "appointment_planned": "Rendez-vous pris",
    "appointment_moved": "Rendez-vous déplacé",
    "appointment_cancelled": "Rendez-vous annulé",
    "attached": "Demande rattachée au compte de l’usager",
    "cancelled": "Demande annulée",
    "closed": "Demande terminée\u00a0: {name}",
}

# What follows by itself from what somebody did: that person didn't do it.
_BY_ITSELF = frozenset(
    {
        "task_opened",
        "resident_asked",
        "notified",
        "documents_required",
        "document_refused",
        "decided",
        "moved",
        "timer_fired",
        "closed",
        "incident",
        "incident_solved",
    }
)


def told(session: Session, case: Case, definition: Definition) -> list[Event]:
    """The whole history of a request, the latest first."""
    entries = history.of_case(session, case.id)
    agents = {entry.actor_id for entry in entries if entry.actor_kind == "agent" and entry.actor_id is not None}
    agents |= {UUID(entry.data[fact]) for entry in entries for fact in ("from", "to") if fact in entry.data}
    names = accounts.names(session, agents)
    subjects = _subjects(session, case, entries)
    return [
        Event(
            title=_title(entry, definition, subjects.get(entry.id, ""), names),
            at=moment(entry.at),
            iso=entry.at.astimezone(PARIS).isoformat(timespec="seconds"),
            by=_by(entry, names),
        )
        for entry in reversed(entries)
    ]


def end_of(session: Session, case: Case, task_id: UUID, reader: Actor) -> str:
    """How a task of the request ended, in a sentence for an agent who comes too late; empty when nothing tells."""
    entries = history.of_case(session, case.id)
    done = next((one for one in entries if one.kind == "task_completed" and one.data.get("task") == str(task_id)), None)
    if done is not None:
        if done.actor_id == reader.account_id:
            return f"Vous avez déjà terminé cette tâche, le {moment(done.at)}."
        who = accounts.names(session, {done.actor_id} if done.actor_id else ()).get(
            done.actor_id or task_id, "Un agent"
        )
        return f"{who} a terminé cette tâche le {moment(done.at)}."
    if case.closed_at is not None:
        how = "La demande a été annulée" if case.status == "cancelled" else "La demande s’est terminée"
        return f"{how} le {moment(case.closed_at)}\u00a0: il n’y a plus rien à traiter."
    return ""


def _title(entry: Entry, definition: Definition, subject: str, names: Mapping[UUID, str]) -> str:
    node = definition.process.elements.get(entry.element_id or "")
    required = int(entry.data.get("count", 0))
    said = SENTENCES[entry.kind].format(
        name=node.name if node is not None else "",
        group=entry.data.get("group", ""),
        subject=subject,
        to=_named(entry.data.get("to"), names),
        held_by=_named(entry.data.get("from"), names),
        message=_receiver(definition, entry.data.get("name", "")) if entry.kind == "message_received" else "",
        documents=count(required, "pièce demandée", "pièces demandées") if required else "Pièces demandées",
        rules=_rules(definition, entry.data.get("rules", ())),
    )
    # An entry without an element or a fact is still a sentence.
    return said.removesuffix("()").rstrip().removesuffix(":").rstrip()


def _receiver(definition: Definition, message: str) -> str:
    """What the diagram calls the event that receives this message."""
    nodes = definition.process.elements.values()
    return next((node.name for node in nodes for event in node.events if event.name == message), "")


def _rules(definition: Definition, ids: Sequence[str]) -> str:
    """The descriptions of the lines of a table that decided; those without one are left out."""
    rules = {rule.id: rule.description for table in definition.process.decisions.values() for rule in table.rules}
    return ", ".join(said for one in ids if (said := rules.get(one, "")))


def _named(agent_id: str | None, names: Mapping[UUID, str]) -> str:
    return names.get(UUID(agent_id), "un agent") if agent_id else ""


def _by(entry: Entry, names: Mapping[UUID, str]) -> str:
    if entry.kind in _BY_ITSELF or entry.actor_kind == "system":
        return ""
    if entry.actor_kind == "agent":
        return names.get(entry.actor_id, "Un agent") if entry.actor_id is not None else "Un agent"
    return "L’usager"


def _subjects(session: Session, case: Case, entries: Sequence[Entry]) -> dict[int, str]:
    """The subject of the message that each entry is about: the history names messages and doesn't quote them."""
    letters = notifications.of_case(session, case.id)
    posted = {letter.id: letter.subject for letter in letters}
    sent: dict[str, list[str]] = {}
    for letter in letters:
        sent.setdefault(letter.name, []).append(letter.subject)
    found: dict[int, str] = {}
    for entry in entries:
        name = str(entry.data.get("name", ""))
        if entry.kind == "notified":
            known = sent.get(name)
            found[entry.id] = known.pop(0) if known else _KNOWN.get(name, "")
        elif entry.kind == "letter_posted":
            found[entry.id] = posted.get(entry.data.get("letter", 0), "")
    return found


_KNOWN = {receipts.NAME: "accusé de réception", "code": f"code{NBSP}de validation"}
