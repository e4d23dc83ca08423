"""Between the password and the second factor (E7)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from engine.core import audit, clock, config, mail
from engine.core.config import Settings
from engine.core.db import Session
from engine.core.errors import Throttled
from engine.people import (
    accounts,
    passkeys,
    passwords,
    pending_sign_ins,
    recovery,
    second_factors,
    sessions,
    sign_in,
    totp,
)
from engine.people.accounts import Account
from engine.people.passkeys import Site
from engine.people.pending_sign_ins import PendingOver
from engine.people.sign_in import Begun
from tests.authenticator import Authenticator
from tests.engine.people.test_totp import code_of

Clock = Callable[[str | datetime], datetime]
HERE = "192.0.2.7"
SITE = Site("localhost", "http://localhost")


@pytest.fixture(scope="module")
def password_hash() -> str:
    return passwords.hashed("Tilleul-1987!")


@pytest.fixture
def agent(session: Session, sonia: Account, password_hash: str) -> Account:
    sonia.password_hash = password_hash
    return sonia


@pytest.fixture
def codes(session: Session, agent: Account, clock_at: Clock) -> list[str]:
    """The recovery codes of the agent, who has an application since nine; it is five past."""
    clock_at("2027-01-11 09:00")
    totp.start(session, agent)
    made = totp.confirm(session, agent, code_of(session, agent))
    assert made is not None
    clock_at("2027-01-11 09:05")
    return made


def begin(session: Session, account: Account) -> Begun:
    assert account.password_hash is not None
    return sign_in.begin(session, sign_in.Proof(account.id, account.password_hash, None))


def prove(session: Session, token: str, code: str = "", passkey: str = "") -> str | None:
    return pending_sign_ins.prove(session, token, code=code, passkey=passkey, site=SITE, address=HERE)


def test_an_agent_goes_on_to_a_second_factor_and_a_resident_does_not(
    session: Session, agent: Account, claire: Account, password_hash: str
) -> None:
    claire.password_hash = password_hash
    begun = begin(session, agent)
    assert not begun.complete
    assert sessions.resolve(session, begun.token) is None
    assert begin(session, claire).complete


def test_where_it_is_only_offered_who_has_one_proves_it(
    session: Session, agent: Account, settings: Settings, clock_at: Clock
) -> None:
    config.use(replace(settings, second_factor="offered"))
    assert begin(session, agent).complete
    totp.start(session, agent)
    assert totp.confirm(session, agent, code_of(session, agent))
    assert not begin(session, agent).complete


@pytest.mark.parametrize(
    ("setting", "demo", "loopback", "required"),
    [
        (None, False, True, True),
        (None, True, True, False),
        (None, True, False, True),  # a demonstration that others reach
        ("required", True, True, True),
        ("offered", False, False, False),
    ],
)
def test_it_is_required_unless_one_tries_the_demonstration(
    settings: Settings, setting: str | None, demo: bool, loopback: bool, required: bool
) -> None:
    made = replace(settings, second_factor=setting, demo=demo, loopback=loopback)
    assert made.second_factor_required is required


@pytest.mark.usefixtures("codes")
def test_a_code_opens_the_session_once(session: Session, agent: Account) -> None:
    token, other = begin(session, agent).token, begin(session, agent).token
    code = code_of(session, agent)
    opened = prove(session, token, code)
    assert opened is not None
    actor = sessions.resolve(session, opened)
    assert actor is not None
    assert actor.account_id == agent.id
    assert sessions.freshly_proved(session, opened)
    with pytest.raises(PendingOver):
        prove(session, token, code_of(session, agent, later=1))
    assert prove(session, other, code) is None


def test_a_recovery_code_serves_once_and_its_owner_is_told(session: Session, agent: Account, codes: list[str]) -> None:
    assert prove(session, begin(session, agent).token, codes[3])
    assert "Il vous en reste 9." in mail.outbox(session)[0].text
    assert prove(session, begin(session, agent).token, codes[3]) is None
    assert "account.recovery_code_used" in [one.action for one in audit.listing(session)]


def test_a_passkey_opens_the_session(session: Session, agent: Account) -> None:
    device = Authenticator()
    passkeys.add(session, agent, SITE, device.create(passkeys.creation_options(session, agent, SITE)))
    token = begin(session, agent).token
    assert prove(session, token, passkey=Authenticator().get(passkeys.request_options(session, agent.id, SITE))) is None
    assert prove(session, token, passkey=device.get(passkeys.request_options(session, agent.id, SITE)))


@pytest.mark.usefixtures("codes")
def test_five_wrong_codes_end_it_and_its_owner_is_told(session: Session, agent: Account) -> None:
    """And the account isn't locked: the password begins another."""
    token = begin(session, agent).token
    for _ in range(5):
        assert prove(session, token, "000000") is None
    with pytest.raises(PendingOver):
        prove(session, token, code_of(session, agent))
    assert "Quelqu’un a saisi le bon mot de passe" in mail.outbox(session)[0].text
    assert prove(session, begin(session, agent).token, code_of(session, agent))


