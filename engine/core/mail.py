"""E-mail: a row for each message, written in the transaction that promises it, sent by a job.

Delivery is at least once with a stable Message-ID (RFC 5322 §3.6.4), so that a second delivery can be recognised.
"""

from __future__ import annotations

import smtplib
import ssl
from datetime import datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from urllib.parse import unquote, urlsplit
from uuid import UUID

from sqlalchemy import Index, Text, select, update
from sqlalchemy.orm import Mapped, mapped_column

from engine.core import clock, jobs
from engine.core.config import Settings
from engine.core.db import Base, Database, Session, UtcDateTime, new_id
from engine.core.errors import Invalid, Unavailable


class Mail(Base):
    """A message to one person. `sent_at` is None until it has left."""

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


def write(
    session: Session,
    *,
    to: str,
    subject: str,
    text: str,
    html: str | None = None,
    case_id: UUID | None = None,
    name: str = "",
) -> Mail:
    """Promise a message; it leaves after the commit. `name` is what procedures call it (`accuse-reception`)."""
    mail = Mail(
        id=new_id(),
        name=name,
        recipient=to,
        subject=" ".join(subject.split()),  # a line break would begin another header
        text=text,
        html=html,
        case_id=case_id,
        written_at=clock.now(),
        sent_at=None,
    )
    session.add(mail)
    jobs.promise(session, "send_mail", key=f"mail:{mail.id}", case_id=case_id, mail_id=str(mail.id))
    return mail


def deliver(session: Session, mail_id: UUID, settings: Settings) -> None:
    """Send one message, unless it has left already. In embedded mode with demo data it stays in the outbox page."""
    mail = session.get(Mail, mail_id)
    if mail is None or mail.sent_at is not None:
        return
    if settings.smtp_url is None:
        if not settings.outbox:
            raise Unavailable("PARVIS_SMTP_URL is not set: mail waits until it is")
    else:
        _send(compose(mail, settings), settings.smtp_url)
    mail.sent_at = clock.now()


def send_ahead(database: Database, mail_id: UUID, settings: Settings) -> None:
    """Send one message outside any transaction, then note it: what `deliver` does where writers take turns."""
    if settings.smtp_url is None:
        return
    with database.reading() as session:
        mail = session.get(Mail, mail_id)
        message = compose(mail, settings) if mail is not None and mail.sent_at is None else None
    if message is not None:
        _send(message, settings.smtp_url)
        database.run(_note_sent, mail_id)


def _note_sent(session: Session, mail_id: UUID) -> None:
    session.execute(update(Mail).where(Mail.id == mail_id).values(sent_at=clock.now()))


def compose(mail: Mail, settings: Settings) -> EmailMessage:
    """The message as it travels: text first, HTML as the richer alternative."""
    message = EmailMessage()
    message["Message-ID"] = f"<{mail.id}@{urlsplit(settings.public_url).hostname}>"
    message["Date"] = format_datetime(mail.written_at)
    message["From"] = settings.mail_from
    message["To"] = _one_address(mail.recipient)
    message["Subject"] = mail.subject
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no vacation replies
    message.set_content(mail.text)
    if mail.html:
        message.add_alternative(mail.html, subtype="html")
    return message


def _one_address(text: str) -> Address:
    """`text` as one recipient: a comma in it would bring another one."""
    try:
        return Address(addr_spec=text)
    except (ValueError, IndexError, MessageError) as error:  # IndexError: CPython on an empty text
        raise Invalid("A message is written to something that is no e-mail address") from error


def _send(message: EmailMessage, url: str) -> None:
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
        server.send_message(message)


def outbox(session: Session, limit: int = 100) -> list[Mail]:
    """The latest messages, newest first, for the outbox page of a demo."""
    return list(session.scalars(select(Mail).order_by(Mail.written_at.desc(), Mail.id).limit(limit)))
