"""Publishing and withdrawing, each after a page that says what it does (F1)."""

from __future__ import annotations

from flask import flash, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from engine.core.db import Session
from engine.core.errors import NotFound
from engine.people import groups
from engine.procedures import publications
from engine.procedures.publications import Offer, OfferChanged
from portal import access, proof
from portal.access import current_actor, reading, transactional
from portal.studio import blueprint
from portal.studio.versions import found

SEEN = "vue"
"""The field that says what was offered when the page was shown."""


@blueprint.get("/demarches/<slug>/versions/<int:number>/publication")
@access.analyst
@access.in_phases
def show_publication(slug: str, number: int) -> Response:
    """What publishing this version does, and its button."""
    return _publication(slug=slug, number=number)


@blueprint.post("/demarches/<slug>/versions/<int:number>/publication")
@access.analyst
@access.in_phases
def publish(slug: str, number: int) -> Response:
    """Offer this version to new requests; who decided on what isn't so any more is shown the page again."""
    try:
        return _publish(slug=slug, number=number)
    except OfferChanged as error:
        return _publication(slug=slug, number=number, error=error.message)


@transactional
def _publish(session: Session, slug: str, number: int) -> Response:
    proof.check(session)
    publications.publish(session, slug, number, who=current_actor(), seen=_seen())
    flash(f"La version {number} est publiée\u00a0: les nouvelles demandes la suivent.", "success")
    return redirect(url_for(".show_procedure", slug=slug), 303)


@reading
def _publication(session: Session, slug: str, number: int, error: str = "") -> Response:
    proof.check(session)
    definition, offered = found(session, slug, number), publications.offer(session, slug)
    if offered.number == number and not error:
        flash(f"La version {number} est déjà publiée.", "info")
        return redirect(url_for(".show_procedure", slug=slug), 303)
    page = render_template(
        "studio/publication.html",
        definition=definition,
        offered=offered.number,
        idle=groups.without_agents(session, definition.groups),
        error=error,
    )
    return make_response(page, 409 if error else 200)


@blueprint.get("/demarches/<slug>/retrait")
@access.analyst
@access.in_phases
def show_withdrawal(slug: str) -> Response:
    """What withdrawing does, and its button."""
    return _withdrawal(slug=slug)


@blueprint.post("/demarches/<slug>/retrait")
@access.analyst
@access.in_phases
def withdraw(slug: str) -> Response:
    """Take the procedure out of the catalogue."""
    try:
        return _withdraw(slug=slug)
    except OfferChanged as error:
        return _withdrawal(slug=slug, error=error.message)


@transactional
def _withdraw(session: Session, slug: str) -> Response:
    proof.check(session)
    publications.withdraw(session, slug, who=current_actor(), seen=_seen())
    flash("La démarche n’est plus proposée. Les demandes en cours continuent.", "success")
    return redirect(url_for(".show_procedure", slug=slug), 303)


@reading
def _withdrawal(session: Session, slug: str, error: str = "") -> Response:
    proof.check(session)
    current = next((one for one in publications.versions(session, slug) if one.offered), None)
    if current is None:
        flash("La démarche n’est plus proposée.", "info")
        return redirect(url_for(".show_procedure", slug=slug), 303)
    page = render_template(
        "studio/withdrawal.html",
        definition=found(session, slug, current.number),
        current=current,
        error=error,
    )
    return make_response(page, 409 if error else 200)


def _seen() -> Offer:
    """What the page said was offered; `NotFound` when it says nothing that a page says."""
    text = request.form.get(SEEN, "")
    if text and not (text.isascii() and text.isdecimal() and len(text) <= 9):
        raise NotFound
    return Offer(int(text) if text else None)
