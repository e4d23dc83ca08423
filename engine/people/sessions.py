"""Sessions: who is behind a browser, kept here and not in the cookie, so that signing out ends them for good (B6).

The cookie carries 256 random bits, the table their SHA-256: whoever reads the table signs in nowhere. Residents stay signed in
for 2 hours without a sign of life and 30 days in all; agents, who read other people's requests, for 4 hours (a long lunch) and 12
hours in all (a working day).
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast
from uuid import UUID

from sqlalchemy import ForeignKey, Index, Text, delete, select, update
from sqlalchemy.orm import Mapped, mapped_column

from engine.core import clock
from engine.core.db import Base, Session, UtcDateTime, new_id
from engine.core.errors import SignInRequired
from engine.people import roles
from engine.people.accounts import Account, display_name
from engine.people.actors import Actor, Kind
from engine.people.groups import Group, Membership
from engine.people.roles import RoleGrant


@dataclass(frozen=True)
class Lifetime:
    """How long a session lasts: without a sign of life, and in all."""

    idle: timedelta
    longest: timedelta


LIFETIMES = {
    "resident": Lifetime(idle=timedelta(hours=2), longest=timedelta(days=30)),
    "agent": Lifetime(idle=timedelta(hours=4), longest=timedelta(hours=12)),
}
# A sign of life is written at most so often: a page that only reads stays a page that only reads.
TOUCH_EVERY = timedelta(minutes=5)
# How long a proof of who is there serves for what a borrowed browser must not do, such as removing a second factor.
PROOF_LASTS = timedelta(minutes=10)
SWEPT_AFTER = timedelta(days=1)


class AccountSession(Base):
    """A browser that signed in. `expires_at` moves with each sign of life and never past `ends_at`; `proved_at` is when the
    person last proved to be who they are."""

    __tablename__ = "account_session"
    __table_args__ = (
        Index("uq_account_session_token_hash", "token_hash", unique=True),
        Index("ix_account_session_account_id", "account_id"),
        Index("ix_account_session_expires_at", "expires_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"))
    token_hash: Mapped[str] = mapped_column(Text)
    user_agent: Mapped[str] = mapped_column(Text)
    opened_at: Mapped[datetime] = mapped_column(UtcDateTime)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ends_at: Mapped[datetime] = mapped_column(UtcDateTime)
    proved_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


@dataclass(frozen=True)
class Presence:
    """What a token stands for. `touch_due`: the caller may now write a sign of life (`touch`)."""

    actor: Actor
    session_id: UUID
    touch_due: bool


def open(session: Session, account: Account, *, user_agent: str = "") -> str:
    """Sign the account in and return the token for the cookie: it is said once and can't be found again."""
    now = clock.now()
    lifetime = LIFETIMES[account.kind]
    # Whoever signs in sweeps what has long been over; a day is left for `account_of_expired`.
    session.execute(delete(AccountSession).where(AccountSession.expires_at <= now - SWEPT_AFTER))
    token = secrets.token_urlsafe(32)
    session.add(
        AccountSession(
            id=new_id(),
            account_id=account.id,
            token_hash=_hash(token),
            user_agent=user_agent.replace("\x00", "")[:300],
            opened_at=now,
            seen_at=now,
            expires_at=now + lifetime.idle,
            ends_at=now + lifetime.longest,
            proved_at=now,
        )
    )
    account.active_at = now
    session.flush()
    return token


def resolve(session: Session, token: str) -> Actor | None:
    """The person whose session this is, with their groups, in one statement; None when it is over or was never."""
    presence = look_up(session, token)
    return presence.actor if presence else None


