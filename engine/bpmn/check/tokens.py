"""Can the process get stuck, or do one thing twice? Every way its tokens can move is tried.

Each process and each sub-process is explored alone, a sub-process counting as one task of the scope it stands in.
Conditions aren't evaluated: any branch of a choice may be taken. Straight runs of nodes are one step, which keeps the
exploration small; past a bound it stops, and says only what it has seen.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import combinations
from typing import Final

from engine.bpmn.check.graph import reachable, usable
from engine.bpmn.check.report import Report, name_of
from engine.bpmn.model import Document, Flow, Node

MOST_STATES: Final = 20_000
#: A choice among more branches than this is tried with one branch, two branches, or all.
_WIDE: Final = 6

_ONE_AT_A_TIME: Final = frozenset({"exclusiveGateway", "eventBasedGateway"})
_STOPS: Final = frozenset({"terminate", "error", "cancel"})

#: Where tokens are: how many on each run, in each task with events on its border (`@task`), and which events that don't
#: interrupt have already happened (`*event`): once is enough to see what its path does beside the others.
_State = frozenset[tuple[str, int]]


@dataclass
class _Run:
    """A straight run of flows and of nodes with one way in and one way out."""

    id: str
    source: str
    target: str
    nodes: list[str] = field(default_factory=list)
    last_flow: str = ""


class _Net:
    """One process or sub-process as runs between the nodes where something is decided."""

    def __init__(self, document: Document, scope_id: str, reached: set[str]) -> None:
        self.nodes = {node.id: node for node in document.children(scope_id) if node.id in reached}
        self.flows = [
            flow for flow in document.flows_in(scope_id) if usable(flow, document) and flow.source in self.nodes
        ]
        self.outgoing: dict[str, list[Flow]] = {node_id: [] for node_id in self.nodes}
        incoming: Counter[str] = Counter()
        for flow in self.flows:
            self.outgoing[flow.source].append(flow)
            incoming[flow.target] += 1
        self.borders: dict[str, list[Node]] = {}
        for node in self.nodes.values():
            if node.kind == "boundaryEvent" and node.attached_to in self.nodes:
                self.borders.setdefault(node.attached_to or "", []).append(node)
        self.plain = {
            node_id
            for node_id in self.nodes
            if incoming[node_id] == 1 and len(self.outgoing[node_id]) == 1 and node_id not in self.borders
        } - {node.id for node in self.nodes.values() if node.kind in ("startEvent", "boundaryEvent")}
        self.runs = {flow.id: self.run(flow) for flow in self.flows if flow.source not in self.plain}
        self.into: dict[str, list[str]] = {}
        for run in self.runs.values():
            self.into.setdefault(run.target, []).append(run.id)
        self.joins = [
            node
            for node in self.nodes.values()
            if node.kind in ("parallelGateway", "inclusiveGateway") and len(self.into.get(node.id, ())) > 1
        ]
        self.ahead = {join.id: self.paths_to(join.id) for join in self.joins if join.kind == "inclusiveGateway"}

    def run(self, flow: Flow) -> _Run:
        run = _Run(flow.id, flow.source, flow.target, last_flow=flow.id)
        while run.target in self.plain:
            run.nodes.append(run.target)
            following = self.outgoing[run.target][0]
            run.target, run.last_flow = following.target, following.id
        return run

    def out(self, node_id: str) -> list[str]:
        return [flow.id for flow in self.outgoing[node_id]]

    def paths_to(self, join_id: str) -> dict[str, set[str]]:
        """For each place, the ways into the join that lie ahead of it without passing the join."""
        ahead: dict[str, set[str]] = {
            run.id: {run.id} if run.target == join_id else set() for run in self.runs.values()
        }
        ahead |= {f"@{node_id}": set() for node_id in self.borders}
        changed = True
        while changed:
            changed = False
            for place, ways in ahead.items():
                if place.startswith("@"):
                    node_id, borders = place[1:], self.borders[place[1:]]
                    following = self.out(node_id) + [way for border in borders for way in self.out(border.id)]
                else:
                    target = self.runs[place].target
                    if target == join_id:
                        continue
                    following = [f"@{target}"] if target in self.borders else self.out(target)
                found = set[str]().union(*(ahead[way] for way in following)) | ways
                if found != ways:
                    ahead[place] = found
                    changed = True
        return ahead

    # --- moving tokens ------------------------------------------------------------------------------------------------

    def start(self) -> _State:
        starts = [node.id for node in self.nodes.values() if node.kind == "startEvent"]
        return _put(frozenset(), *(way for node_id in starts for way in self.out(node_id)))

    def moves(self, state: _State, beside: frozenset[str]) -> Iterator[tuple[str, _State]]:
        """Every way one node can act: its id, and where tokens are then. `beside`: see `asides`."""
        marked = dict(state)
        for place in marked:
            if place.startswith("@"):
                yield from self.leave(place[1:], state, beside)
            elif not place.startswith("*"):
                node = self.nodes[self.runs[place].target]
                if node.kind in ("parallelGateway", "inclusiveGateway"):
                    yield from self.join(node, state, marked)
                else:
                    yield from self.enter(node, _take(state, place))

    def enter(self, node: Node, rest: _State) -> Iterator[tuple[str, _State]]:
        if node.id in self.borders:
            yield node.id, _put(rest, f"@{node.id}")
        elif node.kind == "endEvent":
            stops = any(event.kind in _STOPS for event in node.events)
            yield node.id, frozenset() if stops else rest
        elif node.kind in _ONE_AT_A_TIME:
            for way in self.out(node.id):
                yield node.id, _put(rest, way)
            if not self.outgoing[node.id]:
                yield node.id, rest
        else:
            yield node.id, _put(rest, *self.out(node.id))

    def leave(self, node_id: str, state: _State, beside: frozenset[str]) -> Iterator[tuple[str, _State]]:
        rest = _take(state, f"@{node_id}")
        yield node_id, _put(rest, *self.out(node_id))
        for border in self.borders[node_id]:
            if border.interrupting:
                yield border.id, _put(rest, *self.out(border.id))
            elif border.id in beside and (f"*{border.id}", 1) not in state:
                yield border.id, _put(state, f"*{border.id}", *self.out(border.id))

    def asides(self) -> list[frozenset[str]]:
        """The events that don't interrupt, each with those that it takes to get to it.

        They are explored one at a time: two reminders that share their message aren't a mistake.
        """
        found = [border for borders in self.borders.values() for border in borders if not border.interrupting]
        return [
            frozenset(
                {border.id} | {other.id for other in found if border.attached_to not in self.reach(without=other.id)}
            )
            for border in found
        ] or [frozenset()]

    def reach(self, without: str) -> set[str]:
        """The nodes that the start leads to when one node is taken away."""
        seen: set[str] = set()
        todo = [node.id for node in self.nodes.values() if node.kind == "startEvent"]
        while todo:
            node_id = todo.pop()
            if node_id not in seen and node_id != without:
                seen.add(node_id)
                todo.extend(flow.target for flow in self.outgoing[node_id])
                todo.extend(border.id for border in self.borders.get(node_id, ()))
        return seen

    def join(self, node: Node, state: _State, marked: dict[str, int]) -> Iterator[tuple[str, _State]]:
        ways = self.into[node.id]
        arrived = [way for way in ways if marked.get(way)]
        if len(ways) > 1:
            if node.kind == "parallelGateway" and len(arrived) < len(ways):
                return
            if node.kind == "inclusiveGateway" and self.more_to_come(node.id, arrived, marked):
                return
        rest = state
        for way in arrived:
            rest = _take(rest, way)
        if node.kind == "parallelGateway" or len(self.outgoing[node.id]) < 2:
            yield node.id, _put(rest, *self.out(node.id))
            return
        for chosen in self.choices(node):
            yield node.id, _put(rest, *chosen)

    def more_to_come(self, join_id: str, arrived: list[str], marked: dict[str, int]) -> bool:
        """Is a token on its way to an empty branch of the inclusive join, and to no other?"""
        for place in marked:
            if place.startswith("*") or place in arrived:
                continue
            ahead = self.ahead[join_id][place]
            if ahead and not ahead & set(arrived):
                return True
        return False

    def choices(self, node: Node) -> Iterator[tuple[str, ...]]:
        ways = [way for way in self.out(node.id) if way != node.default]
        sizes = range(1, len(ways) + 1) if len(ways) <= _WIDE else (1, 2, len(ways))
        for size in sizes:
            yield from combinations(ways, size)
        if node.default in self.out(node.id):
            yield (node.default,)


def _put(state: _State, *places: str) -> _State:
    tokens = dict(state)
    for place in places:
        # Two tokens in one place are enough to tell; counting on would never end.
        tokens[place] = min(tokens.get(place, 0) + 1, 2)
    return frozenset(tokens.items())


def _take(state: _State, place: str) -> _State:
    tokens = dict(state)
    tokens[place] -= 1
    if not tokens[place]:
        del tokens[place]
    return frozenset(tokens.items())


@dataclass
class _Seen:
    """What the exploration has met."""

    whole: bool = True
    acted: set[str] = field(default_factory=set)
    stuck: dict[str, set[str]] = field(default_factory=dict)
    twice: set[str] = field(default_factory=set)


def check_tokens(document: Document, report: Report) -> None:
    """Report joins that can't fire or may wait for ever, and nodes that can run several times at once."""
    reached = reachable(document)
    for scope in (document.process, *document.subprocesses):
        nodes = [node for node in document.children(scope.id) if node.id in reached]
        if any(node.kind == "complexGateway" for node in nodes) or scope.kind == "adHocSubProcess":
            continue
        net = _Net(document, scope.id, reached)
        seen = _Seen()
        for beside in net.asides():
            _explore(net, beside, seen)
        for join in net.joins:
            if join.id in seen.acted:
                if missing := seen.stuck.get(join.id):
                    _tell_wait(join, missing, net, document, report)
            elif seen.whole:
                report.on("join-never", join)
        for node_id in _first_of(net, seen.twice):
            report.on("twice", net.nodes[node_id])


