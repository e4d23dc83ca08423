"""The elements one by one: identifiers, what the engine doesn't run, events, lanes."""

from __future__ import annotations

import keyword
import re
from typing import Final

from engine.bpmn.check.declarations import Declarations
from engine.bpmn.check.report import Report, as_identifier, called, listed
from engine.bpmn.expressions import FUNCTIONS, RESERVED
from engine.bpmn.model import RESIDENT_LANE, Document, Node, Scope, Source

_IDENTIFIER: Final = re.compile(r"[a-z][a-z0-9_]*")
_SLUG: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")

_UNSUPPORTED_KINDS: Final = {
    "complexGateway": ("une passerelle complexe", "Utilisez une passerelle exclusive, inclusive ou parallèle."),
    "adHocSubProcess": ("un sous-processus ad hoc", "Dessinez l’ordre des tâches dans un sous-processus ordinaire."),
    "callActivity": ("un appel à un autre processus", "Dessinez ses tâches dans un sous-processus."),
    "implicitThrowEvent": ("un événement implicite", "Utilisez un événement intermédiaire."),
    "choreographyTask": ("une chorégraphie", "Dessinez un processus."),
    "callChoreography": ("une chorégraphie", "Dessinez un processus."),
    "subChoreography": ("une chorégraphie", "Dessinez un processus."),
}
_UNSUPPORTED_EVENTS: Final = {
    "link": ("un lien", "Reliez les deux points par une flèche."),
    "compensate": ("une compensation", "Dessinez le chemin de retour avec des tâches."),
}
_EVENTS_OF: Final = {
    "startEvent": frozenset[str](),
    "endEvent": frozenset({"message", "error", "escalation", "cancel", "terminate"}),
    "intermediateCatchEvent": frozenset({"message", "timer", "signal", "conditional"}),
    "intermediateThrowEvent": frozenset({"message", "signal", "escalation"}),
    "boundaryEvent": frozenset({"message", "timer", "signal", "conditional", "error", "escalation", "cancel"}),
}
_EVENT_NAMES: Final = {
    "message": "un message",
    "timer": "une minuterie",
    "signal": "un signal",
    "conditional": "une condition",
    "error": "une erreur",
    "escalation": "une escalade",
    "cancel": "une annulation",
    "terminate": "un arrêt",
}
_OTHER: Final = {
    "ioSpecification": ("une association de données", "Lisez les données par leur nom dans les expressions."),
    "dataStoreReference": ("un entrepôt de données", "Appelez une opération pour lire ou écrire des données."),
    "correlationSubscription": ("une corrélation", "Retirez-la : un message est remis à une demande précise."),
}


def check_elements(source: Source, document: Document, declarations: Declarations, report: Report) -> None:
    """Report what is wrong with the elements themselves, wherever the flows lead."""
    _check_process(source, document, report)
    _check_ids(document, report)
    for name, element_id, line in document.other:
        if name in _OTHER:
            what, advice = _OTHER[name]
            report.add("unsupported", element_id, line, node=element_id or name, what=what, advice=advice)
    for node in document.nodes:
        _check_support(node, report)
        _check_events(node, report)
        if node.kind == "scriptTask" and node.script is None:
            report.on("no-script", node)
    _check_starts_and_ends(document, report)
    _check_lanes(document, declarations, report)
    bearers: tuple[Scope | Node, ...] = (*document.processes, *document.nodes)
    for bearer in bearers:
        for foreign in bearer.foreign:
            report.add("foreign-extension", bearer.id, foreign.line, name=foreign.name)


def _check_process(source: Source, document: Document, report: Report) -> None:
    for extra in document.processes[1:]:
        report.add("several-processes", extra.id, extra.line)
    process = document.process
    if not process.executable:
        report.add("not-executable", process.id, process.line)
    if process.id != source.stem:
        report.add("process-id", process.id, process.line, id=process.id, file=source.name, stem=source.stem)
    if _SLUG.fullmatch(source.stem) is None:
        example = as_identifier(source.stem).replace("_", "-")
        report.add("bad-slug", process.id, process.line, stem=source.stem, example=example)
    if not process.name.strip():
        report.add("no-title", process.id, process.line)


