"""A small procedure without a problem, and ways to check variants of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import pytest

from engine.bpmn.check import Declarations, OperationSignature, ParameterSignature, Problem, check
from engine.bpmn.model import Source

GOOD = """<?xml version="1.0" encoding="UTF-8"?>
<bpmn:definitions xmlns:bpmn="http://www.omg.org/spec/BPMN/20100524/MODEL" id="d" targetNamespace="t"
  xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
  xmlns:sw="http://spiffworkflow.org/bpmn/schema/1.0/core">
<bpmn:message id="m" name="reponse"/>
<bpmn:process id="essai" name="Essai" isExecutable="true">
<bpmn:extensionElements><sw:properties>
<sw:property name="description" value="Une démarche pour essayer."/>
<sw:property name="audience" value="locked"/>
</sw:properties></bpmn:extensionElements>
<bpmn:laneSet id="lanes">
<bpmn:lane id="l_usager" name="Usager">
<bpmn:flowNodeRef>ma_demande</bpmn:flowNodeRef>
<bpmn:flowNodeRef>recapitulatif</bpmn:flowNodeRef>
</bpmn:lane>
<bpmn:lane id="l_agents" name="Instruction">
<bpmn:flowNodeRef>instruction</bpmn:flowNodeRef>
</bpmn:lane>
</bpmn:laneSet>
<bpmn:startEvent id="debut"/>
<bpmn:userTask id="ma_demande" name="Ma demande"><bpmn:extensionElements><sw:properties>
<sw:property name="step" value="details"/>
<sw:property name="formJsonSchemaFilename" value="demande.json"/>
</sw:properties></bpmn:extensionElements></bpmn:userTask>
<bpmn:userTask id="recapitulatif" name="Le récapitulatif"><bpmn:extensionElements><sw:properties>
<sw:property name="step" value="summary"/>
<sw:property name="formJsonSchemaFilename" value="recapitulatif.json"/>
</sw:properties></bpmn:extensionElements></bpmn:userTask>
<bpmn:userTask id="instruction" name="Instruction"><bpmn:extensionElements><sw:properties>
<sw:property name="formJsonSchemaFilename" value="instruction.json"/>
<sw:property name="dueIn" value="P10D"/>
</sw:properties></bpmn:extensionElements></bpmn:userTask>
<bpmn:exclusiveGateway id="decision" name="Accordée ?" default="f_refus"/>
<bpmn:serviceTask id="prevenir" name="Prévenir"><bpmn:extensionElements>
<sw:serviceTaskOperator id="notifications/send" resultVariable="envoi"><sw:parameters>
<sw:parameter id="subject" type="str" value="'Bonjour {usager.prenoms}'"/>
</sw:parameters></sw:serviceTaskOperator>
</bpmn:extensionElements></bpmn:serviceTask>
<bpmn:endEvent id="accordee" name="Demande acceptée"/>
<bpmn:endEvent id="refusee" name="Demande refusée"/>
<bpmn:sequenceFlow id="f_1" sourceRef="debut" targetRef="ma_demande"/>
<bpmn:sequenceFlow id="f_2" sourceRef="ma_demande" targetRef="recapitulatif"/>
<bpmn:sequenceFlow id="f_3" sourceRef="recapitulatif" targetRef="instruction"/>
<bpmn:sequenceFlow id="f_4" sourceRef="instruction" targetRef="decision"/>
<bpmn:sequenceFlow id="f_accord" sourceRef="decision" targetRef="prevenir">
<bpmn:conditionExpression xsi:type="bpmn:tFormalExpression">instruction.decision == 'accord'</bpmn:conditionExpression>
</bpmn:sequenceFlow>
<bpmn:sequenceFlow id="f_5" sourceRef="prevenir" targetRef="accordee"/>
<bpmn:sequenceFlow id="f_refus" sourceRef="decision" targetRef="refusee"/>
</bpmn:process>
</bpmn:definitions>
"""

FORMS: Mapping[str, bytes] = {
    "demande.json": b'{"type": "object", "properties": {"motif": {"type": "string"}}}',
    "recapitulatif.json": b'{"type": "object", "properties": {}}',
    "instruction.json": (
        b'{"type": "object", "required": ["decision"],'
        b' "properties": {"decision": {"enum": ["accord", "refus"]}, "note": {"type": "string"}}}'
    ),
}
FIELDS = {
    "demande.json": {"motif", "enfants", "enfants.*.prenom"},
    "recapitulatif.json": set[str](),
    "instruction.json": {"decision", "note"},
}

CHOICES = {"instruction.json": {"decision": {"accord", "refus"}}}

TABLE = """<?xml version="1.0" encoding="UTF-8"?>
<definitions xmlns="https://www.omg.org/spec/DMN/20191111/MODEL/" id="t" name="t" namespace="t">
<decision id="eligibilite" name="Éligibilité">
<decisionTable id="table" hitPolicy="UNIQUE">
<input id="i"><inputExpression id="ie"><text>ma_demande.motif</text></inputExpression></input>
<output id="o" name="avis"/>
<rule id="r"><inputEntry id="re"><text>-</text></inputEntry><outputEntry id="ro"><text>"oui"</text></outputEntry></rule>
</decisionTable>
</decision>
</definitions>
"""

DECLARATIONS = Declarations(
    operations={
        "notifications/send": OperationSignature(
            "notifications/send",
            {
                "subject": ParameterSignature(kind="template"),
                "copies": ParameterSignature(required=False, kind="number"),
                "canal": ParameterSignature(required=False, kind="text", choices=frozenset({"courriel", "sms"})),
            },
            returns=frozenset({"numero"}),
        ),
        "exchanges/ask": OperationSignature(
            "exchanges/ask",
            {
                "message": ParameterSignature(required=False, kind="message"),
                "answer": ParameterSignature(required=False, kind="answer"),
            },
        ),
        "droits/lire": OperationSignature("droits/lire", returns=frozenset({"zone"}), idempotent=True, account=True),
    },
    groups=frozenset({"Instruction", "Accueil"}),
    form_fields=FIELDS.get,
    form_choices=lambda name: CHOICES.get(name, {}),
    messages={"refus": ("Refus", "Bonjour {usager.prenoms}, {instruction.note}")},
)

#: A variant of the good procedure: what is replaced, by what.
Edits = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Checked:
    """A text that was checked and the problems found."""

    text: str
    problems: list[Problem]

    @property
    def codes(self) -> list[str]:
        return [problem.code for problem in self.problems]

    def line_of(self, marker: str) -> int:
        """The line of the first place where `marker` stands."""
        return self.text[: self.text.index(marker)].count("\n") + 1


Check = Callable[..., Checked]


@pytest.fixture
def checked() -> Check:
    """`checked(("old", "new"), …)` checks the good procedure with these replacements (each must apply)."""

    def run(
        *edits: tuple[str, str],
        name: str = "essai.bpmn",
        dmn: str | None = TABLE,
        forms: Mapping[str, bytes] = FORMS,
        declarations: Declarations = DECLARATIONS,
        **changes: object,
    ) -> Checked:
        text = GOOD
        for old, new in edits:
            assert old in text, f"nothing to replace: {old}"
            text = text.replace(old, new)
        return Checked(
            text,
            check(
                Source(name, text.encode()),
                forms=forms,
                dmn=[] if dmn is None else [Source("table.dmn", dmn.encode())],
                declarations=replace(declarations, **changes),  # type: ignore[arg-type]
            ),
        )

    return run
