"""Instructions: the documentation of a task, as whoever has it to do reads it above its form.

It may hold `{expression}` placeholders, like messages: « Il nous manque : {instruction.pieces}. »
"""

from __future__ import annotations

import re

from engine.bpmn import expressions
from engine.core.errors import ExpressionError
from engine.procedures import cases
from engine.procedures.cases import Case
from engine.procedures.catalogue import Definition

_PLACEHOLDER = re.compile(r"\{[^{}]*\}")


def of(case: Case, definition: Definition, element_id: str) -> str:
    """The instructions of a task of this request; empty when its documentation says nothing.

    A page is never lost for its instructions: when a placeholder can't be worked out, none says anything.
    """
    try:
        return worked_out(case, definition, element_id)
    except ExpressionError:
        return _PLACEHOLDER.sub("", definition.node(element_id).documentation)


def worked_out(case: Case, definition: Definition, element_id: str) -> str:
    """The same, or `ExpressionError` when a placeholder can't be worked out: for rehearsals."""
    text = definition.node(element_id).documentation
    if "{" not in text:
        return text
    return expressions.template(text, {**case.document, **cases.reserved(case)})
