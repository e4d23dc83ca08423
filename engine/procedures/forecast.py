"""When the next step and the end of a request can be expected, from requests that went the same way (A18).

A way is the list of what a request has waited for since it was filed: the tasks given to services and to the resident, in their
order. Every night the latest closed requests of each version are looked at, and what was measured is kept by way: how long
until the next step, and until the end. Reading a forecast is one row by its key, whatever the number of requests.

Fewer than `ENOUGH` requests say nothing: the procedure's own `expectedDelay` is all there is then.
"""

from __future__ import annotations

import hashlib
import statistics
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from uuid import UUID

from sqlalchemy import ForeignKey, Integer, Text, delete, func, insert, select
from sqlalchemy.orm import Mapped, mapped_column

from engine.core import clock
from engine.core.db import Base, Session, UtcDateTime
from engine.procedures import durations
from engine.procedures.cases.case import Case
from engine.procedures.catalogue import Definition, Version
from engine.procedures.history import Entry

ENOUGH = 30
"""Requests that make a forecast."""
LOOKED_AT = 500
"""The latest closed requests of a version that are measured."""
_LONGEST = 40
_STATIONS = ("filed", "task_opened", "resident_asked")
_CHUNK = 100


class MeasuredDelay(Base):
    """How long requests of a version took from the end of a way (`path`, hashed) to the next step and to the end, in seconds."""

    __tablename__ = "measured_delay"

    version_id: Mapped[UUID] = mapped_column(ForeignKey("version.id"), primary_key=True)
    path: Mapped[str] = mapped_column(Text, primary_key=True)
    requests: Mapped[int] = mapped_column(Integer)
    next_median: Mapped[int] = mapped_column(Integer)
    next_late: Mapped[int] = mapped_column(Integer)
    end_median: Mapped[int] = mapped_column(Integer)
    end_late: Mapped[int] = mapped_column(Integer)
    measured_at: Mapped[datetime] = mapped_column(UtcDateTime)


@dataclass(frozen=True)
class Span:
    """When something is expected: half of the requests by `median`, nine in ten by `late`."""

    median: datetime
    late: datetime

    @property
    def overdue(self) -> bool:
        """Whether nine requests in ten would be past it by now."""
        return self.late < clock.now()


@dataclass(frozen=True)
class Forecast:
    """What can be said of a running request. `requests` counts those it was measured on; without them, `usual` is when the
    procedure's own delay ends, if it has one."""

    next_step: Span | None = None
    end: Span | None = None
    requests: int = 0
    usual: datetime | None = None


def of_case(session: Session, case: Case, definition: Definition, entries: Sequence[Entry]) -> Forecast | None:
    """What to expect of a filed request that is running; None for any other. `entries` are its history, in order."""
    if case.status != "filed" or case.filed_at is None:
        return None
    way = [(_station(entry), entry.at) for entry in entries if entry.kind in _STATIONS]
    measured = None
    if way and len(way) <= _LONGEST:
        measured = session.get(MeasuredDelay, (case.version_id, _hashed([station for station, _ in way])))
    if measured is None:
        expected = definition.properties.get("expectedDelay")
        return Forecast(usual=durations.after(case.filed_at, expected) if expected else None)
    since = way[-1][1]
    return Forecast(
        next_step=_span(since, measured.next_median, measured.next_late),
        end=_span(since, measured.end_median, measured.end_late),
        requests=measured.requests,
    )


def from_filing(session: Session, version_id: UUID) -> MeasuredDelay | None:
    """What was measured of the requests of a version from their filing, whatever their way was afterwards."""
    return session.get(MeasuredDelay, (version_id, _hashed(["filed"])))


def _span(since: datetime, median: int, late: int) -> Span:
    return Span(since + timedelta(seconds=median), since + timedelta(seconds=late))


# --- measuring ----------------------------------------


def to_measure(session: Session) -> list[UUID]:
    """The versions whose requests were closed since they were last measured."""
    latest = select(func.max(MeasuredDelay.measured_at)).where(MeasuredDelay.version_id == Version.id)
    closed = select(func.max(Case.closed_at)).where(Case.version_id == Version.id, Case.status == "closed")
    found = session.execute(select(Version.id, latest.scalar_subquery(), closed.scalar_subquery())).all()
    return [
        version_id
        for version_id, measured_at, closed_at in found
        if closed_at is not None and (measured_at is None or closed_at >= measured_at)
    ]


def measure(session: Session, version_id: UUID) -> None:
    """Replace what is known of the ways of one version, from its latest closed requests."""
    closed: dict[UUID, datetime] = dict(
        session.execute(
            select(Case.id, Case.closed_at)
            .where(Case.version_id == version_id, Case.status == "closed")
            .order_by(Case.closed_at.desc())
            .limit(LOOKED_AT)
        ).all()  # type: ignore[arg-type]  # a closed request has its date
    )
    samples: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for way, end in _ways(session, closed):
        if len(way) > _LONGEST:
            continue
        moments = [at for _, at in way] + [end]
        for place, since in enumerate(moments[:-1]):
            path = _hashed([station for station, _ in way[: place + 1]])
            samples[path].append(((moments[place + 1] - since).total_seconds(), (end - since).total_seconds()))
    now = clock.now()
    rows = [
        {
            "version_id": version_id,
            "path": path,
            "requests": len(found),
            **_figures("next", [until_next for until_next, _ in found]),
            **_figures("end", [until_end for _, until_end in found]),
            "measured_at": now,
        }
        for path, found in samples.items()
        if len(found) >= ENOUGH
    ]
    session.execute(delete(MeasuredDelay).where(MeasuredDelay.version_id == version_id))
    if rows:
        session.execute(insert(MeasuredDelay), rows)


def _ways(session: Session, closed: Mapping[UUID, datetime]) -> Iterator[tuple[list[tuple[str, datetime]], datetime]]:
    """The ways of these requests, each with when it ended."""
    ids = list(closed)
    for start in range(0, len(ids), _CHUNK):
        entries = session.scalars(
            select(Entry)
            .where(Entry.case_id.in_(ids[start : start + _CHUNK]), Entry.kind.in_(_STATIONS))
            .order_by(Entry.case_id, Entry.id)
        )
        for case_id, own in groupby(entries, key=lambda entry: entry.case_id):
            yield [(_station(entry), entry.at) for entry in own], closed[case_id]


def _figures(name: str, seconds: Sequence[float]) -> dict[str, int]:
    tenths = statistics.quantiles(seconds, n=10, method="inclusive")
    return {f"{name}_median": round(statistics.median(seconds)), f"{name}_late": round(tenths[8])}


def _station(entry: Entry) -> str:
    return entry.element_id or entry.kind


def _hashed(stations: Iterable[str]) -> str:
    return hashlib.sha256("\0".join(stations).encode()).hexdigest()
