"""Who may: every route declares exactly one policy, and a route without one answers to nobody.

    @blueprint.post("/demandes/<reference>/etapes/<element_id>")
    @access.case_holder
    @transactional
    def submit_step(session: Session, case: Case, element_id: str) -> Response: ...

What a policy asks for is an act of `engine.people.access`, whose rules say who may. It is checked when the session opens, in the
same transaction as the work: `transactional` commits what the view returns and rolls back what it raises, `reading` only reads.
A policy that finds something hands it over: `case_holder` gives the view its `case` in place of `reference`, so that no view can
forget to ask whose it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar, cast
from uuid import UUID

from flask import Flask, current_app, g, request
from flask import session as cookie

from engine.core import audit
from engine.core.db import Database, Session
from engine.core.errors import Forbidden, NotFound, SignInRequired
from engine.people import sessions
from engine.people.access import RULES, can
from engine.people.actors import ANONYMOUS, Actor
from engine.procedures import cases

View = TypeVar("View", bound=Callable[..., Any])
R = TypeVar("R")

# The hashes of the private links that this browser has opened, in the signed cookie.
LINKS = "links"
LINKS_MAX = 20


@dataclass(frozen=True)
class Policy:
    """Who may call a route: who may do `action` (`engine.people.access`). `admit` raises when this person may not, and may
    change the view's arguments."""

    name: str
    action: str
    admit: Callable[[Session, Actor, dict[str, Any], bool], None]


_RESIDENTS_ONLY = "Cette page est celle des usagers\u00a0: vous êtes connecté avec un compte d’agent."
_AGENTS_ONLY = "Cette page est réservée aux agents de la ville."
_ROLE_ONLY = "Cette page demande un rôle que votre compte n’a pas."


def _who_may(name: str, action: str, refusal: str) -> Policy:
    """A policy that looks only at who it is. Who isn't signed in may be the right person: signing in tells."""

    def admit(_session: Session, actor: Actor, _values: dict[str, Any], _writing: bool) -> None:
        if can(actor, action):
            return
        if not actor.signed_in and action in RULES and RULES[action]:
            raise SignInRequired
        raise Forbidden(refusal if action == "space.use" or actor.kind != "resident" else _AGENTS_ONLY)

    return Policy(name, action, admit)


def _hold_case(session: Session, actor: Actor, values: dict[str, Any], writing: bool) -> None:
    reference = values.pop("reference")
    try:
        values["case"] = cases.find(session, reference, actor, lock=writing)
    except NotFound:
        # Who isn't signed in may be its holder: signing in tells, and says nothing of whether the request exists.
        if not actor.signed_in:
            raise SignInRequired from None
        raise


def _work_on_case(session: Session, actor: Actor, values: dict[str, Any], writing: bool) -> None:
    _working.admit(session, actor, values, writing)
    values["case"] = cases.find_for_agent(session, values.pop("reference"), actor, lock=writing)


def _declaring(policy: Policy) -> Callable[[View], View]:
    def declare(view: View) -> View:
        if hasattr(view, "policy"):
            raise TypeError(f"{view.__qualname__} declares two policies")
        if policy.action != "public.read" and not getattr(view, "opens_session", False):
            raise TypeError(f"{view.__qualname__} opens no session, where its policy is checked")
        view.policy = policy  # type: ignore[attr-defined]
        return view

    return declare


_working = _who_may("agent", "queues.use", _ROLE_ONLY)

anyone = _declaring(_who_may("anyone", "public.read", ""))
"""Whoever comes, signed in or not."""
resident = _declaring(_who_may("resident", "space.use", _RESIDENTS_ONLY))
"""Residents who are signed in."""
case_holder = _declaring(Policy("case_holder", "case.hold", _hold_case))
"""Who holds the request of the address: its account, or the bearer of a private link. The view receives it as `case`."""
staff = _declaring(_who_may("staff", "staff.enter", _AGENTS_ONLY))
"""Whoever has an agent's account, whatever it is for: their own sign-in, their own second factor."""
agent = _declaring(_working)
"""Agents who work on requests; what they see depends on their groups."""
case_worker = _declaring(Policy("case_worker", "case.work", _work_on_case))
"""Agents of a group that works on the filed request of the address. The view receives it as `case`."""
supervisor = _declaring(_who_may("supervisor", "services.oversee", _ROLE_ONLY))
"""Agents who look after the work of a group (`current_actor().supervises`)."""
analyst = _declaring(_who_may("analyst", "procedures.author", _ROLE_ONLY))
"""Who authors the procedures."""
administrator = _declaring(_who_may("administrator", "accounts.administer", _ROLE_ONLY))
"""Who looks after agents' accounts and the portal's own texts."""
monitor = _declaring(_who_may("monitor", "platform.watch", _AGENTS_ONLY))
"""A program that watches the platform: no person, no session; the view itself tells by the request who asks."""


def policy_of(view: Callable[..., Any] | None) -> Policy | None:
    """What a view declares; None when it declares nothing."""
    return getattr(view, "policy", None)


# --- sessions --------------------------------------------------------------------------------------------------------------


def database() -> Database:
    """The database of this application."""
    return cast(Database, current_app.extensions["database"])


