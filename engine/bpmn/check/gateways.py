"""Can a choice match nothing? The conditions are tried on values that tell them apart.

What conditions compare is taken apart into atoms (an answer, a call…); each takes the values it is compared with, some
others, and, when its form says which answers it can give, only those. When every combination makes a condition
true, a branch is always taken.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from math import prod
from typing import Any, Final

from engine.bpmn import expressions
from engine.bpmn.check.readings import expression_tree
from engine.bpmn.check.report import Report
from engine.bpmn.grammar import dotted
from engine.bpmn.model import Document
from engine.core.errors import ExpressionError

_MOST_CASES: Final = 4096
_TRUTHS: Final = frozenset({"defined", "contains", "starts_with", "ends_with", "any", "all"})
_OTHER: Final = "autre"

#: The answers that a path can give, when they are few and one of them is always given; None when that isn't known.
Answers = Callable[[str], list[Any] | None]


def check_gateways(document: Document, forms: Mapping[str, bytes], report: Report) -> None:
    """Report choices without a default flow where it may be that no condition is true."""
    given = _answers(document, forms)
    for node in document.nodes:
        if node.kind not in ("exclusiveGateway", "inclusiveGateway") or not node.outgoing:
            continue
        if node.default in node.outgoing:
            continue
        flows = [document.flow_by_id[flow_id] for flow_id in node.outgoing]
        texts = [flow.condition.text for flow in flows if flow.condition is not None]
        if len(texts) < len(flows) or any(expressions.check(text) for text in texts):
            continue  # told as such, or the only way out
        gap = _gap(texts, given)
        if gap is not None:
            report.on("may-match-nothing", node, example=gap)


@dataclass
class _Atoms:
    """What the conditions compare, each under a name of ours, with the values that tell the conditions apart."""

    values: dict[str, list[Any]] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    ordered: set[str] = field(default_factory=set)
    truths: set[str] = field(default_factory=set)

    def name(self, node: ast.expr) -> str:
        key = ast.dump(node)
        if key not in self.names:
            name = self.names[key] = f"a{len(self.names)}"
            self.values[name] = []
            self.texts[name] = ast.unparse(node)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _TRUTHS:
                self.truths.add(name)
        return self.names[key]


class _Apart(ast.NodeTransformer):
    """Puts a name of ours in place of everything that isn't logic, comparison or constant."""

    def __init__(self, atoms: _Atoms) -> None:
        self.atoms = atoms

    def visit(self, node: ast.AST) -> ast.AST:
        if isinstance(node, (ast.BoolOp, ast.Compare, ast.List, ast.Tuple)):
            if isinstance(node, ast.Compare):
                self.compared(node)
            return self.generic_visit(node)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.Not, ast.USub)):
            return self.generic_visit(node)
        if isinstance(node, ast.expr) and not isinstance(node, ast.Constant):
            return ast.Name(self.atoms.name(node), ast.Load())
        return node

    def compared(self, node: ast.Compare) -> None:
        sides = [node.left, *node.comparators]
        for operator, left, right in zip(node.ops, sides, sides[1:], strict=False):
            for one, other in ((left, right), (right, left)):
                if isinstance(one, (ast.Constant, ast.List, ast.Tuple)):
                    continue
                name = self.atoms.name(one)
                self.atoms.values[name].extend(_constants(other))
                if isinstance(operator, (ast.Lt, ast.LtE, ast.Gt, ast.GtE)):
                    self.atoms.ordered.add(name)


def _constants(node: ast.expr) -> Iterator[Any]:
    try:
        value = ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError):
        return
    yield from value if isinstance(value, (list, tuple)) else [value]


