"""How elements behave where SpiffWorkflow's own behaviour doesn't do: `adopt` turns a parsed specification into ours.

Turning each parsed object's class into a subclass of it leaves the parser alone, and the library as it is for others.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from SpiffWorkflow.bpmn.specs import defaults as bpmn
from SpiffWorkflow.bpmn.specs.control import BoundaryEventJoin, _EndJoin
from SpiffWorkflow.bpmn.specs.event_definitions.conditional import ConditionalEventDefinition
from SpiffWorkflow.bpmn.specs.event_definitions.multiple import MultipleEventDefinition
from SpiffWorkflow.bpmn.specs.event_definitions.timer import TimerEventDefinition
from SpiffWorkflow.bpmn.specs.mixins import multiinstance_task as stock_loops
from SpiffWorkflow.spiff.specs import defaults as spiff
from SpiffWorkflow.util.task import TaskState

from engine.bpmn import dmn, events, patches, timers
from engine.bpmn.environment import step_into
from engine.bpmn.tree import element_of
from engine.core.errors import ExpressionError, OperationFailed, ProcessStuck

_MOST_INSTANCES = 1_000


class OperationFault(OperationFailed):
    """An operation failed in a way that the process may know: caught by a boundary error event with that `code`."""

    default = "Une opération de la démarche n’a pas abouti."

    def __init__(self, code: str, message: str | None = None, **facts: Any) -> None:
        self.code = code
        super().__init__(message, code=code, **facts)


class OperationTask(spiff.ServiceTask):  # type: ignore[misc]
    """A service task: calls the host's operation and keeps its result."""

    def _run_hook(self, task: Any) -> bool | None:
        host = task.workflow.top_workflow.host
        parameters = {
            name: task.workflow.script_engine.evaluate(task, parameter["value"])
            for name, parameter in self.operation_params.items()
        }
        try:
            result = host.scope.operation(element_of(task), self.operation_name, parameters)
        except OperationFault as fault:
            error = events.Error(fault.code, code=fault.code)
            if not events.hand_to(events.catching(task, error), error, None):
                # Nothing in the process catches it: an operator has to see it.
                raise ProcessStuck(element_of(task), f"{self.operation_name}: {fault}") from fault
            host.note("operation", task, name=self.operation_name, fault=fault.code)
            return None  # left as started: the boundary event gives it up
        host.note("operation", task, name=self.operation_name)
        if self.keeps_result:
            # Through JSON: what isn't plain fails here, and nothing stays shared with the operation.
            _write(task, self.result_variable, json.loads(json.dumps(result)))
        return True


class DecisionTask(spiff.BusinessRuleTask):  # type: ignore[misc]
    """A business rule task: decides by our own tables, and says by which rules."""

    def _run_hook(self, task: Any) -> bool:
        environment = task.workflow.script_engine.environment
        decision: dmn.Decision = self.dmnEngine
        try:
            result = decision.decide(environment.names(task.data))
        except ExpressionError as error:
            raise ProcessStuck(element_of(task), error.message) from error
        environment.store(task.data, element_of(task), result.values)
        task.workflow.top_workflow.host.note("decision", task, decision=decision.id, rules=list(result.rule_ids))
        return True


class ExclusiveGateway(bpmn.ExclusiveGateway):  # type: ignore[misc]
    """Takes the first flow whose condition holds, else the default one."""

    def _run_hook(self, task: Any) -> bool:
        chosen = self.default_task_spec
        for condition, name in self.cond_task_specs:
            if condition is not None and condition._matches(task):
                chosen = name
                break
        if chosen is None:
            raise ProcessStuck(
                self.name, "Aucune des conditions qui suivent n’est remplie, et aucune n’est « par défaut »."
            )
        task._sync_children([self._wf_spec.task_specs[chosen]], TaskState.FUTURE)
        return True


class EventBasedGateway(bpmn.EventBasedGateway):  # type: ignore[misc]
    """Goes where the first event that came leads to."""

    def _run_hook(self, task: Any) -> bool:
        self.event_definition.update_task_data(task)
        chosen = [self.outputs[index] for index, _ in self.event_definition.caught(task)][:1]
        task._sync_children(chosen, TaskState.FUTURE)
        return True


class BoundaryEvent(bpmn.BoundaryEvent):  # type: ignore[misc]
    """Waits again after it has fired, unless it interrupts: a message may come twice while an activity lasts."""

    def _on_complete_hook(self, task: Any) -> None:
        super()._on_complete_hook(task)
        repeats = isinstance(self.event_definition, (events.Message, events.Signal, events.Escalation))
        if repeats and not self.cancel_activity:
            again = task.parent._add_child(self, TaskState.MAYBE)
            again._set_state(TaskState.WAITING)
            self._update(again)


