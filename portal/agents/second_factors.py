"""An agent's second factors: adding, naming and removing them, recovery codes; each after a fresh proof of who is there (E7).

A proof serves for ten minutes: a browser left open, or a stolen cookie, changes nothing of how its owner signs in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from flask import flash, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from engine.core.db import Session
from engine.core.errors import Conflict, Invalid, NotFound
from engine.people import passkeys, pending_sign_ins, recovery_codes, second_factors, sessions, sign_in, throttle, totp
from engine.people.second_factors import LastFactor
from engine.people.sign_in import WrongCredentials
from portal import access, proof, second_factor
from portal.access import reading, transactional
from portal.agents import blueprint
from portal.agents.profile import KINDS, holder
from portal.public.sign_in import is_local

LAYOUT = "agents/layout.html"


proof.install(blueprint)

# --- the proof -------------------------------------------------------------------------------------------------------------


@blueprint.get("/agents/profil/verification")
@access.staff
@reading
def show_proof(session: Session) -> str:
    """Where a second factor is proved again, or the password by who has none."""
    return _proof_page(session)


@blueprint.post("/agents/profil/verification")
@access.staff
@access.in_phases
def prove() -> Response:
    """Try it; right, this browser gets another session and goes on."""
    field = _proved()
    if field is not None:
        return make_response(_proof_again(errors=field), 422)
    token = _rotated()
    suite = request.form.get("suite", "")
    response = redirect(suite if is_local(suite) else url_for(".show_profile"), 303)
    access.remember(response, token)
    return response


def _proved() -> dict[str, str] | None:
    """What is wrong by field, None when the proof is right."""
    if "mot_de_passe" in request.form:
        return _password_proved()
    code, answer = request.form.get(second_factor.CODE, ""), request.form.get(second_factor.PASSKEY, "")
    if not code.strip() and not answer:
        return {second_factor.CODE: "Saisissez le code de votre application, ou un code de secours."}
    if _factor_proved(code=code, answer=answer):
        return None
    return {second_factor.CODE: "Ce n’est pas le bon code, ou il a déjà servi. Attendez le suivant."}


@reading
def _password_proved(session: Session) -> dict[str, str] | None:
    account = holder(session)
    if second_factors.kinds(session, account.id):
        return {second_factor.CODE: "Saisissez le code de votre application, ou un code de secours."}
    try:
        sign_in.authenticate(
            session, account.login, request.form.get("mot_de_passe", ""), address=request.remote_addr or ""
        )
    except WrongCredentials:
        return {"mot_de_passe": "Ce n’est pas votre mot de passe."}
    return None


@transactional
def _factor_proved(session: Session, code: str, answer: str) -> bool:
    account = holder(session)
    key = f"{account.id} {throttle.network(request.remote_addr or '')}"
    throttle.take(pending_sign_ins.BY_NETWORK, key)
    right = pending_sign_ins.right(session, account, code=code, passkey=answer, site=second_factor.site())
    if right:
        throttle.give_back(pending_sign_ins.BY_NETWORK, key)
    return right


@transactional
def _rotated(session: Session) -> str:
    return sessions.rotate(session, access.sign_in_token() or "")


@reading
def _proof_again(session: Session, errors: dict[str, str]) -> str:
    return _proof_page(session, errors)


def _proof_page(session: Session, errors: dict[str, str] | None = None) -> str:
    kinds = second_factors.kinds(session, holder(session).id)
    suite = request.values.get("suite", "")
    return render_template(
        "second_factor/verification.html",
        layout=LAYOUT,
        errors=errors or {},
        password=not kinds,
        totp="totp" in kinds,
        passkeys="passkey" in kinds and second_factor.site() is not None,
        elsewhere="passkey" in kinds and second_factor.site() is None,
        suite=suite if is_local(suite) else "",
    )


@blueprint.post("/agents/profil/verification/cle")
@access.staff
@transactional
def passkey_request_options(session: Session) -> Response:
    """What the page's script has the browser sign."""
    here = second_factor.site()
    if here is None:
        raise NotFound
    return second_factor.options(passkeys.request_options(session, holder(session).id, here))


# --- adding ----------------------------------------------------------------------------------------------------------------


@blueprint.get("/agents/profil/second-facteur")
@access.staff
@reading
def show_factor_choice(session: Session) -> Response:
    """An application or a passkey."""
    proof.check(session)
    return second_factor.choice_page(LAYOUT)


@blueprint.post("/agents/profil/second-facteur/application")
@access.staff
@transactional
def begin_application(session: Session) -> Response:
    """Draw a key for an application."""
    proof.check(session)
    totp.start(session, holder(session))
    return redirect(url_for(".show_application"), 303)


@blueprint.get("/agents/profil/second-facteur/application")
@access.staff
@reading
def show_application(session: Session) -> Response:
    """The key, and where its first code is typed."""
    proof.check(session)
    return second_factor.application_page(session, holder(session), LAYOUT)


