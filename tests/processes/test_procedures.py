"""What the shipped procedures owe to those who read them: no problem, a diagram that opens, texts in good French (A1)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import combinations, pairwise

from lxml import etree
from SpiffWorkflow.spiff.parser.process import VALIDATOR

from engine.bpmn import model
from engine.bpmn.layout import lay_out
from engine.procedures import catalogue, messages
from engine.procedures.catalogue import SourceSet

BPMN = "{http://www.omg.org/spec/BPMN/20100524/MODEL}"
DI = "{http://www.omg.org/spec/BPMN/20100524/DI}"
DC = "{http://www.omg.org/spec/DD/20100524/DC}"
WAYPOINT = "{http://www.omg.org/spec/DD/20100524/DI}waypoint"

Box = tuple[int, int, int, int]


UNDECIDED = {"coordonnees-adresse", "coordonnees-courriel", "coordonnees-telephone", "rendez-vous-titre-identite"}


def test_the_check_finds_nothing(shipped: SourceSet) -> None:
    assert catalogue.problems_of(shipped) == []


def test_the_file_is_bpmn_by_the_standard_s_own_schema(shipped: SourceSet) -> None:
    VALIDATOR.validate(etree.fromstring(shipped.bpmn.content), shipped.bpmn.name)


def test_the_page_of_the_procedure_has_what_people_look_for(shipped: SourceSet) -> None:
    """«La démarche», «Aide à la saisie», the maximum duration, the expected delay, the silence rule (A1, A7, A10)."""
    process = model.read(shipped.bpmn).process
    wanted = {"description", "trade", "sector", "department", "audience", "inputHelp", "maxDuration", "keywords"}
    assert wanted <= set(process.properties)
    # A space that called things otherwise than the catalogue would make people look twice.
    assert process.properties["sector"] == process.properties["trade"]
    delays = {"expectedDelay", "silence", "silenceAfter", "silenceReference"}
    # Where nobody decides anything, nobody waits for a decision.
    assert delays & set(process.properties) == (set() if shipped.slug in UNDECIDED else delays)
    assert len(process.documentation) > 100


def test_every_element_is_drawn_once_and_every_flow_too(shipped: SourceSet) -> None:
    document = model.read(shipped.bpmn)
    drawn = [shape.get("bpmnElement") for shape in _root(shipped).iter(f"{DI}BPMNShape", f"{DI}BPMNEdge")]
    assert len(drawn) == len(set(drawn))
    assert {node.id for node in document.nodes} | {flow.id for flow in document.flows} <= set(drawn)


def test_no_shape_covers_another_and_each_is_in_its_lane(shipped: SourceSet) -> None:
    document, boxes = model.read(shipped.bpmn), _boxes(_root(shipped))
    hosted = {node.id for node in document.nodes if node.attached_to}
    for one, other in combinations([node.id for node in document.nodes if node.id not in hosted], 2):
        assert not _overlap(boxes[one], boxes[other]), f"{one} and {other}"
    for lane in document.process.lanes:
        for node_id in set(lane.node_ids) - hosted:
            assert _inside(boxes[node_id], boxes[lane.id]), f"{node_id} in {lane.name}"


def test_flows_are_at_right_angles_and_join_their_shapes(shipped: SourceSet) -> None:
    root, document = _root(shipped), model.read(shipped.bpmn)
    boxes = _boxes(root)
    for edge in root.iter(f"{DI}BPMNEdge"):
        points = [(int(point.get("x", "")), int(point.get("y", ""))) for point in edge.iter(WAYPOINT)]
        flow = document.flow_by_id[edge.get("bpmnElement", "")]
        assert len(points) >= 2
        assert all(x1 == x2 or y1 == y2 for (x1, y1), (x2, y2) in pairwise(points)), flow.id
        assert _touches(points[0], boxes[flow.source]), flow.id
        assert _touches(points[-1], boxes[flow.target]), flow.id


def test_flows_pass_through_no_shape(shipped: SourceSet) -> None:
    root, document = _root(shipped), model.read(shipped.bpmn)
    boxes = _boxes(root)
    for edge in root.iter(f"{DI}BPMNEdge"):
        points = [(int(point.get("x", "")), int(point.get("y", ""))) for point in edge.iter(WAYPOINT)]
        flow = document.flow_by_id[edge.get("bpmnElement", "")]
        source = document.node_by_id[flow.source]
        for node in document.nodes:
            if node.id in (flow.source, flow.target, source.attached_to) or node.attached_to:
                continue
            for start, end in pairwise(points):
                assert not _overlap(_segment(start, end), boxes[node.id]), f"{flow.id} through {node.id}"


def test_the_diagram_is_the_one_that_the_layout_tool_draws(shipped: SourceSet) -> None:
    """`./parvis layout` gives the same file again: a change by hand would be lost without a word."""
    assert lay_out(shipped.bpmn.content) == shipped.bpmn.content


def test_the_platform_s_own_messages_follow_it_too() -> None:
    for template in messages.defaults().values():
        for text in template.texts:
            prose = re.sub(r"\{[^{}]*\}", "", text)
            assert "'" not in prose, text
            assert not re.search(r"[^ ] [:;?!%»]|« ", prose), text


def test_texts_for_people_follow_french_typography(shipped: SourceSet) -> None:
    """Curly apostrophes, and a space that doesn't break before « : ; ? ! % » and inside guillemets."""
    for text in _texts(shipped):
        prose = re.sub(r"\{[^{}]*\}", "", text)
        assert "'" not in prose, text
        assert not re.search(r"[^ ] [:;?!%»]|« ", prose), text


