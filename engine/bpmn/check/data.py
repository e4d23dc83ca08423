"""Which names have a value where they are read, and which fields exist.

Two analyses over the graph: the names that every path has given a value to, and those that some path may have. Parallel
branches give their names to what follows their join, not to each other.
"""

from __future__ import annotations

import difflib
import keyword
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from engine.bpmn.check.declarations import APPOINTMENT_FIELDS, RESERVED_FIELDS, Declarations
from engine.bpmn.check.graph import usable
from engine.bpmn.check.readings import (
    Action,
    Actions,
    Decisions,
    Reading,
    Writing,
    condition,
    every_reading,
    functions,
    names_read,
    paths,
    sure,
    why_wrong,
)
from engine.bpmn.check.report import Report, as_identifier, called, listed
from engine.bpmn.expressions import FUNCTIONS, RESERVED
from engine.bpmn.model import SUBPROCESSES, Document, Flow, Node

_Names = frozenset[str]
_ABNORMAL: Final = frozenset({"error", "cancel"})


def check_data(
    document: Document,
    found: Mapping[str, Actions],
    decisions: Decisions,
    declarations: Declarations,
    report: Report,
) -> None:
    """Report wrong expressions, names read before they have a value, unknown fields, names that may not be written."""
    for node, reading in every_reading(document, found):
        _check_text(node, reading, report)
    for node in document.nodes:
        for action in found[node.id].all():
            if isinstance(action, Writing):
                _check_names(node, action, document, report)
        for name, line, where in _named(node):
            if not _can_be_read(name):
                facts = {"node": called(node), "where": where, "name": name, "example": as_identifier(name)}
                report.add("bad-name", node.id, line, **facts)
    _check_values(document, found, report)
    fields = _known_fields(document, found, decisions, declarations)
    for node, reading in every_reading(document, found):
        for path in sorted(paths(reading)):
            _check_field(node, reading, path, fields, report)


def _check_text(node: Node, reading: Reading, report: Report) -> None:
    why = why_wrong(reading)
    if why is None:
        return
    where = reading.where
    missing = sorted({name for name in functions(reading) if name not in FUNCTIONS})
    for name in missing:
        known = listed(FUNCTIONS)
        facts = {"node": called(node), "where": where, "function": name, "known": known}
        report.add("unknown-function", node.id, reading.line, **facts)
    if missing or any(f"« {name} » est fourni" in why for name in RESERVED):
        return
    code = "placeholder" if reading.mode == "template" else "expression"
    report.add(code, node.id, reading.line, node=called(node), where=where, why=why + _quotes(reading.text))


def _quotes(text: str) -> str:
    """Word processors turn quotes into apostrophes: that is worth a word of its own."""
    curly = set(text) & set("‘’“”")
    return " Les textes s’écrivent entre guillemets droits (\"…\" ou '…')." if curly else ""


def _check_names(node: Node, writing: Writing, document: Document, report: Report) -> None:
    for name in sorted(writing.names):
        task = document.node_by_id.get(name)
        if name in RESERVED and not writing.stored:
            facts = {"node": called(node), "where": writing.where, "name": name}
            report.add("reserved-assigned", node.id, writing.line, **facts)
        elif task is not None and (task.is_human or task.decision) and task.id != node.id:
            facts = {"node": called(node), "where": writing.where, "name": name, "task": called(task)}
            report.add("name-clash", node.id, writing.line, **facts)


def _named(node: Node) -> Iterator[tuple[str, int, str]]:
    """The variables that a node names elsewhere than in a script (scripts can't name them wrongly)."""
    if node.operator is not None and node.operator.result:
        yield node.operator.result, node.operator.line, "le résultat de l’opération"
    for event in node.events:
        if event.variable:
            yield event.variable, event.line, "le message"
    if node.loop is not None:
        for name in (node.loop.item, node.loop.output):
            if name:
                yield name, node.loop.line, "la répétition"


def _can_be_read(name: str) -> bool:
    return name.isidentifier() and not (name.startswith("_") or keyword.iskeyword(name) or name in FUNCTIONS)


# --- Names that have a value -----------------------------------------------------------------------------------------


