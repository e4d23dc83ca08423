"""What each node reads and writes, in order: the expressions in their places, and the names that get a value."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from engine.bpmn import expressions
from engine.bpmn.check.declarations import Declarations
from engine.bpmn.grammar import dotted
from engine.bpmn.model import Document, Expression, Flow, Node, Operator
from engine.bpmn.timers import literal


@dataclass(frozen=True)
class Reading:
    """An expression (or a script, or a text with placeholders) in its place. `where` says it in French."""

    text: str
    line: int
    where: str
    mode: str = "expression"


@dataclass(frozen=True)
class Writing:
    """Names that get a value there. `stored`: kept under an element's identifier, in a list when it repeats."""

    names: frozenset[str]
    line: int
    where: str
    stored: bool = False


Action = Reading | Writing


@dataclass(frozen=True)
class Actions:
    """What a node does: `before`, then `body` and `after_turn` (as often as its loop turns), then `after`."""

    before: tuple[Action, ...]
    body: tuple[Action, ...]
    after_turn: tuple[Action, ...]
    after: tuple[Action, ...]

    def all(self) -> Iterator[Action]:
        """All of them, in order."""
        yield from (*self.before, *self.body, *self.after_turn, *self.after)


#: What each decision reads (its inputs' expressions) and gives (its outputs' names), by its identifier.
Decisions = Mapping[str, tuple[tuple[str, ...], frozenset[str]]]

CATCHES: Final = frozenset({"intermediateCatchEvent", "boundaryEvent", "receiveTask"})
_AFTER: Final = "le script d’après"
_BEFORE: Final = "le script d’avant"


def actions(node: Node, decisions: Decisions, declarations: Declarations) -> Actions:
    """What the node reads and writes."""
    before = [*_script(node.pre_script, _BEFORE)]
    after_turn: list[Action] = []
    after = [*_script(node.post_script, _AFTER)]
    if node.loop is not None:
        loop = node.loop
        if loop.collection:
            before.append(Reading(loop.collection, loop.line, "la liste de la répétition"))
        before.extend(_expression(loop.cardinality, "le nombre de répétitions"))
        if loop.output and loop.output_item:
            after_turn.append(Reading(loop.output_item, loop.line, "le résultat de la répétition"))
        after_turn.extend(_expression(loop.condition, "la condition de la répétition"))
        if loop.output:
            after.insert(0, Writing(frozenset({loop.output}), loop.line, "la répétition"))
    body: list[Action] = [*_events(node), *_script(node.script, "le script")]
    body += [*_operation(node, declarations), *_decision(node, decisions)]
    if node.is_human:
        if "{" in node.documentation:
            body.append(Reading(node.documentation, node.line, "les instructions", mode="template"))
        body.append(Writing(frozenset({node.id}), node.line, "la tâche", stored=True))
    return Actions(tuple(before), tuple(body), tuple(after_turn), tuple(after))


def condition(flow: Flow) -> Reading | None:
    """The condition of a flow, if it has one."""
    if flow.condition is None:
        return None
    return Reading(flow.condition.text, flow.condition.line, f"la condition de la flèche « {flow.name or flow.id} »")


def _expression(found: Expression | None, where: str) -> Iterator[Action]:
    if found is not None:
        yield Reading(found.text, found.line, where)


def _script(found: Expression | None, where: str) -> Iterator[Action]:
    if found is not None:
        yield Reading(found.text, found.line, where, mode="script")
        yield Writing(frozenset(assigned(found.text)), found.line, where)


def _events(node: Node) -> Iterator[Action]:
    for event in node.events:
        if event.timer is not None and literal(event.timer.expression.text) is None:
            yield Reading(event.timer.expression.text, event.timer.expression.line, "la minuterie")
        yield from _expression(event.condition, "la condition")
        yield from _expression(event.payload, "le contenu du message")
        if event.variable:
            yield Writing(frozenset({event.variable}), event.line, "le message")
        elif event.kind in ("message", "signal", "error", "escalation") and node.kind in CATCHES:
            yield Writing(frozenset({node.id}), event.line, "le message", stored=True)
    if node.kind == "receiveTask" and node.message_ref:
        yield Writing(frozenset({node.id}), node.line, "le message", stored=True)


def _operation(node: Node, declarations: Declarations) -> Iterator[Action]:
    if node.operator is None:
        return
    signature = declarations.operations.get(node.operator.name)
    for parameter in node.operator.parameters:
        where = f"le paramètre « {parameter.name} »"
        yield Reading(parameter.value, parameter.line, where)
        declared = signature.parameters.get(parameter.name) if signature else None
        if declared is not None and declared.kind == "template":
            for text in texts(parameter.value):
                yield Reading(text, parameter.line, where, mode="template")
        elif declared is not None and declared.kind == "message" and not has_body(node.operator):
            for name in texts(parameter.value):
                for text in (declarations.messages or {}).get(name, ()):
                    yield Reading(text, parameter.line, f"le message « {name} »", mode="template")
    if node.operator.result:
        yield Writing(frozenset({node.operator.result}), node.operator.line, "le résultat de l’opération")


def has_body(operator: Operator) -> bool:
    """Whether a message is written on the spot, rather than named."""
    return any(parameter.name == "body" for parameter in operator.parameters)


