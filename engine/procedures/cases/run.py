"""One move of a request: its workflow while it moves, and what is written when it rests."""

from __future__ import annotations

import functools
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm.attributes import set_committed_value

from engine.bpmn.model import Node
from engine.bpmn.workflow import OperationFault, Scope, Workflow
from engine.contact import exchanges
from engine.core import clock, jobs, logs, metrics, traces
from engine.core.db import Session, after_commit
from engine.core.errors import ParvisError, ProcessStuck
from engine.core.statements import insert_row
from engine.people.actors import Actor
from engine.procedures import choices, durations, forms, history, notifications, operations, receipts, tasks
from engine.procedures.cases import appointments, holds, once
from engine.procedures.cases.case import Case, Way, reserved, save
from engine.procedures.cases.finding import tracking_address
from engine.procedures.cases.typed import without
from engine.procedures.catalogue import Definition
from engine.procedures.tasks import RESIDENT


@dataclass(frozen=True)
class Attempt:
    """What somebody tried: enough to do it again once the cause of an incident is mended."""

    case_id: UUID
    verb: str
    target: str
    answers: Mapping[str, Any]
    actor: Actor


def validated(
    session: Session, case: Case, definition: Definition, element_id: str, answers: Mapping[str, Any]
) -> dict[str, Any]:
    if definition.node(element_id).step == appointments.STEP:
        return appointments.answered(session, case, definition, answers)
    form = definition.form_of(element_id)
    if form is None:
        return {}
    # Read-only values, and a certified identity, are ours whatever was posted (A8).
    locked = forms.locks(form, case.usager)
    return forms.validate(form, answers, context=choices.context(session, case, form), locked=locked)


