"""Decision tables (DMN): which rules match, what they decide, and which ones decided.

Cells are the unary tests that tables need (comparisons, ranges, lists, `not(…)`, `-`), over the expression language of
processes. One decision a file. Hit policies: UNIQUE, FIRST and COLLECT (with its sum, smallest, largest and count).
"""

from __future__ import annotations

import operator
import re
from collections import ChainMap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from lxml import etree

from engine.bpmn import expressions
from engine.bpmn.model import Problem, Source, parse_xml
from engine.core.errors import DefinitionError, ExpressionError

_WORDS: Mapping[str, Any] = {"true": True, "false": False, "null": None}
_INPUT = "valeur_testee"  # stands for `?` in a cell
_AGGREGATIONS: Mapping[str, Callable[[list[Any]], Any]] = {"SUM": sum, "MIN": min, "MAX": max, "COUNT": len}
_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "!=": operator.ne,
    "==": operator.eq,
    "<": operator.lt,
    ">": operator.gt,
    "=": operator.eq,
}
_PATH = re.compile(r"\w+(\.\w+)*")
_COMPARISON = re.compile(r"\s*(<=|>=|!=|==|=|<|>)")

Test = Callable[[Any, Mapping[str, Any]], bool]


@dataclass(frozen=True)
class DecisionResult:
    """What was decided, by output name, and the ids of the rules that decided."""

    values: dict[str, Any]
    rule_ids: tuple[str, ...]


@dataclass(frozen=True)
class Cell:
    """An input cell: its text, its compiled test, the names it reads, and what it asks as expressions of its column's input,
    which is called `valeur_testee` there."""

    text: str
    test: Test
    names: frozenset[str]
    asks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Written:
    """An expression in its place in the file. That of a cell says whole what it asks of its column's input."""

    element_id: str
    line: int
    text: str


@dataclass(frozen=True)
class Rule:
    """A row of the table; `description` is the analyst's annotation."""

    id: str
    cells: tuple[Cell, ...]
    outputs: tuple[str, ...]
    description: str
    line: int


@dataclass(frozen=True)
class Decision:
    """A decision table. Immutable, shared between cases."""

    id: str
    name: str
    hit_policy: str
    aggregation: str | None
    inputs: tuple[str, ...]
    labels: tuple[str, ...]
    outputs: tuple[str, ...]
    defaults: tuple[str, ...]
    rules: tuple[Rule, ...]
    written: tuple[Written, ...] = ()

    def names_read(self) -> set[str]:
        """The dotted paths that the table reads."""
        texts = [*self.inputs, *self.defaults, *(text for rule in self.rules for text in rule.outputs)]
        read = {path for text in texts if text for path in expressions.names_read(text)}
        read |= {path for rule in self.rules for cell in rule.cells for path in cell.names}
        return {path for path in read if path.split(".")[0] not in _WORDS and path.split(".")[0] != _INPUT}

    def decide(self, names: Mapping[str, Any]) -> DecisionResult:
        """Decide, or raise `ExpressionError` when an expression fails or several rules of a UNIQUE table match."""
        known: Mapping[str, Any] = ChainMap(dict(_WORDS), names)  # type: ignore[arg-type]
        values = [expressions.evaluate(text, known) for text in self.inputs]
        matching = []
        for rule in self.rules:
            if all(cell.test(value, known) for cell, value in zip(rule.cells, values, strict=True)):
                matching.append(rule)
                if self.hit_policy == "FIRST":
                    break
        if self.hit_policy == "UNIQUE" and len(matching) > 1:
            which = ", ".join(rule.id for rule in matching)
            raise ExpressionError(f"Plusieurs règles de la table « {self.name} » s’appliquent à la fois : {which}.")
        rows = [[_value(text, known) for text in rule.outputs] for rule in matching]
        ids = tuple(rule.id for rule in matching)
        if self.hit_policy == "COLLECT":
            columns = [[row[n] for row in rows] for n in range(len(self.outputs))]
            return DecisionResult(dict(zip(self.outputs, map(self._collected, columns), strict=True)), ids)
        row = rows[0] if rows else [_value(text, known) for text in self.defaults]
        return DecisionResult(dict(zip(self.outputs, row, strict=True)), ids)

    def _collected(self, column: list[Any]) -> Any:
        if self.aggregation is None:
            return column
        if self.aggregation == "COUNT":
            return len(column)
        numbers = [value for value in column if value is not None]
        try:
            return _AGGREGATIONS[self.aggregation](numbers) if numbers else None
        except TypeError:
            raise ExpressionError(f"La table « {self.name} » ne peut cumuler que des nombres.") from None


def _value(text: str, names: Mapping[str, Any]) -> Any:
    return expressions.evaluate(text, names) if text else None


