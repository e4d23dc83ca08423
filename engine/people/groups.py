"""Groups of agents: the lanes of the processes name them, the queues belong to them (E1)."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import ForeignKey, Index, Text, case, delete, false, func, select, update
from sqlalchemy.orm import Mapped, mapped_column

from engine.core.db import Base, Session, new_id
from engine.core.errors import Invalid, NotFound
from engine.people.accounts import Account

# The lane of the resident, in every process: no group may take its name.
RESIDENTS_LANE = "Usager"


class Group(Base):
    """A group of agents, named as people say it: «Stationnement résidentiel»."""

    __tablename__ = "agent_group"
    __table_args__ = (Index("uq_agent_group_name", "name", unique=True),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(Text)


class Membership(Base):
    """An agent is of a group; a supervisor looks after the work of the others."""

    __tablename__ = "membership"
    __table_args__ = (Index("ix_membership_group_id", "group_id"),)

    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), primary_key=True)
    group_id: Mapped[UUID] = mapped_column(ForeignKey("agent_group.id", ondelete="CASCADE"), primary_key=True)
    supervisor: Mapped[bool] = mapped_column(default=False, server_default=false())


def ensure(session: Session, name: str) -> Group:
    """The group of that name, made when it doesn't exist."""
    clean = _clean(name)
    if not clean or clean.casefold() == RESIDENTS_LANE.casefold():
        raise Invalid(
            f"«\u00a0{name}\u00a0» ne peut pas être le nom d’un groupe d’agents.",
            english=f"«{name}» can't be the name of a group of agents",
        )
    group = session.scalar(select(Group).where(Group.name == clean))
    if group is None:
        group = Group(id=new_id(), name=clean)
        session.add(group)
        session.flush()
    return group


def find(session: Session, group_id: UUID) -> Group:
    """The group, or `NotFound`."""
    group = session.get(Group, group_id)
    if group is None:
        raise NotFound(group_id=str(group_id))
    return group


def sizes(session: Session) -> list[tuple[Group, int, int]]:
    """Every group by name, with how many active agents and supervisors it has."""
    staffed = (
        select(Membership.group_id, Membership.supervisor)
        .join(Account, Account.id == Membership.account_id)
        .where(Account.active)
        .subquery()
    )
    rows = session.execute(
        select(
            Group,
            func.count(staffed.c.group_id),
            func.coalesce(func.sum(case((staffed.c.supervisor, 1), else_=0)), 0),
        )
        .outerjoin(staffed, staffed.c.group_id == Group.id)
        .group_by(Group.id, Group.name)
        .order_by(Group.name)
    )
    return [(group, int(agents), int(supervisors)) for group, agents, supervisors in rows]


def unknown(session: Session, group_names: Iterable[str]) -> list[str]:
    """Those of the names that no group has, in order."""
    known = set(names(session))
    return sorted(name for name in set(group_names) if _clean(name) not in known)


def names(session: Session) -> list[str]:
    """The names of all groups, in order."""
    return list(session.scalars(select(Group.name).order_by(Group.name)))


def of(session: Session, account_id: UUID) -> frozenset[str]:
    """The names of the groups of an agent."""
    return frozenset(
        session.scalars(
            select(Group.name)
            .join(Membership, Membership.group_id == Group.id)
            .where(Membership.account_id == account_id)
        )
    )


def members(session: Session, name: str) -> list[Account]:
    """The active agents of a group, by name; `NotFound` when there is no such group."""
    group_id = session.scalar(select(Group.id).where(Group.name == name))
    if group_id is None:
        raise NotFound(group=name)
    return list(
        session.scalars(
            select(Account)
            .join(Membership, Membership.account_id == Account.id)
            .where(Membership.group_id == group_id, Account.active)
            .order_by(Account.search_name)
        )
    )


def count_members(session: Session, group_id: UUID) -> int:
    """How many are in the group, those whose account is closed included."""
    return session.scalar(select(func.count()).where(Membership.group_id == group_id)) or 0


def without_agents(session: Session, group_names: Iterable[str]) -> list[str]:
    """Those of the names that no active agent answers to, in order."""
    wanted = set(group_names)
    staffed = select(Group.name).join(Membership).join(Account, Account.id == Membership.account_id)
    return sorted(wanted - set(session.scalars(staffed.where(Group.name.in_(wanted), Account.active))))


def supervised_by(session: Session, account_id: UUID) -> frozenset[str]:
    """The names of the groups that the agent supervises."""
    return frozenset(
        session.scalars(
            select(Group.name)
            .join(Membership, Membership.group_id == Group.id)
            .where(Membership.account_id == account_id, Membership.supervisor)
        )
    )


def supervise(session: Session, account: Account, group_names: Iterable[str]) -> None:
    """Make the agent the supervisor of exactly these groups, which are among theirs; `Invalid` otherwise."""
    wanted = set(group_names)
    if outside := wanted - of(session, account.id):
        name = sorted(outside)[0]
        raise Invalid(f"Un responsable fait partie de son groupe : « {name} » n’est pas coché.", group=name)
    mine = Membership.account_id == account.id
    chosen = Membership.group_id.in_(select(Group.id).where(Group.name.in_(wanted)))
    session.execute(update(Membership).where(mine, chosen).values(supervisor=True))
    session.execute(update(Membership).where(mine, ~chosen).values(supervisor=False))


def assign(session: Session, account: Account, group_names: Iterable[str]) -> None:
    """Make the agent a member of exactly these groups, made as needed; `Invalid` when the account isn't an agent's.

    Who stays a member stays the supervisor that they were.
    """
    if account.kind != "agent":
        raise Invalid("Seul un agent peut appartenir à un groupe.", english="only agents have groups and roles")
    wanted = {ensure(session, name).id for name in group_names}
    held = set(session.scalars(select(Membership.group_id).where(Membership.account_id == account.id)))
    if gone := held - wanted:
        session.execute(delete(Membership).where(Membership.account_id == account.id, Membership.group_id.in_(gone)))
    session.add_all(Membership(account_id=account.id, group_id=group_id) for group_id in sorted(wanted - held))
    session.flush()


def _clean(name: str) -> str:
    return " ".join(name.split())
