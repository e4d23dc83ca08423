"""From a BPMN file to a process ready to run: read once a version, never changed, shared by all its cases."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from SpiffWorkflow.bpmn.parser.ValidationException import ValidationException
from SpiffWorkflow.spiff.parser.process import VALIDATOR, SpiffBpmnParser

from engine.bpmn import dmn as decisions
from engine.bpmn import elements
from engine.bpmn.model import SPIFF, Document, Node, Problem, Source, parse_xml, read
from engine.core.errors import DefinitionError

# The library warns of an old place for message payloads, which editors still write: warnings filters are global.
_one_at_a_time = threading.Lock()


@dataclass(frozen=True, eq=False)
class Process:
    """A procedure's process. `spec` and `subspecs` are SpiffWorkflow's, for this room alone."""

    slug: str
    title: str
    documentation: str
    properties: Mapping[str, str]
    document: Document
    spec: Any
    subspecs: Mapping[str, Any]
    decisions: Mapping[str, decisions.Decision]

    @property
    def elements(self) -> Mapping[str, Node]:
        """The flow nodes by id."""
        return self.document.node_by_id

    @cached_property
    def steps(self) -> tuple[Node, ...]:
        """The steps of the wizard (nodes with the property `step`) in the order of the flow."""
        return tuple(node for node in _in_flow_order(self.document) if node.step)

    @cached_property
    def repeated(self) -> Mapping[str, tuple[str, ...]]:
        """For each element inside multi-instance activities (itself included): these activities, outermost first."""
        found = {}
        for node in self.document.nodes:
            around, current = [], node
            while True:
                if current.loop is not None and current.loop.kind != "standard":
                    around.append(current.id)
                if current.parent not in self.elements:
                    break
                current = self.elements[current.parent]
            if around:
                found[node.id] = tuple(reversed(around))
        return found


class _Parser(SpiffBpmnParser):  # type: ignore[misc]
    def __init__(self, tables: Mapping[str, decisions.Decision]) -> None:
        super().__init__(validator=VALIDATOR)
        self.tables = tables

    def get_engine(self, decision_ref: str | None, node: Any) -> decisions.Decision:
        found = self.tables.get((decision_ref or "").strip())
        if found is None:
            known = ", ".join(sorted(self.tables)) or "aucune"
            raise ValidationException(f"La table de décision « {decision_ref} » n’existe pas (tables : {known}).", node)
        return found


def parse(bpmn: Source, dmn: Sequence[Source] = ()) -> Process:
    """Read a process and its decision tables, or raise `DefinitionError`.

    It promises that the process can be run, not that it is right: that is `engine.bpmn.check`.
    """
    document = read(bpmn)
    tables = {table.id: table for table in map(decisions.read, dmn)}
    process = document.process
    root = parse_xml(bpmn)
    for parameter in root.iter(f"{{{SPIFF}}}parameter"):
        parameter.set("type", parameter.get("type", "any"))  # required by the library, without any effect
    try:
        with _one_at_a_time, warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            parser = _Parser(tables)
            parser.add_bpmn_xml(root, filename=bpmn.name)
            spec = parser.get_spec(process.id)
            subspecs = parser.get_subprocess_specs(process.id)
    except ValidationException as error:
        line = int(error.line_number or 0)
        raise DefinitionError([Problem(bpmn.name, error.id or "", line, "parser", str(error))]) from error
    except Exception as error:
        # The library fails in as many ways as there are mistakes to make in a drawing.
        message = f"Le processus ne peut pas être lu ({type(error).__name__})."
        raise DefinitionError([Problem(bpmn.name, "", 0, "parser", message)]) from error
    results = {node.id: node.operator.result for node in document.nodes if node.operator is not None}
    for one in (spec, *subspecs.values()):
        elements.adopt(one, results)
    return Process(
        slug=process.id,
        title=process.name or process.id,
        documentation=process.documentation,
        properties=process.properties,
        document=document,
        spec=spec,
        subspecs=subspecs,
        decisions=tables,
    )


def _in_flow_order(document: Document) -> Iterator[Node]:
    """The nodes, each after all those that lead to it (loops apart)."""
    after: dict[str, list[str]] = {}
    for flow in document.flows:
        after.setdefault(flow.source, []).append(flow.target)
    for node in document.nodes:
        if node.attached_to:
            after.setdefault(node.attached_to, []).insert(0, node.id)
    finished: list[str] = []
    seen: set[str] = set()
    for start in (node.id for node in document.nodes if not node.incoming and not node.attached_to):
        todo = [(start, iter(after.get(start, ())))]
        seen.add(start)
        while todo:
            node_id, targets = todo[-1]
            following = next((target for target in targets if target not in seen), None)
            if following is None:
                finished.append(node_id)
                todo.pop()
            else:
                seen.add(following)
                todo.append((following, iter(after.get(following, ()))))
    return (document.node_by_id[node_id] for node_id in reversed(finished) if node_id in document.node_by_id)
