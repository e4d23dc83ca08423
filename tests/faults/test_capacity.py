"""The checker of places and slots would notice what is sold twice, held for ever or miscounted (A6, D1, G4)."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import update

from engine.contact import appointments
from engine.contact.appointments import Appointment, Slot
from engine.contact.appointments.slots import AgendaDay
from engine.core import clock
from engine.core.db import Session
from engine.procedures import quotas
from engine.procedures.quotas import Quota, QuotaPlace, Rule
from tests.faults import capacity
from tests.faults.record import Acked

pytestmark = pytest.mark.sqlite_only
RULE = Rule(capacity.SLUG, 3)


@pytest.fixture
def tomorrow(session: Session) -> Slot:
    capacity.prepare(session)
    return Slot("un", clock.today() + timedelta(days=1), 9 * 12)


def take(session: Session, slot: Slot, *, held: bool = False) -> Appointment:
    until = clock.now() + timedelta(minutes=1) if held else None
    return appointments.take(
        session, slot, capacity.SERVICE, case_id=uuid4(), procedure=capacity.SLUG, held_until=until
    )


def test_nothing_is_wrong_at_first(session: Session, tomorrow: Slot) -> None:
    assert capacity.check(session, []).ok


def test_a_count_that_says_more_than_there_is(session: Session, tomorrow: Slot) -> None:
    place = quotas.hold(session, RULE, uuid4())
    session.execute(update(Quota).values(taken=2))
    assert "2 counted, 1 there, of 3" in capacity.check(session, []).places
    session.execute(update(Quota).values(taken=1, capacity=0))
    assert "1 counted, 1 there, of 0" in capacity.check(session, []).places
    session.execute(update(QuotaPlace).where(QuotaPlace.id == place.id).values(status=quotas.HELD))
    assert "1 are held for ever" in capacity.check(session, []).places


def test_a_desk_that_is_taken_twice(session: Session, tomorrow: Slot) -> None:
    take(session, tomorrow)
    session.execute(update(AgendaDay).values(taken=b""))
    assert any("bits" in what for what in capacity.check(session, []).slots)
    other = take(session, Slot("un", tomorrow.day, tomorrow.unit + 4))
    session.execute(update(Appointment).where(Appointment.id == other.id).values(unit=tomorrow.unit + 2))
    assert any("taken 2 times" in what for what in capacity.check(session, []).slots)


def test_a_hold_that_never_ends(session: Session, tomorrow: Slot) -> None:
    take(session, tomorrow, held=True)
    assert any("held for ever" in what for what in capacity.check(session, []).slots)


def test_what_was_acknowledged_and_is_not_there(session: Session, tomorrow: Slot) -> None:
    assert capacity.check(session, [Acked("keep", "ABCD-EFGH", "", "")]).lost
