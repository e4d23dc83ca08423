"""Mail that comes in: an answer to a notice joins its exchange, a delivery status notification marks its address (D2, D3).

What is read here was written by anybody. An answer is taken when it was sent to the signed address of an exchange that is still
open, by the address that the notices of the request go to; the signature alone isn't enough, since messages are forwarded.
"""

from __future__ import annotations

import contextlib
import email.policy
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from email.message import EmailMessage
from email.parser import BytesParser
from email.utils import getaddresses
from typing import Literal
from uuid import UUID

from engine.contact import documents, exchanges, replies
from engine.contact.documents import Received
from engine.contact.exchanges import RESIDENT
from engine.core import clock, logs, mail
from engine.core.config import Settings
from engine.core.db import Database, Session
from engine.core.errors import CaseClosed, Invalid, RefusedFile
from engine.people.actors import Actor
from engine.procedures import cases, catalogue
from engine.procedures import exchanges as verbs

BYTES_MAX = 25_000_000
# A program that answers our notices would otherwise talk with itself.
ANSWERS_MAX = 10
WITHIN = timedelta(hours=1)

Outcome = Literal["answer", "bounce", "ignored"]
_RECIPIENTS = ("Delivered-To", "X-Original-To", "Envelope-To", "To", "Cc")
_MESSAGE_ID = re.compile(r"<?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})@", re.IGNORECASE)
# Where what is quoted begins, in the words of the mail readers that residents use.
_QUOTES = re.compile(
    r"^(>|-{2,}\s*(message d.origine|original message|message transféré)|_{10,}\s*$"
    r"|(le|on)\s.{5,200}(a écrit|wrote)\s*:?\s*$|(de|from)\s*:\s.*@.*$)",
    re.IGNORECASE,
)


class Refused(Invalid):
    """The message can't be taken in; the sentence goes back to who wrote it."""

    default = "Ce message n’a pas pu être pris en compte."


@dataclass(frozen=True)
class Answer:
    """What an answer says, quoted text left out."""

    exchange_id: UUID
    sender: str
    text: str
    message_id: str


def take(database: Database, settings: Settings, raw: bytes) -> Outcome:
    """Take one message in, or raise `Refused` with why not. Sent twice, an answer is one message."""
    if len(raw) > BYTES_MAX:
        raise Refused("Votre message est trop volumineux.")
    message = BytesParser(_class=EmailMessage, policy=email.policy.default).parsebytes(raw)
    bounced = _bounced(message)
    if bounced is not None:
        mail_id, why = bounced
        return "bounce" if database.run(mail.record_bounce, mail_id, why) else "ignored"
    if _is_automatic(message) or message.get_content_type() == "multipart/report":
        return "ignored"
    answer = _answer(message)
    case_id = database.read(_case_of, answer)
    files = _files(settings, case_id, message)
    try:
        database.run(_join, answer, files)
    except BaseException:
        for one in files:
            documents.discard(settings, one)
        raise
    return "answer"


def _answer(message: EmailMessage) -> Answer:
    addresses = getaddresses([str(value) for name in _RECIPIENTS for value in message.get_all(name, [])])
    found = next((one for _, address in addresses if (one := replies.exchange_of(address)) is not None), None)
    if found is None:
        raise Refused("Cette adresse ne reçoit que les réponses à nos messages.")
    sender = getaddresses([str(message.get("From", ""))])[0][1].lower()
    text = without_quotes(_text(message))
    if not text:
        raise Refused("Votre réponse est vide\u00a0: écrivez-la au-dessus du message auquel vous répondez.")
    if len(text) > exchanges.TEXT_MAX:
        raise Refused(
            "Votre réponse est trop longue\u00a0: écrivez-la dans le suivi de votre demande, en pièce jointe."
        )
    return Answer(found, sender, text, str(message.get("Message-ID", "")).strip())


def _case_of(session: Session, answer: Answer) -> UUID:
    """The request of the exchange, if this person may write there."""
    exchange = session.get(exchanges.Exchange, answer.exchange_id)
    case = session.get(cases.Case, exchange.case_id) if exchange is not None else None
    if case is None or (case.usager.get("courriel") or "").lower() != answer.sender:
        raise Refused("Répondez depuis l’adresse à laquelle nous vous écrivons, ou dans le suivi de votre demande.")
    if not verbs.writable(case):
        raise Refused(verbs.OVER)
    return case.id