def transactional(view: Callable[..., R]) -> Callable[..., R]:
    """Open a transaction for the view, which receives `session` first. What returns is committed before the answer leaves."""

    @wraps(view)
    def wrapped(**values: Any) -> R:
        def once(session: Session) -> R:
            with _at_hand(session):
                return view(session, **_admitted(session, values, writing=True))

        return database().run(once)

    wrapped.opens_session = True  # type: ignore[attr-defined]
    return wrapped


def reading(view: Callable[..., R]) -> Callable[..., R]:
    """Open a session that only reads for the view, which receives it first."""

    @wraps(view)
    def wrapped(**values: Any) -> R:
        def once(session: Session) -> R:
            with _at_hand(session):
                return view(session, **_admitted(session, values, writing=False))

        answer = database().read(once)
        _write_afterwards()
        return answer

    wrapped.opens_session = True  # type: ignore[attr-defined]
    return wrapped


@contextmanager
def _at_hand(session: Session) -> Iterator[None]:
    outer, g.session = g.get("session"), session
    try:
        yield
    finally:
        g.session = outer


def look_up(query: Callable[[Session], R]) -> R:
    """What the query finds, for a part that many pages show: in the session of the page, or else in one of its own."""
    session: Session | None = g.get("session")
    return query(session) if session is not None else database().read(query)


def in_phases(view: View) -> View:
    """The view opens its sessions itself, through inner functions that are `reading` or `transactional`: each checks the
    policy of the route, and receives what the policy hands over.

    Where none was opened on the way, the policy is checked before the answer leaves.
    """

    @wraps(view)
    def wrapped(**values: Any) -> Any:
        answer = view(**values)
        if not g.get("admitted", False):
            database().read(lambda session: _admitted(session, values, writing=False))
        return answer

    wrapped.opens_session = True  # type: ignore[attr-defined]
    return cast(View, wrapped)


def admit() -> None:
    """Note that the view of a program (`monitor`) has made sure of who asks."""
    g.admitted = True


def _admitted(session: Session, values: dict[str, Any], *, writing: bool) -> dict[str, Any]:
    policy = policy_of(current_app.view_functions.get(request.endpoint or ""))
    if policy is None:
        raise NotFound
    admitted = dict(values)
    policy.admit(session, _resolve(session), admitted, writing)
    g.admitted = True
    return admitted


def record_reading(action: str, object_kind: str, object_id: UUID) -> None:
    """Let the audit tell that this page was read: written once it is drawn, since the page itself only reads."""
    g.setdefault("readings", {})[action, object_kind, object_id] = None


def _write_afterwards() -> None:
    session_id: UUID | None = g.pop("touch_due", None)
    readings: dict[tuple[str, str, UUID], None] = g.pop("readings", {})
    if session_id is None and not readings:
        return

    def write(session: Session) -> None:
        if session_id is not None:
            sessions.touch(session, session_id)
        for action, object_kind, object_id in readings:
            audit.record(session, current_actor(), action, object_kind, object_id)

    database().run(write)


# --- the actor -------------------------------------------------------------------------------------------------------------


def current_actor() -> Actor:
    """Who is behind this request."""
    if "actor" not in g:
        if sign_in_token() is None:
            g.actor = ANONYMOUS.holding(held_links())
        else:
            database().read(_resolve)
    return cast(Actor, g.actor)


def _resolve(session: Session) -> Actor:
    token = sign_in_token()
    presence = sessions.look_up(session, token) if token else None
    if presence is not None and presence.touch_due:
        g.touch_due = presence.session_id
    actor = presence.actor if presence else ANONYMOUS
    g.actor = actor.holding(held_links())
    return cast(Actor, g.actor)


def become(actor: Actor) -> None:
    """Draw the rest of this request as somebody who has just signed in."""
    g.actor = actor.holding(held_links())


def held_links() -> frozenset[str]:
    """The hashes of the private links that this browser holds."""
    kept = cookie.get(LINKS, [])
    return frozenset(one for one in kept if isinstance(one, str)) if isinstance(kept, list) else frozenset()


def hold_link(link_hash: str) -> None:
    """Let this browser hold a private link: the latest ones are kept."""
    others = [one for one in cookie.get(LINKS, []) if one != link_hash]
    cookie[LINKS] = [*others, link_hash][-LINKS_MAX:]


# --- the cookie of who is signed in ----------------------------------------------------------------------------------------


def cookie_name(app: Flask) -> str:
    """The name of the sign-in cookie: tied to the host where the address allows it."""
    return "__Host-parvis_connexion" if app.config["SESSION_COOKIE_SECURE"] else "parvis_connexion"


def sign_in_token() -> str | None:
    """The token of this browser's sign-in cookie, whether or not it is still worth something."""
    return request.cookies.get(cookie_name(current_app))


def remember(response: Any, token: str) -> None:
    """Give the browser its sign-in cookie."""
    response.set_cookie(
        cookie_name(current_app),
        token,
        httponly=True,
        secure=current_app.config["SESSION_COOKIE_SECURE"],
        samesite="Lax",
        path="/",
    )


def forget(response: Any) -> None:
    """Take the sign-in cookie away, and with it the private links that this browser held."""
    cookie.clear()
    response.delete_cookie(
        cookie_name(current_app),
        httponly=True,
        secure=current_app.config["SESSION_COOKIE_SECURE"],
        samesite="Lax",
        path="/",
    )
