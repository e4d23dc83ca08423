"""Choices: is there always a way to go? (F2)"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

REFUSAL = '<bpmn:sequenceFlow id="f_refus" sourceRef="decision" targetRef="refusee"/>'
TYPE = 'xsi:type="bpmn:tFormalExpression"'


def choice(one: str, other: str) -> list[tuple[str, str]]:
    escaped = other.replace("<", "&lt;")
    return [
        (' default="f_refus"', ""),
        ("instruction.decision == 'accord'", one.replace("<", "&lt;")),
        (
            REFUSAL,
            '<bpmn:sequenceFlow id="f_refus" sourceRef="decision" targetRef="refusee">'
            f"<bpmn:conditionExpression {TYPE}>{escaped}</bpmn:conditionExpression></bpmn:sequenceFlow>",
        ),
    ]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("instruction.note == 'a'", "instruction.note != 'a'"),
        ("instruction.note == 'a'", "not (instruction.note == 'a')"),
        ("instruction.note == 'a'", "True"),
        ("len(instruction.note) < 3", "len(instruction.note) >= 3"),
        ("defined(instruction.note)", "not defined(instruction.note)"),
        ("instruction.note in ['a', 'b']", "instruction.note not in ['a', 'b']"),
        ("instruction.note", "not instruction.note"),
        ("instruction.note == 'a' and demande.canal == 'b'", "instruction.note != 'a' or demande.canal != 'b'"),
        # The form asks for the decision and offers two.
        ("instruction.decision == 'accord'", "instruction.decision == 'refus'"),
        ("instruction.decision == 'accord'", "instruction.decision in ['refus']"),
    ],
)
def test_choices_that_leave_no_gap(checked: Callable[..., Any], one: str, other: str) -> None:
    assert checked(*choice(one, other)).problems == []


@pytest.mark.parametrize(
    ("one", "other", "example"),
    [
        ("instruction.note == 'a'", "instruction.note == 'b'", "« instruction.note » n’a pas de valeur"),
        ("len(instruction.note) < 3", "len(instruction.note) > 3", "« len(instruction.note) » vaut « 3 »"),
        ("defined(instruction.note) and instruction.note == 'a'", "not defined(instruction.note)", "est vrai"),
        ("instruction.decision == 'accord'", "instruction.note == 'b'", "« instruction.decision » vaut « refus »"),
        (
            "ma_demande.motif == 'x' and instruction.note",
            "ma_demande.motif != 'x' and instruction.note",
            "« ma_demande",
        ),
    ],
)
def test_choices_that_leave_a_gap(checked: Callable[..., Any], one: str, other: str, example: str) -> None:
    [problem] = checked(*choice(one, other)).problems
    assert (problem.code, problem.element_id) == ("may-match-nothing", "decision")
    assert example in problem.message.replace("\N{NO-BREAK SPACE}", " ")


def test_an_answer_that_may_be_left_out_is_a_gap(checked: Callable[..., Any]) -> None:
    forms = {
        "demande.json": b"{}",
        "recapitulatif.json": b"{}",
        "instruction.json": b'{"properties": {"decision": {"enum": ["accord", "refus"]}}}',
    }
    edits = choice("instruction.decision == 'accord'", "instruction.decision == 'refus'")
    assert checked(*edits, forms=forms).codes == ["may-match-nothing"]


@pytest.mark.parametrize(
    "schema",
    [
        b'{"required": ["decision"], "properties": {"decision": {"type": "boolean"}}}',
        b'{"required": ["decision"], "properties": {"decision": {"oneOf": [{"const": true}, {"const": false}]}}}',
        b'{"required": ["decision"], "properties": {"decision": {"$ref": "oui-non.json"}}}',
    ],
)
def test_the_answers_of_a_form_are_read_however_it_says_them(checked: Callable[..., Any], schema: bytes) -> None:
    forms = {
        "demande.json": b"{}",
        "recapitulatif.json": b"{}",
        "instruction.json": schema,
        "oui-non.json": b'{"type": "boolean"}',
    }
    edits = choice("instruction.decision == True", "instruction.decision == False")
    assert checked(*edits, forms=forms).problems == []


def test_a_single_way_with_a_condition_is_a_gap(checked: Callable[..., Any]) -> None:
    found = checked(
        (' default="f_refus"', ""), (REFUSAL, ""), ('<bpmn:endEvent id="refusee" name="Demande refusée"/>', "")
    )
    assert found.codes == ["may-match-nothing"]
