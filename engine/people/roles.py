"""Roles: what an agent's account may do beside the work of its groups (E5, E7, F1).

An administrator looks after the agents' accounts, an analyst authors the procedures: neither reads what residents confide.
A supervisor looks after the work of some of their groups (`groups.Membership.supervisor`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Text, delete, func, select
from sqlalchemy.orm import Mapped, mapped_column

from engine.core import clock
from engine.core.db import Base, Session, UtcDateTime
from engine.core.errors import Conflict, Invalid
from engine.people.accounts import Account

ADMINISTRATOR, ANALYST = "administrator", "analyst"
GRANTED = (ADMINISTRATOR, ANALYST)
"""The roles that an account is given; the others follow from its groups."""
NAMES = {"agent": "Agent", "supervisor": "Responsable", ANALYST: "Analyste", ADMINISTRATOR: "Administrateur"}


class RoleGrant(Base):
    """An agent's account has a role."""

    __tablename__ = "role_grant"
    __table_args__ = (CheckConstraint("role IN ('administrator', 'analyst')", name="role"),)

    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), primary_key=True)
    role: Mapped[str] = mapped_column(Text, primary_key=True)
    granted_at: Mapped[datetime] = mapped_column(UtcDateTime)


class LastAdministrator(Conflict):
    """Nobody would be left to look after the accounts."""

    default = "Ce compte est le dernier administrateur actif\u00a0: donnez d’abord ce rôle à une autre personne."
    default_english = "this account is the last active administrator: give that role to somebody else first"


def held(granted: Iterable[str], groups: Collection[str], supervises: Collection[str]) -> frozenset[str]:
    """Every role of an agent's account. Who has groups works in them, and so does who has nothing else to do."""
    roles = set(granted)
    if groups or not roles:
        roles.add("agent")
    if supervises:
        roles.add("supervisor")
    return frozenset(roles)


def of(session: Session, account_id: UUID) -> frozenset[str]:
    """The roles that the account was given."""
    return frozenset(session.scalars(select(RoleGrant.role).where(RoleGrant.account_id == account_id)))


def assign(session: Session, account: Account, wanted: Iterable[str]) -> None:
    """Give the agent exactly these roles; `Invalid` when one is unknown or the account isn't an agent's, `LastAdministrator`
    when nobody else is left."""
    roles = set(wanted)
    if unknown := roles - set(GRANTED):
        raise Invalid(f"Rôle inconnu\u00a0: «\u00a0{sorted(unknown)[0]}\u00a0».", known=GRANTED)
    if roles and account.kind != "agent":
        raise Invalid("Seul un agent peut recevoir un rôle.", english="only agents have groups and roles")
    # Whoever changes administrators takes their rows first: two who remove one another wait for their turn.
    administrators = _administrators(session)
    present = of(session, account.id)
    if ADMINISTRATOR in present - roles and account.active and administrators <= {account.id}:
        raise LastAdministrator
    if gone := present - roles:
        session.execute(delete(RoleGrant).where(RoleGrant.account_id == account.id, RoleGrant.role.in_(gone)))
    now = clock.now()
    session.add_all(RoleGrant(account_id=account.id, role=role, granted_at=now) for role in sorted(roles - present))
    session.flush()


def check_replaceable(session: Session, account: Account) -> None:
    """`LastAdministrator` when the account is the last active administrator: ask before it is deactivated."""
    if _administrators(session) == {account.id}:
        raise LastAdministrator


def any_administrator(session: Session) -> bool:
    """Whether anybody looks after the accounts."""
    return bool(
        session.scalar(
            select(func.count())
            .select_from(RoleGrant)
            .join(Account, Account.id == RoleGrant.account_id)
            .where(RoleGrant.role == ADMINISTRATOR, Account.active)
        )
    )


def _administrators(session: Session) -> set[UUID]:
    """The active administrators, locked."""
    found = session.execute(
        select(Account.id, RoleGrant.role)
        .join(RoleGrant, RoleGrant.account_id == Account.id)
        .where(RoleGrant.role == ADMINISTRATOR, Account.active)
        .order_by(Account.id)
        .with_for_update()
    )
    return {row.id for row in found}