def _check_ids(document: Document, report: Report) -> None:
    first: dict[str, int] = {}
    for element_id, line in document.ids:
        if element_id in first:
            report.add("duplicate-id", element_id, line, name=element_id, first=first[element_id])
        first.setdefault(element_id, line)
    for node in document.nodes:
        # Only answers and decisions are read under their element's identifier.
        if not (node.is_human or node.kind == "businessRuleTask"):
            continue
        if _IDENTIFIER.fullmatch(node.id) is None:
            report.add("bad-id", node.id, node.line, id=node.id, example=as_identifier(node.id))
        elif node.id in RESERVED or node.id in FUNCTIONS or keyword.iskeyword(node.id):
            report.add("reserved-id", node.id, node.line, id=node.id)


def _check_support(node: Node, report: Report) -> None:
    def unsupported(what: str, advice: str) -> None:
        report.on("unsupported", node, what=what, advice=advice)

    if node.kind in _UNSUPPORTED_KINDS:
        unsupported(*_UNSUPPORTED_KINDS[node.kind])
    if node.triggered_by_event:
        unsupported("un sous-processus déclenché par un événement", "Posez un événement de bord sur un sous-processus.")
    if node.data_mapping:
        unsupported("une association de données", "Lisez les données par leur nom dans les expressions.")
    for event in node.events:
        allowed = _EVENTS_OF.get(node.kind, frozenset())
        if event.kind in _UNSUPPORTED_EVENTS:
            unsupported(*_UNSUPPORTED_EVENTS[event.kind])
        elif event.kind not in allowed and node.kind != "startEvent":
            what = f"{_EVENT_NAMES.get(event.kind, event.kind)} à cet endroit"
            unsupported(what, "Choisissez une autre définition.")


def _check_events(node: Node, report: Report) -> None:
    needs_one = node.kind in ("intermediateCatchEvent", "boundaryEvent")
    if needs_one and not node.events:
        report.on("no-event", node)
    for event in node.events:
        # An error or an escalation may be caught whatever it is.
        wants_name = event.kind in ("message", "signal") or (event.ref and event.kind in ("error", "escalation"))
        if wants_name and not event.name:
            report.add("unknown-message", node.id, event.line, node=called(node))
        if event.kind == "conditional" and event.condition is None:
            report.on("no-event", node)
    if node.kind in ("sendTask", "receiveTask") and not node.message_ref and not node.event("message"):
        report.on("unknown-message", node)


def _check_starts_and_ends(document: Document, report: Report) -> None:
    for scope in (document.process, *document.subprocesses):
        if scope.kind == "adHocSubProcess":
            continue
        children = document.children(scope.id)
        where = "La démarche" if scope.kind == "process" else f"Le sous-processus « {scope.name or scope.id} »"
        starts = [node for node in children if node.kind == "startEvent"]
        if len(starts) != 1:
            report.add("start-event", scope.id, scope.line, where=where, count=len(starts))
        for node in starts:
            if node.events:
                report.on("start-kind", node)
        if not any(node.kind == "endEvent" for node in children):
            report.add("no-end", scope.id, scope.line, where=where)


def _check_lanes(document: Document, declarations: Declarations, report: Report) -> None:
    for node in document.nodes:
        if node.is_human and not node.lane:
            report.on("no-lane", node)
    for process in document.processes:
        for lane in process.lanes:
            if not lane.name.strip():
                report.add("unnamed-lane", lane.id, lane.line)
            elif not _is_known(lane.name, document, declarations):
                known = listed({RESIDENT_LANE} | (declarations.groups or set()))
                report.add("unknown-group", lane.id, lane.line, name=lane.name, known=known)


def _is_known(name: str, document: Document, declarations: Declarations) -> bool:
    """A lane without a person's task may bear any name: lanes count for human tasks only."""
    if declarations.groups is None or name == RESIDENT_LANE or name in declarations.groups:
        return True
    return not any(node.is_human and node.lane == name for node in document.nodes)
