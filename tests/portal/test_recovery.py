"""«J’ai oublié mon mot de passe» (B6)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.test import TestResponse

from engine.core import jobs, mail
from engine.core.db import Database
from engine.handlers import HANDLERS
from tests.portal.conftest import Visitor

Said = Callable[[TestResponse], str]
ASK, NEW = "/mot-de-passe/oubli", "/mot-de-passe/nouveau"
CLAIRE = "claire.martin@exemple.fr"
OTHER = "Platane-2031!"


def link(data: Database) -> str:
    jobs.drain(data, HANDLERS)
    with data.reading() as session:
        text = next(one.text for one in mail.outbox(session) if one.name == "mot-de-passe-lien")
    return re.findall(r"https?://[^/]+(/mot-de-passe/nouveau/\S+)", text)[0]


def asked(visitor: Visitor, data: Database) -> str:
    assert visitor.post(ASK, {"identifiant": CLAIRE}).location == f"{ASK}/envoye"
    return link(data)


def test_the_link_leads_to_another_password(
    visitors: Callable[[], Visitor], data: Database, account: Callable[..., Any], said: Said
) -> None:
    account()
    elsewhere, visitor = visitors(), visitors()
    elsewhere.sign_in(CLAIRE)
    address = asked(visitor, data)
    answer = visitor.get(address)
    assert answer.location == NEW
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    page = visitor.get(NEW)
    assert "Choisir un nouveau mot de passe" in said(page)
    page = visitor.follow(visitor.post(NEW, {"mot_de_passe": OTHER, "mot_de_passe_confirmation": OTHER}))
    assert "Votre mot de passe est modifié." in said(page)
    assert elsewhere.get("/mon-espace").status_code == 303
    assert visitor.sign_in(CLAIRE).status_code == 422
    assert visitor.sign_in(CLAIRE, mot_de_passe=OTHER).location == "/mon-espace"


@pytest.mark.parametrize(
    ("asking", "leads_to"),
    [
        ("?suite=/mon-espace/profil/coordonnees", r"/mon-espace/profil/coordonnees"),
        ("?demarche=stationnement-renouvellement", r"/demandes/[A-Z0-9-]+(/etapes/\w+)?"),
    ],
)
def test_who_forgot_comes_back_to_where_they_were_going(
    visitor: Visitor, data: Database, account: Callable[..., Any], asking: str, leads_to: str
) -> None:
    """B6: through the mailbox and back, to the page or the procedure that asked them to sign in."""
    account()
    page = visitor.get(f"/connexion{asking}").text
    (forgotten,) = re.findall(rf'href="({ASK}[^"]*)"', page)
    page = visitor.get(forgotten.replace("&amp;", "&")).text
    fields = dict(re.findall(r'<input type="hidden" name="(suite|demarche)" value="([^"]*)"', page))
    visitor.post(ASK, {"identifiant": CLAIRE, **fields})
    visitor.get(link(data))
    answer = visitor.post(NEW, {"mot_de_passe": OTHER, "mot_de_passe_confirmation": OTHER})
    page = visitor.get(answer.location).text
    fields = dict(re.findall(r'<input type="hidden" name="(suite|demarche)" value="([^"]*)"', page))
    answer = visitor.sign_in(CLAIRE, **{**fields, "mot_de_passe": OTHER})
    assert re.fullmatch(leads_to, answer.location)


def test_a_link_serves_once(
    visitors: Callable[[], Visitor], data: Database, account: Callable[..., Any], said: Said
) -> None:
    account()
    visitor, thief = visitors(), visitors()
    address = asked(visitor, data)
    for one in (visitor, thief):
        one.get(address)
    visitor.post(NEW, {"mot_de_passe": OTHER, "mot_de_passe_confirmation": OTHER})
    answer = thief.post(NEW, {"mot_de_passe": "Voleur-2031!", "mot_de_passe_confirmation": "Voleur-2031!"})
    assert answer.location == ASK
    assert "n’est plus valable" in said(thief.follow(answer))
    assert visitor.sign_in(CLAIRE, mot_de_passe=OTHER).location == "/mon-espace"


def test_a_refused_password_leaves_the_link(
    visitor: Visitor, data: Database, account: Callable[..., Any], said: Said
) -> None:
    account()
    visitor.get(asked(visitor, data))
    for typed in ("court", "Martin-2031!"):
        page = visitor.post(NEW, {"mot_de_passe": typed, "mot_de_passe_confirmation": typed})
        assert page.status_code == 422
        assert 'href="#mot_de_passe"' in page.text
    page = visitor.post(NEW, {"_action": "proposer"})
    assert "data-proposed>" in page.text
    assert visitor.post(NEW, {"mot_de_passe": OTHER, "mot_de_passe_confirmation": OTHER}).location == "/connexion"


def test_nobody_learns_who_has_an_account(
    visitor: Visitor, data: Database, account: Callable[..., Any], said: Said
) -> None:
    account()
    pages = []
    for login in (CLAIRE, "inconnu@exemple.fr", "x" * 1000):
        answer = visitor.post(ASK, {"identifiant": login})
        pages.append((answer.status_code, answer.location, said(visitor.follow(answer))))
    assert len(set(pages)) == 1
    jobs.drain(data, HANDLERS)
    with data.reading() as session:
        assert [one.recipient for one in mail.outbox(session)] == [CLAIRE]


def test_an_empty_box_is_said(visitor: Visitor) -> None:
    page = visitor.post(ASK, {"identifiant": " "})
    assert page.status_code == 422
    assert 'href="#identifiant"' in page.text


@pytest.mark.parametrize("token", ["x", "é" * 50, "..", "%00"])
def test_what_is_no_link_leads_to_asking_for_one(visitor: Visitor, token: str) -> None:
    answer = visitor.get(f"{NEW}/{token}")
    assert answer.status_code in (303, 400, 404)
    assert visitor.get(NEW).location == ASK
    assert visitor.post(NEW, {"mot_de_passe": OTHER, "mot_de_passe_confirmation": OTHER}).location == ASK
