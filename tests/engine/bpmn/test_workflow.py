"""Every kind of element, straight, saved after each step, and compacted (A13, A14)."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from engine.bpmn.model import Source
from engine.bpmn.parser import parse
from engine.bpmn.workflow import OperationFault, Scope, Workflow
from engine.core.errors import ExpressionError, NotFound, ProcessStuck, StaleStep

MESSAGE = '<bpmn:message id="m1" name="paiement"/>'
SIGNAL = '<bpmn:signal id="s1" name="fermeture"/>'
ERROR = '<bpmn:error id="e1" name="Refus" errorCode="refus"/>'
ESCALATION = '<bpmn:escalation id="x1" name="Retard" escalationCode="retard"/>'


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


# --- Operations ------------------------------------------------------------------------------------------------------


def test_an_operation_gets_its_parameters_and_its_result_is_kept(draw, walk):
    calls: list[Any] = []

    def operation(element_id: str, name: str, parameters: dict[str, Any]) -> Any:
        calls.append((element_id, name, parameters))
        return {"numero": 7}

    bpmn = draw.process(
        draw.user("a"),
        draw.service("o", "droits/ouvrir", result="droit", qui="a.nom", jours="1 + 1"),
        draw.service("o2", "rien"),
        flows="s>a; a>o; o>o2; o2>e",
    )
    case = walk(bpmn, operation=operation)
    case.do("a", nom="Ada")
    assert calls == [("o", "droits/ouvrir", {"qui": "Ada", "jours": 2}), ("o2", "rien", {})]
    assert case.document == {"a": {"nom": "Ada"}, "droit": {"numero": 7}}
    assert [(event.element_id, event.facts["name"]) for event in case.events if event.kind == "operation"] == [
        ("o", "droits/ouvrir"),
        ("o2", "rien"),
    ]


def test_an_operation_error_propagates(draw, walk):
    def operation(element_id: str, name: str, parameters: dict[str, Any]) -> Any:
        raise NotFound(name=name)

    case = walk(draw.process(draw.user("a"), draw.service("o", "x"), flows="s>a; a>o; o>e"), operation=operation)
    with pytest.raises(NotFound):
        case.do("a")


def fault(code: str = "refus"):
    def operation(element_id: str, name: str, parameters: dict[str, Any]) -> Any:
        raise OperationFault(code, "Pas de place")

    return operation


@pytest.mark.parametrize("ref", ["e1", ""])
def test_a_fault_goes_to_the_boundary_error_event(draw, walk, ref):
    bpmn = draw.process(
        draw.user("q"),
        draw.service("o", "x", result="r"),
        draw.boundary("b", "o", draw.event("error", ref)),
        draw.user("fix"),
        draw.user("suite"),
        flows="s>q; q>o; o>suite; suite>e; b>fix; fix>e",
        declare=ERROR,
    )
    case = walk(bpmn, operation=fault())
    case.do("q")
    assert case.open == ["fix"]
    assert "r" not in case.document
    case.do("fix")
    assert case.finished


def test_a_fault_of_another_code_propagates(draw, walk):
    bpmn = draw.process(
        draw.user("q"),
        draw.service("o", "x"),
        draw.boundary("b", "o", draw.event("error", "e1")),
        flows="s>q; q>o; o>e; b>e",
        declare=ERROR,
    )
    case = walk(bpmn, operation=fault("autre"))
    with pytest.raises(OperationFault) as caught:
        case.do("q")
    assert (caught.value.code, caught.value.message) == ("autre", "Pas de place")


def test_a_fault_inside_a_sub_process_goes_to_its_boundary_only(draw, walk):
    """A parallel activity that waits for the same error isn't touched."""
    bpmn = draw.process(
        draw.gateway("parallel", "g"),
        draw.sub(
            "sp",
            draw.user("q"),
            draw.service("o", "x"),
            draw.user("autre"),
            draw.gateway("parallel", "h"),
            flows="sp_s>h; h>q; h>autre; q>o; o>sp_e; autre>sp_e",
        ),
        draw.boundary("b", "sp", draw.event("error", "e1")),
        draw.user("fix"),
        draw.user("voisin"),
        draw.boundary("b2", "voisin", draw.event("error", "e1")),
        draw.user("non"),
        flows="s>g; g>sp; g>voisin; sp>e; b>fix; fix>e; voisin>e; b2>non; non>e",
        declare=ERROR,
    )
    case = walk(bpmn, operation=fault())
    case.do("q")
    assert case.open == ["fix", "voisin"]
    case.do("fix")
    case.do("voisin")
    assert case.finished


