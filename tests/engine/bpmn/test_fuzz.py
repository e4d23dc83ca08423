"""Random processes, side by side with the library's own run: same open tasks, same messages, same data, same end (A13).

Ours is saved, loaded and compacted after every step; the library's stays in memory. 2,000 processes, or PARVIS_FUZZ of them.
Branches write names of their own, and the library's joins are mended (defect B), another way than ours.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from SpiffWorkflow.bpmn import BpmnEvent, BpmnWorkflow
from SpiffWorkflow.bpmn.parser.task_parsers import ConditionalGatewayParser, GatewayParser
from SpiffWorkflow.bpmn.parser.TaskParser import TaskParser
from SpiffWorkflow.bpmn.parser.util import full_tag
from SpiffWorkflow.bpmn.specs.defaults import InclusiveGateway, ParallelGateway
from SpiffWorkflow.spiff.parser import SpiffBpmnParser
from SpiffWorkflow.spiff.specs.event_definitions import MessageEventDefinition
from SpiffWorkflow.util.deep_merge import DeepMerge
from SpiffWorkflow.util.task import TaskState

from engine.bpmn.model import Source
from engine.bpmn.parser import parse
from engine.bpmn.workflow import Scope, Workflow

EXAMPLES = int(os.environ.get("PARVIS_FUZZ", "2000"))

INPUTS = ("c0", "c1", "c2")


# --- Random blocks ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Block:
    kind: str
    inner: tuple[Block, ...] = ()
    choices: tuple[int, ...] = ()


def build(random: Random, size: int) -> Block:
    """A block of about `size` leaves."""
    if size <= 1:
        return Block(random.choice(["user", "user", "user", "script", "interrupted", "beside", "event"]))
    kind = random.choice(["sequence", "exclusive", "parallel", "parallel", "inclusive", "sub", "loop"])
    choices = tuple(random.randrange(9) for _ in range(3))
    if kind in ("sub", "loop"):
        return Block(kind, (build(random, size - 1),), choices)
    parts = min(size, random.choice([2, 2, 3]))
    cuts = sorted(random.sample(range(1, size), parts - 1))
    sizes = [end - start for start, end in pairwise([0, *cuts, size])]
    return Block(kind, tuple(build(random, one) for one in sizes), choices)


class Drawing:
    """Writes a block as BPMN; each block has one way in and one way out."""

    def __init__(self, draw: Any) -> None:
        self.draw = draw
        self.count = 0
        self.messages: list[str] = []

    def name(self, prefix: str) -> str:
        self.count += 1
        return f"{prefix}{self.count}"

    def write(self, block: Block) -> tuple[str, list[str], str, str]:
        """Elements, flows, first and last element."""
        return getattr(self, f"_{block.kind}")(block)

    def whole(self, block: Block) -> bytes:
        elements, flows, first, last = self.write(block)
        flows = [f"s>{first}", *flows, f"{last}>e"]
        declared = "".join(f'<bpmn:message id="{name}" name="{name}"/>' for name in self.messages)
        return self.draw.process(elements, flows=";".join(flows), declare=declared)

    def _user(self, block: Block) -> tuple[str, list[str], str, str]:
        name = self.name("u")
        return self.draw.user(name), [], name, name

    def _script(self, block: Block) -> tuple[str, list[str], str, str]:
        name = self.name("x")
        return self.draw.script(name, f"v_{name} = {self.count}"), [], name, name

    def _message(self, prefix: str = "m") -> str:
        name = self.name(prefix)
        self.messages.append(name)
        return self.draw.event("message", name)

    def _interrupted(self, block: Block) -> tuple[str, list[str], str, str]:
        task, boundary, other, merge = self.name("u"), self.name("b"), self.name("u"), self.name("g")
        drawn = (
            self.draw.user(task)
            + self.draw.boundary(boundary, task, self._message())
            + self.draw.user(other)
            + self.draw.gateway("exclusive", merge)
        )
        # The way in is the task itself: the library puts its own element before it.
        return drawn, [f"{task}>{merge}", f"{boundary}>{other}", f"{other}>{merge}"], task, merge

    def _beside(self, block: Block) -> tuple[str, list[str], str, str]:
        task, boundary, other, end = self.name("u"), self.name("b"), self.name("u"), self.name("e")
        drawn = (
            self.draw.user(task)
            + self.draw.boundary(boundary, task, self._message("n"), interrupting=False)
            + self.draw.user(other)
            + self.draw.end(end)
        )
        return drawn, [f"{boundary}>{other}", f"{other}>{end}"], task, task

    def _event(self, block: Block) -> tuple[str, list[str], str, str]:
        name = self.name("i")
        return self.draw.catch(name, self._message()), [], name, name

    def _sequence(self, block: Block) -> tuple[str, list[str], str, str]:
        elements, flows, first, last = "", [], "", ""
        for one in block.inner:
            written, inside, start, end = self.write(one)
            elements += written
            flows += [*inside, *([f"{last}>{start}"] if last else [])]
            first, last = first or start, end
        return elements, flows, first, last

    def _branches(self, block: Block, kind: str, conditions: list[str]) -> tuple[str, list[str], str, str]:
        split, join = self.name("g"), self.name("g")
        elements, flows, default = "", [], ""
        for one, condition in zip(block.inner, conditions, strict=False):
            written, inside, start, end = self.write(one)
            elements += written
            default = default if condition or kind == "parallel" else start
            flows += [*inside, f"{split}>{start}" + (f": {condition}" if condition else ""), f"{end}>{join}"]
        elements += self.draw.gateway(kind, split, default=default) + self.draw.gateway(kind, join)
        return elements, flows, split, join

    def _conditions(self, block: Block) -> list[str]:
        number = len(block.inner)
        given = [f"{INPUTS[choice % 3]} > {choice // 3}" for choice in block.choices[: number - 1]]
        return [*given, ""]

    def _exclusive(self, block: Block) -> tuple[str, list[str], str, str]:
        return self._branches(block, "exclusive", self._conditions(block))

    def _inclusive(self, block: Block) -> tuple[str, list[str], str, str]:
        return self._branches(block, "inclusive", self._conditions(block))

    def _parallel(self, block: Block) -> tuple[str, list[str], str, str]:
        return self._branches(block, "parallel", [""] * 3)

    def _loop(self, block: Block) -> tuple[str, list[str], str, str]:
        reset, merge, count, again = self.name("x"), self.name("g"), self.name("x"), self.name("g")
        written, inside, start, end = self.write(block.inner[0])
        out = self.name("x")
        elements = (
            self.draw.script(reset, f"k_{reset} = 0")
            + self.draw.gateway("exclusive", merge)
            + written
            + self.draw.script(count, f"k_{reset} = k_{reset} + 1")
            + self.draw.gateway("exclusive", again, default=out)
            + self.draw.script(out, f"v_{out} = 1")
        )
        condition = f"k_{reset} < {1 + block.choices[0] % 3}"
        flows = [f"{reset}>{merge}", f"{merge}>{start}", *inside, f"{end}>{count}", f"{count}>{again}"]
        return elements, [*flows, f"{again}>{merge}: {condition}", f"{again}>{out}"], reset, out

    def _sub(self, block: Block) -> tuple[str, list[str], str, str]:
        name = self.name("p")
        written, inside, start, end = self.write(block.inner[0])
        flows = ";".join([f"{name}_s>{start}", *inside, f"{end}>{name}_e"])
        return self.draw.sub(name, written, flows=flows), [], name, name


# --- The library's run -----------------------------------------------------------------------------------------------


class _Mended:
    """Joins mended another way than ours: what has arrived in this turn hangs from the same split (`g6` joins `g5`)."""

    def _split(self, task: Any) -> Any:
        return task.find_ancestor(f"g{int(self.name[1:]) - 1}")

    def _same_turn(self, task: Any) -> list[Any]:
        start = self._split(task)
        return [one for one in task.workflow.tasks.values() if one.task_spec is self and self._split(one) is start]

    def _check_threshold_unstructured(self, task: Any) -> bool:
        if len(self._inputs) == 1:
            return True
        same = self._same_turn(task)
        arrived = {one.parent.task_spec.name for one in same if one.parent.state == TaskState.COMPLETED}
        return len(arrived) == len(self._split(task).children)

    def _merge(self, task: Any) -> None:
        others = [one for one in self._same_turn(task) if one is not task and one.has_state(TaskState.FINISHED_MASK)]
        for one in sorted(others, key=lambda one: one.last_state_change):
            DeepMerge.merge(task.data, one.parent.data)
        task._inherit_data()


class MendedParallel(_Mended, ParallelGateway):
    def _run_hook(self, task: Any) -> bool:
        self._merge(task)
        return True


class MendedInclusive(_Mended, InclusiveGateway):
    """The library's own goes on too early when a token is in a loop or in a sub-process."""

    def _run_hook(self, task: Any) -> bool:
        self._merge(task)
        matches, defaults = self._get_matching_outputs(task)
        task._sync_children(matches or defaults, TaskState.FUTURE)
        for child in task.children:
            child.task_spec._predict(child, mask=TaskState.FUTURE | TaskState.PREDICTED_MASK)
        return True


