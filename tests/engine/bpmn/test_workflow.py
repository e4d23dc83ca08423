"""Every kind of element, straight, saved after each step, and compacted (A13, A14)."""

from __future__ import annotations

from uuid import uuid4

import pytest

from engine.bpmn.model import Source
from engine.bpmn.parser import parse
from engine.bpmn.workflow import Scope, Workflow
from engine.core.errors import ExpressionError, ProcessStuck, StaleStep


def test_answers_go_to_the_document_under_the_element(draw, walk):
    case = walk(draw.process(draw.user("a"), draw.user("b"), flows="s>a; a>b; b>e"))
    assert case.open == ["a"]
    case.do("a", nom="Ada", adresse={"voie": "rue"})
    assert case.open == ["b"]
    case.do("b")
    assert case.finished
    assert case.end == "e"
    assert case.document == {"a": {"nom": "Ada", "adresse": {"voie": "rue"}}, "b": {}}


def test_answers_are_copied(draw, walk):
    case = walk(draw.process(draw.user("a"), draw.user("b"), flows="s>a; a>b; b>e"))
    given = {"liste": [1]}
    case.do("a", **given)
    given["liste"].append(2)
    assert case.document["a"] == {"liste": [1]}


def test_manual_and_none_tasks_wait_for_somebody(draw, walk):
    case = walk(draw.process(draw.element("manualTask", "m"), draw.element("task", "n"), flows="s>m; m>n; n>e"))
    case.do("m")
    case.do("n")
    assert case.finished


def test_open_tasks_say_who_they_are_for(draw, walk):
    lanes = (
        '<bpmn:laneSet id="ls"><bpmn:lane id="l1" name="Usager"><bpmn:flowNodeRef>a</bpmn:flowNodeRef></bpmn:lane>'
        '<bpmn:lane id="l2" name="Instruction"><bpmn:flowNodeRef>b</bpmn:flowNodeRef></bpmn:lane></bpmn:laneSet>'
    )
    named = draw.element("userTask", "a", draw.properties(formJsonSchemaFilename="a.json"), name="Ma demande")
    case = walk(draw.process(named, draw.user("b"), flows="s>a; a>b; b>e", inside=lanes))
    (task,) = case.workflow.open_tasks()
    assert (task.element_id, task.name, task.lane, task.item) == ("a", "Ma demande", "Usager", None)
    assert task.properties["formJsonSchemaFilename"] == "a.json"
    case.do("a")
    (task,) = case.workflow.open_tasks()
    assert (task.name, task.lane) == ("b", "Instruction")


def test_task_ids_last_until_the_task_is_completed(draw, walk):
    case = walk(
        draw.process(
            draw.user("a"),
            draw.user("b"),
            draw.gateway("parallel", "g"),
            draw.user("c"),
            flows="s>g; g>a; g>b; a>c; b>e; c>e",
        )
    )
    ids = {task.element_id: task.id for task in case.workflow.open_tasks()}
    case.do("a")
    assert {task.element_id: task.id for task in case.workflow.open_tasks()}["b"] == ids["b"]
    with case.clock(), pytest.raises(StaleStep):
        case.workflow.complete(ids["a"], {})
    with case.clock(), pytest.raises(StaleStep):
        case.workflow.complete(uuid4(), {})


def test_scripts_write_the_document(draw, walk):
    case = walk(
        draw.process(
            draw.script("i", "total = 1"),
            draw.user("a"),
            draw.script("c", "total = total + a.n\nliste = [total]"),
            flows="s>i; i>a; a>c; c>e",
        )
    )
    case.do("a", n=4)
    assert case.document == {"total": 5, "a": {"n": 4}, "liste": [5]}


def test_reserved_names_are_read_and_never_written(draw, walk):
    bpmn = draw.process(draw.user("a"), draw.script("c", "nom = usager.nom"), flows="s>a; a>c; c>e")
    case = walk(bpmn, reserved={"usager": {"nom": "Ada"}})
    case.do("a")
    assert case.document == {"a": {}, "nom": "Ada"}
    for script in ("usager = 1", "demande = {}", "aujourdhui = ''"):
        with pytest.raises(ProcessStuck) as caught:
            walk(draw.process(draw.script("c", script), flows="s>c; c>e"))
        assert caught.value.element_id == "c"
    with pytest.raises(ProcessStuck):
        walk(draw.process(draw.service("o", "x", result="demande"), flows="s>o; o>e"))


def test_the_first_condition_that_holds_is_taken_else_the_default(draw, walk):
    bpmn = draw.process(
        draw.user("q"),
        draw.gateway("exclusive", "g", default="c"),
        draw.user("a"),
        draw.user("b"),
        draw.user("c"),
        flows="s>q; q>g; g>a: q.v > 3; g>b: q.v > 1; g>c; a>e; b>e; c>e",
    )
    for value, expected in ((5, "a"), (2, "b"), (0, "c")):
        case = walk(bpmn)
        case.do("q", v=value)
        assert case.open == [expected]
        assert case.events[-1].kind == "entered"


