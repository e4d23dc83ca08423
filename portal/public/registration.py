"""Creating an account: the form in four sections, then the code received by e-mail (B1 to B4)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import flash, make_response, redirect, render_template, request, url_for
from flask import session as cookie
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from engine.core.db import Session
from engine.core.errors import Conflict, Invalid, NotFound
from engine.people import accounts, identity_visits, passwords, registration, throttle
from engine.people.actors import SYSTEM
from engine.people.registration import Wanted
from engine.procedures import catalogue
from engine.rights import beneficiaries
from portal import access, sections, typed
from portal.access import current_actor, database, reading, transactional
from portal.public import blueprint, new_account, sign_in
from portal.public.new_account import Sent

TRIED = throttle.Limit("registration-code", burst=20, every=timedelta(seconds=20))
RESENT = "Un nouveau code vient de vous être envoyé. Le précédent ne vaut plus rien."
TOO_MANY = "Vous avez demandé trop de codes aujourd’hui\u00a0: réessayez demain."
OVER = "Cette création de compte est terminée ou a expiré\u00a0: connectez-vous, ou recommencez-la."

_SECTIONS = (sections.IDENTITY, sections.ADDRESS, sections.CONTACT)
_COOKIE = "registration"
_NAMES = {
    "sex": "sexe",
    "first_names": "prenoms",
    "birth_name": "nom_naissance",
    "usage_name": "nom_usage",
    "birth_date": "date_naissance",
    "street": "voie",
    "address_more": "complement",
    "postcode": "code_postal",
    "town": "commune",
    "mobile_phone": "telephone_mobile",
    "landline": "telephone_fixe",
    "preferred_contact": "contact_prefere",
    "login": "courriel",
    "username": "nom_utilisateur",
}


# --- the form --------------------------------------------------------------------------------------------------------------


@blueprint.get("/compte/creation")
@access.anyone
def show_registration() -> Response | str:
    """The form; who is signed in has an account already and goes where they were going."""
    actor = current_actor()
    if actor.signed_in:
        return redirect(sign_in.page_asked(actor, request.args.get("suite", "")), 303)
    return _page(typed.given_back())


@blueprint.post("/compte/creation")
@access.anyone
@typed.kept_on_expiry
def register() -> Response:
    """Check everything, keep it, send a code and lead to where it is typed; with mistakes, the page again as it was typed."""
    if new_account.redrawn():
        return make_response(_page(request.form))
    sent = new_account.read(_SECTIONS, ("prenoms", "nom_naissance", "nom_usage", "courriel"), _check)
    if sent.held is not None and "nom_utilisateur" not in sent.errors and _taken(sent.answers.get("nom_utilisateur")):
        sent.errors["nom_utilisateur"] = "Ce nom d’utilisateur est déjà pris\u00a0: choisissez-en un autre."
    if sent.errors:
        return make_response(_page(request.form, sent), 422)
    facts: dict[str, Any] = {name: sent.answers.get(key) for name, key in _NAMES.items()}
    # Outside the transaction: it takes tens of milliseconds.
    wanted = Wanted(**facts, password_hash=passwords.hashed(sent.password))
    texts = new_account.terms_read()
    begun = new_account.begin(sent, lambda session: registration.begin(session, wanted, terms_read=texts))
    if begun is None:
        return make_response(_page(request.form, sent), 422)
    return await_code(begun, suite=_suite(), slug=_slug())


def await_code(begun: registration.Begun, *, suite: str, slug: str) -> Response:
    """Lead to where the code is typed; this browser remembers what it is for, and where its person was going."""
    if not begun.sent:
        flash(TOO_MANY, "info")
    cookie[_COOKIE] = {"token": begun.token, "suite": suite, "demarche": slug}
    return redirect(url_for(".show_code"), 303)


def _check(answers: dict[str, Any]) -> dict[str, str]:
    """The user name, which no section holds; and whether the means of contact that is preferred can be used."""
    errors = sections.unreachable(answers)
    username = request.form.get("nom_utilisateur", "").strip()
    if username:
        answers["nom_utilisateur"] = username
        try:
            answers["nom_utilisateur"] = accounts.user_name(username)
        except Invalid as error:
            errors["nom_utilisateur"] = error.message
    return errors


def _taken(username: str | None) -> bool:
    if not username:
        return False
    with database().reading() as session:
        return registration.username_taken(session, username)


def _page(posted: MultiDict[str, str] | None, sent: Sent | None = None) -> str:
    return new_account.page(
        "public/registration.html",
        _SECTIONS,
        posted,
        sent,
        others=("nom_utilisateur",),
        suite=_suite(posted),
        slug=_slug(posted),
        procedure=_procedure(_slug(posted)),
    )


def _suite(posted: MultiDict[str, str] | None = None) -> str:
    return (posted or request.values).get("suite", "")[:500]


def _slug(posted: MultiDict[str, str] | None = None) -> str:
    return (posted or request.values).get("demarche", "")[:100]


def _procedure(slug: str) -> Any:
    if not slug:
        return None
    with database().reading() as session:
        return next((one for one in catalogue.published(session) if one.slug == slug), None)


# --- the code --------------------------------------------------------------------------------------------------------------


@blueprint.get("/compte/creation/code")
@access.anyone
@reading
def show_code(session: Session) -> Response | str:
    """Where the code received by e-mail is typed."""
    try:
        return _code_page(session)
    except NotFound:
        return _over()


@blueprint.post("/compte/creation/code")
@access.anyone
def confirm() -> Response:
    """Try the code; right, the account is made, its owner signed in and led back to where they came from."""
    code = "".join(request.form.get("code", "").split())
    if len(code) != 4 or not (code.isascii() and code.isdigit()):
        return _code_again("Saisissez les 4 chiffres du code reçu par courriel.")
    throttle.take(TRIED, throttle.network(request.remote_addr or ""))
    try:
        outcome, opened = database().run(_confirm, code)
    except NotFound:
        return _over()
    except Conflict as error:
        _forget()
        known = "Vous avez déjà un compte avec cette adresse\u00a0: connectez-vous."
        flash(known if error.facts.get("field") == "login" else error.message, "info")
        return redirect(url_for(".show_sign_in"), 303)
    if opened is None:
        return _code_again(why(outcome.tries_left, expired=outcome.expired))
    token, actor = opened
    asked = _forget()
    flash("Votre compte a bien été créé. Un courriel vous le confirme.", "success")
    if outcome.username_lost:
        flash(
            "Votre nom d’utilisateur vient d’être pris par une autre personne\u00a0: connectez-vous avec votre courriel, ou "
            "choisissez-en un autre dans «\u00a0Profil et préférences\u00a0».",
            "info",
        )
    response = redirect(sign_in.destination(actor, slug=asked.get("demarche", ""), suite=asked.get("suite", "")), 303)
    access.remember(response, token)
    return response


def _confirm(session: Session, code: str) -> tuple[registration.Outcome, Any]:
    outcome = registration.confirm(session, _token(), code)
    if outcome.account is None:
        return outcome, None
    if outcome.file_reference:
        beneficiaries.attach(session, outcome.account.id, outcome.file_reference, SYSTEM)
    token, actor = sign_in.opened(session, outcome.account)
    if outcome.proved is not None:
        identity_visits.remember(session, token, outcome.proved.name, outcome.proved.id_token)
    return outcome, (token, actor)


@blueprint.post("/compte/creation/renvoi")
@access.anyone
def resend() -> Response:
    """«Renvoyez le message»: a new code."""
    throttle.take(TRIED, throttle.network(request.remote_addr or ""))
    try:
        sent = database().run(registration.resend, _token())
    except NotFound:
        return _over()
    flash(RESENT if sent else TOO_MANY, "success" if sent else "info")
    return redirect(url_for(".show_code"), 303)


@blueprint.post("/compte/creation/annulation")
@access.anyone
@transactional
def give_up(session: Session) -> Response:
    """«Annuler»: forget what was typed."""
    registration.give_up(session, _token())
    _forget()
    flash("La création de votre compte est annulée. Ce que vous aviez saisi est effacé.", "info")
    return redirect(url_for(".show_catalogue"), 303)


def why(tries_left: int, *, expired: bool) -> str:
    """Why a code was refused, and what to do."""
    if expired:
        return "Ce code n’est plus valable\u00a0: son délai de 10 minutes est passé. Demandez un nouveau code."
    if not tries_left:
        return "Ce code est incorrect et vous n’avez plus d’essai\u00a0: demandez un nouveau code."
    left = "un essai" if tries_left == 1 else f"{tries_left} essais"
    return f"Ce code est incorrect. Il vous reste {left}."


def _code_page(session: Session, error: str = "") -> str:
    address = registration.address(session, _token())
    return render_template("public/registration_code.html", address=address, errors={"code": error} if error else {})


def _code_again(error: str) -> Response:
    try:
        with database().reading() as session:
            return make_response(_code_page(session, error), 422)
    except NotFound:
        return _over()


def _over() -> Response:
    asked = _forget()
    flash(OVER, "info")
    return redirect(
        url_for(".show_registration", suite=asked.get("suite") or None, demarche=asked.get("demarche") or None), 303
    )


def _token() -> str:
    kept = cookie.get(_COOKIE)
    return str(kept.get("token", "")) if isinstance(kept, dict) else ""


def _forget() -> dict[str, str]:
    """Take the registration out of the browser's cookie; where its person was going."""
    kept = cookie.pop(_COOKIE, None)
    return {name: str(kept.get(name, "")) for name in ("suite", "demarche")} if isinstance(kept, dict) else {}
