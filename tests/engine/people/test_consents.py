"""Consents: C1."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from uuid import uuid4

import pytest
from sqlalchemy import delete, update
from sqlalchemy.exc import DBAPIError

from engine.core.db import Session
from engine.core.errors import Invalid
from engine.people import consents
from engine.people.accounts import Account
from engine.people.consents import MOBILE_PAYMENT, PURPOSES, Consent

Clock = Callable[[str], datetime]


def test_no_choice_is_no_consent(session: Session, claire: Account) -> None:
    assert consents.current(session, claire.id, MOBILE_PAYMENT) is None
    assert not consents.granted(session, claire.id, MOBILE_PAYMENT)


def test_the_latest_choice_is_in_force_at_once(session: Session, claire: Account, clock_at: Clock) -> None:
    moment = clock_at("2024-09-16 10:00")
    consents.record(session, claire.id, MOBILE_PAYMENT, True)
    current = consents.current(session, claire.id, MOBILE_PAYMENT)
    assert current is not None
    assert (current.granted, current.at, current.version) == (True, moment, PURPOSES[MOBILE_PAYMENT].version)
    clock_at("2025-01-02 10:00")
    consents.record(session, claire.id, MOBILE_PAYMENT, False)
    assert not consents.granted(session, claire.id, MOBILE_PAYMENT)
    assert [choice.granted for choice in consents.history(session, claire.id, MOBILE_PAYMENT)] == [False, True]


def test_a_consent_is_one_persons(session: Session, claire: Account, sonia: Account) -> None:
    consents.record(session, claire.id, MOBILE_PAYMENT, True)
    assert not consents.granted(session, sonia.id, MOBILE_PAYMENT)


def test_the_same_choice_twice_is_one_record(session: Session, claire: Account, clock_at: Clock) -> None:
    clock_at("2024-09-16 10:00")
    first = consents.record(session, claire.id, MOBILE_PAYMENT, True, case_id=uuid4())
    clock_at("2024-09-16 10:01")
    assert consents.record(session, claire.id, MOBILE_PAYMENT, True) is first


def test_the_same_choice_about_other_words_is_another_record(
    session: Session, claire: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    consents.record(session, claire.id, MOBILE_PAYMENT, True)
    reworded = replace(PURPOSES[MOBILE_PAYMENT], version="2027-01")
    monkeypatch.setattr(consents, "PURPOSES", {MOBILE_PAYMENT: reworded})
    consents.record(session, claire.id, MOBILE_PAYMENT, True)
    assert [choice.version for choice in consents.history(session, claire.id, MOBILE_PAYMENT)] == ["2027-01", "2024-09"]


def test_an_unknown_purpose_is_refused(session: Session, claire: Account) -> None:
    with pytest.raises(Invalid):
        consents.record(session, claire.id, "publicité", True)


@pytest.mark.parametrize("statement", [update(Consent).values(granted=True), delete(Consent)])
def test_the_database_refuses_to_change_a_record(session: Session, claire: Account, statement: object) -> None:
    consents.record(session, claire.id, MOBILE_PAYMENT, False)
    with pytest.raises(DBAPIError, match="append-only"), session.begin_nested():
        session.execute(statement)  # type: ignore[call-overload]
    assert not consents.granted(session, claire.id, MOBILE_PAYMENT)


def test_both_choices_name_the_providers_and_the_consequence() -> None:
    asked = PURPOSES[MOBILE_PAYMENT]
    for text in (asked.granted, asked.refused):
        assert "PayByPhone, Flowbird, EasyPark, Indigo Neo" in text
    assert asked.granted.startswith("J’autorise la transmission")
    assert asked.refused.endswith("Je pourrai payer seulement à l’horodateur.")
