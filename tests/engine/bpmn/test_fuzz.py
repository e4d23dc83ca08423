"""Random processes, side by side with the library's own run: same open tasks, same messages, same data, same end (A13).

Ours is saved, loaded and compacted after every step; the library's stays in memory. 2,000 processes, or PARVIS_FUZZ of them.
Branches write names of their own, and the library's parallel join is mended (defect B) where it stands in a loop.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from SpiffWorkflow.bpmn import BpmnEvent, BpmnWorkflow
from SpiffWorkflow.bpmn.parser.TaskParser import TaskParser
from SpiffWorkflow.bpmn.parser.task_parsers import GatewayParser
from SpiffWorkflow.bpmn.parser.util import full_tag
from SpiffWorkflow.bpmn.specs.defaults import ParallelGateway
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


def blocks(depth: int, *, in_loop: bool = False) -> st.SearchStrategy[Block]:
    leaves = st.sampled_from([Block("user"), Block("user"), Block("script"), Block("interrupted"), Block("event")])
    if depth == 0:
        return leaves
    inner = blocks(depth - 1, in_loop=in_loop)
    several = st.lists(inner, min_size=2, max_size=3).map(tuple)
    choices = st.tuples(*[st.integers(0, 8)] * 3)
    kinds = [
        leaves,
        st.builds(Block, st.just("sequence"), several),
        st.builds(Block, st.just("exclusive"), several, choices),
        st.builds(Block, st.just("parallel"), several),
        st.builds(Block, st.just("sub"), inner.map(lambda one: (one,))),
        st.builds(Block, st.just("loop"), blocks(depth - 1, in_loop=True).map(lambda one: (one,)), choices),
    ]
    if not in_loop:  # the library's inclusive join has its own trouble with loops
        kinds.append(st.builds(Block, st.just("inclusive"), several, choices))
    return st.one_of(kinds)


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

    def _message(self) -> str:
        name = self.name("m")
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


class MendedJoin(ParallelGateway):
    """Defect B mended another way than ours: joins of earlier turns are told by the times at which they finished."""

    def _stale(self, task: Any) -> set[Any]:
        same = [one for one in task.workflow.tasks.values() if one.task_spec is self and one is not task]
        passed = [
            one.last_state_change for one in same if one.state == TaskState.COMPLETED and task.is_descendant_of(one)
        ]
        limit = max(passed, default=0)
        return {one.id for one in same if one.has_state(TaskState.FINISHED_MASK) and one.last_state_change <= limit}

    def _check_threshold_unstructured(self, task: Any) -> bool:
        stale = self._stale(task)
        waiting = set(self._inputs)
        for one in task.workflow.tasks.values():
            if one.task_spec is not self or one.id in stale or (one is not task and one.is_descendant_of(task)):
                continue
            if one.parent.state == TaskState.COMPLETED:
                waiting.discard(one.parent.task_spec.name)
        return not waiting

    def _run_hook(self, task: Any) -> bool:
        stale = self._stale(task)
        others = [
            one
            for one in task.workflow.tasks.values()
            if one.task_spec is self
            and one.has_state(TaskState.FINISHED_MASK)
            and not task.is_descendant_of(one)
            and one.id not in stale
        ]
        for one in sorted(others, key=lambda one: one.last_state_change):
            DeepMerge.merge(task.data, one.parent.data)
        task._inherit_data()
        return True


class MendedParser(SpiffBpmnParser):
    OVERRIDE_PARSER_CLASSES = {  # noqa: RUF012 - as the library declares it
        **SpiffBpmnParser.OVERRIDE_PARSER_CLASSES,
        full_tag("parallelGateway"): (GatewayParser, MendedJoin),
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
@given(
    block=blocks(3),
    inputs=st.tuples(*[st.integers(0, 3)] * 3),
    compacted=st.booleans(),
    order=st.lists(st.integers(0, 30), min_size=1, max_size=12),
)
def test_random_processes_run_as_the_library_runs_them(drawing, block, inputs, compacted, order):
    bpmn = drawing().whole(block)
    data = dict(zip(INPUTS, inputs, strict=True))
    library, ours = Library(bpmn, data), Ours(bpmn, data, compacted=compacted)
    for step in range(150):
        assert ours.open() == library.open()
        assert ours.messages() == library.messages()
        moves = [*(("complete", name) for name in ours.open()), *(("deliver", name) for name in ours.messages())]
        if not moves:
            break
        kind, name = moves[order[step % len(order)] % len(moves)]
        getattr(library, kind)(name)
        getattr(ours, kind)(name)
    else:
        return  # long enough
    assert ours.finished()
    assert library.finished()
    assert ours.data() == library.data()
    assert ours.workflow.end_element == "e"
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
