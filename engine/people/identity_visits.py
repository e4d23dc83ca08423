"""The way to an identity provider and back (B5, E7).

    begun = identity_visits.begin(session, FRANCECONNECT, browser, …)      # `state` and `nonce` travel
    visit = identity_visits.arrive(session, FRANCECONNECT, state, browser) # once, from the same browser, within half an hour
    token = identity_visits.wait(session, proved, visit)                   # nobody's identity yet: what to do with it is asked

What waits is kept here and not in the browser, which holds random words only; the table holds their hashes.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, Text, delete
from sqlalchemy.orm import Mapped, mapped_column

from engine.core import clock
from engine.core.db import Base, Json, Session, UtcDateTime
from engine.core.errors import Conflict, NotFound
from engine.people import identities, sessions
from engine.people.accounts import Account
from engine.people.openid import Proved

# As long as FranceConnect's own session: past it, its answer is for another question.
VISIT_LASTS = timedelta(minutes=30)
# Choosing what to do with an identity, and waiting for a code by e-mail.
WAITS_FOR = timedelta(hours=1)
# What is kept of what the provider certifies.
_KEPT = (
    "given_name",
    "family_name",
    "birthdate",
    "gender",
    "birthplace",
    "birthcountry",
    "preferred_username",
    "email",
)


class IdentityVisit(Base):
    """A browser that was sent to a provider. `account_id`: to tie the identity to that account, in place of signing in."""

    __tablename__ = "identity_visit"
    __table_args__ = (Index("ix_identity_visit_expires_at", "expires_at"),)

    state_hash: Mapped[str] = mapped_column(Text, primary_key=True)
    browser_hash: Mapped[str] = mapped_column(Text)
    provider: Mapped[str] = mapped_column(Text)
    nonce: Mapped[str] = mapped_column(Text)
    account_id: Mapped[UUID | None] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"))
    suite: Mapped[str] = mapped_column(Text)
    slug: Mapped[str] = mapped_column(Text)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)


class PendingIdentity(Base):
    """An identity that was proved and opens no account yet, under the hash of a random token that one browser holds."""

    __tablename__ = "pending_identity"
    __table_args__ = (Index("ix_pending_identity_expires_at", "expires_at"),)

    token_hash: Mapped[str] = mapped_column(Text, primary_key=True)
    provider: Mapped[str] = mapped_column(Text)
    subject: Mapped[str] = mapped_column(Text)
    acr: Mapped[str] = mapped_column(Text)
    claims: Mapped[dict[str, Any]] = mapped_column(Json)
    id_token: Mapped[str] = mapped_column(Text)
    account_id: Mapped[UUID | None] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"))
    suite: Mapped[str] = mapped_column(Text)
    slug: Mapped[str] = mapped_column(Text)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)


class SessionIdToken(Base):
    """What a provider wants back to end its own session, for as long as ours lasts."""

    __tablename__ = "session_id_token"

    session_id: Mapped[UUID] = mapped_column(ForeignKey("account_session.id", ondelete="CASCADE"), primary_key=True)
    provider: Mapped[str] = mapped_column(Text)
    id_token: Mapped[str] = mapped_column(Text)


class VisitOver(Conflict):
    """The way back isn't that of a visit: it was used, is too old, began in another browser, or never did."""

    default = (
        "Cette connexion a expiré, a déjà servi, ou a été commencée dans un autre navigateur\u00a0: recommencez-la."
    )


@dataclass(frozen=True)
class Begun:
    """What travels to the provider and comes back."""

    state: str
    nonce: str


@dataclass(frozen=True)
class Visit:
    """A visit that has come back: what its token must bear, and where its person was going."""

    nonce: str
    account_id: UUID | None
    suite: str
    slug: str


@dataclass(frozen=True)
class Pending:
    """An identity that waits for its person's choice. `key` finds it again from another table."""

    key: str
    proved: Proved
    account_id: UUID | None
    suite: str
    slug: str