def texts(text: str) -> Iterator[str]:
    """The texts written in an expression that gives a message: its placeholders are read too."""
    tree = expression_tree(text)
    if tree is None:
        return
    for node in _given(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def _given(node: ast.expr) -> Iterator[ast.expr]:
    """The parts of an expression that are its value: either side of a choice, each piece of a sum."""
    if isinstance(node, ast.IfExp):
        yield from (*_given(node.body), *_given(node.orelse))
    elif isinstance(node, ast.BinOp):
        yield from (*_given(node.left), *_given(node.right))
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "concat":
        for argument in node.args:
            yield from _given(argument)
    else:
        yield node


def _decision(node: Node, decisions: Decisions) -> Iterator[Action]:
    if node.decision is None:
        return
    inputs, _ = decisions.get(node.decision, ((), frozenset()))
    for text in inputs:
        yield Reading(text, node.line, f"la table « {node.decision} »")
    yield Writing(frozenset({node.id}), node.line, f"la table « {node.decision} »", stored=True)


# --- Looking into texts -----------------------------------------------------------------------------------------------


def why_wrong(reading: Reading) -> str | None:
    """Why the text can't be read, in French; None when it can."""
    checks = {
        "expression": expressions.check,
        "script": expressions.check_script,
        "template": expressions.check_template,
    }
    return checks[reading.mode](reading.text)


def names_read(reading: Reading) -> set[str]:
    """The dotted paths that must have a value where the text stands; nothing when it is wrong."""
    if why_wrong(reading) is not None:
        return set()
    if reading.mode == "template":
        return expressions.template_names(reading.text)
    return expressions.names_read(reading.text)


def expression_tree(text: str) -> ast.expr | None:
    """The tree of an expression, None when it can't be parsed."""
    try:
        return ast.parse(f"({text.strip()}\n)", mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _trees(reading: Reading) -> Iterator[ast.AST]:
    if reading.mode == "script":
        try:
            for statement in ast.parse(inspect.cleandoc(reading.text)).body:
                yield statement.value if isinstance(statement, ast.Assign) else statement
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return
    elif reading.mode == "template":
        if why_wrong(reading) is None:
            for path in sorted(expressions.template_names(reading.text)):
                tree = expression_tree(path)
                if tree is not None:
                    yield tree
    elif (tree := expression_tree(reading.text)) is not None:
        yield tree


def assigned(script: str) -> list[str]:
    """The names that a script gives a value to, even those that it may not."""
    try:
        statements = ast.parse(inspect.cleandoc(script)).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    return [
        target.id
        for statement in statements
        if isinstance(statement, ast.Assign)
        for target in statement.targets
        if isinstance(target, ast.Name)
    ]


def paths(reading: Reading) -> set[str]:
    """Every dotted path of the text, whole, even under `defined(…)`."""
    return {path for tree in _trees(reading) for path in _paths(tree)}


def _paths(node: ast.AST) -> Iterator[str]:
    path = dotted(node)
    if path is not None:
        yield path
        return
    children = [*node.args, *node.keywords] if isinstance(node, ast.Call) else ast.iter_child_nodes(node)
    for child in children:
        yield from _paths(child)


def compared(reading: Reading) -> Iterator[tuple[str, str]]:
    """Every dotted path that the text compares with a text, and that text: with `==`, `!=`, `in` or `not in` a list."""
    for tree in _trees(reading):
        for node in ast.walk(tree):
            if isinstance(node, ast.Compare) and len(node.ops) == 1:
                yield from _compared(node.left, node.ops[0], node.comparators[0])


def _compared(left: ast.expr, sign: ast.cmpop, right: ast.expr) -> Iterator[tuple[str, str]]:
    if isinstance(sign, ast.Eq | ast.NotEq):
        for one, other in ((left, right), (right, left)):
            path = dotted(one)
            if path is not None and isinstance(other, ast.Constant) and isinstance(other.value, str):
                yield path, other.value
    elif isinstance(sign, ast.In | ast.NotIn) and isinstance(right, ast.List | ast.Tuple):
        path = dotted(left)
        for one in right.elts:
            if path is not None and isinstance(one, ast.Constant) and isinstance(one.value, str):
                yield path, one.value


def functions(reading: Reading) -> list[str]:
    """The names of the functions that the text calls."""
    return [
        node.func.id
        for tree in _trees(reading)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    ]


def sure(text: str, *, holds: bool) -> frozenset[str]:
    """The names that have a value for sure when the condition holds (or doesn't), because it asks `defined(name)`."""
    tree = expression_tree(text)
    return frozenset() if tree is None else _sure(tree, holds)


def _sure(node: ast.expr, holds: bool) -> frozenset[str]:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return _sure(node.operand, not holds)
    if isinstance(node, ast.BoolOp):
        parts = [_sure(value, holds) for value in node.values]
        every_part = isinstance(node.op, ast.And) == holds
        return frozenset.union(*parts) if every_part else frozenset.intersection(*parts)
    is_call = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "defined"
    if holds and is_call and isinstance(node, ast.Call) and len(node.args) == 1:
        path = dotted(node.args[0])
        return frozenset({path.split(".")[0]}) if path else frozenset()
    return frozenset()


def every_reading(document: Document, found: Mapping[str, Actions]) -> Iterator[tuple[Node, Reading]]:
    """Every text of the document that is read, with the node that reads it."""
    for node in document.nodes:
        for action in found[node.id].all():
            if isinstance(action, Reading):
                yield node, action
        for flow_id in node.outgoing:
            reading = condition(document.flow_by_id[flow_id])
            if reading is not None:
                yield node, reading
