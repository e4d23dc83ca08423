"""Open human tasks, and the agents' queues over them (E1, E2).

A row lives as long as its task is open; the history keeps the rest. What a queue shows is copied onto the row, so that
a page of a queue is one indexed query that loads no workflow.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    ForeignKey,
    Index,
    ScalarSelect,
    Table,
    Text,
    Uuid,
    and_,
    bindparam,
    delete,
    false,
    func,
    insert,
    literal,
    literal_column,
    or_,
    select,
    union_all,
    update,
)
from sqlalchemy.orm import InstrumentedAttribute, Mapped, mapped_column
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from engine.contact import exchanges, notifications
from engine.core import clock
from engine.core.db import Base, Session, UtcDateTime
from engine.core.errors import AlreadyClaimed, NotFound
from engine.core.indexes import know_words, of_words, partial
from engine.core.reads import Question
from engine.core.statements import Prepared
from engine.people.access import Thing, can, worked_groups
from engine.people.actors import Actor
from engine.people.groups import RESIDENTS_LANE
from engine.procedures import history, references
from engine.procedures.words import plain

PAGE = 50
LAST_PAGE = 200
COUNTED = 999
"""Tasks are counted so far and no further: nobody acts on the difference, and a million take long to count."""
RESIDENT = RESIDENTS_LANE
"""The lane of the resident; every other lane is a group of agents."""

Sort = Literal["due", "filed", "applicant", "procedure"]
_SORTS: dict[Sort, tuple[str, ...]] = {
    "due": ("due_at", "id"),
    "filed": ("filed_at", "id"),
    "applicant": ("search_name", "id"),
    "procedure": ("procedure_title", "due_at", "id"),
}


_OF_AGENTS = f"\"group\" <> '{RESIDENT}'"


class HumanTask(Base):
    """A task that waits for somebody. `group` is the lane: the resident's, or a group of agents'."""

    __tablename__ = "human_task"
    __table_args__ = (
        # What the queues are read by. A resident's task stands in none of them: each of their steps would write them all, and
        # nobody would read it. With the name, so that a search for one that many bear looks at no row but those of the page.
        partial("ix_human_task_queue_due_at", "group", "due_at", "id", "search_name", where=_OF_AGENTS),
        partial("ix_human_task_queue_filed_at", "group", "filed_at", "id", where=_OF_AGENTS),
        partial("ix_human_task_queue_search_name", "group", "search_name", "id", where=_OF_AGENTS),
        partial("ix_human_task_queue_procedure_title", "group", "procedure_title", "due_at", "id", where=_OF_AGENTS),
        of_words("ix_human_task_queue_words", "search_name", where=_OF_AGENTS),
        partial("ix_human_task_queue_reference", "reference", where=_OF_AGENTS),
        partial("ix_human_task_holder", "claimed_by", where="claimed_by IS NOT NULL"),
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


_TABLE: Table = HumanTask.__table__  # type: ignore[assignment]
know_words(_TABLE)
# Said in every query of a queue: of a group whose name is left open, the database can't tell that its indexes hold all its tasks.
_QUEUED_ONLY = _TABLE.c.group != literal_column(f"'{RESIDENT}'")
_OPEN = Prepared(insert(_TABLE), *_TABLE.c.keys())
_TAKE_OVER = Prepared(update(_TABLE).where(_TABLE.c.id == bindparam("closed")), *_TABLE.c.keys())
_CLOSE = Prepared(delete(_TABLE).where(_TABLE.c.id == bindparam("closed")))
# The type is told: that of a foreign key is known only once the table that it names is.
_OF_CASE = Question(
    HumanTask,
    lambda query: query.where(HumanTask.case_id == bindparam("case", type_=Uuid())).order_by(
        HumanTask.opened_at, HumanTask.id
    ),
)
_LOCKED = (
    select(HumanTask)
    .where(HumanTask.id == bindparam("task", type_=Uuid()), HumanTask.case_id == bindparam("case", type_=Uuid()))
    .with_for_update()
    .execution_options(populate_existing=True)
)


def replace_all(session: Session, closed: Sequence[UUID], opened: Sequence[dict[str, Any]]) -> None:
    """Close tasks and open others.

    A task that opens takes the row of one that closes, as long as there are any: a step is one statement and not two.
    """
    pairs = [{"closed": old, **row} for old, row in zip(closed, opened, strict=False)]
    if pairs:
        _TAKE_OVER.send(session, *pairs)
    if len(opened) > len(pairs):
        open_all(session, opened[len(pairs) :])
    if len(closed) > len(pairs):
        _CLOSE.send(session, *({"closed": task_id} for task_id in closed[len(pairs) :]))


def open_all(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Open tasks, in one statement."""
    if rows:
        _OPEN.send(session, *rows)


