"""The layout tool: diagrams of any process, lanes included, where nothing hides anything (A1)."""

from __future__ import annotations

from itertools import combinations, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from SpiffWorkflow.spiff.parser.process import VALIDATOR

from engine.bpmn.layout import LayoutError, lay_out
from engine.core.errors import DefinitionError

NS = 'xmlns:bpmn="http://www.omg.org/spec/BPMN/20100524/MODEL"'
DI = "{http://www.omg.org/spec/BPMN/20100524/DI}"
DC = "{http://www.omg.org/spec/DD/20100524/DC}"
WAYPOINT = "{http://www.omg.org/spec/DD/20100524/DI}waypoint"

Box = tuple[int, int, int, int]


def process(body: str, *, flows: str, pool: bool = False) -> bytes:
    """A process of these elements; flows are `a>b` or `a>b name`, separated by `;`."""
    drawn = ""
    for flow in filter(None, (part.strip() for part in flows.split(";"))):
        ends, _, name = flow.partition(" ")
        source, target = ends.split(">")
        drawn += (
            f'<bpmn:sequenceFlow id="f_{source}_{target}" name="{name}" sourceRef="{source}" targetRef="{target}"/>'
        )
    collaboration = (
        '<bpmn:collaboration id="c"><bpmn:participant id="pool" name="Piscine" processRef="p"/></bpmn:collaboration>'
    )
    return (
        f'<?xml version="1.0"?><bpmn:definitions {NS} id="d" targetNamespace="x">{collaboration if pool else ""}'
        f'<bpmn:process id="p" isExecutable="true">{body}{drawn}</bpmn:process></bpmn:definitions>'
    ).encode()


def nodes(kind: str, *names: str) -> str:
    return "".join(f'<bpmn:{kind} id="{name}" name="{name.capitalize()}"/>' for name in names)


def boxes(content: bytes) -> dict[str, Box]:
    found = {}
    for shape in etree.fromstring(content).iter(f"{DI}BPMNShape"):
        bounds = shape.find(f"{DC}Bounds")
        assert bounds is not None
        x, y, width, height = (int(bounds.get(name, "")) for name in ("x", "y", "width", "height"))
        found[shape.get("bpmnElement", "")] = (x, y, x + width, y + height)
    return found


def lines(content: bytes) -> dict[str, list[tuple[int, int]]]:
    return {
        edge.get("bpmnElement", ""): [
            (int(point.get("x", "")), int(point.get("y", ""))) for point in edge.iter(WAYPOINT)
        ]
        for edge in etree.fromstring(content).iter(f"{DI}BPMNEdge")
    }


def overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def inside(box: Box, around: Box) -> bool:
    return around[0] <= box[0] and around[1] <= box[1] and box[2] <= around[2] and box[3] <= around[3]


CHAIN = nodes("startEvent", "s") + nodes("userTask", "a", "b") + nodes("endEvent", "e")


def test_a_chain_is_a_straight_line() -> None:
    drawn = lay_out(process(CHAIN, flows="s>a; a>b; b>e"))
    assert all(len(points) == 2 and points[0][1] == points[1][1] for points in lines(drawn).values())
    found = boxes(drawn)
    assert found["s"][2] < found["a"][0] < found["a"][2] < found["b"][0] < found["b"][2] < found["e"][0]


def test_what_is_drawn_is_valid_and_nothing_else_is_changed() -> None:
    content = process(f"<!-- à garder -->{CHAIN}", flows="s>a; a>b; b>e", pool=True)
    drawn = lay_out(content)
    VALIDATOR.validate(etree.fromstring(drawn), "p.bpmn")
    assert "à garder".encode() in drawn
    root = etree.fromstring(drawn)
    for diagram in root.findall(f"{DI}BPMNDiagram"):
        root.remove(diagram)
    parser = etree.XMLParser(remove_blank_text=True)
    bare = etree.tostring(etree.fromstring(etree.tostring(root, encoding="utf-8"), parser), method="c14n2")
    assert bare == etree.tostring(etree.fromstring(content, parser), method="c14n2")


