"""Text messages: a row for each, written in the transaction that promises it, handed to a gateway by a job (D3).

The gateway is a setting: the one shipped posts to an HTTP address, another is a function of somebody's own, named by its dotted
path. Delivery is at least once, under the id of the row, by which a gateway can tell a second delivery from a second message.

A text message travels in segments: 160 characters of the alphabet of GSM 03.38, or 70 as soon as one character isn't in it.
French needs few that aren't, which `fitted` writes otherwise, so that a «ç» doesn't double the price of a message.
"""

from __future__ import annotations

import importlib
import json
import re
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import datetime
from typing import cast
from uuid import UUID

from sqlalchemy import Index, Integer, Text, select, update
from sqlalchemy.orm import Mapped, mapped_column

from engine.core import clock, jobs
from engine.core.config import Settings
from engine.core.db import Base, Database, Session, UtcDateTime, new_id
from engine.core.errors import ConfigurationError, Invalid, Unavailable

SEGMENTS_MAX = 3
_SECONDS = 20
_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
# Each takes the room of two.
_EXTENDED = frozenset("^{}\\[~]|€")
_OTHERWISE = str.maketrans(
    {
        "’": "'", "‘": "'", "«": '"', "»": '"', "“": '"', "”": '"', "…": "...", "–": "-", "—": "-", "\u2011": "-",
        "\u00a0": " ", "\u202f": " ", "ç": "c", "â": "a", "ê": "e", "ë": "e", "î": "i", "ï": "i", "ô": "o", "û": "u",
        "ÿ": "y", "œ": "oe", "Œ": "OE", "À": "A", "Â": "A", "È": "E", "Ê": "E", "Ë": "E", "Î": "I", "Ï": "I", "Ô": "O",
        "Ù": "U", "Û": "U", "°": "o",
    }
)  # fmt: skip
# The mobile numbers of the overseas departments are reached under codes of their own.
_OVERSEAS = {
    "0690": "+590", "0691": "+590", "0694": "+594", "0696": "+596", "0697": "+596", "0692": "+262", "0693": "+262",
    "0639": "+262",
}  # fmt: skip
# Within those of Mayotte, the numbers that nobody has: those of films, and of demonstrations.
_FICTION = "063998"
_MOBILE = re.compile(r"0[67]\d{8}")


class RefusedNumber(Invalid):
    """The gateway says that this number can't be reached; trying again would change nothing."""

    default = "Ce numéro ne peut pas recevoir de SMS."


class Sms(Base):
    """A text message to one number, in its international writing. `sent_at` is None until a gateway has taken it."""

    __tablename__ = "sms"
    __table_args__ = (Index("ix_sms_case_id", "case_id"), Index("ix_sms_written_at", "written_at"))

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(Text, default="")
    recipient: Mapped[str] = mapped_column(Text)
    text: Mapped[str] = mapped_column(Text)
    segments: Mapped[int] = mapped_column(Integer)
    case_id: Mapped[UUID | None]
    written_at: Mapped[datetime] = mapped_column(UtcDateTime)
    sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    refused_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


Gateway = Callable[[Settings, Sms], None]
"""Hands a message to whoever carries it, or raises: `RefusedNumber` for good, anything else to be tried again."""


def enabled(settings: Settings) -> bool:
    """Whether text messages go anywhere: to a gateway, or to the outbox page of a demonstration."""
    return settings.sms_url is not None or settings.sms_gateway is not None or settings.outbox


def number(phone: str | None) -> str | None:
    """The international writing of a French mobile number; None when it is none."""
    digits = re.sub(r"[\s.\-/()]", "", phone or "")
    for prefix in ("+33", "0033"):
        if digits.startswith(prefix):
            digits = "0" + digits[len(prefix) :].removeprefix("0")
    if not _MOBILE.fullmatch(digits):
        return None
    if digits.startswith(_FICTION):
        return "+33" + digits[1:]
    return _OVERSEAS.get(digits[:4], "+33") + digits[1:]


def write(session: Session, *, to: str, text: str, name: str = "", case_id: UUID | None = None) -> Sms:
    """Promise a text message to a mobile number (`number` knows it); it leaves after the commit."""
    recipient = number(to)
    if recipient is None:
        raise Invalid("A text message is written to something that is no mobile number")
    fit = fitted(text)
    sms = Sms(
        id=new_id(),
        name=name,
        recipient=recipient,
        text=fit,
        segments=segments(fit),
        case_id=case_id,
        written_at=clock.now(),
        sent_at=None,
        refused_at=None,
    )
    session.add(sms)
    jobs.promise(session, "send_sms", key=f"sms:{sms.id}", case_id=case_id, sms_id=str(sms.id))
    return sms


