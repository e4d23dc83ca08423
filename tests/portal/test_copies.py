"""«Refaire cette demande»: a past request made again (A11)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from werkzeug.test import TestResponse

from engine.core.db import Database
from engine.core.errors import QuotaExhausted
from engine.people.accounts import Account
from engine.procedures import catalogue
from tests.portal.conftest import Visitor

Said = Callable[[TestResponse], str]


@pytest.fixture
def filed(visitor: Visitor, account: Callable[..., Account], report: Callable[..., str]) -> str:
    """The reference of a request that the visitor filed, signed in."""
    visitor.sign_in(account().login)
    return report(visitor, filed=True)


def test_each_step_is_filled_in_as_it_was_and_waits_to_be_looked_at(visitor: Visitor, filed: str, said: Said) -> None:
    asked = said(visitor.get(f"/demandes/{filed}/refaire"))
    assert "Les fichiers joints ne sont pas repris" in asked
    page = visitor.follow(visitor.post(f"/demandes/{filed}/refaire"))
    assert f"rempli comme votre demande {filed}" in said(page)
    assert "Cette étape est remplie comme votre demande précédente" in said(page)
    assert "/mes_informations" in page.request.path
    # The account's own name and not the one of then.
    assert 'value="Claire"' in page.text
    draft = page.request.path.split("/")[2]
    assert draft != filed
    step = visitor.post(page.request.path, {"prenoms": "Claire", "nom_naissance": "Martin", "courriel": "c@exemple.fr"})
    assert "Un matelas sur le trottoir." in visitor.follow(step).text


def test_a_second_click_leads_to_the_same_draft(visitor: Visitor, filed: str) -> None:
    first = visitor.post(f"/demandes/{filed}/refaire").location
    assert visitor.post(f"/demandes/{filed}/refaire").location == first


def test_a_draft_that_is_there_is_given_up_only_when_that_is_asked(
    visitor: Visitor, filed: str, said: Said, report: Callable[..., str]
) -> None:
    draft = report(visitor)
    page = visitor.follow(visitor.post(f"/demandes/{filed}/refaire"))
    assert page.request.path == f"/demandes/{filed}/refaire"
    assert draft in said(page)
    page = visitor.follow(visitor.post(f"/demandes/{filed}/refaire", {"recommencer": "oui"}))
    assert page.request.path.split("/")[2] not in (draft, filed)
    assert draft not in said(visitor.get("/mon-espace"))


def test_the_bearer_of_a_link_makes_a_request_again_too(visitor: Visitor, report: Callable[..., str]) -> None:
    reference = report(visitor, filed=True)
    page = visitor.follow(visitor.post(f"/demandes/{reference}/refaire"))
    assert page.status_code == 200
    assert 'value="Nadia"' in page.text


def test_neither_a_draft_nor_what_is_no_longer_proposed_is_made_again(
    visitor: Visitor, filed: str, data: Database, said: Said, report: Callable[..., str]
) -> None:
    draft = report(visitor)
    assert visitor.follow(visitor.post(f"/demandes/{draft}/refaire")).request.path.endswith("/suivi")
    data.run(catalogue.withdraw, "signalement")
    page = visitor.follow(visitor.get(f"/demandes/{filed}/refaire"))
    assert "n’est plus proposée" in said(page)


def test_a_full_procedure_takes_no_draft_away(
    visitor: Visitor, filed: str, said: Said, report: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A6: the draft that was to be given up for the copy stays."""
    draft = report(visitor)

    def full(*_: object, **__: object) -> None:
        raise QuotaExhausted

    monkeypatch.setattr("engine.procedures.cases.copying.open_draft", full)
    page = visitor.follow(visitor.post(f"/demandes/{filed}/refaire", {"recommencer": "oui"}))
    assert "Le nombre de demandes prévu est atteint" in said(page)
    assert draft in said(visitor.get("/mon-espace"))
