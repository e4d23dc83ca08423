"""Agents of the service that treats reports of nuisances, and requests for them to work on."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from sqlalchemy import event, select
from werkzeug.test import TestResponse

from engine.core.db import Database
from engine.people import sessions
from engine.people.accounts import Account
from engine.procedures.tasks import HumanTask
from tests.portal.conftest import Visitor

SERVICE = "Propreté et espace public"
OTHER = "Stationnement résidentiel"
ACCEPTED = {"suite": "intervenir"}


@pytest.fixture
def agent(account: Callable[..., Account]) -> Account:
    """Jeanne, of the service."""
    return account(
        "jeanne@valmont.example", kind="agent", first_names="Jeanne", birth_name="Instruit", groups_=(SERVICE,)
    )


@pytest.fixture
def colleague(account: Callable[..., Account]) -> Account:
    """Paul, of the same service."""
    return account("paul@valmont.example", kind="agent", first_names="Paul", birth_name="Aussi", groups_=(SERVICE,))


@pytest.fixture
def stranger(account: Callable[..., Account]) -> Account:
    """Zoé, of another service."""
    return account("zoe@valmont.example", kind="agent", first_names="Zoé", birth_name="Ailleurs", groups_=(OTHER,))


@pytest.fixture
def signed_in(visitors: Callable[[], Visitor], data: Database) -> Callable[[Account], Visitor]:
    """A browser where this person is signed in."""

    def enter(account: Account) -> Visitor:
        browser = visitors()
        # The session is opened by hand: checking a password takes its time, which is another test's affair.
        browser.client.set_cookie("parvis_connexion", data.run(sessions.open, account))
        return browser

    return enter


@pytest.fixture
def jeanne(agent: Account, signed_in: Callable[[Account], Visitor]) -> Visitor:
    return signed_in(agent)


@pytest.fixture
def paul(colleague: Account, signed_in: Callable[[Account], Visitor]) -> Visitor:
    return signed_in(colleague)


@pytest.fixture
def zoe(stranger: Account, signed_in: Callable[[Account], Visitor]) -> Visitor:
    return signed_in(stranger)


@pytest.fixture
def reported(report: Callable[..., str], visitors: Callable[[], Visitor]) -> Callable[[], str]:
    """File a report of a nuisance, as somebody new each time, and give its reference."""
    return lambda: report(visitors(), filed=True)


@pytest.fixture
def task_of(data: Database) -> Callable[[str], HumanTask]:
    """The open task of a request."""

    def find(reference: str) -> HumanTask:
        with data.reading() as session:
            return session.scalars(select(HumanTask).where(HumanTask.reference == reference)).one()

    return find


@pytest.fixture
def address_of(task_of: Callable[[str], HumanTask]) -> Callable[[str], str]:
    """The page of the open task of a request."""
    return lambda reference: f"/agents/taches/{task_of(reference).id}"


@pytest.fixture
def statements(portal: Flask) -> Iterator[list[str]]:
    """What is sent to the database, BEGIN and COMMIT left out; clear it before what is to be counted."""
    sent: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if not statement.startswith(("BEGIN", "COMMIT", "ROLLBACK")):
            sent.append(statement)

    engine = portal.extensions["database"].engine
    event.listen(engine, "before_cursor_execute", note)
    yield sent
    event.remove(engine, "before_cursor_execute", note)


def references_in(answer: TestResponse) -> list[str]:
    """The references of the rows of a queue, in order."""
    return re.findall(r'agent-reference" href="[^"]+">([^<]+)</a>', answer.text)
