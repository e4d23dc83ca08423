"""The history of a request drawn on the diagram of its process (A13): what was passed, and where it stands.

Drawn by the browser from the BPMN file of the request's own version. Without JavaScript the page is the timeline, which
says as much.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from flask import Blueprint, Response, render_template, url_for

from engine.core.db import Session
from engine.procedures import cases, catalogue, history, tasks
from engine.procedures.cases import Case
from engine.procedures.catalogue import Definition
from engine.procedures.history import Entry
from portal import access, headers
from portal.access import current_actor, reading
from portal.agents import timeline as agents_timeline
from portal.residents import timeline as residents_timeline

blueprint = Blueprint("diagram", __name__)


@blueprint.get("/mon-espace/demandes/<reference>/schema")
@access.case_holder
@reading
def show_to_resident(session: Session, case: Case) -> str:
    """The diagram of one's own request, and its public history."""
    definition = catalogue.definition(session, case.version_id)
    public = history.of_case(session, case.id, public=True)
    return _page(
        session,
        case,
        definition,
        "residents/diagram.html",
        events=residents_timeline.told(public, definition),
        source=url_for(".source_for_resident", reference=case.reference),
    )


@blueprint.get("/mon-espace/demandes/<reference>/schema.bpmn")
@access.case_holder
@reading
def source_for_resident(session: Session, case: Case) -> Response:
    """The BPMN file of one's request."""
    return source_of(catalogue.definition(session, case.version_id))


@blueprint.get("/agents/demandes/<reference>/schema")
@access.agent
@reading
def show_to_agent(session: Session, reference: str) -> str:
    """The diagram of a request of the agent's service, and its whole history."""
    case = cases.find_for_agent(session, reference, current_actor())
    definition = catalogue.definition(session, case.version_id)
    return _page(
        session,
        case,
        definition,
        "agents/diagram.html",
        events=agents_timeline.told(session, case, definition),
        source=url_for(".source_for_agent", reference=case.reference),
    )


@blueprint.get("/agents/demandes/<reference>/schema.bpmn")
@access.agent
@reading
def source_for_agent(session: Session, reference: str) -> Response:
    """The BPMN file of a request of the agent's service."""
    case = cases.find_for_agent(session, reference, current_actor())
    return source_of(catalogue.definition(session, case.version_id))


def _page(
    session: Session, case: Case, definition: Definition, template: str, *, events: Sequence[Any], source: str
) -> str:
    entries = history.of_case(session, case.id)
    current = [task.element_id for task in tasks.of_case(session, case.id)]
    headers.allow_inline_styles()
    return render_template(
        template,
        case=case,
        definition=definition,
        events=events,
        source=source,
        marks=json.dumps(marks(entries, current)),
        current=[definition.node(element_id).name or element_id for element_id in current],
    )


def marks(entries: Sequence[Entry], current: Sequence[str]) -> dict[str, list[str]]:
    """The elements of the diagram to mark: those passed and those that wait now (these are not said to be passed)."""
    passed = {element_id for entry in entries for element_id in entry.path}
    return {"done": sorted(passed - set(current)), "current": sorted(set(current))}


def source_of(definition: Definition) -> Response:
    """The BPMN file of a version, for the page's script."""
    answer = Response(definition.bpmn, mimetype="application/xml")
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    return answer
