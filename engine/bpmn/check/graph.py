"""Where the flows lead: dangling flows, dead ends, what can't be reached, loops without a way out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from engine.bpmn.check.report import Report, called
from engine.bpmn.model import Document, Flow, Node

_CHOICES: Final = frozenset({"exclusiveGateway", "inclusiveGateway"})
_WAITS: Final = frozenset({"intermediateCatchEvent", "receiveTask"})


def check_graph(document: Document, report: Report) -> None:
    """Report what is wrong with the way nodes are linked."""
    for flow in document.flows:
        _check_flow(flow, document, report)
    for node in document.nodes:
        _check_links(node, document, report)
        if node.kind == "boundaryEvent":
            _check_boundary(node, document, report)
        if node.kind == "eventBasedGateway":
            _check_event_gateway(node, document, report)
    reached = reachable(document)
    for node in document.nodes:
        # Inside a sub-process that nothing leads to, or on the border of nothing, one sentence is enough.
        adrift = node.kind == "boundaryEvent" and node.attached_to not in document.node_by_id
        outside = node.parent in reached or node.parent == document.process.id
        if node.id not in reached and outside and not adrift:
            report.on("unreachable", node)
    _check_ways_out(document, reached, report)


def usable(flow: Flow, document: Document) -> bool:
    """Does the flow link two nodes of its own process or sub-process?"""
    ends = (document.node_by_id.get(flow.source), document.node_by_id.get(flow.target))
    return all(node is not None and node.parent == flow.parent for node in ends)


def next_nodes(document: Document) -> Mapping[str, list[str]]:
    """For each node, those that can be next: by its flows, by the events on its border, into its sub-process."""
    after: dict[str, list[str]] = {node.id: [] for node in document.nodes}
    for flow in document.flows:
        if usable(flow, document):
            after[flow.source].append(flow.target)
    for node in document.nodes:
        if node.kind == "boundaryEvent" and node.attached_to in after:
            after[node.attached_to].append(node.id)
        if node.kind == "startEvent" and node.parent in after:
            after[node.parent].append(node.id)
    return after


def reachable(document: Document) -> set[str]:
    """The ids of the nodes that some path leads to from the start."""
    starts = (node.id for node in document.children(document.process.id) if node.kind == "startEvent")
    return _spread(starts, next_nodes(document))


def _spread(starts: Iterable[str], after: Mapping[str, Iterable[str]]) -> set[str]:
    found, todo = set[str](), list(starts)
    while todo:
        node = todo.pop()
        if node not in found:
            found.add(node)
            todo.extend(after.get(node, ()))
    return found


def _check_flow(flow: Flow, document: Document, report: Report) -> None:
    label = flow.name or flow.id
    source, target = document.node_by_id.get(flow.source), document.node_by_id.get(flow.target)
    if source is None or target is None:
        report.add("flow-nowhere", flow.id, flow.line, flow=label)
        return
    if source.parent != flow.parent or target.parent != flow.parent:
        report.add("flow-across", flow.id, flow.line, flow=label)
    if target.kind in ("startEvent", "boundaryEvent"):
        report.add("misplaced-flow", flow.id, flow.line, what="arriver à", node=called(target))
    if source.kind == "endEvent":
        report.add("misplaced-flow", flow.id, flow.line, what="partir de", node=called(source))
    if flow.condition is None:
        return
    if source.kind not in _CHOICES:
        why = "seules les flèches qui partent d’une passerelle exclusive ou inclusive en ont une"
        report.add("ignored-condition", flow.id, flow.line, flow=label, why=why)
    elif source.default == flow.id:
        report.add("ignored-condition", flow.id, flow.line, flow=label, why="c’est la flèche par défaut")


def _check_links(node: Node, document: Document, report: Report) -> None:
    if node.kind != "endEvent" and not node.outgoing:
        report.on("dead-end", node)
    if len(node.outgoing) > 1 and not node.kind.endswith("Gateway"):
        report.on("several-flows", node)
    if node.kind not in _CHOICES:
        return
    if node.default is not None and node.default not in node.outgoing:
        report.on("default-nowhere", node)
    if len(node.outgoing) > 1:
        for flow_id in node.outgoing:
            flow = document.flow_by_id[flow_id]
            if flow.condition is None and flow.id != node.default:
                report.add("no-condition", flow.id, flow.line, flow=flow.name or flow.id, node=called(node))


def _check_boundary(node: Node, document: Document, report: Report) -> None:
    host = document.node_by_id.get(node.attached_to or "")
    if host is None or not host.is_task or host.parent != node.parent:
        report.on("boundary-nowhere", node)
    elif node.event("cancel") and host.kind != "transaction":
        advice = "Choisissez une autre définition, ou faites du sous-processus une transaction."
        report.on("unsupported", node, what="une annulation ailleurs que sur une transaction", advice=advice)


def _check_event_gateway(node: Node, document: Document, report: Report) -> None:
    targets = list(document.successors(node.id))
    if len(targets) < 2:
        report.on("event-gateway", node, why="doit avoir au moins deux flèches, une par événement attendu")
    for target in targets:
        if target.kind not in _WAITS:
            why = f"mène à « {called(target)} », qui n’attend aucun événement : mettez un événement intermédiaire"
            report.on("event-gateway", node, why=why)
    timers = [target for target in targets if target.event("timer")]
    if len(timers) > 1:
        names = ", ".join(f"« {called(target)} »" for target in timers)
        why = f"attend plusieurs minuteries ({names}), dont une seule serait suivie : gardez la plus courte"
        report.on("event-gateway", node, why=why)


def _check_ways_out(document: Document, reached: set[str], report: Report) -> None:
    """Report each loop that nothing leaves, at its first node in the order of the file."""
    before: dict[str, list[str]] = {node.id: [] for node in document.nodes}
    for flow in document.flows:
        if usable(flow, document):
            before[flow.target].append(flow.source)
    for node in document.nodes:
        if node.kind == "boundaryEvent" and node.attached_to in document.node_by_id:
            before[node.id].append(node.attached_to or "")
    # A node without an exit is a dead end, told already: only what can go on for ever is told here.
    ends = [node.id for node in document.nodes if node.kind == "endEvent" or not node.outgoing]
    leaving = _spread(ends, before)
    told: set[str] = set()
    after = next_nodes(document)
    for node in document.nodes:
        if node.id in reached and node.id not in leaving | told:
            ahead = _spread(after[node.id], after)
            if node.id in ahead:
                report.on("endless", node)
                told |= ahead
