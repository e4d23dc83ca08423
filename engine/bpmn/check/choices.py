"""Comparisons that no answer makes true: an answer compared with a text that its form doesn't offer."""

from __future__ import annotations

from collections.abc import Mapping

from engine.bpmn.check.data import is_repeated
from engine.bpmn.check.declarations import Declarations
from engine.bpmn.check.readings import Actions, compared, every_reading
from engine.bpmn.check.report import Report, called, listed
from engine.bpmn.model import Document


def check_choices(document: Document, found: Mapping[str, Actions], declarations: Declarations, report: Report) -> None:
    """Report what is compared with no choice of its question. Nothing else writes what bears a task's name."""
    offered = {
        f"{node.id}.{path}": choices
        for node in document.nodes
        if node.is_human and node.form and not is_repeated(node, document)
        for path, choices in declarations.form_choices(node.form).items()
    }
    for node, reading in every_reading(document, found):
        for path, text in compared(reading):
            if path in offered and text and text not in offered[path]:
                facts = {"node": called(node), "path": path, "text": text, "known": listed(offered[path])}
                report.add("unknown-choice", node.id, reading.line, **facts)
