"""Accounts of agents by invitation: an administrator writes to somebody, who makes their account from a link (E7).

The link carries 256 random bits and the table their SHA-256; it serves once, within seven days. Sending it again, or cancelling,
ends the one before. Groups and roles are decided by who invites.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ForeignKey, Index, Text, delete, select, update
from sqlalchemy.orm import Mapped, mapped_column

from engine.core import audit, clock, config, mail
from engine.core.db import Base, Json, Session, UtcDateTime, new_id
from engine.core.errors import Conflict, NotFound
from engine.people import accounts, places
from engine.people.accounts import Account
from engine.people.actors import Actor
from engine.people.places import Place

VALID_FOR = timedelta(days=7)
# Who was invited and when is of use for a year, an address that never answered is not.
KEPT_FOR = timedelta(days=365)


class Invitation(Base):
    """Somebody invited. It waits until it is accepted, cancelled or too old."""

    __tablename__ = "invitation"
    __table_args__ = (
        Index("uq_invitation_token_hash", "token_hash", unique=True),
        Index("ix_invitation_email", "email"),
        Index("ix_invitation_sent_at", "sent_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    token_hash: Mapped[str] = mapped_column(Text)
    email: Mapped[str] = mapped_column(Text)
    groups: Mapped[list[str]] = mapped_column(Json)
    supervises: Mapped[list[str]] = mapped_column(Json)
    roles: Mapped[list[str]] = mapped_column(Json)
    invited_by: Mapped[UUID | None] = mapped_column(ForeignKey("account.id", ondelete="SET NULL"))
    sent_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    accepted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    cancelled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    @property
    def state(self) -> str:
        """waiting | accepted | cancelled | expired"""
        if self.accepted_at is not None:
            return "accepted"
        if self.cancelled_at is not None:
            return "cancelled"
        return "waiting" if self.expires_at > clock.now() else "expired"


class InvitationOver(NotFound):
    """The link was used, cancelled, is too old, or never was: which one isn't said."""

    default = (
        "Cette invitation n’est plus valable\u00a0: elle ne sert qu’une fois et dure 7 jours. Demandez-en une autre."
    )


def invite(session: Session, email: str, place: Place, *, who: audit.Who) -> Invitation:
    """Write to somebody; `Conflict` when the address has an account or an invitation that waits, `Invalid` when something can't
    be."""
    address = accounts.email(email).lower()
    place.check()
    session.execute(delete(Invitation).where(Invitation.sent_at <= clock.now() - KEPT_FOR))
    if accounts.by_login(session, address) is not None:
        raise Conflict(
            "Cette adresse de courriel est déjà celle d’un compte.", english=f"there is already an account {address}"
        )
    if any(one.state == "waiting" for one in session.scalars(select(Invitation).where(Invitation.email == address))):
        raise Conflict(
            "Cette adresse a déjà reçu une invitation\u00a0: envoyez-la de nouveau, ou annulez-la.",
            english=f"{address} was invited already: an administrator can send the letter again, or cancel it",
        )
    invitation = Invitation(
        id=new_id(),
        token_hash="",
        email=address,
        groups=sorted(place.groups),
        supervises=sorted(place.supervises),
        roles=sorted(place.roles),
        invited_by=who.account_id,
        sent_at=clock.now(),
        expires_at=clock.now(),
    )
    _send(session, invitation)
    session.add(invitation)
    session.flush()
    audit.record(session, who, "account.invited", "invitation", invitation.id)
    return invitation


def send_again(session: Session, invitation_id: UUID, *, who: audit.Who) -> Invitation:
    """Send another link, good for seven days; the one before is worth nothing. `Conflict` once accepted or cancelled."""
    invitation = find(session, invitation_id)
    if invitation.state in ("accepted", "cancelled"):
        raise Conflict("Cette invitation a été acceptée ou annulée entre-temps.")
    _send(session, invitation)
    session.flush()
    audit.record(session, who, "account.invited", "invitation", invitation.id, again=True)
    return invitation


