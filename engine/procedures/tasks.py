"""Open human tasks, and the agents' queues over them (E1, E2).

A row lives as long as its task is open; the history keeps the rest. What a queue shows is copied onto the row, so that
a page of a queue is one indexed query that loads no workflow.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import ForeignKey, Index, Select, Text, delete, func, insert, or_, select, update
from sqlalchemy.orm import Mapped, mapped_column

from engine.core import clock
from engine.core.db import Base, Session, UtcDateTime
from engine.core.errors import AlreadyClaimed, Forbidden, NotFound
from engine.people.actors import Actor
from engine.procedures import history, references

PAGE = 50
RESIDENT = "Usager"
"""The lane of the resident; every other lane is a group of agents."""

Sort = Literal["due", "filed", "applicant", "procedure"]


class HumanTask(Base):
    """A task that waits for somebody. `group` is the lane: the resident's, or a group of agents'."""

    __tablename__ = "human_task"
    __table_args__ = (
        Index("ix_human_task_group_due_at", "group", "due_at", "id"),
        Index("ix_human_task_group_search_name", "group", "search_name"),
        Index("ix_human_task_case_id", "case_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("case.id", ondelete="CASCADE"))
    element_id: Mapped[str] = mapped_column(Text)
    group: Mapped[str] = mapped_column(Text)
    title: Mapped[str] = mapped_column(Text)
    opened_at: Mapped[datetime] = mapped_column(UtcDateTime)
    due_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    claimed_by: Mapped[UUID | None]
    claimed_name: Mapped[str | None] = mapped_column(Text)
    claimed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    reference: Mapped[str] = mapped_column(Text)
    procedure: Mapped[str] = mapped_column(Text)
    procedure_title: Mapped[str] = mapped_column(Text)
    applicant: Mapped[str] = mapped_column(Text)
    search_name: Mapped[str] = mapped_column(Text)
    filed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    @property
    def late(self) -> bool:
        """Whether its due date is behind."""
        return self.due_at is not None and self.due_at < clock.now()


def open_all(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Open tasks, in one statement."""
    if rows:
        session.execute(insert(HumanTask), list(rows))


def close_all(session: Session, ids: Sequence[UUID]) -> None:
    """Close tasks, in one statement."""
    if ids:
        session.execute(delete(HumanTask).where(HumanTask.id.in_(ids)))


def searchable(name: str) -> str:
    """A name without accents, case or punctuation, as it is searched."""
    plain = "".join(sign for sign in unicodedata.normalize("NFKD", name.casefold()) if not unicodedata.combining(sign))
    return " ".join("".join(sign if sign.isalnum() else " " for sign in plain).split())


# --- queues ----------------------------------------


@dataclass(frozen=True)
class Page:
    """A page of a queue. `more` says whether another follows."""

    tasks: list[HumanTask]
    number: int
    more: bool


def queue(
    session: Session,
    actor: Actor,
    *,
    group: str | None = None,
    words: str = "",
    mine: bool = False,
    late: bool = False,
    procedure: str | None = None,
    sort: Sort = "due",
    page: int = 1,
) -> Page:
    """The open tasks of the agent's groups, in one query: the most urgent first unless `sort` says otherwise.

    `words` is a reference, in whatever spacing, or the beginning of the applicant's name.
    """
    query = _visible(select(HumanTask), actor, group)
    if words.strip():
        reference = references.read(words)
        name = searchable(words)
        # A text of eight signs may be both a reference and a name.
        matches = [HumanTask.search_name.startswith(name, autoescape=True)] if name else []
        if reference:
            matches.append(HumanTask.reference == reference)
        query = query.where(or_(*matches)) if matches else query.where(False)
    if mine:
        query = query.where(HumanTask.claimed_by == actor.account_id)
    if late:
        query = query.where(HumanTask.due_at < clock.now())
    if procedure:
        query = query.where(HumanTask.procedure == procedure)
    order = {
        "due": (HumanTask.due_at.asc().nulls_last(), HumanTask.id),
        "filed": (HumanTask.filed_at.asc(), HumanTask.id),
        "applicant": (HumanTask.search_name.asc(), HumanTask.id),
        "procedure": (HumanTask.procedure_title.asc(), HumanTask.due_at.asc().nulls_last(), HumanTask.id),
    }[sort]
    number = max(1, page)
    rows = list(session.scalars(query.order_by(*order).offset((number - 1) * PAGE).limit(PAGE + 1)))
    return Page(rows[:PAGE], number, len(rows) > PAGE)


def counts(session: Session, actor: Actor) -> dict[str, tuple[int, int]]:
    """For each of the agent's groups, how many tasks are open and how many of them are late."""
    late = func.count(HumanTask.due_at).filter(HumanTask.due_at < clock.now())
    rows = session.execute(_visible(select(HumanTask.group, func.count(), late), actor, None).group_by(HumanTask.group))
    found = {group: (total, behind) for group, total, behind in rows}
    return {group: found.get(group, (0, 0)) for group in sorted(actor.groups)}


def _visible(query: Select[Any], actor: Actor, group: str | None) -> Select[Any]:
    groups = actor.groups & {group} if group else actor.groups
    return query.where(HumanTask.group.in_(sorted(groups)))


def find(session: Session, task_id: UUID, actor: Actor) -> HumanTask:
    """The open task, if it is of one of the agent's groups; `NotFound` otherwise, whether or not it exists."""
    task = session.scalar(_visible(select(HumanTask).where(HumanTask.id == task_id), actor, None))
    if task is None:
        raise NotFound("Cette tâche n’existe pas ou a déjà été traitée.", task_id=str(task_id))
    return task


def of_case(session: Session, case_id: UUID) -> list[HumanTask]:
    """The open tasks of a request."""
    return list(
        session.scalars(
            select(HumanTask).where(HumanTask.case_id == case_id).order_by(HumanTask.opened_at, HumanTask.id)
        )
    )


# --- claiming ----------------------------------------


def claim(session: Session, task_id: UUID, actor: Actor) -> None:
    """Take the task, or raise `AlreadyClaimed` when a colleague has it.

    Claiming one's own task again changes nothing.
    """
    # One UPDATE: two agents who press the button together cannot both have it.
    case_id = session.scalar(
        update(HumanTask)
        .where(
            HumanTask.id == task_id,
            HumanTask.group.in_(sorted(actor.groups)),
            or_(HumanTask.claimed_by.is_(None), HumanTask.claimed_by == actor.account_id),
        )
        .values(claimed_by=actor.account_id, claimed_name=actor.name, claimed_at=clock.now())
        .returning(HumanTask.case_id)
    )
    if case_id is None:
        task = find(session, task_id, actor)
        raise AlreadyClaimed(f"{task.claimed_name} a déjà pris cette tâche.", task_id=str(task_id))
    history.record(session, [history.row(case_id, "claimed", actor, data={"task": str(task_id)})])


def release(session: Session, task_id: UUID, actor: Actor) -> None:
    """Give the task back to the queue; only who holds it may."""
    case_id = session.scalar(
        update(HumanTask)
        .where(HumanTask.id == task_id, HumanTask.claimed_by == actor.account_id)
        .values(claimed_by=None, claimed_name=None, claimed_at=None)
        .returning(HumanTask.case_id)
    )
    if case_id is None:
        task = find(session, task_id, actor)
        if task.claimed_by is not None:
            raise Forbidden(f"{task.claimed_name} a pris cette tâche : vous ne pouvez pas la rendre à sa place.")
        return
    history.record(session, [history.row(case_id, "released", actor, data={"task": str(task_id)})])