@pytest.mark.parametrize("kind", ["exclusive", "inclusive"])
def test_a_gateway_where_nothing_matches_is_stuck(draw, walk, kind):
    bpmn = draw.process(
        draw.user("q"),
        draw.gateway(kind, "g"),
        draw.user("a"),
        draw.user("b"),
        flows="s>q; q>g; g>a: q.v > 3; g>b: q.v > 4; a>e; b>e",
    )
    case = walk(bpmn)
    with pytest.raises(ProcessStuck) as caught:
        case.do("q", v=1)
    assert caught.value.element_id == "g"
    assert "condition" in caught.value.reason


@pytest.mark.parametrize("text", ["q.v > 'x'", "inconnue > 1", "q.v.w == 1"])
def test_an_expression_that_fails_is_stuck_at_its_element(draw, walk, text):
    case = walk(
        draw.process(
            draw.user("q"),
            draw.gateway("exclusive", "g", default="a"),
            draw.user("a"),
            flows=f"s>q; q>g; g>e: {text}; g>a; a>e",
        )
    )
    with pytest.raises(ProcessStuck) as caught:
        case.do("q", v=1)
    assert caught.value.element_id == "g"
    assert isinstance(caught.value.__cause__, ExpressionError)


def test_a_loop_without_a_wait_does_not_run_for_ever(draw):
    bpmn = draw.process(
        draw.gateway("exclusive", "m"), draw.gateway("exclusive", "g", default="m"), flows="s>m; m>g; g>m; g>e: 1 > 2"
    )
    with pytest.raises(ProcessStuck, match="sans fin"):
        Workflow.start(parse(Source("p.bpmn", bpmn)), Scope({}))


def test_parallel_branches_join(draw, walk):
    bpmn = draw.process(
        draw.gateway("parallel", "g"),
        draw.user("a"),
        draw.user("b"),
        draw.gateway("parallel", "j"),
        draw.user("c"),
        flows="s>g; g>a; g>b; a>j; b>j; j>c; c>e",
    )
    case = walk(bpmn)
    assert case.open == ["a", "b"]
    case.do("b", y=2)
    assert case.open == ["a"]
    case.do("a", x=1)
    assert case.open == ["c"]
    case.do("c")
    assert case.finished
    assert case.document == {"a": {"x": 1}, "b": {"y": 2}, "c": {}}


@pytest.mark.parametrize("order", ["ab", "ba"])
def test_a_parallel_join_in_a_loop_waits_for_both_every_turn(draw, walk, order):
    """Defect B."""
    bpmn = draw.process(
        draw.script("i", "n = 0"),
        draw.gateway("exclusive", "m"),
        draw.gateway("parallel", "g"),
        draw.user("a"),
        draw.user("b"),
        draw.gateway("parallel", "j"),
        draw.script("inc", "n = n + 1"),
        draw.gateway("exclusive", "x", default="e"),
        flows="s>i; i>m; m>g; g>a; g>b; a>j; b>j; j>inc; inc>x; x>m: n < 3; x>e",
    )
    case = walk(bpmn)
    for turn in range(3):
        assert case.document["n"] == turn
        assert case.open == ["a", "b"]
        case.do(order[0])
        assert case.open == [order[1]]
        case.do(order[1])
    assert case.finished


@pytest.mark.parametrize("order", ["ab", "ba"])
def test_an_inclusive_join_in_a_loop_waits_for_those_that_started(draw, walk, order):
    bpmn = draw.process(
        draw.script("i", "n = 0"),
        draw.gateway("exclusive", "m"),
        draw.gateway("inclusive", "g", default="c"),
        draw.user("a"),
        draw.user("b"),
        draw.user("c"),
        draw.gateway("inclusive", "j"),
        draw.script("inc", "n = n + 1"),
        draw.gateway("exclusive", "x", default="e"),
        flows="s>i; i>m; m>g; g>a: n < 2; g>b: n < 2; g>c; a>j; b>j; c>j; j>inc; inc>x; x>m: n < 3; x>e",
    )
    case = walk(bpmn)
    for _ in range(2):
        assert case.open == ["a", "b"]
        case.do(order[0])
        assert case.open == [order[1]]
        case.do(order[1])
    assert case.open == ["c"]
    case.do("c")
    assert case.finished


