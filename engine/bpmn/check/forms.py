"""The forms of human tasks: are they there, and sound?"""

from __future__ import annotations

import difflib
from collections.abc import Mapping

from engine.bpmn.check.declarations import Declarations
from engine.bpmn.check.report import Report
from engine.bpmn.model import Document, Problem


def check_forms(document: Document, forms: Mapping[str, bytes], declarations: Declarations, report: Report) -> None:
    """Report user tasks without a form, forms that don't exist, and what is wrong inside those that do."""
    for node in document.nodes:
        if not node.is_human:
            continue
        if node.form is None:
            if node.kind == "userTask" and node.step != "appointment":
                report.on("no-form", node)
        elif node.form not in forms:
            near = difflib.get_close_matches(node.form, forms, 1)
            hint = f"vouliez-vous dire « {near[0]} » ?" if near else "ajoutez ce fichier, ou corrigez son nom."
            report.on("unknown-form", node, form=node.form, hint=hint)
    used = dict.fromkeys(node.form for node in document.nodes if node.form in forms)
    for name in used:
        for found in declarations.form_problems(name or ""):
            sentence = found.message[:1].upper() + found.message[1:]
            report.keep(Problem(found.file, found.pointer, found.line, found.code, sentence))
