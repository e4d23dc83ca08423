"""Messages, signals, errors and escalations: their payload goes to the document, and errors go outwards only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from SpiffWorkflow.bpmn import BpmnEvent
from SpiffWorkflow.bpmn.specs.event_definitions import multiple
from SpiffWorkflow.bpmn.specs.event_definitions.timer import TimerEventDefinition
from SpiffWorkflow.bpmn.specs.mixins.events.intermediate_event import BoundaryEvent
from SpiffWorkflow.spiff.specs import event_definitions as stock

from engine.bpmn.tree import element_of
from engine.core.errors import ExpressionError, ProcessStuck


class _Carrier:
    """What is caught carries a payload to the document: under the event's variable, else under the element's id."""

    name: str
    expression: str | None
    variable: str | None

    def catch(self, task: Any, event: Any = None) -> None:
        task.internal_data["event_fired"] = True
        if event is not None and event.payload is not None:
            task.internal_data["payload"] = event.payload

    def update_task(self, task: Any) -> None:
        """Nothing: a case is reached by its id, there is nothing to correlate."""

    def update_task_data(self, task: Any) -> None:
        self.keep(task, element_of(task), task.internal_data.pop("payload", None))

    def keep(self, task: Any, element_id: str, payload: Any) -> None:
        """Put what came with the event in the document."""
        if payload is None:
            return
        environment = task.workflow.script_engine.environment
        try:
            if self.variable:
                environment.write(task.data, self.variable, payload)
            else:
                environment.store(task.data, element_id, payload)
        except ExpressionError as error:
            raise ProcessStuck(element_id, error.message) from error

    def reset(self, task: Any) -> None:
        task.internal_data.pop("event_fired", None)

    def payload(self, task: Any) -> Any:
        return task.workflow.script_engine.evaluate(task, self.expression) if self.expression else None

    def throw(self, task: Any) -> None:
        task.workflow.top_workflow.catch(BpmnEvent(self, payload=self.payload(task)))


class Message(_Carrier, stock.MessageEventDefinition):  # type: ignore[misc]
    def __init__(self, name: str, expression: str | None = None, variable: str | None = None) -> None:
        super().__init__(name, expression=expression)
        self.variable = variable

    def catches(self, task: Any, event: Any) -> bool:
        return bool(self == event.event_definition)


class Signal(_Carrier, stock.SignalEventDefinition):  # type: ignore[misc]
    pass


class _Outwards(_Carrier):
    """Caught by the nearest activity around that has a boundary event for it, and by no other."""

    def throw(self, task: Any) -> None:
        raise_outwards(task.workflow, self, self.payload(task))


class Error(_Outwards, stock.ErrorEventDefinition):  # type: ignore[misc]
    pass


class Escalation(_Outwards, stock.EscalationEventDefinition):  # type: ignore[misc]
    pass


def catching(task: Any, definition: Any) -> Any | None:
    """The boundary event, on the activity `task` or on the nearest around it, that catches what `definition` throws."""
    while task is not None:
        split = task.parent
        if split is not None and getattr(split.task_spec, "task_spec", None) == task.task_spec.name:
            split = split.parent  # an instance of a multi-instance activity: its boundary events are the activity's
        for sibling in split.children if split is not None else ():
            spec = sibling.task_spec
            if isinstance(spec, BoundaryEvent) and spec.catches(sibling, BpmnEvent(definition)):
                return sibling
        task = _around(task.workflow)
    return None


def _around(workflow: Any) -> Any | None:
    parent = workflow.parent_task_id
    return None if parent is None else workflow.top_workflow.get_task_from_id(parent)


def raise_outwards(workflow: Any, definition: Any, payload: Any) -> bool:
    """Hand `definition` to the activities around `workflow`. False when none catches it."""
    return hand_to(catching(_around(workflow), definition), definition, payload)


def hand_to(boundary: Any | None, definition: Any, payload: Any) -> bool:
    """Make a boundary event catch what was thrown."""
    if boundary is None:
        return False
    boundary.task_spec.catch(boundary, BpmnEvent(definition, payload))
    boundary.task_spec._update(boundary)
    return True


class AnyOf(multiple.MultipleEventDefinition):  # type: ignore[misc]
    """Several events: those of an event gateway, or of an event with several definitions.

    What has come is kept by its place in the list, so that it can be saved; every timer keeps its own time.
    """

    def __init__(self, definitions: Mapping[str, Any], parallel: bool) -> None:
        """`definitions` by the id of the element that each stands for."""
        super().__init__(list(definitions.values()), parallel)
        self.element_ids = list(definitions)

    def has_fired(self, task: Any) -> bool:
        seen = self._seen(task)
        for index, definition in enumerate(self.event_definitions):
            if isinstance(definition, TimerEventDefinition) and definition.has_fired(task):
                seen.setdefault(str(index), None)
        return len(seen) == len(self.event_definitions) if self.parallel else bool(seen)

    def catch(self, task: Any, event: Any = None) -> None:
        for index, definition in enumerate(self.event_definitions):
            if definition.catches(task, event):
                self._seen(task)[str(index)] = event.payload

    def _seen(self, task: Any) -> dict[str, Any]:
        found: dict[str, Any] = task.internal_data.setdefault("seen", {})
        return found

    def caught(self, task: Any) -> list[tuple[int, Any]]:
        """The places of what has come, with the payloads."""
        return [(int(index), payload) for index, payload in self._seen(task).items()]

    def update_task_data(self, task: Any) -> None:
        for index, payload in self.caught(task):
            definition = self.event_definitions[index]
            if isinstance(definition, _Carrier):
                definition.keep(task, self.element_ids[index], payload)

    def reset(self, task: Any) -> None:
        task.internal_data.pop("seen", None)
        task.internal_data.pop("timers", None)


def own(definition: Any) -> Any:
    """The definition of ours that stands for one of SpiffWorkflow's (timers apart)."""
    if isinstance(definition, stock.MessageEventDefinition):
        return Message(definition.name, definition.expression, definition.message_var)
    for kind, ours in (
        (stock.SignalEventDefinition, Signal),
        (stock.ErrorEventDefinition, Error),
        (stock.EscalationEventDefinition, Escalation),
    ):
        if isinstance(definition, kind):
            code = {} if ours is Signal else {"code": definition.code}
            return ours(definition.name, expression=definition.expression, variable=definition.variable, **code)
    return definition
