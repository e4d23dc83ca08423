"""Another e-mail, to sign in or to be written to (A15, B4, B6)."""

from __future__ import annotations

import re

import pytest

from engine.core import mail
from engine.core.db import Session
from engine.core.errors import Invalid
from engine.people import accounts, new_emails
from engine.people.accounts import Account
from engine.people.new_emails import Use

NEW = "claire@nouveau.example"


def code_in(session: Session) -> str:
    (code,) = re.findall(
        r"^\d{4}$", next(one.text for one in mail.outbox(session) if one.name == "courriel-code"), re.M
    )
    return str(code)


def letters(session: Session) -> set[str]:
    return {f"{one.name} {one.recipient}" for one in mail.outbox(session)}


@pytest.mark.parametrize(
    ("use", "login", "contact"),
    [("connexion", NEW, "claire.martin@exemple.fr"), ("contact", "claire.martin@exemple.fr", NEW)],
)
def test_the_code_sent_to_the_new_address_changes_it(
    session: Session, claire: Account, use: Use, login: str, contact: str
) -> None:
    assert new_emails.ask(session, claire, use, NEW)
    assert claire.login == claire.contact_email == "claire.martin@exemple.fr"
    assert new_emails.confirm(session, claire, use, NEW, code_in(session)).valid
    assert (claire.login, claire.contact_email) == (login, contact)
    assert letters(session) == {f"courriel-code {NEW}", "courriel-modifie claire.martin@exemple.fr"}
    told = next(one.text for one in mail.outbox(session) if one.name == "courriel-modifie")
    assert "cl…@nouveau.example" in told
    assert NEW not in told


def test_a_code_proves_only_the_address_and_the_use_it_was_sent_for(session: Session, claire: Account) -> None:
    new_emails.ask(session, claire, "contact", NEW)
    code = code_in(session)
    assert not new_emails.confirm(session, claire, "contact", "autre@nouveau.example", code).valid
    assert not new_emails.confirm(session, claire, "connexion", NEW, code).valid
    assert claire.login == claire.contact_email == "claire.martin@exemple.fr"


def test_somebody_elses_sign_in_address_is_told_to_its_owner_only(
    session: Session, claire: Account, sonia: Account
) -> None:
    assert new_emails.ask(session, claire, "connexion", "Sonia.Lefevre@exemple.fr")
    assert letters(session) == {"courriel-existant Sonia.Lefevre@exemple.fr"}
    verdict = new_emails.confirm(session, claire, "connexion", "Sonia.Lefevre@exemple.fr", "1234")
    assert (verdict.valid, verdict.tries_left, verdict.expired) == (False, 2, False)


def test_a_contact_address_may_be_shared(session: Session, claire: Account, sonia: Account) -> None:
    new_emails.ask(session, claire, "contact", sonia.login)
    assert new_emails.confirm(session, claire, "contact", sonia.login, code_in(session)).valid


def test_ones_own_address_in_other_capitals_is_ones_own(session: Session, claire: Account) -> None:
    new_emails.ask(session, claire, "connexion", "CLAIRE.Martin@exemple.fr")
    assert new_emails.confirm(session, claire, "connexion", "CLAIRE.Martin@exemple.fr", code_in(session)).valid
    assert letters(session) == {"courriel-code CLAIRE.Martin@exemple.fr"}


def test_what_is_no_address_gets_no_code(session: Session, claire: Account) -> None:
    with pytest.raises(Invalid):
        new_emails.ask(session, claire, "contact", "nouveau")
    assert mail.outbox(session) == []


def test_user_names_are_changed_and_stay_unique(session: Session, claire: Account, sonia: Account) -> None:
    accounts.update_username(session, sonia, "Sonia")
    assert accounts.by_login(session, "sonia") is sonia
    accounts.update_username(session, sonia, None)
    assert accounts.by_login(session, "sonia") is None
