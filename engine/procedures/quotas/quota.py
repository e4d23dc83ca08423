"""How many places there are: by procedure, by period, by answer (A6)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import ForeignKey, Index, Integer, Text, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, mapped_column

from engine.core import clock
from engine.core.db import Base, Session, UtcDateTime, new_id
from engine.core.errors import QuotaExhausted

if TYPE_CHECKING:
    from engine.procedures.catalogue import Definition

HELD, KEPT, OFFERED, LAPSED = "held", "kept", "offered", "lapsed"
PERIODS = ("day", "week", "month", "year")
# How long filling in may take where the procedure doesn't say.
USUAL = timedelta(minutes=30)


class Quota(Base):
    """So many places. `name` is empty for the procedure's own quota; `share` is the answer it counts apart; `period` the time.

    `capacity` is what the procedure says, `wanted` what agents decided in its place. `taken` is the number of its places: held,
    kept, or offered to the waiting list. `numbers` is the last number given there.
    """

    __tablename__ = "quota"
    __table_args__ = (
        Index("uq_quota_procedure_name_share_period", "procedure", "name", "share", "period", unique=True),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    procedure: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    share: Mapped[str] = mapped_column(Text)
    period: Mapped[str] = mapped_column(Text)
    capacity: Mapped[int] = mapped_column(Integer)
    wanted: Mapped[int | None] = mapped_column(Integer)
    taken: Mapped[int] = mapped_column(Integer)
    numbers: Mapped[int] = mapped_column(Integer)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)

    @property
    def places(self) -> int:
        """How many there are in all."""
        return self.capacity if self.wanted is None else self.wanted

    @property
    def left(self) -> int:
        """Places that nobody has; none when agents lowered the capacity below what was taken."""
        return max(self.places - self.taken, 0)


class QuotaPlace(Base):
    """A place that a request holds or keeps, or that is offered to somebody who waits.

    `element_id` is the operation that asked for it; empty for the procedure's own quota. A hold that ran out is lapsed: it counts
    for nothing any more, and says what to take again.
    """

    __tablename__ = "quota_place"
    __table_args__ = (
        Index("uq_quota_place_case_id_element_id", "case_id", "element_id", unique=True),
        Index("ix_quota_place_quota_id", "quota_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    quota_id: Mapped[UUID] = mapped_column(ForeignKey("quota.id"))
    case_id: Mapped[UUID | None]
    element_id: Mapped[str] = mapped_column(Text)
    waiting_id: Mapped[UUID | None]
    status: Mapped[str] = mapped_column(Text)
    held_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    prolonged: Mapped[int] = mapped_column(Integer)
    taken_at: Mapped[datetime] = mapped_column(UtcDateTime)


@dataclass(frozen=True)
class Rule:
    """A quota as a procedure writes it: so many places by period, and by share when an answer counts apart."""

    procedure: str
    capacity: int
    name: str = ""
    share: str = ""
    period: str = ""

    @property
    def key(self) -> str:
        """The period of today."""
        return period_of(self.period, clock.today())


def rule_of(definition: Definition) -> Rule | None:
    """The quota of the procedure itself, if it has one (properties `quota` and `quotaPeriod`)."""
    capacity = definition.properties.get("quota")
    if not capacity:
        return None
    return Rule(definition.slug, int(capacity), period=definition.properties.get("quotaPeriod", ""))


def until(definition: Definition) -> datetime:
    """The end of a hold that begins now: it lasts as long as filling in may (`maxDuration`)."""
    return clock.now() + (definition.duration("maxDuration") or USUAL)


def period_of(kind: str, day: date) -> str:
    """What a period is called: « 2026 », « 2026-03 », « 2026-W12 », a day; empty when it never begins anew."""
    year, week, _ = day.isocalendar()
    names = {"day": day.isoformat(), "week": f"{year}-W{week:02}", "month": f"{day:%Y-%m}", "year": f"{day:%Y}"}
    return names.get(kind, "")


# --- looking ----------------------------------------


def look(session: Session, rule: Rule) -> Quota | None:
    """The places of a rule today; None when nobody ever asked: all of them are left."""
    return session.scalar(
        select(Quota)
        .where(
            Quota.procedure == rule.procedure,
            Quota.name == rule.name,
            Quota.share == rule.share,
            Quota.period == rule.key,
        )
        .execution_options(populate_existing=True)
    )


def left(session: Session, rule: Rule) -> int:
    """How many places are left today."""
    quota = look(session, rule)
    return rule.capacity if quota is None else quota.left


# --- taking ----------------------------------------


def ensured(session: Session, rule: Rule) -> Quota:
    """The row of a rule today, made when nobody asked before."""
    quota = look(session, rule)
    if quota is None:
        dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
        session.execute(
            dialect.insert(Quota)
            .values(
                id=new_id(),
                procedure=rule.procedure,
                name=rule.name,
                share=rule.share,
                period=rule.key,
                capacity=rule.capacity,
                wanted=None,
                taken=0,
                numbers=0,
                changed_at=clock.now(),
            )
            .on_conflict_do_nothing()
        )
        quota = look(session, rule)
        assert quota is not None  # made here, or by who was quicker
    return quota


def take_one(session: Session, quota_id: UUID) -> None:
    """Count one place more, or raise `QuotaExhausted`."""
    # One UPDATE: two residents racing for the last place cannot both win.
    taken = session.scalar(
        update(Quota)
        .where(Quota.id == quota_id, Quota.taken < func.coalesce(Quota.wanted, Quota.capacity))
        .values(taken=Quota.taken + 1)
        .returning(Quota.taken),
        execution_options={"synchronize_session": False},
    )
    if taken is None:
        raise QuotaExhausted(quota_id=str(quota_id))
