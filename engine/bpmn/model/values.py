"""The values a BPMN file is read into. Texts are as the analyst wrote them, but for the blanks around expressions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import PurePosixPath
from typing import Final

from engine.core.errors import DefinitionError

TASKS: Final = frozenset(
    {
        "task",
        "userTask",
        "manualTask",
        "scriptTask",
        "serviceTask",
        "businessRuleTask",
        "sendTask",
        "receiveTask",
        "callActivity",
        "subProcess",
        "transaction",
        "adHocSubProcess",
    }
)
GATEWAYS: Final = frozenset(
    {"exclusiveGateway", "inclusiveGateway", "parallelGateway", "eventBasedGateway", "complexGateway"}
)
EVENTS: Final = frozenset(
    {
        "startEvent",
        "endEvent",
        "intermediateCatchEvent",
        "intermediateThrowEvent",
        "boundaryEvent",
        "implicitThrowEvent",
    }
)
CHOREOGRAPHY: Final = frozenset({"choreographyTask", "callChoreography", "subChoreography"})
HUMAN_TASKS: Final = frozenset({"userTask", "manualTask"})
SUBPROCESSES: Final = frozenset({"subProcess", "transaction", "adHocSubProcess"})
FLOW_NODES: Final = TASKS | GATEWAYS | EVENTS | CHOREOGRAPHY

#: The lane of the resident; every other lane's name is a group of agents.
RESIDENT_LANE: Final = "Usager"


NO_PROCESS: Final = "Le fichier ne contient aucun processus : dessinez-en un et enregistrez à nouveau le fichier."


@dataclass(frozen=True)
class Source:
    """A file as it was given: its name (without folders) and its bytes."""

    name: str
    content: bytes

    @property
    def stem(self) -> str:
        """The name without its extension: `signalement.bpmn` gives `signalement`."""
        return PurePosixPath(self.name).stem


@dataclass(frozen=True)
class Problem:
    """Something wrong in a file, in words for the analyst who wrote it. `line` is 0 when it is nowhere in it."""

    file: str
    element_id: str
    line: int
    code: str
    message: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" + (f" {self.element_id}" if self.element_id else "")
        return f"{where}: {self.message} [{self.code}]"


@dataclass(frozen=True)
class Property:
    """One `spiffworkflow:property`."""

    name: str
    value: str
    line: int


@dataclass(frozen=True)
class Expression:
    """The text of an expression or of a script, and the line where it stands."""

    text: str
    line: int


@dataclass(frozen=True)
class Flow:
    """A sequence flow. `condition` is None when the flow carries none."""

    id: str
    source: str
    target: str
    name: str
    condition: Expression | None
    line: int
    parent: str


@dataclass(frozen=True)
class Lane:
    """A lane and the nodes drawn in it."""

    id: str
    name: str
    node_ids: tuple[str, ...]
    line: int


@dataclass(frozen=True)
class Timer:
    """A timer's `kind` (`date`, `duration` or `cycle`) and its expression."""

    kind: str
    expression: Expression


@dataclass(frozen=True)
class Event:
    """One event definition of a node.

    `kind` is `timer`, `message`, `signal`, `error`, `escalation`, `conditional`, `terminate`, `cancel`, `link` or
    `compensate`. `ref` is the id of the message, signal, error or escalation, and `name` its name (the node's own name
    when there is no `ref`, as the engine does; None when `ref` leads nowhere).
    """

    kind: str
    line: int
    ref: str | None = None
    name: str | None = None
    code: str | None = None
    timer: Timer | None = None
    condition: Expression | None = None
    payload: Expression | None = None
    variable: str | None = None


@dataclass(frozen=True)
class Loop:
    """How an activity repeats.

    `kind` is `parallel`, `sequential` (multi-instance) or `standard`. A multi-instance has a `collection` (a name or a
    dotted path) or a `cardinality`; `item` is the name each instance reads its element under.
    """

    kind: str
    line: int
    collection: str | None = None
    item: str | None = None
    cardinality: Expression | None = None
    output: str | None = None
    output_item: str | None = None
    condition: Expression | None = None
    maximum: str | None = None
    test_before: bool = False


@dataclass(frozen=True)
class Parameter:
    """A parameter of an operation: the text of an expression."""

    name: str
    value: str
    line: int
    type: str = ""


@dataclass(frozen=True)
class Operator:
    """The operation that a service task calls."""

    name: str
    parameters: tuple[Parameter, ...]
    result: str | None
    line: int


@dataclass(frozen=True)
class Foreign:
    """An extension element that Parvis doesn't read (another editor's, for instance)."""

    namespace: str
    name: str
    line: int


