"""The groups of agents: how many each has, and who they are (E7). A group comes with the procedure whose lane names it."""

from __future__ import annotations

from uuid import UUID

from flask import render_template

from engine.core.db import Session
from engine.people import agents, groups, roles
from portal import access
from portal.access import reading
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
