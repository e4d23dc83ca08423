"""What expressions and scripts of a running process read and write: the document of the case, and nothing else.

Tasks carry no data of their own but where they stand in multi-instance activities: `{"#0": "enfants:2"}` for the third
instance of the activity `enfants`, `{"#0": …, "#1": …}` for one inside another. What an instance reads (its item) and
writes (its scripts' variables) is in `locals`, by that path; people's answers are in the document, in a list for each
element that stands in a multi-instance activity.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from SpiffWorkflow.bpmn.script_engine import PythonScriptEngine
from SpiffWorkflow.bpmn.script_engine.python_environment import BasePythonScriptEngineEnvironment

from engine.bpmn import expressions
from engine.bpmn.tree import element_of
from engine.core.errors import ExpressionError, ProcessStuck

Path = tuple[tuple[str, int], ...]


@dataclass
class Scope:
    """What the host lends to a running process.

    `document` is the case's, changed in place; `reserved` holds `usager`, `demande` and `aujourdhui`, which are only
    read; `operation(element_id, name, parameters)` runs an operation and returns its result (a JSON value).
    """

    document: dict[str, Any]
    reserved: Mapping[str, Any] = field(default_factory=dict)
    operation: Callable[[str, str, dict[str, Any]], Any] = lambda element_id, name, parameters: None


def path_of(data: Mapping[str, Any]) -> Path:
    """Where a task stands: (multi-instance activity, index) from the outermost to the innermost."""
    if not data:
        return ()
    steps = (data[key].rsplit(":", 1) for key in sorted(key for key in data if key.startswith("#")))
    return tuple((activity, int(index)) for activity, index in steps)


def step_into(data: Mapping[str, Any], activity: str, index: int) -> dict[str, Any]:
    """The data of the `index`th instance of a multi-instance activity that itself has `data`."""
    return {**data, f"#{sum(key.startswith('#') for key in data)}": f"{activity}:{index}"}


class Environment(BasePythonScriptEngineEnvironment):  # type: ignore[misc]
    """Every way from SpiffWorkflow to an expression ends here: none reaches Python's `eval` or `exec`.

    `repeated` gives, for each element inside multi-instance activities, these activities from the outermost.
    """

    def __init__(self, scope: Scope, repeated: Mapping[str, tuple[str, ...]]) -> None:
        super().__init__({})
        self.scope = scope
        self.repeated = repeated
        self.locals: dict[Path, dict[str, Any]] = {}

    # What SpiffWorkflow calls.

    def evaluate(self, expression: str, context: Mapping[str, Any], external_context: Any = None) -> Any:
        return expressions.evaluate(expression, self.names(context))

    def execute(self, script: str, context: Mapping[str, Any], external_context: Any = None) -> bool:
        for name, value in expressions.execute(script, self.names(context)).items():
            self.write(context, name, value)
        return True

    def call_service(self, context: Mapping[str, Any], **kwargs: Any) -> str:
        raise NotImplementedError("operations go through Scope.operation")

    # What the elements call.

    def names(self, data: Mapping[str, Any]) -> Mapping[str, Any]:
        """All that an expression can read from where a task with `data` stands."""
        path = path_of(data)
        if not path:
            return ChainMap(self.scope.reserved, self.scope.document)  # type: ignore[arg-type]
        inner = [self.locals[path[:depth]] for depth in range(len(path), 0, -1) if path[:depth] in self.locals]
        return ChainMap(*inner, self._own_answers(path), self.scope.reserved, self.scope.document)  # type: ignore[arg-type]

    def _own_answers(self, path: Path) -> dict[str, Any]:
        """For the elements inside the same instance: this instance's entry instead of the list of all."""
        activities = tuple(activity for activity, _ in path)
        found = {}
        for element_id, around in self.repeated.items():
            if around == activities[: len(around)]:
                entry = self.scope.document.get(element_id)
                for _, index in path[: len(around)]:
                    entry = entry[index] if isinstance(entry, list) and index < len(entry) else None
                if entry is not None:
                    found[element_id] = entry
        return found

    def write(self, data: Mapping[str, Any], name: str, value: Any) -> None:
        """Set a variable: in the instance where the task stands, else in the document."""
        if name in expressions.RESERVED:
            raise ExpressionError(f"« {name} » est fourni par la plateforme et ne peut pas être modifié.")
        path = path_of(data)
        (self.locals.setdefault(path, {}) if path else self.scope.document)[name] = value

    def store(self, data: Mapping[str, Any], element_id: str, value: Any) -> None:
        """Set what an element answers: in the document, at the instance's place when the element repeats."""
        path = path_of(data)[: len(self.repeated.get(element_id, ()))]
        document: Any = self.scope.document
        key: Any = element_id
        for _, index in path:
            inner = document[key] if not isinstance(document, dict) else document.get(key)
            if not isinstance(inner, list):
                inner = document[key] = []
            inner.extend([None] * (index + 1 - len(inner)))
            document, key = inner, index
        document[key] = deepcopy(value)

    def trim(self, data: Mapping[str, Any], activity: str, count: int) -> None:
        """Forget the answers beyond `count` instances: an earlier turn may have had more."""
        path = path_of(data)
        activities = (*(step for step, _ in path), activity)
        for element_id, around in self.repeated.items():
            if around[: len(activities)] == activities:
                entry = self.scope.document.get(element_id)
                for _, index in path:
                    entry = entry[index] if isinstance(entry, list) and index < len(entry) else None
                if isinstance(entry, list):
                    del entry[count:]

    def enter(self, data: Mapping[str, Any], values: dict[str, Any]) -> None:
        """Start an instance of a multi-instance activity with `values` of its own."""
        self.locals[path_of(data)] = deepcopy(values)

    def leave(self, data: Mapping[str, Any]) -> None:
        """Forget an instance's own values, and those of the instances inside it."""
        path = path_of(data)
        for known in [known for known in self.locals if known[: len(path)] == path]:
            del self.locals[known]

    def item(self, data: Mapping[str, Any]) -> dict[str, Any] | None:
        """What the instances around a task hold of their own, or None outside multi-instance activities."""
        path = path_of(data)
        if not path:
            return None
        return {
            name: value for depth in range(len(path)) for name, value in self.locals.get(path[: depth + 1], {}).items()
        }


class ScriptEngine(PythonScriptEngine):  # type: ignore[misc]
    """Names the element in what goes wrong."""

    environment: Environment

    def evaluate(self, task: Any, expression: str, external_context: Any = None) -> Any:
        try:
            return self.environment.evaluate(expression, task.data)
        except ExpressionError as error:
            raise ProcessStuck(element_of(task), error.message) from error

    def execute(self, task: Any, script: str, external_context: Any = None) -> bool:
        try:
            return self.environment.execute(script, task.data)
        except ExpressionError as error:
            raise ProcessStuck(element_of(task), error.message) from error