def test_drawing_again_gives_the_same() -> None:
    drawn = lay_out(process(CHAIN, flows="s>a; a>b; b>e; b>a encore"))
    assert lay_out(drawn) == drawn
    assert len(etree.fromstring(drawn).findall(f"{DI}BPMNDiagram")) == 1


def test_nodes_are_in_the_band_of_their_lane() -> None:
    lanes = (
        '<bpmn:laneSet id="ls"><bpmn:lane id="l1" name="Usager"><bpmn:flowNodeRef>s</bpmn:flowNodeRef>'
        "<bpmn:flowNodeRef>a</bpmn:flowNodeRef></bpmn:lane>"
        '<bpmn:lane id="l2" name="Service"><bpmn:flowNodeRef>b</bpmn:flowNodeRef><bpmn:flowNodeRef>e</bpmn:flowNodeRef>'
        "</bpmn:lane></bpmn:laneSet>"
    )
    found = boxes(lay_out(process(lanes + CHAIN, flows="s>a; a>b; b>e", pool=True)))
    assert inside(found["a"], found["l1"])
    assert inside(found["b"], found["l2"])
    assert found["l1"][3] == found["l2"][1]
    assert inside(found["l1"], found["pool"])
    assert inside(found["l2"], found["pool"])


def test_boundary_events_sit_on_the_edge_of_their_task() -> None:
    borders = "".join(f'<bpmn:boundaryEvent id="{name}" attachedToRef="a" name="{name}"/>' for name in ("un", "deux"))
    body = CHAIN + borders + nodes("task", "c", "d")
    drawn = lay_out(process(body, flows="s>a; a>b; b>e; un>c; deux>d; c>e; d>e"))
    found = boxes(drawn)
    task = found["a"]
    for name in ("un", "deux"):
        x1, y1, x2, y2 = found[name]
        assert task[0] <= (x1 + x2) // 2 <= task[2]
        assert (y1 + y2) // 2 == task[3]
    assert not overlap(found["un"], found["deux"])
    assert lines(drawn)["f_un_c"][0] == ((found["un"][0] + found["un"][2]) // 2, found["un"][3])


def test_a_sub_process_holds_what_it_holds() -> None:
    inner = '<bpmn:subProcess id="sp">' + nodes("startEvent", "is") + nodes("task", "ia") + nodes("endEvent", "ie")
    inner += '<bpmn:sequenceFlow id="i1" sourceRef="is" targetRef="ia"/>'
    inner += '<bpmn:sequenceFlow id="i2" sourceRef="ia" targetRef="ie"/></bpmn:subProcess>'
    found = boxes(lay_out(process(CHAIN + inner, flows="s>a; a>sp; sp>b; b>e")))
    for name in ("is", "ia", "ie"):
        assert inside(found[name], found["sp"])
    assert not overlap(found["sp"], found["a"])
    assert not overlap(found["sp"], found["b"])


def test_an_annotation_stands_by_what_it_comments() -> None:
    note = '<bpmn:textAnnotation id="note"><bpmn:text>Sous deux mois</bpmn:text></bpmn:textAnnotation>'
    note += '<bpmn:association id="lien" sourceRef="a" targetRef="note"/>'
    drawn = lay_out(process(CHAIN + note, flows="s>a; a>b; b>e"))
    found = boxes(drawn)
    assert found["note"][0] < found["a"][2]
    assert not any(overlap(found["note"], found[name]) for name in ("s", "a", "b", "e"))
    assert len(lines(drawn)["lien"]) == 2


def test_branches_keep_their_names_apart() -> None:
    body = nodes("startEvent", "s") + nodes("exclusiveGateway", "g") + nodes("endEvent", "x", "y", "z")
    drawn = etree.fromstring(lay_out(process(body, flows="s>g; g>x accepter; g>y refuser; g>z demander des pièces")))
    labels = []
    for label in drawn.iter(f"{DI}BPMNLabel"):
        bounds = label.find(f"{DC}Bounds")
        assert bounds is not None
        x, y, width, height = (int(bounds.get(name, "")) for name in ("x", "y", "width", "height"))
        labels.append((x, y, x + width, y + height))
    assert len(labels) == 8
    assert not any(overlap(one, other) for one, other in combinations(labels, 2))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (process("", flows=""), "vide"),
        (b"<a/>", "pas du BPMN"),
        (f"<bpmn:definitions {NS}/>".encode(), "0 processus"),
        (process(CHAIN, flows="", pool=True).replace(b'processRef="p"', b""), "piscine sans processus"),
    ],
)
def test_what_can_t_be_drawn_says_why(content: bytes, said: str) -> None:
    with pytest.raises(LayoutError, match=said):
        lay_out(content)


