"""The history of a request: what happened, when, and who did it, in order and for good (A13).

Entries hold identifiers and never an answer, so that erasing a person leaves the history whole. The database itself
refuses to change or delete one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, Table, Text, insert, select
from sqlalchemy.orm import Mapped, mapped_column

from engine.core import clock
from engine.core.db import Base, Json, Session, UtcDateTime, append_only
from engine.core.statements import Prepared
from engine.people.actors import Actor

# What residents read of the history; the rest (claims, incidents, decisions' rules) is for agents.
PUBLIC = frozenset(
    {
        "opened",
        "filed",
        "task_opened",
        "task_completed",
        "resident_asked",
        "resident_answered",
        "notified",
        "exchange_sent",
        "exchange_received",
        "documents_required",
        "document_added",
        "document_replaced",
        "document_refused",
        "timer_fired",
        "message_received",
        "appointment_planned",
        "appointment_moved",
        "appointment_cancelled",
        "attached",
        "cancelled",
        "closed",
    }
)


class Entry(Base):
    """One thing that happened. `path` lists the elements of the diagram passed on that occasion, in order."""

    __tablename__ = "history"
    __table_args__ = (Index("ix_history_case_id_id", "case_id", "id"),)

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("case.id"))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    kind: Mapped[str] = mapped_column(Text)
    element_id: Mapped[str | None] = mapped_column(Text)
    actor_kind: Mapped[str] = mapped_column(Text)
    actor_id: Mapped[UUID | None]
    data: Mapped[dict[str, Any]] = mapped_column(Json)
    path: Mapped[list[str]] = mapped_column(Json)


append_only(Entry.__table__)  # type: ignore[arg-type]
_TABLE: Table = Entry.__table__  # type: ignore[assignment]
_APPEND = Prepared(insert(_TABLE), *(column.key for column in _TABLE.c if column.key != "id"))


def row(
    case_id: UUID,
    kind: str,
    actor: Actor,
    *,
    element_id: str | None = None,
    data: Mapping[str, Any] | None = None,
    path: Sequence[str] = (),
) -> dict[str, Any]:
    """An entry to be, for `record`."""
    return {
        "case_id": case_id,
        "at": clock.now(),
        "kind": kind,
        "element_id": element_id,
        "actor_kind": "bearer" if actor.kind == "anonymous" else actor.kind,
        "actor_id": actor.account_id,
        "data": dict(data or {}),
        "path": list(path),
    }


def record(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Append entries, in their order, in one statement."""
    if rows:
        _APPEND.send(session, *rows)


def of_case(session: Session, case_id: UUID, *, public: bool = False) -> list[Entry]:
    """The entries of a request from the first to the last; with `public`, those that residents read."""
    query = select(Entry).where(Entry.case_id == case_id).order_by(Entry.id)
    return list(session.scalars(query.where(Entry.kind.in_(PUBLIC)) if public else query))
