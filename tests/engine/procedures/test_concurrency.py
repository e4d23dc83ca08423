"""Two people at once: exactly one wins, the other is told why, and the request is as if they had come one after the other.

On a real SQLite file, and on PostgreSQL when a server is given.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select

from engine.core import jobs, mail
from engine.core.db import Database, Session
from engine.core.errors import AlreadyClaimed, CaseClosed, InvalidAnswers, NotFound, ParvisError, StaleStep
from engine.people import accounts
from engine.people.actors import ANONYMOUS, Actor
from engine.procedures import cases, catalogue, history, tasks
from engine.procedures.cases import Case, Progress
from engine.procedures.tasks import HumanTask
from tests.engine.procedures.conftest import FOLDER, SMALL, SURE, WHO, bearer, file

ACCEPT = {"decision": "accepter"}
REFUSE = {"decision": "refuser", "motif": "Trop tard."}


@pytest.fixture
def essai(database: Database) -> str:
    [sources] = catalogue.read_folder(FOLDER)
    database.run(catalogue.deploy, sources)
    return sources.slug


def person(database: Database, login: str, kind: str = "resident") -> Actor:
    def make(session: Session) -> Actor:
        account = accounts.create(
            session, login=login, first_names="Ada", birth_name=login.partition("@")[0], kind=kind
        )
        groups = frozenset({"Instruction"}) if kind == "agent" else frozenset()
        return Actor(account.kind, account.id, account.display_name, groups)

    return database.run(make)


@pytest.fixture
def resident(database: Database) -> Actor:
    return person(database, "ada@exemple.fr")


@pytest.fixture
def agents(database: Database) -> list[Actor]:
    return [person(database, f"{name}@exemple.fr", "agent") for name in ("jeanne", "paul", "zoe", "marc")]


@pytest.fixture
def draft(database: Database, essai: str, resident: Actor) -> UUID:
    """A draft of the resident's, at its first step."""
    return database.run(cases.open_draft, essai, resident)[0].id


@pytest.fixture
def filed(database: Database, draft: UUID, resident: Actor) -> UUID:
    """A filed request: an agent has it to examine."""

    def walk(session: Session) -> UUID:
        file(session, locked(session, draft), resident)
        return draft

    return database.run(walk)


def locked(session: Session, case_id: UUID) -> Case:
    case = cases.locked(session, case_id)
    assert case is not None
    return case


def at_once(database: Database, verbs: Sequence[Callable[[Session], Any]]) -> list[Any]:
    """Run each verb in a transaction of its own, all starting together; what each returned, or the error it raised."""
    barrier = Barrier(len(verbs))

    def one(verb: Callable[[Session], Any]) -> Any:
        barrier.wait(timeout=30)
        try:
            return database.run(verb)
        except ParvisError as error:
            return error

    with ThreadPoolExecutor(len(verbs)) as threads:
        return list(threads.map(one, verbs))


def entries(database: Database, case_id: UUID) -> Counter[str]:
    with database.reading() as session:
        return Counter(entry.kind for entry in history.of_case(session, case_id))


def open_tasks(database: Database, case_id: UUID) -> list[HumanTask]:
    with database.reading() as session:
        return tasks.of_case(session, case_id)


def case_of(database: Database, case_id: UUID) -> Case:
    with database.reading() as session:
        return session.get_one(Case, case_id)


def test_one_agent_takes_the_task_and_the_others_are_told(database: Database, filed: UUID, agents: list[Actor]) -> None:
    [task] = open_tasks(database, filed)

    def claim(agent: Actor) -> Callable[[Session], Actor]:
        def verb(session: Session) -> Actor:
            tasks.claim(session, task.id, agent)
            return agent

        return verb

    outcomes = at_once(database, [claim(agent) for agent in agents])
    [winner] = [one for one in outcomes if isinstance(one, Actor)]
    losers = [one for one in outcomes if isinstance(one, AlreadyClaimed)]
    assert len(losers) == len(agents) - 1
    assert {error.message for error in losers} == {f"{winner.name} a déjà pris cette tâche en charge."}
    [task] = open_tasks(database, filed)
    assert task.claimed_by == winner.account_id
    assert entries(database, filed)["claimed"] == 1


def test_one_decision_is_taken_on_a_request(database: Database, filed: UUID, agents: list[Actor]) -> None:
    """Neither agent had claimed the task: one decides, the other learns that it is done (E2)."""
    [task] = open_tasks(database, filed)

    def complete(agent: Actor, answers: dict[str, str]) -> Callable[[Session], str]:
        def verb(session: Session) -> str:
            cases.complete_task(session, locked(session, filed), task.id, answers, agent)
            return answers["decision"]

        return verb

    outcomes = at_once(database, [complete(agents[0], ACCEPT), complete(agents[1], REFUSE)])
    [decision] = [one for one in outcomes if isinstance(one, str)]
    assert [type(one) for one in outcomes if not isinstance(one, str)] == [StaleStep]
    case = case_of(database, filed)
    assert case.status == "closed"
    assert case.end_element == {"accepter": "acceptee", "refuser": "refusee"}[decision]
    assert case.document["instruction"]["decision"] == decision
    assert open_tasks(database, filed) == []
    seen = entries(database, filed)
    assert (seen["task_completed"], seen["closed"]) == (1, 1)
    with database.reading() as session:
        refusals = session.scalar(select(func.count()).select_from(mail.Mail).where(mail.Mail.name == "refus"))
    assert refusals == (decision == "refuser")


