"""Where each node goes: a column by its distance from the start, a row inside the band of its lane."""

from collections import defaultdict

from engine.bpmn.layout.graph import ARTIFACTS, Edge, Graph, Node
from engine.bpmn.layout.naming import size

COLUMN_GAP = 60
ROW_GAP = 60
ROW_HEIGHT = 80
LANE_PADDING = 40
INSIDE_PADDING = 40
NARROWEST_COLUMN = 60


def place(graph: Graph, left: int = 0, top: int = 0) -> None:
    """Set the centre of every node and the band of every lane, from the corner (`left`, `top`)."""
    for node in graph.nodes.values():
        if node.inside:
            place(node.inside)
            node.width = max(_even(node.inside.width), 100)
            node.height = max(_even(node.inside.height), 80)
    forward = _forward_edges(graph)
    _set_columns(graph, forward)
    _set_rows(graph, forward)
    _set_positions(graph, left, top)


def _forward_edges(graph: Graph) -> list[tuple[str, str]]:
    """The flows between places of the grid without those that close a loop, found by walking from the starts."""
    following: dict[str, list[str]] = defaultdict(list)
    for edge in _flows(graph):
        source, target = graph.place_of(edge.source).id, graph.place_of(edge.target).id
        if source != target and target not in following[source]:
            following[source].append(target)
    reached = {target for targets in following.values() for target in targets}
    places = [node.id for node in graph.nodes.values() if not node.host and node.kind not in ARTIFACTS]
    forward: list[tuple[str, str]] = []
    open_: set[str] = set()
    done: set[str] = set()
    # Starts first; then whatever only a loop leads to.
    for root in [*(p for p in places if p not in reached), *places]:
        if root in done:
            continue
        walk = [(root, iter(following[root]))]
        open_.add(root)
        while walk:
            current, targets = walk[-1]
            if not (target := next(targets, "")):
                walk.pop()
                open_.discard(current)
                done.add(current)
            elif target in open_:
                continue
            else:
                forward.append((current, target))
                if target not in done:
                    open_.add(target)
                    walk.append((target, iter(following[target])))
    return forward


def _set_columns(graph: Graph, forward: list[tuple[str, str]]) -> None:
    """Longest path from a start, so that a flow never goes back unless it loops."""
    before: dict[str, list[str]] = defaultdict(list)
    for source, target in forward:
        before[target].append(source)
    for identifier in _sorted_by_dependency(graph, before):
        node = graph.nodes[identifier]
        node.column = max((graph.nodes[source].column + 1 for source in before[identifier]), default=0)
    for artifact, other in _artifacts(graph):
        artifact.column = graph.place_of(other.id).column


def _set_rows(graph: Graph, forward: list[tuple[str, str]]) -> None:
    before: dict[str, list[str]] = defaultdict(list)
    after: dict[str, list[str]] = defaultdict(list)
    for source, target in forward:
        before[target].append(source)
        after[source].append(target)
    remaining: dict[str, int] = {}
    for identifier in reversed(_sorted_by_dependency(graph, before)):
        remaining[identifier] = max((remaining[target] + 1 for target in after[identifier]), default=0)
    hosted = {edge.target for edge in _flows(graph) if graph.nodes[edge.source].host}
    hosts = {graph.place_of(edge.source).id for edge in _flows(graph) if graph.nodes[edge.source].host}
    taken: dict[int, set[tuple[int, int]]] = defaultdict(set)
    # The longest way to an end is the main road: it is placed first and stays straight.
    places = [node for node in graph.nodes.values() if not node.host and node.kind not in ARTIFACTS]
    for node in sorted(places, key=lambda node: (node.column, -remaining[node.id])):
        sources = [graph.nodes[source] for source in before[node.id] if graph.nodes[source].lane == node.lane]
        wanted = 0
        if sources:
            nearest = max(sources, key=lambda source: (source.column, -source.row))
            only_hosted = node.id in hosted and all(
                graph.nodes[edge.source].host for edge in _flows(graph) if edge.target == node.id
            )
            wanted = nearest.row + (1 if only_hosted else 0)
            reach = range(nearest.column + 1, node.column + 1)
        else:
            reach = range(node.column, node.column + 1)
        row = _free_row(taken[node.lane], wanted, reach, node.column)
        node.row = row
        # A flow that runs along the row keeps other nodes out of its way.
        if sources and row == wanted:
            taken[node.lane].update((row, column) for column in reach)
        taken[node.lane].add((row, node.column))
        if node.id in hosts:
            # What hangs from a boundary event goes down from there.
            taken[node.lane].add((row + 1, node.column))
    for artifact, other in _artifacts(graph):
        artifact.row = _free_row(
            taken[artifact.lane],
            graph.place_of(other.id).row + 1,
            range(artifact.column, artifact.column + 1),
            artifact.column,
        )
        taken[artifact.lane].add((artifact.row, artifact.column))


