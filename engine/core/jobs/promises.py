"""The table of jobs, and how one is promised."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache, partial
from typing import Any
from uuid import UUID

from sqlalchemy import Index, Integer, Text, delete
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, mapped_column

from engine.core import clock
from engine.core.db import Base, Json, Session, UtcDateTime, after_commit, new_id
from engine.core.jobs.waking import wake
from engine.core.statements import Prepared


class Job(Base):
    """Something promised. `state`: waiting, failed (its last try is behind it). A job that is done is deleted."""

    __tablename__ = "job"
    __table_args__ = (
        Index("ix_job_state_due_at", "state", "due_at"),
        Index("ix_job_kind_due_at", "kind", "due_at"),
        Index("uq_job_key", "key", unique=True),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    kind: Mapped[str] = mapped_column(Text)
    key: Mapped[str | None] = mapped_column(Text)
    case_id: Mapped[UUID | None]
    payload: Mapped[dict[str, Any]] = mapped_column(Json)
    state: Mapped[str] = mapped_column(Text, default="waiting")
    due_at: Mapped[datetime] = mapped_column(UtcDateTime)
    promised_at: Mapped[datetime] = mapped_column(UtcDateTime)
    # Tries that ended with an error, and starts since the last try that ended: a crash leaves one more.
    tries: Mapped[int] = mapped_column(Integer, default=0)
    starts: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    # Handed to a worker, and not handed out again before then. Only a hint: the row's lock says who does the job.
    held_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    error: Mapped[str | None] = mapped_column(Text)


@dataclass(frozen=True)
class Promise:
    """What `promise_all` writes: a kind with its payload, due now unless told otherwise."""

    kind: str
    payload: Mapping[str, Any]
    due_at: datetime | None = None
    key: str | None = None
    case_id: UUID | None = None


def promise(
    session: Session,
    kind: str,
    *,
    due_at: datetime | None = None,
    key: str | None = None,
    case_id: UUID | None = None,
    **payload: Any,
) -> None:
    """Promise that `kind` will be done with `payload` once this transaction commits, at `due_at` or at once.

    Promising the same `key` again moves the due time and the payload: there is one promise a key.
    """
    promise_all(session, [Promise(kind, payload, due_at, key, case_id)])


def promise_all(session: Session, promises: Sequence[Promise]) -> None:
    """Write several promises in one statement."""
    if not promises:
        return
    now = clock.now()
    rows: list[dict[str, Any]] = [
        {
            "id": new_id(),
            "kind": promise.kind,
            "key": promise.key,
            "case_id": promise.case_id,
            "payload": dict(promise.payload),
            "state": "waiting",
            "due_at": promise.due_at or now,
            "promised_at": now,
            "tries": 0,
            "starts": 0,
            "held_until": None,
            "error": None,
        }
        for promise in promises
    ]
    _promising(session.get_bind().dialect.name).send(session, *rows)
    if due := Counter(row["kind"] for row in rows if row["due_at"] <= now):
        after_commit(session, partial(wake, due))


@cache
def _promising(dialect: str) -> Prepared:
    insert = (postgresql if dialect == "postgresql" else sqlite).insert(Job.__table__)
    moved = ("payload", "due_at", "state", "tries", "starts", "held_until", "error")
    promising = insert.on_conflict_do_update(
        index_elements=["key"], set_={name: insert.excluded[name] for name in moved}
    )
    return Prepared(promising, *Job.__table__.c.keys())


def forget(session: Session, keys: Sequence[str]) -> None:
    """Take promises back; unknown keys are fine."""
    if keys:
        session.execute(delete(Job).where(Job.key.in_(keys)))
