"""ProConnect: how agents sign in with the identity of their administration (E7)."""

from __future__ import annotations

from dataclasses import replace

from flask import redirect, request, url_for
from werkzeug.wrappers import Response

from engine.core import audit
from engine.core.db import Session
from engine.core.errors import Unavailable
from engine.people import identities, pending_sign_ins, second_factors
from engine.people.actors import Actor
from engine.people.identity_visits import Visit, VisitOver
from engine.people.openid import PROCONNECT, Proved, SignInRefused
from portal import access, identity_providers
from portal.access import database, transactional
from portal.agents import blueprint
from portal.errors import status_of
from portal.public import sign_in


@blueprint.post("/agents/proconnect/connexion")
@access.anyone
@transactional
def leave_for_proconnect(session: Session) -> Response:
    """«S’identifier avec ProConnect»: go there, and come back to where the agent was going."""
    return identity_providers.leave(session, PROCONNECT, suite=request.form.get("suite", ""))


@blueprint.get("/agents/proconnect/retour")
@access.anyone
def come_back() -> Response:
    """Back from ProConnect: signed in where it vouches for two factors, else on to the second factor that we ask for."""
    visit: Visit | None = None
    try:
        visit = identity_providers.arrive(PROCONNECT)
        proved = identity_providers.proved(PROCONNECT, visit)
        if proved is None:
            return redirect(_began_at(visit), 303)
        token, actor = database().run(_arrived, proved, visit)
    except (SignInRefused, VisitOver, Unavailable) as error:
        return identity_providers.refused(PROCONNECT, error, status_of(type(error)), _began_at(visit))
    if actor is None:
        return sign_in.ask_second_factor(token, suite=visit.suite)
    response = redirect(sign_in.destination(actor, slug="", suite=visit.suite), 303)
    access.remember(response, token)
    return response


def _arrived(session: Session, proved: Proved, visit: Visit) -> tuple[str, Actor | None]:
    account = identities.agent(session, proved)
    # Whichever way the session opens, what ends it there waits for it.
    identity_providers.wait(session, proved, replace(visit, account_id=account.id))
    if not proved.strong and second_factors.asked_of(session, account):
        return pending_sign_ins.begin(session, account), None
    token, actor = sign_in.opened(session, account)
    audit.record(session, actor, "account.signed_in", "account", account.id, by=PROCONNECT, strong=proved.strong)
    return token, actor


@blueprint.get("/agents/proconnect/deconnexion")
@access.anyone
def come_out() -> Response:
    """Back from signing out at ProConnect, having signed out here before."""
    return redirect(url_for("public.show_catalogue"), 303)


def _began_at(visit: Visit | None) -> str:
    return url_for("public.show_sign_in", suite=(visit and visit.suite) or None)
