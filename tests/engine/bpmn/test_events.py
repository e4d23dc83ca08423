"""Sub-processes and events: errors, escalations, messages, signals, conditions, event gateways (A13)."""

from __future__ import annotations

import pytest

MESSAGE = '<bpmn:message id="m1" name="paiement"/>'
SIGNAL = '<bpmn:signal id="s1" name="fermeture"/>'
ERROR = '<bpmn:error id="e1" name="Refus" errorCode="refus"/>'
ESCALATION = '<bpmn:escalation id="x1" name="Retard" escalationCode="retard"/>'


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
