"""The task at hand: the request to read beside the form to fill in; taken, given back, completed, shared out (E2, E3).

The address carries the choice of the queue that the agent came from, so that completing leads back to it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from flask import flash, g, make_response, redirect, render_template, request, url_for
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from engine.core.db import Session
from engine.core.errors import AlreadyClaimed, BadRequest, Invalid, InvalidAnswers, NotFound, StaleStep
from engine.procedures import assignments, cases, catalogue, choices, forms, instructions, tasks
from engine.procedures.cases import Case
from engine.procedures.catalogue import Definition
from engine.procedures.forms import Form
from engine.procedures.tasks import HumanTask
from portal import access, attachments, intake, rendering, typed
from portal.access import current_actor, reading, transactional
from portal.agents import blueprint, filters, timeline
from portal.agents.cases import folder
from portal.agents.due import due
from portal.attachments import Place
from portal.residents import filling
from portal.residents.presentation import paragraphs

# Hidden beside the fields: once the task is done, they tell of what the answers were.
CASE, ELEMENT = "_demande", "_element"
# Whom a supervisor gives the task to, and who had it when they decided so.
AGENT, SEEN = "agent", "_agent"
# A notice of the queue that leads to no other task: the first one may be the very one given back.
GIVEN_BACK = "given-back"
TOO_LONG = "Votre saisie est trop longue pour être gardée sans que la tâche soit terminée."
GONE = "Cette tâche n’est plus ouverte\u00a0: elle a été traitée, ou n’est pas de vos corbeilles."


@blueprint.get("/agents/taches/<uuid:task_id>")
@access.agent
@access.in_phases
def show_task(task_id: UUID) -> Response:
    """The request, and the form when the agent holds the task."""
    posted = typed.given_back()
    try:
        return _draw(task_id=task_id, posted=posted)
    except NotFound:
        if posted is None:
            raise
        # The task ended while the agent signed in again: what comes back has nowhere else to be shown.
        raise _gone(task_id, posted) from None


@blueprint.post("/agents/taches/<uuid:task_id>/prise-en-charge")
@access.agent
@transactional
def claim(session: Session, task_id: UUID) -> Response:
    """Take the task; a colleague who was first keeps it."""
    try:
        tasks.claim(session, task_id, current_actor())
    except NotFound:
        raise _gone(task_id, request.form) from None
    return redirect(url_for(".show_task", task_id=task_id, **filters.read(request.args).here), 303)


@blueprint.post("/agents/taches/<uuid:task_id>/remise")
@access.agent
@transactional
def release(session: Session, task_id: UUID) -> Response:
    """Give the task back to its queue."""
    try:
        task = tasks.find(session, task_id, current_actor())
        tasks.release(session, task_id, current_actor())
    except NotFound:
        raise _gone(task_id, request.form) from None
    flash(f"La tâche «\u00a0{task.title}\u00a0» de la demande {task.reference} est rendue à la corbeille.", GIVEN_BACK)
    return _back()


@blueprint.post("/agents/taches/<uuid:task_id>/attribution")
@access.supervisor
@access.in_phases
def assign(task_id: UUID) -> Response:
    """Say who has the task, for who supervises its group; nobody: it is back in its queue."""
    try:
        return _assign(task_id=task_id)
    except Invalid as error:
        return _draw(task_id=task_id, refused=error.message)
    except NotFound:
        raise _gone(task_id, request.form) from None


@transactional
def _assign(session: Session, task_id: UUID) -> Response:
    chosen = _id(AGENT)
    if chosen is None and request.form.get(AGENT):
        raise Invalid("Choisissez une personne du service.")
    task = assignments.assign(session, task_id, current_actor(), chosen, seen=_id(SEEN))
    whither = f"confiée à {task.claimed_name}" if task.claimed_by else "dans la corbeille, à prendre en charge"
    flash(f"La tâche «\u00a0{task.title}\u00a0» de la demande {task.reference} est {whither}.", "success")
    return redirect(url_for(".show_task", task_id=task_id, **filters.read(request.args).here), 303)


def _id(field: str) -> UUID | None:
    try:
        return UUID(request.form.get(field, ""))
    except ValueError:
        return None


@blueprint.post("/agents/taches/<uuid:task_id>")
@access.agent
@access.in_phases
@intake.takes_files
@typed.kept_on_expiry
def complete_task(task_id: UUID) -> Response:
    """Complete the task and go back to the queue; with errors, the page again with what was typed."""
    action = rendering.action(request.form)
    try:
        refused = attachments.take(_place, task_id=task_id)
        if action.name == "remove-file":
            attachments.take_away(_place, action.file, task_id=task_id)
        if refused and not action.stays:
            refused = {**_problems(task_id=task_id), **refused}
        if action.stays or refused or action.name == "save":
            if not _put_aside(task_id=task_id):
                refused = {**refused, "": TOO_LONG}
            if action.name == "save" and not refused:
                return _back()
            return _draw(task_id=task_id, posted=request.form, errors=refused)
        return _complete(task_id=task_id)
    except InvalidAnswers as error:
        _put_aside(task_id=task_id)
        return _draw(task_id=task_id, posted=request.form, errors=error.errors)
    except (NotFound, StaleStep):
        raise _gone(task_id, request.form) from None


@reading
def _problems(session: Session, task_id: UUID) -> dict[str, str]:
    task, case, definition = _at_hand(session, task_id)
    form = definition.form_of(task.element_id)
    return filling.problems(session, case, form, filling.typed(form, request.form)) if form else {}


@transactional
def _put_aside(session: Session, task_id: UUID) -> bool:
    """Keep what was typed for the agent, unless a colleague holds the task; False when it is too long for that."""
    task, case, definition = _at_hand(session, task_id, lock=True)
    form = definition.form_of(task.element_id)
    if form is None:
        raise BadRequest
    answers = filling.typed(form, request.form)
    _show_on_conflict(session, case, form, answers)
    _refuse_if_held(task)
    kept = cases.put_aside(case, task_id, answers, current_actor())
    if kept and rendering.action(request.form).name == "save":
        flash(
            f"Votre saisie pour la demande {task.reference} est mise de côté\u00a0: vous la retrouverez dans la tâche "
            f"«\u00a0{task.title}\u00a0», qui n’est pas terminée.",
            "success",
        )
    return kept


def _show_on_conflict(session: Session, case: Case, form: Form, answers: Mapping[str, Any]) -> None:
    """For the page of a conflict: what was typed is not lost with the race."""
    g.typed_answers = forms.summary(form, answers, context=choices.context(session, case, form))


@transactional
def _complete(session: Session, task_id: UUID) -> Response:
    task, case, definition = _at_hand(session, task_id, lock=True)
    form = definition.form_of(task.element_id)
    answers = filling.typed(form, request.form) if form else {}
    if form is not None:
        _show_on_conflict(session, case, form, answers)
    cases.complete_task(session, case, task_id, answers, current_actor())
    flash(f"La tâche «\u00a0{task.title}\u00a0» de la demande {task.reference} est terminée.", "success")
    return _back()


def _at_hand(session: Session, task_id: UUID, *, lock: bool = False) -> tuple[HumanTask, Case, Definition]:
    """An open task of the agent's groups and its request, whose row is locked when it is going to change."""
    task = tasks.find(session, task_id, current_actor())
    case = cases.locked(session, task.case_id) if lock else session.get(Case, task.case_id)
    if case is None:
        raise NotFound
    return task, case, catalogue.definition(session, case.version_id)