@dataclass
class _Flowing:
    """One analysis. `must`: a name counts only when every path gives it a value; else, when one does."""

    document: Document
    actions: Mapping[str, Actions]
    must: bool
    ins: dict[str, _Names] = field(default_factory=dict)
    outs: dict[str, _Names] = field(default_factory=dict)

    def run(self) -> None:
        self.scope(self.document.process.id, frozenset(RESERVED))

    def merge(self, sets: Iterable[_Names], *, together: bool = False) -> _Names:
        found = list(sets)
        if not found:
            return frozenset()
        return frozenset.intersection(*found) if self.must and not together else frozenset.union(*found)

    def scope(self, scope_id: str, entry: _Names) -> _Names | None:
        """Go through a process or sub-process; the names at its end, None when no path gets there."""
        nodes = {node.id: node for node in self.document.children(scope_id)}
        flows = [flow for flow in self.document.flows_in(scope_id) if usable(flow, self.document)]
        into: dict[str, list[Flow]] = {node_id: [] for node_id in nodes}
        for flow in flows:
            into[flow.target].append(flow)
        carried: dict[str, _Names] = {}
        local: dict[str, _Names] = {}
        todo = [node.id for node in nodes.values() if node.kind == "startEvent"]
        while todo:
            node = nodes[todo.pop(0)]
            names = self.entering(node, into[node.id], carried, local, entry)
            if names is None or local.get(node.id) == names:
                continue
            local[node.id] = names
            after = self.through(node, names)
            for border in self.document.boundary_events(node.id):
                if border.id in nodes:
                    todo.append(border.id)
            if after is None:
                continue
            self.outs[node.id] = after
            for flow in flows:
                if flow.source == node.id:
                    carried[flow.id] = after | self.learnt(node, flow)
                    todo.append(flow.target)
        ends = [
            local[node.id]
            for node in nodes.values()
            if node.kind == "endEvent" and node.id in local and not _ABNORMAL & {event.kind for event in node.events}
        ]
        return self.merge(ends) if ends else None

    def entering(
        self, node: Node, into: list[Flow], carried: Mapping[str, _Names], local: Mapping[str, _Names], entry: _Names
    ) -> _Names | None:
        if node.kind == "startEvent":
            return entry
        if node.kind == "boundaryEvent":
            return local.get(node.attached_to or "")
        arriving = [carried[flow.id] for flow in into if flow.id in carried]
        if not arriving:
            return None
        return self.merge(arriving, together=node.kind == "parallelGateway")

    def through(self, node: Node, names: _Names) -> _Names | None:
        self.ins[node.id] = names
        does = self.actions[node.id]
        start = names | _written(does.before)
        turn = start | {node.loop.item} if node.loop and node.loop.item else start
        if node.kind in SUBPROCESSES:
            inside = self.scope(node.id, turn)
            if inside is None:
                return None
        else:
            inside = turn
        if node.loop is None or node.loop.kind == "standard":
            done = inside | _written(does.body)
            if node.loop is not None and node.loop.test_before and self.must:
                done = start  # there may be no turn at all
        else:
            # An instance's variables end with it; what it stores stays, in a list, when there is an instance.
            done = start if self.must else start | self.stored(node)
        return done | _written(does.after)

    def stored(self, node: Node) -> _Names:
        """The names stored by a node or by those inside it."""
        names = _written(
            action for action in self.actions[node.id].body if isinstance(action, Writing) and action.stored
        )
        inside = self.document.children(node.id) if node.kind in SUBPROCESSES else ()
        return names.union(*(self.stored(child) for child in inside))

    def learnt(self, node: Node, flow: Flow) -> _Names:
        """What taking this flow says: `defined(x)` held, or, on the default flow, the others' conditions didn't."""
        if not node.kind.endswith("Gateway"):
            return frozenset()
        if flow.id != node.default:
            return sure(flow.condition.text, holds=True) if flow.condition else frozenset()
        others = (self.document.flow_by_id[flow_id].condition for flow_id in node.outgoing if flow_id != flow.id)
        return frozenset().union(*(sure(other.text, holds=False) for other in others if other is not None))


def _written(actions: Iterable[Action]) -> _Names:
    return frozenset().union(*(action.names for action in actions if isinstance(action, Writing)))


def _check_values(document: Document, found: Mapping[str, Actions], report: Report) -> None:
    surely, perhaps = _Flowing(document, found, must=True), _Flowing(document, found, must=False)
    surely.run()
    perhaps.run()
    everything = frozenset().union(*(_written(does.all()) for does in found.values())) | RESERVED
    for node in document.nodes:
        if node.id not in surely.ins:
            continue  # nothing leads there: told as such
        must, may = surely.ins[node.id], perhaps.ins[node.id]
        item = frozenset({node.loop.item}) if node.loop and node.loop.item else frozenset[str]()
        does = found[node.id]
        for stage, more in ((does.before, frozenset[str]()), (does.body, item), (does.after_turn, item)):
            for action in stage:
                if isinstance(action, Writing):
                    must, may = must | action.names, may | action.names
                else:
                    _check_reading(node, action, must | more, may | more, everything, report)
        must, may = surely.outs.get(node.id, must), perhaps.outs.get(node.id, may)
        for action in does.after:
            if isinstance(action, Reading):
                _check_reading(node, action, must, may, everything, report)
        for flow_id in node.outgoing:
            reading = condition(document.flow_by_id[flow_id])
            if reading is not None:
                _check_reading(node, reading, must, may, everything, report)


