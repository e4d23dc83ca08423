"""Warning somebody whose use of their account breaks the terms (D6): written, read again, then sent."""

from __future__ import annotations

from flask import flash, make_response, redirect, render_template, request, url_for
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from engine.core.db import Session
from engine.core.errors import Invalid
from engine.people import account_warnings, accounts
from engine.people.account_warnings import UnknownAccount
from portal import access, typed
from portal.access import current_actor, reading, transactional
from portal.admin import blueprint

LOGIN, REASON = "identifiant", "motif"


@blueprint.get("/avertissements")
@access.administrator
@access.in_phases
def show_warnings() -> str:
    """Those sent, and where another is written."""
    posted = typed.given_back() or MultiDict()
    return _draw(login=posted.get(LOGIN, ""), reason=posted.get(REASON, ""))


@reading
def _draw(session: Session, login: str, reason: str) -> str:
    return _page(session, login, reason)


@blueprint.post("/avertissements")
@access.administrator
@typed.kept_on_expiry
@transactional
def warn(session: Session) -> Response:
    """Show the letter as it will leave; from that page, send it."""
    login, text = request.form.get(LOGIN, "").strip()[:254], request.form.get(REASON, "")
    errors = {}
    try:
        account = account_warnings.resident(session, login)
    except UnknownAccount as error:
        errors[LOGIN] = error.message if login else "Saisissez le courriel ou le nom d’utilisateur de la personne."
    try:
        text = account_warnings.reason(text)
    except Invalid as error:
        errors[REASON] = error.message
    if errors or request.form.get("_action") == "modifier":
        return make_response(_page(session, login, text, errors), 422 if errors else 200)
    if request.form.get("_action") != "envoyer":
        page = render_template(
            "admin/warning.html", login=account.login, typed=login, reason=text, letter=account_warnings.letter(text)
        )
        return make_response(page)
    account_warnings.send(session, account, text, who=current_actor())
    flash(f"L’avertissement part à {account.login}.", "success")
    return redirect(url_for(".show_warnings"), 303)


def _page(session: Session, login: str = "", reason: str = "", errors: dict[str, str] | None = None) -> str:
    sent = account_warnings.latest(session)
    return render_template(
        "admin/warnings.html",
        sent=sent,
        names=accounts.names(session, {one.sent_by for one, _ in sent if one.sent_by is not None}),
        login=login,
        reason=reason,
        errors=errors or {},
        longest=account_warnings.REASON_MAX,
    )
