"""Names and fields: what has a value where it is read (F2: a variable read before any path sets it)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.engine.bpmn.check.conftest import TABLE

END = '<bpmn:endEvent id="accordee"'
F5 = '<bpmn:sequenceFlow id="f_5" sourceRef="prevenir" targetRef="accordee"/>'
CONDITION = "instruction.decision == 'accord'"


def flow(flow_id: str, source: str, target: str, condition: str = "") -> str:
    inner = (
        f'<bpmn:conditionExpression xsi:type="bpmn:tFormalExpression">{condition}</bpmn:conditionExpression>'
        if condition
        else ""
    )
    return f'<bpmn:sequenceFlow id="{flow_id}" sourceRef="{source}" targetRef="{target}">{inner}</bpmn:sequenceFlow>'


def script(node_id: str, text: str, more: str = "") -> str:
    return f'<bpmn:scriptTask id="{node_id}">{more}<bpmn:script>{text}</bpmn:script></bpmn:scriptTask>'


def drawn(nodes: list[str], links: str) -> list[tuple[str, str]]:
    """Put nodes between `prevenir` and the end, with these links (`a>b`, or `a>b:condition`, one a line)."""
    flows = []
    for number, link in enumerate(links.split("\n")):
        way, _, condition = link.strip().partition(":")
        source, _, target = way.partition(">")
        flows.append(flow(f"n_{number}", source, target, condition))
    return [(END, "\n".join(nodes) + "\n" + END), (F5, "\n".join(flows))]


def extended(kind: str, node_id: str, inside: str, more: str = "") -> str:
    return f'<bpmn:{kind} id="{node_id}"><bpmn:extensionElements>{inside}</bpmn:extensionElements>{more}</bpmn:{kind}>'


def loop(collection: str, item: str, more: str = "") -> str:
    return (
        f"<bpmn:multiInstanceLoopCharacteristics><bpmn:loopDataInputRef>{collection}</bpmn:loopDataInputRef>{more}"
        f'<bpmn:inputDataItem id="{item}" name="{item}"/></bpmn:multiInstanceLoopCharacteristics>'
    )


CHOICE = '<bpmn:exclusiveGateway id="choix" default="n_2"/>'
MERGE = '<bpmn:exclusiveGateway id="suite"/>'
SPLIT, JOIN = '<bpmn:parallelGateway id="fourche"/>', '<bpmn:parallelGateway id="reunion"/>'
DECISION = extended("businessRuleTask", "avis", "<sw:calledDecisionId>eligibilite</sw:calledDecisionId>")
MESSAGE = (
    '<bpmn:intermediateCatchEvent id="recu"><bpmn:messageEventDefinition messageRef="m"/></bpmn:intermediateCatchEvent>'
)
SURE = [
    pytest.param([script("a", "x = 1"), script("b", "y = x + 1")], "prevenir>a\na>b\nb>accordee", id="one after the other"),
    pytest.param([script("a", "x = 1\ny = x")], "prevenir>a\na>accordee", id="within one script"),
    pytest.param(
        [SPLIT, script("a", "x = 1"), script("b", "y = 1"), JOIN, script("c", "z = x + y")],
        "prevenir>fourche\nfourche>a\nfourche>b\na>reunion\nb>reunion\nreunion>c\nc>accordee",
        id="from every parallel branch",
    ),
    pytest.param(
        [CHOICE, script("a", "x = 1"), script("b", "x = 2"), MERGE, script("c", "y = x")],
        "prevenir>choix\nchoix>a:instruction.note == 'a'\nchoix>b\na>suite\nb>suite\nsuite>c\nc>accordee",
        id="from either way",
    ),
    pytest.param(
        [CHOICE, script("a", "x = 1"), MERGE, script("c", "y = x if defined(x) else 0")],
        "prevenir>choix\nchoix>a:instruction.note == 'a'\nchoix>suite\na>suite\nsuite>c\nc>accordee",
        id="asked for in the expression",
    ),
    pytest.param(
        [
            CHOICE,
            script("a", "x = 1"),
            MERGE,
            '<bpmn:exclusiveGateway id="encore" default="n_6"/>',
            script("c", "y = x"),
        ],
        "prevenir>choix\nchoix>a:instruction.note == 'a'\nchoix>suite\na>suite\nsuite>encore\n"
        "encore>c:defined(x) and x == 1\nencore>refusee\nc>accordee",
        id="asked for by the condition of the way",
    ),
    pytest.param(
        [
            CHOICE,
            script("a", "x = 1"),
            MERGE,
            '<bpmn:exclusiveGateway id="encore" default="n_6"/>',
            script("c", "y = x"),
        ],
        "prevenir>choix\nchoix>a:instruction.note == 'a'\nchoix>suite\na>suite\nsuite>encore\n"
        "encore>refusee:not defined(x) or instruction.note == 'b'\nencore>c\nc>accordee",
        id="asked for by the conditions of the other ways",
    ),
    pytest.param([DECISION, script("c", "y = avis.avis")], "prevenir>avis\navis>c\nc>accordee", id="a decision"),
    pytest.param([MESSAGE, script("c", "y = recu.texte")], "prevenir>recu\nrecu>c\nc>accordee", id="a message"),
    pytest.param([script("c", "y = envoi.numero")], "prevenir>c\nc>accordee", id="the result of an operation"),
    pytest.param(
        [
            script("a", "x = ma_demande.enfants"),
            script("b", "y = enfant.prenom", loop("ma_demande.enfants", "enfant")),
        ],
        "prevenir>a\na>b\nb>accordee",
        id="the item of a repeat",
    ),
    pytest.param(
        [script("a", "x = 1"), extended("task", "b", "<sw:preScript>y = x</sw:preScript><sw:postScript>z = y</sw:postScript>")],
        "prevenir>a\na>b\nb>accordee",
        id="scripts before and after a task",
    ),
    pytest.param(
        [
            '<bpmn:exclusiveGateway id="tour"/>',
            script("a", "x = 1"),
            '<bpmn:exclusiveGateway id="choix" default="n_3"/>',
            script("b", "y = x"),
        ],
        "prevenir>tour\ntour>a\na>choix\nchoix>b\nchoix>tour:instruction.note == 'a'\nb>accordee",
        id="after a loop",
    ),
    pytest.param(
        [
            '<bpmn:subProcess id="bloc"><bpmn:startEvent id="s"/><bpmn:scriptTask id="a"><bpmn:script>x = 1</bpmn:script>'
            '</bpmn:scriptTask><bpmn:endEvent id="e"/>'
            + flow("i1", "s", "a")
            + flow("i2", "a", "e")
            + "</bpmn:subProcess>",
            script("b", "y = x"),
        ],
        "prevenir>bloc\nbloc>b\nb>accordee",
        id="from inside a sub-process",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("nodes", "links"), SURE)
def test_what_has_a_value_on_every_path_may_be_read(checked: Callable[..., Any], nodes: list[str], links: str) -> None:
    assert checked(*drawn(nodes, links)).problems == []


UNSURE = [
    pytest.param(
        [SPLIT, script("a", "x = 1"), script("b", "y = x"), JOIN],
        "prevenir>fourche\nfourche>a\nfourche>b\na>reunion\nb>reunion\nreunion>accordee",
        ("variable-never", "b"),
        id="from the branch beside",
    ),
    pytest.param(
        [script("b", "y = x"), script("a", "x = 1")],
        "prevenir>b\nb>a\na>accordee",
        ("variable-never", "b"),
        id="too early",
    ),
    pytest.param(
        [
            '<bpmn:exclusiveGateway id="tour"/>',
            script("b", "y = x"),
            script("a", "x = 1"),
            '<bpmn:exclusiveGateway id="choix" default="n_4"/>',
        ],
        "prevenir>tour\ntour>b\nb>a\na>choix\nchoix>accordee\nchoix>tour:instruction.note == 'a'",
        ("variable-maybe", "b"),
        id="only from the second turn on",
    ),
    pytest.param(
        [
            '<bpmn:userTask id="avis"><bpmn:extensionElements><sw:properties>'
            '<sw:property name="formJsonSchemaFilename" value="instruction.json"/>'
            "</sw:properties></bpmn:extensionElements></bpmn:userTask>",
            '<bpmn:boundaryEvent id="tard" attachedToRef="avis"><bpmn:timerEventDefinition>'
            '<bpmn:timeDuration xsi:type="bpmn:tFormalExpression">P1D</bpmn:timeDuration>'
            "</bpmn:timerEventDefinition></bpmn:boundaryEvent>",
            script("b", "y = avis.note"),
        ],
        "prevenir>avis\navis>accordee\ntard>b\nb>refusee",
        ("variable-never", "b"),
        id="the answers of an interrupted task",
    ),
    pytest.param(
        [
            script("a", "x = 1", loop("ma_demande.enfants", "enfant")),
            script("b", "y = x"),
        ],
        "prevenir>a\na>b\nb>accordee",
        ("variable-never", "b"),
        id="what the turns of a repeat keep to themselves",
    ),
    pytest.param(
        [
            script("a", "x = 1", loop("ma_demande.enfants", "enfant")),
            script("b", "y = enfant"),
        ],
        "prevenir>a\na>b\nb>accordee",
        ("variable-never", "b"),
        id="the item after the repeat",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("nodes", "links", "expected"), UNSURE)
def test_what_may_have_no_value_is_told(
    checked: Callable[..., Any], nodes: list[str], links: str, expected: tuple[str, str]
) -> None:
    edits = [*drawn(nodes, links)]
    place = '<bpmn:lane id="l_agents" name="Instruction">'
    edits.append((place, f"{place}<bpmn:flowNodeRef>avis</bpmn:flowNodeRef>"))
    found = [(problem.code, problem.element_id) for problem in checked(*edits).problems]
    assert found == [expected]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("ma_demande.motif == 'accord'", None),
        ("usager.adresse.commune == 'accord'", None),
        ("demande.canal == 'accord'", None),
        ("ma_demande.motf == 'accord'", "vouliez-vous dire"),
        ("defined(ma_demande.motf)", "ma_demande.motf"),
        ("usager.ville == 'accord'", "« usager » n’a pas de champ « ville »"),
        ("demande.date == 'accord'", "« demande » n’a pas de champ « date »"),
        ("recapitulatif.motif == 'accord'", "il n’en a aucun"),
        ("ma_demande.motif.premier == 'accord'", "ma_demande.motif.premier"),
    ],
)
def test_fields_are_those_of_the_forms(checked: Callable[..., Any], expression: str, expected: str | None) -> None:
    problems = checked((CONDITION, expression)).problems
    if expected is None:
        assert problems == []
    else:
        [problem] = problems
        assert (problem.code, problem.element_id) == ("unknown-field", "decision")
        assert expected in problem.message.replace("\N{NO-BREAK SPACE}", " ")


@pytest.mark.parametrize(
    ("expression", "wrong"),
    [
        ("instruction.decision == 'acord'", "acord"),
        ("'acord' != instruction.decision", "acord"),
        ("not (ma_demande.motif == 'x' and instruction.decision == 'acord')", "acord"),
        ("instruction.decision in ['accord', 'refuz']", "refuz"),
        ("instruction.decision not in ('refuz', 'accord')", "refuz"),
        ("instruction.decision == 'refus'", ""),
        ("instruction.decision != ''", ""),
        ("instruction.note == 'acord'", ""),
        ("ma_demande.motif == 'acord'", ""),
        ("'acord' in instruction.decision", ""),
    ],
)
def test_answers_are_compared_with_what_their_form_offers(
    checked: Callable[..., Any], expression: str, wrong: str
) -> None:
    problems = checked((CONDITION, expression)).problems
    assert [problem.code for problem in problems] == ["unknown-choice"] * bool(wrong)
    assert all(f"« {wrong} »" in problem.message.replace("\N{NO-BREAK SPACE}", " ") for problem in problems)


@pytest.mark.parametrize(
    ("column", "cell", "wrong"),
    [
        ("instruction.decision", '"acord"', "acord"),
        ("instruction.decision", '"accord", "refuz"', "refuz"),
        ("instruction.decision", 'not("acord")', "acord"),
        ("instruction.decision", '["acord", "refus"]', "acord"),
        ("instruction.decision", '!= "acord"', "acord"),
        ("instruction.decision", '? == "acord" or ? == ma_demande.motif', "acord"),
        ("ma_demande.motif", 'instruction.decision == "acord"', "acord"),
        ('instruction.decision == "acord"', "true", "acord"),
        ("instruction.decision", '"accord"', ""),
        ("instruction.decision", '-', ""),
        ("instruction.decision", 'ma_demande.motif', ""),
        ("ma_demande.motif", '"acord"', ""),
    ],
)  # fmt: skip
def test_the_cells_of_a_table_are_compared_with_what_forms_offer(
    checked: Callable[..., Any], column: str, cell: str, wrong: str
) -> None:
    """An answer that its form doesn't offer makes a rule that never decides."""
    table = TABLE.replace("<text>ma_demande.motif</text>", f"<text>{column}</text>").replace(
        "<text>-</text>", f"<text>{cell}</text>"
    )
    found = checked(*drawn([DECISION], "prevenir>avis\navis>accordee"), dmn=table)
    told = [(problem.code, problem.file) for problem in found.problems]
    assert told == [("unknown-choice", "table.dmn")] * bool(wrong)
    for problem in found.problems:
        assert (problem.element_id, problem.line) in (("re", 7), ("ie", 5))
        said = problem.message.replace("\N{NO-BREAK SPACE}", " ")
        assert said.startswith(
            "La table « Éligibilité » compare « instruction.decision » à « acord »".replace("acord", wrong)
        )


