"""Sectors («rubriques»): chosen for the side menu in the profile, each with a page that shows what belongs to it (B9).

A sector's page filters what is shown and nothing else: hidden or not, every request stays in «Mes demandes».
"""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from engine.core.db import Session
from engine.core.errors import NotFound
from engine.people import favourites
from engine.procedures import cases, catalogue
from portal import access
from portal.access import reading, transactional
from portal.residents import blueprint, menu, rows
from portal.residents.account import account_id

LATEST = 10


@blueprint.get("/mon-espace/rubriques/<sector>")
@access.resident
@reading
def show_sector(session: Session, sector: str) -> str:
    """The requests with their latest messages, the favourites and the procedures of one sector."""
    everything = catalogue.everything(session)
    known = menu.sectors(everything)
    found = next((one for one in known if one.slug == sector), None)
    if found is None:
        raise NotFound
    slugs = {procedure.slug for procedure in found.procedures}
    shown = menu.shown(session, account_id(), everything)
    listing = cases.listing(session, account_id(), procedures=slugs)
    return render_template(
        "residents/sector.html",
        sector=found,
        rows=rows.of(session, listing.rows[:LATEST]),
        total=listing.total,
        favourites=[procedure for procedure in menu.at_hand() if procedure.slug in slugs],
        procedures=[procedure for procedure in found.procedures if procedure.version_id is not None],
        sectors=shown,
    )


@blueprint.get("/mon-espace/profil/rubriques")
@access.resident
@reading
def show_sectors(session: Session) -> str:
    """Which sectors the side menu shows."""
    everything = catalogue.everything(session)
    return render_template(
        "residents/profile_sectors.html",
        known=menu.sectors(everything),
        chosen={sector.name for sector in menu.shown(session, account_id(), everything)},
    )


@blueprint.post("/mon-espace/profil/rubriques")
@access.resident
@transactional
def choose_sectors(session: Session) -> Response:
    """Show these sectors, and hide the others."""
    chosen = set(request.form.getlist("rubriques"))
    known = menu.sectors(catalogue.everything(session))
    favourites.hide_sectors(session, account_id(), [one.name for one in known if one.slug not in chosen])
    flash("Les rubriques de votre menu sont enregistrées.", "success")
    return redirect(url_for(".show_profile") + "#rubriques", 303)
