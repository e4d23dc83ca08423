"""A process that couldn't go on: what was typed is kept, operators see where and why, and it can be tried again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from engine.core import clock
from engine.core.db import Session
from engine.core.errors import Conflict, NotFound, ProcessStuck, Unavailable
from engine.people.actors import Actor
from engine.procedures import cases, history, incidents, operations, tasks
from engine.procedures.cases import Case
from engine.procedures.incidents import Incident
from tests.engine.procedures.conftest import SMALL, SURE, WHO

REFUSE = {"decision": "refuser", "motif": "Hors délai"}
Clock = Callable[[str], datetime]


class Post:
    """Stands for `notifications/send`: out of order until it is mended."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.broken = True
        real = operations.REGISTRY["notifications/send"]

        def send(context: operations.OperationContext, **parameters: Any) -> Any:
            if self.broken:
                raise Unavailable("the mail room is closed")
            return real.function(context, **parameters)

        values = {name: getattr(real, name) for name in real.__dataclass_fields__}
        monkeypatch.setitem(operations.REGISTRY, real.name, operations.Operation(**{**values, "function": send}))


@pytest.fixture
def post(monkeypatch: pytest.MonkeyPatch) -> Post:
    return Post(monkeypatch)


def attempt(session: Session, verb: Callable[[], object]) -> Incident:
    """What the portal does of a step that stops: roll back, then record."""
    try:
        with session.begin_nested():
            verb()
    except ProcessStuck as error:
        session.expire_all()
        incident = incidents.record(session, error)
        assert incident is not None
        return incident
    raise AssertionError("nothing stopped")


def refuse(session: Session, case: Case, agent: Actor, answers: Mapping[str, str] = REFUSE) -> Callable[[], None]:
    [task] = tasks.of_case(session, case.id)
    return lambda: cases.complete_task(session, case, task.id, answers, agent)


def test_an_incident_says_where_why_and_what_was_tried(session: Session, filed: Case, agent: Actor, post: Post) -> None:
    [task] = tasks.of_case(session, filed.id)
    incident = attempt(session, refuse(session, filed, agent))
    assert (incident.element_id, incident.verb, incident.target) == ("refus", "complete_task", str(task.id))
    assert "the mail room is closed" in incident.reason
    assert incident.answers == REFUSE
    assert incident.actor["account_id"] == str(agent.account_id)
    [(listed, case)] = incidents.listing(session)
    assert (listed.id, case.id) == (incident.id, filed.id)


def test_the_step_itself_is_as_if_it_had_not_been_tried(
    session: Session, filed: Case, agent: Actor, post: Post
) -> None:
    attempt(session, refuse(session, filed, agent))
    assert filed.status == "filed"
    assert "instruction" not in filed.document
    assert [task.element_id for task in tasks.of_case(session, filed.id)] == ["instruction"]
    kinds = [entry.kind for entry in history.of_case(session, filed.id)]
    assert kinds[-1] == "incident"
    assert "task_completed" not in kinds


def test_what_was_typed_comes_back_on_the_page(session: Session, filed: Case, agent: Actor, post: Post) -> None:
    [task] = tasks.of_case(session, filed.id)
    attempt(session, refuse(session, filed, agent))
    assert incidents.typed(session, filed.id, str(task.id)) == REFUSE
    assert incidents.typed(session, filed.id, str(uuid4())) is None
    assert incidents.typed(session, uuid4(), str(task.id)) is None


def test_the_same_stop_again_is_the_same_incident_with_the_latest_answers(
    session: Session, filed: Case, agent: Actor, post: Post
) -> None:
    first = attempt(session, refuse(session, filed, agent))
    changed = {**REFUSE, "motif": "Hors zone"}
    again = attempt(session, refuse(session, filed, agent, changed))
    assert again.id == first.id
    assert again.answers == changed
    kinds = [entry.kind for entry in history.of_case(session, filed.id)]
    assert kinds.count("incident") == 1


