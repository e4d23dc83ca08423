"""From the XML of a process to the same with its diagram."""

from lxml import etree

from engine.bpmn.layout.graph import BPMN, Graph, LayoutError, read
from engine.bpmn.layout.naming import Box, name_places
from engine.bpmn.layout.placing import place
from engine.bpmn.layout.routing import route
from engine.bpmn.model import Source, parse_xml

BPMNDI = "http://www.omg.org/spec/BPMN/20100524/DI"
DC = "http://www.omg.org/spec/DD/20100524/DC"
DI = "http://www.omg.org/spec/DD/20100524/DI"

MARGIN = 100  # where the pool's corner is
HEADER = 30  # the strip that carries the name of a pool or of a lane


def lay_out(content: bytes) -> bytes:
    """The same BPMN file with a diagram recomputed from its flow graph; any earlier diagram is replaced.

    Raises `DefinitionError` when it can't be read, `LayoutError` when it isn't one process that can be drawn.
    """
    root = _read(content)
    processes = root.findall(_bpmn("process"))
    if len(processes) != 1:
        raise LayoutError(f"Le fichier contient {len(processes)} processus : il en faut un.")
    process = processes[0]
    participants = root.findall(f"{_bpmn('collaboration')}/{_bpmn('participant')}")
    if any(participant.get("processRef") != process.get("id") for participant in participants):
        raise LayoutError("Une piscine sans processus ne peut pas être dessinée.")
    graph = read(process)
    if not graph.nodes:
        raise LayoutError("Le processus est vide.")
    laned = bool(graph.lanes[0].id)
    headers = HEADER * (bool(participants) + laned)
    place(graph, MARGIN + headers, MARGIN)
    route(graph, MARGIN + headers, MARGIN)
    for old in root.findall(f"{{{BPMNDI}}}BPMNDiagram"):
        root.remove(old)
    owner = root.find(_bpmn("collaboration")) if participants else process
    assert owner is not None
    plane = _plane(root, owner.get("id", ""))
    for participant in participants:
        box = (MARGIN, MARGIN, graph.width + headers, graph.height)
        _shape(plane, participant.get("id", ""), box, isHorizontal="true")
    if laned:
        for lane in graph.lanes:
            left = MARGIN + HEADER * bool(participants)
            box = (left, lane.top, graph.width + HEADER, lane.height)
            _shape(plane, lane.id, box, isHorizontal="true")
    _draw(plane, graph)
    etree.indent(root, "  ")
    return etree.tostring(root.getroottree(), xml_declaration=True, encoding="UTF-8") + b"\n"


def _draw(plane: etree._Element, graph: Graph) -> None:
    names = name_places(graph)
    for node in graph.nodes.values():
        flags = {}
        if node.kind == "exclusiveGateway":
            flags["isMarkerVisible"] = "true"
        if node.inside:
            flags["isExpanded"] = "true"
        _shape(plane, node.id, (node.left, node.top, node.width, node.height), names.get(node.id), **flags)
        if node.inside:
            _draw(plane, node.inside)
    for edge in graph.edges:
        element = etree.SubElement(plane, f"{{{BPMNDI}}}BPMNEdge", id=f"{edge.id}_di", bpmnElement=edge.id)
        for x, y in edge.waypoints:
            etree.SubElement(element, f"{{{DI}}}waypoint", x=str(x), y=str(y))
        _label(element, names.get(edge.id))


def _shape(plane: etree._Element, element_id: str, box: Box, name: Box | None = None, **flags: str) -> None:
    shape = etree.SubElement(plane, f"{{{BPMNDI}}}BPMNShape", {"id": f"{element_id}_di", "bpmnElement": element_id})
    for flag, value in flags.items():
        shape.set(flag, value)
    _bounds(shape, box)
    _label(shape, name)


def _label(element: etree._Element, box: Box | None) -> None:
    if box:
        _bounds(etree.SubElement(element, f"{{{BPMNDI}}}BPMNLabel"), box)


def _bounds(element: etree._Element, box: Box) -> None:
    sizes = dict(zip(("x", "y", "width", "height"), map(str, box), strict=True))
    etree.SubElement(element, f"{{{DC}}}Bounds", sizes)


def _plane(root: etree._Element, element_id: str) -> etree._Element:
    namespaces = {"bpmndi": BPMNDI, "dc": DC, "di": DI}
    diagram = etree.SubElement(root, f"{{{BPMNDI}}}BPMNDiagram", nsmap=namespaces, id="diagramme")
    return etree.SubElement(diagram, f"{{{BPMNDI}}}BPMNPlane", id="plan", bpmnElement=element_id)


def _read(content: bytes) -> etree._Element:
    parse_xml(Source("diagramme", content))  # refuses what may not be read; ours keeps the comments
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, remove_blank_text=True)
    root = etree.fromstring(content, parser)
    if root.tag != _bpmn("definitions"):
        raise LayoutError("Le fichier n’est pas du BPMN 2.0.")
    return root


def _bpmn(name: str) -> str:
    return f"{{{BPMN}}}{name}"
