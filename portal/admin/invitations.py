"""Inviting agents: the invitations that wait, a new one, sending again, cancelling (E7)."""

from __future__ import annotations

from uuid import UUID

from flask import flash, make_response, redirect, render_template, request, url_for
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from engine.core import mail
from engine.core.db import Session
from engine.core.errors import Conflict, Invalid
from engine.people import accounts, groups, invitations, roles
from engine.people.places import Place
from portal import access, proof, typed
from portal.access import current_actor, reading, transactional
from portal.admin import blueprint
from portal.admin.agents import GRANTED, GROUP, as_posted, place_chosen

EMAIL = "courriel"


@blueprint.get("/invitations")
@access.administrator
@reading
def show_invitations(session: Session) -> str:
    """Those that were neither accepted nor cancelled."""
    waiting = invitations.unanswered(session)
    return render_template(
        "admin/invitations.html",
        invitations=waiting,
        refused={one.address for one in mail.undeliverable(session, [one.email for one in waiting])},
        names=accounts.names(session, {one.invited_by for one in waiting if one.invited_by is not None}),
        role_names=roles.NAMES,
    )


@blueprint.get("/invitations/nouvelle")
@access.administrator
@access.in_phases
def show_invite() -> Response:
    """Where somebody is invited; the address may name a group to begin with."""
    _check_proof()
    posted = typed.given_back() or MultiDict([(GROUP, group)] if (group := request.args.get(GROUP)) else [])
    return _draw(email=posted.get(EMAIL, ""), place=as_posted(posted))


@reading
def _check_proof(session: Session) -> None:
    proof.check(session)


@blueprint.post("/invitations/nouvelle")
@access.administrator
@access.in_phases
@typed.kept_on_expiry
def invite() -> Response:
    """Write to them."""
    email = request.form.get(EMAIL, "").strip()[:300]
    place = as_posted(request.form)
    try:
        accounts.email(email)
    except Invalid as error:
        return _draw(email=email, place=place, errors={EMAIL: error.message})
    try:
        _invite(email=email)
    except Invalid as error:
        return _draw(email=email, place=place, errors={"place": error.message})
    except Conflict as error:
        return _draw(email=email, place=place, errors={EMAIL: error.message}, status=409)
    flash(f"L’invitation part à {email}.", "success")
    return redirect(url_for(".show_invitations"), 303)


@transactional
def _invite(session: Session, email: str) -> None:
    proof.check(session)
    invitations.invite(session, email, place_chosen(session), who=current_actor())


@reading
def _draw(
    session: Session, email: str, place: Place, errors: dict[str, str] | None = None, status: int = 422
) -> Response:
    page = render_template(
        "admin/invite.html",
        email=email,
        place=place,
        groups=groups.names(session),
        roles=GRANTED,
        errors=errors or {},
    )
    return make_response(page, status if errors else 200)


@blueprint.post("/invitations/<uuid:invitation_id>/renvoi")
@access.administrator
@transactional
def send_again(session: Session, invitation_id: UUID) -> Response:
    """Another link, good for seven days; the one before is worth nothing."""
    invitation = invitations.send_again(session, invitation_id, who=current_actor())
    flash(f"Une nouvelle invitation part à {invitation.email}.", "success")
    return redirect(url_for(".show_invitations"), 303)


@blueprint.post("/invitations/<uuid:invitation_id>/annulation")
@access.administrator
@transactional
def cancel(session: Session, invitation_id: UUID) -> Response:
    """The link is worth nothing any more."""
    invitation = invitations.cancel(session, invitation_id, who=current_actor())
    flash(f"L’invitation de {invitation.email} est annulée.", "success")
    return redirect(url_for(".show_invitations"), 303)
