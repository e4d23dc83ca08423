"""The agents' accounts: the list, one of them, groups and roles, closing, opening again, resetting the second factor (E7)."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from flask import flash, make_response, redirect, render_template, request, url_for
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from engine.core.db import Session
from engine.core.errors import Conflict, Invalid, NotFound, ParvisError
from engine.people import accounts, agents, groups, places, recovery_codes, roles, sessions
from engine.people.accounts import Account
from engine.people.agents import OwnAccount
from engine.people.places import Place
from engine.procedures import departures
from portal import access, proof, seen, typed
from portal.access import current_actor, reading, transactional
from portal.admin import blueprint
from portal.agents.profile import KINDS
from portal.seen import ChangedMeanwhile

proof.install(blueprint)

# What the boxes of a form are called.
GROUP, SUPERVISED, ROLE = "groupe", "responsable", "role"
_PAGES_MAX = 1000


@dataclass(frozen=True)
class Deed:
    """Something done to an account after a page that says what it does."""

    title: str
    text: str
    button: str
    done: str


DEEDS = {
    "fermeture": Deed(
        "Fermer le compte",
        "Cette personne sera déconnectée et ne pourra plus se connecter. Les tâches qu’elle avait prises en charge seront "
        "rendues à leurs corbeilles. Vous pourrez rouvrir son compte, avec ses groupes et ses rôles.",
        "Fermer le compte",
        "Le compte est fermé.",
    ),
    "reouverture": Deed(
        "Rouvrir le compte",
        "Cette personne pourra de nouveau se connecter, avec les groupes et les rôles qu’elle avait.",
        "Rouvrir le compte",
        "Le compte est rouvert.",
    ),
    "second-facteur": Deed(
        "Réinitialiser le second facteur",
        "À faire quand cette personne a perdu son second facteur et ses codes de secours. Assurez-vous d’abord que c’est bien "
        "elle qui vous le demande. Elle sera déconnectée et recevra par courriel un lien pour choisir un nouveau mot de passe.",
        "Réinitialiser",
        "Le second facteur est réinitialisé\u00a0: un lien pour choisir un mot de passe part par courriel.",
    ),
}


@blueprint.get("")
@access.anyone
def enter() -> Response:
    """Administrators begin with the agents."""
    return redirect(url_for(".show_agents"), 303)


@blueprint.get("/agents")
@access.administrator
@reading
def show_agents(session: Session) -> str:
    """The agents, searched and filtered by the address."""
    words, group, role = (request.args.get(name, "")[:100] for name in ("q", GROUP, ROLE))
    number = request.args.get("page", 1, type=int)
    page = agents.listing(session, words=words, group=group, role=role, page=min(max(number, 1), _PAGES_MAX))
    return render_template(
        "admin/agents.html",
        page=page,
        words=words,
        group=group,
        role=role,
        groups=groups.names(session),
        role_names=roles.NAMES,
        query={name: value for name, value in (("q", words), (GROUP, group), (ROLE, role)) if value},
    )


@blueprint.get("/agents/<uuid:account_id>")
@access.administrator
@reading
def show_agent(session: Session, account_id: UUID) -> str:
    """One account: its place, how it signs in, and what can be done to it."""
    account = _agent(session, account_id)
    return render_template(
        "admin/agent.html",
        row=agents.row(session, account),
        kinds=KINDS,
        codes_left=recovery_codes.left(session, account.id),
        sessions=len(sessions.of_account(session, account.id)),
        role_names=roles.NAMES,
        own=account.id == current_actor().account_id,
    )


# --- groups and roles ------------------------------------------------------------------------------------------------------


@blueprint.get("/agents/<uuid:account_id>/place")
@access.administrator
@access.in_phases
def show_place(account_id: UUID) -> Response:
    """Where groups and roles are chosen."""
    present = _present_place(account_id=account_id)
    posted = typed.given_back()
    return _draw_place(account_id=account_id, place=present if posted is None else as_posted(posted), posted=posted)


@reading
def _present_place(session: Session, account_id: UUID) -> Place:
    proof.check(session)
    account = _agent(session, account_id)
    if account.id == current_actor().account_id:
        raise OwnAccount
    return places.of(session, account.id)


@blueprint.post("/agents/<uuid:account_id>/place")
@access.administrator
@access.in_phases
@typed.kept_on_expiry
def change_place(account_id: UUID) -> Response:
    """Give exactly these groups and roles."""
    try:
        _put(account_id=account_id)
    except (Invalid, Conflict) as error:
        if isinstance(error, OwnAccount):
            raise
        return _draw_place(account_id=account_id, place=as_posted(request.form), posted=request.form, error=error)
    flash("Les groupes et les rôles sont enregistrés.", "success")
    return redirect(url_for(".show_agent", account_id=account_id), 303)


@transactional
def _put(session: Session, account_id: UUID) -> None:
    proof.check(session)
    account = agents.find(session, account_id)
    if account.id == current_actor().account_id:
        raise OwnAccount
    seen.check(_mark(places.of(session, account_id)))
    departures.put(session, account, place_chosen(session), who=current_actor())


@reading
def _draw_place(
    session: Session,
    account_id: UUID,
    place: Place,
    posted: MultiDict[str, str] | None = None,
    error: ParvisError | None = None,
) -> Response:
    present, changed = places.of(session, account_id), isinstance(error, ChangedMeanwhile)
    page = render_template(
        "admin/place.html",
        account=_agent(session, account_id),
        place=place,
        groups=groups.names(session),
        roles=GRANTED,
        present=present if changed else None,
        role_names=roles.NAMES,
        seen=seen.carried(_mark(present), posted, told=changed),
        errors={"place": error.message} if error else {},
    )
    return make_response(page, (409 if isinstance(error, Conflict) else 422) if error else 200)


def _mark(place: Place) -> str:
    return seen.mark(place.groups, place.supervises, place.roles)


GRANTED = (
    (
        roles.ADMINISTRATOR,
        "Administrateur",
        "Invite les agents, donne groupes et rôles. Ne lit pas les demandes des usagers.",
    ),
    (
        roles.ANALYST,
        "Analyste",
        "Dessine, dépose et publie les démarches. Ne lit pas les demandes des usagers.",
    ),
)
"""The roles that are given, with what they are for."""


def place_chosen(session: Session) -> Place:
    """The place that the form asks for; `Invalid` when it names a group that isn't there."""
    place = as_posted(request.form)
    if unknown := groups.unknown(session, {*place.groups, *place.supervises}):
        raise Invalid(f"Il n’y a pas de groupe «\u00a0{unknown[0][:100]}\u00a0».")
    place.check()
    return place


