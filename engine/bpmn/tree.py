"""SpiffWorkflow's tasks and workflows, made light.

Same tree, same states, and three differences, each so that a step costs the same at any age of a request: nothing is
predicted (the elements that follow are added when a task runs, not from the start to the end of the process), waiting
tasks are looked at once when nothing else is left to do (not after every task), and nothing is logged (the library's
records carry the data of tasks, which are people's answers).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from SpiffWorkflow.bpmn import BpmnWorkflow
from SpiffWorkflow.bpmn.specs.mixins.events.intermediate_event import BoundaryEvent
from SpiffWorkflow.bpmn.util.subworkflow import BpmnSubWorkflow
from SpiffWorkflow.specs.MultiChoice import MultiChoice
from SpiffWorkflow.task import Task
from SpiffWorkflow.util.task import TaskState

from engine.bpmn.patches import TOKEN
from engine.core.errors import ProcessStuck

_MOST_STEPS = 10_000


class LightTask(Task):  # type: ignore[misc]
    """A task that tells the workflow of its changes of state, and walks up the tree without recursion."""

    _state: int

    def _set_state(self, value: int) -> None:
        before = self._state
        if value != before:
            self._state = value
            self.workflow.top_workflow.moved(self, before, value)

    def _add_child(self, task_spec: Any, state: int = TaskState.MAYBE) -> LightTask:
        child = LightTask(self.workflow, task_spec, self, state=state)
        if state == TaskState.READY:
            child._ready()
        return child

    def ancestors(self) -> Iterator[LightTask]:
        """The parent, its parent, and so on up to the root."""
        task = self.parent
        while task is not None:
            yield task
            task = task.parent

    def is_descendant_of(self, task: Task) -> bool:
        return any(ancestor is task for ancestor in self.ancestors())

    def find_ancestor(self, spec_name: str) -> LightTask | None:
        return next((ancestor for ancestor in self.ancestors() if ancestor.task_spec.name == spec_name), None)

    def advance(self) -> None:
        """Run a task that is ready, after giving it the children that it may lead to."""
        if not isinstance(self.task_spec, MultiChoice):
            self.task_spec._predict_hook(self)
        self.run()

    def collect_log_extras(self, dct: dict[str, Any] | None = None) -> dict[str, Any]:
        return {}


class _Light:
    """What the workflow of the process and those of its sub-processes share."""

    tasks: dict[Any, LightTask]
    spec: Any
    top_workflow: LightWorkflow
    completed: bool
    last_task: Any

    def begin(self) -> LightTask:
        """Plant the root."""
        root = LightTask(self, self.spec.start, state=TaskState.FUTURE)
        self.task_tree = root
        self.spec.start._predict_hook(root)
        root._ready()
        return root

    def _task_completed_notify(self, task: Any) -> None:
        self.last_task = task
        if task.task_spec.name == "End":
            self.completed = True
        if self.completed:
            self.completed_event(self)  # type: ignore[attr-defined]
        self.top_workflow.stirred = True

    def _mark_complete(self, task: Any) -> None:
        self.completed = True

    def _remove_task(self, task_id: Any) -> None:
        doomed = [self.tasks[task_id]]
        parent = doomed[0].parent
        if parent is not None:
            parent._children.remove(task_id)
        while doomed:
            task = doomed.pop()
            doomed += [self.tasks[child] for child in task._children]
            del self.tasks[task.id]
            self.top_workflow.event_manager.remove_task(task)

    def collect_log_extras(self, dct: dict[str, Any] | None = None) -> dict[str, Any]:
        return {}


class LightSubWorkflow(_Light, BpmnSubWorkflow):  # type: ignore[misc]
    """The workflow of a sub-process."""


class LightWorkflow(_Light, BpmnWorkflow):  # type: ignore[misc]
    """The workflow of a process. `on_move(task, before, after)` hears of every change of state."""

    def __init__(
        self, spec: Any, subprocess_specs: Any, engine: Any, on_move: Callable[[LightTask, int, int], None]
    ) -> None:
        super().__init__(spec, subprocess_specs, script_engine=engine, deserializing=True)
        self.moved = on_move
        self.stirred = False

    def create_subprocess(self, my_task: Any, spec_name: str) -> LightSubWorkflow:
        created = self.attach(my_task, spec_name)
        created.begin()
        return created

    def attach(self, my_task: Any, spec_name: str) -> LightSubWorkflow:
        """The workflow, still without a task, of the sub-process `my_task`."""
        created = LightSubWorkflow(self.subprocess_specs[spec_name], my_task.id, self, deserializing=True)
        self.subprocesses[my_task.id] = created
        return created

    def workflows(self) -> list[LightSubWorkflow | LightWorkflow]:
        """Every workflow that still runs, the deepest first."""
        inner = [child for child in self.subprocesses.values() if not child.completed]
        return [*sorted(inner, key=lambda child: -child.depth), self]

    def tokens(self) -> Iterator[LightTask]:
        """The tasks that the process is at."""
        for workflow in self.workflows():
            for task in list(workflow.tasks.values()):
                if task._state & TOKEN:
                    yield task

    def update_waiting_tasks(self) -> None:
        """Nothing: `settle` does it."""

    def settle(self) -> None:
        """Run everything that needs nobody, up to where the process waits.

        Boundary events go first: the activity that they interrupt must not finish meanwhile.
        """
        steps = 0
        while True:
            ready = [task for task in self.tokens() if task._state == TaskState.READY and not task.task_spec.manual]
            ready.sort(key=lambda task: not isinstance(task.task_spec, BoundaryEvent))
            for task in ready:
                if task._state != TaskState.READY or task.workflow.tasks.get(task.id) is not task:
                    continue
                steps += 1
                if steps > _MOST_STEPS:
                    raise ProcessStuck(element_of(task), "Le processus tourne sans fin sans attendre personne.")
                task.advance()
            if not ready:
                if not self.stirred:
                    return
                self.stirred = False
                for task in list(self.tokens()):
                    if task._state == TaskState.WAITING:
                        task.task_spec._update(task)

    def remove_from_events(self) -> None:
        """Forget the tasks that wait for an event and aren't in the tree any more."""
        alive = {task.id for workflow in self.workflows() for task in workflow.tasks.values()}
        for task in [task for task in self.event_manager.tasks.values() if task.id not in alive]:
            self.event_manager.remove_task(task)


def element_of(task: Any) -> str:
    """The id of the element of the diagram that a task stands for (or the name the library gave to it)."""
    return str(getattr(task.task_spec, "bpmn_id", None) or task.task_spec.name)
