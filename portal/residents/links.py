"""Private links: how who has no account comes back to a request (A9, A10)."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from engine.core import config
from engine.core.db import Session
from engine.core.errors import Forbidden, NotFound
from engine.procedures import cases, catalogue
from engine.procedures.cases import Case
from portal import access
from portal.access import current_actor, reading, transactional
from portal.residents import blueprint, steps

_JOINED = "Cette demande a été rattachée à un compte\u00a0: connectez-vous avec ce compte pour la retrouver."
_SOMEBODY_ELSES = (
    "Cette demande est rattachée à un autre compte que le vôtre. Connectez-vous avec ce compte pour la voir."
)
_ENDED = "Aucun lien envoyé jusqu’ici ne mène plus à cette demande."


@blueprint.get("/suivi/<token>")
@access.anyone
@reading
def follow_link(session: Session, token: str) -> Response:
    """Let this browser hold the link, and lead to the request, or a tab of it, under an address that carries no secret.

    A request that has joined an account is its account's alone: who holds the link is asked to sign in, and told why.
    """
    case = cases.of_link(session, token)
    actor = current_actor()
    if case.account_id is None:
        access.hold_link(cases.link_hash(token))
    elif actor.signed_in and actor.account_id != case.account_id:
        raise NotFound(_SOMEBODY_ELSES)
    tab = request.args.get("onglet", "")
    address = steps.current_address(session, case)
    if tab.replace("-", "").isalpha() and not case.draft:
        address = url_for(".show_tab", reference=case.reference, tab=tab)
    if case.account_id is not None and not actor.signed_in:
        flash(_JOINED, "info")
        address = url_for("public.show_sign_in", suite=address)
    answer = redirect(address, 303)
    # The address is the key: no page learns it from the browser.
    answer.headers["Referrer-Policy"] = "no-referrer"
    return answer


@blueprint.post("/demandes/<reference>/lien")
@access.case_holder
@transactional
def make_link(session: Session, case: Case) -> str:
    """A new private link, shown this once."""
    if case.account_id is not None:
        raise Forbidden("Cette demande se retrouve dans votre espace\u00a0: elle n’a pas besoin de lien.")
    return page(session, case, back=steps.current_address(session, case))


@blueprint.get("/demandes/<reference>/liens")
@access.case_holder
@reading
def show_links(session: Session, case: Case) -> str:
    """Which links lead to the request, and how to end them."""
    return render_template(
        "residents/links.html",
        case=case,
        definition=catalogue.definition(session, case.version_id),
        links=cases.links(session, case),
        bearer=case.account_id is None,
        back=steps.current_address(session, case),
    )


@blueprint.post("/demandes/<reference>/liens/fin")
@access.case_holder
@transactional
def end_links(session: Session, case: Case) -> Response | str:
    """End them all. Who has no other way to the request gets a new one, shown this once."""
    cases.end_links(session, case, current_actor())
    back = steps.current_address(session, case)
    flash(_ENDED, "success")
    return page(session, case, back=back) if case.account_id is None else redirect(back, 303)


def page(session: Session, case: Case, *, back: str) -> str:
    """A new private link's page, which leads back to `back`."""
    token = cases.make_link(session, case)
    # Who ends the others, this browser's among them, goes on by this one.
    access.hold_link(cases.link_hash(token))
    address = config.current().public_url + url_for(".follow_link", token=token)
    return render_template(
        "residents/link.html",
        case=case,
        definition=catalogue.definition(session, case.version_id),
        link=address,
        back=back,
    )