# --- Cells -----------------------------------------------------------------------------------------------------------


def cell(text: str) -> Cell:
    """Compile an input cell, or raise `ExpressionError`."""
    body, negated = text.strip(), False
    if body in ("", "-"):
        return Cell(text, lambda value, names: True, frozenset())
    found = re.fullmatch(r"not\s*\((.*)\)", body, re.DOTALL)
    if found and _closes_at_end(body):
        body, negated = found[1], True
    tests: list[Test] = []
    read: set[str] = set()
    asks: list[str] = []
    for test, texts, asked in _tests(body):
        tests.append(test)
        asks.append(asked)
        read |= {path for part in texts for path in expressions.names_read(part)}

    def run(value: Any, names: Mapping[str, Any]) -> bool:
        return any(test(value, names) for test in tests) is not negated

    return Cell(text, run, frozenset(read), tuple(asks))


def _closes_at_end(text: str) -> bool:
    """Whether the first bracket of `text` is closed by its last character."""
    depth = 0
    for at, character in _outside_quotes(text):
        depth += (character == "(") - (character == ")")
        if depth == 0 and character == ")":
            return at == len(text) - 1
    return False


def _outside_quotes(text: str) -> Iterator[tuple[int, str]]:
    quote = ""
    for at, character in enumerate(text):
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        else:
            yield at, character


def _tests(text: str) -> Iterator[tuple[Test, list[str], str]]:
    """The tests of a cell, separated by commas, each with the expressions it holds and what it asks as one."""
    rest = text
    while True:
        rest = rest.strip()
        interval = _interval(rest)
        if interval is not None:
            test, texts, end = interval
            asked = f"{_INPUT} in [{', '.join(texts)}]"
        else:
            end = _until_comma(rest)
            test, texts, asked = _single(rest[:end])
        yield test, texts, asked
        rest = rest[end:].strip()
        if not rest:
            return
        if not rest.startswith(","):
            raise ExpressionError("Une virgule sépare les valeurs d’une case.")
        rest = rest[1:]


def _until_comma(text: str) -> int:
    depth = 0
    for at, character in _outside_quotes(text):
        depth += (character in "([{") - (character in ")]}")
        if character == "," and depth == 0:
            return at
    return len(text)


def _interval(text: str) -> tuple[Test, list[str], int] | None:
    """`[a..b]`, `]a..b[`, `(a..b)` at the start of `text`; None when it starts with anything else."""
    if text[:1] not in ("[", "]", "("):
        return None
    depth, middle = 0, 0
    for at, character in _outside_quotes(text):
        if at == 0:
            continue
        if not depth and not middle and text.startswith("..", at):
            middle = at
        elif not depth and character in "[])" and (middle or character == ")"):
            if not middle:
                return None
            low, high = text[1:middle].strip(), text[middle + 2 : at].strip()
            _must_be_expression(low, high)
            return _between(text[0], low, high, character), [low, high], at + 1
        elif not depth and not middle and character == ",":
            return None
        depth += (character in "([{") - (character in ")]}")
        if depth < 0:
            return None
    return None


def _between(opening: str, low: str, high: str, closing: str) -> Test:
    after = operator.ge if opening == "[" else operator.gt
    before = operator.le if closing == "]" else operator.lt

    def run(value: Any, names: Mapping[str, Any]) -> bool:
        return _compare(after, value, _value(low, names)) and _compare(before, value, _value(high, names))

    return run


def _single(text: str) -> tuple[Test, list[str], str]:
    found = _COMPARISON.match(text)
    if found:
        compare, body = _COMPARISONS[found[1]], text[found.end() :].strip()
        _must_be_expression(body)
        sign = "==" if found[1] == "=" else found[1]
        return (lambda value, names: _compare(compare, value, _value(body, names))), [body], f"{_INPUT} {sign} ({body})"
    marks = {at for at, character in _outside_quotes(text) if character == "?"}
    if marks:
        body = "".join(_INPUT if at in marks else character for at, character in enumerate(text)).strip()
        _must_be_expression(body)
        return (lambda value, names: bool(_value(body, ChainMap({_INPUT: value}, names)))), [body], body
    body = text.strip()
    _must_be_expression(body)
    sign = "in" if body.startswith("[") else "=="
    return (lambda value, names: _is_among(value, _value(body, names))), [body], f"{_INPUT} {sign} ({body})"


def _must_be_expression(*texts: str) -> None:
    for text in texts:
        reason = expressions.check(text)
        if reason:
            raise ExpressionError(reason)


def _kind(value: Any) -> str:
    return "number" if isinstance(value, (int, float)) and not isinstance(value, bool) else type(value).__name__


