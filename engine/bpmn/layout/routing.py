"""How each flow runs: at right angles, around the shapes, with few bends and few crossings (A* on a grid)."""

from collections import defaultdict
from collections.abc import Iterator
from heapq import heappop, heappush
from itertools import pairwise

from engine.bpmn.layout.graph import Edge, Graph, Node
from engine.bpmn.layout.naming import Box, expected_place

STEP = 10
BEND = 8
CROSSING = 10
SHARED = 40
BESIDE = 1
USED_PORT = 25
TRUNK = 0.5  # flows that leave one shape may share their first steps
SHARED_PORT = 4
ALONG_A_LANE = 30
OVER_A_NAME = 3
MARGIN = 6  # grid steps that flows may use outside the drawing's corner

Point = tuple[int, int]
RIGHT, DOWN, LEFT, UP = (1, 0), (0, 1), (-1, 0), (0, -1)
DIRECTIONS = (RIGHT, DOWN, LEFT, UP)


def route(graph: Graph, left: int = 0, top: int = 0) -> None:
    """Set the way points of every flow of a placed graph, and of its sub-processes."""
    for node in graph.nodes.values():
        if node.inside:
            route(node.inside, node.left, node.top)
    roads = _Roads(graph, left, top)
    for edge in sorted((edge for edge in graph.edges if edge.flow), key=lambda edge: _ease(graph, edge)):
        edge.waypoints = roads.build(graph.nodes[edge.source], graph.nodes[edge.target])
    for edge in graph.edges:
        if not edge.flow:
            source, target = graph.nodes[edge.source], graph.nodes[edge.target]
            edge.waypoints = [_border(source, target), _border(target, source)]


def _ease(graph: Graph, edge: Edge) -> tuple[bool, bool, int]:
    """Short and straight flows first: the others go around them. Loops last."""
    source, target = graph.nodes[edge.source], graph.nodes[edge.target]
    bent = source.y != target.y
    return target.x <= source.x, bent, abs(target.x - source.x) + abs(target.y - source.y)


def _border(node: Node, other: Node) -> Point:
    """Where a straight association leaves `node` towards `other`."""
    if abs(node.y - other.y) >= (node.height + other.height) // 2:
        return (node.x, node.bottom) if other.y > node.y else (node.x, node.top)
    return (node.right, node.y) if other.x > node.x else (node.left, node.y)


