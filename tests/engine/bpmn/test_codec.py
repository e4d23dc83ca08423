"""The saved state: small, flat whatever the age of the request, and nothing in it but where the process stands (A14)."""

from __future__ import annotations

import json
import zlib
from uuid import UUID

import pytest

from engine.bpmn.model import Source
from engine.bpmn.parser import parse
from engine.bpmn.workflow import Scope, Workflow


def content(state: bytes) -> dict:
    return json.loads(zlib.decompress(state))


def agent_loop(draw, *, around=False):
    """An agent asks for something, the resident answers, until the agent is content; a reminder on the resident's task."""
    inside = [
        draw.user("instruction"),
        draw.gateway("exclusive", "g", default="fini"),
        draw.user("complement"),
        draw.boundary("t", "complement", draw.timer("cycle", "R3/P7D"), interrupting=False),
        draw.script("rappel", "rappels = rappels + 1"),
        draw.end("rappele"),
        draw.script("compte", "tours = tours + 1"),
    ]
    flows = (
        "g>complement: instruction.avis == 'incomplet'; g>fini; t>rappel; rappel>rappele; complement>compte;"
        "compte>instruction; instruction>g"
    )
    if not around:
        return draw.process(
            draw.user("d"), *inside, draw.script("fini", "fin = True"), flows=f"s>d; d>instruction; {flows}; fini>e"
        )
    return draw.process(
        draw.user("d"),
        draw.gateway("parallel", "p"),
        draw.user("veille"),
        draw.gateway("parallel", "j"),
        *inside,
        draw.script("fini", "fin = True"),
        flows=f"s>d; d>p; p>veille; p>instruction; veille>j; {flows}; fini>j; j>e",
    )


@pytest.mark.parametrize("around", [False, True], ids=["alone", "beside an open branch"])
def test_a_thousand_turns_leave_the_state_as_small(draw, walk_compacted, around):
    case = walk_compacted(agent_loop(draw, around=around), {"tours": 0, "rappels": 0})
    case.do("d", nom="Ada")
    sizes = []
    for turn in range(1000):
        case.do("instruction", avis="incomplet")
        if turn % 100 == 50:
            case.advance(days=8)
        case.do("complement", n=turn)
        sizes.append(len(case.workflow.dump()))
    assert max(sizes) <= sizes[0] + 48  # the last end that was reached is kept
    assert case.document["tours"] == 1000
    assert case.document["rappels"] == 10
    case.do("instruction", avis="complet")
    if around:
        assert case.open == ["veille"]
        case.do("veille")
    assert case.finished
    assert case.end == "e"


def test_reminders_pile_nothing_up(draw, walk_compacted):
    bpmn = draw.process(
        draw.user("u"),
        draw.boundary("t", "u", draw.timer("cycle", "R/P1D"), interrupting=False),
        draw.boundary("m", "u", draw.event("message", "m1"), interrupting=False),
        draw.script("r", "n = n + 1"),
        draw.end("f"),
        flows="s>u; u>e; t>r; m>r; r>f",
        declare='<bpmn:message id="m1" name="relance"/>',
    )
    case = walk_compacted(bpmn, {"n": 0})
    case.advance(days=1)
    case.deliver("relance", {})
    size = len(case.workflow.dump())
    for _ in range(100):
        case.advance(days=1)
        case.deliver("relance", {})
    assert len(case.workflow.dump()) <= size + 8
    assert case.document["n"] == 202
    case.do("u")
    assert case.finished


def test_a_loop_inside_a_sub_process_stays_small(draw, walk_compacted):
    inner = draw.sub(
        "sp", draw.user("a"), draw.gateway("exclusive", "g", default="sp_e"), flows="sp_s>a; a>g; g>a: a.encore; g>sp_e"
    )
    outer = draw.sub(
        "boucle",
        inner,
        draw.gateway("exclusive", "h", default="boucle_e"),
        flows="boucle_s>sp; sp>h; h>sp: a.nouveau; h>boucle_e",
    )
    case = walk_compacted(
        draw.process(
            outer, draw.boundary("t", "boucle", draw.timer("duration", "P1Y")), flows="s>boucle; boucle>e; t>e"
        )
    )
    due, sizes = case.due(), []
    for turn in range(200):
        case.do("a", encore=turn % 3 != 0, nouveau=True)
        sizes.append(len(case.workflow.dump()))
    assert max(sizes) <= min(sizes) + 12
    assert case.due() == due
    case.do("a", encore=False, nouveau=False)
    assert case.finished


def test_a_standard_loop_counts_without_listing(draw, walk_compacted):
    case = walk_compacted(draw.process(draw.user("u", draw.loop("u.encore")), flows="s>u; u>e"))
    size = len(case.workflow.dump())
    for _ in range(300):
        case.do("u", encore=True)
    assert len(case.workflow.dump()) <= size + 8
    case.do("u", encore=False)
    assert case.finished


