"""«À faire»: what is typed at a task after filing outlives leaving and errors, and is forgotten once it is sent (A3)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from engine.core.db import Database
from engine.people import sessions
from engine.people.accounts import Account
from engine.procedures.cases import Case
from tests.portal.conftest import Visitor

Said = Callable[[TestResponse], str]
INFORMATION = {
    "sexe": "F",
    "prenoms": "Claire",
    "nom_naissance": "Martin",
    "date_naissance-day": "14",
    "date_naissance-month": "3",
    "date_naissance-year": "1987",
    "adresse.voie": "12 rue des Tilleuls",
    "adresse.code_postal": "75099",
    "adresse.commune": "Valmont-sur-Seine",
    "courriel": "claire.martin@exemple.fr",
    "contact_prefere": "courriel",
}


@pytest.fixture
def task(visitor: Visitor, account: Callable[..., Account], data: Database) -> str:
    """The address of a task that waits for Claire: the code of a new e-mail."""
    visitor.client.set_cookie("parvis_connexion", data.run(sessions.open, account()))
    step = visitor.post("/demarches/coordonnees-courriel").location
    step = visitor.post(step, INFORMATION).location
    step = visitor.post(step, {"usage": "connexion", "courriel": "claire.nouvelle@exemple.fr"}).location
    confirmation = visitor.follow(visitor.post(step, {"certification": "true"}))
    return f"/demandes/{step.split('/')[2]}/a-faire/{confirmation.text.split('/a-faire/')[1].split(chr(34))[0]}"


def _typed(data: Database) -> object:
    with data.reading() as session:
        return session.scalars(select(Case)).one().typed


def test_what_is_typed_is_found_again_until_it_is_sent(visitor: Visitor, task: str, data: Database, said: Said) -> None:
    assert "aviez saisi" not in said(visitor.get(task))
    left = visitor.follow(visitor.post(task, {"action": "valider", "code": "0007", "_action": "save"}))
    assert "Votre saisie est enregistrée" in said(left)
    again = visitor.get(task)
    assert "Voici ce que vous aviez saisi" in said(again)
    assert 'value="0007"' in again.text
    assert _typed(data)
    assert visitor.post(task, {"action": "renvoyer"}).status_code == 303
    assert _typed(data) is None


def test_errors_lose_nothing(visitor: Visitor, task: str, said: Said) -> None:
    assert visitor.post(task, {"action": "valider", "code": "12345"}).status_code == 422
    assert 'value="12345"' in visitor.get(task).text
