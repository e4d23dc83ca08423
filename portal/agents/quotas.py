"""The quotas of a service: places taken, held and waited for, and how many there are, which supervisors decide (A6)."""

from __future__ import annotations

from uuid import UUID

from flask import flash, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from engine.core import audit
from engine.core.db import Session
from engine.core.errors import Forbidden, Invalid, NotFound
from engine.people.access import Thing, can
from engine.procedures import catalogue, quotas
from engine.procedures.catalogue import Definition
from portal import access
from portal.access import current_actor, reading, transactional
from portal.agents import blueprint


@blueprint.get("/agents/quotas")
@access.agent
@reading
def show_quotas(session: Session) -> str:
    """The quotas of the procedures that one's services work on, the current period first."""
    return _page(session)


@blueprint.post("/agents/quotas/<uuid:quota_id>")
@access.agent
@access.in_phases
def decide_quota(quota_id: UUID) -> Response:
    """Change how many places there are; those that come free go to the waiting list."""
    try:
        return _decide(quota_id=quota_id)
    except Invalid as error:
        return make_response(_again(quota_id=quota_id, error=error.message), 422)


@transactional
def _decide(session: Session, quota_id: UUID) -> Response:
    definition = _definitions(session).get(_standing(session, quota_id).quota.procedure)
    if definition is None:
        raise NotFound
    if not can(current_actor(), "capacity.decide", Thing(groups=definition.groups)):
        raise Forbidden("Le nombre de places est décidé par le responsable du service.")
    typed = request.form.get("places", "").strip()
    if typed and not (typed.isdecimal() and len(typed) <= 7):
        raise Invalid("Le nombre de places s’écrit en chiffres.")
    quota = quotas.decide(session, quota_id, int(typed) if typed else None)
    audit.record(session, current_actor(), "agenda.changed", "quota", quota.id, places=quota.places)
    flash(f"Il y a maintenant {quota.places} places, dont {quota.left} libres.", "success")
    return redirect(url_for(".show_quotas"), 303)


@reading
def _again(session: Session, quota_id: UUID, error: str) -> str:
    return _page(session, quota_id, error)


def _page(session: Session, wrong: UUID | None = None, error: str = "") -> str:
    definitions = _definitions(session)
    return render_template(
        "agents/quotas.html",
        rows=[
            (
                one,
                definitions[one.quota.procedure].title,
                can(current_actor(), "capacity.decide", Thing(groups=definitions[one.quota.procedure].groups)),
            )
            for one in quotas.standings(session, definitions)
        ],
        wrong=wrong,
        typed=request.form.get("places", ""),
        errors={"places": error} if error else {},
        error_list=[{"text": error, "href": f"#places-{wrong}"}] if error else [],
    )


def _definitions(session: Session) -> dict[str, Definition]:
    """The published procedures whose quotas this agent sees."""
    found = {}
    for procedure in catalogue.published(session):
        assert procedure.version_id is not None  # published
        definition = catalogue.definition(session, procedure.version_id)
        if can(current_actor(), "capacity.see", Thing(groups=definition.groups)):
            found[procedure.slug] = definition
    return found


def _standing(session: Session, quota_id: UUID) -> quotas.Standing:
    for one in quotas.standings(session, _definitions(session)):
        if one.quota.id == quota_id:
            return one
    raise NotFound
