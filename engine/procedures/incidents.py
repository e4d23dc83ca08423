"""Incidents: a process that couldn't go on: where, why and what was being tried, so that it can be tried again."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, Text, Uuid, bindparam, func, select
from sqlalchemy.orm import Mapped, mapped_column

from engine.core import clock
from engine.core.db import Base, Json, Session, UtcDateTime, new_id
from engine.core.errors import CaseClosed, Conflict, NotFound, ProcessStuck, StaleStep
from engine.core.reads import Question
from engine.people.actors import SYSTEM, Actor
from engine.procedures import cases, history
from engine.procedures.cases import Attempt


class Incident(Base):
    """A step that was rolled back. What the person typed is kept in `answers` until the incident is solved."""

    __tablename__ = "incident"
    __table_args__ = (Index("ix_incident_case_id", "case_id"), Index("ix_incident_solved_at", "solved_at"))

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("case.id"))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    element_id: Mapped[str] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text)
    verb: Mapped[str] = mapped_column(Text)
    target: Mapped[str] = mapped_column(Text)
    answers: Mapped[dict[str, Any]] = mapped_column(Json)
    actor: Mapped[dict[str, Any]] = mapped_column(Json)
    solved_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


def record(session: Session, error: ProcessStuck) -> Incident | None:
    """Keep what stopped, in a transaction of its own once the step is rolled back.

    The same stop again is the same incident.
    """
    attempt = error.attempt
    if not isinstance(attempt, Attempt):
        return None
    incident = session.scalar(
        select(Incident).where(
            Incident.case_id == attempt.case_id,
            Incident.verb == attempt.verb,
            Incident.target == attempt.target,
            Incident.solved_at.is_(None),
        )
    )
    known = incident is not None
    if incident is None:
        incident = Incident(
            id=new_id(), case_id=attempt.case_id, verb=attempt.verb, target=attempt.target, solved_at=None
        )
    incident.at = clock.now()
    incident.element_id = error.element_id
    incident.reason = error.reason
    incident.answers = dict(attempt.answers)
    incident.actor = {
        "kind": attempt.actor.kind,
        "account_id": str(attempt.actor.account_id) if attempt.actor.account_id else None,
        "name": attempt.actor.name,
        "groups": sorted(attempt.actor.groups),
    }
    session.add(incident)
    # Older than what this incident keeps.
    case = session.get(cases.Case, attempt.case_id)
    if case is not None and case.typed:
        case.typed = cases.without(case, attempt.target)
    if not known:
        about = {"incident": str(incident.id)}
        history.record(
            session, [history.row(attempt.case_id, "incident", SYSTEM, element_id=error.element_id, data=about)]
        )
    session.flush()
    return incident


def listing(session: Session, *, solved: bool = False, limit: int = 200) -> list[tuple[Incident, cases.Case]]:
    """Incidents with their requests: those to solve, the oldest first; or the solved ones, the latest first."""
    query = select(Incident, cases.Case).join(cases.Case, cases.Case.id == Incident.case_id).limit(limit)
    if solved:
        query = query.where(Incident.solved_at.is_not(None)).order_by(Incident.solved_at.desc())
    else:
        query = query.where(Incident.solved_at.is_(None)).order_by(Incident.at)
    return [(incident, case) for incident, case in session.execute(query)]


def still_open(session: Session) -> int:
    """How many incidents wait to be solved."""
    return session.scalar(select(func.count()).select_from(Incident).where(Incident.solved_at.is_(None))) or 0


# Every page of the wizard asks it.
_OPEN_AT = Question(
    Incident,
    lambda query: query.where(
        Incident.case_id == bindparam("case", type_=Uuid()),
        Incident.target == bindparam("target", type_=Text()),
        Incident.solved_at.is_(None),
    ),
)


def typed(session: Session, case_id: UUID, target: str) -> dict[str, Any] | None:
    """What was typed at a step that an open incident stopped, to show it again; nothing once the step went through."""
    incident = next(iter(_OPEN_AT.objects(session, case=case_id, target=target)), None)
    return None if incident is None or _overtaken(session, incident) else incident.answers


def retry(session: Session, incident_id: UUID) -> None:
    """Try again what stopped: the incident is solved when it works, and stays with its new reason when it does not.

    When somebody got through meanwhile, there is nothing left to try: it is solved too.
    """
    incident = session.scalar(select(Incident).where(Incident.id == incident_id).with_for_update())
    if incident is None:
        raise NotFound("There is no such incident.", incident_id=str(incident_id))
    if incident.solved_at is not None:
        raise Conflict("This incident is already solved.", incident_id=str(incident_id))
    if not _overtaken(session, incident):
        who = incident.actor
        actor = Actor(
            who["kind"],
            account_id=UUID(who["account_id"]) if who["account_id"] else None,
            name=who["name"],
            groups=frozenset(who["groups"]),
        )
        attempt = Attempt(incident.case_id, incident.verb, incident.target, incident.answers, actor)
        with suppress(StaleStep, CaseClosed):
            cases.try_again(session, attempt)
    solve(session, incident)


def _overtaken(session: Session, incident: Incident) -> bool:
    """Whether the step of the wizard that stopped went through since: its old answers would overwrite the new ones."""
    if incident.verb != "submit_step":
        return False
    passed = select(history.Entry.id).where(
        history.Entry.case_id == incident.case_id,
        history.Entry.element_id == incident.target,
        history.Entry.kind.in_(("step_completed", "step_revised")),
        history.Entry.at >= incident.at,
    )
    return session.scalar(passed.limit(1)) is not None


def solve(session: Session, incident: Incident) -> None:
    """Mark an incident solved and forget what was typed: it is in the request now."""
    incident.solved_at = clock.now()
    incident.answers = {}
    history.record(
        session, [history.row(incident.case_id, "incident_solved", SYSTEM, data={"incident": str(incident.id)})]
    )
