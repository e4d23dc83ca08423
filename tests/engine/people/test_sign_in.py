"""Signing in by password: B6."""

from __future__ import annotations

import pytest
from argon2 import PasswordHasher

from engine.core.db import Session
from engine.core.errors import Throttled
from engine.people import accounts, passwords, sessions, sign_in
from engine.people.accounts import Account
from engine.people.sign_in import WrongCredentials

PASSWORD = "Tr0mpette-Jaune"
HERE = "192.0.2.7"


@pytest.fixture
def claire(session: Session, claire: Account) -> Account:
    accounts.update_password(session, claire, passwords.hashed(PASSWORD))
    return claire


@pytest.mark.parametrize("login", ["claire.martin@exemple.fr", " Claire.Martin@exemple.fr ", "claire.martin"])
def test_the_right_password_signs_in(session: Session, claire: Account, login: str) -> None:
    proof = sign_in.authenticate(session, login, PASSWORD, address=HERE)
    token = sign_in.begin(session, proof, user_agent="Firefox").token
    actor = sessions.resolve(session, token)
    assert actor is not None
    assert actor.account_id == claire.id


@pytest.mark.parametrize(
    ("login", "password"),
    [
        ("claire.martin@exemple.fr", "tr0mpette-Jaune"),
        ("claire.martin@exemple.fr", ""),
        ("nobody@exemple.fr", PASSWORD),
        ("", ""),
        ("\x00", "\x00"),
        ("\ud800", PASSWORD),
        ("a" * 100_000, "b" * 100_000),
    ],
)
def test_what_is_wrong_is_not_said(session: Session, claire: Account, login: str, password: str) -> None:
    with pytest.raises(WrongCredentials) as caught:
        sign_in.authenticate(session, login, password, address=HERE)
    assert caught.value.message == WrongCredentials.default
    assert caught.value.facts == {}


def test_a_closed_account_signs_nobody_in(session: Session, claire: Account) -> None:
    proof = sign_in.authenticate(session, claire.login, PASSWORD, address=HERE)
    accounts.deactivate(session, claire)
    with pytest.raises(WrongCredentials):
        sign_in.authenticate(session, claire.login, PASSWORD, address=HERE)
    with pytest.raises(WrongCredentials):
        sign_in.begin(session, proof)


def test_an_account_without_password_signs_nobody_in(session: Session, sonia: Account) -> None:
    with pytest.raises(WrongCredentials):
        sign_in.authenticate(session, sonia.login, "", address=HERE)


def test_a_password_changed_since_the_check_opens_nothing(session: Session, claire: Account) -> None:
    proof = sign_in.authenticate(session, claire.login, PASSWORD, address=HERE)
    accounts.update_password(session, claire, passwords.hashed("Autre-Tr0mpette"))
    with pytest.raises(WrongCredentials):
        sign_in.begin(session, proof)


def test_an_older_hash_is_replaced_at_sign_in(session: Session, claire: Account) -> None:
    old = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    accounts.update_password(session, claire, old)
    sign_in.begin(session, sign_in.authenticate(session, claire.login, PASSWORD, address=HERE))
    assert claire.password_hash != old
    assert not passwords.outdated(str(claire.password_hash))
    sign_in.authenticate(session, claire.login, PASSWORD, address=HERE)


def test_guessing_is_slow_from_one_place_and_the_resident_still_signs_in_from_another(
    session: Session, claire: Account
) -> None:
    for _ in range(6):
        with pytest.raises(WrongCredentials):
            sign_in.authenticate(session, claire.login, "x", address=HERE)
    with pytest.raises(Throttled) as caught:
        sign_in.authenticate(session, claire.login.upper(), PASSWORD, address=HERE)
    assert 0 < caught.value.retry_after <= 60
    assert sign_in.authenticate(session, claire.login, PASSWORD, address="198.51.100.1").account_id == claire.id


def test_signing_in_gives_the_tries_back(session: Session, claire: Account) -> None:
    for _ in range(3):
        for _ in range(5):
            with pytest.raises(WrongCredentials):
                sign_in.authenticate(session, claire.login, "x", address=HERE)
        sign_in.authenticate(session, claire.login, PASSWORD, address=HERE)


def test_one_place_that_tries_many_accounts_is_slowed_down(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "check", lambda *_: False)
    for number in range(60):
        with pytest.raises(WrongCredentials):
            sign_in.authenticate(session, f"a{number}@exemple.fr", "x", address=f"2001:db8::{number:x}")
    with pytest.raises(Throttled):
        sign_in.authenticate(session, "b@exemple.fr", "x", address="2001:db8::ffff")


def test_a_proof_does_not_show_the_hash(session: Session, claire: Account) -> None:
    proof = sign_in.authenticate(session, claire.login, PASSWORD, address=HERE)
    assert "argon2" not in repr(proof)
