"""Business rule tasks and their decision tables."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from engine.bpmn import dmn as tables
from engine.bpmn.check.readings import Decisions
from engine.bpmn.check.report import Report, listed
from engine.bpmn.model import Document, Problem, Source
from engine.core.errors import DefinitionError


def read_decisions(sources: Sequence[Source], report: Report) -> Decisions:
    """What each table reads and gives, by its identifier; report what is wrong inside the tables."""
    found: dict[str, tuple[tuple[str, ...], frozenset[str]]] = {}
    for source in sources:
        try:
            decision = tables.read(source)
        except DefinitionError as error:
            for problem in error.problems:
                if isinstance(problem, Problem):
                    report.keep(problem)
        else:
            found[decision.id] = (tuple(sorted(decision.names_read())), frozenset(decision.outputs))
    return found


def check_decisions(document: Document, sources: Sequence[Source], decisions: Decisions, report: Report) -> None:
    """Report tasks that name no decision, or one that isn't there."""
    for node in document.nodes:
        if node.kind != "businessRuleTask":
            continue
        if node.decision is None:
            report.on("no-decision", node)
        elif node.decision not in decisions and not _is_broken(node.decision, sources, decisions):
            near = difflib.get_close_matches(node.decision, decisions, 1)
            if near:
                hint = f"vouliez-vous dire « {near[0]} » ?"
            elif decisions:
                hint = f"les décisions connues sont {listed(decisions)}."
            else:
                hint = "posez sa table dans un fichier « .dmn » à côté du processus."
            report.on("unknown-decision", node, name=node.decision, hint=hint)


def _is_broken(name: str, sources: Sequence[Source], decisions: Decisions) -> bool:
    """Is it in a table that can't be read, which is told already?"""
    return len(sources) > len(decisions) and any(f'"{name}"'.encode() in source.content for source in sources)