class MendedParser(SpiffBpmnParser):
    OVERRIDE_PARSER_CLASSES = {  # noqa: RUF012 - as the library declares it
        **SpiffBpmnParser.OVERRIDE_PARSER_CLASSES,
        full_tag("parallelGateway"): (GatewayParser, MendedParallel),
        full_tag("inclusiveGateway"): (ConditionalGatewayParser, MendedInclusive),
    }


class Library:
    def __init__(self, bpmn: bytes, data: dict[str, Any]) -> None:
        parser = MendedParser()
        parser.add_bpmn_str(bpmn)
        self.workflow = BpmnWorkflow(parser.get_spec("demarche"), parser.get_subprocess_specs("demarche"))
        self.workflow.task_tree.data.update(data)
        self.workflow.do_engine_steps()

    def open(self) -> list[str]:
        return sorted(one.task_spec.name for one in self.workflow.get_tasks(state=TaskState.READY, manual=True))

    def messages(self) -> list[str]:
        return sorted({event.name for event in self.workflow.waiting_events()})

    def complete(self, name: str) -> None:
        task = self.workflow.get_next_task(state=TaskState.READY, spec_name=name)
        task.data[name] = answers(name)
        task.run()
        self.workflow.do_engine_steps()

    def deliver(self, name: str) -> None:
        self.workflow.send_event(BpmnEvent(MessageEventDefinition(name), {}))
        self.workflow.do_engine_steps()

    def finished(self) -> bool:
        return bool(self.workflow.is_completed())

    def data(self) -> dict[str, Any]:
        return dict(self.workflow.data)


