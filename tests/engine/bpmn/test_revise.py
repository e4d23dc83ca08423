"""Going back in the wizard: later answers are kept as long as they hold (A9, A10)."""

from __future__ import annotations

import pytest

from engine.core.errors import StaleStep


def always(element_id, answers):
    return True


@pytest.fixture
def wizard(draw):
    """informations, (entreprise for professionals), demande, (pieces when it is large), récapitulatif, then the agents."""
    return draw.process(
        draw.user("informations", step="information"),
        draw.gateway("exclusive", "g", default="demande"),
        draw.user("entreprise", step="details"),
        draw.service("tarif", "tarifs/lire", result="tarif", n="informations.type"),
        draw.user("demande", step="details"),
        draw.script("calcul", "total = demande.n * 2"),
        draw.gateway("exclusive", "g2", default="recap"),
        draw.user("pieces", step="details"),
        draw.user("recap", step="summary"),
        draw.user("instruction"),
        draw.gateway("exclusive", "g3", default="e"),
        draw.user("complement"),
        flows="s>informations; informations>g; g>entreprise: informations.type == 'pro'; g>demande; entreprise>tarif;"
        "tarif>demande;"
        "demande>calcul; calcul>g2; g2>pieces: total > 10; g2>recap; pieces>recap; recap>instruction; instruction>g3;"
        "g3>complement: instruction.avis == 'incomplet'; g3>e; complement>instruction",
    )


def revise(case, element_id, valid=always, **answers):
    with case.clock():
        case.workflow.revise(element_id, answers, valid)
    case.step()


@pytest.fixture
def at_recap(wizard, walk_saved):
    case = walk_saved(wizard, operation=lambda *_: 3)
    case.do("informations", type="part")
    case.do("demande", n=3)
    assert case.open == ["recap"]
    return case


def test_changing_nothing_else_comes_back_to_the_summary(at_recap):
    revise(at_recap, "informations", type="part")
    assert at_recap.open == ["recap"]
    assert at_recap.document == {"informations": {"type": "part"}, "demande": {"n": 3}, "total": 6}


def test_a_new_branch_asks_its_own_question_then_replays_the_rest(at_recap):
    revise(at_recap, "informations", type="pro")
    assert at_recap.open == ["entreprise"]
    assert at_recap.workflow.steps_done == ["informations"]
    at_recap.do("entreprise", siret="1")
    assert at_recap.open == ["demande"]
    with at_recap.clock():
        at_recap.workflow.replay(always)
    assert at_recap.open == ["recap"]
    assert at_recap.workflow.steps_done == ["informations", "entreprise", "demande"]
    revise(at_recap, "informations", type="pro")
    assert at_recap.open == ["recap"]


def test_scripts_after_the_step_run_again(at_recap):
    revise(at_recap, "demande", n=9)
    assert at_recap.document["total"] == 18
    assert at_recap.open == ["pieces"]
    assert at_recap.workflow.steps_done == ["informations", "demande"]


def test_replay_stops_at_the_first_answer_that_does_not_hold(at_recap):
    asked = []

    def valid(element_id, answers):
        asked.append((element_id, answers))
        return False

    revise(at_recap, "informations", valid, type="part")
    assert at_recap.open == ["demande"]
    assert asked == [("demande", {"n": 3})]
    assert at_recap.document["demande"] == {"n": 3}


def test_the_summary_is_never_answered_in_someone_s_place(at_recap):
    at_recap.document["recap"] = {"ok": True}
    revise(at_recap, "informations", type="part")
    assert at_recap.open == ["recap"]


def test_steps_never_completed_and_filed_requests_are_not_revised(at_recap):
    for element_id in ("recap", "pieces", "instruction", "g", "inconnu"):
        with pytest.raises(StaleStep):
            revise(at_recap, element_id)
    at_recap.do("recap")
    with at_recap.clock():
        at_recap.workflow.compact()
    at_recap.step()
    with pytest.raises(StaleStep):
        revise(at_recap, "informations", type="part")


def test_a_step_revised_many_times_leaves_no_trace(at_recap):
    size = len(at_recap.workflow.dump())
    for n in range(50):
        revise(at_recap, "demande", n=n % 4)
    assert at_recap.open == ["recap"]
    assert len(at_recap.workflow.dump()) <= size + 8


