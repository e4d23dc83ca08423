"""The accounts of agents as administrators look after them: who there is, and closing and opening an account again (E7)."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import aliased

from engine.core import audit, clock
from engine.core.db import Session
from engine.core.errors import Conflict, NotFound
from engine.people import accounts, roles, second_factors, sessions
from engine.people.accounts import Account
from engine.people.groups import Group, Membership
from engine.people.roles import RoleGrant
from engine.people.second_factors import SecondFactor

PAGE = 50


class OwnAccount(Conflict):
    """Nobody changes their own place: somebody else has to know of it."""

    default = "Vous ne pouvez pas faire cela à votre propre compte\u00a0: demandez à un autre administrateur."


@dataclass(frozen=True)
class Row:
    """An agent of the list: `groups` that they supervise are in `supervises` too; `factors` are the kinds that they proved."""

    account: Account
    groups: list[str]
    supervises: frozenset[str]
    roles: list[str]
    factors: frozenset[str]


@dataclass(frozen=True)
class Page:
    """A page of the list; `more` when others follow."""

    rows: list[Row]
    number: int
    more: bool


def listing(session: Session, *, words: str = "", group: str = "", role: str = "", page: int = 1) -> Page:
    """Agents by name, those whose names or address contain every word, in the group, with the role; five statements at most."""
    query = _matching(words).where(Account.kind == "agent").order_by(Account.search_name, Account.id)
    if group:
        query = query.where(
            select(Membership.account_id)
            .join(Group)
            .where(Membership.account_id == Account.id, Group.name == group)
            .exists()
        )
    if role in roles.GRANTED:
        query = query.where(
            select(RoleGrant.account_id).where(RoleGrant.account_id == Account.id, RoleGrant.role == role).exists()
        )
    elif role == "supervisor":
        query = query.where(
            select(Membership.account_id).where(Membership.account_id == Account.id, Membership.supervisor).exists()
        )
    found = list(session.scalars(query.offset((page - 1) * PAGE).limit(PAGE + 1)))
    return Page(_rows(session, found[:PAGE]), page, len(found) > PAGE)


def find(session: Session, account_id: UUID) -> Account:
    """The account of an agent, its row locked until the end of the transaction, or `NotFound`."""
    account = session.get(Account, account_id, with_for_update=True, populate_existing=True)
    if account is None or account.kind != "agent":
        raise NotFound(account_id=str(account_id))
    return account


def of_group(session: Session, group_id: UUID) -> list[Row]:
    """The agents of a group, by name, closed accounts included."""
    mine = aliased(Membership)
    return _rows(
        session,
        list(
            session.scalars(
                select(Account)
                .join(mine, mine.account_id == Account.id)
                .where(mine.group_id == group_id)
                .order_by(Account.search_name, Account.id)
            )
        ),
    )


def row(session: Session, account: Account) -> Row:
    """An agent as the list tells of them."""
    return _rows(session, [account])[0]


def suspend(session: Session, account: Account, *, who: audit.Who) -> None:
    """Close the account to its owner, at once and everywhere; `LastAdministrator`, or `OwnAccount`."""
    if account.id == who.account_id:
        raise OwnAccount
    roles.check_replaceable(session, account)
    if account.active:
        accounts.deactivate(session, account)
        sessions.close_all(session, account.id)
        audit.record(session, who, "account.suspended", "account", account.id)


def reopen(session: Session, account: Account, *, who: audit.Who) -> None:
    """Let its owner sign in again, with what they had."""
    if not account.active:
        account.active, account.updated_at = True, clock.now()
        session.flush()
        audit.record(session, who, "account.reopened", "account", account.id)


def reset_second_factor(session: Session, account: Account, *, who: audit.Who) -> None:
    """For an agent who lost theirs (`second_factors.reset`), or `OwnAccount`."""
    if account.id == who.account_id:
        raise OwnAccount
    second_factors.reset(session, account, who=who)


def _matching(words: str) -> Select[Account]:
    query = select(Account)
    for word in accounts.plain("".join(sign if sign.isprintable() else " " for sign in words)).split():
        query = query.where(Account.search_name.contains(word, autoescape=True))
    return query


def _rows(session: Session, found: list[Account]) -> list[Row]:
    ids = [account.id for account in found]
    groups: dict[UUID, list[str]] = defaultdict(list)
    supervised: dict[UUID, set[str]] = defaultdict(set)
    granted: dict[UUID, list[str]] = defaultdict(list)
    factors: dict[UUID, set[str]] = defaultdict(set)
    if ids:
        for account_id, name, supervisor in session.execute(
            select(Membership.account_id, Group.name, Membership.supervisor)
            .join(Group)
            .where(Membership.account_id.in_(ids))
            .order_by(Group.name)
        ):
            groups[account_id].append(name)
            if supervisor:
                supervised[account_id].add(name)
        for account_id, role in session.execute(
            select(RoleGrant.account_id, RoleGrant.role).where(RoleGrant.account_id.in_(ids)).order_by(RoleGrant.role)
        ):
            granted[account_id].append(role)
        for account_id, kind in session.execute(
            select(SecondFactor.account_id, SecondFactor.kind).where(
                SecondFactor.account_id.in_(ids), SecondFactor.confirmed_at.is_not(None)
            )
        ):
            factors[account_id].add(kind)
    return [
        Row(
            account,
            groups[account.id],
            frozenset(supervised[account.id]),
            granted[account.id],
            frozenset(factors[account.id]),
        )
        for account in found
    ]
