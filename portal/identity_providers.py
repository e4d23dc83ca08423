"""The way to FranceConnect or ProConnect and back, which both take alike (B5, E7).

A browser leaves by a page that goes on by itself, not by a redirection: `form-action 'self'` would stop a form that ends at
another site, and providers send people on to yet others.
"""

from __future__ import annotations

import logging
import re
import secrets
from contextlib import suppress
from datetime import timedelta
from uuid import UUID

from flask import flash, g, make_response, render_template, request
from flask import session as cookie
from werkzeug.wrappers import Response

from engine.core import config, metrics
from engine.core.config import OpenIdProvider
from engine.core.db import Session
from engine.core.errors import NotFound, ParvisError
from engine.people import identity_visits, openid, throttle
from engine.people.actors import ANONYMOUS, Actor
from engine.people.identity_visits import Visit
from engine.people.openid import FRANCECONNECT, NAMES, PROCONNECT, Proved, SignInRefused
from portal.access import database

log = logging.getLogger(__name__)

LEAVING = throttle.Limit("identity-provider", burst=60, every=timedelta(seconds=5))
# Where each sends people back, as it was declared there.
CALLBACKS = {FRANCECONNECT: "/franceconnect/retour", PROCONNECT: "/agents/proconnect/retour"}
GOODBYES = {FRANCECONNECT: "/franceconnect/deconnexion", PROCONNECT: "/agents/proconnect/deconnexion"}
# The random word that ties what comes back to the browser that left.
_BROWSER = "browser"
# An agent's identity that waits for their second factor.
_WAITING = "proconnect"
_WORD = re.compile(r"[a-z_]{1,40}")


def configured(name: str) -> OpenIdProvider:
    """The settings of a provider, or `NotFound` where the city doesn't use it."""
    settings = config.current()
    found = {FRANCECONNECT: settings.franceconnect, PROCONNECT: settings.proconnect}[name]
    if found is None:
        raise NotFound
    return found


def offered() -> dict[str, bool]:
    """Which providers the city uses, for the pages that show their buttons."""
    settings = config.current()
    return {FRANCECONNECT: settings.franceconnect is not None, PROCONNECT: settings.proconnect is not None}


def leave(session: Session, name: str, *, suite: str = "", slug: str = "", account_id: UUID | None = None) -> Response:
    """Send this browser to the provider: to sign in and then go on to `suite` or `slug`, or to tie an identity to an account."""
    provider = configured(name)
    throttle.take(LEAVING, throttle.network(request.remote_addr or ""))
    browser = cookie.get(_BROWSER)
    if not isinstance(browser, str):
        browser = cookie[_BROWSER] = secrets.token_urlsafe(24)
    begun = identity_visits.begin(session, name, browser, account_id=account_id, suite=suite, slug=slug)
    address = openid.authorize_url(
        name, provider, redirect_uri=_ours(CALLBACKS[name]), state=begun.state, nonce=begun.nonce
    )
    return onward(name, address)


def arrive(name: str) -> Visit:
    """The visit that this browser comes back from, which ends here whatever follows; `VisitOver` when there is none."""
    configured(name)
    browser = cookie.get(_BROWSER)
    state = request.args.get("state", "")
    return database().run(identity_visits.arrive, name, state, browser if isinstance(browser, str) else "")


def proved(name: str, visit: Visit) -> Proved | None:
    """Who the provider says that this is: asked of it outside any transaction. None when the person gave up, or it did; the
    browser's next page says so."""
    provider = configured(name)
    if "error" in request.args:
        word = request.args["error"]
        _log(name, word if _WORD.fullmatch(word) else "unknown error")
        flash(
            f"Vous n’avez pas terminé la connexion avec {NAMES[name]}."
            if word == "access_denied"
            else f"{NAMES[name]} n’a pas pu vous identifier. Réessayez dans quelques minutes, ou connectez-vous autrement.",
            "info",
        )
        return None
    # RFC 9207: an answer that another provider's page brought here.
    if request.args.get("iss", provider.issuer) != provider.issuer:
        raise SignInRefused(why="iss")
    return openid.exchange(
        name, provider, request.args.get("code", ""), redirect_uri=_ours(CALLBACKS[name]), nonce=visit.nonce
    )


def refused(name: str, error: ParvisError, status: int, again: str) -> Response:
    """Why nobody could be identified, and where to begin again."""
    metrics.count_error("portal", error)
    _log(name, str(error.facts.get("why", type(error).__name__)))
    page = render_template(
        "public/identity_refused.html", provider=NAMES[name], message=error.message, again=again, status=status
    )
    return make_response(page, status)


def wait(session: Session, proved: Proved, visit: Visit) -> None:
    """Keep who ProConnect says that this is until the session opens, perhaps after a second factor (`carry_on`)."""
    cookie[_WAITING] = identity_visits.wait(session, proved, visit)


def carry_on(session: Session, sign_in_token: str, actor: Actor) -> None:
    """Note on the session that has just opened what ends the provider's, where its person came from there."""
    waiting = cookie.pop(_WAITING, None)
    if not isinstance(waiting, str):
        return
    with suppress(NotFound):
        found = identity_visits.pending(session, waiting)
        # Of a sign-in that wasn't finished: somebody else has come in since.
        if found.account_id == actor.account_id:
            identity_visits.remember(session, sign_in_token, found.proved.name, found.proved.id_token)


def way_out(session: Session, sign_in_token: str) -> tuple[str, str] | None:
    """The provider that this session was opened with, and the address that ends its own session; None without one."""
    found = identity_visits.remembered(session, sign_in_token)
    if found is None or not offered()[found[0]]:
        return None
    name, id_token = found
    # Coming back changes nothing: its state is only there because the provider asks for one.
    state = secrets.token_urlsafe(32)
    back = _ours(GOODBYES[name])
    return name, openid.logout_url(configured(name), id_token=id_token, back=back, state=state)


def onward(name: str, address: str, *, leaving: bool = False) -> Response:
    """A page that goes on to the provider by itself, at once. `leaving`: the person has just signed out here."""
    if leaving:
        g.actor = ANONYMOUS
    return make_response(render_template("public/onward.html", provider=NAMES[name], address=address, leaving=leaving))


def _ours(path: str) -> str:
    return config.current().public_url + path


def _log(name: str, why: str) -> None:
    log.warning("sign-in with %s refused: %s", name, why)