class _SharesDocument:
    """A sub-process reads and writes the same document: it only has to know in which instance it stands."""

    def copy_data(self, task: Any, subworkflow: Any) -> None:
        subworkflow.task_tree.data = dict(task.data)

    def update_data(self, task: Any, subworkflow: Any) -> None:
        """Nothing to bring back."""


class SubProcess(_SharesDocument, spiff.SubWorkflowTask):  # type: ignore[misc]
    """An embedded sub-process."""


class CallActivity(_SharesDocument, spiff.CallActivity):  # type: ignore[misc]
    """A call of another process of the file."""


class Transaction(_SharesDocument, spiff.TransactionSubprocess):  # type: ignore[misc]
    """A sub-process that can be cancelled from inside."""


class _Instances:
    """What the two kinds of multi-instance share: instances have a scope of their own, results go to the document."""

    bpmn_id: str
    task_spec: str
    data_input: Any
    data_output: Any
    input_item: Any
    output_item: Any
    cardinality: str | None
    condition: str | None

    def _items(self, task: Any) -> list[Any]:
        engine = task.workflow.script_engine
        if self.data_input is not None:
            found = engine.evaluate(task, self.data_input.bpmn_id)
            items = [] if found is None else found
        else:
            found = engine.evaluate(task, self.cardinality)
            items = list(range(found)) if isinstance(found, int) and 0 <= found <= _MOST_INSTANCES else None
        if not isinstance(items, list) or len(items) > _MOST_INSTANCES:
            raise ProcessStuck(
                self.bpmn_id, f"Cette activité répétée attend une liste, de {_MOST_INSTANCES} éléments au plus."
            )
        return items

    def _enter(self, task: Any, index: int, item: Any) -> None:
        spec = task.workflow.spec.task_specs[self.task_spec]
        child = task._add_child(spec, TaskState.WAITING)
        child.triggered = True
        child.internal_data["index"] = index
        child.data = step_into(task.data, self.bpmn_id, index)
        environment = task.workflow.script_engine.environment
        environment.enter(child.data, {self.input_item.bpmn_id: item} if self.input_item is not None else {})
        spec._update(child)

    def merge_child(self, workflow: Any, child: Any) -> None:
        """An instance is over: keep its result, and see whether the activity is."""
        task = child.parent
        engine = workflow.script_engine
        task.internal_data["done"] += 1
        if self.data_output is not None and self.output_item is not None:
            value = engine.evaluate(child, self.output_item.bpmn_id)
            task.internal_data["outputs"][str(child.internal_data["index"])] = value
        over = self.condition is not None and bool(engine.evaluate(child, self.condition))
        engine.environment.leave(child.data)
        if over or task.internal_data["done"] >= task.internal_data["count"]:
            for other in task.children:
                if other.task_spec.name == self.task_spec and other is not child:
                    other.cancel()
            task._set_state(TaskState.READY)
        else:
            self._next(task)

    def _begin(self, task: Any) -> list[Any]:
        items = self._items(task)
        task.internal_data.update(done=0, count=len(items), outputs={})
        task.workflow.script_engine.environment.trim(task.data, self.bpmn_id, len(items))
        return items

    def _next(self, task: Any) -> None:
        """Enter the next instance, where they come one by one."""

    def _run_hook(self, task: Any) -> bool:
        if self.data_output is not None:
            outputs = task.internal_data.get("outputs", {})
            _write(task, self.data_output.bpmn_id, [outputs[index] for index in sorted(outputs, key=int)])
        return True


class ParallelInstances(_Instances, spiff.ParallelMultiInstanceTask):  # type: ignore[misc]
    """All instances at once."""

    def _update_hook(self, task: Any) -> bool:
        super(stock_loops.ParallelMultiInstanceTask, self)._update_hook(task)
        items = self._begin(task)
        if not items:
            return True
        task._set_state(TaskState.STARTED)
        for index, item in enumerate(items):
            self._enter(task, index, item)
        return False


class SequentialInstances(_Instances, spiff.SequentialMultiInstanceTask):  # type: ignore[misc]
    """One instance after the other."""

    def _update_hook(self, task: Any) -> bool:
        super(stock_loops.SequentialMultiInstanceTask, self)._update_hook(task)
        items = self._begin(task)
        if not items:
            return True
        task._set_state(TaskState.STARTED)
        self._enter(task, 0, items[0])
        return False

    def _next(self, task: Any) -> None:
        index, items = task.internal_data["done"], self._items(task)
        if index < len(items):
            self._enter(task, index, items[index])
        else:  # the list has become shorter since
            task._set_state(TaskState.READY)


