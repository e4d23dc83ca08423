"""Exchanges as both sides see them: the forms to write with, the threads as pages show them (D2).

`portal/residents/exchanges.py` and `portal/agents/exchanges.py` hold the pages of each side.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any
from uuid import UUID

from flask import request

from engine.contact import documents as stored_files
from engine.contact import exchanges
from engine.contact.documents import StoredFile
from engine.contact.exchanges import RESIDENT, SERVICE, Exchange, Message, Side
from engine.core import config
from engine.core.clock import PARIS
from engine.core.db import Session
from engine.core.errors import InvalidAnswers, Throttled
from engine.people import accounts, throttle
from engine.people.actors import Actor
from engine.procedures import exchanges as verbs
from engine.procedures import forms
from engine.procedures.cases import Case
from engine.procedures.catalogue import Definition
from engine.procedures.forms import Form
from portal.words import NBSP, moment

SENT = "Votre message est envoyé."
TOO_MANY = "Vous avez envoyé beaucoup de messages. Patientez un moment avant d’en envoyer un autre\u00a0: celui-ci est conservé."
# Wide for a conversation, narrow for a program.
SENDING = throttle.Limit("exchanges", burst=10, every=timedelta(seconds=60))
EXCERPT = 140
_SENDING = "envoi"

_SUBJECT = {"title": "Objet", "type": "string", "minLength": 2, "maxLength": exchanges.SUBJECT_MAX}
_MESSAGE = {
    "title": "Votre message",
    "type": "string",
    "x-widget": "textarea",
    "minLength": 2,
    "maxLength": exchanges.TEXT_MAX,
}
_FILES = {
    "title": "Pièces jointes",
    "type": "array",
    "x-widget": "files",
    "items": {"type": "string", "format": "uuid"},
    "maxItems": stored_files.FILES_MAX,
    "x-accept": "pdf,jpg,png",
}


@cache
def form_of(*, new: bool) -> Form:
    """The form of a message: with its subject when it begins an exchange."""
    name = "echange.nouveau.json" if new else "echange.reponse.json"
    fields = {**({"objet": _SUBJECT} if new else {}), "message": _MESSAGE, "pieces": _FILES}
    required = ["objet", "message"] if new else ["message"]
    schema = {"type": "object", "title": "Message", "required": required, "properties": fields}
    return forms.load(name, {name: json.dumps(schema).encode()})


def sending() -> str:
    """What names the click that sends: the page carries it, so that a message sent twice is one message."""
    return request.form.get(_SENDING, "")[:64] or secrets.token_urlsafe(16)


def send(
    session: Session,
    case: Case,
    definition: Definition,
    side: Side,
    actor: Actor,
    *,
    exchange: Exchange | None,
    answers: Mapping[str, Any],
) -> Message:
    """Check what was typed and send it, or raise `InvalidAnswers` with what is wrong, by field."""
    taken = forms.validate(form_of(new=exchange is None), answers)
    place = exchanges.composing(side, actor, exchange.id if exchange else None)
    composed = {str(one.id): one for one in _composed(session, case, place)}
    files = [composed.pop(one) for one in taken.get("pieces", []) if one in composed]
    click = sending()
    if exchanges.sent(session, case.id, click) is None:
        try:
            throttle.take(SENDING, f"{case.id} {actor.account_id or side}")
        except Throttled:
            raise InvalidAnswers({"message": TOO_MANY}) from None
    message = verbs.write(
        session,
        case,
        definition,
        side,
        actor,
        exchange=exchange,
        subject=taken.get("objet", ""),
        body=taken["message"],
        files=files,
        sending=click,
    )
    for left in composed.values():
        stored_files.remove(session, config.current(), left)
    return message


def begun(session: Session, case: Case, side: Side, actor: Actor, exchange: Exchange | None) -> dict[str, Any]:
    """What a form begins with: the files that were joined to a message which wasn't sent."""
    place = exchanges.composing(side, actor, exchange.id if exchange else None)
    kept = [str(one.id) for one in _composed(session, case, place)]
    return {"pieces": kept} if kept else {}


def _composed(session: Session, case: Case, place: str) -> list[StoredFile]:
    """The files that came with the message being written, and those of no other message or form."""
    return [one for one in stored_files.of_case(session, case.id) if one.field.startswith(f"{place}.")]


