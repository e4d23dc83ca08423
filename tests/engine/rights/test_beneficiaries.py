"""The account of a beneficiary, tied to a file without telling which datum was wrong (B18)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from engine.core import clock, mail
from engine.core.db import Session
from engine.core.errors import Throttled
from engine.people import accounts, registration, terms
from engine.people.actors import SYSTEM
from engine.people.registration import Wanted
from engine.rights import beneficiaries, care_plans
from engine.rights.beneficiaries import Claim
from engine.rights.care_plans import CarePlan

ODETTE = Claim("PA-2026-00417", "Odette Jeanne", "Marchand-Œuvrard", "1941-09-02")
WANTED = Wanted("odette@exemple.fr", "$argon2id$", "", "Odette", "Marchand")
Begin = Callable[..., str]


@pytest.fixture
def plan(session: Session) -> CarePlan:
    today = clock.today()
    return care_plans.add(
        session, account_id=None, first_names="Odette Jeanne", name="Marchand-Œuvrard", hours_per_month=18.5,
        benefits=["Aide aux repas"], starts_on=today, ends_on=today + timedelta(days=30),
        file_reference="PA-2026-00417", birth_date="1941-09-02",
    )  # fmt: skip


@pytest.fixture
def begin(session: Session) -> Begin:
    """Begin an account with a claim; the name of the letter that was written."""

    def go(claim: Claim, wanted: Wanted = WANTED, address: str = "192.0.2.1") -> tuple[str, str]:
        begun = beneficiaries.begin(session, claim, wanted, terms_read=terms.versions(), address=address)
        assert begun.sent
        letter = session.scalars(select(mail.Mail).order_by(mail.Mail.written_at.desc())).first()
        assert letter is not None
        assert letter.recipient == wanted.login
        return begun.token, letter.text

    return go  # type: ignore[return-value]


def code_in(text: str) -> str:
    return "".join(re.findall(r"^\d{4}$", text, re.M))


@pytest.mark.parametrize(
    "claim",
    [
        ODETTE,
        replace(ODETTE, reference=" pa 2026/00417 ", first_names="odette", name="MARCHAND OEUVRARD"),
    ],
    ids=["as on the letter", "as people copy it"],
)
def test_whoever_has_the_letter_gets_the_account_and_the_plan(
    session: Session, plan: CarePlan, begin: Begin, claim: Claim
) -> None:
    token, text = begin(claim)
    outcome = registration.confirm(session, token, code_in(text))
    assert outcome.account is not None
    assert outcome.file_reference == "PA-2026-00417"
    assert beneficiaries.attach(session, outcome.account.id, outcome.file_reference, SYSTEM)
    session.refresh(plan)
    assert plan.account_id == outcome.account.id


WRONG = [
    replace(ODETTE, reference="PA-2026-00418"),
    replace(ODETTE, reference="zéro"),
    replace(ODETTE, first_names="Jeanne"),
    replace(ODETTE, first_names=""),
    replace(ODETTE, name="Marchand"),
    replace(ODETTE, birth_date="1941-09-03"),
]


@pytest.mark.parametrize("claim", WRONG, ids=["file", "no file", "middle name", "no name", "name", "date"])
def test_a_wrong_datum_says_only_that_no_file_was_found(
    session: Session, plan: CarePlan, begin: Begin, claim: Claim
) -> None:
    """The same page and the same letter whichever it was; no code is ever right."""
    token, text = begin(claim)
    assert code_in(text) == ""
    assert "n’avons pas pu le rapprocher d’un dossier" in text
    for words in ("Odette", "1941", claim.reference):
        assert words not in text
    assert registration.confirm(session, token, "0000").account is None
    assert registration.resend(session, token)


def test_a_file_has_one_account(session: Session, plan: CarePlan, begin: Begin) -> None:
    first = accounts.create(session, login="fille@exemple.fr", first_names="Anne", birth_name="Marchand")
    assert beneficiaries.attach(session, first.id, "PA-2026-00417", SYSTEM)
    assert code_in(begin(ODETTE)[1]) == ""
    other = accounts.create(session, login="autre@exemple.fr", first_names="Paul", birth_name="Marchand")
    assert not beneficiaries.join(session, other.id, ODETTE, SYSTEM, address="192.0.2.1")
    assert not beneficiaries.attach(session, other.id, "PA-2026-00417", SYSTEM)


def test_an_address_that_has_an_account_is_told_in_its_mailbox_only(
    session: Session, plan: CarePlan, begin: Begin
) -> None:
    accounts.create(session, login="odette@exemple.fr", first_names="Odette", birth_name="Marchand")
    text = begin(ODETTE)[1]
    assert code_in(text) == ""
    assert "Vous avez déjà un" in text


def test_an_account_that_exists_joins_its_file(session: Session, plan: CarePlan) -> None:
    account = accounts.create(session, login="odette@exemple.fr", first_names="Odette", birth_name="Marchand")
    for claim in WRONG[2:]:
        assert not beneficiaries.join(session, account.id, claim, SYSTEM, address="192.0.2.1")
    assert beneficiaries.join(session, account.id, ODETTE, SYSTEM, address="192.0.2.1")


def test_guessing_is_slow_from_one_place_and_from_many(session: Session, plan: CarePlan) -> None:
    account = accounts.create(session, login="paul@exemple.fr", first_names="Paul", birth_name="Petit")

    def guess(address: str) -> None:
        beneficiaries.join(session, account.id, WRONG[-1], SYSTEM, address=address)

    for _ in range(beneficiaries.BY_PLACE.burst):
        guess("192.0.2.1")
    with pytest.raises(Throttled):
        guess("192.0.2.1")
    for number in range(beneficiaries.BY_FILE.burst - beneficiaries.BY_PLACE.burst):
        guess(f"198.51.100.{number}")
    with pytest.raises(Throttled):
        guess("203.0.113.1")
