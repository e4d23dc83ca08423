"""Administrators warn whoever breaks the terms (D6)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from werkzeug.test import TestResponse

from engine.core import audit, mail
from engine.core.db import Database
from engine.people.accounts import Account
from tests.portal.conftest import Visitor

# The engine's tests go through both databases.
pytestmark = pytest.mark.sqlite_only

Said = Callable[[TestResponse], str]
WARNINGS = "/administration/avertissements"
REASON = "Le 3 mai, des propos injurieux.\r\nMerci de rester courtois."


def test_a_warning_is_read_again_then_sent_and_kept(
    admin: Visitor, account: Callable[..., Account], helene: Account, data: Database, said: Said
) -> None:
    claire = account()
    fields = {"identifiant": " Claire.Martin@exemple.fr ", "motif": REASON}
    shown = admin.post(WARNINGS, fields)
    assert shown.status_code == 200
    assert "des propos injurieux." in said(shown)
    with data.reading() as session:
        assert mail.outbox(session) == []
    again = admin.post(WARNINGS, {**fields, "_action": "modifier"})
    assert "Merci de rester courtois." in again.text
    assert admin.post(WARNINGS, {**fields, "_action": "envoyer"}).location == WARNINGS
    with data.reading() as session:
        (letter,) = mail.outbox(session)
        (entry,) = (one for one in audit.listing(session) if one.action == "account.warned")
    assert letter.recipient == claire.login
    assert "Le 3 mai, des propos injurieux.\nMerci de rester courtois." in letter.text
    assert "/conditions-generales" in letter.text
    assert (entry.actor_id, entry.object_id) == (helene.id, str(claire.id))
    page = said(admin.get(WARNINGS))
    assert "L’avertissement part à claire.martin@exemple.fr." in page
    assert "par Hélène Aussi" in page


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"identifiant": "personne@exemple.fr"}, "identifiant"),
        ({"identifiant": "helene@valmont.example"}, "identifiant"),  # an agent
        ({"identifiant": ""}, "identifiant"),
        ({"motif": " \r\n "}, "motif"),
        ({"motif": "x" * 2001}, "motif"),
    ],
)
def test_what_is_wrong_is_said_and_kept(
    admin: Visitor, account: Callable[..., Account], fields: dict[str, str], field: str
) -> None:
    account()
    refused = admin.post(
        WARNINGS, {"identifiant": "claire.martin@exemple.fr", "motif": "Le 3 mai.", "_action": "envoyer", **fields}
    )
    assert refused.status_code == 422
    assert f'href="#{field}"' in refused.text
