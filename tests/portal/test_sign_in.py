"""Signing in and out (B6)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.portal.conftest import PASSWORD, Visitor

pytestmark = pytest.mark.sqlite_only

Said = Callable[[TestResponse], str]
CLAIRE = "claire.martin@exemple.fr"


def test_residents_land_in_their_space_and_agents_at_their_queues(
    visitor: Visitor, visitors: Callable[[], Visitor], account: Callable[..., Any]
) -> None:
    account()
    account("jeanne@valmont.example", kind="agent", first_names="Jeanne", birth_name="Instruit")
    assert visitor.sign_in(CLAIRE).location == "/mon-espace"
    assert visitors().sign_in("jeanne@valmont.example").location == "/agents/corbeilles"


def test_what_is_wrong_is_not_said(visitor: Visitor, account: Callable[..., Any], said: Said) -> None:
    account()
    known = visitor.post("/connexion", {"identifiant": CLAIRE, "mot_de_passe": "Faux-1234!"})
    unknown = visitor.post("/connexion", {"identifiant": "inconnu@exemple.fr", "mot_de_passe": "Faux-1234!"})
    assert known.status_code == unknown.status_code == 422
    assert "L’identifiant ou le mot de passe est incorrect." in said(known)
    assert said(known) == said(unknown)
    assert f'value="{CLAIRE}"' in known.text
    assert "Faux-1234!" not in known.text


def test_empty_fields_are_said_one_by_one(visitor: Visitor) -> None:
    page = visitor.post("/connexion", {})
    assert page.status_code == 422
    assert "<title>Erreur" in page.text
    assert 'href="#identifiant"' in page.text
    assert 'href="#mot_de_passe"' in page.text


def test_guessing_is_slowed_down(visitor: Visitor, account: Callable[..., Any]) -> None:
    account()
    answers = [
        visitor.post("/connexion", {"identifiant": CLAIRE, "mot_de_passe": f"Faux-{number}!"}) for number in range(8)
    ]
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["Retry-After"]) > 0


def test_signing_out_ends_the_session_for_good(visitor: Visitor, account: Callable[..., Any], said: Said) -> None:
    """A copy of the cookie is worth nothing afterwards, and the links that the browser held are forgotten."""
    account()
    draft = visitor.post("/demarches/signalement").location
    visitor.sign_in(CLAIRE)
    copy = visitor.client.get_cookie("parvis_connexion")
    assert copy is not None
    assert visitor.get(draft).status_code == 200
    page = visitor.follow(visitor.post("/deconnexion"))
    assert "Vous êtes déconnecté." in said(page)
    visitor.client.set_cookie("parvis_connexion", copy.value)
    assert visitor.get("/mon-espace").status_code == 303
    assert visitor.get(draft).status_code == 303


def test_the_cookie_is_out_of_reach_of_scripts(visitor: Visitor, account: Callable[..., Any]) -> None:
    account()
    cookies = visitor.sign_in(CLAIRE).headers.getlist("Set-Cookie")
    (cookie,) = [one for one in cookies if one.startswith("parvis_connexion=")]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Path=/" in cookie


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://ailleurs.example/",
        "//ailleurs.example",
        "/\\ailleurs.example",
        "\\\\ailleurs.example",
        "javascript:alert(1)",
        "/%0a/x\n",
    ],
)
def test_signing_in_leads_nowhere_else(visitor: Visitor, account: Callable[..., Any], elsewhere: str) -> None:
    account()
    answer = visitor.post("/connexion", {"identifiant": CLAIRE, "mot_de_passe": PASSWORD, "suite": elsewhere})
    assert answer.location == "/mon-espace"


def test_signing_in_leads_back(visitor: Visitor, account: Callable[..., Any]) -> None:
    account()
    answer = visitor.sign_in(CLAIRE, suite="/demarches?q=vélo")
    assert answer.location.startswith("/demarches?q=v")
    assert visitor.get("/connexion?suite=/demarches").location == "/demarches"


def test_signing_in_needs_the_forms_token(visitor: Visitor, account: Callable[..., Any]) -> None:
    account()
    answer = visitor.post("/connexion", {"identifiant": CLAIRE, "mot_de_passe": PASSWORD}, token=False)
    assert answer.status_code == 400
    assert visitor.client.get_cookie("parvis_connexion") is None