@pytest.mark.usefixtures("codes")
def test_guessing_from_one_network_is_slowed_down(session: Session, agent: Account) -> None:
    for _ in range(2):
        token = begin(session, agent).token
        for _ in range(5):
            prove(session, token, "000000")
    token = begin(session, agent).token
    with pytest.raises(Throttled):
        prove(session, token, code_of(session, agent))
    token = begin(session, agent).token
    code = code_of(session, agent)
    assert pending_sign_ins.prove(session, token, code=code, site=SITE, address="198.51.100.1")


@pytest.mark.usefixtures("codes")
def test_a_passkey_comes_in_while_others_guess_codes(session: Session, agent: Account) -> None:
    device = Authenticator()
    passkeys.add(session, agent, SITE, device.create(passkeys.creation_options(session, agent, SITE)))
    for number in range(6):
        token = begin(session, agent).token
        for _ in range(5):
            pending_sign_ins.prove(session, token, code="000000", site=SITE, address=f"198.51.100.{number}")
    token = begin(session, agent).token
    with pytest.raises(Throttled):
        prove(session, token, code_of(session, agent))
    assert prove(session, token, passkey=device.get(passkeys.request_options(session, agent.id, SITE)))


@pytest.mark.usefixtures("codes")
def test_it_ends_by_itself_with_the_password_or_with_the_account(
    session: Session, agent: Account, clock_at: Clock
) -> None:
    token = begin(session, agent).token
    recovery.replace_password(session, agent, "another hash")
    with pytest.raises(PendingOver):
        pending_sign_ins.holder(session, token)
    token = begin(session, agent).token
    assert pending_sign_ins.holder(session, token) is agent
    agent.active = False
    session.flush()
    with pytest.raises(PendingOver):
        pending_sign_ins.holder(session, token)
    agent.active = True
    session.flush()
    clock_at(clock.now() + timedelta(minutes=10))
    with pytest.raises(PendingOver):
        pending_sign_ins.holder(session, token)


@pytest.mark.usefixtures("codes")
def test_who_has_a_factor_adds_none_before_proving_it(session: Session, agent: Account) -> None:
    token = begin(session, agent).token
    with pytest.raises(PendingOver):
        pending_sign_ins.enrolling(session, token)


def test_a_reset_lets_nobody_in_who_knew_the_password(session: Session, agent: Account, codes: list[str]) -> None:
    """Factors, codes, sessions and the password are gone; a link to choose another is promised to the mailbox."""
    opened = prove(session, begin(session, agent).token, codes[0])
    assert opened is not None
    token = begin(session, agent).token
    second_factors.reset(session, agent, who=audit.OPERATOR)
    assert sessions.resolve(session, opened) is None
    assert second_factors.of(session, agent.id) == []
    with pytest.raises(PendingOver):
        pending_sign_ins.holder(session, token)
    assert accounts.find(session, agent.id).password_hash is None