def searchable(name: str) -> str:
    """A name without accents, case or punctuation, as it is searched."""
    return " ".join("".join(sign if sign.isalnum() else " " for sign in plain(name)).split())


def begins(names: InstrumentedAttribute[str] | InstrumentedAttribute[str | None], word: str) -> ColumnElement[bool]:
    """Whether one of the names, as `searchable` writes them, begins so."""
    # Written into the statement, letters and digits that they are: PostgreSQL plans for this very name, common or rare.
    return or_(*(names.like(bindparam(None, form, literal_execute=True)) for form in (f"{word}%", f"% {word}%")))


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
    sort: Sort = "due",
    down: bool = False,
    page: int = 1,
) -> Page:
    """The open tasks of the agent's groups, in one query: the most urgent first unless `sort` says otherwise, or `down` the
    other way round.

    `words` is a reference or its beginning, in whatever spacing, or the beginnings of the applicant's names, in any order.
    """
    wanted = _conditions(actor, words, mine=mine, late=late)
    number = min(max(1, page), LAST_PAGE)
    last = number * PAGE + 1
    # A search is written out whole: beside a value left open, PostgreSQL would after some runs plan once for all values.
    written = bool(words.strip())
    # The first ones of each group, then the first ones of all: an index gives the former in order, whatever the queue's
    # length. Whole rows are read only of the page.
    keys = [_TABLE.c[name] for name in _SORTS[sort]]
    firsts = [
        select(*keys)
        .where(HumanTask.group == literal(each, literal_execute=written), _QUEUED_ONLY, *wanted)
        .order_by(*_order(_TABLE.c, sort, down=down))
        .limit(literal(last, literal_execute=written))
        .subquery()
        for each in _groups(actor, group)
    ]
    if not firsts:
        return Page([], number, False)
    merged = union_all(*(select(first) for first in firsts)).subquery()
    shown = (
        select(merged.c.id)
        .order_by(*_order(merged.c, sort, down=down))
        .offset(literal(last - 1 - PAGE, literal_execute=written))
        .limit(literal(PAGE + 1, literal_execute=written))
    )
    query = select(HumanTask).where(HumanTask.id.in_(shown)).order_by(*_order(_TABLE.c, sort, down=down))
    rows = list(session.scalars(query))
    return Page(rows[:PAGE], number, len(rows) > PAGE)


def _order(columns: ReadOnlyColumnCollection[str, Any], sort: Sort, *, down: bool = False) -> list[ColumnElement[Any]]:
    # What has no date comes last, on every database. The other way round is exactly that: the same index read backwards.
    keys = [(columns[name], name.endswith("_at")) for name in _SORTS[sort]]
    if down:
        return [key.desc().nulls_first() if dated else key.desc() for key, dated in keys]
    return [key.asc().nulls_last() if dated else key.asc() for key, dated in keys]