def test_what_is_said_of_a_wrong_answer_is_a_sentence(shipped: SourceSet) -> None:
    for name, content in shipped.forms.items():
        for said in re.findall(r'"x-messages": *{([^{}]*)}', content.decode()):
            for sentence in re.findall(r': *"([^"]*)"', said):
                assert sentence.endswith((".", "?")), f"{name}: {sentence}"


def _texts(shipped: SourceSet) -> Iterator[str]:
    """Names, documentation, messages and the process's properties."""
    root = _root(shipped)
    for element in root.iter():
        name = element.get("name")
        if name and element.tag.startswith(BPMN):
            yield name
        if element.tag == f"{BPMN}documentation":
            yield element.text or ""
        if element.tag.endswith("}parameter") and element.get("id") in ("subject", "body"):
            yield element.get("value", "")
    if shipped.messages is not None:
        for template in messages.read(shipped.messages).values():
            yield from template.texts
    yield from (value for key, value in model.read(shipped.bpmn).process.properties.items() if key[:7] != "silence")


def _root(shipped: SourceSet) -> etree._Element:
    return etree.fromstring(shipped.bpmn.content)


def _boxes(root: etree._Element) -> dict[str, Box]:
    found = {}
    for shape in root.iter(f"{DI}BPMNShape"):
        bounds = shape.find(f"{DC}Bounds")
        assert bounds is not None
        x, y, width, height = (int(bounds.get(name, "")) for name in ("x", "y", "width", "height"))
        found[shape.get("bpmnElement", "")] = (x, y, x + width, y + height)
    return found


def _segment(start: tuple[int, int], end: tuple[int, int]) -> Box:
    return min(start[0], end[0]), min(start[1], end[1]), max(start[0], end[0]) + 1, max(start[1], end[1]) + 1


def _overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _inside(box: Box, around: Box) -> bool:
    return around[0] <= box[0] and around[1] <= box[1] and box[2] <= around[2] and box[3] <= around[3]


def _touches(point: tuple[int, int], box: Box) -> bool:
    x, y = point
    on_side = x in (box[0], box[2]) and box[1] <= y <= box[3]
    return on_side or (y in (box[1], box[3]) and box[0] <= x <= box[2])