def cancel(session: Session, invitation_id: UUID, *, who: audit.Who) -> Invitation:
    """Make the link worth nothing; `Conflict` once it was accepted."""
    invitation = find(session, invitation_id)
    if invitation.state == "accepted":
        raise Conflict("Cette invitation a été acceptée entre-temps.")
    if invitation.cancelled_at is None:
        invitation.cancelled_at = clock.now()
        session.flush()
        audit.record(session, who, "account.invitation_cancelled", "invitation", invitation.id)
    return invitation


def find(session: Session, invitation_id: UUID) -> Invitation:
    """The invitation, its row locked, or `NotFound`."""
    invitation = session.get(Invitation, invitation_id, with_for_update=True, populate_existing=True)
    if invitation is None:
        raise NotFound(invitation_id=str(invitation_id))
    return invitation


def unanswered(session: Session, *, limit: int = 200) -> list[Invitation]:
    """The invitations that wait or are too old, the latest first."""
    return list(
        session.scalars(
            select(Invitation)
            .where(Invitation.accepted_at.is_(None), Invitation.cancelled_at.is_(None))
            .order_by(Invitation.sent_at.desc(), Invitation.id)
            .limit(limit)
        )
    )


def holder(session: Session, token: str) -> Invitation:
    """The invitation of this link, or `InvitationOver`. Changes nothing."""
    invitation = session.scalar(select(Invitation).where(Invitation.token_hash == _hash(token)))
    if invitation is None or invitation.state != "waiting":
        raise InvitationOver
    return invitation


def accept(session: Session, token: str, *, first_names: str, birth_name: str, password_hash: str) -> Account:
    """The account of whoever was invited, with its groups and roles; `InvitationOver` when the link is worth nothing.

    The password comes checked and hashed (`passwords`).
    """
    invitation = holder(session, token)
    # Taken by who marks it: two uses at once can't both be the first.
    taken = session.scalar(
        update(Invitation)
        .where(
            Invitation.id == invitation.id,
            Invitation.token_hash == _hash(token),
            Invitation.accepted_at.is_(None),
            Invitation.cancelled_at.is_(None),
        )
        .values(accepted_at=clock.now())
        .returning(Invitation.id)
    )
    if taken is None:
        raise InvitationOver
    account = accounts.create(
        session,
        kind="agent",
        login=invitation.email,
        first_names=first_names,
        birth_name=birth_name,
        password_hash=password_hash,
    )
    invited_by = Actor("agent", invitation.invited_by) if invitation.invited_by else audit.OPERATOR
    audit.record(
        session, Actor("agent", account.id), "account.created", "account", account.id, invitation=invitation.id
    )
    places.put(session, account, Place(invitation.groups, invitation.supervises, invitation.roles), who=invited_by)
    return account


def _send(session: Session, invitation: Invitation) -> None:
    token = secrets.token_urlsafe(32)
    now = clock.now()
    invitation.token_hash, invitation.sent_at, invitation.expires_at = _hash(token), now, now + VALID_FOR
    space = config.current().city.space_name
    mail.write(
        session,
        to=invitation.email,
        subject=f"Votre compte d’agent {space}",
        text=_letter(token),
        name="invitation-agent",
    )


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _letter(token: str) -> str:
    settings = config.current()
    city = settings.city
    return f"""Bonjour,

La {city.name} vous invite à créer votre compte d’agent {city.space_name}. Pour le faire, suivez ce lien\u00a0:

{settings.public_url}/invitation/{token}

Il ne sert qu’une fois et reste valable 7 jours. Vous choisirez un mot de passe, puis un second facteur\u00a0: prévoyez votre \
téléphone.

Si vous n’attendiez pas cette invitation, ne tenez pas compte de ce message.

L’équipe {city.space_name}

Ceci est un courriel automatisé, merci de ne pas y répondre.
"""
