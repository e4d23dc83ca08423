"""What moves a request: opening, submitting, completing, cancelling, timers and messages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select

from engine.bpmn.workflow import Workflow
from engine.contact import documents
from engine.contact.appointments import Slot
from engine.core import clock, jobs, traces
from engine.core.db import Session, new_id
from engine.core.errors import (
    AlreadyClaimed,
    CaseClosed,
    Forbidden,
    InvalidAnswers,
    NotCancellable,
    NotFound,
    SignInRequired,
    StaleStep,
)
from engine.people import accounts
from engine.people.actors import SYSTEM, Actor
from engine.procedures import catalogue, references, tasks
from engine.procedures.cases import appointments, holds, once
from engine.procedures.cases.case import Case, Way
from engine.procedures.cases.finding import held, locked, make_link
from engine.procedures.cases.run import Attempt, Run, validated
from engine.procedures.cases.typed import without
from engine.procedures.catalogue import Definition
from engine.procedures.tasks import RESIDENT, HumanTask


@dataclass(frozen=True)
class Progress:
    """Where a request stands after a step: the next step of the wizard, or the whole wizard done."""

    next_step: str | None
    filed: bool


# --- opening ----------------------------------------


@traces.traced("move open_draft")
def open_draft(session: Session, slug: str, actor: Actor, *, offer: str = "") -> tuple[Case, str | None]:
    """Open a draft of the published version, or give back the one this person already has.

    Without an account, the second value is the token of the draft's private link. `SignInRequired` when the procedure
    is locked; `AlreadyRequested` when it takes one request a person, and this one has theirs; `QuotaExhausted` when it has no
    place left, but for who holds an `offer` of the waiting list (its token).
    """
    procedure = catalogue.find(session, slug)
    if procedure.locked and actor.kind != "resident":
        raise SignInRequired("Cette démarche demande un compte : connectez-vous ou créez-en un.", slug=slug)
    assert procedure.version_id is not None  # find() gives published ones only
    if actor.account_id is not None:
        # Serialises two clicks of one person: the second finds the draft of the first.
        session.execute(select(accounts.Account.id).where(accounts.Account.id == actor.account_id).with_for_update())
    existing = held(session, actor, slug)
    if existing is not None:
        return existing, None
    account = accounts.find(session, actor.account_id) if actor.kind == "resident" and actor.account_id else None
    now = clock.now()
    definition = catalogue.definition(session, procedure.version_id)
    case = Case(
        id=new_id(),
        reference=references.mint(),
        procedure=slug,
        version_id=procedure.version_id,
        status="draft",
        account_id=account.id if account else None,
        channel="portail",
        applicant=accounts.usager(account) if account else {"compte": False, "certifie": False},
        document={},
        typed=None,
        state=b"",
        opened_at=now,
        changed_at=now,
        filed_at=None,
        closed_at=None,
        end_element=None,
        erased_at=None,
        made_from=None,
        warned_at=None,
        search_name=None,
    )
    once.refuse_another(session, case, definition)
    holds.take_place(session, case, definition, offer)
    run = Run(session, case, definition, actor, unwritten=True)
    run.note("opened")
    run.workflow = Workflow.start(definition.process, run.scope)
    run.settle()
    run.note_way()
    return case, None if account else make_link(session, case)


# --- moving ----------------------------------------


def way(session: Session, case: Case) -> Way:
    """Where a draft stands."""
    if case.known_way is None or case.known_way[0] != case.state:
        run = Run(session, case, catalogue.definition(session, case.version_id), SYSTEM)
        run.load()
        run.note_way()
    assert case.known_way is not None
    return case.known_way[1]


@traces.traced("move submit_step")
def submit_step(session: Session, case: Case, element_id: str, answers: Mapping[str, Any], actor: Actor) -> Progress:
    """Take the answers of a step of the wizard: the open one, or one already passed (going back).

    After going back, the later answers are kept as long as they are valid and still asked for. Raises
    `InvalidAnswers`, or `StaleStep` when the step isn't on the way any more. Submitting the same step twice changes
    nothing the second time.
    """
    if not case.draft:
        raise CaseClosed("Cette demande a déjà été déposée.", reference=case.reference)
    definition = catalogue.definition(session, case.version_id)
    node = definition.process.elements.get(element_id)
    if node is None or node.step is None:
        raise StaleStep(element=element_id)
    run = Run(session, case, definition, actor)
    run.load()
    current = next((task for task in run.workflow.open_tasks() if task.element_id == element_id), None)
    if current is None and (element_id not in run.workflow.steps_done or node.step == "summary"):
        raise StaleStep(element=element_id)
    taken = validated(session, case, definition, element_id, answers)
    if node.step == "summary" and definition.takes_files:
        _refuse_infected(session, case)
    run.attempt = Attempt(case.id, "submit_step", element_id, taken, actor)

    def valid(later: str, stored: Mapping[str, Any]) -> bool:
        try:
            validated(session, case, definition, later, stored)
        except InvalidAnswers:
            return False
        return True

    if node.step == "summary":
        run.file()
    else:
        run.note("step_completed" if current else "step_revised", element_id)
    with run.guard():
        if current is None:
            run.workflow.revise(element_id, taken, valid)
        else:
            run.workflow.complete(current.id, taken)
            if case.draft:
                run.workflow.replay(valid)
    if case.typed:
        run.change(typed=without(case, element_id) if case.draft else None)
    run.settle()
    following = next((task.element_id for task in run.workflow.open_tasks() if task.lane == RESIDENT), None)
    return Progress(following if case.draft else None, not case.draft)


def _refuse_infected(session: Session, case: Case) -> None:
    """A scan may end after the step of its file was validated, and before the request is filed."""
    refused = documents.infected(session, case.id)
    if refused:
        names = ", ".join(f"«\u00a0{file.name}\u00a0»" for file in refused)
        raise InvalidAnswers(
            {"": f"Notre antivirus refuse {names}\u00a0: revenez à l’étape où vous l’avez joint, et retirez-le."}
        )


@traces.traced("move complete_task")
def complete_task(session: Session, case: Case, task_id: UUID, answers: Mapping[str, Any], actor: Actor) -> None:
    """Complete an open task after filing: an agent's, or one that waits for the resident.

    Raises `StaleStep` when it isn't open any more, `AlreadyClaimed` when a colleague holds it, `Forbidden` when it is
    another group's, `InvalidAnswers` when the answers are wrong; nothing is changed then.
    """
    # Nobody claims what waits for the resident: their own tasks need no lock beside the request's.
    row = tasks.locked(session, case.id, task_id) if actor.kind == "agent" else None
    definition = catalogue.definition(session, case.version_id)
    run = Run(session, case, definition, actor)
    task = None
    if case.running:
        run.load()
        task = next((one for one in run.workflow.open_tasks() if one.id == task_id), None)
    if task is None:
        raise StaleStep("Cette tâche a déjà été traitée.", task_id=str(task_id))
    group = task.lane or RESIDENT
    if group == RESIDENT:
        if actor.kind == "agent":
            raise Forbidden("Cette étape est celle de l’usager.")
    elif group not in actor.groups:
        raise Forbidden("Cette tâche est celle d’un autre service.")
    elif row is not None and row.claimed_by is not None and row.claimed_by != actor.account_id:
        raise AlreadyClaimed(f"{row.claimed_name} a déjà pris cette tâche en charge.", task_id=str(task_id))
    taken = validated(session, case, definition, task.element_id, answers)
    run.attempt = Attempt(case.id, "complete_task", str(task_id), taken, actor)
    run.note(
        "resident_answered" if group == RESIDENT else "task_completed",
        task.element_id,
        group=group,
        task=str(task_id),
    )
    with run.guard():
        run.workflow.complete(task_id, taken)
    run.settle()


@traces.traced("move cancel")
def cancel(session: Session, case: Case, actor: Actor) -> None:
    """Cancel a request, or throw a draft away with what was typed.

    `NotCancellable` when its process doesn't allow it now.
    """
    definition = catalogue.definition(session, case.version_id)
    if not cancellable(case, definition, tasks.of_case(session, case.id)):
        raise NotCancellable(reference=case.reference)
    run = Run(session, case, definition, actor)
    run.load()
    run.note("discarded" if case.draft else "cancelled")
    holds.release(session, case, definition)
    appointments.give_up_all(run)
    run.workflow.cancel()
    if case.draft:
        run.scope.document = {}
        jobs.promise_all(
            session,
            [jobs.Promise("discard_files", {"case_id": str(case.id)}, key=f"discard:{case.id}", case_id=case.id)],
        )
    run.change(status="cancelled", closed_at=clock.now(), typed=None)
    run.settle()


def cancellable(case: Case, definition: Definition, open_tasks: list[HumanTask]) -> bool:
    """Whether the resident may cancel now: the procedure allows it, and no open task forbids it (`cancel` = no)."""
    if case.draft:
        return True
    return (
        case.status == "filed"
        and definition.is_yes("cancel", default=True)
        and all(definition.node(task.element_id).properties.get("cancel") != "no" for task in open_tasks)
    )


@traces.traced("move fire_timer")
def fire_timer(session: Session, case_id: UUID, key: str) -> None:
    """What a timer's job does when its time has come. A timer that the process no longer has does nothing."""
    case = locked(session, case_id)
    if case is None or not case.running:
        return
    definition = catalogue.definition(session, case.version_id)
    run = Run(session, case, definition, SYSTEM, Attempt(case.id, "fire_timer", key, {}, SYSTEM))
    run.load()
    timer = next((timer for timer in run.workflow.timers() if timer.key == key), None)
    if timer is None or timer.due_at > clock.now():
        return
    run.note("timer_fired", timer.element_id)
    with run.guard():
        run.workflow.fire(key)
    run.settle()


