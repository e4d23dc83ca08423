"""The host of a running process: the only way for the other rooms to start one, load it, move it and save it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from SpiffWorkflow.bpmn import BpmnEvent
from SpiffWorkflow.bpmn.specs.mixins.events.end_event import EndEvent
from SpiffWorkflow.bpmn.specs.mixins.events.event_types import CatchingEvent
from SpiffWorkflow.bpmn.specs.mixins.events.intermediate_event import BoundaryEvent
from SpiffWorkflow.bpmn.specs.mixins.events.start_event import StartEvent
from SpiffWorkflow.bpmn.specs.mixins.multiinstance_task import LoopTask
from SpiffWorkflow.bpmn.specs.mixins.subworkflow_task import SubWorkflowTask
from SpiffWorkflow.bpmn.specs.mixins.unstructured_join import UnstructuredJoin
from SpiffWorkflow.exceptions import SpiffWorkflowException
from SpiffWorkflow.util.task import TaskState

from engine.bpmn import codec, events, timers
from engine.bpmn.elements import OperationFault
from engine.bpmn.environment import Environment, Scope, ScriptEngine, path_of
from engine.bpmn.parser import Process
from engine.bpmn.patches import TOKEN
from engine.bpmn.tree import LightTask, LightWorkflow, element_of
from engine.core import clock
from engine.core.errors import ProcessStuck, StaleStep

__all__ = ["DueTimer", "Event", "OpenTask", "OperationFault", "Scope", "Workflow"]

_OPEN = TaskState.READY
_LAST_STEP = "summary"


@dataclass(frozen=True)
class OpenTask:
    """A human task that waits for somebody. `item` holds what is its own in a multi-instance activity, else None."""

    id: UUID
    element_id: str
    name: str
    lane: str | None
    properties: Mapping[str, str]
    item: dict[str, Any] | None


@dataclass(frozen=True)
class DueTimer:
    """A timer that waits. `key` names this very turn of it, in the whole platform: another turn has another key."""

    key: str
    due_at: datetime
    element_id: str


@dataclass(frozen=True)
class Event:
    """Something that happened since the process was loaded.

    `kind` is `entered`, `completed`, `cancelled`, `timer_fired`, `message`, `decision` or `operation`. `facts` holds no
    answer: `to` (completed: the elements that follow), `rules` and `decision`, `name` and `fault` (operations), `index`
    (where it stands in multi-instance activities).
    """

    kind: str
    element_id: str
    task_id: UUID | None
    at: datetime
    facts: dict[str, Any] = field(default_factory=dict)


class Workflow:
    """A running process. When a method raises, drop the object and the document: what was saved before is the truth."""

    def __init__(self, process: Process, scope: Scope) -> None:
        self.process = process
        self.scope = scope
        self.events: list[Event] = []
        self.end_element: str | None = None
        self._compacts = False
        self._environment = Environment(scope, process.repeated)
        engine = ScriptEngine(self._environment)
        self._tree = LightWorkflow(process.spec, process.subspecs, engine, self._moved)
        self._tree.host = self

    @classmethod
    def start(cls, process: Process, scope: Scope) -> Workflow:
        """Start a process and run it to its first wait."""
        workflow = cls(process, scope)
        workflow._tree.begin()
        workflow._settle()
        return workflow

    @classmethod
    def load(cls, process: Process, state: bytes, scope: Scope) -> Workflow:
        """Take a process up where `dump` left it."""
        workflow = cls(process, scope)
        workflow._environment.locals, facts = codec.load(state, workflow._tree)
        workflow.end_element = facts.get("e")
        workflow._compacts = "c" in facts
        return workflow

    def dump(self) -> bytes:
        """The state to save: it holds neither the specification nor the document."""
        if self._compacts:
            codec.compact(self._tree)
        facts: dict[str, Any] = {"e": self.end_element} if self.end_element else {}
        if self._compacts:
            facts["c"] = 1
        return codec.dump(self._tree, self._environment.locals, facts)

    def compact(self) -> None:
        """From now on, let finished work leave the state. Steps completed before can't be revised any more."""
        self._compacts = True

    # What waits.

    @property
    def finished(self) -> bool:
        """Whether nothing is left to do."""
        return bool(self._tree.completed) or not any(True for _ in self._tree.tokens())

    def open_tasks(self) -> list[OpenTask]:
        """The human tasks that wait, in a stable order."""
        found = []
        for task in self._human():
            node = self.process.elements[element_of(task)]
            item = self._environment.item(task.data)
            found.append(OpenTask(task.id, node.id, node.name or node.id, node.lane, node.properties, item))
        return found

    def timers(self) -> list[DueTimer]:
        """The timers that wait."""
        found = []
        for task, index, definition in self._timers():
            due_at = definition.due(task)
            if due_at is not None:
                element_id = definition.name.partition(".")[0]
                found.append(DueTimer(_key(task, index, definition.turn(task)), due_at, element_id))
        return found

    def waiting_messages(self) -> list[str]:
        """The names of the messages that are waited for."""
        names = {
            definition.name
            for task in self._tree.tokens()
            if task._state == TaskState.WAITING and isinstance(task.task_spec, CatchingEvent)
            for definition in _definitions(task)
            if isinstance(definition, events.Message)
        }
        return sorted(names)

    # What moves.

    def complete(self, task_id: UUID, answers: dict[str, Any]) -> None:
        """Complete a human task, and run to the next wait. `StaleStep` when it isn't open."""
        task = next((task for task in self._human() if task.id == task_id), None)
        if task is None:
            raise StaleStep(task_id=str(task_id))
        self._complete(task, answers)

    def revise(self, element_id: str, answers: dict[str, Any], valid: Callable[[str, dict[str, Any]], bool]) -> None:
        """Go back to a completed step of the wizard, answer it anew, then `replay`. `StaleStep` when it can't be."""
        done = [task for task in self._past() if element_of(task) == element_id]
        if not done or self._compacts:
            raise StaleStep(element_id=element_id)
        task = max(done, key=lambda one: sum(1 for _ in one.ancestors()))
        if self._feeds_a_join(task):
            # What follows the join hangs from another branch: no part of the tree can be taken away alone.
            self._start_again(element_id)
        else:
            around = task.workflow
            while around is not None:
                around.completed = False
                around = around.parent_workflow
            self._tree.reset_from_task_id(task.id)
            self._tree.remove_from_events()
            self._tree.last_task = None
            self.end_element = None
            self._settle()
        again = next((one for one in self._human() if element_of(one) == element_id), None)
        if again is None:
            raise StaleStep(element_id=element_id)
        self._complete(again, answers)
        self.replay(valid, skip={element_id})

    def replay(self, valid: Callable[[str, dict[str, Any]], bool], *, skip: set[str] | None = None) -> None:
        """Complete each open step of the wizard that has stored answers still `valid`, up to the summary.

        So that nobody walks again through what they have already answered.
        """
        seen = set(skip or ())
        while True:
            task = next((one for one in self._human() if self._replayable(one, seen)), None)
            if task is None:
                return
            element_id = element_of(task)
            answers = self.scope.document[element_id]
            if not valid(element_id, answers):
                return
            seen.add(element_id)
            self._complete(task, answers)

    def fire(self, key: str) -> bool:
        """Fire a timer that is due. False, and nothing done, when it is too early or when it doesn't wait any more."""
        for task, index, definition in self._timers():
            if _key(task, index, definition.turn(task)) != key:
                continue
            due_at = definition.due(task)
            if due_at is None or due_at > clock.now():
                return False
            self.note("timer_fired", task, element_id=definition.name.partition(".")[0])
            repeats = definition.fire(task)
            if repeats:
                self._start_turn(task)
            if task.workflow.tasks.get(task.id) is task:
                task.task_spec._update(task)
            self._settle()
            return True
        return False

    def deliver(self, message_name: str, payload: Any = None) -> bool:
        """Hand a message to whatever waits for it. False when nothing does.

        The payload goes to the document: under the message's variable, else under the id of the element that waited.
        """
        if message_name not in self.waiting_messages():
            return False
        self._tree.event_manager.catch(BpmnEvent(events.Message(message_name), deepcopy(payload)), internal=False)
        self._settle()
        return True

    def cancel(self) -> None:
        """Give up everything that is open."""
        self._tree.cancel()
        self._tree.completed = True
        self.end_element = None

    @property
    def steps_done(self) -> list[str]:
        """The steps of the wizard completed on the way that was taken, in order, until `compact`."""
        found = [element_of(task) for task in codec.past_first(self._tree) if self._is_step(task)]
        return list(dict.fromkeys(found))

    # --- Within the room ---------------------------------------------------------------------------------------------

    def note(self, kind: str, task: LightTask, *, element_id: str | None = None, **facts: Any) -> None:
        """Add to `events`."""
        path = path_of(task.data)
        if path:
            facts["index"] = [index for _, index in path]
        self.events.append(Event(kind, element_id or element_of(task), task.id, clock.now(), facts))

    def _moved(self, task: LightTask, before: int, after: int) -> None:
        """Hear of a change of state."""
        spec = task.task_spec
        if getattr(spec, "bpmn_id", None) is None:
            return
        if after == TaskState.COMPLETED:
            if isinstance(spec, EndEvent) and task.workflow is self._tree:
                self._ended(spec.bpmn_id)
            self.note("completed", task, to=_following(task))
            if isinstance(spec, CatchingEvent) and any(isinstance(one, events.Message) for one in _definitions(task)):
                self.note("message", task)
        elif isinstance(spec, LoopTask):
            return
        elif after == TaskState.CANCELLED:
            if before & TOKEN and _waits_for_somebody(spec):
                self.note("cancelled", task)
        elif after & TOKEN and not before & TOKEN and _waits_for_somebody(spec):
            self.note("entered", task)

    def _ended(self, element_id: str) -> None:
        """An end that says the outcome isn't replaced by one that says none (the end of a reminder, for instance)."""
        outcome = {
            name: self.process.elements[name].properties.get("outcome")
            for name in (element_id, self.end_element)
            if name
        }
        if self.end_element is None or outcome[element_id] or not outcome[self.end_element]:
            self.end_element = element_id

    def _settle(self) -> None:
        self._tree.stirred = True
        try:
            self._tree.settle()
        except SpiffWorkflowException as error:
            task = getattr(error, "task", None)
            raise ProcessStuck(element_of(task) if task is not None else "", str(error)) from error
        self._tree.bpmn_events.clear()
        if self._tree.completed:
            return
        waiting = list(self._tree.tokens())
        held = [task for task in waiting if isinstance(task.task_spec, UnstructuredJoin)]
        if held and all(task in held or task._state == TaskState.STARTED for task in waiting):
            raise ProcessStuck(element_of(held[0]), "Les branches attendues ici ne peuvent plus arriver.")

    def _human(self) -> Iterator[LightTask]:
        for task in self._tree.tokens():
            if task._state == _OPEN and task.task_spec.manual and not isinstance(task.task_spec, LoopTask):
                yield task

    def _complete(self, task: LightTask, answers: dict[str, Any]) -> None:
        self._environment.store(task.data, element_of(task), answers)
        try:
            task.advance()
        except SpiffWorkflowException as error:
            raise ProcessStuck(element_of(task), str(error)) from error
        self._settle()

    def _is_step(self, task: LightTask) -> bool:
        node = self.process.elements.get(element_of(task))
        return node is not None and node.step is not None and not isinstance(task.task_spec, LoopTask)

    def _replayable(self, task: LightTask, seen: set[str]) -> bool:
        element_id = element_of(task)
        return (
            self._is_step(task)
            and not task.data
            and element_id not in seen
            and self.process.elements[element_id].step != _LAST_STEP
            and isinstance(self.scope.document.get(element_id), dict)
        )

    def _past(self) -> Iterator[LightTask]:
        for workflow in [self._tree, *self._tree.subprocesses.values()]:
            for task in workflow.tasks.values():
                if task._state == TaskState.COMPLETED and self._is_step(task) and not task.data:
                    yield task

    def _feeds_a_join(self, task: LightTask) -> bool:
        """Whether a branch through `task` (or through a sub-process around it) meets, in a join, branches from elsewhere."""
        arrivals: dict[Any, set[str]] = {}
        todo = [task]
        while task.workflow.parent_task_id is not None:
            task = self._tree.get_task_from_id(task.workflow.parent_task_id)
            todo.append(task)
        while todo:
            one = todo.pop()
            if isinstance(one.task_spec, UnstructuredJoin) and one.task_spec is not one.workflow.spec.end:
                arrivals.setdefault(one.task_spec, set()).add(one.parent.task_spec.name)
            todo += one.children
        return any(not arrived.issuperset(join._inputs) for join, arrived in arrivals.items())

    def _start_again(self, element_id: str) -> None:
        """Start from nothing and answer as before, up to `element_id`."""
        fresh = Workflow(self.process, self.scope)
        fresh.events = self.events
        fresh._tree.begin()
        fresh._settle()
        seen: set[str] = {element_id}
        while (task := next((one for one in fresh._human() if fresh._replayable(one, seen)), None)) is not None:
            seen.add(element_of(task))
            fresh._complete(task, self.scope.document[element_of(task)])
        self._tree, self._environment = fresh._tree, fresh._environment
        self._tree.host = self
        self._tree.moved = self._moved
        self.end_element = fresh.end_element

    def _timers(self) -> Iterator[tuple[LightTask, int, Any]]:
        for task in self._tree.tokens():
            if task._state == TaskState.WAITING and isinstance(task.task_spec, CatchingEvent):
                for index, definition in enumerate(_definitions(task)):
                    if isinstance(definition, timers.OwnTimer):
                        yield task, index, definition

    def _start_turn(self, task: LightTask) -> None:
        """Start what follows a timer that repeats: beside the timer, whose end must not take it along."""
        turn = task.parent._add_child(task.task_spec, TaskState.READY)
        turn.data = dict(task.data)
        started = [
            turn._add_child(following, TaskState.FUTURE)
            for following in task.task_spec.outputs
            if getattr(following, "split_task", None) is None
        ]
        turn._set_state(TaskState.COMPLETED)
        for child in started:
            child.task_spec._update(child)


def _definitions(task: LightTask) -> list[Any]:
    definition = task.task_spec.event_definition
    return list(definition.event_definitions) if isinstance(definition, events.AnyOf) else [definition]


def _key(task: LightTask, index: int, turn: int) -> str:
    return f"{task.id.hex}.{index}.{turn}"


def _waits_for_somebody(spec: Any) -> bool:
    if isinstance(spec, CatchingEvent):
        return not isinstance(spec, (BoundaryEvent, StartEvent))
    return bool(spec.manual) or isinstance(spec, SubWorkflowTask)


def _following(task: LightTask) -> list[str]:
    """The elements of the diagram that the flows just taken lead to."""
    names = (child.task_spec.name.removesuffix(".BoundaryEventSplit") for child in task.children if not child.triggered)
    return [name for name in names if name in task.workflow.top_workflow.host.process.elements]