def test_once_mended_it_is_done_as_it_was_asked(session: Session, filed: Case, agent: Actor, post: Post) -> None:
    incident = attempt(session, refuse(session, filed, agent))
    post.broken = False
    incidents.retry(session, incident.id)
    assert (filed.status, filed.end_element) == ("closed", "refusee")
    assert incident.solved_at is not None
    assert incident.answers == {}, "what was typed is in the request now, and nowhere else"
    done = [entry for entry in history.of_case(session, filed.id) if entry.kind == "task_completed"]
    assert [entry.actor_id for entry in done] == [agent.account_id], "the agent decided, not the operator"
    assert incidents.listing(session) == []
    assert [one.id for one, _ in incidents.listing(session, solved=True)] == [incident.id]


def test_it_stays_when_it_stops_again(session: Session, filed: Case, agent: Actor, post: Post) -> None:
    incident = attempt(session, refuse(session, filed, agent))
    with pytest.raises(ProcessStuck), session.begin_nested():
        incidents.retry(session, incident.id)
    assert [one.id for one, _ in incidents.listing(session)] == [incident.id]
    assert incident.answers == REFUSE


def test_only_an_open_incident_is_tried_again(session: Session, filed: Case, agent: Actor, post: Post) -> None:
    incident = attempt(session, refuse(session, filed, agent))
    post.broken = False
    incidents.retry(session, incident.id)
    with pytest.raises(Conflict):
        incidents.retry(session, incident.id)
    with pytest.raises(NotFound):
        incidents.retry(session, uuid4())


def test_who_got_through_meanwhile_is_not_undone(session: Session, filed: Case, agent: Actor, post: Post) -> None:
    """The agent tried again by themselves before the operator did, and changed their mind."""
    incident = attempt(session, refuse(session, filed, agent))
    [task] = tasks.of_case(session, filed.id)
    cases.complete_task(session, filed, task.id, {"decision": "accepter"}, agent)
    incidents.retry(session, incident.id)
    assert (filed.status, filed.end_element) == ("closed", "acceptee")
    assert incident.solved_at is not None


def test_the_newer_answers_of_a_step_are_kept(session: Session, draft: Case, resident: Actor, clock_at: Clock) -> None:
    """A step of the wizard that stopped, then went through: the old answers neither come back nor are sent again."""
    clock_at("2027-03-01 10:00")
    cases.submit_step(session, draft, "mes_informations", WHO, resident)
    old = {"objet": "Un vieux banc", "montant": 10}
    stuck = ProcessStuck("calcul", "the script stopped")
    stuck.attempt = cases.Attempt(draft.id, "submit_step", "ma_demande", old, resident)
    incident = incidents.record(session, stuck)
    assert incident is not None
    assert incidents.typed(session, draft.id, "ma_demande") == old
    clock_at("2027-03-01 10:05")
    cases.submit_step(session, draft, "ma_demande", SMALL, resident)
    assert incidents.typed(session, draft.id, "ma_demande") is None
    incidents.retry(session, incident.id)
    assert incident.solved_at is not None
    assert draft.document["ma_demande"] == SMALL
    cases.submit_step(session, draft, "recapitulatif", SURE, resident)


def test_a_stop_that_nobody_attempted_is_no_incident(session: Session) -> None:
    assert incidents.record(session, ProcessStuck("calcul", "no attempt was noted")) is None


def test_operators_read_the_oldest_first(session: Session, filed: Case, resident: Actor) -> None:
    for minutes, target in ((5, "second"), (0, "first")):
        error = ProcessStuck("refus", "why")
        error.attempt = cases.Attempt(filed.id, "deliver", target, {}, resident)
        with clock.moved(timedelta(minutes=minutes)):
            incidents.record(session, error)
    assert [one.target for one, _ in incidents.listing(session)] == ["first", "second"]
    assert len(incidents.listing(session, limit=1)) == 1
