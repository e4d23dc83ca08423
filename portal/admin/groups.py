"""The groups of agents: how many each has, who they are, and removing one that nothing uses (E7). A group comes with the
procedure whose lane names it."""

from __future__ import annotations

from uuid import UUID

from flask import flash, make_response, redirect, render_template, url_for
from werkzeug.wrappers import Response

from engine.core.db import Session
from engine.people import agents, groups, roles
from engine.procedures import group_removal
from engine.procedures.group_removal import GroupInUse
from portal import access, proof
from portal.access import current_actor, reading, transactional
from portal.admin import blueprint


@blueprint.get("/groupes")
@access.administrator
@reading
def show_groups(session: Session) -> str:
    """Every group, with its number of agents."""
    return render_template("admin/groups.html", groups=groups.sizes(session))


@blueprint.get("/groupes/<uuid:group_id>")
@access.administrator
@reading
def show_group(session: Session, group_id: UUID) -> str:
    """The members of a group."""
    group = groups.find(session, group_id)
    return render_template(
        "admin/group.html", group=group, rows=agents.of_group(session, group_id), role_names=roles.NAMES
    )


@blueprint.get("/groupes/<uuid:group_id>/suppression")
@access.administrator
@access.in_phases
def show_group_removal(group_id: UUID) -> Response:
    """What removing the group does, and its button; or why it can't be."""
    return _removal(group_id=group_id)


@blueprint.post("/groupes/<uuid:group_id>/suppression")
@access.administrator
@access.in_phases
def remove_group(group_id: UUID) -> Response:
    """Remove it, unless something came to use it meanwhile."""
    try:
        return _removed(group_id=group_id)
    except GroupInUse:
        return _removal(group_id=group_id, status=409)


@transactional
def _removed(session: Session, group_id: UUID) -> Response:
    proof.check(session)
    group = group_removal.remove(session, group_id, who=current_actor())
    flash(f"Le groupe «\u00a0{group.name}\u00a0» est supprimé.", "success")
    return redirect(url_for(".show_groups"), 303)


@reading
def _removal(session: Session, group_id: UUID, status: int = 200) -> Response:
    proof.check(session)
    group, refusal = groups.find(session, group_id), group_removal.removable(session, group_id)
    return make_response(render_template("admin/group_removal.html", group=group, refusal=refusal), status)
