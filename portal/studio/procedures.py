"""The procedures that were ever deployed, and one of them: its versions, what runs on each, who decided what (F1)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from flask import render_template

from engine.core.audit import AuditEntry
from engine.core.db import Session
from engine.people import accounts
from engine.procedures import catalogue, publications
from portal import access
from portal.access import reading
from portal.studio import blueprint

_DECIDED = {
    publications.DEPLOYED: "Version {number} déposée",
    publications.PUBLISHED: "Version {number} publiée",
    publications.WITHDRAWN: "Démarche retirée du catalogue",
}


@dataclass(frozen=True)
class Told:
    """A decision in words."""

    what: str
    at: datetime
    by: str


@blueprint.get("/demarches")
@access.analyst
@reading
def show_procedures(session: Session) -> str:
    """Every procedure, those that were withdrawn or never offered too."""
    return render_template("studio/procedures.html", procedures=publications.listing(session))


@blueprint.get("/demarches/<slug>")
@access.analyst
@reading
def show_procedure(session: Session, slug: str) -> str:
    """The versions of one procedure, the newest first, and the latest decisions about it."""
    versions = publications.versions(session, slug)
    current = next((one for one in versions if one.offered), versions[0])
    decided = publications.decisions(session, slug)
    names = accounts.names(session, {one.actor_id for one in decided if one.actor_id is not None})
    return render_template(
        "studio/procedure.html",
        slug=slug,
        title=catalogue.definition(session, current.id).title,
        versions=versions,
        offered=publications.offer(session, slug),
        decisions=[_told(one, names) for one in decided],
    )


def _told(entry: AuditEntry, names: dict[UUID, str]) -> Told:
    if entry.actor_kind == "operator":
        by = "depuis le terminal du serveur"
    else:
        by = f"par {names.get(entry.actor_id, 'un agent')}" if entry.actor_id is not None else ""
    return Told(_DECIDED[entry.action].format(number=entry.facts.get("number")), entry.at, by)
