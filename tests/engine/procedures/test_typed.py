"""What was typed and isn't sent yet: a resident's, and an agent's, who alone finds theirs (A3, E2)."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

from engine.core.db import Session
from engine.people.actors import Actor
from engine.procedures import cases, tasks
from engine.procedures.cases import Case
from engine.procedures.cases.typed import CHARACTERS_MAX

HALF = {"decision": "refuser"}


def test_an_agent_alone_finds_what_they_put_aside(session: Session, filed: Case, agent: Actor) -> None:
    (task,) = tasks.of_case(session, filed.id)
    changed_at = filed.changed_at
    assert cases.put_aside(filed, task.id, HALF, agent)
    assert cases.aside(filed, task.id, agent) == HALF
    assert cases.aside(filed, task.id, replace(agent, account_id=uuid4())) is None
    assert cases.aside(filed, uuid4(), agent) is None
    assert cases.typed_at(filed, str(task.id)) is None
    assert filed.changed_at == changed_at, "the resident isn't told of it"


def test_a_task_that_is_done_forgets_what_was_put_aside(session: Session, filed: Case, agent: Actor) -> None:
    (task,) = tasks.of_case(session, filed.id)
    cases.put_aside(filed, task.id, HALF, agent)
    cases.complete_task(session, filed, task.id, {"decision": "accepter"}, agent)
    session.refresh(filed)
    assert filed.typed is None


def test_what_is_too_long_or_too_late_is_not_kept(filed: Case, agent: Actor) -> None:
    assert not cases.put_aside(filed, uuid4(), {"motif": "x" * CHARACTERS_MAX}, agent)
    filed.status = "closed"
    assert not cases.put_aside(filed, uuid4(), HALF, agent)
    assert filed.typed is None
