"""Taking a job: it is noted and committed that it starts, before anything of it is done."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import timedelta
from functools import cache
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import (
    CompoundSelect,
    Table,
    Update,
    and_,
    bindparam,
    func,
    literal,
    or_,
    select,
    union_all,
    update,
)

from engine.core import clock
from engine.core.db import Session, UtcDateTime
from engine.core.jobs.promises import Job

log = logging.getLogger("engine.core.jobs")

# How long a job that was taken is left alone before another worker may take it: whoever took it may have died.
HOLD = timedelta(seconds=10)
# A job that was started so many times and never ended is set aside: it takes its worker with it.
LAST_START = 5

TABLE: Table = Job.__table__  # type: ignore[assignment]
_NOW = bindparam("now", type_=UtcDateTime())
DUE = and_(TABLE.c.state == "waiting", TABLE.c.due_at <= _NOW)
FREE = or_(TABLE.c.held_until.is_(None), TABLE.c.held_until <= _NOW)


class Taken(NamedTuple):
    """A job of which it is noted that it starts."""

    id: UUID
    kind: str


def take(session: Session, job_id: UUID) -> Taken | None:
    """Note that the job starts; None when it may not: somebody does it, it is too early, it was done or set aside."""
    return _take(session, "id", job_id)


def take_next(session: Session, kind: str) -> Taken | None:
    """Note that a due job of this kind starts, the oldest that nobody has taken; None when there is none.

    Two who call this at once take different jobs. What was taken `HOLD` ago and not done may be taken again.
    """
    return _take(session, "kind", kind)


def _take(session: Session, by: str, value: UUID | str) -> Taken | None:
    taking = _taking(by, session.get_bind().dialect.name)
    while True:
        now = clock.now()
        found = session.execute(taking, {"which": value, "now": now, "until": now + HOLD}).one_or_none()
        if found is None:
            return None
        if found.starts <= LAST_START:
            return Taken(found.id, found.kind)
        _set_aside(session, found.id, found.kind)


@cache
def _taking(by: str, dialect: str) -> Update:
    which = TABLE.c[by] == bindparam("which", type_=TABLE.c[by].type)
    free = (which, DUE, FREE) if by == "kind" else (which, DUE)
    first = select(TABLE.c.id).where(*free).order_by(TABLE.c.due_at).limit(1).with_for_update(skip_locked=True)
    # The subquery stands alone: in an IN, PostgreSQL may run a limited one again for each row that it tries.
    taking = update(TABLE).where(TABLE.c.id == first.scalar_subquery())
    if dialect == "postgresql":
        # The note must outlive a crash of this process, not of the machine: no need to wait for the disk.
        taking = taking.where(func.set_config("synchronous_commit", "off", True) == "off")
    until = bindparam("until", type_=UtcDateTime())
    return taking.values(starts=TABLE.c.starts + 1, held_until=until).returning(
        TABLE.c.id, TABLE.c.kind, TABLE.c.starts
    )


def _set_aside(session: Session, job_id: UUID, kind: str) -> None:
    error = f"set aside: the process that did it ended {LAST_START} times before the job did"
    session.execute(
        update(TABLE)
        .where(TABLE.c.id == job_id)
        .values(state="failed", starts=LAST_START, held_until=None, error=error)
    )
    log.error("job %s (%s) is set aside: %s starts and no end", job_id, kind, LAST_START)


def waiting(session: Session, kinds: Iterable[str], most: int) -> dict[str, int]:
    """How many due jobs of each of the kinds nobody has taken, counted up to `most`; kinds without any aren't named."""
    # One look into the index a kind, however many jobs wait: a queue of one kind hides no other. Not EXISTS, for which
    # PostgreSQL may read the table from its beginning, where a million timers to come are.
    counts = session.execute(_waiting(tuple(kinds), most), {"now": clock.now()})
    return {kind: jobs for kind, jobs in counts if jobs}


@cache
def _waiting(kinds: tuple[str, ...], most: int) -> CompoundSelect[str, int]:
    one = literal(1).label("one")
    oldest = select(one).where(DUE, FREE).order_by(TABLE.c.due_at).limit(most)
    each = ((kind, oldest.where(TABLE.c.kind == kind).subquery()) for kind in kinds)
    return union_all(*(select(literal(kind), func.count()).select_from(found) for kind, found in each))
