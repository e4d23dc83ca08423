"""Signing in and out (B6). Creating an account is in `registration`, a forgotten password in `recovery`."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from flask import flash, make_response, redirect, render_template, request, url_for
from flask import session as cookie
from werkzeug.wrappers import Response

from engine.core import audit
from engine.core.db import Session
from engine.core.errors import AlreadyRequested, ParvisError, QuotaExhausted
from engine.people import sessions, sign_in
from engine.people.accounts import Account
from engine.people.actors import Actor
from engine.people.sign_in import WrongCredentials
from engine.procedures import cases, catalogue
from portal import access, identity_providers
from portal.access import current_actor, database, transactional
from portal.public import blueprint
from portal.residents import attaching

# The sign-in that waits for a second factor, in the signed cookie.
PENDING = "pending_sign_in"
_LOCAL = re.compile(r"/(?![/\\])[^\\\x00-\x20\x7f]*")


@blueprint.get("/connexion")
@access.anyone
def show_sign_in() -> Response | str:
    """The sign-in page; who is signed in already goes where they were going."""
    actor = current_actor()
    if actor.signed_in:
        slug = request.args.get("demarche")
        suite = request.args.get("suite", "")
        return redirect(url_for(".show_procedure", slug=slug) if slug else page_asked(actor, suite), 303)
    return _page()


@blueprint.post("/connexion")
@access.anyone
def sign_in_by_password() -> Response:
    """Check the password, open a session, and lead where the person was going: a page, or the draft of a procedure."""
    login, password = request.form.get("identifiant", "").strip(), request.form.get("mot_de_passe", "")
    missing = {}
    if not login:
        missing["identifiant"] = "Saisissez votre identifiant."
    if not password:
        missing["mot_de_passe"] = "Saisissez votre mot de passe."
    if missing:
        return make_response(_page(missing, login), 422)
    try:
        # Outside any transaction of ours: checking a password takes tens of milliseconds.
        with database().reading() as session:
            proof = sign_in.authenticate(session, login, password, address=request.remote_addr or "")
    except WrongCredentials as error:
        database().run(sign_in.refused, login)
        return make_response(_page({"": error.message}, login), 422)
    agent = request.user_agent.string

    def begin(session: Session) -> tuple[str, Actor | None]:
        begun = sign_in.begin(session, proof, user_agent=agent)
        return came_in(session, begun.token) if begun.complete else (begun.token, None)

    token, actor = database().run(begin)
    if actor is None:
        return ask_second_factor(token)
    response = redirect(_asked(actor), 303)
    access.remember(response, token)
    return response


def ask_second_factor(token: str, *, suite: str | None = None) -> Response:
    """Go on to the second factor of a sign-in that waits for it, and then where the person was going."""
    going = request.values.get("suite", "") if suite is None else suite
    cookie[PENDING] = {"token": token, "suite": going[:1000]}
    return redirect(url_for("public.show_verification"), 303)


def came_in(session: Session, token: str) -> tuple[str, Actor]:
    """The session that was just opened in place of this browser's former one, and who is there."""
    former = access.sign_in_token()
    if former:
        sessions.close(session, former)
    actor = sessions.resolve(session, token)
    assert actor is not None  # its account is active: it was just opened
    identity_providers.carry_on(session, token, actor)
    return token, actor


def opened(session: Session, account: Account) -> tuple[str, Actor]:
    """Sign in somebody who has proved to be the owner of the account in another way: the token and the actor.

    The browser's former session ends: nobody can have planted it.
    """
    return came_in(session, sessions.open(session, account, user_agent=request.user_agent.string))


@blueprint.post("/deconnexion")
@access.anyone
@transactional
def sign_out(session: Session) -> Response:
    """Close the session for good, and forget the private links that this browser held."""
    token = access.sign_in_token()
    out = identity_providers.way_out(session, token) if token else None
    if token:
        sessions.close(session, token)
    actor = access.current_actor()
    if actor.signed_in:
        audit.record(session, actor, "account.signed_out", "account", actor.account_id)
    response: Response = redirect(url_for("public.show_catalogue"), 303)
    if out is not None:
        response = identity_providers.onward(*out, leaving=True)
    access.forget(response)
    flash(
        "Vous êtes déconnecté." if actor.signed_in else "Vos demandes ne sont plus ouvertes sur cet appareil.",
        "success",
    )
    return response


def _page(errors: dict[str, str] | None = None, login: str = "") -> str:
    locked = None
    slug = request.values.get("demarche", "")
    if slug:
        with database().reading() as session:
            locked = next((one for one in catalogue.published(session) if one.slug == slug), None)
    return render_template(
        "public/sign_in.html",
        errors=errors or {},
        login=login,
        suite=request.values.get("suite", ""),
        procedure=locked,
    )


def _asked(actor: Actor) -> str:
    slug = request.form.get("demarche", "")
    return destination(actor, slug=slug, suite=request.values.get("suite", ""))


def is_local(address: str) -> bool:
    """Whether an address leads to a page of this portal, and nowhere else."""
    return bool(_LOCAL.fullmatch(address)) and not urlsplit(address).netloc


def destination(actor: Actor, *, slug: str, suite: str) -> str:
    """Where to go once signed in: the draft of the procedure that asked for it, the page asked for, or one's own page.

    A draft without an account that the person was filling in becomes theirs (A11).
    """
    attached = attaching.on_the_way(actor, slug=slug, suite=suite)
    if attached is not None:
        return attached
    if slug and actor.kind == "resident":
        try:
            case, _ = database().run(cases.open_draft, slug, actor)
        except (AlreadyRequested, QuotaExhausted):
            return url_for(
                "public.show_procedure", slug=slug
            )  # which says so, and leads to the waiting list or to their request
        except ParvisError as error:
            flash(error.message, "info")
            return url_for("public.show_catalogue")
        return url_for("residents.show_case", reference=case.reference)
    return page_asked(actor, suite)


def page_asked(actor: Actor, suite: str) -> str:
    """The page that somebody was going to when they were asked who they are, or else their own."""
    if is_local(suite):
        return suite
    if actor.kind != "agent":
        return url_for("residents.show_space")
    if "agent" in actor.roles:
        return "/agents/corbeilles"
    if "administrator" in actor.roles:
        return "/administration"
    return "/agents/demarches" if "analyst" in actor.roles else "/agents/profil"
