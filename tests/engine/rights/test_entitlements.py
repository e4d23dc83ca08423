"""Parking rights: A14, C1."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from uuid import UUID, uuid4

import pytest

from engine.core.db import Session
from engine.core.errors import Conflict, Invalid
from engine.people.accounts import Account
from engine.rights import entitlements
from engine.rights.entitlements import Entitlement

Clock = Callable[[str], datetime]
CASE = UUID(int=1)


def add(session: Session, account: Account, starts: str, ends: str, **more: str) -> Entitlement:
    return entitlements.add(
        session,
        account.id,
        zone="Z3",
        plate=more.get("plate", "GA-482-KL"),
        numero=more.get("numero"),
        starts_on=date.fromisoformat(starts),
        ends_on=date.fromisoformat(ends),
    )


def dates(right: Entitlement) -> tuple[str, str]:
    return right.starts_on.isoformat(), right.ends_on.isoformat()


def test_a_right_is_granted_from_today(session: Session, claire: Account, clock_at: Clock) -> None:
    clock_at("2026-11-21 10:00")
    right = entitlements.grant(
        session, claire.id, zone=" Z3 ", plate="ga482kl", months=12, case_id=CASE, element_id="accord"
    )
    assert entitlements.facts(right) == {
        "numero": right.numero,
        "zone": "Z3",
        "immatriculation": "GA-482-KL",
        "debut": "2026-11-21",
        "fin": "2027-11-20",
        "statut": "actif",
        "jours_avant_fin": 364,
    }
    assert re.fullmatch(r"SR-\d{4}-\d{4}", right.numero)
    assert entitlements.of_account(session, claire.id) == [right]


def test_today_is_where_the_city_is(session: Session, claire: Account, clock_at: Clock) -> None:
    clock_at("2026-11-21T23:30:00+00:00")
    right = entitlements.grant(session, claire.id, zone="Z3", plate="GA-482-KL", case_id=CASE, element_id="accord")
    assert dates(right) == ("2026-11-22", "2027-11-21")


@pytest.mark.parametrize(
    ("starts", "ends", "renewed"),
    [
        ("2025-12-22", "2026-12-21", ("2025-12-22", "2027-12-21")),  # from its end
        ("2025-11-22", "2026-11-21", ("2025-11-22", "2027-11-21")),  # its last day is today
        ("2025-11-21", "2026-11-20", ("2026-11-21", "2027-11-20")),  # over since yesterday
        ("2025-05-01", "2026-04-30", ("2026-11-21", "2027-11-20")),  # lapsed long ago: from today
        ("2026-03-01", "2027-02-28", ("2026-03-01", "2028-02-29")),  # a leap year in between
    ],
)
def test_a_renewal_extends_from_the_later_of_today_and_the_end(
    session: Session, claire: Account, clock_at: Clock, starts: str, ends: str, renewed: tuple[str, str]
) -> None:
    clock_at("2026-11-21 10:00")
    right = add(session, claire, starts, ends)
    assert dates(entitlements.renew(session, right, months=12, case_id=CASE, element_id="renouveler")) == renewed
    assert right.revision == 2
    assert right.plate == "GA-482-KL"


def test_the_same_element_of_the_same_case_renews_once(session: Session, claire: Account, clock_at: Clock) -> None:
    clock_at("2026-11-21 10:00")
    right = add(session, claire, "2025-12-22", "2026-12-21")
    for _ in range(2):
        entitlements.renew(session, right, months=12, case_id=CASE, element_id="renouveler")
    assert dates(right) == ("2025-12-22", "2027-12-21")
    entitlements.renew(session, right, months=12, case_id=uuid4(), element_id="renouveler")
    assert dates(right) == ("2025-12-22", "2028-12-21")
    first, second = entitlements.changes(session, right.id)
    assert (first.verb, first.after["fin"], second.after["fin"]) == ("renew", "2027-12-21", "2028-12-21")


def test_the_same_element_of_the_same_case_grants_once(session: Session, claire: Account) -> None:
    granted = [
        entitlements.grant(session, claire.id, zone="Z3", plate="GA-482-KL", case_id=CASE, element_id="accord")
        for _ in range(2)
    ]
    assert granted[0] is granted[1]


def test_a_vehicle_has_one_right_at_a_time(session: Session, claire: Account, clock_at: Clock) -> None:
    clock_at("2026-11-21 10:00")
    held = add(session, claire, "2025-12-22", "2026-12-21")
    with pytest.raises(Conflict) as caught:
        entitlements.grant(session, claire.id, zone="Z3", plate="ga 482 kl", case_id=CASE, element_id="accord")
    assert caught.value.facts == {"numero": held.numero}
    entitlements.grant(session, claire.id, zone="Z3", plate="BB-111-CC", case_id=CASE, element_id="accord")
    clock_at("2026-12-22 10:00")
    entitlements.grant(session, claire.id, zone="Z3", plate="GA-482-KL", case_id=uuid4(), element_id="accord")


def test_a_right_goes_over_to_another_vehicle(session: Session, claire: Account) -> None:
    right = add(session, claire, "2025-12-22", "2026-12-21")
    for plate in ("bb111cc", "dd222ee"):
        entitlements.change_vehicle(session, right, plate=plate, case_id=CASE, element_id="changer")
    assert right.plate == "BB-111-CC"
    assert dates(right) == ("2025-12-22", "2026-12-21")


def test_a_renewal_may_change_the_vehicle(session: Session, claire: Account) -> None:
    right = add(session, claire, "2025-12-22", "2026-12-21")
    entitlements.renew(session, right, months=1, plate="bb111cc", case_id=CASE, element_id="renouveler")
    assert right.plate == "BB-111-CC"


def test_a_right_that_was_ended_stays_so(session: Session, claire: Account, clock_at: Clock) -> None:
    clock_at("2026-11-21 10:00")
    right = add(session, claire, "2025-12-22", "2026-12-21")
    entitlements.end(session, right, case_id=CASE, element_id="resilier")
    assert (entitlements.state(right), right.ends_on) == ("resilie", date(2026, 11, 21))
    with pytest.raises(Conflict):
        entitlements.renew(session, right, case_id=uuid4(), element_id="renouveler")
    with pytest.raises(Conflict):
        entitlements.change_vehicle(session, right, plate="bb111cc", case_id=uuid4(), element_id="changer")


@pytest.mark.parametrize(
    ("today", "state"),
    [("2026-11-20", "a_venir"), ("2026-11-21", "actif"), ("2027-11-20", "actif"), ("2027-11-21", "expire")],
)
def test_what_a_right_is_worth_depends_on_the_day(
    session: Session, claire: Account, clock_at: Clock, today: str, state: str
) -> None:
    right = add(session, claire, "2026-11-21", "2027-11-20")
    clock_at(f"{today} 12:00")
    assert entitlements.state(right) == state


def test_rights_are_held_by_one_person(session: Session, claire: Account, karim: Account) -> None:
    right = add(session, claire, "2025-12-22", "2026-12-21", numero="SR-4127-08")
    assert entitlements.held(session, claire.id, "SR-4127-08") is right
    assert entitlements.held(session, karim.id, "SR-4127-08") is None
    assert entitlements.of_account(session, karim.id) == []


def test_rights_that_end_last_come_first(session: Session, claire: Account) -> None:
    first = add(session, claire, "2024-01-01", "2024-12-31", plate="AA-111-AA")
    second = add(session, claire, "2025-01-01", "2025-12-31", plate="BB-222-BB")
    assert entitlements.of_account(session, claire.id) == [second, first]
    assert entitlements.of_account(session, claire.id, kind="autre") == []


@pytest.mark.parametrize("months", [0, -1, 121])
def test_an_impossible_duration_is_refused(session: Session, claire: Account, months: int) -> None:
    with pytest.raises(Invalid):
        entitlements.grant(session, claire.id, zone="Z", plate="A1", months=months, case_id=CASE, element_id="e")
    assert entitlements.of_account(session, claire.id) == []


def test_a_right_without_zone_is_refused(session: Session, claire: Account) -> None:
    with pytest.raises(Invalid):
        entitlements.grant(session, claire.id, zone="  ", plate="A1", case_id=CASE, element_id="e")


@pytest.mark.parametrize(
    ("typed", "stored"),
    [("ab123cd", "AB-123-CD"), (" AB 123 CD ", "AB-123-CD"), ("1234ab75", "1234 AB 75"), ("12 ABC 2a", "12 ABC 2A"),
     ("B-MW 1234", "BMW1234")],
)  # fmt: skip
def test_a_plate_has_one_written_form(typed: str, stored: str) -> None:
    assert entitlements.normal_plate(typed) == stored


@pytest.mark.parametrize("typed", ["", "-", "A", "A" * 13, "\x00"])
def test_what_is_no_plate_is_refused(typed: str) -> None:
    with pytest.raises(Invalid):
        entitlements.normal_plate(typed)
