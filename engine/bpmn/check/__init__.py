"""The checker: everything that is wrong with a process and what it uses, at once, in words for its analyst (F2).

It stands on nothing but the BPMN room: what it has to know of the rest of the platform it is handed as `Declarations`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.bpmn import parser
from engine.bpmn.check.choices import check_choices
from engine.bpmn.check.data import check_data
from engine.bpmn.check.decisions import check_decisions, read_decisions
from engine.bpmn.check.declarations import Declarations, FormProblem, OperationSignature, ParameterSignature
from engine.bpmn.check.elements import check_elements
from engine.bpmn.check.forms import check_forms
from engine.bpmn.check.gateways import check_gateways
from engine.bpmn.check.graph import check_graph
from engine.bpmn.check.operations import check_operations
from engine.bpmn.check.properties import PROCESS_PROPERTIES, STEPS, check_properties
from engine.bpmn.check.readings import actions
from engine.bpmn.check.report import Report
from engine.bpmn.check.schema import check_schema
from engine.bpmn.check.sentences import SENTENCES, typeset
from engine.bpmn.check.timers import check_timers
from engine.bpmn.check.tokens import check_tokens
from engine.bpmn.check.wizard import before_filing, check_wizard
from engine.bpmn.model import Problem, Source, read
from engine.core.errors import DefinitionError

__all__ = [
    "PROCESS_PROPERTIES",
    "SENTENCES",
    "STEPS",
    "Declarations",
    "FormProblem",
    "OperationSignature",
    "ParameterSignature",
    "Problem",
    "check",
    "typeset",
]


def check(
    bpmn: Source, *, forms: Mapping[str, bytes], dmn: Sequence[Source], declarations: Declarations
) -> list[Problem]:
    """Every problem of a process, of its decision tables and of its forms; an empty list when it can be deployed.

    The problems of the process come first, by line, then those of the other files.
    """
    report = Report(bpmn.name)
    decisions = read_decisions(dmn, report)
    try:
        document = read(bpmn)
        if not document.processes:
            document.process  # noqa: B018 - says so
    except DefinitionError as error:
        return [problem for problem in error.problems if isinstance(problem, Problem)]
    check_schema(bpmn, report)
    check_elements(bpmn, document, declarations, report)
    check_properties(document, report)
    check_graph(document, report)
    check_tokens(document, report)
    check_timers(document, report)
    check_gateways(document, forms, report)
    before = before_filing(document)
    check_wizard(document, before, report)
    check_operations(document, declarations, before, report)
    check_decisions(document, dmn, decisions, report)
    check_forms(document, forms, declarations, report)
    found = {node.id: actions(node, decisions, declarations) for node in document.nodes}
    check_data(document, found, decisions, declarations, report)
    check_choices(document, found, dmn, declarations, report)
    if not report.problems:
        _check_parsed(bpmn, dmn, report)
    return sorted(
        report.problems,
        key=lambda problem: (problem.file != bpmn.name, problem.file, problem.line, problem.element_id, problem.code),
    )


def _check_parsed(bpmn: Source, dmn: Sequence[Source], report: Report) -> None:
    """What nothing above has seen, the engine's own parser may still refuse."""
    try:
        parser.parse(bpmn, dmn)
    except DefinitionError as error:
        for problem in error.problems:
            if isinstance(problem, Problem):
                report.keep(problem)