@pytest.mark.parametrize(("value", "expected"), [(3, ["a", "b"]), (2, ["a"]), (0, ["c"])])
def test_inclusive_branches(draw, walk, value, expected):
    bpmn = draw.process(
        draw.user("q"),
        draw.gateway("inclusive", "g", default="c"),
        draw.user("a"),
        draw.user("b"),
        draw.user("c"),
        draw.gateway("inclusive", "j"),
        draw.user("z"),
        flows="s>q; q>g; g>a: q.v > 1; g>b: q.v > 2; g>c; a>j; b>j; c>j; j>z; z>e",
    )
    case = walk(bpmn)
    case.do("q", v=value)
    assert case.open == expected
    for name in expected:
        assert "z" not in case.open
        case.do(name)
    assert case.open == ["z"]


def test_an_inclusive_join_is_reached_by_a_long_branch(draw, walk):
    bpmn = draw.process(
        draw.gateway("inclusive", "g"),
        draw.user("a"),
        draw.user("b1"),
        draw.sub("b2", draw.user("inner"), flows="b2_s>inner; inner>b2_e"),
        draw.gateway("inclusive", "j"),
        flows="s>g; g>a: True; g>b1: True; a>j; b1>b2; b2>j; j>e",
    )
    case = walk(bpmn)
    case.do("a")
    case.do("b1")
    assert case.open == ["inner"]
    case.do("inner")
    assert case.finished


def test_a_join_that_can_never_fire_is_said(draw, walk):
    case = walk(
        draw.process(
            draw.user("q"),
            draw.gateway("exclusive", "g", default="a"),
            draw.user("a"),
            draw.user("b"),
            draw.gateway("parallel", "j"),
            flows="s>q; q>g; g>a; g>b: False; a>j; b>j; j>e",
        )
    )
    case.do("q")
    with pytest.raises(ProcessStuck) as caught:
        case.do("a")
    assert caught.value.element_id == "j"


def test_two_ends_and_which_one_counts(draw, walk):
    bpmn = draw.process(
        draw.gateway("parallel", "g"),
        draw.user("a"),
        draw.user("b"),
        draw.end("fin", outcome="accepted"),
        flows="s>g; g>a; g>b; a>fin; b>e",
    )
    for order in ("ab", "ba"):
        case = walk(bpmn)
        case.do(order[0])
        assert not case.finished
        case.do(order[1])
        assert case.finished
        assert case.end == "fin"


def test_a_terminate_end_stops_everything(draw, walk):
    bpmn = draw.process(
        draw.gateway("parallel", "g"),
        draw.user("a"),
        draw.user("b"),
        draw.end("stop", draw.event("terminate")),
        flows="s>g; g>a; g>b; a>stop; b>e",
    )
    case = walk(bpmn)
    case.do("a")
    assert case.finished
    assert case.open == []
    assert case.end == "stop"
    assert [event.element_id for event in case.events if event.kind == "cancelled"] == ["b"]


def test_cancel_gives_everything_up(draw, walk):
    bpmn = draw.process(
        draw.gateway("parallel", "g"),
        draw.user("a"),
        draw.sub("sp", draw.user("b"), flows="sp_s>b; b>sp_e"),
        draw.boundary("t", "a", draw.timer("duration", "P1D")),
        flows="s>g; g>a; g>sp; a>e; sp>e; t>e",
    )
    case = walk(bpmn)
    with case.clock():
        case.workflow.cancel()
    case.step()
    assert case.finished
    assert (case.open, case.due(), case.end) == ([], {}, None)
    assert {event.element_id for event in case.events if event.kind == "cancelled"} == {"a", "b", "sp"}


def test_events_tell_what_happened_and_never_an_answer(draw, walk):
    bpmn = draw.process(
        draw.user("a"),
        draw.gateway("exclusive", "g", default="b"),
        draw.user("b"),
        draw.boundary("t", "b", draw.timer("duration", "P1D"), interrupting=False),
        draw.script("r", "n = 1"),
        flows="s>a; a>g; g>b; g>e: False; b>e; t>r; r>e",
    )
    case = walk(bpmn)
    case.do("a", secret="Ada")
    case.advance(days=1)
    case.do("b")
    told = [(event.kind, event.element_id, event.facts.get("to")) for event in case.events]
    assert told == [
        ("completed", "s", ["a"]),
        ("entered", "a", None),
        ("completed", "a", ["g"]),
        ("completed", "g", ["b"]),
        ("entered", "b", None),
        ("timer_fired", "t", None),
        ("completed", "t", ["r"]),
        ("completed", "r", ["e"]),
        ("completed", "e", []),
        ("completed", "b", ["e"]),
        ("completed", "e", []),
    ]
    assert all("Ada" not in str(event) for event in case.events)
    entered = next(event for event in case.events if event.kind == "entered" and event.element_id == "b")
    completed = next(event for event in case.events if event.kind == "completed" and event.element_id == "b")
    assert entered.task_id == completed.task_id
    assert entered.at == case.now.replace(day=5)