def test_the_state_holds_no_specification_and_no_answer(draw, walk_saved):
    case = walk_saved(agent_loop(draw), {"tours": 0, "rappels": 0})
    case.do("d", secret="Ada Lovelace")
    case.do("instruction", avis="incomplet")
    text = json.dumps(content(case.workflow.dump()))
    assert "Ada" not in text
    assert "incomplet" not in text
    assert "tours + 1" not in text
    assert len(case.workflow.dump()) < 600


def test_saving_what_was_loaded_changes_nothing(draw, mode, walk):
    case = walk(agent_loop(draw, around=True), {"tours": 0, "rappels": 0})
    case.do("d")
    case.do("instruction", avis="incomplet")
    case.advance(days=7)
    once = case.workflow.dump()
    again = Workflow.load(case.process, once, case.scope)
    first, second = content(once), content(again.dump())
    if mode == "straight":  # the first save may keep ids that it doesn't need
        second = content(Workflow.load(case.process, again.dump(), case.scope).dump())
        first = content(again.dump())
    assert first == second


def test_a_process_is_shared_and_never_changed(draw):
    """Two cases interleaved on one specification, and a third that was saved by another server process."""
    bpmn = agent_loop(draw)
    process = parse(Source("p.bpmn", bpmn))
    documents = [{"tours": 0, "rappels": 0} for _ in range(2)]
    cases = [Workflow.start(process, Scope(document)) for document in documents]
    for case in cases:
        case.complete(case.open_tasks()[0].id, {})
    states = [case.dump() for case in cases]
    elsewhere = parse(Source("p.bpmn", bpmn))
    for turn in range(3):
        for index, document in enumerate(documents):
            case = Workflow.load(elsewhere if turn == 1 else process, states[index], Scope(document))
            case.complete(case.open_tasks()[0].id, {"avis": "incomplet"})
            if index:
                case.complete(case.open_tasks()[0].id, {})
            else:
                assert [task.element_id for task in case.open_tasks()] == ["complement"]
                case.complete(case.open_tasks()[0].id, {"n": turn})
            states[index] = case.dump()
    assert [document["tours"] for document in documents] == [3, 3]


@pytest.mark.parametrize("inner", ["multi", "loop"])
def test_instances_saved_by_one_server_process_end_in_another(draw, inner):
    """The library connects instances to their activity when it creates them, in memory only."""
    characteristics = draw.each(times="2") if inner == "multi" else draw.loop(maximum=2)
    bpmn = draw.process(draw.user("u", characteristics), flows="s>u; u>e")
    scope = Scope({})
    state = Workflow.start(parse(Source("p.bpmn", bpmn)), scope).dump()
    for _ in range(2):
        case = Workflow.load(parse(Source("p.bpmn", bpmn)), state, scope)
        case.complete(case.open_tasks()[0].id, {})
        state = case.dump()
    assert case.finished


def test_names_that_trouble_the_library_are_only_names(draw, walk):
    case = walk(draw.process(draw.user("a"), draw.user("u", draw.each("a.l", "typename")), flows="s>a; a>u; u>e"))
    case.do("a", l=[{"typename": "Task", "id": 1}], typename="BpmnWorkflow", __class__="x")
    assert case.workflow.open_tasks()[0].item == {"typename": {"typename": "Task", "id": 1}}
    case.do("u")
    assert case.document["a"]["typename"] == "BpmnWorkflow"


def test_a_state_of_another_format_is_refused(draw, walk_saved):
    case = walk_saved(draw.process(draw.user("a"), flows="s>a; a>e"))
    foreign = zlib.compress(json.dumps({**content(case.workflow.dump()), "v": 99}).encode())
    with pytest.raises(ValueError, match="99"):
        Workflow.load(case.process, foreign, case.scope)


def test_open_tasks_have_real_ids(draw, walk_saved):
    case = walk_saved(draw.process(draw.user("a"), flows="s>a; a>e"))
    (task,) = case.workflow.open_tasks()
    assert isinstance(task.id, UUID)
    assert task.id.version == 4


def test_what_a_boundary_event_led_to_is_not_taken_for_its_activity(draw, walk):
    """The activity's end gives up its boundary events, not the work that one of them started."""
    bpmn = draw.process(
        draw.user("u"),
        draw.boundary("t", "u", draw.timer("cycle", "R/P1D"), interrupting=False),
        draw.user("aide"),
        flows="s>u; u>e; t>aide; aide>e",
    )
    case = walk(bpmn)
    case.advance(days=1)
    assert case.open == ["aide", "u"]
    case.do("u")
    assert case.open == ["aide"]
    assert case.due() == {}
    case.do("aide")
    assert case.finished
