"""Structure: what is stuck or done twice is found, and well-built processes aren't accused (F2)."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.bpmn.check.graph import check_graph
from engine.bpmn.check.report import Report
from engine.bpmn.check.tokens import check_tokens
from engine.bpmn.model import Document, Source, read

HEAD = '<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" id="d"><process id="p">'
KINDS = {
    "s": "startEvent",
    "e": "endEvent",
    "t": "task",
    "x": "exclusiveGateway",
    "p": "parallelGateway",
    "i": "inclusiveGateway",
}


def drawn(spec: str, borders: str = "") -> Document:
    """`s a>t1 t1>x1` draws nodes (their first letter is their kind) and flows; `t1!b1` is an interrupting timer on t1,
    `t1?b1` one that doesn't interrupt."""
    flows = [tuple(link.split(">")) for link in spec.split()]
    names = list(dict.fromkeys(name for link in flows for name in link))
    nodes = "".join(f'<{KINDS[name[0]]} id="{name}"/>' for name in names if name[0] in KINDS)
    for border in borders.split():
        host, sign, name = border.partition("!") if "!" in border else border.partition("?")
        nodes += f'<boundaryEvent id="{name}" attachedToRef="{host}" cancelActivity="{str(sign == "!").lower()}"/>'
    links = "".join(f'<sequenceFlow id="f{n}" sourceRef="{a}" targetRef="{b}"/>' for n, (a, b) in enumerate(flows))
    return read(Source("p.bpmn", f"{HEAD}{nodes}{links}</process></definitions>".encode()))


def told(document: Document) -> list[tuple[str, str]]:
    report = Report("p.bpmn")
    check_tokens(document, report)
    return [(problem.code, problem.element_id) for problem in report.problems]


@pytest.mark.parametrize(
    ("spec", "borders", "expected"),
    [
        ("s>p1 p1>t1 p1>t2 t1>p2 t2>p2 p2>e", "", []),
        ("s>x1 x1>t1 x1>t2 t1>p2 t2>p2 p2>e", "", [("join-never", "p2")]),
        ("s>i1 i1>t1 i1>t2 t1>i2 t2>i2 i2>e", "", []),
        ("s>i1 i1>t1 i1>t2 t1>p2 t2>p2 p2>e", "", [("join-may-wait", "p2")]),
        ("s>p1 p1>t1 p1>t2 t1>x2 t2>x2 x2>t3 t3>e", "", [("twice", "t3")]),
        ("s>p1 p1>t1 p1>t2 t1>x2 t2>x2 x2>e", "", []),
        ("s>p1 p1>t1 p1>t2 t1>t3 t2>t3 t3>t4 t4>e", "", [("twice", "t3")]),
        ("s>p1 p1>t1 p1>x1 x1>t2 x1>t1 t1>e t2>e2", "", [("twice", "t1")]),
        # A loop around a block, and a loop inside a branch.
        ("s>x1 x1>p1 p1>t1 p1>t2 t1>p2 t2>p2 p2>x2 x2>x1 x2>e", "", []),
        ("s>p1 p1>x1 x1>t1 t1>x2 x2>x1 x2>p2 p1>t2 t2>p2 p2>e", "", []),
        # A branch that leaves its block.
        ("s>p1 p1>x1 x1>t1 x1>e1 t1>p2 p1>t2 t2>p2 p2>e", "", [("join-may-wait", "p2")]),
        # Interrupting: one way or the other. The reminder ends apart, or comes back to the main path.
        ("s>t1 t1>x1 b1>t2 t2>x1 x1>t3 t3>e", "t1!b1", []),
        ("s>t1 t1>e b1>t2 t2>e2", "t1?b1", []),
        ("s>t1 t1>t3 b1>t2 t2>t3 t3>e", "t1?b1", [("twice", "t3")]),
        ("s>t1 t1>p1 b1>t2 t2>p1 p1>e", "t1!b1", [("join-never", "p1")]),
        ("s>t1 t1>p1 b1>t2 t2>p1 p1>e", "t1?b1", [("join-may-wait", "p1")]),
        # Two reminders that share their message.
        ("s>t1 t1>e b1>t2 b2>t2 t2>e2", "t1?b1 t1?b2", []),
        # A loop that comes back to a task with a reminder.
        ("s>x1 x1>t1 t1>x2 x2>x1 x2>e b1>t2 t2>e2", "t1?b1", []),
        # An inclusive join in a loop waits for what is still to come, not for what can't.
        ("s>x1 x1>i1 i1>t1 i1>t2 t1>i2 t2>i2 i2>x2 x2>x1 x2>e", "", []),
    ],
)
def test_what_gets_stuck_or_is_done_twice(spec: str, borders: str, expected: list[tuple[str, str]]) -> None:
    assert told(drawn(spec, borders)) == expected


