"""A request as agents read it: who asks, what was answered, the documents, the history (E3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask import render_template, request, url_for
from werkzeug.wrappers import Response

from engine.bpmn.model import Node
from engine.contact import documents as stored_files
from engine.contact.documents import StoredFile
from engine.core import mail
from engine.core.db import Session
from engine.procedures import cases, catalogue, tasks
from engine.procedures.attachments import FIELD
from engine.procedures.cases import Case
from engine.procedures.catalogue import Definition
from portal import access, attachments, exchanges
from portal.access import current_actor, reading
from portal.agents import blueprint, filters, timeline
from portal.agents.due import due
from portal.agents.timeline import Event
from portal.residents import filling
from portal.residents.presentation import applicant, standing


@dataclass(frozen=True)
class Folder:
    """What is read of a request, beside a task's form or alone."""

    applicant: list[tuple[str, list[tuple[str, str]]]]
    asked: list[tuple[str, list[Any]]]
    worked: list[tuple[str, list[Any]]]
    files: Mapping[str, Mapping[str, Any]]
    joined: list[Mapping[str, Any]]
    exchanges: Mapping[str, Any] | None
    events: list[Event]


def folder(session: Session, case: Case, definition: Definition) -> Folder:
    """Everything that agents read of a request."""
    stored = stored_files.of_case(session, case.id)
    described = files(case, stored)
    return Folder(
        applicant=[(title, lines) for title, lines in applicant(case) if lines],
        asked=_answers(session, case, definition, [node for node in definition.steps if node.step != "information"]),
        worked=_answers(session, case, definition, _later(definition)),
        files=described,
        joined=[{**described[str(one.id)], "at": one.added_at} for one in stored if one.field.startswith(f"{FIELD}.")],
        exchanges=exchanges.for_agents(session, case, definition),
        events=timeline.told(session, case, definition),
    )


def files(case: Case, stored: list[StoredFile]) -> dict[str, dict[str, Any]]:
    """The files of a request by id, at the addresses where agents read them."""
    return {
        str(one.id): _noted(
            attachments.told(one, url_for("agents.download", reference=case.reference, file_id=one.id)), one
        )
        for one in stored
    }


def _noted(told: dict[str, Any], stored: StoredFile) -> dict[str, Any]:
    # Residents know what they sent; agents open what others did.
    return {**told, "note": "non analysé"} if stored.scan == stored_files.UNSCANNED else told


def _later(definition: Definition) -> list[Node]:
    """The human tasks that come after filing, in the order of the diagram."""
    return [node for node in definition.process.elements.values() if node.is_human and not node.step]


def _answers(session: Session, case: Case, definition: Definition, nodes: list[Node]) -> list[tuple[str, list[Any]]]:
    """What was answered to each of these tasks; those without an answer are left out."""
    found = []
    for node in nodes:
        lines = filling.answered(session, case, definition, node.id)
        if lines:
            found.append((node.name, lines))
    return found


@blueprint.get("/agents/demandes")
@access.agent
@reading
def show_cases(session: Session) -> str:
    """The requests of one's services by reference or name, open or over."""
    words = request.args.get("q", "")[: filters.WORDS_MAX]
    found = cases.search(session, current_actor(), words)
    definitions = catalogue.definitions(session, {case.version_id for case in found.cases})
    rows = []
    for case in found.cases:
        definition = definitions[case.version_id]
        rows.append((case, definition.title, *standing(case, definition, waiting=case.id in found.waiting)))
    return render_template("agents/cases.html", words=words, rows=rows, more=found.more)


@blueprint.get("/agents/demandes/<reference>")
@access.agent
@reading
def show_case(session: Session, reference: str) -> str:
    """A request of the agent's service, open or closed, to read."""
    case = cases.find_for_agent(session, reference, current_actor())
    definition = catalogue.definition(session, case.version_id)
    access.record_reading("case.read", "case", case.id)
    open_tasks = tasks.of_case(session, case.id)
    status, colour = standing(case, definition, waiting=any(task.group == tasks.RESIDENT for task in open_tasks))
    return render_template(
        "agents/case.html",
        case=case,
        definition=definition,
        folder=folder(session, case, definition),
        status=status,
        colour=colour,
        undeliverable=mail.undeliverable(session, [case.usager.get("courriel")]),
        open_tasks=[(task, due(task.due_at), task.group in current_actor().groups) for task in open_tasks],
    )


@blueprint.get("/agents/demandes/<reference>/pieces/<uuid:file_id>")
@access.agent
@reading
def download(session: Session, reference: str, file_id: UUID) -> Response:
    """A document of a request of the agent's service, to save."""
    case = cases.find_for_agent(session, reference, current_actor())
    found = stored_files.find(session, case.id, file_id)
    access.record_reading("document.read", "document", found.id)
    return attachments.attachment(found)
