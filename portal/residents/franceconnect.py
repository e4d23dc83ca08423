"""FranceConnect in the profile: tying one's account to a certified identity (B5, B11). Signing in: `public/franceconnect`."""

from __future__ import annotations

from collections.abc import Mapping

from flask import flash, make_response, redirect, render_template, request, url_for
from flask import session as cookie
from werkzeug.wrappers import Response

from engine.core.db import Session
from engine.core.errors import Conflict, NotFound
from engine.people import accounts, identity_visits, sign_in
from engine.people.accounts import Account
from engine.people.identity_visits import Pending
from engine.people.openid import FRANCECONNECT
from engine.people.sign_in import Proof, WrongCredentials
from portal import access, identity_providers
from portal.access import current_actor, reading, transactional
from portal.public.franceconnect import PENDING, told
from portal.residents import blueprint


@blueprint.post("/mon-espace/profil/franceconnect/depart")
@access.resident
@transactional
def leave_to_tie(session: Session) -> Response:
    """«Lier mon compte à FranceConnect»: go there, and come back here."""
    return identity_providers.leave(session, FRANCECONNECT, account_id=_account(session).id)


@blueprint.get("/mon-espace/profil/franceconnect")
@access.resident
@reading
def show_franceconnect(session: Session) -> Response | str:
    """Who FranceConnect says that this is, beside whom the account says, and the password to tie them."""
    try:
        return _page(session)
    except NotFound as error:
        return _over(error)


@blueprint.post("/mon-espace/profil/franceconnect")
@access.resident
@access.in_phases
def tie() -> Response:
    """Tie the identity: the password proves that it isn't somebody passing by who does it."""
    try:
        if not request.form.get("mot_de_passe"):
            return _again(errors={"mot_de_passe": "Saisissez votre mot de passe."})
        _tie(proof=_proof())
    except WrongCredentials:
        return _again(errors={"mot_de_passe": "Ce n’est pas votre mot de passe."})
    except (NotFound, Conflict) as error:
        return _over(error)
    cookie.pop(PENDING, None)
    flash("Votre compte est lié à FranceConnect\u00a0: votre identité est certifiée.", "success")
    return redirect(url_for(".show_profile"), 303)


@reading
def _proof(session: Session) -> Proof:
    account = _account(session)
    return sign_in.authenticate(session, account.login, request.form["mot_de_passe"], address=request.remote_addr or "")


@transactional
def _tie(session: Session, proof: Proof) -> None:
    account = _account(session)
    if account.id != proof.account_id or account.password_hash != proof.password_hash:
        raise WrongCredentials
    identity_visits.tie(session, _pending(session).key, account, proof="password")


@reading
def _again(session: Session, errors: Mapping[str, str]) -> Response:
    return make_response(_page(session, errors), 422)


def _page(session: Session, errors: Mapping[str, str] | None = None) -> str:
    account = _account(session)
    return render_template(
        "residents/franceconnect.html",
        account=account,
        identity=told(_pending(session).proved),
        errors=errors or {},
    )


def _pending(session: Session) -> Pending:
    """The identity that waits for this very account."""
    token = cookie.get(PENDING)
    found = identity_visits.pending(session, token if isinstance(token, str) else "")
    if found.account_id != current_actor().account_id:
        raise NotFound("Votre passage par FranceConnect a expiré\u00a0: recommencez.")
    return found


def _over(error: NotFound | Conflict) -> Response:
    cookie.pop(PENDING, None)
    flash(error.message, "info")
    return redirect(url_for(".show_profile"), 303)


def _account(session: Session) -> Account:
    account_id = current_actor().account_id
    assert account_id is not None  # the policy lets residents in only
    return accounts.find(session, account_id)