def _free_row(taken: set[tuple[int, int]], wanted: int, reach: range, column: int) -> int:
    if all((wanted, passed) not in taken for passed in reach):
        return wanted
    row = wanted
    while (row, column) in taken:
        row += 1
    return row


def _set_positions(graph: Graph, left: int, top: int) -> None:
    places = [node for node in graph.nodes.values() if not node.host]
    widths: dict[int, int] = defaultdict(lambda: NARROWEST_COLUMN)
    heights: dict[tuple[int, int], int] = defaultdict(lambda: ROW_HEIGHT)
    for node in places:
        widths[node.column] = max(widths[node.column], node.width)
        heights[node.lane, node.row] = max(heights[node.lane, node.row], node.height)
    # After a gateway, room for the name of the branch.
    gaps: dict[int, int] = defaultdict(lambda: COLUMN_GAP)
    for edge in _flows(graph):
        column = graph.place_of(edge.source).column
        gaps[column] = max(gaps[column], size(edge.name)[0] + 20)
    # Before a task with several boundary events, room for the names on their left.
    for node in graph.nodes.values():
        if node.host and next(other.id for other in graph.nodes.values() if other.host == node.host) != node.id:
            column = graph.nodes[node.host].column - 1
            gaps[column] = max(gaps[column], size(node.name)[0] + 40)
    columns, x = {}, left + INSIDE_PADDING
    for column in range(max(widths, default=0) + 1):
        columns[column] = _round(x + widths[column] // 2)
        x = columns[column] + widths[column] // 2 + gaps[column]
    graph.width = _round(x - gaps[column] + INSIDE_PADDING) - left
    y = top
    for index, lane in enumerate(graph.lanes):
        lane.top = y
        y += LANE_PADDING
        used = sorted({row for lane_of, row in heights if lane_of == index}) or [0]
        for row in used:
            centre = _round(y + heights[index, row] // 2)
            for node in places:
                if node.lane == index and node.row == row:
                    node.x, node.y = columns[node.column], centre
            y = centre + heights[index, row] // 2 + ROW_GAP
        y = _round(y - ROW_GAP + LANE_PADDING)
        lane.height = y - lane.top
    graph.height = y - top
    for node in places:
        if node.inside:
            _move(node.inside, node.left, node.top)
    _attach_boundary_events(graph)


def _move(graph: Graph, across: int, down: int) -> None:
    """Carry the inside of a sub-process to where its box turned out to be."""
    for lane in graph.lanes:
        lane.top += down
    for node in graph.nodes.values():
        node.x, node.y = node.x + across, node.y + down
        if node.inside:
            _move(node.inside, across, down)


def _attach_boundary_events(graph: Graph) -> None:
    """On the lower edge of their task, from its right corner leftwards."""
    seen: dict[str, int] = defaultdict(int)
    for node in graph.nodes.values():
        if node.host:
            host = graph.nodes[node.host]
            node.x, node.y = host.x + 30 - 50 * seen[host.id], host.bottom
            node.column, node.row, node.lane = host.column, host.row, host.lane
            seen[host.id] += 1


def _sorted_by_dependency(graph: Graph, before: dict[str, list[str]]) -> list[str]:
    """Each place after all those that come before it."""
    order: list[str] = []
    done: set[str] = set()
    for root in (node.id for node in graph.nodes.values() if not node.host and node.kind not in ARTIFACTS):
        walk = [root]
        while walk:
            waiting = [source for source in before[walk[-1]] if source not in done]
            if waiting:
                walk.append(waiting[0])
            else:
                current = walk.pop()
                if current not in done:
                    done.add(current)
                    order.append(current)
    return order


def _artifacts(graph: Graph) -> list[tuple[Node, Node]]:
    """Each annotation with the first node it is tied to."""
    pairs: dict[str, tuple[Node, Node]] = {}
    for edge in graph.edges:
        source, target = graph.nodes[edge.source], graph.nodes[edge.target]
        for artifact, other in ((source, target), (target, source)):
            if artifact.kind in ARTIFACTS and other.kind not in ARTIFACTS:
                pairs.setdefault(artifact.id, (artifact, other))
    return list(pairs.values())


def _flows(graph: Graph) -> list[Edge]:
    return [edge for edge in graph.edges if edge.flow]


def _even(size: int) -> int:
    return -(-size // 20) * 20


def _round(position: float) -> int:
    """Up to the routing grid: flows join centres, so centres lie on it."""
    return int(-(-position // 10) * 10)