@dataclass(frozen=True)
class Node:
    """A flow node: a task, a gateway or an event. `kind` is its BPMN element's name (`userTask`, `startEvent`, …)."""

    id: str
    kind: str
    name: str
    line: int
    parent: str
    lane: str | None = None
    documentation: str = ""
    entries: tuple[Property, ...] = ()
    incoming: tuple[str, ...] = ()
    outgoing: tuple[str, ...] = ()
    attached_to: str | None = None
    interrupting: bool = True
    default: str | None = None
    events: tuple[Event, ...] = ()
    loop: Loop | None = None
    script: Expression | None = None
    pre_script: Expression | None = None
    post_script: Expression | None = None
    operator: Operator | None = None
    decision: str | None = None
    called: str | None = None
    variable: str | None = None
    message_ref: str | None = None
    triggered_by_event: bool = False
    data_mapping: bool = False
    foreign: tuple[Foreign, ...] = ()

    @cached_property
    def properties(self) -> Mapping[str, str]:
        """The `spiffworkflow:properties` by name."""
        return {entry.name: entry.value for entry in self.entries}

    @property
    def form(self) -> str | None:
        """The form's file, if the task has one."""
        return self.properties.get("formJsonSchemaFilename") or None

    @property
    def step(self) -> str | None:
        """Which step of the wizard a resident's task is, before filing."""
        return self.properties.get("step") or None

    @property
    def title(self) -> str:
        """What people read: the `title` property, else the name, else the id."""
        return self.properties.get("title") or self.name or self.id

    @property
    def is_task(self) -> bool:
        """Is it an activity (something that boundary events can sit on)?"""
        return self.kind in TASKS

    @property
    def is_human(self) -> bool:
        """Does a person complete it?"""
        return self.kind in HUMAN_TASKS

    @property
    def is_resident(self) -> bool:
        """Is it a human task for the resident (and not for agents)?"""
        return self.is_human and self.lane == RESIDENT_LANE

    def event(self, kind: str) -> Event | None:
        """The node's first event definition of that kind."""
        return next((event for event in self.events if event.kind == kind), None)


@dataclass(frozen=True)
class Scope:
    """What nodes live in: a process, or a sub-process (its `id` is then that of its node)."""

    id: str
    kind: str
    name: str
    line: int
    parent: str | None = None
    executable: bool = True
    documentation: str = ""
    entries: tuple[Property, ...] = ()
    lanes: tuple[Lane, ...] = ()
    foreign: tuple[Foreign, ...] = ()

    @cached_property
    def properties(self) -> Mapping[str, str]:
        """The `spiffworkflow:properties` by name."""
        return {entry.name: entry.value for entry in self.entries}


@dataclass(frozen=True)
class Named:
    """A message, signal, error or escalation declared beside the process."""

    id: str
    kind: str
    name: str
    line: int
    code: str | None = None


@dataclass(frozen=True)
class Document:
    """A whole BPMN file. Nodes and flows are in the order of the file, those of sub-processes included."""

    file: str
    processes: tuple[Scope, ...]
    subprocesses: tuple[Scope, ...]
    nodes: tuple[Node, ...]
    flows: tuple[Flow, ...]
    declared: tuple[Named, ...]
    ids: tuple[tuple[str, int], ...]
    other: tuple[tuple[str, str, int], ...] = ()
    shapes: frozenset[str] = field(default_factory=frozenset)
    edges: frozenset[str] = field(default_factory=frozenset)

    @property
    def process(self) -> Scope:
        """The process of the file: the first executable one, else the first. DefinitionError when there is none."""
        for process in self.processes:
            if process.executable:
                return process
        if self.processes:
            return self.processes[0]
        raise DefinitionError([Problem(self.file, "", 0, "no-process", NO_PROCESS)])

    @cached_property
    def node_by_id(self) -> Mapping[str, Node]:
        """The nodes by id; of two with one id, the first."""
        return {node.id: node for node in reversed(self.nodes)}

    @cached_property
    def flow_by_id(self) -> Mapping[str, Flow]:
        """The flows by id; of two with one id, the first."""
        return {flow.id: flow for flow in reversed(self.flows)}

    @property
    def has_diagram(self) -> bool:
        """Does the file say where its elements are drawn?"""
        return bool(self.shapes)

    def children(self, scope_id: str) -> tuple[Node, ...]:
        """The nodes that live directly in that process or sub-process."""
        return tuple(node for node in self.nodes if node.parent == scope_id)

    def flows_in(self, scope_id: str) -> tuple[Flow, ...]:
        """The flows that live directly in that process or sub-process."""
        return tuple(flow for flow in self.flows if flow.parent == scope_id)

    def boundary_events(self, node_id: str) -> tuple[Node, ...]:
        """The boundary events attached to that activity."""
        return tuple(node for node in self.nodes if node.kind == "boundaryEvent" and node.attached_to == node_id)

    def successors(self, node_id: str) -> Iterator[Node]:
        """The nodes that the flows out of that node lead to, in the order of the file."""
        for flow in self.flows:
            if flow.source == node_id and flow.target in self.node_by_id:
                yield self.node_by_id[flow.target]
