"""Where a request stands in the wizard: the step to fill in, those already passed, those to come (A2)."""

from __future__ import annotations

from dataclasses import dataclass

from flask import url_for

from engine.bpmn.model import Node
from engine.core.db import Session
from engine.procedures import cases, catalogue
from engine.procedures.cases import Case
from engine.procedures.catalogue import Definition
from portal.residents.presentation import step_title


@dataclass(frozen=True)
class Stop:
    """A step as the indicator shows it; `state` is passed, open or coming, `shown` says that it is this page."""

    node: Node
    title: str
    state: str
    shown: bool
    address: str | None


def address(case: Case, element_id: str) -> str:
    """The page of a step."""
    return url_for("residents.show_step", reference=case.reference, element_id=element_id)


def current_address(session: Session, case: Case) -> str:
    """The page where a request goes on: its open step, or the tracking of a request that is filed."""
    if case.draft:
        node = way(session, case, catalogue.definition(session, case.version_id))[1]
        if node is not None:
            return address(case, node.id)
    return url_for("residents.show_tracking", reference=case.reference)


def way(session: Session, case: Case, definition: Definition) -> tuple[list[Node], Node | None]:
    """The steps already filled in on the way that was taken, in their order: those that can be opened again; and the step that
    the draft waits for."""
    taken = cases.way(session, case)
    current = next((node for node in definition.steps if node.id in taken.waiting), None)
    return [definition.node(element_id) for element_id in taken.passed], current


def stops(case: Case, definition: Definition, behind: list[Node], current: Node | None, shown: Node) -> list[Stop]:
    """The indicator, «La démarche» left out; steps that the answers skipped aren't in it."""
    found: list[Stop] = []
    reached = False
    for node in definition.steps:
        is_open = current is not None and node.id == current.id
        reached = reached or is_open
        if not is_open and not reached and node not in behind:
            continue
        state = "open" if is_open else "passed" if node in behind else "coming"
        here = node.id == shown.id
        found.append(
            Stop(
                node, step_title(node), state, here, address(case, node.id) if state != "coming" and not here else None
            )
        )
    return found
