"""A new private link for who has lost theirs (A9, A11)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from engine.core import mail
from engine.core.db import Database
from engine.people.accounts import Account
from engine.procedures import references
from tests.portal.conftest import Visitor

Said = Callable[[TestResponse], str]
ADDRESS = "/lien-de-suivi"
HERS = "nadia.petit@exemple.fr"


def letters(data: Database) -> list[mail.Mail]:
    with data.reading() as session:
        return list(session.scalars(select(mail.Mail).where(mail.Mail.name == "nouveau-lien")))


def test_who_lost_the_link_is_told_of_another_and_gets_it(
    visitor: Visitor, visitors: Callable[[], Visitor], data: Database, report: Callable[..., str], said: Said
) -> None:
    """From the request that asks to sign in, to the request."""
    reference = report(visitor, filed=True)
    elsewhere = visitors()
    page = elsewhere.follow(elsewhere.get(f"/demandes/{reference}/suivi"))
    assert f'href="{ADDRESS}"' in page.text
    assert f'href="{ADDRESS}"' in elsewhere.get("/suivi/perdu").text
    page = elsewhere.follow(
        elsewhere.post(ADDRESS, {"reference": reference.lower(), "courriel": "Nadia.Petit@exemple.fr "})
    )
    assert "un lien vient d’y être envoyé" in said(page)
    [letter] = letters(data)
    assert letter.recipient == HERS
    link = "/suivi/" + letter.text.split("/suivi/")[1].split()[0]
    assert elsewhere.follow(elsewhere.get(link)).request.path == f"/demandes/{reference}/suivi"


def test_nothing_tells_whether_there_is_such_a_request(
    visitor: Visitor, data: Database, report: Callable[..., str]
) -> None:
    reference = report(visitor, filed=True)
    unknown = references.complete("2345678")
    answers = [
        visitor.post(ADDRESS, {"reference": one, "courriel": address}).location
        for one, address in ((reference, HERS), (reference, "autre@exemple.fr"), (unknown, HERS))
    ]
    assert set(answers) == {f"{ADDRESS}/envoye"}
    assert len(letters(data)) == 1


def test_a_mailbox_is_not_filled(visitor: Visitor, data: Database, report: Callable[..., str]) -> None:
    reference = report(visitor, filed=True)
    codes = [visitor.post(ADDRESS, {"reference": reference, "courriel": HERS}).status_code for _ in range(22)]
    assert len(letters(data)) == 3
    assert codes[:5] == [303] * 5
    assert codes[-1] == 429


def test_what_joined_an_account_is_led_to_without_a_key(
    visitor: Visitor, account: Callable[..., Account], data: Database, report: Callable[..., str]
) -> None:
    made = account()
    reference = report(visitor, filed=True)
    visitor.sign_in(made.login)
    visitor.post(f"/demandes/{reference}/rattacher")
    visitor.post(ADDRESS, {"reference": reference, "courriel": HERS})
    [letter] = letters(data)
    assert f"/demandes/{reference}/suivi" in letter.text
    assert "/suivi/" not in letter.text


@pytest.mark.parametrize(
    ("typed", "wrong"),
    [({"reference": "K7QM", "courriel": HERS}, "reference"), ({"reference": "", "courriel": "nadia"}, "courriel")],
)
def test_errors_come_with_what_was_typed(visitor: Visitor, typed: dict[str, str], wrong: str) -> None:
    page = visitor.post(ADDRESS, typed)
    assert page.status_code == 422
    assert f'href="#{wrong}"' in page.text
    assert f'value="{typed["courriel"]}"' in page.text
