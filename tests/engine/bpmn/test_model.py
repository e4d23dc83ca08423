"""Reading BPMN files: safe (nothing outside the file is read), and everything that others need to know."""

from __future__ import annotations

import pytest

from engine.bpmn.model import Document, Expression, Loop, Problem, Source, Timer, read
from engine.core.errors import DefinitionError

NAMESPACES = (
    'xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" xmlns:sw="http://spiffworkflow.org/bpmn/schema/1.0/core" '
    'xmlns:di="http://www.omg.org/spec/BPMN/20100524/DI"'
)
FULL = f"""<?xml version="1.0" encoding="UTF-8"?>
<definitions {NAMESPACES} id="d">
<message id="m" name="pieces"><extensionElements>
<sw:messageVariable>recu</sw:messageVariable></extensionElements></message>
<error id="err" name="Refus" errorCode="refus"/>
<process id="essai" name="Essai" isExecutable="true">
<documentation>Une démarche.</documentation>
<extensionElements><sw:properties>
<sw:property name="trade" value="Stationnement"/>
</sw:properties></extensionElements>
<laneSet id="ls">
<lane id="l1" name="Agents"><flowNodeRef>bloc</flowNodeRef><childLaneSet id="c">
<lane id="l2" name="Usager"><flowNodeRef> demande </flowNodeRef></lane></childLaneSet></lane>
</laneSet>
<startEvent id="debut"/>
<userTask id="demande" name="Ma demande">
<documentation>Dites tout.</documentation>
<extensionElements>
<sw:properties><sw:property name="step" value="details"/>
<sw:property name="formJsonSchemaFilename" value="f.json"/></sw:properties>
<sw:preScript>a = 1</sw:preScript>
<sw:postScript>b = 2</sw:postScript>
<camunda:form xmlns:camunda="http://camunda.org"/>
</extensionElements>
</userTask>
<boundaryEvent id="tard" attachedToRef="demande" cancelActivity="false">
<timerEventDefinition><timeDuration> P10D </timeDuration></timerEventDefinition>
</boundaryEvent>
<exclusiveGateway id="choix" default="f3"/>
<subProcess id="bloc">
<multiInstanceLoopCharacteristics isSequential="true">
<loopDataInputRef>demande.enfants</loopDataInputRef>
<loopDataOutputRef>avis</loopDataOutputRef>
<inputDataItem id="enfant"/>
<outputDataItem id="un_avis"/>
<completionCondition>fini</completionCondition>
</multiInstanceLoopCharacteristics>
<startEvent id="debut_bloc"/>
<serviceTask id="appel"><extensionElements>
<sw:serviceTaskOperator id="droits/lire" resultVariable="droit"><sw:parameters>
<sw:parameter id="numero" type="str" value="demande.numero"/>
</sw:parameters></sw:serviceTaskOperator>
</extensionElements></serviceTask>
<sequenceFlow id="g1" sourceRef="debut_bloc" targetRef="appel"/>
</subProcess>
<businessRuleTask id="avis">
<extensionElements><sw:calledDecisionId>table</sw:calledDecisionId></extensionElements></businessRuleTask>
<scriptTask id="calcul"><script>
x = 1
</script></scriptTask>
<intermediateCatchEvent id="attente"><messageEventDefinition messageRef="m"/></intermediateCatchEvent>
<endEvent id="echec"><errorEventDefinition errorRef="err"/></endEvent>
<sequenceFlow id="f1" sourceRef="debut" targetRef="demande"/>
<sequenceFlow id="f2" sourceRef="demande" targetRef="choix" name="oui">
<conditionExpression> a == 1 </conditionExpression>
</sequenceFlow>
<sequenceFlow id="f3" sourceRef="choix" targetRef="echec"/>
</process>
<di:BPMNDiagram><di:BPMNPlane bpmnElement="essai">
<di:BPMNShape id="s1" bpmnElement="demande"/><di:BPMNEdge id="e1" bpmnElement="f1"/>
</di:BPMNPlane></di:BPMNDiagram>
</definitions>
"""


@pytest.fixture(scope="module")
def document() -> Document:
    return read(Source("essai.bpmn", FULL.encode()))


def test_the_process(document: Document) -> None:
    process = document.process
    assert (process.id, process.name, process.line) == ("essai", "Essai", 6)
    assert process.documentation == "Une démarche."
    assert process.properties == {"trade": "Stationnement"}
    assert process.entries[0].line == 9
    assert [lane.name for lane in process.lanes] == ["Agents", "Usager"]


def test_a_human_task(document: Document) -> None:
    task = document.node_by_id["demande"]
    assert (task.kind, task.name, task.title, task.lane, task.line) == (
        "userTask",
        "Ma demande",
        "Ma demande",
        "Usager",
        16,
    )
    assert task.is_human
    assert task.is_resident
    assert task.is_task
    assert (task.step, task.form, task.documentation) == ("details", "f.json", "Dites tout.")
    assert task.pre_script == Expression("a = 1", 21)
    assert task.post_script == Expression("b = 2", 22)
    assert (task.incoming, task.outgoing) == (("f1",), ("f2",))
    assert [(foreign.name, foreign.line) for foreign in task.foreign] == [("form", 23)]