def test_timers_of_the_steps_given_up_are_given_up(draw, walk_saved):
    bpmn = draw.process(
        draw.user("a", step="information"),
        draw.user("b", step="details"),
        draw.boundary("t", "b", draw.timer("duration", "P1D")),
        draw.user("c", step="summary"),
        flows="s>a; a>b; b>c; c>e; t>e",
    )
    case = walk_saved(bpmn)
    case.do("a")
    first = case.due()
    case.sleep(hours=1)
    revise(case, "a", lambda *_: False, x=1)
    assert list(case.due()) == ["t"]
    assert case.due() != first
    assert len(case.workflow._tree.event_manager.tasks) == 1


def test_a_step_under_a_boundary_timer_can_be_revised(draw, walk_saved):
    bpmn = draw.process(
        draw.user("a", step="information"),
        draw.boundary("t", "a", draw.timer("duration", "P1D")),
        draw.user("b", step="summary"),
        draw.end("perime"),
        flows="s>a; a>b; b>e; t>perime",
    )
    case = walk_saved(bpmn)
    case.do("a", n=1)
    assert case.due() == {}
    revise(case, "a", n=2)
    assert case.open == ["b"]
    assert case.document["a"] == {"n": 2}
    assert case.due() == {}


@pytest.mark.parametrize("element_id", ["a", "b"])
@pytest.mark.parametrize("order", ["ab", "ba"])
def test_steps_in_parallel_branches_can_be_revised(draw, walk_saved, element_id, order):
    bpmn = draw.process(
        draw.user("z", step="information"),
        draw.gateway("parallel", "g"),
        draw.user("a", step="details"),
        draw.user("b", step="details"),
        draw.gateway("parallel", "j"),
        draw.script("c", "somme = a.n + b.n"),
        draw.user("r", step="summary"),
        flows="s>z; z>g; g>a; g>b; a>j; b>j; j>c; c>r; r>e",
    )
    case = walk_saved(bpmn)
    case.do("z")
    for name in order:
        case.do(name, n=1)
    assert case.document["somme"] == 2
    revise(case, element_id, n=5)
    assert case.open == ["r"]
    assert case.document["somme"] == 6
    revise(case, "z")
    assert case.open == ["r"]
    case.do("r")
    assert case.finished


def test_a_step_inside_a_sub_process_can_be_revised(draw, walk_saved):
    inner = draw.sub(
        "sp", draw.user("a", step="information"), draw.user("b", step="details"), flows="sp_s>a; a>b; b>sp_e"
    )
    case = walk_saved(draw.process(inner, draw.user("r", step="summary"), flows="s>sp; sp>r; r>e"))
    case.do("a", n=1)
    case.do("b", n=1)
    assert case.open == ["r"]
    assert case.workflow.steps_done == ["a", "b"]
    revise(case, "a", n=2)
    assert case.open == ["r"]
    assert case.document["a"] == {"n": 2}
    revise(case, "b", n=3)
    assert case.open == ["r"]
    case.do("r")
    assert case.finished


def test_a_wizard_that_loops_is_not_replayed_for_ever(draw, walk_saved):
    bpmn = draw.process(
        draw.user("a", step="information"),
        draw.user("b", step="details"),
        draw.gateway("exclusive", "g", default="r"),
        draw.user("r", step="summary"),
        flows="s>a; a>b; b>g; g>b: b.encore; g>r; r>e",
    )
    case = walk_saved(bpmn)
    case.do("a")
    case.do("b", encore=True)
    revise(case, "a")
    assert case.open == ["b"]
    case.do("b", encore=False)
    assert case.open == ["r"]


def test_operations_before_filing_run_again(wizard, walk_saved):
    calls = []
    case = walk_saved(
        wizard, operation=lambda element_id, name, parameters: calls.append((element_id, parameters)) or len(calls)
    )
    case.do("informations", type="pro")
    case.do("entreprise")
    case.do("demande", n=1)
    revise(case, "informations", type="pro")
    assert case.open == ["recap"]
    assert calls == [("tarif", {"n": "pro"})] * 2
    assert case.document["tarif"] == 2
