"""The quotas of a service: places taken, held and waited for, and how many there are, which supervisors decide (A6)."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from flask import flash, make_response, redirect, render_template, request, url_for
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from engine.core import audit
from engine.core.db import Session
from engine.core.errors import Forbidden, Invalid, NotFound, ParvisError
from engine.people.access import Thing, can
from engine.procedures import catalogue, forms, quotas
from engine.procedures.catalogue import Definition
from engine.procedures.forms import Line
from engine.procedures.quotas import Quota
from portal import access, seen, typed
from portal.access import current_actor, reading, transactional
from portal.agents import blueprint
from portal.seen import ChangedMeanwhile
from portal.words import count


@blueprint.get("/agents/quotas")
@access.agent
@reading
def show_quotas(session: Session) -> str:
    """The quotas of the procedures that one's services work on, the current period first."""
    return _page(session)


@blueprint.get("/agents/quotas/<uuid:quota_id>")
@access.agent
@access.in_phases
def show_quota(quota_id: UUID) -> Response:
    """The same page, with what was typed for one of them when the session ended."""
    posted = typed.given_back()
    return _again(quota_id=quota_id, posted=posted)


@blueprint.post("/agents/quotas/<uuid:quota_id>")
@access.agent
@access.in_phases
@typed.kept_on_expiry
def decide_quota(quota_id: UUID) -> Response:
    """Change how many places there are; those that come free go to the waiting list."""
    try:
        return _decide(quota_id=quota_id)
    except (Invalid, ChangedMeanwhile) as error:
        return _again(quota_id=quota_id, posted=request.form, error=error)


@transactional
def _decide(session: Session, quota_id: UUID) -> Response:
    definition = _definitions(session).get(_standing(session, quota_id).quota.procedure)
    if definition is None:
        raise NotFound
    if not can(current_actor(), "capacity.decide", Thing(groups=definition.groups)):
        raise Forbidden("Le nombre de places est décidé par le responsable du service.")
    places = request.form.get("places", "").strip()
    if places and not (places.isdecimal() and len(places) <= len(str(quotas.CAPACITY_MAX))):
        raise Invalid(f"Le nombre de places s’écrit en chiffres et va de 0 à {quotas.CAPACITY_MAX}.")
    seen.check(_mark(quotas.locked(session, quota_id)))
    quota = quotas.decide(session, quota_id, int(places) if places else None)
    audit.record(session, current_actor(), "agenda.changed", "quota", quota.id, places=quota.places)
    flash(f"Il y a maintenant {count(quota.places, 'place')}, dont {count(quota.left, 'libre')}.", "success")
    return redirect(url_for(".show_quotas"), 303)


@reading
def _again(
    session: Session, quota_id: UUID, posted: MultiDict[str, str] | None = None, error: ParvisError | None = None
) -> Response:
    quota = _standing(session, quota_id).quota
    changed = isinstance(error, ChangedMeanwhile)
    typed_for = (
        Typed(quota_id, posted.get("places", ""), seen.carried(_mark(quota), posted, told=changed)) if posted else None
    )
    page = _page(session, typed_for, error.message if error else "")
    return make_response(page, 409 if changed else 422 if error else 200)


@dataclass(frozen=True)
class Typed:
    """What was typed for a quota, and the mark of what was shown then."""

    quota_id: UUID
    places: str
    seen: str


def _page(session: Session, typed_for: Typed | None = None, error: str = "") -> str:
    definitions = _definitions(session)
    return render_template(
        "agents/quotas.html",
        rows=[
            (
                one,
                _label(definitions[one.quota.procedure], one.quota),
                can(current_actor(), "capacity.decide", Thing(groups=definitions[one.quota.procedure].groups)),
                _mark(one.quota),
            )
            for one in quotas.standings(session, definitions)
        ],
        typed=typed_for,
        most=quotas.CAPACITY_MAX,
        error=error,
        error_list=[{"text": error, "href": f"#places-{typed_for.quota_id}"}] if error and typed_for else [],
    )


def _mark(quota: Quota) -> str:
    return seen.mark(quota.wanted)


def _label(definition: Definition, quota: Quota) -> str:
    """What the quota is of: «Demander un composteur, quartier: Les Tilleuls (2026)»."""
    named = f", {quota.name}" if quota.name else ""
    share = f"\u00a0: {_share(definition, quota)}" if quota.share else ""
    return f"{definition.title}{named}{share}{f' ({quota.period})' if quota.period else ''}"


def _share(definition: Definition, quota: Quota) -> str:
    """The answer that the quota counts apart, as its form calls it; as it is stored where no form tells."""
    for node in definition.process.elements.values():
        if node.operator is None or node.operator.name != "quotas/hold":
            continue
        said = {one.name: one.value for one in node.operator.parameters}
        element_id, _, field = said.get("share", "").partition(".")
        if said.get("quota") != f'"{quota.name}"' or element_id not in definition.process.elements:
            continue
        form = definition.form_of(element_id)
        lines = forms.summary(form, {field: quota.share}) if form is not None else []
        for line in lines:
            if isinstance(line, Line) and line.path == field and line.given:
                return line.text
    return quota.share


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
