"""SQL statements are counted: a step costs at most twelve, whoever is behind it, and pages don't grow with what they list."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event

from engine.core.db import Database
from tests.portal.conftest import INFORMATION, REPORT, Visitor

SUBMIT_MAX = 12


@contextmanager
def counted(database: Database) -> Iterator[list[str]]:
    """The statements run inside, BEGIN and COMMIT left out."""
    found: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if not statement.startswith(("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE")):
            found.append(statement)

    event.listen(database.engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(database.engine, "before_cursor_execute", note)


@pytest.fixture
def draft(visitor: Visitor, account: Callable[..., Any]) -> str:
    """A signed-in resident's draft, at its first step."""
    account()
    visitor.sign_in("claire.martin@exemple.fr")
    step = visitor.post("/demarches/signalement").location
    return str(step)


def test_submitting_a_step_takes_few_statements(visitor: Visitor, data: Database, draft: str) -> None:
    visitor.get(draft)
    with counted(data) as statements:
        answer = visitor.post(draft, INFORMATION)
    assert answer.status_code == 303
    assert len(statements) <= SUBMIT_MAX, "\n".join(statements)


def test_correcting_a_passed_step_takes_few_statements(visitor: Visitor, data: Database, draft: str) -> None:
    step = visitor.post(draft, INFORMATION).location
    visitor.post(step, REPORT)
    with counted(data) as statements:
        answer = visitor.post(draft, {**INFORMATION, "prenoms": "Nadège"})
    assert answer.location.endswith("/recapitulatif")
    assert len(statements) <= SUBMIT_MAX, "\n".join(statements)


def test_a_refused_step_is_drawn_again_in_few_statements(visitor: Visitor, data: Database, draft: str) -> None:
    visitor.get(draft)
    with counted(data) as statements:
        assert visitor.post(draft, {}).status_code == 422
    assert len(statements) <= SUBMIT_MAX, "\n".join(statements)


def test_the_confirmation_asks_for_the_request_and_its_tasks_alone(
    visitor: Visitor, data: Database, report: Callable[..., str]
) -> None:
    """What was written to the resident is shown where the request is closed already."""
    reference = report(visitor, filed=True)
    with counted(data) as statements:
        assert visitor.get(f"/demandes/{reference}/confirmation").status_code == 200
    assert len(statements) == 2, "\n".join(statements)


SPACE_MAX = 12
"""The statements of the space's first page and of its list (issue 5)."""


def test_the_space_costs_the_same_whatever_it_lists(
    visitor: Visitor, data: Database, account: Callable[..., Any], report: Callable[..., str]
) -> None:
    """B7, B8: with requests, a draft, favourites and rights, and whatever their number."""
    account()
    visitor.sign_in("claire.martin@exemple.fr")
    for slug in ("signalement", "coordonnees-adresse"):
        visitor.post("/mon-espace/favoris", {"action": f"ajouter:{slug}"})
    report(visitor, filed=True)
    visitor.get("/mon-espace")
    for path in ("/mon-espace", "/mon-espace/demandes", "/mon-espace/rubriques/cadre-de-vie"):
        with counted(data) as one:
            assert visitor.get(path).status_code == 200
        assert len(one) <= SPACE_MAX, "\n".join(one)
    for _ in range(3):
        report(visitor, filed=True)
    report(visitor)
    with counted(data) as five:
        visitor.get("/mon-espace")
    assert len(five) <= SPACE_MAX, "\n".join(five)
    with counted(data) as listed:
        visitor.get("/mon-espace/demandes")
    assert len(listed) <= SPACE_MAX, "\n".join(listed)
