"""A request made without an account joins one: by its private link, by a code sent to the address that it names, or by
signing in while it is being filled in (A11).
"""

from __future__ import annotations

import re
from datetime import timedelta

from flask import flash, make_response, redirect, render_template, request, url_for
from flask import session as cookie
from werkzeug.wrappers import Response

from engine.core.db import Session
from engine.core.errors import Conflict, Forbidden, NotFound, SignInRequired, Throttled
from engine.people import throttle
from engine.people.actors import Actor
from engine.procedures import cases, references
from engine.procedures.cases import Case
from portal import access
from portal.access import current_actor, database, reading, transactional
from portal.residents import blueprint

ATTACHED = "Cette demande est maintenant dans votre espace."
_WRONG = "Ce code n’est pas le bon, ou n’est plus valable. Vérifiez la référence et le code, ou demandez un autre code."
_KEPT = "attach"
# Codes are guessed at a handful a day by address; this bounds who would try many references.
_ASKED = throttle.Limit("attach", burst=10, every=timedelta(minutes=6))
_CASE = re.compile(r"/demandes/([A-Za-z0-9-]+)(?:[/?#]|$)")


# --- by the private link ---------------------------------------------------------------------------------------------------


@blueprint.post("/demandes/<reference>/rattacher")
@access.case_holder
@transactional
def attach(session: Session, case: Case) -> Response:
    """Put the request in the space of who is signed in: holding its link is the proof."""
    return join_space(session, case)


def join_space(session: Session, case: Case) -> Response:
    """The same for another view; it leads to where the request goes on."""
    actor = current_actor()
    if not actor.signed_in:
        raise SignInRequired
    if actor.kind != "resident":
        raise Forbidden(
            "Une demande se rattache à un compte d’usager\u00a0: vous êtes connecté avec un compte d’agent."
        )
    try:
        cases.attach(session, case, actor)
    except Conflict as error:
        flash(error.message, "info")
    else:
        flash(ATTACHED, "success")
    return redirect(url_for(".show_case", reference=case.reference), 303)


# --- by signing in while filling in ----------------------------------------------------------------------------------------


def on_the_way(actor: Actor, *, slug: str, suite: str) -> str | None:
    """Attach the draft that this browser was filling in when its person went to sign in; where it goes on, if there is one.

    Only the draft that they come from: others that this browser holds may be somebody else's.
    """
    holder = Actor("anonymous").holding(access.held_links())
    if actor.kind != "resident" or not holder.links:
        return None
    found = _CASE.match(suite)
    reference = found[1] if found else None

    def take(session: Session) -> tuple[str, str] | None:
        try:
            if slug:
                draft = cases.held(session, holder, slug)
                case = cases.locked(session, draft.id) if draft is not None else None
            else:
                case = cases.find(session, reference or "", holder, lock=True)
            if case is None or not case.draft or case.account_id is not None:
                return None
            cases.attach(session, case, actor)
        except NotFound:
            return None
        except Conflict as error:
            return error.message, "info"
        return case.reference, "success"

    if not slug and reference is None:
        return None
    taken = database().run(take)
    if taken is None:
        return None
    said, kind = taken
    if kind == "info":
        flash(said, kind)
        return None
    flash(ATTACHED, "success")
    return url_for("residents.show_case", reference=said)


# --- by a code -------------------------------------------------------------------------------------------------------------


@blueprint.get("/mon-espace/rattacher")
@access.resident
@reading
def ask_reference(_session: Session) -> str:
    """Where the reference of a request is typed."""
    return _reference_page("")


@blueprint.post("/mon-espace/rattacher")
@access.resident
@access.in_phases
def send_code() -> Response:
    """Send a code to the address that the request names. The answer is the same whether there is such a request or not."""
    typed = request.form.get("reference", "").strip()[:40]
    reference = references.read(typed)
    if reference is None:
        wrong = "Saisissez la référence telle qu’elle figure sur votre accusé de réception."
        return make_response(_again(typed=typed, errors={"reference": wrong}), 422)
    if not _send(reference=reference):
        wrong = "Trop d’essais rapprochés. Patientez un moment avant de recommencer."
        return make_response(_again(typed=typed, errors={"reference": wrong}), 429)
    cookie[_KEPT] = reference
    return redirect(url_for(".ask_attaching_code"), 303)


@transactional
def _send(session: Session, reference: str) -> bool:
    actor = current_actor()
    try:
        throttle.take(_ASKED, str(actor.account_id))
    except Throttled:
        return False
    cases.send_code(session, reference, actor)
    return True


@reading
def _again(_session: Session, typed: str, errors: dict[str, str]) -> str:
    return _reference_page(typed, errors)


def _reference_page(typed: str, errors: dict[str, str] | None = None) -> str:
    return render_template("residents/attach.html", typed=typed, errors=errors or {})


@blueprint.get("/mon-espace/rattacher/code")
@access.resident
@access.in_phases
def ask_attaching_code() -> Response:
    """Where the code is typed."""
    return _code_page()


@blueprint.post("/mon-espace/rattacher/code")
@access.resident
@access.in_phases
def attach_with_code() -> Response:
    """Try the code; right, the request is in the space."""
    reference = cookie.get(_KEPT)
    code = "".join(request.form.get("code", "").split())
    if not isinstance(reference, str):
        return redirect(url_for(".ask_reference"), 303)
    if len(code) != 4 or not (code.isascii() and code.isdigit()):
        return _code_page(error="Saisissez les 4 chiffres du code reçu par courriel.")
    try:
        found = _try(reference=reference, code=code)
    except Conflict as error:
        return _code_page(error=error.message)
    if found is None:
        return _code_page(error=_WRONG)
    del cookie[_KEPT]
    flash(ATTACHED, "success")
    return redirect(url_for(".show_case", reference=found), 303)


@transactional
def _try(session: Session, reference: str, code: str) -> str | None:
    case = cases.attach_with_code(session, reference, code, current_actor())
    return case.reference if case is not None else None


@reading
def _code_page(_session: Session, error: str = "") -> Response:
    reference = cookie.get(_KEPT)
    if not isinstance(reference, str):
        return redirect(url_for(".ask_reference"), 303)
    errors = {"code": error} if error else {}
    return make_response(
        render_template("residents/attach_code.html", reference=reference, errors=errors), 422 if error else 200
    )