def listing(
    session: Session,
    actor: Actor,
    *,
    group: str | None = None,
    words: str = "",
    mine: bool = False,
    late: bool = False,
) -> Iterator[Any]:
    """What the queue shows of every task that is wanted, group by group, the most urgent first.

    However many there are, few are held in memory at a time: the database is read as the caller goes on.
    """
    shown = (
        HumanTask.reference,
        HumanTask.procedure_title,
        HumanTask.title,
        HumanTask.group,
        HumanTask.applicant,
        HumanTask.filed_at,
        HumanTask.due_at,
        HumanTask.claimed_name,
    )
    wanted = _conditions(actor, words, mine=mine, late=late)
    for each in _groups(actor, group):
        query = select(*shown).where(HumanTask.group == each, _QUEUED_ONLY, *wanted).order_by(*_order(_TABLE.c, "due"))
        # Closed with the generator: who stops early leaves no cursor behind.
        with session.execute(query, execution_options={"yield_per": 500}) as rows:
            yield from rows


def _conditions(actor: Actor, words: str, *, mine: bool, late: bool) -> list[ColumnElement[bool]]:
    wanted: list[ColumnElement[bool]] = []
    if words.strip():
        # A text may be both the beginning of a reference and a name.
        reference = references.between(words)
        names = [begins(HumanTask.search_name, word) for word in searchable(words).split()]
        matches = [and_(*names)] if names else []
        if reference:
            first, last = (literal(end, literal_execute=True) for end in reference)
            matches.append(HumanTask.reference.between(first, last))
        wanted.append(or_(*matches) if matches else false())
    if mine:
        wanted.append(HumanTask.claimed_by == actor.account_id)
    if late:
        wanted.append(HumanTask.due_at < clock.now())
    return wanted


@dataclass(frozen=True)
class Counts:
    """How much waits: for each of the agent's groups the open tasks and the late ones, and the tasks that the agent holds; the
    exchanges with something unread, and the letters to post.

    A number above `COUNTED` says only that there are more than that.
    """

    groups: dict[str, tuple[int, int]]
    mine: int
    exchanges: int = 0
    letters: int = 0

    @property
    def open(self) -> int:
        """Every open task of the agent's groups."""
        return sum(total for total, _ in self.groups.values())

    @property
    def late(self) -> int:
        """Those whose due date is behind."""
        return sum(late for _, late in self.groups.values())


def counts(session: Session, actor: Actor) -> Counts:
    """What waits for the agent, in one query."""
    names = _groups(actor, None)
    if not names:
        return Counts({}, 0)
    held = [HumanTask.claimed_by == actor.account_id, HumanTask.group.in_(names)]
    now = clock.now()
    numbers = [_counted(*held)]
    for name in names:
        numbers += [_counted(HumanTask.group == name), _counted(HumanTask.group == name, HumanTask.due_at < now)]
    unread, letters = exchanges.counting(names), notifications.counting_to_post(names)
    messages, to_post, mine, *rest = session.execute(select(unread, letters, *numbers)).one()
    groups = {name: (rest[2 * place], rest[2 * place + 1]) for place, name in enumerate(names)}
    return Counts(groups, mine, exchanges=messages, letters=to_post)


def _counted(*wanted: ColumnElement[bool]) -> ScalarSelect[int]:
    few = select(literal_column("1")).select_from(HumanTask).where(_QUEUED_ONLY, *wanted).limit(COUNTED + 1).subquery()
    return select(func.count()).select_from(few).scalar_subquery()


def _groups(actor: Actor, group: str | None) -> list[str]:
    groups = worked_groups(actor)
    return sorted(groups & {group} if group else groups)


def find(session: Session, task_id: UUID, actor: Actor) -> HumanTask:
    """The open task, if it is of one of the agent's groups; `NotFound` otherwise, whether or not it exists."""
    task = session.scalar(select(HumanTask).where(HumanTask.id == task_id))
    if task is None or not can(actor, "task.do", Thing(groups=frozenset({task.group}))):
        raise NotFound("Cette tâche n’existe pas ou a déjà été traitée.", task_id=str(task_id))
    return task


