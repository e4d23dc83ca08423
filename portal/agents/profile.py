"""«Mon profil» of an agent: their place in the house, how they sign in, and where they are signed in (E7)."""

from __future__ import annotations

from uuid import UUID

from flask import flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from engine.core import audit, config
from engine.core.db import Session
from engine.people import accounts, recovery_codes, roles, second_factors, sessions
from engine.people.accounts import Account
from portal import access
from portal.access import current_actor, reading, transactional
from portal.agents import blueprint
from portal.residents.devices import device

KINDS = {"totp": "Application", "passkey": "Clé d’accès"}


@blueprint.get("/agents/profil")
@access.staff
@reading
def show_profile(session: Session) -> str:
    """Who one is here, one's second factors, recovery codes and browsers."""
    account, actor = holder(session), current_actor()
    token = access.sign_in_token() or ""
    return render_template(
        "agents/profile.html",
        account=account,
        roles=[name for role, name in roles.NAMES.items() if role in actor.roles],
        groups=sorted(actor.groups),
        supervises=actor.supervises,
        factors=[(one, KINDS[one.kind]) for one in second_factors.of(session, account.id)],
        codes_left=recovery_codes.left(session, account.id),
        required=config.current().second_factor_required,
        sessions=[
            (one.id, device(one.user_agent), one.opened_at, one.seen_at, sessions.is_of(token, one))
            for one in sessions.of_account(session, account.id)
        ],
    )


@blueprint.post("/agents/profil/appareils/<uuid:session_id>/deconnexion")
@access.staff
@transactional
def close_session(session: Session, session_id: UUID) -> Response:
    """Sign one browser out."""
    account = holder(session)
    sessions.close_one(session, account.id, session_id)
    audit.record(session, current_actor(), "account.sessions_closed", "account", account.id, closed=1)
    flash("Cet appareil est déconnecté.", "success")
    return redirect(url_for(".show_profile") + "#appareils", 303)


@blueprint.post("/agents/profil/appareils/deconnexion")
@access.staff
@transactional
def close_others(session: Session) -> Response:
    """Sign every other browser out."""
    account = holder(session)
    closed = sessions.close_all(session, account.id, except_=access.sign_in_token())
    audit.record(session, current_actor(), "account.sessions_closed", "account", account.id, closed=closed)
    flash("Vos autres appareils sont déconnectés.", "success")
    return redirect(url_for(".show_profile") + "#appareils", 303)


def holder(session: Session) -> Account:
    """The account of who is signed in."""
    account_id = current_actor().account_id
    assert account_id is not None  # the policy saw to it
    return accounts.find(session, account_id)
