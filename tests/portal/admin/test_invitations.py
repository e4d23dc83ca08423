"""Administrators invite agents, who make their account from the link (E7)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import pytest
from werkzeug.test import TestResponse

from engine.core import config, mail
from engine.core.db import Database
from engine.people import accounts, places
from engine.people.accounts import Account
from tests.portal.admin.conftest import SERVICE
from tests.portal.conftest import PASSWORD, Visitor

# The engine's tests go through both databases.
pytestmark = pytest.mark.sqlite_only

Said = Callable[[TestResponse], str]
NEW = "/administration/invitations/nouvelle"
PAUL = "paul.aussi@valmont.example"
NAMES = {"prenoms": "Paul", "nom": "Aussi", "mot_de_passe": PASSWORD, "mot_de_passe_confirmation": PASSWORD}


def link(data: Database) -> str:
    """The address in the latest letter."""
    with data.reading() as session:
        (found,) = re.findall(r"(/invitation/\S+)", mail.outbox(session)[0].text)
    return str(found)


@pytest.fixture
def invited(admin: Visitor, data: Database) -> str:
    """Paul is invited into the service: his link."""
    assert admin.post(NEW, {"courriel": PAUL, "groupe": SERVICE}).location == "/administration/invitations"
    return link(data)


def test_whoever_is_invited_makes_their_account_and_goes_on_to_a_second_factor(
    visitor: Visitor, invited: str, data: Database, said: Said
) -> None:
    """The link leaves the address bar; it serves once; the account has its place before anybody can use it."""
    config.use(replace(config.current(), second_factor="required"))
    answer = visitor.get(invited)
    assert answer.location == "/invitation"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert PAUL in said(visitor.get("/invitation"))
    refused = visitor.post("/invitation", {**NAMES, "nom": " ", "mot_de_passe": "court"})
    assert refused.status_code == 422
    assert 'href="#nom"' in refused.text
    assert 'href="#mot_de_passe"' in refused.text
    assert 'value="Paul"' in refused.text
    proposed = visitor.post("/invitation", {**NAMES, "_action": "proposer"})
    assert "Mot de passe proposé" in said(proposed)
    page = visitor.follow(visitor.post("/invitation", NAMES))
    assert "Ajouter un second facteur" in said(page)
    assert visitor.get("/agents/corbeilles").status_code == 303
    with data.reading() as session:
        paul = accounts.by_login(session, PAUL)
        assert paul is not None
        assert places.of(session, paul.id).groups == {SERVICE}
    page = visitor.follow(visitor.get(invited))
    assert "Cette invitation n’est plus valable" in said(page)
    config.use(replace(config.current(), second_factor=None))


def test_where_it_is_only_offered_the_account_opens_on_its_queues(visitor: Visitor, invited: str, said: Said) -> None:
    visitor.get(invited)
    assert "Ma corbeille" in said(visitor.follow(visitor.post("/invitation", NAMES)))


def test_what_is_wrong_is_said_and_kept(admin: Visitor, helene: Account, said: Said) -> None:
    refused = admin.post(NEW, {"courriel": "paul", "groupe": SERVICE})
    assert refused.status_code == 422
    assert 'href="#courriel"' in refused.text
    assert 'value="paul"' in refused.text
    assert f'value="{SERVICE}" checked' in refused.text
    for place in ({"responsable": SERVICE}, {"role": "root"}, {"groupe": "Nulle part"}):
        refused = admin.post(NEW, {"courriel": PAUL, **place})
        assert refused.status_code == 422
        assert 'href="#place"' in refused.text
    assert admin.post(NEW, {"courriel": helene.login}).status_code == 409


def test_what_was_typed_outlives_the_proof_and_the_session(
    helene: Account, signed_in: Callable[[Account], Visitor], clock_at: Callable[[str], datetime]
) -> None:
    clock_at("2027-01-11 09:00")
    admin = signed_in(helene)
    clock_at("2027-01-11 09:11")
    page = admin.follow(admin.post(NEW, {"courriel": PAUL, "groupe": SERVICE}))
    assert "Vérification de votre identité" in page.text
    page = admin.follow(admin.post("/agents/profil/verification", {"mot_de_passe": PASSWORD, "suite": NEW}))
    assert f'value="{PAUL}"' in page.text
    assert f'value="{SERVICE}" checked' in page.text
    clock_at("2027-01-11 23:00")
    page = admin.follow(admin.post(NEW, {"courriel": PAUL, "role": "analyst"}))
    assert page.request.path == "/connexion"
    page = admin.follow(admin.sign_in(helene.login, suite=NEW))
    assert f'value="{PAUL}"' in page.text
    assert 'value="analyst" checked' in page.text


def test_an_invitation_is_sent_again_then_cancelled(
    admin: Visitor, visitor: Visitor, invited: str, data: Database, said: Said
) -> None:
    assert admin.post(NEW, {"courriel": PAUL}).status_code == 409
    page = admin.get("/administration/invitations")
    assert PAUL in said(page)
    (again,) = re.findall(r'action="([^"]+/renvoi)"', page.text)
    assert admin.post(again).status_code == 303
    after = link(data)
    assert after != invited
    assert visitor.follow(visitor.get(invited)).request.path == "/connexion"
    assert visitor.follow(visitor.get(after)).request.path == "/invitation"
    assert admin.post(again.replace("renvoi", "annulation")).status_code == 303
    assert visitor.post("/invitation", NAMES).location == "/connexion"
    assert "Aucune invitation" in said(admin.get("/administration/invitations"))
    assert admin.post(again).status_code == 409


def test_without_a_link_there_is_no_account_to_make(visitor: Visitor) -> None:
    assert visitor.get("/invitation").location == "/connexion"
    assert visitor.post("/invitation", NAMES).location == "/connexion"
    assert visitor.follow(visitor.get("/invitation/autre")).request.path == "/connexion"
