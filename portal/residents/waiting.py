"""«À faire»: what a filed request asks of its resident, such as a missing document or a code (A16)."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from flask import flash, make_response, redirect, render_template, request, url_for
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from engine.contact import notifications
from engine.core.db import Session
from engine.core.errors import InvalidAnswers, StaleStep
from engine.procedures import cases, catalogue, instructions, tasks
from engine.procedures.cases import Case
from engine.procedures.forms import Form
from engine.procedures.tasks import HumanTask
from portal import access, attachments, intake, rendering, typed
from portal.access import current_actor, reading, transactional
from portal.attachments import Place
from portal.residents import blueprint, filling
from portal.residents.presentation import paragraphs

DONE = "Cette étape a déjà été traitée. Voici où en est votre demande."
SAVED = "Votre saisie est enregistrée\u00a0: vous la retrouverez ici, dans «\u00a0À faire\u00a0»."
SENT = "Votre réponse est enregistrée."
AGAIN = "Cette étape est de nouveau à remplir\u00a0: lisez ce qui est demandé."


@blueprint.get("/demandes/<reference>/a-faire/<uuid:task_id>")
@access.case_holder
@access.in_phases
def show_task(reference: str, task_id: UUID) -> Response:
    """What is asked, and the form to answer it."""
    return _draw(reference=reference, task_id=task_id, posted=typed.given_back())


@blueprint.post("/demandes/<reference>/a-faire/<uuid:task_id>")
@access.case_holder
@access.in_phases
@intake.takes_files
@typed.kept_on_expiry
def complete_task(reference: str, task_id: UUID) -> Response:
    """Send the answer; with errors, the page again with what was typed."""
    action = rendering.action(request.form)
    try:
        refused = attachments.take(_place, reference=reference, task_id=task_id)
        if action.name == "remove-file":
            attachments.take_away(_place, action.file, reference=reference, task_id=task_id)
        if action.stays or refused or action.name == "save":
            errors = _kept(reference=reference, task_id=task_id, refused=refused, check=action.name == "next")
            if action.name == "save" and not errors:
                flash(SAVED, "success")
                return redirect(url_for(".show_tracking", reference=reference), 303)
            return _draw(reference=reference, task_id=task_id, posted=request.form, errors=errors)
        return _complete(reference=reference, task_id=task_id)
    except InvalidAnswers as error:
        _kept(reference=reference, task_id=task_id, refused={}, check=False)
        return _draw(reference=reference, task_id=task_id, posted=request.form, errors=error.errors)
    except StaleStep:
        flash(DONE, "info")
        return redirect(url_for(".show_tracking", reference=reference), 303)


@transactional
def _kept(session: Session, case: Case, task_id: UUID, refused: Mapping[str, str], check: bool) -> dict[str, str]:
    """Keep what was typed until the task is done; with `check`, what is wrong with it beside the files that were refused."""
    _, form = _task(session, case, task_id)
    if form is None:
        return dict(refused)
    answers = filling.typed(form, request.form)
    cases.keep_typed(case, str(task_id), answers)
    return {**(filling.problems(session, case, form, answers) if check else {}), **refused}


@transactional
def _complete(session: Session, case: Case, task_id: UUID) -> Response:
    task, form = _task(session, case, task_id)
    answers = filling.typed(form, request.form) if form else {}
    cases.complete_task(session, case, task_id, answers, current_actor())
    open_tasks = tasks.of_case(session, case.id) if case.running else []
    following = next((one for one in open_tasks if one.group == tasks.RESIDENT), None)
    if following is None:
        flash(SENT, "success")
        return redirect(url_for(".show_tracking", reference=case.reference), 303)
    if following.element_id == task.element_id:
        flash(AGAIN, "info")
    return redirect(url_for(".show_task", reference=case.reference, task_id=following.id), 303)


def _task(session: Session, case: Case, task_id: UUID) -> tuple[HumanTask, Form | None]:
    """An open task of the resident, with its form; `StaleStep` when it isn't open any more."""
    open_tasks = tasks.of_case(session, case.id) if case.filed_at is not None else []
    task = next((one for one in open_tasks if one.id == task_id and one.group == tasks.RESIDENT), None)
    if task is None:
        raise StaleStep
    return task, catalogue.definition(session, case.version_id).form_of(task.element_id)


def _place(session: Session, case: Case, task_id: UUID, *, writing: bool) -> Place:
    """Where the files of an answer go, as long as it is asked for."""
    _, form = _task(session, case, task_id)
    return attachments.of_case(case, form, str(task_id))


@reading
def _draw(
    session: Session,
    case: Case,
    task_id: UUID,
    posted: MultiDict[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
) -> Response:
    try:
        task, form = _task(session, case, task_id)
    except StaleStep:
        flash(DONE, "info")
        return redirect(url_for(".show_tracking", reference=case.reference), 303)
    definition = catalogue.definition(session, case.version_id)
    answers = {}
    if form is not None and posted is not None:
        answers = filling.typed(form, posted)
    elif form is not None:
        answers = filling.started(session, case, form, target=str(task_id))
    page = render_template(
        "residents/task.html",
        case=case,
        definition=definition,
        task=task,
        unfinished=posted is None and cases.typed_at(case, str(task_id)) is not None,
        letter=next(iter(reversed(notifications.of_case(session, case.id))), None),
        instructions=paragraphs(instructions.of(case, definition, task.element_id)),
        sheet=filling.sheet(session, case, form, answers, errors),
    )
    return make_response(page, 422 if errors else 200)
