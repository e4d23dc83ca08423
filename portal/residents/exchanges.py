"""«Échanges»: what the resident and the service write to each other about a request (D2).

The list is a tab of the tracking; a thread and a new message have pages of their own. Reading doesn't happen by itself: «Voir la
suite» is a button, so that a page that is only looked at, or fetched ahead by a browser, marks nothing as read.
"""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from flask import make_response, render_template, url_for
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from engine.contact.exchanges import RESIDENT, Exchange, Message
from engine.core.db import Session
from engine.core.errors import NotFound
from engine.procedures import catalogue
from engine.procedures import exchanges as verbs
from engine.procedures.cases import Case
from portal import access, attachments, intake, messaging, typed
from portal import exchanges as shared
from portal.access import current_actor, reading, transactional
from portal.messaging import Desk
from portal.residents import blueprint, filling

TAB = "echanges"


def named(exchange: Exchange, message: Message) -> str:
    """Who wrote, for the resident: the service and never the agent."""
    return "Vous" if message.side == RESIDENT else exchange.group


@blueprint.get("/demandes/<reference>/suivi/echanges/nouveau")
@access.case_holder
@access.in_phases
def show_new_exchange(reference: str) -> Response:
    """The form of a first message."""
    return _draw(reference=reference, posted=typed.given_back())


@blueprint.post("/demandes/<reference>/suivi/echanges/nouveau")
@access.case_holder
@access.in_phases
@intake.takes_files
@typed.kept_on_expiry
def begin_exchange(reference: str) -> Response:
    """Send a first message; with errors, the page again with what was typed."""
    return _DESK.take(reference=reference)


@blueprint.get("/demandes/<reference>/suivi/echanges/<uuid:exchange_id>")
@access.case_holder
@access.in_phases
def show_exchange(reference: str, exchange_id: UUID) -> Response:
    """A thread, and the form to answer in it."""
    return _draw(reference=reference, exchange_id=exchange_id, posted=typed.given_back())


@blueprint.post("/demandes/<reference>/suivi/echanges/<uuid:exchange_id>")
@access.case_holder
@access.in_phases
@intake.takes_files
@typed.kept_on_expiry
def answer_exchange(reference: str, exchange_id: UUID) -> Response:
    """Answer in a thread; with errors, the page again with what was typed."""
    return _DESK.take(reference=reference, exchange_id=exchange_id)


@blueprint.post("/demandes/<reference>/suivi/echanges/<uuid:exchange_id>/lecture")
@access.case_holder
@transactional
def read_exchange(session: Session, case: Case, exchange_id: UUID) -> Response:
    """«Voir la suite»: the thread is read from now on, and shown whole."""
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
        answers = shared.begun(session, case, RESIDENT, current_actor(), exchange)
    page = render_template(
        "residents/exchange.html",
        case=case,
        definition=catalogue.definition(session, case.version_id),
        exchange=exchange,
        messages=shared.thread(session, exchange, RESIDENT, named, attachments.described(session, case))
        if exchange is not None
        else [],
        sheet=filling.sheet(session, case, form, answers, errors),
        writable=writable,
        over=shared.over(case),
        lost=None if writable or posted is None else answers,
        sending=shared.sending(),
    )
    if posted is not None and not writable:
        return make_response(page, 409)
    return make_response(page, 422 if errors else 200)


def _address(reference: str, exchange_id: UUID) -> str:
    return url_for("residents.show_exchange", reference=reference, exchange_id=exchange_id)


_DESK = Desk(RESIDENT, _address, _draw)
