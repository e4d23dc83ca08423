"""What SpiffWorkflow 3.2.0 gets wrong, and what this room uses instead.

Defect A is a default that no caller can reach, so it is changed in place. Everything else is a subclass that `elements`
gives to our own specifications: the library itself stays as it is.
"""

from __future__ import annotations

from typing import Any

from SpiffWorkflow.bpmn.specs.control import BoundaryEventJoin as StockBoundaryJoin
from SpiffWorkflow.bpmn.specs.control import _EndJoin as StockEndJoin
from SpiffWorkflow.bpmn.specs.defaults import InclusiveGateway as StockInclusive
from SpiffWorkflow.bpmn.specs.defaults import ParallelGateway as StockParallel
from SpiffWorkflow.bpmn.util.task import BpmnTaskIterator
from SpiffWorkflow.util.task import TaskIterator, TaskState

from engine.core.errors import ProcessStuck

TOKEN = TaskState.READY | TaskState.WAITING | TaskState.STARTED
"""The states of a task that the process is at: all others are past, foreseen or given up."""

_NO_LIMIT = 10**9


def lift_depth_limit() -> None:
    """Defect A: walks of the tree of tasks stop at a depth of 1000, silently.

    After some 200 turns of a loop, tasks that are ready can't be seen any more and the process says it is completed.
    """
    TaskIterator.__init__.__defaults__ = (None, _NO_LIMIT, True, None)
    BpmnTaskIterator.__init__.__defaults__ = (None, _NO_LIMIT, True, False, None)


lift_depth_limit()


class _Join:
    """Defect B: a join in a loop fires early on the second turn, and mixes in the first turn's data.

    SpiffWorkflow looks for the finished branches in the whole tree of tasks, where those of the turn before still
    stand. Here the waiting join itself holds what has arrived (`arrived`, names of the incoming elements), hands it to
    the next arrival, and starts from nothing once it has fired. So finished branches may leave the tree, too.
    """

    _inputs: list[str]

    def _update_hook(self, task: Any) -> bool:
        if task._state == TaskState.WAITING:
            return self._complete(task, set(task.internal_data["arrived"]))
        task._inherit_data()
        arrived = {task.parent.task_spec.name}
        for other in list(task.workflow.tasks.values()):
            if other.task_spec is self and other is not task and other._state == TaskState.WAITING:
                arrived.update(other.internal_data["arrived"])
                other.cancel()
        task.internal_data["arrived"] = sorted(arrived)
        if self._complete(task, arrived):
            return True
        task._set_state(TaskState.WAITING)
        return False

    def _complete(self, task: Any, arrived: set[str]) -> bool:
        raise NotImplementedError


class ParallelGateway(_Join, StockParallel):  # type: ignore[misc]
    """Goes on once every incoming flow has brought a token."""

    def _complete(self, task: Any, arrived: set[str]) -> bool:
        return arrived.issuperset(self._inputs)

    def _run_hook(self, task: Any) -> bool:
        return True


class InclusiveGateway(_Join, StockInclusive):  # type: ignore[misc]
    """Goes on once no token left in the process can still reach one of the flows that brought none."""

    def _complete(self, task: Any, arrived: set[str]) -> bool:
        empty = set(self._inputs) - arrived
        if not empty:
            return True
        blocking = set().union(*map(self._leading_to, empty))
        # A token that can also come in where one has already arrived isn't waited for (BPMN 2.0.2, 13.4.2).
        for name in arrived:
            blocking -= self._leading_to(name)
        return not any(
            other._state & TOKEN
            and other is not task
            and other.task_spec is not self
            and other.task_spec.name in blocking
            for other in task.workflow.tasks.values()
        )

    def _leading_to(self, name: str) -> frozenset[str]:
        """The specifications from which the incoming element `name` can be reached without passing here."""
        known: dict[str, frozenset[str]] = self.__dict__.setdefault("_reach", {})
        if name not in known:
            found, todo = {name}, [name]
            while todo:
                for previous in self._wf_spec.task_specs[todo.pop()]._inputs:
                    if previous not in found and previous != self.name:
                        found.add(previous)
                        todo.append(previous)
            known[name] = frozenset(found)
        return known[name]

    def _run_hook(self, task: Any) -> bool:
        matches, defaults = self._get_matching_outputs(task)
        if not matches and not defaults:
            raise ProcessStuck(
                self.name, "Aucune des conditions qui suivent n’est remplie, et aucune n’est « par défaut »."
            )
        task._sync_children(matches or defaults, TaskState.FUTURE)
        return True


class EndJoin(StockEndJoin):  # type: ignore[misc]
    """Ends the process once nothing else is left in it. One waits at most: the latest."""

    def _update_hook(self, task: Any) -> bool:
        task._inherit_data()
        last = True
        for other in list(task.workflow.tasks.values()):
            if other is not task and other._state & TOKEN:
                if other.task_spec is self:
                    other.cancel()
                else:
                    last = False
        if not last:
            task._set_state(TaskState.WAITING)
        return last

    def _run_hook(self, task: Any) -> bool:
        return True


class BoundaryEventJoin(StockBoundaryJoin):  # type: ignore[misc]
    """Gives up the other side of a boundary event. The one that has nothing to give up doesn't wait: it is over."""

    def _update_hook(self, task: Any) -> bool:
        fires = super()._update_hook(task)
        if not fires:
            task._set_state(TaskState.CANCELLED)
        return bool(fires)
