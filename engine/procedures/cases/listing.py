"""The requests of a resident as lists show them: the latest, and all of them by state and by procedure (B7, B8).

Rows carry what a list shows and neither answers nor state; each list is a statement or two, whatever the number of requests.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, case, exists, func, or_, select

from engine.core.db import Session
from engine.procedures.cases.case import Case
from engine.procedures.tasks import RESIDENT, HumanTask

PAGE = 20

State = Literal["brouillon", "a-completer", "en-cours", "terminee", "annulee"]
STATES: tuple[State, ...] = ("brouillon", "a-completer", "en-cours", "terminee", "annulee")

_ASKED = exists().where(HumanTask.case_id == Case.id, HumanTask.group == RESIDENT)
_IN_STATE: dict[State, ColumnElement[bool]] = {
    "brouillon": Case.status == "draft",
    "a-completer": and_(Case.status == "filed", _ASKED),
    "en-cours": and_(Case.status == "filed", ~_ASKED),
    "terminee": Case.status == "closed",
    "annulee": and_(Case.status == "cancelled", Case.filed_at.is_not(None)),
}
# A draft that was thrown away is nowhere; every other request stays in the list.
_KEPT = or_(Case.status != "cancelled", Case.filed_at.is_not(None))


@dataclass(frozen=True)
class Listed:
    """A request in a list. `waiting`: something is asked of the resident; `end_element` is how it ended."""

    id: UUID
    reference: str
    procedure: str
    version_id: UUID
    status: str
    opened_at: datetime
    filed_at: datetime | None
    end_element: str | None
    waiting: bool

    @property
    def draft(self) -> bool:
        return self.status == "draft"

    @property
    def at(self) -> datetime:
        """When it was filed, or opened."""
        return self.filed_at or self.opened_at


@dataclass(frozen=True)
class Listing:
    """A page of a list, and how many requests there are in all."""

    rows: list[Listed]
    total: int
    page: int
    last_page: int


_COLUMNS = (
    Case.id,
    Case.reference,
    Case.procedure,
    Case.version_id,
    Case.status,
    Case.opened_at,
    Case.filed_at,
    Case.end_element,
    case((Case.status == "filed", _ASKED), else_=False).label("waiting"),
)
_AT = func.coalesce(Case.filed_at, Case.opened_at)


def latest(session: Session, account_id: UUID, count: int) -> list[Listed]:
    """The last `count` requests that were filed, and every draft, the latest first."""
    own = Case.account_id == account_id
    filed = select(Case.id).where(own, Case.filed_at.is_not(None)).order_by(Case.filed_at.desc(), Case.id).limit(count)
    query = select(*_COLUMNS).where(own, or_(Case.status == "draft", Case.id.in_(filed))).order_by(_AT.desc(), Case.id)
    return [Listed(*row) for row in session.execute(query)]


def filed_by(account_id: UUID) -> Select[UUID]:
    """The query of the ids of a resident's filed requests, for what is looked up by request in the rooms below."""
    return select(Case.id).where(Case.account_id == account_id, Case.filed_at.is_not(None))


def waiting_for(session: Session, account_id: UUID) -> list[HumanTask]:
    """What the requests of a resident ask of them now, the most pressing first."""
    return list(
        session.scalars(
            select(HumanTask)
            .join(Case, Case.id == HumanTask.case_id)
            .where(Case.account_id == account_id, Case.status == "filed", HumanTask.group == RESIDENT)
            .order_by(HumanTask.due_at.is_(None), HumanTask.due_at, HumanTask.opened_at)
        )
    )


def references_of(session: Session, case_ids: Collection[UUID]) -> dict[UUID, tuple[str, UUID]]:
    """The reference and the version of some requests, by id."""
    if not case_ids:
        return {}
    found = session.execute(select(Case.id, Case.reference, Case.version_id).where(Case.id.in_(case_ids)))
    return {case_id: (reference, version_id) for case_id, reference, version_id in found}


def listing(
    session: Session,
    account_id: UUID,
    *,
    state: State | None = None,
    procedures: Collection[str] | None = None,
    page: int = 1,
    size: int = PAGE,
) -> Listing:
    """A page of a resident's requests, the latest first: those in a state, and of some procedures (by slug)."""
    wanted = [Case.account_id == account_id, _KEPT if state is None else _IN_STATE[state]]
    if procedures is not None:
        wanted.append(Case.procedure.in_(sorted(procedures)))
    total = session.scalar(select(func.count()).select_from(Case).where(*wanted)) or 0
    last = max(1, -(-total // size))
    page = min(max(1, page), last)
    query = select(*_COLUMNS).where(*wanted).order_by(_AT.desc(), Case.id).limit(size).offset((page - 1) * size)
    return Listing([Listed(*row) for row in session.execute(query)], total, page, last)
