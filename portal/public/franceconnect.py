"""FranceConnect: signing in, making an account, tying one's own (B5). From the profile: `residents/franceconnect`."""

from __future__ import annotations

from collections.abc import Mapping

from flask import flash, make_response, redirect, render_template, request, url_for
from flask import session as cookie
from werkzeug.wrappers import Response

from engine.core import audit
from engine.core.db import Session
from engine.core.errors import Conflict, Invalid, NotFound, ParvisError, Unavailable
from engine.people import accounts, identities, identity_visits, registration, throttle
from engine.people import sign_in as passwords
from engine.people.accounts import Account
from engine.people.actors import Actor
from engine.people.identity_visits import Pending, Visit, VisitOver
from engine.people.openid import FRANCECONNECT, Proved, SignInRefused
from engine.people.registration import Begun, Wanted
from engine.people.sign_in import Proof, WrongCredentials
from engine.procedures.forms.wording import long_date
from portal import access, identity_providers
from portal.access import current_actor, database, reading, transactional
from portal.errors import status_of
from portal.public import blueprint, new_account, sign_in
from portal.public import registration as registration_pages

# The token of the identity that waits, in the signed cookie.
PENDING = "franceconnect"
_SEXES = {"F": "Féminin", "M": "Masculin"}


@blueprint.app_context_processor
def _offered() -> dict[str, Mapping[str, bool]]:
    return {"providers": identity_providers.offered()}


@blueprint.post("/franceconnect/connexion")
@access.anyone
@transactional
def leave_for_franceconnect(session: Session) -> Response:
    """«S’identifier avec FranceConnect»: go there, and come back to where the person was going."""
    suite, slug = request.form.get("suite", ""), request.form.get("demarche", "")
    return identity_providers.leave(session, FRANCECONNECT, suite=suite, slug=slug)


@blueprint.get("/franceconnect/retour")
@access.anyone
def come_back() -> Response:
    """Back from FranceConnect: signed in, or asked what to do with an identity that opens no account yet.

    The one address that writes without a form of ours: its state stands for the form's token.
    """
    visit: Visit | None = None
    try:
        visit = identity_providers.arrive(FRANCECONNECT)
        # Signed out meanwhile, or somebody else: the account was to be tied by who had asked for it.
        if visit.account_id is not None and visit.account_id != current_actor().account_id:
            raise VisitOver
        proved = identity_providers.proved(FRANCECONNECT, visit)
        if proved is None:
            return redirect(_began_at(visit), 303)
        return _arrived(proved, visit)
    except (SignInRefused, VisitOver, Unavailable, Conflict) as error:
        return identity_providers.refused(FRANCECONNECT, error, status_of(type(error)), _began_at(visit))


def _arrived(proved: Proved, visit: Visit) -> Response:
    if visit.account_id is not None:
        cookie[PENDING] = database().run(identity_visits.wait, proved, visit)
        return redirect(url_for("residents.show_franceconnect"), 303)

    def recognise(session: Session) -> tuple[str, Actor | None]:
        account = identities.owner(session, proved)
        return _opened(session, account, proved) if account else (identity_visits.wait(session, proved, visit), None)

    token, actor = database().run(recognise)
    if actor is None:
        cookie[PENDING] = token
        return redirect(url_for(".show_identity_choice"), 303)
    return _welcomed(token, actor, suite=visit.suite, slug=visit.slug)


def _began_at(visit: Visit | None) -> str:
    if visit is not None and visit.account_id is not None:
        return url_for("residents.show_profile")
    return url_for(".show_sign_in", suite=(visit and visit.suite) or None, demarche=(visit and visit.slug) or None)


def _opened(session: Session, account: Account, proved: Proved) -> tuple[str, Actor]:
    token, actor = sign_in.opened(session, account)
    identity_visits.remember(session, token, proved.name, proved.id_token)
    audit.record(session, actor, "account.signed_in", "account", account.id, by=FRANCECONNECT)
    return token, actor


def _welcomed(token: str, actor: Actor, *, suite: str, slug: str) -> Response:
    response = redirect(sign_in.destination(actor, slug=slug, suite=suite), 303)
    access.remember(response, token)
    return response


# --- an identity that opens no account yet ---------------------------------------------------------------------------------


@blueprint.get("/franceconnect/compte")
@access.anyone
@reading
def show_identity_choice(session: Session) -> Response | str:
    """What FranceConnect certifies, and the choice: make an account, or tie the one that one has by its password."""
    try:
        return _choice(session)
    except NotFound as error:
        return _over(error)