# --- as pages show them ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Row:
    """A thread in a list: what it is about, who wrote last, whether something of it is unread. `received`: what was written last,
    by whichever side, was read by the other."""

    id: UUID
    subject: str
    unread: int
    received: bool
    asked: bool
    who: str
    at: str
    iso: str
    excerpt: str
    count: int


@dataclass(frozen=True, slots=True)
class Shown:
    """A message on the page of its thread; an unread one shows its beginning only."""

    id: UUID
    who: str
    mine: bool
    at: str
    iso: str
    text: str
    unread: bool
    read: str
    files: Sequence[Mapping[str, Any]]


Namer = Callable[[Exchange, Message], str]
"""Who wrote a message, as this side calls them."""


def rows(session: Session, case: Case, side: Side, named: Namer) -> list[Row]:
    """The threads of a request, the one that changed last first."""
    found = exchanges.of_case(session, case.id)
    by_thread: dict[UUID, list[Message]] = {one.id: [] for one in found}
    for message in exchanges.messages(session, list(by_thread)):
        by_thread[message.exchange_id].append(message)
    return [_row(one, by_thread[one.id], side, named) for one in found if by_thread[one.id]]


def _row(exchange: Exchange, messages: Sequence[Message], side: Side, named: Namer) -> Row:
    last = messages[-1]
    return Row(
        id=exchange.id,
        subject=exchange.subject,
        unread=exchange.unread(side),
        received=last.side != side or last.read_at is not None,
        asked=exchange.asked and side == RESIDENT,
        who=named(exchange, last),
        at=moment(last.written_at),
        iso=last.written_at.astimezone(PARIS).isoformat(timespec="seconds"),
        excerpt=excerpt(last.text),
        count=len(messages),
    )


def thread(
    session: Session, exchange: Exchange, side: Side, named: Namer, files: Mapping[str, Mapping[str, Any]]
) -> list[Shown]:
    """The messages of a thread, from the first to the last."""
    shown = []
    for message in exchanges.messages(session, [exchange.id]):
        unread = message.unread(side)
        shown.append(
            Shown(
                id=message.id,
                who=named(exchange, message),
                mine=message.side == side,
                at=moment(message.written_at),
                iso=message.written_at.astimezone(PARIS).isoformat(timespec="seconds"),
                text=excerpt(message.text) if unread else message.text,
                unread=unread,
                read=_read(message, side),
                files=() if unread else [files[one] for one in message.files if one in files],
            )
        )
    return shown


def _read(message: Message, side: Side) -> str:
    """Of one's own messages, whether the other side has read them."""
    if message.side != side:
        return ""
    return f"Lu le {moment(message.read_at)}" if message.read_at else "Pas encore lu"


def colleagues(session: Session, case: Case) -> Namer:
    """Who wrote, for agents: the resident, and colleagues by their names."""
    found = exchanges.messages(session, [one.id for one in exchanges.of_case(session, case.id)])
    names = accounts.names(session, {one.author_id for one in found if one.side == SERVICE and one.author_id})

    def named(exchange: Exchange, message: Message) -> str:
        if message.side != SERVICE:
            return case.applicant_name
        author = names.get(message.author_id) if message.author_id is not None else None
        return f"{author} ({exchange.group})" if author else exchange.group

    return named


def for_agents(session: Session, case: Case, definition: Definition) -> dict[str, Any] | None:
    """What agents see of the exchanges beside a request; None where its procedure has none."""
    if not verbs.enabled(case, definition):
        return None
    return {"rows": rows(session, case, SERVICE, colleagues(session, case)), "writable": verbs.writable(case)}


def over(case: Case) -> str:
    """Why nobody writes any more about a request that is over."""
    how = "a été annulée" if case.status == "cancelled" else "s’est terminée"
    when = f" le {moment(case.closed_at)}" if case.closed_at else ""
    return f"Cette demande {how}{when}\u00a0: on n’y écrit plus."


def excerpt(text: str) -> str:
    """The beginning of a message, on one line."""
    line = " ".join(text.split())
    return line if len(line) <= EXCERPT else f"{line[:EXCERPT].rsplit(' ', 1)[0]}{NBSP}…"