def _compare(compare: Callable[[Any, Any], bool], value: Any, other: Any) -> bool:
    """Values of different kinds are different, and neither is greater: a missing answer matches no comparison."""
    if _kind(value) != _kind(other):
        return compare is operator.ne
    try:
        return bool(compare(value, other))
    except TypeError:
        return False


def _is_among(value: Any, other: Any) -> bool:
    if isinstance(other, list) and not isinstance(value, list):
        return any(_compare(operator.eq, value, item) for item in other)
    return _compare(operator.eq, value, other)


# --- Reading ---------------------------------------------------------------------------------------------------------


def read(source: Source) -> Decision:
    """Read a DMN file, or raise `DefinitionError` with every problem found and its line."""
    root = parse_xml(source)
    problems: list[Problem] = []
    written: list[Written] = []

    def problem(element: etree._Element, code: str, message: str) -> None:
        problems.append(Problem(source.name, element.get("id", ""), _line(element), code, message))

    decisions = [element for element in _children(root, "decision") if _children(element, "decisionTable")]
    if len(decisions) != 1:
        problem(root, "dmn", "Le fichier doit contenir une table de décision, et une seule.")
        raise DefinitionError(problems)
    decision = decisions[0]
    table = _children(decision, "decisionTable")[0]
    policy = table.get("hitPolicy", "UNIQUE")
    aggregation = table.get("aggregation")
    if policy not in ("UNIQUE", "FIRST", "COLLECT"):
        problem(
            table, "dmn-hit-policy", f"La politique « {policy} » n’est pas prise en charge : UNIQUE, FIRST ou COLLECT."
        )
    if aggregation is not None and aggregation not in _AGGREGATIONS:
        problem(table, "dmn-hit-policy", f"Le cumul « {aggregation} » n’existe pas : SUM, MIN, MAX ou COUNT.")

    def expression(element: etree._Element, *, optional: bool = False) -> str:
        text = _text(element, "text")
        reason = None if optional and not text else expressions.check(text)
        if reason:
            problem(element, "dmn-expression", reason)
        written.append(Written(element.get("id", ""), _line(element), text))
        return text

    inputs, labels = [], []
    for column in _children(table, "input"):
        inner = _children(column, "inputExpression")
        inputs.append(expression(inner[0]) if inner else "")
        labels.append(column.get("label") or inputs[-1])
        if not inner:
            problem(column, "dmn-expression", "Cette colonne d’entrée n’a pas d’expression.")
    outputs, defaults = [], []
    for column in _children(table, "output"):
        outputs.append(column.get("name") or column.get("label") or "resultat")
        default = _children(column, "defaultOutputEntry")
        defaults.append(expression(default[0], optional=True) if default else "")
    if not outputs or len(set(outputs)) != len(outputs):
        problem(table, "dmn-output", "Chaque colonne de sortie doit avoir un nom à elle.")

    rules = []
    for number, row in enumerate(_children(table, "rule"), 1):
        cells = []
        for place, entry in enumerate(_children(row, "inputEntry")):
            try:
                cells.append(cell(_text(entry, "text")))
            except ExpressionError as error:
                problem(entry, "dmn-expression", error.message)
            else:
                # A column that asks something itself has said so once.
                asked_of = inputs[place] if place < len(inputs) and _PATH.fullmatch(inputs[place]) else _INPUT
                for asked in cells[-1].asks:
                    written.append(Written(entry.get("id", ""), _line(entry), asked.replace(_INPUT, asked_of)))
        values = [expression(entry, optional=True) for entry in _children(row, "outputEntry")]
        counts = len(_children(row, "inputEntry")), len(values)
        if counts != (len(inputs), len(outputs)):
            problem(row, "dmn-rule", "Cette règle n’a pas autant de cases que la table a de colonnes.")
        notes = " ".join(_text(note, "text") for note in _children(row, "annotationEntry"))
        description = _text(row, "description") or notes
        line = _line(row)
        rules.append(Rule(row.get("id") or f"regle_{number}", tuple(cells), tuple(values), description, line))
    if not rules:
        problem(table, "dmn-rule", "La table n’a aucune règle.")
    if problems:
        raise DefinitionError(problems)
    return Decision(
        id=decision.get("id", ""),
        name=decision.get("name", "") or decision.get("id", ""),
        hit_policy=policy,
        aggregation=aggregation,
        inputs=tuple(inputs),
        labels=tuple(labels),
        outputs=tuple(outputs),
        defaults=tuple(defaults),
        rules=tuple(rules),
        written=tuple(written),
    )


def _line(element: etree._Element) -> int:
    return cast("int | None", element.sourceline) or 0


def _children(element: etree._Element, name: str) -> Sequence[etree._Element]:
    return [child for child in element if etree.QName(child).localname == name]


def _text(element: etree._Element, name: str) -> str:
    return "".join("".join(map(str, child.itertext())) for child in _children(element, name)).strip()
