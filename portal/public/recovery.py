"""«J’ai oublié mon mot de passe»: a link by e-mail, then another password (B6)."""

from __future__ import annotations

from flask import flash, make_response, redirect, render_template, request, url_for
from flask import session as cookie
from werkzeug.wrappers import Response

from engine.core.db import Session
from engine.people import passwords, recovery
from engine.people.accounts import Account
from engine.people.recovery import LinkOver
from portal import access, new_password
from portal.access import database, reading, transactional
from portal.public import blueprint

_COOKIE = "recovery"
_RETURN = "recovery_return"


@blueprint.get("/mot-de-passe/oubli")
@access.anyone
def show_forgotten() -> str:
    """Where to ask for a link."""
    return _asking(request.args.get("identifiant", "")[:254], {})


@blueprint.post("/mot-de-passe/oubli")
@access.anyone
def ask_for_link() -> Response:
    """Promise a letter; the answer is the same whether or not somebody signs in with that name."""
    login = request.form.get("identifiant", "").strip()
    if not login:
        errors = {"identifiant": "Saisissez votre courriel ou votre nom d’utilisateur."}
        return make_response(_asking("", errors), 422)
    _ask(login=login)
    # The link comes back to this browser: it then leads where its person was going.
    cookie[_RETURN] = _going()
    return redirect(url_for(".show_link_sent"), 303)


def _asking(login: str, errors: dict[str, str]) -> str:
    going = _going()
    return render_template(
        "public/forgotten.html", errors=errors, login=login, suite=going["suite"], slug=going["demarche"]
    )


def _going() -> dict[str, str]:
    return {name: request.values.get(name, "")[:500] for name in ("suite", "demarche")}


@transactional
def _ask(session: Session, login: str) -> None:
    recovery.ask(session, login, address=request.remote_addr or "")


@blueprint.get("/mot-de-passe/oubli/envoye")
@access.anyone
def show_link_sent() -> str:
    """What to do next."""
    return render_template("public/forgotten_sent.html")


@blueprint.get("/mot-de-passe/nouveau/<token>")
@access.anyone
def follow_password_link(token: str) -> Response:
    """Let this browser hold the link, and lead to an address that carries no secret. Consumes nothing."""
    cookie[_COOKIE] = token[:200]
    answer = redirect(url_for(".show_new_password"), 303)
    answer.headers["Referrer-Policy"] = "no-referrer"
    return answer


@blueprint.get("/mot-de-passe/nouveau")
@access.anyone
@reading
def show_new_password(session: Session) -> Response | str:
    """Where the new password is typed; a link that is over leads to where another is asked for."""
    try:
        recovery.holder(session, _token())
    except LinkOver as error:
        return _over(error)
    return _page({})


@blueprint.post("/mot-de-passe/nouveau")
@access.anyone
def choose_password() -> Response:
    """Replace the password; every session of the account ends."""
    try:
        return _choose()
    except LinkOver as error:
        return _over(error)


def _choose() -> Response:
    with database().reading() as session:
        account = recovery.holder(session, _token())
    if request.form.get("_action") == "proposer":
        return make_response(_page({}))
    password, errors = new_password.read(words_of(account))
    if errors:
        return make_response(_page(errors), 422)
    # Outside the transaction: it takes tens of milliseconds.
    database().run(recovery.consume, _token(), passwords.hashed(password))
    cookie.pop(_COOKIE, None)
    flash("Votre mot de passe est modifié. Connectez-vous avec le nouveau.", "success")
    kept = cookie.pop(_RETURN, None)
    going = kept if isinstance(kept, dict) else {}
    return redirect(
        url_for(".show_sign_in", suite=going.get("suite") or None, demarche=going.get("demarche") or None), 303
    )


def _over(error: LinkOver) -> Response:
    cookie.pop(_COOKIE, None)
    flash(error.message, "info")
    return redirect(url_for(".show_forgotten"), 303)


def words_of(account: Account) -> list[str | None]:
    """What a password of this account may not be made of."""
    return [account.first_names, account.birth_name, account.usage_name, account.login, account.username]


def _page(errors: dict[str, str]) -> str:
    return render_template(
        "public/new_password.html",
        errors=errors,
        proposal=new_password.proposal(),
        forbidden=passwords.FORBIDDEN,
    )


def _token() -> str:
    return str(cookie.get(_COOKIE, ""))
