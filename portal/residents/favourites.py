"""«Services numériques favoris»: kept from a procedure's page, put in order and taken out in the profile (B10, B11).

The order changes by buttons, which need neither JavaScript nor a mouse; with JavaScript rows are dragged too, and what is dropped
is sent as the same form.
"""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from engine.core.db import Session
from engine.core.errors import BadRequest, Conflict
from engine.people import favourites
from engine.procedures import catalogue
from portal import access
from portal.access import reading, transactional
from portal.residents import blueprint, menu
from portal.residents.account import account_id


@blueprint.get("/mon-espace/profil/favoris")
@access.resident
@reading
def show_favourites(session: Session) -> str:
    """The favourites in their order, and the procedures that can join them."""
    chosen = menu.at_hand()
    slugs = {procedure.slug for procedure in chosen}
    return render_template(
        "residents/favourites.html",
        favourites=chosen,
        others=[procedure for procedure in catalogue.published(session) if procedure.slug not in slugs],
        in_menu=menu.IN_SIGN_IN_MENU,
    )


@blueprint.post("/mon-espace/favoris")
@access.resident
@transactional
def change_favourites(session: Session) -> Response:
    """Add, remove, move up or down, or put in the order sent; then back to where the person was."""
    owner = account_id()
    action, _, slug = request.form.get("action", "").partition(":")
    if action == "ajouter":
        slug = slug or request.form.get("service", "")
        if slug:
            _add(session, slug)
        else:
            flash("Choisissez un service à ajouter.", "info")
    elif action == "retirer":
        favourites.remove(session, owner, slug)
        flash("Ce service n’est plus dans vos favoris.", "success")
    elif action in ("monter", "descendre"):
        seen = [procedure.slug for procedure in catalogue.favoured(session, owner)]
        favourites.move(session, owner, slug, up=action == "monter", among=seen)
    elif action == "ordonner":
        favourites.reorder(session, owner, request.form.getlist("ordre"))
    else:
        raise BadRequest
    if request.form.get("retour") == "demarche" and slug:
        return redirect(url_for("public.show_procedure", slug=slug), 303)
    # The buttons of a row: back on that row, where the keyboard was.
    return redirect(url_for(".show_favourites") + (f"#favori-{slug}" if action in ("monter", "descendre") else ""), 303)


def _add(session: Session, slug: str) -> None:
    catalogue.find(session, slug)
    try:
        favourites.add(session, account_id(), slug)
    except Conflict as error:
        flash(error.message, "info")
    else:
        flash("Ce service est dans vos favoris.", "success")
