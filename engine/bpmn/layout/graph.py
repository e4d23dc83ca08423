"""What is drawn: the nodes, flows and lanes of one process, read from its XML."""

from dataclasses import dataclass, field

from lxml import etree

BPMN = "http://www.omg.org/spec/BPMN/20100524/MODEL"

EVENTS = {"startEvent", "endEvent", "intermediateCatchEvent", "intermediateThrowEvent", "boundaryEvent"}
GATEWAYS = {"exclusiveGateway", "parallelGateway", "inclusiveGateway", "eventBasedGateway", "complexGateway"}
CONTAINERS = {"subProcess", "transaction", "adHocSubProcess"}
TASKS = {
    "task",
    "userTask",
    "manualTask",
    "serviceTask",
    "scriptTask",
    "businessRuleTask",
    "sendTask",
    "receiveTask",
    "callActivity",
}
ARTIFACTS = {"textAnnotation", "dataObjectReference", "dataStoreReference"}


class LayoutError(Exception):
    """The file can't be drawn; the message, in French, says why."""


@dataclass
class Node:
    """A shape. `x` and `y` are its centre, so that a row of shapes of different heights stays straight."""

    id: str
    kind: str
    name: str
    width: int
    height: int
    lane: int = 0
    host: str | None = None
    inside: "Graph | None" = None
    column: int = 0
    row: int = 0
    x: int = 0
    y: int = 0

    @property
    def left(self) -> int:
        return self.x - self.width // 2

    @property
    def right(self) -> int:
        return self.x + self.width // 2

    @property
    def top(self) -> int:
        return self.y - self.height // 2

    @property
    def bottom(self) -> int:
        return self.y + self.height // 2

    @property
    def named_outside(self) -> bool:
        """Whether the name is written beside the shape (events, gateways, data) rather than in it."""
        return self.kind in EVENTS | GATEWAYS | {"dataObjectReference", "dataStoreReference"}


@dataclass
class Edge:
    """A sequence flow or, when it isn't `flow`, an association."""

    id: str
    source: str
    target: str
    name: str = ""
    flow: bool = True
    waypoints: list[tuple[int, int]] = field(default_factory=list)


@dataclass
class Lane:
    """A horizontal band; `top` and `height` are set by the placing."""

    id: str
    top: int = 0
    height: int = 0


@dataclass
class Graph:
    """A process, or the inside of a sub-process."""

    nodes: dict[str, Node]
    edges: list[Edge]
    lanes: list[Lane]
    width: int = 0
    height: int = 0

    def place_of(self, node_id: str) -> Node:
        """The node that stands for `node_id` in the grid: itself, or the task a boundary event sits on."""
        node = self.nodes[node_id]
        return self.nodes[node.host] if node.host else node


def read(process: etree._Element) -> Graph:
    """The graph of a `process` or `subProcess` element."""
    lanes = [Lane(lane.get("id", "")) for lane in _leaf_lanes(process)]
    lane_of = {
        (reference.text or "").strip(): index
        for index, lane in enumerate(_leaf_lanes(process))
        for reference in lane.findall(_q("flowNodeRef"))
    }
    nodes = {}
    for element in process:
        node = _node(element)
        if node:
            node.lane = lane_of.get(node.id, 0)
            nodes[node.id] = node
    edges = [
        Edge(element.get("id", ""), source, target, element.get("name", ""), flow=kind == "sequenceFlow")
        for kind in ("sequenceFlow", "association")
        for element in process.findall(_q(kind))
        if (source := element.get("sourceRef", "")) in nodes and (target := element.get("targetRef", "")) in nodes
    ]
    _put_artifacts_beside(nodes, edges)
    return Graph(nodes, edges, lanes or [Lane("")])


def _put_artifacts_beside(nodes: dict[str, Node], edges: list[Edge]) -> None:
    """Give each annotation the lane of the node it comments."""
    for edge in edges:
        for artifact, other in ((edge.source, edge.target), (edge.target, edge.source)):
            if nodes[artifact].kind in ARTIFACTS:
                nodes[artifact].lane = nodes[other].lane


def _node(element: etree._Element) -> Node | None:
    if not isinstance(element.tag, str) or etree.QName(element).namespace != BPMN:
        return None
    kind = etree.QName(element).localname
    name = " ".join(element.get("name", "").split())
    identifier = element.get("id", "")
    if kind in EVENTS:
        return Node(identifier, kind, name, 36, 36, host=element.get("attachedToRef"))
    if kind in GATEWAYS:
        return Node(identifier, kind, name, 50, 50)
    if kind in CONTAINERS:
        # Its size follows from what it holds: the placing sets it.
        return Node(identifier, kind, name, 100, 80, inside=read(element))
    if kind in TASKS:
        return Node(identifier, kind, name, 100, 80)
    if kind == "textAnnotation":
        text = " ".join((element.findtext(_q("text")) or "").split())
        return Node(identifier, kind, text, 120, 20 + 20 * (len(text) // 18 + 1))
    if kind in ARTIFACTS:
        return Node(identifier, kind, name, 40, 50)
    return None


def _leaf_lanes(process: etree._Element) -> list[etree._Element]:
    return [lane for lane in process.iter(_q("lane")) if lane.find(f".//{_q('lane')}") is None]


def _q(name: str) -> str:
    return f"{{{BPMN}}}{name}"
