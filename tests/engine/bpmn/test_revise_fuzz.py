"""Going back in random wizards: answering the same again must lead to the same place (A10)."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.bpmn.model import Source
from engine.bpmn.parser import parse
from engine.bpmn.workflow import Scope, Workflow


class Wizard:
    """Draws nested steps: in a row, in a choice (on the first step's answer), in parallel, in a sub-process."""

    def __init__(self, draw, random: Random) -> None:
        self.draw, self.random, self.count = draw, random, 0

    def name(self, prefix: str) -> str:
        self.count += 1
        return f"{prefix}{self.count}"

    def write(self, size: int) -> tuple[str, str, str, str]:
        """Elements, flows, first and last element."""
        if size <= 1:
            step, script = self.name("u"), self.name("x")
            drawn = self.draw.user(step, step="details") + self.draw.script(script, f"v_{script} = {step}.n + 1")
            return drawn, f"{step}>{script};", step, script
        kind = self.random.choice(["row", "row", "exclusive", "parallel", "sub"])
        if kind == "sub":
            name = self.name("p")
            drawn, flows, first, last = self.write(size - 1)
            return self.draw.sub(name, drawn, flows=f"{name}_s>{first};{flows}{last}>{name}_e"), "", name, name
        cut = self.random.randrange(1, size)
        one, two = self.write(cut), self.write(size - cut)
        if kind == "row":
            return one[0] + two[0], f"{one[1]}{two[1]}{one[3]}>{two[2]};", one[2], two[3]
        split, join = self.name("g"), self.name("g")
        drawn = one[0] + two[0] + self.draw.gateway(kind, join)
        drawn += self.draw.gateway(kind, split, default=two[2] if kind == "exclusive" else "")
        condition = f": debut.c == {self.random.randrange(2)}" if kind == "exclusive" else ""
        flows = f"{one[1]}{two[1]}{split}>{one[2]}{condition};{split}>{two[2]};{one[3]}>{join};{two[3]}>{join};"
        return drawn, flows, split, join


def always(element_id, answers):
    return True


def walked(process, random: Random):
    """A case some way through the wizard."""
    scope = Scope({})
    case = Workflow.start(process, scope)
    for _ in range(random.randrange(1, 12)):
        tasks = [task for task in case.open_tasks() if task.properties.get("step") != "summary"]
        if not tasks:
            break
        task = random.choice(tasks)
        case.complete(task.id, {"n": random.randrange(5), "c": random.randrange(2)})
        case = Workflow.load(process, case.dump(), scope)
    return case, scope


def whole(draw, random: Random, size: int):
    drawn, flows, first, last = Wizard(draw, random).write(size)
    bpmn = draw.process(
        draw.user("debut", step="information"),
        drawn,
        draw.user("fin", step="summary"),
        flows=f"s>debut;debut>{first};{flows}{last}>fin;fin>e",
    )
    return parse(Source("demarche.bpmn", bpmn))


def place(case):
    return sorted(task.element_id for task in case.open_tasks()), sorted(case.steps_done)


@pytest.fixture(scope="module")
def drawing(draw):
    return draw


@settings(max_examples=300, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(size=st.integers(1, 10), seed=st.integers(0, 2**64 - 1))
def test_answering_the_same_again_changes_nothing(drawing, size, seed):
    random = Random(seed)
    process = whole(drawing, random, size)
    case, scope = walked(process, random)
    before, document = place(case), {**scope.document}
    for element_id in random.sample(case.steps_done, min(3, len(case.steps_done))):
        case.revise(element_id, scope.document[element_id], always)
        case = Workflow.load(process, case.dump(), scope)
        assert place(case) == before
        assert scope.document == document


@settings(max_examples=300, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(size=st.integers(1, 10), seed=st.integers(0, 2**64 - 1))
def test_answering_otherwise_is_as_if_it_had_been_so_from_the_start(drawing, size, seed):
    """The place reached is that of a new request with these answers."""
    random = Random(seed)
    process = whole(drawing, random, size)
    case, scope = walked(process, random)
    element_id = random.choice(case.steps_done)
    case.revise(element_id, {"n": 9, "c": random.randrange(2)}, always)
    case = Workflow.load(process, case.dump(), scope)
    fresh = Workflow.start(process, Scope({**scope.document}))
    fresh.replay(always)
    assert place(case) == place(fresh)
    assert scope.document == fresh.scope.document
    while tasks := case.open_tasks():
        case.complete(tasks[0].id, {"n": 1, "c": 1})
    assert case.finished
