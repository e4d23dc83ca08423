"""Notifications: what the city told the person behind a request, by which way, and when (D3 in its first form)."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Index, Integer, Text, select
from sqlalchemy.orm import Mapped, mapped_column

from engine.core import clock, config, mail
from engine.core.db import Base, Session, UtcDateTime

MAIL = "courriel"
SPACE = "espace"


class Notification(Base):
    """A message about a request. `channel`: courriel, or espace when the person gave no address: it is read in the tracking."""

    __tablename__ = "notification"
    __table_args__ = (
        Index("ix_notification_case_id_id", "case_id", "id"),
        # Given an element and an occurrence, a message leaves once; without them these are null and nothing is compared.
        Index("uq_notification_case_id_element_id_occurrence", "case_id", "element_id", "occurrence", unique=True),
    )

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    case_id: Mapped[UUID]
    name: Mapped[str] = mapped_column(Text)
    subject: Mapped[str] = mapped_column(Text)
    text: Mapped[str] = mapped_column(Text)
    channel: Mapped[str] = mapped_column(Text)
    mail_id: Mapped[UUID | None]
    element_id: Mapped[str | None] = mapped_column(Text)
    occurrence: Mapped[str | None] = mapped_column(Text)
    sent_at: Mapped[datetime] = mapped_column(UtcDateTime)


def send(
    session: Session,
    *,
    case_id: UUID,
    reference: str,
    to: str | None,
    name: str,
    subject: str,
    text: str,
    html: str | None = None,
    link: str | None = None,
    element_id: str | None = None,
    occurrence: str | None = None,
) -> Notification:
    """Tell the person, by e-mail at `to` or else in the tracking of the request; it leaves after the commit.

    `link` leads the e-mail's reader to the request: it is in the e-mail only, never in what is kept to be read again.
    With `element_id` and `occurrence` the same message of the same request leaves once: the second call gives the first one.
    """
    if element_id is not None and occurrence is not None:
        sent = session.scalar(
            select(Notification).where(
                Notification.case_id == case_id,
                Notification.element_id == element_id,
                Notification.occurrence == occurrence,
            )
        )
        if sent is not None:
            return sent
    # Process texts come from analysts and from what residents typed: NUL is refused by PostgreSQL, and says nothing to people.
    subject, text = " ".join(subject.replace("\x00", "").split()), text.replace("\x00", "").strip()
    written = None
    if to and to.strip():
        written = mail.write(
            session,
            to=to.strip(),
            subject=subject,
            text=f"{text}\n\n{_footer(reference, link)}",
            html=html,
            case_id=case_id,
            name=name,
        )
    notification = Notification(
        case_id=case_id,
        name=name,
        subject=subject,
        text=text,
        channel=MAIL if written else SPACE,
        mail_id=written.id if written else None,
        element_id=element_id,
        occurrence=occurrence,
        sent_at=clock.now(),
    )
    session.add(notification)
    session.flush()
    return notification


def of_case(session: Session, case_id: UUID) -> list[Notification]:
    """What was said about a request, from the first to the last."""
    return list(session.scalars(select(Notification).where(Notification.case_id == case_id).order_by(Notification.id)))


def names(session: Session, case_id: UUID) -> list[str]:
    """The names of what was said about a request, in order."""
    return list(
        session.scalars(select(Notification.name).where(Notification.case_id == case_id).order_by(Notification.id))
    )


def _footer(reference: str, link: str | None) -> str:
    city = config.current().city
    follow = (
        f"Suivre votre demande\u00a0:\n{link}\nCe lien est personnel\u00a0: ne le transmettez pas.\n\n" if link else ""
    )
    return (
        f"{follow}Référence de votre demande\u00a0: {reference}\n"
        f"{city.name}\n\n"
        "Ceci est un courriel automatisé, merci de ne pas y répondre."
    )