@blueprint.post("/franceconnect/compte")
@access.anyone
def make_account() -> Response:
    """Make an account for the certified identity: its e-mail is proved by a code, as for any other."""
    throttle.take(new_account.SENT, throttle.network(request.remote_addr or ""))
    email = request.form.get("courriel", "").strip()[:300]
    errors: dict[str, str] = {}
    try:
        email = accounts.email(email)
    except Invalid as error:
        errors["courriel"] = error.message
    if request.form.get("conditions") != "oui":
        errors["conditions"] = "Acceptez les conditions pour créer votre compte."
    try:
        if errors:
            return _choice_again(errors)
        found, begun = database().run(_begin, email)
    except NotFound as error:
        return _over(error)
    except Conflict as error:
        return _choice_again({"conditions": error.message})
    return registration_pages.await_code(begun, suite=found.suite, slug=found.slug)


def _begin(session: Session, email: str) -> tuple[Pending, Begun]:
    found = _pending(session)
    known = identities.pivot(found.proved.claims)
    wanted = Wanted(
        login=email,
        password_hash=None,
        sex=known.sex,
        first_names=known.given_names,
        birth_name=known.family_name,
        usage_name=identities.usage_name(found.proved.claims),
        birth_date=known.birthdate,
        identity=found.key,
    )
    return found, registration.begin(session, wanted, terms_read=new_account.terms_read())


@blueprint.post("/franceconnect/rattachement")
@access.anyone
def tie_account() -> Response:
    """Tie the identity to the account that one has, which its password proves."""
    login, password = request.form.get("identifiant", "").strip(), request.form.get("mot_de_passe", "")
    errors = {}
    if not login:
        errors["identifiant"] = "Saisissez votre identifiant."
    if not password:
        errors["mot_de_passe"] = "Saisissez votre mot de passe."
    try:
        if errors:
            return _choice_again(errors)
        with database().reading() as session:
            proof = passwords.authenticate(session, login, password, address=request.remote_addr or "")
        found, token, actor = database().run(_tie, proof)
    except NotFound as error:
        return _over(error)
    except (WrongCredentials, Conflict) as error:
        return _choice_again({"identifiant": error.message})
    cookie.pop(PENDING, None)
    flash("Votre compte est lié à FranceConnect\u00a0: votre identité est certifiée.", "success")
    return _welcomed(token, actor, suite=found.suite, slug=found.slug)


def _tie(session: Session, proof: Proof) -> tuple[Pending, str, Actor]:
    found = _pending(session)
    account = accounts.find(session, proof.account_id)
    # An agent signs in with a second factor, which this way would go around.
    if account.kind != "resident" or not account.active or account.password_hash != proof.password_hash:
        raise WrongCredentials
    proved = identity_visits.tie(session, found.key, account, proof="password")
    return found, *_opened(session, account, proved)


@blueprint.get("/franceconnect/deconnexion")
@access.anyone
def come_out() -> Response:
    """Back from signing out at FranceConnect, having signed out here before."""
    return redirect(url_for(".show_catalogue"), 303)


def _choice_again(errors: Mapping[str, str]) -> Response:
    with database().reading() as session:
        return make_response(_choice(session, errors), 422)


def _choice(session: Session, errors: Mapping[str, str] | None = None) -> str:
    found = _pending(session)
    claims = found.proved.claims
    return render_template(
        "public/identity_choice.html",
        identity=told(found.proved),
        email=request.form.get("courriel", claims.get("email", "")),
        login=request.form.get("identifiant", ""),
        accepted=request.form.get("conditions") == "oui",
        terms_read=new_account.versions(),
        errors=errors or {},
    )


def told(proved: Proved) -> list[tuple[str, str]]:
    """A certified identity as people read it."""
    known = identities.pivot(proved.claims)
    lines = [
        ("Sexe", _SEXES.get(known.sex or "", "")),
        ("Prénom", known.given_names),
        ("Nom", known.family_name),
        ("Date de naissance", long_date(known.birthdate or "")),
    ]
    return [(label, text) for label, text in lines if text]


def _pending(session: Session) -> Pending:
    """The identity that this browser came back with, and that waits for a choice."""
    token = cookie.get(PENDING)
    found = identity_visits.pending(session, token if isinstance(token, str) else "")
    if found.account_id is not None:
        raise NotFound("Votre passage par FranceConnect a expiré\u00a0: recommencez.")
    return found


def _over(error: ParvisError) -> Response:
    cookie.pop(PENDING, None)
    flash(error.message, "info")
    return redirect(url_for(".show_sign_in"), 303)