def _back() -> Response:
    return redirect(url_for("agents.show_queues", **filters.read(request.args).here), 303)


# --- when it is there no more ----------------------------------------------------------------------------------------------


def _gone(task_id: UUID, posted: MultiDict[str, str]) -> StaleStep:
    """Why the task is there no more, as far as this agent may read the request that its page said it is of; what was typed is for
    the page to show."""
    return access.look_up(lambda session: _end(session, task_id, posted))


def _end(session: Session, task_id: UUID, posted: MultiDict[str, str]) -> StaleStep:
    actor = current_actor()
    try:
        case = cases.find_for_agent(session, posted.get(CASE, ""), actor)
    except NotFound:
        return StaleStep(GONE)
    g.about = case.reference
    definition = catalogue.definition(session, case.version_id)
    element_id = posted.get(ELEMENT, "")
    if element_id in definition.process.elements and (form := definition.form_of(element_id)) is not None:
        _show_on_conflict(session, case, form, filling.typed(form, posted))
    return StaleStep(timeline.end_of(session, case, task_id, actor) or GONE)


# --- files -----------------------------------------------------------------------------------------------------------------


def _place(session: Session, task_id: UUID, *, writing: bool) -> Place:
    """Where the files of a task go, unless a colleague holds it."""
    task, case, definition = _at_hand(session, task_id, lock=writing)
    _refuse_if_held(task)
    return attachments.of_case(case, definition.form_of(task.element_id), str(task_id))


def _refuse_if_held(task: HumanTask) -> None:
    """Files come and go before the task is completed: completing would say it too late."""
    if task.claimed_by not in (None, current_actor().account_id):
        raise AlreadyClaimed(f"{task.claimed_name} a déjà pris cette tâche en charge.", task_id=str(task.id))


# --- the page --------------------------------------------------------------------------------------------------------------


@reading
def _draw(
    session: Session,
    task_id: UUID,
    posted: MultiDict[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
    refused: str = "",
) -> Response:
    """The page of a task; `refused` is what was wrong with whom a supervisor gave it to."""
    task, case, definition = _at_hand(session, task_id)
    form = definition.form_of(task.element_id)
    answers: dict[str, Any] = {}
    kept = cases.aside(case, task_id, current_actor())
    if form is not None and posted is not None:
        answers = filling.typed(form, posted)
    elif form is not None:
        answers = kept or filling.started(session, case, form, target=str(task_id))
    access.record_reading("case.read", "case", case.id)
    read = folder(session, case, definition)
    sheet = filling.sheet(session, case, form, answers, errors)
    if sheet.takes_files:
        sheet = dataclasses.replace(sheet, files=read.files)
    chosen = filters.read(request.args)
    page = render_template(
        "agents/task.html",
        task=task,
        case=case,
        definition=definition,
        due=due(task.due_at),
        instructions=paragraphs(instructions.of(case, definition, task.element_id)),
        sheet=sheet,
        folder=read,
        mine=task.claimed_by == current_actor().account_id,
        agents=assignments.candidates(session, task) if assignments.may(current_actor(), task) else None,
        refused=refused,
        chosen=chosen,
        unfinished=posted is None and kept is not None,
        hidden={CASE: case.reference, ELEMENT: task.element_id},
    )
    return make_response(page, 422 if errors or refused else 200)