def begin(
    session: Session,
    provider: str,
    browser: str,
    *,
    account_id: UUID | None = None,
    suite: str = "",
    slug: str = "",
) -> Begun:
    """Note that this browser (a random word that it keeps) leaves for the provider."""
    now = clock.now()
    session.execute(delete(IdentityVisit).where(IdentityVisit.expires_at <= now))
    begun = Begun(state=secrets.token_urlsafe(32), nonce=secrets.token_urlsafe(32))
    session.add(
        IdentityVisit(
            state_hash=_hash(begun.state),
            browser_hash=_hash(browser),
            provider=provider,
            nonce=begun.nonce,
            account_id=account_id,
            suite=suite[:500],
            slug=slug[:100],
            expires_at=now + VISIT_LASTS,
        )
    )
    session.flush()
    return begun


def arrive(session: Session, provider: str, state: str, browser: str) -> Visit:
    """The visit that comes back, which ends here; `VisitOver` when there is none of this browser's."""
    gone = session.execute(
        delete(IdentityVisit)
        .where(
            IdentityVisit.state_hash == _hash(state),
            IdentityVisit.browser_hash == _hash(browser),
            IdentityVisit.provider == provider,
            IdentityVisit.expires_at > clock.now(),
        )
        .returning(IdentityVisit.nonce, IdentityVisit.account_id, IdentityVisit.suite, IdentityVisit.slug)
    ).one_or_none()
    if gone is None:
        raise VisitOver
    return Visit(gone.nonce, gone.account_id, gone.suite, gone.slug)


# --- identities that wait --------------------------------------------------------------------------------------------------


def wait(session: Session, proved: Proved, visit: Visit) -> str:
    """Keep an identity that opens no account; the token is for the browser."""
    now = clock.now()
    session.execute(delete(PendingIdentity).where(PendingIdentity.expires_at <= now))
    token = secrets.token_urlsafe(32)
    session.add(
        PendingIdentity(
            token_hash=_hash(token),
            provider=proved.name,
            subject=proved.subject,
            acr=proved.acr,
            claims={name: proved.claims[name] for name in _KEPT if isinstance(proved.claims.get(name), str)},
            id_token=proved.id_token,
            account_id=visit.account_id,
            suite=visit.suite,
            slug=visit.slug,
            expires_at=now + WAITS_FOR,
        )
    )
    session.flush()
    return token


def pending(session: Session, token: str) -> Pending:
    """The identity that waits under this token, or `NotFound`."""
    return waiting(session, _hash(token))


def waiting(session: Session, key: str) -> Pending:
    """As `pending`, by its key."""
    found = session.get(PendingIdentity, key)
    if found is None or found.expires_at <= clock.now():
        raise NotFound("Votre passage par FranceConnect a expiré\u00a0: recommencez.")
    proved = Proved(found.provider, found.subject, found.acr, found.claims, found.id_token)
    return Pending(found.token_hash, proved, found.account_id, found.suite, found.slug)


def keep_on(session: Session, key: str) -> None:
    """Let an identity wait as long again, from now."""
    found = session.get(PendingIdentity, key)
    if found is not None:
        found.expires_at = clock.now() + WAITS_FOR
        session.flush()


def tie(session: Session, key: str, account: Account, *, proof: str) -> Proved:
    """Tie the identity that waits to the account, whose owner has proved to be (`identities.link`); it waits no more."""
    found = waiting(session, key)
    session.execute(delete(PendingIdentity).where(PendingIdentity.token_hash == key))
    identities.link(session, account, found.proved, proof=proof)
    return found.proved


# --- the way out -----------------------------------------------------------------------------------------------------------


def remember(session: Session, sign_in_token: str, provider: str, id_token: str) -> None:
    """Keep what ends the provider's session beside the session of ours that was opened with it."""
    presence = sessions.look_up(session, sign_in_token)
    if presence is not None:
        session.add(SessionIdToken(session_id=presence.session_id, provider=provider, id_token=id_token))
        session.flush()


def remembered(session: Session, sign_in_token: str) -> tuple[str, str] | None:
    """The provider that the session was opened with, and what it wants back; None for a session opened otherwise."""
    presence = sessions.look_up(session, sign_in_token)
    found = session.get(SessionIdToken, presence.session_id) if presence else None
    return (found.provider, found.id_token) if found else None


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