@dataclass
class Run:
    """A request being moved: its workflow while it moves, and what has to be written when it rests.

    `unwritten` says that the request has no row yet: it gets one with its first operation, or at the latest when it rests.
    """

    session: Session
    case: Case
    definition: Definition
    actor: Actor
    attempt: Attempt | None = None
    unwritten: bool = False
    acknowledging: bool = False
    workflow: Workflow = field(init=False)
    scope: Scope = field(init=False)
    entries: list[dict[str, Any]] = field(default_factory=list)
    changes: dict[str, Any] = field(default_factory=dict)
    tasks_before: dict[UUID, str] = field(default_factory=dict)
    timers_before: dict[str, datetime] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._began = time.perf_counter()
        logs.about(self.case.reference)
        if traces.on():
            definition = self.definition
            traces.tell(case=self.case.reference, procedure=definition.slug, version=definition.number)
        self.scope = Scope(document=self.case.document, reserved=reserved(self.case), operation=self._operation)

    def load(self) -> None:
        """Bring the workflow back as it was saved."""
        self.workflow = Workflow.load(self.definition.process, self.case.state, self.scope)
        self.tasks_before = {task.id: task.element_id for task in self.workflow.open_tasks()}
        self.timers_before = {timer.key: timer.due_at for timer in self.workflow.timers()}

    def note_way(self) -> None:
        """Let the request know the way that it took, for who asks next."""
        waiting = {task.element_id for task in self.workflow.open_tasks()}
        self.case.known_way = (self.case.state, Way(self.workflow.steps_done, waiting))

    def change(self, **values: Any) -> None:
        """Change columns of the request; `settle` writes them all in one statement."""
        for name, value in values.items():
            # Not by assignment: the unit of work would write the row a second time, and costs more than the database.
            set_committed_value(self.case, name, value)
        self.changes |= values

    def note(self, kind: str, element_id: str | None = None, **data: Any) -> None:
        self.entries.append(history.row(self.case.id, kind, self.actor, element_id=element_id, data=data))

    def file(self) -> None:
        """The draft becomes a request: dated, acknowledged, open to agents."""
        case = self.case
        # What was answered on a way that was then left is no part of what is filed.
        done = self.workflow.steps_done
        for node in self.definition.steps:
            if node.id not in done:
                self.scope.document.pop(node.id, None)
        once.refuse_another(self.session, case, self.definition)
        holds.keep_places(self.session, case, self.definition)
        self.change(status="filed", filed_at=clock.now())
        self.scope.reserved = reserved(self.case)
        self.note("filed")
        if case.usager.get("courriel"):
            self.acknowledging = True
            self.note("notified", name=receipts.NAME)
        if appointments.offered(self.definition):
            appointments.keep(self)

    def tell(self, name: str, values: Mapping[str, Any], *, key: str | None = None, tab: str | None = None) -> None:
        """Tell the person a message, and note it; with `key` once, whoever asks."""
        names = {**self.scope.document, **self.scope.reserved, **values}
        follow = functools.partial(self._tracking, tab)
        notifications.tell(self.session, self.case, self.definition, name, names=names, follow=follow, key=key)
        self.note("notified", name=name)

    def _tracking(self, tab: str | None = None) -> str:
        return tracking_address(self.session, self.case, tab)

    def guard(self) -> Guard:
        """Give whatever stops the process the attempt that it stopped."""
        return Guard(self.attempt)

    def _write(self) -> None:
        """Write the row of the request: what was changed of it, or the whole of a new one."""
        if self.unwritten:
            insert_row(self.session, self.case)
            self.unwritten = False
        else:
            save(self.session, self.case, self.changes)

    def _operation(self, element_id: str, name: str, parameters: Mapping[str, Any]) -> Any:
        if self.unwritten:
            self._write()  # what operations write may refer to it
        names = {**self.scope.document, **self.scope.reserved}
        context = operations.OperationContext(
            self.session, self.case, self.definition, element_id, self.actor, names, self.note, self._tracking
        )
        try:
            return operations.call(context, name, parameters)
        except (ProcessStuck, OperationFault):
            raise
        except ParvisError as error:
            raise ProcessStuck(element_id, f"{name}: {error}") from error

    def settle(self) -> None:
        """Write what the move changed: tasks, timers, history and the request itself."""
        case, workflow = self.case, self.workflow
        now = clock.now()
        if workflow.finished and case.running:
            appointments.end(self)
            self.change(status="closed", closed_at=now, end_element=workflow.end_element)
        if not case.draft:
            workflow.compact()
        opened = {task.id: task for task in workflow.open_tasks()} if case.running else {}
        timers = {timer.key: timer.due_at for timer in workflow.timers()} if case.running else {}
        self._forget_typed({str(task_id) for task_id in opened})
        self.change(state=workflow.dump(), document=self.scope.document, changed_at=now)
        fresh = [task for task in opened.values() if task.id not in self.tasks_before]
        applicant = case.applicant_name if fresh else ""
        names = tasks.searchable(case.known_names) if fresh or case.filed_at is not None else ""
        if case.filed_at is not None and names != case.search_name:
            self.change(search_name=names)
        self._write()
        tasks.replace_all(
            self.session,
            [task_id for task_id in self.tasks_before if task_id not in opened],
            [self._row(task.id, task.element_id, applicant, names, now) for task in fresh],
        )
        self._keep_timers(timers)
        if self.definition.asks and not case.draft:
            exchanges.stop_waiting(self.session, case.id, workflow.waiting_messages() if case.running else ())
        # Before what they lead to.
        for event in workflow.events:
            if event.kind == "decision":
                self.note("decided", event.element_id, **event.facts)
        if not case.draft:
            for task in fresh:
                self.note(
                    "resident_asked" if task.lane == RESIDENT else "task_opened", task.element_id, group=task.lane
                )
        if case.status == "closed":
            self.note("closed", case.end_element)
        if self.acknowledging:
            # Now that it is known whether an answer is still to come; and before whatever else is written.
            receipts.acknowledge(self.session, case, self.definition, self._tracking)
        self._hurry()
        path = [event.element_id for event in workflow.events if event.kind == "completed"]
        if path:
            if not self.entries:
                self.note("moved")
            self.entries[0]["path"] = path
        history.record(self.session, self.entries)
        move = metrics.step(self.definition.slug, self.definition.number, str(self.entries[0]["kind"]))
        # Once it is written for good: on PostgreSQL what a move writes leaves with the commit.
        after_commit(self.session, lambda: move.observe(time.perf_counter() - self._began))

    def _hurry(self) -> None:
        """What was told on the way to a question, or to the end, waits for no other message: a deadline runs from now."""
        kinds = {str(entry["kind"]) for entry in self.entries}
        # The acknowledgement of a draft that is filed waits for nothing, and nothing was told before it.
        told = any(entry["kind"] == "notified" and entry["data"]["name"] != receipts.NAME for entry in self.entries)
        if told and kinds & {"closed", "resident_asked"}:
            notifications.leave_now(self.session, self.case, self.definition, self._tracking)

    def _forget_typed(self, open_tasks: set[str]) -> None:
        """What was typed at a task that isn't open any more is of no use to anybody."""
        if self.case.typed:
            kept = without(self.case, *({str(task_id) for task_id in self.tasks_before} - open_tasks))
            if kept != self.case.typed:
                self.change(typed=kept)

    def _row(self, task_id: UUID, element_id: str, applicant: str, names: str, now: datetime) -> dict[str, Any]:
        node: Node = self.definition.node(element_id)
        due_in = node.properties.get("dueIn")
        return {
            "id": task_id,
            "case_id": self.case.id,
            "element_id": element_id,
            "group": node.lane or RESIDENT,
            "title": node.name or element_id,
            "opened_at": now,
            "due_at": durations.after(now, due_in) if due_in else None,
            "claimed_by": None,
            "claimed_name": None,
            "claimed_at": None,
            "reference": self.case.reference,
            "procedure": self.case.procedure,
            "procedure_title": self.definition.title,
            "applicant": applicant,
            "search_name": names,
            "filed_at": self.case.filed_at,
        }

    def _keep_timers(self, after: Mapping[str, datetime]) -> None:
        jobs.forget(self.session, [_timer_job(self.case, key) for key in self.timers_before if key not in after])
        jobs.promise_all(
            self.session,
            [
                jobs.Promise(
                    "fire_timer",
                    {"case_id": str(self.case.id), "key": key},
                    due_at=due_at,
                    key=_timer_job(self.case, key),
                    case_id=self.case.id,
                )
                for key, due_at in after.items()
                if self.timers_before.get(key) != due_at
            ],
        )


class Guard:
    """Says of what stops a process what was being tried."""

    def __init__(self, attempt: Attempt | None) -> None:
        self._attempt = attempt

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, ProcessStuck):
            error.attempt = self._attempt


def _timer_job(case: Case, key: str) -> str:
    return f"timer:{case.id}:{key}"