def _join(session: Session, answer: Answer, files: list[Received]) -> None:
    _case_of(session, answer)
    exchange = session.get(exchanges.Exchange, answer.exchange_id)
    assert exchange is not None  # `_case_of` found it
    case = cases.locked(session, exchange.case_id)
    assert case is not None
    logs.about(case.reference)
    # The account's address proves no more than the link in the message did: the history says who holds the request.
    actor = Actor("resident", case.account_id) if case.account_id else Actor("anonymous")
    sending = f"mail {answer.message_id}" if answer.message_id else None
    if sending is not None and exchanges.sent(session, case.id, sending) is not None:
        return
    if exchanges.written_since(session, exchange.id, RESIDENT, clock.now() - WITHIN) >= ANSWERS_MAX:
        raise Refused(
            "Vous avez envoyé beaucoup de messages. Écrivez dans le suivi de votre demande, ou patientez une heure."
        )
    place = exchanges.composing(RESIDENT, actor, exchange.id)
    stored = [
        documents.add(session, one, case_id=case.id, field=f"{place}.mail", actor=actor)
        for one in files[: documents.FILES_MAX]
    ]
    definition = catalogue.definition(session, case.version_id)
    try:
        verbs.write(
            session,
            case,
            definition,
            RESIDENT,
            actor,
            exchange=exchange,
            subject=exchange.subject,
            body=answer.text,
            files=stored,
            sending=sending,
        )
    except CaseClosed as error:
        raise Refused(error.message) from error


def _files(settings: Settings, case_id: UUID, message: EmailMessage) -> list[Received]:
    """The attachments that the portal would take; the others are left out, and the answer is still taken."""
    found: list[Received] = []
    for part in message.iter_attachments():
        name = part.get_filename()
        content = part.get_payload(decode=True)
        if name and isinstance(content, bytes) and len(found) < documents.FILES_MAX:
            with contextlib.suppress(RefusedFile):
                found.append(documents.receive(settings, owner=case_id, filename=name, stream=io.BytesIO(content)))
    return found


# --- reading a message -----------------------------------------------------------------------------------------------------


def _text(message: EmailMessage) -> str:
    part = message.get_body(preferencelist=("plain", "html"))
    if part is None:
        return ""
    try:
        content = str(part.get_content())
    except (LookupError, ValueError):
        return ""
    if part.get_content_subtype() == "html":
        content = re.sub(r"(?is)<(script|style|blockquote)\b.*?</\1>", " ", content)
        content = re.sub(r"(?i)<br\s*/?>|</(p|div)>", "\n", content)
        content = re.sub(r"<[^>]{0,2000}>", " ", content)
    return content.replace("\x00", "")


def without_quotes(text: str) -> str:
    """What the person wrote: the lines before the message that they answer, and before their signature."""
    kept = []
    for line in text.replace("\r\n", "\n").split("\n"):
        bare = line.strip()
        if bare == "--" or _QUOTES.match(bare[:300]):
            break
        kept.append(line.rstrip())
    return re.sub(r"\n{3,}", "\n\n", "\n".join(kept)).strip()


def _is_automatic(message: EmailMessage) -> bool:
    """Whether a program wrote it (RFC 3834): an absence, a list."""
    automatic = str(message.get("Auto-Submitted", "no")).lower() != "no"
    return automatic or str(message.get("Precedence", "")).lower() in ("bulk", "junk", "list") or "List-Id" in message


def _bounced(message: EmailMessage) -> tuple[UUID, str] | None:
    """The message of ours that comes back for good, and why (RFC 3464); None when this is no such notification."""
    if message.get_content_type() != "multipart/report":
        return None
    statuses = [part for part in message.walk() if part.get_content_type() == "message/delivery-status"]
    failed = next(
        (
            block
            for part in statuses
            for block in _blocks(part)
            if str(block.get("Action", "")).lower() == "failed" and str(block.get("Status", "")).startswith("5.1.")
        ),
        None,
    )
    if failed is None:
        return None
    for part in message.walk():
        if part.get_content_type() in ("message/rfc822", "text/rfc822-headers"):
            found = _MESSAGE_ID.search(_original(part))
            if found:
                return UUID(found[1]), f"{failed.get('Status')} {failed.get('Diagnostic-Code', '')}"
    return None


def _blocks(part: EmailMessage) -> Iterator[EmailMessage]:
    content = part.get_payload()
    if isinstance(content, list):
        yield from (one for one in content if isinstance(one, EmailMessage))


def _original(part: EmailMessage) -> str:
    inner = part.get_payload()
    if isinstance(inner, list):
        return " ".join(str(one.get("Message-ID", "")) for one in inner if isinstance(one, EmailMessage))
    found = re.search(r"(?im)^message-id:\s*(\S+)", str(inner))
    return found[1] if found else ""
