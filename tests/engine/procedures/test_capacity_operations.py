"""The operations of quotas and appointments, in a request of the house (A6, D1)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from types import SimpleNamespace
from typing import Any, cast
from uuid import uuid4

import pytest

from engine.bpmn.check.declarations import APPOINTMENT_FIELDS
from engine.contact import appointments
from engine.contact.appointments import Appointment, Slot
from engine.core.db import Session
from engine.procedures import demo, operations, quotas
from engine.procedures.operations import OperationContext


@pytest.fixture
def noted() -> list[str]:
    return []


@pytest.fixture
def context(session: Session, clock_at: Callable[[str], datetime], noted: list[str]) -> OperationContext:
    """A filed request that an operation runs for: only what these operations ask of it."""
    clock_at("2026-03-02 10:00")
    demo.add_agendas(session)

    def note(kind: str, *_: Any, **__: Any) -> None:
        noted.append(kind)

    case = SimpleNamespace(id=uuid4(), procedure="composteur", draft=False)
    made = SimpleNamespace(session=session, case=case, element_id="reserver", definition=None, note=note)
    return cast(OperationContext, made)


def planned(context: OperationContext) -> Appointment:
    slot = Slot.read("2026-03-12T09:20@mairie-centrale")
    assert slot is not None
    case_id = context.case.id
    return appointments.take(
        context.session, slot, "titres-identite", case_id=case_id, procedure="essai", held_until=None
    )


def test_the_facts_are_those_that_the_checker_knows(context: OperationContext) -> None:
    assert operations.call(context, "appointments/facts", {}) == {"planned": False}
    planned(context)
    facts = operations.call(context, "appointments/facts", {})
    assert (facts["planned"], facts["date"], facts["lieu"]) == (True, "2026-03-12", "Mairie centrale")
    assert facts["fin"] == "2026-03-12T09:40:00+01:00"
    assert set(facts) == APPOINTMENT_FIELDS | {"planned", "fin"}
    assert set(facts) - {"creneau"} == set(operations.REGISTRY["appointments/facts"].returns)


def test_cancelling_gives_the_slot_back_once(
    context: OperationContext, noted: list[str], clock_at: Callable[[str], datetime]
) -> None:
    appointment = planned(context)
    assert operations.call(context, "appointments/cancel", {}) == {"cancelled": True}
    assert operations.call(context, "appointments/cancel", {}) == {"cancelled": False}
    assert (appointment.status, noted) == ("cancelled", ["appointment_cancelled"])
    planned(context)
    clock_at("2026-03-12 09:20")  # it has begun
    assert operations.call(context, "appointments/cancel", {}) == {"cancelled": False}


def test_places_by_answer_are_held_and_given_back(context: OperationContext) -> None:
    wanted = {"quota": "quartier", "capacity": 1, "share": "centre", "period": "year"}
    assert operations.call(context, "quotas/hold", wanted) == {"held": True, "left": 0}
    rule = quotas.Rule("composteur", 1, "quartier", "tilleuls", "year")
    quotas.hold(context.session, rule, uuid4())
    # None is left there: what was held for the former answer is given back too.
    assert operations.call(context, "quotas/hold", {**wanted, "share": "tilleuls"}) == {"held": False, "left": 0}
    assert operations.call(context, "quotas/release", {}) == {"released": 0}
    assert operations.call(context, "quotas/hold", wanted) == {"held": True, "left": 0}
    assert operations.call(context, "quotas/release", {"quota": "quartier"}) == {"released": 1}
