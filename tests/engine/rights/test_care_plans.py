"""Care plans: A16, C2."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from engine.core.db import Session
from engine.core.errors import Invalid, NotFound
from engine.people.accounts import Account
from engine.rights import care_plans
from engine.rights.care_plans import CarePlan

Clock = Callable[[str], datetime]
CASE = UUID(int=1)
HUGUETTE = {"prenoms": "Huguette Marie", "nom_naissance": "Perrin", "nom_usage": "Lambert"}


def open_plan(session: Session, **more: Any) -> CarePlan:
    given: dict[str, Any] = {
        "case_id": CASE,
        "account_id": None,
        "usager": HUGUETTE,
        "hours_per_month": 24,
        "months": 24,
        "benefits": ["Aide à la toilette", " ", "Entretien  du logement"],
    }
    return care_plans.open_plan(session, **{**given, **more})


def test_a_plan_says_hours_dates_and_benefits(session: Session, clock_at: Clock) -> None:
    clock_at("2026-11-21 10:00")
    plan = open_plan(session)
    assert care_plans.facts(plan) == {
        "identifiant": str(plan.id),
        "heures_par_mois": 24,
        "debut": "2026-11-21",
        "fin": "2028-11-20",
        "aides": ["Aide à la toilette", "Entretien du logement"],
    }
    assert (plan.beneficiary_first_names, plan.beneficiary_name) == ("Huguette Marie", "Lambert")


def test_a_case_opens_one_plan(session: Session) -> None:
    assert open_plan(session) is open_plan(session, hours_per_month=10)
    assert open_plan(session, case_id=uuid4()) is not open_plan(session)


def test_half_hours_are_kept(session: Session) -> None:
    plan = open_plan(session, hours_per_month=12.5)
    session.expire(plan)
    assert care_plans.facts(plan)["heures_par_mois"] == 12.5


@pytest.mark.parametrize("hours", [0, -1, 745, float("nan"), float("inf")])
def test_impossible_hours_are_refused(session: Session, hours: float) -> None:
    with pytest.raises(Invalid):
        open_plan(session, hours_per_month=hours)


@pytest.mark.parametrize("months", [0, 121])
def test_an_impossible_duration_is_refused(session: Session, months: int) -> None:
    with pytest.raises(Invalid):
        open_plan(session, months=months)


def test_a_plan_does_not_end_before_it_begins(session: Session) -> None:
    with pytest.raises(Invalid):
        care_plans.add(
            session,
            account_id=None,
            first_names="H",
            name="L",
            hours_per_month=1,
            benefits=[],
            starts_on=date(2026, 1, 2),
            ends_on=date(2026, 1, 1),
        )


def test_the_plan_in_force_is_todays(session: Session, claire: Account, clock_at: Clock) -> None:
    clock_at("2026-11-21 10:00")
    plan = open_plan(session, account_id=claire.id, months=12)
    assert care_plans.current(session, claire.id) is plan
    clock_at("2027-11-20 10:00")
    assert care_plans.current(session, claire.id) is plan
    clock_at("2027-11-21 10:00")
    assert care_plans.current(session, claire.id) is None
    assert care_plans.of_account(session, claire.id) == [plan]
    assert care_plans.find(session, plan.id) is plan
    with pytest.raises(NotFound):
        care_plans.find(session, uuid4())
