"""A BPMN file read into plain values: what the checker, the parser, the catalogue and the portal look at.

Reading promises nothing about the process being runnable: that is `engine.bpmn.check`. It only refuses what isn't safe
or isn't a BPMN file.
"""

from engine.bpmn.model.reading import BPMN, BPMNDI, SPIFF, parse_xml, read
from engine.bpmn.model.values import (
    EVENTS,
    FLOW_NODES,
    GATEWAYS,
    HUMAN_TASKS,
    RESIDENT_LANE,
    SUBPROCESSES,
    TASKS,
    Document,
    Event,
    Expression,
    Flow,
    Foreign,
    Lane,
    Loop,
    Named,
    Node,
    Operator,
    Parameter,
    Problem,
    Property,
    Scope,
    Source,
    Timer,
)

__all__ = [
    "BPMN",
    "BPMNDI",
    "EVENTS",
    "FLOW_NODES",
    "GATEWAYS",
    "HUMAN_TASKS",
    "RESIDENT_LANE",
    "SPIFF",
    "SUBPROCESSES",
    "TASKS",
    "Document",
    "Event",
    "Expression",
    "Flow",
    "Foreign",
    "Lane",
    "Loop",
    "Named",
    "Node",
    "Operator",
    "Parameter",
    "Problem",
    "Property",
    "Scope",
    "Source",
    "Timer",
    "parse_xml",
    "read",
]