def _check_reading(node: Node, reading: Reading, must: _Names, may: _Names, everything: _Names, report: Report) -> None:
    for name in sorted({path.split(".")[0] for path in names_read(reading)} - must):
        if name in may:
            report.add("variable-maybe", node.id, reading.line, node=called(node), name=name)
            continue
        near = difflib.get_close_matches(name, everything, 1)
        if name in everything:
            hint = "placez cette lecture après la tâche ou le script qui la remplit"
        elif near:
            hint = f"vouliez-vous dire « {near[0]} » ?"
        else:
            hint = "vérifiez son orthographe, ou donnez-lui une valeur dans un script"
        report.add("variable-never", node.id, reading.line, node=called(node), name=name, hint=hint)


# --- Fields ----------------------------------------------------------------------------------------------------------

#: For each name whose fields are known: how a sentence calls what holds them, and their paths.
_Fields = Mapping[str, tuple[str, frozenset[str]]]


def _known_fields(
    document: Document, found: Mapping[str, Actions], decisions: Decisions, declarations: Declarations
) -> _Fields:
    known: dict[str, tuple[str, frozenset[str]]] = {
        name: (f"« {name} »", fields) for name, fields in RESERVED_FIELDS.items() if fields
    }
    unknown: set[str] = set()
    for node in document.nodes:
        for action in found[node.id].all():
            if not isinstance(action, Writing):
                continue
            for name in action.names:
                repeated = action.stored and is_repeated(node, document)
                described = None if repeated else _described(node, name, decisions, declarations)
                if described is None:
                    unknown.add(name)
                elif name in known:
                    known[name] = (known[name][0], known[name][1] | described[1])
                else:
                    known[name] = described
    for node in document.nodes:
        if node.loop is not None and node.loop.item and node.loop.collection:
            item = _item_fields(node, node.loop.collection, known)
            if item is None or node.loop.item in known:
                unknown.add(node.loop.item)
            else:
                known[node.loop.item] = item
    return {name: fields for name, fields in known.items() if name not in unknown or name in RESERVED}


def is_repeated(node: Node, document: Document) -> bool:
    """Does the node, or a sub-process around it, have several instances?"""
    around: Node | None = node
    while around is not None:
        if around.loop is not None and around.loop.kind != "standard":
            return True
        around = document.node_by_id.get(around.parent)
    return False


def _described(
    node: Node, name: str, decisions: Decisions, declarations: Declarations
) -> tuple[str, frozenset[str]] | None:
    if node.decision is not None and name == node.id:
        return (f"la table « {node.decision} »", decisions[node.decision][1]) if node.decision in decisions else None
    if node.step == "appointment" and name == node.id:
        return "l’étape du rendez-vous", APPOINTMENT_FIELDS
    if node.is_human and name == node.id and node.form:
        fields = declarations.form_fields(node.form)
        return None if fields is None else (f"le formulaire « {node.form} »", frozenset(fields))
    if node.operator is not None and name == node.operator.result:
        signature = declarations.operations.get(node.operator.name)
        if signature is not None and signature.returns is not None:
            return f"le résultat de « {signature.name} »", signature.returns
    return None


def _item_fields(node: Node, collection: str, known: _Fields) -> tuple[str, frozenset[str]] | None:
    owner, _, path = collection.partition(".")
    if owner not in known or not path:
        return None
    beginning = f"{path}.*."
    inside = frozenset(found.removeprefix(beginning) for found in known[owner][1] if found.startswith(beginning))
    return (f"un élément de « {collection} »", inside) if inside else None


def _check_field(node: Node, reading: Reading, path: str, fields: _Fields, report: Report) -> None:
    name, _, rest = path.partition(".")
    if not rest or name not in fields:
        return
    owner, known = fields[name]
    if rest in known:
        return
    near = difflib.get_close_matches(rest, known, 1)
    if near:
        hint = f"vouliez-vous dire « {near[0]} » ?"
    elif known:
        hint = "ses champs sont " + listed(known)
    else:
        hint = "il n’en a aucun"
    facts = {"node": called(node), "path": path, "owner": owner, "field": rest, "hint": hint}
    report.add("unknown-field", node.id, reading.line, **facts)
