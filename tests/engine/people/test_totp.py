"""Codes of an application: RFC 6238, once each, their keys sealed (E7)."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import select

from engine.core import config, secrets
from engine.core.config import Settings
from engine.core.db import Session
from engine.core.errors import NotFound
from engine.people import second_factors, totp
from engine.people.accounts import Account
from engine.people.second_factors import SecondFactor

Clock = Callable[[str], datetime]


def code_of(session: Session, account: Account, *, later: int = 0) -> str:
    """What the application of the account shows, `later` half-minutes from now."""
    factor = session.scalars(
        select(SecondFactor).where(SecondFactor.account_id == account.id, SecondFactor.kind == "totp")
    ).one()
    return totp.code_at(totp.key(factor), totp.step_now() + later)


@pytest.fixture
def enrolled(session: Session, sonia: Account, clock_at: Clock) -> Account:
    """Sonia, with an application that she confirmed at nine."""
    clock_at("2027-01-11 09:00")
    totp.start(session, sonia)
    assert totp.confirm(session, sonia, code_of(session, sonia), "Téléphone")
    return sonia


@pytest.mark.parametrize(
    ("second", "code"), [(59, "287082"), (1111111109, "081804"), (1234567890, "005924"), (20000000000, "353130")]
)
def test_codes_are_those_of_the_standard(second: int, code: str) -> None:
    """The vectors of RFC 6238, appendix B, in six digits."""
    assert totp.code_at(base64.b32encode(b"12345678901234567890").decode(), second // 30) == code


def test_an_application_counts_once_it_showed_a_code(session: Session, sonia: Account, clock_at: Clock) -> None:
    clock_at("2027-01-11 09:00")
    totp.start(session, sonia)
    assert second_factors.of(session, sonia.id) == []
    assert not totp.verify(session, sonia.id, code_of(session, sonia))
    assert totp.confirm(session, sonia, "000000") is None
    codes = totp.confirm(session, sonia, code_of(session, sonia), " Mon  téléphone ")
    assert codes is not None
    assert len(set(codes)) == 10
    (factor,) = second_factors.of(session, sonia.id)
    assert (factor.name, factor.kind) == ("Mon téléphone", "totp")
    with pytest.raises(NotFound):
        totp.begun(session, sonia.id)


def test_a_code_never_serves_twice(session: Session, enrolled: Account, clock_at: Clock) -> None:
    """The one that confirmed the application doesn't either."""
    assert not totp.verify(session, enrolled.id, code_of(session, enrolled))
    clock_at("2027-01-11 09:01")
    code = code_of(session, enrolled)
    assert totp.verify(session, enrolled.id, code)
    assert not totp.verify(session, enrolled.id, code)
    # Nor one of before it, that nobody used.
    assert not totp.verify(session, enrolled.id, code_of(session, enrolled, later=-1))


@pytest.mark.parametrize(("later", "right"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_clocks_may_differ_by_half_a_minute(
    session: Session, enrolled: Account, clock_at: Clock, later: int, right: bool
) -> None:
    clock_at("2027-01-11 09:10")
    assert totp.verify(session, enrolled.id, code_of(session, enrolled, later=later)) is right


@pytest.mark.parametrize("typed", ["", "12345", "abcdef", "١٢٣٤٥٦", "1234567", "\x00", "\ud800"])
def test_what_is_no_code_is_wrong(session: Session, enrolled: Account, typed: str) -> None:
    assert not totp.verify(session, enrolled.id, typed)


def test_a_code_may_be_typed_in_two_halves(session: Session, enrolled: Account, clock_at: Clock) -> None:
    clock_at("2027-01-11 09:01")
    code = code_of(session, enrolled)
    assert totp.verify(session, enrolled.id, f" {code[:3]} {code[3:]} ")


def test_the_key_is_sealed_for_its_account(session: Session, sonia: Account, claire: Account) -> None:
    """Whoever reads the table has no key, and a row moved to another account opens nothing."""
    factor = totp.start(session, sonia)
    key = totp.key(factor)
    assert factor.secret is not None
    assert key not in factor.secret
    assert len(base64.b32decode(key)) == 20
    moved = SecondFactor(account_id=claire.id, kind="totp", name="", secret=factor.secret)
    with pytest.raises(secrets.Undecipherable):
        totp.key(moved)


def test_keys_outlive_a_new_secret_key(session: Session, sonia: Account, settings: Settings) -> None:
    factor = totp.start(session, sonia)
    key = totp.key(factor)
    rotated = replace(settings, secret_key="another", former_secret_keys=(settings.secret_key,))
    config.use(rotated)
    assert totp.key(factor) == key
    assert totp.reseal(session) == 1
    assert totp.reseal(session) == 0
    config.use(replace(rotated, former_secret_keys=()))
    assert totp.key(factor) == key


def test_the_qr_code_says_what_applications_read(session: Session, sonia: Account) -> None:
    factor = totp.start(session, sonia)
    read = urlsplit(totp.uri(factor, sonia))
    assert (read.scheme, read.netloc, read.path) == ("otpauth", "totp", "/Mon%20Valmont:sonia.lefevre%40exemple.fr")
    assert parse_qs(read.query) == {
        "secret": [totp.key(factor)],
        "issuer": ["Mon Valmont"],
        "digits": ["6"],
        "period": ["30"],
    }
