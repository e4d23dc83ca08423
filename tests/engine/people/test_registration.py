"""Creating an account: what waits, the code, what a stranger may learn (B1, B4)."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime

import pytest
from sqlalchemy import select

from engine.core import mail
from engine.core.db import Database, Session
from engine.core.errors import Conflict, Invalid, NotFound
from engine.people import accounts, codes, registration, terms
from engine.people.accounts import Account
from engine.people.registration import PendingRegistration, Wanted

Clock = Callable[[str], datetime]
WANTED = Wanted(
    login="Ines.Roche@exemple.fr",
    password_hash="a hash",
    sex="F",
    first_names="Inès",
    birth_name="Roche",
    username="ines.roche",
    birth_date="1990-05-02",
    street="4 rue du Four",
    postcode="95999",
    town="Valmont-sur-Seine",
    mobile_phone="06 39 98 00 11",
    preferred_contact="telephone",
)


def begin(session: Session, wanted: Wanted = WANTED) -> str:
    return registration.begin(session, wanted, terms_read=terms.versions()).token


def letters(session: Session) -> list[str]:
    return [f"{one.name} {one.recipient}" for one in mail.outbox(session)][::-1]


def latest_code(session: Session) -> str:
    texts = [one.text for one in mail.outbox(session) if one.name == "creation-compte-code"]
    (code,) = re.findall(r"^\d{4}$", texts[0], re.MULTILINE)
    return str(code)


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 10_000:04}"


def test_the_right_code_makes_the_account_as_it_was_typed(session: Session, clock_at: Clock) -> None:
    clock_at("2027-01-31 10:00")
    token = begin(session)
    clock_at("2027-01-31 10:05")
    account = registration.confirm(session, token, latest_code(session)).account
    assert account is not None
    assert (account.login, account.username, account.kind) == ("ines.roche@exemple.fr", "ines.roche", "resident")
    assert (account.display_name, account.sex, account.birth_date) == ("Inès Roche", "F", "1990-05-02")
    assert (account.street, account.town, account.mobile_phone) == (
        "4 rue du Four",
        "Valmont-sur-Seine",
        "06 39 98 00 11",
    )
    assert (account.preferred_contact, account.password_hash, account.certified) == ("telephone", "a hash", False)
    assert letters(session) == [
        "creation-compte-code Ines.Roche@exemple.fr",
        "creation-compte-confirmation ines.roche@exemple.fr",
    ]
    accepted = terms.accepted(session, account.id)
    assert {one.text: one.version for one in accepted} == terms.versions()
    assert {one.accepted_at for one in accepted} == {datetime.fromisoformat("2027-01-31T10:00:00+01:00")}
    with pytest.raises(NotFound):
        registration.confirm(session, token, "0000")


def test_a_wrong_code_makes_nothing(session: Session) -> None:
    token = begin(session)
    code = latest_code(session)
    outcomes = [registration.confirm(session, token, wrong(code)) for _ in range(3)]
    assert [one.tries_left for one in outcomes] == [2, 1, 0]
    assert registration.confirm(session, token, code).account is None
    assert registration.resend(session, token)
    assert registration.confirm(session, token, latest_code(session)).account is not None


def test_a_code_that_comes_too_late_says_so(session: Session, clock_at: Clock) -> None:
    clock_at("2027-01-31 10:00")
    token = begin(session)
    code = latest_code(session)
    clock_at("2027-01-31 10:11")
    assert registration.confirm(session, token, code).expired


def test_a_code_is_bound_to_one_browser(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = iter([1111, 2222])
    monkeypatch.setattr("engine.people.codes.random.randbelow", lambda _limit: next(drawn))
    mine = begin(session)
    other = begin(session, replace(WANTED, login="autre@exemple.fr", username=None))
    assert registration.confirm(session, other, "1111").account is None
    assert registration.confirm(session, mine, "1111").account is not None


def test_what_was_typed_is_forgotten_after_an_hour(session: Session, clock_at: Clock) -> None:
    clock_at("2027-01-31 10:00")
    token = begin(session)
    clock_at("2027-01-31 11:00")
    with pytest.raises(NotFound):
        registration.address(session, token)
    begin(session, replace(WANTED, login="autre@exemple.fr"))
    assert len(session.scalars(select(PendingRegistration)).all()) == 1


def test_giving_up_forgets_at_once(session: Session) -> None:
    token = begin(session)
    registration.give_up(session, token)
    registration.give_up(session, "unknown")
    assert session.scalars(select(PendingRegistration)).all() == []


def test_an_address_that_has_an_account_looks_like_any_other(session: Session, claire: Account) -> None:
    """No code is ever right, tries are counted the same, and the owner of the address is told."""
    token = begin(session, replace(WANTED, login=" Claire.Martin@EXEMPLE.fr", username=None))
    assert registration.address(session, token) == "Claire.Martin@exemple.fr"
    assert letters(session) == ["creation-compte-existant Claire.Martin@exemple.fr"]
    text = mail.outbox(session)[0].text
    assert not re.search(r"^\d{4}$", text, re.MULTILINE)
    assert "/connexion" in text
    assert "/mot-de-passe/oubli" in text
    outcomes = [registration.confirm(session, token, f"{number:04}") for number in range(3)]
    assert [(one.account, one.tries_left, one.expired) for one in outcomes] == [
        (None, 2, False),
        (None, 1, False),
        (None, 0, False),
    ]
    assert [registration.resend(session, token) for _ in range(codes.CODES_A_DAY)] == [True] * 4 + [False]


def test_a_user_name_that_is_taken_is_said(session: Session, claire: Account) -> None:
    assert registration.username_taken(session, "Claire.Martin")
    assert not registration.username_taken(session, "ines.roche")
    with pytest.raises(Conflict, match="déjà pris"):
        begin(session, replace(WANTED, username="Claire.Martin"))


def test_a_user_name_taken_meanwhile_costs_no_account(session: Session) -> None:
    token = begin(session)
    accounts.create(session, login="autre@exemple.fr", username="ines.roche", first_names="A", birth_name="B")
    outcome = registration.confirm(session, token, latest_code(session))
    assert outcome.username_lost
    assert outcome.account is not None
    assert outcome.account.username is None


def test_an_account_made_elsewhere_meanwhile_is_not_made_twice(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = iter([1111, 2222])
    monkeypatch.setattr("engine.people.codes.random.randbelow", lambda _limit: next(drawn))
    first, second = begin(session), begin(session)
    assert registration.confirm(session, first, "1111").account is not None
    with pytest.raises(Conflict):
        registration.confirm(session, second, "2222")


def test_two_clicks_at_once_make_one_account(database: Database) -> None:
    with database.transaction() as session:
        token = begin(session)
        code = latest_code(session)

    def confirm(_click: int) -> bool:
        try:
            return database.run(registration.confirm, token, code).account is not None
        except NotFound:
            return False

    with ThreadPoolExecutor(4) as clicks:
        assert sum(clicks.map(confirm, range(4))) == 1
    with database.reading() as session:
        assert len(session.scalars(select(Account)).all()) == 1
        assert [one.name for one in mail.outbox(session)].count("creation-compte-confirmation") == 1


@pytest.mark.parametrize("seen", [{}, {"conditions-generales": "0", "donnees-personnelles": "1"}])
def test_texts_that_changed_are_read_again(session: Session, seen: dict[str, str]) -> None:
    with pytest.raises(Conflict, match="conditions"):
        registration.begin(session, WANTED, terms_read=seen)


@pytest.mark.parametrize("login", ["", "ines", "ines@", "a@b@c.fr"])
def test_what_is_no_address_waits_for_no_code(session: Session, login: str) -> None:
    with pytest.raises(Invalid):
        begin(session, replace(WANTED, login=login))


def test_the_database_tells_neither_the_token_nor_the_code(session: Session) -> None:
    token = begin(session)
    code = latest_code(session)
    pending = session.scalars(select(PendingRegistration)).one()
    assert token not in (pending.token_hash, *map(str, pending.wanted.values()))
    assert session.scalars(select(codes.VerificationCode)).one().digest != code


def test_too_many_codes_in_a_day_are_said_from_the_start(session: Session) -> None:
    for _ in range(codes.CODES_A_DAY):
        assert registration.begin(session, replace(WANTED, username=None), terms_read=terms.versions()).sent
    assert not registration.begin(session, replace(WANTED, username=None), terms_read=terms.versions()).sent
