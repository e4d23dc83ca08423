"""The library's two defects: that they are there, so that we learn when they are mended, and that they are not here."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from SpiffWorkflow.bpmn import BpmnWorkflow
from SpiffWorkflow.bpmn.util.task import BpmnTaskIterator
from SpiffWorkflow.spiff.parser import SpiffBpmnParser
from SpiffWorkflow.util.task import TaskIterator, TaskState

from engine.bpmn import patches


def stock(bpmn: bytes) -> Any:
    parser = SpiffBpmnParser()
    parser.add_bpmn_str(bpmn)
    workflow = BpmnWorkflow(parser.get_spec("demarche"))
    workflow.do_engine_steps()
    return workflow


def ready(workflow: Any) -> list[str]:
    return sorted(task.task_spec.name for task in workflow.get_tasks(state=TaskState.READY, manual=True))


def complete(workflow: Any, name: str, **data: Any) -> None:
    task = workflow.get_next_task(state=TaskState.READY, spec_name=name)
    task.data.update(data)
    task.run()
    workflow.do_engine_steps()


@pytest.fixture
def limit_back():
    TaskIterator.__init__.__defaults__ = (None, 1000, True, None)
    BpmnTaskIterator.__init__.__defaults__ = (None, 1000, True, False, None)
    yield
    patches.lift_depth_limit()


def turns(workflow: Any, count: int) -> list[str]:
    for _ in range(count):
        for name in ("a", "b"):
            if ready(workflow):
                complete(workflow, name, encore=True)
    return ready(workflow)


def long_loop(draw: Any) -> bytes:
    """A turn goes through thirty gateways, so that forty turns are deep enough."""
    gateways = [f"g{n}" for n in range(30)]
    path = "; ".join(f"{before}>{after}" for before, after in pairwise(["a", "b", *gateways, "g"]))
    drawn = [draw.gateway("exclusive", name) for name in gateways]
    last = draw.gateway("exclusive", "g", default="e")
    return draw.process(draw.user("a"), draw.user("b"), *drawn, last, flows=f"s>a; {path}; g>a: encore; g>e")


def test_defect_a_hides_what_is_ready_after_some_turns(draw, limit_back):
    workflow = stock(long_loop(draw))
    assert turns(workflow, 40) == []
    assert workflow.is_completed()
    assert any(task.state == TaskState.READY for task in workflow.tasks.values())


def test_defect_a_is_lifted(draw):
    workflow = stock(long_loop(draw))
    assert turns(workflow, 40) == ["a"]
    assert not workflow.is_completed()


def joined_loop(draw: Any) -> bytes:
    return draw.process(
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


def test_defect_b_joins_early_on_the_second_turn(draw):
    workflow = stock(joined_loop(draw))
    complete(workflow, "a")
    complete(workflow, "b")
    complete(workflow, "b")
    assert ready(workflow) != ["a"]


def test_defect_b_is_not_ours(draw, walk):
    case = walk(joined_loop(draw))
    case.do("a")
    case.do("b")
    case.do("b")
    assert case.open == ["a"]


def test_the_library_s_own_classes_are_left_alone(draw, walk):
    bpmn = joined_loop(draw)
    walk(bpmn)
    specs = stock(bpmn).spec.task_specs.values()
    assert not any(type(spec).__module__.startswith("engine.") for spec in specs)
