"""«Refaire cette demande»: a past request made again, its answers to be looked at one step after the other (A11)."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from engine.core.db import Session
from engine.core.errors import AlreadyRequested, Conflict, NotFound, QuotaExhausted
from engine.people import throttle
from engine.procedures import cases, catalogue
from engine.procedures.cases import Case
from portal import access
from portal.access import current_actor, reading, transactional
from portal.public.catalogue import DRAFTS
from portal.residents import blueprint, steps

COPIED = (
    "Voici un nouveau brouillon, rempli comme votre demande {reference}. Vérifiez chaque étape avant de la valider."
)


@blueprint.get("/demandes/<reference>/refaire")
@access.case_holder
@reading
def ask_to_duplicate(session: Session, case: Case) -> Response | str:
    """Say what is taken over and what isn't, and what becomes of a draft that is there already."""
    procedure = _proposed(session, case)
    if procedure is None:
        flash("Cette démarche n’est plus proposée\u00a0: la demande ne peut pas être refaite.", "info")
        return redirect(url_for(".show_tracking", reference=case.reference), 303)
    return render_template(
        "residents/duplicate.html",
        case=case,
        title=procedure.title,
        draft=cases.held(session, current_actor(), case.procedure),
    )


@blueprint.post("/demandes/<reference>/refaire")
@access.case_holder
@access.in_phases
def duplicate(reference: str) -> Response:
    """Open the new draft. Twice, it leads to the one that the first click made."""
    try:
        return _duplicate(reference=reference)
    except (AlreadyRequested, QuotaExhausted) as error:
        # Rolled back: the draft that was to be given up for this one is still there.
        flash(error.message, "info")
    except Conflict:
        pass  # a draft is there: the page says so and asks
    return redirect(url_for(".ask_to_duplicate", reference=reference), 303)


@transactional
def _duplicate(session: Session, case: Case) -> Response:
    if _proposed(session, case) is None:
        return redirect(url_for(".ask_to_duplicate", reference=case.reference), 303)
    actor = current_actor()
    if not actor.signed_in:
        throttle.take(DRAFTS, throttle.network(request.remote_addr or ""))
    former = cases.held(session, actor, case.procedure)
    if former is not None and former.made_from == case.id:
        return redirect(steps.current_address(session, former), 303)
    if former is not None and "recommencer" in request.form:
        cases.cancel(session, former, actor)
    draft, token = cases.duplicate(session, case, actor)
    if token is not None:
        access.hold_link(cases.link_hash(token))
    flash(COPIED.format(reference=case.reference), "success")
    return redirect(steps.current_address(session, draft), 303)


def _proposed(session: Session, case: Case) -> catalogue.Procedure | None:
    try:
        return catalogue.find(session, case.procedure) if case.filed_at is not None else None
    except NotFound:
        return None
