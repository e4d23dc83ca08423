"""The history of a request: complete, ordered, for good, and without any answer (A13)."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime

import pytest
from sqlalchemy import delete, update
from sqlalchemy.exc import DBAPIError

from engine.core.db import Database, Session
from engine.people.actors import ANONYMOUS, SYSTEM, Actor
from engine.procedures import cases, catalogue, history, tasks
from engine.procedures.cases import Case
from engine.procedures.history import Entry
from tests.engine.procedures.conftest import FOLDER


def test_entries_come_back_in_the_order_of_writing(
    session: Session, draft: Case, resident: Actor, clock_at: Callable[[str], datetime]
) -> None:
    """Even within one instant, and whatever the clock says."""
    clock_at("2027-03-01 10:00")
    kinds = ["filed", "notified", "task_opened", "claimed", "closed"]
    history.record(session, [history.row(draft.id, kind, resident) for kind in kinds])
    clock_at("2027-02-01 10:00")
    history.record(session, [history.row(draft.id, "cancelled", resident)])
    assert [entry.kind for entry in history.of_case(session, draft.id)] == ["opened", *kinds, "cancelled"]


def test_an_entry_says_what_when_who_and_where_it_passed(
    session: Session, draft: Case, agent: Actor, clock_at: Callable[[str], datetime]
) -> None:
    now = clock_at("2027-03-01 10:00")
    row = history.row(draft.id, "task_completed", agent, element_id="instruction", data={"n": 1}, path=("a", "b"))
    history.record(session, [row])
    entry = history.of_case(session, draft.id)[-1]
    assert (entry.kind, entry.element_id, entry.at) == ("task_completed", "instruction", now)
    assert (entry.actor_kind, entry.actor_id) == ("agent", agent.account_id)
    assert (entry.data, entry.path) == ({"n": 1}, ["a", "b"])


def test_who_holds_a_private_link_is_its_bearer(session: Session, draft: Case) -> None:
    history.record(session, [history.row(draft.id, "filed", ANONYMOUS), history.row(draft.id, "moved", SYSTEM)])
    assert [entry.actor_kind for entry in history.of_case(session, draft.id)[1:]] == ["bearer", "system"]


def test_residents_read_the_public_part(session: Session, filed: Case, agent: Actor) -> None:
    [task] = tasks.of_case(session, filed.id)
    tasks.claim(session, task.id, agent)
    everything = [entry.kind for entry in history.of_case(session, filed.id)]
    public = [entry.kind for entry in history.of_case(session, filed.id, public=True)]
    assert "claimed" in everything
    assert "step_completed" in everything
    assert public == [kind for kind in everything if kind in history.PUBLIC]
    assert {"claimed", "released", "incident", "decided", "moved"}.isdisjoint(history.PUBLIC)


def test_an_answer_never_enters_the_history(session: Session, filed: Case, agent: Actor) -> None:
    """Erasing a person leaves the history whole: it holds identifiers, and nothing that was typed."""
    [task] = tasks.of_case(session, filed.id)
    cases.complete_task(session, filed, task.id, {"decision": "refuser", "motif": "Motif confidentiel"}, agent)
    told = json.dumps([[entry.data, entry.path, entry.kind] for entry in history.of_case(session, filed.id)])
    for typed in ("Ada", "Lovelace", "ada@exemple.fr", "Un banc", "Motif", "refuser"):
        assert typed not in told, typed


def test_recording_nothing_asks_nothing(session: Session, statements: Callable[[], list[str]]) -> None:
    history.record(session, [])
    assert statements() == []


def test_several_entries_are_one_statement(
    session: Session, draft: Case, resident: Actor, statements: Callable[[], list[str]]
) -> None:
    before = len(statements())
    history.record(session, [history.row(draft.id, "moved", resident) for _ in range(5)])
    assert len(statements()) - before == 1


@pytest.mark.parametrize(
    "change", [update(Entry).values(kind="invented"), delete(Entry)], ids=["an update", "a deletion"]
)
def test_the_database_itself_keeps_the_history(database: Database, change: object) -> None:
    [sources] = catalogue.read_folder(FOLDER)
    database.run(catalogue.deploy, sources)
    case = database.run(cases.open_draft, "essai", ANONYMOUS)[0]
    with pytest.raises(DBAPIError, match="append-only"), database.transaction() as session:
        session.execute(change)  # type: ignore[call-overload]
    with database.reading() as session:
        assert [entry.kind for entry in history.of_case(session, case.id)] == ["opened"]
