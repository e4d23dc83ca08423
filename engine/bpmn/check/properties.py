"""The properties that analysts write on the process, on tasks and on end events: known names, right values."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from engine.bpmn.check.report import Report, listed
from engine.bpmn.model import RESIDENT_LANE, Document, Node, Property

DURATION: Final = re.compile(r"P(?!$)(?:\d+Y)?(?:\d+M)?(?:\d+W)?(?:\d+D)?(?:T(?!$)(?:\d+H)?(?:\d+M)?(?:\d+S)?)?")
#: The kinds of steps that come before filing, in the order of the wizard.
STEPS: Final = ("appointment", "information", "persons", "details", "summary")


@dataclass(frozen=True)
class _Value:
    """What a property may be: how to say it, and how to tell."""

    expected: str
    accepts: Callable[[str], bool]


def _one_of(*values: str) -> _Value:
    return _Value("l’une de ces valeurs : " + ", ".join(f"« {value} »" for value in values), values.__contains__)


_TEXT: Final = _Value("un texte", lambda text: bool(text.strip()))
_YES_NO: Final = _one_of("yes", "no")
_NUMBER: Final = _Value("un nombre entier, 1 ou plus", lambda text: re.fullmatch(r"[1-9]\d{0,8}", text) is not None)
_DURATION: Final = _Value(
    "une durée comme P10D (dix jours), P2M (deux mois) ou PT30M (trente minutes)",
    lambda text: DURATION.fullmatch(text) is not None,
)

PROCESS_PROPERTIES: Final[Mapping[str, _Value]] = {
    "description": _TEXT,
    "trade": _TEXT,
    "sector": _TEXT,
    "department": _TEXT,
    "audience": _one_of("open", "locked"),
    "quota": _NUMBER,
    "quotaPeriod": _one_of("day", "week", "month", "year"),
    "once": _one_of("running", "day", "week", "month", "year"),
    "appointment": _one_of("none", "optional", "required"),
    "agenda": _TEXT,
    "exchanges": _YES_NO,
    "documents": _TEXT,
    "addDocuments": _YES_NO,
    "inputHelp": _TEXT,
    "maxDuration": _DURATION,
    "expectedDelay": _DURATION,
    "silence": _one_of("accept", "reject"),
    "silenceAfter": _DURATION,
    "silenceReference": _TEXT,
    "cancel": _YES_NO,
    "keywords": _TEXT,
}
_ANY_NODE: Final[Mapping[str, _Value]] = {"title": _TEXT}
_WAITING: Final[Mapping[str, _Value]] = {**_ANY_NODE, "addDocuments": _YES_NO, "cancel": _YES_NO}
_RESIDENT_TASK: Final[Mapping[str, _Value]] = {
    **_WAITING,
    "step": _one_of(*STEPS),
    "formJsonSchemaFilename": _TEXT,
    "dueIn": _DURATION,
}
_END_EVENT: Final[Mapping[str, _Value]] = {**_ANY_NODE, "outcome": _one_of("accepted", "refused", "abandoned", "done")}


def properties_of(node: Node) -> tuple[Mapping[str, _Value], str]:
    """The properties that a node may bear, and how a sentence says « here »."""
    if node.is_human:
        if node.lane in (RESIDENT_LANE, None):
            return _RESIDENT_TASK, "sur une tâche de l’usager"
        return {name: value for name, value in _RESIDENT_TASK.items() if name != "step"}, "sur une tâche d’agent"
    if node.kind == "endEvent":
        return _END_EVENT, "sur un événement de fin"
    if node.kind in ("intermediateCatchEvent", "receiveTask", "subProcess", "transaction"):
        return _WAITING, "sur cet élément"
    return _ANY_NODE, "sur cet élément"


def check_properties(document: Document, report: Report) -> None:
    """Report unknown, repeated, wrong and missing properties."""
    process = document.process
    _check_entries(process.id, process.entries, PROCESS_PROPERTIES, "sur le processus", report)
    for node in document.nodes:
        known, where = properties_of(node)
        _check_entries(node.id, node.entries, known, where, report)
    given = process.properties
    lines = {entry.name: entry.line for entry in process.entries}
    if not given.get("description", "").strip():
        report.add("no-description", process.id, lines.get("description", process.line))
    if "silence" in given and "silenceAfter" not in given:
        report.add("no-silence-after", process.id, lines["silence"])
    for name in ("silenceAfter", "silenceReference"):
        if name in given and "silence" not in given:
            report.add("no-silence", process.id, lines[name], name=name)
    if given.get("exchanges") == "yes" and not any(
        node.is_human and node.lane not in (RESIDENT_LANE, None) for node in document.nodes
    ):
        report.add("exchanges-nobody", process.id, lines["exchanges"])
    if given.get("appointment") in ("optional", "required") and "agenda" not in given:
        report.add("no-agenda", process.id, lines["appointment"])
    if "quotaPeriod" in given and "quota" not in given:
        report.add("no-quota", process.id, lines["quotaPeriod"])
    if "once" in given and given.get("audience") != "locked":
        report.add("once-open", process.id, lines["once"])


def _check_entries(
    element_id: str, entries: Sequence[Property], known: Mapping[str, _Value], where: str, report: Report
) -> None:
    seen: set[str] = set()
    for entry in entries:
        if entry.name in seen:
            report.add("repeated-property", element_id, entry.line, name=entry.name)
        seen.add(entry.name)
        value = known.get(entry.name)
        if value is None:
            names = listed(known)
            report.add("unknown-property", element_id, entry.line, name=entry.name, where=where, known=names)
        elif not value.accepts(entry.value) and (entry.name, entry.value.strip()) != ("description", ""):
            facts = {"name": entry.name, "value": entry.value, "expected": value.expected}
            report.add("bad-property", element_id, entry.line, **facts)
