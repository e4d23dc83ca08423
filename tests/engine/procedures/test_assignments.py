"""A supervisor shares the work of a group out: takes a task back, gives it to somebody else (E2)."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from engine.core import audit
from engine.core.db import Session
from engine.core.errors import AlreadyClaimed, Forbidden, Invalid, NotFound
from engine.core.mail import Mail
from engine.people import accounts, groups
from engine.people.accounts import Account
from engine.people.actors import Actor
from engine.procedures import assignments, cases, history, tasks
from engine.procedures.cases import Case
from engine.procedures.tasks import HumanTask

GROUP = frozenset({"Instruction"})


@pytest.fixture
def jeanne(session: Session, agent: Actor) -> Account:
    """The agent's account, in its group."""
    assert agent.account_id is not None
    account = accounts.find(session, agent.account_id)
    groups.assign(session, account, GROUP)
    return account


@pytest.fixture
def paul(session: Session) -> Account:
    """A colleague of hers."""
    account = accounts.create(session, kind="agent", login="paul@exemple.fr", first_names="Paul", birth_name="Aussi")
    groups.assign(session, account, GROUP)
    return account


@pytest.fixture
def odile(session: Session) -> Actor:
    """Who supervises the group."""
    account = accounts.create(session, kind="agent", login="odile@exemple.fr", first_names="Odile", birth_name="Chef")
    groups.assign(session, account, GROUP)
    groups.supervise(session, account, GROUP)
    return Actor(
        "agent", account.id, account.display_name, GROUP, roles=frozenset({"agent", "supervisor"}), supervises=GROUP
    )


@pytest.fixture
def task(session: Session, filed: Case) -> HumanTask:
    """The open task of a request."""
    (found,) = tasks.of_case(session, filed.id)
    return found


def holder(session: Session, task: HumanTask) -> UUID | None:
    session.refresh(task)
    return task.claimed_by


def letters(session: Session, account: Account) -> list[Mail]:
    return list(session.scalars(select(Mail).where(Mail.recipient == account.login)))


def test_a_task_is_given_to_an_agent_who_reads_so(
    session: Session, filed: Case, task: HumanTask, odile: Actor, paul: Account
) -> None:
    assert assignments.assign(session, task.id, odile, paul.id, seen=None).claimed_name == "Paul Aussi"
    assert holder(session, task) == paul.id
    assert task.claimed_at is not None
    entry = history.of_case(session, filed.id)[-1]
    assert (entry.kind, entry.actor_id, entry.element_id) == ("assigned", odile.account_id, "instruction")
    assert entry.data == {"task": str(task.id), "to": str(paul.id)}
    (letter,) = letters(session, paul)
    assert "Odile Chef vous confie" in letter.text
    assert f"/agents/taches/{task.id}" in letter.text
    assert filed.reference in letter.subject
    told = [one for one in audit.listing(session) if one.action == "task.assigned"]
    assert [(one.object_id, one.facts) for one in told] == [(str(task.id), {"to": str(paul.id)})]


def test_a_task_is_taken_back_for_the_queue(
    session: Session, filed: Case, task: HumanTask, odile: Actor, agent: Actor, jeanne: Account
) -> None:
    tasks.claim(session, task.id, agent)
    assignments.assign(session, task.id, odile, None, seen=jeanne.id)
    session.refresh(task)
    assert (task.claimed_by, task.claimed_name, task.claimed_at) == (None, None, None)
    entry = history.of_case(session, filed.id)[-1]
    assert (entry.kind, entry.data) == ("taken_back", {"task": str(task.id), "from": str(jeanne.id)})
    assert "rendue à la corbeille" in letters(session, jeanne)[0].text


def test_from_one_hand_into_another_both_are_told(
    session: Session, task: HumanTask, odile: Actor, agent: Actor, jeanne: Account, paul: Account
) -> None:
    tasks.claim(session, task.id, agent)
    assignments.assign(session, task.id, odile, paul.id, seen=jeanne.id)
    assert holder(session, task) == paul.id
    assert "confiée à Paul Aussi" in letters(session, jeanne)[0].text
    assert len(letters(session, paul)) == 1


def test_who_takes_a_task_for_themselves_gets_no_letter(session: Session, task: HumanTask, odile: Actor) -> None:
    assert odile.account_id is not None
    assignments.assign(session, task.id, odile, odile.account_id, seen=None)
    assert holder(session, task) == odile.account_id
    assert letters(session, accounts.find(session, odile.account_id)) == []


def test_what_is_so_already_is_told_nowhere(session: Session, filed: Case, task: HumanTask, odile: Actor) -> None:
    before = len(history.of_case(session, filed.id))
    assignments.assign(session, task.id, odile, None, seen=None)
    assignments.assign(session, task.id, odile, None, seen=uuid4())
    assert len(history.of_case(session, filed.id)) == before


def test_a_colleague_who_took_it_meanwhile_keeps_it(
    session: Session, task: HumanTask, odile: Actor, agent: Actor, jeanne: Account, paul: Account
) -> None:
    tasks.claim(session, task.id, agent)
    for to, seen in ((paul.id, None), (None, paul.id)):
        with pytest.raises(AlreadyClaimed, match="Jeanne Instruit"):
            assignments.assign(session, task.id, odile, to, seen=seen)
    assert holder(session, task) == jeanne.id


def test_a_task_goes_only_to_an_active_agent_of_its_group(
    session: Session, task: HumanTask, odile: Actor, paul: Account
) -> None:
    elsewhere = accounts.create(session, kind="agent", login="z@exemple.fr", first_names="Zoé", birth_name="Ailleurs")
    accounts.deactivate(session, paul)
    claire = accounts.create(session, login="claire@exemple.fr", first_names="Claire", birth_name="Martin")
    for to in (elsewhere.id, paul.id, claire.id, uuid4()):
        with pytest.raises(Invalid, match="n’est pas"):
            assignments.assign(session, task.id, odile, to, seen=None)
    assert holder(session, task) is None
    assert [one.login for one in assignments.candidates(session, task)] == ["odile@exemple.fr"]


def test_nobody_else_shares_the_work_out(session: Session, task: HumanTask, odile: Actor, agent: Actor) -> None:
    with pytest.raises(Forbidden):
        assignments.assign(session, task.id, agent, agent.account_id, seen=None)
    for stranger in (replace(odile, groups=frozenset({"Ailleurs"})), replace(odile, kind="resident")):
        with pytest.raises(NotFound):
            assignments.assign(session, task.id, stranger, None, seen=None)
    assert not assignments.may(agent, task)
    assert assignments.may(odile, task)


def test_a_task_that_is_done_is_given_to_nobody(
    session: Session, filed: Case, task: HumanTask, odile: Actor, agent: Actor
) -> None:
    cases.complete_task(session, filed, task.id, {"decision": "accepter"}, agent)
    with pytest.raises(NotFound):
        assignments.assign(session, task.id, odile, None, seen=None)
