"""«Retrouver une demande faite sans compte»: a new private link, sent to the address that the request names (A9, A11)."""

from __future__ import annotations

from datetime import timedelta

from flask import make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from engine.core.db import Session
from engine.core.errors import Throttled
from engine.people import throttle
from engine.procedures import cases, references
from portal import access
from portal.access import transactional
from portal.public import blueprint

_ASKED = throttle.Limit("lost-link-asked", burst=20, every=timedelta(seconds=30))


@blueprint.get("/lien-de-suivi")
@access.anyone
def show_lost_link() -> str:
    """Where the reference and the address are typed."""
    return _page({"reference": request.args.get("reference", "")[:40]}, {})


@blueprint.post("/lien-de-suivi")
@access.anyone
def ask_for_new_link() -> Response:
    """Promise a letter; the answer is the same whether or not there is such a request, and whatever address it names."""
    typed = {name: request.form.get(name, "").strip()[:254] for name in ("reference", "courriel")}
    errors = {}
    if references.read(typed["reference"]) is None:
        errors["reference"] = "Saisissez la référence de la demande, par exemple K7QM-4WXT."
    if "@" not in typed["courriel"]:
        errors["courriel"] = "Saisissez l’adresse de courriel donnée dans la demande, par exemple nom@exemple.fr."
    if errors:
        return make_response(_page(typed, errors), 422)
    try:
        throttle.take(_ASKED, throttle.network(request.remote_addr or ""))
    except Throttled as error:
        return make_response(_page(typed, {"reference": error.message}), 429)
    _send(**typed)
    return redirect(url_for(".show_new_link_sent"), 303)


@transactional
def _send(session: Session, reference: str, courriel: str) -> None:
    cases.send_link(session, reference, courriel)


@blueprint.get("/lien-de-suivi/envoye")
@access.anyone
def show_new_link_sent() -> str:
    """What to do next."""
    return render_template("public/lost_link_sent.html")


def _page(typed: dict[str, str], errors: dict[str, str]) -> str:
    return render_template("public/lost_link.html", typed=typed, errors=errors)