def of_case(session: Session, case_id: UUID) -> list[HumanTask]:
    """The open tasks of a request."""
    return _OF_CASE.objects(session, case=case_id)


def locked(session: Session, case_id: UUID, task_id: UUID) -> HumanTask | None:
    """The open task of that request, its row locked and read anew: a colleague who claims it at this very moment either was
    first, or finds it gone."""
    return session.scalar(_LOCKED, {"task": task_id, "case": case_id})


def waiting(session: Session, case_ids: Sequence[UUID]) -> dict[UUID, list[HumanTask]]:
    """What waits for the resident, by request; those that wait for nothing of theirs are left out."""
    found: dict[UUID, list[HumanTask]] = {}
    if case_ids:
        mine = HumanTask.case_id.in_(case_ids), HumanTask.group == RESIDENT
        for task in session.scalars(select(HumanTask).where(*mine).order_by(HumanTask.opened_at, HumanTask.id)):
            found.setdefault(task.case_id, []).append(task)
    return found


# --- claiming ----------------------------------------


def claim(session: Session, task_id: UUID, actor: Actor) -> None:
    """Take the task, or raise `AlreadyClaimed` when a colleague has it.

    Claiming one's own task again changes nothing.
    """
    # One UPDATE: two agents who press the button together cannot both have it.
    taken = session.execute(
        update(HumanTask)
        .where(
            HumanTask.id == task_id,
            HumanTask.group.in_(_groups(actor, None)),
            HumanTask.claimed_by.is_(None),
        )
        .values(claimed_by=actor.account_id, claimed_name=actor.name, claimed_at=clock.now())
        .returning(HumanTask.case_id, HumanTask.element_id)
    ).one_or_none()
    if taken is None:
        task = find(session, task_id, actor)
        if task.claimed_by != actor.account_id:
            raise AlreadyClaimed(_held_by(task), task_id=str(task_id))
        return
    _note(session, "claimed", task_id, taken.case_id, taken.element_id, actor)


def release(session: Session, task_id: UUID, actor: Actor) -> None:
    """Give the task back to the queue; only who holds it may."""
    given = session.execute(
        update(HumanTask)
        .where(HumanTask.id == task_id, HumanTask.claimed_by == actor.account_id)
        .values(claimed_by=None, claimed_name=None, claimed_at=None)
        .returning(HumanTask.case_id, HumanTask.element_id)
    ).one_or_none()
    if given is None:
        task = find(session, task_id, actor)
        if task.claimed_by is not None:
            raise AlreadyClaimed(f"{task.claimed_name} a pris cette tâche : vous ne pouvez pas la rendre à sa place.")
        return
    _note(session, "released", task_id, given.case_id, given.element_id, actor)


def release_all(session: Session, account_id: UUID, actor: Actor, *, but_of: Collection[str] = ()) -> int:
    """Give the tasks that somebody holds back to their queues, but those of the groups named; `actor` is who decides so."""
    given = session.execute(
        update(HumanTask)
        .where(HumanTask.claimed_by == account_id, HumanTask.group.not_in(but_of))
        .values(claimed_by=None, claimed_name=None, claimed_at=None)
        .returning(HumanTask.id, HumanTask.case_id, HumanTask.element_id)
    ).all()
    history.record(session, [_noted("released", *one, actor) for one in given])
    return len(given)


def _held_by(task: HumanTask) -> str | None:
    # Nobody, when it was given back in the very instant: the general message then.
    return f"{task.claimed_name} a déjà pris cette tâche en charge." if task.claimed_name else None


def _note(session: Session, kind: str, task_id: UUID, case_id: UUID, element_id: str, actor: Actor) -> None:
    history.record(session, [_noted(kind, task_id, case_id, element_id, actor)])


def _noted(kind: str, task_id: UUID, case_id: UUID, element_id: str, actor: Actor) -> dict[str, Any]:
    return history.row(case_id, kind, actor, element_id=element_id, data={"task": str(task_id)})