def test_a_fault_in_one_instance_gives_the_whole_activity_up(draw, walk):
    def operation(element_id: str, name: str, parameters: dict[str, Any]) -> Any:
        if parameters["n"] == 2:
            raise OperationFault("refus")

    bpmn = draw.process(
        draw.user("q"),
        draw.service("o", "x", inner=draw.each("q.liste", "n"), n="n"),
        draw.boundary("b", "o", draw.event("error", "e1")),
        draw.user("fix"),
        flows="s>q; q>o; o>e; b>fix; fix>e",
        declare=ERROR,
    )
    case = walk(bpmn, operation=operation)
    case.do("q", liste=[1, 2, 3])
    assert case.open == ["fix"]


# --- Sub-processes, errors, escalations ------------------------------------------------------------------------------


def test_sub_processes_and_call_activities_share_the_document(draw, walk):
    inner = draw.sub("sp", draw.user("b"), draw.script("c", "total = a.n + b.n"), flows="sp_s>b; b>c; c>sp_e")
    case = walk(draw.process(draw.user("a"), inner, draw.user("d"), flows="s>a; a>sp; sp>d; d>e"))
    case.do("a", n=1)
    case.do("b", n=2)
    assert case.open == ["d"]
    assert case.document["total"] == 3
    assert case.end is None
    case.do("d")
    assert case.finished


def test_an_error_end_leaves_the_sub_process_by_its_boundary(draw, walk):
    inner = draw.sub(
        "sp",
        draw.user("q"),
        draw.gateway("exclusive", "g", default="sp_e"),
        draw.end("raté", draw.event("error", "e1")),
        flows="sp_s>q; q>g; g>raté: q.v; g>sp_e",
    )
    bpmn = draw.process(
        inner,
        draw.boundary("b", "sp", draw.event("error", "e1")),
        draw.user("fix"),
        draw.user("suite"),
        flows="s>sp; sp>suite; suite>e; b>fix; fix>e",
        declare=ERROR,
    )
    case = walk(bpmn)
    case.do("q", v=True)
    assert case.open == ["fix"]
    case = walk(bpmn)
    case.do("q", v=False)
    assert case.open == ["suite"]


@pytest.mark.parametrize(("interrupting", "expected"), [(False, ["n", "u"]), (True, ["n"])])
def test_escalation(draw, walk, interrupting, expected):
    inner = draw.sub("sp", draw.throw("t", draw.event("escalation", "x1")), draw.user("u"), flows="sp_s>t; t>u; u>sp_e")
    bpmn = draw.process(
        draw.user("a"),
        inner,
        draw.boundary("b", "sp", draw.event("escalation", "x1"), interrupting=interrupting),
        draw.user("n"),
        flows="s>a; a>sp; sp>e; b>n; n>e",
        declare=ESCALATION,
    )
    case = walk(bpmn)
    case.do("a")
    assert case.open == expected
    for name in expected:
        case.do(name)
    assert case.finished


def test_a_cancelled_transaction(draw, walk):
    inner = draw.sub(
        "sp",
        draw.user("q"),
        draw.gateway("exclusive", "g", default="sp_e"),
        draw.end("x", draw.event("cancel")),
        flows="sp_s>q; q>g; g>x: q.v; g>sp_e",
        kind="transaction",
    )
    case = walk(
        draw.process(
            inner, draw.boundary("b", "sp", draw.event("cancel")), draw.user("fix"), flows="s>sp; sp>e; b>fix; fix>e"
        )
    )
    case.do("q", v=True)
    assert case.open == ["fix"]
    case.do("fix")
    assert case.finished


def test_nested_sub_processes(draw, walk):
    inner = draw.sub("in1", draw.user("u"), flows="in1_s>u; u>in1_e")
    outer = draw.sub("out", inner, draw.user("v"), flows="out_s>in1; in1>v; v>out_e")
    case = walk(
        draw.process(
            outer,
            draw.boundary("t", "out", draw.timer("duration", "P2D")),
            draw.user("late"),
            flows="s>out; out>e; t>late; late>e",
        )
    )
    assert case.open == ["u"]
    assert set(case.due()) == {"t"}
    case.do("u")
    case.advance(days=2)
    assert case.open == ["late"]
    case.do("late")
    assert case.finished


# --- Messages, signals, conditions -----------------------------------------------------------------------------------


