"""«Mes demandes»: every request of the account, by sector and by state (B8)."""

from __future__ import annotations

from urllib.parse import urlencode

from flask import render_template, request, url_for

from engine.core.db import Session
from engine.procedures import cases, catalogue
from engine.procedures.cases import STATES, State
from portal import access
from portal.access import reading
from portal.residents import blueprint, menu, rows
from portal.residents.account import account_id

STATE_NAMES: dict[State, str] = {
    "brouillon": "À terminer (brouillons)",
    "a-completer": "À compléter",
    "en-cours": "En cours",
    "terminee": "Terminées",
    "annulee": "Annulées",
}


@blueprint.get("/mon-espace/demandes")
@access.resident
@reading
def show_cases(session: Session) -> str:
    """«Voir toutes mes demandes», filtered and page by page; what the address doesn't say rightly filters nothing."""
    everything = catalogue.everything(session)
    known = menu.sectors(everything)
    sector = next((one for one in known if one.slug == request.args.get("rubrique")), None)
    asked = request.args.get("etat", "")
    state = next((one for one in STATES if one == asked), None)
    page = request.args.get("page", "")
    listing = cases.listing(
        session,
        account_id(),
        state=state,
        procedures={procedure.slug for procedure in sector.procedures} if sector else None,
        page=int(page) if page.isascii() and page.isdigit() and len(page) < 6 else 1,
    )
    chosen = {"rubrique": sector.slug if sector else "", "etat": state or ""}
    address = url_for(".show_cases") + "?" + urlencode({name: value for name, value in chosen.items() if value})
    return render_template(
        "residents/cases.html",
        rows=rows.of(session, listing.rows),
        listing=listing,
        known=known,
        sector=sector,
        state=state,
        states=STATE_NAMES,
        pages=(address if address.endswith("?") else address + "&") + "page={page}",
        sectors=menu.shown(session, account_id(), everything),
    )
