"""E-mail: a row for each message, written in the transaction that promises it, sent by a job.

Delivery is at least once with a stable Message-ID (RFC 5322 §3.6.4), so that a second delivery can be recognised. An address that
a server refuses for good is kept as undeliverable until it takes a message again: whoever writes to it can tell the person.
"""

from __future__ import annotations

import re
import smtplib
import ssl
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from urllib.parse import unquote, urlsplit
from uuid import UUID

from sqlalchemy import Index, Table, Text, Uuid, bindparam, delete, select, update
from sqlalchemy.orm import Mapped, mapped_column

from engine.core import clock, jobs
from engine.core.config import Settings
from engine.core.db import Base, Database, Session, UtcDateTime, new_id
from engine.core.errors import Invalid, Unavailable
from engine.core.statements import insert_row


class Mail(Base):
    """A message to one person. `sent_at` is None until it has left, and stays so when it was refused for good.

    `reply_to` is an address for this very message, where answers are welcome.
    """

    __tablename__ = "mail"
    __table_args__ = (Index("ix_mail_case_id", "case_id"), Index("ix_mail_written_at", "written_at"))

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(Text, default="")
    recipient: Mapped[str] = mapped_column(Text)
    subject: Mapped[str] = mapped_column(Text)
    text: Mapped[str] = mapped_column(Text)
    html: Mapped[str | None] = mapped_column(Text)
    case_id: Mapped[UUID | None]
    written_at: Mapped[datetime] = mapped_column(UtcDateTime)
    sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    reply_to: Mapped[str | None] = mapped_column(Text)
    refused_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


@dataclass(frozen=True)
class Enclosure:
    """A file that leaves with a message. None is kept with it: who sends draws it from what is true then (`Enclosing`)."""

    name: str
    media_type: str
    content: bytes
    parameters: Mapping[str, str] = field(default_factory=dict)


Enclosing = Callable[[Session, Mail], Sequence[Enclosure]]
"""Says what a message that is about to leave encloses."""


def nothing(_session: Session, _mail: Mail) -> Sequence[Enclosure]:
    """No enclosure."""
    return ()


class Undeliverable(Base):
    """An e-mail address (in lower case) that refuses what is sent to it, since when, and what its server said."""

    __tablename__ = "undeliverable_address"

    address: Mapped[str] = mapped_column(Text, primary_key=True)
    since: Mapped[datetime] = mapped_column(UtcDateTime)
    why: Mapped[str] = mapped_column(Text)


def write(
    session: Session,
    *,
    to: str,
    subject: str,
    text: str,
    html: str | None = None,
    case_id: UUID | None = None,
    name: str = "",
    reply_to: str | None = None,
) -> Mail:
    """Promise a message; it leaves after the commit. `name` is what procedures call it (`accuse-reception`)."""
    mail = Mail(
        id=new_id(),
        name=name,
        recipient=to,
        subject=one_line(subject),  # a line break would begin another header
        text=text,
        html=html,
        case_id=case_id,
        written_at=clock.now(),
        sent_at=None,
        reply_to=reply_to,
        refused_at=None,
    )
    insert_row(session, mail)
    jobs.promise(session, "send_mail", key=f"mail:{mail.id}", case_id=case_id, mail_id=str(mail.id))
    return mail


def one_line(text: str) -> str:
    """The text on one line; its no-break spaces stay."""
    return re.sub(r"[^\S\u00a0\u202f]+", " ", text).strip()


_MAIL: Table = Mail.__table__  # type: ignore[assignment]
_KEEP = (
    update(_MAIL)
    .where(_MAIL.c.id == bindparam("mail", type_=Uuid()), _MAIL.c.sent_at.is_(None), _MAIL.c.refused_at.is_(None))
    .values(sent_at=bindparam("now", type_=UtcDateTime()))
)


def deliver(session: Session, mail_id: UUID, settings: Settings, enclosed: Enclosing = nothing) -> None:
    """Send one message, unless it has left already. In embedded mode with demo data it stays in the outbox page."""
    if settings.smtp_url is None and settings.outbox:
        session.execute(_KEEP, {"mail": mail_id, "now": clock.now()})
        return
    mail = session.get(Mail, mail_id)
    if mail is None or mail.sent_at is not None or mail.refused_at is not None:
        return
    if settings.smtp_url is None:
        raise Unavailable("PARVIS_SMTP_URL is not set: mail waits until it is")
    _note(session, mail, _send(compose(mail, settings, enclosed(session, mail)), settings.smtp_url))


def send_ahead(database: Database, mail_id: UUID, settings: Settings, enclosed: Enclosing = nothing) -> None:
    """Send one message outside any transaction, then note it: what `deliver` does where writers take turns."""
    if settings.smtp_url is None:
        return
    with database.reading() as session:
        mail = session.get(Mail, mail_id)
        waits = mail is not None and mail.sent_at is None and mail.refused_at is None
        message = compose(mail, settings, enclosed(session, mail)) if mail is not None and waits else None
    if mail is not None and message is not None:
        database.run(_note, mail, _send(message, settings.smtp_url))


