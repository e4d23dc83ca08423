"""An agent's profile: second factors added, named and removed, recovery codes, each after a fresh proof (E7)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from werkzeug.test import TestResponse

from engine.core import config
from engine.core.db import Database, Session
from engine.people import second_factors, totp
from engine.people.accounts import Account
from tests.portal.conftest import PASSWORD, Visitor
from tests.portal.test_second_factor import key_of, now

# The engine's tests go through both databases.
pytestmark = pytest.mark.sqlite_only

Said = Callable[[TestResponse], str]
Clock = Callable[[str], datetime]
PROFILE, FACTOR, PROOF = "/agents/profil", "/agents/profil/second-facteur", "/agents/profil/verification"


@pytest.fixture(autouse=True)
def nine(clock_at: Clock) -> None:
    clock_at("2027-01-11 09:00")


@pytest.fixture
def enrolled(data: Database, agent: Account) -> str:
    """The key of Jeanne's application, added a while ago."""

    def add(session: Session) -> str:
        factor = totp.start(session, agent)
        key = totp.key(factor)
        assert totp.confirm(session, agent, totp.code_at(key, totp.step_now() - 1), "Téléphone")
        return key

    return data.run(add)


def factor_of(data: Database, account: Account, name: str) -> str:
    """The page of one of the account's factors."""
    with data.reading() as session:
        (found,) = (one.id for one in second_factors.of(session, account.id) if one.name == name)
    return f"{FACTOR}/{found}"


def test_an_agent_without_one_adds_one_after_their_password(
    jeanne: Visitor, visitors: Callable[[], Visitor], data: Database, agent: Account, said: Said, clock_at: Clock
) -> None:
    """Where it is only offered; other browsers are signed out, and this one's session changes its token."""
    assert "n’est protégé que par son mot de passe" in said(jeanne.get(PROFILE))
    clock_at("2027-01-11 09:10")
    answer = jeanne.get(FACTOR)
    assert answer.location == f"{PROOF}?suite={FACTOR}"
    assert jeanne.post(f"{FACTOR}/application").location.startswith(PROOF)
    page = jeanne.get(answer.location)
    assert "Mot de passe" in said(page)
    refused = jeanne.post(PROOF, {"mot_de_passe": "Faux-1987!", "suite": FACTOR})
    assert refused.status_code == 422
    before = jeanne.client.get_cookie("parvis_connexion")
    assert jeanne.post(PROOF, {"mot_de_passe": PASSWORD, "suite": FACTOR}).location == FACTOR
    proved = jeanne.client.get_cookie("parvis_connexion")
    assert jeanne.get(f"{FACTOR}/application").location == FACTOR
    key = key_of(jeanne.follow(jeanne.post(f"{FACTOR}/application")))
    page = jeanne.follow(jeanne.post(f"{FACTOR}/application/code", {"code": now(key)}))
    assert len(re.findall(r"<code>[a-z0-9]{5}-[a-z0-9]{5}</code>", page.text)) == 10
    after = jeanne.client.get_cookie("parvis_connexion")
    assert before is not None
    assert proved is not None
    assert after is not None
    assert len({before.value, proved.value, after.value}) == 3
    thief = visitors()
    thief.client.set_cookie("parvis_connexion", proved.value)
    assert thief.get(PROFILE).status_code == 303
    assert "Il en reste 10 sur 10." in said(jeanne.get(PROFILE))


def test_one_is_named_and_removed_after_a_fresh_proof(
    jeanne: Visitor,
    data: Database,
    agent: Account,
    enrolled: str,
    said: Said,
    clock_at: Clock,
) -> None:
    """A password isn't proof enough for who has a second factor."""
    page = factor_of(data, agent, "Téléphone")
    clock_at("2027-01-11 09:11")
    for act in ("", "/retrait"):
        assert jeanne.post(page + act, {"nom": "Autre"}).location.startswith(PROOF)
    assert jeanne.post(PROOF, {"mot_de_passe": PASSWORD}).status_code == 422
    assert jeanne.post(PROOF, {"code": "000000" if now(enrolled) != "000000" else "1"}).status_code == 422
    code = now(enrolled)
    assert jeanne.post(PROOF, {"code": code, "suite": "//ailleurs.example"}).location == PROFILE
    assert jeanne.post(page, {"nom": "x" * 61}).status_code == 422
    assert jeanne.post(page, {"nom": "Mon téléphone"}).location == PROFILE
    assert "Mon téléphone" in said(jeanne.get(PROFILE))
    config.use(replace(config.current(), second_factor="required"))
    refused = jeanne.post(f"{page}/retrait")
    assert refused.status_code == 409
    assert "C’est votre seul second facteur" in said(refused)
    config.use(replace(config.current(), second_factor="offered"))
    assert jeanne.post(f"{page}/retrait").location == PROFILE
    assert "n’est protégé que par son mot de passe" in said(jeanne.get(PROFILE))


@pytest.mark.usefixtures("enrolled")
def test_recovery_codes_are_made_anew(jeanne: Visitor, said: Said) -> None:
    first = jeanne.follow(jeanne.post(f"{PROFILE}/codes-de-secours"))
    second = jeanne.follow(jeanne.post(f"{PROFILE}/codes-de-secours"))
    codes = [set(re.findall(r"<code>([a-z0-9-]{11})</code>", page.text)) for page in (first, second)]
    assert [len(one) for one in codes] == [10, 10]
    assert not codes[0] & codes[1]
    assert "remplacent les précédents" in said(second)


def test_codes_replace_a_factor_that_is_there(jeanne: Visitor) -> None:
    assert jeanne.post(f"{PROFILE}/codes-de-secours").status_code == 409


def test_a_factor_of_a_colleague_is_not_found(
    jeanne: Visitor, paul: Visitor, data: Database, agent: Account, enrolled: str
) -> None:
    page = factor_of(data, agent, "Téléphone")
    assert jeanne.get(page).status_code == 200
    assert paul.get(page).status_code == 404
    assert paul.post(f"{page}/retrait").status_code == 404


def test_browsers_are_signed_out_from_the_profile(
    jeanne: Visitor, agent: Account, signed_in: Callable[[Account], Visitor], said: Said
) -> None:
    other, third = signed_in(agent), signed_in(agent)
    page = jeanne.get(PROFILE)
    (first, _) = re.findall(rf'action="({PROFILE}/appareils/[0-9a-f-]+/deconnexion)"', page.text)
    assert jeanne.post(first).location == f"{PROFILE}#appareils"
    assert sorted(one.get(PROFILE).status_code for one in (other, third)) == [200, 303]
    jeanne.post(f"{PROFILE}/appareils/deconnexion")
    assert [one.get(PROFILE).status_code for one in (other, third, jeanne)] == [303, 303, 200]


def test_the_profile_is_for_agents(visitor: Visitor, account: Callable[..., Any]) -> None:
    assert visitor.get(PROFILE).location.startswith("/connexion")
    account()
    visitor.sign_in("claire.martin@exemple.fr")
    assert visitor.get(PROFILE).status_code == 403
