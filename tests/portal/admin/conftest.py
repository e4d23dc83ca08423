"""An administrator, and an agent for them to look after."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from engine.core import audit
from engine.core.db import Database
from engine.people import places, sessions
from engine.people.accounts import Account
from engine.people.places import Place
from tests.portal.conftest import Visitor

SERVICE = "Propreté et espace public"
OTHER = "Stationnement résidentiel"


@pytest.fixture
def placed(account: Callable[..., Account], data: Database) -> Callable[..., Account]:
    """`placed("zoe@valmont.example", "Zoé", Place(…))` makes an agent's account with a place."""

    def make(login: str, first_names: str, place: Place) -> Account:
        made = account(login, kind="agent", first_names=first_names, birth_name="Aussi")
        data.run(lambda session: places.put(session, made, place, who=audit.OPERATOR))
        return made

    return make


@pytest.fixture
def signed_in(visitors: Callable[[], Visitor], data: Database) -> Callable[[Account], Visitor]:
    """A browser where this person is signed in."""

    def enter(account: Account) -> Visitor:
        browser = visitors()
        browser.client.set_cookie("parvis_connexion", data.run(sessions.open, account))
        return browser

    return enter


@pytest.fixture
def helene(placed: Callable[..., Account]) -> Account:
    """Hélène, who administers."""
    return placed("helene@valmont.example", "Hélène", Place(roles=["administrator"]))


@pytest.fixture
def jeanne(placed: Callable[..., Account]) -> Account:
    """Jeanne, of the service."""
    return placed("jeanne@valmont.example", "Jeanne", Place([SERVICE]))


@pytest.fixture
def admin(helene: Account, signed_in: Callable[[Account], Visitor]) -> Visitor:
    return signed_in(helene)