@blueprint.post("/agents/profil/second-facteur/application/code")
@access.staff
@transactional
def confirm_application(session: Session) -> Response:
    """The first code: right, the application counts."""
    proof.check(session)
    account = holder(session)
    codes, errors = second_factor.take_code(session, account)
    return second_factor.application_page(session, account, LAYOUT, errors) if errors else _added(session, codes)


@blueprint.post("/agents/profil/second-facteur/cle/options")
@access.staff
@transactional
def passkey_creation_options(session: Session) -> Response:
    """What the page's script has the browser make a passkey with."""
    proof.check(session)
    here = second_factor.site()
    if here is None:
        raise NotFound
    return second_factor.options(passkeys.creation_options(session, holder(session), here))


@blueprint.post("/agents/profil/second-facteur/cle")
@access.staff
@transactional
def add_passkey(session: Session) -> Response:
    """Keep the passkey made."""
    proof.check(session)
    codes, errors = second_factor.take_passkey(session, holder(session))
    return second_factor.choice_page(LAYOUT, errors) if errors else _added(session, codes)


def _added(session: Session, codes: list[str]) -> Response:
    """The next page; other browsers, signed in without it, are signed out."""
    token = access.sign_in_token() or ""
    sessions.close_all(session, holder(session).id, except_=token)
    if codes:
        response = second_factor.show_once(codes, url_for(".show_profile"))
    else:
        flash("Votre second facteur est ajouté.", "success")
        response = make_response(redirect(url_for(".show_profile"), 303))
    access.remember(response, sessions.rotate(session, token))
    return response


# --- one of them -----------------------------------------------------------------------------------------------------------


@blueprint.get("/agents/profil/second-facteur/<uuid:factor_id>")
@access.staff
@reading
def show_factor(session: Session, factor_id: UUID) -> str:
    """Where a factor is named, or removed."""
    proof.check(session)
    return _factor_page(session, factor_id)


@blueprint.post("/agents/profil/second-facteur/<uuid:factor_id>")
@access.staff
@transactional
def rename_factor(session: Session, factor_id: UUID) -> Response:
    """Give it another name."""
    proof.check(session)
    return _changing(
        session,
        factor_id,
        lambda account, factor: second_factors.rename(session, factor, request.form.get(second_factor.NAME, "")),
        "Le nom est enregistré.",
    )


@blueprint.post("/agents/profil/second-facteur/<uuid:factor_id>/retrait")
@access.staff
@transactional
def remove_factor(session: Session, factor_id: UUID) -> Response:
    """Take it away; other browsers are signed out."""
    proof.check(session)
    token = access.sign_in_token() or ""
    response = _changing(
        session,
        factor_id,
        lambda account, factor: second_factors.remove(session, account, factor, keeping=token),
        "Le second facteur est retiré. Vos autres appareils sont déconnectés.",
    )
    if response.status_code == 303:
        access.remember(response, sessions.rotate(session, token))
    return response


def _changing(session: Session, factor_id: UUID, change: Callable[[Any, Any], None], done: str) -> Response:
    account = holder(session)
    factor = second_factors.find(session, account.id, factor_id)
    try:
        change(account, factor)
    except (Invalid, LastFactor) as error:
        field = "retrait" if isinstance(error, Conflict) else second_factor.NAME
        status = 409 if isinstance(error, Conflict) else 422
        return make_response(_factor_page(session, factor_id, {field: error.message}), status)
    flash(done, "success")
    return make_response(redirect(url_for(".show_profile"), 303))


def _factor_page(session: Session, factor_id: UUID, errors: dict[str, str] | None = None) -> str:
    factor = second_factors.find(session, holder(session).id, factor_id)
    return render_template(
        "agents/factor.html",
        factor=factor,
        kind=KINDS[factor.kind],
        name=request.form.get(second_factor.NAME, factor.name),
        errors=errors or {},
    )


# --- recovery codes --------------------------------------------------------------------------------------------------------


@blueprint.get("/agents/profil/codes-de-secours")
@access.staff
@reading
def show_codes(session: Session) -> str:
    """How many are left, and where others are made."""
    proof.check(session)
    return render_template("agents/recovery_codes.html", left=recovery_codes.left(session, holder(session).id))


@blueprint.post("/agents/profil/codes-de-secours")
@access.staff
@transactional
def make_codes(session: Session) -> Response:
    """Ten others, shown once; those before are worth nothing."""
    proof.check(session)
    account = holder(session)
    if not second_factors.kinds(session, account.id):
        raise Conflict("Ajoutez d’abord un second facteur\u00a0: les codes de secours le remplacent.")
    codes = second_factors.new_codes(session, account.id)
    return second_factor.show_once(codes, url_for(".show_profile"), added=False)


@blueprint.get("/agents/profil/codes-de-secours/nouveaux")
@access.staff
@reading
def show_new_codes(_session: Session) -> Response:
    """Those that were just made, this once."""
    page = second_factor.codes_page(LAYOUT)
    if page is None:
        flash("Ces codes ont déjà été montrés. Si vous ne les avez pas notés, créez-en d’autres.", "info")
        return make_response(redirect(url_for(".show_profile"), 303))
    return page