@pytest.mark.parametrize(
    ("result", "policy", "codes"),
    [
        ('"oui"', "UNIQUE", ["unknown-outcome"]),
        ('"non"', "UNIQUE", []),
        ("ma_demande.motif", "UNIQUE", []),
        ('"oui"', "COLLECT", []),
    ],
)
def test_results_of_a_table_are_compared_with_what_it_gives(
    checked: Callable[..., Any], result: str, policy: str, codes: list[str]
) -> None:
    """Where all that it gives is written in it."""
    table = TABLE.replace('<text>"oui"</text>', f"<text>{result}</text>").replace("UNIQUE", policy)
    found = checked(
        *drawn([DECISION, script("c", "y = avis.avis == 'non'")], "prevenir>avis\navis>c\nc>accordee"), dmn=table
    )
    assert found.codes == codes


def test_the_result_of_an_operation_and_of_a_table_have_their_fields(checked: Callable[..., Any]) -> None:
    found = checked(
        *drawn([DECISION, script("c", "y = [envoi.nombre, avis.avi]")], "prevenir>avis\navis>c\nc>accordee")
    )
    assert found.codes == ["unknown-field", "unknown-field"]


def test_a_message_reads_its_placeholders(checked: Callable[..., Any]) -> None:
    found = checked(("{usager.prenoms}", "{inconnu} {usager.age} {instruction.note}"))
    assert sorted(found.codes) == ["unknown-field", "variable-never"]


def test_a_table_reads_where_it_is_called(checked: Callable[..., Any]) -> None:
    """What the table reads must have a value at each task that calls it."""
    early = [
        (END, DECISION + "\n" + END),
        ('targetRef="ma_demande"/>', 'targetRef="avis"/>\n' + flow("x", "avis", "ma_demande")),
    ]  # fmt: skip
    found = checked(*early)
    assert [(problem.code, problem.element_id) for problem in found.problems] == [("variable-never", "avis")]