def _gap(conditions: list[str], given: Answers) -> str | None:
    """A case where no condition holds, in French words; None when one always does."""
    atoms = _Atoms()
    texts = []
    for condition in conditions:
        tree = expression_tree(condition)
        if tree is None:
            return ""
        texts.append(ast.unparse(ast.fix_missing_locations(_Apart(atoms).visit(tree))))
    choices = {name: _values(name, atoms, given) for name in atoms.values}
    if prod(map(len, choices.values())) > _MOST_CASES:
        return ""
    tried = False
    for case in product(*choices.values()):
        names = dict(zip(choices, case, strict=True))
        try:
            # The gateway reads its conditions one after the other, up to the first that holds.
            if any(expressions.evaluate(text, names) for text in texts):
                tried = True
                continue
        except ExpressionError:
            continue  # a missing value in a comparison is another fault than a missing branch
        said = [f"« {atoms.texts[name]} » {_said(value, choices[name])}" for name, value in names.items()]
        return f", par exemple si {' et '.join(said)}" if said else ""
    return None if tried else ""


def _values(name: str, atoms: _Atoms, given: Answers) -> list[Any]:
    answers = given(atoms.texts[name])
    if answers is not None:
        return answers
    if name in atoms.truths:
        return [True, False]
    compared = [value for value in atoms.values[name] if value is not None]
    numbers = [value for value in compared if isinstance(value, (int, float)) and not isinstance(value, bool)]
    texts = [value for value in compared if isinstance(value, str)]
    found: list[Any] = [None]
    if numbers or (name in atoms.ordered and not texts):
        found += [number + step for number in numbers or [0] for step in (-0.5, 0, 0.5)]
    if texts:
        found += [
            near for text in texts for near in ([text, text + "~", text[:-1]] if name in atoms.ordered else [text])
        ]
        found.append(_OTHER)
    if not numbers and not texts and name not in atoms.ordered:
        found += [True, False]
    return [value for index, value in enumerate(found) if not any(_same(value, known) for known in found[:index])]


def _same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and bool(one == other)


def _said(value: Any, choices: list[Any]) -> str:
    if value is None:
        return "n’a pas de valeur"
    if value is True:
        return "est vrai"
    if value is False:
        return "est faux"
    if value == _OTHER and len(choices) > 1:
        return "a une autre valeur"
    return f"vaut « {value} »"


# --- What forms can answer -------------------------------------------------------------------------------------------


def _answers(document: Document, forms: Mapping[str, bytes]) -> Answers:
    schemas: dict[str, Any] = {}
    for node in document.nodes:
        if node.is_human and node.form in forms and node.loop is None:
            schemas[node.id] = {"$ref": node.form}

    def given(text: str) -> list[Any] | None:
        tree = expression_tree(text)
        path = dotted(tree) if tree is not None else None
        if path is None or path.split(".")[0] not in schemas:
            return None
        start, *steps = path.split(".")
        schema = _resolved(schemas[start], forms)
        for step in steps:
            if not isinstance(schema, dict) or step not in schema.get("required", ()):
                return None
            schema = _resolved(schema.get("properties", {}).get(step), forms)
        return _few(schema) if isinstance(schema, dict) else None

    return given


def _resolved(schema: Any, forms: Mapping[str, bytes]) -> Any:
    """The schema behind a reference to a whole file; what else it says beside the reference counts too."""
    if not isinstance(schema, dict) or not isinstance(schema.get("$ref"), str):
        return schema
    try:
        target = json.loads(forms.get(schema["$ref"], b"null"))
    except (ValueError, RecursionError):
        return None
    return (
        {**target, **{key: value for key, value in schema.items() if key != "$ref"}}
        if isinstance(target, dict)
        else None
    )


def _few(schema: Mapping[str, Any]) -> list[Any] | None:
    if "const" in schema:
        return [schema["const"]]
    if isinstance(schema.get("enum"), list):
        return list(schema["enum"])
    choices = schema.get("oneOf")
    if isinstance(choices, list) and choices and all(isinstance(one, dict) and "const" in one for one in choices):
        return [one["const"] for one in choices]
    return [True, False] if schema.get("type") == "boolean" else None