def test_a_boundary_timer(document: Document) -> None:
    [border] = document.boundary_events("demande")
    assert (border.id, border.attached_to, border.interrupting) == ("tard", "demande", False)
    timer = border.event("timer")
    assert timer is not None
    assert timer.timer == Timer("duration", Expression("P10D", 27))


def test_a_sub_process_and_what_is_in_it(document: Document) -> None:
    assert [scope.id for scope in document.subprocesses] == ["bloc"]
    assert document.subprocesses[0].parent == "essai"
    assert [node.id for node in document.children("bloc")] == ["debut_bloc", "appel"]
    assert [flow.id for flow in document.flows_in("bloc")] == ["g1"]
    assert document.node_by_id["appel"].lane == "Agents"
    assert document.node_by_id["bloc"].loop == Loop(
        kind="sequential",
        line=31,
        collection="demande.enfants",
        item="enfant",
        output="avis",
        output_item="un_avis",
        condition=Expression("fini", 36),
    )


def test_what_tasks_call(document: Document) -> None:
    operator = document.node_by_id["appel"].operator
    assert operator is not None
    assert (operator.name, operator.result, operator.line) == ("droits/lire", "droit", 40)
    assert [(p.name, p.value, p.line) for p in operator.parameters] == [("numero", "demande.numero", 41)]
    assert document.node_by_id["avis"].decision == "table"
    assert document.node_by_id["calcul"].script == Expression("\nx = 1\n", 48)


def test_events_know_what_they_refer_to(document: Document) -> None:
    message, error = document.node_by_id["attente"].event("message"), document.node_by_id["echec"].event("error")
    assert message is not None
    assert (message.name, message.variable) == ("pieces", "recu")
    assert error is not None
    assert (error.name, error.code) == ("Refus", "refus")


def test_flows_and_conditions(document: Document) -> None:
    flow = document.flow_by_id["f2"]
    assert (flow.source, flow.target, flow.name, flow.condition) == (
        "demande",
        "choix",
        "oui",
        Expression("a == 1", 55),
    )
    assert document.node_by_id["choix"].default == "f3"
    assert [node.id for node in document.successors("choix")] == ["echec"]


def test_what_is_drawn(document: Document) -> None:
    assert document.has_diagram
    assert (document.shapes, document.edges) == ({"demande"}, {"f1"})


def problem(content: bytes) -> Problem:
    with pytest.raises(DefinitionError) as caught:
        read(Source("x.bpmn", content))
    [found] = caught.value.problems
    assert isinstance(found, Problem)
    assert found.file == "x.bpmn"
    return found


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"", 1),
        (b"hello", 1),
        (b"\x00", 1),
        (b"<a>\n<b>\n</a>", 3),
        (b"<a>&inconnue;</a>", 1),
        (b'<?xml version="1.0" encoding="inconnu"?><a/>', 1),
        (b"<a>" * 300 + b"</a>" * 300, 1),
        ("é<a/>".encode("latin-1"), 1),
    ],
)
def test_what_is_not_xml_is_refused_with_its_line(content: bytes, line: int) -> None:
    found = problem(content)
    assert (found.code, found.line) == ("xml", line)


BOMB = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10 if n else "x" * 100}">' for n in range(12))


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("<!DOCTYPE a><a/>", 1),
        ('<?xml version="1.0"?>\n<!-- <!DOCTYPE dans un commentaire -->\n<!DOCTYPE a><a/>', 3),
        ('<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]><a>&e;</a>', 1),
        ('<!DOCTYPE a SYSTEM "https://ailleurs.example/a.dtd"><a/>', 1),
        (f"<!DOCTYPE a [{BOMB}]><a>&a11;</a>", 1),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_doctype_is_refused_whatever_it_says(content: str, line: int, encoding: str) -> None:
    found = problem(content.encode(encoding))
    # In another encoding it is only seen once parsed, and a bomb by the parser itself.
    assert found.code == "doctype" or (found.code == "xml" and encoding == "utf-16")
    assert found.line == line or encoding == "utf-16"


def test_a_file_that_only_speaks_of_a_doctype_is_read() -> None:
    text = FULL.replace("Une démarche.", "<![CDATA[<!DOCTYPE a>]]>").replace(
        "?>\n", "?>\n<!-- sans <!DOCTYPE a> -->\n", 1
    )
    assert read(Source("essai.bpmn", text.encode())).process.documentation == "<!DOCTYPE a>"


@pytest.mark.parametrize("content", [b"<a/>", b'<definitions xmlns="http://ailleurs.example"/>'])
def test_another_kind_of_xml_is_refused(content: bytes) -> None:
    assert problem(content).code == "not-bpmn"


def test_a_file_without_a_process_says_so() -> None:
    document = read(Source("x.bpmn", f'<definitions {NAMESPACES} id="d"/>'.encode()))
    with pytest.raises(DefinitionError, match="aucun processus"):
        document.process  # noqa: B018


def test_the_name_of_a_file_without_its_extension() -> None:
    assert Source("signalement.bpmn", b"").stem == "signalement"
