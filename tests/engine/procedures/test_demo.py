"""The people of the demonstration."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import pytest

from engine.core import config
from engine.core.config import Settings
from engine.core.db import Database, Session
from engine.core.errors import ConfigurationError, NotFound
from engine.people import accounts, groups, passwords, sign_in
from engine.procedures import demo
from engine.rights import care_plans, entitlements

Clock = Callable[[str], datetime]


@pytest.fixture
def _demonstration(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config, "_current", replace(settings, demo=True))
    monkeypatch.setattr(passwords, "hashed", lambda _: HASH)


HASH = passwords.hashed(demo.PASSWORD)


def test_the_password_of_all_keeps_every_rule() -> None:
    assert passwords.unmet(demo.PASSWORD) == []


@pytest.mark.usefixtures("_demonstration")
def test_everybody_is_there_once_and_may_sign_in(database: Database) -> None:
    people = demo.load(database)
    assert demo.load(database) == people
    with database.reading() as session:
        assert len(accounts.search(session, "", limit=100)) == len(people)
        for person in people:
            proof = sign_in.authenticate(session, person.login, demo.PASSWORD, address="192.0.2.7")
            assert accounts.find(session, proof.account_id).kind == person.kind
        assert sum(person.kind == "agent" for person in people) >= 2
        assert len(groups.names(session)) >= 2


@pytest.mark.usefixtures("_demonstration")
def test_what_a_resident_changed_is_left_alone(database: Database) -> None:
    demo.load(database)
    with database.transaction() as session:
        claire = accounts.by_login(session, "claire.martin@exemple.fr")
        assert claire is not None
        accounts.update_phones(session, claire, mobile=None, landline=None)
    demo.load(database)
    with database.reading() as session:
        assert accounts.find(session, claire.id).mobile_phone is None
        assert len(entitlements.of_account(session, claire.id)) == 1


@pytest.mark.usefixtures("_demonstration")
def test_who_signs_in_otherwise_is_still_there(database: Database) -> None:
    """The platform starts again after somebody tried «Changement de courriels» or their profile."""
    demo.load(database)
    with database.transaction() as session:
        claire = accounts.by_login(session, "claire.martin@exemple.fr")
        karim = accounts.by_login(session, "karim.benali@exemple.fr")
        assert claire is not None
        assert karim is not None
        accounts.update_emails(session, claire, login="claire@exemple.fr")
        accounts.update_username(session, claire, "claire-m")
        accounts.update_emails(session, karim, login="karim@exemple.fr")
    people = demo.load(database)
    with database.reading() as session:
        assert len(accounts.search(session, "", limit=100)) == len(people)


def test_nobody_is_loaded_outside_of_a_demonstration(database: Database) -> None:
    with pytest.raises(ConfigurationError):
        demo.load(database)
    with database.reading() as session:
        assert accounts.search(session, "") == []


def test_rights_and_plans_are_as_of_today(session: Session, clock_at: Clock) -> None:
    clock_at("2027-06-15 12:00")
    claire, huguette = demo.add(session, "claire"), demo.add(session, "huguette")
    (right,) = entitlements.of_account(session, claire.id)
    assert entitlements.facts(right)["jours_avant_fin"] == 30
    assert care_plans.current(session, huguette.id) is not None
    assert claire.password_hash is None


def test_usager_is_what_the_file_says(session: Session) -> None:
    for name, resident in demo._read()["residents"].items():
        usager = accounts.usager(demo.add(session, name))
        assert {key: usager[key] for key in resident["usager"]} == resident["usager"]


def test_an_agent_comes_with_their_groups(session: Session) -> None:
    sonia = demo.add(session, "sonia")
    assert groups.of(session, sonia.id) == {"Stationnement résidentiel"}


def test_nobody_else_is_known(session: Session) -> None:
    with pytest.raises(NotFound):
        demo.add(session, "personne")
