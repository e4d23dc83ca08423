"""Jobs that come back every day, at an hour of the city when few people are about.

Each is one row of the jobs' table: done, it promises itself for the next day in the same transaction. One that failed for good
is promised again when the installation is next prepared.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, time, timedelta

from sqlalchemy import select

from engine.core import clock, jobs
from engine.core.clock import PARIS
from engine.core.db import Session
from engine.core.jobs import Job


def promise(session: Session, kind: str, at: time) -> None:
    """Promise the job for the next time that the clocks of the city show `at`."""
    jobs.promise(session, kind, key=_key(kind), due_at=_next(at))


def ensure(session: Session, hours: Mapping[str, time]) -> None:
    """Promise those of these kinds that wait for no turn; one whose turn was missed keeps it."""
    keys = {_key(kind): kind for kind in hours}
    waiting = session.scalars(select(Job.key).where(Job.key.in_(keys), Job.state == "waiting"))
    for key in sorted(set(keys) - set(waiting)):
        promise(session, keys[key], hours[keys[key]])


def _key(kind: str) -> str:
    return f"daily:{kind}"


def _next(at: time) -> datetime:
    now = clock.now().astimezone(PARIS)
    due = datetime.combine(now.date(), at, PARIS)
    return due if due > now else datetime.combine(now.date() + timedelta(days=1), at, PARIS)
