"""Exchanges as agents hold them: those that wait to be read in their groups, the threads of a request, writing (D2, E3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from uuid import UUID

from flask import make_response, render_template, url_for
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from engine.contact import documents as stored_files
from engine.contact.exchanges import SERVICE
from engine.core.db import Session
from engine.core.errors import NotFound
from engine.procedures import catalogue
from engine.procedures import exchanges as verbs
from engine.procedures.cases import Case
from portal import access, intake, messaging, typed
from portal import exchanges as shared
from portal.access import current_actor, reading, transactional
from portal.agents import blueprint
from portal.agents.cases import files
from portal.messaging import Desk
from portal.residents import filling


@blueprint.get("/agents/echanges")
@access.agent
@reading
def show_exchanges(session: Session) -> str:
    """The threads that residents wrote in and that nobody of the agent's groups has read, the oldest first."""
    waiting = verbs.for_groups(session, current_actor().groups)
    return render_template(
        "agents/exchanges.html",
        waiting=[(exchange, case, catalogue.definition(session, case.version_id).title) for exchange, case in waiting],
    )


@blueprint.get("/agents/demandes/<reference>/echanges/nouveau")
@access.case_worker
@access.in_phases
def show_new_exchange(reference: str) -> Response:
    """The form of a first message to the resident."""
    return _draw(reference=reference, posted=typed.given_back())


@blueprint.post("/agents/demandes/<reference>/echanges/nouveau")
@access.case_worker
@access.in_phases
@intake.takes_files
@typed.kept_on_expiry
def begin_exchange(reference: str) -> Response:
    """Send a first message; with errors, the page again with what was typed."""
    return _DESK.take(reference=reference)


@blueprint.get("/agents/demandes/<reference>/echanges/<uuid:exchange_id>")
@access.case_worker
@access.in_phases
def show_exchange(reference: str, exchange_id: UUID) -> Response:
    """A thread, and the form to answer in it."""
    return _draw(reference=reference, exchange_id=exchange_id, posted=typed.given_back())


@blueprint.post("/agents/demandes/<reference>/echanges/<uuid:exchange_id>")
@access.case_worker
@access.in_phases
@intake.takes_files
@typed.kept_on_expiry
def answer_exchange(reference: str, exchange_id: UUID) -> Response:
    """Answer in a thread; with errors, the page again with what was typed."""
    return _DESK.take(reference=reference, exchange_id=exchange_id)


@blueprint.post("/agents/demandes/<reference>/echanges/<uuid:exchange_id>/lecture")
@access.case_worker
@transactional
def read_exchange(session: Session, case: Case, exchange_id: UUID) -> Response:
    """«Voir la suite»: read for the whole service, and the resident sees so."""
    return _DESK.read(session, case, exchange_id)


# --- the page --------------------------------------------------------------------------------------------------------------


@reading
def _draw(
    session: Session,
    case: Case,
    exchange_id: UUID | None = None,
    posted: MultiDict[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
) -> Response:
    exchange = messaging.found(session, case, exchange_id)
    writable = verbs.writable(case)
    if exchange is None and not writable and posted is None:
        raise NotFound
    form = shared.form_of(new=exchange is None)
    if posted is not None:
        answers = filling.typed(form, posted)
    else:
        answers = shared.begun(session, case, SERVICE, current_actor(), exchange)
    theirs = files(case, stored_files.of_case(session, case.id))
    sheet = replace(filling.sheet(session, case, form, answers, errors), files=theirs)
    messages = []
    if exchange is not None:
        messages = shared.thread(session, exchange, SERVICE, shared.colleagues(session, case), theirs)
    page = render_template(
        "agents/exchange.html",
        case=case,
        definition=catalogue.definition(session, case.version_id),
        exchange=exchange,
        messages=messages,
        sheet=sheet,
        writable=writable,
        over=shared.over(case),
        lost=None if writable or posted is None else answers,
        sending=shared.sending(),
    )
    if posted is not None and not writable:
        return make_response(page, 409)
    return make_response(page, 422 if errors else 200)


def _address(reference: str, exchange_id: UUID) -> str:
    return url_for("agents.show_exchange", reference=reference, exchange_id=exchange_id)


_DESK = Desk(SERVICE, _address, _draw)
