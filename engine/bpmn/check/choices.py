"""Comparisons that nothing makes true: an answer compared with a text that its form doesn't offer, the result of a table with one
that the table never gives; in the process and in the tables."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence, Set

from engine.bpmn import dmn as tables
from engine.bpmn.check.data import is_repeated
from engine.bpmn.check.declarations import Declarations
from engine.bpmn.check.readings import Actions, Reading, compared, every_reading, expression_tree
from engine.bpmn.check.report import Report, called, listed
from engine.bpmn.check.sentences import SENTENCES
from engine.bpmn.dmn import Decision
from engine.bpmn.model import Document, Problem, Source
from engine.core.errors import DefinitionError

# Under which code a comparison is told, and the texts that it may be made with, by path.
_Known = Mapping[str, tuple[str, Set[str]]]


def check_choices(
    document: Document,
    found: Mapping[str, Actions],
    dmn: Sequence[Source],
    declarations: Declarations,
    report: Report,
) -> None:
    """Report what is compared with no choice of its question, and with no result of its table. Nothing else writes what bears
    a task's name."""
    decided = list(_decided(dmn))
    known = {**_offered(document, declarations), **_given(document, {table.id: table for _, table in decided})}
    for node, reading in every_reading(document, found):
        for code, facts in _wrong(reading, known):
            report.add(code, node.id, reading.line, node=called(node), **facts)
    for source, table in decided:
        for one in table.written:
            for code, facts in _wrong(Reading(one.text, one.line, ""), known):
                told = SENTENCES[code].format(node=table.name, **facts)
                report.keep(Problem(source.name, one.element_id, one.line, code, f"La table {told}"))


def _wrong(reading: Reading, known: _Known) -> Iterator[tuple[str, dict[str, str]]]:
    for path, text in compared(reading):
        code, texts = known.get(path, ("", frozenset()))
        if code and text and text not in texts:
            yield code, {"path": path, "text": text, "known": listed(texts)}


def _offered(document: Document, declarations: Declarations) -> _Known:
    return {
        f"{node.id}.{path}": ("unknown-choice", choices)
        for node in document.nodes
        if node.is_human and node.form and not is_repeated(node, document)
        for path, choices in declarations.form_choices(node.form).items()
    }


def _given(document: Document, decided: Mapping[str, Decision]) -> _Known:
    """What tables give whose results are all written in them as texts."""
    found = {}
    for node in document.nodes:
        table = decided.get(node.decision or "")
        if (
            node.kind != "businessRuleTask"
            or table is None
            or table.hit_policy == "COLLECT"
            or is_repeated(node, document)
        ):
            continue
        for place, output in enumerate(table.outputs):
            texts = {rule.outputs[place] for rule in table.rules} | {table.defaults[place]}
            constants = [_constant(text) for text in texts if text]
            written = frozenset(text for text in constants if text is not None)
            if written and len(written) == len(set(constants)):
                found[f"{node.id}.{output}"] = ("unknown-outcome", written)
    return found


def _constant(text: str) -> str | None:
    tree = expression_tree(text)
    return tree.value if isinstance(tree, ast.Constant) and isinstance(tree.value, str) else None


def _decided(sources: Sequence[Source]) -> Iterator[tuple[Source, Decision]]:
    """The tables that can be read: what is wrong with the others is told already."""
    for source in sources:
        try:
            yield source, tables.read(source)
        except DefinitionError:
            continue
