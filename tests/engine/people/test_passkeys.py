"""Passkeys: made for this site and account, signing our challenges, once each (E7)."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from engine.core import config
from engine.core.config import Settings
from engine.core.db import Session
from engine.people import passkeys, second_factors
from engine.people.accounts import Account
from engine.people.passkeys import PasskeyRefused, Site
from tests.authenticator import Authenticator

HERE = Site("localhost", "http://localhost")


@pytest.fixture
def device(session: Session, sonia: Account) -> Authenticator:
    """A device whose passkey Sonia added."""
    made = Authenticator()
    passkeys.add(session, sonia, HERE, made.create(passkeys.creation_options(session, sonia, HERE)), "Bureau")
    return made


def test_a_passkey_proves_who_is_there(session: Session, sonia: Account, device: Authenticator) -> None:
    (factor,) = second_factors.of(session, sonia.id)
    assert (factor.kind, factor.name, factor.sign_count) == ("passkey", "Bureau", 0)
    answer = device.get(passkeys.request_options(session, sonia.id, HERE))
    assert passkeys.verify(session, sonia.id, HERE, answer)
    assert factor.sign_count == 1
    # The challenge is used up.
    assert not passkeys.verify(session, sonia.id, HERE, answer)


def test_the_first_factor_comes_with_recovery_codes(session: Session, sonia: Account) -> None:
    for expected in (10, 0):
        one = Authenticator()
        answer = one.create(passkeys.creation_options(session, sonia, HERE))
        assert len(passkeys.add(session, sonia, HERE, answer)) == expected


def test_a_device_makes_no_second_passkey(session: Session, sonia: Account, device: Authenticator) -> None:
    asked = json.loads(passkeys.creation_options(session, sonia, HERE))
    assert len(asked["excludeCredentials"]) == 1
    assert asked["user"]["name"] == sonia.login


@pytest.mark.parametrize(
    "lie",
    [
        lambda device, options: replace(device, origin="https://localhost.ailleurs.example").get(options),
        lambda device, options: Authenticator(id=device.id).get(options),  # another key under the same name
        lambda device, options: Authenticator().get(options),
        lambda device, options: device.get(json.dumps({**json.loads(options), "rpId": "ailleurs.example"})),
        lambda device, options: device.get(json.dumps({**json.loads(options), "challenge": "AAAA"})),
        lambda device, options: replace(device, counter=-1).get(options),  # a copy: its counter stayed behind
        lambda device, options: "{}",
        lambda device, options: "[" * 5000,
        lambda device, options: "null",
        lambda device, options: json.dumps({"id": "x", "response": {"clientDataJSON": "!"}}),
    ],
)
def test_what_was_not_signed_here_by_the_key_is_refused(
    session: Session, sonia: Account, device: Authenticator, lie: Callable[[Authenticator, str], str]
) -> None:
    assert passkeys.verify(session, sonia.id, HERE, device.get(passkeys.request_options(session, sonia.id, HERE)))
    assert not passkeys.verify(session, sonia.id, HERE, lie(device, passkeys.request_options(session, sonia.id, HERE)))


def test_a_challenge_is_for_one_account_and_one_purpose(
    session: Session, sonia: Account, claire: Account, device: Authenticator, clock_at: Callable[[Any], datetime]
) -> None:
    assert not passkeys.verify(session, sonia.id, HERE, device.get(passkeys.request_options(session, claire.id, HERE)))
    for_adding = json.loads(passkeys.creation_options(session, sonia, HERE))
    asked = json.dumps({"challenge": for_adding["challenge"], "rpId": "localhost"})
    assert not passkeys.verify(session, sonia.id, HERE, device.get(asked))
    late = device.get(passkeys.request_options(session, sonia.id, HERE))
    clock_at("2099-01-01 00:00")
    assert not passkeys.verify(session, sonia.id, HERE, late)


def test_an_answer_to_nothing_adds_nothing(session: Session, sonia: Account) -> None:
    answer = Authenticator().create(passkeys.creation_options(session, sonia, HERE))
    passkeys.add(session, sonia, HERE, answer)
    with pytest.raises(PasskeyRefused):
        passkeys.add(session, sonia, HERE, answer)
    assert len(second_factors.of(session, sonia.id)) == 1


@pytest.mark.parametrize(
    ("public", "asked", "expected"),
    [
        ("https://demarches.ville.example", "demarches.ville.example", "https://demarches.ville.example"),
        # Who asks doesn't choose the site.
        ("https://demarches.ville.example", "localhost", "https://demarches.ville.example"),
        ("http://127.0.0.1:8000", "localhost:8000", "http://localhost:8000"),
        ("http://127.0.0.1:8000", "127.0.0.1:8000", None),
        ("http://[::1]:8000", "[::1]:8000", None),
    ],
)
def test_passkeys_are_for_sites_with_a_name(settings: Settings, public: str, asked: str, expected: str | None) -> None:
    config.use(replace(settings, public_url=public))
    site = passkeys.site(asked)
    assert (site and site.origin) == expected
