"""Warnings to whoever breaks the terms: sent, kept, and gone with the account (D6)."""

from __future__ import annotations

import pytest

from engine.core import audit, mail
from engine.core.db import Session
from engine.core.errors import Invalid
from engine.people import account_warnings, accounts
from engine.people.account_warnings import UnknownAccount
from engine.people.accounts import Account
from engine.people.actors import Actor


def test_a_warning_is_sent_and_kept(session: Session, claire: Account, sonia: Account) -> None:
    text = "  Le 3 mai,\u00a0 des propos\x00 injurieux. \r\n\r\n Merci.  "
    warning = account_warnings.send(session, claire, text, who=Actor("agent", sonia.id))
    assert warning.reason == "Le 3 mai, des propos injurieux.\n\nMerci."
    assert account_warnings.latest(session) == [(warning, claire.login)]
    letter = mail.outbox(session)[0]
    assert (letter.recipient, letter.name) == (claire.login, "avertissement")
    assert warning.reason in letter.text
    (entry,) = audit.listing(session)
    assert (entry.action, entry.actor_id, entry.object_id) == ("account.warned", sonia.id, str(claire.id))


@pytest.mark.parametrize("text", ["", " \n\x00 ", "x" * 2001])
def test_a_warning_says_why(session: Session, claire: Account, text: str) -> None:
    with pytest.raises(Invalid):
        account_warnings.send(session, claire, text, who=audit.OPERATOR)
    assert account_warnings.latest(session) == []


def test_residents_alone_are_warned(session: Session, claire: Account, sonia: Account) -> None:
    assert account_warnings.resident(session, " CLAIRE.MARTIN ") is claire
    for login in ("", "personne@exemple.fr", sonia.login, "\x00"):
        with pytest.raises(UnknownAccount):
            account_warnings.resident(session, login)
    accounts.deactivate(session, claire)
    with pytest.raises(UnknownAccount):
        account_warnings.resident(session, claire.login)