def as_posted(form: MultiDict[str, str]) -> Place:
    """The boxes that were ticked, whatever they say."""
    return Place(*(frozenset(form.getlist(name)) for name in (GROUP, SUPERVISED, ROLE)))


# --- deeds -----------------------------------------------------------------------------------------------------------------


@blueprint.get("/agents/<uuid:account_id>/<deed>")
@access.administrator
@reading
def show_deed(session: Session, account_id: UUID, deed: str) -> str:
    """What the deed does, and its button."""
    told = _deed(deed)
    proof.check(session)
    account = _agent(session, account_id)
    if account.id == current_actor().account_id:
        raise OwnAccount
    return render_template("admin/deed.html", account=account, deed=told)


@blueprint.post("/agents/<uuid:account_id>/<deed>")
@access.administrator
@transactional
def do_deed(session: Session, account_id: UUID, deed: str) -> Response:
    """Do it."""
    told = _deed(deed)
    proof.check(session)
    account, who = agents.find(session, account_id), current_actor()
    if deed == "fermeture":
        departures.close(session, account, who=who)
    elif deed == "reouverture":
        agents.reopen(session, account, who=who)
    else:
        agents.reset_second_factor(session, account, who=who)
    flash(told.done, "success")
    return redirect(url_for(".show_agent", account_id=account_id), 303)


def _deed(name: str) -> Deed:
    if name not in DEEDS:
        raise NotFound
    return DEEDS[name]


def _agent(session: Session, account_id: UUID) -> Account:
    account = accounts.find(session, account_id)
    if account.kind != "agent":
        raise NotFound
    return account
