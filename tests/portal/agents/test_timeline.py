"""Every kind of history has its sentence for agents (A13)."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest

from engine.procedures import history
from engine.procedures.history import Entry
from portal.agents import timeline

PROCEDURES = Path(__file__).parents[3] / "engine" / "procedures"
WRITTEN = re.compile(r'(?:note\(|row\([\w.]+,|_note\(session,)\s*"(\w+)"(?:[^",]+ else "(\w+)")?')


def written() -> set[str]:
    """The kinds that the engine writes, as its source says."""
    found = {kind for path in PROCEDURES.rglob("*.py") for kinds in WRITTEN.findall(path.read_text()) for kind in kinds}
    return found - {""}


def entry(kind: str, **values: Any) -> Entry:
    facts: dict[str, Any] = {"element_id": None, "actor_kind": "system", "actor_id": None, "data": {}, "path": []}
    return Entry(id=1, case_id=uuid4(), at=datetime(2027, 3, 1, 9, tzinfo=UTC), kind=kind, **{**facts, **values})


RULES = (SimpleNamespace(id="r1", description="Deux enfants"), SimpleNamespace(id="r2", description=""))
RECEIVED = SimpleNamespace(kind="message", name="precision-donnee")
DEFINITION: Any = SimpleNamespace(
    process=SimpleNamespace(
        elements={
            "instruction": SimpleNamespace(name="Examiner la demande", events=()),
            "reponse": SimpleNamespace(name="Précision de l’usager", events=(RECEIVED,)),
        },
        decisions={"orientation": SimpleNamespace(rules=RULES)},
    )
)


def test_no_kind_is_without_a_sentence() -> None:
    known = {"opened", "step_revised", "claimed", "task_completed", "resident_asked", "task_opened", "incident"}
    assert known <= written(), "the pattern reads the source"
    assert written() | history.PUBLIC <= set(timeline.SENTENCES)


@pytest.mark.parametrize("kind", sorted(timeline.SENTENCES))
def test_a_sentence_stands_without_its_facts(kind: str) -> None:
    said = timeline._title(entry(kind), DEFINITION, "", {})
    assert said
    assert not re.search(r"[:(){}]|None|\s$", said), said


def test_a_sentence_names_the_element_the_service_and_the_rules() -> None:
    opened = entry("task_opened", element_id="instruction", data={"group": "Instruction"})
    assert timeline._title(opened, DEFINITION, "", {}) == "Tâche ouverte\u00a0: Examiner la demande (Instruction)"
    decided = entry("decided", element_id="instruction", data={"rules": ["r1", "r2"]})
    assert timeline._title(decided, DEFINITION, "", {}).endswith("Examiner la demande (Deux enfants)")
    unnamed = entry("decided", element_id="instruction", data={"rules": ["r2", "r3"]})
    assert timeline._title(unnamed, DEFINITION, "", {}).endswith("Examiner la demande")
    received = entry("message_received", data={"name": "precision-donnee"})
    assert timeline._title(received, DEFINITION, "", {}) == "Information reçue\u00a0: Précision de l’usager"
    paul = uuid4()
    given = entry("assigned", element_id="instruction", data={"to": str(paul)})
    told = "Tâche confiée à Paul Aussi\u00a0: Examiner la demande"
    assert timeline._title(given, DEFINITION, "", {paul: "Paul Aussi"}) == told
    asked = entry("documents_required", data={"count": 2})
    assert timeline._title(asked, DEFINITION, "", {}) == "2\u00a0pièces demandées"
    sent = entry("notified", data={"name": "refus"})
    assert timeline._title(sent, DEFINITION, "Votre demande", {}) == "Message envoyé à l’usager\u00a0: Votre demande"


def test_who_did_it_is_said_of_what_people_do_only() -> None:
    jeanne = uuid4()
    names = {jeanne: "Jeanne Instruit"}
    done = entry("task_completed", actor_kind="agent", actor_id=jeanne)
    assert timeline._by(done, names) == "Jeanne Instruit"
    assert timeline._by(entry("task_completed", actor_kind="agent", actor_id=uuid4()), names) == "Un agent"
    assert timeline._by(entry("filed", actor_kind="bearer"), names) == "L’usager"
    assert timeline._by(entry("closed", actor_kind="agent", actor_id=jeanne), names) == ""
    assert timeline._by(entry("timer_fired"), names) == ""
