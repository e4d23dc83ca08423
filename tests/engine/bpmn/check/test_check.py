"""One wrong process for each thing that the checker can say (F2): the code, the element and the line."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest

from engine.bpmn.check import SENTENCES, Problem

Edit = tuple[str, str]
END = '<bpmn:endEvent id="accordee"'
F5 = '<bpmn:sequenceFlow id="f_5" sourceRef="prevenir" targetRef="accordee"/>'
PARAMETER = '<sw:parameter id="subject" type="str" value="\'Bonjour {usager.prenoms}\'"/>'
DUE = '<sw:property name="dueIn" value="P10D"/>'
DESCRIPTION = '<sw:property name="description" value="Une démarche pour essayer."/>'
EXCHANGES = (DESCRIPTION, DESCRIPTION + '\n<sw:property name="exchanges" value="yes"/>')
STEP = '<sw:property name="step" value="details"/>'
REFUSAL = '<bpmn:sequenceFlow id="f_refus" sourceRef="decision" targetRef="refusee"/>'
CONDITION = "instruction.decision == 'accord'"
EXPRESSION = 'xsi:type="bpmn:tFormalExpression"'


def then(*nodes: str) -> list[Edit]:
    """Put nodes, one after the other, between `prevenir` and the end."""
    ids = [re.search(r'id="(\w+)"', node)[1] for node in nodes]  # type: ignore[index]
    ways = zip(["prevenir", *ids], [*ids, "accordee"], strict=True)
    flows = "\n".join(flow(f"n_{number}", a, b) for number, (a, b) in enumerate(ways))
    return [(END, "\n".join(nodes) + "\n" + END), (F5, flows)]


def flow(flow_id: str, source: str, target: str, condition: str = "") -> str:
    inner = f"<bpmn:conditionExpression {EXPRESSION}>{condition}</bpmn:conditionExpression>" if condition else ""
    return f'<bpmn:sequenceFlow id="{flow_id}" sourceRef="{source}" targetRef="{target}">{inner}</bpmn:sequenceFlow>'


def beside(*nodes: str, flows: tuple[str, ...] = ()) -> list[Edit]:
    """Put nodes and flows in the process without linking them to the rest."""
    return [(END, "\n".join(nodes) + "\n" + END), (F5, "\n".join((F5, *flows)))]


def script(node_id: str, text: str) -> str:
    return f'<bpmn:scriptTask id="{node_id}">\n<bpmn:script>{text}</bpmn:script></bpmn:scriptTask>'


def extended(kind: str, node_id: str, inside: str) -> str:
    return f'<bpmn:{kind} id="{node_id}"><bpmn:extensionElements>{inside}</bpmn:extensionElements></bpmn:{kind}>'


def prop(name: str, value: str) -> str:
    return f'<sw:property name="{name}" value="{value}"/>'


def timer(inside: str = "") -> str:
    return f"<bpmn:timerEventDefinition>{inside}</bpmn:timerEventDefinition>"


def duration(text: str) -> str:
    return timer(f"<bpmn:timeDuration {EXPRESSION}>{text}</bpmn:timeDuration>")


def catch(node_id: str, inside: str) -> str:
    return f'<bpmn:intermediateCatchEvent id="{node_id}">{inside}</bpmn:intermediateCatchEvent>'


def border(node_id: str, host: str, inside: str, *, interrupting: bool = True) -> str:
    attributes = f'attachedToRef="{host}" cancelActivity="{str(interrupting).lower()}"'
    return f'<bpmn:boundaryEvent id="{node_id}" {attributes}>{inside}</bpmn:boundaryEvent>'


def service(node_id: str, operation: str, inside: str = "", result: str = "") -> str:
    kept = f' resultVariable="{result}"' if result else ""
    return extended(
        "serviceTask",
        node_id,
        f'<sw:serviceTaskOperator id="{operation}"{kept}><sw:parameters>{inside}</sw:parameters></sw:serviceTaskOperator>',
    )


def parameter(name: str, value: str) -> str:
    return f'\n<sw:parameter id="{name}" type="str" value="{value}"/>'


def block(inside: str) -> str:
    return f'<bpmn:subProcess id="bloc">{inside}</bpmn:subProcess>'


def decision(node_id: str, name: str) -> str:
    return extended("businessRuleTask", node_id, f"<sw:calledDecisionId>{name}</sw:calledDecisionId>")


def task(node_id: str, *properties: str, lane: str = "l_agents") -> list[Edit]:
    """A user task after `prevenir`, in a lane."""
    node = extended("userTask", node_id, f"<sw:properties>{''.join(properties)}</sw:properties>")
    place = f'<bpmn:lane id="{lane}" name="{"Instruction" if lane == "l_agents" else "Usager"}">'
    return [*then(node), (place, f"{place}\n<bpmn:flowNodeRef>{node_id}</bpmn:flowNodeRef>")]


FORM = prop("formJsonSchemaFilename", "instruction.json")
APPOINTMENT = (f"{STEP}\n{prop('formJsonSchemaFilename', 'demande.json')}", prop("step", "appointment"))
GIVEN = (DESCRIPTION, DESCRIPTION + prop("appointment", "optional") + prop("agenda", "titres"))
SECOND = [
    (
        '<bpmn:userTask id="recapitulatif"',
        extended("userTask", "encore", f"<sw:properties>{prop('step', 'appointment')}</sw:properties>")
        + '\n<bpmn:userTask id="recapitulatif"',
    ),
    ("<bpmn:flowNodeRef>recapitulatif", "<bpmn:flowNodeRef>encore</bpmn:flowNodeRef>\n<bpmn:flowNodeRef>recapitulatif"),
    (
        '<bpmn:sequenceFlow id="f_2" sourceRef="ma_demande"',
        '<bpmn:sequenceFlow id="f_2b" sourceRef="ma_demande" targetRef="encore"/>\n'
        '<bpmn:sequenceFlow id="f_2" sourceRef="encore"',
    ),
]
SPLIT = '<bpmn:parallelGateway id="fourche"/>'
JOIN = '<bpmn:parallelGateway id="reunion"/>'
CHOICE = '<bpmn:exclusiveGateway id="choix" default="c_2"/>'


TABLE_WITH_A_FAULT = """<definitions xmlns="https://www.omg.org/spec/DMN/20191111/MODEL/" id="t" name="t" namespace="t">
<decision id="eligibilite" name="Éligibilité"><decisionTable id="table" hitPolicy="ANY"/></decision>
</definitions>"""


class Case(NamedTuple):
    code: str
    element: str
    marker: str
    edits: list[Edit]
    options: Mapping[str, Any] = MappingProxyType({})


CASES = [
    # --- the file
    Case("xml", "", "<bpmn:process", [('name="Essai"', 'name="Essai')]),
    Case("doctype", "", "<!DOCTYPE", [("<bpmn:definitions", '<!DOCTYPE x [<!ENTITY e "e">]>\n<bpmn:definitions')]),
    Case("not-bpmn", "", "xmlns:sw", [("bpmn:definitions", "bpmn:autre")]),
    Case("no-process", "", "", [("<bpmn:process", "<bpmn:collaboration"), ("</bpmn:process", "</bpmn:collaboration")]),
    Case("schema", "fantome", '"fantome"', beside('<bpmn:usrTask id="fantome"/>')),
    Case("duplicate-id", "f_1", '"f_1" sourceRef="ma', [('"f_2"', '"f_1"')]),
    Case(
        "several-processes",
        "second",
        '"second"',
        [("</bpmn:process>", '</bpmn:process>\n<bpmn:process id="second" name="B" isExecutable="false"/>')],
    ),
    Case("not-executable", "essai", "<bpmn:process", [('isExecutable="true"', 'isExecutable="false"')]),
    Case("process-id", "essai", "<bpmn:process", [], {"name": "autre.bpmn"}),
    Case(
        "bad-slug",
        "Essai_Été",
        "<bpmn:process",
        [('<bpmn:process id="essai"', '<bpmn:process id="Essai_Été"')],
        {"name": "Essai_Été.bpmn"},
    ),
    Case("no-title", "essai", "<bpmn:process", [('name="Essai"', 'name=" "')]),
    Case("no-description", "essai", "<bpmn:process", [(DESCRIPTION, "")]),
    # --- elements
    Case("unsupported", "appel", '"appel"', then('<bpmn:callActivity id="appel" calledElement="x"/>')),
    Case(
        "foreign-extension",
        "tri",
        '"tri"',
        then(extended("task", "tri", '<z:forme xmlns:z="http://autre.example"/>')),
    ),
    Case("bad-id", "Avis-final", '"Avis-final"', [("ma_demande", "Avis-final")]),
    Case("reserved-id", "usager", '"usager"', [("ma_demande", "usager")]),
    Case("start-event", "essai", "<bpmn:process", beside('<bpmn:startEvent id="d2"/>', flows=(flow("x", "d2", "refusee"),))),
    Case(
        "start-kind",
        "debut",
        '"debut"',
        [('<bpmn:startEvent id="debut"/>', f'<bpmn:startEvent id="debut">{duration("P1D")}</bpmn:startEvent>')],
    ),
    Case(
        "no-end",
        "bloc",
        '"bloc"',
        then(block('<bpmn:startEvent id="b"/><bpmn:task id="bt"/>' + flow("bf", "b", "bt"))),
    ),
    Case("no-script", "calcul", '"calcul"', then('<bpmn:scriptTask id="calcul"/>')),
    Case("no-event", "attente", '"attente"', then(catch("attente", ""))),
    Case(
        "unknown-message",
        "attente",
        '"attente"',
        then(catch("attente", '<bpmn:messageEventDefinition messageRef="absent"/>')),
    ),
    Case("no-timer", "attente", '"attente"', then(catch("attente", timer()))),
    Case("bad-timer", "attente", '"attente"', then(catch("attente", duration('"dix jours"')))),
    Case(
        "bad-loop",
        "tour",
        '"tour"',
        then('<bpmn:task id="tour"><bpmn:multiInstanceLoopCharacteristics/></bpmn:task>'),
    ),
    # --- lanes
    Case("no-lane", "instruction", '<bpmn:userTask id="instruction"', [("<bpmn:flowNodeRef>instruction</bpmn:flowNodeRef>", "")]),
    Case("unnamed-lane", "l_agents", '"l_agents"', [('name="Instruction">', 'name="">')]),
    Case("unknown-group", "l_agents", '"l_agents"', [('name="Instruction">', 'name="Instructeurs">')]),
    # --- the graph
    Case("flow-nowhere", "perdue", '"perdue"', beside(flows=(flow("perdue", "prevenir", "nulle_part"),))),
    Case(
        "flow-across",
        "perdue",
        '"perdue"',
        [
            *then(block('<bpmn:startEvent id="b"/><bpmn:endEvent id="be"/>' + flow("bf", "b", "be"))),
            ("</bpmn:process>", flow("perdue", "refusee", "be") + "\n</bpmn:process>"),
        ],
    ),
    Case("misplaced-flow", "perdue", '"perdue"', beside(flows=(flow("perdue", "prevenir", "debut"),))),
    Case("several-flows", "prevenir", '"prevenir"', beside(flows=(flow("autre", "prevenir", "refusee"),))),
    Case(
        "boundary-nowhere",
        "rappel",
        '"rappel"',
        beside(border("rappel", "absente", duration("P1D")), flows=(flow("x", "rappel", "refusee"),)),
    ),
    Case(
        "dead-end",
        "impasse",
        '"impasse"',
        [*beside('<bpmn:task id="impasse"/>'), ('targetRef="accordee"', 'targetRef="impasse"')],
    ),
    Case("unreachable", "ile", '"ile"', beside('<bpmn:task id="ile"/>', flows=(flow("x", "ile", "refusee"),))),
    Case(
        "endless",
        "t1",
        '"t1"',
        [
            *beside('<bpmn:task id="t1"/>', '<bpmn:task id="t2"/>', flows=(flow("x", "t1", "t2"), flow("y", "t2", "t1"))),
            ('sourceRef="prevenir" targetRef="accordee"', 'sourceRef="prevenir" targetRef="t1"'),
        ],
    ),
    Case(
        "event-gateway",
        "attente",
        '"attente"',
        [
            *beside(
                '<bpmn:eventBasedGateway id="attente"/>',
                catch("court", duration("P1D")),
                catch("long", duration("P2D")),
                flows=(
                    flow("a", "attente", "court"),
                    flow("b", "attente", "long"),
                    flow("c", "court", "accordee"),
                    flow("e", "long", "refusee"),
                ),
            ),
            ('sourceRef="prevenir" targetRef="accordee"', 'sourceRef="prevenir" targetRef="attente"'),
        ],
    ),
    Case("no-condition", "f_refus", '"f_refus"', [(' default="f_refus"', "")]),
    Case("ignored-condition", "f_5", '"f_5"', [(F5, flow("f_5", "prevenir", "accordee", "True"))]),
    Case(
        "default-nowhere",
        "decision",
        '"decision"',
        [('default="f_refus"', 'default="f_1"'), (REFUSAL, flow("f_refus", "decision", "refusee", "True"))],
    ),
    Case(
        "may-match-nothing",
        "decision",
        '"decision"',
        [
            (' default="f_refus"', ""),
            (REFUSAL, flow("f_refus", "decision", "refusee", "instruction.note == 'non'")),
        ],
    ),
    Case(
        "join-never",
        "reunion",
        '"reunion"',
        [
            *beside(
                CHOICE,
                JOIN,
                flows=(
                    flow("c_1", "choix", "reunion", "instruction.note == 'a'"),
                    flow("c_2", "choix", "reunion"),
                    flow("c_3", "reunion", "accordee"),
                ),
            ),
            ('sourceRef="prevenir" targetRef="accordee"', 'sourceRef="prevenir" targetRef="choix"'),
        ],
    ),
    Case(
        "join-may-wait",
        "reunion",
        '"reunion"',
        [
            *beside(
                SPLIT,
                CHOICE,
                JOIN,
                flows=(
                    flow("p_1", "fourche", "reunion"),
                    flow("p_2", "fourche", "choix"),
                    flow("c_1", "choix", "reunion", "instruction.note == 'a'"),
                    flow("c_2", "choix", "refusee"),
                    flow("c_3", "reunion", "accordee"),
                ),
            ),
            ('sourceRef="prevenir" targetRef="accordee"', 'sourceRef="prevenir" targetRef="fourche"'),
        ],
    ),
    Case(
        "twice",
        "envoi_final",
        '"envoi_final"',
        [
            *beside(
                SPLIT,
                '<bpmn:exclusiveGateway id="suite"/>',
                '<bpmn:task id="envoi_final"/>',
                flows=(
                    flow("p_1", "fourche", "suite"),
                    flow("p_2", "fourche", "suite"),
                    flow("p_3", "suite", "envoi_final"),
                    flow("p_4", "envoi_final", "accordee"),
                ),
            ),
            ('sourceRef="prevenir" targetRef="accordee"', 'sourceRef="prevenir" targetRef="fourche"'),
        ],
    ),
    # --- expressions and data
    Case("expression", "decision", CONDITION + " ==", [(CONDITION, CONDITION + " ==")]),
    Case("unknown-function", "decision", "majuscules", [(CONDITION, "majuscules(instruction.decision) == 'A'")]),
    Case("variable-never", "calcul", "<bpmn:script>", then(script("calcul", "y = inconnue + 1"))),
    Case(
        "variable-maybe",
        "calcul",
        "y = x",
        [
            *beside(
                CHOICE,
                script("premier", "x = 1"),
                '<bpmn:exclusiveGateway id="suite"/>',
                script("calcul", "y = x"),
                flows=(
                    flow("c_1", "choix", "premier", "instruction.note == 'a'"),
                    flow("c_2", "choix", "suite"),
                    flow("c_3", "premier", "suite"),
                    flow("c_4", "suite", "calcul"),
                    flow("c_5", "calcul", "accordee"),
                ),
            ),
            ('sourceRef="prevenir" targetRef="accordee"', 'sourceRef="prevenir" targetRef="choix"'),
        ],
    ),
    Case("unknown-field", "decision", "instruction.decison", [(CONDITION, "instruction.decison == 'accord'")]),
    Case("unknown-choice", "decision", "instruction.decision == 'acord'", [(CONDITION, "instruction.decision == 'acord'")]),
    Case(
        "unknown-outcome",
        "choix",
        "avis.avis == 'oiu'",
        [
            *beside(
                decision("avis", "eligibilite"),
                '<bpmn:exclusiveGateway id="choix" default="c_2"/>',
                flows=(
                    flow("c_0", "avis", "choix"),
                    flow("c_1", "choix", "accordee", "avis.avis == 'oiu'"),
                    flow("c_2", "choix", "refusee"),
                ),
            ),
            ('sourceRef="prevenir" targetRef="accordee"', 'sourceRef="prevenir" targetRef="avis"'),
        ],
    ),
    Case("bad-name", "prevenir", "<sw:serviceTaskOperator", [('"envoi"', '"numero-envoi"')]),
    Case("reserved-assigned", "calcul", "<bpmn:script>", then(script("calcul", "demande = 1"))),
    Case("name-clash", "calcul", "<bpmn:script>", then(script("calcul", "instruction = 1"))),
    Case("placeholder", "prevenir", "{usager.prenoms", [("{usager.prenoms}", "{usager.prenoms")]),
    # --- operations
    Case("no-operation", "appel", '"appel"', then('<bpmn:serviceTask id="appel"/>')),
    Case("unknown-operation", "prevenir", '"notifications/sent"', [('"notifications/send"', '"notifications/sent"')]),
    Case("unknown-parameter", "prevenir", '"objet"', [(PARAMETER, PARAMETER + parameter("objet", "1"))]),
    Case("repeated-parameter", "prevenir", PARAMETER + " ", [(PARAMETER, PARAMETER + "\n" + PARAMETER + " ")]),
    Case("missing-parameter", "prevenir", "<sw:serviceTaskOperator", [(PARAMETER, "")]),
    Case("bad-parameter", "prevenir", '"copies"', [(PARAMETER, PARAMETER + parameter("copies", "'deux'"))]),
    Case(
        "operation-before-filing",
        "tot",
        '"tot"',
        [
            *beside(service("tot", "notifications/send", PARAMETER), flows=(flow("x", "tot", "recapitulatif"),)),
            ('sourceRef="ma_demande" targetRef="recapitulatif"', 'sourceRef="ma_demande" targetRef="tot"'),
        ],
    ),
    Case("operation-account", "lire", '"lire"', [*then(service("lire", "droits/lire")), ('"locked"', '"open"')]),
    Case(
        "unknown-letter",
        "ecrire",
        "'accord'\"",
        [*then(service("ecrire", "exchanges/ask", parameter("message", "'accord'"))), EXCHANGES],
    ),
    Case(
        "unknown-answer",
        "ecrire",
        '"answer"',
        [*then(service("ecrire", "exchanges/ask", parameter("answer", "'reponse'"))), EXCHANGES],
    ),
    Case("no-exchanges", "ecrire", '"ecrire"', then(service("ecrire", "exchanges/ask"))),
    Case(
        "exchanges-nobody",
        "essai",
        '"exchanges"',
        [EXCHANGES, ('<bpmn:lane id="l_agents" name="Instruction">', '<bpmn:lane id="l_agents" name="Usager">')],
    ),
    # --- decisions
    Case("no-decision", "avis", '"avis"', then('<bpmn:businessRuleTask id="avis"/>')),
    Case("unknown-decision", "avis", '"avis"', then(decision("avis", "eligibilité"))),
    # --- forms
    Case("no-form", "instruction", '<bpmn:userTask id="instruction"', [(FORM + "\n", "")]),
    Case("unknown-form", "instruction", '<bpmn:userTask id="instruction"', [('"instruction.json"', '"instructions.json"')]),
    # --- properties
    Case("unknown-property", "instruction", '"duein"', [('"dueIn"', '"duein"')]),
    Case("bad-property", "instruction", '"dueIn"', [('"P10D"', '"10 jours"')]),
    Case("repeated-property", "instruction", DUE + " ", [(DUE, DUE + "\n" + DUE + " ")]),
    Case("no-silence-after", "essai", '"silence"', [(DESCRIPTION, DESCRIPTION + prop("silence", "accept"))]),
    Case("no-silence", "essai", '"silenceAfter"', [(DESCRIPTION, DESCRIPTION + prop("silenceAfter", "P2M"))]),
    Case("no-agenda", "essai", '"appointment"', [(DESCRIPTION, DESCRIPTION + prop("appointment", "optional"))]),
    Case("no-quota", "essai", '"quotaPeriod"', [(DESCRIPTION, DESCRIPTION + prop("quotaPeriod", "year"))]),
    Case(
        "once-open",
        "essai",
        '"once"',
        [(DESCRIPTION, DESCRIPTION + prop("once", "year")), ('"locked"', '"open"')],
    ),
    # --- the wizard
    Case("no-appointment", "ma_demande", '"ma_demande"', [APPOINTMENT]),
    Case("appointment-form", "ma_demande", '"ma_demande"', [(STEP, prop("step", "appointment")), GIVEN]),
    Case("several-appointments", "encore", '"encore"', [APPOINTMENT, GIVEN, *SECOND]),
    Case(
        "no-appointment-step",
        "essai",
        '"appointment"',
        [(DESCRIPTION, DESCRIPTION + prop("appointment", "required") + prop("agenda", "titres"))],
    ),
    Case("no-step", "ma_demande", '<bpmn:userTask id="ma_demande"', [(STEP, "")]),
    Case("misplaced-step", "suite", '"suite"', task("suite", FORM, prop("step", "details"), lane="l_usager")),
    Case(
        "agent-before-filing",
        "instruction",
        '<bpmn:userTask id="instruction"',
        [
            ('targetRef="instruction"', 'targetRef="decision"'),
            ('sourceRef="instruction" targetRef="decision"', 'sourceRef="instruction" targetRef="recapitulatif"'),
            ('sourceRef="ma_demande" targetRef="recapitulatif"', 'sourceRef="ma_demande" targetRef="instruction"'),
        ],
    ),
    Case("no-summary", "essai", "<bpmn:process", [('name="step" value="summary"', 'name="step" value="details"')]),
    Case("several-summaries", "suite", '"suite"', task("suite", FORM, prop("step", "summary"), lane="l_usager")),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.code)
def test_each_problem_is_told_with_its_element_and_its_line(checked: Callable[..., Any], case: Case) -> None:
    found = checked(*case.edits, **case.options)
    line = found.line_of(case.marker) if case.marker else 0
    told = [(problem.code, problem.element_id, problem.line) for problem in found.problems]
    assert (case.code, case.element, line) in told
    assert all(problem.file == case.options.get("name", "essai.bpmn") for problem in found.problems)


def test_the_good_procedure_has_no_problem(checked: Callable[..., Any]) -> None:
    assert checked().problems == []


#: What two problems come with, by nature: a process without a summary has no "after filing", for instance.
TOGETHER = {
    "flow-nowhere": {"several-flows"},
    "flow-across": {"misplaced-flow"},
    "misplaced-flow": {"several-flows"},
    "dead-end": {"unreachable"},
    "endless": {"unreachable"},
    "unnamed-lane": {"no-lane"},
    "no-end": {"dead-end"},
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.code)
def test_one_mistake_is_one_problem(checked: Callable[..., Any], case: Case) -> None:
    found = checked(*case.edits, **case.options)
    assert set(found.codes) - {case.code} <= TOGETHER.get(case.code, set())


def test_every_code_has_a_case_and_a_sentence() -> None:
    elsewhere = {"bad-decision", "bad-form"}
    assert {case.code for case in CASES} == set(SENTENCES) - elsewhere


@pytest.mark.parametrize("code", sorted(SENTENCES))
def test_sentences_are_french_and_whole(code: str) -> None:
    sentence = SENTENCES[code]
    if sentence == "{why}":
        return
    assert sentence[0].isupper() or sentence.startswith(("«", "{where}", "À"))
    assert sentence.rstrip()[-1] in ".}"
    assert "'" not in sentence
    assert not re.search(r"[^\N{NO-BREAK SPACE}][:;?!»]|«[^\N{NO-BREAK SPACE}]", sentence)


def test_every_problem_is_told_at_once(checked: Callable[..., Any]) -> None:
    """F2: an analyst mends all in one go."""
    found = checked(
        ('name="Instruction">', 'name="Personne">'),
        (DESCRIPTION, ""),
        (CONDITION, "instruction.decision === 'accord'"),
        ('"notifications/send"', '"courriel"'),
        ('"demande.json"', '"absente.json"'),
        ('targetRef="accordee"/>', 'targetRef="ailleurs"/>'),
    )
    assert {
        "unknown-group",
        "no-description",
        "expression",
        "unknown-operation",
        "unknown-form",
        "flow-nowhere",
    } <= set(found.codes)
    lines = [problem.line for problem in found.problems]
    assert lines == sorted(lines)


def test_a_problem_reads_like_a_compilers(checked: Callable[..., Any]) -> None:
    [problem] = checked(('"dueIn"', '"duein"')).problems
    assert str(problem).startswith(
        "essai.bpmn:31 instruction: La propriété «\N{NO-BREAK SPACE}duein\N{NO-BREAK SPACE}» n’est pas connue"
    )
    assert str(problem).endswith("[unknown-property]")
    assert "«\N{NO-BREAK SPACE}dueIn\N{NO-BREAK SPACE}»" in problem.message


def test_problems_of_a_table_name_the_table(checked: Callable[..., Any]) -> None:
    found = checked(*then(decision("avis", "eligibilite")), dmn=TABLE_WITH_A_FAULT)
    assert found.problems
    assert {problem.file for problem in found.problems} == {"table.dmn"}


def test_problems_of_a_form_name_the_form_once(checked: Callable[..., Any]) -> None:
    class Found(NamedTuple):
        file: str = "demande.json"
        pointer: str = "/properties/motif"
        line: int = 3
        code: str = "pattern"
        message: str = "l’expression régulière peut bloquer le serveur."

    found = checked(form_problems=lambda name: [Found()])
    assert found.problems == [
        Problem("demande.json", "/properties/motif", 3, "pattern", "L’expression régulière peut bloquer le serveur.")
    ]


def test_groups_are_not_checked_when_they_are_not_known(checked: Callable[..., Any]) -> None:
    assert checked(('name="Instruction">', 'name="Instructeurs">'), groups=None).problems == []