@traces.traced("move deliver")
def deliver(session: Session, case: Case, message: str, payload: Mapping[str, Any], actor: Actor) -> None:
    """Hand a BPMN message to the request; `StaleStep` when its process isn't waiting for it."""
    definition = catalogue.definition(session, case.version_id)
    run = Run(session, case, definition, actor, Attempt(case.id, "deliver", message, payload, actor))
    run.load()
    if not case.running or message not in run.workflow.waiting_messages():
        raise StaleStep("La demande n’attend pas ce message.", message_name=message)
    run.note("message_received", name=message)
    with run.guard():
        run.workflow.deliver(message, dict(payload))
    run.settle()


@traces.traced("move book_appointment")
def book_appointment(session: Session, case: Case, slot: Slot | None, actor: Actor) -> None:
    """Plan an appointment for a filed request, or move the planned one, and tell the person and the process.

    `InvalidAnswers` when no slot is given or it isn't free any more, `StaleStep` when this request may have none now.
    """
    run = Run(session, case, catalogue.definition(session, case.version_id), actor)
    run.load()
    appointments.book(run, slot)
    if run.entries:
        run.settle()


@traces.traced("move cancel_appointment")
def cancel_appointment(session: Session, case: Case, actor: Actor) -> None:
    """Cancel the planned appointment of a request, and tell the person and the process; `StaleStep` when there is none."""
    run = Run(session, case, catalogue.definition(session, case.version_id), actor)
    run.load()
    appointments.give_up(run)
    run.settle()


def try_again(session: Session, attempt: Attempt) -> None:
    """Do what an incident stopped."""
    case = locked(session, attempt.case_id)
    if case is None:
        raise NotFound(case_id=str(attempt.case_id))
    if attempt.verb == "submit_step":
        submit_step(session, case, attempt.target, attempt.answers, attempt.actor)
    elif attempt.verb == "complete_task":
        complete_task(session, case, UUID(attempt.target), attempt.answers, attempt.actor)
    elif attempt.verb == "fire_timer":
        fire_timer(session, case.id, attempt.target)
    else:
        deliver(session, case, attempt.target, attempt.answers, attempt.actor)