def test_completing_and_claiming_at_once_leave_no_task_behind(
    database: Database, filed: UUID, agents: list[Actor]
) -> None:
    [task] = open_tasks(database, filed)

    def complete(session: Session) -> str:
        cases.complete_task(session, locked(session, filed), task.id, ACCEPT, agents[0])
        return "completed"

    def claim(session: Session) -> str:
        tasks.claim(session, task.id, agents[1])
        return "claimed"

    completed, claimed = at_once(database, [complete, claim])
    if completed == "completed":
        # The colleague came after, and finds nothing to take.
        assert isinstance(claimed, NotFound)
        assert open_tasks(database, filed) == []
    else:
        assert claimed == "claimed"
        assert isinstance(completed, AlreadyClaimed)
        [task] = open_tasks(database, filed)
        assert task.claimed_by == agents[1].account_id


@pytest.mark.parametrize("copies", [2, 8])
def test_a_step_sent_many_times_is_taken_once(database: Database, draft: UUID, resident: Actor, copies: int) -> None:
    def submit(session: Session) -> Progress:
        return cases.submit_step(session, locked(session, draft), "mes_informations", WHO, resident)

    outcomes = at_once(database, [submit] * copies)
    assert {one.next_step for one in outcomes} == {"ma_demande"}
    assert [task.element_id for task in open_tasks(database, draft)] == ["ma_demande"]
    assert case_of(database, draft).document["mes_informations"]["prenoms"] == "Ada"
    assert entries(database, draft)["step_completed"] == 1


def test_a_request_is_filed_once_however_many_clicks(database: Database, draft: UUID, resident: Actor) -> None:
    def prepare(session: Session) -> None:
        cases.submit_step(session, locked(session, draft), "mes_informations", WHO, resident)
        cases.submit_step(session, locked(session, draft), "ma_demande", SMALL, resident)

    database.run(prepare)

    def submit(session: Session) -> Progress:
        return cases.submit_step(session, locked(session, draft), "recapitulatif", SURE, resident)

    outcomes = at_once(database, [submit] * 6)
    assert Counter(type(one) for one in outcomes) == {Progress: 1, CaseClosed: 5}
    assert entries(database, draft)["filed"] == 1
    assert [task.element_id for task in open_tasks(database, draft)] == ["instruction"]
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(mail.Mail)) == 1
        timers = select(func.count()).select_from(jobs.Job).where(jobs.Job.kind == "fire_timer")
        assert session.scalar(timers) == 1


def test_two_tabs_of_one_draft_lose_neither_step(database: Database, draft: UUID, resident: Actor) -> None:
    """One tab corrects the first step while the other sends the second."""

    def first(session: Session) -> Progress:
        changed = {**WHO, "prenoms": "Augusta"}
        return cases.submit_step(session, locked(session, draft), "mes_informations", changed, resident)

    def second(session: Session) -> Progress:
        return cases.submit_step(session, locked(session, draft), "ma_demande", SMALL, resident)

    database.run(lambda session: cases.submit_step(session, locked(session, draft), "mes_informations", WHO, resident))
    outcomes = at_once(database, [first, second])
    assert all(isinstance(one, Progress) for one in outcomes), outcomes
    document = case_of(database, draft).document
    assert document["mes_informations"]["prenoms"] == "Augusta"
    assert document["ma_demande"]["objet"] == "Un banc"
    assert [task.element_id for task in open_tasks(database, draft)] == ["recapitulatif"]


def test_sixteen_clicks_open_one_draft(database: Database, essai: str, resident: Actor) -> None:
    """A9: one draft a person and procedure."""
    outcomes = at_once(database, [lambda session: cases.open_draft(session, essai, resident)[0].reference] * 16)
    assert len(set(outcomes)) == 1
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Case)) == 1


def test_sixteen_people_open_sixteen_drafts(database: Database, essai: str) -> None:
    outcomes = at_once(database, [lambda session: cases.open_draft(session, essai, ANONYMOUS)[1]] * 16)
    assert len(set(outcomes)) == 16
    with database.reading() as session:
        found = {cases.find(session, cases.of_link(session, token).reference, bearer(token)).id for token in outcomes}
    assert len(found) == 16


def test_cancelling_and_deciding_at_once_end_the_request_one_way(
    database: Database, filed: UUID, resident: Actor, agents: list[Actor]
) -> None:
    [task] = open_tasks(database, filed)

    def decide(session: Session) -> str:
        cases.complete_task(session, locked(session, filed), task.id, ACCEPT, agents[0])
        return "closed"

    def cancel(session: Session) -> str:
        cases.cancel(session, locked(session, filed), resident)
        return "cancelled"

    outcomes = at_once(database, [decide, cancel])
    [won] = [one for one in outcomes if isinstance(one, str)]
    assert case_of(database, filed).status == won
    assert open_tasks(database, filed) == []
    seen = entries(database, filed)
    assert seen["closed"] + seen["cancelled"] == 1


def test_a_loser_s_wrong_answers_change_nothing(database: Database, filed: UUID, agents: list[Actor]) -> None:
    [task] = open_tasks(database, filed)

    def wrong(session: Session) -> None:
        cases.complete_task(session, locked(session, filed), task.id, {"decision": "refuser"}, agents[0])

    assert [type(one) for one in at_once(database, [wrong, wrong])] == [InvalidAnswers] * 2
    assert [one.id for one in open_tasks(database, filed)] == [task.id]
    assert entries(database, filed)["task_completed"] == 0


def test_a_version_deployed_twice_at_once_is_one_version(database: Database) -> None:
    [sources] = catalogue.read_folder(FOLDER)
    outcomes = at_once(database, [lambda session: catalogue.deploy(session, sources).number] * 4)
    assert set(outcomes) == {1}
    with database.reading() as session:
        assert len(catalogue.versions(session)) == 1
