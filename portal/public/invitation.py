"""Answering an invitation: whoever was invited gives their names and a password, then goes on to their second factor (E7)."""

from __future__ import annotations

from flask import flash, make_response, redirect, render_template, request, url_for
from flask import session as cookie
from werkzeug.wrappers import Response

from engine.core import config
from engine.core.db import Session
from engine.people import invitations, passwords, pending_sign_ins, second_factors
from engine.people.actors import Actor
from engine.people.invitations import InvitationOver
from portal import access, new_password
from portal.access import database, reading, transactional
from portal.public import blueprint
from portal.public.sign_in import ask_second_factor, destination, opened

_COOKIE = "invitation"
FIRST_NAMES, NAME = "prenoms", "nom"
_LENGTH_MAX = 100


@blueprint.get("/invitation/<token>")
@access.anyone
def follow_invitation(token: str) -> Response:
    """Let this browser hold the link, and lead to an address that carries no secret. Consumes nothing."""
    cookie[_COOKIE] = token[:200]
    answer = redirect(url_for(".show_invitation"), 303)
    answer.headers["Referrer-Policy"] = "no-referrer"
    return answer


@blueprint.get("/invitation")
@access.anyone
@reading
def show_invitation(session: Session) -> str:
    """Where names and a password are typed."""
    return _page(invitations.holder(session, _token()).email, {})


@blueprint.post("/invitation")
@access.anyone
def accept_invitation() -> Response:
    """Make the account, and go on to its second factor."""
    with database().reading() as session:
        email = invitations.holder(session, _token()).email
    if request.form.get("_action") == "proposer":
        return make_response(_page(email, {}))
    first_names, name = (" ".join(request.form.get(field, "").split()) for field in (FIRST_NAMES, NAME))
    errors = {
        field: message
        for field, value, message in (
            (FIRST_NAMES, first_names, "Saisissez votre prénom."),
            (NAME, name, "Saisissez votre nom."),
        )
        if not value or len(value) > _LENGTH_MAX or not value.isprintable()
    }
    password, wrong = new_password.read([email, first_names, name])
    if errors | wrong:
        return make_response(_page(email, errors | wrong), 422)
    # Outside the transaction: it takes tens of milliseconds.
    token, actor = _accept(first_names=first_names, name=name, password_hash=passwords.hashed(password))
    cookie.pop(_COOKIE, None)
    if actor is None:
        return ask_second_factor(token)
    response = redirect(destination(actor, slug="", suite=""), 303)
    access.remember(response, token)
    return response


@transactional
def _accept(session: Session, first_names: str, name: str, password_hash: str) -> tuple[str, Actor | None]:
    account = invitations.accept(
        session, _token(), first_names=first_names, birth_name=name, password_hash=password_hash
    )
    if second_factors.asked_of(session, account):
        return pending_sign_ins.begin(session, account), None
    return opened(session, account)


@blueprint.errorhandler(InvitationOver)
def invitation_over(error: InvitationOver) -> Response:
    """Say so where whoever has an account already may sign in."""
    cookie.pop(_COOKIE, None)
    flash(error.message, "info")
    return redirect(url_for(".show_sign_in"), 303)


def _page(email: str, errors: dict[str, str]) -> str:
    return render_template(
        "public/invitation.html",
        email=email,
        errors=errors,
        typed=request.form,
        proposal=new_password.proposal(),
        forbidden=passwords.FORBIDDEN,
        second_factor=config.current().second_factor_required,
    )


def _token() -> str:
    return str(cookie.get(_COOKIE, ""))
