"""Service tasks: does the operation exist, and is it given what it asks for?"""

from __future__ import annotations

import ast
import difflib
import re
from typing import Any, Final

from engine.bpmn.check.declarations import Declarations, OperationSignature, ParameterSignature
from engine.bpmn.check.readings import CATCHES, expression_tree, has_body, texts
from engine.bpmn.check.report import Report, called, listed
from engine.bpmn.model import Document, Node, Operator

_EXPECTED: Final = {
    "text": "un texte, entre guillemets",
    "template": "un texte, entre guillemets",
    "message": "le nom d’un message, entre guillemets",
    "answer": "le nom d’un message BPMN, entre guillemets",
    "number": "un nombre",
    "flag": "True ou False",
    "date": 'une date, comme "2026-03-01"',
    "list": "une liste",
    "record": "un groupe de réponses",
}
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d.*")


def check_operations(document: Document, declarations: Declarations, before: frozenset[str], report: Report) -> None:
    """Report unknown operations and wrong parameters. `before` holds the nodes that come before filing."""
    open_to_all = document.process.properties.get("audience", "open") != "locked"
    caught = _caught(document)
    for node in document.nodes:
        if node.kind != "serviceTask":
            continue
        if node.operator is None or not node.operator.name:
            report.on("no-operation", node, known=listed(declarations.operations))
            continue
        signature = declarations.operations.get(node.operator.name)
        if signature is None:
            _tell_unknown(node, node.operator, declarations, report)
            continue
        _check_parameters(node, node.operator, signature, declarations, caught, report)
        if node.id in before and not signature.idempotent:
            report.on("operation-before-filing", node, operation=signature.name)
        if signature.name.startswith("exchanges/") and document.process.properties.get("exchanges") != "yes":
            report.on("no-exchanges", node)
        if signature.account and open_to_all:
            report.on("operation-account", node, operation=signature.name)


def _caught(document: Document) -> frozenset[str]:
    """The names of the messages that something waits for."""
    declared = {one.id: one.name for one in document.declared if one.kind == "message"}
    events = (event for node in document.nodes if node.kind in CATCHES for event in node.events)
    names = {event.name or "" for event in events if event.kind == "message"}
    refs = {node.message_ref for node in document.nodes if node.kind == "receiveTask"}
    return frozenset(names | {declared[ref] for ref in refs if ref in declared})


def _tell_unknown(node: Node, operator: Operator, declarations: Declarations, report: Report) -> None:
    near = difflib.get_close_matches(operator.name, declarations.operations, 1)
    hint = f"vouliez-vous dire « {near[0]} » ?" if near else f"choisissez parmi {listed(declarations.operations)}."
    report.add("unknown-operation", node.id, operator.line, node=called(node), name=operator.name, hint=hint)


def _check_parameters(
    node: Node,
    operator: Operator,
    signature: OperationSignature,
    declarations: Declarations,
    caught: frozenset[str],
    report: Report,
) -> None:
    seen: set[str] = set()
    for given in operator.parameters:
        declared = signature.parameters.get(given.name)
        if given.name in seen:
            report.add("repeated-parameter", node.id, given.line, node=called(node), name=given.name)
        elif declared is None:
            known = listed(signature.parameters) if signature.parameters else "aucun"
            facts = {"operation": signature.name, "name": given.name, "known": known}
            report.add("unknown-parameter", node.id, given.line, **facts)
        elif given.value.strip():
            expected = _mismatch(declared, given.value)
            if expected:
                report.add("bad-parameter", node.id, given.line, node=called(node), name=given.name, expected=expected)
            elif declared.kind == "message" and declarations.messages is not None and not has_body(operator):
                for name in sorted(set(texts(given.value)) - set(declarations.messages)):
                    facts = {"node": called(node), "name": name, "known": listed(declarations.messages)}
                    report.add("unknown-letter", node.id, given.line, **facts)
            elif declared.kind == "answer":
                for name in sorted(set(texts(given.value)) - caught):
                    report.add("unknown-answer", node.id, given.line, node=called(node), name=name)
        seen.add(given.name)
    for name, declared in signature.parameters.items():
        if declared.required and name not in seen:
            facts = {"node": called(node), "operation": signature.name, "name": name}
            report.add("missing-parameter", node.id, operator.line, **facts)


def _mismatch(declared: ParameterSignature, text: str) -> str | None:
    """What was expected, when the value is written there and isn't that; None when all is well or can't be known."""
    tree = expression_tree(text)
    if isinstance(tree, ast.Name) and tree.id not in ("True", "False", "None"):
        return None
    try:
        value: Any = ast.literal_eval(tree) if tree is not None else None
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        value = [] if isinstance(tree, ast.List) else {} if isinstance(tree, ast.Dict) else None
    if value is None:
        return None
    if declared.choices:
        return None if value in declared.choices else "l’une de ces valeurs : " + listed(declared.choices)
    accepted = {
        "text": isinstance(value, str),
        "template": isinstance(value, str),
        "message": isinstance(value, str),
        "answer": isinstance(value, str),
        "number": isinstance(value, (int, float)) and not isinstance(value, bool),
        "flag": isinstance(value, bool),
        "date": isinstance(value, str) and _DATE.fullmatch(value) is not None,
        "list": isinstance(value, (list, tuple)),
        "record": isinstance(value, dict),
    }
    return None if accepted.get(declared.kind, True) else _EXPECTED[declared.kind]