def test_a_message_is_waited_for_and_its_payload_kept(draw, walk):
    case = walk(
        draw.process(
            draw.catch("paye", draw.event("message", "m1")),
            draw.user("u"),
            flows="s>paye; paye>u; u>e",
            declare=MESSAGE,
        )
    )
    assert case.workflow.waiting_messages() == ["paiement"]
    assert not case.deliver("inconnu", {})
    assert case.deliver("paiement", {"montant": 12})
    assert case.document == {"paye": {"montant": 12}}
    assert case.open == ["u"]
    assert not case.deliver("paiement", {})


def test_a_message_variable_names_the_payload(draw, walk):
    declared = draw.message("m1", label="paiement", messageVariable="recu")
    case = walk(draw.process(draw.element("receiveTask", "r", messageRef="m1"), flows="s>r; r>e", declare=declared))
    assert case.deliver("paiement", {"montant": 12})
    assert case.document == {"recu": {"montant": 12}}
    assert case.finished


@pytest.mark.parametrize("kind", ["message", "signal"])
def test_a_throw_reaches_a_catch_of_the_same_process(draw, walk, kind):
    ref = {"message": "m1", "signal": "s1"}[kind]
    bpmn = draw.process(
        draw.gateway("parallel", "g"),
        draw.catch("c", draw.event(kind, ref)),
        draw.user("w"),
        draw.throw("t", draw.event(kind, ref)),
        flows="s>g; g>c; g>w; w>t; t>e; c>e",
        declare=MESSAGE + SIGNAL,
    )
    case = walk(bpmn)
    case.do("w")
    assert case.finished


@pytest.mark.parametrize(("interrupting", "expected"), [(True, ["late"]), (False, ["late", "u"])])
def test_boundary_message(draw, walk, interrupting, expected):
    bpmn = draw.process(
        draw.user("u"),
        draw.boundary("b", "u", draw.event("message", "m1"), interrupting=interrupting),
        draw.user("late"),
        flows="s>u; u>e; b>late; late>e",
        declare=MESSAGE,
    )
    case = walk(bpmn)
    assert case.deliver("paiement", {"n": 1})
    assert case.open == expected
    assert case.document["b"] == {"n": 1}
    assert case.workflow.waiting_messages() == ([] if interrupting else ["paiement"])
    for name in expected:
        case.do(name)
    assert case.finished


def test_a_non_interrupting_boundary_message_comes_as_often_as_it_likes(draw, walk):
    bpmn = draw.process(
        draw.user("u"),
        draw.boundary("b", "u", draw.event("message", "m1"), interrupting=False),
        draw.user("late"),
        flows="s>u; u>e; b>late; late>e",
        declare=MESSAGE,
    )
    case = walk(bpmn)
    for n in range(1, 4):
        assert case.deliver("paiement", {"n": n})
        assert case.open == ["late"] * n + ["u"]
    case.do("u")
    assert not case.deliver("paiement")
    for _ in range(3):
        case.do("late")
    assert case.finished


def test_a_condition_is_looked_at_after_every_step(draw, walk):
    bpmn = draw.process(
        draw.gateway("parallel", "g"),
        draw.catch("c", draw.condition("defined(a) and a.ok")),
        draw.user("a"),
        draw.user("z"),
        flows="s>g; g>c; g>a; a>e; c>z; z>e",
    )
    case = walk(bpmn)
    assert case.open == ["a"]
    case.do("a", ok=True)
    assert case.open == ["z"]


def test_an_event_gateway_goes_where_the_first_event_leads(draw, walk):
    bpmn = draw.process(
        draw.gateway("eventBased", "g"),
        draw.catch("cm", draw.event("message", "m1")),
        draw.catch("ct", draw.timer("duration", "P2D")),
        draw.catch("cu", draw.timer("duration", "P1D")),
        draw.user("a"),
        draw.user("b"),
        draw.user("c"),
        flows="s>g; g>cm; g>ct; g>cu; cm>a; ct>b; cu>c; a>e; b>e; c>e",
        declare=MESSAGE,
    )
    case = walk(bpmn)
    assert set(case.due()) == {"ct", "cu"}
    assert case.deliver("paiement", {"n": 1})
    assert case.open == ["a"]
    assert case.due() == {}
    assert case.document == {"cm": {"n": 1}}
    case = walk(bpmn)
    case.advance(days=3)
    assert case.open == ["c"]
    assert case.fired == ["cu"]


# --- What happened ---------------------------------------------------------------------------------------------------


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
