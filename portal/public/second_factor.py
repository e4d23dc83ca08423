"""Between the password and the first page of an agent: proving a second factor, or adding the first one (E7)."""

from __future__ import annotations

from typing import Any

from flask import flash, make_response, redirect, render_template, request, url_for
from flask import session as cookie
from werkzeug.wrappers import Response

from engine.core.db import Session
from engine.people import passkeys, pending_sign_ins, second_factors, totp
from engine.people.actors import Actor
from engine.people.pending_sign_ins import PendingOver
from portal import access, second_factor
from portal.access import reading, transactional
from portal.public import blueprint
from portal.public.sign_in import PENDING, came_in, destination

LAYOUT = "base.html"
_WRONG_CODE = "Ce code n’est pas le bon, ou il a déjà servi. Attendez le suivant, ou utilisez un code de secours."
_WRONG_KEY = "La clé d’accès n’a pas été reconnue. Recommencez, ou saisissez un code."


@blueprint.errorhandler(PendingOver)
def start_over(error: PendingOver) -> Response:
    """Ask for the password again, and then lead where the person was going."""
    suite = _kept().get("suite") or None
    cookie.pop(PENDING, None)
    flash(error.message, "info")
    return redirect(url_for(".show_sign_in", suite=suite), 303)


# --- proving ---------------------------------------------------------------------------------------------------------------


@blueprint.get("/connexion/verification")
@access.anyone
@reading
def show_verification(session: Session) -> Response | str:
    """Where a code is typed or a passkey shown; who has neither is led to add one."""
    account = pending_sign_ins.holder(session, _token())
    kinds = second_factors.kinds(session, account.id)
    if not kinds:
        return redirect(url_for(".show_factor_choice"), 303)
    return _verification(kinds)


@blueprint.post("/connexion/verification")
@access.anyone
def verify() -> Response:
    """Try the code or the passkey; right, the session opens."""
    code, answer = request.form.get(second_factor.CODE, ""), request.form.get(second_factor.PASSKEY, "")
    if not code.strip() and not answer:
        return _again(error="Saisissez le code de votre application, ou un code de secours.")
    opened = _tried(code=code, answer=answer)
    if opened is None:
        return _again(error=_WRONG_KEY if answer else _WRONG_CODE)
    token, actor = opened
    suite = str(_kept().get("suite", ""))
    cookie.pop(PENDING, None)
    response = redirect(destination(actor, slug="", suite=suite), 303)
    access.remember(response, token)
    return response


@transactional
def _tried(session: Session, code: str, answer: str) -> tuple[str, Actor] | None:
    token = pending_sign_ins.prove(
        session,
        _token(),
        code=code,
        passkey=answer,
        site=second_factor.site(),
        address=request.remote_addr or "",
        user_agent=request.user_agent.string,
    )
    return came_in(session, token) if token else None


@reading
def _again(session: Session, error: str) -> Response:
    account = pending_sign_ins.holder(session, _token())
    page = _verification(second_factors.kinds(session, account.id), {second_factor.CODE: error})
    return make_response(page, 422)


def _verification(kinds: frozenset[str], errors: dict[str, str] | None = None) -> str:
    return render_template(
        "second_factor/verification.html",
        layout=LAYOUT,
        errors=errors or {},
        password=False,
        totp="totp" in kinds,
        passkeys="passkey" in kinds and second_factor.site() is not None,
        elsewhere="passkey" in kinds and second_factor.site() is None,
    )


@blueprint.post("/connexion/verification/cle")
@access.anyone
@transactional
def passkey_request_options(session: Session) -> Response:
    """What the page's script has the browser sign."""
    account = pending_sign_ins.holder(session, _token())
    here = second_factor.site()
    if here is None:
        raise PendingOver
    return second_factor.options(passkeys.request_options(session, account.id, here))


# --- adding the first one --------------------------------------------------------------------------------------------------


@blueprint.get("/connexion/second-facteur")
@access.anyone
@reading
def show_factor_choice(session: Session) -> Response:
    """An application or a passkey."""
    pending_sign_ins.enrolling(session, _token())
    return second_factor.choice_page(LAYOUT)


@blueprint.post("/connexion/second-facteur/application")
@access.anyone
@transactional
def begin_application(session: Session) -> Response:
    """Draw a key for an application."""
    totp.start(session, pending_sign_ins.enrolling(session, _token()))
    return redirect(url_for(".show_application"), 303)


@blueprint.get("/connexion/second-facteur/application")
@access.anyone
@reading
def show_application(session: Session) -> Response:
    """The key, and where its first code is typed."""
    return second_factor.application_page(session, pending_sign_ins.enrolling(session, _token()), LAYOUT)


@blueprint.post("/connexion/second-facteur/application/code")
@access.anyone
@transactional
def confirm_application(session: Session) -> Response:
    """The first code: right, the application counts and the session opens."""
    account = pending_sign_ins.enrolling(session, _token())
    codes, errors = second_factor.take_code(session, account)
    if errors:
        return second_factor.application_page(session, account, LAYOUT, errors)
    return _enter_with(session, codes)


@blueprint.post("/connexion/second-facteur/cle/options")
@access.anyone
@transactional
def passkey_creation_options(session: Session) -> Response:
    """What the page's script has the browser make a passkey with."""
    account = pending_sign_ins.enrolling(session, _token())
    here = second_factor.site()
    if here is None:
        raise PendingOver
    return second_factor.options(passkeys.creation_options(session, account, here))


@blueprint.post("/connexion/second-facteur/cle")
@access.anyone
@transactional
def add_passkey(session: Session) -> Response:
    """The passkey made: it counts and the session opens."""
    account = pending_sign_ins.enrolling(session, _token())
    codes, errors = second_factor.take_passkey(session, account)
    if errors:
        return second_factor.choice_page(LAYOUT, errors)
    return _enter_with(session, codes)


# --- coming in -------------------------------------------------------------------------------------------------------------


def _enter_with(session: Session, codes: list[str]) -> Response:
    """The recovery codes, in the session that opens."""
    suite = str(_kept().get("suite", ""))
    token, actor = came_in(session, pending_sign_ins.enrolled(session, _token(), user_agent=request.user_agent.string))
    # The page is that of somebody who is signed in.
    access.become(actor)
    response = second_factor.show_once(codes, destination(actor, slug="", suite=suite))
    access.remember(response, token)
    return response


def _kept() -> dict[str, Any]:
    kept = cookie.get(PENDING)
    return kept if isinstance(kept, dict) else {}


def _token() -> str:
    return str(_kept().get("token", ""))
