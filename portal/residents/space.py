"""«Mon espace»: the dashboard, the rights held, the requests and where they stand, new requests, consent (A14, B7, C1)."""

from __future__ import annotations

from flask import flash, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from engine.contact import appointments, exchanges
from engine.core.db import Session
from engine.people import accounts, consents
from engine.privacy import deletion
from engine.procedures import cases, catalogue, quotas, words
from engine.procedures.catalogue import Procedure
from engine.rights import care_plans, entitlements
from portal import access
from portal.access import reading, transactional
from portal.residents import blueprint, dashboard, menu, rows
from portal.residents.account import account_id
from portal.residents.presentation import RIGHT_STATES

LATEST = 4
COORDINATES = ("coordonnees-adresse", "coordonnees-telephone", "coordonnees-courriel")
_PARKING = "stationnement"


@blueprint.get("/mon-espace")
@access.resident
@reading
def show_space(session: Session) -> str:
    """The space, in the order in which people come for: rights and requests first, the consent last."""
    return _space(session)


@blueprint.get("/mon-espace/coordonnees")
@access.resident
@reading
def show_own_coordinates(session: Session) -> str:
    """«Coordonnées»: what the account says, and the procedures that change each of them (A15)."""
    account = accounts.find(session, account_id())
    everything = catalogue.everything(session)
    return render_template(
        "residents/coordinates.html",
        usager=accounts.usager(account),
        login=account.login,
        coordinates=[one for one in everything if one.slug in COORDINATES and one.version_id is not None],
        sectors=menu.shown(session, account.id, everything),
    )


@blueprint.post("/mon-espace/consentement")
@access.resident
@access.in_phases
def choose_consent() -> Response:
    """Record the choice on mobile payment; it holds at once (C1)."""
    choice = request.form.get("choix")
    if choice not in ("oui", "non"):
        return make_response(_space_with_error(), 422)
    _record_consent(granted=choice == "oui")
    flash("Votre choix est enregistré. Il prend effet immédiatement.", "success")
    return redirect(url_for(".show_space") + "#consentement", 303)


@transactional
def _record_consent(session: Session, granted: bool) -> None:
    consents.record(session, account_id(), consents.MOBILE_PAYMENT, granted=granted)


@reading
def _space_with_error(session: Session) -> str:
    return _space(session, {"choix": "Choisissez une des deux options."})


def _space(session: Session, errors: dict[str, str] | None = None) -> str:
    account, leaving_since = deletion.owner(session, account_id())
    everything = catalogue.everything(session)
    latest = cases.latest(session, account.id, LATEST)
    shown = rows.of(session, latest, with_news=False)
    own = cases.filed_by(account.id)
    threads = exchanges.pending(session, own)
    asked = [thread for thread in threads if thread.asked]
    # Those that a service asks about are mostly among the latest.
    known = {row.id: row.reference for row in latest}
    older = cases.references_of(session, {thread.case_id for thread in asked} - set(known))
    known |= {case_id: reference for case_id, (reference, _) in older.items()}
    rights = entitlements.of_account(session, account.id)
    offers = quotas.offered_to(session, account.id)
    return render_template(
        "residents/space.html",
        errors=errors or {},
        usager=accounts.usager(account),
        login=account.login,
        leaving_since=leaving_since,
        dashboard=dashboard.tiles(threads, len(appointments.coming(session, own))),
        sectors=menu.shown(session, account.id, everything),
        favourites=menu.at_hand(),
        plans=care_plans.of_account(session, account.id),
        rights=[(right, *RIGHT_STATES[entitlements.state(right)]) for right in rights],
        offers=[(one, offers[one.slug]) for one in everything if one.slug in offers],
        waiting=cases.waiting_for(session, account.id),
        asked=[(thread, known[thread.case_id]) for thread in asked if thread.case_id in known],
        drafts=[row for row in shown if row.draft],
        rows=[row for row in shown if not row.draft],
        parking=[one for one in everything if _proposed(session, one, holds_rights=bool(rights))],
        purpose=consents.PURPOSES[consents.MOBILE_PAYMENT],
        consent=consents.current(session, account.id, consents.MOBILE_PAYMENT),
    )


def _proposed(session: Session, procedure: Procedure, *, holds_rights: bool) -> bool:
    """Whether a procedure is among the new requests of the space: who holds no right has none to renew."""
    if procedure.version_id is None or words.plain(procedure.trade) != _PARKING:
        return False
    return holds_rights or not catalogue.definition(session, procedure.version_id).about_a_right