class Ours:
    def __init__(self, bpmn: bytes, data: dict[str, Any], *, compacted: bool) -> None:
        self.process = parse(Source("demarche.bpmn", bpmn))
        self.scope = Scope(dict(data))
        self.workflow = Workflow.start(self.process, self.scope)
        if compacted:
            self.workflow.compact()
        self._save()

    def _save(self) -> None:
        self.workflow = Workflow.load(self.process, self.workflow.dump(), self.scope)

    def open(self) -> list[str]:
        return sorted(task.element_id for task in self.workflow.open_tasks())

    def messages(self) -> list[str]:
        return self.workflow.waiting_messages()

    def complete(self, name: str) -> None:
        self.workflow.complete(
            next(task.id for task in self.workflow.open_tasks() if task.element_id == name), answers(name)
        )
        self._save()

    def deliver(self, name: str) -> None:
        assert self.workflow.deliver(name)
        self._save()

    def finished(self) -> bool:
        return self.workflow.finished

    def data(self) -> dict[str, Any]:
        return self.scope.document


def answers(name: str) -> dict[str, Any]:
    return {"n": name}


@pytest.fixture(scope="module")
def drawing(draw):
    return lambda: Drawing(draw)


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
    database=None,
)
@given(size=st.integers(1, 20), seed=st.integers(0, 2**64 - 1), compacted=st.booleans())
def test_random_processes_run_as_the_library_runs_them(drawing, size, seed, compacted):
    # A seed, not strategies all the way down: those give a single leaf most of the time.
    random = Random(seed)
    bpmn = drawing().whole(build(random, size))
    inputs = [random.randrange(4) for _ in INPUTS]
    data = dict(zip(INPUTS, inputs, strict=True))
    library, ours = Library(bpmn, data), Ours(bpmn, data, compacted=compacted)
    for _ in range(150):
        assert ours.open() == library.open()
        # Boundary events that don't interrupt catch once in the library, as often as they like here.
        assert set(library.messages()) <= set(ours.messages())
        assert all(name.startswith("n") for name in set(ours.messages()) - set(library.messages()))
        moves = [*(("complete", name) for name in ours.open()), *(("deliver", name) for name in library.messages())]
        if not moves:
            break
        kind, name = random.choice(moves)
        getattr(library, kind)(name)
        getattr(ours, kind)(name)
    else:
        return  # long enough
    assert ours.finished()
    assert library.finished()
    # At the end the library mixes in what the side branches knew of the loops when they ended.
    stale = "k_" if b'cancelActivity="false"' in bpmn else "none"
    assert {name: value for name, value in ours.data().items() if not name.startswith(stale)} == {
        name: value for name, value in library.data().items() if not name.startswith(stale)
    }
    assert (ours.workflow.end_element or "").startswith("e")
    assert len(ours.workflow.dump()) < 250 or not compacted


def test_the_drawings_cover_every_kind(drawing):
    """So that a fuzz of nothing doesn't pass."""
    everything = Block(
        "sequence",
        (
            Block("parallel", (Block("user"), Block("loop", (Block("interrupted"),), (1, 0, 0)))),
            Block("inclusive", (Block("user"), Block("event"), Block("sub", (Block("script"),))), (0, 1, 0)),
            Block("exclusive", (Block("user"), Block("user")), (8, 0, 0)),
        ),
    )
    text = drawing().whole(everything).decode()
    for tag in (
        "parallelGateway",
        "inclusiveGateway",
        "exclusiveGateway",
        "subProcess",
        "boundaryEvent",
        "intermediateCatchEvent",
        "scriptTask",
    ):
        assert f"<bpmn:{tag} " in text
    assert issubclass(GatewayParser, TaskParser)
