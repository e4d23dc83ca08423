"""ProConnect as agents meet it (E7)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from engine.core import audit, config
from engine.core.db import Database
from engine.people import openid, pending_sign_ins
from tests.issuer import Issuer
from tests.portal.conftest import Visitor
from tests.portal.test_franceconnect import address_in, leave

pytestmark = pytest.mark.sqlite_only

Said = Callable[[TestResponse], str]
BACK = "/agents/proconnect/retour"
LOGIN = "sonia.lefevre@valmont.example"
SONIA = {"given_name": "Sonia", "usual_name": "Lefèvre", "email": LOGIN, "uid": "12"}
STRONG = "https://proconnect.example/assurance/consistency-checked-2fa"


@pytest.fixture(scope="module")
def running() -> Iterator[Issuer]:
    with Issuer() as issuer:
        yield issuer


@pytest.fixture
def issuer(running: Issuer, portal: Flask) -> Issuer:
    """ProConnect, which this city uses, where every agent needs a second factor."""
    running.as_new()
    openid.forget_keys()
    config.use(replace(config.current(), proconnect=running.settings(), second_factor="required"))
    return running


def sign_in(visitor: Visitor, issuer: Issuer, *, acr: str = STRONG, suite: str = "", **person: Any) -> TestResponse:
    address = leave(visitor, "/agents/proconnect/connexion", suite=suite)
    return visitor.get(f"{BACK}?{issuer.approve(address, {**SONIA, **person}, acr=acr)}")


def test_two_factors_there_are_enough_here(
    visitor: Visitor, issuer: Issuer, account: Callable[..., Any], data: Database, said: Said
) -> None:
    account(LOGIN, kind="agent", first_names="Sonia", birth_name="Lefèvre", groups_=("Propreté et espace public",))
    assert "S’identifier avec ProConnect Qu’est-ce que ProConnect ?" in said(visitor.get("/connexion"))
    answer = sign_in(visitor, issuer, suite="/agents/corbeilles?etat=retard")
    assert answer.location == "/agents/corbeilles?etat=retard"
    assert visitor.get("/agents/corbeilles").status_code == 200
    with data.reading() as session:
        (entry,) = audit.listing(session, action="account.signed_in")
        assert entry.facts == {"by": "proconnect", "strong": True}
    out = urlsplit(address_in(visitor.post("/deconnexion")))
    assert f"{out.scheme}://{out.netloc}{out.path}" == f"{issuer.url}/session/end"
    assert parse_qs(out.query)["post_logout_redirect_uri"][0].endswith("/agents/proconnect/deconnexion")
    assert visitor.get("/agents/corbeilles").status_code == 303


def test_one_factor_there_asks_for_a_second_here(
    visitor: Visitor, issuer: Issuer, account: Callable[..., Any], data: Database
) -> None:
    """No session opens before it; and once it does, signing out goes to ProConnect too."""
    agent = account(LOGIN, kind="agent")
    answer = sign_in(visitor, issuer, acr="eidas1", suite="/agents/corbeilles")
    assert answer.location == "/connexion/verification"
    assert visitor.client.get_cookie("parvis_connexion") is None
    assert visitor.get("/agents/corbeilles").status_code == 303
    with visitor.client.session_transaction() as cookie:
        pending = cookie["pending_sign_in"]
    assert pending["suite"] == "/agents/corbeilles"
    with data.reading() as session:
        assert pending_sign_ins.holder(session, pending["token"]).id == agent.id


def test_nobody_becomes_an_agent_by_signing_in(
    visitor: Visitor, issuer: Issuer, account: Callable[..., Any], said: Said
) -> None:
    """The account exists before, and is an agent's: a resident's with the same address isn't opened."""
    account(LOGIN)
    page = sign_in(visitor, issuer)
    assert page.status_code == 403
    assert "Aucun compte d’agent" in said(page)
    assert visitor.client.get_cookie("parvis_connexion") is None


def test_franceconnect_opens_no_agents_door(visitor: Visitor, issuer: Issuer, account: Callable[..., Any]) -> None:
    """A visit to one provider doesn't come back by the other's address."""
    account(LOGIN, kind="agent")
    config.use(replace(config.current(), franceconnect=issuer.settings()))
    query = issuer.approve(leave(visitor), SONIA)
    assert visitor.get(f"{BACK}?{query}").status_code == 409
    assert visitor.get(f"{BACK}?state=inconnu&code=x").status_code == 409


def test_an_identity_left_behind_is_not_the_next_agents(
    visitor: Visitor, issuer: Issuer, account: Callable[..., Any]
) -> None:
    """Whoever signs in afterwards, by password, doesn't end somebody else's session at ProConnect."""
    account(LOGIN, kind="agent")
    other = account("marc@valmont.example", kind="agent")
    sign_in(visitor, issuer, acr="eidas1")
    config.use(replace(config.current(), second_factor="offered"))
    assert visitor.sign_in(other.login).location == "/agents/corbeilles"
    assert visitor.post("/deconnexion").location == "/demarches"


def test_an_agent_who_gives_up_is_back_at_the_door(visitor: Visitor, issuer: Issuer, said: Said) -> None:
    state = parse_qs(urlsplit(leave(visitor, "/agents/proconnect/connexion")).query)["state"][0]
    answer = visitor.get(f"{BACK}?error=access_denied&state={state}")
    assert answer.location == "/connexion"
    assert "Vous n’avez pas terminé la connexion avec ProConnect." in said(visitor.get(answer.location))