def _note(session: Session, mail: Mail, refusal: str | None) -> None:
    """Note that a message has left, or why it never will. Codes and private links don't stay behind: whoever reads the table
    later, or a backup of it, may not use them."""
    column = "sent_at" if refusal is None else "refused_at"
    blanked = {"text": without_secrets(mail.text), "html": mail.html and without_secrets(mail.html)}
    session.execute(update(Mail).where(Mail.id == mail.id).values({column: clock.now(), **blanked}))
    if refusal is None:
        session.execute(delete(Undeliverable).where(Undeliverable.address == mail.recipient.lower()))
    else:
        _mark(session, mail.recipient, refusal)


# --- addresses that refuse -------------------------------------------------------------------------------------------------


def record_bounce(session: Session, mail_id: UUID, why: str) -> bool:
    """Note that a message which had left came back; False when there is no such message, or it is noted already."""
    mail = session.scalar(select(Mail).where(Mail.id == mail_id, Mail.refused_at.is_(None)))
    if mail is None:
        return False
    mail.refused_at = clock.now()
    _mark(session, mail.recipient, why)
    return True


def undeliverable(session: Session, addresses: Iterable[str | None]) -> list[Undeliverable]:
    """Those of the addresses that refuse what is sent to them."""
    wanted = {address.lower() for address in addresses if address}
    if not wanted:
        return []
    return list(session.scalars(select(Undeliverable).where(Undeliverable.address.in_(wanted))))


def _mark(session: Session, address: str, why: str) -> None:
    said = " ".join(why.replace("\x00", "").split())[:500]
    known = session.get(Undeliverable, address.lower(), with_for_update=True)
    if known is None:
        session.add(Undeliverable(address=address.lower(), since=clock.now(), why=said))
        session.flush()
    else:
        known.why = said


# The end of a private link's address: 256 bits in base64. A code: figures alone on their line, or in a tag of their own.
_TOKEN = re.compile(r"(?<=/)[A-Za-z0-9_-]{43}(?![A-Za-z0-9_-])")
_CODE = re.compile(r"(?m)(^[ \t]*|>)\d{4,8}(?=[ \t]*$|<)")


def without_secrets(text: str) -> str:
    """A letter without the code or the private links that it carried."""
    return _CODE.sub(r"\1••••", _TOKEN.sub("…", text))


def compose(mail: Mail, settings: Settings, enclosures: Sequence[Enclosure] = ()) -> EmailMessage:
    """The message as it travels: text first, HTML as the richer alternative, then what is enclosed."""
    message = EmailMessage()
    message["Message-ID"] = f"<{mail.id}@{urlsplit(settings.public_url).hostname}>"
    message["Date"] = format_datetime(mail.written_at)
    message["From"] = settings.mail_from
    message["To"] = _one_address(mail.recipient)
    if mail.reply_to:
        message["Reply-To"] = _one_address(mail.reply_to)
    message["Subject"] = mail.subject
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no vacation replies
    message.set_content(mail.text)
    if mail.html:
        message.add_alternative(mail.html, subtype="html")
    for one in enclosures:
        kind, subtype = one.media_type.split("/")
        message.add_attachment(
            one.content, maintype=kind, subtype=subtype, filename=one.name, params=dict(one.parameters)
        )
    return message


def _one_address(text: str) -> Address:
    """`text` as one recipient: a comma in it would bring another one."""
    try:
        return Address(addr_spec=text)
    except (ValueError, IndexError, MessageError) as error:  # IndexError: CPython on an empty text
        raise Invalid("A message is written to something that is no e-mail address") from error


def _send(message: EmailMessage, url: str) -> str | None:
    """Hand the message to the mail server; what it says when it refuses the recipient for good."""
    parts = urlsplit(url)
    host = parts.hostname or "localhost"
    if parts.scheme == "smtps":
        server: smtplib.SMTP = smtplib.SMTP_SSL(
            host, parts.port or 465, timeout=20, context=ssl.create_default_context()
        )
    else:
        server = smtplib.SMTP(host, parts.port or 25, timeout=20)
    with server:
        if parts.scheme == "smtp+starttls":
            server.starttls(context=ssl.create_default_context())
        if parts.username:
            server.login(unquote(parts.username), unquote(parts.password or ""))
        try:
            server.send_message(message)
        except smtplib.SMTPRecipientsRefused as error:
            ((code, said),) = error.recipients.values()
            words = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
            if not is_for_good(code, words):
                raise
            return f"{code} {words}"
    return None


def is_for_good(code: int, words: str) -> bool:
    """Whether the address itself is refused, for good: a full mailbox may empty, and a policy is for operators to read of."""
    found = re.search(r"\b5\.(\d)\.(\d{1,3})\b", words)
    if found:
        return found[1] == "1" or (found[1], found[2]) in {("2", "0"), ("2", "1")}
    return code in (550, 551, 553)


def outbox(session: Session, limit: int = 100) -> list[Mail]:
    """The latest messages, newest first, for the outbox page of a demo."""
    return list(session.scalars(select(Mail).order_by(Mail.written_at.desc(), Mail.id).limit(limit)))