def test_a_sub_process_is_explored_apart() -> None:
    inside = "".join(
        [
            '<startEvent id="s2"/><exclusiveGateway id="x"/><task id="a"/><task id="b"/><parallelGateway id="j"/>',
            '<endEvent id="e2"/><sequenceFlow id="g1" sourceRef="s2" targetRef="x"/>',
            '<sequenceFlow id="g2" sourceRef="x" targetRef="a"/><sequenceFlow id="g3" sourceRef="x" targetRef="b"/>',
            '<sequenceFlow id="g4" sourceRef="a" targetRef="j"/><sequenceFlow id="g5" sourceRef="b" targetRef="j"/>',
            '<sequenceFlow id="g6" sourceRef="j" targetRef="e2"/>',
        ]
    )
    text = (
        f'{HEAD}<startEvent id="s"/><subProcess id="bloc">{inside}</subProcess><endEvent id="e"/>'
        '<sequenceFlow id="f1" sourceRef="s" targetRef="bloc"/><sequenceFlow id="f2" sourceRef="bloc" targetRef="e"/>'
        "</process></definitions>"
    )
    assert told(read(Source("p.bpmn", text.encode()))) == [("join-never", "j")]


def test_a_very_parallel_process_is_given_up_in_time() -> None:
    """Ten branches of choices have more states than the checker tries: nothing is said, and quickly."""
    branches = "".join(f" p1>xa{n} xa{n}>ta{n} xa{n}>tb{n} ta{n}>xb{n} tb{n}>xb{n} xb{n}>p2" for n in range(10))
    assert told(drawn(f"s>p1{branches} p2>e")) == []


# --- Well-built processes --------------------------------------------------------------------------------------------


class _Drawing:
    def __init__(self) -> None:
        self.flows: list[str] = []
        self.borders: list[str] = []
        self.count = 0

    def new(self, kind: str) -> str:
        self.count += 1
        return f"{kind}{self.count}"

    def block(self, shape: object, before: str) -> str:
        """Draw a block after `before`; the node that ends it."""
        kind, parts = shape if isinstance(shape, tuple) else ("task", None)
        if kind == "then":
            for part in parts:
                before = self.block(part, before)
            return before
        if kind == "loop":
            first, last = self.new("x"), self.new("x")
            self.flows.append(f"{before}>{first}")
            self.flows.append(f"{self.block(parts, first)}>{last}")
            self.flows.append(f"{last}>{first}")
            return last
        if kind in ("x", "p", "i"):
            split, join = self.new(kind), self.new(kind)
            self.flows.append(f"{before}>{split}")
            for part in parts:
                self.flows.append(f"{self.block(part, split)}>{join}")
            return join
        task = self.new("t")
        self.flows.append(f"{before}>{task}")
        if kind == "late":
            border, merge = self.new("b"), self.new("x")
            self.borders.append(f"{task}!{border}")
            self.flows += [f"{task}>{merge}", f"{self.block(parts, border)}>{merge}"]
            return merge
        if kind == "reminded":
            border = self.new("b")
            self.borders.append(f"{task}?{border}")
            self.flows.append(f"{self.block(parts, border)}>{self.new('e')}")
        return task


def _around(smaller: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    several = st.lists(smaller, min_size=2, max_size=3)
    return st.one_of(
        st.tuples(st.just("then"), several),
        st.tuples(st.sampled_from(["x", "p", "i"]), several),
        st.tuples(st.sampled_from(["loop", "late", "reminded"]), smaller),
    )


blocks = st.recursive(st.just("task"), _around, max_leaves=8)


@settings(max_examples=150, deadline=None)
@given(blocks)
def test_a_process_made_of_nested_blocks_has_no_structural_problem(shape: object) -> None:
    drawing = _Drawing()
    last = drawing.block(shape, "s")
    document = drawn(" ".join([*drawing.flows, f"{last}>e"]), " ".join(drawing.borders))
    report = Report("p.bpmn")
    check_graph(document, report)
    told_of_structure = {problem.code for problem in report.problems} - {"no-condition"}
    assert told_of_structure == set()
    assert told(document) == []


@settings(max_examples=100, deadline=None)
@given(blocks)
def test_a_join_of_the_wrong_kind_is_found(shape: object) -> None:
    """A parallel block joined by nothing but an exclusive gateway does what follows it twice."""
    drawing = _Drawing()
    split, join = drawing.new("p"), drawing.new("x")
    drawing.flows.append(f"s>{split}")
    for part in (shape, "task"):
        drawing.flows.append(f"{drawing.block(part, split)}>{join}")
    drawing.flows += [f"{join}>tz", "tz>e"]
    found = told(drawn(" ".join(drawing.flows), " ".join(drawing.borders)))
    assert ("twice", "tz") in found
