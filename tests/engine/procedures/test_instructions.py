"""What a task says above its form: its documentation, with the request's own values in it (A16, E3)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from engine.bpmn.model import Source
from engine.core.db import Session
from engine.core.errors import ExpressionError
from engine.procedures import catalogue, instructions
from engine.procedures.cases import Case
from engine.procedures.catalogue import Definition

FOLDER = Path(__file__).parent / "essai"


@pytest.fixture
def definition(session: Session, filed: Case) -> Definition:
    """The test procedure, whose task «instruction» is open on `filed`."""
    return catalogue.definition(session, filed.version_id)


def saying(definition: Definition, text: str) -> Definition:
    """The same procedure with these instructions on its task."""
    node = replace(definition.node("instruction"), documentation=text)
    document = replace(
        definition.process.document,
        nodes=tuple(node if one.id == node.id else one for one in definition.process.document.nodes),
    )
    return replace(definition, process=replace(definition.process, document=document))


def test_placeholders_give_the_request_s_own_values(filed: Case, definition: Definition) -> None:
    said = saying(definition, "Pour {usager.prenoms} : {ma_demande.objet}, demande {demande.reference}.")
    assert instructions.of(filed, said, "instruction") == f"Pour Ada : Un banc, demande {filed.reference}."


def test_a_text_without_placeholders_is_given_as_it_is(filed: Case, definition: Definition) -> None:
    assert instructions.of(filed, saying(definition, "À lire."), "instruction") == "À lire."
    assert instructions.of(filed, saying(definition, ""), "instruction") == ""


@pytest.mark.parametrize("text", ["Avant {inconnue.x}après", "Avant {1 / 0}après", "Avant {(}après"])
def test_a_placeholder_that_fails_leaves_nothing(filed: Case, definition: Definition, text: str) -> None:
    said = saying(definition, text)
    assert instructions.of(filed, said, "instruction") == "Avant après"
    with pytest.raises(ExpressionError):
        instructions.worked_out(filed, said, "instruction")


@pytest.mark.parametrize(("text", "code"), [("{total +}", "placeholder"), ("{inconnue}", "variable-never")])
def test_the_check_reads_instructions_too(text: str, code: str) -> None:
    """F2: what would leave a hole in a page is told before the procedure is deployed."""
    [sources] = catalogue.read_folder(FOLDER)
    task = b'<bpmn:userTask id="instruction" name="Instruire la demande">'
    documented = task + f"<bpmn:documentation>{text}</bpmn:documentation>".encode()
    assert task in sources.bpmn.content
    changed = replace(sources, bpmn=Source(sources.bpmn.name, sources.bpmn.content.replace(task, documented)))
    assert [(one.element_id, one.code) for one in catalogue.problems_of(changed)] == [("instruction", code)]