@pytest.mark.parametrize("content", [b"<a", b"<!DOCTYPE a><a/>"])
def test_what_may_not_be_read_is_refused(content: bytes) -> None:
    with pytest.raises(DefinitionError):
        lay_out(content)


@st.composite
def processes(draw: st.DrawFn) -> bytes:
    """Anything that can be drawn, sensible or not: loops, several lanes, boundary events, nodes that nothing leads to."""
    count = draw(st.integers(1, 9))
    kinds = st.sampled_from(["userTask", "serviceTask", "exclusiveGateway", "parallelGateway", "endEvent"])
    chosen = [(f"n{number}", draw(kinds)) for number in range(count)]
    tasks = [name for name, kind in chosen if kind.endswith("Task")]
    body = nodes("startEvent", "s") + "".join(nodes(kind, name) for name, kind in chosen)
    hosts = draw(st.lists(st.sampled_from(tasks), max_size=2)) if tasks else []
    borders = [f"b{number}" for number in range(len(hosts))]
    for name, host in zip(borders, hosts, strict=True):
        body += f'<bpmn:boundaryEvent id="{name}" name="Trois jours" attachedToRef="{host}"/>'
    names = [name for name, _ in chosen]
    pairs = st.tuples(st.sampled_from(["s", *names, *borders]), st.sampled_from(names))
    flows = draw(st.lists(pairs, max_size=12, unique=True))
    lanes = draw(st.integers(1, 3))
    bands = "".join(
        f'<bpmn:lane id="l{lane}" name="Couloir {lane}">'
        + "".join(f"<bpmn:flowNodeRef>{name}</bpmn:flowNodeRef>" for name in names if int(name[1:]) % lanes == lane)
        + "</bpmn:lane>"
        for lane in range(lanes)
    )
    text = "; ".join(f"{source}>{target} oui" for source, target in flows)
    return process(f'<bpmn:laneSet id="ls">{bands}</bpmn:laneSet>{body}', flows=text, pool=True)


@settings(max_examples=60, deadline=None)
@given(processes())
def test_whatever_the_process_shapes_are_apart_and_flows_join_them(content: bytes) -> None:
    drawn = lay_out(content)
    VALIDATOR.validate(etree.fromstring(drawn), "p.bpmn")
    found = boxes(drawn)
    shapes = {name: box for name, box in found.items() if name[0] in "sn"}
    assert not any(overlap(one, other) for one, other in combinations(shapes.values(), 2))
    assert all(inside(box, found["pool"]) for box in shapes.values())
    for name, points in lines(drawn).items():
        _, source, target = name.split("_")
        assert all(x1 == x2 or y1 == y2 for (x1, y1), (x2, y2) in pairwise(points))
        for (x, y), end in ((points[0], source), (points[-1], target)):
            x1, y1, x2, y2 = found[end]
            assert x1 <= x <= x2
            assert y1 <= y <= y2
