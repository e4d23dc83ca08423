"""A request walked by its people, so that a test reads like the diagram.

case = walk("stationnement-renouvellement")
case.resident_submits("mes_informations")
...
case.agent_completes("instruction", decision="refuser", motif="Hors zone.")
assert case.closed
assert case.notified == ["accuse-reception", "refus"]
"""

from __future__ import annotations

from contextlib import ExitStack
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import select

from engine.contact import documents
from engine.contact.documents import Received
from engine.core import clock, jobs
from engine.core.clock import PARIS
from engine.core.db import Session
from engine.people import accounts, groups
from engine.people.actors import ANONYMOUS, Actor
from engine.procedures import cases, catalogue, demo, durations, forms, history, tasks
from engine.procedures.cases import Case
from engine.procedures.tasks import HumanTask


class Walk:
    """A request under way, in the session of a test, on a clock that moves only by `time_passes`."""

    def __init__(self, session: Session, stack: ExitStack, slug: str, person: str, at: str) -> None:
        self.session = session
        self._stack = stack
        self._set(datetime.fromisoformat(at).replace(tzinfo=PARIS))
        self.actor = ANONYMOUS
        if person:
            account = demo.add(session, person)
            self.actor = Actor("resident", account.id, account.display_name)
        self.case, token = cases.open_draft(session, slug, self.actor)
        if token:
            self.actor = self.actor.holding(frozenset({cases.link_hash(token)}))

    # --- what people do ------------------------------------

    def resident_submits(self, element_id: str, **answers: Any) -> None:
        """The resident answers a step of the wizard, or what is asked of them once the request is filed.

        What the form prefills is sent as it is; files are given by their names.
        """
        given = self._answers(element_id, answers)
        if self.case.draft:
            cases.submit_step(self.session, self._locked(), element_id, given, self.actor)
        else:
            cases.complete_task(self.session, self._locked(), self._open(element_id).id, given, self.actor)

    def agent_completes(self, element_id: str, **answers: Any) -> None:
        """An agent of the service finds the task in their queue, takes it, and completes it."""
        agent = self.agent_for(element_id)
        [task] = [
            one
            for one in tasks.queue(self.session, agent, words=self.case.reference).tasks
            if one.element_id == element_id
        ]
        tasks.claim(self.session, task.id, agent)
        cases.complete_task(self.session, self._locked(), task.id, self._answers(element_id, answers), agent)

    def agent_for(self, element_id: str) -> Actor:
        """An agent of the group that the task belongs to."""
        lane = catalogue.definition(self.session, self.case.version_id).node(element_id).lane or ""
        login = f"agent-{uuid4().hex[:8]}@exemple.fr"
        account = accounts.create(self.session, login=login, first_names="Jeanne", birth_name="Instruit", kind="agent")
        groups.assign(self.session, account, [lane])
        return Actor("agent", account.id, account.display_name, frozenset({lane}))

    def time_passes(self, duration: str) -> None:
        """Every timer that falls due on the way fires at its own time."""
        until = durations.after(clock.now(), duration)
        timers = (
            select(jobs.Job).where(jobs.Job.kind == "fire_timer", jobs.Job.due_at <= until).order_by(jobs.Job.due_at)
        )
        while (job := self.session.scalars(timers).first()) is not None:
            self._set(max(job.due_at, clock.now()))
            payload = dict(job.payload)
            jobs.forget(self.session, [str(job.key)])
            cases.fire_timer(self.session, UUID(payload["case_id"]), payload["key"])
        self._set(until)

    # --- what is seen --------------------------------------

    @property
    def closed(self) -> bool:
        return self.case.status == "closed"

    @property
    def end(self) -> str | None:
        """The end event that was reached."""
        return self.case.end_element

    @property
    def notified(self) -> list[str]:
        """The names of the messages that the resident was sent, in order."""
        entries = history.of_case(self.session, self.case.id)
        return [entry.data["name"] for entry in entries if entry.kind == "notified"]

    @property
    def waiting(self) -> list[str]:
        """The elements whose tasks are open."""
        return [task.element_id for task in tasks.of_case(self.session, self.case.id)]

    # ---------------------------------------------------------

    def _set(self, at: datetime) -> None:
        self._stack.enter_context(clock.frozen(at))

    def _locked(self) -> Case:
        case = cases.locked(self.session, self.case.id)
        assert case is self.case
        return case

    def _open(self, element_id: str) -> HumanTask:
        return next(task for task in tasks.of_case(self.session, self.case.id) if task.element_id == element_id)

    def _answers(self, element_id: str, answers: dict[str, Any]) -> dict[str, Any]:
        definition = catalogue.definition(self.session, self.case.version_id)
        form = definition.form_of(element_id)
        if form is None:
            return answers
        given = {**forms.prefill(form, self.case.usager), **answers}
        for spot in form.spots:
            if spot.kind == "files" and spot.key in answers:
                given[spot.key] = [self._stored(f"{element_id}.{spot.key}", name) for name in answers[spot.key]]
        return given

    def _stored(self, field: str, name: str) -> str:
        received = Received(name, "application/pdf", 1, "0" * 64, f"tests/{uuid4().hex}")
        stored = documents.add(self.session, received, case_id=self.case.id, field=field, actor=self.actor)
        return str(stored.id)
