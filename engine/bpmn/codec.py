"""The saved state of a running process: where its tokens stand, and nothing that the specification says already.

A row a task, parents before children: `[name, parent's row, state, id, internal data, data]`, cut after the last value
that says something. What is only foreseen isn't saved (see `tree`). Ids are saved for the tokens, whose ids are known
outside (open tasks, timers, history); past tasks get new ones. JSON, compressed: never a JSON column of the database,
which would reorder it.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

from SpiffWorkflow.bpmn.specs.control import EventSplit
from SpiffWorkflow.bpmn.specs.mixins.events.event_types import CatchingEvent
from SpiffWorkflow.util.task import TaskState

from engine.bpmn.environment import Path, path_of
from engine.bpmn.patches import TOKEN
from engine.bpmn.tree import LightSubWorkflow, LightTask, LightWorkflow

_FORMAT = 1
_SAVED = TOKEN | TaskState.FINISHED_MASK


def dump(workflow: LightWorkflow, locals_: dict[Path, dict[str, Any]], facts: dict[str, Any]) -> bytes:
    """The state as bytes. `facts` is what the host adds, plain JSON."""
    body: dict[str, Any] = {"v": _FORMAT, "t": _rows(workflow)}
    inner = [
        [_packed(parent_id), child.spec.name, int(child.completed), _rows(child)]
        for parent_id, child in sorted(workflow.subprocesses.items(), key=lambda pair: pair[1].depth)
    ]
    if inner:
        body["p"] = inner
    if workflow.completed:
        body["x"] = 1
    standing = {path_of(task.data) for task in workflow.tokens() if task.data}
    kept = [[path, values] for path, values in locals_.items() if any(one[: len(path)] == path for one in standing)]
    if kept:
        body["l"] = kept
    body.update(facts)
    return zlib.compress(json.dumps(body, separators=(",", ":")).encode(), 1)


def load(state: bytes, workflow: LightWorkflow) -> tuple[dict[Path, dict[str, Any]], dict[str, Any]]:
    """Fill an empty `workflow` from its state; returns the instances' values and the host's facts."""
    body = json.loads(zlib.decompress(state))
    if body["v"] != _FORMAT:
        raise ValueError(f"unknown format of state: {body['v']}")
    _fill(workflow, body["t"])
    workflow.completed = "x" in body
    for packed, name, completed, rows in body.get("p", ()):
        owner = workflow.get_task_from_id(_unpacked(packed))
        child = workflow.attach(owner, owner.task_spec.spec)
        assert child.spec.name == name
        _fill(child, rows)
        child.completed = bool(completed)
        child.completed_event.connect(owner.task_spec._on_subworkflow_completed, owner)
    locals_ = {tuple((activity, index) for activity, index in path): values for path, values in body.get("l", ())}
    return locals_, {key: value for key, value in body.items() if key not in "vtplx"}


def _walk(workflow: LightWorkflow | LightSubWorkflow) -> Iterator[LightTask]:
    """The tasks worth saving, parents first."""
    todo = [workflow.task_tree]
    while todo:
        task = todo.pop()
        if task._state & _SAVED:
            yield task
            todo += [workflow.tasks[child] for child in reversed(task._children)]


def _rows(workflow: LightWorkflow | LightSubWorkflow) -> list[list[Any]]:
    rows: list[list[Any]] = []
    numbers: dict[Any, int] = {}
    subprocesses, end = workflow.top_workflow.subprocesses, workflow.spec.end
    for task in _walk(workflow):
        parent = task.parent
        live = task._state & TOKEN
        row: list[Any] = [
            task.task_spec.name,
            numbers.get(task._parent, -1),
            task._state,
            _packed(task.id) if (live and task.task_spec is not end) or task.id in subprocesses else 0,
            (task.internal_data or 0) if live else 0,
            0 if task.data == (parent.data if parent is not None else {}) else task.data,
        ]
        while row[-1] == 0:
            row.pop()
        numbers[task.id] = len(rows)
        rows.append(row)
    return rows


def _fill(workflow: LightWorkflow | LightSubWorkflow, rows: list[list[Any]]) -> None:
    specs = workflow.spec.task_specs
    events = workflow.top_workflow.event_manager
    made: list[LightTask] = []
    for row in rows:
        name, number, state, packed, internal, data, *_ = [*row, 0, 0, 0]
        parent = made[number] if number >= 0 else None
        # Not through the constructor, which costs as much as all the rest: it looks for parents and tells the time.
        task = LightTask.__new__(LightTask)
        task.id = _unpacked(packed) if packed else uuid4()
        task.workflow = workflow
        task._parent = None
        task._children = []
        task._state = state
        task.triggered = False
        task.task_spec = specs[name]
        task.thread_id = 0
        task.internal_data = internal or {}
        task.last_state_change = 0.0
        if parent is None:
            workflow.task_tree = task
            task.data = data or {}
        else:
            task._parent = parent.id
            parent._children.append(task.id)
            task.data = data or parent.data.copy()
        workflow.tasks[task.id] = task
        made.append(task)
        if state == TaskState.WAITING and isinstance(task.task_spec, CatchingEvent):
            events.add_task(task)
    # Children that the parent's specification doesn't list (instances, for one) would be taken for leftovers.
    for task in made:
        parent = task.parent
        if parent is not None and task.task_spec.name not in parent.task_spec._outputs:
            task.triggered = True


def _packed(task_id: UUID) -> str:
    return base64.b85encode(task_id.bytes).decode()


def _unpacked(packed: str) -> UUID:
    return UUID(bytes=base64.b85decode(packed))


# --- Compaction ------------------------------------------------------------------------------------------------------


def compact(workflow: LightWorkflow) -> None:
    """Let finished work leave the tree: each token hangs from the nearest task that still matters, at last the root.

    What matters beside the tokens is the split above an activity that has boundary events, while it lasts. Joins hold
    what has arrived themselves (`patches`), so finished branches aren't needed by anything.
    """
    for one in workflow.workflows():
        _prune(one)
    known = {task.id for one in workflow.workflows() for task in one.tasks.values()}
    for parent_id in [parent_id for parent_id in workflow.subprocesses if parent_id not in known]:
        del workflow.subprocesses[parent_id]


def _prune(workflow: LightWorkflow | LightSubWorkflow) -> None:
    root = workflow.task_tree
    keep = {root.id}
    for task in workflow.tasks.values():
        if task._state & TOKEN:
            keep.add(task.id)
            parent = task.parent
            if parent is not None and isinstance(parent.task_spec, EventSplit):
                keep.add(parent.id)
    ordered = [task for task in _walk(workflow) if task.id in keep]
    above = {
        task.id: next((a for a in task.ancestors() if a.id in keep and _may_hold(a, task)), None) for task in ordered
    }
    workflow.tasks = {task.id: task for task in ordered}
    for task in ordered:
        task._children = []
    for task in ordered:
        parent = above[task.id]
        if parent is not None:
            if task.task_spec.name not in parent.task_spec._outputs:
                task.triggered = True
            task._parent = parent.id
            parent._children.append(task.id)
    if workflow.last_task is not None and workflow.last_task.id not in workflow.tasks:
        workflow.last_task = root


def _may_hold(above: LightTask, task: LightTask) -> bool:
    """A split takes what hangs from it for the activity or its boundary events: what these led to hangs higher."""
    return above is task.parent or not isinstance(above.task_spec, EventSplit)


def past_first(workflow: LightWorkflow | LightSubWorkflow) -> Iterator[LightTask]:
    """The completed tasks, parents first, those of a sub-process after the task that stands for it."""
    for task in _walk(workflow):
        if task._state == TaskState.COMPLETED:
            yield task
        inner = workflow.top_workflow.subprocesses.get(task.id)
        if inner is not None:
            yield from past_first(inner)
