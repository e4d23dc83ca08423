"""What an agent who leaves held is in the queue again (E2, E7)."""

from __future__ import annotations

from uuid import UUID

import pytest

from engine.core import audit
from engine.core.db import Session
from engine.core.errors import Conflict
from engine.people import accounts, places
from engine.people.accounts import Account
from engine.people.actors import Actor
from engine.people.places import Place
from engine.procedures import departures, history, tasks
from engine.procedures.cases import Case
from engine.procedures.tasks import HumanTask


@pytest.fixture
def jeanne(session: Session, agent: Actor) -> Account:
    """The agent's account, in its group and in another."""
    assert agent.account_id is not None
    account = accounts.find(session, agent.account_id)
    places.put(session, account, Place(["Instruction", "Ailleurs"]), who=audit.OPERATOR)
    return account


@pytest.fixture
def held(session: Session, filed: Case, agent: Actor) -> HumanTask:
    """A task that the agent has taken."""
    (task,) = tasks.of_case(session, filed.id)
    tasks.claim(session, task.id, agent)
    return task


def last(session: Session, case: Case) -> tuple[str, str, UUID | None]:
    entry = history.of_case(session, case.id)[-1]
    return entry.kind, entry.actor_kind, entry.actor_id


def test_closing_an_account_gives_its_tasks_back(
    session: Session, filed: Case, held: HumanTask, jeanne: Account
) -> None:
    helene = accounts.create(session, kind="agent", login="h@exemple.fr", first_names="Hélène", birth_name="Faure")
    assert departures.close(session, jeanne, who=Actor("agent", helene.id)) == 1
    session.refresh(held)
    assert (held.claimed_by, held.claimed_name, held.claimed_at) == (None, None, None)
    assert last(session, filed) == ("released", "agent", helene.id)
    assert not jeanne.active
    assert departures.close(session, jeanne, who=audit.OPERATOR) == 0


def test_what_was_taken_before_an_earlier_release_closed_the_account_is_given_back(
    session: Session, filed: Case, held: HumanTask, jeanne: Account
) -> None:
    accounts.deactivate(session, jeanne)
    assert departures.close(session, jeanne, who=audit.OPERATOR) == 1
    assert last(session, filed) == ("released", "system", None)
    session.refresh(held)
    assert held.claimed_by is None


def test_leaving_a_group_gives_its_tasks_back_and_no_other(session: Session, held: HumanTask, jeanne: Account) -> None:
    assert departures.put(session, jeanne, Place(["Instruction"]), who=audit.OPERATOR) == 0
    session.refresh(held)
    assert held.claimed_by == jeanne.id
    assert departures.put(session, jeanne, Place(["Ailleurs"]), who=audit.OPERATOR) == 1
    session.refresh(held)
    assert held.claimed_by is None


def test_an_account_that_stays_keeps_what_it_held(session: Session, held: HumanTask, jeanne: Account) -> None:
    with pytest.raises(Conflict):
        departures.close(session, jeanne, who=Actor("agent", jeanne.id))
    session.refresh(held)
    assert held.claimed_by == jeanne.id
