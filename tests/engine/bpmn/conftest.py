"""Drawing small processes and walking through them.

`draw` writes BPMN; `walk` runs it three times over: straight, with the state saved and loaded after every step, and with finished
work compacted besides. What a test sees must be the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from html import escape
from typing import Any

import pytest

from engine.bpmn.model import Source
from engine.bpmn.parser import Process, parse
from engine.bpmn.workflow import Event, Scope, Workflow
from engine.core import clock

MONDAY = datetime(2026, 1, 5, 9, tzinfo=UTC)


class Draw:
    """BPMN in a few words. Elements are strings; flows are `a>b` or `a>b: condition`, separated by `;`."""

    def process(self, *elements: str, flows: str, declare: str = "", inside: str = "", slug: str = "demarche") -> bytes:
        """A process with a start `s` and an end `e` besides the elements given."""
        body = f"{inside}{self.start('s')}{''.join(elements)}{self.end('e')}{self.flows(flows)}"
        return (
            '<?xml version="1.0" encoding="UTF-8"?><bpmn:definitions xmlns:bpmn="http://www.omg.org/spec/BPMN/20100524/MODEL" '
            'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
            'xmlns:spiffworkflow="http://spiffworkflow.org/bpmn/schema/1.0/core" id="D" targetNamespace="http://parvis">'
            f'{declare}<bpmn:process id="{slug}" name="Un titre" isExecutable="true">{body}</bpmn:process></bpmn:definitions>'
        ).encode()

    def flows(self, text: str) -> str:
        written = []
        for flow in filter(None, (part.strip() for part in text.split(";"))):
            path, _, condition = flow.partition(":")
            source, target = (end.strip() for end in path.split(">"))
            inner = (
                f'<bpmn:conditionExpression xsi:type="bpmn:tFormalExpression">{escape(condition.strip())}'
                "</bpmn:conditionExpression>"
                if condition
                else ""
            )
            written.append(
                f'<bpmn:sequenceFlow id="f_{source}_{target}" sourceRef="{source}" targetRef="{target}">{inner}'
                "</bpmn:sequenceFlow>"
            )
        return "".join(written)

    def element(self, kind: str, element_id: str, inner: str = "", **attributes: str) -> str:
        written = "".join(f' {key}="{escape(value)}"' for key, value in attributes.items())
        return f'<bpmn:{kind} id="{element_id}"{written}>{inner}</bpmn:{kind}>'

    def extensions(self, inner: str) -> str:
        return f"<bpmn:extensionElements>{inner}</bpmn:extensionElements>"

    def properties(self, **values: str) -> str:
        rows = "".join(
            f'<spiffworkflow:property name="{key}" value="{escape(value)}"/>' for key, value in values.items()
        )
        return self.extensions(f"<spiffworkflow:properties>{rows}</spiffworkflow:properties>")

    def start(self, name: str, inner: str = "") -> str:
        return self.element("startEvent", name, inner)

    def end(self, name: str, inner: str = "", **properties: str) -> str:
        return self.element("endEvent", name, (self.properties(**properties) if properties else "") + inner)

    def user(self, name: str, inner: str = "", **properties: str) -> str:
        return self.element("userTask", name, (self.properties(**properties) if properties else "") + inner)

    def script(self, name: str, text: str) -> str:
        return self.element("scriptTask", name, f"<bpmn:script>{escape(text)}</bpmn:script>")

    def service(self, name: str, operation: str, result: str = "", inner: str = "", **parameters: str) -> str:
        rows = "".join(
            f'<spiffworkflow:parameter id="{key}" type="str" value="{escape(value)}"/>'
            for key, value in parameters.items()
        )
        variable = f' resultVariable="{result}"' if result else ""
        operator = (
            f'<spiffworkflow:serviceTaskOperator id="{operation}"{variable}><spiffworkflow:parameters>{rows}'
            "</spiffworkflow:parameters></spiffworkflow:serviceTaskOperator>"
        )
        return self.element("serviceTask", name, self.extensions(operator) + inner)

    def decision(self, name: str, table: str) -> str:
        called = f"<spiffworkflow:calledDecisionId>{table}</spiffworkflow:calledDecisionId>"
        return self.element("businessRuleTask", name, self.extensions(called))

    def gateway(self, kind: str, name: str, default: str = "") -> str:
        return self.element(f"{kind}Gateway", name, **({"default": f"f_{name}_{default}"} if default else {}))

    def catch(self, name: str, event: str) -> str:
        return self.element("intermediateCatchEvent", name, event)

    def throw(self, name: str, event: str) -> str:
        return self.element("intermediateThrowEvent", name, event)

    def boundary(self, name: str, on: str, event: str, *, interrupting: bool = True) -> str:
        return self.element("boundaryEvent", name, event, attachedToRef=on, cancelActivity=str(interrupting).lower())

    def sub(self, name: str, *elements: str, flows: str, inner: str = "", kind: str = "subProcess") -> str:
        """A sub-process with a start and an end of its own, called `<name>_s` and `<name>_e`."""
        body = f"{inner}{self.start(f'{name}_s')}{''.join(elements)}{self.end(f'{name}_e')}{self.flows(flows)}"
        return self.element(kind, name, body)

    def timer(self, kind: str, text: str) -> str:
        tag = {"date": "timeDate", "duration": "timeDuration", "cycle": "timeCycle"}[kind]
        return (
            f'<bpmn:timerEventDefinition><bpmn:{tag} xsi:type="bpmn:tFormalExpression">{escape(text)}</bpmn:{tag}>'
            "</bpmn:timerEventDefinition>"
        )

    def event(self, kind: str, ref: str = "") -> str:
        pointer = f' {kind}Ref="{ref}"' if ref else ""
        return f"<bpmn:{kind}EventDefinition{pointer}/>"

    def condition(self, text: str) -> str:
        return (
            f'<bpmn:conditionalEventDefinition><bpmn:condition xsi:type="bpmn:tFormalExpression">{escape(text)}'
            "</bpmn:condition></bpmn:conditionalEventDefinition>"
        )

    def extension(self, **texts: str) -> str:
        """Extension elements with a text: `preScript`, `messageVariable`, …"""
        return self.extensions("".join(f"<spiffworkflow:{k}>{escape(v)}</spiffworkflow:{k}>" for k, v in texts.items()))

    def message(self, name: str, *, label: str = "", **texts: str) -> str:
        inner = self.extension(**texts) if texts else ""
        return f'<bpmn:message id="{name}" name="{label or name}">{inner}</bpmn:message>'

    def loop(self, condition: str = "", *, maximum: int = 0, first: bool = False) -> str:
        """A standard loop: while `condition` holds, `maximum` turns at most, looked at before the first turn or not."""
        attributes = (f' loopMaximum="{maximum}"' if maximum else "") + (' testBefore="true"' if first else "")
        inner = f"<bpmn:loopCondition>{escape(condition)}</bpmn:loopCondition>" if condition else ""
        return f"<bpmn:standardLoopCharacteristics{attributes}>{inner}</bpmn:standardLoopCharacteristics>"

    def table(self, reads: str, output: str, *rules: tuple[str, str], slug: str = "tarif") -> bytes:
        """A decision table of one input and one output, its rules `r1`, `r2`, …"""
        rows = "".join(
            f'<rule id="r{n}"><inputEntry id="c{n}"><text>{escape(cell)}</text></inputEntry>'
            f'<outputEntry id="v{n}"><text>{escape(value)}</text></outputEntry></rule>'
            for n, (cell, value) in enumerate(rules, 1)
        )
        return (
            '<definitions xmlns="https://www.omg.org/spec/DMN/20191111/MODEL/" id="d" name="d" namespace="x">'
            f'<decision id="{slug}" name="{slug}"><decisionTable id="dt"><input id="i"><inputExpression id="ie">'
            f'<text>{escape(reads)}</text></inputExpression></input><output id="o" name="{output}"/>{rows}'
            "</decisionTable></decision></definitions>"
        ).encode()

    def each(
        self, over: str = "", item: str = "", *, sequential: bool = False, inner: str = "", times: str = ""
    ) -> str:
        """Multi-instance: over a collection (with the name of its item), or so many times."""
        source = f"<bpmn:loopDataInputRef>{over}</bpmn:loopDataInputRef>" if over else ""
        source = source or f"<bpmn:loopCardinality>{times}</bpmn:loopCardinality>"
        named = f'<bpmn:inputDataItem id="{item}"/>' if item else ""
        output = ""
        if inner.startswith("outputs:"):
            _, collection, output_item = inner.split(":")
            source += f"<bpmn:loopDataOutputRef>{collection}</bpmn:loopDataOutputRef>"
            output, inner = f'<bpmn:outputDataItem id="{output_item}"/>', ""
        return (
            f'<bpmn:multiInstanceLoopCharacteristics isSequential="{str(sequential).lower()}">{source}{named}{output}{inner}'
            "</bpmn:multiInstanceLoopCharacteristics>"
        )


class Walk:
    """A case on its way through a process."""

    def __init__(self, process: Process, mode: str, scope: Scope, at: datetime) -> None:
        self.process, self.mode, self.scope, self.now = process, mode, scope, at
        self.events: list[Event] = []
        self.fired: list[str] = []
        with self.clock():
            self.workflow = Workflow.start(process, scope)
            if mode == "compacted":
                self.workflow.compact()
        self.step()

    def clock(self) -> AbstractContextManager[None]:
        return clock.frozen(self.now)

    def step(self) -> None:
        self.events += self.workflow.events
        self.workflow.events = []
        if self.mode != "straight":
            self.workflow = Workflow.load(self.process, self.workflow.dump(), self.scope)

    @property
    def document(self) -> dict[str, Any]:
        return self.scope.document

    @property
    def open(self) -> list[str]:
        return sorted(task.element_id for task in self.workflow.open_tasks())

    @property
    def finished(self) -> bool:
        return self.workflow.finished

    @property
    def end(self) -> str | None:
        return self.workflow.end_element

    def do(self, element_id: str, *, nth: int = 0, **answers: Any) -> None:
        tasks = [task for task in self.workflow.open_tasks() if task.element_id == element_id]
        assert tasks, f"{element_id} isn't open: {self.open}"
        with self.clock():
            self.workflow.complete(tasks[nth].id, answers)
        self.step()

    def deliver(self, name: str, payload: Any = None) -> bool:
        with self.clock():
            delivered = self.workflow.deliver(name, payload)
        self.step()
        return delivered

    def due(self) -> dict[str, datetime]:
        with self.clock():
            return {timer.element_id: timer.due_at for timer in self.workflow.timers()}

    def advance(self, **delta: float) -> None:
        """Move the clock, firing each timer when it is due."""
        until = self.now + timedelta(**delta)
        while True:
            with self.clock():
                waiting = [timer for timer in self.workflow.timers() if timer.due_at <= until]
            if not waiting:
                break
            timer = min(waiting, key=lambda one: (one.due_at, one.key))
            self.now = max(self.now, timer.due_at)
            self.fire(timer.key, timer.element_id)
        self.now = until

    def sleep(self, **delta: float) -> None:
        """Move the clock while nothing runs."""
        self.now += timedelta(**delta)

    def fire_what_is_due(self) -> None:
        with self.clock():
            keys = [(timer.key, timer.element_id) for timer in self.workflow.timers() if timer.due_at <= self.now]
        for key, element_id in keys:
            self.fire(key, element_id)

    def fire(self, key: str, element_id: str) -> None:
        with self.clock():
            assert self.workflow.fire(key)
        self.fired.append(element_id)
        self.step()


@pytest.fixture(scope="session")
def draw() -> Draw:
    return Draw()


@pytest.fixture(params=["straight", "saved", "compacted"])
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def walk(mode: str) -> Callable[..., Walk]:
    return walker(mode)


@pytest.fixture
def walk_saved() -> Callable[..., Walk]:
    return walker("saved")


@pytest.fixture
def walk_compacted() -> Callable[..., Walk]:
    return walker("compacted")


def walker(mode: str) -> Callable[..., Walk]:
    def start(
        bpmn: bytes,
        document: dict[str, Any] | None = None,
        *,
        operation: Callable[[str, str, dict[str, Any]], Any] | None = None,
        dmn: Sequence[bytes] = (),
        reserved: dict[str, Any] | None = None,
        at: datetime = MONDAY,
    ) -> Walk:
        tables = [Source(f"t{n}.dmn", content) for n, content in enumerate(dmn)]
        process = parse(Source("p.bpmn", bpmn), tables)
        scope = Scope({} if document is None else document, reserved or {}, operation or (lambda *_: None))
        return Walk(process, mode, scope, at)

    return start
