"""The catalogue of procedures, and the page of each: «La démarche», the first step of the wizard (A2, A4, A5, A7, A9)."""

from __future__ import annotations

from urllib.parse import urlencode

from flask import make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from engine.core.db import Session
from engine.core.errors import AlreadyRequested, QuotaExhausted
from engine.people import throttle
from engine.procedures import cases, catalogue, searching, words
from portal import access
from portal.access import current_actor, reading, transactional
from portal.public import blueprint, quotas
from portal.residents import steps
from portal.residents.presentation import presented

# Whoever has no account opens drafts at no cost: enough for a public computer, not for a flood.
DRAFTS = throttle.Limit("drafts", burst=60, every=throttle.SIGN_IN_ADDRESS.every)
# Until when somebody who made their one request can't make another.
ONCE = {
    "running": "Vous pourrez en faire une autre quand celle-ci sera traitée.",
    "day": "Une seule demande par personne et par jour.",
    "week": "Une seule demande par personne et par semaine.",
    "month": "Une seule demande par personne et par mois.",
    "year": "Une seule demande par personne et par an.",
}
# The trade whose page leads to the rights and the consent of the space (A14).
PARKING = "stationnement"


@blueprint.get("/demarches/")
@access.anyone
def redirect_to_catalogue() -> Response:
    """The address as many type it."""
    asked = urlencode(list(request.args.items(multi=True)))
    return redirect(url_for(".show_catalogue") + (f"?{asked}" if asked else ""), 301)


@blueprint.get("/demarches")
@access.anyone
@reading
def show_catalogue(session: Session) -> str:
    """Tiles by trade; the procedures of one trade; or those that answer the words typed."""
    everything = catalogue.published(session)
    typed = request.args.get("q", "").strip()[:200]
    telling = any(sign.isalnum() for sign in typed)
    found = searching.search(everything, typed) if telling else []
    meant = searching.meant(everything, typed) if telling and not found else None
    trade = words.plain(request.args.get("metier", "").strip())
    trades = catalogue.by_trade(everything)
    chosen = next((name for name in trades if words.plain(name) == trade), None) if trade and not typed else None
    return render_template(
        "public/catalogue.html",
        trades={chosen: trades[chosen]} if chosen else trades,
        chosen=chosen,
        typed=typed,
        words_typed=telling,
        found=searching.search(everything, meant) if meant else found,
        meant=meant,
        total=len(everything),
        parking=PARKING,
        plain=words.plain,
    )


@blueprint.get("/demarches/<slug>")
@access.anyone
@reading
def show_procedure(session: Session, slug: str) -> str:
    """«La démarche»: what it is for, what to have at hand, how long it takes; then its button, or the draft under way."""
    return _procedure_page(session, slug)


@blueprint.post("/demarches/<slug>")
@access.anyone
@access.in_phases
def start(slug: str) -> Response:
    """Open a draft, or go back to the one this person already has, and lead to its step; say so when none may be opened (A6)."""
    try:
        return _start(slug=slug)
    except (AlreadyRequested, QuotaExhausted):
        return make_response(_full(slug=slug), 409)


@transactional
def _start(session: Session, slug: str) -> Response:
    actor = current_actor()
    if not actor.signed_in:
        throttle.take(DRAFTS, throttle.network(request.remote_addr or ""))
    if "recommencer" in request.form:
        former = cases.held(session, actor, slug)
        if former is not None:
            cases.cancel(session, former, actor)
    case, token = cases.open_draft(session, slug, actor, offer=request.form.get("place", ""))
    if token is not None:
        access.hold_link(cases.link_hash(token))
    return redirect(steps.current_address(session, case), 303)


@reading
def _full(session: Session, slug: str) -> str:
    return _procedure_page(session, slug)


def _procedure_page(session: Session, slug: str) -> str:
    actor = current_actor()
    procedure, draft = cases.offered(session, actor, slug)
    assert procedure.version_id is not None  # only published ones are offered
    definition = catalogue.definition(session, procedure.version_id)
    return render_template(
        "public/procedure.html",
        procedure=procedure,
        shown=presented(definition),
        former=cases.former(session, actor.account_id, definition),
        once=ONCE.get(definition.properties.get("once", ""), ""),
        quota=quotas.standing(session, definition),
        draft=draft,
        draft_ends_at=cases.draft_ends_at(draft) if draft else None,
        draft_address=url_for("residents.show_case", reference=draft.reference) if draft else None,
        needs_account=procedure.locked and actor.kind != "resident",
        parking=words.plain(procedure.trade) == PARKING,
    )
