"""Inviting agents: the invitations that wait, a new one, sending again, cancelling (E7)."""

from __future__ import annotations

from uuid import UUID

from flask import flash, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from engine.core import mail
from engine.core.db import Session
from engine.core.errors import Conflict, Invalid
from engine.people import accounts, groups, invitations, roles
from engine.people.places import Place
from portal import access, proof
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
@reading
def show_invite(session: Session) -> str:
    """Where somebody is invited."""
    proof.check(session)
    group = request.args.get(GROUP, "")
    return _page(session, "", Place(groups=frozenset({group} if group else ())))


@blueprint.post("/invitations/nouvelle")
@access.administrator
@access.in_phases
def invite() -> Response:
    """Write to them."""
    email = request.form.get(EMAIL, "").strip()[:300]
    try:
        accounts.email(email)
    except Invalid as error:
        return _again(email=email, errors={EMAIL: error.message})
    try:
        _invite(email=email)
    except Invalid as error:
        return _again(email=email, errors={"place": error.message})
    except Conflict as error:
        return _again(email=email, errors={EMAIL: error.message}, status=409)
    flash(f"L’invitation part à {email}.", "success")
    return redirect(url_for(".show_invitations"), 303)


@transactional
def _invite(session: Session, email: str) -> None:
    proof.check(session)
    invitations.invite(session, email, place_chosen(session), who=current_actor())


@reading
def _again(session: Session, email: str, errors: dict[str, str], status: int = 422) -> Response:
    return make_response(_page(session, email, as_posted(), errors), status)


def _page(session: Session, email: str, place: Place, errors: dict[str, str] | None = None) -> str:
    return render_template(
        "admin/invite.html",
        email=email,
        place=place,
        groups=groups.names(session),
        roles=GRANTED,
        errors=errors or {},
    )


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
