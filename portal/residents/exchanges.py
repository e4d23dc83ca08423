"""«Échanges»: what the resident and the service write to each other about a request (D2).

The list is a tab of the tracking; a thread and a new message have pages of their own. Reading doesn't happen by itself: «Voir la
suite» is a button, so that a page that is only looked at, or fetched ahead by a browser, marks nothing as read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from flask import flash, make_response, redirect, render_template, request, url_for
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from engine.contact import exchanges
from engine.contact.exchanges import RESIDENT, Exchange, Message
from engine.core.db import Session
from engine.core.errors import CaseClosed, InvalidAnswers, NotFound
from engine.procedures import catalogue
from engine.procedures import exchanges as verbs
from engine.procedures.cases import Case
from portal import access, attachments, intake, rendering, typed
from portal import exchanges as shared
from portal.access import current_actor, reading, transactional
from portal.attachments import Place
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
    return _take(reference=reference)


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
    return _take(reference=reference, exchange_id=exchange_id)


@blueprint.post("/demandes/<reference>/suivi/echanges/<uuid:exchange_id>/lecture")
@access.case_holder
@transactional
def read_exchange(session: Session, case: Case, exchange_id: UUID) -> Response:
    """«Voir la suite»: the thread is read from now on, and shown whole."""
    exchange = _found(session, case, exchange_id)
    assert exchange is not None
    unread = [one for one in exchanges.messages(session, [exchange.id]) if one.unread(RESIDENT)]
    exchanges.read(session, exchange, RESIDENT, current_actor())
    place = f"#message-{unread[0].id}" if unread else ""
    return redirect(_address(case, exchange_id) + place, 303)


def _address(case: Case, exchange_id: UUID | None) -> str:
    if exchange_id is None:
        return url_for("residents.show_new_exchange", reference=case.reference)
    return url_for("residents.show_exchange", reference=case.reference, exchange_id=exchange_id)


def _found(session: Session, case: Case, exchange_id: UUID | None) -> Exchange | None:
    """The thread of that request; None for one that begins. `NotFound` where the request has no exchanges."""
    if not verbs.enabled(case, catalogue.definition(session, case.version_id)):
        raise NotFound
    return exchanges.find(session, case.id, exchange_id) if exchange_id is not None else None


# --- what was posted -------------------------------------------------------------------------------------------------------


def _take(*, reference: str, exchange_id: UUID | None = None) -> Response:
    action = rendering.action(request.form)
    where: dict[str, Any] = {"reference": reference, "exchange_id": exchange_id}
    try:
        refused = attachments.take(_place, **where)
        if action.name == "remove-file":
            attachments.take_away(_place, action.file, **where)
        if refused and not action.stays:
            refused = {**_problems(**where), **refused}
        if action.stays or refused:
            return _draw(**where, posted=request.form, errors=refused)
        return _send(**where)
    except InvalidAnswers as error:
        return _draw(**where, posted=request.form, errors=error.errors)
    except CaseClosed as error:
        flash(error.message, "info")
        return redirect(url_for("residents.show_tab", reference=reference, tab=TAB), 303)


@transactional
def _send(session: Session, case: Case, exchange_id: UUID | None) -> Response:
    exchange = _found(session, case, exchange_id)
    answers = filling.typed(shared.form_of(new=exchange is None), request.form)
    definition = catalogue.definition(session, case.version_id)
    message = shared.send(session, case, definition, RESIDENT, current_actor(), exchange=exchange, answers=answers)
    flash(shared.SENT, "success")
    return redirect(_address(case, message.exchange_id), 303)


@reading
def _problems(session: Session, case: Case, exchange_id: UUID | None) -> dict[str, str]:
    form = shared.form_of(new=_found(session, case, exchange_id) is None)
    return filling.problems(session, case, form, filling.typed(form, request.form))


def _place(session: Session, case: Case, exchange_id: UUID | None, *, writing: bool) -> Place:
    """Where the files of a message that is being written go."""
    form = shared.form_of(new=_found(session, case, exchange_id) is None)
    if not verbs.writable(case):
        raise CaseClosed(verbs.OVER)
    return attachments.of_case(case, form, exchanges.composing(RESIDENT, current_actor(), exchange_id))


# --- the page --------------------------------------------------------------------------------------------------------------


@reading
def _draw(
    session: Session,
    case: Case,
    exchange_id: UUID | None = None,
    posted: MultiDict[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
) -> Response:
    exchange = _found(session, case, exchange_id)
    if exchange is None and not verbs.writable(case):
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
        writable=verbs.writable(case),
        over=verbs.OVER,
        sending=shared.sending(),
    )
    return make_response(page, 422 if errors else 200)
