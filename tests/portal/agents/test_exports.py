"""Supervisors export the queues of the groups that they look after, and of no other (E5, G5)."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable

import pytest
from werkzeug.test import TestResponse

from engine.core import audit
from engine.core.db import Database
from engine.people import places
from engine.people.accounts import Account
from engine.people.places import Place
from tests.portal.agents.conftest import OTHER, SERVICE
from tests.portal.conftest import Visitor

# The engine's tests go through both databases.
pytestmark = pytest.mark.sqlite_only

EXPORT = "/agents/corbeilles/export"


@pytest.fixture
def supervisor(account: Callable[..., Account], data: Database, signed_in: Callable[[Account], Visitor]) -> Visitor:
    """Bruno, of both services, who supervises the one that treats reports."""
    bruno = account("bruno@valmont.example", kind="agent", first_names="Bruno", birth_name="Chef")
    data.run(lambda session: places.put(session, bruno, Place([SERVICE, OTHER], [SERVICE]), who=audit.OPERATOR))
    return signed_in(bruno)


def rows(answer: TestResponse) -> list[list[str]]:
    return list(csv.reader(io.StringIO(answer.text.removeprefix("\ufeff")), delimiter=";"))


def test_a_queue_is_exported_as_it_was_chosen(supervisor: Visitor, reported: Callable[[], str], data: Database) -> None:
    references = {reported(), reported()}
    assert "Exporter" in supervisor.get(f"/agents/corbeilles?corbeille={SERVICE}").text
    answer = supervisor.post(f"{EXPORT}?corbeille={SERVICE}")
    assert answer.mimetype == "text/csv"
    assert answer.headers["Content-Disposition"].startswith("attachment;")
    assert {row[0] for row in rows(answer)[1:]} == references
    assert len(rows(supervisor.post(EXPORT))) == 3
    (one, *_) = references
    assert [row[0] for row in rows(supervisor.post(f"{EXPORT}?q={one}"))[1:]] == [one]
    with data.reading() as session:
        acts = [entry for entry in audit.listing(session) if entry.action == "case.exported"]
    assert [entry.facts for entry in acts] == [{"format": "csv", "groups": 1}] * 3


def test_a_group_that_one_only_works_in_is_not_exported(
    supervisor: Visitor, jeanne: Visitor, reported: Callable[[], str]
) -> None:
    reported()
    assert supervisor.post(f"{EXPORT}?corbeille={OTHER}").status_code == 404
    assert "Exporter" not in jeanne.get("/agents/corbeilles").text
    assert jeanne.post(EXPORT).status_code == 403
    assert supervisor.get(EXPORT).status_code == 405
