"""The requests of a resident as lists show them (B7, B8)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest

from engine.core.db import Session
from engine.people.actors import Actor
from engine.procedures import cases, catalogue, tasks
from engine.procedures.cases import Case, State, listing
from tests.engine.procedures.conftest import file


@pytest.fixture
def one_of_each(session: Session, essai: str, resident: Actor, agent: Actor) -> dict[State, Case]:
    """A request in each state, and a draft that was thrown away."""
    found: dict[State, Case] = {}
    states: tuple[State, ...] = ("terminee", "a-completer", "en-cours", "annulee")
    for state in states:
        case = cases.open_draft(session, essai, resident)[0]
        file(session, case, resident)
        found[state] = case
    decisions: dict[State, str] = {"terminee": "accepter", "a-completer": "completer"}
    for state, decision in decisions.items():
        case = found[state]
        [task] = tasks.of_case(session, case.id)
        cases.complete_task(session, case, task.id, {"decision": decision}, agent)
    cases.cancel(session, found["annulee"], resident)
    cases.cancel(session, cases.open_draft(session, essai, resident)[0], resident)
    found["brouillon"] = cases.open_draft(session, essai, resident)[0]
    return found


@pytest.mark.parametrize("state", cases.STATES)
def test_a_state_lists_its_requests(session: Session, one_of_each: dict[State, Case], state: State) -> None:
    case = one_of_each[state]
    assert case.account_id is not None
    found = listing(session, case.account_id, state=state)
    assert [row.reference for row in found.rows] == [case.reference]
    assert found.rows[0].waiting == (state == "a-completer")
    assert found.total == 1


def test_every_request_is_listed_but_for_drafts_thrown_away(
    session: Session, one_of_each: dict[State, Case], resident: Actor
) -> None:
    assert resident.account_id is not None
    found = listing(session, resident.account_id)
    assert {row.reference for row in found.rows} == {case.reference for case in one_of_each.values()}
    assert listing(session, resident.account_id, procedures=["autre"]).rows == []
    assert listing(session, resident.account_id, procedures=["essai"]).total == 5


def test_pages_follow_one_another_and_end(
    session: Session, essai: str, resident: Actor, clock_at: Callable[[str], datetime]
) -> None:
    assert resident.account_id is not None
    references = []
    for day in range(1, 6):
        clock_at(f"2026-03-0{day} 09:00")
        case = cases.open_draft(session, essai, resident)[0]
        file(session, case, resident)
        references.append(case.reference)
    pages = [listing(session, resident.account_id, page=page, size=2) for page in (1, 2, 3, 9, 0)]
    assert [[row.reference for row in page.rows] for page in pages[:3]] == [
        references[4:2:-1],
        references[2:0:-1],
        references[:1],
    ]
    assert (pages[3].page, pages[4].page) == (3, 1)  # past the last page is the last one
    assert {page.last_page for page in pages} == {3}


def test_the_latest_are_four_and_every_draft(
    session: Session, essai: str, resident: Actor, clock_at: Callable[[str], datetime]
) -> None:
    assert resident.account_id is not None
    clock_at("2026-03-01 09:00")
    references = []
    for hour in range(10, 15):
        case = cases.open_draft(session, essai, resident)[0]
        clock_at(f"2026-03-01 {hour}:00")
        file(session, case, resident)
        references.append(case.reference)
    draft = cases.open_draft(session, essai, resident)[0]
    found = cases.latest(session, resident.account_id, 4)
    assert [row.reference for row in found if not row.draft] == references[:0:-1]
    assert [row.reference for row in found if row.draft] == [draft.reference]


def test_what_is_asked_of_the_resident_is_found_in_all_their_requests(
    session: Session, one_of_each: dict[State, Case], resident: Actor
) -> None:
    assert resident.account_id is not None
    asked = cases.waiting_for(session, resident.account_id)
    assert [(task.reference, task.element_id) for task in asked] == [
        (one_of_each["a-completer"].reference, "complement")
    ]


def test_nobody_else_sees_them(session: Session, one_of_each: dict[State, Case], agent: Actor) -> None:
    assert agent.account_id is not None
    assert listing(session, agent.account_id).total == 0
    assert cases.latest(session, agent.account_id, 4) == []
    assert cases.waiting_for(session, agent.account_id) == []


def test_definitions_that_this_process_does_not_know_are_read_at_once(
    session: Session, filed: Case, statements: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue, "_definitions", type(catalogue._definitions)())
    version = filed.version_id
    session.expunge_all()
    before = len(statements())
    found = catalogue.definitions(session, [version, version])
    assert found[version].slug == "essai"
    assert len(statements()) - before == 1
    catalogue.definitions(session, [version])
    assert len(statements()) - before == 1