def _tell_wait(join: Node, missing: set[str], net: _Net, document: Document, report: Report) -> None:
    names = sorted(f"celle de « {name_of(document, _before(net, way))} »" for way in missing)
    report.on("join-may-wait", join, missing=", ".join(names))


def _before(net: _Net, way: str) -> str:
    run = net.runs[way]
    return run.nodes[-1] if run.nodes else run.source


def _explore(net: _Net, beside: frozenset[str], seen: _Seen) -> None:
    start = net.start()
    known, todo = {start}, [start]
    while todo:
        state = todo.pop()
        _note_twice(net, state, seen)
        stuck = True
        for node_id, after in net.moves(state, beside):
            stuck = False
            seen.acted.add(node_id)
            if after not in known:
                if len(known) >= MOST_STATES:
                    seen.whole = False
                    continue
                known.add(after)
                todo.append(after)
        if stuck:
            marked = {place for place, _ in state}
            for join in net.joins:
                ways = set(net.into[join.id])
                if ways & marked:
                    seen.stuck.setdefault(join.id, set()).update(ways - marked)


def _note_twice(net: _Net, state: _State, seen: _Seen) -> None:
    arriving: Counter[str] = Counter()
    for place, number in state:
        if place.startswith("*"):
            continue
        if place.startswith("@"):
            arriving[place[1:]] += number
            continue
        run = net.runs[place]
        arriving[run.target] += number
        if number > 1:
            seen.twice.update(node_id for node_id in run.nodes if not net.nodes[node_id].kind.endswith("Gateway"))
    for node_id, number in arriving.items():
        if number > 1 and not net.nodes[node_id].kind.endswith("Gateway") and net.nodes[node_id].kind != "endEvent":
            seen.twice.add(node_id)


def _first_of(net: _Net, twice: set[str]) -> list[str]:
    """Those that no other of them leads to; when each leads to the others, the first of the file."""
    after = {node_id: {flow.target for flow in flows} for node_id, flows in net.outgoing.items()}
    for host, borders in net.borders.items():
        after[host] |= {border.id for border in borders}

    def beyond(node_id: str) -> set[str]:
        found, todo = set[str](), list(after[node_id])
        while todo:
            following = todo.pop()
            if following not in found:
                found.add(following)
                todo.extend(after[following])
        return found

    ahead = {node_id: beyond(node_id) for node_id in twice}
    order = {node_id: number for number, node_id in enumerate(net.nodes)}

    def comes_first(node_id: str) -> bool:
        for other in twice - {node_id}:
            if node_id in ahead[other] and (other not in ahead[node_id] or order[other] < order[node_id]):
                return False
        return True

    return sorted((node_id for node_id in twice if comes_first(node_id)), key=order.__getitem__)
