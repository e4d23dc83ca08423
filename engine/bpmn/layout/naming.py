"""Where the names of events, gateways and flows are written: beside them, over nothing else."""

from collections.abc import Iterator
from itertools import pairwise
from math import ceil
from textwrap import wrap

from engine.bpmn.layout.graph import GATEWAYS, Edge, Graph, Node

CHARACTER = 6.2  # mean width at the size editors write outside names in
LINE = 14
LONGEST_LINE = 18

Box = tuple[int, int, int, int]  # left, top, width, height
Segment = tuple[tuple[int, int], tuple[int, int]]


def size(text: str) -> tuple[int, int]:
    """Width and height that a name takes when it is wrapped as editors do."""
    lines = wrap(text, LONGEST_LINE, break_long_words=False) or [""]
    return ceil(max(map(len, lines)) * CHARACTER) + 6, LINE * len(lines)


def name_places(graph: Graph) -> dict[str, Box]:
    """The box of every name written outside its shape, by element id."""
    shapes = [(node.left, node.top, node.width, node.height) for node in graph.nodes.values()]
    segments = [segment for edge in graph.edges for segment in pairwise(edge.waypoints)]
    limits = [(lane.top, lane.top + lane.height) for lane in graph.lanes]
    places: dict[str, Box] = {}

    def settle(identifier: str, candidates: Iterator[Box]) -> None:
        # The order of the candidates is the order of preference.
        scored = [
            (_clutter(box, shapes, segments, list(places.values()), limits) + rank / 10, box)
            for rank, box in enumerate(candidates)
        ]
        places[identifier] = min(scored)[1]

    for node in graph.nodes.values():
        if node.named_outside and node.name:
            settle(node.id, _beside_shape(node, graph))
    for edge in graph.edges:
        if edge.name:
            siblings = [other for other in graph.edges if other.source == edge.source and other is not edge]
            own = _own_part(edge, siblings)
            if own[0][0] != edge.waypoints[0]:
                # Past a shared beginning, the name is clearest on the part that leads to the target.
                own.sort(key=lambda segment: segment[0][1] != segment[1][1])
            settle(edge.id, _beside_flow(edge, own))
    return places


def expected_place(node: Node, graph: Graph) -> Box:
    """Where the name of a shape goes if nothing is in the way: flows had better pass elsewhere."""
    return next(_beside_shape(node, graph))


def _own_part(edge: Edge, siblings: list[Edge]) -> list[Segment]:
    """The segments of the flow without the beginning that it shares with others out of the same gateway."""
    segments = list(pairwise(edge.waypoints))
    for sibling in siblings:
        if sibling.waypoints[:1] != edge.waypoints[:1]:
            continue
        while len(segments) > 1 and segments[0][1] in sibling.waypoints:
            segments.pop(0)
        for start, end in pairwise(sibling.waypoints):
            (x1, y1), (x2, y2) = segments[0]
            if start == (x1, y1) and x1 == x2 == end[0] and (end[1] - y1) * (y2 - y1) > 0:
                # Both leave the same way: this one's own part begins where the shorter of the two turns.
                turn = min(end[1], y2) if y2 > y1 else max(end[1], y2)
                segments[0] = ((x1, turn), (x2, y2))
            elif start == (x1, y1) and y1 == y2 == end[1] and (end[0] - x1) * (x2 - x1) > 0:
                turn = min(end[0], x2) if x2 > x1 else max(end[0], x2)
                segments[0] = ((turn, y1), (x2, y2))
        if segments[0][0] == segments[0][1] and len(segments) > 1:
            segments.pop(0)
    return segments


def _beside_shape(node: Node, graph: Graph) -> Iterator[Box]:
    width, height = size(node.name)
    middle, below, above = node.x - width // 2, node.bottom + 5, node.top - height - 5
    on_right = (node.right + 4, below - 2, width, height)
    on_left = (node.left - width - 4, below - 2, width, height)
    if node.host:
        yield from (on_right, on_left) if node.x > graph.nodes[node.host].x else (on_left, on_right)
    elif node.kind in GATEWAYS:
        yield middle, above, width, height
        yield middle, below, width, height
    else:
        yield middle, below, width, height
        yield middle, above, width, height
    if not node.host:
        yield from (on_right, on_left)
    yield node.left - width - 2, above + 4, width, height
    yield node.right + 2, above + 4, width, height
    yield node.left - width - 5, node.y - height // 2, width, height
    yield node.right + 5, node.y - height // 2, width, height


def _beside_flow(edge: Edge, segments: list[Segment]) -> Iterator[Box]:
    """Along the flow, from its source on: the name of a branch is looked for beside its gateway."""
    width, height = size(edge.name)
    for (x1, y1), (x2, y2) in segments:
        if y1 == y2:
            for left in [x1 + 4, (x1 + x2 - width) // 2] if x2 > x1 else [x1 - width - 4, (x1 + x2 - width) // 2]:
                yield left, y1 - height - 2, width, height
                yield left, y1 + 3, width, height
        else:
            for top in [y1 + 4, (y1 + y2 - height) // 2] if y2 > y1 else [y1 - height - 4, (y1 + y2 - height) // 2]:
                yield x1 + 4, top, width, height
                yield x1 - width - 3, top, width, height


def _clutter(
    box: Box, shapes: list[Box], segments: list[Segment], names: list[Box], limits: list[tuple[int, int]]
) -> float:
    """How much a name would hide or be hidden there: pixels of shapes and names, length of flows."""
    hidden = sum(3 * _overlap(box, other) for other in (*shapes, *names))
    hidden += sum(20 * _crossed(box, segment) for segment in segments)
    if not any(top <= box[1] and box[1] + box[3] <= bottom for top, bottom in limits):
        hidden += 300
    return hidden


def _overlap(one: Box, other: Box) -> int:
    across = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    down = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    return max(across, 0) * max(down, 0)


def _crossed(box: Box, segment: Segment) -> int:
    (x1, y1), (x2, y2) = sorted(segment)
    low, high = sorted((y1, y2))
    across = min(box[0] + box[2], x2) - max(box[0], x1)
    down = min(box[1] + box[3], high) - max(box[1], low)
    return max(across, down) + 1 if across >= 0 and down >= 0 else 0
