"""Agents sign in with a second factor, and add their first one on the way in (E7)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from engine.core import config, mail
from engine.core.db import Database
from engine.people import second_factors, totp
from engine.people.accounts import Account
from tests.authenticator import Authenticator
from tests.portal.conftest import Visitor

# The engine's tests go through both databases.
pytestmark = pytest.mark.sqlite_only

Said = Callable[[TestResponse], str]
Clock = Callable[[str], datetime]
JEANNE = "jeanne@valmont.example"
VERIFICATION, CHOICE = "/connexion/verification", "/connexion/second-facteur"
APPLICATION = f"{CHOICE}/application"


@pytest.fixture(autouse=True)
def required(portal: Flask) -> Iterator[None]:
    """As outside of a demonstration."""
    settings = config.current()
    config.use(replace(settings, second_factor="required"))
    yield
    config.use(settings)


@pytest.fixture
def agent(account: Callable[..., Account]) -> Account:
    return account(
        JEANNE, kind="agent", first_names="Jeanne", birth_name="Instruit", groups_=("Propreté et espace public",)
    )


def key_of(page: TestResponse) -> str:
    """The key written on the page of an application."""
    (found,) = re.findall(r'ville-password">([A-Z2-7 ]+)<', page.text)
    return str(found).replace(" ", "")


@pytest.fixture
def enrol(agent: Account, clock_at: Clock) -> Callable[[Visitor], tuple[str, list[str]]]:
    """Sign in, add an application at nine and come in: the key and the recovery codes."""

    def walk(visitor: Visitor) -> tuple[str, list[str]]:
        clock_at("2027-01-11 09:00")
        visitor.follow(visitor.sign_in(agent.login))
        key = key_of(visitor.follow(visitor.post(APPLICATION)))
        typed = {"code": totp.code_at(key, totp.step_now()), "nom": "Téléphone"}
        page = visitor.follow(visitor.post(f"{APPLICATION}/code", typed))
        assert page.status_code == 200
        return key, re.findall(r"<code>([a-z0-9]{5}-[a-z0-9]{5})</code>", page.text)

    return walk


def now(key: str) -> str:
    return totp.code_at(key, totp.step_now())


def test_the_first_sign_in_leads_to_an_application_then_to_the_queues(
    visitor: Visitor, agent: Account, said: Said, data: Database
) -> None:
    """Nothing opens before; the codes of recovery are shown once."""
    answer = visitor.sign_in(agent.login, suite="/agents/corbeilles?q=x")
    assert answer.location == VERIFICATION
    assert visitor.get(VERIFICATION).location == CHOICE
    assert visitor.get("/agents/corbeilles").location.startswith("/connexion?")
    page = visitor.get(CHOICE)
    assert "Utiliser une application" in said(page)
    answer = visitor.post(APPLICATION)
    page = visitor.get(answer.location)
    assert page.text.count("<svg") > 1  # the QR code beside the mark
    assert key_of(page) == key_of(visitor.get(answer.location))
    refused = visitor.post(f"{APPLICATION}/code", {"code": "12 34", "nom": "Mon téléphone"})
    assert refused.status_code == 422
    assert 'href="#code"' in refused.text
    assert 'value="Mon téléphone"' in refused.text
    done = visitor.post(f"{APPLICATION}/code", {"code": now(key_of(page)), "nom": "Mon téléphone"})
    shown = done.location
    done = visitor.follow(done)
    assert len(re.findall(r"<code>[a-z0-9]{5}-[a-z0-9]{5}</code>", done.text)) == 10
    (onward,) = re.findall(r'<a class="govuk-button" href="([^"]+)"', done.text)
    assert onward == "/agents/corbeilles?q=x"
    assert visitor.get(onward).status_code == 200
    # Loading the codes again, or coming back to them, shows and sends nothing.
    again = visitor.get(shown)
    assert again.location == "/agents/profil"
    assert "déjà été montrés" in said(visitor.follow(again))
    with data.reading() as session:
        assert [one.name for one in second_factors.of(session, agent.id)] == ["Mon téléphone"]
        assert mail.outbox(session)[0].name == "second-facteur-ajoute"


def test_the_next_one_asks_for_a_code_and_leads_back(
    visitors: Callable[[], Visitor], enrol: Callable[[Visitor], tuple[str, list[str]]], said: Said, clock_at: Clock
) -> None:
    key, _ = enrol(visitors())
    clock_at("2027-01-11 14:00")
    again = visitors()
    page = again.follow(again.sign_in(JEANNE, suite="/agents/profil"))
    assert "Code à 6 chiffres" in said(page)
    assert again.post(VERIFICATION, {"code": " "}).status_code == 422
    code = now(key)
    refused = again.post(VERIFICATION, {"code": "000000" if code != "000000" else "000001"})
    assert refused.status_code == 422
    assert "Ce code n’est pas le bon" in said(refused)
    assert again.get(CHOICE).location.startswith("/connexion")  # who has a factor adds none before proving it
    again.sign_in(JEANNE, suite="/agents/profil")
    assert again.post(VERIFICATION, {"code": code}).location == "/agents/profil"
    assert "Mon profil" in said(again.get("/agents/profil"))
    # A code that served serves nobody else.
    thief = visitors()
    thief.sign_in(JEANNE)
    assert thief.post(VERIFICATION, {"code": code}).status_code == 422


def test_a_recovery_code_replaces_the_telephone_once(
    visitors: Callable[[], Visitor], enrol: Callable[[Visitor], tuple[str, list[str]]], clock_at: Clock
) -> None:
    _, codes = enrol(visitors())
    one, two = visitors(), visitors()
    one.sign_in(JEANNE)
    assert one.post(VERIFICATION, {"code": codes[0]}).location == "/agents/corbeilles"
    two.sign_in(JEANNE)
    assert two.post(VERIFICATION, {"code": codes[0]}).status_code == 422


def test_five_wrong_codes_ask_for_the_password_again(
    visitors: Callable[[], Visitor], enrol: Callable[[Visitor], tuple[str, list[str]]], said: Said
) -> None:
    enrol(visitors())
    visitor = visitors()
    visitor.sign_in(JEANNE)
    for _ in range(4):
        assert visitor.post(VERIFICATION, {"code": "aaaaa-aaaaa"}).status_code == 422
    answer = visitor.post(VERIFICATION, {"code": "aaaaa-aaaaa"})
    assert answer.location == "/connexion"
    assert "saisissez de nouveau votre mot de passe" in said(visitor.follow(answer))
    visitor.sign_in(JEANNE)
    assert visitor.get(VERIFICATION).status_code == 200


@pytest.mark.parametrize("path", [VERIFICATION, CHOICE, APPLICATION])
def test_without_a_password_there_is_nothing_to_finish(visitor: Visitor, path: str) -> None:
    assert visitor.get(path).location == "/connexion"
    assert visitor.post(VERIFICATION, {"code": "123456"}).location == "/connexion"
    assert visitor.post(f"{CHOICE}/cle/options").location == "/connexion"


def test_a_passkey_is_added_on_the_way_in_and_proves_who_is_there(
    visitors: Callable[[], Visitor], agent: Account, said: Said
) -> None:
    device, visitor = Authenticator(), visitors()
    visitor.follow(visitor.sign_in(agent.login))
    made = device.create(visitor.post(f"{CHOICE}/cle/options").text)
    assert visitor.post(f"{CHOICE}/cle", {"reponse": "{}"}).status_code == 422
    page = visitor.follow(visitor.post(f"{CHOICE}/cle", {"reponse": made, "nom": "Bureau"}))
    assert "Vos codes de secours" in said(page)
    again = visitors()
    page = again.follow(again.sign_in(agent.login))
    assert "Utiliser ma clé d’accès" in said(page)
    signed = device.get(again.post(f"{VERIFICATION}/cle").text)
    assert again.post(VERIFICATION, {"reponse": signed}).location == "/agents/corbeilles"
    thief = visitors()
    thief.sign_in(agent.login)
    assert thief.post(VERIFICATION, {"reponse": signed}).status_code == 422


def test_a_copied_cookie_is_worth_nothing_before_the_second_factor(
    visitors: Callable[[], Visitor], enrol: Callable[[Visitor], tuple[str, list[str]]], clock_at: Clock
) -> None:
    """Nor is the one that waited, once it has served: the session has a token of its own."""
    key, _ = enrol(visitors())
    clock_at("2027-01-11 14:00")
    visitor, thief = visitors(), visitors()
    visitor.sign_in(JEANNE)
    copy = visitor.client.get_cookie("parvis")
    assert copy is not None
    assert visitor.client.get_cookie("parvis_connexion") is None
    visitor.post(VERIFICATION, {"code": now(key)})
    thief.client.set_cookie("parvis", copy.value)
    assert thief.get(VERIFICATION).location == "/connexion"
    assert thief.get("/agents/profil").status_code == 303


def test_residents_are_asked_for_nothing_more(visitor: Visitor, account: Callable[..., Any]) -> None:
    account()
    assert visitor.sign_in("claire.martin@exemple.fr").location == "/mon-espace"