class LoopTask(spiff.StandardLoopTask):  # type: ignore[misc]
    """Again while the condition holds. Turns are counted, not listed: the state stays the same after a thousand."""

    def _update_hook(self, task: Any) -> bool:
        super(stock_loops.StandardLoopTask, self)._update_hook(task)
        task.internal_data["done"] = 0
        if self.test_before and self.loop_complete(task):
            return True
        task._set_state(TaskState.STARTED)
        self.create_child(task)
        return False

    def create_child(self, task: Any) -> None:
        spec = task.workflow.spec.task_specs[self.task_spec]
        child = task._add_child(spec, TaskState.WAITING)
        child.triggered = True
        spec._update(child)

    def merge_child(self, workflow: Any, child: Any) -> None:
        task = child.parent
        task.internal_data["done"] += 1
        if self.loop_complete(task):
            task._set_state(TaskState.READY)
        else:
            self.create_child(task)

    def loop_complete(self, task: Any) -> bool:
        if self.maximum is not None and task.internal_data["done"] >= self.maximum:
            return True
        return self.condition is not None and not task.workflow.script_engine.evaluate(task, self.condition)


def _write(task: Any, name: str, value: Any) -> None:
    try:
        task.workflow.script_engine.environment.write(task.data, name, value)
    except ExpressionError as error:
        raise ProcessStuck(element_of(task), error.message) from error


_OURS: Mapping[type, type] = {
    spiff.ServiceTask: OperationTask,
    spiff.BusinessRuleTask: DecisionTask,
    spiff.ParallelMultiInstanceTask: ParallelInstances,
    spiff.SequentialMultiInstanceTask: SequentialInstances,
    spiff.StandardLoopTask: LoopTask,
    spiff.SubWorkflowTask: SubProcess,
    spiff.CallActivity: CallActivity,
    spiff.TransactionSubprocess: Transaction,
    bpmn.ExclusiveGateway: ExclusiveGateway,
    bpmn.ParallelGateway: patches.ParallelGateway,
    bpmn.InclusiveGateway: patches.InclusiveGateway,
    bpmn.EventBasedGateway: EventBasedGateway,
    bpmn.BoundaryEvent: BoundaryEvent,
    _EndJoin: patches.EndJoin,
    BoundaryEventJoin: patches.BoundaryEventJoin,
}


def adopt(spec: Any, results: Mapping[str, str | None]) -> None:
    """Turn the specification of a process (or sub-process) into ours. It never changes afterwards, and is shared.

    `results` gives the variable, if any, that each service task keeps its result in.
    """
    spec.data_objects = {}
    for task_spec in spec.task_specs.values():
        task_spec.__class__ = _OURS.get(type(task_spec), type(task_spec))
        # Children are added when a task runs, see `tree`.
        task_spec._predict = _nothing
        # The document is the only data: data objects and input/output mappings would be a second.
        task_spec.data_input_associations = task_spec.data_output_associations = []
        task_spec.io_specification = None
        if isinstance(task_spec, OperationTask):
            task_spec.keeps_result = bool(results.get(task_spec.bpmn_id))
        if hasattr(task_spec, "event_definition"):
            task_spec.event_definition = _own_event(task_spec, task_spec.event_definition)
    for task_spec in spec.task_specs.values():
        if isinstance(task_spec, (ParallelInstances, SequentialInstances, LoopTask)):
            # The library connects this when it creates an instance: a restored process would never hear of the end.
            spec.task_specs[task_spec.task_spec].completed_event.connect(task_spec.merge_child)


def _nothing(*arguments: Any, **keywords: Any) -> None:
    pass


def _own_event(task_spec: Any, definition: Any) -> Any:
    if isinstance(definition, MultipleEventDefinition):
        found = definition.event_definitions
        if isinstance(task_spec, EventBasedGateway):
            names = list(task_spec._outputs)  # as the library fills both, one of each for each flow
        else:
            names = [f"{task_spec.name}.{number}" for number in range(len(found))]
        inner = {
            name: timers.own(one, name, repeats=False) if isinstance(one, TimerEventDefinition) else events.own(one)
            for name, one in zip(names, found, strict=True)
        }
        return events.AnyOf(inner, definition.parallel)
    if isinstance(definition, TimerEventDefinition):
        repeats = isinstance(task_spec, BoundaryEvent) and not task_spec.cancel_activity
        return timers.own(definition, task_spec.name, repeats=repeats)
    if isinstance(definition, ConditionalEventDefinition):
        return definition
    return events.own(definition)