class _Roads:
    """The grid, with what is already built on it."""

    def __init__(self, graph: Graph, left: int, top: int) -> None:
        self.closed: set[Point] = set()
        self.ports: dict[Point, int] = defaultdict(int)
        self.along: dict[Point, set[Point]] = defaultdict(set)  # point -> axes on which a flow passes
        self.trunks: dict[str, set[Point]] = defaultdict(set)  # source -> points of the flows that leave it
        self.borders = {lane.top // STEP for lane in graph.lanes} | {
            (lane.top + lane.height) // STEP for lane in graph.lanes
        }
        self.first = (left // STEP, top // STEP)
        self.last = ((left + graph.width) // STEP + MARGIN, (top + graph.height) // STEP)
        for node in graph.nodes.values():
            self.closed.update(_area(node))
        self.names: set[Point] = set()
        for node in graph.nodes.values():
            if node.named_outside and node.name:
                self.names.update(_under(expected_place(node, graph)))

    def build(self, source: Node, target: Node) -> list[Point]:
        """The cheapest way from one shape to the other; it is remembered, so that the next ones avoid it."""
        path = self._search(source, target)
        for before, here in pairwise(path):
            axis = (abs(here[0] - before[0]), abs(here[1] - before[1]))
            self.along[before].add(axis)
            self.along[here].add(axis)
        self.trunks[source.id].update(path)
        self.ports[path[0]] += 1
        self.ports[path[-1]] += 1
        points = [(x * STEP, y * STEP) for x, y in _corners(path)]
        return _clip(source, target, points)

    def _search(self, source: Node, target: Node) -> list[Point]:
        ends = {point: (direction, cost) for point, direction, cost in _ports(target, leaving=False)}
        goal = (target.x // STEP, target.y // STEP)
        queue: list[tuple[float, int, Point, Point]] = []
        costs: dict[tuple[Point, Point], float] = {}
        came: dict[tuple[Point, Point], tuple[Point, Point] | None] = {}
        count = 0
        trunk = self.trunks[source.id]
        for point, direction, cost in _ports(source, leaving=True):
            start = cost + (SHARED_PORT if point in trunk else USED_PORT) * self.ports[point]
            if start < costs.get((point, direction), float("inf")):
                costs[point, direction] = start
                came[point, direction] = None
                heappush(queue, (start + _distance(point, goal), count, point, direction))
                count += 1
        best: tuple[float, tuple[Point, Point]] | None = None
        while queue:
            estimate, _, point, direction = heappop(queue)
            if best and estimate >= best[0]:
                break
            cost = costs[point, direction]
            if point in ends:
                arriving, extra = ends[point]
                total = cost + extra + USED_PORT * self.ports[point] + (BEND if arriving != direction else 0)
                if arriving != (-direction[0], -direction[1]) and (best is None or total < best[0]):
                    best = (total, (point, direction))
            for step in DIRECTIONS:
                if step == (-direction[0], -direction[1]):
                    continue
                following = (point[0] + step[0], point[1] + step[1])
                if not self._open(following) and following not in ends:
                    continue
                paid = cost + self._price(point, following, step, trunk) + (BEND if step != direction else 0)
                if paid < costs.get((following, step), float("inf")):
                    costs[following, step] = paid
                    came[following, step] = (point, direction)
                    count += 1
                    heappush(queue, (paid + _distance(following, goal), count, following, step))
        if best is None:  # Walled in: a straight line is better than no line.
            return [(source.x // STEP, source.y // STEP), goal]
        path = []
        state: tuple[Point, Point] | None = best[1]
        while state:
            path.append(state[0])
            state = came[state]
        return path[::-1]

    def _open(self, point: Point) -> bool:
        inside = self.first[0] <= point[0] <= self.last[0] and self.first[1] < point[1] < self.last[1]
        return inside and point not in self.closed

    def _price(self, point: Point, following: Point, step: Point, trunk: set[Point]) -> float:
        if following in trunk:
            return 1 + TRUNK
        axis = (abs(step[0]), abs(step[1]))
        across = (axis[1], axis[0])
        price = 1.0
        if axis in self.along[following] and axis in self.along[point]:
            price += SHARED
        if across in self.along[following]:
            price += CROSSING
        for side in (
            (following[0] + across[0], following[1] + across[1]),
            (following[0] - across[0], following[1] - across[1]),
        ):
            if axis in self.along[side]:
                price += BESIDE
        if following in self.names:
            price += OVER_A_NAME
        if axis == (1, 0) and following[1] in self.borders:
            price += ALONG_A_LANE
        return price


def _reach(node: Node) -> Point:
    """How many steps from the centre flows begin and end, across and down."""
    return -(-(node.width // 2 + 5) // STEP), -(-(node.height // 2 + 5) // STEP)


def _area(node: Node) -> Iterator[Point]:
    """The grid points that no flow may cross: the shape and, for a box, the step around it."""
    across, down = _reach(node)
    extra = 0 if node.named_outside else 1
    for x in range(node.x // STEP - across + 1 - extra, node.x // STEP + across + extra):
        for y in range(node.y // STEP - down + 1 - extra, node.y // STEP + down + extra):
            yield x, y


def _under(box: Box) -> Iterator[Point]:
    """The grid points that a name covers."""
    left, top, width, height = box
    for x in range(-(-left // STEP), (left + width) // STEP + 1):
        for y in range(-(-top // STEP), (top + height) // STEP + 1):
            yield x, y


def _ports(node: Node, *, leaving: bool) -> Iterator[tuple[Point, Point, float]]:
    """Grid points where a flow may touch the shape's surroundings, the direction it has there, and what it costs.

    Flows leave on the right, below or above, and arrive on the left, above or below; off-centre ports serve tasks
    where several flows meet.
    """
    x, y = node.x // STEP, node.y // STEP
    across, down = _reach(node)
    sides = {RIGHT: (x + across, y), DOWN: (x, y + down), LEFT: (x - across, y), UP: (x, y - down)}
    if node.host:
        yield sides[DOWN], (DOWN if leaving else UP), 0
        return
    prices = {RIGHT: 0, DOWN: 2, UP: 3, LEFT: 60} if leaving else {LEFT: 0, UP: 2, DOWN: 2, RIGHT: 60}
    for side, point in sides.items():
        direction = side if leaving else (-side[0], -side[1])
        yield point, direction, prices[side]
        if node.named_outside:
            continue
        for offset in (2, -2):
            along = (abs(side[1]) * offset, abs(side[0]) * offset)
            yield (point[0] + along[0], point[1] + along[1]), direction, prices[side] + 4


def _distance(point: Point, goal: Point) -> int:
    # A shape is up to ten steps wide: what remains is less than the distance to its centre.
    return max(abs(point[0] - goal[0]) + abs(point[1] - goal[1]) - 12, 0)


def _corners(path: list[Point]) -> list[Point]:
    kept = path[:1]
    for before, here, after in zip(path, path[1:], path[2:], strict=False):
        if (here[0] - before[0], here[1] - before[1]) != (after[0] - here[0], after[1] - here[1]):
            kept.append(here)
    return kept + path[-1:] if len(path) > 1 else kept


def _touch(node: Node, point: Point) -> Point:
    """The point of the shape's edge that faces `point`."""
    x, y = point
    if node.top <= y <= node.bottom:
        return node.right if x > node.x else node.left, y
    return x, node.bottom if y > node.y else node.top


def _clip(source: Node, target: Node, points: list[Point]) -> list[Point]:
    """The way points between the two shapes' edges, without those on a straight line."""
    kept: list[Point] = []
    for point in (_touch(source, points[0]), *points, _touch(target, points[-1])):
        if kept and kept[-1] == point:
            continue
        if len(kept) > 1 and (kept[-2][0] == kept[-1][0] == point[0] or kept[-2][1] == kept[-1][1] == point[1]):
            kept.pop()
        kept.append(point)
    return kept
