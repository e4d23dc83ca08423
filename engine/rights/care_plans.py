"""Care plans: the home help that the city grants, for how long and for what (A16, C2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Date, ForeignKey, Index, Numeric, Text, select
from sqlalchemy.orm import Mapped, mapped_column

from engine.core import clock
from engine.core.db import Base, Json, Session, UtcDateTime, new_id
from engine.core.errors import Invalid, NotFound
from engine.rights.periods import last_day

HOURS_MAX = Decimal(744)  # the hours of a month of 31 days
MONTHS_MAX = 120


class CarePlan(Base):
    """A plan. `account_id` is None until the beneficiary has an account: a relative may have asked, or the counter."""

    __tablename__ = "care_plan"
    __table_args__ = (
        Index("ix_care_plan_account_id", "account_id"),
        Index("ix_care_plan_file_reference", "file_reference"),
        # A case opens one plan.
        Index("uq_care_plan_case_id", "case_id", unique=True),
        CheckConstraint("starts_on <= ends_on", name="dates"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    account_id: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"))
    beneficiary_first_names: Mapped[str] = mapped_column(Text)
    beneficiary_name: Mapped[str] = mapped_column(Text)
    hours_per_month: Mapped[Decimal] = mapped_column(Numeric(6, 2))
    starts_on: Mapped[date] = mapped_column(Date)
    ends_on: Mapped[date] = mapped_column(Date)
    benefits: Mapped[list[str]] = mapped_column(Json)
    case_id: Mapped[UUID | None]
    opened_at: Mapped[datetime] = mapped_column(UtcDateTime)
    # The file of the beneficiary, as the city's letters name it: several plans in turn may be of one file (B18).
    file_reference: Mapped[str | None] = mapped_column(Text)
    birth_date: Mapped[str | None] = mapped_column(Text)


def open_plan(
    session: Session,
    *,
    case_id: UUID,
    account_id: UUID | None,
    usager: Mapping[str, Any],
    hours_per_month: Decimal | float,
    months: int,
    benefits: Sequence[str],
) -> CarePlan:
    """Open the plan that a case decided, from today for `months`; called again by the same case, the plan that is there.

    `usager` names the beneficiary. `Invalid` when the hours or the duration can't be.
    """
    plan = session.scalar(select(CarePlan).where(CarePlan.case_id == case_id))
    if plan is not None:
        return plan
    if not 1 <= months <= MONTHS_MAX:
        raise Invalid("La durée d’un plan d’aide se compte de 1 à 120 mois.", months=months)
    today = clock.today()
    return add(
        session,
        account_id=account_id,
        first_names=usager.get("prenoms") or "",
        name=usager.get("nom_usage") or usager.get("nom_naissance") or "",
        hours_per_month=hours_per_month,
        benefits=benefits,
        starts_on=today,
        ends_on=last_day(today, months),
        case_id=case_id,
    )


def add(
    session: Session,
    *,
    account_id: UUID | None,
    first_names: str,
    name: str,
    hours_per_month: Decimal | float,
    benefits: Sequence[str],
    starts_on: date,
    ends_on: date,
    case_id: UUID | None = None,
    file_reference: str | None = None,
    birth_date: str | None = None,
) -> CarePlan:
    """A plan decided elsewhere or by a case, or `Invalid` when the hours or the dates can't be."""
    hours = Decimal(str(hours_per_month))
    if not hours.is_finite() or not 0 < hours <= HOURS_MAX:
        raise Invalid("Le nombre d’heures accordées par mois n’est pas possible.", hours=str(hours))
    if ends_on < starts_on:
        raise Invalid("La fin du plan d’aide précède son début.", starts_on=str(starts_on), ends_on=str(ends_on))
    plan = CarePlan(
        id=new_id(),
        account_id=account_id,
        beneficiary_first_names=" ".join(first_names.split()),
        beneficiary_name=" ".join(name.split()),
        hours_per_month=hours.quantize(Decimal("0.01")),
        starts_on=starts_on,
        ends_on=ends_on,
        benefits=[text for benefit in benefits if (text := " ".join(benefit.split()))],
        case_id=case_id,
        opened_at=clock.now(),
        file_reference=file_reference,
        birth_date=birth_date,
    )
    session.add(plan)
    session.flush()
    return plan


def of_account(session: Session, account_id: UUID) -> list[CarePlan]:
    """The plans of an account, the latest to end first."""
    return list(
        session.scalars(
            select(CarePlan).where(CarePlan.account_id == account_id).order_by(CarePlan.ends_on.desc(), CarePlan.id)
        )
    )


def of_file(session: Session, file_reference: str) -> list[CarePlan]:
    """The plans of a file, the latest to end first."""
    return list(
        session.scalars(
            select(CarePlan)
            .where(CarePlan.file_reference == file_reference)
            .order_by(CarePlan.ends_on.desc(), CarePlan.id)
        )
    )


def find(session: Session, plan_id: UUID) -> CarePlan:
    """The plan, or `NotFound`."""
    plan = session.get(CarePlan, plan_id)
    if plan is None:
        raise NotFound(plan_id=str(plan_id))
    return plan


def current(session: Session, account_id: UUID) -> CarePlan | None:
    """The plan in force today, if any."""
    today = clock.today()
    return next((plan for plan in of_account(session, account_id) if plan.starts_on <= today <= plan.ends_on), None)


def facts(plan: CarePlan) -> dict[str, Any]:
    """The plan as processes read it, in plain JSON."""
    hours = plan.hours_per_month
    return {
        "identifiant": str(plan.id),
        "heures_par_mois": int(hours) if hours == hours.to_integral_value() else float(hours),
        "debut": plan.starts_on.isoformat(),
        "fin": plan.ends_on.isoformat(),
        "aides": list(plan.benefits),
    }