def deliver(session: Session, sms_id: UUID, settings: Settings) -> None:
    """Hand one message to the gateway, unless it has left or was refused already."""
    sms = session.get(Sms, sms_id)
    if sms is None or sms.sent_at is not None or sms.refused_at is not None:
        return
    if settings.sms_url is None and settings.sms_gateway is None:
        if not settings.outbox:
            raise Unavailable("PARVIS_SMS_URL is not set: text messages wait until it is")
        sms.sent_at = clock.now()
    elif _hand_over(settings, sms):
        sms.sent_at = clock.now()
    else:
        sms.refused_at = clock.now()


def was_refused(session: Session, sms_id: UUID) -> bool:
    """Whether its number turned out to be no good."""
    return session.scalar(select(Sms.refused_at).where(Sms.id == sms_id)) is not None


def send_ahead(database: Database, sms_id: UUID, settings: Settings) -> None:
    """Hand one message over outside any transaction, then note it: what `deliver` does where writers take turns."""
    if settings.sms_url is None and settings.sms_gateway is None:
        return
    with database.reading() as session:
        sms = session.get(Sms, sms_id)
    if sms is not None and sms.sent_at is None and sms.refused_at is None:
        column = "sent_at" if _hand_over(settings, sms) else "refused_at"
        database.run(_note, sms_id, column)


def _note(session: Session, sms_id: UUID, column: str) -> None:
    session.execute(update(Sms).where(Sms.id == sms_id).values({column: clock.now()}))


def _hand_over(settings: Settings, sms: Sms) -> bool:
    try:
        gateway(settings)(settings, sms)
    except RefusedNumber:
        return False
    return True


def gateway(settings: Settings) -> Gateway:
    """The gateway that the settings name, `post` unless they name another."""
    if settings.sms_gateway is None:
        return post
    module, _, name = settings.sms_gateway.rpartition(".")
    try:
        return cast(Gateway, getattr(importlib.import_module(module), name))
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigurationError(f"PARVIS_SMS_GATEWAY names nothing: {settings.sms_gateway}") from error


def post(settings: Settings, sms: Sms) -> None:
    """The gateway that is shipped: one JSON document posted to PARVIS_SMS_URL, with a bearer token if there is one.

    200 to 299 means taken, 400, 404 and 422 that the number is no good; anything else is tried again later.
    """
    assert settings.sms_url is not None  # `enabled` says so
    headers = {"Content-Type": "application/json", "Idempotency-Key": str(sms.id)}
    if settings.sms_token:
        headers["Authorization"] = f"Bearer {settings.sms_token}"
    content = {"id": str(sms.id), "to": sms.recipient, "text": sms.text, "from": settings.sms_from}
    request = urllib.request.Request(  # noqa: S310 - the address is the operator's, and checked when it is read
        settings.sms_url, json.dumps(content).encode(), headers, method="POST"
    )
    try:
        with _OPENER.open(request, timeout=_SECONDS):
            return
    except urllib.error.HTTPError as error:
        with error:
            if error.code in (400, 404, 422):
                raise RefusedNumber from error
            raise Unavailable(f"the gateway of text messages answers {error.code}") from error
    except OSError as error:
        raise Unavailable(f"the gateway of text messages does not answer: {error}") from error


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A token and a number go where the operator said, and nowhere else."""

    def redirect_request(self, *_: object, **__: object) -> None:
        return None


_OPENER = urllib.request.build_opener(_NoRedirect)


def outbox(session: Session, limit: int = 100) -> list[Sms]:
    """The latest messages, newest first, for the outbox page of a demo."""
    return list(session.scalars(select(Sms).order_by(Sms.written_at.desc(), Sms.id).limit(limit)))


# --- what a message costs --------------------------------------------------------------------------------------------------


def segments(text: str) -> int:
    """In how many segments the text travels."""
    basic = all(sign in _BASIC or sign in _EXTENDED for sign in text)
    length = sum(2 if sign in _EXTENDED else 1 for sign in text) if basic else len(text.encode("utf-16-le")) // 2
    alone, each = (160, 153) if basic else (70, 67)
    return 1 if length <= alone else -(-length // each)


def fitted(text: str, *, most: int = SEGMENTS_MAX) -> str:
    """The text in the alphabet of text messages where French can do with it, cut at a word when it is too long.

    An address at the end is kept whole: without it the message leads nowhere.
    """
    tight = re.sub(r"«\s|\s»", '"', text.strip()).translate(_OTHERWISE)
    plain = "\n".join(" ".join(line.split()) for line in tight.splitlines() if line.strip())
    if segments(plain) <= most:
        return plain
    head, _, last = plain.rpartition(" ") if " " in plain.rpartition("\n")[2] else plain.rpartition("\n")
    address = last if last.startswith(("http://", "https://")) else ""
    words = (head if address else plain).split(" ")
    while words and segments(_cut(words, address)) > most:
        words.pop()
    if words:
        return _cut(words, address)
    return address or plain[: 60 * most]


def _cut(words: list[str], address: str) -> str:
    return f"{' '.join(words)}... {address}".rstrip()
