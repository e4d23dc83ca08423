"""The wizard: one address a step, the open one or one already passed; going back, two tabs and a second click are harmless.

What is posted on the open step goes forward; on a passed one it corrects it, and the later answers are kept as long as they
still hold. A page of another time leads to the step of now, with a notice.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import flash, make_response, redirect, render_template, request, url_for
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from engine.contact import notifications
from engine.contact.appointments import FIELD
from engine.core.db import Session
from engine.core.errors import (
    AlreadyRequested,
    CaseClosed,
    InvalidAnswers,
    NotFound,
    QuotaExhausted,
    SlotTaken,
    StaleStep,
)
from engine.procedures import cases, catalogue, instructions, receipts, tasks
from engine.procedures.cases import Case
from engine.procedures.catalogue import Definition
from engine.procedures.forms import Form
from portal import access, attachments, intake, rendering, typed
from portal.access import current_actor, reading, transactional
from portal.attachments import Place
from portal.residents import appointments, attaching, blueprint, filling, links, steps
from portal.residents.presentation import paragraphs, presented, standing, step_title

STALE = "Cette étape n’est plus celle où en est votre demande. Voici l’étape en cours\u00a0; rien n’a été perdu."
SAVED = "Votre saisie est enregistrée. Vous retrouverez cette demande dans «\u00a0À terminer\u00a0»."
KEPT = "Votre saisie est conservée."
DISCARDED = (
    "La demande {reference} n’a pas été déposée\u00a0: son brouillon avait été supprimé, peut-être dans un autre onglet. Vous "
    "pouvez la recommencer."
)
_LEAVING = ("save", "sign-in", "keep")
"""The buttons that leave the page with what was typed there."""
FILED = "Cette demande est déjà déposée\u00a0: elle ne se modifie plus ici. En voici le suivi."


@blueprint.get("/demandes/<reference>")
@access.case_holder
@reading
def show_case(session: Session, case: Case) -> Response:
    """Where the request goes on: its open step, or its tracking."""
    return redirect(steps.current_address(session, case), 303)


@blueprint.get("/demandes/<reference>/etapes/<element_id>")
@access.case_holder
@access.in_phases
def show_step(reference: str, element_id: str) -> Response:
    """The open step, or one already passed, with what was answered; any other address leads to the open one."""
    return _draw(reference=reference, element_id=element_id, posted=typed.given_back())


@blueprint.post("/demandes/<reference>/etapes/<element_id>")
@access.case_holder
@access.in_phases
@intake.takes_files
@typed.kept_on_expiry
def submit_step(reference: str, element_id: str) -> Response | str:
    """Take the answers and lead to the next step; with errors, the page again with what was typed."""
    action = rendering.action(request.form)
    try:
        refused = attachments.take(_place, reference=reference, element_id=element_id)
        if action.name == "remove-file":
            attachments.take_away(_place, action.file, reference=reference, element_id=element_id)
        if action.stays or refused or action.name in _LEAVING or action.name == "prolong":
            errors = _kept(reference=reference, element_id=element_id, refused=refused, check=action.name == "next")
            if action.name in _LEAVING and not errors:
                return _leave(reference=reference, element_id=element_id, how=action.name)
            if action.name == "prolong":
                _prolong(reference=reference)
            return _draw(reference=reference, element_id=element_id, posted=request.form, errors=errors)
        return _submit(reference=reference, element_id=element_id)
    except InvalidAnswers as error:
        _kept(reference=reference, element_id=element_id, refused={}, check=False)
        return _draw(reference=reference, element_id=element_id, posted=request.form, errors=error.errors)
    except CaseClosed:
        # The second click on the button that files.
        return redirect(url_for(".show_confirmation", reference=reference), 303)
    except StaleStep:
        flash(STALE, "info")
        return redirect(url_for(".show_case", reference=reference), 303)
    except (AlreadyRequested, QuotaExhausted, SlotTaken) as error:
        flash(f"{error.message} {KEPT}", "info")
        return _where_it_is_taken(reference=reference, slot=isinstance(error, SlotTaken))


@transactional
def _submit(session: Session, case: Case, element_id: str) -> Response:
    form = _form(session, case, element_id)
    answers = filling.typed(form, request.form) if form else {FIELD: _slot()}
    progress = cases.submit_step(session, case, element_id, answers, current_actor())
    if form is not None and form.takes_files:
        attachments.tidy(session, case, element_id)
    if progress.filed:
        return redirect(url_for(".show_confirmation", reference=case.reference), 303)
    if progress.next_step is None:
        return redirect(url_for(".show_case", reference=case.reference), 303)
    return redirect(steps.address(case, progress.next_step), 303)


def _slot() -> str:
    """The slot that was chosen at the step of the appointment; `sans` says that none is wanted."""
    chosen = request.form.get(FIELD, "")
    return "" if chosen == "sans" else chosen


# --- what is held ----------------------------------------------------------------------------------------------------------


def _prolong(*, reference: str) -> None:
    try:
        _renew(reference=reference)
    except (QuotaExhausted, SlotTaken) as error:
        flash(f"{error.message} {KEPT}", "info")


@transactional
def _renew(session: Session, case: Case) -> None:
    if case.draft and cases.renew_holds(session, case, catalogue.definition(session, case.version_id)):
        flash("C’est gardé plus longtemps.", "success")


@reading
def _where_it_is_taken(session: Session, case: Case, slot: bool) -> Response:
    """Where to take another slot, or to wait for a place."""
    definition = catalogue.definition(session, case.version_id)
    step = next((node.id for node in definition.steps if node.step == cases.APPOINTMENT_STEP), None)
    if slot and step is not None:
        return redirect(steps.address(case, step), 303)
    return redirect(url_for("public.show_procedure", slug=case.procedure), 303)


# --- left before it is validated -------------------------------------------------------------------------------------------


@transactional
def _kept(session: Session, case: Case, element_id: str, refused: Mapping[str, str], check: bool) -> dict[str, str]:
    """Keep what was typed with the draft; with `check`, what is wrong with it beside the files that were refused."""
    form = _form(session, case, element_id)
    if not case.draft:
        raise CaseClosed
    if form is None:
        return dict(refused)
    answers = filling.typed(form, request.form)
    action = rendering.action(request.form)
    # Who takes a validated file off and leaves finds it again: only validating takes it away.
    if action.name != "remove-file" or not attachments.named(case, action.file):
        cases.keep_typed(case, element_id, answers)
    return {**(filling.problems(session, case, form, answers) if check else {}), **refused}


@transactional
def _leave(session: Session, case: Case, element_id: str, how: str) -> Response | str:
    """How to come back: the space of who has an account or goes to sign in, a private link for the others."""
    if how == "sign-in":
        there = url_for(".show_case", reference=case.reference)
        return redirect(url_for("public.show_sign_in", suite=there), 303)
    if how == "keep":
        return attaching.join_space(session, case)
    if case.account_id is not None:
        flash(SAVED, "success")
        return redirect(url_for(".show_space"), 303)
    return links.page(session, case, back=steps.address(case, element_id))


def _form(session: Session, case: Case, element_id: str) -> Form | None:
    definition = catalogue.definition(session, case.version_id)
    node = definition.process.elements.get(element_id)
    if node is None or node.step is None:
        raise NotFound
    return definition.form_of(element_id)


# --- files -----------------------------------------------------------------------------------------------------------------


def _place(session: Session, case: Case, element_id: str, *, writing: bool) -> Place:
    """Where the files of a step go, as long as the request is a draft."""
    form = _form(session, case, element_id)
    if not case.draft:
        raise CaseClosed
    return attachments.of_case(case, form, element_id)


# --- the page --------------------------------------------------------------------------------------------------------------


@reading
def _draw(
    session: Session,
    case: Case,
    element_id: str,
    posted: MultiDict[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
) -> Response:
    if not case.draft and case.filed_at is None:
        return _discarded(case)
    if not case.draft:
        flash(FILED, "info")
        return redirect(url_for(".show_tracking", reference=case.reference), 303)
    definition = catalogue.definition(session, case.version_id)
    node = next((one for one in definition.steps if one.id == element_id), None)
    if node is None:
        raise NotFound
    behind, current = steps.way(session, case, definition)
    if node != current and node not in behind:
        flash(STALE, "info")
        return redirect(steps.current_address(session, case), 303)
    form = definition.form_of(element_id)
    answers: Mapping[str, Any] = {}
    if form is not None and posted is not None:
        answers = filling.typed(form, posted)
    elif form is not None:
        answers = filling.started(session, case, form, target=node.id, stored=case.document.get(node.id))
    indicator = steps.stops(case, definition, behind, current, node)
    is_summary = node.step == "summary"
    more: dict[str, Any] = {}
    if node.step == cases.APPOINTMENT_STEP:
        more = _appointment(session, case, definition, node.id, posted, errors)
    page = render_template(
        more.pop("template", "residents/summary.html" if is_summary else "residents/step.html"),
        holds=cases.holds_of(session, case, definition),
        case=case,
        definition=definition,
        title=node.name or step_title(node),
        stops=indicator,
        number=next((place for place, stop in enumerate(indicator, 2) if stop.shown), 2),
        unfinished=posted is None and cases.typed_at(case, node.id) is not None,
        revising=current is not None and node != current,
        instructions=paragraphs(instructions.of(case, definition, node.id)),
        sheet=filling.sheet(session, case, form, answers, errors),
        parts=[
            (
                one.name or step_title(one),
                steps.address(case, one.id),
                filling.answered(session, case, definition, one.id),
            )
            for one in (behind if is_summary else ())
        ],
        files=attachments.described(session, case) if is_summary and definition.takes_files else {},
        procedure=presented(definition),
        bearer=case.account_id is None,
        **more,
    )
    return make_response(page, 422 if errors else 200)


def _discarded(case: Case) -> Response:
    """What was sent from a page of a draft that is gone since."""
    flash(DISCARDED.format(reference=case.reference), "info")
    return redirect(url_for("public.show_procedure", slug=case.procedure), 303)


def _appointment(
    session: Session,
    case: Case,
    definition: Definition,
    element_id: str,
    posted: MultiDict[str, str] | None,
    errors: Mapping[str, str] | None,
) -> dict[str, Any]:
    """What the page of the step of the appointment shows beside what all steps show."""
    return {
        "template": "residents/appointment_step.html",
        "picker": appointments.picker(
            session,
            case,
            definition,
            address=steps.address(case, element_id),
            posted=posted.get(FIELD, "") if posted is not None else "",
        ),
        "required": cases.requires_appointment(definition),
        "errors": errors or {},
        "error_list": appointments.error_list(errors),
    }


# --- filed -----------------------------------------------------------------------------------------------------------------


@blueprint.get("/demandes/<reference>/confirmation")
@access.case_holder
@reading
def show_confirmation(session: Session, case: Case) -> Response | str:
    """The request is taken into account: its reference, the acknowledgement, and what comes next (A10)."""
    if case.filed_at is None and not case.draft:
        return _discarded(case)
    if case.filed_at is None:
        return redirect(steps.current_address(session, case), 303)
    definition = catalogue.definition(session, case.version_id)
    waiting = [task for task in tasks.of_case(session, case.id) if task.group == tasks.RESIDENT]
    status, colour = standing(case, definition, waiting=bool(waiting))
    return render_template(
        "residents/confirmation.html",
        planned=appointments.planned(session, case, definition),
        case=case,
        definition=definition,
        receipt=receipts.receipt(case, definition),
        waiting=waiting,
        status=status,
        colour=colour,
        letters=notifications.of_case(session, case.id) if case.status == "closed" else [],
        email=case.usager.get("courriel"),
        bearer=case.account_id is None,
    )
