"""Agents find filed requests by the names on them, whoever made them and however many there are (E1, E3)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import event, select, text, update

from engine.core import clock, jobs
from engine.core.db import Session
from engine.handlers import HANDLERS, promise_filling
from engine.people.actors import ANONYMOUS, Actor
from engine.procedures import cases, catalogue, tasks
from engine.procedures.cases import Case
from tests.engine.procedures.conftest import FOLDER, bearer, file


def found(session: Session, agent: Actor, words: str) -> list[str]:
    return [case.reference for case in cases.search(session, agent, words).cases]


@pytest.fixture
def nobodys(session: Session, essai: str) -> Case:
    """A request just filed without an account."""
    case, token = cases.open_draft(session, essai, ANONYMOUS)
    file(session, case, bearer(token or ""))
    return case


def test_a_request_has_its_names_from_where_it_is_filed(
    session: Session, draft: Case, resident: Actor, agent: Actor
) -> None:
    cases.submit_step(
        session,
        draft,
        "mes_informations",
        {"prenoms": "Ada, Augusta", "nom_naissance": "O’Byron", "courriel": "ada@exemple.fr"},
        resident,
    )
    assert draft.search_name is None
    assert found(session, agent, "byron") == []
    cases.submit_step(session, draft, "ma_demande", {"objet": "Un banc", "montant": 10}, resident)
    cases.submit_step(session, draft, "recapitulatif", {"certifie": True}, resident)
    session.expire_all()
    assert draft.search_name == "o byron ada"
    for words in ("ada", "O’BYRON, A", "byr", draft.reference[:5]):
        assert found(session, agent, words) == [draft.reference], words
    for words in ("yron", "augusta", "ada byron zoe"):
        assert found(session, agent, words) == [], words


def test_names_that_a_later_answer_changes_change_on_the_request(
    session: Session, filed: Case, agent: Actor, resident: Actor
) -> None:
    [task] = tasks.of_case(session, filed.id)
    who = {**filed.document["mes_informations"], "nom_naissance": "King"}
    filed.document = {**filed.document, "mes_informations": who}
    cases.complete_task(session, filed, task.id, {"decision": "completer"}, agent)
    assert found(session, agent, "king") == [filed.reference]
    assert found(session, agent, "lovelace") == []


def test_the_latest_come_first_and_the_rest_is_said_to_be_there(
    session: Session, essai: str, agent: Actor, clock_at: Callable[[str], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.procedures.cases.searching.SHOWN", 2)
    made = []
    for day in ("2026-03-02", "2026-03-04", "2026-03-03"):
        clock_at(f"{day} 10:00")
        case, token = cases.open_draft(session, essai, ANONYMOUS)
        file(session, case, bearer(token or ""))
        made.append(case.reference)
    first = cases.search(session, agent, "ada")
    assert [case.reference for case in first.cases] == [made[1], made[2]]
    assert first.more
    assert not cases.search(session, agent, made[0]).more


def test_a_name_that_is_the_beginning_of_a_reference_finds_a_request_once(
    session: Session, nobodys: Case, agent: Actor
) -> None:
    session.execute(update(Case).values(search_name=tasks.searchable(nobodys.reference[:4])))
    assert found(session, agent, nobodys.reference[:4]) == [nobodys.reference]


def test_versions_of_another_service_are_not_found(session: Session, nobodys: Case, agent: Actor) -> None:
    """A procedure that came to the agent's service: what was filed before is the other service's, and hides nothing."""
    [sources] = catalogue.read_folder(FOLDER)
    moved = replace(sources.bpmn, content=sources.bpmn.content.replace(b'"Instruction"', b'"Voirie"'))
    catalogue.deploy(session, replace(sources, bpmn=moved))
    former, token = cases.open_draft(session, "essai", ANONYMOUS)
    file(session, former, bearer(token or ""))
    assert found(session, agent, "lovelace") == []  # it is the other service's now
    catalogue.publish(session, "essai", 1)
    assert found(session, agent, "lovelace") == [nobodys.reference]
    assert found(session, agent, former.reference) == []


def test_names_of_former_releases_are_written_by_a_job(
    session: Session, filed: Case, nobodys: Case, agent: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.procedures.cases.naming.HELPING", 1)
    third, _ = cases.open_draft(session, "essai", ANONYMOUS)
    promise_filling(session)
    waiting = select(jobs.Job.key).where(jobs.Job.kind == "name_requests")
    assert session.scalars(waiting).all() == []
    session.execute(update(Case).values(search_name=None))
    session.expire_all()
    assert found(session, agent, "lovelace") == []
    promise_filling(session)
    assert session.scalars(waiting).all() == ["name_requests"]
    HANDLERS["name_requests"](session, {})
    assert found(session, agent, "lovelace") == [nobodys.reference], "the latest first"
    HANDLERS["name_requests"](session, {})
    HANDLERS["name_requests"](session, {})
    assert set(found(session, agent, "lovelace")) == {nobodys.reference, filed.reference}
    session.expire_all()
    assert third.search_name is None, "a draft has none"


def test_what_was_erased_gets_no_names(session: Session, filed: Case, agent: Actor) -> None:
    session.execute(update(Case).values(search_name=None, document={}, applicant={}, erased_at=clock.now()))
    assert not cases.unnamed(session)
    HANDLERS["name_requests"](session, {})
    assert session.scalar(select(Case.search_name)) is None
    assert found(session, agent, filed.reference) == [filed.reference]


def test_a_search_reads_no_more_for_more_requests(session: Session, nobodys: Case, agent: Actor) -> None:
    """On PostgreSQL: a name that few bear is looked up, one that many bear is met on the way back in time."""
    if session.get_bind().dialect.name != "postgresql":
        pytest.skip("SQLite has no index of the words in names")
    own = {
        "id": "gen_random_uuid()",
        "reference": "'R' || n",
        "filed_at": "filed_at - n * interval '1 minute'",
        "search_name": "CASE mod(n, 3) WHEN 0 THEN 'martin paul' WHEN 1 THEN 'durand jeanne' ELSE 'petit louise' END",
        "document": "'{}'",
    }
    columns = [column.name for column in Case.__table__.columns]
    values = ", ".join(own.get(name, f'"{name}"') for name in columns)
    session.execute(
        text(f'INSERT INTO "case" ({", ".join(columns)}) SELECT {values} FROM "case", generate_series(1, 20000) n')  # noqa: S608
    )
    # What autovacuum does.
    session.execute(text("SELECT gin_clean_pending_list('ix_case_filed_words')"))
    session.execute(text('ANALYZE "case"'))
    rare, common = (_plan(session, agent, words) for words in ("love", "martin"))
    assert "ix_case_filed_words" in rare
    assert "ix_case_filed_search_name" in common
    assert "ix_case_filed_words" not in common
    assert "Seq Scan" not in rare + common
    _plan(session, agent, nobodys.reference[:5])


def _plan(session: Session, agent: Actor, words: str) -> str:
    """How PostgreSQL finds the requests of that name."""
    sent: list[tuple[str, Any]] = []

    def note(_connection: object, _cursor: object, statement: str, values: object, *_: object) -> None:
        if "LIKE" in statement:
            sent.append((statement, values))

    engine = session.get_bind().engine
    event.listen(engine, "before_cursor_execute", note)
    assert cases.search(session, agent, words).cases
    event.remove(engine, "before_cursor_execute", note)
    [(statement, values)] = sent
    assert not values, "beside a value left open, PostgreSQL would after some runs plan once for all names"
    return "\n".join(row[0] for row in session.connection().exec_driver_sql(f"EXPLAIN {statement}"))
