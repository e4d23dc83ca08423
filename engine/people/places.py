"""The place of an agent in the house: their groups, those they supervise and the roles they are given, changed as one (E7).

Every change is audited one by one. Who gains or loses a role, or a group to supervise, is signed out: what they may do from
then on begins with a session of its own.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select

from engine.core import audit
from engine.core.db import Session
from engine.core.errors import Invalid
from engine.people import groups, roles, sessions
from engine.people.accounts import Account
from engine.people.groups import Group


@dataclass(frozen=True)
class Place:
    """What an agent's account may do: its groups, those among them that it supervises, the roles that it is given."""

    groups: Collection[str] = ()
    supervises: Collection[str] = ()
    roles: Collection[str] = ()

    def check(self) -> None:
        """`Invalid` when a role is unknown, or a group is supervised from outside."""
        if unknown := set(self.roles) - set(roles.GRANTED):
            raise Invalid(f"Rôle inconnu\u00a0: «\u00a0{sorted(unknown)[0]}\u00a0».", known=roles.GRANTED)
        if outside := set(self.supervises) - set(self.groups):
            name = sorted(outside)[0]
            raise Invalid(f"Un responsable fait partie de son groupe\u00a0: cochez aussi «\u00a0{name}\u00a0».")


def of(session: Session, account_id: UUID) -> Place:
    """What the account may do now."""
    return Place(
        groups.of(session, account_id), groups.supervised_by(session, account_id), roles.of(session, account_id)
    )


def put(session: Session, account: Account, place: Place, *, who: audit.Who) -> None:
    """Give an agent's account exactly this place, or raise `Invalid` or `LastAdministrator`."""
    place.check()
    before = of(session, account.id)
    roles.assign(session, account, place.roles)
    groups.assign(session, account, place.groups)
    groups.supervise(session, account, place.supervises)
    after = of(session, account.id)
    ids = {name: str(group_id) for name, group_id in session.execute(select(Group.name, Group.id)).all()}

    def told(role: str, then: Collection[str], now: Collection[str]) -> None:
        for action, names in (
            ("account.role_given", set(now) - set(then)),
            ("account.role_taken", set(then) - set(now)),
        ):
            for name in sorted(names):
                # Names of groups are free text: the audit keeps their ids.
                audit.record(
                    session, who, action, "account", account.id, role=role or name, group=ids[name] if role else None
                )

    told("", before.roles, after.roles)
    told("agent", before.groups, after.groups)
    told("supervisor", before.supervises, after.supervises)
    if (set(before.roles), set(before.supervises)) != (set(after.roles), set(after.supervises)):
        sessions.close_all(session, account.id)
