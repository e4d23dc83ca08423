"""Before filing and after: a request is a draft until its summary is completed."""

from __future__ import annotations

from engine.bpmn.check.graph import next_nodes
from engine.bpmn.check.properties import STEPS
from engine.bpmn.check.report import Report
from engine.bpmn.model import SUBPROCESSES, Document, Node

SUMMARY = "summary"
APPOINTMENT = "appointment"


def before_filing(document: Document) -> frozenset[str]:
    """The nodes that some path reaches without completing the summary; none when there is no summary to come before."""
    if not any(node.step == SUMMARY for node in document.nodes):
        return frozenset()
    after = next_nodes(document)
    borders = {node.id: [border.id for border in document.boundary_events(node.id)] for node in document.nodes}
    found: set[str] = set()
    todo = [node.id for node in document.children(document.process.id) if node.kind == "startEvent"]
    while todo:
        node = document.node_by_id[todo.pop()]
        if node.id in found:
            continue
        found.add(node.id)
        if node.step == SUMMARY:
            todo.extend(borders[node.id])
        elif node.kind in SUBPROCESSES:
            # What follows a sub-process comes once one of its ends is reached.
            inside = {child.id for child in document.children(node.id)}
            todo.extend(target for target in after[node.id] if target in inside)
            todo.extend(borders[node.id])
        else:
            todo.extend(after[node.id])
            if node.kind == "endEvent" and node.parent in document.node_by_id:
                todo.extend(target for target in after[node.parent] if not _starts(target, node.parent, document))
    return frozenset(found)


def _starts(node_id: str, scope_id: str, document: Document) -> bool:
    return document.node_by_id[node_id].parent == scope_id


def check_wizard(document: Document, before: frozenset[str], report: Report) -> None:
    """Report steps without their kind, steps out of place, and a wizard without its one summary."""
    summaries = [node for node in document.nodes if node.step == SUMMARY]
    if not summaries:
        report.add("no-summary", document.process.id, document.process.line)
    for extra in summaries[1:]:
        report.on("several-summaries", extra)
    _check_appointment(document, report)
    for node in document.nodes:
        if node.is_human:
            _check_task(node, before, report)


def _check_appointment(document: Document, report: Report) -> None:
    """A procedure that gives appointments has one step for that, where one is required; the step needs no form."""
    wanted = document.process.properties.get("appointment", "none")
    steps = [node for node in document.nodes if node.step == APPOINTMENT]
    if wanted == "required" and not steps:
        entry = next(entry for entry in document.process.entries if entry.name == "appointment")
        report.add("no-appointment-step", document.process.id, entry.line)
    for extra in steps[1:]:
        report.on("several-appointments", extra)
    for step in steps:
        if wanted == "none":
            report.on("no-appointment", step)
        if step.form is not None:
            report.on("appointment-form", step)


def _check_task(node: Node, before: frozenset[str], report: Report) -> None:
    if node.step is not None:
        if before and node.step != SUMMARY and (node.id not in before or not node.is_resident):
            report.on("misplaced-step", node)
    elif node.id in before and node.is_resident:
        report.on("no-step", node, known=", ".join(STEPS))
    elif node.id in before and node.lane is not None:
        report.on("agent-before-filing", node)
