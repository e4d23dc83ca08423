"""Timers and repeats: are they complete, and do their values make sense?"""

from __future__ import annotations

import ast

from engine.bpmn.check.readings import expression_tree
from engine.bpmn.check.report import Report, called
from engine.bpmn.model import Document, Loop, Node
from engine.bpmn.timers import check_value, literal

_EXPECTED = {
    "date": "une date (par exemple 2026-03-01)",
    "duration": "une durée (par exemple P10D, dix jours)",
    "cycle": "une répétition (par exemple R3/P7D, trois fois tous les sept jours)",
}


def check_timers(document: Document, report: Report) -> None:
    """Report timers without a due time or with an impossible one, and repeats that lack something."""
    for node in document.nodes:
        for event in node.events:
            if event.kind != "timer":
                continue
            if event.timer is None:
                report.add("no-timer", node.id, event.line, node=called(node))
                continue
            text = _written(event.timer.expression.text)
            if text is not None and check_value(event.timer.kind, text) is not None:
                facts = {"node": called(node), "text": text, "expected": _EXPECTED[event.timer.kind]}
                report.add("bad-timer", node.id, event.timer.expression.line, **facts)
        if node.loop is not None:
            _check_loop(node, node.loop, report)


def _written(text: str) -> str | None:
    """The value when it is written there (`P10D` or `"P10D"`), None when it is computed."""
    bare = literal(text)
    if bare is not None:
        return bare
    tree = expression_tree(text)
    if isinstance(tree, ast.Constant):
        return str(tree.value)
    return None


def _check_loop(node: Node, loop: Loop, report: Report) -> None:
    why = None
    if loop.kind == "standard":
        if loop.condition is None and loop.maximum is None:
            why = "donnez une condition, ou un nombre de tours"
        elif loop.maximum is not None and not loop.maximum.isdecimal():
            why = f"le nombre de tours « {loop.maximum} » n’est pas un nombre"
    elif loop.collection is None and loop.cardinality is None:
        why = "donnez la liste à parcourir, ou un nombre de fois"
    elif loop.collection is not None and loop.cardinality is not None:
        why = "donnez la liste à parcourir ou un nombre de fois, mais pas les deux"
    if why is not None:
        report.add("bad-loop", node.id, loop.line, node=called(node), why=why)