def look_up(session: Session, token: str) -> Presence | None:
    """As `resolve`, with what the caller needs for the sign of life; one statement too, and it only reads."""
    now = clock.now()
    rows = session.execute(
        select(
            AccountSession.id,
            AccountSession.seen_at,
            Account.id.label("account_id"),
            Account.kind,
            Account.first_names,
            Account.birth_name,
            Account.usage_name,
            Group.name.label("group"),
            Membership.supervisor,
            RoleGrant.role,
        )
        .join(Account, Account.id == AccountSession.account_id)
        .outerjoin(Membership, Membership.account_id == Account.id)
        .outerjoin(Group, Group.id == Membership.group_id)
        .outerjoin(RoleGrant, RoleGrant.account_id == Account.id)
        .where(AccountSession.token_hash == _hash(token), AccountSession.expires_at > now, Account.active)
    ).all()
    if not rows:
        return None
    first = rows[0]
    groups = frozenset(row.group for row in rows if row.group is not None)
    supervises = frozenset(row.group for row in rows if row.supervisor)
    granted = {row.role for row in rows if row.role is not None}
    actor = Actor(
        kind=cast("Kind", first.kind),
        account_id=first.account_id,
        name=display_name(first.first_names, first.birth_name, first.usage_name),
        groups=groups,
        roles=roles.held(granted, groups, supervises) if first.kind == "agent" else frozenset(),
        supervises=supervises,
    )
    return Presence(actor, first.id, touch_due=now - first.seen_at >= TOUCH_EVERY)


def touch(session: Session, session_id: UUID) -> None:
    """Write a sign of life: the session lasts again as long as it may idle, within its longest life."""
    found = session.get(AccountSession, session_id)
    now = clock.now()
    if found is None or found.expires_at <= now:
        return
    alive = update(Account).where(Account.id == found.account_id).values(active_at=now)
    kind = session.scalar(alive.returning(Account.kind))
    found.seen_at = now
    found.expires_at = min(now + LIFETIMES[str(kind)].idle, found.ends_at)
    session.flush()


def rotate(session: Session, token: str) -> str:
    """Another token for this session, whose person has just proved again who they are; the former one is worth nothing.
    `SignInRequired` when the session is over."""
    now = clock.now()
    new = secrets.token_urlsafe(32)
    found = session.scalar(
        update(AccountSession)
        .where(AccountSession.token_hash == _hash(token), AccountSession.expires_at > now)
        .values(token_hash=_hash(new), proved_at=now)
        .returning(AccountSession.id)
    )
    if found is None:
        raise SignInRequired
    return new


def freshly_proved(session: Session, token: str) -> bool:
    """Whether the person of this session proved who they are a short while ago."""
    proved_at = session.scalar(
        select(AccountSession.proved_at).where(
            AccountSession.token_hash == _hash(token), AccountSession.expires_at > clock.now()
        )
    )
    return proved_at is not None and clock.now() - proved_at < PROOF_LASTS


def account_of_expired(session: Session, token: str) -> UUID | None:
    """Whose session this was, when it is over but not swept yet: what they had typed is kept for them alone (`kept`)."""
    return session.scalar(select(AccountSession.account_id).where(AccountSession.token_hash == _hash(token)))


def close(session: Session, token: str) -> None:
    """Sign out; unknown tokens are fine."""
    session.execute(delete(AccountSession).where(AccountSession.token_hash == _hash(token)))


def close_all(session: Session, account_id: UUID, *, except_: str | None = None) -> int:
    """Sign the account out everywhere (but for the token `except_`); the number of sessions closed."""
    query = delete(AccountSession).where(AccountSession.account_id == account_id)
    if except_ is not None:
        query = query.where(AccountSession.token_hash != _hash(except_))
    return len(session.scalars(query.returning(AccountSession.id)).all())


def close_one(session: Session, account_id: UUID, session_id: UUID) -> None:
    """Sign one of the account's browsers out; a session of somebody else's, or one that is over, is left as it is."""
    session.execute(
        delete(AccountSession).where(AccountSession.id == session_id, AccountSession.account_id == account_id)
    )


def of_account(session: Session, account_id: UUID) -> list[AccountSession]:
    """The open sessions of an account, the latest seen first, for the page where a person closes them."""
    return list(
        session.scalars(
            select(AccountSession)
            .where(AccountSession.account_id == account_id, AccountSession.expires_at > clock.now())
            .order_by(AccountSession.seen_at.desc())
        )
    )


def is_of(token: str, one: AccountSession) -> bool:
    """Whether the session is the one that this token opens."""
    return one.token_hash == _hash(token)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
