"""Private links: how who has no account comes back to a request (A9, A10)."""

from __future__ import annotations

from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from engine.core import config
from engine.core.db import Session
from engine.core.errors import Forbidden
from engine.procedures import cases, catalogue
from engine.procedures.cases import Case
from portal import access
from portal.access import reading, transactional
from portal.residents import blueprint, steps


@blueprint.get("/suivi/<token>")
@access.anyone
@reading
def follow_link(session: Session, token: str) -> Response:
    """Let this browser hold the link, and lead to the request, or a tab of it, under an address that carries no secret."""
    case = cases.of_link(session, token)
    access.hold_link(cases.link_hash(token))
    tab = request.args.get("onglet", "")
    address = steps.current_address(session, case)
    if tab.replace("-", "").isalpha() and not case.draft:
        address = url_for(".show_tab", reference=case.reference, tab=tab)
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


def page(session: Session, case: Case, *, back: str) -> str:
    """A new private link's page, which leads back to `back`."""
    token = cases.make_link(session, case)
    address = config.current().public_url + url_for(".follow_link", token=token)
    return render_template(
        "residents/link.html",
        case=case,
        definition=catalogue.definition(session, case.version_id),
        link=address,
        back=back,
    )
