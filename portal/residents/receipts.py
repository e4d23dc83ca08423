"""The acknowledgement of receipt as a document to keep: a tagged PDF, made when it is asked for (A10)."""

from __future__ import annotations

from datetime import timedelta

from flask import flash, make_response, redirect, render_template, url_for
from werkzeug.wrappers import Response

from engine.contact import exchanges
from engine.core import clock, pdf
from engine.core.db import Session
from engine.core.errors import NotFound, Unavailable
from engine.people import throttle
from engine.procedures import catalogue, history, receipts, tasks
from engine.procedures.cases import Case
from portal import access, rendering
from portal.access import reading
from portal.residents import blueprint, forecast
from portal.residents.presentation import applicant

# A fifth of a second of processor each: enough for a person, not for a flood.
MADE = throttle.Limit("receipt", burst=10, every=timedelta(seconds=20))


@blueprint.get("/demandes/<reference>/accuse-de-reception.pdf")
@access.case_holder
@access.in_phases
def download_receipt(reference: str) -> Response:
    """The PDF, to save or to print."""
    case_reference, page = _document(reference=reference)
    throttle.take(MADE, case_reference)
    try:
        # Outside the session: laying out a page takes longer than reading it.
        made = pdf.make(page, files=rendering.document_files())
    except Unavailable as error:
        flash(error.message, "info")
        return redirect(url_for(".show_tracking", reference=case_reference), 303)
    answer = make_response(made)
    answer.mimetype = "application/pdf"
    answer.headers["Content-Disposition"] = f'attachment; filename="accuse-de-reception-{case_reference}.pdf"'
    answer.headers["Cache-Control"] = "no-store"
    return answer


@reading
def _document(session: Session, case: Case) -> tuple[str, str]:
    if case.filed_at is None:
        raise NotFound
    definition = catalogue.definition(session, case.version_id)
    questions = [one.subject for one in exchanges.of_case(session, case.id) if one.asked]
    answered = forecast.answered(history.of_case(session, case.id, public=True))
    awaited = forecast.awaited(tasks.of_case(session, case.id), questions, answered=answered)
    page = render_template(
        "residents/receipt_document.html",
        case=case,
        receipt=receipts.receipt(case, definition, awaited=awaited),
        applicant=applicant(case),
        at=clock.now(),
    )
    return case.reference, page
